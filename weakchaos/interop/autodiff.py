"""What densities written for libraries that differentiate programs have in common: parameters by name, constant data, checked numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.targets.density import Density
from weakchaos.targets.parameters import Parameters

__all__ = ["checked_value", "of_rows", "of_vectors"]


def of_vectors(
    logp: Callable, dim: int | None, data: Any, convert: Callable, compiled: Callable, shapes: Any, options: dict[str, Any]
) -> Density:
    """A density with its gradient.

    Parameters
    ----------
    logp : callable
        Of a vector, or of the parameters of `shapes` by name, and of the data.
    dim : int or None
    data : tuple, dict by name, or one value
    convert : callable
        An item of the data as the library wants it.
    compiled : callable
        ``compiled(f)`` is ``g(x: float64 array) -> (float, float64 array)`` for a function f of one vector of the library.
    shapes : dict or Parameters, optional
    options : dict
        For `Density`.
    """
    if not callable(logp):
        raise ArgumentTypeError(f"`logp` must be a function; got {shown(logp)}")
    named = {name: convert(item) for name, item in data.items()} if isinstance(data, Mapping) else {}
    items = () if data is None or named else tuple(convert(item) for item in (data if isinstance(data, tuple) else (data,)))
    if shapes is None:
        return Density(logp_and_grad=compiled(lambda x: logp(x, *items, **named)), dim=dim, **options)
    constraints, dims, coords = (options.pop(name, None) for name in ("constraints", "dims", "coords"))
    parameters = shapes if isinstance(shapes, Parameters) else Parameters(shapes, constraints, dims, coords)

    def of_all(values: Any) -> Any:
        parts = {name: values[parameters.slices[name]].reshape(shape) for name, shape in parameters.shapes.items()}
        return logp(*items, **parts, **named)

    both = compiled(of_all)
    return Density(logp_and_grad=lambda values: both(values), shapes=parameters, **options)


def of_rows(logp: Callable, dim: int | None, values: Callable, shapes: Any, options: dict[str, Any]) -> Density:
    """A density that takes many positions in one call, and gives no gradient."""
    if shapes is not None:
        raise ArgumentError("`vectorized` goes with `dim`; `shapes` do not")
    if not callable(logp):
        raise ArgumentTypeError(f"`logp` must be a function; got {shown(logp)}")
    return Density(values, dim=dim, vectorized=True, **options)


def checked_value(library: str, shape: tuple, dtype: str) -> None:
    """Refuse a log density that is no number of double precision."""
    if shape not in ((), (1,)):
        raise ArgumentTypeError(f"`logp` must return one number; it returned an array of shape {shape}")
    if dtype != "float64":
        raise ArgumentTypeError(
            f"`logp` must return a number of type float64; it returned {dtype}, whose seven digits do not tell accepted steps from rejected ones: "
            f"make the {library} arrays that it uses float64"
        )
