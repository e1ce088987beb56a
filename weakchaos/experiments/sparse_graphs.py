"""On sparse graphs herded Gibbs with one weight per Markov blanket stops at a plateau, and weights of whole states take it away.

Chen et al., JMLR 17 (2016) 10, prove the rate 1/T for fully connected graphs, where the Markov blanket is everything else, and leave
sparse graphs open. With weights per state of the blanket, every conditional distribution is met to within 1/T, yet the choices depend on
the far units through the weights, and the joint distribution keeps an error. Weights per state of all other units (hashed: those
visited) leave no such dependence, and there are n 2^(n-1) of them.

First part: ring, grid and chain of 8 or 9 units, 10^7 sweeps. Second part: rings and grids of 8 to 30 units, 3 10^5 sweeps: where the rate
gives out, since hardly any state comes twice, and what the weights take in memory. Couplings and fields N(0, 1). The error is the total
variation distance to the truth of the joint distribution of eight neighbouring units.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from weakchaos.diagnostics.convergence import convergence_rate
from weakchaos.experiments.base import Curve, Experiment, Panel
from weakchaos.herding import HerdedGibbs
from weakchaos.herding.gibbs.weights import VISITED
from weakchaos.samplers import Gibbs
from weakchaos.targets.exact import log_partition
from weakchaos.targets.mrf import PairwiseMRF, lattice_edges

__all__ = ["run", "sparse_model", "window_distribution", "window_errors"]

SOURCE = "Chen et al., JMLR 17 (2016) 10, abstract and discussion: the convergence on sparsely connected graphs is an open problem"
SAMPLERS: dict[str, Any] = {
    "blanket": HerdedGibbs("blanket"),
    "hash": HerdedGibbs("hash"),
    "hash + blanket": HerdedGibbs("hash", coarse="blanket"),
    "Gibbs": Gibbs("systematic"),
}
WINDOW = 8
_BLOCK = 1 << 16


def sparse_model(shape: tuple[int, ...], periodic: bool, seed: int) -> PairwiseMRF:
    """0/1 units on a lattice with couplings and fields N(0, 1).

    Examples
    --------
    >>> len(sparse_model((8,), True, 0).edges), len(sparse_model((3, 3), False, 0).edges)
    (8, 12)
    """
    rng = np.random.default_rng(seed)
    i, j = lattice_edges(shape, periodic)
    n = int(np.prod(shape))
    couplings = np.zeros((n, n))
    couplings[i, j] = rng.normal(size=len(i))
    return PairwiseMRF(couplings + couplings.T, rng.normal(size=n))


def window_of(shape: tuple[int, ...]) -> list[int]:
    """Eight neighbouring units: the first of a ring, a corner of two rows of a grid."""
    if len(shape) == 1:
        return list(range(min(WINDOW, shape[0])))
    columns = min(shape[1], WINDOW // 2)
    return [r * shape[1] + c for r in range(2) for c in range(columns)]


def window_distribution(target: PairwiseMRF, window: list[int]) -> np.ndarray:
    """The exact joint distribution of some units, the last fastest; by enumeration up to 16 units, by junction trees beyond.

    Examples
    --------
    >>> target = sparse_model((6,), True, 0)
    >>> p = window_distribution(target, [0, 3])
    >>> bool(np.isclose(p.reshape(2, 2).sum(1)[1], target.marginals()[0][1]))
    True
    """
    if target.dim <= 16:
        table = target.distribution().reshape((2,) * target.dim)
        table = table.sum(tuple(a for a in range(target.dim) if a not in window))
        return table.transpose(np.argsort(np.argsort(window))).ravel()
    graph = target.factor_graph()
    logs = np.array(
        [log_partition(graph.condition(dict(zip(window, x, strict=True)))) for x in itertools.product((0, 1), repeat=len(window))]
    )
    p = np.exp(logs - logs.max())
    return p / p.sum()


def window_errors(
    target: Any, sampler: Any, window: list[int], truth: np.ndarray, counts: np.ndarray, seed: Any
) -> tuple[np.ndarray, float, Any]:
    """Total variation distance of the window after each of `counts` sweeps, the largest error of its marginals, and the final state."""
    system = sampler.bind(target, driver="pcg64")
    state = system.start(seed)
    powers = 1 << np.arange(len(window) - 1, -1, -1)
    seen, errors, done = np.zeros(truth.size), np.empty(len(counts)), 0
    for k, stop in enumerate(counts):
        while done < stop:
            step = min(_BLOCK, int(stop) - done)
            seen += np.bincount(system.advance(state, step)[:, window] @ powers, minlength=truth.size)
            done += step
        errors[k] = 0.5 * np.abs(seen / done - truth).sum()
    off = (seen / done - truth).reshape((2,) * len(window))
    marginal = max(abs(float(np.take(off, 1, axis=a).sum())) for a in range(len(window)))
    return errors, marginal, state


def _measure(
    shape: tuple[int, ...], periodic: bool, sweeps: int, machines: int, seed: int, part: str
) -> tuple[list[dict], list[Curve]]:
    counts = np.unique(np.geomspace(100, sweeps, 25).astype(int))
    n, window = int(np.prod(shape)), window_of(shape)
    label = f"{'ring' if periodic else 'chain' if len(shape) == 1 else 'grid'} {'x'.join(map(str, shape))}"
    models = [sparse_model(shape, periodic, 100 + 1000 * seed + k) for k in range(machines)]
    truths = [window_distribution(m, window) for m in models]
    rows, curves = [], []
    for name, sampler in SAMPLERS.items():
        runs = [
            window_errors(m, sampler, window, p, counts, [seed, k]) for k, (m, p) in enumerate(zip(models, truths, strict=True))
        ]
        errors, states = np.array([r[0] for r in runs]), [r[2] for r in runs]
        visited = float(np.mean([s.counters[VISITED] for s in states]))
        rows.append(
            {
                "part": part,
                "graph": label,
                "units": n,
                "sampler": name,
                "slope": float(convergence_rate(counts, errors)),
                "late slope": float(convergence_rate(counts, errors, (sweeps / 10, sweeps))),
                "distance": float(np.exp(np.log(errors[:, -1]).mean())),
                "marginal": float(np.exp(np.mean([np.log(max(r[1], 0.1 / sweeps)) for r in runs]))),
                "weights": int(visited),
                "visits a weight": round(n * sweeps / visited, 2) if visited else None,
                "MB": float(np.mean([s.phase.nbytes + s.symbols.nbytes for s in states])) / 1e6,
            }
        )  # fmt: skip
        curves.append(Curve(name, counts, np.exp(np.log(errors).mean(0))))
    return rows, curves


def _size_panels(sizes: list[dict]) -> list[Panel]:
    """Rings of the second part: slope, distance, error of the marginals and memory against the number of units."""
    panels = []
    for title, key, label in (
        ("rings: where the rate gives out", "slope", "slope"),
        ("rings: joint distribution at the end", "distance", "total variation distance"),
        ("rings: marginals at the end", "marginal", "largest error of a marginal"),
        ("rings: memory", "MB", "megabytes"),
    ):
        lines = []
        for name in SAMPLERS:
            chosen = [r for r in sizes if r["sampler"] == name and r["graph"].startswith("ring")]
            if key != "MB" or name.startswith("hash"):
                lines.append(Curve(name, [r["units"] for r in chosen], [r[key] for r in chosen]))
        panels.append(Panel(title, "units", label, tuple(lines), False, key != "slope"))
    return panels


def run(quick: bool = False, seed: int = 0) -> Experiment:
    """Three models a graph in the first part, two in the second; a quick run takes one, 10^5 and 3 10^4 sweeps, and few sizes."""
    first: Any = [((8,), True), ((3, 3), False), ((8,), False)]
    rings: Any = [(8,), (10,), (12,), (14,), (16,), (20,), (24,), (30,)]
    grids: Any = [(2, 4), (3, 4), (4, 4), (4, 5), (5, 6)]
    sweeps, more, machines, fewer = 10**7, 3 * 10**5, 3, 2
    if quick:
        first, rings, grids, sweeps, more, machines, fewer = first[:1], [(8,), (16,)], [], 10**5, 3 * 10**4, 1, 1
    rows: list[dict[str, Any]] = []
    panels = []
    for shape, periodic in first:
        found, curves = _measure(shape, periodic, sweeps, machines, seed, "rates")
        rows += found
        t = np.asarray(curves[0].x, float)
        theory = [Curve("T^-1/2", t, 1.5 / np.sqrt(t), kind="theory"), Curve("T^-1", t, 30.0 / t, kind="theory")]
        panels.append(Panel(found[0]["graph"], "sweeps T", "total variation distance", (*curves, *theory), True, True))
    for shape in [*rings, *grids]:
        rows += _measure(shape, len(shape) == 1, more, fewer, seed, "sizes")[0]
    sizes = [r for r in rows if r["part"] == "sizes"]
    panels = [*panels[:2], *_size_panels(sizes)]

    def of(name: str, part: str, key: str) -> list[float]:
        return [r[key] for r in rows if r["sampler"] == name and r["part"] == part]

    kept = [r for r in sizes if r["sampler"] == "hash" and r["slope"] <= -0.88]
    lost = [r for r in sizes if r["sampler"] == "hash" and r["slope"] > -0.88]
    blanket = {r["graph"]: r["distance"] for r in sizes if r["sampler"] == "blanket"}
    behind = [r["graph"] for r in sizes if r["sampler"] == "hash" and r["distance"] > blanket[r["graph"]]]
    alone = {r["graph"]: r for r in sizes if r["sampler"] == "hash"}
    gain = {r["graph"]: (alone[r["graph"]]["distance"] / r["distance"], alone[r["graph"]]["marginal"] / r["marginal"])
            for r in sizes if r["sampler"] == "hash + blanket"}  # fmt: skip
    even = [g for g, (joint, _) in gain.items() if joint > 0.9]
    findings = [
        f"Blanket weights stop at a distance of {min(of('blanket', 'rates', 'distance')):.1e} to {max(of('blanket', 'rates', 'distance')):.1e}; "
        f"their slope over the last decade is {max(of('blanket', 'rates', 'late slope')):.2f} at the flattest, {min(of('blanket', 'rates', 'late slope')):.2f} at the steepest.",
        f"Hashed weights of whole states have slopes of {min(of('hash', 'rates', 'slope')):.2f} to {max(of('hash', 'rates', 'slope')):.2f} there.",
        f"At {more:.0e} sweeps the slope of hashed weights is -0.88 or steeper on {', '.join(r['graph'] for r in kept) or 'no graph'}; "
        + (
            "it gives out on "
            + ", ".join(f"{r['graph']} ({r['slope']:.2f}, {r['visits a weight']:.1f} visits a weight)" for r in lost)
            if lost
            else "it nowhere gives out"
        )
        + ".",
        f"Hashed weights alone end behind blanket weights on {', '.join(behind) or 'no graph'}.",
        f"Blanket weights beside hashed ones divide the error of the marginals by {min(m for _, m in gain.values()):.1f} to {max(m for _, m in gain.values()):.0f}; "
        f"the joint distribution is within a tenth of that of hashed ones alone, or nearer, on {len(even)} of {len(gain)} graphs, and up to {max(1 / j for j, _ in gain.values()):.1f} times as far on the others.",
        f"The largest memory is {max(r['MB'] for r in rows):.0f} MB: with few visits a weight it grows like units times sweeps, not like 2^units.",
    ]
    steep = -0.8 if quick else -0.88
    supported = (
        min(of("blanket", "rates", "distance")) > 1e-3
        and max(of("hash", "rates", "slope")) <= steep
        and (quick or min(of("blanket", "rates", "late slope")) > -0.35)
        and max(of("hash", "rates", "distance")) < 0.3 * min(of("blanket", "rates", "distance"))
    )
    return Experiment(
        "sparse_graphs", str(__doc__).split("\n")[0], SOURCE, rows, tuple(findings), bool(supported),
        {"sweeps": sweeps, "sweeps of the second part": more, "models": machines, "models of the second part": fewer, "window": WINDOW, "seed": seed},
        tuple(panels),
    )  # fmt: skip
