"""A map learned from scores during warm-up, then an exact sampler on the density that it pulls back.

Warm-up has three stages. In the first a No-U-Turn sampler of shallow trees moves in the coordinates of the target, and its points and their scores
fix a triangular map (`weakchaos.samplers.score_fit`); in the second the same is done in the coordinates of that map, which reach more of the
target, and the map is learned anew; in the third the map stays and the inner sampler warms up on the pulled-back density
(`weakchaos.targets.pulled_back`). As that holds the log-Jacobian, draws that are mapped back are draws of the target whatever the map is
worth: a map that explains little costs time, and is refused where it explains nothing.

Maps for samplers: Parno and Marzouk, SIAM/ASA J. Uncertainty Quantification 6 (2018) 645, arXiv:1412.5492.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from weakchaos.core.counters import GRADIENTS
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, SamplingError, shown
from weakchaos.core.flags import Flag, Kind
from weakchaos.core.system import State
from weakchaos.native.c_density import evaluate
from weakchaos.native.compiled import kernel
from weakchaos.samplers.adapting_chains import BoundAdapting
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.continuous import BoundContinuous
from weakchaos.samplers.nuts import NUTS
from weakchaos.samplers.score_fit import fit_map
from weakchaos.samplers.single_trajectories import BoundTrajectories
from weakchaos.targets.density import Density
from weakchaos.targets.pulled_back import PulledBack, map_back, map_rows, new_map

__all__ = ["BoundMap", "ScoreMap"]

_LEAST_WARMUP, _FEWEST, _MOST = 60, 25, 100  # steps: of warm-up with a map, and of a stage that collects points
_LEARNER = NUTS(max_tree_depth=5)
_PIECE = 1024  # draws at a time where running sums are added up here
_KEPT_SYSTEMS = 8


def _stages(total: int) -> list[int]:
    """Steps at which the stages of a warm-up of `total` steps end; too short a warm-up has the last one alone.

    Examples
    --------
    >>> _stages(1000), _stages(50)
    ([100, 200, 1000], [50])
    """
    if total < _LEAST_WARMUP:
        return [total]
    length = min(max(total // 10, _FEWEST), _MOST, total // 3)
    return [length, 2 * length, total]


@kernel
def _add(draws, sums):
    for t in range(draws.shape[0]):
        for i in range(draws.shape[1]):
            sums[i] += draws[t, i]
            sums[draws.shape[1] + i] += draws[t, i] * draws[t, i]


class BoundMap(BoundContinuous):
    """Phase begins with the coordinates of the map; `place` and `put` are in those of the target."""

    uniforms_per_step = None

    def __init__(self, sampler: ScoreMap, target: Density, driver: Any):
        super().__init__(sampler, target, driver)
        self._lock = threading.Lock()
        self._systems: dict[tuple[bool, bytes], Any] = {}
        plain = self._system(False, new_map(self.dim))
        if hasattr(plain, "temperatures"):
            raise ArgumentError(
                "`inner` must be a sampler other than ParallelTempering: put ParallelTempering around ScoreMap, whose replicas learn a map at each temperature"
            )
        if plain.walkers > 1 or plain.pool_every is not None:
            raise ArgumentError(
                f"`inner` must be a sampler whose chains are independent and have one walker each, because every chain learns its own map; got {shown(sampler.inner)}"
            )
        self.stats_names, self._known, self.local_steps = plain.stats_names, plain.n_known, plain.local_steps

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_lock": None, "_systems": {}}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    def _system(self, learning: bool, rows: np.ndarray) -> Any:
        """The inner sampler, or the one that collects points, on the density that a map pulls back."""
        key = learning, rows.tobytes()
        with self._lock:
            if key not in self._systems:
                if len(self._systems) >= _KEPT_SYSTEMS:
                    self._systems.pop(next(iter(self._systems)))
                system = (_LEARNER if learning else self.sampler.inner).bind(PulledBack(self.target, rows), self.driver)
                if isinstance(system, BoundAdapting | BoundTrajectories):
                    system.meets = False  # each chain has coordinates of its own
                self._systems[key] = system
            return self._systems[key]

    def _begin(self, state: State, learning: bool, rows: np.ndarray, z: np.ndarray) -> None:
        """The state at z, in the coordinates of a map, with nothing tuned yet."""
        # Samplers with momenta in their state draw them where they start; the number that decides is that of the place.
        inner = self._system(learning, rows).new_state(np.random.default_rng(zlib.crc32(z.tobytes())), z)
        own = {name: value for name, value in state.tuning.items() if name.startswith("map_")}
        state.phase, state.symbols, state.known = inner.phase, inner.symbols, np.empty(0)
        state.tuning = {**inner.tuning, **own, "map_rows": rows}

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """See `BoundContinuous.new_state`."""
        state = super().new_state(rng, position)
        state.tuning = {
            "map_explained": np.zeros(self.dim),
            "map_points": np.empty((0, 2 * self.dim)),
            "map_settled": np.array(0.0),  # whether the sampler of a stage ended its own warm-up before the stage
        }
        self._begin(state, False, new_map(self.dim), state.phase[: self.dim].copy())
        return state

    def complaints(self, before: list[State], after: list[State]) -> list[Flag]:
        """See `Bound.complaints`; those of the inner sampler, and maps that were refused."""
        found = self._system(False, new_map(self.dim)).complaints(before, after)
        count = sum(not s.tuning["map_explained"].any() for s in after if "map_explained" in s.tuning)
        return [*found, Flag.of(Kind.NO_MAP, count=count, chains=len(after))] if count else found

    def move_to(self, state: State, position: Any) -> None:
        """Put a state at a position of the target, its map and all that was tuned kept."""
        x, tuning = self.target.checked_start(position), dict(state.tuning)
        z = np.empty(self.dim)
        map_back(tuning["map_rows"], x, z)
        self._begin(state, False, tuning["map_rows"], z)
        state.tuning = tuning

    def place(self, state: State) -> np.ndarray:
        """The position in the coordinates of the target."""
        x = state.phase[None, : self.dim].copy()
        map_rows(state.tuning["map_rows"], x, np.empty(1))
        return x[0]

    def put(self, state: State, x: np.ndarray) -> None:
        """Put a state at a position of the target; momenta and all that was tuned stay.

        Raises
        ------
        SamplingError
            Where the coordinates of the map overflow.
        """
        z = np.empty(self.dim)
        map_back(state.tuning["map_rows"], np.ascontiguousarray(x), z)
        if not np.isfinite(z).all():
            raise SamplingError(
                "the map of ScoreMap at one temperature cannot hold a place that comes from another: take the sampler inside of ScoreMap without it"
            )
        state.phase[: self.dim] = z

    def _inside(self, state: State, move: Callable) -> Any:
        """Let the inner system move its part of the state."""
        own = {name: value for name, value in state.tuning.items() if name.startswith("map_")}
        tuning = {name: value for name, value in state.tuning.items() if name not in own}
        inner = State(state.phase, state.symbols, state.driver, state.counters, tuning, state.known)
        result = move(inner)
        state.phase, state.symbols, state.known, state.tuning = inner.phase, inner.symbols, inner.known, {**inner.tuning, **own}
        return result

    def _map(self, state: State, draws: np.ndarray, stats: np.ndarray) -> None:
        """Rows of z become rows of x, in place, and the log density that of the target."""
        jacobians = np.empty(len(draws))
        map_rows(state.tuning["map_rows"], draws, jacobians)
        if len(stats) and "lp" in self.stats_names:
            stats[:, self.stats_names.index("lp")][: len(draws)] -= jacobians

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        system = self._system(False, state.tuning["map_rows"])
        if not sums.size:
            made = self._inside(state, lambda inner: system.run(inner, n, every, draws, stats, sums))
            self._map(state, draws[: made // every], stats)
            return made
        made = 0
        while made < n:
            # Sums are those of x: draws are made, mapped and added, a piece at a time.
            count = min(_PIECE, (n - made) // every) or 1
            steps = min(n - made, count * every)
            first = made // every
            rows = draws[first : first + count] if len(draws) else np.empty((count, self.dim))
            told = stats[first : first + count] if len(stats) else stats
            now = self._inside(state, lambda inner: system.run(inner, steps, every, rows, told, np.empty(0)))  # noqa: B023
            self._map(state, rows[: now // every], told)
            _add(rows[: now // every], sums)
            made += now
            if now < steps:
                break
        return made

    def warm(self, state: State, n: int, done: int, total: int, draws: np.ndarray, stats: np.ndarray) -> tuple[int, bool]:
        """See `Bound.warm`."""
        edges, made = _stages(total), 0
        while made < n:
            t = done + made
            stage = next(k for k, edge in enumerate(edges) if t < edge)
            begin, learning = edges[stage - 1] if stage else 0, stage < len(edges) - 1
            if t == 0 and learning:
                self._begin(state, True, state.tuning["map_rows"], state.phase[: self.dim].copy())
            count = min(n - made, edges[stage] - t)
            rows = draws[made : made + count] if len(draws) else np.empty((count if learning else 0, self.dim))
            told = stats[made : made + count]
            names = self._system(True, state.tuning["map_rows"]).stats_names if learning else self.stats_names
            if names != self.stats_names:
                # The sampler that collects points tells other things than the inner one.
                stats[made : made + count], told = np.nan, np.empty((0, len(names)))
            now, finished = self._stage_steps(state, learning, count, t - begin, edges[stage] - begin, rows, told)
            self._map(state, rows[:now], told)
            if learning and not self._collect(state, rows[:now]):
                return made, False
            made += now
            if finished and not learning:
                return made, True
            if now < count:
                return made, False
            if learning and done + made == edges[stage]:
                self._learn(state, rows[now - 1], stage + 1 < len(edges) - 1)
        return made, False

    def _stage_steps(
        self, state: State, learning: bool, n: int, done: int, total: int, rows: np.ndarray, told: np.ndarray
    ) -> tuple[int, bool]:
        """`n` steps of one stage, `done` of `total` made before; a sampler that has warmed up runs on while points are collected."""
        system, made = self._system(learning, state.tuning["map_rows"]), 0
        if not state.tuning["map_settled"]:
            made, finished = self._inside(state, lambda inner: system.warm(inner, n, done, total, rows, told))
            if not learning or not finished:
                return made, finished
            state.tuning["map_settled"] = np.array(1.0)
        more = self._inside(state, lambda inner: system.run(inner, n - made, 1, rows[made:], told[made:], np.empty(0)))
        return made + more, False

    def _collect(self, state: State, x: np.ndarray) -> bool:
        """Keep points and their gradients; False where the user's function raised."""
        density = self.target.pointer(True)
        points = np.empty((len(x), 2 * self.dim))
        for row, place in zip(points, x, strict=True):
            state.counters[GRADIENTS] += 1
            try:
                gradient = evaluate(density, place, gradient=True)[1]
            except BaseException as error:
                density.errors[threading.get_ident()] = error  # taken and raised where the run stops
                return False
            row[: self.dim], row[self.dim :] = place, gradient
        state.tuning["map_points"] = np.concatenate([state.tuning["map_points"], points])
        return True

    def _learn(self, state: State, x: np.ndarray, again: bool) -> None:
        """Fit the map to the points, and go on from `x` in its coordinates."""
        points = state.tuning["map_points"]
        rows, explained = fit_map(points[:, : self.dim], points[:, self.dim :])
        z = np.empty(self.dim)
        map_back(rows, np.ascontiguousarray(x), z)
        if not np.isfinite(z).all() or not np.isfinite(PulledBack(self.target, rows).logp(z)):
            rows, explained, z = new_map(self.dim), np.zeros(self.dim), x.copy()
        state.tuning |= {"map_explained": explained, "map_settled": np.array(0.0)}
        if not again:
            state.tuning["map_points"] = np.empty((0, 2 * self.dim))
        self._begin(state, again, rows, z)


@dataclass(frozen=True)
class ScoreMap(Sampler):
    """A sampler in coordinates that are learned from the gradients of warm-up, for targets that are bent or shaped like a funnel.

    Parameters
    ----------
    inner : Sampler
        The sampler that runs in the coordinates of the map; `NUTS` by default.

    Notes
    -----
    The map is triangular: each coordinate is shifted by a linear and quadratic function of the coordinates before it, or is scaled by the exponential
    of a linear function of them. Such a map turns bananas, Rosenbrock's valley, Neal's funnel and Gaussians into standard normals exactly, and there
    draws become nearly independent. It does not fit the posterior of a hierarchical model of few data in centred coordinates, and gains nothing there.
    ``trace.tuning["map_explained"]`` (shape (chain, dim)) holds which share of each coordinate the map explains, from 0 to 1, where the map is exact,
    and ``trace.tuning["map_rows"]`` the map of each chain (see `weakchaos.targets.pulled_back.new_map`). The map is learned in the first fifth of
    warm-up, in 200 steps at most. With fewer than 60 steps of warm-up, and where the map would explain nothing, the inner sampler runs in the
    target's own coordinates. The draws have the target's distribution whatever the map is. ``state.phase`` holds coordinates of the map; ``stats`` are
    those of the inner sampler.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.funnel(10), ScoreMap(), draws=500, warmup=500, seed=1, progress=False)
    >>> bool(trace.tuning["map_explained"].min() > 0.99), [flag.word for flag in trace.check()]
    (True, ['heavy tails'])
    """

    inner: Any = field(default_factory=NUTS)
    uses_gradient: ClassVar[bool] = True

    def __post_init__(self):
        if not isinstance(self.inner, Sampler):
            raise ArgumentTypeError(f"`inner` must be a sampler such as weakchaos.samplers.NUTS(); got {shown(self.inner)}")
        if isinstance(self.inner, ScoreMap):
            raise ArgumentError("`inner` must be a sampler other than ScoreMap: only one map can be learned; got a ScoreMap")

    def bind(self, target: Any, driver: Any = "pcg64") -> BoundMap:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return BoundMap(self, target, driver)
