"""What the numbers of a draw mean: variables with names, shapes, dimensions and coordinates, laid out one after another in one vector."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from weakchaos.core.arguments import MOST_COORDINATES, is_integer
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown

__all__ = ["Variables"]


class Variables:
    """Names and shapes of the variables of a draw.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        In the order in which they stand in a draw; the entries of an array in the order of C. A whole number n means (n,).
    dims : mapping of str to names of dimensions, optional
        For a variable, one name an axis; ``theta_dim_0`` and so on where none are given.
    coords : mapping of str to sequence, optional
        For a dimension, one label an entry; 0, 1, ... where none are given.

    Attributes
    ----------
    size : int
        Numbers in a draw.
    names : list of str
        One a number: ``"mu"``, ``"theta[3]"``, with labels where there are coordinates: ``"theta[Choate]"``.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> variables = Variables({"mu": (), "theta": (2,)}, {"theta": ["school"]}, {"school": ["Choate", "Deerfield"]})
    >>> variables.names
    ['mu', 'theta[Choate]', 'theta[Deerfield]']
    >>> variables.split(np.arange(6.0).reshape(2, 3))["theta"]
    array([[1., 2.],
           [4., 5.]])
    """

    def __init__(self, shapes: Any, dims: Any = None, coords: Any = None):
        self.shapes = {name: _shape(name, shape) for name, shape in _mapping("shapes", shapes).items()}
        if not self.shapes:
            raise ArgumentError("`shapes` must name at least one variable, as in {'mu': (), 'theta': (8,)}; got none")
        total = sum(math.prod(shape) for shape in self.shapes.values())
        if total > MOST_COORDINATES:
            raise ArgumentError(
                f"`shapes` must hold at most {MOST_COORDINATES:,} numbers in all, since each of them gets a name; got {total:,}"
            )
        self.coords = {str(dim): _labels(dim, labels) for dim, labels in _mapping("coords", coords).items()}
        self.dims = self._dims(_mapping("dims", dims))
        self.slices: dict[str, slice] = {}
        self.size = 0
        for name, shape in self.shapes.items():
            self.slices[name] = slice(self.size, self.size + math.prod(shape))
            self.size += math.prod(shape)
        self.names = [label for name in self.shapes for label in self._entries(name)]
        if len(set(self.names)) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise ArgumentError(f"`shapes` and `coords` must give every number a name of its own; two are called {twice!r}")

    def __repr__(self) -> str:
        return f"<Variables {', '.join(f'{name} {shape}' for name, shape in self.shapes.items())}>"

    def _dims(self, given: Mapping) -> dict[str, tuple[str, ...]]:
        out: dict[str, tuple[str, ...]] = {}
        sizes: dict[str, tuple[int, str]] = {}
        for name, value in given.items():
            if name not in self.shapes:
                raise ArgumentError(f"`dims` names {shown(name)}, which is no variable; there are {', '.join(self.shapes)}")
            axes = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Sequence) else value
            shape = self.shapes[name]
            if not isinstance(axes, tuple) or len(axes) != len(shape) or not all(isinstance(axis, str) and axis for axis in axes):
                raise ArgumentError(
                    f"`dims` must give one name for each axis of {name!r}, which has shape {shape}; got {shown(value)}"
                )
            if len(set(axes)) < len(axes) or {"chain", "draw"} & set(axes):
                raise ArgumentError(
                    f"`dims` of {name!r} must be different names, and neither 'chain' nor 'draw'; got {shown(value)}"
                )
            for axis, size in zip(axes, shape, strict=True):
                if axis in self.coords and len(self.coords[axis]) != size:
                    raise ArgumentError(
                        f"`coords` gives {len(self.coords[axis])} labels for the dimension {axis!r}, along which {name!r} has {size} entries"
                    )
                first = sizes.setdefault(axis, (size, name))
                if first[0] != size:
                    raise ArgumentError(
                        f"`dims`: the dimension {axis!r} has {first[0]} entries in {first[1]!r} and {size} in {name!r}; give them different names"
                    )
            out[name] = axes
        for name, shape in self.shapes.items():
            out.setdefault(name, tuple(f"{name}_dim_{k}" for k in range(len(shape))))
        known = set(itertools.chain.from_iterable(out.values()))
        for dim in self.coords:
            if dim not in known:
                raise ArgumentError(
                    f"`coords` labels {dim!r}, which is no dimension of a variable; `dims` says which variable has it"
                )
        return {name: out[name] for name in self.shapes}

    def _entries(self, name: str) -> list[str]:
        shape = self.shapes[name]
        if not shape:
            return [name]
        labels = []
        for axis, size in zip(self.dims[name], shape, strict=True):
            own = [str(label) for label in self.coords.get(axis, range(size))]
            labels.append(own if len(set(own)) == size else [str(k) for k in range(size)])
        return [f"{name}[{', '.join(entry)}]" for entry in itertools.product(*labels)]

    def split(self, draws: np.ndarray) -> dict[str, np.ndarray]:
        """Views of the variables in an array of shape (..., size), each of shape (..., *shape)."""
        return {name: draws[..., self.slices[name]].reshape((*draws.shape[:-1], *shape)) for name, shape in self.shapes.items()}

    def join(self, values: Mapping[str, Any], argument: str = "values") -> np.ndarray:
        """One vector of shape (size,) from a value for each variable: what `split` undoes."""
        unknown, absent = [n for n in values if n not in self.shapes], [n for n in self.shapes if n not in values]
        if unknown or absent:
            raise ArgumentError(
                f"`{argument}` must give a value for each of {', '.join(self.shapes)}; "
                + (f"it has none for {', '.join(absent)}" if absent else f"{shown(unknown[0])} is none of them")
            )
        out = np.empty(self.size)
        for name, shape in self.shapes.items():
            try:
                value = np.asarray(values[name], np.float64)
            except (TypeError, ValueError) as error:
                raise ArgumentTypeError(f"`{argument}` must hold numbers for {name!r}; got {shown(values[name])}") from error
            if value.shape != shape:
                raise ArgumentError(f"`{argument}`: {name!r} must have shape {shape}; got {value.shape}")
            out[self.slices[name]] = value.ravel()
        return out

    def to_data(self) -> dict:
        """The same as JSON data."""
        return {
            "shapes": [[name, list(shape)] for name, shape in self.shapes.items()],
            "dims": {name: list(dims) for name, dims in self.dims.items()},
            "coords": {dim: {"kind": labels.dtype.str, "labels": _plain(labels)} for dim, labels in self.coords.items()},
        }

    @classmethod
    def from_data(cls, data: Mapping) -> Variables:
        """What `to_data` wrote."""
        coords = {dim: np.array(entry["labels"]).astype(entry["kind"]) for dim, entry in data["coords"].items()}
        return cls({name: tuple(shape) for name, shape in data["shapes"]}, data["dims"], coords)


def _mapping(argument: str, value: Any) -> Mapping:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(name, str) and name for name in value):
        raise ArgumentTypeError(f"`{argument}` must be a dict whose keys are names; got {shown(value)}")
    return value


def _shape(name: str, shape: Any) -> tuple[int, ...]:
    entries = (shape,) if is_integer(shape) else shape
    if not isinstance(entries, tuple | list) or not all(is_integer(n) and n >= 0 for n in entries):
        raise ArgumentError(
            f"`shapes` must give whole numbers for {name!r}, as in () for one number or (8,) for eight; got {shown(shape)}"
        )
    return tuple(int(n) for n in entries)


def _labels(dim: Any, labels: Any) -> np.ndarray:
    array = np.asarray(labels if hasattr(labels, "__len__") else list(labels))
    if array.dtype.kind == "O":
        array = array.astype(str)
    if array.ndim != 1 or isinstance(labels, str) or array.dtype.kind not in "biufSUMm":
        raise ArgumentError(f"`coords` must give a sequence of labels for {dim!r}; got {shown(labels)}")
    return array


def _plain(labels: np.ndarray) -> list:
    return [str(v) for v in labels] if labels.dtype.kind in "MmS" else labels.tolist()
