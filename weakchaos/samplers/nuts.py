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
from weakchaos.core.counters import ACCEPTED, DIVERGENCES, STEPS
from weakchaos.core.system import State
from weakchaos.native.compiled import draw_uniform, kernel, normal_from_uniform
from weakchaos.samplers.adapting_chains import BoundAdapting, check_adapting, metric_of
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.integrators import DONE, FAILED, OUTSIDE
from weakchaos.samplers.mass import dot, first_whitened_step, push, to_whitened, transpose_of
from weakchaos.samplers.metric import add_point
from weakchaos.samplers.record import evaluate_start, know, record
from weakchaos.samplers.step_adaptation import follow, restart, to_be_found
from weakchaos.targets.density import Density

__all__ = ["NUTS", "BoundNUTS"]

# Rows of the room to work in: position, momentum and whitened gradient at both ends, the sum of momenta, then the proposal of the new half,
# momenta at the ends of the old and the new half that meet, and what a leapfrog step and the windows write to.
_X, _Q, _H, _RHO, _PROPOSAL, _PROPOSAL_G, _MEET, _NEAR, _G, _V, _W = 0, 2, 4, 6, 7, 8, 9, 10, 11, 12, 13
_ROOM = 15
_ALPHA, _N, _DEPTH, _DIVERGED, _ENERGY, _ERROR = range(6)


@njit(nogil=True, error_model="numpy")
def _turned(first, last, rho, extra):
    """Whether the stretch with these end momenta and the sum of momenta ``rho + extra`` has turned back."""
    a0, a1, a2, a3, b0, b1, b2, b3 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    n = first.size
    whole = n - n % 4
    for i in range(0, whole, 4):
        f0, f1, f2, f3 = rho[i] + extra[i], rho[i + 1] + extra[i + 1], rho[i + 2] + extra[i + 2], rho[i + 3] + extra[i + 3]
        a0 += first[i] * f0
        a1 += first[i + 1] * f1
        a2 += first[i + 2] * f2
        a3 += first[i + 3] * f3
        b0 += last[i] * f0
        b1 += last[i + 1] * f1
        b2 += last[i + 2] * f2
        b3 += last[i + 3] * f3
    for i in range(whole, n):
        a0 += first[i] * (rho[i] + extra[i])
        b0 += last[i] * (rho[i] + extra[i])
    return not ((a0 + a1) + (a2 + a3) > 0.0 and (b0 + b1) + (b2 + b3) > 0.0)


@njit(nogil=True, error_model="numpy")
def _whole_turned(first, last, rho):
    """Whether the stretch with these end momenta and this sum of momenta has turned back."""
    return not (dot(first, rho) > 0.0 and dot(last, rho) > 0.0)


@njit(nogil=True, error_model="numpy")
def _log_sum(a, b):
    """``log(exp(a) + exp(b))``."""
    top, low = max(a, b), min(a, b)
    return top if top == -math.inf else top + math.log1p(math.exp(low - top))


@njit(nogil=True, error_model="numpy")
def _step(
    density, user_data, stream, stream_state, step_size, max_tree_depth, kind, scale, factor, transposed, directions, gains, collects, window,
    products, points, x, known, counters, value, room, begin, end, rho, told
):  # fmt: skip
    """One draw from the trajectory through `x`, in place, what happened in `told`; False where the user's function failed."""
    dim, old = x.size, known[2 * x.size]
    total, scratch_g, scratch_v = room[_RHO], room[_G], room[_V]
    to_whitened(kind, scale, factor, directions, gains, known[dim : 2 * dim], room[_H])
    for i in range(dim):
        q = normal_from_uniform(draw_uniform(stream, stream_state))
        for side in range(2):
            room[_X + side, i], room[_Q + side, i] = x[i], q
        room[_H + 1, i] = room[_H, i]
        total[i] = q
    start = 0.5 * dot(total, total) - old
    log_weight, alpha, n, depth, diverged, moved = 0.0, 0.0, 0, 0, False, False
    energy, proposal_lp, proposal_energy = start, old, start
    going = True
    while going and depth < max_tree_depth:
        side = 1 if draw_uniform(stream, stream_state) < 0.5 else 0
        position, momentum, whitened = room[_X + side], room[_Q + side], room[_H + side]
        room[_NEAR, :] = momentum
        signed = step_size if side == 1 else -step_size
        new_weight, height = -math.inf, 0
        for leaf in range(1 << depth):
            status = push(
                density, user_data, signed, kind, scale, factor, transposed, directions, gains, position, momentum, whitened, scratch_g, scratch_v, value, counters
            )  # fmt: skip
            if status == FAILED:
                return False
            kinetic = 0.5 * dot(momentum, momentum)
            here = kinetic - value[0] if status == DONE else math.inf
            error = here - start
            n += 1
            if not error < 1000.0:
                # Leaving the support is no divergence, unless the momentum has run away first: see `integrators.has_diverged`.
                diverged, going = not (kinetic < 1000.0 + dim if status == OUTSIDE else error < 1000.0), False
                break
            accept = math.exp(min(0.0, -error))
            alpha += accept
            if collects:
                add_point(window, products, points, accept, position, scratch_g, room[_W : _W + 2])
            new_weight = _log_sum(new_weight, -error)
            # Points are weighed as they come, so the proposal is one of all points of the new half, each with its weight.
            if leaf == 0 or draw_uniform(stream, stream_state) < math.exp(-error - new_weight):
                for i in range(dim):
                    room[_PROPOSAL, i], room[_PROPOSAL_G, i] = position[i], scratch_g[i]
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
                    going = not (_turned(begin[a], begin[b], rho[a], begin[b]) or _turned(end[a], end[b], rho[b], end[a]))
                for i in range(dim):
                    rho[a, i] += rho[b, i]
                    end[a, i] = end[b, i]
                going = going and not _whole_turned(begin[a], end[a], rho[a])
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
        far = room[_Q + 1 - side]
        going = not (_turned(far, room[_MEET], total, room[_MEET]) or _turned(room[_NEAR], momentum, rho[0], room[_NEAR]))
        for i in range(dim):
            total[i] += rho[0, i]
        going = going and not _whole_turned(far, momentum, total)
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
    density, user_data, stream, stream_state, step_size, averaging, tunes, target_accept, kind, scale, factor, directions, gains, collects, window,
    products, points, max_tree_depth, x, known, counters, n, every, draws, stats, sums
):  # fmt: skip
    """`n` steps; the step size follows the acceptance where it `tunes`, and points go to the window where it `collects`."""
    dim = x.size
    value, told, room, transposed = np.empty(1), np.zeros(6), np.empty((_ROOM, dim)), transpose_of(kind, factor)
    begin, end, rho = np.empty((max_tree_depth + 1, dim)), np.empty((max_tree_depth + 1, dim)), np.empty((max_tree_depth + 1, dim))
    if n > 0 and not evaluate_start(density, user_data, x, known, counters):
        return 0
    if n > 0 and to_be_found(averaging, step_size):
        first = first_whitened_step(
            density, user_data, stream, stream_state, 1.0 if math.isnan(step_size[0]) else step_size[0], kind, scale, factor, transposed, directions, gains, x, known, counters, value
        )  # fmt: skip
        if math.isnan(first):
            return 0
        step_size[0] = first if tunes else 0.5 * first
        restart(averaging, step_size[0])
    probability, divergences, leapfrogs, depth = 0.0, 0.0, 0.0, 0.0
    for t in range(n):
        used = step_size[0]
        if not _step(
            density, user_data, stream, stream_state, used, max_tree_depth, kind, scale, factor, transposed, directions, gains, collects, window,
            products, points, x, known, counters, value, room, begin, end, rho, told
        ):  # fmt: skip
            return t
        if tunes:
            step_size[0] = follow(averaging, told[_ALPHA], target_accept)
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


_EARLY_DEPTH = 4  # of trees in the first windows, where a trajectory in a metric that knows nothing may be endless
_NO_WINDOW = (np.empty(0), np.empty((2, 0, 0)), np.empty((2, 0, 0)))


class BoundNUTS(BoundAdapting):
    """`NUTS` on a density, and the warm-up of samplers that learn from its trajectories."""

    stats_names: tuple[str, ...] = (
        "lp",
        "acceptance_rate",
        "diverging",
        "energy",
        "energy_error",
        "step_size",
        "n_steps",
        "tree_depth",
    )

    def _move(
        self, state: State, n: int, every: int, tunes: bool, collects: bool, depth: int, draws: Any, stats: Any, sums: Any
    ) -> int:
        tuning = state.tuning
        window = (tuning["window"], tuning["window_products"], tuning["window_points"]) if collects else _NO_WINDOW
        return _nuts(
            *self.addresses(state), tuning["step_size"].reshape(1), tuning["step_averaging"], tunes, float(self.sampler.target_accept),
            *metric_of(tuning), collects, *window, depth, state.phase, self.known(state), state.counters, n, every, draws, stats, sums
        )  # fmt: skip

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        return self._move(state, n, every, False, False, int(self.sampler.max_tree_depth), draws, stats, sums)

    def warm_steps(self, state: State, n: int, collects: bool, early: bool, draws: np.ndarray, stats: np.ndarray) -> int:
        """See `BoundAdapting.warm_steps`."""
        deepest = int(self.sampler.max_tree_depth)
        depth = min(_EARLY_DEPTH, deepest) if early else deepest
        return self._move(state, n, 1, self.tunes, collects, depth, draws, stats, np.empty(0))


@dataclass(frozen=True)
class NUTS(Sampler):
    r"""The No-U-Turn sampler: Hamiltonian trajectories that end where they turn back, tuned during warm-up.

    Parameters
    ----------
    step_size : float, optional
        Length of a leapfrog step, in units of time. Warm-up tunes it when it is not given. Where the inverse masses are the variances of the target, a
        step of length 1 moves a coordinate by about one standard deviation.
    inverse_mass : array of shape (dim,) or (dim, dim), optional
        The inverse mass matrix, or its diagonal; best near the covariance of the target. Warm-up tunes it when it is not given.
    target_accept : float
        The mean of the statistic ``acceptance_rate`` that warm-up makes the step size reach. A target nearer to 1 makes shorter steps, and fewer
        trajectories diverge.
    max_tree_depth : int
        A trajectory has at most ``2**max_tree_depth - 1`` leapfrog steps, and at most 15 in the first two windows of warm-up.
    metric : {"auto", "diagonal", "dense", "low-rank"}
        The form of the metric that warm-up tunes. ``"auto"`` compares two forms and takes the one that fits better on points of warm-up that were kept
        back: a diagonal and a dense metric up to 128 coordinates, a diagonal metric and a diagonal one with a correction of low rank beyond that.

    Notes
    -----
    A draw is taken from the points of a trajectory with probabilities proportional to $e^{-H}$, where V is the inverse mass and

    $$H(x, p) = -\log \pi(x) + \frac{1}{2} p^T V p.$$

    A trajectory with the momenta $p_-$ and $p_+$ at its ends and the sum of momenta $\rho$ turns back where $p_-^T V \rho \le 0$ or
    $p_+^T V \rho \le 0$.

    ``stats`` holds ``lp``, ``acceptance_rate`` (``min(1, exp(-dH))``, averaged over all points of a trajectory and the steps of a draw),
    ``diverging`` (whether the energy error was above 1000 in any step of the draw; a trajectory that leaves the support of the density does not count
    as diverging), ``energy`` (of the point that is the draw), ``energy_error`` (that energy less the energy at the start of the last trajectory),
    ``step_size``, ``n_steps`` (the leapfrog steps of all trajectories of the draw) and ``tree_depth`` (the greatest number of doublings of a trajectory of
    the draw). ``trace.tuning`` holds for each chain ``step_size``, ``metric`` (0 for a diagonal, 1 for a dense, 2 for a low-rank metric), ``inverse_mass``
    (the diagonal of the inverse mass matrix V), for a dense metric the ``factor`` L with ``V = L L^T``, ``warmup_steps`` (how many there were) and
    ``settled`` (the step of warm-up after which step size and metric hardly changed, 0 if they had not settled). The chains of a run adapt together.
    Warm-up ends 100 steps after they have settled, or 150 steps where there are fewer than three chains; see `weakchaos.samplers.warmup`.

    References
    ----------
    Hoffman and Gelman, JMLR 15 (2014) 1593, arXiv:1111.4246; Betancourt (2017), arXiv:1701.02434; the metric: Seyboldt, Carlson and
    Carpenter (2026), arXiv:2603.18845.

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
    metric: str = "auto"
    uses_gradient: ClassVar[bool] = True

    def __post_init__(self):
        check_adapting(self)
        whole_number("max_tree_depth", self.max_tree_depth, 1, 30)

    def bind(self, target: Any, driver: Any = "pcg64") -> BoundNUTS:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return BoundNUTS(self, target, driver)
