"""Discrete samplers: nanoseconds per site update on one core.

    python benchmarks/discrete.py [--quick] [--json PATH]

First a fully connected Boltzmann machine of 8 units (couplings and fields N(0, 1)), then Gibbs sweeps of a 512 x 512 Ising lattice at
beta = 0.44. Peers in the same run: NumPy, and the SimulatedAnnealingSampler of dwave-samplers at fixed temperature with the Gibbs
criterion. On the lattice all start from the same configurations, equilibrated by Swendsen-Wang cluster updates (Phys. Rev. Lett. 58
(1987) 86), and the energies they end at are compared with each other and with the exact one (Kaufman, Phys. Rev. 76 (1949) 1232).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from timing import Row, cpu_seconds, missing_peer, parser, print_columns, print_machine, print_rows, rounds, write_json

import weakchaos as wc

UNITS, BETA = 8, 0.44


def machine_of_units(n: int, seed: int = 0) -> wc.PairwiseMRF:
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.normal(size=(n, n)), 1)
    return wc.PairwiseMRF(upper + upper.T, rng.normal(size=n))


def annealer() -> Any:
    """The peer's sampler and `dimod`, or None."""
    try:
        import dimod
        from dwave.samplers import SimulatedAnnealingSampler
    except ImportError as error:
        missing_peer("dwave-samplers", error)
        return None
    return SimulatedAnnealingSampler(), dimod


# ---- Boltzmann machine -----------------------------------------------------------------------------------------------------------------


def boltzmann(quick: bool, peer: Any) -> list[Row]:
    target, repeats = machine_of_units(UNITS), 3 if quick else 9
    sweeps = 20_000 if quick else 500_000
    samplers: dict[str, tuple[Any, bool]] = {
        "Gibbs": (wc.samplers.Gibbs(), False),
        "Gibbs, draws recorded": (wc.samplers.Gibbs(), True),
    }
    for kind in ("blanket", "full", "hash", "shared"):
        samplers[f"HerdedGibbs, {kind!r}"] = (wc.herding.HerdedGibbs(kind), False)
    samplers["HerdedGibbs, draws recorded"] = (wc.herding.HerdedGibbs(), True)
    samplers["Gibbs, random scan"] = (wc.samplers.Gibbs(scan="random"), False)

    def of(sampler: Any, recorded: bool) -> Callable[[int], float]:
        system = sampler.bind(target, driver="pcg64")
        state = system.start(1)
        system.advance(state, 10_000, 10_000)  # compiles, and visits all weights
        return lambda k: cpu_seconds(lambda: system.advance(state, sweeps, 1 if recorded else sweeps)) / (sweeps * UNITS) * 1e9

    contenders = {name: of(*value) for name, value in samplers.items()}
    few = sweeps // 500
    contenders["NumPy, one unit at a time"] = lambda k: cpu_seconds(lambda: numpy_gibbs(target, few, k)) / (few * UNITS) * 1e9
    if peer is not None:
        contenders["dwave-samplers"] = dwave_boltzmann(target, sweeps, *peer)
    values = rounds(contenders, repeats)
    goals = {name: 70.0 for name, (_, recorded) in samplers.items() if not recorded and "scan" not in name}
    return [Row(name, "ns/update", v, goals.get(name)) for name, v in values.items()]


def numpy_gibbs(target: wc.PairwiseMRF, sweeps: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    couplings, fields, x = target.couplings(), target.fields, np.zeros(UNITS)
    for row in rng.random((sweeps, UNITS)):
        for i in range(UNITS):
            x[i] = row[i] < 1.0 / (1.0 + math.exp(-(couplings[i] @ x + fields[i])))
    return x


def dwave_boltzmann(target: wc.PairwiseMRF, sweeps: int, sampler: Any, dimod: Any) -> Callable[[int], float]:
    i, j = target.edges.T
    model = dimod.BinaryQuadraticModel.from_numpy_vectors(-target.fields, (i, j, -target.weights), 0.0, "BINARY")

    def once(seed: int, n: int) -> float:
        return cpu_seconds(lambda: fixed_temperature(sampler, model, 1.0, n, seed))

    return lambda k: (once(k + 1, sweeps + 1) - once(k + 1, 1)) / (sweeps * UNITS) * 1e9


def fixed_temperature(
    sampler: Any, model: Any, beta: float, sweeps: int, seed: int, initial: np.ndarray | None = None
) -> np.ndarray:
    """The peer: its last configuration after sweeps at one temperature."""
    start = {} if initial is None else {"initial_states": (initial.ravel(), np.arange(initial.size))}
    found = sampler.sample(
        model, beta_schedule=[beta], beta_schedule_type="custom", num_sweeps_per_beta=sweeps, num_reads=1, seed=seed,
        proposal_acceptance_criteria="Gibbs", **start,
    )  # fmt: skip
    return found.record.sample[0][np.argsort(list(found.variables))]


# ---- lattice ---------------------------------------------------------------------------------------------------------------------------


def energy(spins: np.ndarray) -> float:
    """Per spin, in units of the coupling, on a torus."""
    s = spins.astype(np.int64)
    return -float(np.mean(s * (np.roll(s, 1, 0) + np.roll(s, 1, 1))))


def exact_energy(side: int, beta: float) -> tuple[float, float]:
    """Mean and standard deviation of the energy per spin of a torus of even side: derivatives of Kaufman's log partition function."""

    def log_partition(k: float) -> float:
        gamma = np.arccosh(np.cosh(2 * k) / np.tanh(2 * k) - np.cos(np.arange(2 * side) * np.pi / side))
        gamma[0] = 2 * k + math.log(math.tanh(k))
        half = side * gamma / 2
        cosh, sinh = np.logaddexp(half, -half), np.log1p(-np.exp(-2 * np.abs(half))) + np.abs(half)
        terms = np.array([cosh[1::2].sum(), sinh[1::2].sum(), cosh[0::2].sum(), sinh[0::2].sum()])
        signs = np.array([1.0, 1.0, 1.0, math.copysign(1.0, half[0])])
        total = float(signs @ np.exp(terms - terms.max()))
        return 0.5 * side**2 * math.log(2 * math.sinh(2 * k)) + terms.max() + math.log(total / 2)

    step, n = 1e-4, side**2
    below, here, above = (log_partition(beta + d) for d in (-step, 0.0, step))
    return -(above - below) / (2 * step * n), math.sqrt(above - 2 * here + below) / (step * n)


def cluster_updates(spins: np.ndarray, beta: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """`n` Swendsen-Wang updates."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    units = np.arange(spins.size).reshape(spins.shape)
    ends = [np.roll(units, -1, axis).ravel() for axis in (0, 1)]
    i, j = np.concatenate([units.ravel()] * 2), np.concatenate(ends)
    s = spins.ravel().copy()
    for _ in range(n):
        bond = (s[i] == s[j]) & (rng.random(i.size) < 1 - math.exp(-2 * beta))
        graph = coo_array((np.ones(bond.sum(), np.int8), (i[bond], j[bond])), shape=(s.size, s.size))
        count, label = connected_components(graph, directed=False)
        s = (2 * rng.integers(0, 2, count) - 1).astype(np.int8)[label]
    return s.reshape(spins.shape)


def numpy_checkerboard(spins: np.ndarray, beta: float, sweeps: int, seed: int) -> np.ndarray:
    """Heat bath on one colour after the other, each colour packed into an array of its own, thresholds looked up."""
    rng, (rows, columns) = np.random.default_rng(seed), spins.shape
    parity, up = np.arange(rows) % 2, (spins > 0).astype(np.int8)
    colours = [np.where((parity == k)[:, None], up[:, 0::2], up[:, 1::2]) for k in (0, 1)]
    down = 1.0 / (1.0 + np.exp(2.0 * beta * (2.0 * np.arange(5) - 4.0)))
    near = np.empty((rows, columns // 2), np.int8)
    uniforms, thresholds = np.empty(near.shape), np.empty(near.shape)
    for _ in range(sweeps):
        for k in (0, 1):
            other = colours[1 - k]
            np.add(other[:-2], other[2:], out=near[1:-1])
            np.add(other[-1], other[1], out=near[0])
            np.add(other[-2], other[0], out=near[-1])
            near += other
            left, right = near[k::2], near[1 - k :: 2]  # rows whose second neighbour in the row is to the left, to the right
            left[:, 1:] += other[k::2, :-1]
            left[:, 0] += other[k::2, -1]
            right[:, :-1] += other[1 - k :: 2, 1:]
            right[:, -1] += other[1 - k :: 2, 0]
            rng.random(out=uniforms)
            down.take(near, out=thresholds, mode="clip")
            np.greater_equal(uniforms, thresholds, out=colours[k].view(bool))
    out = np.empty_like(up)
    for k in (0, 1):
        out[parity == k, 0::2] = colours[k][parity == k]
        out[parity != k, 1::2] = colours[k][parity != k]
    return 2 * out - 1


def lattice(quick: bool, peer: Any) -> tuple[list[Row], list[dict]]:
    side, sweeps, repeats = (64, 60, 3) if quick else (512, 300, 8)
    target, rng = wc.Ising.lattice((side, side), BETA), np.random.default_rng(5)
    spins, starts = np.where(rng.random((side, side)) < 0.5, -1, 1).astype(np.int8), []
    for k in range(repeats):
        spins = cluster_updates(spins, BETA, 100 if k == 0 else 20, rng)
        starts.append(spins)
    ends: dict[str, list[float]] = {}

    def timed(name: str, run: Callable[[np.ndarray, int], tuple[float, np.ndarray]]) -> Callable[[int], float]:
        def call(k: int) -> float:
            seconds, end = run(starts[k], k)
            ends.setdefault(name, []).append(energy(end.reshape(side, side)))
            return seconds / (sweeps * side**2) * 1e9

        return call

    def ours(driver: str, recorded: bool) -> Callable[[np.ndarray, int], tuple[float, np.ndarray]]:
        system = wc.samplers.Gibbs().bind(target, driver=driver)
        system.advance(system.start(0), 1)

        def run(start: np.ndarray, seed: int) -> tuple[float, np.ndarray]:
            state = system.start(seed, start.ravel())
            begin = time.process_time()
            draws = system.advance(state, sweeps, 1 if recorded else sweeps)
            return time.process_time() - begin, draws[-1]

        return run

    def numpy(start: np.ndarray, seed: int) -> tuple[float, np.ndarray]:
        begin = time.process_time()
        end = numpy_checkerboard(start, BETA, sweeps, seed)
        return time.process_time() - begin, end

    contenders = {
        "weakchaos Gibbs, pcg64": ours("pcg64", False),
        "weakchaos Gibbs, sfc64": ours("sfc64", False),
        "weakchaos Gibbs, pcg64, draws recorded": ours("pcg64", True),
        "NumPy checkerboard, pcg64": numpy,
    }
    calls: list[float] = []
    if peer is not None:
        sampler, dimod = peer
        i, j = target.edges.T
        model = dimod.BinaryQuadraticModel.from_numpy_vectors(np.zeros(side**2), (i, j, -np.ones(len(i))), 0.0, "SPIN")
        fixed_temperature(sampler, model, BETA, 1, 1, starts[0])  # imports what it needs

        def dwave(start: np.ndarray, seed: int) -> tuple[float, np.ndarray]:
            short = cpu_seconds(lambda: fixed_temperature(sampler, model, BETA, 1, seed + 1, start))
            begin = time.process_time()
            end = fixed_temperature(sampler, model, BETA, sweeps + 1, seed + 1, start)
            whole = time.process_time() - begin
            calls.append(whole / ((sweeps + 1) * side**2) * 1e9)
            return whole - short, end

        contenders["dwave-samplers, sweeps alone"] = dwave
    values = rounds({name: timed(name, run) for name, run in contenders.items()}, repeats)
    rows = [Row(name, "ns/spin", v, 15.0 if name.startswith("weakchaos") else None) for name, v in values.items()]
    if calls:
        note = f"{sweeps + 1} sweeps with reading and writing of states"
        rows.append(Row("dwave-samplers, the whole call", "ns/spin", calls, note=note))

    return rows, judged(ends | {"at the start": [energy(s) for s in starts]}, *exact_energy(side, BETA))


def judged(ends: dict[str, list[float]], exact: float, deviation: float) -> list[dict]:
    """Energies against the exact one, and against the first of them start by start, where what starts have in common cancels."""
    first = np.array(next(iter(ends.values())))
    error = deviation / math.sqrt(first.size)
    gaps = {name: np.array(e) - first for name, e in ends.items()}
    # What scatters is alike for all, so one standard error serves; a contender with the numbers of the first has no gap at all.
    scatter = [gap.var(ddof=1) for gap in gaps.values() if gap.any()]
    gap_error = math.sqrt(float(np.mean(scatter)) / first.size)
    table = []
    for name, e in ends.items():
        mean, gap = float(np.mean(e)), float(gaps[name].mean())
        agrees = abs(mean - exact) <= 5 * error and abs(gap) <= 5 * gap_error
        table.append(
            {"name": name, "energy": mean, "stderr": error, "exact": exact, "gap": gap, "gap_stderr": gap_error, "agrees": agrees}
        )
    return table


def main() -> None:
    options = parser(__doc__).parse_args()
    print_machine()
    peer = annealer()
    first = boltzmann(options.quick, peer)
    print_rows(f"Boltzmann machine of {UNITS} units, all coupled: one site update", first, "Gibbs")
    second, energies = lattice(options.quick, peer)
    print_rows(f"Ising lattice at beta = {BETA}: one spin of a Gibbs sweep", second, "weakchaos Gibbs, pcg64")
    lines = [
        [r["name"], f"{r['energy']:.5f}", f"{r['stderr']:.5f}", f"{r['exact']:.5f}", f"{r['gap']:+.5f}", f"{r['gap_stderr']:.5f}",
         "agrees" if r["agrees"] else "DIFFERS"]
        for r in energies
    ]  # fmt: skip
    print_columns("Energy per spin after these sweeps", ["", "mean", "+-", "exact", "minus the first", "+-", ""], lines)
    write_json(options.json, "discrete", {"boltzmann": first, "lattice": second, "energies": energies})


if __name__ == "__main__":
    main()
