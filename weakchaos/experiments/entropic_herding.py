"""Entropic herding as a function of its entropy weight: coverage, distance from the target, bias of the moments, chaos.

Yamashita, Suzuki and Aihara, Stat. Comput. 33 (2023) 31, doi:10.1007/s11222-022-10199-8, arXiv:2112.11616: entropic herding minimises, greedily,
half the squared error of the moments minus lambda times the entropy. Here: random Boltzmann machines of eight units, couplings and fields N(0, 1),
which are the maximum-entropy distributions of their own means and correlations, so that everything is known exactly. Mixtures of 20,000
distributions with a constant step size of 0.002, over all distributions and over products, are compared with herding with its exact argmax.

Over all distributions the fixed point of the dynamics is a Gibbs distribution whose moments differ from the given ones by lambda times its
parameters. The derivative of the map at the fixed point is ``(1 - epsilon) I - (epsilon / lambda) C`` with the covariance C of the features, so the
fixed point is unstable if lambda is below ``lambda_c = epsilon c / (2 - epsilon)``, where c is the largest eigenvalue of C. For lambda = 0 the map
is a piecewise contraction with exponent ``log(1 - epsilon)``. For lambda between these values the dynamics may be chaotic.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize

from weakchaos.diagnostics import largest_exponent
from weakchaos.experiments.base import Curve, Experiment, Panel, run_cells
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, lacking
from weakchaos.experiments.herded_gibbs_rate import boltzmann_machine
from weakchaos.herding import EntropicHerding, Herding
from weakchaos.targets.ising_moments import IsingMoments
from weakchaos.targets.points import Points

__all__ = ["conclude", "critical_weight", "fixed_point", "measure", "run"]

CLAIM = (
    "Entropic herding leaves no state out with a little entropy, at no more than twice the distance of herding from the target and in chaos; "
    "with much of it its moments are off by lambda times the parameters of a fixed point, at which it rests."
)
SOURCE = (
    "Yamashita, Suzuki, Aihara, Stat. Comput. 33 (2023) 31, doi:10.1007/s11222-022-10199-8; fixed point and chaos: this library"
)
_UNITS, _STEP = 8, 0.002
# Machines and distributions of a mixture below which neither the distance nor the scatter over machines is known.
_MACHINES, _DRAWS = 6, 20_000
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
    """The value lambda_c below which the fixed point over all distributions is unstable, found by bisection, since C depends on the fixed point."""
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


def _cell(machine: int, weights: list[float], draws: int, seed: int) -> dict[str, Any]:
    """One machine: its critical weight, the bias of its fixed points, and all herders on it."""
    model = boltzmann_machine(_UNITS, seed + machine)
    target, p = IsingMoments.from_model(model), model.distribution()
    features = target.features(target.states())
    out: dict[str, Any] = {
        "critical": critical_weight(features, target.moments, _STEP),
        "bias": [float(np.abs(w * fixed_point(features, target.moments, w)[1]).max()) for w in weights],
        "herding": _herding(target, p, features, draws, seed),
    }
    for family in _FAMILIES:
        out[family] = [_entropic(target, p, features, family, w, draws, seed) for w in [0.0, *weights]]
    return out


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


def measure(quick: bool = False, seed: int = 0, executor: Any = None) -> dict[str, Any]:
    """Herd six machines under ten entropy weights each; a quick run takes one machine, five weights and 4000 distributions."""
    machines, draws = (1, 4000) if quick else (_MACHINES, _DRAWS)
    weights = [0.0003, 0.003, 0.01, 0.03, 0.3] if quick else np.geomspace(0.0001, 0.3, 10).tolist()
    return {
        "parameters": {"units": _UNITS, "machines": machines, "draws": draws, "step_size": _STEP, "seed": seed, "quick": quick},
        "weights": weights,
        "machines": run_cells(_cell, [(k, weights, draws, seed) for k in range(machines)], executor),
    }


def _of(data: dict[str, Any], family: str, name: str) -> np.ndarray:
    """Shape (machines, 1 + weights), the first without entropy; (machines,) for herding."""
    if family == "herding":
        return np.array([m["herding"][name] for m in data["machines"]], float)
    return np.array([[o[name] for o in m[family]] for m in data["machines"]], float)


def _best(data: dict[str, Any], family: str) -> np.ndarray:
    """The entropy weight of least divergence of each machine, by its index."""
    return np.argmin(np.nan_to_num(_of(data, family, "KL")[:, 1:], nan=np.inf), 1)


def conclude(data: dict[str, Any]) -> Conclusion:
    """The verdict on the claim, from the numbers alone."""
    over, weights, parts, told = "machines", np.asarray(data["weights"]), [], []
    lacks = lacking("machines", len(data["machines"]), _MACHINES) or lacking("distributions", data["parameters"]["draws"], _DRAWS)
    each = np.arange(len(data["machines"]))
    plain = _of(data, "herding", "TV")
    for family, label in _FAMILIES.items():
        best = _best(data, family)
        left = _of(data, family, "states left out")[:, 1:][each, best]
        ratio = _of(data, family, "TV")[:, 1:][each, best] / plain
        parts += [
            Part(f"states left out at the best entropy weight, {label}", Estimate.counted(left.max(), len(each), over), most=0, lacks=lacks),
            Part(f"total variation at the best entropy weight over that of herding, {label}", Estimate.ratio(ratio, over), most=2, lacks=lacks),
            Part(f"largest exponent over all entropy weights, {label}, nats a step",
                 Estimate.mean(_of(data, family, "exponent")[:, 1:].max(1), over), above=0, lacks=lacks),
        ]  # fmt: skip
        told += [
            Part(f"best entropy weight, {label}", Estimate.ratio(weights[best], over)),
            Part(f"divergence of the target at the best entropy weight, {label}, nats",
                 Estimate.ratio(_of(data, family, "KL")[:, 1:][each, best], over)),
            Part(f"largest exponent at lambda = {weights[-1]:.2g}, {label}, nats a step",
                 Estimate.mean(_of(data, family, "exponent")[:, -1], over)),
        ]  # fmt: skip
    bias = np.array([m["bias"] for m in data["machines"]], float)
    error, exponent = _of(data, "finite", "moment error")[:, 1:], _of(data, "finite", "exponent")[:, 1:]
    critical = np.array([m["critical"] for m in data["machines"]], float)
    stable = weights[None, :] > critical[:, None]
    highest = float(exponent[stable].max()) if stable.any() else np.nan
    parts += [
        Part(f"error of the moments over that of the fixed point at lambda = {weights[-1]:.2g}, all distributions",
             Estimate.ratio(error[:, -1] / bias[:, -1], over), least=0.95, most=1.05, lacks=lacks),
        Part("largest exponent at an entropy weight at which the fixed point is stable, all distributions, nats a step",
             Estimate.counted(highest, int(stable.sum()), "pairs of a machine and a weight"), below=0, lacks=lacks),
    ]  # fmt: skip
    without = Estimate.mean(_of(data, "finite", "exponent")[:, 0] - np.log1p(-_STEP), over)
    told += [
        Part(f"states of {2**_UNITS} that herding leaves out", Estimate.mean(_of(data, "herding", "states left out"), over)),
        Part("total variation of herding", Estimate.ratio(plain, over)),
        Part("entropy weight below which the fixed point is unstable", Estimate.ratio(critical, over)),
        Part("largest exponent without entropy less log(1 - epsilon), all distributions, nats a step", without),
    ]
    return Conclusion(CLAIM, SOURCE, (*parts, *told))


def _rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    names = list(data["machines"][0]["herding"])
    rows = [{"distributions": "herding, points", "lambda": 0.0, **{n: float(_of(data, "herding", n).mean()) for n in names}}]
    for family, label in _FAMILIES.items():
        means = {n: _of(data, family, n).mean(0) for n in names}
        for k, weight in enumerate([0.0, *data["weights"]]):
            rows.append({"distributions": label, "lambda": weight, **{n: float(means[n][k]) for n in names}})
    return rows


def _panels(data: dict[str, Any]) -> tuple[Panel, ...]:
    weights, parameters, both = np.asarray(data["weights"]), data["parameters"], tuple(_FAMILIES)

    def curve(family: str, name: str) -> Curve:
        return Curve(_FAMILIES[family], weights, _of(data, family, name)[:, 1:].mean(0))

    herding = Curve("herding", weights[[0, -1]], np.full(2, _of(data, "herding", "TV").mean()), kind="theory")
    bias = Curve("fixed point", weights, np.mean([m["bias"] for m in data["machines"]], 0), kind="theory")
    critical = Curve(
        "fixed point unstable", [float(np.mean([m["critical"] for m in data["machines"]]))] * 2, [-0.05, 0.4], kind="theory"
    )
    return (
        Panel(
            "Distance to the target", "entropy weight", "total variation", (*(curve(f, "TV") for f in both), herding), True, True
        ),
        Panel(
            "Coverage of rare states",
            "entropy weight",
            "KL(target | mixture), nats",
            tuple(curve(f, "KL") for f in both),
            True,
            True,
        ),
        Panel("Moments", "entropy weight", "largest error", (*(curve(f, "moment error") for f in both), bias), True, True),
        Panel("Chaos", "entropy weight", "largest exponent, nats a step", (*(curve(f, "exponent") for f in both), critical), True),
        _two_wells(parameters["quick"], parameters["seed"]),
    )


def run(quick: bool = False, seed: int = 0, executor: Any = None) -> Experiment:
    """Herd six machines under ten entropy weights each; a quick run takes one machine, five weights and 4000 distributions."""
    data = measure(quick, seed, executor)
    return Experiment("entropic_herding", conclude(data), _rows(data), data["parameters"], _panels(data), data)
