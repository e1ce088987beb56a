"""Generators that look back: shift registers and lagged Fibonacci generators, which physics trusted for years.

    x_n = x_{n-r} op x_{n-s} mod 2**w,   u_n = x_n / 2**w,   op one of xor (a generalised feedback shift register), +, -, *

T. G. Lewis and W. H. Payne, J. ACM 20 (1973) 456, doi:10.1145/321765.321777; S. Kirkpatrick and E. P. Stoll, J. Comput. Phys. 40 (1981) 517,
doi:10.1016/0021-9991(81)90227-8; D. E. Knuth, The Art of Computer Programming 2 (3rd ed. 1997), section 3.2.2. Three numbers at the distances
0, s and r are tied to each other: A. M. Ferrenberg, D. P. Landau and Y. J. Wong, Phys. Rev. Lett. 69 (1992) 3382,
doi:10.1103/PhysRevLett.69.3382, found cluster simulations of the Ising model wrong by many standard errors under them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import carray

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.drivers.base import Driver, WordStream, stream_seed
from weakchaos.native.compiled import compiled_stream

__all__ = ["KISS", "LaggedFibonacci"]

_OPERATIONS = {"xor": 0, "+": 1, "-": 2, "*": 3}
_MOST_LAG = 2**16


# Words of an open stream: index of x_{n-r} in the ring, the ring of r words, then r, s, the operation, bits to keep, bits dropped, scale.
@compiled_stream
def _next_lagged(state):
    words = carray(state, 1 << 17, dtype=np.uint64)
    floats = carray(state, 1 << 17, dtype=np.float64)
    one = np.uint64(1)
    # The ring begins behind its length and the other constants, which stand first so that they are found; see `open`.
    r, s, operation, mask, dropped, scale = words[0], words[1], words[2], words[3], words[4], floats[5]
    i = words[6]
    j = i + r - s
    if j >= r:
        j -= r
    at = np.uint64(7)
    old, other = words[at + i], words[at + j]
    if operation == np.uint64(0):
        x = old ^ other
    elif operation == one:
        x = old + other
    elif operation == np.uint64(2):
        x = old - other
    else:
        x = old * other
    x &= mask
    words[at + i] = x
    i += one
    if i == r:
        i = np.uint64(0)
    words[6] = i
    return np.float64(x >> dropped) * scale


@dataclass(frozen=True)
class LaggedFibonacci(Driver):
    """x_n = x_{n-r} op x_{n-s} modulo 2**bits: a generalised feedback shift register (``"xor"``), or a lagged Fibonacci generator.

    Every number is tied to two earlier ones, so that triples at the distances 0, s, r lie on few surfaces, and a chain whose steps take about as
    many numbers is biased: `dimension` is r, in which successive numbers are equidistributed, and the stream does not count as completely uniformly
    distributed.

    Parameters
    ----------
    r, s : int
        The longer and the shorter lag, 0 < s < r <= 65536. The period is largest where x**r + x**s + 1 is a primitive polynomial; then it is
        2**r - 1 for xor, (2**r - 1) 2**(bits - 1) for + and -, (2**r - 1) 2**(bits - 3) for *.
    operation : {"xor", "+", "-", "*"}
    bits : int
        Bits of a word, 8 to 64.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> driver = LaggedFibonacci.r250()
    >>> u = driver.advance(driver.start(seed=1), 1000)[:, 0]
    >>> x = (u * 2**32).astype(np.uint64)
    >>> bool((x[250:] == (x[:-250] ^ x[147:-103])).all())
    True
    """

    r: int = 250
    s: int = 103
    operation: str = "xor"
    bits: int = 32

    def __post_init__(self):
        r = whole_number("r", self.r, 2, _MOST_LAG)
        object.__setattr__(self, "r", r)
        object.__setattr__(self, "s", whole_number("s", self.s, 1, r - 1))
        object.__setattr__(self, "bits", whole_number("bits", self.bits, 8, 64))
        if self.operation not in _OPERATIONS:
            raise ArgumentError(f"`operation` must be one of {', '.join(map(repr, _OPERATIONS))}; got {shown(self.operation)}")

    @classmethod
    def r250(cls) -> LaggedFibonacci:
        """The shift register of Kirkpatrick and Stoll, lags 250 and 103, period 2**250 - 1."""
        return cls(250, 103, "xor", 32)

    @classmethod
    def r521(cls) -> LaggedFibonacci:
        """The shift register with lags 521 and 168."""
        return cls(521, 168, "xor", 32)

    @classmethod
    def r1279(cls) -> LaggedFibonacci:
        """The shift register with lags 1279 and 216."""
        return cls(1279, 216, "xor", 32)

    @property
    def name(self) -> str:  # type: ignore[override]
        """``"r250"`` and so on for 32-bit shift registers with the usual lags, else the lags and the operation."""
        return _NAMES.get(
            (self.r, self.s, self.operation, self.bits), f"lagged({self.r}, {self.s}, {self.operation}, {self.bits} bits)"
        )

    @property
    def dimension(self) -> float:  # type: ignore[override]
        """r: more successive numbers than that are tied to each other."""
        return float(self.r)

    def open(self, seed: int | np.random.SeedSequence | None = None) -> WordStream:
        """A new stream, from r well mixed words; bit by bit they are independent, which such a generator needs and does not bring about."""
        mask = 2**self.bits - 1
        ring = stream_seed(seed, self.r) & np.uint64(mask)
        if self.operation == "*":
            ring |= np.uint64(1)  # even numbers lead to 0
        elif self.operation == "xor":
            # Bit k of the words is a register of its own; that of all bits zero stays there, and the diagonal makes the registers different.
            bits = min(self.bits, self.r)
            for k in range(bits):
                row, keep = (k * self.r) // bits, np.uint64(mask >> k)
                ring[row] = (ring[row] & keep) | np.uint64(1 << (self.bits - 1 - k))
        else:
            ring[0] |= np.uint64(1)  # some word must be odd for the full period
        dropped = max(self.bits - 53, 0)
        head = np.array([self.r, self.s, _OPERATIONS[self.operation], mask, dropped, 0], np.uint64)
        head.view(np.float64)[5] = 2.0 ** (dropped - self.bits)
        return WordStream(_next_lagged, np.concatenate([head, np.zeros(1, np.uint64), ring]), 7 + self.r)

    def restore(self, data: bytes) -> WordStream:
        """The stream whose `to_bytes` gave `data`."""
        own = self.open(0).to_bytes()
        if len(data) != len(own) or data[:48] != own[:48] or int.from_bytes(data[48:56], "little") >= self.r:
            # The compiled code finds its ring by these words, so wrong ones would make it read foreign memory.
            raise ArgumentError(
                f"`data` must be the {len(own)} bytes of a stream of {self.name}; got {len(data)} bytes that are not"
            )
        return super().restore(data)


_NAMES = {(250, 103, "xor", 32): "r250", (521, 168, "xor", 32): "r521", (1279, 216, "xor", 32): "r1279"}


@compiled_stream
def _next_kiss(state):
    words = carray(state, 4, dtype=np.uint64)
    low, full = np.uint64(0xFFFF), np.uint64(0xFFFFFFFF)
    z, w, j, c = words[0], words[1], words[2], words[3]
    z = np.uint64(36969) * (z & low) + (z >> np.uint64(16))
    w = np.uint64(18000) * (w & low) + (w >> np.uint64(16))
    j ^= (j << np.uint64(13)) & full
    j ^= j >> np.uint64(17)
    j ^= (j << np.uint64(5)) & full
    c = (np.uint64(69069) * c + np.uint64(1234567)) & full
    words[0], words[1], words[2], words[3] = z, w, j, c
    x = ((((z << np.uint64(16)) + w) & full) ^ c) + j
    return np.float64(x & full) * 2.0**-32


@dataclass(frozen=True)
class KISS(Driver):
    """Marsaglia's KISS of 1999: two multiply-with-carry generators, a shift register and a congruential generator, added up; 32 bits.

    G. Marsaglia posted it to the group sci.stat.math in January 1999, with shifts of 17, 13 and 5 in its register. These do not have the full period
    (the 32 by 32 matrix over the field of two elements that they make has another order), as G. G. Rose noted (Cryptology ePrint Archive 2011/007);
    13, 17 and 5 have, and are used here. The period is about 2**123.

    Examples
    --------
    >>> round(math.log2(KISS().period), 1)
    123.3
    """

    name = "kiss"

    @property
    def period(self) -> int:
        """Least common multiple of the periods of the parts: two multiply-with-carry generators, 2**32 - 1 and 2**32."""
        return math.lcm(36969 * 2**15 - 1, 18000 * 2**15 - 1, 2**32 - 1, 2**32)

    @property
    def shortest_period(self) -> int | None:  # type: ignore[override]
        """See `Driver`: `period`, which is the same from every seed."""
        return self.period

    def open(self, seed: int | np.random.SeedSequence | None = None) -> WordStream:
        """A new stream."""
        z, w, j, c = (int(word) & 0xFFFFFFFF for word in stream_seed(seed, 4))
        # 0 and a * 2**16 - 1 are fixed points of x -> a (x mod 2**16) + x // 2**16, and larger numbers are outside of its cycle.
        z, w = 1 + z % (36969 * 2**16 - 2), 1 + w % (18000 * 2**16 - 2)
        return WordStream(_next_kiss, np.array([z, w, j or 1, c], np.uint64), 4)
