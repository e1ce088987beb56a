"""Stein thinning: points out of a chain, one after the other, each the one that brings the kernel Stein discrepancy down furthest.

Riabiz, Chen, Cockayne, Swietach, Niederer, Mackey and Oates, J. R. Stat. Soc. B 84 (2022) 1059, arXiv:2005.03952. With the Stein kernel k0 of the density,

    pi(t) = argmin_i  k0(x_i, x_i) + 2 sum_{j < t} k0(x_pi(j), x_i),

ties going to the first. Regularised (Benard, Staber and Da Veiga, NeurIPS 2023, arXiv:2301.13528), against points that gather at stationary points of the density
and chains that know the modes but not their weights: the positive parts of the second derivatives of log p are added to k0(x_i, x_i), and t log p(x_i) times
`strength`, one over the number of points by default, is taken off. The guarantee is of the order of 1/sqrt(T) for the discrepancy of T points.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array, real_number, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.flags import Flag, Kind, Severity, warn_of_each
from weakchaos.herding.selection.problem import interrupted, progress_bar
from weakchaos.herding.selection.selected import Selection
from weakchaos.kernels.stein_kernel import BLOCK, SteinPoints, stein_block
from weakchaos.native.compiled import kernel
from weakchaos.runs.score_check import check_scores, points_and_gradients

__all__ = ["by_stein_thinning", "positive_curvature", "stein_thinning"]

_AT_ONCE = 20_000_000  # evaluations between two looks at the keyboard
_LOOKED_AT = 10_000  # points, by the check of gradients
_WIDE = 10.0  # range of log q - log p from which on few points decide


@kernel
def _greedy(x, u, s, factors, trace, objective, penalty, repeats, chosen, values, start, stop):
    """Choose points start to stop; `objective` holds what is minimised, and `values` gets it at each choice.

    `x`, `u` and `s` are kept in blocks of consecutive points, shape (blocks, dim, BLOCK): one stream of memory each.
    """
    dim, n = x.shape[1], objective.size
    y, uy, sy = np.empty(dim), np.empty(u.shape[1]), np.empty(dim)
    work, block = np.empty((4, BLOCK)), np.empty(BLOCK)
    for t in range(start, stop):
        best, place = np.inf, -1
        last = chosen[t - 1] if t > 0 else -1
        if t > 0:
            home, inside = last // BLOCK, last % BLOCK
            for k in range(dim):
                y[k], sy[k] = x[home, k, inside], s[home, k, inside]
            for k in range(u.shape[1]):
                uy[k] = u[home, k, inside]
            if not repeats:
                objective[last] = np.inf
        for a in range(0, n, BLOCK):
            b = min(a + BLOCK, n)
            m = b - a
            part = objective[a:b]
            if t > 0:
                stein_block(x[a // BLOCK], u[a // BLOCK], s[a // BLOCK], y, uy, sy, trace, 0, m, work, block)
                twice, other = 2.0 * factors[last], factors[a:b]
                for i in range(m):
                    block[i] = part[i] + block[i] * twice * other[i]
                if penalty.size:
                    off = penalty[a:b]
                    for i in range(m):
                        block[i] -= off[i]
                for i in range(m):
                    part[i] = block[i]
            else:
                for i in range(m):
                    block[i] = part[i]
            # Folded in halves, because a running minimum is a chain of comparisons that no processor can overlap.
            while m > 1:
                half = m // 2
                for i in range(half):
                    block[i] = block[i] if block[i] < block[m - half + i] else block[m - half + i]
                m -= half
            if block[0] < best:
                best = block[0]
                for i in range(b - a):
                    if part[i] == best:
                        place = a + i
                        break
        chosen[t], values[t] = place, best


def positive_curvature(target: Any, points: Any, step: float = 1e-4) -> np.ndarray:
    """Second derivatives of a log density along each coordinate, by central differences of its gradient; `stein_thinning` takes them as `curvature`.

    Parameters
    ----------
    target : Density
    points : array of shape (n, dim)
        In the coordinates of the density.
    step : float
        Length of the differences in units of the standard deviation of each coordinate.

    Returns
    -------
    array of shape (n, dim)

    Examples
    --------
    >>> import weakchaos as wc
    >>> positive_curvature(wc.zoo.gaussian([1.0, 2.0]), [[0.0, 0.0], [1.0, 1.0]]).round(4)
    array([[-1.  , -0.25],
           [-1.  , -0.25]])
    """
    from weakchaos.native.c_density import evaluate_rows

    x = real_array("points", points)
    if x.ndim != 2 or x.shape[1] != target.dim:
        raise ArgumentError(f"`points` must have shape (n, {target.dim}); got {x.shape}")
    density, out = target.pointer(True), np.empty_like(x)
    for k in range(target.dim):
        width = step * (float(x[:, k].std()) or 1.0)
        ahead, behind = x.copy(), x.copy()
        ahead[:, k] += width
        behind[:, k] -= width
        out[:, k] = (evaluate_rows(density, ahead)[1][:, k] - evaluate_rows(density, behind)[1][:, k]) / (2.0 * width)
    return out


def _vector(name: str, value: Any, n: int) -> np.ndarray:
    array = real_array(name, value)
    if array.shape != (n,) or not np.isfinite(array).all():
        raise ArgumentError(f"`{name}` must be {n} finite numbers, one for each point; got {shown(value)}")
    return array


def stein_thinning(
    points: Any,
    gradients: Any,
    size: int,
    *,
    preconditioner: Any = "id",
    standardise: bool = True,
    repeats: bool = True,
    log_density: Any = None,
    curvature: Any = None,
    strength: float | None = None,
    log_ratio: Any = None,
    most_ratio: float | None = None,
    weighting: str = "equal",
    progress: bool = False,
) -> Selection:
    r"""Select points that stand for a density out of draws that follow it only roughly, such as those of a chain with its burn-in.

    Parameters
    ----------
    points, gradients : arrays of shape (n, dim)
        The draws, and the gradients of the log density at them, in coordinates without bounds.
    size : int
        How many points to select.
    preconditioner : {"id", "med", "sclmed", "smpcov"}, float or array of shape (dim, dim)
        The matrix G of the kernel, for standardised coordinates. With l the median distance of the points and n their number it is 1 ("id"), 1 / l**2
        ("med") or log(n) / l**2 ("sclmed") times the identity, or the inverse covariance of the points ("smpcov"). A number is a squared length s and means
        the identity divided by s.
    standardise : bool
        Whether to divide each coordinate by its mean absolute deviation.
    repeats : bool
        Whether a point may be selected again.
    log_density : array of shape (n,), optional
        The log density at the points. If it is given together with `curvature`, thinning is regularised.
    curvature : array of shape (n, dim), optional
        Second derivatives of the log density along each coordinate, see `positive_curvature`.
    strength : float, optional
        Strength of the regularisation by the log density; 1 / size by default.
    log_ratio : array of shape (n,), optional
        Values of log q - log p at the points, if `gradients` are those of another density q that is close to the density p: gradient-free thinning (Fisher
        and Oates 2022, arXiv:2207.02636).
    most_ratio : float, optional
        The largest range of `log_ratio`; values beyond it are cut off.
    weighting : {"equal", "optimal"}
        Whether the points have equal weights, or the non-negative weights under which the discrepancy is smallest.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    Selection
        ``mmd`` is the kernel Stein discrepancy after each point. ``flags`` tells whether the gradients seem to belong to other points. That is a note, because
        thinning is for points that follow the density only roughly; gradients that point outwards raise a warning.

    Raises
    ------
    ArgumentError

    Notes
    -----
    With the Stein kernel $k_0$ of the density (see `weakchaos.diagnostics.ksd`), the next point is

    $$\pi(t) = \mathrm{argmin}_i \; k_0(x_i, x_i) + 2 \sum_{j < t} k_0(x_{\pi(j)}, x_i).$$

    Time is of the order of n size dim, memory of n dim. Where a density has modes far from each other, the discrepancy does not notice wrong
    weights of the modes (Benard et al. 2023).

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(2000, 2))
    >>> chosen = stein_thinning(x, -x, 20)
    >>> len(chosen), bool(np.abs(chosen.points.mean(0)).max() < 0.1)
    (20, True)
    """
    x, s = points_and_gradients(points, gradients)
    if x.ndim != 2:
        raise ArgumentError(f"`points` must have shape (n, dim); got {x.shape}")
    n, dim = x.shape
    size = whole_number("size", size, 1, None if repeats else n)
    if weighting not in ("equal", "optimal"):
        raise ArgumentError(f"`weighting` must be 'equal' or 'optimal'; got {shown(weighting)}")
    flags, factors = [], None
    if log_ratio is None:
        every = -(-n // _LOOKED_AT)
        flags = check_scores(x[::every], s[::every], severity=Severity.NOTE)
        if most_ratio is not None:
            raise ArgumentError("`most_ratio` goes with `log_ratio`")
    else:
        ratio = _vector("log_ratio", log_ratio, n)
        ratio = ratio - ratio.min()
        if most_ratio is not None:
            if real_number("most_ratio", most_ratio) <= 0:
                raise ArgumentError(f"`most_ratio` must be positive; got {shown(most_ratio)}")
            ratio = np.minimum(ratio, most_ratio)
        if np.ptp(ratio) > _WIDE:
            flags.append(Flag.of(Kind.FAR_PROXY, range=float(np.ptp(ratio))))
        factors = np.exp(ratio)
    prepared = SteinPoints.of(x, s, preconditioner, standardise, factors)
    objective = prepared.diagonal()
    added, penalty = np.zeros(n), np.empty(0)
    if (log_density is None) != (curvature is None):
        raise ArgumentError(
            "regularised thinning needs both `log_density`, shape (n,), and `curvature`, shape (n, dim): see weakchaos.herding.positive_curvature"
        )
    if log_density is not None:
        bend = real_array("curvature", curvature)
        if bend.shape != (n, dim) or not np.isfinite(bend).all():
            raise ArgumentError(f"`curvature` must be finite and have shape ({n}, {dim}); got shape {bend.shape}")
        share = 1.0 / size if strength is None else real_number("strength", strength)
        if share < 0:
            raise ArgumentError(f"`strength` must not be negative; got {shown(strength)}")
        added = np.maximum(bend * prepared.scale**2, 0.0).sum(1)
        penalty = share * _vector("log_density", log_density, n)
        objective = objective + added - penalty
    elif strength is not None:
        raise ArgumentError("`strength` goes with `log_density` and `curvature`")
    chosen, values = np.empty(size, np.int64), np.empty(size)
    size = _run(prepared, objective, penalty, bool(repeats), chosen, values, progress)
    chosen, values = chosen[:size], values[:size]
    if (chosen < 0).any():
        raise ArgumentError(
            "the kernel Stein discrepancy is not finite for these points: gradients are too large; leave out points far from the rest"
        )
    steps = np.arange(1, size + 1)
    own = values - added[chosen] + (steps * penalty[chosen] if penalty.size else 0.0)
    discrepancy = np.sqrt(np.maximum(np.cumsum(own), 0.0)) / steps
    weights = np.full(size, 1.0 / size)
    if weighting == "optimal":
        weights = _optimal(prepared, chosen)
    warn_of_each([flag for flag in flags if flag.severity is Severity.INVALID])
    return Selection("Stein thinning", x[chosen], weights, chosen, discrepancy, n * (size - 1) + n, flags=tuple(flags), memory=_memory(n, dim),
                     details={"matrix": prepared.matrix, "scale": prepared.scale})  # fmt: skip


def _memory(n: int, dim: int) -> int:
    """Bytes, at most: points and scores in two orders, the objective, and what is added to it."""
    return 8 * n * (6 * dim + 3)


def _in_blocks(x: np.ndarray) -> np.ndarray:
    """Coordinates of shape (dim, n) as (blocks, dim, BLOCK), the last block filled up with zeros."""
    dim, n = x.shape
    count = -(-n // BLOCK)
    out = np.zeros((dim, count * BLOCK))
    out[:, :n] = x
    return np.ascontiguousarray(out.reshape(dim, count, BLOCK).transpose(1, 0, 2))


def _run(
    prepared: SteinPoints,
    objective: np.ndarray,
    penalty: np.ndarray,
    repeats: bool,
    chosen: np.ndarray,
    values: np.ndarray,
    progress: bool,
) -> int:
    """Choose all points; how many there are in the end, fewer after Ctrl-C."""
    size, done = len(chosen), 0
    each = max(1, math.ceil(_AT_ONCE / len(prepared)))
    x, u, s = (_in_blocks(part) for part in (prepared.x, prepared.u, prepared.s))
    with progress_bar(progress, size, "Stein thinning") as tick:
        try:
            while done < size:
                stop = min(size, done + each)
                _greedy(x, u, s, prepared.factors, prepared.trace, objective, penalty, repeats, chosen, values, done, stop)
                tick(stop - done)
                done = stop
        except KeyboardInterrupt:
            if not done:
                raise
            interrupted(done, size)
    return done


def _optimal(prepared: SteinPoints, chosen: np.ndarray) -> np.ndarray:
    """Non-negative weights of least discrepancy, that of a point at the first place where it was selected."""
    from weakchaos.runs.stein_quadrature import least_discrepancy

    different, first = np.unique(chosen, return_index=True)
    weights = np.zeros(len(chosen))
    weights[first] = least_discrepancy(prepared.block(different, different), "positive")
    return weights


def by_stein_thinning(
    x: Any, gradients: Any, size: int, seed: Any, repeats: bool, progress: bool, options: dict[str, Any]
) -> Selection:
    """`stein_thinning` as `select` calls it."""
    return stein_thinning(x, gradients, size, repeats=repeats, progress=progress, **options)
