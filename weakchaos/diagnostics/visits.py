"""How evenly a walk splits the departures from each state."""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, shown

__all__ = ["visit_split"]


def visit_split(path: Any, transition: Any) -> np.ndarray:
    """How far the departures from each state x are from their expected numbers: the largest ``|N_xy - T_x P(x, y)|`` over y.

    T_x is the number of departures from x, and N_xy the number of those that went to y.

    Parameters
    ----------
    path : int array of shape (T,) or (T, 1)
        The states visited, one for every step, not thinned.
    transition : MarkovChain, or array of shape (n, n)

    Returns
    -------
    float64 array of shape (n,)
        Bounded for rotor walks; for random walks it grows like sqrt(T_x).

    Raises
    ------
    ArgumentError

    Notes
    -----
    If these numbers are bounded, so are the errors of visit frequencies times T (Holroyd and Propp 2010, arXiv:0904.4507).

    Examples
    --------
    >>> visit_split([0, 1, 0, 0, 1], [[0.5, 0.5], [1.0, 0.0]])
    array([0.5, 0. ])
    """
    matrix = np.asarray(transition.transition() if hasattr(transition, "transition") else transition, np.float64)
    x = np.asarray(path)
    x = x[:, 0] if x.ndim == 2 and x.shape[1] == 1 else x
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ArgumentError(f"`transition` must be a MarkovChain or a square matrix; got shape {matrix.shape}")
    n = len(matrix)
    if x.ndim != 1 or x.dtype.kind not in "iu" or not x.size or x.min() < 0 or x.max() >= n:
        raise ArgumentError(f"`path` must hold states from 0 to {n - 1}, one for each step; got {shown(path)}")
    x = x.astype(np.int64)
    counts = np.bincount(x[:-1] * n + x[1:], minlength=n * n).reshape(n, n)
    return np.abs(counts - counts.sum(1, keepdims=True) * matrix).max(1)
