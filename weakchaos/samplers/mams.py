"""The Metropolis-adjusted microcanonical sampler.

Robnik, Cohn-Gordon and Seljak (2025), arXiv:2503.01707. A velocity of uniform direction is drawn afresh, a trajectory of steps of
`weakchaos.samplers.isokinetic` (m = d - 1) is made, and its end is accepted with probability ``min(1, exp(-W))``, where W is the change of
K - log p over the trajectory. The steps are reversible and change the measure ``dx du`` by the factor ``exp(-(K' - K))``, so the draws have the
density p exactly. The number of steps is uniform from 1 to 2 L / e - 1 (L the mean length, e the step size), against trajectories that return.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numba import njit

from weakchaos.core.arguments import positive
from weakchaos.core.counters import ACCEPTED, DIVERGENCES, STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.native.compiled import draw_uniform, kernel
from weakchaos.samplers.adaptation import (
    add_to_window,
    average_step,
    check_tuned,
    close_window,
    ends_window,
    new_tuning,
    restart,
    update_step,
    windows,
)
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.continuous import BoundMoving
from weakchaos.samplers.integrators import DONE, FAILED
from weakchaos.samplers.isokinetic import isokinetic_step, random_direction
from weakchaos.samplers.record import arrive, evaluate_start, record
from weakchaos.targets.density import Density

__all__ = ["MAMS", "MOST_STEPS", "RADII", "trajectory"]

# Mean length of a trajectory over sqrt(dim), the radius of a standard Gaussian.
RADII = 2.0
# Until the first metric is known its length means nothing, and steps are not to be wasted on it.
_EARLY_STEPS, MOST_STEPS = 32, 1024


@njit(nogil=True, error_model="numpy")
def trajectory(
    density, user_data, stream, stream_state, step_size, scale, length, most, position, velocity, gradient, value, x, known, counters
):  # fmt: skip
    """One trajectory from `x`, which `known` belongs to and which moves where its end is accepted; at most `most` steps, `length` long on average.

    Returns its status, the error of the energy, the probability of acceptance and how many steps were made.
    """
    dim, gained, made = x.size, np.zeros(1), 0
    random_direction(velocity, stream, stream_state)
    # On a density that runs away the tuned step may fall to 0.
    most = int(max(1.0, min(float(most), 2.0 * length / max(step_size, 1e-300) - 1.0)))
    steps = 1 + int(draw_uniform(stream, stream_state) * most)
    u = draw_uniform(stream, stream_state)
    for i in range(dim):
        position[i], gradient[i] = x[i], known[dim + i]
    status = DONE
    for _ in range(steps):
        made += 1
        status = isokinetic_step(
            density, user_data, step_size, scale, dim - 1.0, position, velocity, gradient, value, counters, gained
        )
        if status != DONE:
            break
    if status == FAILED:
        return status, math.inf, 0.0, made
    error = gained[0] + known[2 * dim] - value[0] if status == DONE else math.inf
    accept = math.exp(min(0.0, -error)) if not math.isnan(error) else 0.0
    if u < accept:
        counters[ACCEPTED] += 1
        arrive(x, known, position, gradient, value)
    return status, error, accept, made


@kernel
def _mams(
    density, user_data, stream, stream_state, step_size, inverse_mass, averaging, window, edges, done, total, target_accept, tune_step, tune_mass,
    length, x, known, counters, n, every, draws, stats, sums
):  # fmt: skip
    """`n` steps; of warm-up, `done` of `total` having been made, where `total` is not 0."""
    dim = x.size
    value, scale = np.empty(1), np.sqrt(inverse_mass)
    position, velocity, gradient = np.empty(dim), np.empty(dim), np.empty(dim)
    probability, diverged, leaps = 0.0, 0, 0
    if n > 0 and not evaluate_start(density, user_data, x, known, counters):
        return 0
    for t in range(n):
        used, now = step_size[0], done + t + 1
        warming = now <= total
        most = _EARLY_STEPS if warming and tune_mass and edges.size > 1 and now <= edges[1] else MOST_STEPS
        status, error, accept, steps = trajectory(
            density,
            user_data,
            stream,
            stream_state,
            used,
            scale,
            length,
            most,
            position,
            velocity,
            gradient,
            value,
            x,
            known,
            counters,
        )
        if status == FAILED:
            return t
        leaps += steps
        if status == DONE and not error < 1000.0:
            counters[DIVERGENCES] += 1
            diverged += 1
        counters[STEPS] += 1
        if warming:
            if tune_step:
                step_size[0] = update_step(averaging, accept, target_accept)
            if tune_mass and edges.size > 0 and now > edges[0] and now <= edges[-1]:
                add_to_window(window, x)
                before = 0.0
                for i in range(dim):
                    before += 0.5 * math.log(inverse_mass[i]) / dim
                if ends_window(edges, now) and close_window(window, inverse_mass):
                    for i in range(dim):
                        scale[i] = math.sqrt(inverse_mass[i])
                        before -= 0.5 * math.log(inverse_mass[i]) / dim
                    if tune_step:
                        step_size[0] = min(average_step(averaging) * math.exp(before), 0.5 * length)
                        restart(averaging, 0.2 * step_size[0])
            if now == total and tune_step:
                step_size[0] = average_step(averaging)
        probability += accept / every
        row = record(t, every, x, draws, sums)
        if row >= 0:
            if stats.shape[0] > 0:
                stats[row, 0], stats[row, 1], stats[row, 2] = known[2 * dim], probability, 1.0 if diverged > 0 else 0.0
                stats[row, 3], stats[row, 4], stats[row, 5] = error, used, leaps
            probability, diverged, leaps = 0.0, 0, 0
    return n


class _Bound(BoundMoving):
    tunes_steps = True
    stats_names = ("lp", "acceptance_rate", "diverging", "energy_error", "step_size", "n_steps")

    def __init__(self, sampler: MAMS, target: Density, driver: Any):
        super().__init__(sampler, target, driver)
        if self.dim < 2:
            raise ArgumentError(
                f"`target` of MAMS must have at least 2 coordinates, because a unit velocity in one dimension cannot turn; got {self.dim}"
            )
        self.uniforms_per_step = self.dim + 2
        self.n_known = 2 * self.dim + 1
        self.length = RADII * math.sqrt(self.dim) if sampler.trajectory_length is None else float(sampler.trajectory_length)
        self.new_tuning()  # refused here, not when a run starts

    def new_tuning(self) -> dict[str, np.ndarray]:
        """The arrays of ``state.tuning``."""
        sampler = self.sampler
        first = 0.25 * math.sqrt(self.dim) if sampler.step_size is None else sampler.step_size
        tuning = new_tuning(self.dim, first, sampler.inverse_mass)
        restart(tuning["dual_averaging"], 0.2 * first)  # so that the search is drawn to twice the first step
        return tuning

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """See `BoundMoving.new_state`."""
        state = super().new_state(rng, position)
        state.tuning = self.new_tuning()
        return state

    def move(self, state: State, n: int, every: int, done: int, total: int, draws: Any, stats: Any, sums: Any) -> int:
        """See `BoundMoving.move`."""
        sampler, tuning = self.sampler, state.tuning
        return _mams(
            *self.addresses(state), tuning["step_size"].reshape(1), tuning["inverse_mass"], tuning["dual_averaging"], tuning["window"],
            windows(total), done, total, float(sampler.target_accept), sampler.step_size is None, sampler.inverse_mass is None, self.length,
            state.phase, self.known(state), state.counters, n, every, draws, stats, sums
        )  # fmt: skip


@dataclass(frozen=True)
class MAMS(Sampler):
    r"""The Metropolis-adjusted microcanonical sampler: `MCLMC` whose trajectories are accepted or rejected, so that averages have no bias.

    Parameters
    ----------
    step_size : float, optional
        Length of a step, measured in units in which each coordinate is divided by the square root of its inverse mass. Warm-up tunes it when it
        is not given.
    trajectory_length : float, optional
        Mean length of a trajectory in the same units; 2 sqrt(dim) when not given, about a third of a period of a Gaussian.
    inverse_mass : array of shape (dim,), optional
        The diagonal of the metric, one variance per coordinate. When it is not given, it is 1 for every coordinate at first, and warm-up replaces it
        by the variances of its draws.
    target_accept : float
        The mean probability of acceptance that warm-up makes the step size reach.

    Notes
    -----
    Between fresh directions a particle moves as in `MCLMC` without its noise. With K the kinetic energy that the motion gains, which the gradient g gives at
    the rate $u^T g$, the end is accepted with probability

    $$\min\left(1, e^{-W}\right), \qquad W = \Delta\left(K - \log \pi\right).$$

    ``stats`` holds ``lp``, ``acceptance_rate`` (a probability, averaged over the steps of a draw), ``diverging`` (whether a trajectory had
    an energy error of 1000 or more), ``energy_error`` (of the last trajectory of a draw), ``step_size`` and ``n_steps`` (gradients of all trajectories of a draw).

    References
    ----------
    Robnik, Cohn-Gordon and Seljak (2025), arXiv:2503.01707.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 100.0]), MAMS(), draws=500, warmup=500, seed=1, progress=False)
    >>> bool(trace.stats["acceptance_rate"].mean() > 0.7)
    True
    """

    step_size: float | None = None
    trajectory_length: float | None = None
    inverse_mass: Any = None
    target_accept: float = 0.8
    uses_gradient: ClassVar[bool] = True

    def __post_init__(self):
        check_tuned(self)
        if self.trajectory_length is not None:
            positive("trajectory_length", self.trajectory_length)

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return _Bound(self, target, driver)
