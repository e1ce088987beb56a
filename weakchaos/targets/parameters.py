"""`Parameters`: named, shaped and constrained variables, and the map that makes them of the coordinates a sampler moves in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.variables import Variables
from weakchaos.native.c_density import CDensity
from weakchaos.targets.transforms import KINDS, ROW, constrain_rows, on_all_of_space, unconstrain_rows

__all__ = ["Parameters"]

_SPELLED = "'positive', ('interval', lower, upper), 'simplex', 'ordered' or 'correlation_cholesky'"


class Parameters(Variables):
    """Variables with constraints.

    Parameters
    ----------
    shapes, dims, coords :
        As in `Variables`.
    constraints : mapping of str to str or tuple, optional
        ``"positive"``; ``("interval", lower, upper)``, where one of the bounds may be infinite; ``"simplex"`` and ``"ordered"``, along the last axis;
        ``"correlation_cholesky"``, a lower triangular matrix in the last two axes, whose product with its transpose is a correlation
        matrix. A variable that is not named may be any real number.

    Attributes
    ----------
    dim : int
        Coordinates a sampler moves in: one less than its entries for a simplex, K (K - 1) / 2 for a K x K Cholesky factor.
    coordinates : list of str
        Their names.

    Examples
    --------
    >>> parameters = Parameters({"tau": (), "p": (3,)}, {"tau": "positive", "p": "simplex"})
    >>> parameters.dim, parameters.size
    (3, 4)
    >>> parameters.constrain([0.0, 0.0, 0.0]).round(3)
    array([1.   , 0.333, 0.333, 0.333])
    """

    of_coordinates = False  # a log density is one of these variables

    def __init__(self, shapes: Any, constraints: Any = None, dims: Any = None, coords: Any = None):
        super().__init__(shapes, dims, coords)
        if not isinstance(constraints, Mapping | None):
            raise ArgumentTypeError(f"`constraints` must be a dict from names to {_SPELLED}; got {shown(constraints)}")
        constraints = dict(constraints or {})
        for name in constraints:
            if name not in self.shapes:
                raise ArgumentError(f"`constraints` names {shown(name)}, which is no variable; there are {', '.join(self.shapes)}")
        self.constraints = {name: _constraint(name, constraints.get(name), shape) for name, shape in self.shapes.items()}
        rows, self.coordinates, self.dim = [], [], 0
        for name, shape in self.shapes.items():
            kind, lower, upper = self.constraints[name]
            groups, entries, length = _groups(kind, shape)
            bounds = np.array([lower, upper, *_within(lower, upper)]).view(np.int64)
            rows.append(np.concatenate([[KINDS[kind], self.dim, self.slices[name].start, groups, entries], bounds]))
            n = groups * length
            straight = kind not in ("simplex", "correlation_cholesky")
            self.coordinates += self.names[self.slices[name]] if straight else [f"{name}~{k}" for k in range(n)]
            self.dim += n
        if self.dim == 0:
            raise ArgumentError(
                f"`shapes` must leave at least one coordinate to move in; got {shown(self.shapes)} under {shown(constraints)}"
            )
        self._plan = np.concatenate(rows).astype(np.int64)
        assert self._plan.size == ROW * len(self.shapes)

    def constrain(self, x: Any) -> np.ndarray:
        """The variables, shape (..., size), at coordinates of shape (..., dim)."""
        return self._constrained(x)[0]

    def log_jacobian(self, x: Any) -> np.ndarray:
        """The logarithm of the volume of variables per volume of coordinates, shape (...), at coordinates of shape (..., dim)."""
        return self._constrained(x)[1]

    def _constrained(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        array = np.ascontiguousarray(x, np.float64)
        rows = array.reshape(-1, self.dim)
        out, jacobians = np.empty((len(rows), self.size)), np.empty(len(rows))
        constrain_rows(self._plan, self._plan.view(np.float64), rows, out, jacobians)
        return out.reshape((*array.shape[:-1], self.size)), jacobians.reshape(array.shape[:-1])

    def unconstrain(self, theta: Any, argument: str = "theta") -> np.ndarray:
        """The coordinates, shape (..., dim), behind variables of shape (..., size).

        Raises
        ------
        ArgumentError
            Where a variable does not meet its constraint.
        """
        array = np.ascontiguousarray(theta, np.float64)
        rows = array.reshape(-1, self.size)
        x = np.empty((len(rows), self.dim))
        unconstrain_rows(self._plan, self._plan.view(np.float64), rows, x)
        bad = ~np.isfinite(x).all(0)
        if bad.any():
            coordinate = int(np.flatnonzero(bad)[0])
            starts = self._plan[1::ROW]
            name = list(self.shapes)[int(np.searchsorted(starts, coordinate, side="right")) - 1]
            row = rows[int(np.flatnonzero(~np.isfinite(x[:, coordinate]))[0])]
            raise ArgumentError(f"`{argument}`: {name!r} must be {self._asked(name)}; got {shown(row[self.slices[name]])}")
        return x.reshape((*array.shape[:-1], self.dim))

    def _asked(self, name: str) -> str:
        kind, lower, upper = self.constraints[name]
        return {
            "free": "finite",
            "positive": "positive and finite",
            "interval": f"strictly between {lower:g} and {upper:g}",
            "lower": f"above {lower:g} and finite",
            "upper": f"below {upper:g} and finite",
            "simplex": "positive numbers that add up to 1 along its last axis",
            "ordered": "increasing along its last axis",
            "correlation_cholesky": "lower triangular with a positive diagonal and rows of length 1",
        }[kind]

    def place(self, value: Any, argument: str) -> np.ndarray:
        """The coordinates, shape (dim,), of a place given by variables: a dict from names to values, or one vector of shape (size,)."""
        if isinstance(value, Mapping):
            return self.unconstrain(self.join(value, argument), argument)
        try:
            array = np.asarray(value, np.float64)
        except (TypeError, ValueError) as error:
            raise ArgumentTypeError(
                f"`{argument}` must be a dict with a value for each of {', '.join(self.shapes)}; got {shown(value)}"
            ) from error
        if array.shape != (self.size,):
            raise ArgumentError(
                f"`{argument}` must be a dict with a value for each of {', '.join(self.shapes)}, or have shape ({self.size},); got shape {array.shape}"
            )
        return self.unconstrain(array, argument)

    def on_all_of_space(self, inner: CDensity) -> CDensity:
        """The density of the coordinates, with its log-Jacobian and gradient, from one of the variables."""
        if all(kind == "free" for kind, _, _ in self.constraints.values()):
            return inner  # the variables are the coordinates
        return on_all_of_space(inner, self._plan, self.size)


def _constraint(name: str, given: Any, shape: tuple[int, ...]) -> tuple[str, float, float]:
    """Kind, lower and upper bound."""
    word, *bounds = given if isinstance(given, tuple | list) and given else (given,)
    kind, lower, upper = "free" if given is None else word, -math.inf, math.inf
    if kind == "interval" and len(bounds) == 2:
        lower, upper = (_bound(name, value) for value in bounds)
        if not lower < upper or (math.isfinite(lower) and math.isfinite(upper) and not math.isfinite(upper - lower)):
            raise ArgumentError(
                f"`constraints`: the interval of {name!r} must have a lower bound below its upper bound; got {shown(given)}"
            )
        kind = {(True, True): "interval", (True, False): "lower", (False, True): "upper"}.get(
            (math.isfinite(lower), math.isfinite(upper)), "free"
        )
    elif (
        bounds
        or kind not in ("free", "positive", "simplex", "ordered", "correlation_cholesky")
        or (kind == "free" and given is not None)
    ):
        raise ArgumentError(f"`constraints` must be {_SPELLED}; got {shown(given)} for {name!r}")
    if kind == "positive":
        lower = 0.0
    if kind in ("simplex", "ordered") and (not shape or shape[-1] < 1):
        raise ArgumentError(f"`constraints`: {name!r} must have a last axis to be {kind} along; it has shape {shape}")
    if kind == "correlation_cholesky" and (len(shape) < 2 or shape[-1] != shape[-2] or shape[-1] < 1):
        raise ArgumentError(f"`constraints`: {name!r} must be a square matrix in its last two axes; it has shape {shape}")
    return kind, lower, upper


def _bound(name: str, value: Any) -> float:
    return float(value) if isinstance(value, float) and math.isinf(value) else real_number(f"constraints[{name!r}]", value)


def _within(lower: float, upper: float) -> tuple[float, float]:
    least = np.finfo(float).tiny if lower == 0.0 else np.nextafter(lower, np.inf)
    greatest = -np.finfo(float).tiny if upper == 0.0 else np.nextafter(upper, -np.inf)
    return float(least), float(greatest)


def _groups(kind: str, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """How many sets of entries a constraint binds together, entries and coordinates of each."""
    if kind in ("simplex", "ordered"):
        return math.prod(shape[:-1]), shape[-1], shape[-1] - (kind == "simplex")
    if kind == "correlation_cholesky":
        return math.prod(shape[:-2]), shape[-1], shape[-1] * (shape[-1] - 1) // 2
    return math.prod(shape), 1, 1
