"""A stream between a rotation and random numbers: at a given rate it jumps to a random point of the torus.

    x_j -> x_j + f_j mod 1   with probability 1 - r,   x -> a random point   with probability r

With r = 0 the stream is a Kronecker rotation, with r = 1 random numbers; between them it keeps the even spread of a rotation over some 1 / r points.
Its entropy rate grows from 0 in proportion to r, so that r is a dial from order to disorder. Random numbers are those of SplitMix64 (Steele,
Lea and Flood, OOPSLA 2014, doi:10.1145/2660193.2660195).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import carray, njit

from weakchaos.core.arguments import real_number, whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.drivers.base import Driver, WordStream, stream_seed
from weakchaos.drivers.rotations import default_frequencies
from weakchaos.native.compiled import compiled_stream

__all__ = ["RestartedRotation"]

_MOST_DIMENSIONS = 64
_DROPPED, _UNIT = np.uint64(11), 2.0**-53
_WEYL = np.uint64(0x9E3779B97F4A7C15)


@njit(nogil=True)
def _mixed(z):
    """A well mixed word, one to one."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


# Words of an open stream: d, index of the next coordinate, Weyl sequence of SplitMix64, d coordinates; then the threshold, whether all points
# are random, d frequencies.
@compiled_stream
def _next_restarted(state):
    words = carray(state, 133, dtype=np.uint64)
    one, two = np.uint64(1), np.uint64(2)
    d, j = words[0], words[1]
    head = np.uint64(3) + d
    if j == np.uint64(0):
        words[2] += _WEYL
        jump = _mixed(words[2]) < words[head] or words[head + one] != np.uint64(0)
        for k in range(d):
            at = np.uint64(3) + np.uint64(k)
            if jump:
                words[2] += _WEYL
                words[at] = _mixed(words[2])
            else:
                words[at] += words[head + two + np.uint64(k)]
    u = words[np.uint64(3) + j]
    j += one
    words[1] = j if j < d else np.uint64(0)
    return np.float64(u >> _DROPPED) * _UNIT


@dataclass(frozen=True)
class RestartedRotation(Driver):
    """A Kronecker rotation that jumps to a random point at a given rate per point: the dial from quasi-periodic to random numbers.

    Points of up to `dimension` numbers are uniformly distributed at every rate; successive points depend on each other unless the rate is 1, where
    all numbers are independent and the stream does for every sampler.

    Parameters
    ----------
    rate : float
        Probability of a jump before each point, 0 to 1.
    points : int
        Dimension of the rotation, 1 to 64; frequencies are those of `Rotation`.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> driver = RestartedRotation(0.1)
    >>> u = driver.advance(driver.start(seed=1), 10_000)[:, 0]
    >>> steps = (u[1:] - u[:-1]) % 1
    >>> bool(0.07 < (abs(steps - 0.618034) > 1e-6).mean() < 0.13)
    True
    """

    rate: float = 0.1
    points: int = 1

    def __post_init__(self):
        object.__setattr__(self, "rate", real_number("rate", self.rate, 0.0, 1.0))
        object.__setattr__(self, "points", whole_number("points", self.points, 1, _MOST_DIMENSIONS))

    @property
    def name(self) -> str:  # type: ignore[override]
        """``"restarted-r"``, with the dimension where it is not 1."""
        return f"restarted-{self.rate:g}" + (f" ({self.points} dimensions)" if self.points > 1 else "")

    @property
    def dimension(self) -> float:  # type: ignore[override]
        """Numbers of a point; infinite where every point is a random one."""
        return math.inf if self.rate == 1.0 else float(self.points)

    def open(self, seed: int | np.random.SeedSequence | None = None) -> WordStream:
        """A new stream, from a random point."""
        d = self.points
        threshold = min(int(self.rate * 2.0**64), 2**64 - 1)
        start = stream_seed(seed, 1 + d).tolist()
        words = [d, 0, *start, threshold, int(self.rate == 1.0), *default_frequencies(d)]
        return WordStream(_next_restarted, np.array(words, np.uint64), 3 + d)

    def restore(self, data: bytes) -> WordStream:
        """The stream whose `to_bytes` gave `data`."""
        stream = super().restore(data)
        if stream.words[0] != self.points or stream.words[1] >= self.points:
            # The compiled code finds its coordinates by these words, so wrong ones would make it read foreign memory.
            raise ArgumentError(f"`data` must be the bytes of a stream of {self.name}; got a first word of {int(stream.words[0])}")
        return stream
