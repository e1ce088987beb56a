"""Recurrence quantification beside pyunicorn: every measure compared, CPU seconds, memory.

``python benchmarks/recurrence.py``; pyunicorn is optional (``pip install pyunicorn``). It rounds embedded series to single precision and takes
distances below the threshold, not equal to it: the series here is rounded so beforehand, and no distance equals the radius. Its recurrence
rate counts the main diagonal, and 1e-8 is added to its denominators, which shows in short series. The lines are compared one by one too.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import numpy as np
import timing

import weakchaos as wc

NAMES = {
    "determinism": "determinism",
    "average_diaglength": "mean_diagonal",
    "max_diaglength": "longest_diagonal",
    "diag_entropy": "diagonal_entropy",
    "laminarity": "laminarity",
    "trapping_time": "trapping_time",
    "max_vertlength": "longest_vertical",
    "vert_entropy": "vertical_entropy",
}
RADIUS = 2.0 + 1e-9


def lorenz(n: int) -> np.ndarray:
    """x every 0.02 units of time, in single precision."""
    system = wc.systems.Lorenz(step=0.01)
    state = system.start(0)
    system.advance(state, 10_000, 10_000)
    return system.advance(state, 2 * n, 2)[:, 0].astype(np.float32).astype(np.float64)


def ours(x, radius=RADIUS, norm="maximum", dim=3, delay=8, vertical=0):
    return wc.diagnostics.recurrence_quantification(x, radius, dim, delay, norm, theiler_diagonal=1, theiler_vertical=vertical)


def differences(plot, x, norm, dim=3, delay=8):
    """Ours and theirs of every measure; lengths of lines that are not equally many."""
    result = ours(x, norm=norm, dim=dim, delay=delay)
    row, n = result.rows()[0], x.size - (dim - 1) * delay
    values = {"recurrence_rate": (row["rate"] * (n - 1) + 1) / n} | {name: row[own] for name, own in NAMES.items()}
    unequal = 0
    for own, other in ((result.diagonals[0, 1:], plot.diagline_dist()), (result.verticals[0, 1:], plot.vertline_dist())):
        unequal += int((np.pad(own, (0, other.size - own.size)) != other).sum())
    return [(name, value, float(getattr(plot, name)())) for name, value in values.items()], unequal


def peak_memory(call) -> float:
    """MB that a call takes at its peak (Linux): the high-water mark is set back before it."""

    def high_water() -> int:
        return int(re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0])

    Path("/proc/self/clear_refs").write_text("5")
    before = high_water()
    call()
    return (high_water() - before) / 1024


def main() -> None:
    parser = timing.parser(__doc__)
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory:
        x = lorenz(arguments.memory)
        ours(x[:1000])
        print(peak_memory(lambda: ours(x)))
        return
    timing.print_machine()
    small = 1500 if arguments.quick else 10_000
    large = 10_000 if arguments.quick else 100_000
    x, tables = lorenz(small), {}
    try:
        from pyunicorn.timeseries import RecurrencePlot
    except ImportError as error:
        RecurrencePlot = None
        timing.missing_peer("pyunicorn", error)
    if RecurrencePlot is not None:
        lines, worst = [], 0.0
        for norm, metric in (("maximum", "supremum"), ("euclidean", "euclidean"), ("manhattan", "manhattan")):
            plot = RecurrencePlot(x, dim=3, tau=8, metric=metric, threshold=RADIUS, silence_level=2)
            pairs, unequal = differences(plot, x, norm)
            lines.append([f"{norm}, lengths of lines", "", "", "", f"{unequal} unequal"])
            for name, own, theirs in pairs:
                relative = abs(own - theirs) / abs(theirs)
                worst = max(worst, relative)
                lines.append([f"{norm}, {name}", f"{own:.12g}", f"{theirs:.12g}", f"{relative:.1e}", ""])
        timing.print_columns(
            f"Lorenz x, {small} numbers, dim 3, delay 8, radius {RADIUS}", ["", "weakchaos", "pyunicorn", "relative", ""], lines
        )
        print(f"largest relative difference {worst:.1e}: {'met' if worst <= 1e-12 else 'MISSED'} (at most 1e-12)")
        tables["differences"] = lines

    def theirs(_: int) -> float:
        def call() -> None:
            plot = RecurrencePlot(x, dim=3, tau=8, metric="supremum", threshold=RADIUS, silence_level=2)
            plot.rqa_summary()

        return timing.cpu_seconds(call)

    ours(x[:1000])
    contenders = {"weakchaos": lambda _: timing.cpu_seconds(lambda: ours(x))}
    contenders["weakchaos, euclidean"] = lambda _: timing.cpu_seconds(lambda: ours(x, norm="euclidean"))
    contenders["weakchaos, 20 radii"] = lambda _: timing.cpu_seconds(lambda: ours(x, np.linspace(0.2, 4, 20)))
    if RecurrencePlot is not None:
        contenders["pyunicorn, matrix"] = theirs
    values = timing.rounds(contenders, 2 if arguments.quick else 5)
    rows = [timing.Row(name, "CPU s", v) for name, v in values.items()]
    timing.print_rows(f"{small} numbers", rows, "weakchaos")
    tables["small"] = rows

    y = lorenz(large)
    rows = []
    for radius in (0.3, 2.0, 5.0):
        rate = ours(y[: large // 10], radius).rate[0]
        spent = [timing.cpu_seconds(lambda r=radius: ours(y, r)) for _ in range(1 if arguments.quick else 2)]
        rows.append(timing.Row(f"radius {radius}, rate about {rate:.2g}", "CPU s", spent, 15.0))
    timing.print_rows(f"{large} numbers", rows)
    tables["large"] = rows

    lines = []
    for n in (large // 10, large // 3, large):
        used = timing.child([sys.executable, __file__, "--memory", str(n)])
        megabytes = float(used.output)
        lines.append([f"{n} numbers", f"{megabytes:.1f}", f"{megabytes * 2**20 / n:.0f}", f"{n * n / 2**20:.0f}", ""])
    timing.print_columns("Memory of a call (Linux), MB", ["", "taken", "bytes a number", "matrix of bytes", ""], lines)
    tables["memory"] = lines
    timing.write_json(arguments.json, "recurrence", tables)


if __name__ == "__main__":
    main()
