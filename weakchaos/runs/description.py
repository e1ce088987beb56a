"""Objects as plain data: what a sampler, a driver or a target is, in JSON and arrays, so that nothing is ever unpickled from disk."""

from __future__ import annotations

import dataclasses
import importlib
import math
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentTypeError, StoreError, shown

__all__ = ["UnavailableError", "describe", "named_class", "public_name", "rebuild"]

# Where the classes stand that a stored run may name.
_FACES = ("targets", "kernels", "drivers", "samplers", "herding", "systems")


def describe(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """`value` as JSON data; arrays go into `arrays` under keys that the data name.

    Described are numbers, strings, None, arrays, tuples, lists, dicts with string keys, frozen dataclasses of this package, and
    objects of this package with ``to_spec() -> (dict, dict of arrays)``.

    Raises
    ------
    ArgumentTypeError
        For anything else, a user's function for instance.

    Examples
    --------
    >>> rebuild(describe((1, 2.5, "x"), {}), {})
    (1, 2.5, 'x')
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, np.generic):
        return describe(value.item(), arrays)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufSU":
        key = f"array{len(arrays)}"
        arrays[key] = value
        return {"array": key}
    if isinstance(value, tuple | list):
        return {type(value).__name__ if type(value) in (tuple, list) else "tuple": [describe(v, arrays) for v in value]}
    if isinstance(value, dict):
        return {"dict": [[describe(k, arrays), describe(v, arrays)] for k, v in value.items()]}
    kind = type(value)
    if kind.__module__.split(".")[0] == "weakchaos":
        path = public_name(kind)
        if hasattr(value, "to_spec"):
            spec, own = value.to_spec()
            prefix = f"object{len(arrays)}."
            arrays.update({prefix + k: v for k, v in own.items()})
            return {"object": path, "spec": describe(spec, arrays), "arrays": {k: prefix + k for k in own}}
        if dataclasses.is_dataclass(value):
            fields = {f.name: describe(getattr(value, f.name), arrays) for f in dataclasses.fields(value) if f.init}
            return {"dataclass": path, "fields": fields}
    raise ArgumentTypeError(f"cannot be saved as plain data: {shown(value)}; pass it again when the run is loaded")


class UnavailableError(StoreError):
    """A part of a stored run that is described well, and that this version of the package cannot make."""


def public_name(kind: type) -> str:
    """The name under which a store keeps a class of this package, ``samplers:HMC``: its face and its name there, so that files may move.

    Raises
    ------
    ArgumentTypeError
        For a class that its face does not export.

    Examples
    --------
    >>> from weakchaos.samplers import HMC
    >>> public_name(HMC)
    'samplers:HMC'
    """
    face = kind.__module__.split(".")[1]
    if face not in _FACES or kind.__name__ not in _exported(face) or getattr(_face(face), kind.__name__, None) is not kind:
        raise ArgumentTypeError(f"cannot be saved as plain data: {kind.__name__} is not exported by weakchaos.{face}")
    return f"{face}:{kind.__name__}"


def _face(name: str) -> Any:
    return importlib.import_module(f"weakchaos.{name}")


def _exported(face: str) -> list[str]:
    return list(_face(face).__all__)


def named_class(path: str) -> type:
    """The class of a public name: what `public_name` undoes.

    Raises
    ------
    StoreError
        For a name that no face of this package exports.

    Examples
    --------
    >>> named_class("samplers:HMC").__name__
    'HMC'
    """
    place, _, name = path.partition(":")
    # Runs of version 0.1.0 name the file too, as in weakchaos.samplers.hmc:HMC; the face is the second word of it.
    words = place.split(".")
    face = words[1] if words[0] == "weakchaos" and len(words) > 1 else place
    # A store says what is made again, so it must not be able to name anything but classes that this package exports.
    if face not in _FACES:
        raise StoreError(f"the store names a class outside of this package: {path}")
    if not name.isidentifier() or name.startswith("_"):
        raise StoreError(f"the store names no class: {path}")
    value = getattr(_face(face), name, None) if name in _exported(face) else None
    if not isinstance(value, type):
        raise UnavailableError(f"the store names {path}, which this version of the package does not have")
    return value


def rebuild(data: Any, arrays: Any) -> Any:
    """The object that `describe` described."""
    if not isinstance(data, dict):
        return data
    if "float" in data:
        return float(data["float"])
    if "array" in data:
        return np.asarray(arrays[data["array"]])
    if "tuple" in data:
        return tuple(rebuild(v, arrays) for v in data["tuple"])
    if "list" in data:
        return [rebuild(v, arrays) for v in data["list"]]
    if "dict" in data:
        return {rebuild(k, arrays): rebuild(v, arrays) for k, v in data["dict"]}
    if "object" in data:
        own = {k: np.asarray(arrays[v]) for k, v in data["arrays"].items()}
        kind = named_class(data["object"])
        if not hasattr(kind, "from_spec"):
            raise StoreError(f"the store names {data['object']}, which cannot be made again from plain data")
        return kind.from_spec(rebuild(data["spec"], arrays), own)
    if "dataclass" in data:
        kind = named_class(data["dataclass"])
        if not hasattr(kind, "__dataclass_fields__"):
            raise StoreError(f"the store names {data['dataclass']}, which is not a dataclass")
        fields = {k: rebuild(v, arrays) for k, v in data["fields"].items()}
        try:
            return kind(**fields)
        except (TypeError, ValueError) as error:
            raise UnavailableError(
                f"the store describes a {kind.__name__} that this version of the package refuses: {error}"
            ) from error
    raise StoreError(f"the store holds an unknown description: {shown(data)}")
