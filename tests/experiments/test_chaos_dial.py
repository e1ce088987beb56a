"""The dial from order to chaos: the winner is chosen and judged by different repeats, and what is known of streams is found again."""

import math

import numpy as np
import pytest

import weakchaos as wc
from tests.experiments.test_verdicts import chaos_dial as made_data
from tests.experiments.test_verdicts import complexity_and_error as made_pairs
from weakchaos.experiments import chaos_dial, complexity_and_error
from weakchaos.experiments.conclusion import Estimate


def test_the_winner_is_chosen_by_repeats_of_its_own():
    data = made_data(stream=1.0, means=1.0, herded=1.0)
    for cell in data["cells"]:
        if cell["position"] == "rate 0":  # far better in the repeats that choose, twice as bad in those that judge
            cell["errors"][:8] = (np.array(cell["errors"][:8]) / 100).tolist()
    best, gain = chaos_dial.winner(data, "stream")
    assert best == "rate 0"
    assert gain.value == pytest.approx(0.5, rel=0.1)
    assert gain.count == 32


def test_random_ends_do_not_win():
    assert chaos_dial.winner(made_data(stream=0.1, means=0.1), "stream")[0] != "PCG64"


def test_the_gain_over_a_dial_is_the_geometric_mean():
    best, gain = chaos_dial.winner(made_data(stream=8.0, means=2.0, spread=1e-6), "stream")
    assert best == "CUD"
    assert gain.value == pytest.approx(4.0, rel=1e-4)


def test_every_dial_has_a_random_end():
    places = chaos_dial._places()
    for dial, _, random, _ in places:
        assert any((d, p) == (dial, random) for d, p, _, _ in places)
    assert {p for d, p, _, _ in places if d == chaos_dial.STREAM} == set(chaos_dial._STREAMS)


def test_structure_helps_means_and_spoils_second_moments():
    """At correlation 0.9 a rotation makes means far better than random numbers and second moments wrong; a shift register spoils nothing."""
    places = chaos_dial._places()
    quantity = {name: f"Gibbs, correlation 0.9: {name}" for name in ("means", "second moments")}
    data = {"parameters": {"pilots": 0, "degrees": [12]}, "cells": []}
    for k, (dial, position, _, runner) in enumerate(places):
        if dial == chaos_dial.STREAM and position in ("PCG64", "CUD", "rate 0") and quantity["means"] in runner(position, 10, 0, 0):
            data["cells"] += chaos_dial._cell(k, [12], 0, 16, 3)
    gains = {
        (p, q): np.exp(chaos_dial._gains(data, "stream", p, [quantity[q]], False).mean())
        for p in ("CUD", "rate 0")
        for q in quantity
    }
    assert gains["rate 0", "means"] > 3 < gains["CUD", "means"]
    assert gains["rate 0", "second moments"] < 0.2
    assert gains["CUD", "second moments"] > 0.9


@pytest.mark.slow
def test_the_last_line_holds_the_winner_and_its_gain(capsys, tmp_path, monkeypatch):
    from weakchaos.cli import run

    monkeypatch.chdir(tmp_path)
    assert run(["experiments", "chaos_dial", "--quick"]) == 0
    last = capsys.readouterr().out.rstrip().splitlines()[-1]
    assert last.startswith("Winning dial position: CUD")
    low = float(last.split("interval ")[1].split()[0])
    assert low > 1


def test_rank_correlation_is_that_of_scipy():
    from scipy.stats import spearmanr

    x, y = np.random.default_rng(1).normal(size=(2, 50))
    y = x + 2 * y
    x[3] = np.nan
    found = complexity_and_error.rank_correlation(x, y)
    assert found.value == pytest.approx(spearmanr(x, y, nan_policy="omit")[0])
    assert found.count == 49


def test_its_interval_covers():
    """The 95 % interval holds the rank correlation of a binormal distribution, 6 / pi asin(r / 2), in nine of ten samples at least and not always."""
    rng, r, n, held = np.random.default_rng(2), 0.6, 40, 0
    truth = 6 / math.pi * math.asin(r / 2)
    for _ in range(400):
        x, z = rng.normal(size=(2, n))
        low, high = complexity_and_error.rank_correlation(x, r * x + math.sqrt(1 - r * r) * z).interval()
        held += low < truth < high
    assert 0.90 < held / 400 < 0.985


def test_constant_measures_have_no_rank():
    assert not complexity_and_error.rank_correlation([1.0] * 10, range(10)).decides
    assert isinstance(complexity_and_error.rank_correlation([1.0] * 10, range(10)), Estimate)


def test_there_are_more_than_forty_pairs():
    assert len(complexity_and_error.pairs()) >= 40
    assert complexity_and_error.conclude(made_pairs()).parts[0].estimate.count == 60


def test_measures_of_known_sequences():
    """A rotation seen through an interval of another length than its angle has 2 n words of length n and no entropy; fair coins have ln 2."""
    system = wc.samplers.Gibbs().bind(wc.PairwiseMRF(np.zeros((1, 1)), [0.3]), "golden")
    draws = system.advance(system.start(1), 2**13)
    found = complexity_and_error._measures(system, draws, 0)
    assert found["entropy rate"] < 0.15
    assert found["word growth"] == pytest.approx(math.log(24) / 12)
    coins = np.random.default_rng(0).integers(0, 2, (2**13, 1))
    found = complexity_and_error._measures(system, coins, 0)
    assert found["entropy rate"] == pytest.approx(math.log(2), abs=0.02)
    assert abs(found["autocorrelation"]) < 0.3
