"""Parallel tempering of any sampler: replicas of it at rising temperatures, which change places.

Swendsen and Wang, Phys. Rev. Lett. 57 (1986) 2607; Geyer, Computing Science and Statistics 23 (1991) 156; in the non-reversible form of Syed et al., J. R. Stat. Soc. B 84 (2022) 321,
arXiv:1905.02939 (`weakchaos.samplers.tempering.swaps`). What changes places is the position. What a sampler keeps beside it (momenta, thermostats, herding weights, positions of
a billiard) is independent of the position under the law that its map leaves invariant, and stays where it is with all that is tuned.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import numpy as np

from weakchaos.core.counters import WARMUP_STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.flags import Flag, Kind
from weakchaos.core.system import State, as_seed
from weakchaos.drivers import resolve
from weakchaos.samplers.base import Bound
from weakchaos.samplers.discrete import BoundDiscrete
from weakchaos.samplers.tempering.inner_samplers import check_inner
from weakchaos.samplers.tempering.ladder import equalised, first_betas, tuning_steps
from weakchaos.samplers.tempering.noting import Noting
from weakchaos.samplers.tempering.replicas import Opened, join, open_streams, restore_streams
from weakchaos.samplers.tempering.rounds import Exchange, place_of
from weakchaos.samplers.tempering.swaps import first_tail
from weakchaos.targets.couplings import pairs_by_unit
from weakchaos.targets.density import Coordinates, Density
from weakchaos.targets.mrf import PairwiseMRF
from weakchaos.targets.tempered import path_of

__all__ = ["BoundTempering"]

_LIKE_INNER = (
    "dim",
    "dtype",
    "readout_dtype",
    "names",
    "n_averages",
    "averages_of_readout",
    "walkers",
    "straight_paths",
    "local_steps",
    "uniforms_per_step",
    "least_uniforms",
)
_KEPT_LADDERS = 4


class BoundTempering(Bound):
    """Replicas of a sampler on the path of its target; the draws are those of the coldest, which has the target's own temperature.

    Attributes
    ----------
    path : weakchaos.targets.tempered.Path
    coldest : Bound
        The inner sampler on the target itself.
    temperatures, copies, lines : int
        Temperatures; replicas of each; lines of positions along which swaps are made, one for each copy and walker.
    """

    moves = None  # a hot replica goes anywhere

    def __init__(self, sampler: Any, target: Any, driver: Any):
        self.path = path_of(target, sampler.reference)
        # Dimension and names are those of the inner sampler, which does not list all units if its draws are none.
        self.sampler, self.target, self.driver = sampler, target, None if driver is None else resolve(driver)
        self.coldest = sampler.inner.bind(target, driver=driver)
        self._check_inner(sampler)
        for name in _LIKE_INNER:
            setattr(self, name, getattr(self.coldest, name))
        self.parameters = getattr(self.coldest, "parameters", None)
        self.named_starts = getattr(self.coldest, "named_starts", ())
        self.temperatures, self.copies = sampler.size, sampler.copies
        self.lines = self.copies * self.walkers
        self.every = self.walkers * sampler.swap_every
        self._errors: dict[int, BaseException] = {}
        self._lock = threading.Lock()
        self._ladders: dict[bytes, list[Any]] = {}
        least, open_end = self.path.least, self.path.open_end
        given = sampler.betas
        if given is not None and open_end and given[0] == 0.0:
            raise ArgumentError(
                "`betas` must be positive for a Density without a `reference`, whose power 0 cannot be normalised; got 0"
            )
        self._first = np.array(given) if given is not None else first_betas(self.temperatures, least, open_end, sampler.hottest)
        self.near: Any = None
        if self.copies == 2:
            self._prepare_copies(sampler, target)
        self.stats_names = (*self.coldest.stats_names, *self._own_stats())

    def _check_inner(self, sampler: Any) -> None:
        check_inner(sampler.inner, self.coldest)
        if sampler.copies == 2 and not isinstance(self.target, PairwiseMRF):
            raise ArgumentError("`copies` = 2 is for PairwiseMRF and Ising, whose copies have an overlap")

    def _prepare_copies(self, sampler: Any, target: Any) -> None:
        """Make what overlaps and cluster moves read."""
        self.links = tuple(np.ascontiguousarray(target.edges[:, k]) for k in (0, 1))
        self.near = pairs_by_unit(target.dim, target.edges, np.ones(len(target.edges)))[:2] if sampler.clusters else None

    def _own_stats(self) -> list[str]:
        pairs, rungs = range(self.temperatures - 1), range(self.temperatures)
        names = ["round_trips", *(f"swap_acceptance_{k}" for k in pairs)]
        names += [f"{term}_{k}" for term in self.path.terms_names for k in rungs]
        if self.copies == 2:
            names += [f"{what}_{k}" for what in ("overlap", "link_overlap") for k in rungs]
        return names

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_lock": None, "_ladders": {}, "_errors": {}}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    def systems(self, betas: np.ndarray) -> list[Any]:
        """The inner sampler at each temperature, from the hottest to the coldest."""
        key = np.asarray(betas).tobytes()
        with self._lock:
            if key not in self._ladders:
                if len(self._ladders) >= _KEPT_LADDERS:
                    self._ladders.pop(next(iter(self._ladders)))
                hot = [self.sampler.inner.bind(self.path.at(float(beta)), driver=self.driver) for beta in betas[:-1]]
                self._ladders[key] = [*hot, self.coldest]
            return self._ladders[key]

    # ---- states --------------------------------------------------------------------------------------------------------------------

    def start(self, seed: Any = None, position: Any = None) -> State:
        """See `Bound.start`; every replica starts at a place of its own where none is given."""
        if isinstance(position, str):
            position = place_of(self.coldest, self.coldest.start(seed, position)).copy()
            position = Coordinates.of(position if self.walkers > 1 else position[0])
        place = as_seed(seed).spawn(1)[0]
        state = self.new_state(np.random.default_rng(place), position)
        inner = None if self.coldest.driver is None else self.coldest.driver.for_steps_of(self.uniforms_per_step)
        state.driver = open_streams(self.driver, inner, seed, self.temperatures * self.copies)
        return state

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """See `Bound.new_state`."""
        if position is not None and isinstance(self.target, Density):
            rows = np.ndim(position) == 2 and len(position) == self.walkers
            checked = [self.target.checked_start(row) for row in (position if rows else [position])]
            position = Coordinates.of(checked if rows else checked[0])
        systems = self.systems(self._first)
        replicas = [system.new_state(rng, position) for system in reversed(systems) for _ in range(self.copies)]
        return join(replicas, first_tail(self.lines, self.temperatures), self._first_own(len(replicas)), None)

    def _first_own(self, replicas: int) -> dict[str, np.ndarray]:
        """What belongs to the ladder before the first step."""
        own = {"betas": self._first.copy(), "finished": np.zeros(replicas)}
        if self.sampler.betas is None:
            own |= {"refused": np.zeros(self.temperatures - 1), "rounds": np.array(0.0)}
        own |= {"swap_acceptance": np.zeros(self.temperatures - 1)}
        own |= {"terms": np.zeros((len(self.path.terms_names), self.temperatures))}
        if self.copies == 2:
            own |= {"overlaps": np.zeros((2, self.temperatures))}
        return own

    def load_state(self, data: bytes) -> State:
        """See `Bound.load_state`."""
        state = State.closed(data)
        inner = None if self.coldest.driver is None else self.coldest.driver.for_steps_of(self.uniforms_per_step)
        state.driver = restore_streams(self.driver, inner, b"" if state.driver is None else state.driver.to_bytes())
        return state

    # ---- moves ---------------------------------------------------------------------------------------------------------------------

    def _move(self, opened: Opened, pool: Any, n: int, every: int, step: Callable, note: Any) -> int:
        """`n` steps of all replicas with the swaps before them; fewer where a user's function failed.

        ``step(k, system, replica, m, made)`` moves replica `k` by `m` steps, of `n` `made` before; `note` is told what happened.
        """
        exchange, made = Exchange(self, opened), 0
        tasks, here = list(enumerate(exchange.tasks)), threading.get_ident()
        while made < n:
            since = int(opened.tail[1])
            trips = -1
            if since == 0:
                try:
                    trips = exchange()
                except Exception as error:
                    self._errors[here] = error
                    return made
            m = min(n - made, self.every - since)
            if every > 1:
                m = min(m, every - made % every)

            def one(task: tuple, m: int = m, made: int = made) -> bool:
                k, (system, replica) = task
                if step(k, system, replica, m, made) == m:
                    return True
                self._errors[here] = system.take_error()
                return False

            if not all(list(map(one, tasks) if pool is None else pool.map(one, tasks))):
                return made
            opened.tail[1] = (since + m) % self.every
            note(opened, made, m, trips)
            made += m
        return made

    def _threads(self) -> Any:
        return ThreadPoolExecutor(self.sampler.threads) if self.sampler.threads > 1 else nullcontext()

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        note = Noting(self.coldest.stats_names, self.temperatures, every, stats, n)
        inner, width = note.inner, note.first
        no_draws, no_stats, no_sums = np.empty((0, self.dim), self.dtype), np.empty((0, width)), np.empty(0)

        def step(k: int, system: Any, replica: State, m: int, made: int) -> int:
            if k:
                return system.run(replica, m, m, no_draws, no_stats, no_sums)
            if every == 1:
                rows = slice(made, made + m)
                return system.run(replica, m, 1, draws[rows], inner[rows], sums)
            ends = (made + m) % every == 0
            row = slice(made // every, made // every + 1) if ends else slice(0)
            return system.run(replica, m, m, draws[row], inner, sums if ends else no_sums)

        opened = Opened(state)
        with self._threads() as pool:
            made = self._move(opened, pool, n, every, step, note)
        opened.close()
        return made

    # ---- warm-up -------------------------------------------------------------------------------------------------------------------

    def _half(self, total: int) -> int:
        """Steps of warm-up in which the ladder is tuned; the inner sampler warms up anew after them."""
        steps = tuning_steps(total // 2) if self.sampler.betas is None else []
        return steps[-1] if steps else 0

    def warm(self, state: State, n: int, done: int, total: int, draws: np.ndarray, stats: np.ndarray) -> tuple[int, bool]:
        """See `Bound.warm`."""
        half, made = self._half(total), 0
        while made < n:
            first = done + made
            begin, end = (0, half) if first < half else (half, total)
            count = min(n - made, end - first)
            got = self._warm_part(
                state, count, first - begin, end - begin, draws[made : made + count], stats[made : made + count], first < half
            )
            made += got
            if got < count:
                break
        over = done + made > half and bool(state.tuning["finished"].all()) and self.next_pool(done + made, total) is None
        return made, over and made == n

    def _warm_part(self, state: State, n: int, done: int, total: int, draws: np.ndarray, stats: np.ndarray, tuning: bool) -> int:
        opened = Opened(state)
        finished = opened.own["finished"]
        keep = Noting(self.coldest.stats_names, self.temperatures, 1, stats, n)
        inner, width = keep.inner, keep.first
        no_draws, no_stats, no_sums = np.empty((0, self.dim), self.dtype), np.empty((0, width)), np.empty(0)

        def step(k: int, system: Any, replica: State, m: int, made: int) -> int:
            rows = slice(made, made + m)
            mine = (draws[rows], inner[rows]) if k == 0 else (no_draws, no_stats)
            got = 0
            if not finished[k]:
                got, over = system.warm(replica, m, done + made, total, *mine)
                finished[k] = over
                if got < m and not over:
                    return got
            if got < m:
                got += system.run(replica, m - got, 1, mine[0][got:], mine[1][got:], no_sums)
            replica.counters[WARMUP_STEPS] += m
            return got

        def note(opened: Opened, made: int, m: int, trips: int) -> None:
            keep(opened, made, m, trips)
            if tuning and trips >= 0:
                opened.own["refused"] = opened.own["refused"] + 1.0 - opened.own["swap_acceptance"]
                opened.own["rounds"] = opened.own["rounds"] + 1.0

        with self._threads() as pool:
            made = self._move(opened, pool, n, 1, step, note)
        opened.close()
        return made

    def next_pool(self, steps: int, warmup: int) -> int | None:
        """See `Bound.next_pool`: where the ladder is moved, and where chains of the inner sampler meet."""
        half = self._half(warmup)
        begin, total = (0, half) if steps < half else (half, warmup - half)
        inner = self.coldest.next_pool(steps - begin, total)
        places = [p for p in tuning_steps(half) if p > steps]
        if inner is not None:
            places.append(inner + begin)
        return min(places, default=None)

    def pool(self, states: list[State], steps: int, warmup: int) -> bool:
        """See `Bound.pool`."""
        half = self._half(warmup)
        begin, total = (0, half) if steps <= half and half else (half, warmup - half)
        chains = [Opened(state) for state in states]
        own = chains[0].own
        if self.coldest.next_pool(steps - begin - 1, total) == steps - begin:
            for k, (system, _) in enumerate(Exchange(self, chains[0]).tasks):
                if not own["finished"][k] or steps > warmup:
                    over = system.pool([chain.replicas[k] for chain in chains], steps - begin, total)
                    for chain in chains:
                        chain.own["finished"][k] = float(over)
        if steps in tuning_steps(half):
            refused = np.sum([chain.own["refused"] for chain in chains], axis=0)
            betas = equalised(own["betas"], refused / max(sum(float(chain.own["rounds"]) for chain in chains), 1.0))
            for chain in chains:
                chain.own["betas"] = betas.copy()
                chain.own |= {"refused": np.zeros(self.temperatures - 1), "rounds": np.array(0.0)}
        if half and steps == half:
            for chain in chains:
                self._begin_again(chain)
        over = bool(steps > half and own["finished"].all())
        for chain in chains:
            chain.close()
        return over

    def _begin_again(self, opened: Opened) -> None:
        """Let every replica warm up anew, from where it is: what it has tuned was for another temperature."""
        step, shift = getattr(self.target, "readout_step", 1), getattr(self.target, "readout_shift", 0)
        for k, (system, replica) in enumerate(Exchange(self, opened).tasks):
            place = place_of(system, replica)
            positions = getattr(system, "positions", None)
            if isinstance(system, BoundDiscrete):
                where: Any = place[0] * step + shift
            else:
                where = Coordinates.of(
                    (place if positions is None else positions(place))
                    if self.walkers > 1
                    else place[0]
                    if positions is None
                    else positions(place)[0]
                )
            # Momenta and first weights are drawn anew; what decides is the place.
            rng = np.random.default_rng([k, zlib.crc32(place.tobytes())])
            new = system.new_state(rng, where)
            replica.phase, replica.symbols, replica.tuning, replica.known = new.phase, new.symbols, new.tuning, new.known
            replica.counters = replica.counters.copy()
            opened.own["finished"][k] = 0.0

    # ---- as the inner sampler ------------------------------------------------------------------------------------------------------

    def take_error(self) -> BaseException:
        """What the user's function raised."""
        return self._errors.pop(threading.get_ident(), None) or super().take_error()

    def readout(self, draws: np.ndarray) -> np.ndarray:
        """See `Bound.readout`."""
        return self.coldest.readout(draws)

    def estimands(self, draws: np.ndarray) -> np.ndarray:
        """See `Bound.estimands`."""
        return self.coldest.estimands(draws)

    def mean_of_averages(self, averages: np.ndarray) -> np.ndarray:
        """See `Bound.mean_of_averages`."""
        return self.coldest.mean_of_averages(averages)

    @property
    def measured(self) -> Any:
        """See `Bound.measured`."""
        return self.coldest.measured

    def before_run(self, state: State) -> list[Flag]:
        """See `Bound.before_run`: what the inner sampler says of the target, and of the stream."""
        return self.coldest.before_run(Opened(state).replicas[0])

    def complaints(self, before: list[State], after: list[State]) -> list[Flag]:
        """See `Bound.complaints`: those of the coldest replica, numbers of a user's stream that are not in [0, 1), and a ladder that was not tuned."""
        old, new = ([Opened(state) for state in states] for states in (before, after))
        found = self.coldest.complaints([o.replicas[0] for o in old], [o.replicas[0] for o in new])
        streams = [
            [State(driver=s) for state in states for s in (state.driver.swaps, *state.driver.parts[1:])]
            for states in (before, after)
        ]
        found += self._bad_numbers(*streams)
        if self.sampler.betas is None and not all(o.replicas[0].counters[WARMUP_STEPS] for o in new):
            found.append(Flag.of(Kind.LADDER, chains=len(new)))
        return found
