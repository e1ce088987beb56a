"""Networks of pgmpy (https://pgmpy.org) as factor graphs."""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown

__all__ = ["read_pgmpy"]


def read_pgmpy(model: Any) -> dict[str, Any]:
    """A ``DiscreteBayesianNetwork`` or ``DiscreteMarkovNetwork`` as the arguments of `FactorGraph`.

    Parameters
    ----------
    model : pgmpy model
        A complete model: with a table for every node, or with factors that cover all nodes.

    Returns
    -------
    dict
        ``cardinalities``, ``factors``, ``names``, ``states`` and ``name``; units in the order of the model's nodes.

    Raises
    ------
    ImportError
        If pgmpy is not installed.
    ArgumentTypeError
        For another kind of model.
    ArgumentError
        For a model that pgmpy finds incomplete or inconsistent, and for tables that disagree on the states of a node.

    Examples
    --------
    >>> from weakchaos.targets.factor_graph import FactorGraph
    >>> from pgmpy.models import DiscreteBayesianNetwork  # doctest: +SKIP
    >>> FactorGraph.from_pgmpy(DiscreteBayesianNetwork.load("asia.bif"))  # doctest: +SKIP
    <FactorGraph 'pgmpy': 8 units, 8 factors>
    """
    try:
        from pgmpy.models import DiscreteBayesianNetwork, DiscreteMarkovNetwork
    except ImportError as error:
        raise ImportError("reading a model of pgmpy needs pgmpy >= 1.0: pip install 'weakchaos[pgmpy]'") from error
    if not isinstance(model, DiscreteBayesianNetwork | DiscreteMarkovNetwork):
        raise ArgumentTypeError(f"`model` must be a DiscreteBayesianNetwork or DiscreteMarkovNetwork of pgmpy; got {shown(model)}")
    try:
        model.check_model()
    except ValueError as error:
        raise ArgumentError(f"`model` is not complete: {error}") from error
    tables = model.get_cpds() if isinstance(model, DiscreteBayesianNetwork) else model.get_factors()
    nodes = list(model.nodes())
    index = {node: i for i, node in enumerate(nodes)}
    states: dict[Any, list] = {}
    factors = []
    for table in tables:
        values = np.asarray(table.values, np.float64)
        for axis, node in enumerate(table.variables):
            own = list(table.state_names[node])
            first = states.setdefault(node, own)
            if own != first:
                # Each table of pgmpy has its own order of states; ours follow that of the first table that has the node.
                if sorted(map(repr, own)) != sorted(map(repr, first)):
                    raise ArgumentError(
                        f"`model` has tables that disagree on the states of {node!r}: {shown(first)} and {shown(own)}"
                    )
                values = values.take([own.index(s) for s in first], axis)
        factors.append(([index[node] for node in table.variables], values))
    bare = [node for node in nodes if node not in states]
    if bare:
        raise ArgumentError(f"`model` is not complete: no table covers {shown(bare)}")
    # The first variable of a conditional table of pgmpy is its child.
    children = [str(table.variable) for table in tables] if isinstance(model, DiscreteBayesianNetwork) else None
    return {
        "children": children,
        "cardinalities": [len(states[node]) for node in nodes],
        "factors": factors,
        "names": [str(node) for node in nodes],
        "states": [states[node] for node in nodes],
        "name": getattr(model, "name", None) or "pgmpy",
    }
