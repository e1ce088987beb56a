"""Samplers of one comparison may make different numbers of draws."""

import pytest

import weakchaos as wc

MODEL = wc.PairwiseMRF([[0.0, 1.0], [1.0, 0.0]])


def test_a_sampler_with_draws_of_its_own_makes_these_and_the_others_theirs():
    samplers = {"all": wc.samplers.Gibbs(), "few": (wc.samplers.Gibbs(), "pcg64", 1e3)}
    report = wc.compare(MODEL, samplers, draws=4000, repeats=3, seed=2)
    rows = report.rows
    assert [row["draws"] for row in rows] == [4000, 1000]
    assert [int(e.draws[-1]) for e in report.entrants] == [4000, 1000]
    assert rows[1]["period_searched"] <= 1000 < rows[0]["period_searched"]
    # The first 1000 draws are the same ones: draws of its own change how long a run is and nothing else.
    few = wc.compare(MODEL, {"few": wc.samplers.Gibbs()}, draws=1000, repeats=3, seed=2).rows[0]
    assert (few["error"], few["slope"]) == (rows[1]["error"], rows[1]["slope"])
    text = report.table()
    assert "1,000 to 4,000 draws" in text


@pytest.mark.parametrize("draws", [99, 150.5, True, "many", None])
def test_draws_that_are_no_count_are_refused(draws):
    with pytest.raises(
        (wc.errors.ArgumentError, wc.errors.ArgumentTypeError), match="`draws` must be a whole number of at least 100"
    ):
        wc.compare(MODEL, {"few": (wc.samplers.Gibbs(), "pcg64", draws)}, draws=1000)


@pytest.mark.parametrize("value", [(), (wc.samplers.Gibbs(), "pcg64", 1000, 1), ("pcg64",), wc.samplers.Gibbs])
def test_what_is_no_sampler_with_driver_and_draws_is_refused(value):
    with pytest.raises(wc.errors.ArgumentTypeError, match=r"\(sampler, driver, draws\)"):
        wc.compare(MODEL, {"odd": value}, draws=1000)
