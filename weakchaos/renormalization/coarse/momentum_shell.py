"""Momentum-shell coarse-graining of a population: the directions of smallest variance are left out.

Bradde and Bialek, J. Stat. Phys. 167 (2017) 462, doi:10.1007/s10955-017-1770-6: eigenvectors of the covariance take the place of Fourier modes. Each
unit is projected onto the K directions of largest variance and rescaled to unit variance; the change of its distribution as K falls is the
flow. At a Gaussian fixed point every unit has kurtosis 3; a kurtosis that converges to another value is another fixed point.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.scatter import jackknife_error
from weakchaos.core.text_table import aligned
from weakchaos.renormalization.coarse.null_models import NULLS, is_binary, null_population
from weakchaos.renormalization.coarse.population import as_activity

__all__ = ["MomentumShell", "ShellFlow", "momentum_shell"]

_BATCHES = 8


@dataclass(frozen=True)
class ShellFlow:
    """The flow of one population.

    Attributes
    ----------
    kept : array of shape (k,)
        Number of directions kept: all, then half of them, and so on.
    variance : array of shape (k,)
        Share of the variance in these directions.
    kurtosis, kurtosis_stderr : arrays of shape (k,)
        Mean over units; standard errors by leaving out one eighth of the samples at a time.
    """

    kept: np.ndarray
    variance: np.ndarray
    kurtosis: np.ndarray
    kurtosis_stderr: np.ndarray

    @property
    def quartic(self) -> np.ndarray:
        """The coupling u of a field with weight exp(-x^2 / 2 - u x^4 / 24) of this kurtosis, to first order: 3 - kurtosis."""
        return 3 - self.kurtosis


@dataclass(frozen=True)
class MomentumShell:
    """The flow of a population beside those of its null models.

    Attributes
    ----------
    data : ShellFlow
    nulls : dict of ShellFlow
    verdict : str
    parameters : dict
    """

    data: ShellFlow
    nulls: dict[str, ShellFlow]
    verdict: str
    parameters: dict[str, Any] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary for each number of directions kept: share of variance, and kurtosis of data and null models."""
        return [
            {
                "kept": int(k),
                "variance": float(self.data.variance[i]),
                "data": float(self.data.kurtosis[i]),
                "±": float(self.data.kurtosis_stderr[i]),
                **{n: float(s.kurtosis[i]) for n, s in self.nulls.items()},
            }
            for i, k in enumerate(self.data.kept)
        ]

    def table(self) -> str:
        """The rows and the verdict as text."""
        return f"{aligned(self.rows())}\n\nVerdict: {self.verdict}."

    __str__ = table


def _flow(x: np.ndarray, steps: int, split: bool) -> ShellFlow:
    half = len(x) // 2
    learn, test = (x[:half], x[half:]) if split else (x, x)
    scale = learn.std(0)
    learn, test = ((v - learn.mean(0)) / np.where(scale > 0, scale, 1) for v in (learn, test))
    vectors = np.linalg.eigh(learn.T @ learn / len(learn))[1][:, ::-1]
    kept = np.array([x.shape[1] >> k for k in range(steps + 1)])
    coordinates = test @ vectors
    total = (coordinates**2).sum()
    parts = np.array_split(np.arange(len(test)), _BATCHES)
    share, kurtosis, error = [], [], []
    for k in kept:
        field_ = coordinates[:, :k] @ vectors[:, :k].T
        share.append(float((coordinates[:, :k] ** 2).sum() / total))
        sums = np.stack([[(field_[p] ** r).sum(0) for r in (1, 2, 3, 4)] for p in parts])
        counts = np.array([len(p) for p in parts], float)

        def mean_kurtosis(keep: np.ndarray, sums: np.ndarray = sums, counts: np.ndarray = counts) -> float:
            m1, m2, m3, m4 = sums[keep].sum(0) / counts[keep].sum()
            v = m2 - m1**2
            varies = v > 1e-12
            return float(((m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4)[varies] / v[varies] ** 2).mean())

        left = [mean_kurtosis(np.arange(_BATCHES) != b) for b in range(_BATCHES)]
        kurtosis.append(mean_kurtosis(np.ones(_BATCHES, bool)))
        error.append(float(jackknife_error(left)))
    return ShellFlow(kept, np.array(share), np.array(kurtosis), np.array(error))


def momentum_shell(
    activity: Any, steps: int | None = None, nulls: Any = NULLS, split: bool = True, rank: int = 10, seed: Any = 0
) -> MomentumShell:
    """The flow of the distribution of a population's units as directions of small variance are left out.

    Parameters
    ----------
    activity : array of shape (samples, units)
    steps : int, optional
        How often the number of directions is halved; by default until about one in 64 is left, but at least two directions.
    nulls : sequence of {"independent", "shuffled", "latent"}
    split : bool
        Find the directions on the first half of the samples and measure on the second half.
    rank : int
        Number of latent variables of the null model.
    seed : int

    Returns
    -------
    MomentumShell

    Raises
    ------
    ArgumentError, ArgumentTypeError

    References
    ----------
    Bradde and Bialek, J. Stat. Phys. 167 (2017) 462, doi:10.1007/s10955-017-1770-6.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((2000, 32))
    >>> flow = momentum_shell(x, nulls=("independent",))
    >>> bool(abs(flow.data.kurtosis[-1] - 3) < 0.2), flow.verdict
    (True, 'flows to a Gaussian')
    """
    x = as_activity(activity)
    most = int(np.log2(x.shape[1])) - 1
    count = min(6, most) if steps is None else whole_number("steps", steps, 1, most)
    wanted = tuple([nulls] if isinstance(nulls, str) else nulls)
    for name in wanted:
        if name not in NULLS:
            raise ArgumentError(f"`nulls` must be taken from {', '.join(NULLS)}; got {shown(name)}")
    rng = np.random.default_rng(seed)
    x = x.astype(np.uint8) if is_binary(x) else x.astype(np.float64)
    data = _flow(x, count, split)
    made = {n: _flow(null_population(x, n, rng, whole_number("rank", rank, 1)), count, split) for n in wanted}
    last, error = data.kurtosis[-1], data.kurtosis_stderr[-1]
    if abs(last - 3) <= max(4 * error, 0.2):
        verdict = "flows to a Gaussian"
    elif "latent" not in made:
        verdict = "not Gaussian, criticality not established: the latent null model was not included"
    elif abs(last - made["latent"].kurtosis[-1]) <= max(4 * np.hypot(error, made["latent"].kurtosis_stderr[-1]), 0.2):
        verdict = "not Gaussian, criticality not established: shared latent variables end at the same kurtosis"
    else:
        verdict = "not Gaussian, and not explained by shared latent variables; this is no proof of a critical point"
    return MomentumShell(data, made, verdict, {"samples": len(x), "units": x.shape[1], "split": split, "rank": rank})
