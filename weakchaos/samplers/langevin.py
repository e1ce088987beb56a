"""Underdamped Langevin dynamics by the splitting BAOAB, unadjusted.

Leimkuhler and Matthews, Appl. Math. Res. Express 2013 (2013) 34, doi:10.1093/amrx/abs010. In coordinates y = x / s (s the square roots of the
inverse masses), with gradient g and friction gamma, ``dy = v dt``, ``dv = g dt - gamma v dt + sqrt(2 gamma) dW``. A step of size h is

    v += h/2 g;  y += h/2 v;  v <- c v + sqrt(1 - c**2) z;  y += h/2 v;  v += h/2 g,    c = exp(-gamma h)

Positions have an error of order h**2, which vanishes for a Gaussian and, at large friction, is of order h**4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from weakchaos.core.arguments import positive
from weakchaos.core.counters import ACCEPTED, BAD_VALUES, DIVERGENCES, GRADIENTS, STEPS
from weakchaos.core.system import State
from weakchaos.native.compiled import address_of, call_density, draw_uniform, kernel, normal_from_uniform
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.energy_tuning import check_energy_tuned, tune_by_energy
from weakchaos.samplers.record import arrive, evaluate_start, record
from weakchaos.samplers.unadjusted import BoundUnadjusted, tell_unadjusted
from weakchaos.targets.density import Density

__all__ = ["Langevin"]


@kernel
def _langevin(
    density, user_data, stream, stream_state, step_size, inverse_mass, energy_error, window, edges, done, total, target, tune_step, tune_mass,
    friction, phase, known, counters, n, every, draws, stats, sums
):  # fmt: skip
    """`n` steps; of warm-up, `done` of `total` having been made, where `total` is not 0."""
    dim = phase.size // 2
    x, v = phase[:dim], phase[dim:]
    value, scale = np.empty(1), np.sqrt(inverse_mass)
    position, velocity, gradient, known_gradient = np.empty(dim), np.empty(dim), np.empty(dim), known[dim : 2 * dim]
    diverged = 0
    if n > 0 and not evaluate_start(density, user_data, x, known, counters):
        return 0
    for t in range(n):
        used = step_size[0]
        kept = math.exp(-friction * used)
        fresh, half = math.sqrt(1.0 - kept * kept), 0.5 * used
        error = 0.0  # of the energy, over the parts of the step that should conserve it
        for i in range(dim):
            now_v = v[i] + half * scale[i] * known_gradient[i]
            error += 0.5 * (now_v * now_v - v[i] * v[i])
            position[i] = x[i] + half * scale[i] * now_v
            now_v = kept * now_v + fresh * normal_from_uniform(draw_uniform(stream, stream_state))
            position[i] += half * scale[i] * now_v
            velocity[i] = now_v
        counters[GRADIENTS] += 1
        if call_density(density, np.uint64(dim), address_of(position), address_of(gradient), address_of(value), user_data) != 0:
            return t
        for i in range(dim):
            now_v = velocity[i] + half * scale[i] * gradient[i]
            error += 0.5 * (now_v * now_v - velocity[i] * velocity[i])
            velocity[i] = now_v
        if not math.isfinite(value[0]):
            if value[0] != -math.inf:
                counters[BAD_VALUES] += 1
            error = math.inf
        else:
            error += known[2 * dim] - value[0]
            if math.isnan(error):
                counters[BAD_VALUES] += 1
        if abs(error) < 1000.0:
            counters[ACCEPTED] += 1
            arrive(x, known, position, gradient, value)
            for i in range(dim):
                v[i] = velocity[i]
        else:
            error = math.inf if math.isnan(error) else error
            for i in range(dim):
                v[i] = -v[i]
            counters[DIVERGENCES] += 1
            diverged += 1
        counters[STEPS] += 1
        now = done + t + 1
        if now <= total:
            tune_by_energy(now, edges, x, error, target, tune_step, tune_mass, step_size, inverse_mass, energy_error, window, scale)
        row = record(t, every, x, draws, sums)
        if row >= 0:
            tell_unadjusted(row, stats, known[2 * dim], error, diverged, used, every)
            diverged = 0
    return n


class _Bound(BoundUnadjusted):
    def __init__(self, sampler: Langevin, target: Density, driver: Any):
        super().__init__(sampler, target, driver)
        self.uniforms_per_step = self.dim

    def move(self, state: State, n: int, every: int, done: int, total: int, draws: Any, stats: Any, sums: Any) -> int:
        """See `BoundUnadjusted.move`."""
        return _langevin(
            *self.addresses(state), *self.tuned(state, done, total), float(self.sampler.friction), state.phase, self.known(state), state.counters,
            n, every, draws, stats, sums
        )  # fmt: skip


@dataclass(frozen=True)
class Langevin(Sampler):
    r"""Underdamped Langevin dynamics (BAOAB): one gradient per step; no step is rejected, so averages have a bias that grows with the step size.

    Parameters
    ----------
    step_size : float, optional
        Length of a step in units of time. Warm-up tunes it when it is not given. Where the inverse masses are the variances of the target, a coordinate of a
        Gaussian turns once in 2 pi, and steps are stable below 2.
    friction : float
        Rate at which noise replaces the velocity, per unit of time.
    inverse_mass : array of shape (dim,), optional
        The diagonal of the metric, one variance per coordinate. When it is not given, it is 1 for every coordinate at first, and warm-up replaces it
        by the variances of its draws.
    energy_variance : float
        Warm-up chooses the step size so that the energy error of one step has this variance per coordinate.

    Notes
    -----
    In coordinates of unit mass, with g the gradient of the log density and $\gamma$ the friction,

    $$dx = v dt, \qquad dv = g dt - \gamma v dt + \sqrt{2 \gamma} dW.$$

    ``stats`` holds ``lp``, ``energy_error`` (of the last step of a draw, over the parts that should conserve the energy), ``diverging`` (whether a step left
    the support or changed the energy by 1000 or more; such a step is not taken, and the velocity is reversed), ``step_size`` and ``n_steps``. No step
    is ever rejected, so averages have a bias: ``trace.check()`` says so and measures it by Stein's identity. One step moves a short way: to store fewer
    draws, keep every fifth or tenth by ``sample(thin=)``.

    References
    ----------
    Leimkuhler and Matthews, Appl. Math. Res. Express 2013 (2013) 34, doi:10.1093/amrx/abs010.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 100.0]), Langevin(), draws=1000, thin=5, seed=1, progress=False)
    >>> bool(abs(trace.draws[..., 1].std() / 100.0 - 1.0) < 0.1)
    True
    """

    step_size: float | None = None
    friction: float = 1.0
    inverse_mass: Any = None
    energy_variance: float = 1e-3
    uses_gradient: ClassVar[bool] = True
    adjusted: ClassVar[bool] = False

    def __post_init__(self):
        check_energy_tuned(self)
        positive("friction", self.friction)

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return _Bound(self, target, driver)
