"""Runs and periods against slow oracles, theorems on their number, sequences of known period, and a million symbols."""

import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.diagnostics import naive_symbols as naive
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.diagnostics.symbols.repetitions import period, runs

runs_module = importlib.import_module("weakchaos.diagnostics.symbols.repetitions")  # the package has the function under this name


def triples(found):
    return [(r.start, r.end, r.period) for r in found]


sequences = st.integers(1, 5).flatmap(lambda k: st.lists(st.integers(0, k - 1), max_size=70))


@settings(max_examples=300)
@given(sequences, st.integers(1, 4))
def test_oracle(symbols, repeats):
    """Random sequences, and powers of them, which have many runs of many periods."""
    s = symbols * repeats
    assert triples(runs(s)) == naive.runs(s)
    if s:
        assert period(s) == naive.period(s)


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 90), st.integers(1, 3), st.integers(100, 320))
def test_oracle_by_the_index(seed, root, size, n):
    """The same when long comparisons go through the suffix array."""
    rng = np.random.default_rng(seed)
    s = np.tile(rng.integers(0, size, root), n // root + 1)[:n]
    s[rng.integers(0, n, 2)] = rng.integers(0, size, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs_module, "_BUDGET", 0)
        assert triples(runs(s)) == naive.runs(s.tolist())


def test_number_of_runs():
    """Fewer than n (Bannai et al. 2017); 2 F(n - 2) - 3 in the Fibonacci word of length F(n) (Kolpakov and Kucherov 1999); one in
    a^n."""
    sizes = [1, 2]
    while len(sizes) < 22:
        sizes.append(sizes[-1] + sizes[-2])
    for k in range(6, 22):
        assert len(runs(naive.fibonacci(sizes[k]))) == 2 * sizes[k - 2] - 3
    for s in (naive.thue_morse(4096), np.random.default_rng(0).integers(0, 2, 5000), np.tile([0, 0, 1], 500)):
        assert 0 < len(runs(s)) < len(s)
    assert triples(runs("a" * 1000)) == [(0, 1000, 1)]
    assert len(runs("")) == len(runs("abc")) == 0


def test_powers_in_classical_words():
    """Thue-Morse holds no overlap (Thue 1912): every exponent is 2; the Fibonacci word no power of 2 + golden mean (Mignosi and
    Pirillo 1992)."""
    assert set(runs(naive.thue_morse(20_000)).exponent) == {2.0}
    golden = (1 + 5**0.5) / 2
    exponents = runs(naive.fibonacci(50_000)).exponent
    assert exponents.max() < 2 + golden
    assert exponents.max() > 2 + golden - 1e-3


def test_a_planted_repetition_is_found():
    rng = np.random.default_rng(3)
    s = rng.integers(0, 4, 20_000)
    assert runs(s, min_exponent=20).length.size == 0  # the negative control
    s[5000:5500] = np.tile(rng.integers(0, 4, 17), 30)[:500]
    run = runs(s, min_exponent=20)[0]
    assert run.period == 17
    assert run.start <= 5000 < 5500 <= run.end
    assert runs(s).longest(1) == [run]


def test_periods_of_generators():
    """x -> 5 x + 3 mod 2^k has full period (Hull and Dobell 1962); the register 16, 14, 13, 11 runs through 2^16 - 1 states; de
    Bruijn k^n."""
    for k in (1, 5, 12):
        x = [1]
        for _ in range(3 * 2**k - 1):
            x.append((5 * x[-1] + 3) % 2**k)
        assert period(x) == 2**k
    register, bits = 0xACE1, []
    for _ in range(140_000):
        bit = (register ^ (register >> 2) ^ (register >> 3) ^ (register >> 5)) & 1
        register = (register >> 1) | (bit << 15)
        bits.append(bit)
    assert period(bits) == 65535
    for k, n in ((2, 4), (3, 3)):
        assert period(np.tile(naive.de_bruijn(k, n), 2)) == k**n


def test_cat_map_periods():
    """Periods of the whole cat map mod N: 3, 10, 30, 25, 15, 300, 192."""
    for size, expected in {2: 3, 5: 10, 10: 30, 101: 25, 124: 15, 150: 300, 256: 192}.items():
        states, u = [], np.eye(2, dtype=np.int64)
        for _ in range(2 * expected + 1):
            states.append(u.ravel() % size)
            u = (np.array([[2, 1], [1, 1]]) @ u) % size
        assert period(np.array(states)) == expected


def test_any_alphabet():
    s = "mississippi"
    expected = naive.runs(s)
    assert triples(runs(s)) == expected
    assert triples(runs(list(s))) == expected
    assert triples(runs([ord(c) * 10**12 for c in s])) == expected
    assert triples(runs([ord(c) / 7 for c in s])) == expected
    assert triples(runs([(ord(c) % 7, ord(c) // 7) for c in s])) == expected


@pytest.mark.parametrize("kind", ["binary", "letters", "large", "fibonacci", "one symbol", "blocks"])
def test_a_million_symbols_in_a_second(kind):
    """CPU time after compilation; the machine may be busy, so the best of two."""
    n, rng = 1_000_000, np.random.default_rng(0)
    s = {
        "binary": lambda: rng.integers(0, 2, n),
        "letters": lambda: rng.integers(0, 26, n),
        "large": lambda: rng.integers(0, 10**6, n),
        "fibonacci": lambda: naive.fibonacci(n),
        "one symbol": lambda: np.zeros(n, np.int64),
        "blocks": lambda: np.concatenate([np.append(np.zeros(999, np.int64), c) for c in rng.integers(1, 9, 1000)]),
    }[kind]()
    assert len(runs(s)) < n


def test_bad_input():
    for call in (
        lambda: period([]),
        lambda: runs([0.0, np.nan]),
        lambda: runs(np.zeros((2, 2, 2))),
        lambda: runs([0, 1], min_exponent=1),
        lambda: runs([0, 1], min_exponent=float("nan")),
    ):
        with pytest.raises(ArgumentError):
            call()
    with pytest.raises(ArgumentTypeError):
        runs([None, 1])
