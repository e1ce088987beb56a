"""Systems and their states: everything that moves under one map and can be read out.

A `System` is anything with ``start``, ``advance`` and ``dim``: a sampler bound to its target, a driver, a map, a flow, a stack of
network layers. Its `State` holds all that the map moves, the stream of numbers included, so that a copy continued gives
bit-identical draws, and a copy whose `phase` is nudged is a twin orbit under the same numbers.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from weakchaos.core.arguments import steps_and_stride
from weakchaos.core.counters import SLOTS
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, StoreError, shown
from weakchaos.core.files import read_npz

__all__ = ["ClosedStream", "State", "Stream", "System", "as_seed", "step_by_step", "supports_tangent"]


@runtime_checkable
class Stream(Protocol):
    """An open driver: two C addresses that a kernel calls, and the means to copy and to save what moves behind them."""

    function: int
    state: int

    def copy(self) -> Stream:
        """A stream that will deliver the same numbers."""
        ...

    def to_bytes(self) -> bytes:
        """All that moves, without the parameters of the driver; equal bytes mean equal futures."""
        ...


@dataclass
class State:
    """The full state of a system.

    Attributes
    ----------
    phase : float64 array of shape (p,)
        Every real coordinate the map moves: positions, momenta, herding weights.
    symbols : int64 array of shape (s,)
        Every discrete coordinate the map moves: spins, rotor positions, table keys.
    driver : Stream or None
        The open stream of uniforms, None for a system that draws no numbers.
    counters : int64 array
        What a run counts (steps, gradients, acceptances; `weakchaos.core.counters` names the slots). The map never reads them, so they are no part
        of `exact`.
    tuning : dict of str to float64 array
        What warm-up moves and sampling reads: step size, metric, accumulators of windows. A twin orbit leaves it alone, so an exponent is
        that of the map with its tuning frozen.
    known : float64 array
        The present position, then the gradient and the log density there, so that nothing is evaluated twice. A kernel compares its position with
        that of `phase`, and evaluates again where they differ.
    """

    phase: np.ndarray = field(default_factory=lambda: np.empty(0))
    symbols: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    driver: Any = None
    counters: np.ndarray = field(default_factory=lambda: np.zeros(SLOTS, np.int64))
    tuning: dict[str, np.ndarray] = field(default_factory=dict)
    known: np.ndarray = field(default_factory=lambda: np.empty(0))

    def copy(self) -> State:
        """A full clone: continued, it gives bit-identical draws."""
        driver = None if self.driver is None else self.driver.copy()
        tuning = {name: np.array(value) for name, value in self.tuning.items()}
        return State(self.phase.copy(), self.symbols.copy(), driver, self.counters.copy(), tuning, self.known.copy())

    def exact(self) -> bytes:
        """The bytes of `phase`, `symbols`, `tuning` and the driver: equal bytes mean equal orbits from here on."""
        tail = b"" if self.driver is None else self.driver.to_bytes()
        tuned = b"".join(self.tuning[name].tobytes() for name in sorted(self.tuning))
        return self.phase.tobytes() + self.symbols.tobytes() + tuned + tail

    def to_bytes(self) -> bytes:
        """The state in the .npz format (no pickling); read it back with the ``load_state`` of its system or with `from_bytes`."""
        buffer = io.BytesIO()
        stream = b"" if self.driver is None else self.driver.to_bytes()
        np.savez(
            buffer,
            phase=self.phase,
            symbols=self.symbols,
            counters=self.counters,
            known=self.known,
            **{f"tuning.{name}": value for name, value in self.tuning.items()},  # type: ignore[arg-type]
            stream=np.frombuffer(stream, np.uint8),
            has_stream=np.array(self.driver is not None),
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, driver: Any = None) -> State:
        """Read what `to_bytes` wrote.

        Parameters
        ----------
        data : bytes
        driver : Driver, optional
            The driver the stream was opened from; required when the state has a stream.

        Raises
        ------
        ArgumentError
            When the state has a stream and no driver was given.
        StoreError
            When `data` is no state.
        """
        state = cls.closed(data)
        if state.driver is not None:
            if driver is None:
                raise ArgumentError(
                    "`driver` is required: this state was saved with an open stream; pass the driver it was opened from"
                )
            state.driver = driver.restore(state.driver.data)
        return state

    @classmethod
    def closed(cls, data: bytes) -> State:
        """Read what `to_bytes` wrote without a driver: a state to look at and to save again, not to run from."""
        arrays = read_npz(io.BytesIO(data), "the state")
        try:
            stream = ClosedStream(arrays["stream"].tobytes()) if bool(arrays["has_stream"]) else None
            tuning = {key.removeprefix("tuning."): value for key, value in arrays.items() if key.startswith("tuning.")}
            known = arrays.get("known", np.empty(0))  # states of version 0.1.0 have none
            counters = np.zeros(max(SLOTS, arrays["counters"].size), np.int64)  # states of earlier versions count fewer things
            counters[: arrays["counters"].size] = arrays["counters"]
            return cls(arrays["phase"], arrays["symbols"], stream, counters, tuning, known)
        except KeyError as error:
            raise StoreError(f"the state has no entry {error}") from error


@dataclass(frozen=True)
class ClosedStream:
    """What moved in a stream whose driver is not known; it can be saved, not read."""

    data: bytes

    def copy(self) -> ClosedStream:
        """Itself: nothing in it moves."""
        return self

    def to_bytes(self) -> bytes:
        """The bytes of the stream when it was open."""
        return self.data


@runtime_checkable
class System(Protocol):
    """What the diagnostics ask of a system; every sampler, driver, map and flow of the library is one."""

    @property
    def dim(self) -> int:
        """How many numbers one draw has."""
        ...

    def start(self, seed: Any = None, position: Any = None) -> State:
        """A state to run from; the same seed gives the same state."""
        ...

    def advance(self, state: State, n: int, every: int = 1) -> np.ndarray:
        """Move `state` in place by `n` steps; the readout after each `every`-th step, of shape (n // every, dim)."""
        ...


def supports_tangent(system: System) -> bool:
    """Whether a system carries its exact linearised map, ``tangent(state, n, vectors)``."""
    return callable(getattr(system, "tangent", None))


def step_by_step(step: Callable[[], Any], state: State, n: Any, every: Any) -> np.ndarray:
    """The phase after each `every`-th of `n` calls of `step`, which moves `state` in place; shape (n // every, dim)."""
    n, every = steps_and_stride(n, every)
    out = np.empty((n // every, state.phase.size))
    for t in range(n):
        step()
        if (t + 1) % every == 0:
            out[t // every] = state.phase
    return out


def as_seed(seed: Any) -> np.random.SeedSequence:
    """A `SeedSequence` from an integer, a sequence of integers, a `SeedSequence` or None (fresh entropy).

    Examples
    --------
    >>> as_seed(7).entropy
    7
    """
    if isinstance(seed, np.random.SeedSequence):
        # A new object with the same key: spawning from the caller's would make the second call differ from the first.
        return np.random.SeedSequence(seed.entropy, spawn_key=seed.spawn_key, pool_size=seed.pool_size)
    try:
        return np.random.SeedSequence(seed)
    except (TypeError, ValueError) as error:
        kind = ArgumentTypeError if isinstance(error, TypeError) else ArgumentError
        raise kind(f"`seed` must be a non-negative integer, a SeedSequence or None; got {shown(seed)}") from error
