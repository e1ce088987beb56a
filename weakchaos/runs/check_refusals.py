"""Tails in which steps are refused: where one step size is too long, a chain that comes there stays, and hardly ever comes.

From the neck of a hierarchical posterior, or the arms of a banana, steps that fit the bulk are nearly all rejected. The chain is exact, and comes there so
seldom, to stay so long, that a thousand draws hold a few visits or none. Then all chains miss the same part of the posterior: they agree, energies look
well, and the standard error, which knows only what was seen, is too small (Betancourt and Girolami (2013), arXiv:1312.0906). What tells is the
acceptance at the edge of what was seen: elsewhere it is hardly less there than in the bulk.

A wall, behind which the density is zero, refuses steps too, half of them and in a corner more. Nothing lies behind it that chains could miss, so the density is
asked what is there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from weakchaos.core.flags import Flag, Kind

__all__ = ["refusal_flags", "tail_acceptance", "zero_behind"]

_SHARE, _LEAST = 0.02, 20  # of places that make a tail
_SMALL, _SURELY = 0.5, 0.8  # of the mean acceptance
_LEVEL = 1e-3  # shared among tails: of many some have a few bad places by chance
_BEHIND = 1.1  # widths of a tail by which its places are moved out, to ask what is there


def _arrivals(draws: np.ndarray, acceptance: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Indices of chain and draw of each place, of shape (2, m), the acceptance of the first step from it, and how many places are a tail."""
    start, rate = draws[:, :-1], acceptance[:, 1:]
    arrived = np.ones(rate.shape, bool)
    arrived[:, 1:] = (start[:, 1:] != start[:, :-1]).any(2)
    at = np.array(arrived.nonzero())
    return at, rate[tuple(at)], min(max(_LEAST, int(_SHARE * at.shape[1])), at.shape[1])


def _ends(x: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Which are the `size` lowest and the `size` highest of some numbers."""
    order = np.argpartition(x, [size - 1, len(x) - size])
    return order[:size], order[len(x) - size :]


def tail_acceptance(draws: np.ndarray, acceptance: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean acceptance of steps from the lowest and from the highest values of each coordinate, its standard errors, and that from all places.

    Parameters
    ----------
    draws : array of shape (chains, n, dim)
    acceptance : array of shape (chains, n)
        The probability with which the step that led to a draw was accepted.

    Returns
    -------
    means, errors : arrays of shape (2, dim)
    everywhere : float

    Notes
    -----
    A place counts once, however long the chain stays. No error is less than that of as many places from anywhere: where most steps are refused everywhere, twenty
    places of a tail may all have a rate of 0 by chance.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(4, 500, 1))
    >>> a = np.where(np.roll(x[:, :, 0], 1, 1) < -1.5, 0.1, 0.9)  # of the step from the draw before
    >>> means, _, _ = tail_acceptance(x, a)
    >>> means[:, 0].round(1).tolist()
    [0.1, 0.9]
    """
    (chain, at), rates, size = _arrivals(draws, acceptance)
    means, errors = np.empty((2, draws.shape[2])), np.empty((2, draws.shape[2]))
    for k in range(draws.shape[2]):
        for side, rows in enumerate(_ends(draws[chain, at, k], size)):
            means[side, k], errors[side, k] = rates[rows].mean(), max(rates[rows].std(), rates.std()) / math.sqrt(size)
    return means, errors, float(rates.mean())


def zero_behind(target: Any, tail: np.ndarray, k: int, high: bool) -> bool:
    """Whether the density is zero behind most places of a tail: a wall, and no part of the distribution that chains may have missed.

    Parameters
    ----------
    target : Density
    tail : array of shape (size, dim)
        Places of draws that are farthest out along coordinate `k`.
    k : int
    high : bool
        Whether they are the highest of it.

    Examples
    --------
    >>> import weakchaos as wc
    >>> x = np.random.default_rng(0).exponential(size=(1000, 1))
    >>> exponential = wc.Density(lambda x: -x[0] if x[0] > 0 else -np.inf, dim=1)
    >>> low, high = np.sort(x, 0)[:20], np.sort(x, 0)[-20:]
    >>> zero_behind(exponential, low, 0, False), zero_behind(exponential, high, 0, True)
    (True, False)
    """
    parameters = getattr(target, "parameters", None)
    if parameters is not None:
        if len(target.names) != target.dim:  # no coordinate is that of one number alone
            return False
        try:
            tail = np.array([parameters.place(parameters.split(row), "draws") for row in np.asarray(tail, np.float64)])
        except Exception:  # a draw that rounding put on its bound has no coordinates, and models of other libraries may refuse any
            return False
    moved = np.array(tail, np.float64)
    moved[:, k] += (_BEHIND if high else -_BEHIND) * np.ptp(moved[:, k])
    try:
        values = np.array([target.logp(x) for x in moved])
    except Exception:  # a function may refuse places where no chain was
        return False
    return bool((~np.isfinite(values)).mean() > 0.5)


def refusal_flags(
    draws: np.ndarray, acceptance: np.ndarray, names: list[str], is_wall: Callable[[np.ndarray, int, bool], bool] | None = None
) -> list[Flag]:
    """A flag for the tail in which steps are refused most, if they are accepted less than half as often as elsewhere.

    Parameters
    ----------
    draws : array of shape (chains, n, dim)
    acceptance : array of shape (chains, n)
    names : list of str
        Names of the coordinates.
    is_wall : callable, optional
        Of the indices of chain and draw of the places of a tail, the coordinate, and whether it is the high end of it: whether nothing lies behind.
    """
    from scipy.special import ndtri

    if draws.shape[1] < 2 or not np.isfinite(draws).all():
        return []
    means, errors, everywhere = tail_acceptance(draws, acceptance)
    beyond = -float(ndtri(_LEVEL / means.size))
    refused = (means - errors < _SMALL * everywhere) & (means + beyond * errors < _SURELY * everywhere)
    at, _, size = _arrivals(draws, acceptance)
    for side, k in sorted(zip(*refused.nonzero(), strict=True), key=lambda place: means[place]):
        rows = _ends(draws[at[0], at[1], k], size)[side]
        if is_wall is None or not is_wall(at[:, rows], int(k), bool(side)):
            return [
                Flag.of(Kind.REFUSED, where=names[k], side=("small", "large")[side], rate=float(means[side, k]), mean=everywhere)
            ]
    return []
