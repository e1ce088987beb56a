"""The No-U-Turn sampler with multinomial trajectories.

Hoffman and Gelman, JMLR 15 (2014) 1593, arXiv:1111.4246; in the form of Betancourt (2017), arXiv:1701.02434, appendix A: a trajectory is doubled
forward or backward in time until it turns back; its points are weighted by ``exp(-H)``, a new half taking over the draw with probability
``min(1, W_new / W_old)``. A stretch with end momenta p-, p+ and sum of momenta rho has turned when ``p- V rho <= 0`` or ``p+ V rho <= 0``
(V the inverse mass); so is each of the two stretches that reach from one half to the first point of the other, which finds the turns that
lie across the middle (Stan since 2.21, stan-dev/stan pull request 2800).

Without recursion: finished stretches of 1, 2, 4, ... points wait on a stack, and two of a length become one, as in a binary counter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numba import njit

from weakchaos.core.arguments import whole_number
from weakchaos.core.counters import ACCEPTED, DIVERGENCES, GRADIENTS, STEPS, WARMUP_STEPS
from weakchaos.core.flags import Flag, Kind
from weakchaos.core.system import State
from weakchaos.native.compiled import address_of, call_density, draw_uniform, kernel, normal_from_uniform
from weakchaos.samplers.adaptation import (
    add_to_window,
    average_step,
    check_tuned,
    close_window,
    first_step,
    new_tuning,
    restart,
    update_step,
    windows,
)
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.continuous import BoundContinuous
from weakchaos.samplers.integrators import DONE, FAILED, has_diverged, kinetic_energy, leapfrog
from weakchaos.samplers.record import is_known, know, record
from weakchaos.targets.density import Density

__all__ = ["NUTS"]

# Rows of the room to work in: position, momentum, gradient and sum of momenta at both ends, then the proposal of the new half, momenta at
# the ends of the old and the new half that meet, the new half's sum of momenta.
_X, _P, _G, _RHO, _PROPOSAL, _PROPOSAL_G, _MEET, _NEAR, _NEW = 0, 2, 4, 6, 7, 8, 9, 10, 11
_ROOM = 12
_ALPHA, _N, _DEPTH, _DIVERGED, _ENERGY, _ERROR = range(6)


@njit(nogil=True)
def _turned(inverse_mass, first, last, rho, extra):
    """Whether the stretch with these end momenta and the sum of momenta ``rho + extra`` has turned back."""
    a, b = 0.0, 0.0
    for i in range(first.size):
        flow = inverse_mass[i] * (rho[i] + extra[i])
        a += first[i] * flow
        b += last[i] * flow
    return not (a > 0.0 and b > 0.0)


@njit(nogil=True)
def _log_sum(a, b):
    """``log(exp(a) + exp(b))``."""
    top = max(a, b)
    return top if top == -math.inf else top + math.log(math.exp(a - top) + math.exp(b - top))


@njit(nogil=True)
def _step(
    density, user_data, stream, stream_state, step_size, max_tree_depth, inverse_mass, x, known, counters, value, room, begin, end, rho, zero, told
):  # fmt: skip
    """One draw from the trajectory through `x`, in place, what happened in `told`; False where the user's function failed."""
    dim, old = x.size, known[2 * x.size]
    total = room[_RHO]
    for i in range(dim):
        p = normal_from_uniform(draw_uniform(stream, stream_state)) / math.sqrt(inverse_mass[i])
        for side in range(2):
            room[_X + side, i], room[_P + side, i], room[_G + side, i] = x[i], p, known[dim + i]
        total[i] = p
    start = kinetic_energy(inverse_mass, room[_P]) - old
    log_weight, alpha, n, depth, diverged, moved = 0.0, 0.0, 0, 0, False, False
    energy, proposal_lp, proposal_energy = start, old, start
    going = True
    while going and depth < max_tree_depth:
        side = 1 if draw_uniform(stream, stream_state) < 0.5 else 0
        position, momentum, gradient = room[_X + side], room[_P + side], room[_G + side]
        room[_NEAR, :] = momentum
        signed = step_size if side == 1 else -step_size
        new_weight, height = -math.inf, 0
        for leaf in range(1 << depth):
            status = leapfrog(density, user_data, signed, 1, inverse_mass, position, momentum, gradient, value, counters)
            if status == FAILED:
                return False
            here = kinetic_energy(inverse_mass, momentum) - value[0] if status == DONE else math.inf
            error = here - start
            n += 1
            if not error < 1000.0:
                diverged, going = has_diverged(status, error, inverse_mass, momentum), False
                break
            alpha += math.exp(min(0.0, -error))
            new_weight = _log_sum(new_weight, -error)
            # Points are weighed as they come, so the proposal is one of all points of the new half, each with its weight.
            if leaf == 0 or draw_uniform(stream, stream_state) < math.exp(-error - new_weight):
                for i in range(dim):
                    room[_PROPOSAL, i], room[_PROPOSAL_G, i] = position[i], gradient[i]
                proposal_lp, proposal_energy = value[0], here
            if leaf == 0:
                room[_MEET, :] = momentum
            for i in range(dim):
                begin[height, i], end[height, i], rho[height, i] = momentum[i], momentum[i], momentum[i]
            height += 1
            # As many stretches end here as leaf + 1 has factors of two.
            count, length = leaf + 1, 1
            while count % 2 == 0 and going:
                a, b = height - 2, height - 1
                if length > 1:
                    going = not (
                        _turned(inverse_mass, begin[a], begin[b], rho[a], begin[b]) or _turned(inverse_mass, end[a], end[b], rho[b], end[a])
                    )  # fmt: skip
                for i in range(dim):
                    rho[a, i] += rho[b, i]
                    end[a, i] = end[b, i]
                going = going and not _turned(inverse_mass, begin[a], end[a], rho[a], zero)
                height, count, length = a + 1, count // 2, 2 * length
            if not going:
                break
        if not going:
            break
        depth += 1
        if draw_uniform(stream, stream_state) < math.exp(min(0.0, new_weight - log_weight)):
            moved, energy = True, proposal_energy
            known[2 * dim] = proposal_lp
            for i in range(dim):
                x[i], known[dim + i] = room[_PROPOSAL, i], room[_PROPOSAL_G, i]
        log_weight = _log_sum(log_weight, new_weight)
        far = room[_P + 1 - side]
        going = not (
            _turned(inverse_mass, far, room[_MEET], total, room[_MEET]) or _turned(inverse_mass, room[_NEAR], momentum, rho[0], room[_NEAR])
        )  # fmt: skip
        for i in range(dim):
            total[i] += rho[0, i]
        going = going and not _turned(inverse_mass, far, momentum, total, zero)
    if moved:
        know(x, known)
        counters[ACCEPTED] += 1
    counters[STEPS] += 1
    if diverged:
        counters[DIVERGENCES] += 1
    told[_ALPHA], told[_N], told[_DEPTH], told[_DIVERGED] = alpha / n, n, depth, 1.0 if diverged else 0.0
    told[_ENERGY], told[_ERROR] = energy, energy - start
    return True


@kernel
def _nuts(
    density, user_data, stream, stream_state, step_size, inverse_mass, averaging, window, edges, done, total, target_accept, tune_step, tune_mass,
    max_tree_depth, x, known, counters, n, every, draws, stats, sums
):  # fmt: skip
    """`n` steps; of warm-up, `done` of `total` having been made, where `total` is not 0."""
    dim = x.size
    value, told, room, zero = np.empty(1), np.zeros(6), np.empty((_ROOM, dim)), np.zeros(dim)
    begin, end, rho = np.empty((max_tree_depth + 1, dim)), np.empty((max_tree_depth + 1, dim)), np.empty((max_tree_depth + 1, dim))
    position, momentum, gradient = room[_X], room[_P], room[_G]
    if n > 0 and not is_known(x, known):
        counters[GRADIENTS] += 1
        if (
            call_density(density, np.uint64(dim), address_of(x), address_of(known[dim : 2 * dim]), address_of(value), user_data)
            != 0
        ):
            return 0
        known[2 * dim] = value[0]
        know(x, known)
    if n > 0 and math.isnan(step_size[0]):
        first = first_step(density, user_data, stream, stream_state, 1.0, inverse_mass, x, known, counters, position, momentum, gradient, value)  # fmt: skip
        if math.isnan(first):
            return 0
        step_size[0] = first
        restart(averaging, first)
    probability, divergences, leapfrogs, depth = 0.0, 0.0, 0.0, 0.0
    for t in range(n):
        used = step_size[0]
        if not _step(
            density, user_data, stream, stream_state, used, max_tree_depth, inverse_mass, x, known, counters, value, room, begin, end, rho, zero, told
        ):  # fmt: skip
            return t
        now = done + t + 1
        if now <= total:
            if tune_step:
                step_size[0] = update_step(averaging, told[_ALPHA], target_accept)
            if tune_mass and edges.size > 0 and now > edges[0] and now <= edges[-1]:
                add_to_window(window, x)
                ends = False
                for k in range(1, edges.size):
                    ends = ends or edges[k] == now
                if ends and close_window(window, inverse_mass) and tune_step:
                    first = first_step(density, user_data, stream, stream_state, step_size[0], inverse_mass, x, known, counters, position, momentum, gradient, value)  # fmt: skip
                    if math.isnan(first):
                        return t
                    step_size[0] = first
                    restart(averaging, first)
            if now == total and tune_step:
                step_size[0] = average_step(averaging)
        probability += told[_ALPHA] / every
        leapfrogs += told[_N]
        divergences += told[_DIVERGED]
        depth = max(depth, told[_DEPTH])
        row = record(t, every, x, draws, sums)
        if row >= 0:
            if stats.shape[0] > 0:
                stats[row, 0], stats[row, 1], stats[row, 2] = known[2 * dim], probability, 1.0 if divergences > 0.0 else 0.0
                stats[row, 3], stats[row, 4], stats[row, 5] = told[_ENERGY], told[_ERROR], used
                stats[row, 6], stats[row, 7] = leapfrogs, depth
            probability, divergences, leapfrogs, depth = 0.0, 0.0, 0.0, 0.0
    return n


class _Bound(BoundContinuous):
    stats_names = ("lp", "acceptance_rate", "diverging", "energy", "energy_error", "step_size", "n_steps", "tree_depth")
    uniforms_per_step = None

    def __init__(self, sampler: NUTS, target: Density, driver: Any):
        super().__init__(sampler, target, driver)
        self.n_known = 2 * self.dim + 1
        new_tuning(self.dim, sampler.step_size, sampler.inverse_mass)  # refused here, not when a run starts

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """See `BoundContinuous.new_state`."""
        state = super().new_state(rng, position)
        state.tuning = new_tuning(self.dim, self.sampler.step_size, self.sampler.inverse_mass)
        return state

    def _move(self, state: State, n: int, every: int, done: int, total: int, draws: Any, stats: Any, sums: Any) -> int:
        sampler, tuning = self.sampler, state.tuning
        return _nuts(
            *self.addresses(state), tuning["step_size"].reshape(1), tuning["inverse_mass"], tuning["dual_averaging"], tuning["window"],
            windows(total), done, total, float(sampler.target_accept), sampler.step_size is None, sampler.inverse_mass is None,
            int(sampler.max_tree_depth), state.phase, self.known(state), state.counters, n, every, draws, stats, sums
        )  # fmt: skip

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        return self._move(state, n, every, 0, 0, draws, stats, sums)

    def warm(self, state: State, n: int, done: int, total: int, draws: np.ndarray, stats: np.ndarray) -> tuple[int, bool]:
        """See `Bound.warm`."""
        return self._move(state, n, 1, done, total, draws, stats, np.empty(0)), False

    def complaints(self, before: list[State], after: list[State]) -> list[Flag]:
        """See `Bound.complaints`; and a step size that no warm-up tuned."""
        found = super().complaints(before, after)
        guessed = [s for s in after if not s.counters[WARMUP_STEPS] and np.isfinite(s.tuning["step_size"])]
        if self.sampler.step_size is None and guessed:
            found.append(
                Flag.of(
                    Kind.UNTUNED,
                    sampler="NUTS",
                    count=len(guessed),
                    chains=len(after),
                    step_size=float(guessed[0].tuning["step_size"]),
                )
            )
        return found


@dataclass(frozen=True)
class NUTS(Sampler):
    """The No-U-Turn sampler: Hamiltonian trajectories that end where they turn back, tuned during warm-up.

    Parameters
    ----------
    step_size : float, optional
        Length of a leapfrog step in units of time; tuned during warm-up when not given. Where the inverse masses are the variances of the
        target, 1 is about a standard deviation.
    inverse_mass : array of shape (dim,), optional
        Diagonal metric; the variances of the draws of warm-up when not given, ones before that.
    target_accept : float
        The mean acceptance statistic that the step size is tuned to. Nearer to 1, steps are shorter and fewer trajectories diverge.
    max_tree_depth : int
        A trajectory has at most ``2**max_tree_depth - 1`` leapfrog steps.

    Notes
    -----
    ``stats`` holds ``lp``, ``acceptance_rate`` (``min(1, exp(-dH))``, averaged over all points of a trajectory and the steps of a draw),
    ``diverging`` (an energy error above 1000 in any step of the draw; leaving the support is none), ``energy`` (of the point that is
    the draw), ``energy_error`` (that energy less the energy at the start of the last trajectory), ``step_size``, ``n_steps`` (leapfrog
    steps, summed) and ``tree_depth`` (the greatest number of doublings of a trajectory of the draw). ``trace.tuning`` holds the step size
    and inverse masses of each chain. Windows and constants of warm-up are in `weakchaos.samplers.adaptation`; each chain tunes alone.

    References
    ----------
    Hoffman and Gelman, JMLR 15 (2014) 1593, arXiv:1111.4246; Betancourt (2017), arXiv:1701.02434.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 100.0]), NUTS(), draws=500, warmup=500, seed=1, progress=False)
    >>> bool(trace.tuning["inverse_mass"][0, 1] > 1000.0), int(trace.stats["diverging"].sum())
    (True, 0)
    """

    step_size: float | None = None
    inverse_mass: Any = None
    target_accept: float = 0.8
    max_tree_depth: int = 10
    uses_gradient: ClassVar[bool] = True

    def __post_init__(self):
        check_tuned(self)
        whole_number("max_tree_depth", self.max_tree_depth, 1, 30)

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return _Bound(self, target, driver)
