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

from weakchaos.core.arguments import positive, real_array
from weakchaos.core.counters import ACCEPTED, BAD_VALUES, GRADIENTS, STEPS
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.system import State
from weakchaos.native.compiled import address_of, call_density, draw_uniform, kernel, normal_from_uniform
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.continuous import BoundContinuous
from weakchaos.targets.density import Density

__all__ = ["HMC"]


@kernel
def _hmc(density, user_data, stream, stream_state, step_size, n_leapfrog, inverse_mass, x, counters, n, every, draws, stats, sums):
    dim = x.size
    position, momentum, deviation = np.empty(dim), np.empty(dim), np.empty(dim)
    gradient, start_gradient, value = np.empty(dim), np.empty(dim), np.empty(1)
    recording, averaging = draws.shape[0] > 0, sums.size > 0
    size = np.uint64(dim)
    for i in range(dim):
        deviation[i] = 1.0 / math.sqrt(inverse_mass[i])
    counters[GRADIENTS] += 1
    if call_density(density, size, address_of(x), address_of(start_gradient), address_of(value), user_data) != 0:
        return 0
    current = value[0]
    for t in range(n):
        kinetic = 0.0
        for i in range(dim):
            p = deviation[i] * normal_from_uniform(draw_uniform(stream, stream_state))
            kinetic += 0.5 * inverse_mass[i] * p * p
            momentum[i] = p + 0.5 * step_size * start_gradient[i]
            position[i] = x[i]
        u = draw_uniform(stream, stream_state)
        energy = kinetic - current
        diverged = False
        for step in range(n_leapfrog):
            for i in range(dim):
                position[i] += step_size * inverse_mass[i] * momentum[i]
            counters[GRADIENTS] += 1
            if call_density(density, size, address_of(position), address_of(gradient), address_of(value), user_data) != 0:
                return t
            if not math.isfinite(value[0]):
                diverged = True
                if value[0] != -math.inf:
                    counters[BAD_VALUES] += 1
                break
            kick = step_size if step + 1 < n_leapfrog else 0.5 * step_size
            for i in range(dim):
                momentum[i] += kick * gradient[i]
        probability = 0.0
        error = math.inf
        if not diverged:
            kinetic = 0.0
            for i in range(dim):
                kinetic += 0.5 * inverse_mass[i] * momentum[i] * momentum[i]
            error = kinetic - value[0] - energy
            if not math.isnan(error):
                probability = math.exp(min(0.0, -error))
            if u < probability:
                counters[ACCEPTED] += 1
                current = value[0]
                for i in range(dim):
                    x[i] = position[i]
                    start_gradient[i] = gradient[i]
        counters[STEPS] += 1
        if (t + 1) % every == 0:
            row = (t + 1) // every - 1
            if recording:
                for i in range(dim):
                    draws[row, i] = x[i]
                stats[row, 0] = current
                stats[row, 1] = probability
                stats[row, 2] = error
                stats[row, 3] = 1.0 if not error < 1000.0 else 0.0
            if averaging:
                for i in range(dim):
                    sums[i] += x[i]
                    sums[dim + i] += x[i] * x[i]
    return n


class _Bound(BoundContinuous):
    stats_names = ("logp", "accept_prob", "energy_error", "diverging")

    def __init__(self, sampler: HMC, target: Density, driver: Any):
        super().__init__(sampler, target, driver)
        self.uniforms_per_step = self.dim + 1
        inverse_mass = np.ones(self.dim) if sampler.inverse_mass is None else np.array(sampler.inverse_mass, np.float64)
        if inverse_mass.shape != (self.dim,):
            raise ArgumentError(f"`inverse_mass` must have shape ({self.dim},); got {inverse_mass.shape}")
        self._inverse_mass = inverse_mass

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        sampler = self.sampler
        return _hmc(
            *self.addresses(state), float(sampler.step_size), int(sampler.n_leapfrog), self._inverse_mass, state.phase, state.counters, n, every, draws, stats, sums
        )  # fmt: skip


@dataclass(frozen=True)
class HMC(Sampler):
    """Hamiltonian Monte Carlo with a fixed number of leapfrog steps.

    Parameters
    ----------
    step_size : float
        Of a leapfrog step, in units of time; stable on a Gaussian below twice its least standard deviation.
    n_leapfrog : int
        Leapfrog steps, and gradients, per draw. A trajectory of half a period (step_size * n_leapfrog a multiple of pi times a standard
        deviation) returns to where it came from: avoid it.
    inverse_mass : array of shape (dim,), optional
        Best near the variances of the target; ones by default.

    Notes
    -----
    ``stats`` holds ``logp``, ``accept_prob``, ``energy_error`` and ``diverging`` (an energy error above 1000, or a log density that is
    not finite on the way).

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 3.0]), HMC(step_size=0.4, n_leapfrog=8), draws=500, seed=1, progress=False)
    >>> bool(trace.stats["accept_prob"].mean() > 0.9)
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
            array = real_array("inverse_mass", self.inverse_mass)
            if array.ndim != 1 or not np.isfinite(array).all() or not (array > 0).all():
                raise ArgumentError(f"`inverse_mass` must be a vector of positive finite numbers; got {shown(self.inverse_mass)}")

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return _Bound(self, target, driver)
