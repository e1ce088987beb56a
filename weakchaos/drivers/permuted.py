"""A point set in random order: even in the numbers of one step, random from step to step.

Of a step that takes d numbers each gets one point of a scrambled Sobol' set of 2**m points in d dimensions, and the points come in random order. Taken in its own
order such a set is no use to a Markov chain, because successive points depend on each other; in random order it is weakly completely uniformly distributed as m grows
(J. G. Liao, J. Comput. Graph. Stat. 7 (1998) 253, doi:10.1080/10618600.1998.10474774; Tribble and Owen, Electron. J. Stat. 2 (2008) 634, doi:10.1214/07-EJS162, section 5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numba import carray

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.drivers.base import Driver, stream_seed
from weakchaos.drivers.lowdiscrepancy import Sobol
from weakchaos.native.compiled import compiled_stream

__all__ = ["PermutedPoints"]

_MOST_NUMBERS = 2**27
_HEAD = 2  # words before the numbers: the place of the next one, and their count


@compiled_stream
def _next_permuted(state):
    words, numbers = carray(state, 1 << 28, dtype=np.uint64), carray(state, 1 << 28, dtype=np.float64)
    place = words[0]
    if place == words[1]:
        place = np.uint64(0)
    words[0] = place + np.uint64(1)
    return numbers[np.uint64(_HEAD) + place]


class _PermutedStream:
    """An open stream: its numbers, made from a key of four words, and the place of the next one."""

    def __init__(self, driver: PermutedPoints, key: np.ndarray, place: int = 0, numbers: np.ndarray | None = None):
        self._driver, self._key = driver, key
        if numbers is None:
            numbers = np.concatenate([np.empty(_HEAD), driver.points(key).ravel()])
        self._numbers = numbers
        self.words = numbers[:_HEAD].view(np.uint64)
        self.words[:] = place, numbers.size - _HEAD
        self.function, self.state = _next_permuted.address, numbers.ctypes.data

    def copy(self) -> _PermutedStream:
        """A stream that will deliver the same numbers."""
        return _PermutedStream(self._driver, self._key, int(self.words[0]), self._numbers.copy())

    def to_bytes(self) -> bytes:
        """The key, the numbers a step and the place of the next number."""
        return self._key.tobytes() + np.array([self._driver.per_step or 1, self.words[0]], np.uint64).tobytes()

    def __reduce__(self) -> tuple:
        return _PermutedStream, (self._driver, self._key, int(self.words[0]))


@dataclass(frozen=True)
class PermutedPoints(Driver):
    """A scrambled Sobol' set of 2**degree points, one for each step of a sampler, in random order: made for one run of 2**degree draws.

    Every seed has its own scrambling and its own order. All numbers are made when a stream is opened, 8 bytes each.

    Parameters
    ----------
    degree : int
        1 to 24.
    per_step : int, optional
        Numbers that the sampler takes in a step, the dimension of the set. By default the sampler tells; a stream that is read outside of a sampler has 1.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> driver = PermutedPoints(10, per_step=2)
    >>> u = driver.advance(driver.start(seed=1), 2 * driver.length).reshape(-1, 2)
    >>> np.bincount((u[:, 1] * 1024).astype(int)).tolist() == [1] * 1024  # one number in every cell
    True
    """

    degree: int = 14
    per_step: int | None = None
    lyapunov = None

    def __post_init__(self):
        object.__setattr__(self, "degree", whole_number("degree", self.degree, 1, 24))
        if self.per_step is not None:
            object.__setattr__(self, "per_step", whole_number("per_step", self.per_step, 1, 21201))
            if self.per_step << self.degree > _MOST_NUMBERS:
                raise ArgumentError(
                    f"`degree` must leave {_MOST_NUMBERS:,} numbers at most; got 2**{self.degree} points of {self.per_step} numbers: take fewer points"
                )

    @property
    def name(self) -> str:  # type: ignore[override]
        """``"permuted-m"`` for 2**m points."""
        return f"permuted-{self.degree}"

    @property
    def length(self) -> int:  # type: ignore[override]
        """Steps of a sampler, one for each point."""
        return 2**self.degree

    def for_steps_of(self, uniforms: int | None) -> PermutedPoints:
        """The driver for a sampler that takes `uniforms` numbers a step, unless `per_step` says otherwise."""
        return replace(self, per_step=uniforms or 1) if self.per_step is None else self

    def points(self, key: np.ndarray) -> np.ndarray:
        """The points in their random order, shape (2**degree, per_step)."""
        engine = Sobol(self.per_step or 1).engine(key, 0)
        points = np.minimum(engine.points(self.length), 1.0 - 2.0**-53)
        return points[np.random.default_rng([*key.tolist(), 1]).permutation(self.length)]

    def open(self, seed: Any = None) -> _PermutedStream:
        """A new stream."""
        return _PermutedStream(self, stream_seed(seed, 4))

    def restore(self, data: bytes) -> _PermutedStream:
        """The stream whose `to_bytes` gave `data`."""
        words = np.frombuffer(data, np.uint64) if len(data) == 48 else np.zeros(6, np.uint64)
        per_step, place = int(words[4]), int(words[5])
        if not 1 <= per_step <= 21201 or per_step != (self.per_step or per_step) or place > per_step << self.degree:
            raise ArgumentError(
                f"`data` must be what a {self.name} stream wrote, 48 bytes; got {len(data)} bytes that are not: restore with the driver that opened the stream"
            )
        return _PermutedStream(replace(self, per_step=per_step), words[:4].copy(), place)
