"""What every target says of itself, so that averages of any sampler can be held against it: names, variances and truth of what is averaged."""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError

__all__ = ["Target"]


class Target:
    """Base of all targets.

    Attributes
    ----------
    error_kind : str
        What the error of a comparison is of.
    counted : str
        What ``dim`` counts.
    continuous : bool
        Whether it is a density, of which no draw comes twice.
    source : str or None
        Where the truth comes from; None where it is exact.
    """

    error_kind = "largest error of an average"
    counted = "coordinates"
    continuous = False
    source: str | None = None
    dim: int
    names: Any

    @property
    def has_zeros(self) -> bool:
        """Whether tables hold probabilities of zero, so that moves of a few units may not reach every state."""
        return False

    def truth(self) -> tuple[np.ndarray | None, np.ndarray]:
        """Known expectations of what samplers average, and the scale in which an error counts."""
        raise TypeError(f"{type(self).__name__} does not define truth")

    def judged_truth(self) -> np.ndarray | None:
        """The expectations by which a bias is judged; more of them may be known than an error is counted in."""
        return self.truth()[0]

    def given_truth(self, values: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """The expectations of `n` averages, and their scale, from what a user gave; NaN where nothing was.

        Raises
        ------
        ArgumentError
            For another number of them.
        """
        if values.size != n:
            raise ArgumentError(f"`truth` must have {n} entries (one for each average the samplers keep); got {values.size}")
        return values, np.ones(n)

    def draw_variance(self, averages: np.ndarray) -> np.ndarray:
        """Variance of one draw of what is averaged, where it follows from the averages; NaN elsewhere."""
        return np.full(averages.shape, np.nan)

    def estimand_names(self, n: int) -> list[str]:
        """Names of the `n` averages that samplers keep."""
        return list(map(str, self.names)) if len(self.names) == n else [f"average {k}" for k in range(n)]
