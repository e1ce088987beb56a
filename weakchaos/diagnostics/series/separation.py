"""The separation of neighbours in delay space: curves of their mean log distance, and the scatter of the slopes of these curves.

Pairs are resampled by the stretches of the series in which both of their points lie. The nearest neighbour of a neighbour is often the reference
point itself, so pairs are not independent, and resampling reference points alone would make intervals too narrow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.diagnostics.series.neighbours import nearest
from weakchaos.diagnostics.series.scaling_range import Region
from weakchaos.native.compiled import kernel

__all__ = [
    "SeparationCurves",
    "far_apart",
    "grows_as_a_power",
    "is_unclear",
    "jumped_share",
    "power_against_line",
    "resampled_slopes",
    "separation_curves",
    "torn_share",
    "typical_share",
]

_NUMBERS = 10**7  # log distances held at a time
_TORN, _CLOSE = (
    1.0,
    2.5,
)  # nats below the distance of unrelated points: a pair above the first is torn apart, one below the second is close
_JUMP, _NEARLY = (
    math.log(5.0),
    1.5,
)  # nats by which one step tears a pair apart, and nats below the distance of unrelated points after it
_BEYOND_DOUBT = 20.0
_LONG = 3.5  # nats
_FAR = 10  # a far neighbour is this many times farther down the list than a near one
_CLIPPED = 0.2
_BLOCKS = 16
# Relative error by which slopes are spread, over the square of the reach of their window; from the errors of maps and flows with published
# exponents (`benchmarks/coverage.py --series`).
_BIAS = 4.0


@kernel
def _separations(points, who, others, steps, drift, out):
    """out[r, k]: log of the median distance between reference r and its neighbours after k steps; `drift` = 0 for maps."""
    n, dim = points.shape
    shifts = np.empty(others.shape[1], np.int64)
    distances = np.empty(others.shape[1])
    for r in range(who.size):
        shifts[:] = 0
        for k in range(steps + 1):
            here = who[r] + k
            for c in range(others.shape[1]):
                there = others[r, c] + k + shifts[c]
                square = 0.0
                if drift == 0:
                    for d in range(dim):
                        gap = points[here, d] - points[there, d]
                        square += gap * gap
                else:
                    # One Newton step for the closest point of the neighbour's orbit, a parabola through three of its points.
                    offset = 0.0
                    for _ in range(3):
                        along, speed = 0.0, 0.0
                        for d in range(dim):
                            velocity = 0.5 * (points[there + 1, d] - points[there - 1, d])
                            bend = points[there + 1, d] - 2 * points[there, d] + points[there - 1, d]
                            gap = points[here, d] - points[there, d]
                            along += velocity * gap
                            speed += velocity * velocity - gap * bend
                        offset = along / speed if speed > 0 else 0.0
                        if offset > 0.5 and there + 2 < n and shifts[c] < drift:
                            shifts[c] += 1
                            there += 1
                            offset -= 1.0
                        elif offset < -0.5 and there >= 2 and shifts[c] > -drift:
                            shifts[c] -= 1
                            there -= 1
                            offset += 1.0
                        else:
                            break
                    offset = min(max(offset, -0.6), 0.6)
                    for d in range(dim):
                        velocity = 0.5 * (points[there + 1, d] - points[there - 1, d])
                        bend = points[there + 1, d] - 2 * points[there, d] + points[there - 1, d]
                        gap = points[here, d] - points[there, d] - offset * velocity - 0.5 * offset * offset * bend
                        square += gap * gap
                distances[c] = math.sqrt(square)
            middle = np.median(distances)
            # Pairs that meet within rounding stay among the smallest, which the winsorised mean does not feel.
            out[r, k] = math.log(middle) if middle > 0 else -700.0


def _clipped(logs: np.ndarray) -> np.ndarray:
    """Each column with its lowest and highest fifth set to the quantiles, as float64."""
    part = np.sort(logs, axis=0)
    cut = int(_CLIPPED * len(logs))
    return np.clip(logs, part[cut], part[len(logs) - 1 - cut]).astype(np.float64)


def _mean(logs: np.ndarray) -> np.ndarray:
    # In slabs: sorting all at once would multiply the memory.
    return np.concatenate([_clipped(logs[:, a : a + 256]).mean(0) for a in range(0, logs.shape[1], 256)])


@dataclass(frozen=True)
class SeparationCurves:
    """Mean log distances of near and of far neighbours by steps, and the single log distances.

    Attributes
    ----------
    who, others : arrays of shape (m,)
        Times of the reference points and of their nearest neighbours.
    logs : array of shape (m, steps + 1)
        Log distance of each reference point to its near neighbours.
    near, far : arrays of shape (steps + 1,)
    """

    who: np.ndarray
    others: np.ndarray
    logs: np.ndarray
    near: np.ndarray
    far: np.ndarray


def separation_curves(
    points: np.ndarray, theiler: int, steps: int, neighbours: int, drift: int, references: int
) -> SeparationCurves | None:
    """Follow neighbours of reference points for `steps` steps; None if too few points have neighbours outside of the Theiler window."""
    rows = len(points) - steps - 1
    count = min(references, max(_NUMBERS // (2 * steps * neighbours), 200), rows - 1)
    who = np.unique(np.linspace(1, rows - 1, count).astype(np.int64))
    _, times = nearest(points[:rows], who, _FAR * neighbours, theiler, positive=True)
    # A neighbour at time 0 has no velocity.
    usable = (times[:, -1] >= 0) & (times > 0).all(1)
    if usable.sum() < 50:
        return None
    who, times = who[usable], times[usable]
    logs = np.empty((2, who.size, steps + 1), np.float32)
    _separations(points, who, np.ascontiguousarray(times[:, :neighbours]), steps, drift, logs[0])
    _separations(points, who, np.ascontiguousarray(times[:, -neighbours:]), steps, drift, logs[1])
    return SeparationCurves(who, times[:, 0], logs[0], _mean(logs[0]), _mean(logs[1]))


def far_apart(points: np.ndarray) -> float:
    """Mean log distance of random pairs of points; some pairs may be close or equal by chance."""
    n = len(points)
    who = np.linspace(0, n - 1, min(n, 2000)).astype(np.int64)
    gaps = np.linalg.norm(points[who] - points[(who + n // 2 + who // 7) % n], axis=1)
    return float(np.log(gaps[gaps > 0]).mean()) if (gaps > 0).any() else math.inf


def torn_share(curves: SeparationCurves, unrelated: float, after: int) -> float:
    """The share of pairs that are as far apart as unrelated points within `after` steps, while half of all pairs are still close; else 0.

    Such neighbours are none: the observable folds the attractor (as the square of a coordinate does), or it jumps.
    """
    apart, share = unrelated - _TORN, 0.0
    for k in range(1, min(after, curves.logs.shape[1] - 1) + 1):
        if np.median(curves.logs[:, k]) > unrelated - _CLOSE:
            break
        share = max(share, float((curves.logs[:, k] > apart).mean() - (curves.logs[:, 0] > apart).mean()))
    return share


def jumped_share(curves: SeparationCurves, unrelated: float, top: float) -> float:
    """The share of pairs that a single step takes to the distance of unrelated points, while the mean log distance is below `top`.

    Smooth dynamics pull pairs apart step by step; a cut, at which a number jumps from 1 to 0 say, tears them apart at once, in regular motion too.
    """
    end = _first_above(curves.near, top)
    apart = (np.diff(curves.logs[:, : end + 1], axis=1) > _JUMP) & (curves.logs[:, 1 : end + 1] > unrelated - _NEARLY)
    return float(apart.any(1).mean())


def typical_share(curves: SeparationCurves, region: Region) -> float:
    """The rise of the median log distance along a region over that of the mean: small where most pairs stay together and a few are torn apart."""
    logs = curves.logs[:, [region.first, region.last]]
    rise = float(curves.near[region.last] - curves.near[region.first])
    return float(np.subtract(*np.median(logs, axis=0)[::-1])) / rise


def _first_above(near: np.ndarray, top: float) -> int:
    above = np.flatnonzero(near > top)
    return int(above[0]) if above.size else near.size - 1


def power_against_line(near: np.ndarray, top: float) -> float:
    """Squared residual of the best power law over that of the best straight line, for a mean log distance from the start until it saturates.

    Two forms: ``a + b log(1 + k / c)``, of separations that grow from the first step on, and ``a + b log(1 + (k / c)^2) / 2``, of those that grow in
    proportion to the time in another direction than that of the first separation, as in a shear. `c` is at most an eighth of the stretch: a power law
    has no scale of its own, whereas every curve is a power law with a long enough one; b is at most 2, separations that grow as the square of time.
    Infinity where the stretch has fewer than five points.
    """
    last = _first_above(near, top)
    if last < 4:
        return math.inf
    y = near[: last + 1] - near[: last + 1].mean()
    k = np.arange(last + 1.0)

    def residual(basis: np.ndarray, most: float = math.inf) -> float:
        basis = basis - basis.mean()
        return float(((y - basis * min(float(basis @ y / (basis @ basis)), most)) ** 2).sum())

    power = min(
        residual(form, 2.0) for c in np.geomspace(0.25, last / 8, 8) for form in (np.log1p(k / c), 0.5 * np.log1p((k / c) ** 2))
    )
    return power / max(residual(k), 1e-300)


def grows_as_a_power(near: np.ndarray, top: float) -> bool:
    """Whether a power law describes a mean log distance of at least nine points better than a straight line; see `power_against_line`."""
    return _first_above(near, top) >= 8 and power_against_line(near, top) < 1.0


def is_unclear(near: np.ndarray, top: float) -> bool:
    """Whether a curve that rises by jumps is short, and a straight line describes it less than twenty times as well as a power law.

    Tears steepen a power law: a straight line must then hold beyond doubt.
    """
    last = _first_above(near, top)
    return bool(near[last] - near[0] < _LONG) and (last < 4 or power_against_line(near, top) < _BEYOND_DOUBT)


def resampled_slopes(curves: SeparationCurves, regions: list[Region], count: int, seed: Any) -> np.ndarray:
    """Slopes from resampled stretches of the series, each over one of the acceptable regions."""
    rng = np.random.default_rng(seed)
    good = [r for r in regions if r.cost <= 2 * regions[0].cost]
    chosen = [good[i] for i in np.unique(np.linspace(0, len(good) - 1, 20).astype(int))]
    length = max(int(curves.who[-1]), int(curves.others.max())) + 1
    one, two = curves.who * _BLOCKS // length, curves.others * _BLOCKS // length
    # A pair is there as often as both of its stretches are: neighbours are neighbours of each other, so pairs are not independent.
    number = np.zeros((_BLOCKS, _BLOCKS))
    np.add.at(number, (one, two), 1.0)
    weights = rng.multinomial(_BLOCKS, np.full(_BLOCKS, 1 / _BLOCKS), size=count).astype(float)
    total = np.maximum(np.einsum("ni,ij,nj->n", weights, number, weights), 1.0)
    slopes = np.empty((len(chosen), count))
    for i, region in enumerate(chosen):
        part = _clipped(curves.logs[:, region.first : region.last + 1])
        # The slope is linear in the curve, so each reference point has its share of it.
        k = np.arange(part.shape[1]) - 0.5 * (part.shape[1] - 1)
        sums = np.zeros_like(number)
        np.add.at(sums, (one, two), part @ (k / (k @ k)))
        slopes[i] = np.einsum("ni,ij,nj->n", weights, sums, weights) / total
        slopes[i] *= 1 + _BIAS * region.reach**2 * rng.standard_normal(count)
    return slopes[rng.integers(len(chosen), size=count), np.arange(count)]
