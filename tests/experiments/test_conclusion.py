"""Verdicts follow from intervals: the rule on numbers whose verdict is known, and its error rate."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from weakchaos import experiments
from weakchaos.cli import run
from weakchaos.experiments import records
from weakchaos.experiments.conclusion import Conclusion, Estimate, Outcome, Part, Verdict, lacking


def conclude(*parts):
    return Conclusion("A is larger.", "nobody (2000)", parts)


def test_interval_is_students(rng):
    x = rng.normal(3.0, 2.0, 7)
    expected = stats.t.interval(0.95, 6, x.mean(), stats.sem(x))
    assert np.allclose(Estimate.mean(x, "seeds").interval(), expected)
    logs = stats.t.interval(0.95, 6, np.log(x**2).mean(), stats.sem(np.log(x**2)))
    assert np.allclose(Estimate.ratio(x**2, "seeds").interval(), np.exp(logs))


def test_overlapping_training_sets_widen_the_interval(rng):
    """The corrected variance of Nadeau and Bengio is (1/n + n_test/n_train) s^2."""
    x = rng.normal(size=10)
    assert np.isclose(Estimate.mean(x, "splits", 0.25).stderr, math.sqrt(0.1 + 0.25) * x.std(ddof=1))


@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        ([1.0, 1.1, 0.9], Outcome.HOLDS),
        ([-1.0, -1.1, -0.9], Outcome.EXCLUDED),
        ([1.0, -0.9, 0.2], Outcome.OPEN),
        ([-1.0, 0.9, -0.2], Outcome.AGAINST),
        ([5.0], Outcome.OPEN),  # one value has no interval
        ([0.0, 0.0, 0.0], Outcome.EXCLUDED),  # no difference at all is no gain
        ([1.0, np.nan, 1.0], Outcome.OPEN),
        ([1.0, np.inf, 1.0], Outcome.OPEN),
        ([], Outcome.OPEN),
    ],
)
def test_outcome_of_one_part(values, outcome):
    part = Part("gain", Estimate.mean(values, "seeds"), above=0)
    assert part.outcome() == outcome
    turned = Part("gain", Estimate.mean(values, "seeds"), above=0, lacks="more is needed")
    assert turned.outcome() == Outcome.OPEN
    assert Part("gain", Estimate.mean(values, "seeds")).outcome() is None


def test_bounds_that_may_be_reached():
    assert Part("period", Estimate.counted(7), least=7, most=7).outcome() == Outcome.HOLDS
    assert Part("period", Estimate.counted(8), least=7, most=7).outcome() == Outcome.EXCLUDED
    assert Part("exponent", Estimate.counted(0.0), below=0).outcome() == Outcome.EXCLUDED


def test_verdict_of_all_parts():
    holds, excluded = (Part("gain", Estimate.mean([s, 1.1 * s, 0.9 * s], "seeds"), above=0) for s in (1.0, -1.0))
    undecided, against = (Part("gain", Estimate.mean([s, -0.9 * s, 0.2 * s], "seeds"), above=0) for s in (1.0, -1.0))
    lacks = Part("rate", Estimate.counted(-1), most=-0.9, lacks=lacking("sweeps", 10, 100))
    assert conclude(holds, holds).verdict is Verdict.SUPPORTED
    assert conclude(holds, excluded).verdict is Verdict.CONTRADICTED
    assert conclude(holds, undecided).verdict is Verdict.UNDECIDED
    assert conclude(holds, against).verdict is Verdict.NOT_SUPPORTED
    assert conclude(holds, lacks).verdict is Verdict.UNDECIDED
    assert conclude(against, lacks).verdict is Verdict.UNDECIDED  # a short run says no more than that
    assert conclude(Part("told", Estimate.counted(1))).verdict is Verdict.UNDECIDED
    assert conclude().verdict is Verdict.UNDECIDED


def test_many_parts_widen_what_contradicts(rng):
    """Two standard errors exclude one part of one, and not one of twenty, of which one is off by as much by chance."""
    off = Part("gain", Estimate(-2.2, 1.0, 1000.0, 10, "seeds"), above=0)
    held = Part("gain", Estimate(9.0, 1.0, 1000.0, 10, "seeds"), above=0)
    assert conclude(off).verdict is Verdict.CONTRADICTED
    assert conclude(off, *[held] * 19).verdict is Verdict.NOT_SUPPORTED


def test_error_rate_at_the_border(rng):
    """A claim that is just true is contradicted in at most 5 % of runs, one that is just false supported in at most 5 %; a clear one is seen."""
    verdicts = {gain: [] for gain in (0.0, 1.5)}
    for gain, found in verdicts.items():
        for _ in range(1500):
            parts = [Part("gain", Estimate.mean(rng.normal(gain, 1.0, 10), "seeds"), above=0) for _ in range(4)]
            found.append(conclude(*parts).verdict)
    bound = 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1500)
    assert verdicts[0.0].count(Verdict.CONTRADICTED) / 1500 < bound
    assert verdicts[0.0].count(Verdict.SUPPORTED) / 1500 < bound
    assert verdicts[1.5].count(Verdict.SUPPORTED) / 1500 > 0.9  # the rule can say yes


def test_sentences_say_the_numbers_and_the_verdict():
    text = conclude(
        Part("gain, points", Estimate.mean([1.0, 1.1, 0.9], "seeds"), above=0),
        Part("rate", Estimate.counted(-1.0), most=-0.9, lacks=lacking("sweeps", 10, 100)),
        Part("memory, MB", Estimate.counted(3)),
        Part("divergence", Estimate.mean([np.inf, 1.0], "seeds")),
    ).sentences()
    assert text[0] == "gain, points: 1 (95 % interval 0.7516 to 1.248 over 3 seeds); the claim requires more than 0: it holds."
    assert text[1].endswith("100 sweeps are needed and this run had 10.")
    assert text[2] == "memory, MB: 3."
    assert text[3] == "divergence: not a finite number over 2 seeds."
    assert text[-1] == "Parts of the claim: 1 holding, 1 open. By this run the claim is undecided."


def test_a_full_run_is_kept_as_data(tmp_path):
    path = records.record("sturmian", seed=3, folder=tmp_path)
    kept = records.recorded("sturmian", tmp_path)
    assert kept == json.loads(path.read_text())
    assert (kept["seed"], kept["data"]["parameters"]["quick"]) == (3, False)
    kept["data"]["neurons"][0]["discrepancy"] = 1.5  # the count of ones is off by more than one
    path.write_text(json.dumps(kept))
    records.conclude_again("sturmian", tmp_path)
    assert (kept["verdict"], records.recorded("sturmian", tmp_path)["verdict"]) == ("supported", "contradicted")
    with pytest.raises(ValueError, match="recorded full run"):
        records.conclude_again("denoising", tmp_path)


@pytest.mark.parametrize("name", [n for n in experiments.names() if records.recorded(n)])
def test_kept_verdicts_are_those_of_the_kept_numbers(name):
    kept, conclusion = records.recorded(name), records.recorded_conclusion(name)
    assert kept["verdict"] == conclusion.verdict
    assert kept["data"]["parameters"]["quick"] is False
    assert not any(part.lacks for part in conclusion.asked)  # a full run is long enough to decide
    assert kept["data"]["parameters"]["seed"] == kept["seed"]


def test_listing_shows_claim_source_verdict_and_numbers(monkeypatch):
    text = records.listing(table=True)
    for name in experiments.names():
        assert experiments.claim(name) in text
        assert experiments.source(name) in text
        conclusion = records.recorded_conclusion(name)
        assert conclusion is None or all(part.quantity in text for part in conclusion.parts)
    monkeypatch.setattr(records, "__version__", "99.0")
    assert "no full run recorded by this version; by an earlier one: supported" in records.listing(chosen=["sturmian"])
    monkeypatch.setattr(records, "recorded", lambda name, folder=None: None)
    assert records.listing(chosen=["sturmian"]).endswith("no full run recorded by this version")


def test_the_command_shows_the_table_and_refuses_what_it_does_not_know(capsys):
    assert run(["experiments", "--table", "sturmian"]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("claim", "source", "verdict  supported (full run of", "low", "high", "holds"))
    assert run(["experiments"]) == 0
    listed = capsys.readouterr().out
    assert all(f"{name}\n  claim" in listed for name in experiments.names())
    assert run(["experiments", "--table", "alchemy"]) == 2
    assert "must be one of" in capsys.readouterr().err
