"""What `analyse_series` says of sequences of symbols."""

import copy
import math
import re

import numpy as np
import pytest

from tests.diagnostics.recorded_series import golden_mean, logistic
from tests.diagnostics.test_analysis import asked, sound
from weakchaos.diagnostics.symbols.entropy import conditional_entropy
from weakchaos.diagnostics.symbols.symbolic import symbolize
from weakchaos.reports.series.ask_symbols import _information
from weakchaos.reports.series.judge_symbols import judge_symbols


def with_39(x):
    return asked(x, surrogates=39)


def test_symbols_of_every_kind():
    n, rng = 2000, np.random.default_rng(3)
    coin = sound(with_39(rng.integers(0, 2, n)))
    assert (coin.kind, coin.verdict) == ("discrete", "independent symbols")
    assert coin["entropy rate, context tree"]["value"] == pytest.approx(math.log(2), rel=0.02)
    # The symbols of the logistic map by its generating partition are those of a coin: nothing may tell them apart.
    assert sound(with_39(symbolize(logistic(n), "partition", edges=[0.5]))).verdict == "independent symbols"
    chain = sound(with_39(golden_mean(n, rng)))
    assert chain.verdict == "first-order memory"
    assert chain["entropy rate, blocks"]["value"] == pytest.approx(2 / 3 * math.log(2), rel=0.05)
    even = np.concatenate([[1, 1] if u < 0.5 else [0] for u in rng.random(n)])[:n]
    assert sound(with_39(even)).verdict == "long memory"
    fibonacci, other = "a", "b"
    while len(fibonacci) < n:
        fibonacci, other = fibonacci + other, fibonacci
    ordered = sound(with_39(fibonacci[:n]))
    assert ordered.verdict == "ordered, not periodic"
    assert ordered["words of length 16"]["value"] == 17
    cycle = np.tile(rng.permutation(13) % 4, n // 13 + 1)[:n]
    exact = sound(with_39(np.concatenate([[3, 3, 3, 3, 3], cycle])))
    assert (exact.verdict, exact["exact period"]["value"]) == ("periodic", 13)
    spoiled = sound(with_39(np.where(rng.random(n) < 0.1, rng.integers(0, 4, n), cycle)))
    assert (spoiled.verdict, spoiled["near period"]["value"]) == ("periodic with errors", 13)
    # A chain that stays where it is comes back often too, but forgets.
    lazy = np.cumsum(rng.random(n) < 0.1) % 2
    assert sound(with_39(lazy)).verdict == "first-order memory"


def test_labels_and_odd_sequences(rng):
    words = sound(asked(np.array(["up", "down", "flat"])[rng.integers(0, 3, 400)]))
    assert (words.kind, list(words.results.labels)) == ("discrete", ["down", "flat", "up"])
    rest = sound(asked("abcab" + "c" * 60))
    assert rest.verdict == "at rest"
    names = sound(asked([f"n{k}" for k in range(300)]))
    assert names.verdict == "undecided"
    assert "fewer than two of each" in names.warnings[0]
    many = sound(asked(rng.integers(0, 25, 400), kind="discrete"))
    assert many["information 2 back"]["value"] is None


def test_a_laminar_phase_is_the_longest_repetition():
    rng = np.random.default_rng(1)
    x = rng.integers(0, 3, 1500)
    x[700:790] = np.tile([0, 2, 1], 30)
    report = sound(asked(x))
    row = report["longest repetition"]
    assert row["value"] >= 90
    assert row["p_value"] == 0.05  # as small as 19 surrogates can make it
    assert re.search(r"period 3, 3\d.* times, from place 69[5-9]|period 3, 3\d.* times, from place 700", row["notes"][0])
    again = [asked(rng.permutation(x))["longest repetition"]["p_value"] for _ in range(10)]
    assert sum(p <= 0.05 for p in again) <= 3  # the negative control


def test_information_is_that_of_the_entropies(rng):
    x = golden_mean(5000, rng)
    for order in (1, 2):
        value = _information(x, 2, order)
        given = (
            float(conditional_entropy(x, order - 1, estimator="plug-in")),
            float(conditional_entropy(x, order, estimator="plug-in")),
        )
        assert value == pytest.approx(given[0] - given[1], abs=2e-3)
        assert order == 2 or value > 0.05
    assert _information(x, 2, 2) < 1e-3  # a chain of first order has nothing beyond one step


def test_symbols_are_judged_by_what_stands():
    results = with_39(np.random.default_rng(0).integers(0, 2, 500)).results

    def judged(**changed):
        other = copy.copy(results)
        for name, value in changed.items():
            setattr(other, name, value)
        return judge_symbols(other)[0]

    assert judged(p_shuffle=0.5) == "independent symbols"
    assert judged(p_shuffle=0.01, p_markov=0.5) == "first-order memory"
    assert judged(p_shuffle=0.01, p_markov=0.01) == "long memory"
    assert judged(p_shuffle=0.01, p_markov=None) == "symbols with memory"
    assert judged(p_shuffle=None) == "undecided"
    assert judged(p_shuffle=0.5, surrogates=38) == "undecided"
