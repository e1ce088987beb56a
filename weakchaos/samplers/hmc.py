"""Hamiltonian Monte Carlo.

Duane, Kennedy, Pendleton and Roweth, Phys. Lett. B 195 (1987) 216, doi:10.1016/0370-2693(87)91197-X; in the form of Neal (2011),
arXiv:1206.1901: with potential ``U = -log p`` and kinetic energy ``K = sum v_i p_i**2 / 2`` (v the inverse mass), momenta are drawn
afresh, ``n_leapfrog`` leapfrog steps of size ``step_size`` are made, and the end is accepted with probability ``min(1, exp(-dH))``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from weakchaos.core.arguments import positive, positive_vector
from weakchaos.core.counters import ACCEPTED, DIVERGENCES, GRADIENTS, STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.native.compiled import address_of, call_density, draw_uniform, kernel, normal_from_uniform
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.continuous import BoundContinuous
from weakchaos.samplers.integrators import DONE, FAILED, has_diverged, kinetic_energy, leapfrog
from weakchaos.samplers.record import is_known, know, record
from weakchaos.targets.density import Density

__all__ = ["HMC"]


@kernel
def _hmc(
    density, user_data, stream, stream_state, step_size, n_leapfrog, inverse_mass, x, known, counters, n, every, draws, stats, sums
):
    dim = x.size
    position, momentum, gradient, value = np.empty(dim), np.empty(dim), np.empty(dim), np.empty(1)
    deviation, current_gradient = 1.0 / np.sqrt(inverse_mass), known[dim : 2 * dim]
    probability, divergences = 0.0, 0
    if not is_known(x, known):
        counters[GRADIENTS] += 1
        if call_density(density, np.uint64(dim), address_of(x), address_of(current_gradient), address_of(value), user_data) != 0:
            return 0
        known[2 * dim] = value[0]
        know(x, known)
    for t in range(n):
        for i in range(dim):
            momentum[i] = deviation[i] * normal_from_uniform(draw_uniform(stream, stream_state))
            position[i], gradient[i] = x[i], current_gradient[i]
        u = draw_uniform(stream, stream_state)
        energy = kinetic_energy(inverse_mass, momentum) - known[2 * dim]
        status = leapfrog(density, user_data, step_size, n_leapfrog, inverse_mass, position, momentum, gradient, value, counters)
        if status == FAILED:
            return t
        error = kinetic_energy(inverse_mass, momentum) - value[0] - energy if status == DONE else math.inf
        accept = math.exp(min(0.0, -error)) if not math.isnan(error) else 0.0
        if u < accept:
            counters[ACCEPTED] += 1
            for i in range(dim):
                x[i], current_gradient[i] = position[i], gradient[i]
            known[2 * dim] = value[0]
            know(x, known)
        counters[STEPS] += 1
        probability += accept / every
        if has_diverged(status, error, inverse_mass, momentum):
            counters[DIVERGENCES] += 1
            divergences += 1
        row = record(t, every, x, draws, sums)
        if row >= 0:
            if stats.shape[0] > 0:
                stats[row, 0], stats[row, 1], stats[row, 2] = known[2 * dim], probability, 1.0 if divergences > 0 else 0.0
                stats[row, 3], stats[row, 4], stats[row, 5] = energy + (error if u < accept else 0.0), error, step_size
                stats[row, 6] = n_leapfrog * every
            probability, divergences = 0.0, 0
    return n


class _Bound(BoundContinuous):
    stats_names = ("lp", "acceptance_rate", "diverging", "energy", "energy_error", "step_size", "n_steps")

    def __init__(self, sampler: HMC, target: Density, driver: Any):
        super().__init__(sampler, target, driver)
        self.uniforms_per_step = self.dim + 1
        self.n_known = 2 * self.dim + 1
        inverse_mass = np.ones(self.dim) if sampler.inverse_mass is None else np.array(sampler.inverse_mass, np.float64)
        if inverse_mass.shape != (self.dim,):
            raise ArgumentError(f"`inverse_mass` must have shape ({self.dim},); got {inverse_mass.shape}")
        self._inverse_mass = inverse_mass

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        sampler = self.sampler
        return _hmc(
            *self.addresses(state), float(sampler.step_size), int(sampler.n_leapfrog), self._inverse_mass, state.phase, self.known(state), state.counters, n, every, draws, stats, sums
        )  # fmt: skip


@dataclass(frozen=True)
class HMC(Sampler):
    """Hamiltonian Monte Carlo with a fixed number of leapfrog steps.

    Parameters
    ----------
    step_size : float
        Length of a leapfrog step, in units of time. On a Gaussian with unit masses the steps are stable while `step_size` is less than twice the
        smallest standard deviation.
    n_leapfrog : int
        Leapfrog steps, and gradients, per draw. A trajectory of half a period (step_size * n_leapfrog a multiple of pi times a standard
        deviation) returns to where it came from: avoid it.
    inverse_mass : array of shape (dim,), optional
        Best near the variances of the target; ones by default.

    Notes
    -----
    ``stats`` holds ``lp``, ``acceptance_rate`` (a probability, averaged over the steps of a draw), ``diverging`` (an energy error above 1000;
    leaving the support is none), ``energy`` (of the state that the draw is), ``energy_error`` (at the end of the last
    trajectory), ``step_size`` and ``n_steps`` (leapfrog steps).

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 3.0]), HMC(step_size=0.4, n_leapfrog=8), draws=500, seed=1, progress=False)
    >>> bool(trace.stats["acceptance_rate"].mean() > 0.9)
    True
    """

    step_size: float = 0.1
    n_leapfrog: int = 10
    inverse_mass: Any = None
    uses_gradient: ClassVar[bool] = True

    def __post_init__(self):
        positive("step_size", self.step_size)
        positive("n_leapfrog", self.n_leapfrog, whole=True)
        if self.inverse_mass is not None:
            object.__setattr__(self, "inverse_mass", positive_vector("inverse_mass", self.inverse_mass))

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return _Bound(self, target, driver)
