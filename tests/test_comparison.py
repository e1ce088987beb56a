"""`compare` measures rates and chaos, and never presents a run as fine that is not."""

import numpy as np
import pytest

import weakchaos as wc
from tests.samplers.test_gibbs import machine
from weakchaos.reports.compare.line_up import default_samplers
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
