"""The standard map as a driver: a kick turns a rotation into chaos, through islands that last.

    p' = p + (K / 2 pi) sin(2 pi x),   x' = x + p'   mod 1

B. V. Chirikov, Phys. Rep. 52 (1979) 263, doi:10.1016/0370-1573(79)90023-1. Coordinates are 64-bit integers and the kick is rounded, so the map is
a bijection of a lattice (F. Rannou, Astron. Astrophys. 31 (1974) 289) and keeps areas exactly; the sine makes its last bits depend on the machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import carray

from weakchaos.core.arguments import real_number
from weakchaos.drivers.base import Driver, WordStream, stream_seed
from weakchaos.native.compiled import compiled_stream, kernel

__all__ = ["StandardMap"]

_DROPPED, _UNIT = np.uint64(11), 2.0**-53
_ORBITS, _STEPS = 16, 20_000


@compiled_stream
def _next_kicked(state):
    words = carray(state, 3, dtype=np.uint64)
    strength = carray(state, 3, dtype=np.float64)[2]
    x = words[0]
    kick = strength * math.sin((2.0 * math.pi * 2.0**-53) * np.float64(x >> _DROPPED))
    # Whole turns change nothing, and what is left fits into an integer.
    kick -= math.floor(kick + 0.5)
    p = words[1] + np.uint64(np.int64(kick * 9223372036854775808.0) << np.int64(1))
    x += p
    words[0], words[1] = x, p
    return np.float64(x >> _DROPPED) * _UNIT


@kernel
def _exponents(strength, x, p, steps, out):
    """Mean log growth of a tangent vector along each orbit, after as many steps that align it."""
    for i in range(x.shape[0]):
        a, b, dx, dp, total = x[i], p[i], 0.6, 0.8, 0.0
        for t in range(2 * steps):
            dp += 2.0 * math.pi * strength * math.cos(2.0 * math.pi * a) * dx
            b += strength * math.sin(2.0 * math.pi * a)
            b -= math.floor(b)
            a += b
            a -= math.floor(a)
            dx += dp
            size = math.sqrt(dx * dx + dp * dp)
            dx /= size
            dp /= size
            if t >= steps:
                total += math.log(size)
        out[i] = total / steps


@lru_cache(maxsize=64)
def _measured(strength: float) -> tuple[float, ...]:
    start = np.random.default_rng(1).random((2, _ORBITS))
    out = np.empty(_ORBITS)
    _exponents(strength, start[0], start[1], _STEPS, out)
    return tuple(np.sort(out).tolist())


@dataclass(frozen=True)
class StandardMap(Driver):
    """The kicked rotor of Chirikov, read out as the angle x: a rotation without kick, and chaotic where the kick is strong.

    With K = 0 an orbit is a rotation by a random frequency. Up to K = 0.9716 invariant curves span the torus and no orbit crosses them; beyond,
    a chaotic sea grows around islands, which are hardly visible from K = 6 on and are never known to be gone. So, by any proof, the numbers of
    an orbit are not uniform for K > 0: `dimension` is 0 there, and averages over seeds, but not along an orbit, are those of uniform numbers.

    Parameters
    ----------
    kick : float
        K, 0 to 1e6.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> abs(StandardMap(20.0).lyapunov - math.log(10.0)) < 0.02  # log(K / 2) for strong kicks
    True
    """

    kick: float = 6.0

    def __post_init__(self):
        object.__setattr__(self, "kick", real_number("kick", self.kick, 0.0, 1e6))

    @property
    def name(self) -> str:  # type: ignore[override]
        """``"standard-K"``."""
        return f"standard-{self.kick:g}"

    @property
    def dimension(self) -> float:  # type: ignore[override]
        """1 without a kick, else 0: nothing is proved."""
        return 1.0 if self.kick == 0.0 else 0.0

    @property
    def exponents(self) -> tuple[float, ...]:
        """Exponents of 16 orbits from random starts over 20,000 steps each, in ascending order, nats per number: near 0 on islands."""
        return _measured(self.kick / (2.0 * math.pi))

    @property
    def lyapunov(self) -> float:  # type: ignore[override]
        """Median of `exponents`; 0 without a kick."""
        return 0.0 if self.kick == 0.0 else float(np.median(self.exponents))

    def open(self, seed: int | np.random.SeedSequence | None = None) -> WordStream:
        """A new stream, started at a random point of the torus."""
        words = np.array([*stream_seed(seed, 2).tolist(), 0], np.uint64)
        words.view(np.float64)[2] = self.kick / (2.0 * math.pi)
        return WordStream(_next_kicked, words, 2)
