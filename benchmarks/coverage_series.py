"""How many 95 % intervals of exponents from recorded series hold the exponent: 41 ways to look at maps and flows, from 2,000 to 10,000 numbers.

    python benchmarks/coverage_series.py [--quick] [--starts K] [--json PATH]       the same as `benchmarks/coverage.py --series`

Nothing is chosen by hand: `lyapunov_from_series` with its defaults. A series without a scaling region has no interval and is counted apart.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import recorded_zoo
import timing

import weakchaos as wc

LENGTHS = (2000, 3000, 5000, 7000, 10_000)


def measure(entry: recorded_zoo.Recorded, n: int, seed: int) -> dict[str, Any]:
    found = wc.diagnostics.lyapunov_from_series(entry.series(n, seed), dt=entry.dt)
    row: dict[str, Any] = {
        "system": entry.name,
        "n": n,
        "seed": seed,
        "truth": entry.exponent,
        "value": float(found),
        "interval": found.interval,
    }
    if found.interval is not None:
        low, high = found.interval
        row |= {"holds": low <= entry.exponent <= high, "half_width": 0.5 * (high - low) / entry.exponent}
    return row


def run(starts: int, quick: bool = False) -> dict[str, Any]:
    """Rows of all systems, and the table of them printed."""
    entries = [e for e in (*recorded_zoo.MAPS, *recorded_zoo.FLOWS, *recorded_zoo.HELD_OUT) if math.isfinite(e.exponent)]
    lengths = LENGTHS[:1] if quick else LENGTHS
    rows, lines = [], []
    for entry in entries[:: 6 if quick else 1]:
        mine = [measure(entry, lengths[k % len(lengths)], k + 1) for k in range(starts)]
        rows += mine
        given = [r for r in mine if r["interval"] is not None]
        errors = [abs(r["value"] / entry.exponent - 1) for r in given]
        lines.append(
            [
                entry.name,
                f"{sum(r['holds'] for r in given)} of {len(given)}",
                f"{len(mine) - len(given)}",
                f"{100 * np.median(errors):.1f} %" if given else "-",
                f"{100 * np.median([r['half_width'] for r in given]):.1f} %" if given else "-",
            ]
        )
    given = [r for r in rows if r["interval"] is not None]
    share = sum(r["holds"] for r in given) / len(given) if given else math.nan
    width = float(np.median([r["half_width"] for r in given])) if given else math.nan
    lines.append(
        [
            "all",
            f"{sum(r['holds'] for r in given)} of {len(given)} ({100 * share:.1f} %)",
            f"{len(rows) - len(given)}",
            "",
            f"{100 * width:.1f} %",
        ]
    )
    title = f"95 % intervals of {starts} series a system, {min(lengths):,} to {max(lengths):,} numbers"
    timing.print_columns(title, ["", "hold the exponent", "without interval", "median error", "median half-width"], lines)
    return {"rows": rows, "share": share, "half_width": width}


def main() -> None:
    options = timing.parser(__doc__)
    options.add_argument("--starts", type=int, default=10, help="series of each system")
    arguments = options.parse_args()
    timing.print_machine()
    found = run(2 if arguments.quick else arguments.starts, arguments.quick)
    timing.write_json(arguments.json, "coverage_series", found)


if __name__ == "__main__":
    main()
