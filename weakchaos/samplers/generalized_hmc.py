"""Generalized Hamiltonian Monte Carlo: momentum that persists, and uniform numbers of acceptance that persist.

A. M. Horowitz, Phys. Lett. B 268 (1991) 247, doi:10.1016/0370-2693(91)90812-5. In coordinates y = x / s (s the square roots of the inverse masses) with
momentum p, a step is

    p <- a p + sqrt(1 - a**2) z,   z standard normal;   (y*, p*) = leapfrog(y, p);
    (y, p) <- (y*, p*) with probability min(1, r), r = exp(-dH), else (y, -p).

A rejection turns the momentum around, so long persistence needs rejections that are rare or come in clusters. R. M. Neal, arXiv:2001.11950, lets the
uniform number that decides persist, too: with v in (-1, 1) the end is accepted where |v| < r, and then v <- v / r, which keeps (x, p, v) uniform under
the density; before each step v <- v + d, wrapped into (-1, 1). So acceptances come in long runs, and the chain goes on in one direction for longer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from weakchaos.core.arguments import real_number, whole_number
from weakchaos.core.counters import ACCEPTED, DIVERGENCES, STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.native.compiled import draw_uniform, kernel, normal_from_uniform
from weakchaos.samplers.adaptation import first_step
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.integrators import DONE, FAILED, has_diverged, kinetic_energy, leapfrog
from weakchaos.samplers.metric import add_point
from weakchaos.samplers.record import arrive, evaluate_start, record
from weakchaos.samplers.single_trajectories import BoundTrajectories
from weakchaos.samplers.step_adaptation import check_settings, follow, inverse_masses, restart, to_be_found
from weakchaos.targets.density import Density

__all__ = ["GeneralizedHMC"]


@kernel
def _generalized(
    density, user_data, stream, stream_state, step_size, averaging, tunes, target_accept, n_leapfrog, persistence, drift, inverse_mass, collects, window,
    products, points, phase, known, counters, n, every, draws, stats, sums
):  # fmt: skip
    """`phase` is the position, the momentum in units of its standard deviations, and v."""
    dim = phase.size // 2
    x, kept = phase[:dim], phase[dim : 2 * dim]
    position, momentum, gradient, value = np.empty(dim), np.empty(dim), np.empty(dim), np.empty(1)
    deviation, current_gradient, room = 1.0 / np.sqrt(inverse_mass), known[dim : 2 * dim], np.empty((2, dim))
    fresh = math.sqrt(1.0 - persistence * persistence)
    probability, divergences = 0.0, 0
    if n > 0 and not evaluate_start(density, user_data, x, known, counters):
        return 0
    if n > 0 and to_be_found(averaging, step_size):
        guess = 1.0 if math.isnan(step_size[0]) else step_size[0]
        first = first_step(density, user_data, stream, stream_state, guess, tunes, inverse_mass, x, known, counters, position, momentum, gradient, value)  # fmt: skip
        if math.isnan(first):
            return 0
        step_size[0] = first
        restart(averaging, first)
    for t in range(n):
        for i in range(dim):
            # Kept at once: it is refreshed whatever becomes of the trajectory.
            kept[i] = persistence * kept[i] + fresh * normal_from_uniform(draw_uniform(stream, stream_state))
            momentum[i], position[i], gradient[i] = deviation[i] * kept[i], x[i], current_gradient[i]
        if drift > 0.0:
            v = phase[2 * dim] + drift
            phase[2 * dim] = v if v < 1.0 else v - 2.0
        else:
            phase[2 * dim] = draw_uniform(stream, stream_state)
        used = step_size[0]
        energy = kinetic_energy(inverse_mass, momentum) - known[2 * dim]
        status = leapfrog(density, user_data, used, n_leapfrog, inverse_mass, position, momentum, gradient, value, counters)
        if status == FAILED:
            return t
        error = kinetic_energy(inverse_mass, momentum) - value[0] - energy if status == DONE else math.inf
        ratio = math.exp(-error) if not math.isnan(error) else 0.0
        accept = min(1.0, ratio)
        if collects and status == DONE:
            add_point(window, products, points, accept, position, gradient, room)
        accepted = abs(phase[2 * dim]) < ratio
        if accepted:
            counters[ACCEPTED] += 1
            arrive(x, known, position, gradient, value)
            for i in range(dim):
                kept[i] = momentum[i] / deviation[i]
            phase[2 * dim] /= ratio
        else:
            for i in range(dim):
                kept[i] = -kept[i]
        counters[STEPS] += 1
        if tunes:
            step_size[0] = follow(averaging, accept, target_accept)
        probability += accept / every
        if has_diverged(status, error, inverse_mass, momentum):
            counters[DIVERGENCES] += 1
            divergences += 1
        row = record(t, every, x, draws, sums)
        if row >= 0:
            if stats.shape[0] > 0:
                stats[row, 0], stats[row, 1], stats[row, 2] = known[2 * dim], probability, 1.0 if divergences > 0 else 0.0
                stats[row, 3], stats[row, 4], stats[row, 5] = energy + (error if accepted else 0.0), error, used
                stats[row, 6] = n_leapfrog * every
            probability, divergences = 0.0, 0
    return n


class _Bound(BoundTrajectories):
    def __init__(self, sampler: GeneralizedHMC, target: Density, driver: Any):
        super().__init__(sampler, target, driver)
        self.uniforms_per_step = self.dim + (sampler.uniform_drift is None)

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """See `BoundTrajectories.new_state`; momentum and v begin at random."""
        state = super().new_state(rng, position)
        state.phase = np.concatenate([state.phase, rng.standard_normal(self.dim), rng.uniform(-1.0, 1.0, 1)])
        return state

    def move(self, state: State, n: int, every: int, tunes: bool, collects: bool, draws: Any, stats: Any, sums: Any) -> int:
        """See `BoundTrajectories.move`."""
        sampler, tuning = self.sampler, self.tuned(state)
        return _generalized(
            *self.addresses(state), tuning["step_size"].reshape(1), tuning["step_averaging"], tunes, float(sampler.target_accept), int(sampler.n_leapfrog),
            float(sampler.persistence), float(sampler.uniform_drift or 0.0), tuning["inverse_mass"], collects, *self.window(tuning, collects), state.phase,
            self.known(state), state.counters, n, every, draws, stats, sums
        )  # fmt: skip


@dataclass(frozen=True)
class GeneralizedHMC(Sampler):
    r"""Hamiltonian Monte Carlo with short trajectories that keep most of their momentum from one trajectory to the next.

    Parameters
    ----------
    step_size : float, optional
        Length of a leapfrog step, in units of time. Warm-up tunes it when it is not given.
    persistence : float
        The factor a, at least 0 and less than 1, by which the momentum is multiplied before noise is added to it. With 0 the momentum is drawn
        afresh, as in `HMC`; otherwise its correlation falls to 1 / e within ``-1 / log(a)`` accepted steps.
    uniform_drift : float, optional
        The distance d, between 0 and 1, by which the uniform number that decides on acceptance moves from step to step, so that rejections come in
        clusters. With None a fresh uniform number decides on each acceptance.
    n_leapfrog : int
        Leapfrog steps, and gradients, per draw.
    inverse_mass : array of shape (dim,), optional
        The diagonal of the metric, best near the variances of the target. When it is not given, warm-up tunes it together with the step size; if the
        step size is given, it is 1 for every coordinate.
    target_accept : float
        The mean probability of acceptance that warm-up makes the step size reach.

    Notes
    -----
    Before each step the momentum keeps a part of itself, with z from $N(0, 1)$, and the end of the step is accepted with probability $\min(1, e^{-\Delta H})$;
    where it is refused, p changes its sign:

    $$p \leftarrow a p + \sqrt{1 - a^2} z, \qquad H(x, p) = -\log \pi(x) + \frac{1}{2} p^T V p.$$

    ``stats`` holds what it holds for `HMC`. A step consumes one number of the stream for every coordinate, and one more where `uniform_drift` is None.

    References
    ----------
    Horowitz, Phys. Lett. B 268 (1991) 247, doi:10.1016/0370-2693(91)90812-5; Neal, arXiv:2001.11950.

    Examples
    --------
    >>> import weakchaos as wc
    >>> sampler = GeneralizedHMC(persistence=0.9, uniform_drift=0.03)
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 3.0]), sampler, draws=5000, warmup=1000, seed=1, progress=False)
    >>> bool(np.abs(trace.draws.std((0, 1)) / [1.0, 3.0] - 1).max() < 0.1)
    True
    """

    step_size: float | None = None
    persistence: float = 0.9
    uniform_drift: float | None = 0.03
    n_leapfrog: int = 1
    inverse_mass: Any = None
    target_accept: float = 0.8
    uses_gradient: ClassVar[bool] = True

    def __post_init__(self):
        check_settings(self)
        if real_number("persistence", self.persistence, 0.0, 1.0) == 1.0:
            raise ArgumentError(
                "`persistence` must be below 1, or the momentum is never refreshed and the energy hardly changes; got 1.0"
            )
        if self.uniform_drift is not None and not 0.0 < real_number("uniform_drift", self.uniform_drift) < 1.0:
            raise ArgumentError(f"`uniform_drift` must be between 0 and 1, both excluded, or None; got {self.uniform_drift!r}")
        object.__setattr__(self, "n_leapfrog", whole_number("n_leapfrog", self.n_leapfrog, 1, 1 << 40))
        if self.inverse_mass is not None:
            object.__setattr__(self, "inverse_mass", inverse_masses(self.inverse_mass))

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return _Bound(self, target, driver)
