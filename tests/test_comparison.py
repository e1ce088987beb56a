"""`compare` measures rates and chaos, and never presents a run as fine that is not."""

import warnings

import numpy as np
import pytest

import weakchaos as wc
from tests.samplers.test_gibbs import machine
from weakchaos.core.flags import Kind, Severity
from weakchaos.reports.compare.judge import wide_tails
from weakchaos.reports.compare.line_up import default_samplers
from weakchaos.reports.compare.row_flags import is_trusted
from weakchaos.targets.factor_graph import packaged

KEYS = {
    "sampler",
    "driver",
    "draws",
    "error",
    "slope",
    "slope_se",
    "lyapunov",
    "entropy_rate",
    "period",
    "ns_per_draw",
    "gradients_per_draw",
}


@pytest.fixture(scope="module")
def report():
    samplers = {"herded": wc.herding.HerdedGibbs(), "Gibbs": wc.samplers.Gibbs(), "toy": (wc.samplers.Gibbs(), "toy-lcg")}
    return wc.compare(machine(4), samplers, draws=40_000, repeats=6, seed=1)


def test_rows(report):
    assert all(set(row) >= KEYS for row in report.rows)
    rows = {row["sampler"]: row for row in report.rows}
    assert rows["herded"]["slope"] < -0.85
    assert -0.65 < rows["Gibbs"]["slope"] < -0.35
    assert rows["herded"]["error"] < 0.1 * rows["Gibbs"]["error"]
    assert abs(rows["herded"]["lyapunov"]) < 1e-6
    assert rows["Gibbs"]["lyapunov"] == pytest.approx(4 * 86.75, abs=0.2)  # four numbers a sweep, each log(multiplier of PCG64)
    assert rows["herded"]["driver"] == "none"
    assert rows["toy"]["period"] == 2**16 // 4
    assert rows["herded"]["status"] == rows["Gibbs"]["status"] == "ok"
    assert "repeats itself" in rows["toy"]["status"]


def test_asia_is_refused_and_blocks_mend_it():
    target = packaged("asia")
    samplers = {
        "single": wc.samplers.Gibbs(),
        "herded": wc.herding.HerdedGibbs(),
        "pairs": wc.samplers.Gibbs(blocks="deterministic"),
    }
    rows = {r["sampler"]: r for r in wc.compare(target, samplers, draws=20_000, repeats=4, seed=2).rows}
    for name in ("single", "herded"):
        assert "components" in rows[name]["status"]
    assert rows["pairs"]["status"] == "ok"
    assert rows["pairs"]["error"] < 0.03


def test_unreachable_states_are_found_without_disagreement_and_without_truth():
    """All starts on the same side agree perfectly; only the structure tells."""
    target = packaged("asia")
    truth = [np.full(int(k), 1 / k) for k in target.cardinalities]
    report = wc.compare(target, {"single": wc.samplers.Gibbs()}, draws=1000, repeats=2, truth=truth, seed=5)
    assert any("components" in note for note in report.warnings)


def test_multimodal_model_is_refused():
    strong = wc.PairwiseMRF(np.kron([[0, 1], [1, 0]], np.full((4, 4), 4.0)), np.full(8, -8.0))
    rows = wc.compare(strong, {"Gibbs": wc.samplers.Gibbs()}, draws=2000, repeats=8).rows
    assert "starts disagree" in rows[0]["status"]


def test_bad_stream_is_biased():
    rows = wc.compare(packaged("child"), {"golden": (wc.samplers.Gibbs(), "golden")}, draws=5000, repeats=4).rows
    assert "equidistributed" in rows[0]["status"]
    assert "biased" in rows[0]["status"] or "disagree" in rows[0]["status"]


def test_continuous_target():
    target = wc.zoo.gaussian([1.0, 2.0])
    report = wc.compare(
        target, {"HMC": wc.samplers.HMC(0.7, 4), "Metropolis": wc.samplers.RandomWalkMetropolis()}, draws=5000, repeats=6
    )
    rows = {r["sampler"]: r for r in report.rows}
    assert rows["HMC"]["gradients_per_draw"] == pytest.approx(4, abs=0.2)
    assert rows["Metropolis"]["gradients_per_draw"] == 0
    assert rows["HMC"]["error"] < rows["Metropolis"]["error"] < 0.3
    assert "standard deviations" in report.error_kind


def test_truth_is_needed_and_checked():
    target = wc.Density(lambda x: -0.5 * float(x @ x), dim=2)
    sampler = {"Metropolis": wc.samplers.RandomWalkMetropolis()}
    with pytest.raises(wc.errors.ArgumentError, match="truth"):
        wc.compare(target, sampler, draws=200)
    with pytest.raises(wc.errors.ArgumentError, match="truth"):
        wc.compare(target, sampler, draws=200, truth=[0.0, 0.0, 0.0])
    assert wc.compare(target, sampler, draws=200, repeats=2, truth=[0.0, 0.0]).truth == "given"


def test_line_up_of_the_command():
    names = list(default_samplers(packaged("sachs")))
    assert names == ["herded Gibbs", "Gibbs, PCG64", "Gibbs, golden rotation", "Gibbs, bad LCG", "herding, given moments"]
    assert "Gibbs, deterministic pairs" in default_samplers(packaged("asia"))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"samplers": {}}, "samplers"),
        ({"samplers": {"a": wc.samplers.Gibbs}}, "samplers"),
        ({"repeats": 1}, "repeats"),
        ({"draws": 10}, "draws"),
        ({"draws": 1000.5}, "draws"),
        ({"target": "sachs"}, "target"),
    ],
)
def test_bad_input(arguments, match):
    given = {"target": machine(3), "samplers": {"Gibbs": wc.samplers.Gibbs()}, "draws": 200, **arguments}
    with pytest.raises((ValueError, TypeError), match=match):
        wc.compare(**given)


# ---- honest judgement ------------------------------------------------------------------------------------------------------------------


def kinds(report, name=None):
    entrant = next(e for e in report.entrants if name in (None, e.name))
    return {flag.kind for flag in entrant.flags}


def test_a_bias_hidden_in_noise_is_found():
    """The truth given is off by a little more than the noise of one repeat, which all of them together tell."""
    target = wc.zoo.gaussian(np.ones(3))
    wrong = wc.compare(target, {"HMC": wc.samplers.HMC(0.6, 4)}, draws=4000, repeats=8, truth=[0.0, 0.0, 0.06], seed=1)
    assert Kind.BIASED in kinds(wrong)
    assert not is_trusted(wrong.entrants[0])
    right = wc.compare(target, {"HMC": wc.samplers.HMC(0.6, 4)}, draws=4000, repeats=8, truth=[0.0, 0.0, 0.0], seed=1)
    assert right.rows[0]["status"] == "ok"


def test_a_wrong_spread_is_found_by_second_moments():
    """Means that are right and variances that are not: the density of N(0, 1.1) under the name of N(0, 1)."""
    target = wc.Density(lambda x: -0.5 * float(x @ x) / 1.21, dim=1, grad=lambda x: -x / 1.21, means=[0.0], sds=[1.0])
    report = wc.compare(target, wc.samplers.HMC(0.6, 4), draws=2000, repeats=6, seed=3)
    assert [f.where for f in report.entrants[0].flags if f.kind is Kind.BIASED] == ["x0**2"]


@pytest.mark.parametrize("seed", range(6))
def test_healthy_runs_of_few_draws_are_not_said_to_disagree(seed):
    report = wc.compare(wc.zoo.gaussian([1.0, 2.0]), wc.samplers.HMC(0.5, 5), draws=500, repeats=4, seed=seed)
    assert is_trusted(report.entrants[0])


def test_too_few_draws_are_said_to_be_too_few():
    report = wc.compare(wc.zoo.gaussian([1.0, 1.0]), wc.samplers.RandomWalkMetropolis(0.1), draws=800, repeats=4, seed=1)
    assert kinds(report) == {Kind.FEW_DRAWS}
    assert "few draws" in report.table()


def test_differences_in_place_of_a_gradient_are_no_distrust():
    target = wc.Density(lambda x: -0.5 * float(x @ x), dim=2, means=[0.0, 0.0], sds=[1.0, 1.0])
    report = wc.compare(target, wc.samplers.HMC(0.6, 4), draws=600, repeats=4)
    assert kinds(report) == {Kind.NO_GRADIENT}
    assert report.rows[0]["status"] == "ok"


def test_warnings_of_the_users_own_function_go_their_way_and_are_no_distrust():
    def logp(x):
        warnings.warn("this is old", DeprecationWarning, stacklevel=1)
        return -0.5 * float(x @ x)

    target = wc.Density(logp, dim=1, means=[0.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        report = wc.compare(target, wc.samplers.RandomWalkMetropolis(), draws=1000, repeats=4)
    assert report.rows[0]["status"] == "ok"


def test_an_error_of_zero_is_no_distrust():
    coin = wc.Moments([[0.0], [1.0]], [0.5])
    report = wc.compare(coin, wc.herding.Herding(), draws=1000, repeats=2, truth=[0.5])
    assert is_trusted(report.entrants[0])
    cycle = [f for f in report.entrants[0].flags if f.kind is Kind.CYCLE]
    assert all(f.severity is Severity.NOTE and f.numbers["error"] < 1e-9 for f in cycle)


def test_two_samplers_of_one_class_are_both_there():
    report = wc.compare(machine(3), [wc.samplers.Gibbs(), wc.samplers.Gibbs(), wc.herding.HerdedGibbs()], draws=300, repeats=2)
    assert [row["sampler"] for row in report.rows] == ["Gibbs 1", "Gibbs 2", "HerdedGibbs"]


def test_spawned_seeds_count():
    runs = [
        wc.compare(machine(3), wc.samplers.Gibbs(), draws=300, repeats=2, seed=s) for s in (*np.random.SeedSequence(5).spawn(2), 5)
    ]
    assert len({run.rows[0]["error"] for run in runs}) == 3
    again = wc.compare(machine(3), wc.samplers.Gibbs(), draws=300, repeats=2, seed=np.random.SeedSequence(5).spawn(1)[0])
    assert again.rows[0]["error"] == runs[0].rows[0]["error"]
    assert "spawn_key=(0,)" in again.seed


def test_a_missed_pair_of_modes_is_found_where_the_spread_is_known():
    """All starts at the two inner modes of four: the mean is right, and the second moment is not."""
    modes = np.array([[-12.0], [-4.0], [4.0], [12.0]])
    mixture = wc.zoo.gaussian_mixture(modes, 0.5)
    target = wc.Density(
        mixture.logp,
        dim=1,
        grad=mixture.gradient,
        means=mixture.means,
        sds=mixture.sds,
        start=lambda rng: rng.choice([-4.0, 4.0], 1),
    )
    found = kinds(wc.compare(target, wc.samplers.HMC(0.2, 5), draws=1000, repeats=8, seed=2))
    assert found & {Kind.BIASED, Kind.DISAGREE}


def test_averages_of_heavy_tails_are_not_held_against_their_truth():
    rng = np.random.default_rng(0)
    assert wide_tails(np.column_stack([rng.normal(size=4000), rng.standard_t(1.5, 4000)]), 4).tolist() == [False, True, False, True]
    assert not wide_tails(rng.normal(size=(1000, 3)), 6).any()
    assert not wide_tails(rng.integers(0, 2, (1000, 3)), 6).any()
