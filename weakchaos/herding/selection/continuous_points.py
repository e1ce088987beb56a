"""Herding in a continuous space: each point is sought by local maximisation from several starts, with no candidates.

x_{T+1} = argmax over x of mu(x) - (1 / (T+1)) sum_t k(x, x_t) (Chen, Welling, Smola, UAI 2010, arXiv:1203.3472), for a mean mu in closed form; L-BFGS-B of scipy
from the best of random draws of the target. A local maximum may be missed, but each choice that is at least as good as the average of the target
keeps the guarantee of 1/sqrt(T); whether it was is the certificate of each step.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.herding.selection.problem import interrupted, progress_bar
from weakchaos.herding.selection.selected import Selection
from weakchaos.kernels.distributions import Distribution, Uniform, UniformSphere
from weakchaos.kernels.mean_embedding import cross_sums, embed
from weakchaos.kernels.other_kernels import as_kernel

__all__ = ["continuous_herding"]


def continuous_herding(target: Distribution, size: int, kernel: Any, starts: int = 8, candidates: int = 256, seed: Any = 0,
                       progress: bool = True) -> Selection:  # fmt: skip
    """Choose points anywhere in a continuous space, one after the other, so that averages over them are close to those of a distribution.

    Parameters
    ----------
    target : Distribution
        What the points stand for; its kernel mean embedding under `kernel` must have a closed form. If it is a `Uniform`, the points stay in its box.
    size : int
        How many points to choose.
    kernel : Kernel
    starts : int
        For each point, how many local maximisations are begun, from the best of the candidates.
    candidates : int
        For each point, how many random draws of the target are compared before the local maximisations begin.
    seed : int
    progress : bool

    Returns
    -------
    Selection
        It has no `indices`. ``details["certificate"]`` holds for each step the value of the objective at the chosen point less the mean of the objective under
        the target; a negative number would show that the search failed.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> from weakchaos.kernels import Gaussian, Normal
    >>> chosen = continuous_herding(Normal(0.0, 1.0), 3, Gaussian(1.0), progress=False)
    >>> bool(abs(chosen.points[0, 0]) < 1e-4)
    True
    """
    from scipy.optimize import minimize

    if not isinstance(target, Distribution) or isinstance(target, UniformSphere):
        raise ArgumentTypeError(f"`target` must be a Uniform, Normal or NormalMixture of weakchaos.kernels; got {shown(target)}")
    size, starts, candidates = (
        whole_number("size", size, 1),
        whole_number("starts", starts, 1),
        whole_number("candidates", candidates, 1),
    )
    chosen = as_kernel(kernel).fitted(target.sample(1000))
    embedding = embed(chosen, target)
    if not embedding.closed:
        raise ArgumentError(f"`kernel` must have a mean in closed form under the target; {shown(chosen)} has none")
    dim, rng = target.dim, np.random.default_rng(seed)
    bounds = list(zip(target.low, target.high, strict=True)) if isinstance(target, Uniform) else None
    spread = np.maximum(target.sample(1000, 1).std(0), 1e-300)
    steps = np.concatenate([np.zeros((1, dim)), np.diag(spread), -np.diag(spread)]) * 1e-5
    points, ones = np.empty((size, dim)), np.ones(size)
    mmd, certificate = np.empty(size), np.empty(size)
    norm = inner = 0.0

    def value(x: np.ndarray, t: int) -> np.ndarray:
        mean = embedding.mean_of(x)
        return mean if t == 0 else mean - cross_sums(chosen, x, points[:t], ones[:t]) / (t + 1)

    def negative(x: np.ndarray, t: int) -> tuple[float, np.ndarray]:
        values = value(x + steps, t)  # the value, and central differences along each coordinate
        return -float(values[0]), -(values[1 : dim + 1] - values[dim + 1 :]) / (2e-5 * spread)

    done = 0
    with progress_bar(progress, size, "continuous herding") as tick:
        try:
            for t in range(size):
                pool = target.sample(candidates, rng)
                order = np.argsort(-value(pool, t))[:starts]
                found = [minimize(negative, pool[i], args=(t,), jac=True, method="L-BFGS-B", bounds=bounds) for i in order]
                best = min(found, key=lambda r: r.fun)
                points[t] = best.x
                at = points[t : t + 1]
                before = cross_sums(chosen, at, points[:t], ones[:t])[0] if t else 0.0
                mean, own = float(embedding.mean_of(at)[0]), float(chosen.diagonal(at)[0])
                certificate[t] = -best.fun - (embedding.double - inner / (t + 1))
                norm, inner = norm + 2.0 * before + own, inner + mean
                mmd[t] = np.sqrt(max(0.0, embedding.double - 2.0 * inner / (t + 1) + norm / (t + 1) ** 2))
                done = t + 1
                tick(1)
        except KeyboardInterrupt:
            if not done:
                raise
            interrupted(done, size)
    return Selection("continuous herding", points[:done], np.full(done, 1.0 / done), None, mmd[:done], 0, chosen, details={"certificate": certificate[:done]})  # fmt: skip
