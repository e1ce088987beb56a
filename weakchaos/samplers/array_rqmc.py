"""Array-RQMC: many chains that are sorted at each step and moved by one randomised low-discrepancy point each.

L'Ecuyer, Lécot and Tuffin, Oper. Res. 56 (2008) 958, doi:10.1287/opre.1080.0556. Let points (i/n, v_i), i = 0 ... n - 1, be the Sobol' points of 1 + d dimensions, ordered
by their first coordinate, where a step of the chain takes d numbers. In each round

    sort the n chains by their positions;   draw a shift s of d uniform numbers;   chain i of the sorted ones moves with the numbers (v_i + s) mod 1.

So the empirical distribution of the chains, and not a single chain, follows the distribution of the Markov chain at each step, with an error that is smaller than
that of n independent chains, and by the shifts averages over the n chains of a round are unbiased for that step. A stream that is no use to a chain, a point set, becomes one
by this. In more than one dimension chains are sorted in batches: by the first coordinate, each batch by the second, and so on.

The averages of a round get better with n, and not with the number of rounds: many chains and few rounds is how it is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import carray

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.system import State
from weakchaos.drivers.base import Driver, stream_addresses
from weakchaos.native.compiled import compiled_stream, draw_uniform, kernel
from weakchaos.samplers.base import Bound, Sampler

__all__ = ["ArrayRQMC"]

_MOST_WALKERS = 2**20


@compiled_stream
def _next_of_point(state):
    words, numbers = carray(state, 1, dtype=np.uint64), carray(state, 1 << 20, dtype=np.float64)
    words[0] += np.uint64(1)
    return numbers[words[0]]


class _Point:
    """A stream that hands out the numbers of one point."""

    def __init__(self, uniforms: int):
        self.numbers = np.zeros(1 + uniforms)
        self.words = self.numbers.view(np.uint64)
        self.function, self.state = _next_of_point.address, self.numbers.ctypes.data

    def load(self, numbers: np.ndarray) -> None:
        self.numbers[1:] = numbers
        self.words[0] = 0


class _PointDriver(Driver):
    name = "points"


@kernel
def _shift(function, state, out):
    for i in range(out.size):
        out[i] = draw_uniform(function, state)


def in_batches(x: np.ndarray) -> np.ndarray:
    """The order of rows of shape (n, dim): by the first column, batches of these by the second, and so on, each batch being a power of n.

    Examples
    --------
    >>> in_batches(np.array([[3.0], [1.0], [2.0]])).tolist()
    [1, 2, 0]
    >>> in_batches(np.array([[0.0, 1.0], [5.0, 1.0], [1.0, 0.0], [6.0, 0.0]])).tolist()
    [2, 0, 3, 1]
    """
    n, dim = x.shape
    order = np.argsort(x[:, 0], kind="stable")
    if dim == 1 or n <= 2:
        return order
    size = max(1, round(n ** (1.0 - 1.0 / dim)))
    return np.concatenate([part[in_batches(x[part][:, 1:])] for part in np.split(order, range(size, n, size))])


class _Bound(Bound):
    """Phase and symbols of all walkers one after another; the first symbol is the walker that is due."""

    uniforms_per_step = None  # the shift of a round is taken at once

    def __init__(self, sampler: ArrayRQMC, target: Any, driver: Any):
        super().__init__(sampler, target, driver)
        self.inner = sampler.sampler.bind(target, driver=_PointDriver())
        uniforms = self.inner.uniforms_per_step
        if not uniforms or self.inner.walkers != 1 or self.inner.pool_every is not None:
            raise ArgumentError(
                f"`sampler` must take a fixed number of uniforms a step and be a single chain; got {sampler.sampler!r}: take Gibbs, HMC, "
                "RandomWalkMetropolis or GaussianGibbs, for example"
            )
        self.uniforms, self.walkers = int(uniforms), sampler.walkers
        for name in ("dim", "dtype", "readout_dtype", "names", "n_averages", "averages_of_readout"):
            setattr(self, name, getattr(self.inner, name))
        self._points = _sorted_points(self.walkers, self.uniforms)

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """All walkers at random starts, at `position`, or each at its row of it."""
        rows = [position] * self.walkers
        if position is not None and np.ndim(position) == 2:
            if len(position) != self.walkers:
                raise ArgumentError(f"`initial` must have one row for each of {self.walkers} walkers; got {len(position)}")
            rows = list(position)
        states = [self.inner.new_state(rng, row) for row in rows]
        symbols = np.concatenate([[0], *(s.symbols for s in states)]).astype(np.int64)
        return State(phase=np.concatenate([s.phase for s in states]), symbols=symbols, tuning=states[0].tuning)

    def _places(self, state: State) -> tuple[np.ndarray, np.ndarray]:
        return state.phase.reshape(self.walkers, -1), state.symbols[1:].reshape(self.walkers, -1)

    def _positions(self, state: State) -> np.ndarray:
        phase, symbols = self._places(state)
        return phase[:, : self.dim] if np.dtype(self.dtype).kind == "f" else symbols[:, : self.dim]

    def _round(self, state: State) -> bool:
        """Move every walker once; False where the user's function failed."""
        phase, symbols = self._places(state)
        shift, point = np.empty(self.uniforms), _Point(self.uniforms)
        _shift(*stream_addresses(state.driver), shift)
        numbers = (self._points + shift) % 1.0
        numbers[numbers >= 1.0] = 0.0  # a sum that was rounded up
        draws, stats, none = np.empty((0, self.dim), self.dtype), np.empty((0, len(self.inner.stats_names))), np.empty(0)
        one = State(driver=point, counters=state.counters, tuning=state.tuning)
        for k, i in enumerate(in_batches(np.asarray(self._positions(state), float))):
            point.load(numbers[k])
            one.phase, one.symbols = phase[i], symbols[i]
            if self.inner.run(one, 1, 1, draws, stats, none) != 1:
                return False
            phase[i], symbols[i] = one.phase, one.symbols
        return True

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        made = 0
        while made < n:
            due = int(state.symbols[0])
            if due == 0 and not self._round(state):
                return made
            count = min(n - made, self.walkers - due)
            steps = np.arange(made + 1, made + count + 1)
            kept = steps % every == 0
            rows = np.asarray(self._positions(state)[due : due + count][kept], self.dtype)
            if draws.shape[0]:
                draws[steps[kept] // every - 1] = rows
            if sums.size:
                sums += self.inner.estimands(self.inner.readout(rows.copy())).sum(0, dtype=float)
            state.symbols[0] = (due + count) % self.walkers
            made += count
        return n

    def take_error(self) -> BaseException:
        """What the user's function raised."""
        return self.inner.take_error()

    def readout(self, draws: np.ndarray) -> np.ndarray:
        """See `Bound.readout`."""
        return self.inner.readout(draws)

    def estimands(self, draws: np.ndarray) -> np.ndarray:
        """See `Bound.estimands`."""
        return self.inner.estimands(draws)

    def mean_of_averages(self, averages: np.ndarray) -> np.ndarray:
        """See `Bound.mean_of_averages`."""
        return self.inner.mean_of_averages(averages)


def _sorted_points(n: int, uniforms: int) -> np.ndarray:
    """Sobol' points of 1 + `uniforms` dimensions without their first coordinate, by which they are ordered; in the middle of their cells."""
    from scipy.stats import qmc

    points = qmc.Sobol(1 + uniforms, scramble=False).random_base2(n.bit_length() - 1)
    return points[np.argsort(points[:, 0]), 1:] + 0.5 / n


@dataclass(frozen=True)
class ArrayRQMC(Sampler):
    """Array-RQMC: chains of another sampler, sorted at each step and moved by the points of a shifted Sobol' set.

    Parameters
    ----------
    sampler : Sampler
        The chain, whose steps take a fixed number of uniforms: `Gibbs`, `GaussianGibbs`, `RandomWalkMetropolis`, `HMC` (whose momenta are then low-discrepancy
        points), with its step size given.
    walkers : int
        Number of chains, a power of 2 from 2 to 2**20.

    Notes
    -----
    Draws are those of the walkers in turn, as those of `EnsembleStretch`: ``trace.draws[c].reshape(-1, walkers, dim)`` has an axis of walkers. The driver gives one random
    shift for each round. What is gained is largest for states of one dimension and updates that are smooth in the numbers that they take.

    References
    ----------
    L'Ecuyer, Lécot and Tuffin, Oper. Res. 56 (2008) 958, doi:10.1287/opre.1080.0556.

    Examples
    --------
    >>> import weakchaos as wc
    >>> sampler = ArrayRQMC(wc.samplers.GaussianGibbs(), walkers=256)
    >>> trace = wc.sample(wc.zoo.correlated_gaussian(0.5), sampler, draws=10 * 256, warmup=10 * 256, chains=2, seed=1, progress=False)
    >>> bool(np.abs(trace.draws.mean((0, 1))).max() < 0.02)
    True
    """

    sampler: Any
    walkers: int = 1024

    def __post_init__(self):
        if not isinstance(self.sampler, Sampler) or isinstance(self.sampler, ArrayRQMC):
            raise ArgumentTypeError(f"`sampler` must be a sampler such as weakchaos.samplers.Gibbs(); got {shown(self.sampler)}")
        if getattr(self.sampler, "step_size", 0.0) is None:
            raise ArgumentError(f"`sampler` must have its step size given, because nothing tunes it here; got {self.sampler!r}")
        walkers = whole_number("walkers", self.walkers, 2, _MOST_WALKERS)
        if walkers & (walkers - 1):
            raise ArgumentError(f"`walkers` must be a power of 2, as many as a Sobol' set has points; got {walkers}")
        object.__setattr__(self, "walkers", walkers)

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of these chains on what their sampler takes; the driver gives the shifts."""
        return _Bound(self, target, driver)
