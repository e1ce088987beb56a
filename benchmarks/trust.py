"""How often a run is called invalid that is healthy, and how often one that is broken: 60 healthy runs, 200 broken ones of ten kinds.

python benchmarks/trust.py [--quick]

Healthy runs are of eight samplers and targets, of 300, 2,000 and 20,000 draws. Each kind of fault is made twenty times, on other targets, in other
sizes, with other seeds. A run is called invalid when one of the flags of ``trace.check()`` says so.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.stats import norm

import weakchaos as wc
from weakchaos.core.flags import Flag, Severity
from weakchaos.drivers import LCG
from weakchaos.runs.check import check_run
from weakchaos.targets.factor_graph import packaged


@dataclass
class Made:
    """Draws that no sampler of the package made, as a run is judged."""

    draws: np.ndarray
    record: str = "draws"
    weights: None = None
    walkers: int = 1
    flags: list = field(default_factory=list)
    settings: dict = field(default_factory=lambda: {"thin": 1})
    stats: dict = field(default_factory=dict)
    lengths: tuple[int, ...] = ()
    system: Any = field(
        default_factory=lambda: SimpleNamespace(
            target=SimpleNamespace(continuous=True), stream_flags=lambda steps: [], straight_paths=False, local_steps=False
        )
    )

    @property
    def names(self) -> list[str]:
        return [f"x{k}" for k in range(self.draws.shape[2])]

    @property
    def n_draws(self) -> int:
        return self.draws.shape[1]

    def check(self) -> list[Flag]:
        return check_run(self)


def metropolis(
    rng: np.random.Generator, n: int, dim: int, scale: float, flipped: bool = False, chains: int = 4, period: int = 0
) -> Made:
    """Metropolis on a normal density, drawn with NumPy; with a ratio turned over, or with numbers that come back after `period` steps."""
    x = rng.normal(size=(chains, dim)) * 2
    steps, levels = rng.normal(size=(n, chains, dim)) * scale, np.log(rng.random((n, chains)))
    out = np.empty((chains, n, dim))
    for t in range(n):
        k = t % period if period else t
        y = x + steps[k]
        ratio = 0.5 * (x**2).sum(1) - 0.5 * (y**2).sum(1)
        x = np.where((levels[k] < (-ratio if flipped else ratio))[:, None], y, x)
        out[:, t] = x
    return Made(out)


def run(target: Any, sampler: Any, draws: int, seed: int, warmup: int = 500, chains: int = 4, **options: Any) -> Any:
    """A run of the package."""
    return wc.sample(target, sampler, draws=draws, warmup=warmup, chains=chains, seed=seed, progress=False, **options)


# ---- healthy ---------------------------------------------------------------------------------------------------------------------------


def healthy(count: int) -> Iterator[tuple[str, Any]]:
    """Runs whose draws are right, though some are few.

    No trajectory of HMC is near half a period of the normal density, pi standard deviations: there x becomes -x, |x| hardly moves, and a run of
    300 draws has not mixed.
    """
    rng = np.random.default_rng(11)
    root = rng.normal(size=(5, 5))
    machine = wc.PairwiseMRF(_couplings(rng, 6))
    kinds: list[tuple[str, Callable[[int, int], Any]]] = [
        ("HMC, normal", lambda n, s: run(wc.zoo.gaussian([1.0, 2.0]), wc.samplers.HMC(0.6, 3), n, s)),
        ("NUTS, correlated normal", lambda n, s: run(wc.zoo.gaussian(root @ root.T + 0.3 * np.eye(5)), wc.samplers.NUTS(), n, s)),
        ("NUTS, banana", lambda n, s: run(wc.zoo.banana(1.0, 0.3), wc.samplers.NUTS(), n, s)),
        ("Metropolis, normal", lambda n, s: run(wc.zoo.gaussian([1.0, 1.0]), wc.samplers.RandomWalkMetropolis(1.7), n, s)),
        ("slices, heavy tails", lambda n, s: run(wc.zoo.student_t(dof=4.0, dim=2), wc.samplers.Slice(), n, s)),
        ("Gibbs, proteins", lambda n, s: run(packaged("sachs"), wc.samplers.Gibbs(), n, s, warmup=100)),
        ("Gibbs, machine", lambda n, s: run(machine, wc.samplers.Gibbs(), n, s, warmup=100)),
        ("HMC, near modes", lambda n, s: run(wc.zoo.gaussian_mixture([[-1.5, 0.0], [1.5, 0.0]]), wc.samplers.HMC(0.5, 3), n, s)),
    ]
    plan = [(kind, n) for n in (300, 2000, 20_000) for kind in kinds]
    for k in range(count):
        (name, make), n = plan[k % len(plan)]
        yield f"{name}, {n:,}", make(n, 100 + k)


def _couplings(rng: np.random.Generator, n: int) -> np.ndarray:
    upper = np.triu(rng.normal(size=(n, n)), 1)
    return upper + upper.T


# ---- broken ----------------------------------------------------------------------------------------------------------------------------


def flipped(k: int, rng: np.random.Generator) -> Any:
    """The ratio of acceptance is turned over."""
    return metropolis(rng, 400 + 100 * k, 1 + k % 4, 1.0, flipped=True)


def stuck(k: int, rng: np.random.Generator) -> Any:
    """Steps so long that nothing is accepted, or so short that nothing moves."""
    scale = (300.0, 1e-4)[k % 2] * (1 + 0.1 * k)
    return run(wc.zoo.gaussian(np.ones(3 + k % 3)), wc.samplers.RandomWalkMetropolis(scale), 400 + 50 * k, k, warmup=0)


def apart(k: int, rng: np.random.Generator) -> Any:
    """Modes that are never left, chains in more than one of them."""
    far = 8.0 + k
    target = wc.zoo.gaussian_mixture([[-far, 0.0], [far, 0.0]])
    starts = np.array([[-far, 0.0], [far, 0.0], [far, 0.0], [-far if k % 3 else far, 0.0]])
    sampler = (wc.samplers.RandomWalkMetropolis(0.8), wc.samplers.HMC(0.3, 5), wc.samplers.NUTS())[k % 3]
    return run(target, sampler, 500 + 100 * k, k, warmup=200, initial=starts)


def periodic(k: int, rng: np.random.Generator) -> Any:
    """Orbits that close: points of a normal density visited in a circle, billiards in step, walks whose numbers come back.

    The circle is what a flow that has locked onto a closed orbit reads out: its mean is right, and its variance is too small.
    """
    if k % 4 == 0:
        period = 24 + 2 * k
        turn = np.arange(400)[None, :, None] * 7 + np.arange(2)[:, None, None] * 5
        return Made(3.0 * norm.ppf((turn % period + 0.5) / period))
    if k % 4 == 1:
        return run(wc.PairwiseMRF([[0.0, 0.2 + 0.05 * k], [0.2 + 0.05 * k, 0.0]]), wc.samplers.ChaoticBoltzmann(), 300, k, warmup=0)
    return metropolis(rng, 800, 1 + k % 3, 1.5, period=60 + 10 * k)


def repeating(k: int, rng: np.random.Generator) -> Any:
    """A stream of few dimensions or of a short period."""
    driver = (LCG(5, 3, 2 ** (6 + k % 4)), "golden", "toy-lcg", f"rotation-{2 + k % 4}", f"sobol-{1 + k % 3}")[k % 5]
    if k % 2:
        return run(wc.PairwiseMRF(_couplings(rng, 4)), wc.samplers.Gibbs(), 500 + 50 * k, k, warmup=50, driver=driver)
    return run(wc.zoo.gaussian([1.0, 2.0]), wc.samplers.RandomWalkMetropolis(1.5), 500 + 50 * k, k, warmup=50, driver=driver)


def diverging(k: int, rng: np.random.Generator) -> Any:
    """A funnel whose neck the steps cannot enter."""
    step = 0.5 + 0.05 * k
    sampler = wc.samplers.HMC(step, 8) if k % 2 else wc.samplers.NUTS(step_size=step, max_tree_depth=6)
    return run(wc.zoo.funnel(6 + k % 5), sampler, 600, k, warmup=50)


def improper(k: int, rng: np.random.Generator) -> Any:
    """A density that cannot be integrated: flat, or falling too slowly."""
    dim, power = 1 + k % 3, 0.2 * (k % 4)
    target = wc.Density(lambda x: -power * float(np.log1p(x @ x)) * 0.5, dim=dim)
    return run(target, wc.samplers.RandomWalkMetropolis(1.0 + 0.2 * k), 500 + 20 * k, k, warmup=0)


def wrong_gradient(k: int, rng: np.random.Generator) -> Any:
    """A gradient of another function: a factor, a sign, a coordinate, a forgotten prior."""
    dim = 2 + k % 3
    wrong = (lambda x: -1.3 * x, lambda x: x.copy(), lambda x: -x[::-1].copy(), lambda x: -x + np.eye(dim)[0] * 0.5)[k % 4]
    target = wc.Density(lambda x: -0.5 * float(x @ x), dim=dim, grad=wrong, start=np.linspace(0.5, 1.5, dim))
    sampler = wc.samplers.HMC(0.3, 5) if k % 2 else wc.samplers.MCLMC(0.3)
    return run(target, sampler, 300, k, warmup=50)


def unadjusted(k: int, rng: np.random.Generator) -> Any:
    """A sampler that rejects nothing, with steps that are far too long."""
    step = 1.9 + 0.1 * (k % 10)
    sampler = wc.samplers.MCLMC(2.5 * step) if k % 2 else wc.samplers.Langevin(step)
    return run(wc.zoo.gaussian(np.ones(4 + k % 6)), sampler, 3000, k, warmup=200)


def copies(k: int, rng: np.random.Generator) -> Any:
    """Chains that are one chain: equal, delayed, or coalesced under the same numbers."""
    made = metropolis(rng, 500 + 50 * k, 1 + k % 3, 1.5)
    if k % 3 == 0:
        made.draws[1 + k % 3] = made.draws[0]
    elif k % 3 == 1:
        made.draws[2, 3 + k :] = made.draws[3, : -3 - k]
    else:
        n = made.n_draws
        made.draws[1] = made.draws[0] + 2 * 0.95 ** np.arange(n)[:, None] + 1e-10
    return made


BROKEN = (flipped, stuck, apart, periodic, repeating, diverging, improper, wrong_gradient, unadjusted, copies)


# ---- the count -------------------------------------------------------------------------------------------------------------------------


def invalid(trace: Any) -> list[Flag]:
    """What makes a run invalid."""
    return [flag for flag in trace.check() if flag.severity is Severity.INVALID]


def main() -> int:
    """Count; 0 when both shares are as they should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="16 healthy runs and 40 broken ones")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")
    begun = time.process_time()
    total = 16 if quick else 60
    alarms = []
    for name, trace in healthy(total):
        found = invalid(trace)
        if found:
            alarms.append(name)
            print(f"  healthy, called invalid: {name}: {found[0].sentence}")
    print(f"healthy runs called invalid: {len(alarms)} of {total}")
    each, caught, made = (4 if quick else 20), 0, 0
    missed: list[tuple[str, int, list[str]]] = []
    print(f"{'broken runs called invalid':<30}{'':>8}  by")
    for make in BROKEN:
        words: Counter[str] = Counter()
        hits = 0
        for k in range(each):
            trace = make(k, np.random.default_rng([k, 5]))
            found = invalid(trace)
            hits += bool(found)
            words.update({flag.word for flag in found[:1]})
            if not found:
                missed.append((make.__name__, k, sorted({flag.severity.value for flag in trace.check()}) or ["ok"]))
        caught, made = caught + hits, made + each
        print(f"{make.__name__:<30}{hits:>3} / {each:<3}  {', '.join(f'{word} {n}' for word, n in words.most_common())}")
    for name, k, said in missed:
        print(f"  not called invalid: {name} {k}: {', '.join(said)}")
    print(f"all kinds: {caught} of {made}; {time.process_time() - begun:.0f} CPU s")
    silent = any(said == ["ok"] for _, _, said in missed)
    return 0 if len(alarms) <= 0.02 * total and caught >= 0.95 * made and not silent else 1


if __name__ == "__main__":
    raise SystemExit(main())
