"""Experiments: one file a claim of the field, each with ``run(quick, seed)``, the paper and the figure in its docstring.

`names` lists them, `run` runs one by its name. A quick run takes seconds and shows the shape; the full run takes minutes and decides.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.experiments.base import Curve, Experiment, Panel

__all__ = ["Curve", "Experiment", "Panel", "claim", "names", "run"]


def names() -> list[str]:
    """The names of all experiments."""
    return sorted(m.name for m in iter_modules(__path__) if m.name != "base")


def _module(name: Any) -> Any:
    if name not in names():
        raise ArgumentError(f"`name` must be one of {', '.join(names())}; got {shown(name)}")
    return import_module(f"weakchaos.experiments.{name}")


def claim(name: str) -> str:
    """The first line of an experiment's docstring."""
    return str(_module(name).__doc__).strip().splitlines()[0]


def run(name: str, quick: bool = False, seed: int = 0) -> Experiment:
    """Run one experiment.

    Parameters
    ----------
    name : str
        One of `names`.
    quick : bool
        A few seconds instead of minutes; the verdict may then be None.
    seed : int

    Returns
    -------
    Experiment

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> run("alchemy")  # doctest: +ELLIPSIS, +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    weakchaos.core.errors.ArgumentError: `name` must be one of ...
    """
    return _module(name).run(quick=bool(quick), seed=whole_number("seed", seed, 0))
