"""The linearised map by twin orbits: copies of the state, nudged along each vector, under the same numbers of the driver."""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.system import State, System, as_seed

__all__ = ["own_numbers", "phase_scale", "twin_tangent"]

_PILOT = 32


def own_numbers(purpose: int, seed: Any) -> np.random.Generator:
    """Random numbers of a diagnostic, for the directions of its perturbations: others than those that the seed gives to the orbit."""
    return np.random.default_rng([purpose, *as_seed(0 if seed is None else seed).generate_state(2).tolist()])


def phase_scale(system: System, state: State, steps: int = _PILOT) -> np.ndarray:
    """How far an orbit moves in each coordinate of the phase over some steps from `state`, which is not moved; a positive number.

    The distance of twin orbits is measured in this unit, whatever the units of the coordinates are. For a coordinate that hardly moves it is a
    hundredth of the coordinate's size, so that a perturbation is larger than the rounding error; for a coordinate that does not move it is the
    size, and for one that is 0 throughout it is the unit of the others.

    Examples
    --------
    >>> from weakchaos.systems import Henon
    >>> phase_scale(Henon(), Henon().start(0)).round(1).tolist()
    [2.5, 0.7]
    """
    mover = state.copy()
    rows = [mover.phase.copy()]
    for _ in range(steps):
        try:
            system.advance(mover, 1, 1)
        except Exception:
            break  # the run itself will meet it and raise it
        if mover.phase.size != state.phase.size:
            break
        rows.append(mover.phase.copy())
    orbit = np.array(rows)
    # Weights of herding that no step has used yet are NaN, in some rows or in all.
    inside = np.isfinite(orbit)
    high = np.where(inside, orbit, -np.inf).max(0)
    low = np.where(inside, orbit, np.inf).min(0)
    known = inside.any(0)
    high, low = np.where(known, high, 0.0), np.where(known, low, 0.0)
    size, moved = np.maximum(np.abs(high), np.abs(low)), high - low
    scale = np.where(moved > 1e-9 * size, np.maximum(moved, 1e-2 * size), size)
    positive = scale[(scale > 0) & np.isfinite(scale)]
    return np.where((scale > 0) & np.isfinite(scale), scale, np.median(positive) if positive.size else 1.0)


def twin_tangent(
    system: System, state: State, n: int, vectors: np.ndarray, scale: np.ndarray | None = None, separation: float = 1e-7
) -> np.ndarray | None:
    """Move `state` in place by `n` steps and carry vectors along by differences of orbits.

    Parameters
    ----------
    system : System
    state : State
    n : int
    vectors : array of shape (phase.size, k)
        Vectors as columns; not changed.
    scale : array of shape (phase.size,), optional
        How far the orbit moves in each coordinate; measured by `phase_scale` by default.
    separation : float
        The largest perturbation of a coordinate, relative to its scale.

    Returns
    -------
    array of shape (phase.size, k) or None
        None if an orbit went to another branch of the map than its twin: the difference is then not a derivative.

    Examples
    --------
    >>> from weakchaos.systems import Henon
    >>> state = Henon().start(position=[1.0, 0.0])
    >>> (twin_tangent(Henon(), state, 1, np.eye(2)).round(6) + 0.0).tolist()
    [[-2.8, 1.0], [0.3, 0.0]]
    """
    # Weights of herding that no step has used yet are NaN: a nudge there would be forgotten.
    used = np.isfinite(state.phase)
    if scale is None:
        scale = phase_scale(system, state)
    elif scale.size != state.phase.size:
        scale = np.resize(scale, state.phase.size)
    # An orbit may have grown since its scale was measured: a nudge must stay above rounding.
    scale = np.maximum(scale, np.where(used, 1e-3 * np.abs(state.phase), 0.0))
    twins, sizes = [], []
    for column in vectors.T:
        twin, nudge = state.copy(), np.where(used, column, 0.0)
        length = float(np.abs(nudge / scale).max(initial=0.0))
        size = separation / length if length > 0 else 0.0
        twin.phase = state.phase + size * nudge
        twins.append(twin)
        sizes.append(size)
    if n:
        system.advance(state, n, n)
    images = np.zeros_like(vectors)
    for j, (twin, size) in enumerate(zip(twins, sizes, strict=True)):
        if n:
            system.advance(twin, n, n)
        if not np.array_equal(twin.symbols, state.symbols):
            return None
        gap = twin.phase - state.phase
        gap[~(np.isfinite(state.phase) & used)] = 0.0
        images[:, j] = gap / size if size > 0 else 0.0
    return images
