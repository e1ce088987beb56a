"""`select`: points that stand for a distribution, by any of the methods of this package."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.machine_memory import enough_memory
from weakchaos.herding.selection.problem import FEWER, set_up
from weakchaos.herding.selection.selected import Selection
from weakchaos.kernels.radial import Gaussian
from weakchaos.targets.points import Points

__all__ = ["METHODS", "Method", "select", "selection_memory"]


class Method(NamedTuple):
    """Where a method stands and what can be asked of it."""

    module: str
    """The file below this package."""
    function: str
    """In that file, a function of (problem, size, method, options); of a Stein method one of (points, gradients, size, seed, repeats, progress, options)."""
    options: tuple[str, ...] = ()
    """What it takes beside the arguments of `select`."""
    one_by_one: bool = False
    """Whether it adds one point in every step and heeds ``repeats=False``."""
    exact: bool = False
    """Whether it thins the candidates to just as many points as were asked for, with repeats where need be, and so takes no other target."""
    stein: bool = False
    """Whether it needs gradients, and neither a kernel nor a target."""


_HALVING = ("delta", "threshold", "passes")
METHODS = {
    "herding": Method("step_rules", "by_step_rule", one_by_one=True),
    "greedy": Method("step_rules", "by_step_rule", one_by_one=True),
    "frank-wolfe": Method("step_rules", "by_step_rule", one_by_one=True),
    "line-search": Method("step_rules", "by_step_rule", one_by_one=True),
    "away": Method("active_sets", "by_active_set", ("steps",)),
    "pairwise": Method("active_sets", "by_active_set", ("steps",)),
    "blended-pairwise": Method("active_sets", "by_active_set", ("steps",)),
    "fully-corrective": Method("min_norm_point", "fully_corrective"),
    "quadrature": Method("bayesian_quadrature", "sequential_quadrature", ("weighting", "until")),
    "kernel-thinning": Method("kernel_halving", "by_halving", _HALVING, exact=True),
    "compress++": Method("kernel_halving", "by_compression", (*_HALVING, "oversampling"), exact=True),
    "stein-thinning": Method(
        "greedy_stein",
        "by_stein_thinning",
        ("preconditioner", "standardise", "log_density", "curvature", "strength", "log_ratio", "most_ratio", "weighting"),
        one_by_one=True,
        exact=True,
        stein=True,
    ),
    "stein-kernel-thinning": Method(
        "debiased",
        "by_stein_kernel_thinning",
        ("debiasing", "preconditioner", "standardise", "rank", "oversampling", "delta", "passes"),
        exact=True,
        stein=True,
    ),
}


def selection_memory(n: int, dim: int, size: int, method: str = "herding", dtype: Any = "float64") -> int:
    """How many bytes a selection will need in addition to the candidates themselves.

    Parameters
    ----------
    n, dim : int
        Number of candidates and number of their coordinates.
    size : int
    method : str
    dtype : {"float64", "float32"}

    Returns
    -------
    int

    Examples
    --------
    >>> selection_memory(1_000_000, 10, 1000) < 200e6
    True
    """
    own = n * dim * np.dtype(dtype).itemsize + 8 * 4 * n + 8 * size * (dim + 4)  # a copy by coordinate, four sums, the result
    if method == "quadrature":
        own += 8 * (size + 4) * n
    if method == "fully-corrective":
        own += min(8 * size * n, 1 << 29) + 8 * size * size
    return own


def select(points: Any, size: int, method: str = "herding", kernel: Any = None, target: Any = None, weights: Any = None, gradients: Any = None,
           seed: Any = 0, repeats: bool = True, dtype: Any = "float64", progress: bool = True, **options: Any) -> Selection:  # fmt: skip
    r"""Choose points among candidates, with weights, so that weighted averages over the points are close to averages over a target.

    Parameters
    ----------
    points : array of shape (n, dim), or Points
        The candidates.
    size : int
        How many points to choose. For methods that drop points again it is the largest number of points that they hold.
    method : str
        ``"herding"`` (equal weights, steps 1/(t+1)), ``"greedy"`` (equal weights), ``"frank-wolfe"`` (steps 2/(t+2)), ``"line-search"``, ``"away"``,
        ``"pairwise"``, ``"blended-pairwise"``, ``"fully-corrective"``, ``"quadrature"`` (sequential Bayesian quadrature), ``"kernel-thinning"`` and
        ``"compress++"`` (halving in pairs, see `weakchaos.herding.selection.kernel_halving`), and with `gradients` ``"stein-thinning"`` and
        ``"stein-kernel-thinning"``, see the functions of these names.
    kernel : Kernel, or numba function ``f(x, y) -> float``
        By default a Gaussian kernel whose bandwidth is the median distance of the points of the target.
    target : Distribution, Points, or array of shape (m, dim), optional
        What the points stand for. By default it is the candidates themselves, which takes the sum of the kernel over all pairs of candidates; a distribution
        of `weakchaos.kernels` with a closed form (`Normal`, `NormalMixture`, `Uniform`) needs no such sum.
    weights : array of shape (n,), optional
        Weights of the candidates, where they are the target.
    gradients : array of shape (n, dim), optional
        Gradients of the log density at the candidates, for methods that use a Stein kernel.
    seed : int
        Seed of the random numbers of the methods that halve: ``"kernel-thinning"``, ``"compress++"`` and ``"stein-kernel-thinning"``. The others draw none.
    repeats : bool
        Whether a point may be chosen more than once. False is possible only for the methods that add one point in every step.
    dtype : {"float64", "float32"}
        The type of coordinates and kernel values. With float32 a selection is two to three times as fast, and discrepancies change by a few percent.
    progress : bool
        Show a bar on selections that take long. Ctrl-C ends a selection with the points chosen so far.
    **options
        ``steps`` (Frank-Wolfe methods that move weight: the most steps), ``weighting`` and ``until`` (quadrature; see `sequential_quadrature`).

    Returns
    -------
    Selection

    Raises
    ------
    ArgumentError
        For bad arguments, points with NaN, a kernel that is not positive definite, and fewer candidates than `size` where none may be repeated.

    Notes
    -----
    With $\mu$ the mean of the target under the kernel and $g_T = \sum_t w_t k(x_t, \cdot)$ that of the points chosen so far, herding and Frank-Wolfe steps are

    $$x_{T+1} = \mathrm{argmax}_x \mu(x) - \frac{T}{T + 1} g_T(x), \qquad x_{T+1} = \mathrm{argmax}_x \mu(x) - g_T(x), \quad
    g_{T+1} = (1 - \rho) g_T + \rho k(x_{T+1}, \cdot),$$

    where $\rho = 2 / (T + 2)$, or what a line search finds.

    Herding makes the discrepancy fall like 1/sqrt(T) at least, whatever the kernel; it often falls about like 1/T, which is proven only where the mean lies
    in the interior of the hull of the kernel's feature vectors, a property that no space of infinite dimension has. The estimate of memory is
    `selection_memory`.

    Examples
    --------
    >>> from weakchaos.kernels import Gaussian, Normal
    >>> x = np.linspace(-4.0, 4.0, 801)
    >>> chosen = select(x, 20, kernel=Gaussian(1.0), target=Normal(0.0, 1.0))
    >>> chosen.points[:3, 0].round(2).tolist()
    [0.0, -1.18, 0.98]
    """
    if method not in METHODS:
        raise ArgumentError(f"`method` must be one of {', '.join(map(repr, METHODS))}; got {shown(method)}")
    way = METHODS[method]
    unknown = sorted(set(options) - set(way.options))
    if unknown:
        takes = ", ".join(sorted(way.options)) or "none"
        raise ArgumentError(f"method {method!r} has no option `{unknown[0]}`; its options: {takes}")
    size = whole_number("size", size, 1)
    if not isinstance(repeats, bool):
        raise ArgumentError(f"`repeats` must be True or False; got {shown(repeats)}")
    n = len(points.x) if isinstance(points, Points) else len(np.atleast_1d(points))
    if not repeats and not way.one_by_one:
        heeding = ", ".join(name for name, other in METHODS.items() if other.one_by_one)
        raise ArgumentError(f"`repeats=False` goes with the methods {heeding}; {method!r} holds every point once, with its weight")
    if size > n and not repeats:
        raise ArgumentError(f"`size` must be at most the number of candidates, {n}, where none may be chosen twice; got {size}")
    if way.stein:
        return _by_stein_kernel(points, size, method, kernel, target, weights, gradients, seed, repeats, progress, options)
    if way.exact and target is not None:
        raise ArgumentError(
            f"`target` has no place in method {method!r}, which keeps the distribution of the candidates under their `weights`; "
            "draw the candidates from the target"
        )
    if gradients is not None:
        raise ArgumentError(f"`gradients` go with methods of Stein kernels; {method!r} uses none")
    if not way.one_by_one and not way.exact:
        size = min(size, n)
    dim = points.x.shape[1] if isinstance(points, Points) else (np.shape(points)[1] if np.ndim(points) == 2 else 1)
    needed = selection_memory(n, dim, size, method, "float64")
    enough_memory(needed, f"a selection of {size} from {n} points", FEWER)
    problem = set_up(points, Gaussian("median") if kernel is None else kernel, target, weights, dtype, repeats, progress, seed)
    found = _function(way)(problem, size, method, options)
    object.__setattr__(found, "memory", needed)
    if problem.names:
        object.__setattr__(found, "names", problem.names)
    return found


def _function(way: Method) -> Callable[..., Selection]:
    function: Callable[..., Selection] = getattr(import_module(f"weakchaos.herding.selection.{way.module}"), way.function)
    return function


def _by_stein_kernel(points: Any, size: int, method: str, kernel: Any, target: Any, weights: Any, gradients: Any, seed: Any, repeats: bool,
                     progress: bool, options: dict[str, Any]) -> Selection:  # fmt: skip
    """The methods whose target is the density behind the gradients."""
    if gradients is None:
        raise ArgumentError(f"method {method!r} needs `gradients` of the log density at the points, shape (n, dim)")
    for name, value in (("kernel", kernel), ("target", target), ("weights", weights)):
        if value is not None:
            raise ArgumentError(f"`{name}` has no place in method {method!r}, whose kernel and target follow from `gradients`")
    x = points.x if isinstance(points, Points) else points
    found = _function(METHODS[method])(x, gradients, size, seed, repeats, progress, options)
    if isinstance(points, Points):
        object.__setattr__(found, "names", tuple(points.names))
    return found
