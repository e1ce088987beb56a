"""Packed Ising lattices: nanoseconds a spin on one core, threads, and a lattice of a billion spins.

    python benchmarks/packed.py [--quick] [--json PATH] [--billion]

Peers in the same process, in turn: mcising 1.1.0 (Metropolis, sites one after the other), peapods 0.2.0 (Metropolis and Gibbs) and `Gibbs` of this package, where they are
installed. At the end the energies of packed sweeps are compared with Kaufman's (Phys. Rev. 76 (1949) 1232); `--billion` sweeps 32768 x 32768 spins at beta = .3, from all up.
"""

from __future__ import annotations

import math
import multiprocessing
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
from timing import Row, against, cpu_seconds, missing_peer, parser, print_machine, print_rows, rounds, write_json

import weakchaos as wc
from weakchaos.samplers import Gibbs, PackedIsing, ParallelTempering
from weakchaos.samplers.packed.bit_layout import Layout
from weakchaos.samplers.packed.packed_sweep import sweep
from weakchaos.samplers.packed.work_rows import WIDTH
from weakchaos.targets.kaufman import exact_energy

_MCISING = {2: "square", 3: "cubic"}


def contenders(shape: tuple[int, ...], beta: float, quick: bool) -> dict[str, Callable[[int], float]]:
    """Functions of the number of a round that give nanoseconds a spin."""
    out: dict[str, Callable[[int], float]] = {}
    n = math.prod(shape)

    def of(step: Callable[[int], object], spins: float) -> Callable[[int], float]:
        sweeps = max(1, int((0.1 if quick else 1.0) * spins / n))
        step(1)
        return lambda number: 1e9 * cpu_seconds(lambda: step(sweeps)) / (sweeps * n)

    target = wc.Ising.lattice(shape, beta)
    for rule in ("heat-bath", "metropolis"):
        system = PackedIsing(rule).bind(target)
        state = system.start(1)
        out[f"packed {rule}"] = of(lambda k, system=system, state=state: system.advance(state, k, k), 1e8)
    own = wc.Ising.glass(shape, beta, seed=1, kind="gaussian")
    for name, model in (("weakchaos Gibbs", target), ("weakchaos Gibbs, couplings of their own", own)):
        gibbs = Gibbs("checkerboard").bind(model)
        start = gibbs.start(1)
        out[name] = of(lambda k, gibbs=gibbs, start=start: gibbs.advance(start, k, k), 5e6)
    try:
        from mcising import IsingSimulation

        mc = IsingSimulation(
            lattice_size=shape[0], j1=1.0, j2=0.0, j3=0.0, h=0.0, seed=1, algorithm="metropolis", lattice_type=_MCISING[len(shape)]
        )
        out["mcising Metropolis"] = of(lambda k: mc.sweep(k, temperature=1.0 / beta), 1e7)
    except ImportError as error:
        missing_peer("mcising", error)
    try:
        from peapods import Ising

        for mode in ("metropolis", "gibbs"):
            pod = Ising(shape, temperatures=np.array([1.0 / beta]))
            out[f"peapods {mode}"] = of(lambda k, pod=pod, mode=mode: pod.sample(max(k, 2), sweep_mode=mode, warmup_ratio=0.0), 5e6)
    except ImportError as error:
        missing_peer("peapods", error)
    return out


def heat_bath(shape: tuple[int, ...], more: dict, updates: float) -> float:
    """Nanoseconds a spin of heat bath sweeps."""
    n = math.prod(shape)
    system = PackedIsing().bind(wc.Ising.lattice(shape, 0.3, **more))
    state, sweeps = system.start(1), max(1, int(updates / n))
    system.advance(state, 1)
    return 1e9 * cpu_seconds(lambda: system.advance(state, sweeps, sweeps)) / (sweeps * n)


def other_lattices(quick: bool) -> list[Row]:
    """Packed sweeps of what is no multiple of 64, of odd sides, free boundaries, and with a field."""
    rows = []
    for name, shape, more in (
        ("512 x 512", (512, 512), {}), ("513 x 511, odd sides", (513, 511), {}), ("500 x 500", (500, 500), {}), ("512 x 512, free", (512, 512), {"periodic": False}),
        ("512 x 512, field", (512, 512), {"field": 0.1}), ("32 x 32 x 32", (32, 32, 32), {}), ("32 x 32 x 32, free", (32, 32, 32), {"periodic": False}),
        ("33 x 33 x 33", (33, 33, 33), {}), ("32 x 32 x 32, field", (32, 32, 32), {"field": 0.1}), ("16 x 16 x 16 x 16", (16, 16, 16, 16), {}),
    ):  # fmt: skip
        rows.append(Row(name, "ns a spin", [heat_bath(shape, more, 5e6 if quick else 5e7) for _ in range(5)]))
    return rows


def ladders(quick: bool) -> list[Row]:
    """Parallel tempering with a round of swaps and all temperatures measured after each sweep, a spin of each replica."""
    rows = []
    for shape, beta, temperatures in (
        ((64, 64), 0.44, 24),
        ((128, 128), 0.44, 24),
        ((512, 512), 0.44, 16),
        ((32, 32, 32), 0.2217, 16),
    ):
        n, target = math.prod(shape) * temperatures, wc.Ising.lattice(shape, beta)
        system = ParallelTempering(PackedIsing(), temperatures).bind(target)
        state, sweeps = system.start(1), max(1, int((5e6 if quick else 5e7) / n))
        system.advance(state, 2)

        def ns(system: Any = system, state: Any = state, sweeps: int = sweeps, n: int = n) -> float:
            return 1e9 * cpu_seconds(lambda: system.advance(state, sweeps)) / (sweeps * n)

        rows.append(Row(f"{' x '.join(map(str, shape))}, {temperatures} temperatures", "ns a spin", [ns() for _ in range(5)]))
    try:
        from peapods import Ising

        for shape, beta, temperatures in (((64, 64), 0.44, 24), ((32, 32, 32), 0.2217, 16)):
            pod, n = Ising(shape, temperatures=1.0 / np.linspace(beta / 4, beta, temperatures)), math.prod(shape) * temperatures
            sweeps = max(2, int((5e5 if quick else 5e6) / n))
            seconds = [
                cpu_seconds(lambda pod=pod, k=sweeps: pod.sample(k, sweep_mode="metropolis", pt_interval=1, warmup_ratio=0.0))
                for _ in range(5)
            ]
            rows.append(Row(f"peapods, {' x '.join(map(str, shape))}", "ns a spin", [1e9 * t / (sweeps * n) for t in seconds]))
    except ImportError as error:
        missing_peer("peapods", error)
    return rows


def threads(quick: bool) -> list[Row]:
    """Wall time of one thread and of two, on cores that should be idle."""
    side = 1024 if quick else 4096
    rows = []
    for number in (1, 2):
        system = PackedIsing(threads=number).bind(wc.Ising.lattice((side, side), 0.4))
        state = system.start(1)
        system.advance(state, 2, 2)
        seconds = []
        for _ in range(5):
            begin = time.perf_counter()
            system.advance(state, 20, 20)
            seconds.append((time.perf_counter() - begin) / 20 / side**2 * 1e9)
        rows.append(Row(f"{side} x {side}, {number} threads", "ns a spin, wall", seconds))
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        both = [list(pool.map(_alone, [side, side], [time.time() + (1 if warm else 8)] * 2)) for warm in range(5)]
    rows.append(Row(f"{side} x {side}, 2 processes of one thread", "ns a spin, wall", [max(pair) / 2 for pair in both]))
    return rows


def _alone(side: int, begin_at: float) -> float:
    """Nanoseconds a spin of a lattice of this process, from a moment at which others begin too: what two cores give where nothing is shared."""
    system = PackedIsing(threads=1).bind(wc.Ising.lattice((side, side), 0.4))
    state = system.start(1)
    system.advance(state, 2, 2)
    time.sleep(max(0.0, begin_at - time.time()))
    begin = time.perf_counter()
    system.advance(state, 40, 40)
    return (time.perf_counter() - begin) / 40 / side**2 * 1e9


def acceptance(quick: bool) -> None:
    """How often flips of probability p are made where every spin may flip with p: 512 x 512 spins up, again and again."""
    layout, rng = Layout((512, 512), True), np.random.default_rng(3)
    lanes = rng.integers(0, 2**64, (1, 4, WIDTH), dtype=np.uint64)
    pairs, repeats = -(-layout.words[0] // 2), 40 if quick else 2000
    for p in (0.5, 0.1, 1 / 3, 1e-3, 1e-5, 1 - 1e-5):
        kinds = np.arange(5), np.full(5, -1), np.zeros(5, np.int64), np.full(1, int(math.ldexp(p, 64)), np.uint64)
        flipped = 0
        for _ in range(repeats):
            words = np.full(layout.n_words, ~np.uint64(0))
            sweep(words, lanes, layout.geometry, *kinds, False, np.array([0, pairs]), 1, 0, layout.n_classes, 0, 1)
            flipped += layout.n_spins - int(np.bitwise_count(words).sum())
        tried = repeats * layout.n_spins
        z = (flipped - tried * p) / math.sqrt(tried * p * (1 - p))
        print(f"flips of probability {p:.5g}: {flipped} of {tried}, z = {z:+.2f}", flush=True)


def energies(quick: bool) -> None:
    sweeps = 4000 if quick else 1_000_000
    for shape in ((64, 64), (64, 96)):
        for beta in (0.3, 0.42, 0.4406868):
            for rule in ("heat-bath", "metropolis"):
                system = PackedIsing(rule).bind(wc.Ising.lattice(shape, beta))
                state = system.start(7)
                system.advance(state, sweeps // 20, sweeps // 20)
                energy = system.advance(state, sweeps, 20 if not quick else 2)[:, 0]
                means = energy[: len(energy) // 20 * 20].reshape(20, -1).mean(1)
                error = means.std(ddof=1) / math.sqrt(20)
                print(
                    f"{shape} beta {beta:.4f} {rule:10s} {means.mean():.6f} +- {error:.6f}, z = {(means.mean() - exact_energy(beta, *shape)) / error:+.2f}",
                    flush=True,
                )


def billion() -> None:
    small = PackedIsing(start="up").bind(wc.Ising.lattice((64, 64), 0.3))
    small.advance(small.start(1), 1)  # machine code is loaded before memory is counted
    system = PackedIsing(start="up").bind(wc.Ising.lattice((32768, 32768), 0.3))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    state = system.start(1)
    seconds = cpu_seconds(lambda: system.advance(state, 100, 100))
    energy = system.advance(state, 100, 20)[:, 0]
    above = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    exact = exact_energy(0.3, 512)
    error = math.sqrt(
        2.0 / 2**30
    )  # about: the variance of the energy a spin is the heat capacity over beta^2 and the number of spins
    print(
        f"32768 x 32768: {seconds / 100:.3f} s a sweep, {above:.0f} MB above the start ({8 * system.layout.n_words / 2**20:.0f} MB of spins), "
    )
    print(
        f"energies {np.array2string(energy, precision=6)}, infinite lattice {exact:.6f}, one standard deviation about {error:.1e}"
    )


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--billion", action="store_true", help="2^30 spins, about a minute")
    arguments = options.parse_args()
    print_machine()
    tables = {}
    for shape, beta in (((512, 512), 0.42), ((32, 32, 32), 0.22165)):
        found = rounds(contenders(shape, beta, arguments.quick), 3 if arguments.quick else 7)
        rows = [Row(name, "ns a spin", values) for name, values in found.items()]
        against(rows, "packed metropolis")
        title = " x ".join(map(str, shape))
        print_rows(f"Ising, {title}, beta = {beta}", rows, "packed metropolis")
        tables[title] = rows
    tables["others"] = other_lattices(arguments.quick)
    print_rows("Other lattices, heat bath", tables["others"])
    tables["ladders"] = ladders(arguments.quick)
    print_rows("Parallel tempering", tables["ladders"])
    tables["threads"] = threads(arguments.quick)
    print_rows("Threads", tables["threads"])
    acceptance(arguments.quick)
    energies(arguments.quick)
    if arguments.billion:
        billion()
    write_json(arguments.json, "packed", tables)


if __name__ == "__main__":
    main()
