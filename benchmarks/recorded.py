"""Estimates from recorded series beside nolds, neurokit2, antropy and pyunicorn.

The largest Lyapunov exponent and the correlation dimension of 10**4 and 10**5 numbers, recurrence quantification, detrended fluctuation
analysis, and the runs of a million symbols. Except for recurrence the peers do not do the same work: ours choose the embedding and the
range of the fit and estimate errors, theirs fit over a range that is given or fixed. What was found is shown beside the known value.
"""

from __future__ import annotations

import peers
import timing

# isort: split
import numpy as np

import weakchaos as wc
from weakchaos.diagnostics import (
    correlation_dimension,
    detrended_fluctuation,
    lyapunov_from_series,
    recurrence_quantification,
    runs,
)


def henon(n: int) -> np.ndarray:
    system = wc.systems.Henon()
    state = system.start(0)
    system.advance(state, 1000)
    return system.advance(state, n)[:, 0].copy()


def lorenz(n: int) -> np.ndarray:
    """x every 0.05 units of time, in single precision, to which pyunicorn rounds."""
    system = wc.systems.Lorenz(step=0.01)
    state = system.start(0)
    system.advance(state, 10_000, 10_000)
    return system.advance(state, 5 * n, 5)[:, 0].astype(np.float32).astype(np.float64)


def race(title, ours, others, modules, show=lambda found: f"{found:.4f}"):
    contenders = [peers.Contender("weakchaos", ours)]
    for name, call, target in others:
        if modules[name]:
            contenders.append(peers.Contender(name, lambda call=call, name=name: float(call(modules[name])), target=target))
    return peers.race(title, contenders, show, repeats=3)


def lyapunov(quick: bool, modules: dict) -> dict:
    n, long = (2000, 10_000) if quick else (10_000, 100_000)
    x, y, tables = henon(n), henon(long), {}
    others = [
        ("nolds", lambda m: m.lyap_r(x, emb_dim=2, lag=1, min_tsep=20, trajectory_len=8, fit="poly"), 20.0),
        ("neurokit2", lambda m: m.complexity_lyapunov(x, delay=1, dimension=2, separation=20, len_trajectory=8)[0], 20.0),
    ]
    title = "Lyapunov exponent from a series, Henon (0.419)"
    show = "{:.4f}".format
    tables["lyapunov"] = race(f"{title}, n = {n}", lambda: float(lyapunov_from_series(x)), others, modules, show)
    tables["lyapunov, long"] = race(f"{title}, n = {long}", lambda: float(lyapunov_from_series(y)), [], modules, show)
    return tables


def dimension(quick: bool, modules: dict) -> dict:
    n, long = (2000, 10_000) if quick else (10_000, 100_000)
    x, y, tables = henon(n), henon(long), {}
    others = [
        ("nolds", lambda m: m.corr_dim(x, 2, fit="poly"), 20.0),
        ("neurokit2", lambda m: m.fractal_correlation(x, delay=1, dimension=2)[0], 20.0),
    ]
    title = "Correlation dimension, Henon (1.22)"
    tables["dimension"] = race(f"{title}, n = {n}", lambda: float(correlation_dimension(x)), others, modules)
    tables["dimension, dim 2"] = race(
        f"{title}, embedding given, n = {n}", lambda: float(correlation_dimension(x, 2, 1)), others, modules
    )
    tables["dimension, long"] = race(f"{title}, n = {long}", lambda: float(correlation_dimension(y)), [], modules)
    return tables


def recurrence(quick: bool, modules: dict) -> dict:
    n = 1000 if quick else 5000
    x, radius = lorenz(n), 2.0 + 1e-9

    def pyunicorn(module):
        plot = module.RecurrencePlot(x, dim=3, tau=3, metric="supremum", threshold=radius, silence_level=2)
        plot.rqa_summary()
        return plot.determinism()

    def neurokit(module):
        return module.complexity_rqa(x, dimension=3, delay=3, tolerance=radius)[0]["Determinism"].iloc[0]

    others = [("pyunicorn", pyunicorn, 8.0), ("neurokit2", neurokit, 30.0)]
    title = f"Recurrence quantification, Lorenz, n = {n}, maximum norm (neurokit2: Euclidean); found: determinism"

    def ours():
        return float(recurrence_quantification(x, radius, 3, 3, theiler_diagonal=1, theiler_vertical=0).rows()[0]["determinism"])

    return {"recurrence": race(title, ours, others, modules, "{:.6f}".format)}


def fluctuation(quick: bool, modules: dict) -> dict:
    n = 2000 if quick else 10_000
    x = np.random.default_rng(0).normal(size=n)
    scales = np.unique(np.geomspace(10, n // 10, 20).astype(int))
    others = [
        ("antropy", lambda m: m.detrended_fluctuation(x), 1.0),
        ("nolds", lambda m: m.dfa(x, nvals=scales, overlap=False, fit_exp="poly"), 100.0),
        ("neurokit2", lambda m: m.fractal_dfa(x, scale=scales, overlap=False)[0], None),
    ]
    title = f"Detrended fluctuation analysis, white noise (0.5), n = {n}"
    return {"fluctuation": race(title, lambda: float(detrended_fluctuation(x)), others, modules)}


def repetitions(quick: bool, modules: dict) -> dict:
    n = 10**5 if quick else 10**6
    texts = {"binary": np.random.default_rng(0).integers(0, 2, n), "period 1000": np.arange(n) % 1000}
    lines = []
    for name, text in texts.items():
        runs(text[:1000])
        spent = [timing.cpu_seconds(lambda text=text: runs(text)) for _ in range(3)]
        lines.append([name, f"{min(spent):.3f}", "< 1", "met" if min(spent) < 1 else "MISSED"])
    timing.print_columns(f"All maximal repetitions of {n} symbols, CPU s, least of 3", ["", "CPU s", "target", ""], lines)
    return {"runs": lines}


PARTS = {
    "lyapunov": lyapunov,
    "dimension": dimension,
    "recurrence": recurrence,
    "fluctuation": fluctuation,
    "runs": repetitions,
}


def main() -> None:
    parser = timing.parser(__doc__)
    parser.add_argument("--only", choices=tuple(PARTS), help="one kind")
    arguments = parser.parse_args()
    timing.print_machine()
    print(peers.versions("nolds", "neurokit2", "antropy", "pyunicorn"))
    modules = {name: peers.peer(name) for name in ("nolds", "neurokit2", "antropy")}
    modules["pyunicorn"] = peers.peer("pyunicorn.timeseries", "pyunicorn")
    tables: dict = {}
    for name, part in PARTS.items():
        if arguments.only in (None, name):
            tables |= part(arguments.quick, modules)
    timing.write_json(arguments.json, "recorded", tables)


if __name__ == "__main__":
    main()
