"""Linear congruential generators: x -> (a x + c) mod m, exact for every modulus up to 2**64.

D. E. Knuth, The Art of Computer Programming 2 (3rd ed. 1997), sections 3.2.1 (period) and 3.3.4 (lattice). An exact integer orbit
of the circle map that stretches by `a`: strongly chaotic as a map, and yet every tuple of successive numbers lies on few planes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numba.extending
import numpy as np
from llvmlite import ir
from numba import carray, types

from weakchaos.core.arguments import whole_number
from weakchaos.drivers.base import Driver, WordStream, stream_seed
from weakchaos.native.compiled import compiled_stream

__all__ = ["LCG"]

intrinsic: Any = numba.extending.intrinsic  # its type keeps the typing context among the arguments of a call

_BELOW_ONE = 1.0 - 2.0**-53


@intrinsic
def _affine_modulo(typingctx, multiplier, quotient, x, increment, modulus):
    """(multiplier * x + increment) % modulus for x, increment < modulus, given quotient = floor(2**64 * multiplier / modulus)."""

    def codegen(context, builder, signature, args):
        word, wide = ir.IntType(64), ir.IntType(128)
        a, q, x, c, m = (builder.zext(value, wide) for value in args)
        # The estimate of the quotient of a x by m is at most one too small, as x < 2**64 (Shoup's multiplication by a constant).
        estimate = builder.lshr(builder.mul(q, x), ir.Constant(wide, 64))
        value = builder.sub(builder.mul(a, x), builder.mul(estimate, m))
        for term in (ir.Constant(wide, 0), c):
            value = builder.add(value, term)
            value = builder.select(builder.icmp_unsigned(">=", value, m), builder.sub(value, m), value)
        return builder.trunc(value, word)

    u = types.uint64
    return u(u, u, u, u, u), codegen


@compiled_stream
def _next_any_modulus(state):
    words = carray(state, 5, dtype=np.uint64)
    x = _affine_modulo(words[1], words[2], words[0], words[3], words[4])
    words[0] = x
    # Beyond 53 bits x and m are rounded before they are divided, and the quotient of two neighbours may round to 1.
    return min(np.float64(x) / np.float64(words[4]), _BELOW_ONE)


@compiled_stream
def _next_power_of_two(state):
    words = carray(state, 5, dtype=np.uint64)
    scale = carray(state, 6, dtype=np.float64)
    x = (words[1] * words[0] + words[2]) & words[3]
    words[0] = x
    return np.float64(x >> words[4]) * scale[5]


@dataclass(frozen=True)
class LCG(Driver):
    """The linear congruential generator x -> (a x + c) mod m, read out as x / m.

    The numbers are an orbit of the circle map z -> a z + c/m mod 1, whose invariant density is uniform and whose exponent is log a nats per
    number; `period` is the period. Successive t-tuples form a lattice; a generator passes Knuth's spectral test in t dimensions if the planes
    that contain the tuples are close enough to each other (mu >= 0.1 in his scale).

    For m up to 2**53 the numbers are correctly rounded quotients; for larger m, powers of two are truncated to 53 bits, and other
    quotients are kept below 1.

    Parameters
    ----------
    multiplier : int
        1 to modulus - 1.
    increment : int
        0 to modulus - 1. If it is 0, the state must be coprime to the modulus, and a seed leads to the next larger such number.
    modulus : int
        2 to 2**64.
    dimension : int
        Number of dimensions in which successive numbers count as equidistributed; 1 by default. The named generators have the number of
        dimensions, six at the most, in which they pass the spectral test.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> LCG.minstd().period
    2147483646
    >>> LCG(5, 3, 16).period
    16
    """

    multiplier: int
    increment: int
    modulus: int
    dimension: int = 1

    def __post_init__(self):
        modulus = whole_number("modulus", self.modulus, 2, 2**64)
        object.__setattr__(self, "modulus", modulus)
        object.__setattr__(self, "multiplier", whole_number("multiplier", self.multiplier, 1, modulus - 1))
        object.__setattr__(self, "increment", whole_number("increment", self.increment, 0, modulus - 1))
        object.__setattr__(self, "dimension", whole_number("dimension", self.dimension, 1))

    @classmethod
    def randu(cls) -> LCG:
        """IBM's RANDU, a = 65539 mod 2**31 on odd numbers: x_{k+2} = 6 x_{k+1} - 9 x_k mod 2**31, so triples lie on 15 planes.

        That is (2**16 + 3)**2 = 6 (2**16 + 3) - 9 mod 2**31. Marsaglia, PNAS 61 (1968) 25, doi:10.1073/pnas.61.1.25.
        """
        return cls(65539, 0, 2**31, 2)

    @classmethod
    def minstd(cls) -> LCG:
        """The minimal standard, a = 16807 mod 2**31 - 1. Park and Miller, CACM 31 (1988) 1192, doi:10.1145/63039.63042."""
        return cls(16807, 0, 2**31 - 1, 6)

    @classmethod
    def toy(cls) -> LCG:
        """A generator with a short period: each of its 2**16 states is visited once per period (Hull and Dobell 1962)."""
        return cls(13453, 13849, 2**16)

    @classmethod
    def knuth(cls) -> LCG:
        """The 64-bit generator of Knuth's MMIX (The Art of Computer Programming 2, section 3.3.4, table 1)."""
        return cls(6364136223846793005, 1442695040888963407, 2**64, 6)

    @property
    def name(self) -> str:  # type: ignore[override]
        """The name of the generator if its constants have one, else the constants."""
        return _NAMES.get(
            (self.multiplier, self.increment, self.modulus), f"lcg({self.multiplier}, {self.increment}, {self.modulus})"
        )

    @property
    def lyapunov(self) -> float:  # type: ignore[override]
        """Log of the multiplier, nats per number."""
        return math.log(self.multiplier)

    @property
    def period(self) -> int | None:
        """The period from every allowed seed if a theorem gives it, else None.

        The period is the modulus if increment and modulus are coprime and multiplier - 1 is divisible by every prime factor of the modulus,
        and by 4 if the modulus is (Hull and Dobell, SIAM Review 4 (1962) 230, doi:10.1137/1004061). For increment 0 it is the order of the
        multiplier, if the factors that it depends on can be found by trial division up to 2**16.
        """
        factors = factorize(self.modulus)
        if factors is None:
            return None
        if self.increment == 0:
            return _order(self.multiplier, self.modulus, factors)
        step = self.multiplier - 1
        full = math.gcd(self.increment, self.modulus) == 1 and all(step % prime == 0 for prime in factors)
        return self.modulus if full and (self.modulus % 4 or step % 4 == 0) else None

    @property
    def shortest_period(self) -> int | None:  # type: ignore[override]
        """See `Driver`: `period`, which is the same from every seed."""
        return self.period

    def open(self, seed: int | np.random.SeedSequence | None = None) -> WordStream:
        """A new stream; its first number is one step past the seeded state."""
        high, low = stream_seed(seed, 2).tolist()
        a, c, m = self.multiplier, self.increment, self.modulus
        x = ((high << 64) | low) % m
        while c == 0 and math.gcd(x, m) != 1:
            x = (x + 1) % m
        if m & (m - 1):
            return WordStream(_next_any_modulus, np.array([x, a, (a << 64) // m, c, m], np.uint64), 1)
        dropped = max(m.bit_length() - 54, 0)
        words = np.array([x, a, c, m - 1, dropped, 0], np.uint64)
        words.view(np.float64)[5] = 2.0**dropped / m
        return WordStream(_next_power_of_two, words, 1)


_NAMES = {
    (d.multiplier, d.increment, d.modulus): name
    for name, d in {"randu": LCG.randu(), "minstd": LCG.minstd(), "toy-lcg": LCG.toy(), "knuth": LCG.knuth()}.items()
}


def is_prime(n: int) -> bool:
    """Whether n < 3.3e24 is prime: Miller-Rabin with the first 13 primes as bases (Sorenson and Webster, doi:10.1090/mcom/3134).

    Examples
    --------
    >>> is_prime(2**61 - 1), is_prime(2**61 + 1)
    (True, False)
    """
    bases = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)
    if n < 2 or any(n % p == 0 for p in bases):
        return n in bases
    twos = ((n - 1) & (1 - n)).bit_length() - 1
    for base in bases:
        powers = [pow(base, (n - 1) >> k, n) for k in range(1, twos + 1)]
        if powers[-1] != 1 and n - 1 not in powers:
            return False
    return True


def factorize(n: int) -> dict[int, int] | None:
    """The prime factors of n > 0 and their powers, or None when trial division up to 2**16 leaves a factor that is not prime.

    Examples
    --------
    >>> factorize(360)
    {2: 3, 3: 2, 5: 1}
    """
    factors: dict[int, int] = {}
    for p in (2, *range(3, 2**16, 2)):
        if p * p > n:
            break
        while n % p == 0:
            factors[p] = factors.get(p, 0) + 1
            n //= p
    if n == 1:
        return factors
    return {**factors, n: 1} if is_prime(n) else None


def _order(a: int, m: int, factors: dict[int, int]) -> int | None:
    """The multiplicative order of a mod m, or None when a is no unit or the factors of the group's order cannot be found."""
    order = math.prod((p - 1) * p ** (k - 1) for p, k in factors.items())
    primes = factorize(order)
    if primes is None or math.gcd(a, m) != 1:
        return None
    for p in primes:
        while order % p == 0 and pow(a, order // p, m) == 1:
            order //= p
    return order
