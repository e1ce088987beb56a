"""A package as a face: names that are imported from the files below it when they are first used, so that a program pays only for what it calls."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

__all__ = ["face"]


def face(package: str, home: Mapping[str, Sequence[str]]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The ``__getattr__`` and ``__dir__`` of a package.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    home : mapping
        For each file, by its name below ``weakchaos``, the names that the package hands on from it.

    Examples
    --------
    >>> get, _ = face("weakchaos.core", {"core.errors": ("StoreError",)})
    >>> get("StoreError").__name__
    'StoreError'
    """
    files = {name: file for file, names in home.items() for name in names}

    def __getattr__(name: str) -> Any:
        if name not in files:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"weakchaos.{files[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    def __dir__() -> list[str]:
        return sorted({*vars(sys.modules[package]).get("__all__", ()), *files})

    return __getattr__, __dir__
