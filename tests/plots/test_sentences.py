import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plots.made import BIASED, CYCLE, DISAGREE, FEW, PLATEAU, STREAM, UNREACHABLE, UNTUNED, entrant, line_up, report
from weakchaos.herding import HerdedGibbs, Herding
from weakchaos.reports.compare.compare_sentences import _chaos, _convergence, errors_at, sentences
from weakchaos.reports.compare.row_flags import is_trusted
from weakchaos.samplers import HMC, RandomWalkMetropolis


def _halves(made):
    """What is said of convergence, and of chaos and trust; fails when a sentence is very long, or when something that was not measured shows."""
    text = sentences(made)
    parts = re.split(r"(?<=\.) ", text)
    assert 2 <= len(parts) <= 7, text
    assert all(p.endswith(".") and ".." not in p and re.match('[A-Z"]', p) for p in parts), text
    assert all(len(p.split()) <= 65 for p in parts if not p.startswith("Not to be trusted")), text
    assert not re.search(r"\bnan\b|\bNone\b|None|\binf\b", text), text
    assert text == f"{_convergence(made)} {_chaos(made)}"
    return _convergence(made), _chaos(made)


def test_the_best_trusted_run_is_held_against_the_random_one_at_equal_draws():
    first, second = _halves(line_up())
    # 1.5 * 2000**-0.97 against 2000**-0.5, read off where both have 2000 draws
    assert first.startswith(
        'On sachs (11 units), by the largest error of a marginal after 2,000 draws, "herding" is the most accurate of the 2 runs of 5'
    )
    assert "9.42e-04 (slope -0.97 ± 0.02) against 2.24e-02 (slope -0.50 ± 0.02)" in first
    assert first.endswith(
        '"Gibbs, PCG64", 24 times as much, at 1,075 times the processor time a draw. It is given the moments to begin with.'
    )
    assert ". Here less chaos went with faster convergence" in second
    assert second.count("no period within") == 2
    assert second.endswith('"Gibbs, bad LCG" (the orbit repeats itself every 65,536 draws).')
    assert '"herded Gibbs" (the average over all starts is wrong and the error stops falling)' in second


def test_errors_between_checkpoints_lie_on_the_power_law():
    e = entrant("a", slope=-0.5)
    np.testing.assert_allclose(np.median(errors_at(e, 777)), 777**-0.5, rtol=1e-3)
    assert errors_at(e, 5) is None
    assert errors_at(e, 1e7) is None


def test_all_flagged():
    first, second = _halves(report(entrant("a", flags=(DISAGREE,)), entrant("b", flags=(UNREACHABLE,))))
    assert "none of the 2 runs passed every check, so that no convergence is shown" in first
    assert second.startswith("No trusted run gives a slope to hold against chaos; Lyapunov exponents are all 954.2")
    assert '"a" (starts disagree), "b" (not every state can be reached)' in second


def test_one_run():
    first, second = _halves(report(entrant("a")))
    assert first.endswith('"a" has an error of 3.16e-03 (slope -0.50 ± 0.02), with nothing to hold it against.')
    assert (
        second
        == '"a" itself has Lyapunov exponent 954.2 and entropy rate 0.550 nats per draw, no period within 262,144 draws. No run is flagged.'
    )


def test_a_run_with_too_few_draws_is_trusted_and_said_to_have_too_few():
    second = _halves(report(entrant("a", flags=(FEW,)), entrant("b")))[1]
    assert second.endswith('No run is flagged. "a" has too few draws for reliable errors.')
    second = _halves(report(entrant("a", flags=(FEW,)), entrant("b", flags=(CYCLE, FEW))))[1]
    assert 'Not to be trusted: "b" (the orbit repeats itself every 65,536 draws). "a" has too few draws' in second


def test_one_flagged_run():
    first, second = _halves(report(entrant("a", flags=(BIASED,))))
    assert "the only run did not pass every check, so that no convergence is shown: its error is 3.16e-03" in first
    assert second.startswith("No trusted run gives a slope to hold against chaos. Not to be trusted")


def test_random_is_best():
    made = report(entrant("Gibbs"), entrant("herded", HerdedGibbs(), "none", scale=2.0))
    first, second = _halves(made)
    assert '"Gibbs" is the most accurate of the 2 runs of 2 that passed every check' in first
    assert first.endswith('"herded", 2.0 times as much. The best is the plain random run.')
    assert second.startswith(
        "The slopes of the 2 runs that passed do not differ beyond their errors, though their Lyapunov exponents go from 0.000 to 954.2"
    )


def test_more_chaos_faster():
    made = report(entrant("Gibbs", slope=-0.5), entrant("slow", HerdedGibbs(), "none", slope=-0.3))
    assert "Here more chaos went with faster convergence" in _halves(made)[1]


def test_who_is_best_without_the_moments_that_herding_is_given():
    made = report(
        entrant("Gibbs"), entrant("herded", HerdedGibbs(), "none", scale=0.2), entrant("herding", Herding(), "none", slope=-1.0)
    )
    first = _halves(made)[0]
    assert '"herding" is the most accurate' in first
    assert first.endswith(
        'It is given the moments to begin with; without them, "herded" is best with 6.32e-04 (slope -0.50 ± 0.02).'
    )
    made = report(entrant("Gibbs"), entrant("herded", HerdedGibbs(), "none", scale=0.2))
    assert "moments" not in _halves(made)[0]


def test_without_exponents_entropy_decides_and_without_both_nothing_does():
    bare = {"lyapunov": None, "period": 7}
    made = report(entrant("a", slope=-0.9, entropy_rate=0.6, **bare), entrant("b", slope=-0.5, entropy_rate=0.2, **bare))
    second = _halves(made)[1]
    assert "Here a more random readout went with faster convergence" in second
    assert "entropy rate 0.600 nats per draw, period 7 draws" in second
    bare["entropy_rate"] = math.nan
    made = report(entrant("a", slope=-0.9, **bare), entrant("b", slope=-0.5, **bare))
    second = _halves(made)[1]
    assert "These numbers do not tell by chaos which converges faster" in second
    assert "neither exponent nor entropy rate" in second


def test_the_flagged_random_run_is_named_and_is_no_yardstick():
    made = report(entrant("Gibbs", flags=(UNREACHABLE,)), entrant("herding", Herding(), "none", slope=-1.0))
    first = _halves(made)[0]
    assert '"herding" is the only one of 2 runs that passed every check' in first
    assert 'The plain random run "Gibbs", flagged itself, is at 3.16e-03 after as many draws' in first


def test_ties_and_errors_of_zero():
    made = report(entrant("a"), entrant("b", HerdedGibbs(), "none"))
    assert "are equally accurate" in _halves(made)[0]
    zero = entrant("exact", Herding(), "none", scale=0.0, slope=0.0, slope_se=None, error=0.0)
    first, second = _halves(report(entrant("a"), zero))
    assert (
        '"exact" is the most accurate of the 2 runs of 2 that passed every check: 0 against 3.16e-03 (slope -0.50 ± 0.02)' in first
    )
    assert "times as much" not in first
    assert second.startswith('"a" itself')


def test_a_difference_within_the_repeats_is_said_to_be_that():
    near = report(entrant("a", scale=1.2), entrant("b", HerdedGibbs(), "none"))
    assert "1.2 times as much (the ranges of their repeats overlap)" in _halves(near)[0]
    far = report(entrant("a", scale=5.0), entrant("b", HerdedGibbs(), "none"))
    assert "overlap" not in _halves(far)[0]


def test_a_continuous_target_is_held_against_the_same_sampler():
    made = report(
        entrant("Metropolis, PCG64", RandomWalkMetropolis(), scale=0.5),
        entrant("HMC, PCG64", HMC(), scale=0.9),
        entrant("HMC, rotation", HMC(), "rotation-3", slope=-0.8),
        target="banana (2 coordinates)",
        error_kind="largest error of a mean, in standard deviations",
    )
    first = _halves(made)[0]
    assert first.startswith("On banana (2 coordinates), by the largest error of a mean, in standard deviations after 100,000 draws")
    assert 'for "HMC, PCG64"' in first


def test_no_runs_and_no_errors():
    assert _halves(report()) == ("No sampler was run on sachs (11 units).", "There is nothing to say of chaos or trust.")
    assert "no run that passed its checks has an error to compare" in _halves(report(entrant("a", error=None)))[0]
    assert "no error was measured" in _halves(report(entrant("a", error=math.nan, flags=(PLATEAU,))))[0]


_NUMBERS = st.one_of(st.none(), st.just(math.nan), st.floats(-5, 5))
_FLAGS = st.lists(st.sampled_from([STREAM, BIASED, DISAGREE, CYCLE, PLATEAU, UNREACHABLE, FEW, UNTUNED]), max_size=3, unique=True)


@st.composite
def _runs(draw):
    k = draw(st.integers(0, 5))
    runs = []
    for i in range(k):
        slope = draw(st.one_of(st.just(-0.5), st.floats(-1.2, 0.3)))
        row = {key: draw(_NUMBERS) for key in ("lyapunov", "entropy_rate", "slope_se", "ns_per_draw")}
        row["slope_se"] = None if row["slope_se"] is None else abs(row["slope_se"])
        row["period"] = draw(st.one_of(st.none(), st.integers(1, 10**6)))
        if draw(st.booleans()):
            row["slope"] = draw(_NUMBERS)
        driver = draw(st.sampled_from(["pcg64", "none", "golden", "toy-lcg"]))
        sampler = draw(st.sampled_from([None, HerdedGibbs(), Herding()]))
        scale = draw(st.sampled_from([0.0, 0.3, 1.0, 1.01, 40.0]))
        draws = draw(st.sampled_from([1000, 100_000]))
        runs.append(
            entrant(
                f"run {i}",
                sampler,
                driver,
                **({"slope": slope, "fall": slope, "scale": scale, "flags": draw(_FLAGS), "draws": draws} | row),
            )
        )
    return report(*runs)


@given(_runs())
@settings(max_examples=150, deadline=None)
def test_the_sentences_hold_for_any_rows(made):
    first, second = _halves(made)
    trusted = [e for e in made.entrants if is_trusted(e)]
    flagged = {e.name for e in made.entrants if not is_trusted(e)}
    if made.entrants:
        said, *few = re.split(r'\)\. (?=")', second.partition("Not to be trusted: ")[2])
        assert len(few) <= 1
        assert set(re.findall(r'"(run \d)"', said)) == flagged
    best = re.search(r'"(run \d)" is the most accurate of the (\d) runs of (\d)', first)
    if best:
        common = int(re.search(r"after ([\d,]+) draws", first)[1].replace(",", ""))
        assert common == min(e.row["draws"] for e in trusted)
        at = {e.name: np.median(errors_at(e, common)) for e in trusted}
        assert at[best[1]] == pytest.approx(min(at.values()))
        assert int(best[2]) == len(trusted)
        assert int(best[3]) == len(made.entrants)
    pair = re.search(r'steepest slope is that of "(run \d)".*shallowest that of "(run \d)"', second)
    if pair:
        rows = {e.name: e.row for e in made.entrants}
        assert not {pair[1], pair[2]} & flagged
        steep, shallow = rows[pair[1]], rows[pair[2]]
        assert steep["slope"] < shallow["slope"]
        if "less chaos" in second:
            assert steep["lyapunov"] < shallow["lyapunov"]
        if "more chaos" in second:
            assert steep["lyapunov"] > shallow["lyapunov"]
