"""The speed of two versions of the package: the same benchmarks in both source trees, in turns, and the ratio of every figure.

    python benchmarks/before_after.py TREE_BEFORE TREE_AFTER [--quick] [--rounds 2] [--only discrete continuous]

A tree is a checkout of the repository, for instance one of ``git worktree add``. Each runs its own copy of the scripts on its own package (POSIX only), first
one, then the other, as often as there are rounds. Every figure is a CPU time, user and system, and the smallest of all repeats counts, because other
processes on the machine only ever add to it. A ratio is the time before divided by the time after: above 1 the later tree is faster.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from timing import child, parser, print_columns, print_machine, print_state

SCRIPTS = ("discrete", "continuous", "startup", "entropy", "lyapunov")
LEAST = 0.95


def figures(tree: Path, script: str, quick: bool, folder: Path) -> dict[tuple[str, str], list[float]]:
    """Title and name of every row that is a CPU time, with its repeats."""
    out = folder / "figures.json"
    command = [sys.executable, str(tree / "benchmarks" / f"{script}.py"), "--json", str(out), *(["--quick"] if quick else [])]
    child(command, {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": ""}, folder)
    tables = json.loads(out.read_text())["tables"]
    rows = [(title, row) for title, table in tables.items() if isinstance(table, list) for row in table if isinstance(row, dict)]
    found = {}
    for title, row in rows:
        if row.get("unit", "").split("/")[0] in ("ns", "us", "ms", "s", "CPU s"):
            found[title, f"{row['name']} ({row['unit']})"] = row["values"]
        elif row.get("user"):  # a race with peers
            found[title, f"{row['name']} (user s)"] = row["user"]
    return found


def main() -> int:
    options = parser(__doc__)
    options.add_argument("before", type=Path)
    options.add_argument("after", type=Path)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--only", nargs="+", choices=SCRIPTS, default=SCRIPTS)
    chosen = options.parse_args()
    print_machine()
    everything, slower = [], []
    for script in chosen.only:
        found: list[dict[tuple[str, str], list[float]]] = [{}, {}]
        with tempfile.TemporaryDirectory() as name:
            for _ in range(chosen.rounds):
                for k, tree in enumerate((chosen.before.resolve(), chosen.after.resolve())):
                    for row, values in figures(tree, script, chosen.quick, Path(name)).items():
                        found[k].setdefault(row, []).extend(values)
        lines = []
        for row in found[0]:
            if row in found[1]:
                before, after = (min(f[row]) for f in found)
                ratio = before / after
                lines.append(
                    [f"{row[0]}: {row[1]}", f"{before:.4g}", f"{after:.4g}", f"{ratio:.3f}", "" if ratio >= LEAST else "SLOWER"]
                )
                everything.append({"script": script, "row": row, "before": before, "after": after, "ratio": ratio})
                slower += [f"{script}: {row[1]}"] * (ratio < LEAST)
        print_columns(f"{script}.py", ["", "before", "after", "ratio", ""], lines)
    print(
        f"\n{len(everything) - len(slower)} of {len(everything)} ratios are {LEAST} or more{''.join(chr(10) + '  slower: ' + s for s in slower)}"
    )
    print_state()
    if chosen.json:
        chosen.json.write_text(json.dumps(everything, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
