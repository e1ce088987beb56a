"""Posteriors of real data: eight schools by an exact integral, a logistic regression by a long run."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from weakchaos.native.compiled import kernel
from weakchaos.targets.zoo.base import ZooDensity

__all__ = ["EightSchoolsMoments", "breast_cancer", "eight_schools", "eight_schools_moments", "logistic_regression"]

DATA = Path(__file__).resolve().parents[1] / "data"

# Rubin, Journal of Educational Statistics 6 (1981) 377, doi:10.3102/10769986006004377, table 1: effects and their standard errors.
_EFFECTS = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
_ERRORS = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


@kernel
def _eight_schools(x, out, effects, errors):
    mu, log_tau = x[0], x[1]
    if log_tau > 300.0:  # tau**2 overflows, and the density has long been 0
        for i in range(x.size):
            out[i] = 0.0
        return -math.inf
    tau = math.exp(log_tau)
    q = tau * tau / 25.0
    total = -mu * mu / 50.0 + log_tau - math.log1p(q)
    slope_mu, slope_tau = -mu / 25.0, 0.0
    for j in range(effects.size):
        theta = x[2 + j]
        r = (effects[j] - mu - tau * theta) / errors[j]
        total -= 0.5 * (theta * theta + r * r)
        pull = r / errors[j]
        slope_mu += pull
        slope_tau += pull * theta
        out[2 + j] = tau * pull - theta
    out[0] = slope_mu
    out[1] = 1.0 - 2.0 * q / (1.0 + q) + tau * slope_tau
    return total


@kernel
def _logistic(x, out, signed, transposed):
    # Rows of `signed` are the regressors times +1 or -1, so each case is log sigmoid(margin). Sums run along rows of what they add up,
    # so that they vectorise without being reordered.
    cases, dim = signed.shape
    margin = np.zeros(cases)
    for j in range(dim):
        for n in range(cases):
            margin[n] += transposed[j, n] * x[j]
    total = 0.0
    for j in range(dim):
        total -= 0.5 * x[j] * x[j]
        out[j] = -x[j]
    product = 1.0
    for n in range(cases):
        e = math.exp(-abs(margin[n]))
        total += min(margin[n], 0.0)
        # One logarithm serves for all: 569 factors between 1 and 2 cannot overflow.
        product *= 1.0 + e
        residual = (e if margin[n] >= 0.0 else 1.0) / (1.0 + e)
        for j in range(dim):
            out[j] += residual * signed[n, j]
    return total - math.log(product)


class EightSchoolsMoments(NamedTuple):
    """Posterior moments of the eight schools: arrays of shape (10,) over (mu, log tau, theta_tilde), and means in the units of the data."""

    means: np.ndarray
    sds: np.ndarray
    mean_tau: float
    mean_effects: np.ndarray


def eight_schools_moments(points: int = 6001) -> EightSchoolsMoments:
    """Posterior moments of the eight schools by a one-dimensional integral.

    Given tau the model is Gaussian, so the other nine coordinates integrate out in closed form. The marginal of log tau falls like
    ``tau`` to the left and ``tau**-9`` to the right; the trapezoidal rule on it converges faster than any power of the spacing
    (Trefethen and Weideman, SIAM Review 56 (2014) 385, doi:10.1137/130932132), here up to rounding errors.

    Parameters
    ----------
    points : int
        Number of points of the rule, on log tau from -45 to 15.

    Returns
    -------
    EightSchoolsMoments

    Examples
    --------
    >>> moments = eight_schools_moments()
    >>> round(float(moments.means[0]), 2), round(moments.mean_tau, 2)
    (4.4, 3.6)
    """
    log_tau = np.linspace(-45.0, 15.0, points)
    tau = np.exp(log_tau)[:, None]
    variance = _ERRORS**2 + tau**2  # of each effect given mu and tau
    mu_variance = 1.0 / (1.0 / 25.0 + (1.0 / variance).sum(1))
    mu = mu_variance * (_EFFECTS / variance).sum(1)
    evidence = (
        -0.5 * np.log(variance).sum(1) + 0.5 * np.log(mu_variance) - 0.5 * ((_EFFECTS**2 / variance).sum(1) - mu**2 / mu_variance)
    )
    log_weight = log_tau - np.log1p(tau[:, 0] ** 2 / 25.0) + evidence
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    gain = tau / variance
    theta = gain * (_EFFECTS - mu[:, None])
    theta_square = theta**2 + _ERRORS**2 / variance + gain**2 * mu_variance[:, None]
    first = weight @ np.column_stack([mu, log_tau, theta])
    second = weight @ np.column_stack([mu**2 + mu_variance, log_tau**2, theta_square])
    return EightSchoolsMoments(first, np.sqrt(second - first**2), float(weight @ tau[:, 0]), weight @ (mu[:, None] + tau * theta))


def eight_schools() -> ZooDensity:
    """Coaching effects in eight schools, in the non-centred parametrisation, which removes most of the funnel of hierarchical models.

    ``y_j ~ N(mu + tau theta_tilde_j, sigma_j^2)``, ``theta_tilde_j ~ N(0, 1)``, ``mu ~ N(0, 5^2)``, ``tau ~ half-Cauchy(0, 5)``; the
    coordinates are mu, log tau (its Jacobian included) and the eight theta_tilde.

    Returns
    -------
    ZooDensity
        Of dimension 10.

    Notes
    -----
    Data: Rubin, Journal of Educational Statistics 6 (1981) 377, doi:10.3102/10769986006004377. Priors and form are those of
    ``eight_schools_noncentered`` in posteriordb (arXiv:2407.04967), which samples tau itself.

    Examples
    --------
    >>> target = eight_schools()
    >>> dict(zip(target.names[:2], target.means[:2].round(2).tolist()))
    {'mu': 4.4, 'log_tau': 0.8}
    """
    moments = eight_schools_moments()
    names = ["mu", "log_tau", *(f"theta_tilde[{j}]" for j in range(8))]
    return ZooDensity("eight_schools", {}, _eight_schools, 10, (_EFFECTS.copy(), _ERRORS.copy()), names=names,
                      means=moments.means, sds=moments.sds,
                      source="exact: trapezoidal rule over log tau, all else in closed form; benchmarks/zoo_reference.py eight_schools")  # fmt: skip


def breast_cancer() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Regressors, labels and names of the Wisconsin Diagnostic Breast Cancer data.

    Returns
    -------
    regressors : array of shape (569, 30)
        As measured.
    benign : bool array of shape (569,)
    names : list of str

    Notes
    -----
    Wolberg, Mangasarian, Street and Street, Breast Cancer Wisconsin (Diagnostic), UCI Machine Learning Repository (1993),
    doi:10.24432/C5DW2B, licence CC BY 4.0; in the order, naming and coding of scikit-learn's copy.
    """
    with np.load(DATA / "breast_cancer.npz", allow_pickle=False) as archive:
        return archive["regressors"], archive["benign"], [str(n) for n in archive["names"]]


def logistic_regression() -> ZooDensity:
    """Bayesian logistic regression of benign against malignant tumours: 569 cases, 31 coefficients, strongly correlated.

    The intercept and the 30 regressors, standardised to mean 0 and standard deviation 1 (divisor 569), have independent N(0, 1) priors
    on their coefficients.

    Returns
    -------
    ZooDensity
        Of dimension 31. Means and standard deviations come from a long run, standard errors in ``source``. Chains start at the means
        plus independent normal deviates of the posterior standard deviations.

    Notes
    -----
    Data: see `breast_cancer`; nothing is downloaded. ``python benchmarks/zoo_reference.py logistic`` repeats the reference run.

    Examples
    --------
    >>> target = logistic_regression()
    >>> target.dim, target.names[:2]
    (31, ['intercept', 'mean radius'])
    """
    regressors, benign, names = breast_cancer()
    standard = (regressors - regressors.mean(0)) / regressors.std(0)
    design = np.column_stack([np.ones(len(standard)), standard])
    signed = np.where(benign[:, None], design, -design)
    reference = json.loads((DATA / "breast_cancer_reference.json").read_text(encoding="utf-8"))
    means, sds = np.array(reference["means"]), np.array(reference["sds"])

    def start(rng: np.random.Generator) -> np.ndarray:
        # Where the margins change sign the curvature is a hundred times that near the mode, so a step tuned to the posterior is
        # unstable at a draw from the prior; independent coordinates are over-dispersed along the stiff axes all the same.
        return means + sds * rng.standard_normal(31)

    return ZooDensity("logistic_regression", {}, _logistic, 31, (np.ascontiguousarray(signed), np.ascontiguousarray(signed.T)),
                      names=["intercept", *names], means=means, sds=sds, start=start, source=reference["source"])  # fmt: skip
