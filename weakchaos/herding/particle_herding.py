"""Sequential kernel herding: a particle filter whose particles are chosen, not drawn.

Lacoste-Julien, Lindsten and Bach, AISTATS 2015, arXiv:1501.02056. With particles x_i of weights w_i at time t - 1, the predictive distribution of a model
x_t = f(x_{t-1}) + N(0, Q) is the mixture sum_i w_i N(f(x_i), Q), whose mean under a Gaussian kernel is known in closed form; Frank-Wolfe quadrature chooses the next
particles among draws of it, and the likelihood of the observation multiplies their weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from weakchaos.core.arguments import real_array, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, SamplingError, shown
from weakchaos.herding.selection.selecting import METHODS, select
from weakchaos.kernels.base import Kernel
from weakchaos.kernels.distributions import NormalMixture
from weakchaos.kernels.radial import Gaussian

__all__ = ["Filtered", "sequential_herding"]


class Filtered(NamedTuple):
    """What a filter estimates.

    Attributes
    ----------
    means, variances : arrays of shape (steps, dim)
        Of the state given the observations until then.
    log_likelihood : float
        Of all observations, in nats.
    particles : list of arrays of shape (m, dim)
    weights : list of arrays of shape (m,)
    """

    means: np.ndarray
    variances: np.ndarray
    log_likelihood: float
    particles: list[np.ndarray]
    weights: list[np.ndarray]


def sequential_herding(transition: Callable, covariance: Any, log_likelihood: Callable, observations: Any, initial: NormalMixture, size: int = 50,
                       kernel: Any = None, method: str = "fully-corrective", candidates: int = 2000, seed: Any = 0) -> Filtered:  # fmt: skip
    """Filter a state-space model x_t = f(x_{t-1}) + N(0, Q), y_t given x_t.

    Parameters
    ----------
    transition : callable
        ``f(x of shape (m, dim)) -> array of shape (m, dim)``.
    covariance : number, array of shape (dim,) or (dim, dim)
        Q.
    log_likelihood : callable
        ``log_likelihood(y, x of shape (m, dim)) -> array of shape (m,)``, in nats.
    observations : sequence
        One y for each time, the first for the state at its beginning.
    initial : Normal or NormalMixture
        The distribution of the first state.
    size : int
        The most particles.
    kernel : Gaussian, optional
        By default one whose bandwidth is the median distance of draws of the predictive distribution, each time anew.
    method : str
        One of those methods of `select` that take a target and have weights that are not negative: ``"fully-corrective"``, ``"blended-pairwise"``, ``"frank-wolfe"``, ``"herding"``, ...
    candidates : int
        Draws of the predictive distribution among which particles are chosen.
    seed : int

    Returns
    -------
    Filtered

    Raises
    ------
    SamplingError
        When every particle has likelihood zero.

    Examples
    --------
    >>> from weakchaos.kernels import Normal
    >>> y = [0.3, 0.1, -0.2]
    >>> found = sequential_herding(lambda x: 0.9 * x, 0.1, lambda y, x: -0.5 * (y - x[:, 0]) ** 2, y, Normal(0.0, 1.0), size=20)
    >>> found.means.shape
    (3, 1)
    """
    for name, function in (("transition", transition), ("log_likelihood", log_likelihood)):
        if not callable(function):
            raise ArgumentTypeError(f"`{name}` must be a function; got {shown(function)}")
    if not isinstance(initial, NormalMixture):
        raise ArgumentTypeError(f"`initial` must be a Normal or NormalMixture of weakchaos.kernels; got {shown(initial)}")
    # Of the others some only thin draws of the target, some need gradients, and weights of quadrature may be negative.
    usable = [name for name, way in METHODS.items() if not way.exact and name != "quadrature"]
    if method not in usable:
        raise ArgumentError(f"`method` must be one of {', '.join(usable)}, whose weights are not negative; got {shown(method)}")
    if kernel is not None and not isinstance(kernel, Kernel):
        raise ArgumentTypeError(f"`kernel` must be a Gaussian kernel; got {shown(kernel)}")
    size, candidates = whole_number("size", size, 1), whole_number("candidates", candidates, size)
    dim, rng = initial.dim, np.random.default_rng(seed)
    noise = _matrix(covariance, dim)
    predictive, total = initial, 0.0
    means, variances, particles, masses = [], [], [], []
    for t, y in enumerate(observations):
        chosen = select(
            predictive.sample(candidates, rng),
            size,
            method,
            Gaussian("median") if kernel is None else kernel,
            predictive,
            progress=False,
        )
        x, w = chosen.points, chosen.weights
        logs = np.asarray(log_likelihood(y, x), np.float64)
        if logs.shape != (len(x),) or np.isnan(logs).any():
            raise ArgumentError(
                f"`log_likelihood` must return {len(x)} numbers, one for each particle; at time {t} it returned {shown(logs)}"
            )
        top = float(logs.max())
        if top == -np.inf:
            raise SamplingError(f"every particle has likelihood zero at time {t}; take more particles or candidates")
        posterior = w * np.exp(logs - top)
        total += top + float(np.log(posterior.sum()))
        posterior = posterior / posterior.sum()
        keep = posterior > 0
        x, posterior = x[keep], posterior[keep]
        centre = posterior @ x
        means.append(centre)
        variances.append(posterior @ (x - centre) ** 2)
        particles.append(x)
        masses.append(posterior)
        moved = np.asarray(transition(x), np.float64)
        if moved.shape != x.shape or not np.isfinite(moved).all():
            raise ArgumentError(
                f"`transition` must return finite states of shape {x.shape}; at time {t} it returned {shown(moved)}"
            )
        predictive = NormalMixture(posterior, moved, np.broadcast_to(noise, (len(x), dim, dim)))
    if not means:
        raise ArgumentError("`observations` must hold at least one observation")
    return Filtered(np.array(means), np.array(variances), total, particles, masses)


def _matrix(value: Any, dim: int) -> np.ndarray:
    q = real_array("covariance", value)
    return q * np.eye(dim) if q.ndim == 0 else np.diag(q) if q.ndim == 1 else q
