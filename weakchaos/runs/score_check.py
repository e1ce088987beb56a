"""Whether gradients are those of the density that points were drawn from: Stein's identity, with a sentence for the wrong sign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array
from weakchaos.core.errors import ArgumentError
from weakchaos.core.flags import Flag, Kind, Severity
from weakchaos.runs.check_stein import stein_gaps

__all__ = ["check_scores", "points_and_gradients"]

_LEVEL = 1e-4  # of a false alarm, shared among coordinates
_ROUNDING = 1e-9


def points_and_gradients(x: Any, gradients: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both as finite float64 arrays of one shape, (n, dim) or (chains, n, dim); the error otherwise."""
    points, scores = real_array("x", x), real_array("gradients", gradients)
    if points.ndim not in (2, 3) or not points.size:
        raise ArgumentError(f"`x` must hold points, as an array of shape (n, dim) or (chains, n, dim); got shape {points.shape}")
    if scores.shape != points.shape:
        raise ArgumentError(
            f"`gradients` must have the shape of `x`, {points.shape}: the gradient of the log density at each point; got {scores.shape}"
        )
    for name, array in (("x", points), ("gradients", scores)):
        bad = ~np.isfinite(array.reshape(-1, array.shape[-1])).all(1)
        if bad.any():
            raise ArgumentError(
                f"`{name}` must be finite; {int(bad.sum())} of {bad.size} rows hold NaN or infinity, the first is row {int(bad.argmax())}: "
                "leave these points out"
            )
    return points, scores


def check_scores(
    x: Any, gradients: Any, weights: Any = None, names: Sequence[str] | None = None, severity: Severity | None = None
) -> list[Flag]:
    """Hold points and gradients of the log density at them against Stein's identity.

    Parameters
    ----------
    x, gradients : arrays of shape (n, dim) or (chains, n, dim)
        Points in the order in which a chain visited them, since standard errors take account of autocorrelation.
    weights : array of shape (chains, n), optional
    names : sequence of str, optional
        Of the coordinates.
    severity : Severity, optional
        Of a failure of the identity, `invalid` by default; gradients that point outwards are always invalid.

    Returns
    -------
    list of Flag
        Of the kind `scores`; empty where nothing was found.

    Raises
    ------
    ArgumentError

    Notes
    -----
    E[<x - mean, g>] is minus the number of coordinates for every density on all of space whose tails are light enough; a positive average
    means that gradients lead away from the points, as those of the negative log density do. The identity cannot see a mode without points.

    Examples
    --------
    >>> x = np.random.default_rng(1).normal(size=(1000, 2))
    >>> check_scores(x, -x)
    []
    >>> check_scores(x, x)[0].numbers["outward"]
    True
    """
    points, scores = points_and_gradients(x, gradients)
    if points.ndim == 2:
        points, scores = points[None], scores[None]
    centred = points - points.mean((0, 1))
    pull = (centred * scores).sum(-1)
    if points.shape[0] * points.shape[1] < 2:
        return []
    # A sign is wrong for all coordinates at once; three standard errors, as if draws were independent, keep short runs from alarms.
    if pull.mean() > 3.0 * pull.std() / np.sqrt(pull.size) and pull.mean() > 0:
        return [Flag.of(Kind.SCORES, outward=True, what="", gap=float(pull.mean()), error=None)]
    gaps, errors, kinds = stein_gaps(points, scores, None if weights is None else np.asarray(weights, np.float64))
    if not gaps.size:
        return []
    from scipy.special import ndtri

    with np.errstate(divide="ignore", invalid="ignore"):
        significance = np.where(np.isfinite(errors), np.abs(gaps) / errors, 0.0)
    # A gradient that is the same everywhere, as zero is, leaves nothing to chance.
    significance[errors == 0] = np.where(np.abs(gaps[errors == 0]) > _ROUNDING, np.inf, 0.0)
    worst = int(np.argmax(significance))
    if significance[worst] <= -ndtri(0.5 * _LEVEL / gaps.size):
        return []
    what, last = kinds[worst].split()[0], kinds[worst].split()[-1]
    where = "a principal component" if last == "component" else names[int(last)] if names is not None else f"x{last}"
    return [
        Flag.of(Kind.SCORES, severity, where=where, what=what, outward=False, gap=float(gaps[worst]), error=float(errors[worst]))
    ]
