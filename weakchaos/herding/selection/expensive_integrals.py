"""Bayesian quadrature of an expensive function: where to evaluate it, what its integral is, how sure that is, and when to stop.

O'Hagan, J. Stat. Plan. Inference 29 (1991) 245; points by Huszar and Duvenaud, UAI 2012, arXiv:1204.1664. With a Gaussian process of constant mean m and covariance
a^2 k, the integral has after evaluations f the posterior mean w' f and variance a^2 V, V being the least squared discrepancy of weights that sum
to one. The points do not depend on f, the amplitude a does: a^2 = (f - m)' K^-1 (f - m) / (n - 1), from which Student's t with n - 1 degrees of
freedom follows for the interval.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from weakchaos.core.arguments import positive, real_number, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning, shown
from weakchaos.herding.selection.bayesian_quadrature import quadrature_weights
from weakchaos.herding.selection.selecting import select

__all__ = ["Integral", "integrate"]

_LEAST = 5  # evaluations before an amplitude is believed


class Integral(NamedTuple):
    """An expectation as Bayesian quadrature estimates it, with its uncertainty.

    Attributes
    ----------
    value, sd : float
        Posterior mean and standard deviation, in units of the function.
    degrees : int
        If the function is as smooth as the kernel says, ``(value - truth) / sd`` follows Student's t distribution with this many degrees of freedom.
    points : array of shape (n, dim)
    values : array of shape (n,)
    weights : array of shape (n,)
    history : array of shape (n - 4, 2)
        Value and standard deviation after 5, 6, ... evaluations.
    """

    value: float
    sd: float
    degrees: int
    points: np.ndarray
    values: np.ndarray
    weights: np.ndarray
    history: np.ndarray

    def interval(self, probability: float = 0.95) -> tuple[float, float]:
        """The central interval of a probability."""
        from scipy.special import stdtrit

        if not 0 < real_number("probability", probability) < 1:
            raise ArgumentError(f"`probability` must lie between 0 and 1; got {shown(probability)}")
        half = float(stdtrit(self.degrees, 0.5 + probability / 2)) * self.sd
        return self.value - half, self.value + half


def integrate(
    f: Callable,
    target: Any,
    kernel: Any,
    candidates: Any = 2000,
    size: int = 100,
    until: float | None = None,
    progress: bool = True,
) -> Integral:
    """Estimate the expectation of a function that is expensive to evaluate.

    Parameters
    ----------
    f : callable
        ``f(x of shape (dim,)) -> float``, called once for each point; the point that lowers the uncertainty most comes first.
    target : Distribution
    kernel : Kernel
        It says how smooth the function is, and over what length it varies. The reported uncertainty is only as good as this choice.
    candidates : int or array of shape (n, dim)
        The points at which `f` may be evaluated, or how many of them are drawn from the target.
    size : int
        The largest number of evaluations.
    until : float, optional
        Evaluations stop once the posterior standard deviation is this small, in units of the function.
    progress : bool

    Returns
    -------
    Integral

    Examples
    --------
    >>> from weakchaos.kernels import Gaussian, Normal
    >>> found = integrate(lambda x: np.cos(x[0]), Normal(0.0, 1.0), Gaussian(1.0), size=15, progress=False)
    >>> bool(abs(found.value - np.exp(-0.5)) < 1e-3)
    True
    """
    if not callable(f):
        raise ArgumentTypeError(f"`f` must be a function of a vector; got {shown(f)}")
    size = whole_number("size", size, _LEAST)
    if until is not None:
        positive("until", until)
    x = target.sample(whole_number("candidates", candidates, size)) if np.ndim(candidates) == 0 else candidates
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer points than asked for are no fault here
        chosen = select(x, size, "quadrature", kernel, target, weighting="sum-to-one", progress=progress)
    gram = chosen.kernel(chosen.points)
    from weakchaos.kernels.mean_embedding import embed

    mean = embed(chosen.kernel, target).mean(chosen.points)
    values: list[float] = []
    history: list[tuple[float, float]] = []
    weights = np.ones(1)
    for point in chosen.points:
        try:
            values.append(float(f(point.copy())))
        except (TypeError, ValueError) as error:
            raise ArgumentTypeError(f"`f` must return one number; at {point.tolist()} it did not: {error}") from error
        if not np.isfinite(values[-1]):
            raise ArgumentError(f"`f` must be finite; at {point.tolist()} it is {values[-1]}")
        n = len(values)
        if n < _LEAST:
            continue
        y, k = np.array(values), gram[:n, :n]
        weights = quadrature_weights(k, mean[:n], "sum-to-one")
        amplitude = _amplitude(k, y)
        history.append((float(weights @ y), float(amplitude * chosen.mmd[n - 1])))
        if until is not None and history[-1][1] <= until:
            break
    if not history:
        raise ArgumentError(f"`candidates` must hold at least {_LEAST} points that differ under the kernel; {len(values)} do")
    n = len(values)
    return Integral(*history[-1], n - 1, chosen.points[:n], np.array(values), weights, np.array(history))


def _amplitude(gram: np.ndarray, y: np.ndarray) -> float:
    """The standard deviation of the process, its constant mean estimated too."""
    jitter = 1e-12 * np.trace(gram) / len(y)
    root = np.linalg.cholesky(gram + jitter * np.eye(len(y)))
    one, z = np.linalg.solve(root, np.ones(len(y))), np.linalg.solve(root, y)
    rest = z - one * (one @ z) / (one @ one)
    return float(np.sqrt(rest @ rest / (len(y) - 1)))
