"""What is known of the observables of a discrete target: by a sum over all states where these are few, and of square Ising lattices by Kaufman's energy.

Zero mean magnetisation follows from the symmetry of spins without fields. The variance of the energy a spin e of n spins is ``-de/dbeta / n``, since beta n e is minus the logarithm of the
unnormalised probability.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from weakchaos.targets.kaufman import exact_energy
from weakchaos.targets.known_moments import KnownMoments
from weakchaos.targets.mrf import Ising

__all__ = ["ObservedMoments"]

_MOST_STATES, _MOST_UNITS = 1 << 16, 64
_COLDEST = 100.0  # coupling over temperature; beyond it all spins are aligned, and the terms of the formula overflow


class ObservedMoments(KnownMoments):
    """Names, means and standard deviations of the observables of a discrete target, as `weakchaos.compare` asks for them.

    Parameters
    ----------
    target : DiscreteTarget
    names : list of str
        "energy", "magnetisation" and maybe "structure factor".
    measure : callable or None
        ``measure(states)`` gives the observables of states of shape (m, units), of shape (m, n names); None where states cannot be listed.

    Examples
    --------
    >>> import weakchaos as wc
    >>> moments = ObservedMoments(wc.Ising.lattice((16, 16), 0.5 * math.log(1 + 2**0.5)), ["energy", "magnetisation"])
    >>> moments.means.round(6)  # Ferrenberg, Landau and Wong (1992): -1.453065
    array([-1.453065,  0.      ])
    """

    error_kind = "largest error of the mean of an observable (of the energy in standard deviations of one draw)"

    def __init__(self, target: Any, names: list[str], measure: Callable[[np.ndarray], np.ndarray] | None = None):
        self.names, self.dim = names, len(names)
        self.means, self.sds = self._known(target, measure)

    def _known(self, target: Any, measure: Any) -> tuple[np.ndarray | None, np.ndarray | None]:
        if measure is not None and target.dim <= _MOST_UNITS and math.prod(_choices(target)) <= _MOST_STATES:
            return _summed(target, measure)
        if not isinstance(target, Ising) or _has_fields(target):
            return None, None
        means, sds = np.full(self.dim, np.nan), np.full(self.dim, np.nan)
        means[1] = 0.0
        sides = _square_sides(target)
        if sides:
            coupling = abs(target.coupling)
            k = target.beta * coupling
            step = 1e-4 * k
            slope = (exact_energy(k + step, *sides) - exact_energy(k - step, *sides)) / (2 * step)
            means[0], sds[0] = coupling * exact_energy(k, *sides), coupling * math.sqrt(max(-slope, 0.0) / math.prod(sides))
        return means, sds


def _choices(target: Any) -> tuple[int, ...]:
    """How many states each unit may be in; one where it is observed."""
    return tuple(1 if unit in target.observed else int(size) for unit, size in enumerate(target.cardinalities))


def _summed(target: Any, measure: Any) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations over all states that agree with what is observed."""
    sizes = _choices(target)
    states = np.stack(np.unravel_index(np.arange(math.prod(sizes)), sizes), axis=1)
    for unit, value in target.observed.items():
        states[:, unit] = value
    values = measure(states)
    log_weight = -getattr(target, "beta", 1.0) * target.dim * values[:, 0]
    possible = np.isfinite(log_weight)
    values, log_weight = values[possible], log_weight[possible]
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    means = weight @ values
    return means, np.sqrt(weight @ (values - means) ** 2)


def _has_fields(target: Ising) -> bool:
    if target.shape is not None:
        return target.field != 0.0
    # Fields of spins are made from those of units that are 0 and 1, with rounding.
    couplings = np.abs(target.bare_couplings)
    return bool(np.abs(target.bare_fields).max(initial=0.0) > 1e-12 * couplings.max(initial=0.0))


def _square_sides(target: Ising) -> tuple[int, ...]:
    """The sides of a torus without frustration, whose energy is Kaufman's; none for other lattices."""
    shape = target.shape
    if shape is None or len(shape) != 2 or min(shape) < 2 or not target.periodic:
        return ()
    even = not (shape[0] % 2 or shape[1] % 2)
    return shape if 0.0 < target.beta * abs(target.coupling) < _COLDEST and (target.coupling > 0 or even) else ()
