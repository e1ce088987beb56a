"""The largest Lyapunov exponent of a recorded series, from the divergence of neighbours.

Rosenstein, Collins and De Luca, Physica D 65 (1993) 117, doi:10.1016/0167-2789(93)90009-P: S(k) is the mean over reference points of the log
distance, k steps later, to the nearest neighbour in delay space; its slope is the exponent. Kantz, Phys. Lett. A 185 (1994) 77,
doi:10.1016/0375-9601(94)90991-1, averages the distances to several neighbours inside the logarithm; here the median is used instead of this
average, because a single neighbour that a saddle has torn away would dominate a mean.

Three refinements make the slope usable without tuning. In flows the distance is measured across the orbit: a neighbour may be ahead or behind
in time, and this lag neither grows nor shrinks, so the neighbour is shifted along its own orbit to the closest point. The mean over reference
points is winsorised by a fifth at either end, because the pairs that a saddle has just torn apart are there. The region of the fit is found by
`scaling_region`; if there is none, or if distances grow as a power of time rather than exponentially, no value is called an exponent.

Resampling accounts for the scatter of a slope, but not for the choice of embedding and method. So the exponent is estimated three more times,
in one and in two more dimensions and with the other number of neighbours, and the interval is widened by the largest difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from weakchaos.core.arguments import positive, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.diagnostics.recorded import as_series, mean_period, repetition, repetition_words, theiler_window, tie_notes
from weakchaos.diagnostics.result import Result
from weakchaos.diagnostics.series.embedding import embed, embedding_delay, embedding_dimension
from weakchaos.diagnostics.series.scaling_range import Region, moving_average, scaling_region
from weakchaos.diagnostics.series.separation import (
    SeparationCurves,
    far_apart,
    grows_as_a_power,
    is_unclear,
    jumped_share,
    resampled_slopes,
    separation_curves,
    torn_share,
    typical_share,
)

__all__ = ["Divergence", "lyapunov_from_series"]

_ROUGH = 0.2  # reach beyond which a warning is due
_REGULAR = 0.5  # nats
_SEEN = 20  # mean periods that must be seen before motion is called regular
_REFERENCES, _OTHERS = 3000, 1000  # reference points of the reading that gives the value, and of the others
_WIDENED = 1.5  # times the largest difference between readings, which is that of a few and not of all choices
_ALONE = 0.25  # relative half-width where no other reading has a scaling region
_SHARE = 0.05  # of pairs that are torn apart at once beyond which the observable is named
_JUMPED = 0.1  # of pairs that are torn apart by jumps beyond which a power law is suspected; hardly any are in smooth motion
_TYPICAL = 0.6  # of the rise of the mean log distance that its median must share; four fifths or more in chaos
_ROUGHNESS = 0.5  # variance of second differences over that of the series beyond which successive numbers are those of a map


@dataclass(frozen=True, repr=False)
class Divergence(Result):
    """An exponent, and the curves of divergence from which it was read.

    Attributes
    ----------
    interval : (float, float) or None
        95 % interval, from a bootstrap over stretches of the series and over the acceptable regions of the fit. It is widened if the fit reaches
        distances that are affected by saturation, and by the largest difference between the estimates in ``readings``.
    readings : tuple of (int, int, float)
        Embedding dimension, number of neighbours and exponent of every estimate that had a scaling region, beginning with that of ``value``.
    far_curve : array
        Ordinates of the curve of neighbours that start farther away, at the abscissae of ``curve``.
    growth : {"exponential", "power", "torn", "unclear", "none"}
        How neighbours separate: exponentially over the scaling region; as a power of time; by tears between neighbours most of which stay together; by
        many tears, so that it is unclear; or in none of these ways.
    scaling : bool
        Whether a scaling region was found. If it was not, ``value`` is NaN, or 0 for regular motion, and a warning says why.
    """

    interval: tuple[float, float] | None = None
    far_curve: np.ndarray = field(default_factory=lambda: np.empty(0))
    scaling: bool = False
    readings: tuple[tuple[int, int, float], ...] = ()
    growth: str = "none"

    def in_base(self, base: float) -> Divergence:
        """The same in logarithms to another base (2 for bits)."""
        changed = super().in_base(base)
        assert isinstance(changed, Divergence)
        unit = math.log(base)
        interval = None if self.interval is None else (self.interval[0] / unit, self.interval[1] / unit)
        readings = tuple((dim, near, value / unit) for dim, near, value in self.readings)
        return replace(changed, interval=interval, far_curve=self.far_curve / unit, readings=readings)


@dataclass(frozen=True)
class _Reading:
    """Curves of divergence in one embedding, and the regions of them that are straight."""

    curves: SeparationCurves
    regions: list[Region]
    steps: int
    gap: np.ndarray
    unrelated: float
    smooth: int

    @property
    def is_power(self) -> bool:
        """Whether the curve is better described by a power of time, although a part of it is straight."""
        return bool(self.regions) and grows_as_a_power(moving_average(self.curves.near, self.smooth), self._top)

    @property
    def _top(self) -> float:
        return min(self.unrelated, float(self.curves.far.max())) - 1.0

    @property
    def jumped(self) -> float:
        """The share of neighbours that are torn apart by single steps, if that leaves it unclear how they separate; else 0."""
        share = jumped_share(self.curves, self.unrelated, self._top) if self.regions else 0.0
        return share if share > _JUMPED and is_unclear(moving_average(self.curves.near, self.smooth), self._top) else 0.0

    @property
    def is_torn(self) -> bool:
        """Whether the mean distance grows because some neighbours are torn apart, while most stay together."""
        return bool(self.regions) and typical_share(self.curves, self.regions[0]) < _TYPICAL


def _read(
    points: np.ndarray, window: int, neighbours: int, is_map: bool, period: float, horizon: int | None, references: int
) -> _Reading | None:
    longest = len(points) // 4
    steps = min(longest, max(2 * window, 20) if horizon is None else horizon)
    while True:
        curves = separation_curves(points, window, steps, neighbours, 0 if is_map else window, references)
        if curves is None:
            return None
        gap = curves.far - curves.near
        if horizon is not None or steps >= longest or gap[-max(1, steps // 4) :].mean() < 0.5 * gap[0]:
            break
        steps = min(2 * steps, longest)
    smooth, shortest = (1, 3) if is_map else (max(1, round(period / 2)), max(3, round(period / 2)))
    unrelated = far_apart(points)
    return _Reading(curves, scaling_region(curves.near, curves.far, smooth, shortest, unrelated), steps, gap, unrelated, smooth)


def _is_rough(series: np.ndarray) -> bool:
    return float(np.diff(series, 2).var()) > _ROUGHNESS * float(series.var())


def lyapunov_from_series(
    x: Any,
    dt: float = 1.0,
    method: str = "rosenstein",
    dim: int | None = None,
    delay: int | None = None,
    theiler: int | None = None,
    horizon: int | None = None,
    neighbours: int | None = None,
    bootstrap: int = 200,
    seed: int = 0,
    base: float | None = None,
) -> Divergence:
    """The largest Lyapunov exponent of a recorded series, or the statement that the series shows none.

    Parameters
    ----------
    x : array of shape (n,)
    dt : float
        Time between two numbers; the exponent is in nats per unit of this time.
    method : {"rosenstein", "kantz"}
        "rosenstein" follows one neighbour of each reference point; "kantz" takes the logarithm of the median distance to several neighbours, with a
        ball that contains just these neighbours.
    dim, delay : int, optional
        Dimension and delay of the embedding; `embedding_dimension` and `embedding_delay` by default.
    theiler : int, optional
        Neighbours are more than this many steps apart in time; at least 1; `theiler_window` by default.
    horizon : int, optional
        Number of steps for which neighbours are followed. By default it is doubled until the distances saturate, up to a quarter of the series.
    neighbours : int, optional
        Number of neighbours of each reference point; 1 for Rosenstein and 5 for Kantz by default.
    bootstrap : int
        Number of bootstrap replicates for ``stderr`` and ``interval``.
    seed : int
    base : float, optional
        Base of the logarithm; nats by default.

    Returns
    -------
    Divergence
        ``curve`` holds times and S(k), ``fit_range`` the times of the scaling region, ``interval`` the 95 % interval. Without a scaling region
        (noise, or too short a series) ``value`` is NaN; for regular motion it is 0. ``warnings`` give the reason.

    Raises
    ------
    ArgumentError

    References
    ----------
    Rosenstein, Collins and De Luca, Physica D 65 (1993) 117, doi:10.1016/0167-2789(93)90009-P; Kantz, Phys. Lett. A 185 (1994) 77,
    doi:10.1016/0375-9601(94)90991-1.

    Examples
    --------
    >>> x = [0.3]
    >>> for _ in range(2999):
    ...     x.append(4 * x[-1] * (1 - x[-1]))
    >>> result = lyapunov_from_series(x)
    >>> bool(abs(float(result) - np.log(2)) < 0.05)
    True
    >>> lyapunov_from_series(np.random.default_rng(0).random(3000)).warnings[0][:17]
    'no scaling region'
    """
    series = as_series(x, 100)
    if method not in ("rosenstein", "kantz"):
        raise ArgumentError(f"`method` must be 'rosenstein' or 'kantz'; got {shown(method)}")
    dt = positive("dt", dt)
    bootstrap = whole_number("bootstrap", bootstrap, 20)
    near_count = (1 if method == "rosenstein" else 5) if neighbours is None else whole_number("neighbours", neighbours, 1)
    chosen_delay = embedding_delay(series)
    is_map = chosen_delay.parameters["method"] == "map" or (delay in (None, 1) and _is_rough(series))
    lag = 1 if is_map and delay is None else int(chosen_delay.value) if delay is None else whole_number("delay", delay, 1)
    window = theiler_window(series) if theiler is None else whole_number("theiler", theiler, 1)
    size = int(embedding_dimension(series, lag, window).value) if dim is None else whole_number("dim", dim, 1)
    period = mean_period(series)
    notes = list(tie_notes(series))
    if not is_map and series.size < 50 * period:
        notes.append(
            f"the series is {series.size / period:.0f} mean periods long, too short for the exponent to converge; record a longer series rather than a finer one"
        )
    parameters: dict[str, Any] = {
        "method": method,
        "dim": size,
        "delay": lag,
        "theiler": window,
        "neighbours": near_count,
        "dt": dt,
    }
    points = embed(series, size, lag)
    if len(points) < 4 * window + 50:
        raise ArgumentError(
            f"`x` is too short for a Theiler window of {window} and an embedding in {size} dimensions with delay {lag}; got {series.size} numbers"
        )
    repeated = repetition(series, 0.0) if notes else None
    if repeated is not None:
        text = f"no scaling region: {repetition_words(repeated)}, so that no neighbours separate"
        return Divergence(0.0, None, parameters=parameters, warnings=(text, *notes))
    reach = None if horizon is None else whole_number("horizon", horizon, 4)
    found = _read(points, window, near_count, is_map, period, reach, _REFERENCES)
    if found is None:
        return Divergence(
            math.nan,
            None,
            parameters=parameters,
            warnings=("no scaling region: too few points have neighbours outside of the Theiler window", *notes),
        )
    curves, regions, gap = found.curves, found.regions, found.gap
    parameters["horizon"] = found.steps
    torn = torn_share(curves, found.unrelated, max(2, lag))
    if torn > _SHARE:
        notes.append(
            f"{100 * torn:.0f} % of neighbours are as far apart as unrelated points within {max(2, lag)} steps: they are no neighbours; the observable folds the "
            "attractor, as the square of a coordinate does, or it jumps"
        )
    curve = (dt * np.arange(found.steps + 1), curves.near)
    if found.is_power:
        text = "no scaling region: distances of neighbours grow as a power of time rather than exponentially, as in motion that is not chaotic"
        return Divergence(math.nan, None, curve, None, parameters, (text, *notes), None, curves.far, growth="power")
    if found.is_torn:
        text = "no scaling region: most neighbours stay together while some are torn apart at once, as where pieces of the circle are exchanged; that is no exponential growth"
        return Divergence(math.nan, None, curve, None, parameters, (text, *notes), None, curves.far, growth="torn")
    # Pairs of a flow that is sampled coarsely part within a step as well.
    jumped = found.jumped if is_map else 0.0
    if jumped:
        text = f"no scaling region: single steps tear {100 * jumped:.0f} % of neighbours apart, as a cut in the observable does, and a power of time describes the growth almost as well as an exponential"
        return Divergence(math.nan, None, curve, None, parameters, (text, *notes), None, curves.far, growth="unclear")
    if not regions:
        rise = moving_average(curves.near, found.smooth).max() - curves.near[0]
        # A random walk seen for a few of its longest swings looks as regular.
        if rise < _REGULAR and gap[-max(1, found.steps // 4) :].mean() > 0.5 * gap[0] and series.size >= _SEEN * period:
            text = "no scaling region: neighbours do not separate; the motion is periodic, quasi-periodic or contracting"
            return Divergence(0.0, None, curve, None, parameters, (text, *notes), None, curves.far)
        text = "no scaling region: the distance of neighbours does not grow exponentially; noise, too few points, too high a dimension, or an observable that folds the attractor (as the square of a coordinate does)"
        return Divergence(math.nan, None, curve, None, parameters, (text, *notes), None, curves.far)
    best = regions[0]
    slopes = resampled_slopes(curves, regions, bootstrap, seed) / dt
    value = best.slope / dt
    readings = [(size, near_count, value)]
    for other_size, other_count in ((size + 1, near_count), (size + 2, near_count), (size, 5 if near_count < 3 else 1)):
        if series.size - (other_size - 1) * lag < 4 * window + 50:
            continue
        other = _read(embed(series, other_size, lag), window, other_count, is_map, period, found.steps, _OTHERS)
        if other is not None and other.regions:
            readings.append((other_size, other_count, other.regions[0].slope / dt))
    apart = _WIDENED * max(abs(v - value) for _, _, v in readings) if len(readings) > 1 else _ALONE * value
    if best.bend > 0.25:
        notes.append(f"the slope changes by {100 * best.bend:.0f} % across the scaling region")
    if best.reach > _ROUGH:
        notes.append(f"distances reach {100 * best.reach:.0f} % of those of points far apart: too few points, the value is rough")
    if len(readings) == 1:
        notes.append(
            "neither other dimensions nor another number of neighbours give a scaling region: the value rests on a single choice"
        )
    below, above = np.quantile(slopes, [0.025, 0.975])
    low = value - math.hypot(min(float(below) - value, 0.0), apart)
    high = value + math.hypot(max(float(above) - value, 0.0), apart)
    result = Divergence(
        value,
        math.hypot(float(slopes.std(ddof=1)), apart / 2),
        curve,
        (best.first * dt, best.last * dt),
        parameters,
        tuple(notes),
        (low, high),
        curves.far,
        True,
        tuple(readings),
        "exponential",
    )
    return result if base is None else result.in_base(base)
