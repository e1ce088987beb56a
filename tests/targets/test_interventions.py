"""Doing is not seeing: interventions against the truncated factorisation summed over all states, and what may be intervened on."""

import gzip
import itertools

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, FileFormatError
from weakchaos.targets.factor_graph import packaged

CANCER = """
network cancer { property author "Korb and Nicholson"; }
/* Bayesian Artificial Intelligence (2010), figure 2.1 */
variable Pollution { type discrete [ 2 ] { low, high }; }
variable Smoker { type discrete [ 2 ] { True, False }; }
variable Cancer { type discrete [ 2 ] { True, False }; }
variable Xray { type discrete [ 2 ] { positive, negative }; }
variable Dyspnoea { type discrete [ 2 ] { True, False }; }
probability ( Pollution ) { table 0.9, 0.1; } // air
probability ( Smoker ) { table 0.3, 0.7; }
probability ( Cancer | Pollution, Smoker ) {
  (low, True) 0.03, 0.97;
  (high, True) 0.05, 0.95;
  (low, False) 0.001, 0.999;
  (high, False) 0.02, 0.98;
}
probability ( Xray | Cancer ) { table 0.9, 0.2, 0.1, 0.8; }
probability ( Dyspnoea | Cancer ) { (True) 0.65, 0.35; default 0.3, 0.7; }
"""


@pytest.fixture
def cancer(tmp_path):
    (tmp_path / "cancer.bif").write_text(CANCER)
    return wc.FactorGraph.from_bif(tmp_path / "cancer.bif")


def truncated(graph, chosen):
    """Marginals under do(chosen), by the truncated factorisation over all states."""
    out = [np.zeros(k) for k in graph.cardinalities]
    for x in itertools.product(*(range(k) for k in graph.cardinalities)):
        if any(x[i] != k for i, k in chosen.items()):
            continue
        p = 1.0
        for child, scope, table in zip(graph.children, graph.scopes, graph.log_tables, strict=True):
            if child not in chosen:
                p *= np.exp(table[tuple(x[i] for i in scope)])
        for i, k in enumerate(x):
            out[i][k] += p
    return [p / p.sum() for p in out]


@pytest.mark.parametrize("chosen", [{"either": "yes"}, {"smoke": "no"}, {"smoke": "yes", "bronc": "no"}, {5: 1, 6: 0}])
def test_asia_by_enumeration(chosen):
    asia = packaged("asia")
    done = asia.do(chosen)
    for own, slow in zip(done.marginals(), truncated(asia, done.observed), strict=True):
        assert np.allclose(own, slow, atol=1e-12)
    assert np.allclose(done.log_partition(), 0.0, atol=1e-12)  # a Bayesian network still


def test_cancer_by_enumeration(cancer):
    for unit, state in itertools.product(cancer.names, (0, 1)):
        done = cancer.do({unit: state})
        for own, slow in zip(done.marginals(), truncated(cancer, done.observed), strict=True):
            assert np.allclose(own, slow, atol=1e-12)


@pytest.mark.parametrize("unit", ["PKA", "PKC"])
def test_sachs_by_enumeration(unit):
    """Its printed tables sum to 1 to 1e-7 only."""
    sachs = packaged("sachs")
    done = sachs.do({unit: "HIGH"})
    # A sum over all 177,147 states in numpy: the tables one after the other.
    joint = np.zeros(tuple(sachs.cardinalities))
    for child, scope, table in zip(sachs.children, sachs.scopes, sachs.log_tables, strict=True):
        if sachs.names[child] != unit:
            order = np.argsort(scope)
            shape = [sachs.cardinalities[i] if i in scope else 1 for i in range(sachs.dim)]
            joint = joint + table.transpose(order).reshape(shape)
    p = np.exp(joint)
    p = np.take(p, [2], sachs.unit(unit))
    for i in range(sachs.dim):
        if sachs.names[i] != unit:
            slow = p.sum(tuple(j for j in range(sachs.dim) if j != i))
            assert np.allclose(done.marginals()[i], slow / slow.sum(), atol=1e-7)


def test_doing_is_not_seeing(cancer):
    """The three gaps: an effect tells of its causes when it is seen, not when it is made."""
    asia, sachs = packaged("asia"), packaged("sachs")
    lung, pkc, smoker = asia.unit("lung"), sachs.unit("PKC"), cancer.unit("Smoker")
    assert asia.do({"either": "yes"}).marginals()[lung][0] == pytest.approx(0.055, abs=1e-12)
    assert asia.condition({"either": "yes"}).marginals()[lung][0] == pytest.approx(0.8484, abs=5e-5)
    assert np.allclose(sachs.do({"PKA": "HIGH"}).marginals()[pkc], [0.4231, 0.4816, 0.0952], atol=5e-5)
    assert np.allclose(sachs.do({"PKA": "HIGH"}).marginals()[pkc], sachs.marginals()[pkc], atol=1e-7)
    assert np.allclose(sachs.condition({"PKA": "HIGH"}).marginals()[pkc], [0.9034, 0.0745, 0.0221], atol=5e-5)
    assert cancer.do({"Cancer": "True"}).marginals()[smoker][0] == pytest.approx(0.3, abs=1e-12)
    assert cancer.condition({"Cancer": "True"}).marginals()[smoker][0] == pytest.approx(0.8255, abs=5e-5)


@pytest.mark.parametrize(("net", "root"), [("asia", "smoke"), ("asia", "asia"), ("sachs", "PKC")])
def test_doing_is_seeing_at_a_root(net, root):
    graph = packaged(net)
    for state in graph.states[graph.unit(root)]:
        for done, seen in zip(graph.do({root: state}).marginals(), graph.condition({root: state}).marginals(), strict=True):
            assert np.allclose(done, seen, atol=1e-7)


def test_what_follows_an_intervention_may_be_conditioned_on():
    asia = packaged("asia")
    done = asia.do({"either": "yes"}).condition({"dysp": "yes"})
    # Dyspnoea tells of bronchitis and so of smoking; it tells nothing of lung cancer beyond that.
    joint = truncated(asia, {asia.unit("either"): 0})[asia.unit("smoke")]
    assert done.marginals()[asia.unit("smoke")][0] > joint[0]
    twice = asia.do({"either": "yes"}).do({"smoke": "no"})
    assert np.allclose(np.concatenate(twice.marginals()), np.concatenate(asia.do({"either": "yes", "smoke": "no"}).marginals()))
    assert asia.observed == {}  # the network itself is as it was
    assert asia.intervened == frozenset()


@pytest.mark.parametrize("sampler", [wc.samplers.Gibbs(), wc.herding.HerdedGibbs("full"), wc.samplers.ChaoticBoltzmann()])
def test_samplers_run_on_the_result(sampler):
    sachs = packaged("sachs").do({"PKA": "HIGH"})
    trace = wc.sample(sachs, sampler, draws=6000, warmup=500, chains=2, seed=1, progress=False)
    pkc, pka = sachs.unit("PKC"), sachs.unit("PKA")
    assert (np.asarray(trace.draws)[..., pka] == 2).all()
    shares = np.bincount(np.asarray(trace.draws)[..., pkc].ravel(), minlength=3) / 12000
    assert np.allclose(shares, [0.4231, 0.4816, 0.0952], atol=0.06)
    assert abs(shares[0] - 0.9034) > 0.3  # which seeing would give


def test_a_stored_intervention_is_one():
    done = packaged("asia").do({"either": "yes"})
    again = wc.FactorGraph.from_spec(*done.to_spec())
    assert (again.children, again.intervened, again.observed) == (done.children, done.intervened, done.observed)
    assert np.allclose(np.concatenate(again.do({"smoke": 0}).marginals()), np.concatenate(done.do({"smoke": 0}).marginals()))


def test_models_without_directions_are_refused_with_what_to_do(tmp_path):
    for model in (packaged("dbn"), wc.FactorGraph([2, 2], [((0, 1), [[1.0, 2.0], [3.0, 4.0]])])):
        with pytest.raises(ArgumentError, match=r"no directions: read a Bayesian network.*`children`"):
            model.do({0: 0})
    # A BAYES file whose tables are no distributions is no Bayesian network.
    (tmp_path / "weights.uai").write_text("BAYES 1 2 1 1 0 2 0.7 0.8")
    with pytest.warns(UserWarning, match="no Bayesian network"):
        weights = wc.FactorGraph.from_uai(tmp_path / "weights.uai")
    with pytest.raises(ArgumentError, match="no directions"):
        weights.do({0: 0})


RAIN = [((0,), [0.8, 0.2]), ((0, 1), [[0.9, 0.1], [0.2, 0.8]])]


def test_directions_given_by_hand():
    rain = wc.FactorGraph([2, 2], RAIN, ["rain", "wet"], children=["rain", "wet"])
    assert rain.do({"wet": 1}).marginals()[0].tolist() == pytest.approx([0.8, 0.2])
    for children, message in (
        (["rain"], "once"),
        (["rain", "rain"], "once"),
        (["wet", "rain"], "not in its scope"),
        (5, "`children`"),
        (["rain", "snow"], "does not exist"),
    ):
        with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
            wc.FactorGraph([2, 2], RAIN, ["rain", "wet"], children=children)
    with pytest.raises(ArgumentError, match="does not sum to 1"):
        wc.FactorGraph([2], [((0,), [0.8, 0.3])], children=[0])
    circle = [((0, 1), [[0.5, 0.5], [0.5, 0.5]]), ((1, 0), [[0.5, 0.5], [0.5, 0.5]])]
    with pytest.raises(ArgumentError, match="directed cycle"):
        wc.FactorGraph([2, 2], circle, children=[0, 1])


@pytest.mark.parametrize(
    ("interventions", "message"),
    [
        ({}, "`interventions` must name"),
        ("either", "`interventions` must be a dict"),
        ({"ether": "yes"}, "does not exist"),
        ({"either": "maybe"}, "`interventions` on unit 'either' must be one of"),
        ({"either": 2}, "`interventions`"),
        ({"either": np.nan}, "`interventions`"),
        ({99: 0}, "from 0 to 7"),
        ({"either": "yes", 5: "no"}, "two states"),
    ],
)
def test_bad_interventions(interventions, message):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        packaged("asia").do(interventions)


def test_evidence_before_an_intervention_is_refused():
    with pytest.raises(ArgumentError, match="counterfactual"):
        packaged("asia").condition({"xray": "yes"}).do({"either": "yes"})
    with pytest.raises(ArgumentError, match="counterfactual"):
        packaged("asia").do({"either": "yes"}).do({"either": "no"})


def test_bif_files_by_gzip_and_their_faults(tmp_path, cancer):
    (tmp_path / "small.bif.gz").write_bytes(gzip.compress(CANCER.encode()))
    again = wc.FactorGraph.from_bif(tmp_path / "small.bif.gz")
    assert np.allclose(np.concatenate(again.marginals()), np.concatenate(cancer.marginals()))
    assert cancer.marginals()[3][0] == pytest.approx(0.9 * 0.01163 + 0.2 * 0.98837, abs=1e-12)  # the table of Xray, child slowest
    for before, after, message in (
        ("0.9, 0.1; } // air", "0.9, 0.2; } // air", "sum to 1"),
        ("0.9, 0.1; } // air", "0.9; } // air", "2 probabilities"),
        ("0.9, 0.1; } // air", "0.9, nan; } // air", "from 0 to 1"),
        ("0.9, 0.1; } // air", "0.9, one; } // air", "must be numbers"),
        ("(low, True)", "(lo, True)", "states of"),
        ("(high, True)", "(low, True)", "comes twice"),
        ("(low, False) 0.001, 0.999;", "", "no row for"),
        ("probability ( Smoker ) { table 0.3, 0.7; }", "", "no probabilities of 'Smoker'"),
        ("( Xray | Cancer )", "( Xray | Cancr )", "no variable"),
        ("[ 2 ] { low, high }", "[ 3 ] { low, high }", "3 different states"),
        ("network cancer", "net cancer", "must begin with"),
        ("default 0.3, 0.7; }", "default 0.3, 0.7;", "ends"),
    ):
        assert before in CANCER
        (tmp_path / "bad.bif").write_text(CANCER.replace(before, after))
        with pytest.raises(FileFormatError, match=rf"bad\.bif, line \d+: .*{message}"):
            wc.FactorGraph.from_bif(tmp_path / "bad.bif")
    (tmp_path / "empty.bif").write_text("")
    with pytest.raises(FileFormatError, match="no variable"):
        wc.FactorGraph.from_bif(tmp_path / "empty.bif")
    with pytest.raises(FileFormatError, match="folder"):
        wc.FactorGraph.from_bif(tmp_path)
    with pytest.raises(FileNotFoundError):
        wc.FactorGraph.from_bif(tmp_path / "none.bif")
    with pytest.raises(ArgumentTypeError, match="`path`"):
        wc.FactorGraph.from_bif(3)
