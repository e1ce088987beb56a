"""Expectations from draws and the gradients of the log density there, with standard errors from draws that the fit has not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.flags import Flag, Kind, Severity
from weakchaos.core.text_table import aligned
from weakchaos.runs.control_variates import cross_fit, feature_count, folds_of, polynomial_features
from weakchaos.runs.convergence import draws_in_round, effective_size
from weakchaos.runs.score_check import check_scores, points_and_gradients

__all__ = ["Expectation", "expectation_of", "mean_and_error", "stein_expectation", "trace_gradients", "whitened"]

METHODS = ("mean", "stein", "functionals", "quadrature")
_FOLDS = 5
_LOOKED_AT = 5000  # draws of a chain, by the check of gradients
_LEAST_DRAWS = 40
_LEAST_SIZE = 100.0  # effective draws below which a standard error is a guess
_ROWS_A_FEATURE, _MOST_FEATURES, _CEILING = 5, 1000, 3000


@dataclass(frozen=True, eq=False)
class Expectation:
    """Estimates of E f under a target.

    Attributes
    ----------
    value, stderr : arrays of shape (k,)
        For each component of f; the standard error takes account of autocorrelation.
    plain, plain_stderr : arrays of shape (k,)
        The average of the draws and its standard error, for comparison.
    method : str
    order : int or None
        Degree of the polynomials.
    ridges : array of shape (folds, k)
        What cross-validation chose, as part of the variance of a feature; infinite where it took no control variate.
    gradients : int
        Evaluations of the gradient that were spent on the estimate.
    names : tuple of str
    flags : tuple of Flag
        What speaks against the estimate.
    details : dict
        What else a method has to tell.
    """

    value: np.ndarray
    stderr: np.ndarray
    plain: np.ndarray
    plain_stderr: np.ndarray
    method: str
    order: int | None = None
    ridges: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    gradients: int = 0
    names: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def gain(self) -> np.ndarray:
        """How many times as many draws the plain average would need: the ratio of squared standard errors, shape (k,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return (self.plain_stderr / self.stderr) ** 2

    def interval(self, level: float = 0.9) -> np.ndarray:
        """Confidence intervals of that level, shape (k, 2), from the normal distribution, or from Student's where the folds are all there is.

        Examples
        --------
        >>> x = np.random.default_rng(1).normal(size=(4, 500, 1))
        >>> stein_expectation(x**3, x, -x, order=1).interval().shape
        (1, 2)
        """
        if not 0 < level < 1:
            raise ArgumentError(f"`level` must be between 0 and 1; got {shown(level)}")
        from scipy.special import ndtri, stdtrit

        freedom = self.details.get("freedom")
        wide = ndtri(0.5 + level / 2) if freedom is None else stdtrit(freedom, 0.5 + level / 2)
        return np.stack([self.value - wide * self.stderr, self.value + wide * self.stderr], 1)

    def table(self) -> str:
        """Values, standard errors and gains as text."""
        rows = [
            {"name": n, "value": v, "stderr": s, "plain": p, "plain stderr": e, "gain": g}
            for n, v, s, p, e, g in zip(self.names, self.value, self.stderr, self.plain, self.plain_stderr, self.gain, strict=True)
        ]
        return aligned(rows)

    def __repr__(self) -> str:
        own = f"order {self.order}, " if self.order else ""
        middle = float(np.median(self.gain)) if self.gain.size else float("nan")
        return (
            f"<Expectation by {self.method}: {own}{len(self.value)} values, median gain {middle:.3g}, {self.gradients} gradients>"
        )


def whitened(x: np.ndarray, gradients: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points and gradients, shape (n, dim), in coordinates of mean zero and covariance one; coordinates that never change are left out.

    The features of all polynomials up to a degree are the same in any such coordinates, but for rounding and for what a ridge takes off.
    """
    total = weights.sum()
    mean = weights @ x / total
    scale = np.sqrt(weights @ (x - mean) ** 2 / total)
    moving = scale > 1e-12 * np.maximum(np.abs(mean), 1e-300)
    z, h = (x[:, moving] - mean[moving]) / scale[moving], gradients[:, moving] * scale[moving]
    if not moving.any():
        raise ArgumentError("the draws are all at one place: nothing can be estimated from them")
    correlation = (z * weights[:, None]).T @ z / total
    values, vectors = np.linalg.eigh(correlation)
    roots = np.sqrt(np.maximum(values, 1e-10))  # draws that keep to a plane
    return z @ (vectors / roots), h @ (vectors * roots)


def mean_and_error(
    values: np.ndarray, weights: np.ndarray | None = None, group: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted means of values of shape (chains, n, k), their standard errors, and effective sample sizes, each of shape (k,).

    Chains count alike. The error of a ratio estimate is that of the mean of its influence w (f - mean).
    """
    w = np.ones(values.shape[:2]) if weights is None else weights / weights.mean(1, keepdims=True)
    mean = (w[:, :, None] * values).mean((0, 1))
    errors, sizes = np.empty(mean.size), np.empty(mean.size)
    for k in range(mean.size):
        series = w * (values[:, :, k] - mean[k])
        sizes[k] = max(1.0, effective_size(series, group))
        rounding = 4.0 * np.finfo(float).eps * np.abs(values[:, :, k]).max()
        errors[k] = max(float(series.std()) / np.sqrt(sizes[k]), rounding)
    return mean, errors, sizes


def _order(order: Any, dim: int, rows: int) -> int:
    if order is None:
        fits = [o for o in (1, 2, 3) if feature_count(dim, o) <= min(rows // _ROWS_A_FEATURE, _MOST_FEATURES)]
        return max(fits, default=1)
    value = whole_number("order", order, 1, 3)
    if feature_count(dim, value) > _CEILING:
        raise ArgumentError(
            f"`order` {value} in {dim} coordinates makes {feature_count(dim, value)} control variates, more than {_CEILING}; use a lower order"
        )
    return value


def _values(values: Any, shape: tuple[int, int]) -> np.ndarray:
    array = real_array("values", values)
    if array.shape[:2] != shape or array.ndim > 3:
        raise ArgumentError(f"`values` must have shape {(*shape, 'k')}, one row a draw; got {array.shape}")
    array = array.reshape(*shape, -1)
    if not np.isfinite(array).all():
        raise ArgumentError(
            f"`values` must be finite; {int((~np.isfinite(array)).any(2).sum())} of {array[:, :, 0].size} draws hold NaN or infinity"
        )
    return array


def _weights(weights: Any, shape: tuple[int, int]) -> np.ndarray | None:
    if weights is None:
        return None
    w = real_array("weights", weights)
    if w.shape != shape or not np.isfinite(w).all() or (w < 0).any() or not (w.sum(1) > 0).all():
        raise ArgumentError(f"`weights` must have shape {shape}, be finite, none negative, and not all zero in a chain")
    return w


def stein_expectation(
    values: Any,
    x: Any,
    gradients: Any,
    weights: Any = None,
    *,
    method: str = "stein",
    order: int | None = None,
    names: Sequence[str] | None = None,
    walkers: int = 1,
) -> Expectation:
    """Estimate E f from values of f at draws, the draws, and the gradients of the log density there.

    Parameters
    ----------
    values : array of shape (chains, n), (chains, n, k) or, of one chain, (n,)
    x, gradients : arrays of shape (chains, n, dim) or (n, dim)
        In coordinates that fill all of space: a parameter with bounds by its unconstrained coordinate, the gradient with the log-Jacobian.
    weights : array of shape (chains, n), optional
    method : {"stein", "functionals", "quadrature", "mean"}
        ``"stein"``: polynomial control variates (Mira, Solgi and Imparato 2013, arXiv:1012.2983). ``"functionals"``: these, and a function out of the space of
        a Stein kernel (Oates, Girolami and Chopin 2017, arXiv:1410.2392). ``"quadrature"``: weights of least kernel Stein discrepancy (Liu and Lee 2017,
        arXiv:1610.05247). ``"mean"``: the plain average.
    order : int, optional
        Degree of the polynomials, 1 to 3; by default the highest that leaves five draws a control variate, and at most 1000 of these.
    names : sequence of str, optional
        Of the components of f.
    walkers : int
        Draws of an ensemble that make a round.

    Returns
    -------
    Expectation
        Its flags say where Stein's identity fails: then the gradients are not those of the density that was drawn from, and the estimate is of
        neither.

    Raises
    ------
    ArgumentError

    Notes
    -----
    The estimate is unbiased for a chain in equilibrium, as coefficients come from other parts of the chains than those they serve; it cannot mend a chain
    that has not found all modes, whose gradients look as they should.

    Examples
    --------
    >>> x = np.random.default_rng(1).normal(size=(4, 500, 2))
    >>> e = stein_expectation(x**2, x, -x, order=2)  # exact for a Gaussian
    >>> e.value.round(6), bool((e.gain > 1e6).all())
    (array([1., 1.]), True)
    """
    if method not in METHODS:
        raise ArgumentError(f"`method` must be one of {', '.join(map(repr, METHODS))}; got {shown(method)}")
    points, scores = points_and_gradients(x, gradients)
    if points.ndim == 2:
        points, scores, values = points[None], scores[None], real_array("values", values)[None]
    chains, n, dim = points.shape
    f, given = _values(values, (chains, n)), _weights(weights, (chains, n))
    if chains * n < _LEAST_DRAWS or n < 2 * _FOLDS:
        raise ArgumentError(
            f"an estimate needs at least {_LEAST_DRAWS} draws, and {2 * _FOLDS} of a chain; there are {chains} chains of {n}"
        )
    labels = tuple(names) if names is not None else tuple(f"f{k}" for k in range(f.shape[2]))
    if len(labels) != f.shape[2]:
        raise ArgumentError(f"`names` must hold {f.shape[2]} names, one for each component of f; got {len(labels)}")
    plain, plain_error, size = mean_and_error(f, given, walkers)
    if method == "mean":
        return Expectation(
            plain, plain_error, plain, plain_error, method, names=labels, flags=tuple(_few(size, labels, chains * n, chains))
        )
    every = -(-n // _LOOKED_AT)
    flags = check_scores(points[:, ::every], scores[:, ::every], None if given is None else given[:, ::every])
    w = (np.ones((chains, n)) if given is None else given / given.mean(1, keepdims=True)).ravel()
    z, h = whitened(points.reshape(-1, dim), scores.reshape(-1, dim), w)
    if method == "quadrature":
        from weakchaos.runs.stein_quadrature import quadrature

        value, error, details = quadrature(f, z, h)
        return Expectation(value, error, plain, plain_error, method, gradients=0, names=labels, flags=tuple(flags), details=details)
    degree = _order(order, z.shape[1], chains * n)
    folds = folds_of(chains, n, _FOLDS).ravel()
    centred = f.reshape(chains * n, -1) - plain
    fit = cross_fit(centred, chains * n, lambda part: polynomial_features(z[part], h[part], degree), folds, w)
    left, details = fit.left, {"features": feature_count(z.shape[1], degree)}
    if method == "functionals":
        from weakchaos.runs.stein_quadrature import functionals

        left, more = functionals(centred, fit, z, h, degree, folds, w)
        details |= more
    shift, error, size = mean_and_error(left.reshape(f.shape), given, walkers)
    error *= _shared_noise(details["features"], chains * n)
    error = np.maximum(error, 4.0 * np.finfo(float).eps * np.abs(f).max((0, 1)))
    flags += _few(size, labels, chains * n, chains)
    return Expectation(plain + shift, error, plain, plain_error, method, degree, fit.ridges, 0, labels, tuple(flags), details)


def _shared_noise(features: int, draws: int) -> float:
    r"""By how much the coefficients that folds have in common widen the error.

    The variance of what is left holds the noise of coefficients, but not that the noise of two folds comes in part from the same draws. With e what is left and
    u the whitened features this adds |E e u u'|**2 / (Var(e) features) * features / draws to a relative variance of one: a share of at most about one of
    the noise of the coefficients itself, which is taken here.
    """
    train = draws * (_FOLDS - 1) / _FOLDS
    return float(np.sqrt(1.0 + min(1.0, features / train)))


def _few(sizes: np.ndarray, names: Sequence[str], draws: int, chains: int) -> list[Flag]:
    worst = int(np.argmin(sizes))
    if sizes[worst] >= _LEAST_SIZE:
        return []
    return [Flag.of(Kind.FEW_DRAWS, where=names[worst], ess=float(sizes[worst]), draws=draws, chains=chains)]


def expectation_of(trace: Any, f: Callable | None, method: str, order: int | None) -> Expectation:
    """See `Trace.expectation`."""
    if method not in METHODS:
        raise ArgumentError(f"`method` must be one of {', '.join(map(repr, METHODS))}; got {shown(method)}")
    trace._need_draws("expectation")
    draws = np.asarray(trace.draws)
    chains, n, size = draws.shape
    if not n:
        raise ArgumentError("this trace holds no draw that every chain has; look at trace.chain(k)")
    rows = draws.reshape(chains * n, size).astype(np.float64)
    values = rows if f is None else _called(f, rows)
    names = trace.names if f is None else None
    group = draws_in_round(trace.walkers, trace.settings["thin"])
    spent, flags = 0, [flag for flag in trace.check() if flag.severity is not Severity.NOTE]
    x = gradients = np.zeros((chains, n, 1))
    if method != "mean":
        x, gradients, spent = trace_gradients(trace, f"`method` {method!r}")
        target = trace.system.target
        if not target.has_gradient:
            flags.append(Flag.of(Kind.NO_GRADIENT, evaluations=2 * target.dim + 1))
    found = stein_expectation(
        values.reshape(chains, n, -1), x, gradients, trace.weights, method=method, order=order, names=names, walkers=group
    )
    known = {(flag.kind, flag.where) for flag in flags}
    flags += [flag for flag in found.flags if (flag.kind, flag.where) not in known]
    return Expectation(**{**found.__dict__, "gradients": spent, "flags": tuple(flags)})


def _called(f: Callable, rows: np.ndarray) -> np.ndarray:
    values = np.asarray(f(rows), np.float64)
    if values.shape[:1] != (len(rows),) or values.ndim > 2:
        raise ArgumentError(
            f"`f` must map an array of shape (m, dim) to one of shape (m,) or (m, k); for m={len(rows)} it returned shape {values.shape}"
        )
    return values


def trace_gradients(trace: Any, who: str) -> tuple[np.ndarray, np.ndarray, int]:
    """The draws of a trace in coordinates that fill all of space, and the gradients of the log density there.

    Parameters
    ----------
    trace : Trace
    who : str
        What needs them, for the message of an error.

    Returns
    -------
    x, gradients : arrays of shape (chains, n, dim)
    spent : int
        Gradients that were evaluated: one for each draw that differs from the one before it.

    Raises
    ------
    ArgumentTypeError
        When the target is no density.
    """
    from weakchaos.native.c_density import evaluate_rows

    target = trace._system_of("gradients").target
    if not getattr(target, "continuous", False) or not hasattr(target, "pointer"):
        raise ArgumentTypeError(f"{who} needs the gradient of a log density, which {type(target).__name__} does not have")
    x = np.asarray(trace.draws).astype(np.float64)
    chains, n = x.shape[:2]
    parameters = getattr(target, "parameters", None)
    if parameters is not None:
        x = parameters.unconstrain(x)
    flat = np.ascontiguousarray(x.reshape(chains * n, -1))
    fresh = np.ones(len(flat), bool)
    fresh[1:] = (flat[1:] != flat[:-1]).any(1)  # a rejected proposal leaves a draw that has been seen
    gradients = evaluate_rows(target.pointer(True), flat[fresh])[1][np.cumsum(fresh) - 1]
    return x, gradients.reshape(x.shape), int(fresh.sum())
