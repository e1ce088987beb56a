"""Chains that hardly move, that are copies of each other, or that come back to where they were.

Draws of a density are real numbers of 53 bits, so that no place comes twice by chance, but where a proposal is rejected and the next draw is the same.
A chain that comes back to places it had left follows an orbit, or a stream of numbers, that repeats itself; chains that share places, or that keep
together, are fed by the same numbers, and their agreement says nothing.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from weakchaos.core.flags import Flag, Kind

__all__ = ["movement_flags"]

_MOVES = 0.005  # share of draws at which a chain must change
_LEAST_MOVES = 50
_LEAST_ROUNDS = 200  # of an ensemble, before a walker may be called stuck
_LOOKED_AT = 200_000  # draws of a chain, the last
_ROUNDING = 1e-9  # of a standard deviation
_NEW = 0.9  # share of moves that must lead to a new place
_SHARED = 0.05  # share of places that two chains may have in common
_TOGETHER = 0.05  # distance of two chains, in their standard deviations, that must be exceeded


def movement_flags(draws: np.ndarray, group: int = 1, continuous: bool = False, straight: bool = False) -> list[Flag]:
    """What speaks against the way in which chains move.

    Parameters
    ----------
    draws : array of shape (chains, n, dim)
    group : int
        Draws of one round of an ensemble; a walker is compared with itself, a round before.
    continuous : bool
        Whether the target is a density, of which no draw comes twice.
    straight : bool
        Whether chains follow straight paths, on which equal moves are nothing odd; they are judged by their places alone.

    Returns
    -------
    list of Flag

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(2, 400, 1))
    >>> movement_flags(x, continuous=True)
    []
    >>> x[0] = x[0, np.arange(400) % 40]
    >>> [flag.kind.value for flag in movement_flags(x, continuous=True)]
    ['revisits']
    """
    chains, n, _ = draws.shape
    if np.ptp(draws, axis=1).max(initial=0) == 0 and np.ptp(draws, axis=0).max(initial=0) == 0:
        return []  # a target of one state
    out = []
    for k in range(chains):
        moves = int((draws[k, group:] != draws[k, :-group]).any(1).sum())
        if moves < _MOVES * n:
            out.append(Flag.of(Kind.STUCK, chain=k, moves=moves, draws=n))
    out += [] if out else _stuck_walkers(draws, group)
    lines = _lines(draws[:, -_LOOKED_AT:]) if continuous else []
    places = [np.unique(z) for z in lines]
    if group == 1:
        out += _revisits(lines, places, straight)
    for first, second in combinations(range(chains), 2):
        share = _shared(draws[first], draws[second], places and (places[first], places[second]))
        if share > _SHARED:
            out.append(Flag.of(Kind.IDENTICAL, first=first, second=second, share=share))
            break
    return out


def _stuck_walkers(draws: np.ndarray, group: int) -> list[Flag]:
    """The walker that moves least of all, where it hardly moves: the others hide it from every figure of the ensemble."""
    chains, n, dim = draws.shape
    rounds = n // group - 1
    if group == 1 or rounds < _LEAST_ROUNDS:
        return []
    x = draws[:, : (rounds + 1) * group].reshape(chains, rounds + 1, group, dim)
    moves = (x[:, 1:] != x[:, :-1]).any(3).sum(1)
    chain, walker = np.unravel_index(int(moves.argmin()), moves.shape)
    if moves[chain, walker] >= _MOVES * rounds:
        return []
    found = {"chain": int(chain), "walker": int(walker), "moves": int(moves[chain, walker]), "rounds": rounds}
    return [Flag.of(Kind.STUCK_WALKER, **found)]


def _lines(draws: np.ndarray) -> list[np.ndarray]:
    """One number a draw, the same for the same place and for no other: its place along a direction that no coordinates share."""
    spread = draws.std((0, 1))
    direction = np.sqrt(2.0 + np.arange(draws.shape[2])) / np.where(spread > 0, spread, 1.0)
    return [(row * direction).sum(1) for row in draws]


def _revisits(lines: list[np.ndarray], places: list[np.ndarray], straight: bool) -> list[Flag]:
    """The first chain that comes back to places, or makes the very same moves again, as proposals from a stream that repeats itself are."""
    for k, z in enumerate(lines):
        moves = np.diff(z)
        moves = moves[moves != 0]
        stays = 1 + moves.size
        if moves.size < _LEAST_MOVES or not np.isfinite(z).all():
            continue
        # A move is the difference of two places and known to their rounding only.
        fresh = np.unique(np.round(moves / (_ROUNDING * z.std()))).size
        distinct = len(places[k]) if straight else min(len(places[k]), 1 + fresh)
        if distinct < _NEW * stays:
            return [Flag.of(Kind.REVISITS, chain=k, distinct=distinct, moves=stays)]
    return []


def _shared(x: np.ndarray, y: np.ndarray, places: tuple[np.ndarray, np.ndarray] | list) -> float:
    """The part of their draws that two chains have in common; 1 for chains that keep together without being equal to the last bit."""
    if np.array_equal(x, y):
        return float(np.ptp(x, axis=0).any())
    if not places:
        return 0.0
    if min(map(len, places)) >= _LEAST_MOVES:
        common = len(np.intersect1d(places[0], places[1], assume_unique=True))
        if common:
            return common / min(map(len, places))
    later = slice(len(x) // 2, None)
    gap = np.sqrt(np.mean((x[later] - y[later]) ** 2, axis=0))
    spread = np.minimum(x[later].std(0), y[later].std(0))
    return float(bool((gap < _TOGETHER * spread).all() and (spread > 0).any()))
