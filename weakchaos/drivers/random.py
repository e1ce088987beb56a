"""NumPy's bit generators as drivers."""

from __future__ import annotations

import ctypes
import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.system import as_seed
from weakchaos.drivers.base import Driver

__all__ = ["NumPyGenerator"]

# The multiplier of PCG64's 128-bit congruential state (O'Neill, HMC-CS-2014-0905): a circle map that stretches by this factor.
_PCG64_MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645
_KINDS = {"pcg64": "PCG64", "pcg64dxsm": "PCG64DXSM", "mt19937": "MT19937", "philox": "Philox", "sfc64": "SFC64"}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


class _NumPyStream:
    """A NumPy bit generator behind the two addresses its own `ctypes` interface gives."""

    def __init__(self, bit_generator: Any):
        self.bit_generator = bit_generator
        interface = bit_generator.ctypes
        self.function = ctypes.cast(interface.next_double, ctypes.c_void_p).value
        self.state = int(interface.state_address)

    def copy(self) -> _NumPyStream:
        twin = type(self.bit_generator)(0)
        twin.state = self.bit_generator.state
        return _NumPyStream(twin)

    def to_bytes(self) -> bytes:
        return json.dumps(_plain(self.bit_generator.state), sort_keys=True).encode()

    def __reduce__(self):
        return _NumPyStream, (self.bit_generator,)


@dataclass(frozen=True)
class NumPyGenerator(Driver):
    """One of NumPy's bit generators: ``"pcg64"``, ``"pcg64dxsm"``, ``"mt19937"``, ``"philox"`` or ``"sfc64"``.

    The exponent is known for PCG64 only, whose state moves by a linear congruence modulo 2**128: it is the log of the multiplier, 86.8 nats
    per number. MT19937 is linear over the field of two elements, and Philox hashes a counter; their states are not points of a circle.

    Examples
    --------
    >>> driver = NumPyGenerator("pcg64")
    >>> driver.advance(driver.start(seed=1), 3).shape
    (3, 1)
    """

    kind: str = "pcg64"

    def __post_init__(self):
        if self.kind not in _KINDS:
            raise ArgumentError(f"`kind` must be one of {', '.join(_KINDS)}; got {shown(self.kind)}")

    @property
    def name(self) -> str:  # type: ignore[override]
        """The name of the bit generator."""
        return self.kind

    @property
    def dimension(self) -> float:  # type: ignore[override]
        """623 for MT19937 (Matsumoto and Nishimura 1998); infinite for the others, for which no bound is known."""
        return 623 if self.kind == "mt19937" else math.inf

    @property
    def cud(self) -> bool:
        """True: no statistic of a chain is known that distinguishes them from random numbers, even in more dimensions than the 623 of MT19937."""
        return True

    @property
    def shortest_period(self) -> int:  # type: ignore[override]
        """That of the state: of the 128 bits of PCG64, of the recurrence of MT19937, of the counters in Philox (256 bits) and SFC64 (64 bits)."""
        return {"mt19937": 2**19937 - 1, "philox": 2**256, "sfc64": 2**64}.get(self.kind, 2**128)

    @property
    def lyapunov(self) -> float | None:  # type: ignore[override]
        """Nats per number."""
        return math.log(_PCG64_MULTIPLIER) if self.kind == "pcg64" else None

    def open(self, seed: Any = None) -> _NumPyStream:
        """A new stream."""
        return _NumPyStream(getattr(np.random, _KINDS[self.kind])(as_seed(seed)))

    def restore(self, data: bytes) -> _NumPyStream:
        """The stream whose `to_bytes` gave `data`."""
        bit_generator = getattr(np.random, _KINDS[self.kind])(0)
        bit_generator.state = _arrays(json.loads(data))
        return _NumPyStream(bit_generator)

    def bit_generator(self, seed: Any = None) -> Any:
        """NumPy's own object."""
        return self.open(seed).bit_generator


def _arrays(state: dict) -> dict:
    """NumPy wants its key and counter arrays back as arrays."""
    return {
        k: _arrays(v)
        if isinstance(v, dict)
        else np.array(v, np.uint32 if k == "key" and len(v) == 624 else np.uint64)
        if isinstance(v, list)
        else v
        for k, v in state.items()
    }
