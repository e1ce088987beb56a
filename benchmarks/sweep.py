"""A sweep of 40 cells on a Dask cluster of two processes of which one is killed at a random moment, and two workers beside one.

    python benchmarks/sweep.py [--quick] [--json PATH]

A cell is a chain of `Gibbs` on a spin glass of its own seed; its result is the mean energy and magnetisation, as exact numbers. The table of the sweep must be the same, bit for bit,
after each of 20 runs (3 with ``--quick``) in which SIGKILL ends a worker between the first cell and the last. The times of one worker and of two are those of longer cells, and
stand beside those of bare processes without a scheduler, which tell what two cores of this machine can give. Needs ``pip install 'weakchaos[dask]'``.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from timing import Row, parser, print_machine, print_rows, write_json

import weakchaos as wc
from weakchaos.experiments import sweep

CELLS = 40


def cell(seed: int, draws: int) -> tuple[float, ...]:
    """One glass of 8 x 8 x 8 spins."""
    target = wc.Ising.glass((8, 8, 8), beta=0.7, seed=seed)
    sampler = wc.samplers.Gibbs("checkerboard")
    system = wc.samplers.Observables(sampler).bind(target)
    means = system.advance(system.start(seed), draws).mean(0)
    return tuple(float(v) for v in means)


def timed(executor: Any, quick: bool) -> list[float]:
    """Seconds of sweeps of which no two have a cell in common: Dask gives the result of an equal cell a second time without computing it."""
    sweep(cell, [(seed, 10) for seed in range(20)], executor)
    seconds = []
    for repeat in range(2 if quick else 4):
        cells = [(seed, (500 if quick else 20_000) + repeat) for seed in range(CELLS)]
        begin = time.perf_counter()
        sweep(cell, cells, executor)
        seconds.append(time.perf_counter() - begin)
    return seconds


def main() -> None:
    from distributed import Client, LocalCluster

    options = parser(__doc__).parse_args()
    print_machine()
    runs, draws = (3, 500) if options.quick else (20, 1000)
    cells = [(seed, draws) for seed in range(CELLS)]
    expected = sweep(cell, cells)
    begin = time.perf_counter()
    sweep(cell, cells)
    alone = time.perf_counter() - begin
    print(f"{CELLS} cells of {draws} sweeps, one after another in this process: {alone:.2f} s wall")
    kinds = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None, "memory_limit": 0}
    chance, same, lost = random.Random(1), 0, 0
    for number in range(runs):
        # A cluster a run: a nanny whose new worker is killed while it starts may give up, and then nothing is left to lose.
        with LocalCluster(**kinds) as cluster, Client(cluster) as client:
            sweep(cell, [(seed, 10) for seed in range(20)], client)  # workers load their machine code
            begin = time.perf_counter()
            sweep(cell, cells, client)
            wait = chance.uniform(0.05, 0.95) * (time.perf_counter() - begin)
            victim = chance.choice(sorted(client.run(os.getpid).values()))
            timer = threading.Timer(wait, os.kill, (victim, signal.SIGKILL))
            with tempfile.TemporaryDirectory() as folder:
                timer.start()
                begin = time.perf_counter()
                found = sweep(cell, cells, client, folder)
                seconds = time.perf_counter() - begin
                timer.join()
        same += found == expected
        lost += wait < seconds
        for k, (a, b) in enumerate(zip(found, expected, strict=True)):
            if a != b:
                print(f"cell {k}: {a} in place of {b}")
        print(
            f"run {number + 1}: killed after {wait:.2f} s of {seconds:.2f} s, {'the same table' if found == expected else 'ANOTHER TABLE'}",
            flush=True,
        )
    print(f"{same} of {runs} tables are the same bit for bit; in {lost} of them the worker was lost before the end")
    rows, times = [], {}
    for workers in (1, 2):
        with LocalCluster(**{**kinds, "n_workers": workers}) as cluster, Client(cluster) as client:
            times[f"{workers} workers"] = timed(client, options.quick)
    for processes in (1, 2):
        with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
            times[f"{processes} bare processes"] = timed(pool, options.quick)
    rows = [Row(name, "s, wall", seconds) for name, seconds in times.items()]
    print_rows(f"{CELLS} longer cells; the load was {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", rows)
    for kind in ("workers", "bare processes"):
        gain = min(times[f"1 {kind}"]) / min(times[f"2 {kind}"])
        print(f"two {kind} are {gain:.2f} times as fast as one (1.7 on idle cores asked for)")
    write_json(options.json, "sweep", {"workers": rows})


if __name__ == "__main__":
    main()
