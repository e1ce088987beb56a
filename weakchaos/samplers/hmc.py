"""Hamiltonian Monte Carlo.

Duane, Kennedy, Pendleton and Roweth, Phys. Lett. B 195 (1987) 216, doi:10.1016/0370-2693(87)91197-X; in the form of Neal (2011),
arXiv:1206.1901: with potential ``U = -log p`` and kinetic energy ``K = sum v_i p_i**2 / 2`` (v the inverse mass), momenta are drawn
afresh, ``n_leapfrog`` leapfrog steps of size ``step_size`` are made, and the end is accepted with probability ``min(1, exp(-dH))``. A step size
drawn anew for each trajectory keeps it from periods (section 3.2 there); step size and masses are tuned by `weakchaos.samplers.warmup`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from weakchaos.core.arguments import positive, real_number, whole_number
from weakchaos.core.counters import ACCEPTED, DIVERGENCES, STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.drivers.base import stream_addresses
from weakchaos.native.compiled import draw_uniform, kernel, normal_from_uniform
from weakchaos.native.normals import draw_normals
from weakchaos.samplers.adaptation import first_step
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.integrators import DONE, FAILED, has_diverged, kinetic_energy, leapfrog
from weakchaos.samplers.metric import add_point
from weakchaos.samplers.record import arrive, evaluate_start, record
from weakchaos.samplers.single_trajectories import BoundTrajectories
from weakchaos.samplers.step_adaptation import check_settings, follow, inverse_masses, restart, to_be_found
from weakchaos.samplers.tangents import columns_of, leap_along, linearised
from weakchaos.targets.density import Density

__all__ = ["HMC", "BoundHMC"]

_MOST_LEAPFROG = 1024  # of a trajectory of given length


@kernel
def _hmc(
    density, user_data, stream, stream_state, step_size, averaging, tunes, target_accept, n_leapfrog, length, jitter, inverse_mass, collects, window,
    products, points, x, known, counters, n, every, draws, stats, sums
):  # fmt: skip
    dim = x.size
    position, momentum, gradient, value = np.empty(dim), np.empty(dim), np.empty(dim), np.empty(1)
    normals, uniforms, outer = np.empty(dim), np.empty(dim), np.empty(dim, np.int64)
    deviation, current_gradient, room = 1.0 / np.sqrt(inverse_mass), known[dim : 2 * dim], np.empty((2, dim))
    probability, divergences, leapfrogs = 0.0, 0, 0
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
        energy = 0.0
        draw_normals(stream, stream_state, uniforms, outer, normals)
        for i in range(dim):
            p = deviation[i] * normals[i]
            energy += 0.5 * inverse_mass[i] * p * p
            momentum[i], position[i], gradient[i] = p, x[i], current_gradient[i]
        energy -= known[2 * dim]
        u = draw_uniform(stream, stream_state)
        used = step_size[0]
        if jitter > 0.0:
            used *= 1.0 + jitter * (2.0 * draw_uniform(stream, stream_state) - 1.0)
        steps = n_leapfrog
        if length > 0.0:
            steps = int(min(max(math.ceil(length / step_size[0]), 1.0), float(_MOST_LEAPFROG)))
        status = leapfrog(density, user_data, used, steps, inverse_mass, position, momentum, gradient, value, counters)
        if status == FAILED:
            return t
        error = kinetic_energy(inverse_mass, momentum) - value[0] - energy if status == DONE else math.inf
        accept = math.exp(min(0.0, -error)) if not math.isnan(error) else 0.0
        if collects and status == DONE:
            add_point(window, products, points, accept, position, gradient, room)
        if u < accept:
            counters[ACCEPTED] += 1
            arrive(x, known, position, gradient, value)
        counters[STEPS] += 1
        if tunes:
            step_size[0] = follow(averaging, accept, target_accept)
        probability += accept / every
        leapfrogs += steps
        if has_diverged(status, error, inverse_mass, momentum):
            counters[DIVERGENCES] += 1
            divergences += 1
        row = record(t, every, x, draws, sums)
        if row >= 0:
            if stats.shape[0] > 0:
                stats[row, 0], stats[row, 1], stats[row, 2] = known[2 * dim], probability, 1.0 if divergences > 0 else 0.0
                stats[row, 3], stats[row, 4], stats[row, 5] = energy + (error if u < accept else 0.0), error, used
                stats[row, 6] = leapfrogs
            probability, divergences, leapfrogs = 0.0, 0, 0
    return n


@kernel
def _draw_momentum(stream, stream_state, deviation, momentum):
    """The momentum with which a step begins, from the numbers of that step."""
    for i in range(momentum.size):
        momentum[i] = deviation[i] * normal_from_uniform(draw_uniform(stream, stream_state))


class BoundHMC(BoundTrajectories):
    """`HMC`, or `MALA`, on a density. With a step size that was given and no jitter a step consumes ``dim + 1`` numbers, and nothing is tuned."""

    def __init__(self, sampler: Any, target: Density, driver: Any):
        super().__init__(sampler, target, driver)
        self._jitter = (0.2 if self._tunes else 0.0) if sampler.jitter is None else float(sampler.jitter)
        self.uniforms_per_step = self.dim + 1 + (self._jitter > 0.0)

    def move(self, state: State, n: int, every: int, tunes: bool, collects: bool, draws: Any, stats: Any, sums: Any) -> int:
        """See `BoundTrajectories.move`."""
        sampler, tuning = self.sampler, self.tuned(state)
        return _hmc(
            *self.addresses(state), tuning["step_size"].reshape(1), tuning["step_averaging"], tunes, float(getattr(sampler, "target_accept", 0.0)),
            int(sampler.n_leapfrog), float(sampler.trajectory_length or 0.0), self._jitter, tuning["inverse_mass"], collects, *self.window(tuning, collects),
            state.phase, self.known(state), state.counters, n, every, draws, stats, sums
        )  # fmt: skip

    @property
    def derivative(self) -> str:
        """How `tangent` computes derivatives."""
        return linearised(self).kind

    def tangent(self, state: State, n: int, vectors: Any) -> np.ndarray:
        """Move `state` in place by `n` steps and carry vectors of shape (dim, k) along by the derivative of the step, its random numbers frozen.

        That is the derivative of the leapfrog steps where their end was accepted and the identity where it was not; whether it was changes from place to
        place by jumps, which no derivative sees.
        """
        n, tools, tuning = whole_number("n", n, 0), linearised(self), self.tuned(state)
        rows, mass = columns_of(vectors, self.dim), tuning["inverse_mass"]
        if np.isnan(tuning["step_size"]):
            raise ArgumentError("`state` has no step size yet: warm it up, or give `step_size`")
        for _ in range(n):
            numbers, x, before = state.driver.copy(), state.phase.copy(), state.counters[ACCEPTED]
            row = np.empty((1, len(self.stats_names)))
            if self.run(state, 1, 1, np.empty((0, self.dim)), row, np.empty(0)) < 1:
                raise self.take_error()
            if state.counters[ACCEPTED] == before:
                continue
            z, momentum = np.concatenate([x[None], rows]), np.zeros((1 + len(rows), self.dim))
            _draw_momentum(*stream_addresses(numbers), 1.0 / np.sqrt(mass), momentum[0])
            # The statistics know the step of this trajectory and how many there were.
            used, steps = (float(row[0, self.stats_names.index(name)]) for name in ("step_size", "n_steps"))
            flat = np.empty(z.size), np.empty(z.size)
            if leap_along(*tools.addresses(), used, int(steps), mass, z, momentum, *flat) != 0:
                raise tools.product.take_error()
            rows = z[1:]
        return np.ascontiguousarray(rows.T)


@dataclass(frozen=True)
class HMC(Sampler):
    r"""Hamiltonian Monte Carlo with trajectories of a fixed number of leapfrog steps, or of a fixed length.

    Parameters
    ----------
    step_size : float, optional
        Length of a leapfrog step, in units of time; tuned during warm-up when not given. On a Gaussian with unit masses the steps are stable
        while `step_size` is less than twice the smallest standard deviation.
    n_leapfrog : int
        Leapfrog steps, and gradients, per draw. A trajectory of half a period (step_size * n_leapfrog a multiple of pi times a standard
        deviation) returns to where it came from: avoid it, or let `jitter` do.
    inverse_mass : array of shape (dim,), optional
        The diagonal of the metric, best near the variances of the target. When it is not given, warm-up tunes it together with the step size; if the step
        size is given, it is 1 for every coordinate.
    trajectory_length : float, optional
        Length of a trajectory in units of time. When it is given, a trajectory has as many leapfrog steps as this length needs, 1,024 at most, and
        `n_leapfrog` is not used. With tuned inverse masses a length of pi / 2 is a quarter of a period of a Gaussian, after which x and x^2 are independent of the start.
    jitter : float, optional
        Every trajectory multiplies the step size by a uniform number between 1 - jitter and 1 + jitter. The default is 0.2 where the step size is
        tuned, and 0 where it is given.
    target_accept : float
        The mean probability of acceptance that warm-up makes the step size reach.

    Notes
    -----
    With V the inverse mass, momenta are drawn afresh from $N(0, V^{-1})$, and the end of a trajectory is accepted with probability
    $\min(1, e^{-\Delta H})$, where

    $$H(x, p) = -\log \pi(x) + \frac{1}{2} p^T V p.$$

    ``stats`` holds ``lp``, ``acceptance_rate`` (a probability, averaged over the steps of a draw), ``diverging`` (an energy error above 1000;
    leaving the support is none), ``energy`` (of the state that the draw is), ``energy_error`` (at the end of the last
    trajectory), ``step_size`` (of the last) and ``n_steps`` (leapfrog steps). What is tuned stands in ``trace.tuning``.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 3.0]), HMC(step_size=0.4, n_leapfrog=8), draws=500, seed=1, progress=False)
    >>> bool(trace.stats["acceptance_rate"].mean() > 0.9)
    True
    """

    step_size: float | None = None
    n_leapfrog: int = 10
    inverse_mass: Any = None
    trajectory_length: float | None = None
    jitter: float | None = None
    target_accept: float = 0.8
    uses_gradient: ClassVar[bool] = True

    def __post_init__(self):
        check_settings(self)
        object.__setattr__(self, "n_leapfrog", whole_number("n_leapfrog", self.n_leapfrog, 1, 1 << 40))
        if self.trajectory_length is not None:
            positive("trajectory_length", self.trajectory_length)
        if self.jitter is not None and not 0.0 <= real_number("jitter", self.jitter) < 1.0:
            raise ArgumentError(f"`jitter` must be at least 0 and below 1; got {self.jitter!r}")
        if self.inverse_mass is not None:
            object.__setattr__(self, "inverse_mass", inverse_masses(self.inverse_mass))

    def bind(self, target: Any, driver: Any = "pcg64") -> BoundHMC:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return BoundHMC(self, target, driver)
