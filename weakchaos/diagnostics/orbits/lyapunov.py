"""The largest Lyapunov exponent by twin orbits, for any system.

Benettin, Galgani, Giorgilli and Strelcyn, Meccanica 15 (1980) 9, doi:10.1007/BF02128236: a copy of the state whose phase is nudged by a
small distance moves beside the original under the same numbers of the driver; the mean growth of the logarithm of their distance, which is
reset every few steps, is the exponent. If the state consists of symbols only, there is no small distance: a copy that differs in one
symbol is followed for one step, and the logarithm of the mean number of differing symbols takes the place of the exponent (Derrida and Pomeau,
Europhys. Lett. 1 (1986) 45, doi:10.1209/0295-5075/1/2/001): below 0 the difference (damage) heals, above 0 it spreads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.system import State, System
from weakchaos.diagnostics.orbits.carried_field import jump_notes
from weakchaos.diagnostics.orbits.escape import ESCAPED, escape_note
from weakchaos.diagnostics.orbits.twins import own_numbers, phase_scale
from weakchaos.diagnostics.result import Result
from weakchaos.diagnostics.standard_errors import shear_errors, standard_errors
from weakchaos.systems.base import CompiledSystem

__all__ = ["largest_exponent"]

_PLACES = 200  # of the orbit that are looked at for an escape
_WATCHED, _LONGEST = 20, 1000  # rounds whose steps are made again, and steps of such a round


def largest_exponent(
    system: System,
    steps: int = 2000,
    transient: int = 200,
    every: int = 1,
    separation: float = 1e-8,
    seed: Any = 0,
    state: State | None = None,
) -> Result:
    r"""The largest Lyapunov exponent of a system driven by its own stream, in nats per unit time.

    A step of a map or of most samplers is one unit of time; a step of a flow is its ``time_step``.

    Parameters
    ----------
    system : System
        A sampler bound to its target, a map, a flow. The stream of a sampler is shared by both orbits, so the exponent is that of the
        sampler as a driven system; the exponent of the stream is a property of its driver.
    steps : int
        Number of steps that are measured.
    transient : int
        Number of steps before these; both orbits make the second half of them, so that the perturbation turns into the direction of fastest
        growth. With 0, additional steps are made for this purpose: a tenth of `steps`, at most 100.
    every : int
        Steps between two resets of the distance.
    separation : float
        The distance after a reset, relative to how far the orbit moves in each coordinate, so that the units of the coordinates do not matter.
    seed : int
    state : State, optional
        The state from which to begin; ``system.start(seed)`` by default. It is not changed.

    Returns
    -------
    Result
        ``value`` is NaN, with a warning, if the orbit diverges or grows exponentially all along. ``curve`` holds times and the running estimate. ``parameters["kind"]`` is
        ``"phase"``, or ``"symbols"`` for the spreading of damage in discrete systems.

    Raises
    ------
    ArgumentError

    Notes
    -----
    Two orbits that begin at a small distance move apart like $e^{\lambda t}$. With $d_k$ the distance that a step of length $\tau$ makes of $d_0$, to which it is
    reset,

    $$\lambda = \lim_{n \to \infty} \frac{1}{n \tau} \sum_{k=1}^n \ln \frac{d_k}{d_0}.$$

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
    begun = np.isfinite(base.phase)  # weights of herding that no step has used yet are NaN
    # The perturbation turns into the direction that grows while the second half of the transient is made.
    turning = min(transient // 2, 1000) if base.phase.size else 0
    if transient - turning:
        system.advance(base, transient - turning, transient - turning)
    rng = own_numbers(0x717, seed)
    if base.phase.size == 0:
        return _damage(system, base, steps, rng)
    if np.isinf(base.phase).any() or np.isnan(base.phase[: begun.size][begun[: base.phase.size]]).any():
        return _nothing(ESCAPED, {"kind": "phase", "every": every, "separation": separation})
    return _twin(system, base, steps, turning or min(steps // 10, 100), every, separation, rng)


def _nothing(note: str, parameters: dict[str, Any]) -> Result:
    return Result(math.nan, None, (np.empty(0), np.empty(0)), None, parameters, (note,))


def _twin(system: System, base: State, steps: int, turning: int, every: int, separation: float, rng: np.random.Generator) -> Result:
    """Growth of the distance of twins, each coordinate in units of how far the orbit moves in it; the first `turning` steps only turn them."""
    from weakchaos.diagnostics.orbits.passages import passage_notes
    from weakchaos.diagnostics.orbits.step_check import STRETCH, length_notes
    from weakchaos.systems.flow import Flow

    unit = float(getattr(system, "time_step", 1.0))
    rounds, before = max(steps // every, 1), turning // every
    parameters: dict[str, Any] = {"kind": "phase", "steps": rounds * every, "every": every, "separation": separation}
    begun = np.isfinite(base.phase)
    used = begun  # weights of herding that no step has used yet are NaN: a nudge there would be forgotten
    scale = phase_scale(system, base)
    direction = rng.standard_normal(base.phase.size)
    growth, merged, split, fresh = [], 0, 0, True
    path: list[np.ndarray] = []
    move = _mover(system)
    # Of a flow the rounds in which the distance changed most are kept, one for each part of the orbit.
    watched = min(_WATCHED, rounds) if isinstance(system, Flow) and every <= _LONGEST else 0
    strains, begins = np.zeros(watched), np.full((watched, base.phase.size), np.nan)
    for made in range(before + rounds):
        twin, used = base.copy(), np.isfinite(base.phase)
        if scale.size != base.phase.size:
            scale, begun = np.resize(scale, base.phase.size), used
        # An orbit may have grown since its scale was measured: a nudge must stay above rounding.
        here = np.maximum(scale, np.where(used, 1e-3 * np.abs(base.phase), 0.0))
        direction = np.where(used, _of_size(direction, base.phase.size), 0.0)
        length = math.sqrt(direction @ direction)
        twin.phase = base.phase + (separation / length if length > 0 else 0.0) * direction * here
        # What was really added, which rounding has changed where coordinates are large beside their moves.
        nudge = (twin.phase - base.phase)[used] / here[used]
        began = math.sqrt(nudge @ nudge)
        began_at = base.phase.copy() if watched else begins
        move(base, every)
        move(twin, every)
        if np.isinf(base.phase).any() or (base.phase.size == used.size and np.isnan(base.phase[used & begun[: used.size]]).any()):
            return _nothing(ESCAPED, parameters | {"split": split})
        if made >= before and (made - before) % max(rounds // _PLACES, 1) == 0:
            path.append(base.phase.copy())
        if not np.array_equal(twin.symbols, base.symbols):
            # The pair straddled a discontinuity of the map; the exponent is that of its smooth pieces. The direction stays: another one
            # would have to turn first.
            split += 1
            continue
        if twin.phase.size != base.phase.size:
            split += 1
            continue
        here = _of_size(here, base.phase.size)
        gap = (twin.phase - base.phase) / here
        gap[~np.isfinite(gap)] = 0.0  # weights that one orbit has not used yet
        distance = math.sqrt(gap @ gap)
        places = np.isfinite(base.phase)
        floor = np.finfo(float).eps * float((np.abs(base.phase[places]) / here[places]).max(initial=1.0))
        if not distance > floor:
            merged += made >= before
            distance = floor
            gap = rng.standard_normal(base.phase.size)
        direction = gap / math.sqrt(gap @ gap)
        if made >= before and not fresh and began > 0:
            growth.append(math.log(distance / began))
            part = (made - before) * watched // rounds
            if watched and abs(growth[-1]) > strains[part]:
                strains[part], begins[part] = abs(growth[-1]), began_at
        fresh = False
    escape = escape_note(np.array(path), system) if len({place.size for place in path}) == 1 else None
    if escape is not None:
        return _nothing(escape, parameters | {"split": split})
    rates = np.array(growth) / (every * unit)
    notes = []
    if split > rounds // 10:
        notes.append(f"in {split} of {rounds} rounds the orbits went to different branches of the map; these rounds are left out")
    if merged:
        notes.append(
            f"in {merged} of {rounds} rounds the orbits became equal up to rounding: the exponent is at most the given value"
        )
    if rates.size == 0:
        return Result(
            math.nan,
            None,
            (np.empty(0), np.empty(0)),
            None,
            parameters | {"split": split},
            (*notes, "no round could be measured, so there is no value"),
        )
    notes += passage_notes(system, begins, strains, every)
    notes += jump_notes(system, base, rounds * every)
    frame = (direction * _of_size(scale, direction.size))[None]
    notes += length_notes(system, base, frame / np.linalg.norm(frame), min(STRETCH, rounds * every))[0]
    running = np.cumsum(rates) / np.arange(1, rates.size + 1)
    duration = rates.size * every * unit
    stderr = np.hypot(
        standard_errors(rates[:, None], most=rates.size // 5), shear_errors([rates.mean()], duration, before * every * unit)
    )[0]
    return Result(
        float(rates.mean()),
        float(stderr) if np.isfinite(stderr) else None,
        (every * unit * np.arange(1, rates.size + 1), running),
        None,
        parameters | {"split": split},
        tuple(notes),
    )


def _of_size(values: np.ndarray, size: int) -> np.ndarray:
    return values if values.size == size else np.resize(values, size)


def _mover(system: Any) -> Callable[[State, int], None]:
    """How a state is moved by some steps, for a loop that does so thousands of times: the C function of a compiled system is made once for all of them."""
    if not isinstance(system, CompiledSystem) or type(system).advance is not CompiledSystem.advance:
        return lambda state, n: system.advance(state, n, n)
    step, nowhere = system.c_map(), np.empty((1, system.dim))
    return lambda state, n: system._move(step, state.phase, n, nowhere)


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
            "`system` has neither phase nor symbols, so there is nothing to perturb except its driver, whose exponent is `driver.lyapunov`"
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
            ("no state that differs from the present one in one symbol has positive probability, so there is no twin orbit",),
        )
    running = np.cumsum(counts) / np.arange(1, counts.size + 1)
    if counts.sum() == 0:
        return Result(
            -math.log(counts.size),
            None,
            (np.arange(1, counts.size + 1), running),
            None,
            parameters,
            ("the difference between the twin states healed in every trial, so the value is an upper bound",),
        )
    found = float(standard_errors(counts[:, None], most=counts.size // 5)[0])
    stderr = found if math.isfinite(found) else None
    with np.errstate(divide="ignore"):
        curve = np.log(running)
    return Result(
        math.log(counts.mean()),
        None if stderr is None else stderr / counts.mean(),
        (np.arange(1, counts.size + 1), curve),
        None,
        parameters,
    )
