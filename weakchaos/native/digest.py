"""Under which key machine code is kept on disk: everything that a compiled function inlines, wherever it is written.

numba keys its cache by the one file a function stands in, so an edited helper or constant of another file would leave stale machine code
behind, without a word (measured with numba 0.68.1). The key here is derived: from the function's byte code the names it uses are followed
through functions, constants, arrays and intrinsics of other modules, so there is no list of files to keep by hand.
"""

from __future__ import annotations

import hashlib
import inspect
import types
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher

__all__ = ["digest_of", "stamp", "stamp_all"]

# What these deliver changes with their version, which numba's own key holds.
_FOREIGN = ("numpy", "math", "cmath", "numba", "llvmlite", "builtins", "operator")


class _Trail:
    """One walk through everything that a function uses."""

    def __init__(self) -> None:
        self.total = hashlib.sha256()
        self.seen: set[int] = set()
        self.dispatchers: list[Dispatcher] = []

    def add(self, *words: Any) -> None:
        for word in words:
            data = word if isinstance(word, bytes) else str(word).encode()
            self.total.update(len(data).to_bytes(8, "little") + data)

    def code(self, code: types.CodeType) -> set[str]:
        """Note the byte code; the names it uses."""
        names = set(code.co_names)
        self.add(code.co_code, code.co_names, code.co_varnames, code.co_freevars)
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                names |= self.code(constant)
            else:
                self.add(type(constant).__name__, repr(constant))
        return names

    def function(self, function: Any) -> None:
        names, space = self.code(function.__code__), function.__globals__
        self.add(repr(function.__defaults__), repr(function.__kwdefaults__))
        for name in sorted(names & space.keys()):
            self.add(name)
            self.value(space[name], names)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                content = cell.cell_contents
            except ValueError:  # a name that is bound later, as a function has that calls itself
                continue
            self.add(name)
            self.value(content, names)

    def value(self, value: Any, names: set[str]) -> None:
        if value is None or isinstance(value, bool | int | float | complex | str | bytes | np.generic):
            self.add(type(value).__name__, repr(value))
            return
        if id(value) in self.seen:
            return
        self.seen.add(id(value))
        if isinstance(value, tuple | list | frozenset):
            self.add(type(value).__name__, len(value))
            for item in value:
                self.value(item, names)
        elif isinstance(value, np.ndarray):
            self.add(value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes())
        elif isinstance(value, Dispatcher):
            self.dispatchers.append(value)
            self.add(sorted(value.targetoptions.items(), key=str))
            self.function(value.py_func)
        elif isinstance(value, types.ModuleType):
            if value.__name__.split(".")[0] not in _FOREIGN:
                for name in sorted(names & vars(value).keys()):
                    self.add(name)
                    self.value(getattr(value, name), names)
        elif callable(inner := getattr(value, "_defn", None)):  # an intrinsic: what it emits may be written by anything in its file
            self.file(inner)
        elif isinstance(value, types.FunctionType):
            if value.__module__.split(".")[0] not in _FOREIGN:
                self.function(value)
        elif isinstance(inner := getattr(value, "function", None), types.FunctionType):  # a stream
            self.function(inner)
        else:
            self.add(getattr(value, "__module__", ""), getattr(value, "__qualname__", type(value).__qualname__))

    def file(self, function: Callable) -> None:
        try:
            path = inspect.getfile(function)
            with open(path, "rb") as file:
                self.add(file.read())
        except (OSError, TypeError):  # typed at a prompt
            self.add(repr(function.__code__.co_code))


def digest_of(function: Any) -> str:
    """A digest of a Python function (or of the one behind a numba dispatcher) and of all that it uses.

    Examples
    --------
    >>> def area(r, factor=3):
    ...     return factor * r * r
    >>> digest_of(area) == digest_of(area)
    True
    """
    trail = _Trail()
    trail.function(getattr(function, "py_func", function))
    return trail.total.hexdigest()[:24]


class _Stamp:
    """Numba's stamp of a file together with the digest, which is taken when the cache is first asked: a function may use what is defined below it."""

    def __init__(self, own: Any, function: Any):
        self._own, self._function = own, function
        self._pair: tuple = ()

    def pair(self) -> tuple:
        if not self._pair:
            self._pair = (self._own, digest_of(self._function))
        return self._pair

    def __eq__(self, other: object) -> bool:
        return self.pair() == (other.pair() if isinstance(other, _Stamp) else other)

    def __hash__(self) -> int:
        return hash(self.pair())

    def __reduce__(self) -> Any:
        return tuple, (self.pair(),)


def stamp(compiled: Any, function: Any) -> None:
    """Let the entry of `compiled` in numba's disk cache depend on all that `function` inlines; nothing happens where there is no cache."""
    file = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    # Private to numba, and pinned by a test; without it a stale cache would have to be cleared by hand.
    if file is not None and hasattr(file, "_source_stamp") and not isinstance(file._source_stamp, _Stamp):
        file._source_stamp = _Stamp(file._source_stamp, function)
        file._load_index = _forgiving(file._load_index)


def _forgiving(load: Callable[[], dict]) -> Callable[[], dict]:
    """An index that cannot be read counts as none.

    It holds the types of arguments as pickles, which name the modules of named tuples: after an upgrade that moved one, numba 0.68.1 raises
    ModuleNotFoundError out of the call of the kernel.
    """

    def load_index() -> dict:
        try:
            return load()
        except Exception:  # whatever a pickle of another version runs into
            return {}

    return load_index


def stamp_all(dispatcher: Dispatcher) -> None:
    """`stamp` a dispatcher and every dispatcher that it calls: a user's function that is cached by numba alone has the same fault."""
    trail = _Trail()
    trail.value(dispatcher, set())
    for found in trail.dispatchers:
        stamp(found, found.py_func)
