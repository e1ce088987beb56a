"""A driver: a stream of uniforms in [0, 1) that is itself a small dynamical system.

For a kernel a driver consists of two C addresses, a function ``double next_double(void* state)`` and its state, as in NumPy's ``bitgen_t``.
So NumPy's bit generators can be used as drivers, and every driver here can be handed to NumPy (`Driver.bit_generator`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.arguments import steps_and_stride
from weakchaos.core.errors import ArgumentError, SamplingError
from weakchaos.core.system import State, as_seed
from weakchaos.drivers.checked import CheckedStream, opened
from weakchaos.native.compiled import compiled_stream, draw_uniform, kernel

__all__ = ["Driver", "WordStream"]


@kernel
def _fill(function, state, every, out):
    for t in range(out.shape[0]):
        for _ in range(every - 1):
            draw_uniform(function, state)
        out[t, 0] = draw_uniform(function, state)


class WordStream:
    """An open stream whose whole state is a few 64-bit words: first those that change, then the constants of the driver."""

    def __init__(self, function: compiled_stream, words: np.ndarray, moving: int):
        self._code, self._moving = function, moving
        self.words = np.ascontiguousarray(words, np.uint64)
        self.function, self.state = function.address, self.words.ctypes.data

    def copy(self) -> WordStream:
        """A stream that will deliver the same numbers."""
        return WordStream(self._code, self.words.copy(), self._moving)

    def to_bytes(self) -> bytes:
        """The words of the state that change, as bytes."""
        return self.words[: self._moving].tobytes()

    def __reduce__(self):
        return WordStream, (self._code, self.words, self._moving)


class Driver:
    """Base class of all drivers; a subclass is a frozen dataclass that defines `open` and the attributes below.

    Attributes
    ----------
    name : str
    dimension : float
        Number of dimensions in which successive numbers are equidistributed (`inf` for a good generator); independent draws that consume
        more numbers than that are biased.
    cud : bool
        Whether the stream is completely uniformly distributed, that is, equidistributed in every number of dimensions, as far as is known.
        A chain has memory and may be biased under a stream that is not. By default True if `dimension` is infinite.
    length : int or None
        Steps of a sampler for which the stream is made, if its even spread is that of a certain number of steps: a stream that is completely
        uniformly distributed only over its whole period. None for all others.
    shortest_period : int or None
        Numbers after which the state of an open stream comes back at the earliest, from any seed, where a theorem says so; None for all others.
    lyapunov : float or None
        Largest Lyapunov exponent of the stream as a map, in nats per number; None if no distance between its states is defined.

    A driver is a `System` too: ``start(seed)`` opens a stream, ``advance(state, n)`` reads it.
    """

    name: str = "driver"
    dimension: float = np.inf
    length: int | None = None
    shortest_period: int | None = None
    lyapunov: float | None = None
    dim = 1

    @property
    def cud(self) -> bool:
        """Whether the stream counts as completely uniformly distributed."""
        return bool(np.isinf(self.dimension))

    def for_steps_of(self, uniforms: int | None) -> Driver:
        """The driver for a sampler that takes `uniforms` numbers a step (None if that varies): the same one, unless it treats the numbers of a
        step differently."""
        return self

    def open(self, seed: Any = None) -> Any:
        """A new stream; the same seed gives the same numbers."""
        raise TypeError(f"{type(self).__name__} does not say how to open a stream; a driver defines `open(seed)`")

    def restore(self, data: bytes) -> Any:
        """The stream whose `to_bytes` gave `data`."""
        stream = self.open(0)
        if len(data) != 8 * stream._moving:
            raise ArgumentError(
                f"`data` must hold {8 * stream._moving} bytes for {self.name}; got {len(data)}: "
                "restore with the driver that opened the stream"
            )
        stream.words[: stream._moving] = np.frombuffer(data, np.uint64)
        return stream

    def start(self, seed: Any = None, position: Any = None) -> State:
        """A state that consists of the open stream alone."""
        if position is not None:
            raise ArgumentError("`position` must be None: a driver has no position; choose its start by `seed`")
        return State(driver=opened(self, seed))

    def advance(self, state: State, n: int, every: int = 1) -> np.ndarray:
        """Read `n` numbers and return each `every`-th of them, shape (n // every, 1).

        Raises
        ------
        SamplingError
            If a driver that a user wrote gives a number that is not in [0, 1).
        """
        n, every = steps_and_stride(n, every)
        out = np.empty((n // every, 1))
        stream = state.driver
        before = stream.bad if isinstance(stream, CheckedStream) else 0
        _fill(*stream_addresses(stream), every, out)
        if isinstance(stream, CheckedStream) and stream.bad > before:
            raise SamplingError(
                f"{self.name} gave {stream.bad} numbers that are not in [0, 1); the first was {stream.value:g}, at index {stream.first} of the stream"
            )
        return out

    def bit_generator(self, seed: Any = None) -> Any:
        """A bit generator for ``numpy.random.Generator``: a double or a 32-bit word takes one number of the stream, a 64-bit word two.

        If the stream is not completely uniformly distributed, only ``random``, ``uniform`` and ``integers`` of the Generator have the right
        distributions, and the first use of a word gives a `DriverWarning`: see `weakchaos.drivers.bit_generator.BitGenerator`.

        Examples
        --------
        >>> from weakchaos.drivers import Rotation
        >>> u = np.random.Generator(Rotation().bit_generator(seed=1)).random(2)
        >>> round(float((u[1] - u[0]) % 1), 6)  # the golden rotation
        0.618034
        """
        from weakchaos.drivers.bit_generator import bit_generator_of

        return bit_generator_of(self)(seed)


def stream_addresses(stream: Any) -> tuple[np.uint64, np.uint64]:
    """An open stream as compiled code takes it: the addresses of its function and of its state, zeros where there is no stream."""
    return (np.uint64(0), np.uint64(0)) if stream is None else (np.uint64(stream.function), np.uint64(stream.state))


def stream_seed(seed: Any, n: int) -> np.ndarray:
    """`n` well mixed 64-bit words from a seed, for the first state of a stream."""
    return as_seed(seed).generate_state(n, np.uint64)
