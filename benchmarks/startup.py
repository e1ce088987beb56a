"""What a user waits for: import, first draws, the command line.

    python benchmarks/startup.py [--quick] [--json PATH]

Every figure is that of a fresh process (POSIX only). Kernels are cached in a directory of this run, empty at first: the first process
with it is the cold one, later ones are warm. A new target is a numba function that no cache has seen; `sample` runs with its defaults of
4 chains and 1000 steps of warm-up. In the cold run of `weakchaos compare` matplotlib's list of fonts is missing, too.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from timing import Row, Usage, child, load, parser, print_machine, print_rows, source_folder, write_json

FIRST_DRAWS = """
import json, time
from numba import njit
import weakchaos as wc

imported = time.process_time()

@njit
def first(x):
    return -0.5 * (x[0] ** 2 + (x[1] - x[0] ** 2) ** 2) - 0.1 * x[2] ** 4

@njit
def first_gradient(x, out):
    d = x[1] - x[0] ** 2
    out[0], out[1], out[2] = -x[0] + 2.0 * x[0] * d, -d, -0.4 * x[2] ** 3

@njit
def second(x):
    total = 0.0
    for i in range(x.size):
        total -= 0.5 * x[i] ** 2 / (1.0 + i)
    return total

@njit
def second_gradient(x, out):
    for i in range(x.size):
        out[i] = -x[i] / (1.0 + i)

def run(logp, gradient, dim):
    begin = time.process_time(), time.perf_counter()
    trace = wc.sample(wc.Density(logp, dim, grad=gradient), wc.samplers.HMC(0.2, 10), draws=1000, seed=1, progress=False)
    assert trace.draws.shape == (4, 1000, dim)
    return time.process_time() - begin[0], time.perf_counter() - begin[1]

one = run(first, first_gradient, 3)
reached = time.process_time()
two = run(second, second_gradient, 10)
print(json.dumps({"imported": imported, "first": one[0], "reached": reached, "second": two[0], "first_wall": one[1], "second_wall": two[1]}))
"""


def environment(cache: Path) -> dict[str, str]:
    """For child processes: the package this process would import, kernels cached in `cache`, bytecode kept as usual, no window."""
    path = os.pathsep.join(p for p in (source_folder(), os.environ.get("PYTHONPATH")) if p)
    return {"PYTHONPATH": path, "NUMBA_CACHE_DIR": str(cache), "PYTHONDONTWRITEBYTECODE": "", "MPLBACKEND": "Agg"}


def imports(repeats: int, folder: Path, cache: Path) -> list[Row]:
    """CPU seconds of whole processes, interpreter start and end included."""
    rows = []
    for code, goal in (("pass", None), ("import numpy", None), ("import numba", None), ("import weakchaos", 0.7)):
        command = [sys.executable, "-c", code]
        child(command, environment(cache), folder)  # bytecode is compiled and kept, files are in memory
        usage = [child(command, environment(cache), folder) for _ in range(repeats)]
        user, wall = sorted(u.user for u in usage)[repeats // 2], sorted(u.wall for u in usage)[repeats // 2]
        rows.append(Row(f'python -c "{code}"', "CPU s", [u.cpu for u in usage], goal, f"user {user:.2f} s, wall {wall:.2f} s"))
    return rows


def first_draws(repeats: int, folder: Path, cache: Path) -> list[Row]:
    script = folder / "first_draws.py"
    script.write_text(FIRST_DRAWS, encoding="utf-8")

    def once() -> dict[str, float]:
        return json.loads(child([sys.executable, str(script)], environment(cache), folder).output)

    cold = once()
    warm = [once() for _ in range(repeats)]

    def of(key: str) -> list[float]:
        return [w[key] for w in warm]

    return [
        Row("cold: process start to 1000 draws", "CPU s", [cold["reached"]], note="the HMC kernel is compiled, too"),
        Row("warm: process start to 1000 draws", "CPU s", of("reached"), 2.0),
        Row("  until numba and weakchaos are imported", "CPU s", of("imported")),
        Row("  first new target", "CPU s", of("first"), note="compilation of density and gradient, and 4 chains"),
        Row("second new target in this process", "CPU s", of("second"), 0.5),
    ]


def command_line(quick: bool, repeats: int, folder: Path) -> list[Row]:
    """`weakchaos compare` with its defaults, from an empty cache and then from a full one."""
    cache, fonts = folder / "compare-kernels", folder / "matplotlib"
    command = [sys.executable, "-m", "weakchaos", "compare", "--quiet", "--out", str(folder / "compare")]
    command += ["--draws", "1e3", "--repeats", "2"] if quick else []

    def once() -> Usage:
        return child(command, environment(cache) | {"MPLCONFIGDIR": str(fonts)}, folder)

    (cold, busy), *rest = [(once(), load()) for _ in range(1 + repeats)]
    warm = [usage for usage, _ in rest]
    written = sorted(p.suffix for p in folder.glob("compare.*"))
    if written != [".html", ".json", ".png"]:
        raise SystemExit(f"weakchaos compare wrote {written}")
    user = sorted(w.user for w in warm)[repeats // 2]
    return [
        Row("cold: weakchaos compare", "wall s", [cold.wall], 120.0, busy),
        Row("cold: weakchaos compare", "CPU s", [cold.cpu], note=f"user {cold.user:.1f} s"),
        Row("warm: weakchaos compare", "wall s", [w.wall for w in warm], 25.0, rest[-1][1]),
        Row("warm: weakchaos compare", "CPU s", [w.cpu for w in warm], note=f"user {user:.1f} s"),
    ]


def main() -> None:
    options = parser(__doc__).parse_args()
    print_machine()
    repeats = 2 if options.quick else 5
    tables: dict[str, list[Row]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        jobs: dict[str, Callable[[], list[Row]]] = {
            "Processes that only import": lambda: imports(repeats, folder, folder / "kernels"),
            "A new numba target": lambda: first_draws(repeats, folder, folder / "kernels"),
            "The command line": lambda: command_line(options.quick, 1 if options.quick else 3, folder),
        }
        for title, job in jobs.items():
            tables[title] = job()
            print_rows(title, tables[title])
    write_json(options.json, "startup", tables)


if __name__ == "__main__":
    main()
