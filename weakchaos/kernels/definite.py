"""Whether a kernel is what the methods here need: symmetric, positive definite, and a number at every pair of points."""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.kernels.base import Kernel, finite_points
from weakchaos.kernels.other_kernels import UserKernel

__all__ = ["check_definite"]

_MOST = 100


def _functions(kernel: Kernel) -> list[UserKernel]:
    return [kernel] if isinstance(kernel, UserKernel) else [f for part in kernel.parts for f in _functions(part)]


def check_definite(kernel: Kernel, points: Any) -> None:
    """Refuse a kernel that is not a number, not symmetric or not positive definite on some of the points.

    Up to 100 points at equal spacings of their order are looked at. Passing is no proof; the kernels of this package need none.

    Parameters
    ----------
    kernel : Kernel
    points : array of shape (n, dim)

    Raises
    ------
    ArgumentError
        And whatever the user's function raises when it is called in Python where its compiled form gave no number.

    Examples
    --------
    >>> from weakchaos.kernels import Gaussian
    >>> check_definite(Gaussian(1.0), [[0.0], [1.0]])
    """
    x = finite_points("points", points)
    x = x[np.unique(np.linspace(0, len(x) - 1, min(len(x), _MOST)).round().astype(np.int64))]
    values = kernel(x)
    bad = ~np.isfinite(values)
    if bad.any():
        i, j = np.argwhere(bad)[0]
        for part in _functions(kernel):  # the exception that the compiled function could not hand on
            with np.errstate(all="ignore"):
                getattr(part.function, "py_func", part.function)(x[i].copy(), x[j].copy())
        raise ArgumentError(
            f"`kernel` must be a finite number at every two points; at {x[i].tolist()} and {x[j].tolist()} it is {values[i, j]}"
        )
    size = np.abs(values).max()
    if np.abs(values - values.T).max() > 1e-10 * size:
        i, j = np.unravel_index(np.abs(values - values.T).argmax(), values.shape)
        raise ArgumentError(
            f"`kernel` must be symmetric; k(x, y) is {values[i, j]:.6g} and k(y, x) is {values[j, i]:.6g} at x={x[i].tolist()}, y={x[j].tolist()}"
        )
    least = float(np.linalg.eigvalsh(values)[0])
    if least < -1e-10 * size * len(x):
        raise ArgumentError(
            f"`kernel` must be positive definite; its matrix on {len(x)} of the points has the eigenvalue {least:.3g}, so that a discrepancy could be "
            "less than 0"
        )
