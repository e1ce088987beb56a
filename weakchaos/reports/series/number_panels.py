"""Panels of an analysed series of numbers, one function a picture: each draws into the axes it is given."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.figures import COLOURS, FADED, INK, PAPER, SMALL, absent, tidy, title
from weakchaos.reports.series.measured import MeasuredNumbers

__all__ = ["NUMBER_PANELS"]

_BLUE, _RED, _GREEN = COLOURS[0], COLOURS[1], COLOURS[2]
_DRAWN = 2500  # points beyond which a line becomes the range of stretches
_SIDE = 500  # pixels of a recurrence plot


def begin(axes: Any, name: str, x: str = "", y: str = "") -> None:
    """Frame, title and labels of a panel."""
    tidy(axes)
    title(axes, name)
    axes.set_xlabel(x, fontsize=SMALL + 0.5, color=INK, parse_math=False)
    axes.set_ylabel(y, fontsize=SMALL + 0.5, color=INK, parse_math=False)
    axes.tick_params(which="both", labelsize=SMALL)


def remark(axes: Any, text: str, place: str = "upper right") -> None:
    """A line of text in a corner of a panel."""
    x, align = (0.98, "right") if "right" in place else (0.02, "left")
    y, valign = (0.97, "top") if "upper" in place else (0.03, "bottom")
    box = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
    axes.text(
        x, y, text, transform=axes.transAxes, ha=align, va=valign, fontsize=SMALL, color=INK, bbox=box, zorder=9, parse_math=False
    )


def legend(axes: Any, place: str = "best") -> None:
    """The legend of a panel."""
    axes.legend(fontsize=SMALL, frameon=False, labelcolor=INK, loc=place, handlelength=1.6, borderaxespad=0.3)


def _line(axes: Any, t: np.ndarray, x: np.ndarray) -> None:
    if x.size <= _DRAWN:
        axes.plot(t, x, color=_BLUE, lw=0.8)
        return
    # Each stretch from its least to its greatest: what a line of so many points would cover, without drawing them.
    width = math.ceil(x.size / 1000)
    rows = x[: x.size - x.size % width].reshape(-1, width)
    axes.fill_between(t[: rows.size : width], rows.min(1), rows.max(1), color=_BLUE, lw=0.3, alpha=0.85)


def draw_series(axes: Any, r: MeasuredNumbers) -> None:
    """The whole series against time."""
    x = r.x
    begin(
        axes,
        "Series" if x.size <= _DRAWN else f"Series ({x.size:,} numbers: range of each stretch)",
        f"time ({r.unit})",
        r.name,
    )
    _line(axes, np.arange(x.size) * r.dt, x)
    axes.set_xlim(0, (x.size - 1) * r.dt)


def draw_close_up(axes: Any, r: MeasuredNumbers) -> None:
    """The beginning of the series."""
    x = r.x
    rhythm = r.spectrum.value if r.spectrum is not None else 0.0
    shown = min(x.size, max(60, round(min(12 * max(r.delay * 4, rhythm), 1000)) if r.kind == "flow" else 80))
    begin(axes, f"The first {shown:,} numbers", f"time ({r.unit})")
    axes.plot(np.arange(shown) * r.dt, x[:shown], color=_BLUE, lw=0.9, marker="o" if shown <= 120 else None, ms=2.2)


def draw_portrait(axes: Any, r: MeasuredNumbers) -> None:
    """The series against its own past."""
    x, delay = r.x, r.delay
    first, then = x[:-delay][:6000], x[delay:][:6000]
    step = "one step" if delay == 1 else f"{delay * r.dt:.4g} {r.unit}"
    begin(axes, "Delay portrait", "x(t)", f"x(t + {step})")
    if r.kind == "map":
        few = first.size < 2000
        axes.plot(first, then, ".", color=_BLUE, ms=3.0 if few else 1.6, alpha=0.9 if few else 0.7, mew=0, rasterized=True)
    else:
        axes.plot(first, then, color=_BLUE, lw=0.35, alpha=0.75, rasterized=True)


def draw_correlation(axes: Any, r: MeasuredNumbers) -> None:
    """Autocorrelation and mutual information."""
    lags, information = r.information
    most = int(min(max(6 * r.correlation_time, 4 * r.delay, 20), lags[-1], r.acf.size - 1))
    begin(axes, "Memory", f"lag ({r.unit})")
    axes.axhline(0, color=FADED, lw=0.7)
    axes.plot(np.arange(most + 1) * r.dt, r.acf[: most + 1], color=_BLUE, lw=1.3, label="autocorrelation")
    scaled = information[: most + 1] / max(information[1 : most + 1].max(), 1e-12)
    axes.plot(np.arange(1, most + 1) * r.dt, scaled[1:], color=_RED, lw=1.3, label="mutual information, scaled")
    axes.axvline(r.delay * r.dt, color=FADED, lw=1, ls=(0, (4, 3)))
    axes.set_ylim(min(-0.1, 1.05 * r.acf[: most + 1].min()), 1.35)
    remark(axes, f"delay {r.delay * r.dt:.4g} {r.unit}", "lower right")
    legend(axes, "upper right")


def blue_of(shade: np.ndarray) -> np.ndarray:
    """Shares from 0 to 1 as the opacity of one colour, which suits any paper."""
    out = np.empty((*shade.shape, 4))
    out[..., :3] = [int(_BLUE[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    out[..., 3] = np.clip(shade, 0, 1)
    return out


def draw_recurrence(axes: Any, r: MeasuredNumbers) -> None:
    """Recurrence plot of the beginning of the series."""
    from weakchaos.diagnostics.series.recurrence_pixels import recurrence_image

    found = r.recurrence
    begin(axes, "Recurrence plot", f"time ({r.unit})", f"time ({r.unit})")
    if found is None:
        absent(axes, r.reason("recurrence rate"))
        return
    # Long enough to show how the orbit comes back, short enough to show single lines.
    part = r.x[: 1000 + 200 * (r.delay - 1) + (r.dim - 1) * r.delay]
    shade = np.sqrt(recurrence_image(part, found.parameters["radius"], _SIDE, r.dim, r.delay))
    dark = float(np.quantile(shade[~np.eye(len(shade), dtype=bool)], 0.99))
    span = (part.size - (r.dim - 1) * r.delay) * r.dt
    axes.imshow(blue_of(shade / (dark or 1.0)), origin="lower", extent=(0, span, 0, span), aspect="auto", interpolation="nearest")
    axes.grid(False)


def draw_divergence(axes: Any, r: MeasuredNumbers) -> None:
    """How neighbours separate."""
    begin(axes, "Divergence of neighbours", f"time ({r.unit})", "mean log distance")
    found = r.rosenstein
    if found is None or not found.curve[0].size:
        absent(
            axes, "neighbours do not separate: there is no curve" if found is not None else r.reason("largest exponent, Rosenstein")
        )
        return
    t, near = found.curve
    most = min(t.size, max(12, 4 * int(np.searchsorted(t, found.fit_range[1]))) if found.fit_range else t.size)
    axes.plot(t[:most], near[:most], color=_BLUE, lw=1.4, marker="o" if most <= 40 else None, ms=3, label="nearest neighbours")
    if found.far_curve.size:
        axes.plot(t[:most], found.far_curve[:most], color=_BLUE, lw=1, alpha=0.5, ls=(0, (3, 2)), label="farther ones")
    if found.fit_range is not None:
        low, high = found.fit_range
        axes.axvspan(low, high, color=_RED, alpha=0.12, lw=0)
        inside = (t >= low - 1e-12) & (t <= high + 1e-12)
        middle = near[inside].mean() - found.value * t[inside].mean()
        axes.plot(
            [low, high],
            [middle + found.value * low, middle + found.value * high],
            color=_RED,
            lw=2.2,
            label=f"slope {found.value:.3g}",
        )
        if found.interval is not None:
            remark(axes, f"{found.interval[0]:.3g} to {found.interval[1]:.3g} nats/{r.unit}", "upper left")
    else:
        remark(axes, "neighbours do not separate" if found.value == 0 else "no scaling region", "upper left")
    legend(axes, "lower right")


def draw_slopes(axes: Any, r: MeasuredNumbers) -> None:
    """Local slopes of the correlation sums."""
    begin(axes, "Correlation sums: local slopes", "radius / range", "d ln C / d ln r")
    sums, found = r.sums, r.dimension
    if sums is None:
        absent(axes, r.reason("correlation dimension"))
        return
    size = float(np.ptp(r.x))
    top, count = 0.0, len(sums.sums)
    lefts: list[float] = []
    for m, c in enumerate(sums.sums):
        usable = np.flatnonzero((c * sums.pairs >= 50) & (c < 0.999))
        if usable.size < 8:
            continue
        radius, slope = np.log(sums.radii[usable]), np.gradient(np.log(c[usable]), np.log(sums.radii[usable]))
        slope = np.convolve(np.pad(slope, 2, mode="edge"), np.ones(5) / 5, "valid")
        strong = 0.25 + 0.75 * m / max(count - 1, 1)
        axes.plot(np.exp(radius) / size, slope, color=_BLUE, alpha=strong, lw=1.1)
        top = max(top, float(np.quantile(slope, 0.9)))
        rising = np.flatnonzero(c[usable] > c[usable[0]])
        lefts += [float(sums.radii[usable[max(rising[0] - 1, 0)]]) / size] if rising.size else []
    axes.set_xscale("log")
    axes.set_ylim(0, min(max(1.3 * top, 1.0), count + 0.5))
    if lefts:  # rounded data leave many decades below their last digit in which no pair is
        axes.set_xlim(left=min(lefts) / 1.5)
    if found is not None and found.scaling:
        # The value is that of the last dimension over these radii, and the line goes no further.
        low, high = found.fit_range or (float(sums.radii[0]), float(sums.radii[-1]))
        axes.plot([low / size, high / size], [found.value, found.value], color=_RED, lw=1.6)
        remark(axes, f"settles at {found.value:.3g}", "upper right")
    else:
        remark(axes, "settles nowhere", "upper right")
    remark(axes, f"dimensions 1 (pale) to {count}", "lower left")


def draw_spectrum(axes: Any, r: MeasuredNumbers) -> None:
    """Power spectrum, the bound that surrogates set, and the peaks above it."""
    begin(axes, "Spectrum", f"frequency (1/{r.unit})", "power")
    found = r.spectrum
    if found is None:
        absent(axes, r.reason("spectral period"))
        return
    periods, power = found.curve
    n = found.parameters["n"]
    frequency = np.arange(1, power.size + 1) / (n * r.dt)
    scale = power.max()
    if power.size > _DRAWN:
        width = math.ceil(power.size / 1200)
        cut = power.size - power.size % width
        axes.plot(frequency[:cut:width], power[:cut].reshape(-1, width).max(1) / scale, color=_BLUE, lw=0.7, label="series")
        bound = found.threshold[:cut].reshape(-1, width).mean(1) if found.threshold.size else None
        axes.plot(frequency[:cut:width], bound / scale, color=_RED, lw=1.2, label="5 % of all surrogates exceed this once")
    else:
        axes.plot(frequency, power / scale, color=_BLUE, lw=0.7, label="series")
        axes.plot(frequency, found.threshold / scale, color=_RED, lw=1.2, label="5 % of all surrogates exceed this once")
    axes.set_yscale("log")
    low = float(np.quantile(power, 0.02)) / scale
    axes.set_ylim(max(low, 1e-12) / 2, 60)
    for p in found.periods[:3]:
        k = int(np.argmin(np.abs(periods - p)))
        axes.plot(1 / (p * r.dt), power[k] / scale, "v", color=_GREEN, ms=5, zorder=5)
    if found.periods.size:
        words = ", ".join(f"{p * r.dt:.4g}" for p in found.periods[:3])
        remark(axes, f"period {words} {r.unit}", "lower left")
    legend(axes, "upper right")


def draw_patterns(axes: Any, r: MeasuredNumbers) -> None:
    """How often each ordinal pattern occurs."""
    begin(axes, "Ordinal patterns", "patterns, by their number", "frequency")
    found = r.ordinal
    if found is None or not found.probabilities.size:
        absent(axes, r.reason("permutation entropy"))
        return
    p = found.probabilities
    axes.bar(np.arange(p.size), p, width=1.0 if p.size > 24 else 0.8, color=_BLUE, lw=0)
    axes.axhline(1 / p.size, color=FADED, lw=1, ls=(0, (4, 3)))
    axes.set_xlim(-0.5, p.size - 0.5)
    axes.set_ylim(0, 1.25 * p.max())
    remark(axes, f"order {found.parameters['order']}: {found.missing} of {p.size} missing; entropy {found.normalized:.3f} of 1")


def draw_fluctuation(axes: Any, r: MeasuredNumbers) -> None:
    """Detrended fluctuations against scale."""
    begin(axes, "Detrended fluctuations", "window (steps)", "F(s) / sd")
    found = r.dfa
    if found is None:
        absent(axes, r.reason("DFA alpha"))
        return
    s, f = found.curve
    f = f / r.x.std()
    axes.loglog(s, f, "o", color=_BLUE, ms=3.5)
    low, high = found.fit_range or (s[0], s[-1])
    used = (s >= low) & (s <= high) & (f > 0)
    middle = math.exp(np.log(f[used]).mean() - found.value * np.log(s[used]).mean())
    axes.loglog(s[used], middle * s[used] ** found.value, color=_RED, lw=1.6, label=f"slope {found.value:.2f}")
    axes.loglog(s, f[0] * (s / s[0]) ** 0.5, color=FADED, lw=1, ls=(0, (4, 3)), label="1/2: no memory")
    legend(axes, "lower right")


def draw_surrogates(axes: Any, r: MeasuredNumbers) -> None:
    """The statistics of the data among those of their surrogates."""
    begin(axes, "Against linear surrogates", "standard deviations of the surrogates,\nfrom their mean")
    tests = ((r.linear, "prediction\nerror"), (r.asymmetry, "time\nasymmetry"), (r.clustering, "clustering"))
    known = [(test, name) for test, name in tests if test is not None]
    if not known:
        absent(axes, r.reason("prediction error", "time asymmetry", "clustering of volatility"))
        return
    reach = 6.0
    rng = np.random.default_rng(0)
    for k, (test, _) in enumerate(known):
        own, others = test.own, test.others
        spread = others.std() if others.std() > 0 else 1.0
        z, place = (others - others.mean()) / spread, (own - others.mean()) / spread
        axes.plot(z, -k + rng.uniform(-0.16, 0.16, z.size), ".", color=FADED, ms=3.5, alpha=0.7, mew=0)
        beyond = abs(place) > reach
        mark = "D" if not beyond else "<" if place < 0 else ">"
        axes.plot(np.clip(place, -reach, reach), -k, mark, color=_RED, ms=7, zorder=5)
        text = f"p = {test.p_value:.2g}" + (f", at {place:.0f} sd" if beyond else "")
        axes.text(reach + 0.6, -k + 0.38, text, fontsize=SMALL, color=INK, ha="right", va="center")
    axes.set_yticks([-k for k in range(len(known))], [name for _, name in known])
    axes.set_xlim(-reach - 0.8, reach + 0.8)
    axes.set_ylim(-len(known) + 0.4, 0.65)
    axes.grid(False, axis="y")


# Key, whether it takes two columns of three, function, what a reader who cannot see it is told.
NUMBER_PANELS = (
    ("series", True, draw_series, "The whole series against time"),
    ("close-up", False, draw_close_up, "The beginning of the series"),
    ("portrait", False, draw_portrait, "The series against itself one delay later"),
    ("recurrence", False, draw_recurrence, "Recurrence plot"),
    ("memory", False, draw_correlation, "Autocorrelation and mutual information against lag"),
    ("divergence", False, draw_divergence, "Mean log distance of neighbours against time"),
    ("slopes", False, draw_slopes, "Local slopes of the correlation sums against radius"),
    ("fluctuation", False, draw_fluctuation, "Detrended fluctuations against window length"),
    ("spectrum", False, draw_spectrum, "Power spectrum with the bound that surrogates set"),
    ("patterns", False, draw_patterns, "Frequencies of ordinal patterns"),
    ("surrogates", False, draw_surrogates, "Statistics of the data among those of surrogates"),
)
