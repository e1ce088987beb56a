"""Factor graphs: what they refuse, evidence, probabilities, starts, and their way through a file."""

import io
import itertools
import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

import weakchaos as wc
from tests.targets.test_exact import graphs
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.runs.description import describe, rebuild
from weakchaos.targets.factor_graph import FactorGraph, packaged, packaged_names

PAIR = [((0, 1), [[1.0, 2.0], [3.0, 4.0]])]


@pytest.mark.parametrize(
    ("cardinalities", "factors", "options", "message"),
    [
        ([], [], {}, "`cardinalities` must be a list of whole numbers"),
        ([2.0, 2.0], [], {}, "`cardinalities` must be a list of whole numbers"),
        ([[2], [2, 3]], [], {}, "`cardinalities` must be a list of whole numbers"),
        ([2, 0], [], {}, "unit 1 has 0"),
        ([2, 2], [((0, 1), [1.0, 2.0])], {}, r"must have shape \(2, 2\), the cardinalities of its scope; got \(2,\)"),
        ([2, 3], [((0,), [1.0, 2.0]), ((1, 0), np.ones((2, 3)))], {}, r"factor 1, over \['x1', 'x0'\], must have shape \(3, 2\)"),
        ([2, 2], [((0, 1), [[1.0, -1.0], [1.0, 1.0]])], {}, r"entry \(0, 1\) is -1.0"),
        ([2, 2], [((0, 1), [[1.0, 1.0], [math.nan, 1.0]])], {}, r"entry \(1, 0\) is nan"),
        ([2], [((0,), [1.0, math.inf])], {}, r"entry \(1,\) is inf"),
        ([2], [((0,), [0.0, 0.0])], {}, "must not be zero everywhere"),
        ([2], [((), 0.0)], {}, "must not be zero everywhere"),
        ([2, 2], [((0, 2), np.ones((2, 2)))], {}, "must hold units from 0 to 1; got 2"),
        ([2, 2], [((0, -1), np.ones((2, 2)))], {}, "must hold units from 0 to 1; got -1"),
        ([2, 2], [((0, "y"), np.ones((2, 2)))], {}, "names a unit that does not exist, 'y'"),
        ([2, 2], [((1, "x1"), np.ones((2, 2)))], {}, r"must not repeat a unit; got \['x1', 'x1'\]"),
        ([2, 2], PAIR, {"names": ["a"]}, "`names` must hold 2 different names"),
        ([2, 2], PAIR, {"names": ["a", "a"]}, "`names` must hold 2 different names"),
        ([2, 2], PAIR, {"states": [["n", "y"]]}, "`states` must hold 2 lists of state names, one for each unit"),
        ([2, 2], PAIR, {"states": [["n", "y"], ["n", "n"]]}, "`states` of unit 'x1' must be 2 different names"),
        ([2, 2], PAIR, {"observed": {0: 2}}, "`evidence` on unit 'x0' must be a state from 0 to 1; got 2"),
        ([2, 2], PAIR, {"observed": {0: "y"}}, "this graph has no state names"),
        ([2, 2], PAIR, {"observed": {0: 1, "x0": 0}}, "gives unit 'x0' two states"),
    ],
)
def test_what_cannot_be_a_factor_graph_is_refused(cardinalities, factors, options, message):
    with pytest.raises(ArgumentError, match=message):
        FactorGraph(cardinalities, factors, **options)


@pytest.mark.parametrize(
    ("factors", "options", "message"),
    [
        ([((0, 1), "table")], {}, "must be an array of numbers"),
        ([(0, [1.0, 1.0])], {}, "the scope of factor 0 must be a sequence of units; got 0"),
        ([((0.0, 1.0), np.ones((2, 2)))], {}, "must hold unit names or indices; got 0.0"),
        ([1.0], {}, r"`factors` must be pairs \(scope, table\)"),
        (PAIR, {"names": "ab"}, "`names` must be a sequence of 2 names"),
        (PAIR, {"observed": [0, 1]}, "`evidence` must be a dict"),
        (PAIR, {"observed": {0: 1.0}}, "must be a state index or a state name; got 1.0"),
    ],
)
def test_wrong_types_are_refused(factors, options, message):
    with pytest.raises(ArgumentTypeError, match=message):
        FactorGraph([2, 2], factors, **options)


def test_a_factor_graph_shows_what_it_is_made_of():
    graph = FactorGraph(np.array([2, 3]), [(["b", "a"], np.arange(6.0).reshape(3, 2))], names=["a", "b"], name="toy")
    assert (graph.dim, graph.names, graph.name, graph.states, graph.observed) == (2, ("a", "b"), "toy", None, {})
    assert graph.cardinalities.dtype == graph.scopes[0].dtype == np.int64
    assert graph.scopes[0].tolist() == [1, 0]
    assert graph.log_tables[0].shape == (3, 2)
    assert graph.log_tables[0][0, 0] == -np.inf
    assert repr(graph.condition({"b": 1})) == "<FactorGraph 'toy': 2 units, 1 factors, 1 observed>"


def test_evidence_by_name_and_by_index_is_merged_and_may_not_contradict_itself():
    asia = packaged("asia")
    seen = asia.condition({"xray": "yes"}).condition({2: 1, "xray": 0})
    assert seen.observed == {6: 0, 2: 1}
    assert asia.observed == {}
    with pytest.raises(ArgumentError, match="'xray' in state 1, but it is observed in state 0 already"):
        seen.condition({"xray": "no"})
    with pytest.raises(ArgumentError, match="must be one of"):
        asia.condition({"xray": "perhaps"})
    with pytest.raises(ArgumentError, match="names a unit that does not exist, 'x-ray'; the units are"):
        asia.condition({"x-ray": 0})


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_log_prob_and_distribution_agree_with_a_loop_over_the_tables(graph):
    states = list(itertools.product(*(range(k) for k in graph.cardinalities)))
    weights = np.array(
        [
            math.prod(math.exp(t[tuple(x[i] for i in s)]) for s, t in zip(graph.scopes, graph.log_tables, strict=True))
            * all(x[i] == k for i, k in graph.observed.items())
            for x in states
        ]
    )
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(graph.log_prob(states), np.log(weights), rtol=1e-12, atol=1e-12)
    if weights.sum() > 0:
        np.testing.assert_allclose(graph.distribution(), weights / weights.sum(), rtol=1e-12)
        p = graph.distribution().reshape(graph.cardinalities)
        for i, marginal in enumerate(graph.marginals()):
            np.testing.assert_allclose(p.sum(tuple(a for a in range(graph.dim) if a != i)), marginal, atol=1e-12)
    else:
        with pytest.raises(ArgumentError, match="allow no state"):
            graph.distribution()


def test_log_prob_takes_any_shape_and_checks_states():
    graph = FactorGraph([2, 3], [((0, 1), np.arange(6.0).reshape(2, 3))])
    x = np.array([[[0, 1], [1, 2]], [[1, 0], [0, 0]]], np.uint8)
    np.testing.assert_allclose(np.exp(graph.log_prob(x)), [[1.0, 5.0], [3.0, 0.0]])
    assert graph.log_prob([1, 2]).shape == ()
    for bad in ([0, 3], [-1, 0], [0.5, 0]):
        with pytest.raises(ArgumentError, match="`x` must hold states from 0 to"):
            graph.log_prob(bad)
    with pytest.raises(ArgumentError, match=r"`x` must have shape \(..., 2\); got \(3,\)"):
        graph.log_prob([0, 0, 0])


def test_the_distribution_of_a_large_graph_is_refused_with_what_to_use_instead():
    # 13 units of 2 states, 17 of 3 and 7 of 4: 13 + 17 log2(3) + 14.
    with pytest.raises(ArgumentError, match=r"this graph has 2\*\*53\.9: use `marginals`"):
        packaged("alarm").distribution()


def test_units_of_one_state_and_more_units_than_axes_of_an_array():
    graph = FactorGraph([1] * 70 + [2], [((3, 70), [[1.0, 3.0]])])
    np.testing.assert_allclose(graph.distribution(), [0.25, 0.75])
    np.testing.assert_allclose(graph.marginals()[70], [0.25, 0.75])
    assert graph.marginals()[0].tolist() == [1.0]


def test_marginals_are_kept_and_handed_out_as_copies():
    asia = packaged("asia")
    asia.marginals()[0][:] = 7.0
    assert asia.marginals()[0] == pytest.approx([0.01, 0.99])


@given(graphs(), st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_a_random_start_is_possible_whenever_anything_is(graph, seed):
    if graph.log_partition() > -np.inf:
        x = graph.random_start(np.random.default_rng(seed))
        assert x.dtype == np.int64
        assert np.isfinite(graph.log_prob(x))
        np.testing.assert_array_equal(x, graph.random_start(np.random.default_rng(seed)))
        np.testing.assert_array_equal(graph.symbols_of(x), x)
    else:
        with pytest.raises(ArgumentError, match="allow no state under the evidence"):
            graph.random_start(np.random.default_rng(seed))


def test_random_starts_ignore_the_weights_but_not_the_zeros():
    # Three possible states of four, one of weight 1e-9.
    graph = FactorGraph([2, 2], [((0, 1), [[1e-9, 1.0], [1.0, 0.0]])])
    rng = np.random.default_rng(5)
    x = np.array([graph.random_start(rng) for _ in range(3000)]) @ [2, 1]
    counts = np.bincount(x, minlength=4)
    # Whichever unit comes first is uniform; 1 forces the other: 1/4 for (0, 0), 3/8 for the other two.
    assert chisquare(counts[:3], 3000 * np.array([2, 3, 3]) / 8).pvalue > 1e-3
    assert counts[3] == 0
    assert chisquare(counts[:3], [1000, 1000, 1000]).pvalue < 1e-6  # the test can tell


def test_a_start_of_a_tightly_constrained_graph_is_found():
    # Colouring with three colours: an even torus, and an odd ring; with two colours the odd ring has none.
    side = 12
    edges = [(i * side + j, i * side + (j + 1) % side) for i in range(side) for j in range(side)]
    edges += [(i * side + j, (i + 1) % side * side + j) for i in range(side) for j in range(side)]
    torus = FactorGraph([3] * side**2, [(e, 1.0 - np.eye(3)) for e in edges])
    starts = [torus.random_start(np.random.default_rng(k)) for k in range(3)]
    assert np.isfinite(torus.log_prob(starts)).all()
    ring = [((k, (k + 1) % 9), 1.0 - np.eye(3)) for k in range(9)]
    assert np.isfinite(FactorGraph([3] * 9, ring).log_prob(FactorGraph([3] * 9, ring).random_start(np.random.default_rng(0))))
    ring = [((k, (k + 1) % 9), 1.0 - np.eye(2)) for k in range(9)]
    with pytest.raises(ArgumentError, match="allow no state"):
        FactorGraph([2] * 9, ring).random_start(np.random.default_rng(0))


def test_contradictory_evidence_is_named():
    wrong = packaged("asia").condition({"either": "no", "lung": "yes"})
    for call in (lambda: wrong.random_start(np.random.default_rng(0)), wrong.marginals, wrong.distribution):
        with pytest.raises(ArgumentError, match=r"allow no state under the evidence \{'either': 1, 'lung': 0\}; leave out"):
            call()
    assert wrong.log_partition() == -np.inf


@given(graphs())
@settings(max_examples=40, deadline=None)
def test_a_graph_goes_through_plain_data_and_back(graph):
    arrays = {}
    text = json.dumps(describe(graph, arrays))
    file = io.BytesIO()
    np.savez(file, **arrays)
    file.seek(0)
    with np.load(file, allow_pickle=False) as loaded:
        again = rebuild(json.loads(text), loaded)
    for twin in (again, pickle.loads(pickle.dumps(graph))):
        assert (twin.names, twin.states, twin.observed, twin.name) == (graph.names, graph.states, graph.observed, graph.name)
        np.testing.assert_array_equal(twin.cardinalities, graph.cardinalities)
        assert [s.tolist() for s in twin.scopes] == [s.tolist() for s in graph.scopes]
        for a, b in zip(twin.log_tables, graph.log_tables, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", packaged_names())
def test_packaged_models(name):
    graph = packaged(name)
    units, factors, zero = {
        "sachs": (11, 11, 0),
        "alarm": (37, 37, 5),
        "child": (20, 20, 3),
        "asia": (8, 8, 4),
        "segmentation": (228, 845, 0),
        "dbn": (40, 440, 0),
    }[name]
    assert (graph.name, graph.dim, len(graph.scopes)) == (name, units, factors)
    assert sum(int((t == -np.inf).sum()) for t in graph.log_tables) == zero
    assert (graph.states is None) == (name in ("segmentation", "dbn"))
    assert np.isfinite(graph.log_prob(graph.random_start(np.random.default_rng(0))))


def test_an_unknown_packaged_model_is_refused():
    with pytest.raises(ArgumentError, match="`name` must be one of sachs, alarm"):
        packaged("hailfinder")


def test_pairwise_models_keep_logarithms_whose_exponentials_have_no_number():
    # All four ones weigh exp(6 * 700 - 4 * 760); no other state of one parity weighs as much.
    strong = wc.PairwiseMRF(700 * (np.ones((4, 4)) - np.eye(4)), fields=-760.0)
    graph = strong.factor_graph()
    assert graph.marginals()[0][1] == strong.marginals()[0][1] == 1.0
    assert graph.log_prob([1, 1, 1, 1]) == pytest.approx(6 * 700 - 4 * 760)
    potts = wc.Potts(900 * (np.ones((3, 3)) - np.eye(3)), 4, fields=np.tile([-800.0, 0.0, 0.0, -800.0], (3, 1)))
    for p in potts.factor_graph().marginals():
        np.testing.assert_allclose(p, [0, 0.5, 0.5, 0], atol=1e-12)
    cold = wc.Ising.lattice((3, 3), beta=300.0, field=0.1).factor_graph()
    assert [p[1] for p in cold.marginals()] == [1.0] * 9


def test_numbers_that_are_names_of_states_are_names():
    factors = [((0,), [0.3, 0.7]), ((0, 1), [[0.1, 0.9], [0.8, 0.2]])]
    graph = FactorGraph([2, 2], factors, names=["b", "a"], states=[[1, 2], [False, True]])
    assert graph.condition({"b": 1}).observed == graph.condition({"b": "1"}).observed == {0: 0}
    assert graph.condition({"b": np.int64(2), "a": True}).observed == {0: 1, 1: 1}
    with pytest.raises(ArgumentError, match=r"`evidence` on unit 'b' must be one of \[1, 2\]; got 0"):
        graph.condition({"b": 0})
    spec, arrays = graph.to_spec()
    twin = FactorGraph.from_spec(json.loads(json.dumps(spec)), arrays)
    assert twin.states == graph.states == ((1, 2), (False, True))
    assert twin.condition({"b": 1}).observed == {0: 0}


def test_a_number_that_may_be_two_states_or_two_units_is_asked_about():
    factors = [((0,), [0.3, 0.7]), ((0, 1), [[0.1, 0.9], [0.8, 0.2]])]
    graph = FactorGraph([2, 2], factors, names=["1", "0"], states=[["1", "2"], ["0", "1"]])
    with pytest.raises(ArgumentError, match="may mean the state named '1' or the state with index 1, '2'"):
        graph.condition({"1": 1})
    with pytest.raises(ArgumentError, match="may mean the unit named '0' or the unit with index 0, '1'"):
        graph.condition({0: "1"})
    # Where both readings agree nothing is asked, and stored evidence counts indices.
    seen = graph.condition({"1": "1", "0": 1})
    assert seen.observed == {0: 0, 1: 1}
    assert FactorGraph.from_spec(*seen.to_spec()).observed == {0: 0, 1: 1}
