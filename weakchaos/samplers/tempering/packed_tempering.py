"""Parallel tempering of packed Ising lattices: replicas whose spins are bits, in one kernel (see `weakchaos.samplers.packed.packed_ladder`)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from weakchaos.core.counters import SLOTS, STEPS, WARMUP_STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.machine_memory import enough_memory
from weakchaos.core.system import State
from weakchaos.drivers.base import stream_addresses
from weakchaos.samplers.packed.packed_ladder import Ladder, Notes, after_step, before_step, look_at, move_replicas, run_ladder
from weakchaos.samplers.tempering.parallel import BoundTempering
from weakchaos.samplers.tempering.replicas import whole_state
from weakchaos.samplers.tempering.swaps import first_tail

__all__ = ["BoundPackedTempering"]

_NAMES = ("magnetisation", "structure_factor")


class BoundPackedTempering(BoundTempering):
    """`BoundTempering` of a `PackedIsing`; statistics hold magnetisation and structure factor at every temperature too."""

    def _check_inner(self, sampler: Any) -> None:
        if sampler.clusters:
            raise ArgumentError(
                "`clusters` are for couplings of their own, and packed spins have equal ones: take SwendsenWang or Wolff on a ferromagnet, or Gibbs with `clusters`"
            )

    def _prepare_copies(self, sampler: Any, target: Any) -> None:
        self.near = None  # overlaps are counted by bits

    def _own_stats(self) -> list[str]:
        names = super()._own_stats()
        first = 2 * self.temperatures  # behind round trips, swaps and log densities; overlaps follow
        return names[:first] + [f"{what}_{k}" for what in _NAMES for k in range(self.temperatures)] + names[first:]

    # ---- states --------------------------------------------------------------------------------------------------------------------

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """See `Bound.new_state`."""
        inner, replicas = self.coldest, self.temperatures * self.copies
        layout, size = inner.layout, inner.lanes + inner.layout.n_words
        enough_memory(
            8 * size * replicas,
            f"{replicas} replicas of {layout.n_spins:,} spins as bits",
            "take fewer temperatures, or a smaller `shape`",
        )
        tail = first_tail(self.lines, self.temperatures)
        symbols = np.empty(replicas * size + len(tail), np.int64)
        for k in range(replicas):
            inner.fill(symbols[k * size : (k + 1) * size], rng, position)
        symbols[replicas * size :] = tail
        return whole_state(symbols, size, replicas, self._first_own(replicas))

    def _first_own(self, replicas: int) -> dict[str, np.ndarray]:
        return {
            **super()._first_own(replicas),
            "told": np.zeros((len(_NAMES), self.temperatures)),
            "summed": np.zeros(self.temperatures),
        }

    def _begin_again(self, opened: Any) -> None:
        """Nothing of a packed lattice is tuned at its temperature."""

    # ---- moves ---------------------------------------------------------------------------------------------------------------------

    def _ladder(self, state: State) -> Ladder:
        inner, target = self.coldest, self.target
        replicas, size = self.temperatures * self.copies, inner.lanes + inner.layout.n_words
        betas = state.tuning["betas"]
        kinds = [inner.kinds(float(beta)) for beta in betas]
        sizes = np.array([[len(count), len(chance)] for count, _, _, chance in kinds], np.int64)
        counts, spin, group, chance = (
            np.stack([np.pad(part, (0, most - len(part))) for part in parts])
            for parts, most in zip(zip(*kinds, strict=True), sizes.max(0)[[0, 0, 0, 1]], strict=True)
        )
        spins = state.symbols[: replicas * size].view(np.uint64).reshape(replicas, size)
        return Ladder(
            spins, inner.lanes, inner.blocks, self.copies, inner.layout.geometry, inner.alive, inner.cosine, inner.sine, inner.bounds,
            counts, spin, group, chance, sizes, inner.free, self.path.coefficients(betas), float(target.beta), float(target.coupling), float(target.field),
            inner.layout.n_spins, inner.layout.n_bonds, self.every,
        )  # fmt: skip

    def _moved(
        self,
        state: State,
        n: int,
        every: int,
        draws: np.ndarray,
        stats: np.ndarray,
        sums: np.ndarray,
        total: np.ndarray | None = None,
    ) -> np.ndarray:
        """Move `state` by `n` steps; rounds of swaps in them, and the sums of the probabilities of each pair, added one by one to `total`."""
        k, own, ladder = self.temperatures, state.tuning, self._ladder(state)
        replicas = len(ladder.spins)
        notes = Notes(
            state.symbols[ladder.spins.size :],
            np.empty((replicas, 4)),
            own["swap_acceptance"].copy(),
            np.concatenate([own["terms"], own["told"]]),
            own["overlaps"].copy() if self.copies == 2 else np.empty((0, 0)),
            np.zeros(1 + k),
            np.zeros(k) if total is None else total.copy(),
            np.zeros((self.copies, k, 2)),
            np.zeros((self.copies, k), np.int64),
        )
        stream = stream_addresses(state.driver.swaps)
        if not len(draws) and not sums.size and not len(stats):
            every = max(n, 1)
        if notes.tail[1] == 0:
            look_at(ladder, notes.observed)
        threads = min(max(self.sampler.threads, self.sampler.inner.threads), replicas)
        if threads == 1:
            run_ladder(ladder, notes, *stream, n, every, draws, stats, sums)
        else:
            self._run_in_threads(threads, ladder, notes, stream, n, every, draws, stats, sums)
        state.tuning = {**own, "swap_acceptance": notes.chances, "terms": notes.told[:1].copy(), "told": notes.told[1:].copy()}
        if self.copies == 2:
            state.tuning["overlaps"] = notes.overlaps
        state.counters[STEPS] += n
        state.counters[SLOTS:].reshape(replicas, SLOTS)[:, STEPS] += n
        return notes.total

    def _run_in_threads(
        self, threads: int, ladder: Ladder, notes: Notes, stream: tuple, n: int, every: int, draws: Any, stats: Any, sums: Any
    ) -> None:
        """`run_ladder`, with parts of the replicas in threads."""
        replicas = len(ladder.spins)
        edges = [replicas * t // threads for t in range(threads + 1)]
        made = 0
        with ThreadPoolExecutor(threads) as pool:
            while made < n:
                steps = before_step(ladder, notes, *stream, made, n, every)
                last, draw = (notes.tail[1] + steps) % self.every == 0, (made + steps) % every == 0

                def move(t: int, steps: int = steps, last: bool = last, draw: bool = draw) -> None:
                    move_replicas(ladder, edges[t], edges[t + 1], steps, bool(last), bool(draw), notes.observed)

                list(pool.map(move, range(threads)))
                after_step(ladder, notes, made, steps, every, draws, stats, sums)
                made += steps

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        self._moved(state, n, every, draws, stats, sums)
        return n

    def _warm_part(self, state: State, n: int, done: int, total: int, draws: np.ndarray, stats: np.ndarray, tuning: bool) -> int:
        # Sums go on from call to call, since those of parts would be rounded as the clock cuts them.
        begun = state.tuning["summed"] if tuning and np.any(state.tuning["rounds"]) else np.zeros(self.temperatures)
        seen = self._moved(state, n, 1, draws, stats, np.empty(0), begun if tuning else None)
        state.counters[SLOTS:].reshape(-1, SLOTS)[:, WARMUP_STEPS] += n
        if tuning:
            state.tuning["summed"] = seen
            state.tuning["refused"] = np.reshape(seen[0] - seen[1:], np.shape(state.tuning["refused"]))
            state.tuning["rounds"] = np.full_like(state.tuning["rounds"], seen[0])
        return n
