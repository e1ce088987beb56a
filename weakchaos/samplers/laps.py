"""The late adjusted parallel sampler: an ensemble that finds the target without rejections and is made exact at the end.

Robnik and Seljak (2026), arXiv:2601.16696. Walkers move independently, each warmed by one step at a time; what they have in common is their tuning.

First they move as `weakchaos.samplers.mclmc` does, and take every step. The ensemble tells how far it is from the target: by Stein's identity the means of
``g_i`` and of ``(x_i - m_i) g_i`` are 0 and -1 there, and b is the mean square over coordinates of what they differ by, the first in units of the standard
deviation. Steps are long while that is much, since a bias below b does not matter yet: the error of the energy is to have the variance ``0.1 b**(3/8)`` per
dimension, and as it grows with the sixth power of the step size e,

    e <- e (0.1 b**(3/8) d / var(error))**(1/6),    inverse masses (var(x_i) / var(g_i))**(1/2),    decoherence length sqrt(d).

These masses are those of a Gaussian wherever the walkers are, and however near to each other they start; the variances alone would be too small on the way.

Then they are adjusted: trajectories of `weakchaos.samplers.mams` are accepted or not, and the step size follows the acceptance of all walkers. Both
parts end when an ensemble has come to rest: the differences of every walker's averages (of coordinates, their squares and the log density) between a
window and the one before have a mean of 0 over walkers, by Student's t. Windows are each half as long again as the one before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from weakchaos.core.arguments import positive, whole_number
from weakchaos.core.counters import DIVERGENCES, STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.scatter import standard_error
from weakchaos.core.system import State
from weakchaos.native.compiled import kernel
from weakchaos.samplers.adaptation import check_tuned
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.continuous import BoundContinuous
from weakchaos.samplers.integrators import DONE, FAILED
from weakchaos.samplers.isokinetic import minimal_norm_step, perturb, random_direction, reverse
from weakchaos.samplers.mams import MOST_STEPS, RADII, trajectory
from weakchaos.samplers.record import evaluate_start, know, record
from weakchaos.samplers.starts import settle_start
from weakchaos.samplers.step_adaptation import average_step, follow, restart
from weakchaos.targets.density import Density

__all__ = ["LAPS"]

_WALKERS = 64
_ERROR, _POWER = 0.1, 0.375  # of the variance of the error of the energy that is wanted, in the bias
_LEAST_CHANGE, _MOST_CHANGE = 0.5, 2.0  # of the step size from one step of the ensemble to the next
_FIRST_WINDOW, _GROWTH = 20, 1.5
_UNADJUSTED = 0.6  # the most of warm-up that is not adjusted
_LEVEL = 0.01  # of the t tests, shared among the averages of an ensemble
_ACCEPT_ERROR = 0.05


@kernel
def _unadjusted(density, user_data, stream, stream_state, step_size, inverse_mass, length, x, u, known, counters, errors):
    """One step of every walker that nothing rejects; False where the user's function failed. A step that cannot be made has the error inf."""
    walkers, dim = x.shape
    value, gained, scale = np.empty(1), np.empty(1), np.sqrt(inverse_mass)
    position, velocity, gradient = np.empty(dim), np.empty(dim), np.empty(dim)
    forgets = math.sqrt(math.expm1(2.0 * step_size / length) / dim)
    for w in range(walkers):
        if not evaluate_start(density, user_data, x[w], known[w], counters):
            return False
        if math.isnan(u[w, 0]):  # the first step
            random_direction(u[w], stream, stream_state)
        for i in range(dim):
            position[i], velocity[i], gradient[i] = x[w, i], u[w, i], known[w, dim + i]
        gained[0] = 0.0
        status = minimal_norm_step(
            density, user_data, step_size, scale, dim - 1.0, position, velocity, gradient, value, counters, gained
        )
        if status == FAILED:
            return False
        error = gained[0] + known[w, 2 * dim] - value[0] if status == DONE else math.inf
        errors[w] = error
        if abs(error) < 1000.0:
            for i in range(dim):
                x[w, i], u[w, i], known[w, dim + i] = position[i], velocity[i], gradient[i]
            known[w, 2 * dim] = value[0]
            know(x[w], known[w])
        else:
            errors[w] = math.inf
            reverse(u[w])
        perturb(u[w], forgets, stream, stream_state)
    return True


@kernel
def _adjusted(
    density, user_data, stream, stream_state, step_size, inverse_mass, length, x, known, due, counters, n, every, draws, stats, sums
):  # fmt: skip
    """`n` trajectories, of one walker after another."""
    walkers, dim = x.shape
    value, scale = np.empty(1), np.sqrt(inverse_mass)
    position, velocity, gradient = np.empty(dim), np.empty(dim), np.empty(dim)
    probability, diverged, leaps = 0.0, 0, 0
    for t in range(n):
        w = due[0]
        if not evaluate_start(density, user_data, x[w], known[w], counters):
            return t
        status, error, accept, steps = trajectory(
            density, user_data, stream, stream_state, step_size, scale, length, MOST_STEPS, position, velocity, gradient, value, x[w], known[w],
            counters
        )  # fmt: skip
        if status == FAILED:
            return t
        if status == DONE and not error < 1000.0:
            counters[DIVERGENCES] += 1
            diverged += 1
        due[0] = (w + 1) % walkers
        counters[STEPS] += 1
        probability += accept / every
        leaps += steps
        row = record(t, every, x[w], draws, sums)
        if row >= 0:
            if stats.shape[0] > 0:
                stats[row, 0], stats[row, 1], stats[row, 2] = known[w, 2 * dim], probability, 1.0 if diverged > 0 else 0.0
                stats[row, 3], stats[row, 4], stats[row, 5] = error, step_size, leaps
            probability, diverged, leaps = 0.0, 0, 0
    return n


def _runaway() -> np.errstate:
    """No warnings of arithmetic: walkers of an improper posterior may be anywhere, and checks find them."""
    return np.errstate(over="ignore", divide="ignore", invalid="ignore")


@_runaway()
def _bias(x: np.ndarray, gradients: np.ndarray) -> float:
    """By how much the ensemble misses Stein's identity, without what chance adds; as much as chance alone would make of it at least, 1 at most."""
    found = 0.0
    for values in (1.0 + (x - x.mean(0)) * gradients, x.std(0) * gradients):
        chance = values.var(0, ddof=1) / len(x)
        missed = float((values.mean(0) ** 2 - chance).mean())
        found = max(found, missed if math.isfinite(missed) else 1.0)
    return min(1.0, max(1.0 / len(x), found))


def _at_rest(old: np.ndarray, new: np.ndarray, n_old: float, n_new: float) -> bool:
    """Whether averages over two windows have the same mean over walkers; sums of shape (walkers, 2 dim + 1): y, y**2, log density."""
    from scipy.special import stdtrit

    walkers, dim = len(old), old.shape[1] // 2
    n, both = n_old + n_new, (old + new).mean(0)
    m = both[:dim] / n
    variance = both[dim : 2 * dim] / n - m * m
    if not (np.isfinite(both).all() and (variance > 0).all()):
        return False

    def averages(sums: np.ndarray, count: float) -> np.ndarray:
        y, square = sums[:, :dim] / count, sums[:, dim : 2 * dim] / count
        return np.concatenate([y, square - 2.0 * m * y, sums[:, 2 * dim :] / count], 1)

    moved = averages(new, n_new) - averages(old, n_old)
    error = standard_error(moved)
    limit = stdtrit(walkers - 1, 1.0 - 0.5 * _LEVEL / moved.shape[1])
    return bool((np.abs(moved.mean(0)) <= limit * error).all())


class _Bound(BoundContinuous):
    tunes_steps = True
    stats_names = ("lp", "acceptance_rate", "diverging", "energy_error", "step_size", "n_steps")

    def __init__(self, sampler: LAPS, target: Density, driver: Any):
        super().__init__(sampler, target, driver)
        if self.dim < 2:
            raise ArgumentError(
                f"`target` of LAPS must have at least 2 coordinates, or its unit velocity could not turn; got {self.dim}"
            )
        self.walkers = _WALKERS if sampler.walkers is None else int(sampler.walkers)
        self.uniforms_per_step = self.dim + 2
        self.n_known = self.walkers * (2 * self.dim + 1)
        self.length = RADII * math.sqrt(self.dim) if sampler.trajectory_length is None else float(sampler.trajectory_length)
        if sampler.inverse_mass is not None and len(sampler.inverse_mass) != self.dim:
            raise ArgumentError(f"`inverse_mass` must have shape ({self.dim},); got ({len(sampler.inverse_mass)},)")

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """Walkers at random starts of the target, all at `position` where that is one place, or at its rows where it has one for each walker."""
        rows, state = [], State(symbols=np.zeros(1, np.int64))
        many = position is not None and np.ndim(position) == 2 and len(position) == self.walkers
        for w in range(self.walkers):
            place = (
                self.target.random_start(rng) if position is None else self.target.checked_start(position[w] if many else position)
            )
            state.phase = place
            if w == 0 or position is None or many:
                settle_start(self.target, state, rng, position is not None, self.sampler.step_size is None)
            rows.append(state.phase)
        state.phase = np.concatenate(rows)
        sampler = self.sampler
        state.tuning = {
            "step_size": np.array(0.25 * math.sqrt(self.dim) if sampler.step_size is None else float(sampler.step_size)),
            "inverse_mass": np.ones(self.dim) if sampler.inverse_mass is None else np.array(sampler.inverse_mass),
            "trajectory_length": np.array(self.length),
            "warmup_steps": np.array(0.0),
            "settled": np.array(0.0),
            "adjusted_from": np.array(0.0),
            "bias": np.array(np.nan),
        }
        return state

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        tuning, x = state.tuning, state.phase.reshape(self.walkers, self.dim)
        return _adjusted(
            *self.addresses(state), float(tuning["step_size"]), tuning["inverse_mass"], self.length, x,
            self.known(state).reshape(self.walkers, -1), state.symbols, state.counters, n, every, draws, stats, sums
        )  # fmt: skip

    # ---- warm-up ---------------------------------------------------------------------------------------------------------------------

    def warm(self, state: State, n: int, done: int, total: int, draws: np.ndarray, stats: np.ndarray) -> tuple[int, bool]:
        """See `Bound.warm`; a step is one of every walker, and a draw of it that of one."""
        if done == 0:
            self._begin(state)
        tuning = state.tuning
        for t in range(n):
            row = draws[t : t + 1], stats[t : t + 1]
            adjusts = bool(tuning["adjusted_from"])
            if not (self._adjusted_step(state, *row) if adjusts else self._free_step(state, *row)):
                return t, False
            now = done + t + 1
            rests = self._watch(state)
            if not adjusts and (rests or now >= _UNADJUSTED * total):
                self._adjust_from(state, now)
            elif adjusts and rests and self._accepts_enough(tuning):
                tuning["settled"] = np.array(float(now))
            if now == total or tuning["settled"]:
                self._end(state, now)
                return t + 1, now < total
        return n, False

    def _begin(self, state: State) -> None:
        """The arrays of warm-up, whose names begin with ``ensemble_``."""
        shape = self.walkers, 2 * self.dim + 1
        state.tuning |= {
            "ensemble_velocity": np.full((self.walkers, self.dim), np.nan),
            "ensemble_origin": state.phase.reshape(self.walkers, self.dim).mean(0),
            "ensemble_sums": np.zeros(shape),
            "ensemble_former": np.zeros(shape),
            "ensemble_counts": np.array([0.0, 0.0, _FIRST_WINDOW]),  # of the window, of the former one, and where the window ends
            "ensemble_averaging": np.zeros(4),
            "ensemble_acceptance": np.zeros(2),  # of the window, and of the former one
        }

    def _end(self, state: State, now: int) -> None:
        tuning = state.tuning
        tuning["warmup_steps"] = np.array(float(now))
        if self.sampler.step_size is None and tuning["ensemble_averaging"][1] > 0.0:
            tuning["step_size"] = np.array(average_step(tuning["ensemble_averaging"]))
        for name in [name for name in tuning if name.startswith("ensemble_")]:
            del tuning[name]

    def _free_step(self, state: State, draws: np.ndarray, stats: np.ndarray) -> bool:
        tuning, dim = state.tuning, self.dim
        x, known = state.phase.reshape(self.walkers, dim), self.known(state).reshape(self.walkers, -1)
        step, errors = float(tuning["step_size"]), np.empty(self.walkers)
        if not _unadjusted(
            *self.addresses(state), step, tuning["inverse_mass"], math.sqrt(dim), x, tuning["ensemble_velocity"], known, state.counters, errors
        ):  # fmt: skip
            return False
        state.counters[STEPS] += 1
        w = state.symbols[0]
        if draws.shape[0]:
            draws[0], lost = x[w], 0.0 if math.isfinite(errors[w]) else 1.0
            stats[0] = known[w, 2 * dim], 1.0 - lost, lost, errors[w], step, 2
        state.symbols[0] = (w + 1) % self.walkers
        bias = _bias(x, known[:, dim : 2 * dim])
        tuning["bias"] = np.array(bias)
        if self.sampler.inverse_mass is None:
            with _runaway():
                metric = np.sqrt(x.var(0) / known[:, dim : 2 * dim].var(0))
            if (metric > 1e-300).all() and (metric < 1e300).all():
                tuning["inverse_mass"] = metric
        if self.sampler.step_size is None:
            made = errors[np.isfinite(errors)]
            lost = 1.0 - made.size / self.walkers
            with _runaway():
                variance = lost + (1.0 - lost) * float(made.var()) / dim if made.size else 1.0
            change = (_ERROR * bias**_POWER / max(variance, 1e-300)) ** (1.0 / 6.0)
            tuning["step_size"] = np.array(step * min(_MOST_CHANGE, max(_LEAST_CHANGE, change)))
        return True

    def _adjusted_step(self, state: State, draws: np.ndarray, stats: np.ndarray) -> bool:
        tuning, first = state.tuning, int(state.symbols[0])
        rows = np.empty((self.walkers, self.dim)), np.empty((self.walkers, len(self.stats_names)))
        if self.run(state, self.walkers, 1, *rows, np.empty(0)) < self.walkers:
            return False
        state.counters[STEPS] += 1 - self.walkers
        state.symbols[0] = (first + 1) % self.walkers
        if draws.shape[0]:
            draws[0], stats[0] = rows[0][0], rows[1][0]
        accept = float(rows[1][:, 1].mean())
        tuning["ensemble_acceptance"][0] += accept
        if self.sampler.step_size is None:
            tuning["step_size"] = np.array(follow(tuning["ensemble_averaging"], accept, float(self.sampler.target_accept)))
        return True

    @_runaway()
    def _watch(self, state: State) -> bool:
        """Add the ensemble to the sums of the window; whether the window ends and the ensemble was at rest since the former one."""
        tuning, dim = state.tuning, self.dim
        x, known = state.phase.reshape(self.walkers, dim), state.known.reshape(self.walkers, -1)
        sums, former, counts = (tuning[f"ensemble_{name}"] for name in ("sums", "former", "counts"))
        y = x - tuning["ensemble_origin"]
        sums[:, :dim] += y
        sums[:, dim : 2 * dim] += y * y
        sums[:, 2 * dim] += known[:, 2 * dim]
        counts[0] += 1.0
        if counts[0] < counts[2]:
            return False
        rests = bool(counts[1]) and _at_rest(former, sums, counts[1], counts[0])
        acceptance = tuning["ensemble_acceptance"]
        acceptance[:] = 0.0, acceptance[0] / counts[0]
        former[:], counts[1] = sums, counts[0]
        sums[:], counts[0], counts[2] = 0.0, 0.0, math.ceil(_GROWTH * counts[2])
        return rests

    def _adjust_from(self, state: State, now: int) -> None:
        tuning = state.tuning
        tuning["adjusted_from"] = np.array(float(now))
        tuning["ensemble_counts"][:] = 0.0, 0.0, _FIRST_WINDOW
        tuning["ensemble_sums"][:] = 0.0
        tuning["ensemble_acceptance"][:] = 0.0
        if self.sampler.step_size is None:
            # A step of the unadjusted part has two gradients.
            tuning["step_size"] = np.array(min(0.5 * float(tuning["step_size"]), 0.5 * self.length))
            restart(tuning["ensemble_averaging"], float(tuning["step_size"]))

    def _accepts_enough(self, tuning: dict[str, np.ndarray]) -> bool:
        found = float(tuning["ensemble_acceptance"][1])
        return self.sampler.step_size is not None or abs(found - self.sampler.target_accept) < _ACCEPT_ERROR


@dataclass(frozen=True)
class LAPS(Sampler):
    """An ensemble of walkers that takes every step at first and rejects steps only late in warm-up, for starts that are far from the target.

    Parameters
    ----------
    walkers : int, optional
        Number of walkers of a chain, at least 8; 64 when it is not given.
    step_size : float, optional
        Length of a step, measured in units in which each coordinate is divided by the square root of its inverse mass. Warm-up tunes it when it
        is not given.
    trajectory_length : float, optional
        Mean length, in the same units, of the trajectories that are accepted or rejected; 2 sqrt(dim) when it is not given.
    inverse_mass : array of shape (dim,), optional
        The diagonal of the metric, one variance per coordinate. When it is not given, it is 1 for every coordinate at first, and warm-up computes it
        from the positions and gradients of the walkers.
    target_accept : float
        The mean probability of acceptance that warm-up makes the step size reach, once trajectories are accepted or rejected.

    Notes
    -----
    A step of warm-up moves every walker, and warm-up ends by itself when averages over the ensemble no longer drift. A step after warm-up moves one
    walker by one trajectory of `MAMS`, and its position is the draw; the walkers of a chain take turns and do not depend on each other. It pays where the
    density is cheap to evaluate at many places. ``trace.tuning`` has ``adjusted_from`` (the step of warm-up from which trajectories were accepted or
    rejected), ``settled`` (the step at which the ensemble was at rest, 0 if it never was), ``warmup_steps``, ``bias`` (how far the ensemble was from the
    target at the last step without rejections, as a mean square in units of standard deviations), ``step_size``, ``trajectory_length`` and
    ``inverse_mass``. ``stats`` are those of `MAMS`.

    References
    ----------
    Robnik and Seljak (2026), arXiv:2601.16696.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 100.0]), LAPS(), draws=2000, chains=2, seed=1, progress=False)
    >>> trace.walkers, bool(trace.tuning["settled"].all())
    (64, True)
    """

    walkers: int | None = None
    step_size: float | None = None
    trajectory_length: float | None = None
    inverse_mass: Any = None
    target_accept: float = 0.8
    uses_gradient: ClassVar[bool] = True

    def __post_init__(self):
        check_tuned(self)
        if self.walkers is not None:
            whole_number("walkers", self.walkers, 8)
        if self.trajectory_length is not None:
            positive("trajectory_length", self.trajectory_length)

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return _Bound(self, target, driver)
