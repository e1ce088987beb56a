"""The kernel Stein discrepancy of weighted points from a density, known by its gradients alone.

Liu, Lee and Jordan, ICML 2016, arXiv:1602.03253; Chwialkowski, Strathmann and Gretton, ICML 2016, arXiv:1602.02964; the inverse multiquadric kernel, under which it
tells convergence, Gorham and Mackey, ICML 2017, arXiv:1703.01717.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.flags import Severity, warn_of_each
from weakchaos.kernels.stein_kernel import BLOCK, SteinPoints, stein_block
from weakchaos.native.compiled import kernel
from weakchaos.runs.score_check import check_scores, points_and_gradients

__all__ = ["ksd"]

_ROWS = 2000  # between two looks at the keyboard


@kernel
def _rows(x, u, s, w, trace, start, stop, out):
    """out[i] = sum over j < i of w_j k0(x_i, x_j)."""
    dim = x.shape[0]
    y, uy, sy = np.empty(dim), np.empty(u.shape[0]), np.empty(dim)
    work, block = np.empty((4, BLOCK)), np.empty(BLOCK)
    for i in range(start, stop):
        for k in range(dim):
            y[k], sy[k] = x[k, i], s[k, i]
        for k in range(u.shape[0]):
            uy[k] = u[k, i]
        total = 0.0
        for a in range(0, i, BLOCK):
            b = min(a + BLOCK, i)
            stein_block(x, u, s, y, uy, sy, trace, a, b, work, block)
            # Four sums, because a single one is a chain of additions; they are joined in a fixed order.
            p = q = r = t = 0.0
            m = (b - a) // 4 * 4
            for j in range(0, m, 4):
                p += w[a + j] * block[j]
                q += w[a + j + 1] * block[j + 1]
                r += w[a + j + 2] * block[j + 2]
                t += w[a + j + 3] * block[j + 3]
            for j in range(m, b - a):
                p += w[a + j] * block[j]
            total += (p + q) + (r + t)
        out[i] = total


def ksd(
    x: Any, gradients: Any, weights: Any = None, *, preconditioner: Any = "id", standardise: bool = False, cumulative: bool = False
) -> Any:
    r"""The kernel Stein discrepancy of weighted points from the density whose log has these gradients.

    Parameters
    ----------
    x, gradients : arrays of shape (n, dim)
        In coordinates that fill all of space.
    weights : array of shape (n,), optional
        Divided by their sum; equal by default.
    preconditioner : {"id", "med", "sclmed", "smpcov"}, float or array of shape (dim, dim)
        The matrix of the inverse multiquadric kernel (see `weakchaos.herding.stein_thinning`). Discrepancies are compared under one matrix only: all but
        ``"id"``, a number and a matrix depend on the points.
    standardise : bool
        Whether to divide each coordinate by its mean absolute deviation first.
    cumulative : bool
        The discrepancy of the first 1, 2, ..., n points instead.

    Returns
    -------
    float, or array of shape (n,)

    Raises
    ------
    ArgumentError

    Notes
    -----
    With scores $s = \nabla \log p$, a positive definite matrix G, $d = x - y$ and $q = 1 + d^T G d$,

    $$\mathrm{KSD}^2 = \sum_{ij} w_i w_j k_0(x_i, x_j), \qquad
    k_0(x, y) = -\frac{3 |G d|^2}{q^{5/2}} + \frac{\mathrm{tr} G + (s(x) - s(y))^T G d}{q^{3/2}} + \frac{s(x)^T s(y)}{q^{1/2}}.$$

    It takes n**2 / 2 evaluations and O(n dim) memory. A small value does not say that all modes were found, nor their weights. For n independent draws of
    the density the expected square is E k0(x, x) / n.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(500, 1))
    >>> ksd(x, -x) < ksd(x + 0.5, -(x + 0.5))
    True
    """
    points, scores = points_and_gradients(x, gradients)
    if points.ndim != 2:
        raise ArgumentError(f"`x` must have shape (n, dim); got {points.shape}")
    if not isinstance(cumulative, bool | np.bool_):
        raise ArgumentTypeError(f"`cumulative` must be True or False; got {shown(cumulative)}")
    n = len(points)
    w = np.ones(n) if weights is None else real_array("weights", weights)
    if w.shape != (n,) or not np.isfinite(w).all() or w.sum() == 0:
        raise ArgumentError(f"`weights` must be {n} finite numbers, one for each point, whose sum is not 0; got {shown(weights)}")
    warn_of_each(
        [
            flag
            for flag in check_scores(points[:: -(-n // 10_000)], scores[:: -(-n // 10_000)], severity=Severity.NOTE)
            if flag.severity is Severity.INVALID
        ]
    )
    prepared = SteinPoints.of(points, scores, preconditioner, standardise)
    rows = np.empty(n)
    for start in range(0, n, _ROWS):
        _rows(prepared.x, prepared.u, prepared.s, w, prepared.trace, start, min(n, start + _ROWS), rows)
    sums = np.cumsum(w * (2.0 * rows + w * prepared.diagonal()))
    if not cumulative:
        return float(np.sqrt(max(sums[-1], 0.0)) / abs(w.sum()))
    mass = np.cumsum(w)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(mass != 0, np.sqrt(np.maximum(sums, 0.0)) / np.abs(mass), np.nan)
