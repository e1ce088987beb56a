"""The search that found the constants of `weakchaos.drivers.CUD`, and the table of those that failed.

    python benchmarks/cud_search.py [--degrees 10 11 ...] [--candidates 48] [--json PATH]

A Tausworthe generator of degree m is a primitive polynomial p over the field of two elements and a stride g coprime with its period 2**m - 1. For
each degree random pairs (p, g) are drawn from a fixed seed. A pair goes on if the points made of two and of three successive numbers have small
t-values (exact, by ranks over the field of two elements). Small t-values do not suffice for chains: some pairs with the best ones are worse than
independent numbers there. So the survivors of degree 24 and less run two chains whose averages are known, Gibbs sampling of two binary units
and a chain of two states, over their whole period under random shifts; the pair whose smaller gain over PCG64 is the largest wins, and its gains
are measured once more under other shifts. Beyond degree 24 a period is too long for such trials, and the t-values decide alone.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
from numba import njit

from weakchaos.drivers.cud_streams import jump_tables, power_of_x

_UNIT = 2.0**-53
_TESTED = 24


@njit
def _independent(rows, lengths):
    """Whether the first lengths[j] rows of each block j are independent over the field of two elements."""
    pivots = np.zeros(64, np.uint64)
    for j in range(len(lengths)):
        for r in range(lengths[j]):
            v = rows[j, r]
            while v != np.uint64(0):
                high = 63
                while not (v >> np.uint64(high)) & np.uint64(1):
                    high -= 1
                if pivots[high] == np.uint64(0):
                    pivots[high] = v
                    break
                v ^= pivots[high]
            if v == np.uint64(0):
                return False
    return True


@njit
def _compositions_independent(rows, total, dimension):
    lengths = np.zeros(dimension, np.int64)
    lengths[dimension - 1] = total
    while True:
        if not _independent(rows, lengths):
            return False
        # The next composition of `total`, in lexicographic order.
        j = dimension - 1
        while j >= 0 and lengths[j] == 0:
            j -= 1
        if j <= 0:
            return True
        last = lengths[j]
        lengths[j] = 0
        lengths[j - 1] += 1
        lengths[dimension - 1] = last - 1


def t_value(polynomial: int, stride: int, dimension: int) -> int:
    """The quality parameter t of the net formed by all `dimension` successive numbers: 0 is best (Niederreiter 1992, chapter 4).

    Examples
    --------
    >>> t_value(0b1011, 1, 1)
    0
    """
    m = polynomial.bit_length() - 1
    rows = np.array([[power_of_x(stride * j + r, polynomial) for r in range(m)] for j in range(dimension)], np.uint64)
    for t in range(m):
        if _compositions_independent(rows, m - t, dimension):
            return t
    return m


def is_primitive(polynomial: int) -> bool:
    """Whether x has the order 2**m - 1 modulo the polynomial.

    Examples
    --------
    >>> is_primitive(0b1011), is_primitive(0b1111)
    (True, False)
    """
    period = 2 ** (polynomial.bit_length() - 1) - 1
    if power_of_x(period, polynomial) != 1:
        return False
    return all(power_of_x(period // q, polynomial) != 1 for q in prime_factors(period))


def prime_factors(n: int) -> list[int]:
    """The prime factors of n, each once."""
    found, d = [], 2
    while d * d <= n:
        if n % d == 0:
            found.append(d)
            while n % d == 0:
                n //= d
        d += 1
    return found + ([n] if n > 1 else [])


@njit
def _next(word, tables):
    v = np.uint64(0)
    for k in range(tables.shape[0]):
        v ^= tables[k, (word >> np.uint64(56 - 8 * k)) & np.uint64(255)]
    return v


@njit
def _run_units(word, tables, period, shifts, p):
    x, y, sum_x, sum_y = 0, 0, 0, 0
    for _ in range(period):
        word = _next(word, tables)
        x = 1 if np.float64((word + shifts[0]) >> np.uint64(11)) * _UNIT < p[y] else 0
        word = _next(word, tables)
        y = 1 if np.float64((word + shifts[1]) >> np.uint64(11)) * _UNIT < p[2 + x] else 0
        sum_x += x
        sum_y += y
    return sum_x / period, sum_y / period


@njit
def _run_two_states(word, tables, period, shift):
    x, total = 0, 0
    for _ in range(period):
        word = _next(word, tables)
        u = np.float64((word + shift) >> np.uint64(11)) * _UNIT
        x = 1 if u >= (0.9 if x == 0 else 0.3) else 0
        total += x
    return total / period


@njit
def _random_units(rng, period, p):
    x, y, sum_x, sum_y = 0, 0, 0, 0
    for _ in range(period):
        x = 1 if rng.random() < p[y] else 0
        y = 1 if rng.random() < p[2 + x] else 0
        sum_x += x
        sum_y += y
    return sum_x / period, sum_y / period


@njit
def _random_two_states(rng, period):
    x, total = 0, 0
    for _ in range(period):
        x = 1 if rng.random() >= (0.9 if x == 0 else 0.3) else 0
        total += x
    return total / period


def _logistic(z: float) -> float:
    return 1.0 / (1.0 + math.exp(-z))


# Two units with coupling 3 and fields -1.2 and -1.5: probabilities of 1 given that the other one is 0, 1.
_P = np.array([_logistic(-1.2), _logistic(1.8), _logistic(-1.5), _logistic(1.5)])
_WEIGHTS = np.array([1.0, math.exp(-1.5), math.exp(-1.2), math.exp(0.3)])
_TRUTH = np.array([_WEIGHTS[2] + _WEIGHTS[3], _WEIGHTS[1] + _WEIGHTS[3]]) / _WEIGHTS.sum()


def random_errors(m: int, repeats: int = 200) -> tuple[float, float]:
    """Median errors of the two chains under PCG64 over as many steps; from 2**18 steps on they follow 1 / sqrt(T)."""
    short = min(m, 18)
    rng = np.random.default_rng(0)
    period = 2**short - 1
    units = [np.abs(np.subtract(_random_units(rng, period, _P), _TRUTH)).max() for _ in range(repeats)]
    states = [abs(_random_two_states(rng, period) - 0.25) for _ in range(repeats)]
    scale = 2.0 ** (-(m - short) / 2)
    return float(np.median(units)) * scale, float(np.median(states)) * scale


def gains(polynomial: int, stride: int, shifts: int, seed: int, against: tuple[float, float]) -> tuple[float, float]:
    """How many times as large PCG64's median errors are, for the two units and for the two states."""
    m = polynomial.bit_length() - 1
    period, tables = 2**m - 1, jump_tables(polynomial, stride)
    rng = np.random.default_rng([seed, m])
    units, states = [], []
    for _ in range(shifts):
        start, *shift = rng.integers(0, 2**64, 3, dtype=np.uint64)
        # Any state but 0, by its m leading bits; the tables make a whole word of it.
        word = np.uint64(max(int(start) >> (64 - m), 1) << (64 - m))
        word = np.uint64(_next(word, tables))  # compiled functions return plain integers
        units.append(np.abs(np.subtract(_run_units(word, tables, period, np.array(shift), _P), _TRUTH)).max())
        states.append(abs(_run_two_states(word, tables, period, shift[0]) - 0.25))
    return against[0] / float(np.median(units)), against[1] / float(np.median(states))


def search(m: int, candidates: int) -> dict:
    """The best pair of degree m, and all that were tried."""
    rng = np.random.default_rng(m)
    period = 2**m - 1
    polynomials: list[int] = []
    while len(polynomials) < 24:
        p = (1 << m) | (int(rng.integers(0, 2 ** (m - 1))) << 1) | 1
        if p not in polynomials and is_primitive(p):
            polynomials.append(p)
    pool = []
    for _ in range(50 * candidates):
        p, g = polynomials[int(rng.integers(len(polynomials)))], int(rng.integers(m + 1, period))
        if math.gcd(g, period) == 1 and (t2 := t_value(p, g, 2)) <= 2:
            pool.append((t2 + t_value(p, g, 3), t2, p, g))
        if len(pool) == 4 * candidates:
            break
    pool.sort()
    rows = []
    against = random_errors(m) if m <= _TESTED else (math.nan, math.nan)
    # A period of 2**20 numbers and more averages over many shifts in itself, and takes seconds.
    shifts = 32 if m <= 18 else 16 if m <= 20 else 8
    kept = pool[: candidates if m <= 18 else candidates // 2 if m <= 20 else candidates // 6]
    for _, t2, p, g in kept:
        row = {"degree": m, "polynomial": hex(p), "stride": g, "t2": t2, "t3": t_value(p, g, 3)}
        if m <= _TESTED:
            row["units"], row["states"] = (round(v, 2) for v in gains(p, g, shifts, 0, against))
        else:
            row["t4"] = t_value(p, g, 4)
        rows.append(row)
    if m <= _TESTED:
        rows.sort(key=lambda row: -min(row["units"], row["states"]))
        best = rows[:3]
        for row in best:
            row["again"] = tuple(round(v, 2) for v in gains(int(row["polynomial"], 16), row["stride"], shifts, 1, against))
        best.sort(key=lambda row: -min(*row["again"], row["units"], row["states"]))
        rows[:3] = best
    else:
        rows.sort(key=lambda row: (row["t2"] + row["t3"] + row["t4"], row["t4"]))
    return {"best": rows[0], "tried": rows}


def main() -> None:
    """Search, print the constants as they stand in the package, and what was tried."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--degrees", type=int, nargs="*", default=list(range(10, 33)))
    arguments.add_argument("--candidates", type=int, default=48)
    arguments.add_argument("--json", type=Path)
    options = arguments.parse_args()
    found = {}
    for m in options.degrees:
        began = time.process_time()
        found[m] = search(m, options.candidates)
        best, tried = found[m]["best"], found[m]["tried"]
        print(f"    {m}: ({best['polynomial']}, {best['stride']}),  # {best} ", flush=True)
        if m <= _TESTED:
            least = [min(row["units"], row["states"]) for row in tried]
            quartiles = np.quantile(least, [0, 0.25, 0.5, 0.75, 1]).round(2).tolist()
            print(
                f"        # smaller gain of {len(tried)} tried, quartiles {quartiles}; {time.process_time() - began:.0f} CPU s",
                flush=True,
            )
        if options.json:
            options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
