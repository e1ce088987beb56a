"""Published models that come with the package; origins and licences are in ``targets/data/uai/README.md``."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING

from weakchaos.core.errors import ArgumentError, shown

if TYPE_CHECKING:
    from weakchaos.targets.factor_graph import FactorGraph

__all__ = ["packaged", "packaged_names"]

_PACKAGED = {
    "sachs": "sachs",
    "alarm": "alarm",
    "child": "child",
    "asia": "asia",
    "segmentation": "Segmentation_11",
    "dbn": "DBN_11",
}


def packaged_names() -> tuple[str, ...]:
    """Names of the models that come with the package.

    Examples
    --------
    >>> packaged_names()
    ('sachs', 'alarm', 'child', 'asia', 'segmentation', 'dbn')
    """
    return tuple(_PACKAGED)


def packaged(name: str) -> FactorGraph:
    """A published model that comes with the package; origins and licences are in ``targets/data/uai/README.md``.

    Parameters
    ----------
    name : str
        ``"sachs"``, ``"alarm"``, ``"child"``, ``"asia"`` (Bayesian networks with names and states), ``"segmentation"`` or ``"dbn"``
        (Markov networks of the UAI 2014 inference competition).

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> packaged("alarm")
    <FactorGraph 'alarm': 37 units, 37 factors>
    """
    from weakchaos.targets.factor_graph import FactorGraph

    if name not in _PACKAGED:
        raise ArgumentError(f"`name` must be one of {', '.join(_PACKAGED)}; got {shown(name)}")
    folder = resources.files("weakchaos.targets") / "data" / "uai"
    facts = json.loads((folder / f"{_PACKAGED[name]}.mar.json").read_text(encoding="utf-8"))
    names = facts.get("names")
    states = [facts["states"][k] for k in names] if names else None
    with resources.as_file(folder / f"{_PACKAGED[name]}.uai") as path:
        graph = FactorGraph.from_uai(path, names=names, states=states)
    graph.name = name
    return graph
