"""Fixed seeds, fixed draws: digests of the draws of every sampler, to see whether a change of the code changed a result.

    python benchmarks/same_draws.py --write before.json
    python benchmarks/same_draws.py --against before.json

The systems are those of `tests/test_conformance.py`. Draws, their statistics, running sums and the state after them, and the draws and statistics of
a warm-up go into a digest of their own each; counters do not.
"""

from __future__ import annotations

import hashlib
import json
import sys
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.timing import parser
from tests.test_conformance import CASES


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def digests(system) -> dict[str, str]:
    state = system.start(11)
    draws, stats = np.empty((60, system.dim), system.dtype), np.empty((60, len(system.stats_names)))
    sums = np.zeros(system.n_averages)
    done = system.run(state, 180, 3, draws, stats, sums)
    assert done == 180
    warm, warm_stats = np.zeros((150, system.dim), system.dtype), np.zeros((150, len(system.stats_names)))
    system.warm(system.start(12), 150, 0, 150, warm, warm_stats)
    return {
        "draws": digest(draws.tobytes()),
        "stats": digest(stats.tobytes()),
        "warm-up": digest(warm.tobytes() + warm_stats.tobytes()),
        "sums": digest(sums.tobytes()),
        "position": digest(state.phase[: system.dim].tobytes()),
    }


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--write", metavar="FILE")
    options.add_argument("--against", metavar="FILE")
    arguments = options.parse_args()
    warnings.simplefilter("ignore")
    found = {name: digests(make()) for name, make in CASES.items()}
    if arguments.write:
        Path(arguments.write).write_text(json.dumps(found, indent=1) + "\n")
    if not arguments.against:
        print(f"{len(found)} samplers")
        return 0
    before = json.loads(Path(arguments.against).read_text())
    changed = {name: [k for k in before[name] if before[name][k] != found[name][k]] for name in before if name in found}
    changed = {name: what for name, what in changed.items() if what}
    for name, what in changed.items():
        print(f"{name}: other {', '.join(what)}")
    gone = sorted(set(before) - set(found))
    print(
        f"{len(before) - len(changed) - len(gone)} of {len(before)} samplers draw the same, {len(changed)} differ, {len(gone)} are gone {gone or ''}"
    )
    return 1 if changed or gone else 0


if __name__ == "__main__":
    sys.exit(main())
