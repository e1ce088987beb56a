"""Gibbs sampling of normal distributions, by inversion: each coordinate is redrawn from its normal distribution given all others.

    x_i = m_i - sum_{j != i} P_ij (x_j - m_j) / P_ii + z_i / sqrt(P_ii),   z_i = quantile of one uniform number

with the mean m and the precision matrix P. J. Goodman and A. D. Sokal, Phys. Rev. D 40 (1989) 2035, doi:10.1103/PhysRevD.40.2035: a sweep is a step of the
Gauss-Seidel iteration for P plus noise, so that it contracts every distance by the same linear map. One number of the stream makes one coordinate, and
what a chain remembers of it fades exponentially, which is what completely uniformly distributed streams need to be worth most (Tribble and Owen,
Electron. J. Stat. 2 (2008) 634, doi:10.1214/07-EJS162).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from weakchaos.core.arguments import steps_and_columns
from weakchaos.core.counters import STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.drivers.base import stream_addresses
from weakchaos.native.compiled import draw_uniform, kernel, normal_from_uniform
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.continuous import BoundContinuous
from weakchaos.samplers.record import record
from weakchaos.targets.density import Density

__all__ = ["GaussianGibbs"]

_TOLERANCE = 1e-5  # of the gradient, against that of the normal distribution that is found


@kernel
def _sweeps(stream, stream_state, mean, precision, x, counters, n, every, draws, sums):
    dim = x.size
    for t in range(n):
        for i in range(dim):
            pull = 0.0
            for j in range(dim):
                if j != i:
                    pull += precision[i, j] * (x[j] - mean[j])
            z = normal_from_uniform(draw_uniform(stream, stream_state))
            x[i] = mean[i] - pull / precision[i, i] + z / math.sqrt(precision[i, i])
        counters[STEPS] += 1
        record(t, every, x, draws, sums)
    return n


def normal_of(target: Density) -> tuple[np.ndarray, np.ndarray]:
    """Mean and precision matrix of a density that is normal, from its gradients.

    The gradient of a normal density is ``-P (x - m)``; it is measured at the origin and one standard deviation along each coordinate, and compared with
    this formula at further points, where that of any other density differs.

    Raises
    ------
    ArgumentError
        If the density is not normal.

    Examples
    --------
    >>> import weakchaos as wc
    >>> mean, precision = normal_of(wc.zoo.gaussian([1.0, 2.0], mean=[0.0, 3.0]))
    >>> bool(np.allclose(mean, [0.0, 3.0])), bool(np.allclose(precision, [[1.0, 0.0], [0.0, 0.25]]))
    (True, True)
    """
    dim, unit = target.dim, np.eye(target.dim)
    first = target.gradient(np.zeros(dim))
    columns = [0.5 * (target.gradient(-e) - target.gradient(e)) for e in unit]
    precision = np.array(columns).T
    precision = 0.5 * (precision + precision.T)
    try:
        lower = np.linalg.cholesky(precision)
        mean = np.linalg.solve(precision, first)
    except np.linalg.LinAlgError:
        raise ArgumentError(f"`target` of GaussianGibbs must be a normal density; got {target!r}, {_OTHERWISE}") from None
    rng = np.random.default_rng(0)
    for scale in (0.5, 2.0, 5.0):
        x = mean + scale * np.linalg.solve(lower.T, rng.standard_normal(dim))
        expected = -precision @ (x - mean)
        size = max(float(np.abs(expected).max()), float(np.abs(first).max()), math.sqrt(float(precision.diagonal().max())))
        gap = float(np.abs(target.gradient(x) - expected).max())
        if not gap <= _TOLERANCE * size:
            raise ArgumentError(f"`target` of GaussianGibbs must be a normal density; got {target!r}, {_OTHERWISE}")
    return mean, precision


_OTHERWISE = "whose gradient is not that of one: take Slice, HMC or NUTS, which need no normal conditional distributions"


class _Bound(BoundContinuous):
    def __init__(self, sampler: GaussianGibbs, target: Density, driver: Any):
        super().__init__(sampler, target, driver)
        self.mean, self.precision = normal_of(target)
        self.uniforms_per_step = self.dim
        off = self.precision - np.diag(self.precision.diagonal())
        self.memory = bool(np.abs(off).max(initial=0.0) > _TOLERANCE * self.precision.diagonal().max())

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        return _sweeps(
            *stream_addresses(state.driver), self.mean, self.precision, state.phase, state.counters, n, every, draws, sums
        )

    def contraction(self) -> np.ndarray:
        """The linear map by which a sweep moves the distance of two chains under one stream, shape (dim, dim)."""
        lower, upper = np.tril(self.precision), np.triu(self.precision, 1)
        return -np.linalg.solve(lower, upper)

    def tangent(self, state: State, n: int, vectors: Any) -> np.ndarray:
        """Move `state` in place by `n` sweeps; the columns of `vectors`, shape (dim, k), as the exact linearised map carries them."""
        n, columns = steps_and_columns(n, vectors, self.dim)
        self.advance(state, n, max(n, 1))
        return np.linalg.matrix_power(self.contraction(), n) @ columns


@dataclass(frozen=True)
class GaussianGibbs(Sampler):
    """Gibbs sampling of a normal distribution: one sweep over the coordinates a draw, one number of the stream for each.

    Mean and precision matrix are found from the gradient of the target, whoever wrote it; a target that is not normal is refused. Two chains under one
    stream meet exponentially, at the rate of the largest eigenvalue of a linear map: ``rho ** 2`` for two coordinates of correlation rho.

    Examples
    --------
    >>> import weakchaos as wc
    >>> target = wc.zoo.correlated_gaussian(0.5)
    >>> trace = wc.sample(target, GaussianGibbs(), draws=2**14 - 1, warmup=0, seed=1, driver="cud-14", progress=False)
    >>> bool(np.abs(trace.draws.mean((0, 1))).max() < 2e-3)
    True
    """

    uses_gradient: ClassVar[bool] = False

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of this sampler on a `Density` that is normal."""
        self.require(target, Density, "a Density")
        return _Bound(self, target, driver)
