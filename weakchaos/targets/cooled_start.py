"""Random starts of pairwise models that are so cold that a chain never leaves the basin in which it starts.

If the log odds of units are hundreds of nats, a chain from a uniformly random state descends into a nearby local mode, however improbable,
and stays there for ever. Such a model gets a start by simulated annealing instead: Gibbs sweeps at inverse temperatures that rise from a value
at which no unit has a strong preference up to 1 (Kirkpatrick, Gelatt and Vecchi, Science 220 (1983) 671, doi:10.1126/science.220.4598.671), so
that wide and deep basins are entered more often than others. Warmer models keep their uniform starts, which are more spread out.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.native.compiled import kernel

__all__ = ["cool", "is_cold"]

_NEVER = 100.0  # nats against which no chain moves in the life of the universe
_SWEEPS = (64, 512)  # fewest, for large models, and most
_VISITS = 1 << 24  # of units, in all sweeps together


@kernel
def _sweep(x, field, ptr, unit, weight, ones, beta, uniforms):
    """A Gibbs sweep at inverse temperature `beta`; a coupling favours equal states, or with `ones` only that both are 1."""
    states = field.shape[1]
    z = np.empty(states)
    for i in range(x.size):
        for k in range(states):
            z[k] = field[i, k]
        for a in range(ptr[i], ptr[i + 1]):
            k = x[unit[a]]
            if not ones or k == 1:
                z[k] += weight[a]
        top = z[0]
        for k in range(1, states):
            top = max(top, z[k])
        total = 0.0
        for k in range(states):
            z[k] = math.exp(beta * (z[k] - top))
            total += z[k]
        left, k = uniforms[i] * total, 0
        while k < states - 1 and left >= z[k]:
            left -= z[k]
            k += 1
        x[i] = k


@kernel
def _leans(field, ptr, weight):
    most = 0.0
    for i in range(field.shape[0]):
        low, high, pull = field[i, 0], field[i, 0], 0.0
        for k in range(1, field.shape[1]):
            low, high = min(low, field[i, k]), max(high, field[i, k])
        for a in range(ptr[i], ptr[i + 1]):
            pull += abs(weight[a])
        most = max(most, (high - low) + pull)
    return most


def _lean(field: np.ndarray, ptr: np.ndarray, weight: np.ndarray) -> float:
    """How far, in nats, a unit may lean towards one of its states."""
    return float(_leans(field, ptr, weight))


def is_cold(field: np.ndarray, ptr: np.ndarray, weight: np.ndarray) -> bool:
    """Whether the log odds of some unit may be so large that no chain would ever move it into its less probable state.

    Examples
    --------
    >>> is_cold(np.zeros((2, 2)), np.array([0, 1, 2]), np.array([3.0, 3.0]))
    False
    """
    return _lean(field, ptr, weight) > _NEVER


def cool(x: np.ndarray, rng: np.random.Generator, field: Any, ptr: Any, unit: Any, weight: Any, ones: bool) -> np.ndarray:
    """Anneal the state `x` in place, from a temperature at which no unit has log odds of more than 1.

    Parameters
    ----------
    x : int64 array of shape (n,)
    rng : Generator
    field : array of shape (n, K)
    ptr, unit, weight : arrays
        Couplings by unit, as `PairwiseMRF.pair_arrays` gives them.
    ones : bool
        Whether couplings favour that both units are 1, rather than that they are equal.
    """
    hottest = 1.0 / max(1.0, _lean(field, ptr, weight))
    for beta in np.geomspace(hottest, 1.0, int(np.clip(_VISITS // x.size, *_SWEEPS))):
        _sweep(x, field, ptr, unit, weight, ones, float(beta), rng.random(x.size))
    return x
