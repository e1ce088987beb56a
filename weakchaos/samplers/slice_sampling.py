"""Slice sampling along lines, with stepping out and shrinkage.

Neal, Annals of Statistics 31 (2003) 705, doi:10.1214/aos/1056562461, figures 3 and 5: on the line x + t e a level y = log p(x) + log(u) is drawn, an interval of
width w laid at random around t = 0 and widened by steps of w until both of its ends are below the level, at most m steps in all, shared at
random between both ends; then a point is drawn from the interval, which shrinks towards t = 0 until a point above the level is found. Lines are
the coordinates in turn, or one in a random direction (hit and run: section 5.1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from weakchaos.core.arguments import positive_numbers, whole_number
from weakchaos.core.counters import ACCEPTED, BAD_VALUES, EVALUATIONS, STEPS
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.system import State
from weakchaos.native.compiled import address_of, call_density, draw_uniform, kernel, normal_from_uniform
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.continuous import BoundContinuous
from weakchaos.samplers.record import evaluate_start, go_back, know, record_told
from weakchaos.targets.density import Density

__all__ = ["Slice", "along_line"]

# Halvings of an interval after which its points are no longer told apart: a density that is not a function of its argument would go on for ever.
_MOST_SHRINKS = 2000
_MOVES = 2.5  # the width that is tuned, in mean moves: of a normal distribution, 2.8 standard deviations, about the mean width of its slices


@njit(nogil=True, error_model="numpy")
def _log_density(density, user_data, x, line, t, place, value, counters):
    """The log density at ``x + t line``, -inf where it is NaN or +inf, which is counted; the last place is left in `place`. False: the function failed."""
    dim = x.size
    for i in range(dim):
        place[i] = x[i] + t * line[i]
    counters[EVALUATIONS] += 1
    if call_density(density, np.uint64(dim), address_of(place), np.uint64(0), address_of(value), user_data) != 0:
        return False
    if math.isnan(value[0]) or value[0] == math.inf:
        counters[BAD_VALUES] += 1
        value[0] = -math.inf
    return True


@njit(nogil=True, error_model="numpy")
def along_line(density, user_data, stream, stream_state, width, max_steps, level, x, line, known, place, value, counters):
    """Draw anew from the part of a line through `x` that is above the level, in place; how far it went, NaN where the user's function failed."""
    dim = x.size
    left = -width * draw_uniform(stream, stream_state)
    right = left + width
    outwards = min(int(max_steps * draw_uniform(stream, stream_state)), max_steps - 1)
    inwards = max_steps - 1 - outwards
    while outwards > 0:
        if not _log_density(density, user_data, x, line, left, place, value, counters):
            return math.nan
        if not value[0] > level:
            break
        left -= width
        outwards -= 1
    while inwards > 0:
        if not _log_density(density, user_data, x, line, right, place, value, counters):
            return math.nan
        if not value[0] > level:
            break
        right += width
        inwards -= 1
    for _ in range(_MOST_SHRINKS):
        t = left + draw_uniform(stream, stream_state) * (right - left)
        if not _log_density(density, user_data, x, line, t, place, value, counters):
            return math.nan
        if value[0] > level:
            counters[ACCEPTED] += 1
            for i in range(dim):
                x[i] = place[i]
            known[dim] = value[0]
            know(x, known)
            return abs(t)
        if t < 0.0:
            left = t
        else:
            right = t
    return 0.0


@kernel
def _slices(density, user_data, stream, stream_state, width, learned, tuning, max_steps, along_coordinates, x, known, counters, n, every, draws, stats, sums):  # fmt: skip
    """`n` steps; of warm-up that tunes the widths where `tuning`. `learned` counts the steps that widths are means of."""
    dim = x.size
    place, value, line, before, told = np.empty(dim), np.empty(1), np.zeros(dim), np.empty(dim), 0
    if n > 0 and not evaluate_start(density, user_data, x, known, counters):
        return 0
    for t in range(n):
        first = counters[EVALUATIONS]
        before[:] = x
        value_before = known[dim]
        for k in range(dim if along_coordinates else 1):
            if along_coordinates:
                line[:] = 0.0
                line[k] = 1.0
            else:
                norm = 0.0
                for i in range(dim):
                    line[i] = normal_from_uniform(draw_uniform(stream, stream_state))
                    norm += line[i] * line[i]
                norm = math.sqrt(norm)
                for i in range(dim):
                    line[i] /= norm
            u = draw_uniform(stream, stream_state)
            level = known[dim] + math.log(max(u, 5e-324))
            gone = along_line(
                density, user_data, stream, stream_state, width[k], max_steps, level, x, line, known, place, value, counters
            )
            if math.isnan(gone):
                go_back(x, before, x, known, value_before)
                return t
            if tuning:
                width[k] = max(width[k] + (_MOVES * gone - width[k]) / (learned[0] + 2.0), 1e-300)
        if tuning:
            learned[0] += 1.0
        counters[STEPS] += 1
        told += counters[EVALUATIONS] - first
        if record_told(t, every, x, draws, sums, known[dim], told, stats):
            told = 0
    return n


class _Bound(BoundContinuous):
    stats_names = ("lp", "n_steps")
    uniforms_per_step = None
    least_uniforms = 1

    def __init__(self, sampler: Slice, target: Density, driver: Any):
        super().__init__(sampler, target, driver)
        self.n_known = self.dim + 1
        self._width = np.array(1.0 if sampler.width is None else sampler.width, np.float64)
        if self._width.ndim and (self._width.shape != (self.dim,) or sampler.direction == "random"):
            raise ArgumentError(
                f"`width` must be a number, or have shape ({self.dim},) with direction='coordinate'; got shape {self._width.shape} with {sampler.direction!r}"
            )

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """See `BoundContinuous.new_state`."""
        state = super().new_state(rng, position)
        lines = self.dim if self.sampler.direction == "coordinate" else 1
        state.tuning = {"width": np.broadcast_to(self._width, (lines,)).copy(), "learned": np.zeros(1)}
        return state

    def _move(self, state: State, n: int, every: int, tuning: bool, draws: Any, stats: Any, sums: Any) -> int:
        return _slices(
            *self.addresses(state), state.tuning["width"], state.tuning["learned"], tuning, int(self.sampler.max_steps),
            self.sampler.direction == "coordinate", state.phase, self.known(state), state.counters, n, every, draws, stats, sums
        )  # fmt: skip

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        return self._move(state, n, every, False, draws, stats, sums)

    def warm(self, state: State, n: int, done: int, total: int, draws: np.ndarray, stats: np.ndarray) -> tuple[int, bool]:
        """See `Bound.warm`."""
        return self._move(state, n, 1, self.sampler.width is None, draws, stats, np.empty(0)), False


@dataclass(frozen=True)
class Slice(Sampler):
    """Slice sampling along lines; it needs no gradient and works over a wide range of its one parameter, the width.

    Parameters
    ----------
    width : float or array of shape (dim,), optional
        Width of the first interval on a line, in the units of the coordinates. When it is not given, it is 1 at first, and warm-up sets it to 2.5 times
        the mean distance that draws moved.
    direction : {"coordinate", "random"}
        Whether a step draws along every coordinate in turn, or along one line in a random direction, which is better where coordinates are correlated
        and few.
    max_steps : int
        The largest number of widths that an interval may have.

    Notes
    -----
    ``stats`` holds ``lp`` and ``n_steps``, the evaluations of the log density. ``trace.tuning["width"]`` holds the widths.

    References
    ----------
    Neal, Annals of Statistics 31 (2003) 705, doi:10.1214/aos/1056562461.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 100.0]), Slice(), draws=1000, warmup=200, seed=1, progress=False)
    >>> bool(150 < trace.tuning["width"][0, 1] < 600), trace.check()
    (True, [])
    """

    width: Any = None
    direction: str = "coordinate"
    max_steps: int = 100

    def __post_init__(self):
        if self.width is not None:
            object.__setattr__(self, "width", positive_numbers("width", self.width))
        if self.direction not in ("coordinate", "random"):
            raise ArgumentError(f"`direction` must be 'coordinate' or 'random'; got {shown(self.direction)}")
        whole_number("max_steps", self.max_steps, 1)

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return _Bound(self, target, driver)
