"""Log densities written for JAX, compiled by it together with their gradients, in double precision.

JAX computes in single precision unless it is told otherwise; here it is told so for the calls of the density alone, whatever the setting of the program. A
call costs some 0.1 ms, most of it on the way to JAX and back: for models that are dear to evaluate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from weakchaos.interop.autodiff import checked_value, of_rows, of_vectors
from weakchaos.targets.density import Density

__all__ = ["density"]


def _double() -> Any:
    """JAX's context of double precision, which has moved between its versions."""
    import jax

    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    from jax.experimental import enable_x64  # type: ignore[attr-defined, unused-ignore]

    return enable_x64()


def _compiled(function: Callable) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    import jax

    def scalar(x):
        value = jax.numpy.asarray(function(x))
        checked_value("JAX", value.shape, str(value.dtype))
        return value.reshape(())

    made = jax.jit(jax.value_and_grad(scalar))

    def both(values):
        with _double():
            value, gradient = made(np.asarray(values, np.float64))
            return float(value), np.asarray(gradient, np.float64)

    return both


def density(
    logp: Callable, dim: int | None = None, *, data: Any = None, shapes: Any = None, vectorized: bool = False, **options: Any
) -> Density:
    """A `Density` from a log density that is written for JAX.

    Parameters
    ----------
    logp : callable
        ``logp(x, *data) -> number``, x a float64 array of shape (dim,); with `shapes` it takes the parameters by name, arrays of their shapes. It must be a
        function that ``jax.jit`` compiles. In nats, up to a constant.
    dim : int
        Number of coordinates; follows from `shapes` where they are given.
    data : tuple, dict by name, or one value, optional
        Arrays become JAX arrays of their own precision, constants of the compiled function: a later change in place is not seen.
    shapes : dict of str to tuple of int, optional
        As for `Density`, with ``constraints``, ``dims`` and ``coords``.
    vectorized : bool
        Whether an ensemble is to be evaluated in one call, by ``jax.vmap`` of `logp`, which still takes one position. There is no gradient.
    **options
        Passed on to `Density`: ``names``, ``start``, ``name``, ``means``, ``sds``, ...

    Returns
    -------
    Density

    Raises
    ------
    ImportError
        Without JAX.
    ArgumentTypeError
        When a value is of less than double precision, or no number; raised by the first evaluation.

    Examples
    --------
    >>> import weakchaos as wc
    >>> target = density(lambda x: -0.5 * (x**2).sum(), dim=3)  # doctest: +SKIP
    >>> wc.sample(target, draws=500, progress=False).summary()  # doctest: +SKIP
    """
    import jax

    def convert(item: Any) -> Any:
        with _double():
            return jax.numpy.asarray(item) if isinstance(item, np.ndarray) else item

    if not vectorized:
        return of_vectors(logp, dim, data, convert, _compiled, shapes, options)
    items = tuple(convert(item) for item in (() if data is None else data if isinstance(data, tuple) else (data,)))
    made = jax.jit(jax.vmap(lambda x: logp(x, *items)))

    def values(rows):
        with _double():
            out = made(rows)
            checked_value("JAX", (), str(out.dtype))
            return np.asarray(out)

    return of_rows(logp, dim, values, shapes, options)
