"""Streams of drivers that users wrote, with every number looked at before a sampler gets it.

A kernel makes indices of numbers, as in ``int(u * n)``, so that 1.0 would make it read beyond the end of an array, and NaN stays in a chain for ever. The
streams of this library are tested; of any other each number that is not in [0, 1) is counted, the first is kept with its index, and the nearest number of [0, 1) goes
on in its place (0.5 for NaN), so that a run can end and say what happened.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import carray

from weakchaos.core.errors import ArgumentTypeError, shown
from weakchaos.native.compiled import compiled_stream, draw_uniform

__all__ = ["CheckedStream", "checked", "checked_part", "opened"]

_BELOW_ONE = 1.0 - 2.0**-53
_FUNCTION, _STATE, _READ, _BAD, _FIRST, _VALUE = range(6)


@compiled_stream
def _next_checked(state):
    words, floats = carray(state, 6, dtype=np.uint64), carray(state, 6, dtype=np.float64)
    u = draw_uniform(words[0], words[1])
    if not (u >= 0.0 and u < 1.0):
        if words[3] == np.uint64(0):
            words[4] = words[2]
            floats[5] = u
        words[3] += np.uint64(1)
        u = 0.5 if math.isnan(u) else 0.0 if u < 0.0 else _BELOW_ONE
    words[2] += np.uint64(1)
    return u


class CheckedStream:
    """An open stream behind a check of each of its numbers.

    Attributes
    ----------
    inner : Stream
    read, bad : int
        How many numbers were read since it was opened, and how many of them were not in [0, 1).
    first, value : int, float
        Index of the first of these, from 0, and what it was.
    """

    def __init__(self, inner: Any, counts: Any = None):
        self.inner = inner
        self._words = np.zeros(6, np.uint64)
        self._words[:2] = inner.function, inner.state
        if counts is not None:
            self._words[2:] = counts
        self.function, self.state = _next_checked.address, self._words.ctypes.data

    read = property(lambda self: int(self._words[_READ]))
    bad = property(lambda self: int(self._words[_BAD]))
    first = property(lambda self: int(self._words[_FIRST]))
    value = property(lambda self: float(self._words.view(np.float64)[_VALUE]))

    def copy(self) -> CheckedStream:
        """A stream that will deliver the same numbers, and has counted the same."""
        return CheckedStream(self.inner.copy(), self._words[2:])

    def to_bytes(self) -> bytes:
        """The bytes of the inner stream: what was counted changes nothing of what comes."""
        return self.inner.to_bytes()

    def __reduce__(self) -> tuple:
        return CheckedStream, (self.inner, self._words[2:].copy())


def checked(driver: Any, stream: Any) -> Any:
    """`stream` itself if its driver belongs to this library, and behind a check if a user wrote it.

    Raises
    ------
    ArgumentTypeError
        If what the driver opened is no stream.
    """
    if type(driver).__module__.startswith("weakchaos.") or isinstance(stream, CheckedStream):
        return stream
    missing = [name for name in ("function", "state", "copy", "to_bytes") if not hasattr(stream, name)]
    if missing:
        raise ArgumentTypeError(
            f"`driver` must open a stream that has {', '.join(missing)}; {type(driver).__name__}.open returned {shown(stream)}"
        )
    return CheckedStream(stream)


def checked_part(stream: Any) -> CheckedStream | None:
    """The part of a stream that counts its numbers: itself, or what it is made of; None where nothing counts."""
    while stream is not None and not isinstance(stream, CheckedStream):
        stream = getattr(stream, "inner", None)
    return stream


def opened(driver: Any, seed: Any) -> Any:
    """A new stream of a driver, behind a check if a user wrote the driver."""
    return checked(driver, driver.open(seed))
