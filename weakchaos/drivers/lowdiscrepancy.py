"""Low-discrepancy point sets as drivers: Sobol' and Halton sequences, read coordinate by coordinate.

I. M. Sobol', USSR Comput. Math. Math. Phys. 7 (1967) 86, doi:10.1016/0041-5553(67)90144-9, with the direction numbers of Joe and
Kuo (2008), doi:10.1137/070709359; J. H. Halton, Numer. Math. 2 (1960) 84, doi:10.1007/BF01386213. Scrambling: Matousek, J.
Complexity 14 (1998) 527, doi:10.1006/jcom.1998.0489; Owen, arXiv:1706.02808.

The points come from `scipy.stats.qmc` in blocks. The C function of a stream reads from a buffer, and when the buffer is used up it calls
back into Python for the next block.
"""

from __future__ import annotations

import _thread
import copy
import ctypes
import math
import threading
import weakref
from dataclasses import dataclass
from typing import Any

import numba.extending
import numpy as np
from llvmlite import ir
from numba import carray, types

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.drivers.base import Driver, stream_seed
from weakchaos.native.compiled import compiled_stream

__all__ = ["Halton", "Sobol"]

intrinsic: Any = numba.extending.intrinsic  # its type keeps the typing context among the arguments of a call

_BLOCK_NUMBERS = 8192
# SciPy can jump ahead in Sobol' sequences of up to 32 bits only, which have 2**32 points.
_SOBOL_BITS = 32


@intrinsic
def call_back(typingctx, function, state):
    """Call the ``void f(void*)`` at address `function`."""

    def codegen(context, builder, signature, args):
        byte = ir.IntType(8).as_pointer()
        pointer = ir.FunctionType(ir.VoidType(), [byte]).as_pointer()
        builder.call(builder.inttoptr(args[0], pointer), [args[1]])
        return context.get_dummy_value()

    return types.none(types.uint64, types.voidptr), codegen


@intrinsic
def _number_at(typingctx, address, k):
    """The k-th float64 from `address` on."""

    def codegen(context, builder, signature, args):
        base = builder.inttoptr(args[0], ir.DoubleType().as_pointer())
        return builder.load(builder.gep(base, [args[1]]))

    return types.float64(types.uint64, types.uint64), codegen


@compiled_stream
def _next_buffered(state):
    # Words: numbers read from the buffer, its size, its address, the address of the callback that fills it.
    words = carray(state, 4, dtype=np.uint64)
    if words[0] == words[1]:
        for _ in range(3):  # Ctrl-C may hit the callback
            if words[0] == words[1]:
                call_back(words[3], state)
        if words[0] == words[1]:
            return math.nan  # the callback failed, which Python has reported; the next call tries again
    k = words[0]
    words[0] = k + np.uint64(1)
    return _number_at(words[2], k)


_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class _PointStream:
    """An open point set: a buffer of numbers, how many blocks went into it so far, and the engine that makes the next one."""

    def __init__(self, driver: Any, key: np.ndarray, consumed: int = 0):
        self._driver, self._key = driver, key
        self._engine: Any = None
        self._points = 2 ** max(4, (_BLOCK_NUMBERS // driver.dimension).bit_length() - 1)
        self._buffer = np.empty((self._points, driver.dimension))
        myself = weakref.ref(self)  # a callback that held the stream would keep it alive for ever
        self._callback = _CALLBACK(lambda state: myself()._refill())  # type: ignore[union-attr]
        callback = ctypes.cast(self._callback, ctypes.c_void_p).value
        self.words = np.array([self._buffer.size, self._buffer.size, self._buffer.ctypes.data, callback], np.uint64)
        self.function, self.state = _next_buffered.address, self.words.ctypes.data
        self._blocks, rest = divmod(consumed, self._buffer.size)
        if rest:
            self._fill()
            self.words[0] = rest

    def _fill(self) -> None:
        if self._engine is None:
            self._engine = self._driver.engine(self._key, self._blocks * self._points)
        engine, self._engine = self._engine, None  # lost, not left at an unknown place, if the next line raises
        self._buffer[:] = engine.points(self._points)
        self._engine, self._blocks, self.words[0] = engine, self._blocks + 1, 0

    def _refill(self) -> None:
        try:
            self._fill()
        except KeyboardInterrupt:
            # Raised from a callback it would be lost in C: finish the block and interrupt again when the compiled code has had time
            # to return.
            self._fill()
            threading.Timer(0.05, _thread.interrupt_main).start()

    @property
    def consumed(self) -> int:
        """How many numbers have been read."""
        return (self._blocks - 1) * self._buffer.size + int(self.words[0])

    def copy(self) -> _PointStream:
        """A stream that will deliver the same numbers."""
        twin = _PointStream(self._driver, self._key)
        twin._buffer[:] = self._buffer
        twin._blocks, twin.words[0] = self._blocks, self.words[0]
        twin._engine = copy.deepcopy(self._engine)
        return twin

    def to_bytes(self) -> bytes:
        """The key of the scrambling and the number of numbers read."""
        return self._key.tobytes() + self.consumed.to_bytes(8, "little")

    def __reduce__(self):
        return _PointStream, (self._driver, self._key, self.consumed)


class _SobolEngine:
    """SciPy's engine, passed through again with a new scrambling after every 2**32 points."""

    def __init__(self, driver: Any, key: np.ndarray, skip: int):
        self.driver, self.key = driver, key
        self.turn, done = divmod(skip, 2**_SOBOL_BITS)
        self.begin()
        if done:
            self.engine.fast_forward(done)

    def begin(self) -> None:
        from scipy.stats import qmc

        generator = _generator(self.key, self.turn)
        d, scramble = self.driver.dimension, self.driver.scramble
        # The points are multiples of 2**-32; a constant shift within that cell makes each number uniform on all multiples of
        # 2**-53.
        self.shift = generator.integers(2**21, size=d) * 2.0**-53 if scramble else 0.0
        self.engine = _seeded(qmc.Sobol, generator, d=d, scramble=scramble, bits=_SOBOL_BITS)

    def points(self, n: int) -> np.ndarray:
        if self.engine.num_generated == 2**_SOBOL_BITS:
            self.turn += 1
            self.begin()
        return self.engine.random(n) + self.shift


class _HaltonEngine:
    """SciPy's engine, which computes every point from its index."""

    def __init__(self, driver: Any, key: np.ndarray, skip: int):
        from scipy.stats import qmc

        self.engine = _seeded(qmc.Halton, _generator(key, 0), d=driver.dimension, scramble=driver.scramble)
        self.engine.num_generated = skip  # its own fast_forward computes all points on the way, and holds them in memory

    def points(self, n: int) -> np.ndarray:
        return np.minimum(self.engine.random(n), 1.0 - 2.0**-53)  # sums of many digits may round to 1


def _generator(key: np.ndarray, turn: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key.tolist(), spawn_key=(turn,))))


def _seeded(engine: Any, generator: np.random.Generator, **arguments: Any) -> Any:
    """The engine, under the name of its argument that this version of SciPy wants: `rng` since 1.15, `seed` before."""
    try:
        return engine(rng=generator, **arguments)
    except TypeError:
        return engine(seed=generator, **arguments)


class _PointSet(Driver):
    """What the two point sets share."""

    dimension: int
    scramble: bool
    lyapunov = 0.0
    _kind = ""
    _most_dimensions = 0

    def __post_init__(self):
        object.__setattr__(self, "dimension", whole_number("dimension", self.dimension, 1, self._most_dimensions))
        if not isinstance(self.scramble, bool | np.bool_):
            raise ArgumentTypeError(f"`scramble` must be True or False; got {shown(self.scramble)}")

    @property
    def name(self) -> str:  # type: ignore[override]
        """``"sobol-d"`` or ``"halton-d"``; when it is not scrambled it says so."""
        return f"{self._kind}-{self.dimension}" + ("" if self.scramble else " (not scrambled)")

    def open(self, seed: int | np.random.SeedSequence | None = None) -> _PointStream:
        """A new stream; the seed gives the scrambling, and does nothing without one."""
        return _PointStream(self, stream_seed(seed, 4) if self.scramble else np.zeros(4, np.uint64))

    def restore(self, data: bytes) -> _PointStream:
        """The stream whose `to_bytes` gave `data`."""
        if len(data) != 40:
            raise ArgumentError(
                f"`data` must hold 40 bytes for {self.name}; got {len(data)}: restore with the driver that opened the stream"
            )
        return _PointStream(self, np.frombuffer(data[:32], np.uint64).copy(), int.from_bytes(data[32:], "little"))


@dataclass(frozen=True)
class Sobol(_PointSet):
    """The Sobol' sequence: any 2**k successive points that begin at a multiple of 2**k fill boxes of volume 2**(t - k) evenly.

    The stream gives all coordinates of a point before those of the next, so a sampler that consumes `dimension` numbers in a step uses one
    point per step. With scrambling (random linear matrices and a digital shift, chosen by the seed) every number is uniform on the
    multiples of 2**-53. Without scrambling the first point is the origin, so the first `dimension` numbers are 0; the point is kept, because
    the blocks would not be balanced without it (Owen, arXiv:2008.08051). After 2**32 points, the most that SciPy can skip, the sequence
    begins again, with a new scrambling if it is scrambled.

    The exponent is 0: in Gray-code order a point is the previous point plus a direction number without carry; this is a translation of the
    digits, which preserves the distance between two points that make the same step. To restore a stream takes about 3 seconds per 10**9
    points; to copy it takes no time.

    Parameters
    ----------
    dimension : int
        1 to 21201.
    scramble : bool

    Examples
    --------
    >>> driver = Sobol(2, scramble=False)
    >>> driver.advance(driver.start(), 8)[:, 0].tolist()
    [0.0, 0.0, 0.5, 0.5, 0.75, 0.25, 0.25, 0.75]
    """

    dimension: int
    scramble: bool = True
    _kind = "sobol"
    _most_dimensions = 21201

    def engine(self, key: np.ndarray, skip: int) -> Any:
        """The source of points, `skip` points on."""
        return _SobolEngine(self, key, skip)


@dataclass(frozen=True)
class Halton(_PointSet):
    """The Halton sequence: coordinate j of point n is n in base p_j (the j-th prime) with its digits mirrored at the radix point.

    The stream gives all coordinates of a point before those of the next. With scrambling (a random permutation of the digits at every
    place, chosen by the seed) numbers are uniform to the last digit. Without scrambling the first point is the origin, and in high dimensions
    the coordinates of neighbouring large primes lie almost on lines for many points. The exponent is 0: each coordinate moves by the odometer
    of von Neumann and Kakutani, a piecewise translation. SciPy takes some 40 to 250 ns for a number, more than for `Sobol`; copying and
    restoring take no time.

    Parameters
    ----------
    dimension : int
        1 to 10000.
    scramble : bool

    Examples
    --------
    >>> driver = Halton(2, scramble=False)
    >>> driver.advance(driver.start(), 6)[:, 0].round(3).tolist()
    [0.0, 0.0, 0.5, 0.333, 0.25, 0.667]
    """

    dimension: int
    scramble: bool = True
    _kind = "halton"
    _most_dimensions = 10000

    def engine(self, key: np.ndarray, skip: int) -> Any:
        """The source of points, `skip` points on."""
        return _HaltonEngine(self, key, skip)
