"""Fewer weights make herded Gibbs converge sooner and stop at a larger error; weights of states beside them take that error away.

Yamashita and Suzuki, Stat. Comput. 29 (2019) 1035, doi:10.1007/s11222-019-09852-6, view herded Gibbs and Eskelinen's discretised herded
Gibbs as two degrees of weight sharing: the fewer weights there are, the sooner each has been used often, and the more conditional
distributions are only right on average. They also propose variants of less bias. The variant tried here is our own: a weight of the whole
state and a weight of the bin are read together and both are charged (`weakchaos.herding.gibbs.weights`), so that, by the perceptron cycling
theorem, no state of the others is ever owed more than a bounded count.

Fully connected machines of ten 0/1 units, couplings and fields N(0, 1), no warm-up; largest error of a marginal and total variation
distance of the joint distribution.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.experiments.base import Curve, Experiment, Panel
from weakchaos.experiments.herded_gibbs_rate import boltzmann_machine
from weakchaos.herding import HerdedGibbs
from weakchaos.herding.gibbs.weights import VISITED
from weakchaos.samplers import Gibbs

__all__ = ["run"]

SOURCE = (
    "Yamashita and Suzuki, Stat. Comput. 29 (2019) 1035, doi:10.1007/s11222-019-09852-6, abstract; Eskelinen, UBC thesis (2013)"
)
SAMPLERS: dict[str, Any] = {
    "one weight a unit": HerdedGibbs("shared", bins=1),
    "10 bins": HerdedGibbs("shared", bins=10),
    "100 bins": HerdedGibbs("shared", bins=100),
    "every state": HerdedGibbs("full"),
    "every state + 10 bins": HerdedGibbs("full", bins=10, coarse="shared"),
    "Gibbs": Gibbs(),
}
_BLOCK = 1 << 16


def _errors(target: Any, sampler: Any, counts: np.ndarray, seed: Any) -> tuple[np.ndarray, np.ndarray, int]:
    """Largest error of a marginal, and total variation distance, after each of `counts` sweeps; weights in use."""
    n, truth = target.dim, target.distribution()
    system = sampler.bind(target, driver="pcg64")
    state = system.start(seed)
    powers = 1 << np.arange(n - 1, -1, -1)
    units = (np.arange(1 << n)[:, None] & powers) > 0
    seen, done, marginal, distance = np.zeros(1 << n), 0, [], []
    for stop in counts.tolist():
        while done < stop:
            step = min(_BLOCK, stop - done)
            seen += np.bincount(system.advance(state, step) @ powers, minlength=1 << n)
            done += step
        off = seen / done - truth
        # No error below a tenth of the resolution 1 / T says anything: an average may hit the marginal exactly.
        marginal.append(max(float(np.abs(off @ units).max()), 0.1 / done))
        distance.append(0.5 * float(np.abs(off).sum()))
    return np.array(marginal), np.array(distance), int(state.counters[VISITED])


def run(quick: bool = False, seed: int = 0) -> Experiment:
    """Eight machines and 10^6 sweeps; a quick run takes three and 10^5."""
    units, machines, sweeps = (10, 3, 10**5) if quick else (10, 8, 10**6)
    counts = np.unique(np.round(np.geomspace(10, sweeps, 31)).astype(int))
    early = int(np.argmin(np.abs(counts - 300)))
    marginal: dict[str, np.ndarray] = {}
    distance: dict[str, np.ndarray] = {}
    rows = []
    for name, sampler in SAMPLERS.items():
        found = [_errors(boltzmann_machine(units, 100 + 1000 * seed + k), sampler, counts, [seed, k]) for k in range(machines)]
        marginal[name], distance[name] = (np.exp(np.mean([np.log(f[which]) for f in found], 0)) for which in (0, 1))
        rows.append(
            {
                "weights": name,
                "in use": int(np.mean([f[2] for f in found])),
                f"marginal, {counts[early]} sweeps": float(marginal[name][early]),
                f"marginal, {sweeps} sweeps": float(marginal[name][-1]),
                f"distance, {counts[early]} sweeps": float(distance[name][early]),
                f"distance, {sweeps} sweeps": float(distance[name][-1]),
            }
        )
    shared, whole, both = marginal["10 bins"], marginal["every state"], marginal["every state + 10 bins"]
    ahead = np.flatnonzero(shared <= whole)
    least = counts[np.flatnonzero(both <= np.minimum(shared, whole))]
    findings = (
        f"After {counts[early]} sweeps ten bins err {whole[early] / shared[early]:.2f} times less than a weight for every state, at the end {shared[-1] / whole[-1]:.0f} times more; they are ahead for the last time after {counts[ahead[-1]] if ahead.size else 0} sweeps.",
        f"Both together err least after {least.size} of {counts.size} numbers of sweeps, and at the end {whole[-1] / both[-1]:.1f} times less than a weight for every state alone.",
        f"In total variation a single weight a unit stops at {distance['one weight a unit'][-1]:.2f}, ten bins at {distance['10 bins'][-1]:.3f}, a hundred at {distance['100 bins'][-1]:.4f}.",
    )
    panels = tuple(
        Panel(title, "sweeps T", label, tuple(Curve(name, counts, curves[name]) for name in SAMPLERS), True, True)
        for title, label, curves in (
            ("marginals", "largest error of a marginal", marginal),
            ("joint distribution", "total variation distance", distance),
        )
    )
    supported = bool(
        shared[early] < whole[early] and shared[-1] > 5 * whole[-1] and both[early] < whole[early] and both[-1] < whole[-1]
    )
    return Experiment(
        "weight_sharing", str(__doc__).split("\n")[0], SOURCE, rows, findings, supported,
        {"units": units, "machines": machines, "sweeps": sweeps, "seed": seed}, panels,
    )  # fmt: skip
