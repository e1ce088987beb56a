"""Objects as plain data: what a sampler, a driver or a target is, in JSON and arrays, so that nothing is ever unpickled from disk."""

from __future__ import annotations

import dataclasses
import importlib
import math
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentTypeError, StoreError, shown

__all__ = ["describe", "rebuild"]


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
        path = f"{kind.__module__}:{kind.__qualname__}"
        if hasattr(value, "to_spec"):
            spec, own = value.to_spec()
            prefix = f"object{len(arrays)}."
            arrays.update({prefix + k: v for k, v in own.items()})
            return {"object": path, "spec": describe(spec, arrays), "arrays": {k: prefix + k for k in own}}
        if dataclasses.is_dataclass(value):
            fields = {f.name: describe(getattr(value, f.name), arrays) for f in dataclasses.fields(value) if f.init}
            return {"dataclass": path, "fields": fields}
    raise ArgumentTypeError(f"cannot be saved as plain data: {shown(value)}; pass it again when the run is loaded")


def _class(path: str) -> Any:
    module, _, name = path.partition(":")
    # A store says what is made again, so it must not be able to name anything else: no other package, no script that runs at import.
    if module.split(".")[0] != "weakchaos" or "__" in path:
        raise StoreError(f"the store names a class outside of this package: {path}")
    try:
        value: Any = importlib.import_module(module)
        for part in name.split("."):
            value = getattr(value, part)
    except (ImportError, AttributeError) as error:
        raise StoreError(f"the store names {path}, which this version of the package does not have") from error
    if not isinstance(value, type) or value.__module__ != module:
        raise StoreError(f"the store names {path}, which is not a class of this package")
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
        kind = _class(data["object"])
        if not hasattr(kind, "from_spec"):
            raise StoreError(f"the store names {data['object']}, which cannot be made again from plain data")
        return kind.from_spec(rebuild(data["spec"], arrays), own)
    if "dataclass" in data:
        kind = _class(data["dataclass"])
        if not hasattr(kind, "__dataclass_fields__"):
            raise StoreError(f"the store names {data['dataclass']}, which is not a dataclass")
        return kind(**{k: rebuild(v, arrays) for k, v in data["fields"].items()})
    raise StoreError(f"the store holds an unknown description: {shown(data)}")
