"""Exact inference against published marginals, against enumeration, and against closed forms."""

import itertools
import json
import math
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weakchaos.core.errors import ArgumentError
from weakchaos.targets import exact
from weakchaos.targets.factor_graph import FactorGraph, packaged, packaged_names

FILES = {"segmentation": "Segmentation_11", "dbn": "DBN_11"}


def published(name):
    folder = resources.files("weakchaos.targets") / "data" / "uai"
    return json.loads((folder / f"{FILES.get(name, name)}.mar.json").read_text())["marginals"]


def enumerated(graph):
    """Marginals and partition function by a sum over all states, one at a time."""
    total, sums = 0.0, [np.zeros(k) for k in graph.cardinalities]
    for x in itertools.product(*(range(k) for k in graph.cardinalities)):
        if any(x[i] != k for i, k in graph.observed.items()):
            continue
        weight = math.prod(math.exp(t[tuple(x[i] for i in s)]) for s, t in zip(graph.scopes, graph.log_tables, strict=True))
        total += weight
        for i, k in enumerate(x):
            sums[i][k] += weight
    return sums, total


@st.composite
def graphs(draw, largest=3, zeros=True):
    n = draw(st.integers(1, 6))
    cardinalities = draw(st.lists(st.integers(1, largest), min_size=n, max_size=n))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    factors = []
    for _ in range(draw(st.integers(0, 7))):
        scope = rng.permutation(n)[: rng.integers(0, min(n, 4) + 1)]
        table = rng.gamma(0.5, size=[cardinalities[i] for i in scope])
        if zeros and table.size > 1:
            table = np.where(rng.random(table.shape) < 0.3, 0.0, table)
            table[tuple(rng.integers(0, table.shape))] = 1.0
        factors.append((scope, table))
    seen = {i: int(rng.integers(cardinalities[i])) for i in range(n) if rng.random() < draw(st.sampled_from([0.0, 0.3]))}
    return FactorGraph(cardinalities, factors, observed=seen)


@pytest.mark.parametrize("name", packaged_names())
def test_marginals_of_published_models(name):
    found = packaged(name).marginals()
    for p, truth in zip(found, published(name), strict=True):
        np.testing.assert_allclose(p, truth, rtol=0, atol=1e-9)


@given(graphs())
@settings(max_examples=150, deadline=None)
def test_marginals_and_partition_function_are_those_of_enumeration(graph):
    sums, total = enumerated(graph)
    if total == 0.0:
        assert graph.log_partition() == -np.inf
        with pytest.raises(ArgumentError, match="allow no state under the evidence"):
            graph.marginals()
        return
    p, log_partition = exact.marginals(graph)
    assert log_partition == pytest.approx(math.log(total), abs=1e-10)
    assert exact.log_partition(graph) == pytest.approx(log_partition, abs=1e-12)
    for found, expected in zip(p, sums, strict=True):
        np.testing.assert_allclose(found, expected / total, rtol=1e-10, atol=1e-14)


@given(graphs())
@settings(max_examples=50, deadline=None)
def test_the_joint_is_that_of_log_prob(graph):
    free, joint = exact.log_joint(graph)
    for x in itertools.product(*(range(graph.cardinalities[i]) for i in free)):
        state = np.zeros(graph.dim, np.int64)
        state[list(graph.observed)] = list(graph.observed.values())
        state[free] = x
        assert joint[x] == pytest.approx(graph.log_prob(state), abs=1e-10)


@pytest.mark.parametrize("beta", [0.3, 2.0, 40.0])
def test_the_ising_ring_has_the_partition_function_of_its_transfer_matrix(beta):
    n = 300
    table = beta * np.array([[1.0, -1.0], [-1.0, 1.0]])
    ring = FactorGraph.from_log_tables([2] * n, [((i, (i + 1) % n), table) for i in range(n)])
    # Eigenvalues 2 cosh(beta) and 2 sinh(beta).
    expected = n * (beta + math.log1p(math.exp(-2 * beta))) + math.log1p(math.tanh(beta) ** n)
    assert ring.log_partition() == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(ring.marginals()[7], [0.5, 0.5], atol=1e-12)


def test_tables_that_contradict_each_other_by_thousands_of_nats_leave_no_false_zeros():
    # Products of exponentials would be zero in every state; the logarithms say exactly -1000 against -900.
    chain = FactorGraph.from_log_tables(
        [2, 2, 2], [((0, 1), [[0.0, -1000.0], [-9e9, -9e9]]), ((1, 2), [[-9e9, -9e9], [0.0, -3.0]]), ((1,), [0.0, 100.0])]
    )
    p, log_partition = exact.marginals(chain)
    assert log_partition == pytest.approx(-900 + math.log1p(math.exp(-3)))
    np.testing.assert_allclose(p[1], [0.0, 1.0])
    np.testing.assert_allclose(p[2], [1 / (1 + math.exp(-3)), math.exp(-3) / (1 + math.exp(-3))])


def test_a_bayesian_network_sums_to_one_and_its_evidence_follows_the_chain_rule():
    alarm = packaged("alarm")
    assert alarm.log_partition() == pytest.approx(0.0, abs=1e-12)
    first = alarm.condition({"CVP": "HIGH"})
    both = first.condition({"BP": "LOW"})
    place = alarm.names.index("BP")
    conditional = first.marginals()[place][alarm.states[place].index("LOW")]
    assert both.log_partition() - first.log_partition() == pytest.approx(math.log(conditional), abs=1e-12)
    np.testing.assert_allclose(both.marginals()[place], [1.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("scopes", "n", "width"),
    [
        ([(0, k) for k in range(1, 9)], 9, 1),  # a star is a tree
        ([(k, (k + 1) % 9) for k in range(9)], 9, 2),  # a ring
        (list(itertools.combinations(range(6), 2)), 6, 5),  # a complete graph
        ([(0, 1, 2), (1, 2, 3), (2, 3, 4)], 5, 2),  # chordal: min-fill is optimal
        ([], 3, 0),
    ],
)
def test_min_fill_finds_the_treewidth_of_graphs_where_it_is_known(scopes, n, width):
    plan = exact.plan_elimination([2] * n, scopes)
    assert plan.width == width
    assert plan.largest == 2 ** (width + 1)
    assert sorted(clique[0] for clique in plan.cliques) == list(range(n))


def test_too_wide_a_tree_is_refused_before_any_table_is_made():
    n = 60
    with pytest.raises(
        ArgumentError, match=r"width of at least 59 and a table of at least 60 units, 9\.22e\+09 GB, where `max_table`"
    ):
        exact.plan_elimination([2] * n, list(itertools.combinations(range(n), 2)))
    side = 40
    edges = [(i * side + j, i * side + j + 1) for i in range(side) for j in range(side - 1)]
    edges += [(i * side + j, (i + 1) * side + j) for i in range(side - 1) for j in range(side)]
    with pytest.raises(ArgumentError, match="width"):
        exact.plan_elimination([2] * side**2, edges)
    # A width far beyond any number of bytes still makes a message.
    with pytest.raises(ArgumentError, match=r"2\*\*\d+ bytes"):
        exact.plan_elimination([2] * 1200, [range(1200)])


def test_max_table_is_the_number_of_entries_allowed():
    ring = FactorGraph([3] * 5, [((i, (i + 1) % 5), np.ones((3, 3))) for i in range(5)])
    with pytest.raises(ArgumentError, match="max_table"):
        ring.marginals(max_table=26)
    with pytest.raises(ArgumentError, match="max_table"):
        ring.marginals(max_table=20)
    assert ring.marginals(max_table=27)[0] == pytest.approx(np.full(3, 1 / 3))
