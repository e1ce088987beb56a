"""What targets know whose samplers keep averages of numbers and of their squares: means, standard deviations, or neither."""

from __future__ import annotations

import numpy as np

from weakchaos.targets.target import Target

__all__ = ["KnownMoments"]


class KnownMoments(Target):
    """A target whose averages are the first and second moments of what its names say.

    Attributes
    ----------
    means : array of shape (n,) or None
        For n names; NaN for a mean that is not known.
    sds : array of shape (n,) or None
        Standard deviations, in which errors of means count; where one is NaN, errors count as they are.
    """

    means: np.ndarray | None
    sds: np.ndarray | None

    def _scale(self) -> np.ndarray:
        n = len(self.names)
        return np.ones(n) if self.sds is None else np.where(np.isfinite(self.sds), self.sds, 1.0)

    def truth(self) -> tuple[np.ndarray | None, np.ndarray]:
        """Known expectations of draws and their squares and the scale in which an error counts, each of shape (2 n,) for n names; NaN where unknown."""
        n = len(self.names)
        if self.means is None:
            return None, np.ones(2 * n)
        # The squares are kept out of the error: their variance does not follow from means and sds.
        unknown = np.full(n, np.nan)
        return np.concatenate([self.means, unknown]), np.concatenate([self._scale(), np.ones(n)])

    def judged_truth(self) -> np.ndarray | None:
        """Means, and second moments where the standard deviations are known too."""
        if self.means is None:
            return None
        squares = np.full(len(self.names), np.nan) if self.sds is None else self.means**2 + self.sds**2
        return np.concatenate([self.means, squares])

    def given_truth(self, values: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Means, or means and second moments; errors of means count in standard deviations where these are known."""
        if values.size == len(self.names):
            values = np.concatenate([values, np.full(values.size, np.nan)])
        values, scale = super().given_truth(values, n)
        scale[: len(self.names)] = self._scale()
        return values, scale

    def draw_variance(self, averages: np.ndarray) -> np.ndarray:
        """That of the coordinates, from their first and second moments."""
        first, second = np.split(averages, 2)
        return np.concatenate([np.maximum(second - first**2, 0.0), np.full(len(first), np.nan)])

    def estimand_names(self, n: int) -> list[str]:
        """The coordinates and their squares."""
        return [*self.names, *(f"{name}**2" for name in self.names)] if n == 2 * len(self.names) else super().estimand_names(n)
