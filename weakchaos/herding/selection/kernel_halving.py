"""Kernel thinning and Compress++: half of the points of a sequence, again and again, chosen in pairs so that what is kept stays balanced.

Dwivedi and Mackey, J. Mach. Learn. Res. 25 (2024) 1, arXiv:2105.05842; with the kernel itself as the splitting kernel, Dwivedi and Mackey, ICLR 2022,
arXiv:2110.01593; Compress++, Shetty, Dwivedi and Mackey, ICLR 2022, arXiv:2111.07941. Of each pair (x, x') one point goes to either half. With
f = k(x, .) - k(x', .) and psi the sum of the f so far, signed by the half that x went to,

    b = |f|,  a = max(b s sqrt(2 log(2 / delta)), b**2),  P(sign = +1) = clip((1 - <psi, f> / a) / 2, 0, 1),
    s**2 <- s**2 + b**2 (1 + (b**2 - 2 a) s**2 / a**2)_+.

Of the 2**m parts that m rounds of halving leave, the one of least discrepancy is kept, and its points are then exchanged one by one for better ones.
Any number of points and any weights are taken: the sequence that is halved holds each point as often as its weight asks for, rounded up or down.
T points then have a discrepancy of the order of 1/T times logarithms for smooth kernels on bounded sets, with high probability, from T**2 independent ones. This is
proven for the a above; a quarter of its first term, which is the default here (`threshold`), balances better at all sizes that we have tried.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_number, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.herding.selection.exchange import exchange
from weakchaos.herding.selection.selected import Selection
from weakchaos.herding.selection.sides import THRESHOLD, KernelSide, course

__all__ = ["by_compression", "by_halving", "compressed", "halved", "inflated", "thinned"]

_PASSES = 3
_OVERSAMPLING = 4  # Compress++ keeps 2**4 times as many points for its last stage


def inflated(weights: np.ndarray, length: int, rng: np.random.Generator) -> np.ndarray:
    """A sequence of so many indices in which each appears as often as its weight asks for, rounded up or down, in increasing order.

    Systematic resampling with a random offset: in expectation each index has exactly its share.

    Examples
    --------
    >>> inflated(np.array([0.5, 0.25, 0.25]), 4, np.random.default_rng(0)).tolist()
    [0, 0, 1, 2]
    """
    mass = np.cumsum(weights)
    places = (np.arange(length) + rng.random()) * (mass[-1] / length)
    return np.minimum(np.searchsorted(mass, places, side="right"), len(weights) - 1)


def _halves(side: Any, sequence: np.ndarray, delta: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The two halves of a sequence of indices of even length."""
    signs = side.halve(sequence, rng.random(len(sequence) // 2), side.threshold * math.sqrt(2.0 * math.log(2.0 / delta)))
    return sequence[signs > 0], sequence[signs < 0]


def _split(side: Any, sequence: np.ndarray, rounds: int, delta: float, rng: np.random.Generator) -> list[np.ndarray]:
    """The 2**rounds parts of a sequence."""
    parts = [sequence]
    for _ in range(rounds):
        each = min(0.5, 2.0 * delta * len(parts) / (rounds * len(sequence)))
        parts = [half for part in parts for half in _halves(side, part, each, rng)]
    return parts


def _square(side: Any, part: np.ndarray) -> float:
    """The squared discrepancy of a part, less what all have in common."""
    return float(side.block(part).mean() - 2.0 * side.mean[part].mean())


def thinned(side: Any, sequence: np.ndarray, size: int, delta: float, rng: np.random.Generator) -> np.ndarray:
    """`size` indices out of a sequence, by halving; the best of all parts and of evenly spread points."""
    if size >= len(sequence):
        return sequence[np.arange(size) * len(sequence) // size]
    rounds = max(1, math.ceil(math.log2(len(sequence) / size)))
    long = sequence[np.arange(size << rounds) * len(sequence) // (size << rounds)]
    parts = [*_split(side, long, rounds, delta, rng), sequence[(2 * np.arange(size) + 1) * len(sequence) // (2 * size)]]
    return parts[int(np.argmin([_square(side, part) for part in parts]))]


def _set_up(problem: Any, options: dict[str, Any]) -> tuple[KernelSide, float, int]:
    """The side, `delta` and `passes`."""
    delta = real_number("delta", options.get("delta", 0.5))
    if not 0 < delta <= 1:
        raise ArgumentError(f"`delta` must be above 0 and at most 1, a probability of failure; got {shown(delta)}")
    threshold = real_number("threshold", options.get("threshold", THRESHOLD))
    if threshold < 0:
        raise ArgumentError(f"`threshold` must not be negative; got {shown(threshold)}")
    side = KernelSide(problem)
    side.threshold = threshold
    return side, delta, whole_number("passes", options.get("passes", _PASSES), 0)


def halved(side: Any, size: int, delta: float, rng: np.random.Generator) -> np.ndarray:
    """`size` of the candidates of a side by kernel thinning, before any exchange."""
    rounds = max(0, math.ceil(math.log2(side.n / size)))
    return thinned(side, inflated(side.weights, size << rounds, rng), size, delta, rng)


def _compressed(side: Any, sequence: np.ndarray, levels: int, delta: float, rng: np.random.Generator) -> np.ndarray:
    """A sequence of a 2**levels-th of its length: its quarters are compressed, joined and halved."""
    if levels == 0:
        return sequence
    quarter = len(sequence) // 4
    parts = [_compressed(side, sequence[k * quarter : (k + 1) * quarter], levels - 1, delta, rng) for k in range(4)]
    return _halves(side, np.concatenate(parts), delta, rng)[int(rng.random() < 0.5)]


def compressed(side: Any, size: int, delta: float, oversampling: int, rng: np.random.Generator) -> np.ndarray:
    """`size` of the candidates of a side by Compress++, before any exchange."""
    kept = size << oversampling
    levels = max(0, math.ceil(math.log2(side.n / kept)))
    if not levels:
        return halved(side, size, delta, rng)
    sequence = inflated(side.weights, -(-kept >> levels) << (2 * levels), rng)
    each = min(0.5, delta / (4.0 * levels * len(sequence)))
    return thinned(side, _compressed(side, sequence, levels, each, rng), size, delta, rng)


def by_halving(problem: Any, size: int, method: str, options: dict[str, Any]) -> Selection:
    """Kernel thinning to any size: O(n**2) evaluations, O(n dim) memory.

    Options: `delta`, a probability of failure (default 0.5); `threshold`, as part of the published one (default 0.25); `passes` of exchange at the end (default
    3; published with 1; 0 for none).
    """
    (side, delta, passes), rng = _set_up(problem, options), np.random.default_rng(problem.seed)
    return _finished(problem, side, halved(side, size, delta, rng), method, passes)


def by_compression(problem: Any, size: int, method: str, options: dict[str, Any]) -> Selection:
    """Compress++ to any size: O(size**2 log n) evaluations beside those of the means.

    Options: `delta`, `threshold` and `passes` as for kernel thinning, and `oversampling` g: 2**g times as many points are kept for the last stage (default 4).
    """
    (side, delta, passes), rng = _set_up(problem, options), np.random.default_rng(problem.seed)
    oversampling = whole_number("oversampling", options.get("oversampling", _OVERSAMPLING), 0, 12)
    return _finished(problem, side, compressed(side, size, delta, oversampling, rng), method, passes)


def _finished(problem: Any, side: Any, chosen: np.ndarray, method: str, passes: int) -> Selection:
    chosen, exchanges = exchange(side, chosen, passes)
    discrepancy = course(side, chosen)
    problem.evaluations = side.evaluations
    weights = np.full(len(chosen), 1.0 / len(chosen))
    return Selection(method, problem.x[chosen], weights, chosen, discrepancy, side.evaluations, problem.kernel, names=tuple(problem.names),
                     details={"exchanges": exchanges})  # fmt: skip
