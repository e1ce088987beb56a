"""Parallel tempering where single chains get stuck: errors from every start, a spin glass beside peapods, and log Z of an Ising lattice.

    python benchmarks/tempering.py [--quick] [--peers PYTHON] [--json PATH] [--only PART ...]

Marginals of asia and DBN_11 from several starts, a chain from each, without blocks; the weight of two normals 20 apart; Binder's cumulant of the overlap of one 8 x 8 x 8 glass of couplings
+-1 beside peapods 0.2.0, run by `--peers` (a Python that has it) on the same couplings and temperatures; log Z of the 16 x 16 torus, and of packed ones of 16 and 32, against Kaufman's (Phys. Rev. 76 (1949) 1232).
"""

from __future__ import annotations

import json
import math
import subprocess
import time

import numpy as np
from timing import parser, print_machine, write_json

import weakchaos as wc
from weakchaos.diagnostics import tempering
from weakchaos.samplers import Gibbs, PackedIsing, ParallelTempering, Slice
from weakchaos.targets.factor_graph import packaged

_PEER = """
import json, sys
import numpy as np
from peapods import Ising
given = json.load(sys.stdin)
couplings = np.array(given["couplings"], float)
# Two models that are made alike draw the same numbers, so stretches of one run are what tells its error.
model = Ising(couplings.shape[:3], couplings=couplings, temperatures=np.array(given["temperatures"]), n_replicas=2)
model.sample(given["sweeps"], sweep_mode="gibbs", pt_interval=1, warmup_ratio=0.5)
out = []
for _ in range(given["repeats"]):
    model.sample(given["sweeps"], sweep_mode="gibbs", pt_interval=1, warmup_ratio=0.0)
    out.append(np.ravel(model.sg_binder).tolist())
json.dump(out, sys.stdout)
"""


def _timed(target, sampler, **options):
    begin = time.process_time()
    trace = wc.sample(target, sampler, seed=1, progress=False, **options)
    return trace, time.process_time() - begin


def tables(quick: bool) -> list[dict]:
    """The largest error of a marginal, of the chain from each start."""
    rows = []
    for name, temperatures, draws in (("asia", 8, 20_000), ("dbn", 10, 40_000)):
        target = packaged(name)
        rng = np.random.default_rng(1)
        starts = [np.zeros(target.dim, int), target.cardinalities - 1, target.random_start(rng), target.random_start(rng)]
        starts = np.array([x if np.isfinite(target.log_prob(x)) else target.random_start(rng) for x in starts])
        trace, seconds = _timed(
            target,
            ParallelTempering(Gibbs(), temperatures),
            draws=draws // (5 if quick else 1),
            warmup=2000,
            chains=4,
            initial=starts,
        )
        truth = target.marginals()
        errors = [
            max(abs(float((x[:, i] == k).mean()) - p[k]) for i, p in enumerate(truth) for k in range(len(p)))
            for x in np.asarray(trace.draws)
        ]
        rows.append(
            {
                "target": target.name,
                "largest error, by start": [round(float(e), 4) for e in errors],
                "of all chains": round(
                    max(abs(float((trace.draws[..., i] == k).mean()) - p[k]) for i, p in enumerate(truth) for k in range(len(p))), 4
                ),
                "round trips": trace.stats["round_trips"].sum(1).astype(int).tolist(),
                "barrier": round(tempering(trace).barrier, 2),
                "cpu s": round(seconds, 1),
                "flags": [flag.word for flag in trace.check()],
            }
        )
    return rows


def _two_normals() -> wc.Density:
    import numba

    @numba.njit
    def logp(x):
        a, b = math.log(0.3) - 0.5 * (x[0] + 10.0) ** 2, math.log(0.7) - 0.5 * (x[0] - 10.0) ** 2
        return max(a, b) + math.log1p(math.exp(-abs(a - b)))

    return wc.Density(logp, 1, name="two normals, 20 apart")


def normals(quick: bool) -> list[dict]:
    """The weight of one of two normals, of the chain from each."""
    rows = []
    for name, more in (("powers", {}), ("from N(0, 12^2)", {"reference": (0.0, 12.0)})):
        trace, seconds = _timed(
            _two_normals(),
            ParallelTempering(Slice(), 7, **more),
            draws=6000 if quick else 30_000,
            warmup=1000,
            chains=4,
            initial=np.array([[-10.0], [10.0], [-10.0], [10.0]]),
        )
        share = (trace.draws[..., 0] > 0).mean(1)
        rows.append(
            {
                "target": name,
                "weight, by start (exact .7)": share.round(4).tolist(),
                "of all chains": round(float(share.mean()), 4),
                "round trips": trace.stats["round_trips"].sum(1).astype(int).tolist(),
                "cpu s": round(seconds, 1),
            }
        )
    return rows


def glass(quick: bool, python: str | None) -> list[dict]:
    """Binder's cumulant 1 - <q^4> / (3 <q^2>^2) of one glass at some temperatures."""
    side, cold = 8, 1.0
    rng = np.random.default_rng(8)
    bonds = rng.choice([-1.0, 1.0], (side, side, side, 3))
    temperatures = np.geomspace(cold, 2.4, 12)
    units = np.arange(side**3).reshape((side,) * 3)
    matrix = np.zeros((side**3, side**3))
    for axis in range(3):
        other = np.roll(units, -1, axis)
        matrix[units.ravel(), other.ravel()] = bonds[..., axis].ravel() / cold
    target = wc.Ising(matrix + matrix.T)
    chains, draws = (4, 1500) if quick else (8, 6000)
    sampler = ParallelTempering(Gibbs("checkerboard"), betas=np.sort(cold / temperatures), copies=2)
    trace, seconds = _timed(target, sampler, draws=draws, warmup=draws // 3, chains=chains)

    def binder(q: np.ndarray) -> float:
        return 1.0 - float((q**4).mean()) / (3.0 * float((q**2).mean()) ** 2)

    print(f"glass: {seconds:.0f} s of CPU, round trips {trace.stats['round_trips'].sum(1).astype(int).tolist()}", flush=True)
    peer = None
    if python is not None:
        given = {
            "couplings": bonds.tolist(),
            "temperatures": temperatures.tolist(),
            "repeats": 6 if quick else 12,
            "sweeps": draws,
        }
        found = subprocess.run([python, "-c", _PEER], input=json.dumps(given), capture_output=True, text=True, check=True)
        peer = np.array(json.loads(found.stdout))
    rows = []
    for k, t in enumerate(temperatures):
        q = np.asarray(trace.stats[f"overlap_{len(temperatures) - 1 - k}"])
        whole = binder(q)
        left_out = np.array([binder(np.delete(q, c, 0)) for c in range(chains)])
        error = math.sqrt((chains - 1) / chains * float(((left_out - left_out.mean()) ** 2).sum()))
        row = {"temperature": round(float(t), 3), "weakchaos": round(whole, 4), "se": round(error, 4)}
        if peer is not None:
            mean, se = float(peer[:, k].mean()), float(peer[:, k].std(ddof=1) / math.sqrt(len(peer)))
            row |= {"peapods": round(mean, 4), "its se": round(se, 4), "z": round((whole - mean) / math.hypot(error, se), 2)}
        rows.append(row)
    return rows


def kaufman_log_z(beta: float, rows: int, columns: int) -> float:
    """log Z of the periodic Ising lattice, exact (Kaufman 1949)."""
    gamma = np.empty(2 * columns)
    for k in range(2 * columns):
        c = math.cosh(2 * beta) ** 2 / math.sinh(2 * beta) - math.cos(math.pi * k / columns)
        gamma[k] = math.acosh(c)
    gamma[0] = 2 * beta + math.log(math.tanh(beta))  # whose sign matters
    odd, even = rows * gamma[1::2] / 2, rows * gamma[0::2] / 2
    logs = [
        np.log(2 * np.cosh(odd)).sum(),
        np.log(2 * np.abs(np.sinh(odd))).sum(),
        np.log(2 * np.cosh(even)).sum(),
        np.log(2 * np.abs(np.sinh(even))).sum(),
    ]
    signs = [1, 1, 1, np.prod(np.sign(np.sinh(even)))]
    top = max(logs)
    total = sum(s * math.exp(v - top) for s, v in zip(signs, logs, strict=True))
    return -math.log(2) + rows * columns / 2 * math.log(2 * math.sinh(2 * beta)) + top + math.log(total)


def normalisation(quick: bool) -> list[dict]:
    """log Z by both estimators, and how many of their errors they are off."""
    rows = []
    entrants = [(Gibbs(), 16, 16, beta) for beta in (0.3, 0.4406868, 0.6)]
    entrants += [(PackedIsing(), 16, 16, 0.4406868), (PackedIsing(), 16, 16, 0.6), (PackedIsing(), 32, 24, 0.4406868)]
    for inner, side, temperatures, beta in entrants:
        target = wc.Ising.lattice((side, side), beta)
        _timed(target, ParallelTempering(inner, 2), draws=10, warmup=0, chains=1)  # compiled before time is taken
        trace, seconds = _timed(
            target, ParallelTempering(inner, temperatures), draws=1500 if quick else 6000, warmup=1000, chains=4
        )
        report, exact = tempering(trace), kaufman_log_z(beta, side, side)
        row = {"inner": type(inner).__name__, "side": side, "beta": beta, "exact": round(exact, 4)}
        for name, (value, error) in (("stepping", report.stepping), ("thermodynamic", report.thermodynamic)):
            found = report.log_start + value
            row |= {name: round(found, 4), f"{name} se": round(error, 4), f"{name} z": round((found - exact) / error, 2)}
        rows.append({**row, "cpu s": round(seconds, 1)})
    return rows


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--peers", help="a Python that has peapods 0.2.0")
    options.add_argument("--only", nargs="*", metavar="PART", help="some of: tables, normals, ising, glass")
    arguments = options.parse_args()
    print_machine()
    out = {}
    for part, name, rows in (
        ("tables", "tables", lambda: tables(arguments.quick)),
        ("normals", "two normals", lambda: normals(arguments.quick)),
        ("ising", "log Z of Ising lattices", lambda: normalisation(arguments.quick)),
        ("glass", "8 x 8 x 8 glass", lambda: glass(arguments.quick, arguments.peers)),
    ):
        if arguments.only and part not in arguments.only:
            continue
        out[name] = rows()
        print(f"\n{name}", flush=True)
        for row in out[name]:
            print("  " + ", ".join(f"{k}: {v}" for k, v in row.items()), flush=True)
    write_json(arguments.json, "tempering", out)


if __name__ == "__main__":
    main()
