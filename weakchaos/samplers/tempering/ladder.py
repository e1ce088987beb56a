"""The ladder of temperatures: its first shape, and the one in which every swap is refused as often as every other.

Syed et al., J. R. Stat. Soc. B 84 (2022) 321, section 5. With the probabilities r_k that the swap of temperatures k and k + 1 is refused, the
barrier Lambda(beta_k) = r_0 + ... + r_{k-1} grows along the ladder by what communication costs; it hardly depends on the temperatures between which it is measured. New temperatures are those at which it
is k / (K - 1) of Lambda = Lambda(1). With 2 Lambda + 1 temperatures round trips are as many as can be for the work; with fewer they break off, and Lambda itself is measured too low.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array
from weakchaos.core.errors import ArgumentError, shown

__all__ = ["checked_betas", "equalised", "first_betas", "tuning_steps"]

_LEAST_STEPS = 10  # of a round of tuning
_FLOOR = 1e-3  # of a refusal: where swaps were never refused, temperatures still stay apart


def first_betas(n: int, least: float, open_end: bool, hottest: float) -> np.ndarray:
    """`n` temperatures before anything is known: evenly spaced from 0, or geometrically from `hottest` where beta = 0 is no distribution."""
    return np.geomspace(hottest, 1.0, n) if open_end else np.linspace(least, 1.0, n)


def checked_betas(betas: Any) -> tuple[float, ...]:
    """The ladder of a user, as numbers.

    Raises
    ------
    ArgumentError
        For fewer than two temperatures, a negative one, an order that is not rising, and a last one that is not the target's.
    """
    values = real_array("betas", betas)
    if values.ndim > 1:
        raise ArgumentError(f"`betas` must be one ladder, a sequence of numbers; got an array of shape {values.shape}")
    if values.size < 2:
        raise ArgumentError(f"`betas` must hold at least two inverse temperatures, the last of them 1; got {shown(betas)}")
    if not np.isfinite(values).all() or (values < 0.0).any():
        raise ArgumentError(f"`betas` must be finite and not negative; got {shown(betas)}")
    if (np.diff(values) <= 0.0).any():
        raise ArgumentError(f"`betas` must rise from the hottest replica to the target: sort them, each once; got {shown(betas)}")
    if values[-1] != 1.0:
        raise ArgumentError(
            f"`betas` must end with 1, the target itself, as they are multiples of its inverse temperature; got {values[-1]:.6g}"
        )
    return tuple(values.tolist())


def equalised(betas: np.ndarray, refused: np.ndarray) -> np.ndarray:
    """Temperatures between which the barrier, linear between those of `betas`, is the same.

    Examples
    --------
    >>> equalised(np.array([0.0, 0.5, 1.0]), np.array([0.2, 0.6]))  # a barrier of 0.8, half of which is 0.4 = 0.2 + 0.6 / 3
    array([0.        , 0.66666667, 1.        ])
    """
    barrier = np.concatenate([[0.0], np.cumsum(np.maximum(refused, _FLOOR))])
    new = np.interp(np.linspace(0.0, barrier[-1], betas.size), barrier, betas)
    new[0], new[-1] = betas[0], betas[-1]
    return new


def tuning_steps(half: int) -> list[int]:
    """Steps of warm-up at which the ladder is moved: each round of tuning is twice as long as the one before, and the last ends at `half`.

    Examples
    --------
    >>> tuning_steps(500), tuning_steps(5)
    ([15, 31, 62, 125, 250, 500], [])
    """
    steps = []
    while half >= _LEAST_STEPS:
        steps.append(half)
        half //= 2
    return steps[::-1]
