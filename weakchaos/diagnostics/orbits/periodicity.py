"""Exact cycles of a system's full state, by Brent's algorithm (BIT 20 (1980) 176, doi:10.1007/BF01933190).

Two states are equal if their phase, symbols and driver are equal to the last bit; then their future orbits are equal too. If the map is a C
function of the phase alone, one kernel makes the steps and compares the states. For other systems it is slow to compare states and fast to read
draws, so candidates are found in the draws: if a window of draws repeats, the states themselves are compared. A state comes back with its stream
or not at all: where the period of the stream is known and no search would last as long, nothing is searched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State, System
from weakchaos.native.c_maps import call_map
from weakchaos.native.compiled import address_of, kernel

__all__ = ["Cycle", "find_cycle"]

_WINDOW = 64
_CHUNK = 1 << 14
_FAILED = -1
_NEVER = 1 << 60  # a period that no search lasts for: 36 years of one number each nanosecond


@dataclass(frozen=True)
class Cycle:
    """The cycle in which an orbit ends, as far as it was found.

    Attributes
    ----------
    period : int or None
        Smallest number of steps after which the full state returns to itself; None if it did not within `steps`.
    preperiod : int or None
        Number of steps before the orbit enters the cycle.
    steps : int
        Number of steps for which the orbit was followed, or for which its stream is known not to come back. If no period was found, the cycle begins later or is longer than half of this.
    warnings : tuple of str
        Why the orbit may have no cycle, for instance because it diverged.
    """

    period: int | None
    preperiod: int | None
    steps: int
    warnings: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.period is not None


def _moved(system: System, state: State, n: int) -> State:
    copy = state.copy()
    if n:
        system.advance(copy, n, n)
    return copy


@njit(inline="always")
def _same(a, b):
    """Equal to the last bit: 0.0 and -0.0 have other futures, and what is not a number may come back too."""
    for i in range(a.size):
        # Not by math.isnan and math.copysign, whose calls would have the kernel count references to its arrays at each step.
        if a[i] != b[i] and (a[i] == a[i] or b[i] == b[i]):
            return False
        if a[i] == 0.0 and np.signbit(a[i]) != np.signbit(b[i]):
            return False
    return True


@kernel
def _meeting(function, data, z, other, limit, both):
    """The first step, at most `limit`, after which `z` is `other`, which moves along if `both` is set; 0 if none, -1 if the map failed.

    `z` is moved, by `limit` steps where the two do not meet. A start where they are equal does not count.
    """
    n = np.uint64(z.size)
    here, there = z.copy(), np.empty(z.size)
    mark, spare = other.copy(), np.empty(z.size)
    outcome = 0
    for step in range(1, limit + 1):
        if call_map(function, n, address_of(here), address_of(there), data) != 0:
            outcome = -1
            break
        here, there = there, here
        if both:
            if call_map(function, n, address_of(mark), address_of(spare), data) != 0:
                outcome = -1
                break
            mark, spare = spare, mark
        # One comparison tells most states apart.
        if not (here[0] < mark[0] or here[0] > mark[0]) and _same(here, mark):
            outcome = step
            break
    z[:] = here
    return outcome


def _compiled_meeting(system: Any, state: State, other: State, limit: int, both: bool) -> int | None:
    step = system.c_map()
    address, data = np.uint64(step.address), np.uint64(step.user_data)
    outcome = int(_meeting(address, data, state.phase, other.phase, limit, both))
    if outcome == _FAILED:
        raise step.take_error()
    return outcome or None


def _is_compiled(system: Any, state: State) -> bool:
    """Whether a C function moves all there is of the state."""
    return hasattr(system, "c_map") and state.phase.size > 0 and state.symbols.size == 0 and state.driver is None


def _candidates(rows: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Places in `rows` where `window` begins."""
    # One column first: it tells most rows apart.
    places = np.flatnonzero(rows[: len(rows) - len(window) + 1, 0] == window[0, 0])
    for k, row in enumerate(window):
        if places.size == 0:
            break
        places = places[(rows[places + k] == row).all(1)]
    return places


def _return_time(system: System, anchor: State, limit: int) -> tuple[int | None, State]:
    """The first step, at most `limit`, after which the state of `anchor` comes back, and the state after `limit` steps where it does not."""
    if _is_compiled(system, anchor):
        end = anchor.copy()
        return _compiled_meeting(system, end, anchor, limit, False), end
    exact = anchor.exact()
    window = np.asarray(system.advance(anchor.copy(), _WINDOW))
    # The walker follows from candidate to candidate, to be compared with the anchor.
    reader, walker, start, read, walked = anchor.copy(), anchor.copy(), 0, 0, 0
    held, end = np.empty((0, window.shape[1]), window.dtype), anchor
    while start < limit:
        # Rows start .. start + len - 1 of the readout; a return at step s shows as the window at row s.
        count = min(_CHUNK, limit - read) if read < limit else limit + _WINDOW - read
        rows = np.concatenate([held, np.asarray(system.advance(reader, count))])
        read += count
        if read == limit:
            end = reader.copy()
        last = min(len(rows) - _WINDOW, limit - start)
        for place in _candidates(rows[: last + _WINDOW], window) if last >= 0 else ():
            step = start + int(place)
            if step:
                system.advance(walker, step - walked, step - walked)
                walked = step
                if walker.exact() == exact:
                    return step, end
        kept = max(last + 1, 0)
        held, start = rows[kept:], start + kept
    return None, end


def _outlasts(system: Any, steps: int) -> bool:
    """Whether the stream of a system is certain not to come back within `steps` steps, by the period of its driver and the numbers that each step takes."""
    driver = getattr(system, "driver", None)
    # A user's class may inherit a period that its own stream does not have.
    if driver is None or not type(driver).__module__.startswith("weakchaos.") or not driver.shortest_period:
        return False
    taken = getattr(system, "uniforms_per_step", 0)
    if taken is None:
        # How many it takes at most is not known, but they are made one after another.
        return getattr(system, "least_uniforms", 0) > 0 and driver.shortest_period >= _NEVER
    return taken > 0 and driver.shortest_period > steps * taken


def find_cycle(system: System, seed: Any = 0, max_steps: int = 1_000_000, state: State | None = None) -> Cycle:
    """The exact cycle of a system's full state, its driver included.

    Parameters
    ----------
    system : System
        Any sampler, driver, map.
    seed : int
    max_steps : int
        Largest number of steps for which the orbit is followed.
    state : State, optional
        The state from which to begin; ``system.start(seed)`` by default. It is not changed.

    Returns
    -------
    Cycle

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> import weakchaos as wc
    >>> find_cycle(wc.drivers.LCG.toy()).period
    65536
    """
    if max_steps < 1:
        raise ArgumentError(f"`max_steps` must be at least 1; got {max_steps}")
    if _outlasts(system, max_steps):
        return Cycle(None, None, max_steps)
    first = (system.start(seed) if state is None else state).copy()
    anchor, place, power = first.copy(), 0, _WINDOW
    while place + power <= max_steps or place == 0:
        power = min(power, max(max_steps - place, 1))
        period, end = _return_time(system, anchor, power)
        if period is not None:
            if np.isinf(anchor.phase).any() or (np.isnan(anchor.phase).any() and not np.isnan(first.phase).any()):
                # Infinity comes back for ever, and is no state.
                return Cycle(None, None, place + period, ("the orbit diverged: an unbounded orbit has no cycle",))
            return Cycle(period, _preperiod(system, first, place, period), place + period)
        anchor = end
        place += power
        power *= 2
    return Cycle(None, None, place)


def _preperiod(system: System, first: State, place: int, period: int) -> int:
    """The least t with state(t) = state(t + period), at most `place`; they stay equal ever after."""
    here, ahead = first.copy(), _moved(system, first, period)
    if here.exact() == ahead.exact():
        return 0
    if _is_compiled(system, first):
        return _compiled_meeting(system, here, ahead, place, True) or place
    # Not before the last difference in the readout; where it tells all there is, just after.
    low = read = 0
    while read < place:
        count = min(_CHUNK, place - read)
        unequal = np.flatnonzero((np.asarray(system.advance(here, count)) != np.asarray(system.advance(ahead, count))).any(1))
        low = read + int(unequal[-1]) + 2 if unequal.size else low
        read += count
    here, high = _moved(system, first, min(low, place)), place
    low, start = min(low, place), min(low, place)
    middle = low
    while low < high:
        inside = _moved(system, here, middle - start)
        if _moved(system, inside, period).exact() == inside.exact():
            high = middle
        else:
            low = middle + 1
        middle = (low + high) // 2
    return low
