"""Systems by name: the largest exponent of each flow and map of tsdynamics, computed here and by tsdynamics, at equal length.

``python benchmarks/named_systems.py [first] [last]`` in an environment that has tsdynamics (Python 3.12): systems `first` to `last` of the catalogue, one line
each, then a summary; ``--summary FILE ...`` adds up the lines of several runs. Flows: 100 periods (those of dysts, where it has the
system; units of time elsewhere) after 20, a step of a hundredth of a period; maps: 10,000 iterations after 1,000. Both start from the same place.
The difference counts in standard errors: our own, of the mean over blocks, twice, as tsdynamics gives none and its orbit is another one; and 1/T, by
which the direction of the first tangent vector may move any average over a time T.
"""

import json
import math
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np

_LIMIT = 90  # CPU seconds a system


def periods() -> dict:
    """Dominant periods by name, from dysts."""
    try:
        from dysts import flows
    except ImportError:
        return {}
    out = {}
    for name, kind in vars(flows).items():
        if isinstance(kind, type) and kind.__module__ == flows.__name__:
            try:
                out[name] = float(kind().period)
            except Exception:  # a catalogue of others: what cannot be made has no period
                continue
    return out


def measure(entry, period) -> dict:
    """Ours and theirs."""
    import tsdynamics as ts

    import weakchaos as wc

    system = entry.cls()
    start = getattr(system, "ic", None)
    if start is None:
        start = getattr(entry.cls, "_default_ic", None)
    if start is None:
        start = np.random.default_rng(0).uniform(0.0, 1.0, system.dim)
    start = np.asarray(start, float).ravel()
    if entry.family == "map":
        own = wc.systems.from_tsdynamics(entry.name, initial=start)
        options, length, window = {"n": 10_000, "transient": 1000}, 10_000, 10_000.0
        transient = 1000
    else:
        step = period / 100
        own = wc.systems.from_tsdynamics(entry.name, initial=start, step=step, tolerance=1e-8)
        options = {"final_time": 100 * period, "transient": 20 * period, "dt": step}
        length, transient, window = 10_000, 2000, 100 * period
    begin = time.process_time()
    ours = wc.diagnostics.lyapunov_spectrum(own, k=1, steps=length, transient=transient, every=1 if entry.family == "map" else 10)
    seconds = time.process_time() - begin
    begin = time.process_time()
    theirs = float(np.asarray(ts.analysis.lyapunov_spectrum(system, k=1, ic=start, **options).values)[0])
    error = math.hypot(math.sqrt(2.0) * float(ours.stderr[0]), 1.0 / window)
    return {
        "ours": float(ours.exponents[0]),
        "theirs": theirs,
        "error": error,
        "scores": (float(ours.exponents[0]) - theirs) / error,
        "derivative": own.derivative,
        "seconds": round(seconds, 2),
        "their_seconds": round(time.process_time() - begin, 2),
    }


def summary(rows: list) -> None:
    """Counts, and every system that does not agree."""
    ran = [r for r in rows if "scores" in r and math.isfinite(r["scores"])]
    agree = [r for r in ran if abs(r["scores"]) <= 3]
    print(
        f"{len(rows)} systems, {len(ran)} ran, {len(agree)} within 3 standard errors: {100 * len(agree) / max(len(ran), 1):.1f} %"
    )
    for r in rows:
        if r not in agree:
            print("  ", {k: round(v, 5) if isinstance(v, float) else v for k, v in r.items()})


def main() -> None:
    if sys.argv[1:2] == ["--summary"]:
        lines = [line for path in sys.argv[2:] for line in Path(path).read_text().splitlines()]
        summary([json.loads(line) for line in lines if line.startswith("{")])
        return
    from tsdynamics import registry

    first, last = int((sys.argv[1:] or [0])[0]), int((sys.argv[2:] or [10**6])[0])
    warnings.simplefilter("ignore")
    known, rows = periods(), []
    entries = [e for family in ("map", "ode") for e in sorted(registry.all_systems(family=family), key=lambda e: e.name)]

    def stop(signum, frame):
        raise TimeoutError(f"more than {_LIMIT} s")

    signal.signal(signal.SIGPROF, stop)
    for entry in entries[first:last]:
        row = {"name": entry.name, "family": entry.family}
        signal.setitimer(signal.ITIMER_PROF, _LIMIT)
        try:
            row |= measure(entry, known.get(entry.name, 1.0))
        except Exception as error:  # listed: what fails is a result
            row["failed"] = f"{type(error).__name__}: {str(error)[:160]}"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        rows.append(row)
        print(json.dumps(row), flush=True)
    summary(rows)


if __name__ == "__main__":
    main()
