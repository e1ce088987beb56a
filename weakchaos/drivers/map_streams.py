"""Chaotic maps as drivers: logistic and Chebyshev in floating point, tent and cat as exact integer orbits.

    logistic   x -> 4 x (1 - x)                   density 1 / (pi sqrt(x (1 - x)))      read out as (2 / pi) asin sqrt x
    Chebyshev  x -> T_d(x) = cos(d acos x)        density 1 / (pi sqrt(1 - x**2))       read out as acos(x) / pi
    tent       x -> 2x or 2(p - x), mod a prime   uniform                               read out as x / p
    cat        (x, y) -> (2x + y, x + y) mod N    uniform                               read out as x / N

The readouts are the coordinates in which the invariant density is uniform; logistic and Chebyshev maps are piecewise linear in these
coordinates.

The floating-point orbits are not orbits of the exact maps. Each ends, within some 10**7 to 10**8 steps, in a cycle or at an
end of the interval, from where the map goes to a fixed point and stays there (Persohn and Povinelli, Chaos Solitons Fractals 45 (2012)
238, doi:10.1016/j.chaos.2011.12.006). Of twelve seeds of the logistic map eight led to the one cycle of 5 638 349 steps, two to
shorter or longer ones and two to 1; of twelve seeds of the Chebyshev map of degree 2, ten led to -1 and two to a cycle of 29 685 894 steps.
Therefore, if a step gives an end of the interval, or the number it started from, the orbit restarts at the next term of a golden rotation
that is a part of the state. So no orbit stays at a fixed point, no number is 1.0, and the orbit is still determined by its state. Longer
cycles are not broken: for runs of more than 10**6 numbers take the exact tent or cat map. Steps use IEEE additions and multiplications
only, so an orbit is the same on every machine; the readout may differ in its last digit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import carray

from weakchaos.core.arguments import whole_number
from weakchaos.drivers.base import Driver, WordStream, stream_seed
from weakchaos.drivers.congruential import factorize
from weakchaos.native.compiled import compiled_stream

__all__ = ["ArnoldCat", "Chebyshev", "Logistic", "Tent"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_DROPPED, _UNIT = np.uint64(11), 2.0**-53
_BELOW_ONE = 1.0 - 2.0**-53
_MOST_ITERATIONS = 2**20

# The largest safe prime below 2**62: it and (p - 1) / 2 are prime.
_TENT_PRIME = 2**62 - 10565
# The largest prime p = 2 or 3 mod 5 below 2**62 for which (p + 1) / 2 is prime.
_CAT_PRIME = 2**62 - 8151


@compiled_stream
def _next_logistic(state):
    words, floats = carray(state, 3, dtype=np.uint64), carray(state, 1, dtype=np.float64)
    x = floats[0]
    for _ in range(words[2]):
        y = 4.0 * x * (1.0 - x)
        if y == x or not 0.0 < y < 1.0:
            words[1] += _GOLDEN
            y = (np.float64(words[1] >> _DROPPED) + 0.5) * _UNIT
        x = y
    floats[0] = x
    return math.asin(math.sqrt(x)) * (2.0 / math.pi)


@compiled_stream
def _next_chebyshev(state):
    words, floats = carray(state, 5, dtype=np.uint64), carray(state, 1, dtype=np.float64)
    one, zero, degree = np.uint64(1), np.uint64(0), words[3]
    x = floats[0]
    for _ in range(words[2]):
        # T_{2n} = 2 T_n**2 - 1 and T_{2n+1} = 2 T_n T_{n+1} - x, along the binary digits of the degree.
        y, above, digit = x, 2.0 * x * x - 1.0, words[4]
        while digit != zero:
            between = 2.0 * y * above - x
            if degree & digit != zero:
                y, above = between, 2.0 * above * above - 1.0
            else:
                y, above = 2.0 * y * y - 1.0, between
            digit >>= one
        if y == x or not -1.0 < y < 1.0:
            words[1] += _GOLDEN
            y = (np.float64(words[1] >> _DROPPED) + 0.5) * (2.0 * _UNIT) - 1.0
        x = y
    floats[0] = x
    return math.acos(x) * (1.0 / math.pi)


@compiled_stream
def _next_tent(state):
    words = carray(state, 3, dtype=np.uint64)
    x, prime = words[0], words[2]
    for _ in range(words[1]):
        x = min(x + x, prime + prime - (x + x))
    words[0] = x
    return min(np.float64(x) / np.float64(prime), _BELOW_ONE)


@compiled_stream
def _next_cat(state):
    words = carray(state, 4, dtype=np.uint64)
    x, y, size = words[0], words[1], words[3]
    for _ in range(words[2]):
        # Where the sum is below the size, the difference wraps around to a larger number; branches would be mispredicted.
        y = min(x + y, x + y - size)
        x = min(x + y, x + y - size)
    words[0], words[1] = x, y
    return min(np.float64(x) / np.float64(size), _BELOW_ONE)


def _arcsine_start(word: int) -> float:
    """A number of (0, 1) with the logistic map's invariant density: 64 steps from a uniform one, which forget its density."""
    x = (float(word >> 11) + 0.5) * 2.0**-53
    for _ in range(64):
        y = 4.0 * x * (1.0 - x)
        x = y if 0.0 < y < 1.0 else 1.0 / math.pi
    return x


@dataclass(frozen=True)
class Logistic(Driver):
    """The logistic map x -> 4 x (1 - x) in float64, read out as u = (2 / pi) asin(sqrt x).

    The invariant density is 1 / (pi sqrt(x (1 - x))), so u is uniform; the exponent is log 2 per step (Ulam and von Neumann, Bull. Am. Math.
    Soc. 53 (1947) 1120). Each number determines the next (u follows the tent map), hence `dimension` is 1. Near u = 1 the floats are sparse:
    neighbouring values of u differ by up to 1e-8 there. An orbit that reaches 0, 1 or a fixed point is restarted; float orbits end in cycles
    (see the module).

    Parameters
    ----------
    iterations : int
        Steps of the map per number.

    Examples
    --------
    >>> driver = Logistic()
    >>> u = driver.advance(driver.start(seed=1), 2)[:, 0]
    >>> bool(abs(u[1] - min(2 * u[0], 2 - 2 * u[0])) < 1e-7)
    True
    """

    iterations: int = 1
    name = "logistic"
    dimension = 1

    def __post_init__(self):
        object.__setattr__(self, "iterations", whole_number("iterations", self.iterations, 1, _MOST_ITERATIONS))

    @property
    def lyapunov(self) -> float:  # type: ignore[override]
        """Log 2 times `iterations`, nats per number."""
        return self.iterations * math.log(2.0)

    def open(self, seed: int | np.random.SeedSequence | None = None) -> WordStream:
        """A new stream, started from the invariant density."""
        first, restart = stream_seed(seed, 2).tolist()
        words = np.array([0, restart, self.iterations], np.uint64)
        words.view(np.float64)[0] = _arcsine_start(first)
        return WordStream(_next_logistic, words, 2)


@dataclass(frozen=True)
class Chebyshev(Driver):
    """The Chebyshev map x -> T_d(x) = cos(d acos x) on (-1, 1) in float64, read out as u = acos(x) / pi.

    The invariant density is 1 / (pi sqrt(1 - x**2)) for every degree d >= 2, so u is uniform; the exponent is log d per step (Adler and
    Rivlin, Proc. Am. Math. Soc. 15 (1964) 794, doi:10.1090/S0002-9939-1964-0202968-3). u follows a zigzag map of d branches, hence `dimension`
    is 1. Near the ends of the interval neighbouring values of u differ by up to 1e-8. An orbit that reaches an end or a fixed point is
    restarted; float orbits end in cycles (see the module).

    Parameters
    ----------
    degree : int
        2 to 65536.
    iterations : int
        Steps of the map per number.

    Examples
    --------
    >>> round(Chebyshev(degree=8).lyapunov, 4)  # three bits
    2.0794
    """

    degree: int = 2
    iterations: int = 1
    name = "chebyshev"
    dimension = 1

    def __post_init__(self):
        object.__setattr__(self, "degree", whole_number("degree", self.degree, 2, 2**16))
        object.__setattr__(self, "iterations", whole_number("iterations", self.iterations, 1, _MOST_ITERATIONS))

    @property
    def lyapunov(self) -> float:  # type: ignore[override]
        """Log of the degree times `iterations`, nats per number."""
        return self.iterations * math.log(self.degree)

    def open(self, seed: int | np.random.SeedSequence | None = None) -> WordStream:
        """A new stream, started from the invariant density."""
        first, restart = stream_seed(seed, 2).tolist()
        words = np.array([0, restart, self.iterations, self.degree, 1 << (self.degree.bit_length() - 2)], np.uint64)
        words.view(np.float64)[0] = 1.0 - 2.0 * _arcsine_start(first)
        return WordStream(_next_chebyshev, words, 2)


@dataclass(frozen=True)
class Tent(Driver):
    """The tent map on the rationals x / p, exactly: x -> 2x if 2x < p, else 2 (p - x), for a prime p just below 2**62.

    In binary floating point an orbit of the tent map falls to 0 within some 53 steps, since every float is a dyadic number; with a prime
    denominator the orbit is a true orbit of the map. The map is multiplication by 2 in the group of non-zero residues mod p up to sign, whose
    elements are represented by even numbers. As p = 2 q + 1 with q prime, this group has the prime order q, and 2 is not its identity: every
    orbit runs through all q states, and `period` is exactly q = 2305843009213688669. The invariant density is uniform, the exponent is log 2
    per step, and `dimension` is 1.

    Parameters
    ----------
    iterations : int
        Steps of the map per number.

    Examples
    --------
    >>> Tent().period
    2305843009213688669
    """

    iterations: int = 1
    name = "tent"
    dimension = 1

    def __post_init__(self):
        object.__setattr__(self, "iterations", whole_number("iterations", self.iterations, 1, _MOST_ITERATIONS))

    @property
    def lyapunov(self) -> float:  # type: ignore[override]
        """Log 2 times `iterations`, nats per number."""
        return self.iterations * math.log(2.0)

    @property
    def period(self) -> int:
        """The period of every orbit: the number of states is prime, so it is the same for any number of iterations."""
        return _TENT_PRIME // 2

    @property
    def shortest_period(self) -> int | None:  # type: ignore[override]
        """See `Driver`: `period`, which is the same from every seed."""
        return self.period

    def open(self, seed: int | np.random.SeedSequence | None = None) -> WordStream:
        """A new stream, started at one of the q states."""
        x = 2 * (1 + int(stream_seed(seed, 1)[0]) % (_TENT_PRIME // 2))
        return WordStream(_next_tent, np.array([x, self.iterations, _TENT_PRIME], np.uint64), 1)


@dataclass(frozen=True)
class ArnoldCat(Driver):
    """Arnold's cat map (x, y) -> (2x + y, x + y) mod N on an N by N lattice of integers, exactly, read out as x / N.

    The invariant density is uniform on the torus; the exponent is log((3 + sqrt 5) / 2) = 0.9624 per step (Arnold and Avez, Ergodic Problems
    of Classical Mechanics, 1968). The next x is 2x + y, so pairs of successive numbers are equidistributed; triples are not, since
    x'' = 3x' - x mod N. So `dimension` is 2.

    The orbits are those of the torus map at rational points, and they are periodic. The default N is a prime p = 2 or 3 mod 5 for which half
    of p + 1 is prime. The eigenvalue of the map is the square of the golden ratio, and the power p + 1 of the golden ratio is -1 in the field
    of p**2 elements: so the map has order p + 1 exactly. Since it has no eigenvector over the integers mod p, every orbit except that of the
    origin has the period p + 1 too.

    Parameters
    ----------
    size : int
        N, 2 to 2**63. For composite sizes the period of an orbit may be a proper divisor of `period`.
    iterations : int
        Steps of the map per number.

    Examples
    --------
    >>> ArnoldCat(size=101).period
    25
    """

    size: int = _CAT_PRIME
    iterations: int = 1
    name = "cat"
    dimension = 2

    def __post_init__(self):
        object.__setattr__(self, "size", whole_number("size", self.size, 2, 2**63))
        object.__setattr__(self, "iterations", whole_number("iterations", self.iterations, 1, _MOST_ITERATIONS))

    @property
    def lyapunov(self) -> float:  # type: ignore[override]
        """Log((3 + sqrt 5) / 2) times `iterations`, nats per number."""
        return self.iterations * math.log((3.0 + math.sqrt(5.0)) / 2.0)

    @property
    def period(self) -> int | None:
        """The order of the map that makes one number: after this many numbers every point of the lattice has returned to itself.

        It is at most 3 N steps of the map (Dyson and Falk, Am. Math. Monthly 99 (1992) 603, doi:10.2307/2324989), and None for a size whose
        factors are not found by trial division up to 2**16.
        """
        order = _cat_order(self.size)
        return None if order is None else order // math.gcd(order, self.iterations)

    def open(self, seed: int | np.random.SeedSequence | None = None) -> WordStream:
        """A new stream, started at a point other than the origin."""
        words = stream_seed(seed, 4).tolist()
        point = ((words[0] << 64) | words[1]) % self.size, ((words[2] << 64) | words[3]) % self.size
        x, y = point if any(point) else (1, 0)
        return WordStream(_next_cat, np.array([x, y, self.iterations, self.size], np.uint64), 2)


def _cat_order(size: int) -> int | None:
    """The order of [[2, 1], [1, 1]] mod `size`."""
    factors = factorize(size)
    if factors is None:
        return None
    # Over a prime the order divides p - 1, p + 1 or (for 5) 10, as 5 is a square, is none, or is 0; each further power of p
    # multiplies it by 1 or p.
    over_primes = {p: 10 if p == 5 else p - 1 if p % 5 in (1, 4) else p + 1 for p in factors}
    order = math.lcm(*(over_primes[p] * p ** (k - 1) for p, k in factors.items()))
    parts = [factorize(n) for n in (*over_primes.values(), size)]
    if any(part is None for part in parts):
        return None
    for p in {p for part in parts if part is not None for p in part}:
        while order % p == 0 and _cat_power(order // p, size) == (1, 0):
            order //= p
    return order


def _cat_power(n: int, size: int) -> tuple[int, int]:
    """(F(2n - 1), F(2n)) mod `size`: the n-th power of the cat matrix is [[F(2n + 1), F(2n)], [F(2n), F(2n - 1)]]."""
    power, base = (1, 0), (1, 1)
    while n:
        if n & 1:
            power = _cat_product(power, base, size)
        base = _cat_product(base, base, size)
        n >>= 1
    return power[0], power[1]


def _cat_product(left: tuple[int, int], right: tuple[int, int], size: int) -> tuple[int, int]:
    """The product of two matrices [[a + b, b], [b, a]], as (a, b)."""
    (a, b), (c, d) = left, right
    return (a * c + b * d) % size, (a * d + b * c + b * d) % size
