"""The linearised map by twin orbits: copies of the state, nudged along each vector, under the same numbers of the driver."""

from __future__ import annotations

import numpy as np

from weakchaos.core.system import State, System

__all__ = ["twin_tangent"]


def twin_tangent(system: System, state: State, n: int, vectors: np.ndarray, separation: float = 1e-7) -> np.ndarray | None:
    """Move `state` in place by `n` steps and carry vectors along by differences of orbits.

    Parameters
    ----------
    system : System
    state : State
    n : int
    vectors : array of shape (phase.size, k)
        Columns; not changed.
    separation : float
        Length of the nudge, in units of the largest coordinate or of 1.

    Returns
    -------
    array of shape (phase.size, k) or None
        None where an orbit took another branch of the map than its twin: the difference is then no derivative.

    Examples
    --------
    >>> from weakchaos.systems import Henon
    >>> state = Henon().start(position=[1.0, 0.0])
    >>> (twin_tangent(Henon(), state, 1, np.eye(2)).round(6) + 0.0).tolist()
    [[-2.8, 1.0], [0.3, 0.0]]
    """
    # Weights of herding that no step has used yet are NaN: a nudge there would be forgotten.
    used = np.isfinite(state.phase)
    size = separation * max(1.0, float(np.abs(state.phase[used]).max(initial=0.0)))
    twins, lengths = [], []
    for column in vectors.T:
        twin, nudge = state.copy(), np.where(used, column, 0.0)
        length = float(np.linalg.norm(nudge))
        twin.phase = state.phase + (size / length if length > 0 else 0.0) * nudge
        twins.append(twin)
        lengths.append(length)
    if n:
        system.advance(state, n, n)
    images = np.zeros_like(vectors)
    for j, (twin, length) in enumerate(zip(twins, lengths, strict=True)):
        if n:
            system.advance(twin, n, n)
        if not np.array_equal(twin.symbols, state.symbols):
            return None
        gap = twin.phase - state.phase
        gap[~(np.isfinite(state.phase) & used)] = 0.0
        images[:, j] = gap * (length / size)
    return images
