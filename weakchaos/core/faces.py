"""A package as a face: names that are imported from the files below it when they are first used, so that a program pays only for what it calls.

Its ``__init__.py`` imports what it hands on in a block ``if TYPE_CHECKING:``, which type checkers and editors read and Python skips; `face` reads the
same block, so that every name is written down once and keeps its type. Each import has the form ``from home import name as name``, by which type checkers
tell what a package hands on from what it only uses; ``__all__`` is the list of these names unless the package has a list of its own.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["face"]


def face(package: str, optional: tuple[str, ...] = ()) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The ``__getattr__`` and ``__dir__`` of a package whose imports stand under ``if TYPE_CHECKING:``.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    optional : tuple of str
        Names that need an optional library; ``from package import *`` and ``dir`` leave them out.

    Examples
    --------
    >>> import weakchaos.diagnostics
    >>> get, _ = face("weakchaos.diagnostics")
    >>> get("period").__module__
    'weakchaos.diagnostics.symbols.repetitions'
    >>> "period" in get("__all__")
    True
    """
    homes: dict[str, tuple[str, str]] = {}

    def __getattr__(name: str) -> Any:
        # Python and its tools ask a package for many names with underscores (`__path__`, `__wrapped__`); but for the list none is handed on.
        if not homes and (name == "__all__" or not name.startswith("__")):
            homes.update(_homes(package))
        value: Any
        if name == "__all__":
            value = sorted(homes.keys() - set(optional))
        elif name in homes:
            home, own = homes[name]
            value = import_module(f"{home}.{own}") if home == package else getattr(import_module(home), own)
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(sys.modules[package], name, value)
        return value

    def __dir__() -> list[str]:
        module = sys.modules[package]
        return sorted({name for name in vars(module) if name.startswith("__")} | {*module.__all__})

    return __getattr__, __dir__


def _homes(package: str) -> dict[str, tuple[str, str]]:
    """For each name that a package hands on the file it comes from and its name there; a package in which a file of its own is imported gives itself."""
    spec = sys.modules[package].__spec__
    source = getattr(spec and spec.loader, "get_source", lambda _: None)(package)
    if source is None:
        raise ImportError(
            f"the source of {package} is missing, and it says from which files the names come: install weakchaos with its .py files"
        )
    blocks = (node for node in ast.parse(source).body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    imports = (node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom))
    return {alias.asname or alias.name: (str(node.module), alias.name) for node in imports for alias in node.names}
