"""WALNUTS, the within-orbit adaptive leapfrog No-U-Turn sampler.

Bou-Rabee, Carpenter, Kleppe and Liu, JMLR 27 (2026), arXiv:2506.18746: the trajectory of NUTS is made of macro steps of a fixed length in
time, and each of them of as many leapfrog steps as its energy error needs (`weakchaos.samplers.local_steps`). So one trajectory crosses
regions whose scales differ by orders of magnitude. Point j of the trajectory has the weight

    w_j = exp(-H_j) prod_i p(l_i | where step i was begun from, if point j was the start)

in which the probabilities of levels are 1 or 0 here, as a level is chosen without chance: a step whose way back would be coarser ends the
trajectory, and the doubling in which it was met is given up, as one that has turned. Points, doublings and checks of turns are those of
`weakchaos.samplers.nuts`.

During warm-up the length of a macro step is tuned until a single leapfrog step of that length would be accepted with probability
``target_accept`` on the average over all macro steps, and the metric is that of the draws in windows that double.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numba import njit

from weakchaos.core.arguments import positive, whole_number
from weakchaos.core.counters import ACCEPTED, DIVERGENCES, STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.native.compiled import draw_uniform, kernel, normal_from_uniform
from weakchaos.samplers.adaptation import add_to_window, average_step, check_tuned, close_window, restart, update_step
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.continuous import BoundMoving
from weakchaos.samplers.integrators import kinetic_energy
from weakchaos.samplers.local_steps import IRREVERSIBLE, MADE, RAISED, TOO_ROUGH, macro_step
from weakchaos.samplers.record import evaluate_start, know, record
from weakchaos.targets.density import Density

__all__ = ["WALNUTS"]

# Rows of the room to work in: position, momentum, gradient and sum of momenta at both ends, then the proposal of the new half, momenta at
# the ends of the old and the new half that meet, and six rows of `macro_step`.
_X, _P, _G, _RHO, _PROPOSAL, _PROPOSAL_G, _MEET, _NEAR, _TRIAL = 0, 2, 4, 6, 7, 8, 9, 10, 11
_ROOM = _TRIAL + 6
_ALPHA, _N, _DEPTH, _DIVERGED, _ENERGY, _ERROR, _HALVINGS, _REFUSED = range(8)
_FIRST_WINDOW, _LAST_BUFFER = 25, 50
_MOST_DOUBLINGS = 60


@njit(nogil=True, error_model="numpy")
def _turned(inverse_mass, first, last, rho, extra):
    """Whether the stretch with these end momenta and the sum of momenta ``rho + extra`` has turned back."""
    a, b = 0.0, 0.0
    for i in range(first.size):
        flow = inverse_mass[i] * (rho[i] + extra[i])
        a += first[i] * flow
        b += last[i] * flow
    return not (a > 0.0 and b > 0.0)


@njit(nogil=True, error_model="numpy")
def _log_sum(a, b):
    """``log(exp(a) + exp(b))``."""
    top = max(a, b)
    return top if top == -math.inf else top + math.log(math.exp(a - top) + math.exp(b - top))


@njit(nogil=True, error_model="numpy")
def _step(
    density, user_data, stream, stream_state, step_size, max_error, max_halvings, max_tree_depth, inverse_mass, x, known, counters, lp, room,
    begin, end, rho, zero, told
):  # fmt: skip
    """One draw from the trajectory through `x`, in place, what happened in `told`; False where the user's function failed."""
    dim, old = x.size, known[2 * x.size]
    total, trial, macro = room[_RHO], room[_TRIAL:], np.empty(3)
    for i in range(dim):
        p = normal_from_uniform(draw_uniform(stream, stream_state)) / math.sqrt(inverse_mass[i])
        for side in range(2):
            room[_X + side, i], room[_P + side, i], room[_G + side, i] = x[i], p, known[dim + i]
        total[i] = p
    lp[0], lp[1] = old, old
    start = kinetic_energy(inverse_mass, room[_P]) - old
    log_weight, alpha, macros, n, depth, moved = 0.0, 0.0, 0, 0.0, 0, False
    energy, proposal_lp, proposal_energy = start, old, start
    told[_DIVERGED], told[_HALVINGS], told[_REFUSED] = 0.0, 0.0, 0.0
    going = True
    while going and depth < max_tree_depth:
        side = 1 if draw_uniform(stream, stream_state) < 0.5 else 0
        position, momentum, gradient, value = room[_X + side], room[_P + side], room[_G + side], lp[side : side + 1]
        room[_NEAR, :] = momentum
        signed = step_size if side == 1 else -step_size
        new_weight, height = -math.inf, 0
        for leaf in range(1 << depth):
            status = macro_step(density, user_data, signed, max_error, max_halvings, inverse_mass, position, momentum, gradient, value, trial, counters, macro)  # fmt: skip
            if status == RAISED:
                return False
            n += macro[2]
            macros += 1
            alpha += math.exp(-macro[1])
            told[_HALVINGS] = max(told[_HALVINGS], macro[0])
            if status != MADE:
                told[_REFUSED] = 1.0 if status == IRREVERSIBLE else 0.0
                told[_DIVERGED] = 1.0 if status == TOO_ROUGH else 0.0
                going = False
                break
            here = kinetic_energy(inverse_mass, momentum) - value[0]
            error = here - start
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
    if told[_DIVERGED] > 0.0:
        counters[DIVERGENCES] += 1
    told[_ALPHA], told[_N], told[_DEPTH], told[_ENERGY], told[_ERROR] = alpha / macros, n, depth, energy, energy - start
    return True


@njit(nogil=True, error_model="numpy")
def _first_length(density, user_data, stream, stream_state, max_error, inverse_mass, x, known, counters, room):
    """The longest macro step, a power of two, that one leapfrog step makes from `x` within `max_error`; NaN where the user's function
    failed. Takes dim numbers from the stream."""
    dim, length, direction, told = x.size, 1.0, 0, np.empty(3)
    position, momentum, gradient, value, start = room[_X], room[_P], room[_G], np.empty(1), room[_NEAR]
    for i in range(dim):
        start[i] = normal_from_uniform(draw_uniform(stream, stream_state)) / math.sqrt(inverse_mass[i])
    for _ in range(_MOST_DOUBLINGS):
        for i in range(dim):
            position[i], momentum[i], gradient[i] = x[i], start[i], known[dim + i]
        value[0] = known[2 * dim]
        status = macro_step(density, user_data, length, max_error, 0, inverse_mass, position, momentum, gradient, value, room[_TRIAL:], counters, told)  # fmt: skip
        if status == RAISED:
            return math.nan
        towards = 1 if status == MADE else -1
        if direction == 0:
            direction = towards
        if towards != direction:
            return length if direction < 0 else 0.5 * length
        length *= 2.0**direction
    return length


@kernel
def _walnuts(
    density, user_data, stream, stream_state, step_size, inverse_mass, averaging, window, done, total, target_accept, tune_step, tune_mass,
    max_error, max_halvings, max_tree_depth, x, known, counters, n, every, draws, stats, sums
):  # fmt: skip
    """`n` steps; of warm-up, `done` of `total` having been made, where `total` is not 0."""
    dim = x.size
    lp, told, room, zero = np.empty(2), np.zeros(8), np.empty((_ROOM, dim)), np.zeros(dim)
    begin, end, rho = np.empty((max_tree_depth + 1, dim)), np.empty((max_tree_depth + 1, dim)), np.empty((max_tree_depth + 1, dim))
    if n > 0 and not evaluate_start(density, user_data, x, known, counters):
        return 0
    probability, divergences, leapfrogs, depth, halvings, refused = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for t in range(n):
        if math.isnan(step_size[0]):
            first = _first_length(density, user_data, stream, stream_state, max_error, inverse_mass, x, known, counters, room)
            if math.isnan(first):
                return t
            step_size[0] = first if total > 0 else 0.5 * first  # the longest at one place may be too long at others
            restart(averaging, step_size[0])
        used = step_size[0]
        if not _step(
            density, user_data, stream, stream_state, used, max_error, max_halvings, max_tree_depth, inverse_mass, x, known, counters, lp, room,
            begin, end, rho, zero, told
        ):  # fmt: skip
            return t
        now = done + t + 1
        if now <= total:
            if tune_step:
                step_size[0] = update_step(averaging, told[_ALPHA], target_accept)
            if tune_mass and now <= total - _LAST_BUFFER:
                add_to_window(window, x)
                # Windows of 25, 50, 100, ... steps; one that leaves no room for the next, twice as long, goes on to the last buffer.
                length = _FIRST_WINDOW << int(window[2 * dim + 1])
                full = window[0] == length and now + 2 * length <= total - _LAST_BUFFER
                if full or now == total - _LAST_BUFFER:
                    window[2 * dim + 1] += 1.0
                    if close_window(window[: 2 * dim + 1], inverse_mass) and tune_step:
                        restart(averaging, average_step(averaging))
            if now == total and tune_step:
                step_size[0] = average_step(averaging)
        probability += told[_ALPHA] / every
        leapfrogs += told[_N]
        divergences += told[_DIVERGED]
        refused += told[_REFUSED]
        depth, halvings = max(depth, told[_DEPTH]), max(halvings, told[_HALVINGS])
        row = record(t, every, x, draws, sums)
        if row >= 0:
            if stats.shape[0] > 0:
                stats[row, 0], stats[row, 1], stats[row, 2] = known[2 * dim], probability, 1.0 if divergences > 0.0 else 0.0
                stats[row, 3], stats[row, 4], stats[row, 5] = told[_ENERGY], told[_ERROR], used
                stats[row, 6], stats[row, 7], stats[row, 8], stats[row, 9] = (
                    leapfrogs,
                    depth,
                    halvings,
                    1.0 if refused > 0.0 else 0.0,
                )
            probability, divergences, leapfrogs, depth, halvings, refused = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    return n


class _Bound(BoundMoving):
    tunes_steps = True
    local_steps = True
    stats_names = (
        "lp", "acceptance_rate", "diverging", "energy", "energy_error", "step_size", "n_steps", "tree_depth", "halvings", "irreversible"
    )  # fmt: skip
    uniforms_per_step = None
    least_uniforms = 1

    def __init__(self, sampler: WALNUTS, target: Density, driver: Any):
        super().__init__(sampler, target, driver)
        self.n_known = 2 * self.dim + 1
        if sampler.inverse_mass is not None and len(sampler.inverse_mass) != self.dim:
            raise ArgumentError(f"`inverse_mass` must have shape ({self.dim},); got ({len(sampler.inverse_mass)},)")

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """See `BoundMoving.new_state`."""
        state, sampler = super().new_state(rng, position), self.sampler
        state.tuning = {
            "step_size": np.array(np.nan if sampler.step_size is None else float(sampler.step_size)),
            "inverse_mass": np.ones(self.dim) if sampler.inverse_mass is None else np.array(sampler.inverse_mass, np.float64),
            "averaging": np.zeros(4),
            "window": np.zeros(2 * self.dim + 2),  # number, means, squared deviations, windows closed
        }
        return state

    def move(self, state: State, n: int, every: int, done: int, total: int, draws: Any, stats: Any, sums: Any) -> int:
        """See `BoundMoving.move`."""
        sampler, tuning = self.sampler, state.tuning
        return _walnuts(
            *self.addresses(state), tuning["step_size"].reshape(1), tuning["inverse_mass"], tuning["averaging"], tuning["window"],
            done, total, float(sampler.target_accept), sampler.step_size is None, sampler.inverse_mass is None, float(sampler.max_error),
            int(sampler.max_halvings), int(sampler.max_tree_depth), state.phase, self.known(state), state.counters, n, every, draws, stats, sums
        )  # fmt: skip


@dataclass(frozen=True)
class WALNUTS(Sampler):
    """The No-U-Turn sampler with shorter steps where the density changes quickly, for funnels and other targets of many scales.

    Parameters
    ----------
    step_size : float, optional
        Length of a macro step in units of time. Warm-up tunes it when it is not given.
    inverse_mass : array of shape (dim,), optional
        The diagonal of the metric, one variance per coordinate. When it is not given, it is 1 for every coordinate at first, and warm-up replaces it
        by the variances of its draws.
    target_accept : float
        Warm-up tunes the length of a macro step so that a single leapfrog step of that length has this mean of ``exp(-|dH|)``, dH being its energy
        error; where the energy error is larger, the macro step is made of several leapfrog steps.
    max_error : float
        The largest difference, in nats, that the energies of two points of a macro step may have: leapfrog steps are halved until it is not exceeded.
    max_halvings : int
        A macro step has at most ``2**max_halvings`` leapfrog steps.
    max_tree_depth : int
        A trajectory has at most ``2**max_tree_depth - 1`` macro steps.

    Notes
    -----
    ``stats`` holds ``lp``, ``acceptance_rate`` (the mean that `target_accept` is compared with), ``diverging`` (whether even the
    shortest leapfrog steps of a macro step were too long), ``energy`` (of the point that is the draw), ``energy_error`` (that energy less the energy at the
    start of the last trajectory), ``step_size`` (of macro steps), ``n_steps`` (leapfrog steps, each with one gradient, also those that were tried and
    discarded), ``tree_depth``, ``halvings`` (the largest number of halvings that a macro step of the draw needed) and ``irreversible`` (1 where a
    trajectory ended because the same macro step would be made of fewer leapfrog steps backward in time).

    References
    ----------
    Bou-Rabee, Carpenter, Kleppe and Liu, JMLR 27 (2026), arXiv:2506.18746.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.funnel(3), WALNUTS(), draws=500, warmup=500, seed=1, progress=False)
    >>> bool(trace.stats["halvings"].max() > 2), int(trace.stats["diverging"].sum())
    (True, 0)
    """

    step_size: float | None = None
    inverse_mass: Any = None
    target_accept: float = 0.8
    max_error: float = 1.0
    max_halvings: int = 10
    max_tree_depth: int = 10
    uses_gradient: ClassVar[bool] = True

    def __post_init__(self):
        check_tuned(self)
        positive("max_error", self.max_error)
        whole_number("max_halvings", self.max_halvings, 0, 20)
        whole_number("max_tree_depth", self.max_tree_depth, 1, 30)

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return _Bound(self, target, driver)
