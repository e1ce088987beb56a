"""The base class of all targets, with what a comparison of samplers needs: names, variances and true values of the averages."""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError

__all__ = ["Target"]


class Target:
    """Base class of all targets.

    Attributes
    ----------
    error_kind : str
        A phrase that says what the error in a comparison is.
    counted : str
        The things that ``dim`` counts, in the plural.
    has_temperature : bool
        Whether the target has powers, which `samplers.ParallelTempering` runs on.
    continuous : bool
        Whether the target is a density, so that no value is drawn twice.
    source : str or None
        Where the true values come from; None if they are exact.
    default_sampler : str or None
        The public name of the sampler that `weakchaos.sample` takes where none is given; None if one must be given.
    parameters : Parameters or None
        The parameters whose transformed values are the coordinates; None where the coordinates are what a draw is.
    watched : tuple of str
        Names of what ``measure(draws)`` gives, which running averages are of; empty where they are of the draws themselves.
    """

    error_kind = "largest error of an average"
    counted = "coordinates"
    has_temperature = False
    continuous = False
    source: str | None = None
    default_sampler: str | None = None
    parameters: Any = None
    watched: tuple[str, ...] = ()
    dim: int
    names: Any

    @property
    def has_zeros(self) -> bool:
        """Whether tables hold probabilities of zero, so that moves of a few units may not reach every state."""
        return False

    def truth(self) -> tuple[np.ndarray | None, np.ndarray]:
        """True expectations of the averages that samplers keep (None if they are not known), and the scale by which errors are divided."""
        raise TypeError(f"{type(self).__name__} does not define truth")

    def judged_truth(self) -> np.ndarray | None:
        """The true expectations with which averages are compared to find a bias; these may be more than those that enter the error."""
        return self.truth()[0]

    def given_truth(self, values: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """The true expectations of `n` averages and their scale, from the values that a user gave; NaN for averages without a value.

        Raises
        ------
        ArgumentError
            If the number of values does not fit.
        """
        if values.size != n:
            raise ArgumentError(f"`truth` must have {n} entries (one for each average the samplers keep); got {values.size}")
        return values, np.ones(n)

    def judged(self, draws: np.ndarray) -> tuple[np.ndarray, list[str], list[Any]]:
        """What a check of a run judges in place of draws, for targets that have something `watched`.

        Parameters
        ----------
        draws : array of shape (chains, n, dim)

        Returns
        -------
        values : array of shape (chains, n, k)
        names : list of k str
        flags : list of Flag
            What the target itself finds to say against these draws.
        """
        raise TypeError(f"{type(self).__name__} does not define judged")

    def draw_variance(self, averages: np.ndarray) -> np.ndarray:
        """Variance of one draw of each averaged quantity, if it follows from the averages; NaN if it does not."""
        return np.full(averages.shape, np.nan)

    def estimand_names(self, n: int) -> list[str]:
        """Names of the `n` averages that samplers keep."""
        return list(map(str, self.names)) if len(self.names) == n else [f"average {k}" for k in range(n)]
