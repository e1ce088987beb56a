"""Hamiltonian Monte Carlo whose trajectories are as long as the target wants them: the default sampler of densities.

From a point x with a fresh momentum a trajectory moves away until it turns back, ``(x(t) - x) . p(t) <= 0`` in the metric (Hoffman and Gelman,
JMLR 15 (2014) 1593). Wu, Stoehr and Robert (2018), arXiv:1810.04449, measure the time tau of turns in warm-up and make trajectories as long. On a
Gaussian in its own metric that is half of a period, after which x comes back with the other sign, and x**2 has forgotten nothing. Here the
correlations r of coordinates and of their squares with those at the start are measured at twelfths of tau, and the length is

    T = argmax (1 - r) / (1 + r) / T  over  5 tau / 12 <= T <= tau,  r the greater of both, rejections included,

which is a quarter of a period on that Gaussian, and longer where the target forgets late. A draw is the end of

    L = T (1 + 0.2 u) / e leapfrog steps, u uniform on (-1, 1), rounded up or down at random,

e the step size, accepted with probability ``min(1, exp(-dH))`` (Duane, Kennedy, Pendleton and Roweth, Phys. Lett. B 195 (1987) 216).
A draw costs no more gradients than lie between it and the one before, where the doublings of `weakchaos.samplers.nuts` compute two to four
times as many. In warm-up, while the metric is looked for, the trajectories are those of NUTS, which need no length; all chains adapt together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numba import njit

from weakchaos.core.arguments import positive
from weakchaos.core.counters import ACCEPTED, DIVERGENCES, STEPS
from weakchaos.core.system import State
from weakchaos.native.compiled import draw_uniform, kernel, normal_from_uniform
from weakchaos.samplers.adapting_chains import check_adapting, metric_of
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.integrators import DONE, FAILED
from weakchaos.samplers.mass import dot, first_whitened_step, glide, product_of, push, to_whitened, transpose_of
from weakchaos.samplers.nuts import BoundNUTS
from weakchaos.samplers.record import arrive, evaluate_start, record
from weakchaos.samplers.step_adaptation import follow, restart, to_be_found
from weakchaos.targets.density import Density

__all__ = ["EmpiricalHMC"]

_SHARE, _JITTER = 0.5, 0.2
_MOST_STEPS = 1024  # of a trajectory
_HOPELESS, _PENALTY = 0.01, 6.0
_MOST_MEASURED = 25  # trajectories of a chain
_FEW_TURNS = 5  # that are measured by each chain
# In `turns`: the number and the sum of times until trajectories turn, then for each of some places on the way from the beginning to there the
# number of trajectories, the sum of times, and sums of products and squares of coordinates and of their squares, at the beginning and there.
_COUNT, _TIME, _REST = range(3)
_PLACES, _COLUMNS = 12, 8
_FIRST_PLACE = 4  # of which a trajectory may end: shorter ones are drawn from noise where few trajectories were measured
_ENOUGH = 100.0  # effective draws of all chains that the step size is fitted to
_LEAST_ROWS = 10  # below it correlations say nothing


@njit(nogil=True, error_model="numpy")
def _measure(
    density, user_data, stream, stream_state, step_size, kind, scale, factor, transposed, directions, gains, known, room, value, counters, centre,
    spread, turns
):  # fmt: skip
    """Follow a trajectory from the present point, and add to `turns` the time until it turns back or, where enough of those are known, what
    coordinates and their squares remember on the way; False where the user's function failed.

    A trajectory that leaves the support or diverges says how long it went well.
    """
    dim = room.shape[1]
    position, momentum, whitened, gradient, velocity, way = room[0], room[1], room[2], room[3], room[4], room[5]
    to_whitened(kind, scale, factor, directions, gains, known[dim : 2 * dim], whitened)
    for i in range(dim):
        position[i], momentum[i] = known[i], normal_from_uniform(draw_uniform(stream, stream_state))
        way[i] = 0.5 * momentum[i]  # the sum of momenta, those at the ends by half, is the way in the metric
    energy, steps = 0.5 * dot(momentum, momentum) - known[2 * dim], 0
    turning = turns[_COUNT] < _FEW_TURNS or centre.size == 0
    most = float(_MOST_STEPS)
    if not turning:
        most = min(most, max(1.0, round(turns[_TIME] / turns[_COUNT] / step_size)))
    place = 0
    while steps < most:
        status = push(
            density, user_data, step_size, kind, scale, factor, transposed, directions, gains, position, momentum, whitened, gradient, velocity, value, counters
        )  # fmt: skip
        if status == FAILED:
            return False
        if status != DONE or not 0.5 * dot(momentum, momentum) - value[0] - energy < 1000.0:
            break
        steps += 1
        if turning:
            if not dot(way, momentum) + 0.5 * dot(momentum, momentum) > 0.0:
                break
            for i in range(dim):
                way[i] += momentum[i]
            continue
        while place < _PLACES and max(1.0, round((place + 1) * most / _PLACES)) == steps:
            row = turns[_REST + _COLUMNS * place : _REST + _COLUMNS * (place + 1)]
            row[0] += 1.0
            row[1] += step_size * steps
            for i in range(dim):
                a, b = (known[i] - centre[i]) / spread[i], (position[i] - centre[i]) / spread[i]
                c, d = a * a - 1.0, b * b - 1.0
                row[2] += a * b
                row[3] += a * a
                row[4] += b * b
                row[5] += c * d
                row[6] += c * c
                row[7] += d * d
            place += 1
    if turning:
        turns[_COUNT] += 1.0
        turns[_TIME] += step_size * max(steps, 1)
    return True


@kernel
def _best_length(turns, accepted):
    """The length of trajectories that makes the most effective draws in unit time, and how many of those a draw is; half of the time until
    they turn back where nothing is known of what they remember, and nan.

    A chain whose draws remember the share r of the one before has (1 - r) / (1 + r) effective draws a draw; of coordinates and their squares
    that one counts which remembers more, and a draw that is not accepted remembers all.
    """
    length, best = _SHARE * turns[_TIME] / turns[_COUNT], 0.0
    for place in range(_FIRST_PLACE, _PLACES):
        row = turns[_REST + _COLUMNS * place : _REST + _COLUMNS * (place + 1)]
        if row[0] < _LEAST_ROWS:
            continue
        memory = max(row[2] / math.sqrt(row[3] * row[4]), row[5] / math.sqrt(row[6] * row[7]))
        memory = accepted * memory + 1.0 - accepted
        time = row[1] / row[0]
        rate = (1.0 - memory) / (1.0 + memory) / time
        if rate > best:
            length, best = time, rate
    return length, best * length if best > 0.0 else math.nan


@kernel
def _empirical(
    density, user_data, stream, stream_state, step_size, averaging, tunes, target_accept, measures, length, centre, spread, turns, kind, scale, factor, directions, gains,
    x, known, counters, n, every, draws, stats, sums
):  # fmt: skip
    """`n` steps; the step size follows the acceptance where it `tunes`, and each of them measures a turn first where it `measures`."""
    dim = x.size
    value, room, transposed, product = np.empty(1), np.empty((6, dim)), transpose_of(kind, factor), product_of(kind, factor)
    position, momentum, whitened, gradient, velocity = room[0], room[1], room[2], room[3], room[4]
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
    probability, divergences, leapfrogs = 0.0, 0.0, 0.0
    for t in range(n):
        used, few = step_size[0], 0
        if math.isnan(length[0]):
            few = (
                (1 if turns[_COUNT] + turns[_REST] < _MOST_MEASURED else 0)
                if measures
                else (_FEW_TURNS if turns[_COUNT] == 0.0 else 0)
            )
        for _ in range(few):
            if not _measure(
                density, user_data, stream, stream_state, used, kind, scale, factor, transposed, directions, gains, known, room, value, counters, centre,
                spread, turns
            ):  # fmt: skip
                return t
        mean = length[0]
        if math.isnan(mean):
            mean = _SHARE * turns[_TIME] / turns[_COUNT] if measures else _best_length(turns, target_accept)[0]
        if not measures:
            length[0] = mean
        wanted = min(mean * (1.0 + _JITTER * (2.0 * draw_uniform(stream, stream_state) - 1.0)) / used, float(_MOST_STEPS))
        steps = max(1, int(wanted + draw_uniform(stream, stream_state)))
        for i in range(dim):
            position[i], momentum[i] = x[i], normal_from_uniform(draw_uniform(stream, stream_state))
        u = draw_uniform(stream, stream_state)
        energy = 0.5 * dot(momentum, momentum) - known[2 * dim]
        status, made = glide(
            density, user_data, used, steps, kind, scale, factor, transposed, directions, gains, product, known[dim : 2 * dim], position, momentum, whitened, gradient,
            velocity, value, counters
        )  # fmt: skip
        if status == FAILED:
            return t
        kinetic = 0.5 * dot(momentum, momentum)
        error = kinetic - value[0] - energy if status == DONE else math.inf
        accept = math.exp(min(0.0, -error)) if not math.isnan(error) else 0.0
        # Leaving the support is no divergence, unless the momentum has run away first: see `integrators.has_diverged`.
        if not (error < 1000.0 if status == DONE else kinetic < 1000.0 + dim):
            counters[DIVERGENCES] += 1
            divergences += 1.0
        if u < accept:
            counters[ACCEPTED] += 1
            arrive(x, known, position, gradient, value)
        counters[STEPS] += 1
        if tunes:
            # Where steps are too long for a place, a chain that comes there stays: it takes few such places to spoil the mean acceptance that is
            # seen elsewhere, so they count for more than their share.
            step_size[0] = follow(averaging, accept if accept > _HOPELESS else accept - _PENALTY, target_accept)
        probability += accept / every
        leapfrogs += made
        row = record(t, every, x, draws, sums)
        if row >= 0:
            if stats.shape[0] > 0:
                stats[row, 0], stats[row, 1], stats[row, 2] = known[2 * dim], probability, 1.0 if divergences > 0.0 else 0.0
                stats[row, 3], stats[row, 4], stats[row, 5] = energy + (error if u < accept else 0.0), error, used
                stats[row, 6] = leapfrogs
            probability, divergences, leapfrogs = 0.0, 0.0, 0.0
    return n


class _Bound(BoundNUTS):
    stats_names = ("lp", "acceptance_rate", "diverging", "energy", "energy_error", "step_size", "n_steps")

    def new_tuning(self) -> dict[str, np.ndarray]:
        """See `BoundAdapting.new_tuning`; and the length of trajectories, and what is measured of them."""
        length = self.sampler.trajectory_length
        return super().new_tuning() | {
            "trajectory_length": np.array(np.nan if length is None else float(length)),
            "turns": np.zeros(_REST + _PLACES * _COLUMNS),
        }

    def has_seen_enough(self, tuning: dict[str, np.ndarray], draws: int) -> bool:
        """Whether so many draws visit what there is: until then a step size fits the places where chains happen to be."""
        effective = _best_length(tuning["turns"], float(self.sampler.target_accept))[1]
        return not draws * effective < _ENOUGH

    def _walk(self, state: State, n: int, every: int, tunes: bool, measures: bool, draws: Any, stats: Any, sums: Any) -> int:
        tuning = state.tuning
        centre, variance = tuning.get("previous_mean", np.empty(0)), tuning.get("previous_variance", np.empty(0))
        if not (np.isfinite(centre).all() and (variance > 0.0).all()):
            centre = np.empty(0)
        return _empirical(
            *self.addresses(state), tuning["step_size"].reshape(1), tuning["step_averaging"], tunes, float(self.sampler.target_accept), measures,
            tuning["trajectory_length"].reshape(1), centre, np.sqrt(variance), tuning["turns"], *metric_of(tuning), state.phase, self.known(state), state.counters, n, every,
            draws, stats, sums
        )  # fmt: skip

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        return self._walk(state, n, every, False, False, draws, stats, sums)

    def warm_steps(self, state: State, n: int, collects: bool, early: bool, draws: np.ndarray, stats: np.ndarray) -> int:
        """See `BoundAdapting.warm_steps`."""
        if not collects:
            return self._walk(state, n, 1, self.tunes, True, draws, stats, np.empty(0))
        told = np.empty((len(stats), len(BoundNUTS.stats_names)))
        made = super().warm_steps(state, n, collects, early, draws, told)
        stats[:] = told[:, : stats.shape[1]]
        return made


@dataclass(frozen=True)
class EmpiricalHMC(Sampler):
    """Hamiltonian Monte Carlo with the metric, the step size and the length of trajectories learned in warm-up: the default for a `Density`.

    Parameters
    ----------
    step_size : float, optional
        Length of a leapfrog step, in units of time. Warm-up tunes it when it is not given. Where the inverse masses are the variances of the target, a
        step of length 1 moves a coordinate by about one standard deviation.
    inverse_mass : array of shape (dim,) or (dim, dim), optional
        The inverse mass matrix, or its diagonal; best near the covariance of the target. Warm-up tunes it when it is not given.
    trajectory_length : float, optional
        Length of a trajectory, in units of time. When it is not given, warm-up measures at its end which length makes the most effective draws for a
        gradient.
    target_accept : float
        The mean probability of acceptance that warm-up makes the step size reach.
    metric : {"auto", "diagonal", "dense", "low-rank"}
        The form of the metric that warm-up tunes. ``"auto"`` compares two forms and takes the one that fits better on points of warm-up that were kept
        back: a diagonal and a dense metric up to 128 coordinates, a diagonal metric and a diagonal one with a correction of low rank beyond that.

    Notes
    -----
    ``stats`` holds ``lp``, ``acceptance_rate`` (a probability, averaged over the steps of a draw), ``diverging`` (whether an energy error was above 1000; a trajectory that
    leaves the support of the density does not count), ``energy`` (of the state that the draw is), ``energy_error`` (at the end of the last trajectory),
    ``step_size`` and ``n_steps`` (the leapfrog steps of all trajectories of the draw). ``trace.tuning`` holds what `NUTS` tunes, ``trajectory_length``, and
    ``turns``, which begins with the number of times at which trajectories turned back and the sum of these times. The chains of a run adapt together; see
    `weakchaos.samplers.warmup`.

    A draw costs a half to a third of the gradients of a draw of `NUTS`, and both x and x**2 are nearly independent of the draw before. Where the
    scale of the target differs much from place to place, one length of trajectories fits none of these places well, and `NUTS`, `WALNUTS` or `ScoreMap`
    may do better.

    References
    ----------
    Wu, Stoehr and Robert (2018), arXiv:1810.04449.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 100.0]), EmpiricalHMC(), draws=500, warmup=500, seed=1, progress=False)
    >>> bool(trace.tuning["inverse_mass"][0, 1] > 1000.0), int(trace.stats["diverging"].sum())
    (True, 0)
    """

    step_size: float | None = None
    inverse_mass: Any = None
    trajectory_length: float | None = None
    target_accept: float = 0.8
    metric: str = "auto"
    uses_gradient: ClassVar[bool] = True
    max_tree_depth: ClassVar[int] = 10  # of warm-up

    def __post_init__(self):
        check_adapting(self)
        if self.trajectory_length is not None:
            positive("trajectory_length", self.trajectory_length)

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return _Bound(self, target, driver)
