"""Exact cycles of a system's full state, by Brent's algorithm (BIT 20 (1980) 176, doi:10.1007/BF01933190).

Two states are equal when their phase, symbols and driver are equal to the last bit; then their futures are. Comparing states is slow and
reading the orbit is fast, so candidates are found in the readout: equal states have equal futures, and a window of the readout that
repeats is checked on the states themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State, System

__all__ = ["Cycle", "find_cycle"]

_WINDOW = 64
_CHUNK = 1 << 14
_FALSE_ALARMS = 8


@dataclass(frozen=True)
class Cycle:
    """What was found of an orbit's cycle.

    Attributes
    ----------
    period : int or None
        Least number of steps after which the full state comes back; None if it did not within `steps`.
    preperiod : int or None
        Steps before the cycle is entered.
    steps : int
        How far the orbit was followed; without a period, any cycle begins later or is longer than half of it.
    """

    period: int | None
    preperiod: int | None
    steps: int

    def __bool__(self) -> bool:
        return self.period is not None


def _moved(system: System, state: State, n: int) -> State:
    copy = state.copy()
    if n:
        system.advance(copy, n, n)
    return copy


def _candidates(rows: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Places in `rows` where `window` begins."""
    places = np.arange(len(rows) - len(window) + 1)
    for k, row in enumerate(window):
        places = places[(rows[places + k] == row).all(1)]
        if places.size == 0:
            break
    return places


def _return_time(system: System, anchor: State, limit: int) -> int | None:
    """The first step, at most `limit`, after which the state of `anchor` comes back."""
    exact = anchor.exact()
    window = np.asarray(system.advance(anchor.copy(), _WINDOW))
    reader, start, alarms = anchor.copy(), 0, 0
    held = np.empty((0, window.shape[1]), window.dtype)
    while start < limit:
        # Rows start .. start + len - 1 of the readout; a return at step s shows as the window at row s.
        fresh = np.asarray(system.advance(reader, min(_CHUNK, limit + _WINDOW - start - len(held))))
        rows = np.concatenate([held, fresh])
        last = min(len(rows) - _WINDOW, limit - start)
        for place in _candidates(rows[: last + _WINDOW], window):
            step = start + int(place)
            if step == 0:
                continue
            if alarms < _FALSE_ALARMS:
                if _moved(system, anchor, step).exact() == exact:
                    return step
                alarms += 1
            else:
                # A readout that tells little: compare the states one by one from here.
                walker = _moved(system, anchor, step - 1)
                for later in range(step, limit + 1):
                    system.advance(walker, 1)
                    if walker.exact() == exact:
                        return later
                return None
        kept = last + 1
        held, start = rows[kept:], start + kept
    return None


def find_cycle(system: System, seed: Any = 0, max_steps: int = 1_000_000, state: State | None = None) -> Cycle:
    """The exact cycle of a system's full state, its driver included.

    Parameters
    ----------
    system : System
        Any sampler, driver, map.
    seed : int
    max_steps : int
        How far to follow the orbit.
    state : State, optional
        Where to begin; ``system.start(seed)`` by default. It is not changed.

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
    first = (system.start(seed) if state is None else state).copy()
    anchor, place, power = first.copy(), 0, _WINDOW
    while place + power <= max_steps or place == 0:
        power = min(power, max(max_steps - place, 1))
        period = _return_time(system, anchor, power)
        if period is not None:
            return Cycle(period, _preperiod(system, first, place, period), place + period)
        anchor = _moved(system, anchor, power)
        place += power
        power *= 2
    return Cycle(None, None, place)


def _preperiod(system: System, first: State, place: int, period: int) -> int:
    """The least t with state(t) = state(t + period); on the cycle ever after, so bisection finds it."""
    low, high = 0, place
    while low < high:
        middle = (low + high) // 2
        here = _moved(system, first, middle)
        if _moved(system, here, period).exact() == here.exact():
            high = middle
        else:
            low = middle + 1
    return low
