"""Affine maps of the torus as drivers, from rotation over skew shift to cat map, and interval exchanges, all in exact integers.

    (x, y) -> A (x, y) + (a, b) mod 1,   A an integer matrix of determinant 1 or -1

The trace of A decides: a rotation (A = 1) is elliptic and keeps distances; a skew shift, A = [[1, 0], [1, 1]], is parabolic and parts
neighbours linearly in time; the cat map, A = [[2, 1], [1, 1]], is hyperbolic and parts them exponentially. All keep the area, and the entropy is the
sum of the positive exponents, log of the largest modulus of an eigenvalue of A (Ya. G. Sinai 1959). H. Furstenberg, Am. J. Math. 83 (1961) 573,
doi:10.2307/2372899 (skew shifts); M. Keane, Math. Z. 141 (1975) 25, doi:10.1007/BF01236981 (interval exchanges).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import carray

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.drivers.base import Driver, WordStream, stream_seed
from weakchaos.drivers.rotations import default_frequencies
from weakchaos.native.compiled import compiled_stream

__all__ = ["IntervalExchange", "ToralMap"]

_DROPPED, _UNIT = np.uint64(11), 2.0**-53


@compiled_stream
def _next_toral(state):
    words = carray(state, 9, dtype=np.uint64)
    if words[2] == np.uint64(0):
        words[2] = np.uint64(1)
        x, y = words[0], words[1]
        # Multiplication and addition of 64-bit words are those of integers modulo 2**64.
        words[0] = words[3] * x + words[4] * y + words[7]
        words[1] = words[5] * x + words[6] * y + words[8]
        return np.float64(words[0] >> _DROPPED) * _UNIT
    words[2] = np.uint64(0)
    return np.float64(words[1] >> _DROPPED) * _UNIT


@dataclass(frozen=True)
class ToralMap(Driver):
    """An affine map of the torus in exact 64-bit integers, read out as x and y in turn.

    `ToralMap.elliptic`, `.parabolic` and `.hyperbolic` stand for the three kinds of map; the exponent is log of the largest modulus of an
    eigenvalue of the matrix, per point of two numbers, and the entropy rate is the same. Pairs are equidistributed: `dimension` is 2.

    Parameters
    ----------
    matrix : ((int, int), (int, int))
        Of determinant 1 or -1; entries between -2**31 and 2**31.
    shift : (int, int)
        Added at each step, in units of 2**-64; 0 to 2**64 - 1.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> [round(driver.lyapunov, 4) for driver in (ToralMap.elliptic(), ToralMap.parabolic(), ToralMap.hyperbolic())]  # per number
    [0.0, 0.0, 0.4812]
    """

    matrix: tuple[tuple[int, int], tuple[int, int]] = ((2, 1), (1, 1))
    shift: tuple[int, int] = (0, 0)
    dimension = 2

    def __post_init__(self):
        try:
            rows = tuple(tuple(row) for row in np.asarray(self.matrix, object).reshape(2, 2).tolist())
            shift = tuple(np.asarray(self.shift, object).reshape(2).tolist())
        except ValueError as error:
            raise ArgumentTypeError(
                f"`matrix` must have two rows of two whole numbers and `shift` two whole numbers; got {shown(self.matrix)} and {shown(self.shift)}"
            ) from error
        matrix = tuple(tuple(whole_number("matrix", v, -(2**31), 2**31) for v in row) for row in rows)
        (a, b), (c, d) = matrix
        if abs(a * d - b * c) != 1:
            raise ArgumentError(
                f"`matrix` must have determinant 1 or -1, so that the map keeps areas and can be undone; got {a * d - b * c} of {matrix}"
            )
        object.__setattr__(self, "matrix", matrix)
        object.__setattr__(self, "shift", tuple(whole_number("shift", v, 0, 2**64 - 1) for v in shift))

    @classmethod
    def elliptic(cls) -> ToralMap:
        """The rotation by the fractional parts of the square roots of 2 and 3."""
        return cls(((1, 0), (0, 1)), default_frequencies(2))  # type: ignore[arg-type]

    @classmethod
    def parabolic(cls) -> ToralMap:
        """The skew shift (x, y) -> (x + a, y + x), a the golden ratio's fractional part: y is a quadratic function of time."""
        return cls(((1, 0), (1, 1)), (default_frequencies(1)[0], 0))

    @classmethod
    def hyperbolic(cls) -> ToralMap:
        """Arnold's cat map."""
        return cls()

    @property
    def kind(self) -> str:
        """``"elliptic"``, ``"parabolic"`` or ``"hyperbolic"``."""
        (a, b), (c, d) = self.matrix
        trace, determinant = a + d, a * d - b * c
        if determinant == 1:
            scalar = b == c == 0
            return "hyperbolic" if abs(trace) > 2 else "elliptic" if abs(trace) < 2 or scalar else "parabolic"
        return "hyperbolic" if trace else "elliptic"  # eigenvalues 1 and -1: a reflection

    @property
    def name(self) -> str:  # type: ignore[override]
        """The kind, where matrix and shift are those of the named maps, else the matrix."""
        for kind in ("elliptic", "parabolic", "hyperbolic"):
            if self == getattr(ToralMap, kind)():
                return f"{kind}-torus"
        (a, b), (c, d) = self.matrix
        return f"torus([{a} {b}; {c} {d}])"

    @property
    def lyapunov(self) -> float:  # type: ignore[override]
        """Log of the largest modulus of an eigenvalue of the matrix, divided by the two numbers of a point: nats per number."""
        return self.entropy / 2.0

    @property
    def entropy(self) -> float:
        """Entropy of the map, nats per point."""
        if self.kind != "hyperbolic":
            return 0.0
        (a, b), (c, d) = self.matrix
        trace, determinant = abs(a + d), a * d - b * c
        return math.log((trace + math.sqrt(trace * trace - 4 * determinant)) / 2.0)

    def open(self, seed: int | np.random.SeedSequence | None = None) -> WordStream:
        """A new stream, started at a random point with odd coordinates, whose period is the longest."""
        x, y = (word | 1 for word in stream_seed(seed, 2).tolist())
        constants = [v % 2**64 for row in self.matrix for v in row] + list(self.shift)
        return WordStream(_next_toral, np.array([x, y, 0, *constants], np.uint64), 3)

    def restore(self, data: bytes) -> WordStream:
        """The stream whose `to_bytes` gave `data`."""
        stream = super().restore(data)
        if stream.words[2] > 1:
            raise ArgumentError(
                f"`data` must be the bytes of a stream of {self.name}; got a third word of {int(stream.words[2])}, not 0 or 1"
            )
        return stream


@compiled_stream
def _next_exchange(state):
    words = carray(state, 130, dtype=np.uint64)
    x, n = words[0], words[1]
    k = np.uint64(0)
    one, at = np.uint64(1), np.uint64(2)
    while k + one < n and x >= words[at + k]:
        k += one
    x += words[at + n + k]
    words[0] = x
    return np.float64(x >> _DROPPED) * _UNIT


@dataclass(frozen=True)
class IntervalExchange(Driver):
    """An exchange of intervals: the circle is cut into intervals, which are put together again in another order; exact 64-bit integers.

    A rotation exchanges two intervals. With three and more, generic exchanges are weakly mixing (A. Avila and G. Forni, Ann. Math. 165 (2007) 637,
    doi:10.4007/annals.2007.165.637) and still keep distances almost everywhere: exponent and entropy are 0. `dimension` is 1.

    Parameters
    ----------
    lengths : sequence of float, optional
        Lengths of the 2 to 64 intervals from left to right; positive, scaled to the sum 1. By default four intervals of lengths in the ratios of
        the square roots of 2, 3, 5 and 7.
    order : sequence of int, optional
        Indices of the intervals from left to right after the exchange. By default reversed.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> driver = IntervalExchange((0.25, 0.75))  # a rotation by 3/4
    >>> u = driver.advance(driver.start(seed=1), 4)[:, 0]
    >>> ((u[1:] - u[:-1]) % 1).tolist()
    [0.75, 0.75, 0.75]
    """

    lengths: tuple[float, ...] = (2**0.5, 3**0.5, 5**0.5, 7**0.5)
    order: tuple[int, ...] | None = None
    dimension = 1
    lyapunov = 0.0

    def __post_init__(self):
        try:
            lengths = np.asarray(self.lengths, np.float64)
        except (TypeError, ValueError) as error:
            raise ArgumentTypeError(f"`lengths` must be a sequence of numbers; got {shown(self.lengths)}") from error
        if lengths.ndim != 1 or not 2 <= len(lengths) <= 64 or not np.isfinite(lengths).all() or not (lengths > 0).all():
            raise ArgumentError(f"`lengths` must be 2 to 64 positive finite numbers; got {shown(self.lengths)}")
        n = len(lengths)
        order: Any = range(n)[::-1] if self.order is None else self.order
        try:
            order = tuple(whole_number(f"order[{k}]", v, 0, n - 1) for k, v in enumerate(order))
        except TypeError as error:
            raise ArgumentTypeError(f"`order` must be a sequence of whole numbers or None; got {shown(self.order)}") from error
        if sorted(order) != list(range(n)):
            raise ArgumentError(f"`order` must hold each of 0 to {n - 1} once; got {shown(self.order)}")
        for k in range(1, n):
            if sorted(order[:k]) == list(range(k)):
                raise ArgumentError(
                    f"`order` must not keep the first {k} intervals among themselves: the orbit would stay on a part of the circle; got {order}"
                )
        object.__setattr__(self, "lengths", tuple((lengths / lengths.sum()).tolist()))
        object.__setattr__(self, "order", order)

    @property
    def name(self) -> str:  # type: ignore[override]
        """``"exchange-n"`` for n intervals."""
        return f"exchange-{len(self.lengths)}"

    def open(self, seed: int | np.random.SeedSequence | None = None) -> WordStream:
        """A new stream, started at a random point."""
        n, order = len(self.lengths), self.order or ()
        widths = [int(v * 2.0**64) for v in self.lengths]
        widths[-1] = 2**64 - sum(widths[:-1])
        ends = np.cumsum(np.array(widths, object))
        starts_after = dict(zip(order, np.cumsum(np.array([0, *(widths[k] for k in order[:-1])], object)), strict=True))
        moves = [(int(starts_after[k]) - int(ends[k]) + widths[k]) % 2**64 for k in range(n)]
        # The end of the last interval is 2**64 and needs no comparison.
        words = [int(stream_seed(seed, 1)[0]), n, *(int(e) % 2**64 for e in ends), *moves]
        return WordStream(_next_exchange, np.array(words, np.uint64), 1)
