"""Slice sampling whose level persists: the height under the density moves, and is not drawn anew.

A slice sampler keeps (x, y) uniform on the region under the density, 0 < y < p(x): it draws x anew from the slice {x : p(x) > y}, and y anew from (0, p(x)). R. M. Neal,
arXiv:2001.11950: the second move may be any that leaves u = y / p(x) uniform on (0, 1), one that is not reversible among them. With v in (-1, 1) and u = |v|, on each line

    v <- v + d, wrapped into (-1, 1);   level = log p(x) + log |v|;   x <- x', drawn from the slice;   |v| <- exp(level - log p(x')),

where x' comes from the interval that `Slice` finds by stepping out and shrinkage, and v keeps its sign: the last line says that the level itself is the same before and
after the move of x.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import one_for_each, positive_numbers, whole_number
from weakchaos.core.counters import EVALUATIONS, STEPS
from weakchaos.core.system import State
from weakchaos.native.compiled import kernel
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.persistent_metropolis import BoundPersistent, checked_drift, drifted
from weakchaos.samplers.record import evaluate_start, go_back, record_told
from weakchaos.samplers.slice_sampling import along_line
from weakchaos.targets.density import Density

__all__ = ["PersistentSlice"]


@kernel
def _persistent_slices(density, user_data, stream, stream_state, width, drift, max_steps, phase, known, counters, n, every, draws, stats, sums):  # fmt: skip
    """`phase` is the position, then v."""
    dim = phase.size - 1
    x = phase[:dim]
    place, value, line, before, told = np.empty(dim), np.empty(1), np.zeros(dim), np.empty(dim + 1), 0
    if n > 0 and not evaluate_start(density, user_data, x, known, counters):
        return 0
    for t in range(n):
        first = counters[EVALUATIONS]
        before[:] = phase
        value_before = known[dim]
        for k in range(dim):
            line[:] = 0.0
            line[k] = 1.0
            v = drifted(phase[dim], drift)
            level = known[dim] + math.log(max(abs(v), 5e-324))
            gone = along_line(
                density, user_data, stream, stream_state, width[k], max_steps, level, x, line, known, place, value, counters
            )
            if math.isnan(gone):
                go_back(phase, before, x, known, value_before)
                return t
            if gone != 0.0:
                v = math.copysign(min(math.exp(level - known[dim]), 1.0 - 2.0**-53), v)
            phase[dim] = v
        counters[STEPS] += 1
        told += counters[EVALUATIONS] - first
        if record_told(t, every, x, draws, sums, known[dim], told, stats):
            told = 0
    return n


class _Bound(BoundPersistent):
    stats_names = ("lp", "n_steps")
    uniforms_per_step = None
    least_uniforms = 1

    def __init__(self, sampler: PersistentSlice, target: Density, driver: Any):
        super().__init__(sampler, target, driver)
        self._width = one_for_each("width", sampler.width, self.dim)

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        return _persistent_slices(
            *self.addresses(state), self._width, float(self.sampler.uniform_drift), int(self.sampler.max_steps), state.phase, self.known(state),
            state.counters, n, every, draws, stats, sums
        )  # fmt: skip


@dataclass(frozen=True)
class PersistentSlice(Sampler):
    """Slice sampling along the coordinates, with a level that moves slowly instead of being drawn anew on each line.

    Parameters
    ----------
    width : float or array of shape (dim,)
        Width of the first interval on a line, in the units of the coordinates: two or three standard deviations.
    uniform_drift : float
        The distance d, between 0 and 1, by which v moves before each line.
    max_steps : int
        The largest number of widths that an interval may have.

    Notes
    -----
    ``stats`` holds ``lp`` and ``n_steps``, the evaluations of the log density. On a normal distribution a drift of 0.3 to 0.6 shortens the memory of squares
    and of the log density from 2.0 to 1.7 steps; a slow level, as with a drift of 0.01, makes both move slowly, too.

    References
    ----------
    Neal, arXiv:2001.11950; Neal, Annals of Statistics 31 (2003) 705, doi:10.1214/aos/1056562461.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 2.0]), PersistentSlice(3.0), draws=5000, seed=1, progress=False)
    >>> bool(np.abs(trace.draws.std((0, 1)) / [1.0, 2.0] - 1).max() < 0.1)
    True
    """

    width: Any = 1.0
    uniform_drift: float = 0.4
    max_steps: int = 100

    def __post_init__(self):
        checked_drift(self.uniform_drift)
        object.__setattr__(self, "width", positive_numbers("width", self.width))
        whole_number("max_steps", self.max_steps, 1)

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return _Bound(self, target, driver)
