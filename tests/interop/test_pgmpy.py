"""Networks of pgmpy against pgmpy's own exact inference."""

import sys
import warnings

import numpy as np
import pytest

from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.targets.factor_graph import FactorGraph

pytest.importorskip("pgmpy")
from pgmpy.factors.discrete import DiscreteFactor, TabularCPD
from pgmpy.models import DiscreteBayesianNetwork, DiscreteMarkovNetwork

with warnings.catch_warnings():
    # Version 1.1 warns of its own modules when it is imported.
    warnings.simplefilter("ignore")
    from pgmpy.inference import VariableElimination


def sprinkler():
    """Rain and a sprinkler wet the grass; the table of the grass lists the states of rain the other way round."""
    model = DiscreteBayesianNetwork([("rain", "sprinkler"), ("rain", "grass"), ("sprinkler", "grass")])
    model.add_cpds(
        TabularCPD("rain", 3, [[0.5], [0.3], [0.2]], state_names={"rain": ["none", "some", "much"]}),
        TabularCPD(
            "sprinkler",
            2,
            [[0.6, 0.9, 1.0], [0.4, 0.1, 0.0]],
            ["rain"],
            [3],
            state_names={"sprinkler": ["off", "on"], "rain": ["none", "some", "much"]},
        ),
        TabularCPD(
            "grass",
            2,
            [[0.01, 0.02, 0.1, 0.05, 0.9, 0.2], [0.99, 0.98, 0.9, 0.95, 0.1, 0.8]],
            ["rain", "sprinkler"],
            [3, 2],
            state_names={"grass": ["dry", "wet"], "rain": ["none", "some", "much"], "sprinkler": ["off", "on"]},
        ),
    )
    return model


def markov():
    model = DiscreteMarkovNetwork([("a", "b"), ("b", "c")])
    model.add_factors(DiscreteFactor(["b", "a"], [2, 3], np.arange(6.0)), DiscreteFactor(["b", "c"], [2, 2], [1.0, 5.0, 0.5, 0.25]))
    return model


@pytest.mark.parametrize("model", [sprinkler(), markov()])
def test_marginals_are_those_of_pgmpy(model):
    graph = FactorGraph.from_pgmpy(model)
    assert graph.names == tuple(model.nodes())
    engine = VariableElimination(model)
    for name, states, p in zip(graph.names, graph.states, graph.marginals(), strict=True):
        query = engine.query([name], show_progress=False)
        assert query.state_names[name] == list(states)
        np.testing.assert_allclose(p, query.values / query.values.sum(), rtol=1e-12)


def test_evidence_by_the_names_of_pgmpy():
    graph = FactorGraph.from_pgmpy(sprinkler()).condition({"grass": "wet", "sprinkler": "on"})
    query = VariableElimination(sprinkler()).query(["rain"], {"grass": "wet", "sprinkler": "on"}, show_progress=False)
    np.testing.assert_allclose(graph.marginals()[graph.names.index("rain")], query.values, rtol=1e-12)


def test_tables_that_list_states_in_another_order_are_brought_into_one():
    turned = DiscreteMarkovNetwork([("a", "b")])
    turned.add_factors(
        DiscreteFactor(["a"], [2], [0.9, 0.1], state_names={"a": ["no", "yes"]}),
        DiscreteFactor(["a", "b"], [2, 2], [[0.3, 0.7], [0.8, 0.2]], state_names={"a": ["yes", "no"], "b": ["no", "yes"]}),
    )
    graph = FactorGraph.from_pgmpy(turned)
    assert graph.states == (("no", "yes"), ("no", "yes"))
    np.testing.assert_allclose(graph.distribution(), [0.9 * 0.8, 0.9 * 0.2, 0.1 * 0.3, 0.1 * 0.7])


def test_incomplete_and_foreign_models_are_refused():
    model = sprinkler()
    model.remove_cpds("grass")
    with pytest.raises(ArgumentError, match="`model` is not complete"):
        FactorGraph.from_pgmpy(model)
    with pytest.raises(ArgumentTypeError, match="must be a DiscreteBayesianNetwork or DiscreteMarkovNetwork"):
        FactorGraph.from_pgmpy("asia.bif")
    other = DiscreteMarkovNetwork([("a", "b")])
    other.add_factors(
        DiscreteFactor(["a"], [2], [0.9, 0.1], state_names={"a": ["no", "yes"]}),
        DiscreteFactor(["a", "b"], [2, 2], np.ones(4), state_names={"a": ["off", "on"], "b": ["no", "yes"]}),
    )
    with pytest.raises(ArgumentError, match="disagree on the states of 'a'"):
        FactorGraph.from_pgmpy(other)


def test_without_pgmpy_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pgmpy.models", None)
    with pytest.raises(ImportError, match=r"pip install 'weakchaos\[pgmpy\]'"):
        FactorGraph.from_pgmpy("asia.bif")


def test_state_names_that_are_numbers_are_names():
    net, names = DiscreteBayesianNetwork([("b", "a")]), [1, 2]
    net.add_cpds(
        TabularCPD("b", 2, [[0.3], [0.7]], state_names={"b": names}),
        TabularCPD("a", 2, [[0.1, 0.8], [0.9, 0.2]], ["b"], [2], state_names={"a": names, "b": names}),
    )
    graph, engine = FactorGraph.from_pgmpy(net), VariableElimination(net)
    for b in names:
        expected = engine.query(["a"], {"b": b}, show_progress=False).values
        np.testing.assert_allclose(graph.condition({"b": b}).marginals()[1], expected)
    with pytest.raises(ArgumentError, match="must be one of"):
        graph.condition({"b": 0})


def test_nodes_that_are_numbers_are_asked_about_where_indices_differ():
    net = DiscreteBayesianNetwork([(1, 0)])
    net.add_cpds(TabularCPD(1, 2, [[0.3], [0.7]]), TabularCPD(0, 2, [[0.1, 0.8], [0.9, 0.2]], [1], [2]))
    graph = FactorGraph.from_pgmpy(net)
    with pytest.raises(ArgumentError, match="may mean the unit named '1' or the unit with index 1"):
        graph.condition({1: 0})
    assert graph.condition({"1": 0}).marginals()[1] == pytest.approx([0.1, 0.9])
