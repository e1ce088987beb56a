"""The largest Lyapunov exponent by twin orbits, for any system.

Benettin, Galgani, Giorgilli and Strelcyn, Meccanica 15 (1980) 9, doi:10.1007/BF02128236: a copy of the state whose phase is nudged by a
small distance moves beside the original under the same numbers of the driver; the mean growth of the logarithm of their distance, which is
set back after every few steps, is the exponent. Where nothing but symbols moves there is no small distance: a copy that differs in one
symbol is followed for one step, and the logarithm of the mean number of differing symbols takes the exponent's place (Derrida and Pomeau,
Europhys. Lett. 1 (1986) 45, doi:10.1209/0295-5075/1/2/001): damage heals below 0 and spreads above.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.system import State, System
from weakchaos.diagnostics.result import Result

__all__ = ["largest_exponent"]


def _batch_stderr(values: np.ndarray) -> float | None:
    """Standard error of a mean from about twenty batches, which outlast the correlations."""
    batches = min(20, len(values) // 5)
    if batches < 4:
        return None
    means = np.array([b.mean() for b in np.array_split(values, batches)])
    return float(means.std(ddof=1) / math.sqrt(batches))


def largest_exponent(
    system: System,
    steps: int = 2000,
    transient: int = 200,
    every: int = 1,
    separation: float = 1e-8,
    seed: Any = 0,
    state: State | None = None,
) -> Result:
    """The largest Lyapunov exponent of a system driven by its own stream, in nats per step.

    Parameters
    ----------
    system : System
        A sampler bound to its target, a map, a flow. The stream of a sampler is shared by both orbits, so the exponent is that of the
        sampler as a driven system; the exponent of the stream is a property of its driver.
    steps : int
        Steps measured.
    transient : int
        Steps made first.
    every : int
        Steps between two settings back of the distance.
    separation : float
        The distance it is set back to, in the units of the phase.
    seed : int
    state : State, optional
        Where to begin; ``system.start(seed)`` by default. It is not changed.

    Returns
    -------
    Result
        ``curve``: steps and the running estimate. ``parameters["kind"]`` is ``"phase"``, or ``"symbols"`` for the damage of discrete
        systems.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> import weakchaos as wc
    >>> system = wc.herding.HerdedGibbs().bind(wc.PairwiseMRF([[0.0, 1.0], [1.0, 0.0]]))
    >>> abs(float(largest_exponent(system))) < 1e-6  # herding moves by translations
    True
    """
    if steps < 10 or every < 1 or transient < 0:
        raise ArgumentError(
            f"`steps` must be at least 10, `every` at least 1 and `transient` not negative; got {steps}, {every}, {transient}"
        )
    if not separation > 0:
        raise ArgumentError(f"`separation` must be positive; got {shown(separation)}")
    base = system.start(seed) if state is None else state.copy()
    if transient:
        system.advance(base, transient, transient)
    rng = np.random.default_rng([0x717, *np.random.SeedSequence(seed if isinstance(seed, int) else 0).generate_state(2).tolist()])
    if base.phase.size == 0:
        return _damage(system, base, steps, rng)
    return _twin(system, base, steps, every, separation, rng)


def _twin(system: System, base: State, steps: int, every: int, separation: float, rng: np.random.Generator) -> Result:
    direction = rng.standard_normal(base.phase.size)
    direction /= np.linalg.norm(direction)
    rounds, growth, merged, split = max(steps // every, 1), [], 0, 0
    for _ in range(rounds):
        twin = base.copy()
        # Weights of herding that no step has used yet are NaN: a nudge there would be forgotten.
        direction = np.where(np.isfinite(base.phase), np.resize(direction, base.phase.size), 0.0)
        length = np.linalg.norm(direction)
        twin.phase = base.phase + (separation / length if length > 0 else 0.0) * direction
        system.advance(base, every, every)
        system.advance(twin, every, every)
        if not np.array_equal(twin.symbols, base.symbols):
            # The pair straddled a discontinuity of the map; the exponent is that of its smooth pieces.
            split += 1
            direction = rng.standard_normal(base.phase.size)
            continue
        gap = twin.phase - base.phase
        gap[~np.isfinite(gap)] = 0.0  # weights that one orbit has not used yet
        distance = float(np.linalg.norm(gap))
        floor = np.finfo(float).eps * max(1.0, float(np.abs(base.phase[np.isfinite(base.phase)]).max(initial=0.0)))
        if not distance > floor:
            merged += 1
            distance = floor
            gap = rng.standard_normal(base.phase.size) * floor
        growth.append(math.log(distance / separation))
        direction = gap / np.linalg.norm(gap)
    rates = np.array(growth) / every
    notes = []
    if split > rounds // 10:
        notes.append(f"in {split} of {rounds} rounds the orbits took different branches of the map and are left out")
    if merged:
        notes.append(f"in {merged} of {rounds} rounds the orbits met within rounding: the exponent is at most the value given")
    if not np.isfinite(rates).all():
        notes.append("the orbit diverged: the exponent of an unbounded orbit says nothing")
        rates = rates[np.isfinite(rates)]
    if rates.size == 0:
        return Result(
            0.0,
            None,
            (np.empty(0), np.empty(0)),
            None,
            {"kind": "phase"},
            (*notes, "no round could be measured: the value says nothing"),
        )
    running = np.cumsum(rates) / np.arange(1, rates.size + 1)
    parameters = {"kind": "phase", "steps": rounds * every, "every": every, "separation": separation, "split": split}
    return Result(
        float(rates.mean()), _batch_stderr(rates), (every * np.arange(1, rates.size + 1), running), None, parameters, tuple(notes)
    )


def _other_symbol(system: Any, state: State, rng: np.random.Generator) -> State | None:
    """A copy with one unit in another state of positive probability."""
    target = getattr(system, "target", None)
    cardinalities = getattr(target, "cardinalities", None)
    for _ in range(50):
        twin = state.copy()
        if cardinalities is None:
            i = int(rng.integers(state.symbols.size))
            twin.symbols[i] ^= 1
            return twin
        i = int(rng.integers(len(cardinalities)))
        if cardinalities[i] < 2 or i in target.observed:  # type: ignore[union-attr]
            continue
        twin.symbols[i] = (twin.symbols[i] + rng.integers(1, cardinalities[i])) % cardinalities[i]
        if np.isfinite(target.log_prob(twin.symbols[: len(cardinalities)])):  # type: ignore[union-attr]
            return twin
    return None


def _damage(system: System, base: State, steps: int, rng: np.random.Generator) -> Result:
    if base.symbols.size == 0:
        raise ArgumentError(
            "`system` has neither phase nor symbols: nothing can be nudged but its driver, whose exponent is `driver.lyapunov`"
        )
    damage = []
    for _ in range(steps):
        twin = _other_symbol(system, base, rng)
        system.advance(base, 1)
        if twin is not None:
            system.advance(twin, 1)
            damage.append(np.count_nonzero(twin.symbols != base.symbols))
    counts = np.array(damage, np.float64)
    parameters = {"kind": "symbols", "steps": steps, "damage": float(counts.mean()) if counts.size else 0.0}
    if counts.size == 0:
        return Result(
            0.0,
            None,
            (np.empty(0), np.empty(0)),
            None,
            parameters,
            ("no state with one symbol changed has positive probability: no twin exists",),
        )
    running = np.cumsum(counts) / np.arange(1, counts.size + 1)
    if counts.sum() == 0:
        return Result(
            -math.log(counts.size),
            None,
            (np.arange(1, counts.size + 1), running),
            None,
            parameters,
            ("damage healed in every trial: the value is an upper bound",),
        )
    stderr = _batch_stderr(counts)
    with np.errstate(divide="ignore"):
        curve = np.log(running)
    return Result(
        math.log(counts.mean()),
        None if stderr is None else stderr / counts.mean(),
        (np.arange(1, counts.size + 1), curve),
        None,
        parameters,
    )
