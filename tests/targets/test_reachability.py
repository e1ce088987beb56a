"""Components of the possible states against a breadth-first search over single states."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.targets.test_exact import graphs
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.targets import reachability
from weakchaos.targets.factor_graph import FactorGraph, packaged
from weakchaos.targets.reachability import Support, component_of, components, suggest_blocks

EQUAL = np.eye(2)


def searched(graph, blocks=()):
    """Components as sets of states, by breadth-first search: a move changes one block, or one unit."""
    n = graph.dim
    moves = [tuple(b) for b in blocks] + [(i,) for i in range(n)]
    left = {
        x
        for x in itertools.product(*(range(k) for k in graph.cardinalities))
        if all(x[i] == k for i, k in graph.observed.items())
        and all(t[tuple(x[i] for i in s)] > -np.inf for s, t in zip(graph.scopes, graph.log_tables, strict=True))
    }
    out = []
    while left:
        queue = [left.pop()]
        found = set(queue)
        while queue:
            x = queue.pop()
            for move in moves:
                for values in itertools.product(*(range(graph.cardinalities[i]) for i in move)):
                    y = list(x)
                    for i, k in zip(move, values, strict=True):
                        y[i] = k
                    if tuple(y) in left:
                        left.remove(tuple(y))
                        found.add(tuple(y))
                        queue.append(tuple(y))
        out.append(found)
    return out


def random_blocks(rng, n):
    return [tuple(int(i) for i in rng.permutation(n)[: rng.integers(1, min(n, 3) + 1)]) for _ in range(rng.integers(0, 3))]


def same_partition(graph, result, sets):
    """Whether `component_of` numbers the components as the sets do, each with its probability."""
    labels = [{component_of(result, np.array(x)) for x in found} for found in sets]
    assert all(len(label) == 1 for label in labels)
    assert len(set.union(*labels)) == len(sets) == result.n_components
    if result.probabilities is not None:
        p = graph.distribution().reshape(graph.cardinalities)
        for label, found in zip(labels, sets, strict=True):
            assert sum(p[x] for x in found) == pytest.approx(result.probabilities[label.pop()], abs=1e-12)


def test_asia_falls_into_two_components_and_one_pair_joins_them():
    asia = packaged("asia")
    sets = searched(asia)
    assert len(sets) == 2  # either is the disjunction of tub and lung: alone it never changes
    result = components(asia)
    assert (result.n_components, result.exact, result.names) == (2, True, ("tub", "lung", "either"))
    # The smaller one holds the states with tuberculosis or lung cancer.
    assert result.probabilities == pytest.approx((0.935172, 0.064828), abs=1e-12)
    same_partition(asia, result, sets)
    assert "tub, lung and either split the possible states into 2 components of probability 0.9352 and 0.06483" in result.message
    blocks = suggest_blocks(asia)
    assert blocks == ((1, 5),)
    assert len(searched(asia, blocks)) == 1
    for pairs in (blocks, [("tub", "either")], [("lung", "either"), ("tub", "either")]):
        joined = components(asia, pairs)
        assert (joined.n_components, joined.exact, joined.probabilities, joined.units) == (1, True, (1.0,), ())
        assert component_of(joined, asia.random_start(np.random.default_rng(0))) == 0
    assert components(asia, [("tub", "lung")]).n_components == len(searched(asia, [(1, 3)])) == 2


def test_evidence_can_join_or_split():
    asia = packaged("asia")
    # Known to be ill: tub and lung can each carry it, but to pass it on both must be on in between, which is possible.
    assert components(asia.condition({"either": "yes"})).n_components == 1
    # An exclusive disjunction given its outcome is two states at distance two.
    table = [[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]]
    xor = FactorGraph([2, 2, 2], [((0, 1, 2), table)])
    assert components(xor).n_components == 4
    seen = components(xor.condition({2: 1}))
    assert (seen.n_components, seen.units, seen.probabilities) == (2, (0, 1), (0.5, 0.5))
    assert suggest_blocks(xor.condition({2: 1})) == ((0, 1),)


@given(graphs(), st.integers(0, 1000))
@settings(max_examples=120, deadline=None)
def test_components_are_those_of_a_search(graph, seed):
    sets = searched(graph, blocks := random_blocks(np.random.default_rng(seed), graph.dim))
    if not sets:
        with pytest.raises(ArgumentError, match="allow no state"):
            components(graph, blocks)
        return
    result = components(graph, blocks)
    assert result.exact
    same_partition(graph, result, sets)


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_suggested_blocks_join_everything_and_are_not_suggested_in_vain(graph):
    sets = searched(graph)
    if sets:
        blocks = suggest_blocks(graph)
        assert len(searched(graph, blocks)) == 1
        assert (blocks == ()) == (len(sets) == 1)
        hard = [set(s.tolist()) for s, t in zip(graph.scopes, graph.log_tables, strict=True) if (t == -np.inf).any()]
        assert all(any(set(b) <= s for s in hard) for b in blocks if len(b) == 2)


@given(graphs(), st.integers(0, 1000))
@settings(max_examples=120, deadline=None)
def test_a_certificate_never_parts_what_a_search_joins(graph, seed):
    sets = searched(graph, blocks := random_blocks(np.random.default_rng(seed), graph.dim))
    if not sets:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reachability, "_LISTED", 0)  # every cluster is too large to be listed
        result = components(graph, blocks)
    assert result.n_components <= len(sets)
    seen = [{component_of(result, np.array(x)) for x in found} for found in sets]
    assert all(len(labels) == 1 for labels in seen)
    assert len(set.union(*seen)) == result.n_components
    p = graph.distribution().reshape(graph.cardinalities)
    share = np.zeros(result.n_components)
    for labels, found in zip(seen, sets, strict=True):
        share[labels.pop()] += sum(p[x] for x in found)
    if result.probabilities is not None:
        assert share == pytest.approx(result.probabilities, abs=1e-12)


def test_what_follows_from_the_zeros_alone_is_worked_in():
    # x0 = x1 = x2 = x3 = 1: nothing is left to constrain.
    links = [((k, k + 1), EQUAL) for k in range(3)]
    support = Support(FactorGraph([2] * 5, [*links, ((3,), [0.0, 1.0]), ((0, 4), [[1.0, 0.0], [2.0, 3.0]])]))
    assert {u: k.tolist() for u, k in support.allowed.items()} == {0: [1], 1: [1], 2: [1], 3: [1], 4: [0, 1]}
    assert support.constraints == []


def test_a_certificate_needs_parts_that_are_possible_as_a_whole():
    # x0 = x1 has two parts; but under x0 = 1 the units 2, 3 and 4 would have to differ in pairs, which no table shows on its own.
    differ = np.array([[[1.0, 1.0], [1.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]])
    triangle = [((0, a, b), differ) for a, b in ((2, 3), (3, 4), (4, 2))]
    graph = FactorGraph([2] * 5, [((0, 1), EQUAL), *triangle])
    assert len(searched(graph)) == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reachability, "_LISTED", 0)
        assert components(graph).n_components == 1
        graph = FactorGraph([2] * 5, [((0, 1), EQUAL), *triangle[:2]])
        assert components(graph).n_components == 2


def test_large_models_get_a_certificate():
    # A ring of disjunctions of twenty pairs: 2**20 possible states, too many to list.
    n = 40
    table = np.array([[[a ^ b == c for c in (0, 1)] for b in (0, 1)] for a in (0, 1)], float)
    ring = FactorGraph([2] * n, [((2 * k, 2 * k + 1, (2 * k + 2) % n), table) for k in range(n // 2)])
    result = components(ring)
    assert (result.exact, result.units) == (False, (0, 1, 2))
    assert result.n_components == 4
    assert result.probabilities == pytest.approx((0.25,) * 4)
    assert "into at least 4 components" in result.message
    # The hard-core lattice is irreducible: everything can be emptied one by one. No certificate may say otherwise.
    side = 8
    edges = [(i * side + j, i * side + (j + 1) % side) for i in range(side) for j in range(side)]
    edges += [(i * side + j, (i + 1) % side * side + j) for i in range(side) for j in range(side)]
    result = components(FactorGraph([2] * side**2, [(e, [[1.0, 1.0], [1.0, 0.0]]) for e in edges]))
    assert (result.n_components, result.exact, result.probabilities) == (1, False, None)
    assert "too many for a proof" in result.message
    assert suggest_blocks(FactorGraph([2] * side**2, [(e, [[1.0, 1.0], [1.0, 0.0]]) for e in edges])) == ()


def test_clusters_that_share_no_table_multiply():
    pairs = FactorGraph([2] * 7, [((0, 1), EQUAL), ((2, 3), EQUAL), ((4, 5), [[1.0, 2.0], [3.0, 4.0]]), ((0,), [0.9, 0.1])])
    result = components(pairs)
    assert (result.n_components, result.exact, result.units) == (4, True, (0, 1, 2, 3))
    assert result.probabilities == pytest.approx((0.45, 0.45, 0.05, 0.05))
    states = np.array([[a, a, b, b, c, 0, 1] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
    labels = component_of(result, states)
    assert labels.shape == (8,)
    assert (labels[0::2] == labels[1::2]).all()
    assert [result.probabilities[k] for k in labels[::2]] == pytest.approx([0.45, 0.45, 0.05, 0.05])
    assert suggest_blocks(pairs) == ((0, 1), (2, 3))


def test_positive_tables_need_no_enumeration():
    for name in ("dbn", "segmentation", "sachs"):
        result = components(packaged(name))
        assert (result.n_components, result.exact, result.probabilities, suggest_blocks(packaged(name))) == (1, True, (1.0,), ())
    for name in ("alarm", "child"):
        assert components(packaged(name)).exact


def test_long_equalities_are_listed_by_their_possible_states():
    n = 70
    chain = FactorGraph([2] * n, [((k, k + 1), EQUAL) for k in range(n - 1)])
    result = components(chain)
    assert (result.n_components, result.exact, len(result.units)) == (2, True, n)
    assert component_of(result, np.zeros(n, int)) != component_of(result, np.ones(n, int))
    with pytest.raises(ArgumentError, match="needs a block of more than 4096 states"):
        suggest_blocks(chain)


def test_what_cannot_be_asked_is_refused():
    asia = packaged("asia")
    for blocks, message in (([(0, 8)], "indices from 0 to 7; got 8"), ([("tub", "liver")], "'liver'"), ([(0, 1.0)], "1.0")):
        with pytest.raises(ArgumentError, match=message):
            components(asia, blocks)
    with pytest.raises(ArgumentTypeError, match="`blocks` must be a sequence of sequences"):
        components(asia, [1, 5])
    result = components(asia)
    with pytest.raises(ArgumentError, match="positive probability"):
        component_of(result, [0, 0, 0, 0, 0, 1, 0, 0])
    with pytest.raises(ArgumentError, match="positive probability"):
        component_of(result, [0, 5, 0, 0, 0, 1, 0, 0])
    with pytest.raises(ArgumentError, match=r"shape \(..., n\)"):
        component_of(result, [0, 0, 0])
    with pytest.raises(ArgumentError, match="allow no state"):
        components(asia.condition({"either": "no", "lung": "yes"}))
