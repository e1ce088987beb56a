"""Renyi entropies of known distributions, unbiased collision entropy, topological entropies of shifts."""

import math

import numpy as np
import pytest

from tests.diagnostics import naive_symbols as naive
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.diagnostics.symbols.renyi import renyi_entropy, shift_entropy, topological_entropy

GOLDEN = math.log((1 + 5**0.5) / 2)


def run_length_limited(least, most):
    """States are the zeros since the last one; a one is allowed after `least`, and demanded after `most`."""
    a = np.zeros((most + 1, most + 1))
    for k in range(most + 1):
        if k < most:
            a[k, k + 1] = 1
        if k >= least:
            a[k, 0] = 1
    return a


def test_shifts():
    """Golden-mean shift, and the even shift on its two states, ln phi; run-length-limited (1, 3) and (2, 7), capacities in bits
    (Lind and Marcus 1995)."""
    assert shift_entropy([[1, 1], [1, 0]]) == pytest.approx(GOLDEN, abs=1e-12)
    assert shift_entropy(run_length_limited(1, 3), base=2) == pytest.approx(0.551463, abs=5e-7)
    assert shift_entropy(run_length_limited(2, 7), base=2) == pytest.approx(0.517370, abs=5e-7)
    assert shift_entropy(np.ones((5, 5))) == pytest.approx(math.log(5), abs=1e-12)
    assert shift_entropy(np.roll(np.eye(7), 1, axis=0)) == pytest.approx(0, abs=1e-12)


def test_logistic_windows_by_their_partitions():
    """Period-3 window: ln phi although the orbit is periodic; band merging: ln 2 / 2."""
    period_three = [[0, 1], [1, 1]]
    assert shift_entropy(period_three) == pytest.approx(GOLDEN, abs=1e-10)
    assert (
        float(topological_entropy((naive.logistic(30_000, 3.8319, skip=5000) > 0.5).astype(int))) == 0
    )  # the orbit sees none of it
    # The critical orbit at band merging falls on the fixed point after three steps: partition by c_2 < c < x* < c_1.
    merging = [[0, 0, 1], [0, 0, 1], [1, 1, 0]]
    assert shift_entropy(merging) == pytest.approx(math.log(2) / 2, abs=1e-10)
    x = (naive.logistic(400_000, 3.678573510428322, seed=1) > 0.5).astype(int)
    assert float(topological_entropy(x)) == pytest.approx(math.log(2) / 2, rel=0.06)


def test_reducible_graph_takes_its_largest_part():
    a = np.zeros((5, 5))
    a[:2, :2] = [[1, 1], [1, 0]]
    a[2:, 2:] = [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    a[0, 3] = 4
    assert shift_entropy(a) == pytest.approx(GOLDEN, abs=1e-12)


def test_growth_of_words():
    p = math.exp(-GOLDEN)
    s = naive.markov([[p, 1 - p], [1, 0]], 50_000, 3)
    assert float(topological_entropy(s)) == pytest.approx(GOLDEN, abs=2e-3)
    even = s[:-1] | s[1:]  # its states read as edges: blocks of ones are even
    assert float(topological_entropy(even)) == pytest.approx(GOLDEN, abs=0.01)
    assert float(topological_entropy(s, base=2)) == pytest.approx(GOLDEN / math.log(2), abs=3e-3)
    assert float(topological_entropy(np.random.default_rng(0).integers(0, 3, 50_000))) == pytest.approx(math.log(3), abs=1e-9)
    assert float(topological_entropy([0, 1, 1] * 300)) == 0
    fib = topological_entropy(naive.fibonacci(20_000))
    assert np.allclose(fib.curve[1], np.log((fib.curve[0] + 1) / fib.curve[0]))
    assert topological_entropy(np.arange(50)).warnings


def test_renyi_closed_forms():
    s = np.repeat([0, 1, 2], [100_000, 50_000, 50_000])
    p = np.array([0.5, 0.25, 0.25])
    for q in (0, 0.5, 1, 2, 2.5, 3, 50, math.inf):
        exact = (
            math.log(3)
            if q == 0
            else 1.5 * math.log(2)
            if q == 1
            else math.log(2)
            if q == math.inf
            else math.log((p**q).sum()) / (1 - q)
        )
        assert float(renyi_entropy(s, q)) == pytest.approx(exact, abs=2e-3)
    values = [float(renyi_entropy(s, q)) for q in (0, 0.3, 1, 1.5, 2.5, 7.5, 700.5, math.inf)]
    assert values == sorted(values, reverse=True)


def test_collision_entropy_is_unbiased_in_the_sum(rng):
    """Mean of exp(-H2) is sum p^2 = 1/64 from 40 draws; the plug-in sum must miss it."""
    draws = rng.integers(0, 64, (1500, 40))
    sums = np.array([np.exp(-float(renyi_entropy(d, 2))) if len(set(d)) < 40 else 0 for d in draws])
    assert abs(sums.mean() - 1 / 64) < 5 * sums.std() / math.sqrt(1500)
    plug_in = np.array([(np.bincount(d) ** 2).sum() / 1600 for d in draws])
    assert plug_in.mean() > 1.5 / 64


def test_bad_input():
    for call in (
        lambda: renyi_entropy([0, 1, 0], -1),
        lambda: renyi_entropy([0, 1, 0], float("nan")),
        lambda: renyi_entropy([0, 1], 2, 2),
        lambda: shift_entropy(np.zeros((2, 3))),
        lambda: shift_entropy([[-1.0]]),
        lambda: shift_entropy([[0, 1], [0, 0]]),
        lambda: topological_entropy([0, 1], 0),
    ):
        with pytest.raises(ArgumentError):
            call()
    with pytest.raises(ArgumentTypeError):
        renyi_entropy([0, 1, 0], "2")


def test_growth_that_falls_is_named(rng):
    """Sturmian words have n + 1 words of length n and entropy 0; the golden-mean shift's words grow by the golden mean from the first on."""
    a, b = "0", "01"
    while len(b) < 20_000:
        a, b = b, b + a
    thue_morse = "".join("01"[k.bit_count() % 2] for k in range(20_000))
    for word in (b, thue_morse):
        assert "still falls" in topological_entropy(word).warnings[-1]
    golden = np.zeros(20_000, int)
    for t in range(1, golden.size):
        golden[t] = golden[t - 1] == 0 and rng.random() < 0.4
    assert not topological_entropy(golden).warnings
    assert not topological_entropy(rng.integers(0, 2, 20_000)).warnings
    assert not topological_entropy("ab" * 1000).warnings
