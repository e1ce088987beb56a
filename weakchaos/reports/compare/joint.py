"""What is measured of a sampler and its stream as one system, beside exponents and periods: memory of the draws, entropy of the stream, coupling."""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.errors import SamplingError
from weakchaos.diagnostics import entropy_rate

__all__ = ["autocorrelation", "coupling_time", "determinism", "spectrum_of_state", "stream_discrepancy", "stream_entropy"]

_SYMBOLS, _CHUNK = 20_000, 16
_RECURRENT, _POINTS, _DIMENSIONS, _EXPONENTS = 1000, 1024, 8, 16
_SPECTRUM_STEPS = 500
_NEAR = 1e-6  # standard deviations of the draws


def autocorrelation(draws: np.ndarray) -> float | None:
    """Correlation of successive draws, shape (n, dim), mean over the coordinates that move; None where none does.

    Examples
    --------
    >>> round(autocorrelation(np.array([[0.0], [1.0]] * 500)), 2)
    -1.0
    """
    x = np.asarray(draws, float)
    if len(x) < 3 or not np.isfinite(x).all():
        return None
    x = x - x.mean(0)
    variance = (x * x).mean(0)
    moving = variance > 0
    return float(((x[1:] * x[:-1]).mean(0)[moving] / variance[moving]).mean()) if moving.any() else None


def stream_entropy(system: Any, seed: Any) -> float | None:
    """Entropy rate of the stream of a bound sampler, in nats per number, its numbers coded by their halves of [0, 1): ln 2 at most. None without a stream."""
    if system.driver is None or system.uniforms_per_step == 0:
        return None
    driver = system.driver.for_steps_of(system.uniforms_per_step)
    try:
        numbers = driver.advance(driver.start(seed), min(_SYMBOLS, driver.length or _SYMBOLS))[:, 0]
    except SamplingError:  # a stream that leaves [0, 1), which the run tells
        return None
    return float(entropy_rate((numbers >= 0.5).astype(np.int8)))


def coupling_time(system: Any, seed: np.random.SeedSequence, draws: np.ndarray, most: int) -> int | None:
    """Draws after which two chains from different starts under one stream are the same, to a millionth of the spread of the `draws`.

    None without a stream, where they are apart after `most` draws, or where they part again.
    """
    if system.driver is None or system.uniforms_per_step == 0:
        return None
    a = system.start(seed)
    b = system.start(np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 0xC0)))
    b.driver = a.driver.copy()
    scale = np.asarray(draws, float).std(0)
    scale, met = np.where(scale > 0, scale, 1.0), None
    made, count = 0, _CHUNK
    while made < most:
        count = min(count, most - made)
        x, y = (np.asarray(system.advance(s, count), float) for s in (a, b))
        gap = (np.abs(x - y) / scale).max(1)
        apart = np.flatnonzero(~(gap < _NEAR))
        if apart.size == 0:
            met = made + 1 if met is None else met
        else:
            met = made + int(apart[-1]) + 2 if apart[-1] + 1 < count else None
        made += count
        if met is not None and made >= 2 * met and np.array_equal(a.symbols, b.symbols):
            return met
        count = min(2 * count, 4096)
    return met


# ---- what is measured on request only ----


def determinism(draws: np.ndarray) -> float | None:
    """Share of the recurrences of the last 1,000 draws, shape (n, dim), that lie on diagonal lines of two or more: where draws come close they stay close.

    Recurrent are the closest 5 % of all pairs of draws, or of a discrete target those that are equal; None where no two are.

    Examples
    --------
    >>> determinism(np.array([[0], [1]] * 100))
    1.0
    """
    from weakchaos.diagnostics import recurrence_quantification

    x = np.asarray(draws)[-_RECURRENT:]
    if len(x) < 50 or not np.isfinite(x).all() or not np.ptp(x, axis=0).any():
        return None
    x = x[:, np.ptp(x, axis=0) > 0]
    found = recurrence_quantification(x.astype(float), None if x.dtype.kind == "f" else 0.0, theiler_diagonal=1)
    return float(found) if found.rate[0] > 0 and np.isfinite(float(found)) else None


def stream_discrepancy(system: Any, seed: Any) -> float | None:
    """L2-star discrepancy of the first 1,024 points that steps of a bound sampler take from its stream, over what it is for independent numbers (the root
    of its mean square).

    A point is made of the first numbers of a step, eight at most, or of two successive numbers where steps take one or a number that varies: 1 is random, less is more even,
    more is worse. None without a stream.
    """
    from weakchaos.diagnostics import star_discrepancy

    if system.driver is None or system.uniforms_per_step == 0:
        return None
    driver, each = system.driver.for_steps_of(system.uniforms_per_step), system.uniforms_per_step or 1
    taken = each if each > 1 else 2
    dim, most = min(taken, _DIMENSIONS), (driver.length or _POINTS) * each // taken
    n = min(_POINTS, most)
    try:
        points = driver.advance(driver.start(seed), n * taken).reshape(n, taken)[:, :dim]
    except SamplingError:
        return None
    return float(star_discrepancy(points) / np.sqrt((2.0**-dim - 3.0**-dim) / n))


def spectrum_of_state(system: Any, seed: Any) -> list[float] | None:
    """The Lyapunov exponents of a bound sampler that has exact tangents, at most 16, the largest first, in nats per draw, along 500 draws; None for all others."""
    from weakchaos.diagnostics import lyapunov_spectrum

    state = system.start(seed)
    if not hasattr(system, "tangent") or state.phase.size == 0:
        return None
    k = min(state.phase.size, _EXPONENTS)
    found = lyapunov_spectrum(system, k, steps=_SPECTRUM_STEPS, transient=_SPECTRUM_STEPS // 5, seed=seed)
    width = float(getattr(system, "time_step", 1.0))
    return [float(v) * width for v in found.exponents] if np.isfinite(found.exponents).all() else None
