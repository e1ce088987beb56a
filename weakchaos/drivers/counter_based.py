"""Philox4x32-10 as a driver: every number is a hash of its place in the stream.

    (x_0, x_1, x_2, x_3) <- (hi(M_1 x_2) ^ x_1 ^ k_0, lo(M_1 x_2), hi(M_0 x_0) ^ x_3 ^ k_1, lo(M_0 x_0)),   k_i <- k_i + W_i,   ten times

from the 128-bit counter x and the 64-bit key k. J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, SC11 (2011), doi:10.1145/2063384.2063405. Block b of a stream is the counter (b, stream), and
makes numbers 2 b and 2 b + 1, of 53 bits each: so a stream can be entered anywhere, and streams of one key with other upper counters share no block.

Numbers are made 64 at a time, which is what vector registers are good at: `NumPyGenerator` of kind "philox" is another member of the family (of four 64-bit words) that makes 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import carray, njit

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.drivers.base import Driver, WordStream, stream_seed
from weakchaos.native.compiled import compiled_stream

__all__ = ["Philox"]

_M0, _M1, _W0, _W1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57), np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_MASK, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
# Words of an open stream: 0 number of its next number; then constants: 1 key, 2 stream; then room: 3 place in the buffer, 4 ... 67 buffer, 68 ... halves of numbers as bits
_BUFFER, _BLOCK, _ROOM = 4, 64, 68
_BITS, _OFFSET = np.uint64(0x4330000000000000), 2.0**52  # as in `weakchaos.drivers.cud_streams`


@njit(nogil=True, error_model="numpy", forceinline=True)
def ten_rounds(x0, x1, x2, x3, k0, k1):
    """Four 32-bit words, each in a 64-bit one, as 32-bit multiplications of vector registers want them."""
    for _ in range(10):
        # What stands in the upper halves is cut off only where it would matter: a multiplication of vector registers does not see it.
        a, b = (x0 & _MASK) * _M0, (x2 & _MASK) * _M1
        x0, x1, x2, x3 = (b >> _HALF) ^ x1 ^ k0, b, (a >> _HALF) ^ x3 ^ k1, a
        k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    return x0 & _MASK, x1 & _MASK, x2 & _MASK, x3 & _MASK


@njit(nogil=True, error_model="numpy")
def _fill(words, floats, first):
    """The numbers from `first` on, an even one."""
    k0, k1 = words[1] & _MASK, words[1] >> _HALF
    s0, s1 = words[2] & _MASK, words[2] >> _HALF
    room, half, low = np.uint64(_ROOM), np.uint64(_BLOCK // 2), np.uint64(_BUFFER)
    base = first >> np.uint64(1)
    for i in range(half):
        block = base + i
        a, b, c, e = ten_rounds(block & _MASK, block >> _HALF, s0, s1, k0, k1)
        words[room + i] = (a >> np.uint64(5)) | _BITS
        words[room + half + i] = (b >> np.uint64(6)) | _BITS
        words[room + half + half + i] = (c >> np.uint64(5)) | _BITS
        words[room + half + half + half + i] = (e >> np.uint64(6)) | _BITS
    for i in range(half):
        floats[low + i + i] = (floats[room + i] - _OFFSET) * 2.0**-27 + (floats[room + half + i] - _OFFSET) * 2.0**-53
        floats[low + i + i + np.uint64(1)] = (floats[room + half + half + i] - _OFFSET) * 2.0**-27 + (
            floats[room + half + half + half + i] - _OFFSET
        ) * 2.0**-53


@compiled_stream
def _next_philox(state):
    words, floats = carray(state, 1 << 8, dtype=np.uint64), carray(state, 1 << 8, dtype=np.float64)
    place, number = words[3], words[0]
    if place >= np.uint64(_BLOCK):
        # Empty, or (above _BLOCK) just restored at an odd number.
        _fill(words, floats, number & ~np.uint64(1))
        place = number & np.uint64(1)
    words[0], words[3] = number + np.uint64(1), place + np.uint64(1)
    return floats[np.uint64(_BUFFER) + place]


@dataclass(frozen=True)
class Philox(Driver):
    """Philox4x32-10, a counter-based generator: number n of a stream is a hash of n, at the speed of generators that go step by step.

    Parameters
    ----------
    stream : int, optional
        Upper half of the counter, 0 to 2**64 - 1. Under one seed streams of different numbers share no block; by default it comes from the seed, as the key does.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> driver = Philox()
    >>> u = driver.advance(driver.start(seed=1), 1000)[:, 0]
    >>> bool(driver.number(seed=1, n=777) == u[777])  # without the numbers before it
    True
    """

    stream: int | None = None
    name = "philox4x32"
    shortest_period = 2**64  # its counter
    lyapunov = None

    def __post_init__(self):
        if self.stream is not None:
            object.__setattr__(self, "stream", whole_number("stream", self.stream, 0, 2**64 - 1))

    def open(self, seed: Any = None) -> WordStream:
        """A new stream."""
        key, own = stream_seed(seed, 2).tolist()
        words = np.zeros(_ROOM + 2 * _BLOCK, np.uint64)
        words[:4] = np.array([0, key, own if self.stream is None else self.stream, _BLOCK], np.uint64)
        return WordStream(_next_philox, words, 3)

    def number(self, seed: Any, n: int) -> float:
        """Number `n` of the stream of a seed, from 0."""
        stream = self.open(seed)
        stream.words[0] = whole_number("n", n, 0, 2**63 - 1)
        return float(self.advance(State(driver=stream), 1)[0, 0])

    def restore(self, data: bytes) -> WordStream:
        """The stream whose `to_bytes` gave `data`."""
        if len(data) != 24:
            raise ArgumentError(
                f"`data` must hold 24 bytes for {self.name}; got {len(data)}: restore with the driver that opened the stream"
            )
        return super().restore(data)
