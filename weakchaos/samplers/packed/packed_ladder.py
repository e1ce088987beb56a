"""Replicas of a packed lattice at the temperatures of a ladder, moved, measured and exchanged inside of one kernel.

A sweep of a small lattice takes less time than a call from Python, so that all replicas and all rounds of swaps of a run are one call. Energies are counted by
bits (`packed_observables.measure`), and swaps are those of `weakchaos.samplers.tempering.swaps`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from weakchaos.native.compiled import kernel
from weakchaos.samplers.packed.bit_layout import Geometry
from weakchaos.samplers.packed.packed_observables import measure
from weakchaos.samplers.packed.packed_sweep import room, sweeps
from weakchaos.samplers.packed.work_rows import WIDTH
from weakchaos.samplers.tempering.swaps import swap_round

__all__ = ["Ladder", "Notes", "after_step", "before_step", "look_at", "move_replicas", "run_ladder"]

_PARITY, _SINCE = 0, 1  # of what `swap_round` keeps


class Ladder(NamedTuple):
    """The replicas, and what kernels read of lattice and temperatures; replicas stand from the coldest, copy by copy, temperatures from the hottest."""

    spins: np.ndarray  # uint64 (replicas, numbers): random streams of all blocks, then words
    lanes: int  # numbers of the streams
    blocks: int
    copies: int
    geometry: Geometry
    alive: np.ndarray
    cosine: np.ndarray
    sine: np.ndarray
    bounds: np.ndarray
    counts: np.ndarray  # int64 (temperatures, kinds): kinds of spins that may flip, see `packed_flips.flip_kinds`
    spin: np.ndarray
    group: np.ndarray
    chance: np.ndarray  # uint64 (temperatures, groups)
    sizes: np.ndarray  # int64 (temperatures, 2): how many kinds and groups each has
    free: bool
    coefficients: np.ndarray  # (temperatures, 2), see `weakchaos.targets.tempered`
    beta: float
    coupling: float
    field: float
    n_spins: int
    n_bonds: int
    swap_every: int


class Notes(NamedTuple):
    """What kernels write beside spins and draws."""

    tail: np.ndarray  # int64: what `swap_round` keeps
    observed: np.ndarray  # (replicas, 4): log density at the target's temperature, energy a spin, magnetisation, structure factor
    chances: np.ndarray  # (temperatures - 1,) of the last round
    told: np.ndarray  # (3, temperatures): log density, magnetisation and structure factor after the last round, from the hottest
    overlaps: np.ndarray  # (2, temperatures): overlap and link overlap before the last round; no columns without copies
    window: np.ndarray  # (1 + temperatures,): round trips, rounds, and sums of chances since the last draw
    total: np.ndarray  # (temperatures,): rounds and sums of chances, to which those of this call are added
    terms: np.ndarray  # (copies, temperatures, 2), room
    order: np.ndarray  # int64 (copies, temperatures), room


@njit(nogil=True, error_model="numpy")
def _look(ladder, replica, observed):
    """Measure one replica."""
    words = ladder.spins[replica][ladder.lanes :]
    equal, up, real, imaginary = measure(words, ladder.geometry, ladder.alive, ladder.cosine, ladder.sine)
    n, total = ladder.n_spins, 2 * up - ladder.n_spins
    bare = ladder.coupling * (2 * equal - ladder.n_bonds) + ladder.field * total
    out = observed[replica]
    out[0], out[1], out[2] = ladder.beta * bare, -bare / n, total / n
    out[3] = (real * real + imaginary * imaginary) / n


@kernel
def look_at(ladder, observed):
    """Measure all replicas."""
    for replica in range(ladder.spins.shape[0]):
        _look(ladder, replica, observed)


@kernel
def move_replicas(ladder, first, stop, steps, measured, draws, observed):
    """`steps` sweeps of the replicas `first` to `stop`; then all of them are `measured`, or where a draw is due the coldest."""
    work, segments, digits = room(ladder.geometry.words.size)
    classes, temperatures = ladder.geometry.classes.size - 1, ladder.sizes.shape[0]
    for replica in range(first, stop):
        k = temperatures - 1 - replica // ladder.copies
        kinds, groups = ladder.sizes[k, 0], ladder.sizes[k, 1]
        row = ladder.spins[replica]
        lanes, words = row[: ladder.lanes].reshape((ladder.blocks, 4, WIDTH)), row[ladder.lanes :]
        sweeps(
            work, segments, digits, words, lanes, ladder.geometry, ladder.counts[k, :kinds], ladder.spin[k, :kinds], ladder.group[k, :kinds],
            ladder.chance[k, :groups], ladder.free, ladder.bounds, steps, 0, classes, 0, ladder.blocks
        )  # fmt: skip
        if measured or (draws and replica == 0):
            _look(ladder, replica, observed)


@njit(nogil=True, error_model="numpy")
def _overlap(ladder, overlaps):
    """Overlap and link overlap of the two copies at each temperature: spins and bonds of the lattice of differences."""
    temperatures = ladder.sizes.shape[0]
    for k in range(temperatures):
        one = 2 * (temperatures - 1 - k)
        differ = ladder.spins[one][ladder.lanes :] ^ ladder.spins[one + 1][ladder.lanes :]
        equal, up, _, _ = measure(differ, ladder.geometry, ladder.alive, ladder.cosine, ladder.sine)
        overlaps[0, k] = 1.0 - 2.0 * up / ladder.n_spins
        overlaps[1, k] = (2.0 * equal - ladder.n_bonds) / ladder.n_bonds


@njit(nogil=True, error_model="numpy")
def _exchange(ladder, notes, stream, stream_state):
    """A round of swaps of replicas that were measured; how many round trips end in it."""
    temperatures, copies, observed = ladder.sizes.shape[0], ladder.copies, notes.observed
    if copies == 2:
        _overlap(ladder, notes.overlaps)
    for c in range(copies):
        for k in range(temperatures):
            notes.terms[c, k, 0] = observed[(temperatures - 1 - k) * copies + c, 0]
            notes.terms[c, k, 1] = 0.0
    trips = swap_round(ladder.coefficients, notes.terms, stream, stream_state, notes.tail, notes.order, notes.chances)
    for c in range(copies):
        for k in range(temperatures - 1):
            if notes.order[c, k] == k + 1:
                hot, cold = (temperatures - 1 - k) * copies + c, (temperatures - 2 - k) * copies + c
                one, other = ladder.spins[hot][ladder.lanes :], ladder.spins[cold][ladder.lanes :]
                for j in range(one.size):
                    one[j], other[j] = other[j], one[j]
                for m in range(observed.shape[1]):
                    observed[hot, m], observed[cold, m] = observed[cold, m], observed[hot, m]
    for k in range(temperatures):
        replica = (temperatures - 1 - k) * copies
        notes.told[0, k], notes.told[1, k], notes.told[2, k] = (
            observed[replica, 0],
            observed[replica, 2],
            observed[replica, 3],
        )
    return trips


@kernel
def before_step(ladder, notes, stream, stream_state, made, n, every):
    """The round of swaps, if one is due, and how many sweeps follow until one or a draw is due."""
    if notes.tail[_SINCE] == 0:
        trips = _exchange(ladder, notes, stream, stream_state)
        notes.window[0] += trips
        notes.window[1] += 1.0
        notes.total[0] += 1.0
        for k in range(notes.chances.size):
            notes.window[2 + k] += notes.chances[k]
            notes.total[1 + k] += notes.chances[k]
    return min(n - made, ladder.swap_every - notes.tail[_SINCE], every - made % every)


@kernel
def after_step(ladder, notes, made, steps, every, draws, stats, sums):
    """Book `steps` more sweeps, `made` before, and the draw that is due."""
    notes.tail[_SINCE] = (notes.tail[_SINCE] + steps) % ladder.swap_every
    if (made + steps) % every != 0:
        return
    row, window, temperatures = (made + steps) // every - 1, notes.window, ladder.sizes.shape[0]
    if draws.shape[0] > 0:
        draws[row, :] = notes.observed[0, 1:4]
    if sums.size > 0:
        for m in range(3):
            sums[m] += notes.observed[0, 1 + m]
            sums[3 + m] += notes.observed[0, 1 + m] * notes.observed[0, 1 + m]
    if stats.shape[0] > 0:
        out = stats[row]
        out[0], at = window[0], temperatures
        for k in range(temperatures - 1):
            out[1 + k] = window[2 + k] / window[1] if window[1] > 0.0 else notes.chances[k]
        for table in (notes.told, notes.overlaps):
            for m in range(table.shape[0]):
                for k in range(table.shape[1]):
                    out[at] = table[m, k]
                    at += 1
    window[:] = 0.0


@kernel
def run_ladder(ladder, notes, stream, stream_state, n, every, draws, stats, sums):
    """`n` sweeps of all replicas with the rounds of swaps before them; draws are those of the coldest."""
    made = 0
    while made < n:
        steps = before_step(ladder, notes, stream, stream_state, made, n, every)
        swaps_follow = (notes.tail[_SINCE] + steps) % ladder.swap_every == 0
        draw = (made + steps) % every == 0
        move_replicas(ladder, 0, ladder.spins.shape[0], steps, swaps_follow, draw, notes.observed)
        after_step(ladder, notes, made, steps, every, draws, stats, sums)
        made += steps
