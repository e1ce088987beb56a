"""A little entropy makes herding cover every state at no loss of accuracy, and strongly chaotic; much of it brings it to rest, biased.

Yamashita, Suzuki and Aihara, Stat. Comput. 33 (2023) 31, doi:10.1007/s11222-022-10199-8, arXiv:2112.11616: entropic herding minimises, greedily,
half the squared error of the moments minus lambda times the entropy. Here: random Boltzmann machines of eight units, couplings and fields N(0, 1),
which are the maximum-entropy distributions of their own means and correlations, so that everything is known exactly. Mixtures of 20,000
distributions with a constant step size of 0.002, over all distributions and over products, are held against herding with its exact argmax.

Over all distributions the fixed point of the dynamics is a Gibbs distribution with moments wrong by lambda times its parameters. The derivative
of the map there is ``(1 - epsilon) I - (epsilon / lambda) C`` with the covariance C of the features, so that it loses its stability below
``lambda_c = epsilon c / (2 - epsilon)``, c the largest eigenvalue of C. For lambda = 0 the map is a piecewise contraction of exponent
``log(1 - epsilon)``, herding with a leak. Between these lies chaos.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from scipy.optimize import minimize

from weakchaos.diagnostics import largest_exponent
from weakchaos.experiments.base import Curve, Experiment, Panel
from weakchaos.experiments.herded_gibbs_rate import boltzmann_machine
from weakchaos.herding import EntropicHerding, Herding
from weakchaos.targets.ising_moments import IsingMoments
from weakchaos.targets.points import Points

__all__ = ["critical_weight", "fixed_point", "run"]

SOURCE = "Yamashita, Suzuki, Aihara, Stat. Comput. 33 (2023) 31, doi:10.1007/s11222-022-10199-8"
_UNITS, _STEP = 8, 0.002
_FAMILIES = {"finite": "all distributions", "bernoulli": "products"}


def fixed_point(features: np.ndarray, moments: np.ndarray, weight: float) -> tuple[np.ndarray, np.ndarray]:
    """The distribution of least ``|eta(p) - m|^2 / 2 - weight H(p)`` on finitely many states, and its parameters.

    Parameters
    ----------
    features : array of shape (n_states, k)
    moments : array of shape (k,)
    weight : float
        lambda, positive.

    Returns
    -------
    p : array of shape (n_states,)
    theta : array of shape (k,)
        ``p ~ exp(features @ theta)`` and ``moments - p @ features = weight * theta``.

    Examples
    --------
    >>> p, theta = fixed_point(np.array([[0.0], [1.0]]), np.array([0.8]), 0.1)
    >>> bool(abs(0.8 - p[1] - 0.1 * theta[0]) < 1e-6)
    True
    """

    def dual(theta: np.ndarray) -> tuple[float, np.ndarray]:
        scores = features @ theta
        top = scores.max()
        q = np.exp(scores - top)
        value = np.log(q.sum()) + top - theta @ moments + 0.5 * weight * theta @ theta
        return value, q @ features / q.sum() - moments + weight * theta

    theta = minimize(dual, np.zeros(len(moments)), jac=True, method="BFGS", options={"gtol": 1e-9}).x
    scores = features @ theta
    p = np.exp(scores - scores.max())
    return p / p.sum(), theta


def _covariance(features: np.ndarray, p: np.ndarray) -> np.ndarray:
    centred = features - p @ features
    return (p[:, None] * centred).T @ centred


def critical_weight(features: np.ndarray, moments: np.ndarray, step_size: float) -> float:
    """lambda_c: below it the fixed point over all distributions is unstable. Found by bisection, since C belongs to that fixed point."""
    low, high = 1e-5, 10.0
    for _ in range(40):
        middle = float(np.sqrt(low * high))
        p, _ = fixed_point(features, moments, middle)
        c = np.linalg.eigvalsh(_covariance(features, p))[-1]
        low, high = (middle, high) if step_size * c > middle * (2 - step_size) else (low, middle)
    return high


def _distances(p: np.ndarray, q: np.ndarray, features: np.ndarray) -> dict[str, float]:
    def entropy(r: np.ndarray) -> float:
        return float(-np.sum(r[r > 0] * np.log(r[r > 0])))

    with np.errstate(divide="ignore"):
        divergence = float(np.sum(p * (np.log(p) - np.log(q))))
    return {
        "moment error": float(np.abs((q - p) @ features).max()),
        "entropy gap": entropy(q) - entropy(p),
        "TV": float(0.5 * np.abs(q - p).sum()),
        "KL": divergence,
        "states left out": int((q == 0).sum()),
    }


def _herding(target: IsingMoments, p: np.ndarray, features: np.ndarray, draws: int, seed: int) -> dict[str, Any]:
    system = Herding().bind(target.as_moments())
    state = system.start(seed)
    system.advance(state, 2000, 2000)
    chosen = system.advance(state, draws)[:, 0]
    exponent = float(largest_exponent(system, steps=500, transient=200))
    return {**_distances(p, np.bincount(chosen, minlength=len(p)) / draws, features), "exponent": exponent}


def _entropic(
    target: IsingMoments, p: np.ndarray, features: np.ndarray, family: str, weight: float, draws: int, seed: int
) -> dict[str, Any]:
    system = EntropicHerding(weight, _STEP).bind(target.as_moments() if family == "finite" else target)
    state = system.start(seed)
    system.advance(state, 4000, 4000)
    mixture = system.mixture(state, draws)
    q = mixture.location if family == "finite" else np.exp(mixture.log_prob(target.states()))
    exponent = float(largest_exponent(system, steps=1000, transient=4000, seed=seed))
    return {**_distances(p, q, features), "exponent": exponent}


def _two_wells(quick: bool, seed: int) -> Panel:
    """Herding and entropic herding of the four moments of exp(-3 (x^2 - 1)^2 + 0.3 x), with normals."""
    grid = np.linspace(-2.2, 2.2, 441)
    weights = np.exp(-3.0 * (grid**2 - 1.0) ** 2 + 0.3 * grid)
    weights /= weights.sum()
    width = grid[1] - grid[0]
    target, draws = Points(grid[:, None], weights), 2000 if quick else 10_000
    curves = [Curve("maximum entropy", grid, weights / width, kind="theory")]
    system = EntropicHerding(0.0, _STEP).bind(target)
    state = system.start(seed)
    system.advance(state, 5000, 5000)
    edges = np.linspace(-2.2, 2.2, 45)
    counts, _ = np.histogram(system.advance(state, draws)[:, 0], edges)
    curves.append(Curve("herding, histogram", 0.5 * (edges[1:] + edges[:-1]), counts / draws / (edges[1] - edges[0])))
    system = EntropicHerding(0.003, _STEP).bind(target)
    state = system.start(seed)
    system.advance(state, 5000, 5000)
    density = np.exp(system.mixture(state, draws).log_prob(grid[:, None]))
    curves.append(Curve("entropic herding", grid[::8], density[::8]))
    return Panel("Four moments, normals", "x", "density", tuple(curves))


def run(quick: bool = False, seed: int = 0) -> Experiment:
    """Three machines and ten entropy weights; a quick run takes one machine, five weights and 4000 distributions."""
    machines, draws = (1, 4000) if quick else (3, 20_000)
    weights = np.array([0.0003, 0.003, 0.01, 0.03, 0.3]) if quick else np.geomspace(0.0001, 0.3, 10)
    found: dict[tuple[str, float], list[dict[str, Any]]] = {}
    critical, bias = [], []
    for k in range(machines):
        model = boltzmann_machine(_UNITS, seed + k)
        target, p = IsingMoments.from_model(model), model.distribution()
        features = target.features(target.states())
        critical.append(critical_weight(features, target.moments, _STEP))
        bias.append([np.abs(w * fixed_point(features, target.moments, w)[1]).max() for w in weights])
        found.setdefault(("herding", 0.0), []).append(_herding(target, p, features, draws, seed))
        for family, weight in itertools.product(_FAMILIES, [0.0, *weights]):
            outcome = _entropic(target, p, features, family, float(weight), draws, seed)
            found.setdefault((family, float(weight)), []).append(outcome)

    rows = []
    for (family, weight), outcomes in found.items():
        means = {name: float(np.mean([o[name] for o in outcomes])) for name in outcomes[0]}
        rows.append({"distributions": _FAMILIES.get(family, "herding, points"), "lambda": weight, **means})

    def curve(family: str, name: str) -> Curve:
        y = np.array([np.mean([o[name] for o in found[family, float(w)]]) for w in weights])
        return Curve(_FAMILIES[family], weights, y)

    def level(name: str) -> Curve:
        y = float(np.mean([o[name] for o in found["herding", 0.0]]))
        return Curve("herding", weights[[0, -1]], np.full(2, y), kind="theory")

    lambda_c = float(np.mean(critical))
    both = tuple(_FAMILIES)
    panels = (
        Panel("Distance to the target", "entropy weight", "total variation", (*(curve(f, "TV") for f in both), level("TV")), True, True),
        Panel("Coverage of rare states", "entropy weight", "KL(target | mixture), nats", tuple(curve(f, "KL") for f in both), True, True),
        Panel(
            "Moments", "entropy weight", "largest error",
            (*(curve(f, "moment error") for f in both), Curve("fixed point", weights, np.mean(bias, 0), kind="theory")), True, True,
        ),
        Panel(
            "Chaos", "entropy weight", "largest exponent, nats a step",
            (*(curve(f, "exponent") for f in both), Curve("fixed point unstable", [lambda_c] * 2, [-0.05, 0.4], kind="theory")), True,
        ),
        _two_wells(quick, seed),
    )  # fmt: skip

    plain = {name: np.array([o[name] for o in found["herding", 0.0]]) for name in ("TV", "states left out", "exponent")}
    best = {f: weights[int(np.argmin(curve(f, "KL").y))] for f in both}
    scores = {f: {n: float(np.mean([o[n] for o in found[f, float(best[f])]])) for n in ("TV", "KL", "exponent")} for f in both}
    findings = [
        f"Herding never visits {plain['states left out'].mean():.0f} of {2**_UNITS} states in {draws} steps, so that the divergence of the target from it is infinite; its total variation distance is {plain['TV'].mean():.3f}.",
        *(
            f"{_FAMILIES[f]}: at lambda = {best[f]:.2g} the divergence is {scores[f]['KL']:.4f} nats and the distance {scores[f]['TV']:.3f}."
            for f in both
        ),
        f"At lambda = {weights[-1]:.2g} moments are off by {curve('finite', 'moment error').y[-1]:.3f}, as the fixed point says ({np.mean(bias, 0)[-1]:.3f}).",
        f"The largest exponent is {np.mean([o['exponent'] for o in found['finite', 0.0]]):.4f} without entropy (log(1 - epsilon) = {np.log1p(-_STEP):.4f}), reaches {curve('finite', 'exponent').y.max():.2f} nats a step, "
        f"and is negative again above lambda_c = {lambda_c:.2g}.",
    ]
    covered = all(scores[f]["KL"] < 0.05 and scores[f]["TV"] < 3 * plain["TV"].mean() for f in both)
    biased = abs(curve("finite", "moment error").y[-1] / np.mean(bias, 0)[-1] - 1) < 0.05
    chaotic = curve("finite", "exponent").y.max() > 0.1 > 0 > curve("finite", "exponent").y[-1]
    return Experiment(
        "entropic_herding",
        "A little entropy makes herding cover every state at about the same distance from the target; more of it biases the moments by lambda times the parameters.",
        SOURCE,
        rows,
        tuple(findings),
        bool(covered and biased and chaotic and plain["states left out"].min() > 0),
        {"units": _UNITS, "machines": machines, "draws": draws, "step_size": _STEP, "seed": seed, "quick": quick},
        panels,
    )
