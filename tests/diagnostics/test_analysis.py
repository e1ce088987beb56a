import copy
import functools
import math
import warnings
from html import escape

import numpy as np
import pytest

from tests.diagnostics.recorded_series import ar1, flow, golden_mean, henon, logistic
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.diagnostics import analyse_series
from weakchaos.diagnostics.recorded import repetition
from weakchaos.diagnostics.standard_errors import rank_p_value
from weakchaos.interop.series import read_series
from weakchaos.reports.series.judge_numbers import judge_numbers
from weakchaos.reports.series.measured import MeasuredSymbols

KEYS = {"part", "quantity", "value", "unit", "stderr", "low", "high", "p_value", "null", "notes"}


def asked(x, **options):
    return analyse_series(x, **{"surrogates": 19, **options})


@functools.cache
def of_the_logistic_map():
    """The report of a chaotic map that several tests ask; none of them may change it."""
    return asked(logistic(1500))


def sound(report):
    """What every report must be: rows of plain values, two sentences, and no chaos without all three of its signs."""
    assert report.rows
    for row in report.rows:
        assert set(row) == KEYS
        assert row["value"] is None or isinstance(row["value"], int | float)
        assert row["value"] is None or math.isfinite(row["value"])
        assert row["p_value"] is None or (0 < row["p_value"] <= 1 and row["null"])
        assert (row["low"] is None) == (row["high"] is None)
        assert row["value"] is not None or row["notes"], row["quantity"]
    assert all(w.endswith(".") and w.count(". ") == 0 and w[0].isupper() for w in report.words)
    assert report.sentences() in str(report)
    assert escape(report.sentences()) in report._repr_html_()
    if "chaos" in report.verdict:
        exponents = [r for r in report.rows if r["quantity"].startswith("largest exponent") and r["low"] is not None]
        assert exponents
        assert min(r["low"] for r in exponents) > 0
        assert report["prediction error"]["p_value"] <= 0.05
        assert not report["correlation dimension"]["notes"]
    return report


# ---- known systems ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "dt", "exponent", "tolerance", "dimension", "kind"),
    [
        (logistic(1500), 1.0, math.log(2), 0.06, 1.0, "map"),
        (henon(1500), 0.5, 2 * 0.4192, 0.08, 1.22, "map"),
        (flow("lorenz", 3000, 0.1)[:, 0], 0.1, 0.906, 0.15, 2.06, "flow"),
    ],
    ids=["logistic", "Henon", "Lorenz"],
)
def test_chaos_is_found_with_its_exponent_and_its_dimension(x, dt, exponent, tolerance, dimension, kind):
    report = sound(asked(x, dt=dt, unit="s"))
    assert report.verdict == "low-dimensional chaos"
    assert report.kind == kind
    for method in ("Rosenstein", "Kantz"):
        row = report[f"largest exponent, {method}"]
        assert row["value"] == pytest.approx(exponent, rel=tolerance)
        assert row["unit"] == "nats/s"
        assert row["low"] < row["value"] < row["high"]
    assert report["correlation dimension"]["value"] == pytest.approx(dimension, rel=0.1)
    assert report["0-1 test"]["value"] > 0.95
    assert "consistent with low-dimensional deterministic chaos" in report.sentences()


def noises():
    n = 1200
    rng = np.random.default_rng(5)
    steps = np.arange(n)
    return {
        "white": rng.standard_normal(n),
        "uniform": rng.random(n),
        "Cauchy": rng.standard_cauchy(n),
        "AR(1) 0.5": ar1(n, 0.5, rng),
        "AR(1) 0.9": ar1(n, 0.9, rng),
        "AR(1) -0.7": ar1(n, -0.7, rng),
        "random walk": np.cumsum(rng.standard_normal(n)),
        "trend": steps / n * 6 + rng.standard_normal(n),
        "lognormal": np.exp(ar1(n, 0.5, rng)),
        "rounded": np.round(ar1(n, 0.6, rng), 1),
        "rhythm": np.sin(0.3 * steps) + 0.5 * rng.standard_normal(n),
    }


EXPECTED = {
    "white": "white noise",
    "uniform": "white noise",
    "Cauchy": "white noise",
    "AR(1) 0.5": "correlated noise",
    "AR(1) 0.9": "correlated noise",
    "AR(1) -0.7": "correlated noise",
    "random walk": "drifting noise",
    "trend": "drifting noise",
    "lognormal": "correlated noise",
    "rounded": "correlated noise",
    "rhythm": "noise with a rhythm",
}


@pytest.mark.parametrize("name", EXPECTED)
def test_noise_is_never_called_chaos(name):
    report = sound(asked(noises()[name], surrogates=59))
    assert report.verdict == EXPECTED[name]
    assert "consistent with" in report.words[0]
    assert "chaos" not in report.words[0]
    assert report["largest exponent, Rosenstein"]["value"] is None or report["largest exponent, Rosenstein"]["value"] == 0


def test_a_rule_under_a_trend_is_not_called_noise():
    """Henon on a straight line and on a slow swing; a random walk on the same line is the negative control."""
    x = henon(1500)
    steps = np.arange(x.size)
    for drift in (0.01 * steps, 6 * np.sin(0.003 * steps)):
        report = sound(asked(x + drift, surrogates=59))
        assert report.verdict == "drifting, undecided"
        assert report["prediction error of steps"]["p_value"] < 0.02
    walk = 0.3 * np.cumsum(np.random.default_rng(6).standard_normal(x.size))
    assert asked(0.01 * steps + walk, surrogates=59).verdict == "drifting noise"
    assert "prediction error of steps" not in [row["quantity"] for row in asked(x, surrogates=59).rows]


def test_the_level_of_the_tests_of_memory():
    """A chain of first order is rejected as often as the level says, and one of second order always (the negative control)."""
    from weakchaos.reports.series.ask_symbols import _surrogates
    from weakchaos.reports.series.evidence import Evidence

    def rejected(x, key):
        e = Evidence(MeasuredSymbols(x, seed=0, surrogates=39, size=2))
        _surrogates(e, x, 2)
        return getattr(e.results, key) <= 0.05

    rng = np.random.default_rng(2)
    assert sum(rejected(golden_mean(400, rng), "p_markov") for _ in range(60)) <= 8
    assert sum(rejected(rng.integers(0, 2, 400), "p_shuffle") for _ in range(60)) <= 8
    assert all(rejected(golden_mean(400, rng), "p_shuffle") for _ in range(5))
    assert all(rejected(np.repeat(rng.integers(0, 2, 200), 2), "p_markov") for _ in range(5))


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPECTED)
def test_noise_is_never_called_chaos_whatever_the_seed(name, monkeypatch):
    made = np.random.default_rng
    for seed in range(20):
        monkeypatch.setattr(np.random, "default_rng", lambda s=0, k=seed: made(1000 * k + (s or 0)))
        x = noises()[name]
        monkeypatch.setattr(np.random, "default_rng", made)
        assert "chaos" not in asked(x, seed=seed).verdict


def test_regular_motion_of_every_kind():
    t = np.arange(2000)
    cycle = sound(asked(logistic(600, 3.5)))
    assert (cycle.verdict, cycle["exact period"]["value"]) == ("periodic", 4)
    assert cycle["0-1 test"]["value"] < 0.05
    settling = sound(asked(np.concatenate([np.linspace(5, 1, 57), np.tile([0.1, 0.7, 0.4], 200)]), dt=0.5))
    assert settling["exact period"]["value"] == 1.5
    assert "after a transient of 28.5 steps" in settling.sentences()
    rest = sound(asked(np.concatenate([0.9 ** np.arange(300), np.zeros(600)])))
    assert rest.verdict == "at rest"
    sampled = sound(asked(np.sin(2 * np.pi * t / 25)))
    assert (sampled.verdict, sampled["exact period"]["value"]) == ("periodic", 25)  # equal within rounding
    limit = sound(asked(flow("rossler_periodic", 2000, 0.1)[:, 0], dt=0.1))
    assert limit.verdict == "periodic"
    assert limit["exact period"]["value"] is None  # sampled out of step
    assert limit["spectral period"]["value"] == pytest.approx(5.75, rel=0.02)
    assert limit["correlation dimension"]["value"] == pytest.approx(1.0, abs=0.1)
    golden = sound(asked(np.sin(2 * np.pi * t[:600] * (math.sqrt(5) - 1) / 2)))
    assert golden.verdict == "quasi-periodic"
    torus = sound(asked(np.sin(0.37 * t) + 0.7 * np.sin(0.37 * math.sqrt(2) * t)))
    assert torus.verdict == "quasi-periodic"
    assert torus["correlation dimension"]["value"] == pytest.approx(2.0, abs=0.3)
    noisy = sound(asked(np.sin(0.1 * t) + 0.1 * np.random.default_rng(0).standard_normal(2000)))
    assert noisy.verdict == "nearly periodic"
    assert noisy["spectral period"]["value"] == pytest.approx(20 * math.pi, rel=0.01)


def test_shapes_that_are_no_sines():
    t = np.arange(800)
    saw = sound(asked(0.013 * t % 1 + 0.5))
    assert saw.verdict == "nearly periodic"
    assert "period 77 steps" in saw.sentences()
    flips = sound(asked(t % 2 + 1e-3 * np.random.default_rng(0).standard_normal(800)))
    assert (flips.verdict, "period 2 steps" in flips.sentences()) == ("nearly periodic", True)
    dying = sound(asked(np.exp(-t / 30) * np.cos(t)))
    assert dying.verdict == "regular, not stationary"
    assert "dies out" in dying.sentences()


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_the_verdict_does_not_depend_on_the_unit(scale):
    x = henon(600)
    usual, scaled = asked(x), asked(x * scale)
    assert scaled.verdict == usual.verdict
    assert scaled["prediction error"]["value"] == pytest.approx(usual["prediction error"]["value"], rel=1e-6)
    assert "divided by 2**" in " ".join(scaled.warnings)
    assert asked(x + 1e6).verdict == usual.verdict


def test_series_with_jumps_run_through_without_warnings():
    """One spike, one step and a straight line: nothing random and nothing chaotic."""
    time = np.arange(400)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spike, step, line = (
            sound(asked(x)) for x in (np.where(time == 200, 1.25, 0.25), np.where(time < 200, 0.1, 0.9), time + 0.5)
        )
    assert spike.verdict == "undecided"
    assert spike["autocorrelation time"]["value"] == 1.0
    assert step.verdict == "at rest"
    assert "200 steps" in step.words[0]
    assert line.verdict == "drifting, undecided"
    assert "trend" in line.words[0]


def test_numbers_that_come_as_text_are_numbers():
    """A file that was split into words is a series of numbers, and no sequence of hundreds of different symbols."""
    x = logistic(400)
    report = sound(asked([repr(float(v)) for v in x]))
    assert report.verdict == asked(x).verdict
    assert any("text" in note for note in report.warnings)
    assert sound(asked(["1", "2", "1", "1", "2", "2"] * 20)).kind == "discrete"


def test_a_trend_without_noise_is_not_called_noise():
    """A curve that no chance has touched is no drifting noise, and a random walk is no trend."""
    time = np.arange(400.0)
    for x in (time**2, np.exp(time / 100), np.log1p(time), np.repeat(np.arange(40.0), 10)):
        assert "noise" not in sound(asked(x, kind="map" if x.max() == 39 else "auto")).verdict
    assert sound(asked(np.cumsum(np.random.default_rng(0).standard_normal(400)))).verdict == "drifting noise"


def test_a_noisy_map_is_told_from_noise_and_not_called_chaos():
    noise = np.random.default_rng(0).standard_normal(1500)
    report = sound(asked(logistic(1500) + 0.03 * noise))
    assert report.verdict.startswith("nonlinear rule")
    assert sound(asked(logistic(1500) + 3.0 * noise, surrogates=59)).verdict == "white noise"


def test_nonlinear_noise_is_named_as_such_and_needs_enough_surrogates():
    rng = np.random.default_rng(3)
    e, x, variance = rng.standard_normal(1500), np.empty(1500), 1.0
    for t in range(x.size):  # ARCH: uncorrelated, but large values come in clusters
        x[t] = math.sqrt(variance) * e[t]
        variance = 0.4 + 0.6 * x[t] ** 2
    report = sound(asked(x, surrogates=59))
    assert report.verdict == "nonlinear noise"
    assert "clustered in amplitude" in report.sentences()
    assert "no evidence for low-dimensional chaos" in report.sentences()
    assert not [w for w in report.warnings if "59 surrogates suffice" in w]
    assert [w for w in asked(henon(300)).warnings if "59 surrogates suffice" in w]
    assert [w for w in asked("abc" * 50).warnings if "39 surrogates suffice" in w]


def test_drift_is_reported_beside_the_verdict():
    x = np.concatenate([logistic(800), 1.5 * logistic(800, x=0.4)])
    report = sound(asked(x))
    assert report["change of the variance"]["value"] == pytest.approx(2 * math.log(1.5), rel=0.1)
    assert report["change of the variance"]["p_value"] < 1e-3
    assert "differ between the halves" in report.sentences()
    level = asked(logistic(1600))
    assert "differ between the halves" not in level.sentences()


def test_the_level_of_the_test_for_drift(rng):
    from weakchaos.reports.series.ask_numbers import _halves

    p = np.array([_halves(rng.standard_normal(20))[1] for _ in range(2000)])
    assert abs((p < 0.05).mean() - 0.05) < 5 * math.sqrt(0.05 * 0.95 / 2000)
    shifted = np.array([_halves(rng.standard_normal(20) + 3 * (np.arange(20) > 9))[1] for _ in range(200)])
    assert (shifted < 0.05).mean() > 0.95  # the negative control


@pytest.mark.parametrize("gone", ["surrogates", "exponent", "dimension", "interval", "0-1 test"])
def test_without_one_of_the_three_signs_there_is_no_chaos(gone):
    """The negative control of the verdict: take one sign away from the logistic map."""
    from dataclasses import replace

    results = copy.copy(of_the_logistic_map().results)
    assert "chaos" in judge_numbers(results)[0]
    if gone == "surrogates":
        results.linear = replace(results.linear, p_value=0.4)
    elif gone == "dimension":
        results.dimension = replace(results.dimension, scaling=False)
    elif gone == "0-1 test":
        results.zero_one = replace(results.zero_one, value=0.02)
    for method in ("rosenstein", "kantz"):
        found = getattr(results, method)
        if gone == "exponent":
            setattr(results, method, replace(found, value=math.nan, interval=None, scaling=False))
        elif gone == "interval":
            setattr(results, method, replace(found, interval=(-0.01, 0.9)))
    label, words = judge_numbers(results)
    assert "chaos" not in label
    assert "consistent with low-dimensional" not in words[0]


# ---- arguments -------------------------------------------------------------------------------------------------------------------------


def test_what_is_a_symbol_and_what_a_number(rng):
    x = rng.integers(0, 20, 400)
    assert asked(x).kind == "discrete"
    assert asked(x.astype(float)).kind == "discrete"
    assert asked(x + 0.5).kind == "map"
    assert asked(x, kind="map").kind == "map"
    assert asked(rng.integers(0, 300, 400)).kind == "map"
    assert asked(np.sin(0.1 * np.arange(600))).kind == "flow"
    assert asked(np.sin(0.1 * np.arange(600)), kind="map")["delay"]["value"] == 1


def test_same_seed_same_rows_and_dt_only_rescales(rng):
    x = henon(600)
    first, second, slow = asked(x, seed=3), asked(x, seed=3), asked(x, seed=3, dt=10.0)
    assert first.rows == second.rows
    assert slow["largest exponent, Rosenstein"]["value"] == pytest.approx(first["largest exponent, Rosenstein"]["value"] / 10)
    assert slow["correlation dimension"]["value"] == pytest.approx(first["correlation dimension"]["value"])
    with pytest.raises(KeyError):
        first["nothing"]


def test_a_series_read_from_a_file_brings_what_the_file_tells(tmp_path):
    x = np.round(henon(400), 6)
    lines = [f"{0.5 * k},{v}" for k, v in enumerate(x)]
    lines[50] = "25.0,"
    (tmp_path / "s.csv").write_text("t [h],pressure [bar]\n" + "\n".join(lines))
    record = read_series(tmp_path / "s.csv", gaps="longest")
    report = asked(record)
    assert (report.name, report.dt, report.unit, report.n) == ("pressure", 0.5, "h", 349)
    assert report.warnings[0] == record.notes[0]
    assert "1 of 400 values are missing or not finite in column 'pressure' (line 52)" in report.warnings[0]
    assert report.rows == asked(x[51:], dt=0.5, unit="h").rows
    assert asked(record, dt=2.0, name="p").dt == 2.0


def test_parts_are_announced():
    said = []
    asked("ab" * 50, on_step=said.append)
    assert said == ["entropy", "entropy rate", "complexity", "periods", "repetitions", "surrogates"]


def test_short_series_say_what_could_not_be_measured(rng):
    report = sound(asked(np.cumsum(rng.standard_normal(110))))
    assert any("not measured" in note for row in report.rows for note in row["notes"])


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"x": np.ones(200)}, ArgumentError, "must vary"),
        ({"x": np.full(200, 0.1)}, ArgumentError, "must vary"),
        ({"x": "aaaaaaaaaaaaaaaaaaaaaaaa"}, ArgumentError, "must vary; all 24 symbols are 'a'"),
        ({"x": np.random.default_rng(0).random(99)}, ArgumentError, "at least 100"),
        ({"x": "abab"}, ArgumentError, "at least 20"),
        ({"x": []}, ArgumentError, "at least"),
        ({"x": np.append(np.random.default_rng(0).random(200), np.nan)}, ArgumentError, "must be finite"),
        ({"x": np.random.default_rng(0).random((200, 2)), "kind": "map"}, ArgumentError, "one column at a time"),
        ({"x": ["a", "b"] * 100, "kind": "flow"}, ArgumentTypeError, "must hold numbers"),
        ({"x": [1j] * 200, "kind": "map"}, ArgumentTypeError, "real numbers"),
        ({"kind": "chaos"}, ArgumentError, "`kind` must be one of"),
        ({"dt": 0.0}, ArgumentError, "`dt` must be a positive number"),
        ({"dt": math.nan}, ArgumentError, "`dt`"),
        ({"dt": "fast"}, ArgumentError, "`dt`"),
        ({"surrogates": 18}, ArgumentError, "`surrogates`"),
        ({"seed": -1}, ArgumentError, "`seed`"),
    ],
)
def test_bad_input(arguments, error, match):
    with pytest.raises(error, match=match):
        analyse_series(**{"x": henon(300), **arguments})


def test_repetition_and_rank():
    assert repetition(np.tile([1.0, 2.0], 50), 0.0) == (0, 2)
    assert repetition(np.append(np.arange(40.0), np.tile([1.0, 2.0, 2.0], 40)), 0.0) == (40, 3)
    assert repetition(np.arange(100.0), 0.0) is None
    # Three and a half periods in the second half are not enough.
    assert repetition(np.tile(np.arange(30.0), 7), 0.0) is None
    assert repetition(np.tile(np.arange(30.0), 9), 0.0) == (0, 30)
    shaken = np.tile([0.0, 1.0], 50) + 1e-3 * np.random.default_rng(0).random(100)
    assert repetition(shaken, 0.0) is None
    assert repetition(shaken, 2e-3) == (0, 2)
    assert rank_p_value(0.0, np.arange(1, 20), "lower") == rank_p_value(20.0, np.arange(1, 20), "upper") == 0.05
    assert rank_p_value(1.0, [1.0] * 19, "lower") == rank_p_value(1.0, [1.0] * 19, "upper") == 1.0
