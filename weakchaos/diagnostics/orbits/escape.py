"""Whether an orbit is on its way to infinity although no number has overflowed yet.

Exponents are means over an orbit that comes back (V. I. Oseledets, Trans. Moscow Math. Soc. 19 (1968) 197, needs an invariant probability measure). An
orbit with a coordinate that grows exponentially from the beginning to the end of what was measured has none. A clock, an angle that is not
folded, or a drift grows like a power of time: they are no escape, and nothing is said of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["ESCAPED", "escape_note"]

ESCAPED = "the orbit diverged: the exponent of an unbounded orbit has no meaning"
_PARTS = (10, 5)  # an oscillation shows its height only in parts that are longer than half of its period
_LEAST = 40  # places, so that there are some in each part
_RISE = 4.0  # times as large at the end as at the beginning
# Largest scatter of the logarithm of the height around a straight line, in parts of its rise. It is .10 for height ~ t and .04 for t**3, which
# bend, and below .015 for an oscillation of a height that grows exponentially.
_BEND = 0.02


def escape_note(places: np.ndarray, system: Any = None) -> str | None:
    """A warning if a coordinate grows exponentially all along an orbit; otherwise None.

    Parameters
    ----------
    places : array of shape (m, dim)
        States at equal distances of time.
    system : System, optional
        Nothing is said of one whose states may grow without losing their exponents (`may_grow`), such as the signals of a network from layer to layer.

    Examples
    --------
    >>> times = np.arange(200.0)[:, None]
    >>> escape_note(times), escape_note(np.sin(times))
    (None, None)
    >>> "diverged" in escape_note(1e-3 * np.exp(0.05 * times) * np.sin(times))
    True
    """
    if getattr(system, "may_grow", False) or len(places) < _LEAST or not np.isfinite(places).all():
        return None
    sizes = np.abs(places)
    most = sizes.max(0)
    # Slow oscillations have no height in a part, but all coordinates together, each in its unit, have a length.
    together = np.linalg.norm(sizes / np.where(most > 0, most, 1.0), axis=1)
    rise = np.max([rises_of(np.column_stack([sizes, together]), parts) for parts in _PARTS], axis=0)
    if not rise.any():
        return None
    i = int(np.argmax(rise))
    what = "the length of the state" if i == most.size else f"coordinate {i + 1}"
    return (
        f"the orbit diverged: {what} grew exponentially, by a factor of {np.exp(min(rise[i], 700.0)):.3g}, all the while it was measured; the exponents of an "
        "unbounded orbit have no meaning, and those of an orbit that is only leaving an unstable point need a longer `transient`"
    )


def rises_of(sizes: np.ndarray, parts: int) -> np.ndarray:
    """By how much the logarithm of the height of each coordinate rises over so many parts of the orbit; 0 where it does not rise along a straight line."""
    time = np.linspace(-0.5, 0.5, parts)
    with np.errstate(divide="ignore", invalid="ignore"):
        heights = np.log(np.array([part.max(0) for part in np.array_split(sizes, parts)]))
        rise = heights[-1] - heights[0]
        scatter = (heights - heights.mean(0) - time[:, None] * (time @ heights / (time @ time))).std(0)
        grows = np.isfinite(rise) & (rise > np.log(_RISE)) & (np.diff(heights, axis=0) > 0).all(0) & (scatter < _BEND * rise)
    return np.where(grows, rise, 0.0)
