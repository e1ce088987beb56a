"""Log densities written for torch, with gradients by its automatic differentiation.

A call costs some tenths of a millisecond, most of it torch's own: for models that are dear to evaluate, and for those that hold a network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentTypeError, shown
from weakchaos.interop.autodiff import checked_value, of_rows, of_vectors
from weakchaos.targets.density import Density

__all__ = ["density"]


def _compiled(function: Callable) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    import torch

    def both(values):
        x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
        with torch.enable_grad():
            value = function(x)
            if not isinstance(value, torch.Tensor):
                raise ArgumentTypeError(f"`logp` must return a torch tensor; it returned {shown(value)}")
            checked_value("torch", tuple(value.shape), str(value.dtype).removeprefix("torch."))
            if not value.requires_grad:
                raise ArgumentTypeError(
                    "`logp` must compute its value from its arguments by operations of torch: nothing in it can be differentiated (.item(), .detach() "
                    "and NumPy cut what torch follows)"
                )
            (gradient,) = torch.autograd.grad(value.reshape(()), x)
        return value.item(), gradient.numpy()

    return both


def density(
    logp: Callable, dim: int | None = None, *, data: Any = None, shapes: Any = None, vectorized: bool = False, **options: Any
) -> Density:
    """A `Density` from a log density that is written for torch.

    Parameters
    ----------
    logp : callable
        ``logp(x, *data) -> tensor of one number``, x a float64 tensor of shape (dim,); with `shapes` it takes the parameters by name, tensors of their
        shapes. In nats, up to a constant.
    dim : int
        Number of coordinates; follows from `shapes` where they are given.
    data : tuple, dict by name, or one value, optional
        Arrays become float64 tensors; tensors and anything else go as they are.
    shapes : dict of str to tuple of int, optional
        As for `Density`, with ``constraints``, ``dims`` and ``coords``.
    vectorized : bool
        Whether `logp` takes many positions, a tensor of shape (m, dim), and returns m numbers: an ensemble is then evaluated in one call. There is no gradient.
    **options
        Passed on to `Density`: ``names``, ``start``, ``name``, ``means``, ``sds``, ...

    Returns
    -------
    Density

    Raises
    ------
    ImportError
        Without torch.
    ArgumentTypeError
        When a value has no gradient, or is of less than double precision; raised by the first evaluation.

    Examples
    --------
    >>> import weakchaos as wc
    >>> def logp(mu, tau, y):
    ...     return -0.5 * (((y - mu) / tau) ** 2).sum() - len(y) * tau.log() - 0.5 * mu**2 - tau
    >>> target = density(logp, shapes={"mu": (), "tau": ()}, constraints={"tau": "positive"}, data={"y": np.array([1.0, 2.0, 4.0])})  # doctest: +SKIP
    >>> wc.sample(target, draws=500, progress=False).summary()  # doctest: +SKIP
    """
    import torch

    def convert(item: Any) -> Any:
        return torch.from_numpy(np.array(item, np.float64)) if isinstance(item, np.ndarray) and item.dtype.kind == "f" else item

    if not vectorized:
        return of_vectors(logp, dim, data, convert, _compiled, shapes, options)
    items = tuple(convert(item) for item in (() if data is None else data if isinstance(data, tuple) else (data,)))

    def values(rows):
        with torch.no_grad():
            out = logp(torch.from_numpy(rows), *items)
        if not isinstance(out, torch.Tensor) or out.dtype != torch.float64:
            raise ArgumentTypeError(f"`logp` must return a float64 tensor of one number for each row; it returned {shown(out)}")
        return out.numpy()

    return of_rows(logp, dim, values, shapes, options)
