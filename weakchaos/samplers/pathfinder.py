"""Pathfinder: a normal approximation of a density, found on the way of an optimiser, as a place to start from.

Zhang, Carpenter, Gelman and Vehtari, J. Machine Learning Research 23 (2022) 306, arXiv:2108.03782. L-BFGS climbs from a random place; at each place x_l of
its path the last steps s and differences y of minus the gradient give an estimate of the inverse Hessian (algorithm 3 there),

    H = diag(a) + B C B^T,    B = [diag(a) Y, S],    C = [[0, -R^-1], [-R^-T, R^-T (E + Y^T diag(a) Y) R^-1]],

R the upper triangle of S^T Y and E its diagonal, and with it the normal N(x_l + H g_l, H) (algorithm 4). Of all of them the one is taken whose
evidence lower bound, estimated from a few draws, is highest: it stands in the bulk, where the mode of many dimensions does not. Draws of several
paths are not weighed against each other: as many paths as chains start at as many places, so that chains may find different modes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.counters import EVALUATIONS, GRADIENTS
from weakchaos.native.functions import evaluate
from weakchaos.targets.density import Coordinates

__all__ = ["NormalApproximation", "inverse_hessian", "normal_approximation", "starts_by_pathfinder"]

_HISTORY = 6
_MOST_STEPS = 300
_DRAWS = 10  # of each normal, for its evidence lower bound
_CURVED = 1e-12  # of |y|**2: pairs of less curvature are left out


@dataclass(frozen=True)
class NormalApproximation:
    """A normal distribution of mean `mean` and covariance ``diag(root) (I + Q (L L^T - I) Q^T) diag(root)``.

    Attributes
    ----------
    mean, root : arrays of shape (dim,)
    q : array of shape (dim, k)
    factor : array of shape (k, k)
    elbo : float
        Evidence lower bound, in nats; -inf where a draw left the support.
    gradients, evaluations : int
        Calls that the path took.
    """

    mean: np.ndarray
    root: np.ndarray
    q: np.ndarray
    factor: np.ndarray
    elbo: float = -np.inf
    gradients: int = 0
    evaluations: int = 0

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """`n` draws, shape (n, dim)."""
        return self._at(rng.standard_normal((n, self.mean.size)))

    def _at(self, u: np.ndarray) -> np.ndarray:
        along = u @ self.q
        return self.mean + self.root * (u + (along @ self.factor.T - along) @ self.q.T)

    @property
    def log_determinant(self) -> float:
        """Of the covariance."""
        return float(2.0 * np.log(self.root).sum() + 2.0 * np.log(np.diag(self.factor)).sum())


def _new_diagonal(a: np.ndarray, s: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The diagonal of an inverse Hessian after a step (Gilbert and Lemaréchal, Math. Programming 45 (1989) 407)."""
    yay, ys, sas = float(y @ (a * y)), float(y @ s), float(s @ (s / a))
    return 1.0 / (yay / (ys * a) + y * y / ys - yay * s * s / (ys * sas * a * a))


def inverse_hessian(a: np.ndarray, steps: np.ndarray, differences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """B and C of ``H = diag(a) + B C B^T`` from steps and differences of minus the gradient, each of shape (m, dim), the oldest first.

    Examples
    --------
    >>> b, c = inverse_hessian(np.ones(2), np.array([[1.0, 0.0]]), np.array([[4.0, 0.0]]))
    >>> np.eye(2) + b @ c @ b.T  # a direction of curvature 4
    array([[0.25, 0.  ],
           [0.  , 1.  ]])
    """
    s, y, m = steps.T, differences.T, len(steps)
    inner = s.T @ y
    inverse = np.linalg.inv(np.triu(inner))
    middle = np.diag(np.diag(inner)) + y.T @ (a[:, None] * y)
    c = np.zeros((2 * m, 2 * m))
    c[:m, m:], c[m:, :m] = -inverse, -inverse.T
    c[m:, m:] = inverse.T @ middle @ inverse
    return np.concatenate([a[:, None] * y, s], 1), c


def _normal(x: np.ndarray, gradient: np.ndarray, a: np.ndarray, steps: list, differences: list) -> NormalApproximation | None:
    root = np.sqrt(a)
    if not steps:
        return NormalApproximation(x + a * gradient, root, np.zeros((x.size, 0)), np.zeros((0, 0)))
    b, c = inverse_hessian(a, np.array(steps), np.array(differences))
    q, r = np.linalg.qr(b / root[:, None])
    try:
        factor = np.linalg.cholesky(np.eye(len(r)) + r @ c @ r.T)
    except np.linalg.LinAlgError:
        return None
    mean = x + a * gradient + b @ (c @ (b.T @ gradient))
    return NormalApproximation(mean, root, q, factor) if np.isfinite(mean).all() and np.isfinite(factor).all() else None


def _path(density: Any, x: np.ndarray, most_steps: int) -> tuple[list[tuple[np.ndarray, np.ndarray]], int]:
    """Places of the path of the optimiser and the gradients there, the first one included, and how many gradients it took."""
    from scipy.optimize import minimize

    seen: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}
    places: list[tuple[np.ndarray, np.ndarray]] = []
    count = 0

    def downhill(z: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal count
        count += 1
        point = np.array(z)
        value, gradient = evaluate(density, point, gradient=True)
        assert gradient is not None
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return 1e300, np.zeros(z.size)
        seen[point.tobytes()] = point, gradient.copy()
        if not places:
            places.append(seen[point.tobytes()])
        return -value, -gradient

    def note(z: np.ndarray) -> None:
        found = seen.get(np.array(z).tobytes())
        seen.clear()
        if found is not None:
            places.append(found)

    with np.errstate(all="ignore"):
        minimize(
            downhill,
            x,
            jac=True,
            method="L-BFGS-B",
            callback=note,
            options={"maxiter": most_steps, "maxcor": _HISTORY, "gtol": 1e-6},
        )
    return places, count


def normal_approximation(
    density: Any, x: np.ndarray, rng: np.random.Generator, most_steps: int = _MOST_STEPS
) -> NormalApproximation | None:
    """The best normal on the path of an optimiser; None where no place of it gave one.

    Parameters
    ----------
    density : CDensity
        With a gradient: ``target.pointer(True)``.
    x : array of shape (dim,)
        Where the path begins.
    rng : Generator
    most_steps : int

    Raises
    ------
    Exception
        What the user's function raised.
    """
    places, gradients = _path(density, x, most_steps)
    a = np.ones(x.size)
    steps: list[np.ndarray] = []
    differences: list[np.ndarray] = []
    best: NormalApproximation | None = None
    evaluations = 0
    for k, (place, gradient) in enumerate(places):
        if k:
            s, y = place - places[k - 1][0], places[k - 1][1] - gradient
            curvature = float(s @ y)
            if curvature > _CURVED * float(y @ y):
                with np.errstate(all="ignore"):
                    new = _new_diagonal(a, s, y)
                a = new if np.isfinite(new).all() and (new > 0).all() else a
                steps, differences = [*steps[1 - _HISTORY :], s], [*differences[1 - _HISTORY :], y]
        normal = _normal(place, gradient, a, steps, differences)
        if normal is None:
            continue
        u = rng.standard_normal((_DRAWS, x.size))
        values = np.array([evaluate(density, z)[0] for z in normal._at(u)])
        evaluations += _DRAWS
        elbo = float((values + 0.5 * (u * u).sum(1)).mean()) + 0.5 * normal.log_determinant
        if np.isfinite(elbo) and (best is None or elbo > best.elbo):
            best = NormalApproximation(normal.mean, normal.root, normal.q, normal.factor, elbo)
    if best is None:
        return None
    return NormalApproximation(best.mean, best.root, best.q, best.factor, best.elbo, gradients, evaluations)


def starts_by_pathfinder(target: Any, seed: np.random.SeedSequence, walkers: int = 1) -> tuple[Coordinates, dict[int, int]]:
    """Where a chain starts: a draw of the best normal on a path of its own, one a walker; and what that took, by the slots of counters.

    Draws at which the log density is not finite are made again. Where no normal is found, the random start of the path is where the chain starts.

    Parameters
    ----------
    target : Density
    seed : SeedSequence
    walkers : int

    Returns
    -------
    places : array of shape (dim,), or (walkers, dim) for an ensemble
    spent : dict

    Examples
    --------
    >>> from weakchaos.targets import zoo
    >>> target = zoo.gaussian([1e-3, 1e3])
    >>> places = np.array([starts_by_pathfinder(target, np.random.SeedSequence(k))[0] for k in range(8)])
    >>> bool((abs(places / target.sds) < 5).all())
    True
    """
    rng, density = np.random.default_rng(seed), target.pointer(True)
    x = target.random_start(rng)
    found = normal_approximation(density, x, rng)
    if found is None:
        rows = np.array([x] + [target.random_start(rng) for _ in range(walkers - 1)])
        return (Coordinates.of(rows if walkers > 1 else rows[0])), {}
    spent, kept = {GRADIENTS: found.gradients, EVALUATIONS: found.evaluations}, []
    for _ in range(20):
        for z in found.draw(rng, walkers):
            value, gradient = evaluate(density, z, gradient=True)
            spent[GRADIENTS] += 1
            if np.isfinite(value) and gradient is not None and np.isfinite(gradient).all():
                kept.append(z)
        if len(kept) >= walkers:
            break
    kept += [x] * (walkers - len(kept))
    rows = np.array(kept[:walkers])
    return Coordinates.of(rows if walkers > 1 else rows[0]), spent
