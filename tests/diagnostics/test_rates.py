"""Entropy rates that choose no word length, on Markov chains and sequences of known rate; slow oracles of both algorithms."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.diagnostics import naive_symbols as naive
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics.symbols.rates import context_tree_rate, match_length_rate


def weighted(s, size, depth):
    """-ln of the weighted probability of s[depth:], by the recursion over contexts in exact order."""

    def node(context):
        places = [t for t in range(depth, len(s)) if tuple(s[t - len(context) : t]) == context]
        counts, own = [0] * size, 0.0
        for t in places:
            own += math.log((counts[s[t]] + 0.5) / (sum(counts) + 0.5 * size))
            counts[s[t]] += 1
        if len(context) == depth or not places:
            return own
        return math.log(0.5) + np.logaddexp(own, sum(node((c, *context)) for c in range(size)))

    return -node(())


@settings(max_examples=40)
@given(st.integers(2, 4).flatmap(lambda k: st.lists(st.integers(0, k - 1), min_size=12, max_size=60)), st.integers(0, 3))
def test_context_tree_oracle(s, depth):
    size = 4
    ranked = sorted(set(s))
    exact = weighted([ranked.index(c) for c in s], size, depth) / (len(s) - depth)
    assert float(context_tree_rate(s, depth, alphabet=size)) == pytest.approx(exact, rel=1e-9)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 2), min_size=30, max_size=80))
def test_match_length_oracle(s):
    matched = [
        max((k for k in range(1, len(s) - i + 1) if any(s[j : j + k] == s[i : i + k] for j in range(i))), default=0)
        for i in range(1, len(s))
    ]
    inside = [i for i, m in enumerate(matched, start=1) if i + m < len(s)]
    if len(inside) < 0.9 * (len(s) - 1):
        inside = list(range(1, len(s)))
    exact = 1 / np.mean([(matched[i - 1] + 1) / math.log(i + 1) for i in inside])
    assert float(match_length_rate(s)) == pytest.approx(exact)


GOLDEN = (1 + 5**0.5) / 2
CHAINS = {
    "markov": ([[0.9, 0.1], [0.5, 0.5]], 0.386427),
    "golden mean": ([[1 / GOLDEN, 1 - 1 / GOLDEN], [1, 0]], math.log(GOLDEN)),
    "bernoulli": ([[0.8, 0.2], [0.8, 0.2]], 0.500402),
}


@pytest.mark.parametrize("name", CHAINS)
def test_chains(name):
    """Context trees within 4 standard errors and half a percent of redundancy; match lengths within their 1 / ln n; a shuffled
    chain fails."""
    transition, exact = CHAINS[name]
    s = naive.markov(transition, 100_000, 5)
    tree, match = context_tree_rate(s), match_length_rate(s)
    assert abs(float(tree) - exact) < 4 * tree.stderr + 0.002
    assert abs(float(match) - exact) < exact * 2 / math.log(s.size)
    shuffled = np.random.default_rng(0).permutation(s)
    if name != "bernoulli":
        assert float(context_tree_rate(shuffled)) > exact + 20 * tree.stderr
        assert float(match_length_rate(shuffled)) > float(match) + 5 * match.stderr


def test_standard_error_covers(rng):
    """Of 60 chains, the true rate lies within two standard errors of the code length for most."""
    exact = CHAINS["bernoulli"][1]
    inside = 0
    for k in range(60):
        result = context_tree_rate(naive.markov(CHAINS["bernoulli"][0], 4000, k), depth=2)
        inside += abs(float(result) - 0.0015 - exact) < 2 * result.stderr
    assert 50 <= inside <= 60


def test_order_two_memory_is_seen():
    """x_t = x_(t-1) xor x_(t-2) with a tenth of errors: a rate of H(0.1), invisible to words of length 1 and 2."""
    rng = np.random.default_rng(2)
    s, errors = [0, 1], rng.random(50_000) < 0.1
    for e in errors:
        s.append(s[-1] ^ s[-2] ^ int(e))
    exact = -0.1 * math.log(0.1) - 0.9 * math.log(0.9)
    assert abs(float(context_tree_rate(s)) - exact) < 0.01
    assert float(context_tree_rate(s, depth=1)) > 0.69


def test_periodic_and_constant():
    for s in ([0, 1, 1] * 3000, [5] * 9000):
        assert float(context_tree_rate(s)) < 0.01
        result = match_length_rate(s)
        assert float(result) < 0.01
        assert any("repeats itself" in w for w in result.warnings)


def test_still_learning_warns():
    assert any("still learns" in w for w in context_tree_rate(np.tile(np.random.default_rng(0).integers(0, 2, 400), 6)).warnings)


def test_units_and_bad_input():
    s = naive.markov(CHAINS["markov"][0], 2000, 1)
    for rate in (context_tree_rate, match_length_rate):
        assert float(rate(s, base=2)) == pytest.approx(float(rate(s)) / math.log(2))
        with pytest.raises(ArgumentError):
            rate([0, 1])
    for call in (
        lambda: context_tree_rate(s, depth=-1),
        lambda: context_tree_rate(s, alphabet=1),
        lambda: context_tree_rate(np.arange(100_000), depth=5),
    ):
        with pytest.raises(ArgumentError):
            call()


def test_the_error_of_a_context_tree_holds_its_bias():
    """Independent symbols of four kinds: ln 4 lies within two errors, which the scatter alone does not tell of: all values lie above."""
    found = [context_tree_rate(np.random.default_rng(k).integers(0, 4, 1000)) for k in range(20)]
    away = np.array([r.value - np.log(4) for r in found])
    error, bias = (np.array(v) for v in zip(*((r.stderr, r.parameters["bias"]) for r in found), strict=True))
    assert (np.abs(away) < 2 * error).mean() >= 0.9
    assert (np.abs(away) > 1.2 * np.sqrt(error**2 - bias**2)).mean() > 0.8
    assert bias.mean() == pytest.approx(away.mean(), rel=0.4)
