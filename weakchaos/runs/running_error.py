"""Errors of running averages, and the draw counts at which they are looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["RunningError", "running_counts"]


def running_counts(draws: int) -> np.ndarray:
    """Draw counts from 1 to `draws`, eight per decade.

    Examples
    --------
    >>> running_counts(10)
    array([ 1,  2,  3,  4,  6,  7, 10])
    """
    n = max(2, round(8 * np.log10(max(draws, 2))) + 1)
    return np.unique(np.round(np.geomspace(1, max(draws, 1), n)).astype(np.int64))


@dataclass(frozen=True)
class RunningError:
    """The error of running averages.

    Attributes
    ----------
    draws : int array of shape (m,)
        After how many draws.
    errors : float array of shape (chains, m)
        The largest absolute error over coordinates, one row a chain.
    """

    draws: np.ndarray
    errors: np.ndarray

    @property
    def final(self) -> np.ndarray:
        """The error of each chain at its end, shape (chains,)."""
        return self.errors[:, -1]

    def __float__(self) -> float:
        return float(np.median(self.final))
