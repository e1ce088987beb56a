"""Kernel herding as a dynamical system.

Chen, Welling, Smola, UAI 2010, arXiv:1203.3472: herding with features k(x, .), whose weights are a function w on the candidates,

    x_t = argmax w_{t-1}(x),      w_t = w_{t-1} + mu - k(x_t, .),      w_0 = mu,

with mu(x) = E k(x, Y) under the target. The discrepancy of the first T points is |w_T - w_0| / T in the space of the kernel, so that it falls like 1/T as long as w
stays bounded there; in a space of infinite dimension only 1/sqrt(T) is guaranteed. Ties go to the lowest index.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.counters import STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.herding.selection.problem import set_up
from weakchaos.herding.selection.step_rules import add_column, largest
from weakchaos.kernels.base import Kernel
from weakchaos.kernels.kernel_columns import BLOCK
from weakchaos.kernels.other_kernels import as_kernel
from weakchaos.kernels.radial import Gaussian
from weakchaos.native.compiled import kernel as compiled
from weakchaos.samplers.base import Bound, Sampler
from weakchaos.targets.discrete_target import smallest_integer
from weakchaos.targets.points import Points

__all__ = ["KernelHerding"]


@compiled
def _herd(ops, params, points, mean, diagonal, double, phase, symbols, counters, n, every, draws, stats, sums, x):
    work, value, size = np.empty((ops.shape[0], BLOCK), points.dtype), np.empty(BLOCK), mean.size
    w = phase[:size]
    for t in range(n):
        chosen = largest(w)
        # |w - w_0|^2 and <w - w_0, mu> in the space of the kernel, from values that are at hand.
        moved = w[chosen] - mean[chosen]
        phase[size] += 2.0 * (phase[size + 1] - moved) + double - 2.0 * mean[chosen] + diagonal[chosen]
        phase[size + 1] += double - mean[chosen]
        add_column(ops, params, points, chosen, 1.0, -1.0, w, mean, 0.0, work, value)
        for j in range(size):
            w[j] += mean[j]
        symbols[0] = chosen
        symbols[1] += 1
        counters[STEPS] += 1
        if (t + 1) % every == 0:
            row = (t + 1) // every - 1
            if draws.shape[0] > 0:
                draws[row, 0] = chosen
                stats[row, 0] = math.sqrt(max(0.0, phase[size])) / symbols[1]
            if sums.size > 0:
                for k in range(sums.size):
                    sums[k] += x[chosen, k]
    return n


class _BoundKernel(Bound):
    """Phase: w at every candidate, then |w - w_0|^2 and <w - w_0, mu>. Symbols: the candidate chosen last, and how many were."""

    stats_names = ("mmd",)

    def __init__(self, sampler: KernelHerding, target: Points):
        super().__init__(sampler, target, None)
        self.n_averages = target.dim
        self.dtype = smallest_integer(len(target.x) - 1)
        self._problem = set_up(target, sampler.kernel, sampler.distribution, progress=False)

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """The weights at the mean, as herding starts."""
        if position is not None:
            raise ArgumentError(
                "`initial` must be None: herding starts from weights, which are the mean of the kernel, not from a position"
            )
        return State(phase=np.append(self._problem.mean, [0.0, 0.0]), symbols=np.zeros(2, np.int64))

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        p = self._problem
        rows = draws if draws.shape[1] == 1 else np.empty((len(draws), 1), self.dtype)
        _herd(
            p.ops,
            p.params,
            p.blocks,
            p.mean,
            p.diagonal,
            p.double,
            state.phase,
            state.symbols,
            state.counters,
            n,
            every,
            rows,
            stats,
            sums,
            p.x,
        )
        if rows is not draws:
            draws[:, 0] = rows[:, 0]
        return n

    def readout(self, draws: np.ndarray) -> np.ndarray:
        """The points."""
        return self._problem.x[draws[:, 0]]

    def estimands(self, draws: np.ndarray) -> np.ndarray:
        """The points themselves."""
        return np.asarray(draws, np.float64)

    def mean_of_averages(self, averages: np.ndarray) -> np.ndarray:
        """The mean of the points."""
        return averages

    def truth(self) -> tuple[np.ndarray | None, np.ndarray]:
        """The mean of the points that are herded; not known where another distribution is the target."""
        mean, scale = self.target.truth()
        return (mean if self.sampler.distribution is None else None), scale


@dataclass(frozen=True)
class KernelHerding(Sampler):
    r"""A deterministic sequence of points whose average under a kernel converges to that of the target.

    The target is `Points`, the candidates, and a draw is one of them. `weakchaos.herding.select` makes the same choices and more, as a selection with
    final weights; this is the sampler, which can be run, continued, compared and diagnosed as any other system.

    Parameters
    ----------
    kernel : Kernel, or numba function ``f(x, y) -> float``
        By default a Gaussian kernel whose bandwidth is the median distance of the points.
    distribution : Distribution, optional
        What the points are to stand for where it is not themselves (`weakchaos.kernels.Normal` for example).

    Notes
    -----
    With $\mu(x) = E k(x, Y)$ under the target,

    $$x_t = \mathrm{argmax}_x w_{t-1}(x), \qquad w_t = w_{t-1} + \mu - k(x_t, \cdot), \qquad w_0 = \mu,$$

    and the discrepancy of the first T points is $|w_T - w_0| / T$ in the space of the kernel.

    ``stats["mmd"]`` is the discrepancy of all points so far. Memory is of the order of the candidates; their means take n^2 / 2 evaluations of the
    kernel, none in closed form.

    Examples
    --------
    >>> import weakchaos as wc
    >>> x = np.random.default_rng(0).normal(size=(1000, 2))
    >>> trace = wc.sample(wc.Points(x), KernelHerding(wc.kernels.Gaussian(1.0)), draws=200, warmup=0, chains=1, progress=False)
    >>> bool(np.abs(trace.mean() - x.mean(0)).max() < 0.02)
    True
    """

    kernel: Any = field(default_factory=Gaussian)
    distribution: Any = None

    def __post_init__(self) -> None:
        made: Kernel = as_kernel(self.kernel)
        object.__setattr__(self, "kernel", made)

    def bind(self, target: Any, driver: Any = None) -> _BoundKernel:
        """The system of herding on a target; `driver` is not used, since no number is drawn."""
        self.require(target, Points, "Points, the candidates")
        return _BoundKernel(self, target)
