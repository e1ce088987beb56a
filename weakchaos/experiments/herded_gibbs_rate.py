"""Herded Gibbs converges like 1/T on fully connected Boltzmann machines, Gibbs sampling like 1/sqrt(T).

Bornn, Chen, de Freitas, Eskelin, Fang and Welling, ICLR 2013, arXiv:1301.4168, and Chen et al., JMLR 17 (2016) 10, prove the rate for
independent units and for fully connected graphs. Here: random machines of 4 to 10 units, couplings and fields N(0, 1), 10^2 to 2 10^6
sweeps without warm-up, and the largest error of a marginal.

The constant of the rate, and when it sets in, depend on how weights begin: with n units there are n 2^(n-1) of them, and each adds an
error of its own until it has been used a few times. Stationary weights make that error the one of Gibbs sampling, zero weights a larger
one, and a coarse weight that is read along lets all states of like probability share it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.diagnostics.convergence import convergence_rate
from weakchaos.experiments.base import Curve, Experiment, Panel
from weakchaos.herding import HerdedGibbs
from weakchaos.runs.sampling import sample
from weakchaos.samplers import Gibbs
from weakchaos.targets.mrf import PairwiseMRF

__all__ = ["boltzmann_machine", "run"]

SOURCE = "Chen et al., JMLR 17 (2016) 10, theorem on fully connected graphs; Bornn et al., ICLR 2013, arXiv:1301.4168"
SAMPLERS: dict[str, Any] = {
    "herded, stationary": HerdedGibbs("full"),
    "herded, centre": HerdedGibbs("full", start="centre"),
    "herded, zero": HerdedGibbs("full", start="zero"),
    "herded, full + shared": HerdedGibbs("full", coarse="shared"),
    "Gibbs": Gibbs(),
}
GATE = ("herded, centre", "herded, full + shared")


def boltzmann_machine(n: int, seed: int) -> PairwiseMRF:
    """A fully connected machine of 0/1 units with couplings and fields N(0, 1).

    Examples
    --------
    >>> len(boltzmann_machine(4, 0).edges)
    6
    """
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.normal(size=(n, n)), 1)
    return PairwiseMRF(upper + upper.T, rng.normal(size=n))


def run(quick: bool = False, seed: int = 0) -> Experiment:
    """Eight machines a size with four starts each; a quick run takes two sizes, two machines and 10^5 sweeps."""
    sizes, machines, starts, sweeps = ((4, 6), 2, 4, 10**5) if quick else ((4, 6, 8, 10), 8, 4, 2 * 10**6)
    rows: list[dict[str, Any]] = []
    panels, gate = [], True
    for n in sizes:
        curves = []
        for name, sampler in SAMPLERS.items():
            found = []
            for k in range(machines):
                target = boltzmann_machine(n, 100 + 1000 * seed + k)
                trace = sample(target, sampler, sweeps, warmup=0, chains=starts, seed=[seed, k], progress=False, record="averages")
                error = trace.error()
                # No error below a tenth of the resolution 1 / T says anything: an average may hit the marginal exactly.
                found.append(np.maximum(error.errors, 0.1 / error.draws))
            draws = error.draws
            slopes = [float(convergence_rate(draws, e, (100, sweeps))) for e in found]
            late = [float(convergence_rate(draws, e, (sweeps / 100, sweeps))) for e in found]
            finals = [float(np.median(e[:, -1])) for e in found]
            slope, spread = float(np.mean(slopes)), float(np.std(slopes, ddof=1) / math.sqrt(machines))
            final = float(np.exp(np.mean(np.log(finals))))
            rows.append(
                {"units": n, "sampler": name, "slope": slope, "stderr": spread, "late slope": float(np.mean(late)), "error": final}
            )
            if name in GATE:
                gate &= slope <= -0.88 and (n > 4 or quick or final < 5e-6)
            elif name == "Gibbs":
                gate &= abs(slope + 0.5) <= (0.15 if quick else 0.05)
            curves.append(Curve(name, draws, np.median(np.concatenate(found), 0)))
        t = draws[draws >= 10].astype(float)
        theory = [Curve("T^-1/2", t, 0.5 / np.sqrt(t), kind="theory"), Curve("T^-1", t, 1.0 / t, kind="theory")]
        panels.append(Panel(f"{n} units", "sweeps T", "largest error of a marginal", (*curves, *theory), True, True))
    worst = {name: max(r["slope"] for r in rows if r["sampler"] == name) for name in SAMPLERS}
    ratio = {name: _ratio(rows, name, sizes[-1]) for name in SAMPLERS if name != "Gibbs"}
    findings = (
        "Flattest slope over the sizes: " + ", ".join(f"{name} {value:.2f}" for name, value in worst.items()) + ".",
        f"At the end, with {sizes[-1]} units, Gibbs sampling errs this many times as much: "
        + ", ".join(f"{name} {value:.3g}" for name, value in ratio.items())
        + ".",
        "Least error at the end: " + ", ".join(f"{n} units, {_best(rows, n)}" for n in sizes) + ".",
    )
    return Experiment(
        "herded_gibbs_rate", str(__doc__).split("\n")[0], SOURCE, rows, findings, bool(gate),
        {"sizes": list(sizes), "machines": machines, "starts": starts, "sweeps": sweeps, "seed": seed}, tuple(panels),
    )  # fmt: skip


def _best(rows: list[dict], n: int) -> str:
    return min((r for r in rows if r["units"] == n), key=lambda r: r["error"])["sampler"]


def _ratio(rows: list[dict], name: str, n: int) -> float:
    error = {r["sampler"]: r["error"] for r in rows if r["units"] == n}
    return error["Gibbs"] / error[name]
