"""Gibbs and Metropolis sampling of the uniform Ising model with 64 spins a word (multi-spin coding).

One step is a sweep: spins of one class, such as a colour of the chess-board, have no edges among them and are moved together, one class after the other; each flips with
probability ``1 / (1 + exp(cost))`` (heat bath, that is Gibbs sampling) or ``15/16 min(1, exp(-cost))`` (Metropolis), where `cost` is the rise of energy over
temperature. Packing of one replica: Ito and Kanada, Supercomputer 5 (1988) 31; Block, Virnau and Preis, Comput. Phys. Commun. 181 (2010) 1549,
doi:10.1016/j.cpc.2010.05.005.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.counters import STEPS
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.machine_memory import enough_memory
from weakchaos.core.system import State
from weakchaos.drivers import resolve
from weakchaos.samplers.base import Bound, Sampler
from weakchaos.samplers.observed_moments import ObservedMoments
from weakchaos.samplers.packed.bit_layout import Layout
from weakchaos.samplers.packed.packed_flips import flip_kinds
from weakchaos.samplers.packed.packed_observables import measure
from weakchaos.samplers.packed.packed_sweep import sweep
from weakchaos.samplers.packed.work_rows import WIDTH
from weakchaos.samplers.record import record
from weakchaos.targets.mrf import Ising

__all__ = ["BoundPacked", "PackedIsing"]

_RULES, _STARTS = ("heat-bath", "metropolis"), ("random", "up")
_BLOCKS, _LEAST = 64, 4 * WIDTH  # of pairs of rows that have random numbers of their own, and words of a block
_AXES = 7
_FULL, _AT_ONCE = np.uint64(0xFFFFFFFFFFFFFFFF), 1 << 20


class BoundPacked(Bound):
    """Symbols are the random streams of all blocks, then the words.

    Attributes
    ----------
    layout : Layout
    free : bool
        Whether boundaries are free.
    lanes, blocks : int
        Words of the random streams, and blocks of rows that have streams of their own.
    bounds : int64 array of shape (blocks + 1,)
        Pairs of rows of each block.
    alive, cosine, sine : arrays
        What `measure` reads.
    """

    uniforms_per_step = 0
    straight_paths = False

    def __init__(self, sampler: PackedIsing, target: Ising, driver: Any):
        self.sampler, self.target, self.driver = sampler, target, None
        self.names = ["energy", "magnetisation", "structure factor"]
        self.dim, self.n_averages = 3, 6
        assert target.shape is not None
        self.layout = layout = Layout(target.shape, target.periodic)
        self.free = not target.periodic
        self._kinds = self.kinds(1.0)
        words, pair = layout.words, layout.geometry.pair
        pairs = math.prod(-(-m // 2) if a == pair else m for a, m in enumerate(words[:-1]))
        self.blocks = max(1, min(_BLOCKS, pairs, layout.n_words // _LEAST))
        self.bounds = np.array([pairs * b // self.blocks for b in range(self.blocks + 1)], np.int64)
        self.alive = layout.alive_by_axis()
        angle = 2.0 * np.pi * np.arange(words[-1]) / words[-1]
        self.cosine, self.sine = np.cos(angle), np.sin(angle)
        self.lanes = 4 * WIDTH * self.blocks

    def kinds(self, share: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The kinds of spins that may flip where the inverse temperature is `share` of the target's; see `flip_kinds`."""
        beta, target = share * self.target.beta, self.target
        return flip_kinds(self.layout.dim, beta * target.coupling, beta * target.field, self.free, self.sampler.rule)

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """Spins up, or each up or down by a coin, or as given."""
        layout = self.layout
        enough_memory(8 * layout.n_words, f"a lattice of {layout.n_spins:,} spins as bits", "take a smaller `shape`")
        state = State(symbols=np.empty(self.lanes + layout.n_words, np.int64))
        self.fill(state.symbols, rng, position)
        return state

    def fill(self, symbols: np.ndarray, rng: np.random.Generator, position: Any) -> None:
        """Make `symbols` those of a new state."""
        layout, lanes = self.layout, self.lanes
        unsigned = symbols.view(np.uint64)
        unsigned[:lanes] = rng.integers(0, 2**64, lanes, dtype=np.uint64)
        words = unsigned[lanes:]
        if position is not None:
            words[:] = layout.pack(self._spins(position))
        elif self.sampler.start == "up":
            words[:] = _FULL
            layout.keep_alive(words)
        else:
            for first in range(0, len(words), _AT_ONCE):  # no second array of the size of the lattice
                part = words[first : first + _AT_ONCE]
                part[:] = rng.integers(0, 2**64, len(part), dtype=np.uint64)
            layout.keep_alive(words)

    def _spins(self, position: Any) -> np.ndarray:
        spins = np.asarray(position)
        if spins.size != self.layout.n_spins or not ((spins == 1) | (spins == -1)).all():
            raise ArgumentError(f"`initial` must hold {self.layout.n_spins} spins, each -1 or +1; got {shown(position)}")
        return spins.reshape(self.layout.shape)

    def spins(self, state: State) -> np.ndarray:
        """All spins of a state, -1 and +1, int8 of the shape of the lattice.

        Examples
        --------
        >>> import weakchaos as wc
        >>> system = PackedIsing(start="up").bind(wc.Ising.lattice((4, 6), beta=0.4))
        >>> int(system.spins(system.start(0)).sum())
        24
        """
        return self.layout.unpack(self._words(state))

    def _words(self, state: State) -> np.ndarray:
        return state.symbols.view(np.uint64)[self.lanes :]

    def _observables(self, words: np.ndarray) -> tuple[float, float, float]:
        layout, target = self.layout, self.target
        equal, up, real, imaginary = measure(words, layout.geometry, self.alive, self.cosine, self.sine)
        n, total = layout.n_spins, 2 * up - layout.n_spins
        energy = -(target.coupling * (2 * equal - layout.n_bonds) + target.field * total) / n
        return energy, total / n, (real * real + imaginary * imaginary) / n

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        words, geometry, x = self._words(state), self.layout.geometry, np.empty(3)
        lanes = state.symbols.view(np.uint64)[: self.lanes].reshape(self.blocks, 4, WIDTH)
        classes, blocks = self.layout.n_classes, self.blocks
        with ExitStack() as stack:
            threads = min(self.sampler.threads, blocks)
            pool = stack.enter_context(ThreadPoolExecutor(threads)) if threads > 1 else None

            def move(steps: int) -> None:
                everything = words, lanes, geometry, *self._kinds, self.free, self.bounds
                if pool is None:
                    sweep(*everything, steps, 0, classes, 0, blocks)
                    return
                # Blocks of one class are independent, and classes follow one another.
                parts = [(blocks * k // threads, blocks * (k + 1) // threads) for k in range(threads)]
                for c in list(range(classes)) * steps:
                    list(pool.map(lambda part, c=c: sweep(*everything, 1, c, c + 1, *part), parts))

            keeps = len(draws) > 0 or sums.size > 0
            for t in range(0, n, every) if keeps else (0,):
                steps = min(every, n - t) if keeps else n
                move(steps)
                state.counters[STEPS] += steps
                if keeps and steps == every:
                    x[:] = self._observables(words)
                    record(t + steps - 1, every, x, draws, sums)
        return n

    def estimands(self, draws: np.ndarray) -> np.ndarray:
        """First and second moments."""
        return np.concatenate([draws, draws**2], -1)

    def mean_of_averages(self, averages: np.ndarray) -> np.ndarray:
        """The first moments."""
        return averages[..., :3]

    @property
    def measured(self) -> ObservedMoments:
        """See `Bound.measured`."""
        return ObservedMoments(self.target, list(self.names))


@dataclass(frozen=True)
class PackedIsing(Sampler):
    """Heat bath or Metropolis sweeps of a uniform Ising lattice of any dimension, sides and boundaries, with spins as bits; draws are observables.

    A draw is the energy a spin (in the units of the coupling, ``-(coupling sum s_i s_j + field sum s_i) / n``), the magnetisation a spin, and the structure factor
    ``|sum_i s_i exp(2 pi i x / L)|^2 / n`` at the smallest wave vector along one axis, the last of ``system.layout.axes``. Spins themselves are `spins(state)` of the
    bound system.

    Parameters
    ----------
    rule : "heat-bath" or "metropolis"
        Heat bath is Gibbs sampling. Metropolis refuses one flip in 16 whatever it costs: if flips that cost nothing were always made, a colour would move without
        chance, and a ring, for example, would keep the number of walls that run each way for ever.
    start : "random" or "up"
        Where a chain starts without `initial`; a random start below the critical temperature leaves walls that live long.
    threads : int
        Threads in which blocks of rows are moved; draws do not depend on it.

    Notes
    -----
    Random numbers are those of xoshiro256++, many streams side by side, which belong to the state: the sampler takes none from a driver. For another
    stream use `Gibbs`.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.Ising.lattice((64, 64), beta=0.3), PackedIsing(), draws=200, warmup=100, seed=1, progress=False)
    >>> trace.draws.shape, bool(abs(trace.mean()[0] + 0.7044) < 0.01)  # the exact energy is -.7044
    ((4, 200, 3), True)
    """

    draws_observables: ClassVar[bool] = True
    rule: str = "heat-bath"
    start: str = "random"
    threads: int = 1

    def __post_init__(self):
        for name, allowed in (("rule", _RULES), ("start", _STARTS)):
            if getattr(self, name) not in allowed:
                raise ArgumentError(f"`{name}` must be {' or '.join(map(repr, allowed))}; got {shown(getattr(self, name))}")
        object.__setattr__(self, "threads", whole_number("threads", self.threads, 1, 1024))

    def bind(self, target: Any, driver: Any = None) -> BoundPacked:
        """The system of this sampler on an `Ising.lattice`."""
        self.require(target, Ising, "an Ising.lattice, all of whose couplings are equal")
        if target.shape is None:
            raise ArgumentError(
                "`target` must be an Ising.lattice, all of whose couplings are equal; for a model of couplings of its own use Gibbs"
            )
        if not 1 <= sum(side > 1 for side in target.shape) <= _AXES:
            raise ArgumentError(f"`target` must have 1 to {_AXES} axes that are longer than 1; got {target.shape}")
        if driver is not None and resolve(driver).name != "pcg64":
            raise ArgumentError(
                f"`driver` cannot be chosen for PackedIsing, which has random words of its own; use Gibbs under {shown(driver)}"
            )
        return BoundPacked(self, target, driver)
