"""What the benchmarks share: CPU seconds of calls and of child processes, contenders in rotation, tables, JSON.

CPU time is that of `time.process_time`, user and system, so other processes on the machine do not count, except through the caches and
clock they share. Contenders take turns, and a ratio is the median over rounds of the ratio within a round: what slows a
whole round cancels.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any


@dataclass
class Row:
    """One line of a table: a quantity measured several times, best in the unit of its target."""

    name: str
    unit: str
    values: list[float]
    target: float | None = None
    note: str = ""
    ratios: list[float] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        if self.target is None:
            return ""
        return "met" if median(self.values) <= self.target else "MISSED"


@dataclass(frozen=True)
class Usage:
    """What a child process took, in seconds, and what it printed."""

    wall: float
    user: float
    system: float
    output: str

    @property
    def cpu(self) -> float:
        return self.user + self.system


def parser(description: str | None) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(description or "").split("\n\n")[0])
    made.add_argument("--quick", action="store_true", help="small sizes and few repeats: does it run at all")
    made.add_argument("--json", metavar="PATH", type=Path, help="write every single measurement there")
    return made


def cpu_seconds(call: Callable[[], Any]) -> float:
    begin = time.process_time()
    call()
    return time.process_time() - begin


def rounds(contenders: Mapping[str, Callable[[int], float]], repeats: int) -> dict[str, list[float]]:
    """What each contender returns for round 0, 1, ...; in each round another one goes first."""
    names = list(contenders)
    values: dict[str, list[float]] = {name: [0.0] * repeats for name in names}
    for k in range(repeats):
        shift = k % len(names)
        for name in names[shift:] + names[:shift]:
            values[name][k] = contenders[name](k)
    return values


def against(rows: Sequence[Row], reference: str) -> None:
    """Ratios to the row called `reference`, round by round."""
    base = next(row.values for row in rows if row.name == reference)
    for row in rows:
        row.ratios = [value / own for value, own in zip(row.values, base, strict=True)]


def child(arguments: Sequence[str], environment: Mapping[str, str] | None = None, folder: Path | None = None) -> Usage:
    """Run a command in a process of its own (POSIX); CPU time is that of the process and of its children that ended."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        arguments, env=dict(os.environ) | dict(environment or {}), cwd=folder, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begin
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, arguments))} ended with code {process.returncode}")
    return Usage(wall, usage.ru_utime, usage.ru_stime, output)


def source_folder(package: str = "weakchaos") -> str:
    """The folder from which a package is imported, for the PYTHONPATH of child processes; the package itself is not imported."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{package} is not importable: install it, or put its folder on PYTHONPATH")
    return str(Path(spec.origin).resolve().parents[1])


def machine() -> dict[str, str]:
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        entries = [line.split(":", 1) for line in info.read_text(encoding="utf-8").splitlines() if ":" in line]
        named = {key.strip(): value.strip() for key, value in entries}
        model = f"{named.get('model name', model)} (family {named.get('cpu family', '?')}, model {named.get('model', '?')})"
    facts = {"CPU": model, "cores": str(os.cpu_count()), "system": platform.system(), "Python": platform.python_version()}
    for package in ("numpy", "numba", "scipy", "dwave-samplers"):
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            facts[package] = "none"
    return facts


def missing_peer(package: str, error: ImportError) -> None:
    print(f"peer left out: {package} is not importable ({error})")


def load() -> str:
    """How many processes want the cores: wall times mean something only while these are fewer."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores" if hasattr(os, "getloadavg") else ""


def yardstick() -> float:
    """CPU milliseconds of a fixed loop in plain Python: a core that is shared with others on its host is a slower one."""

    def loop() -> int:
        total = 0
        for k in range(1_000_000):
            total += k & 7
        return total

    return 1e3 * min(cpu_seconds(loop) for _ in range(5))


def print_machine() -> None:
    print(", ".join(f"{key} {value}" for key, value in machine().items()))
    print_state()


def print_state() -> None:
    print(f"{load()}; a fixed loop of Python takes {yardstick():.1f} ms of CPU")


def print_columns(title: str, header: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Text in columns, the first and the last to the left, numbers between them to the right."""
    widths = [max(len(line[c]) for line in [header, *lines]) for c in range(len(header))]
    print(f"\n{title}")
    for line in [header, *lines]:
        cells = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
        print("  ".join([line[0].ljust(widths[0]), *cells[1:-1], line[-1]]).rstrip())
    sys.stdout.flush()


def print_rows(title: str, rows: Sequence[Row], reference: str | None = None) -> None:
    """Median and minimum of the repeats, the target (judged by the median), and the ratio to a reference row."""
    if reference is not None:
        against(rows, reference)
    header = ["", "unit", "median", "min", "repeats", "target", ""] + (["ratio"] if reference else []) + ["note"]
    lines = []
    for row in rows:
        target = "" if row.target is None else f"<= {row.target:g}"
        line = [
            row.name,
            row.unit,
            f"{median(row.values):.4g}",
            f"{min(row.values):.4g}",
            str(len(row.values)),
            target,
            row.verdict,
        ]
        line += [f"{median(row.ratios):.3g}"] if reference else []
        lines.append([*line, row.note])
    print_columns(title, header, lines)


def write_json(path: Path | None, benchmark: str, tables: Mapping[str, Any]) -> None:
    """Say how fast the machine is by now; write all measurements, with the machine, where `path` is given."""
    print()
    print_state()
    if path is None:
        return
    plain = {
        name: [row.__dict__ | {"median": median(row.values)} if isinstance(row, Row) else row for row in table]
        if isinstance(table, list)
        else table
        for name, table in tables.items()
    }
    text = json.dumps(
        {"benchmark": benchmark, "machine": machine() | {"yardstick_ms": f"{yardstick():.1f}"}, "tables": plain}, indent=1
    )
    path.write_text(text + "\n", encoding="utf-8")
    print(f"written: {path}")
