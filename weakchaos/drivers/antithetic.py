"""Antithetic streams: chains in pairs, of which the second reads 1 - u where the first reads u.

J. M. Hammersley and K. W. Morton, Math. Proc. Camb. Phil. Soc. 52 (1956) 449, doi:10.1017/S0305004100031455. Where a chain moves up with its numbers, errors of the
two chains of a pair have opposite signs, and their mean has less; for a linear update, such as that of Gibbs sampling of normal variables, the errors of means cancel
but for the starts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numba import carray

from weakchaos.core.errors import ArgumentTypeError
from weakchaos.core.system import as_seed
from weakchaos.drivers.base import Driver
from weakchaos.drivers.checked import opened
from weakchaos.native.compiled import compiled_stream, draw_uniform

__all__ = ["Antithetic"]

_BELOW_ONE = 1.0 - 2.0**-53


@compiled_stream
def _next_mirrored(state):
    words = carray(state, 2, dtype=np.uint64)
    return _BELOW_ONE - draw_uniform(words[0], words[1])


class _MirroredStream:
    """An open stream whose numbers are mirrored at 1/2."""

    def __init__(self, inner: Any):
        self.inner = inner
        self.words = np.array([inner.function, inner.state], np.uint64)
        self.function, self.state = _next_mirrored.address, self.words.ctypes.data

    def copy(self) -> _MirroredStream:
        """A stream that will deliver the same numbers."""
        return _MirroredStream(self.inner.copy())

    def to_bytes(self) -> bytes:
        """Those of the inner stream."""
        return b"-" + self.inner.to_bytes()

    def __reduce__(self) -> tuple:
        return _MirroredStream, (self.inner,)


class _PlainStream(_MirroredStream):
    """An open stream as it is, that says so when it is saved."""

    def __init__(self, inner: Any):
        self.inner, self.function, self.state = inner, inner.function, inner.state

    def copy(self) -> _PlainStream:
        """A stream that will deliver the same numbers."""
        return _PlainStream(self.inner.copy())

    def to_bytes(self) -> bytes:
        """Those of the inner stream."""
        return b"+" + self.inner.to_bytes()

    def __reduce__(self) -> tuple:
        return _PlainStream, (self.inner,)


@dataclass(frozen=True)
class Antithetic(Driver):
    """Streams of another driver, for chains in pairs: chain 2 k + 1 of a run reads ``1 - 2**-53 - u`` where chain 2 k reads u.

    Which chain a stream is for is known from its seed: `sample` spawns the seeds of its chains from one, and so the second of a pair is a child of odd index. A stream that
    is opened with a seed of its own is that of a first chain. Start the chains of a pair at the same place (`initial`) if their starts are to cancel as well.

    Parameters
    ----------
    driver : Driver or str

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> import weakchaos as wc
    >>> target = wc.zoo.correlated_gaussian(0.5)
    >>> trace = wc.sample(target, wc.samplers.GaussianGibbs(), 1000, warmup=0, chains=2, seed=1, initial=[0.0, 0.0], driver=Antithetic(), progress=False)
    >>> bool(np.abs(trace.draws.mean((0, 1))).max() < 1e-12)  # the errors of the two cancel
    True
    """

    driver: Any = "pcg64"

    def __post_init__(self):
        from weakchaos.drivers import resolve

        inner = resolve(self.driver)
        if isinstance(inner, Antithetic):
            raise ArgumentTypeError("`driver` must be a driver that is not antithetic itself")
        object.__setattr__(self, "driver", inner)

    @property
    def name(self) -> str:  # type: ignore[override]
        """That of the driver, after ``"antithetic "``."""
        return f"antithetic {self.driver.name}"

    dimension = property(lambda self: self.driver.dimension)
    cud = property(lambda self: self.driver.cud)
    length = property(lambda self: self.driver.length)
    lyapunov = property(lambda self: self.driver.lyapunov)

    def for_steps_of(self, uniforms: int | None) -> Antithetic:
        """See `Driver.for_steps_of`."""
        return replace(self, driver=self.driver.for_steps_of(uniforms))

    def open(self, seed: Any = None) -> _MirroredStream:
        """A new stream; that of an odd chain is the mirror image of the chain before."""
        sequence = as_seed(seed)
        # A chain's seed is a child of the run's, and its stream's seed the second child of that: the index of the chain is last but one.
        key = sequence.spawn_key
        chain = key[-2] if len(key) >= 2 else 0
        if chain % 2 == 0:
            return _PlainStream(opened(self.driver, sequence))
        first = np.random.SeedSequence(sequence.entropy, spawn_key=(*key[:-2], chain - 1, key[-1]), pool_size=sequence.pool_size)
        return _MirroredStream(opened(self.driver, first))

    def restore(self, data: bytes) -> _MirroredStream:
        """The stream whose `to_bytes` gave `data`."""
        inner = self.driver.restore(data[1:])
        return _MirroredStream(inner) if data[:1] == b"-" else _PlainStream(inner)
