"""Entropies and complexities beside antropy, neurokit2, nolds, EntropyHub and ordpy.

Sample entropy at 10**4 and 10**5, permutation entropy of orders 3 and 6 at 10**6, the number of LZ76 phrases at 10**4, 10**5 and 10**6. All
count the same, so what was found must agree; peers whose cost grows with the square of the length are left out where they would take
minutes.
"""

from __future__ import annotations

import peers
import timing

# isort: split
import numpy as np

import weakchaos as wc
from weakchaos.diagnostics import lempel_ziv, permutation_entropy, sample_entropy


def logistic(n: int) -> np.ndarray:
    """Not quite r = 4, where an orbit of floats is caught in a cycle of five million steps."""
    system = wc.systems.Logistic(4.0 - 1e-9)
    state = system.start(0)
    system.advance(state, 1000)
    return system.advance(state, n)[:, 0].copy()


def noise(n: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=n)


SERIES = {"logistic": logistic, "white noise": noise}


def samples(quick: bool, modules: dict) -> dict:
    tables = {}
    for n in (1000, 5000) if quick else (10_000, 100_000):
        long = n == (5000 if quick else 100_000)
        for name, make in SERIES.items():
            x = make(n)
            r = 0.2 * float(x.std(ddof=1))
            contenders = [peers.Contender("weakchaos", lambda x=x, r=r: float(sample_entropy(x, 2, r)))]
            for peer, call in (
                ("neurokit2", lambda m, x=x, r=r: m.entropy_sample(x, dimension=2, tolerance=r)[0]),
                ("antropy", lambda m, x=x, r=r: m.sample_entropy(x, order=2, tolerance=r)),
                ("nolds", lambda m, x=x, r=r: m.sampen(x, emb_dim=2, tolerance=r)),
                ("EntropyHub", lambda m, x=x, r=r: m.SampEn(x, m=2, tau=1, r=r)[0][2]),
            ):
                slow = peer in ("nolds", "EntropyHub")
                if modules[peer] and not (slow and long):
                    target = {"nolds": 300.0, "EntropyHub": None}.get(peer, 5.0)
                    run = lambda call=call, module=modules[peer]: float(call(module))  # noqa: E731
                    contenders.append(peers.Contender(peer, run, target=target))
            title = f"Sample entropy, m = 2, r = 0.2 sd, {name}, n = {n}"
            tables[title] = peers.race(title, contenders, lambda found: f"{found:.10f}")
    return tables


def permutations(quick: bool, modules: dict) -> dict:
    tables, n = {}, 10**5 if quick else 10**6
    for order in (3, 6):
        for name, make in SERIES.items():
            x = make(n)
            contenders = [peers.Contender("weakchaos", lambda x=x, order=order: float(permutation_entropy(x, order)))]
            for peer, call, target in (
                ("antropy", lambda m, x, o=order: m.perm_entropy(x, order=o) * np.log(2), 1.0 if order == 3 else 1.5),
                ("ordpy", lambda m, x, o=order: m.permutation_entropy(x, dx=o, normalized=False, base="e"), 80.0),
                ("EntropyHub", lambda m, x, o=order: m.PermEn(x, m=o, Logx=np.e)[0][-1], 80.0),
                ("neurokit2", lambda m, x, o=order: m.entropy_permutation(x, dimension=o, corrected=False)[0] * np.log(2), None),
            ):
                if modules[peer]:
                    # A loop over order! patterns: a minute at order 6 and full length.
                    part = 10 if peer == "EntropyHub" and order > 3 else 1
                    run = lambda call=call, module=modules[peer], x=x[: n // part]: float(call(module, x))  # noqa: E731
                    note = f"n = {n // part}, scaled" if part > 1 else ""
                    contenders.append(peers.Contender(peer, run, 1 / part, target, once=part > 1, note=note))
            title = f"Permutation entropy, order {order}, {name}, n = {n}"
            tables[title] = peers.race(title, contenders, lambda found: f"{found:.10f}")
    return tables


def phrases(quick: bool, modules: dict) -> dict:
    tables = {}
    for n in (1000, 10_000) if quick else (10_000, 100_000, 1_000_000):
        x = (logistic(n) > 0.5).astype(np.int64)
        contenders = [peers.Contender("weakchaos", lambda x=x: round(float(lempel_ziv(x))))]
        if modules["antropy"] and n <= 100_000:

            def antropy(x=x):
                return modules["antropy"].lziv_complexity(x, normalize=False)

            contenders.append(peers.Contender("antropy", antropy, target=50.0 if n < 100_000 else 300.0))
        if modules["neurokit2"] and n <= 10_000:

            def neurokit(x=x, n=n):
                # The number of phrases from the normalised value c log2(n) / n.
                return round(modules["neurokit2"].complexity_lempelziv(x, permutation=False)[0] * n / np.log2(n))

            contenders.append(peers.Contender("neurokit2", neurokit, target=1000.0))
        title = f"LZ76, signs of the logistic map, n = {n}"
        tables[title] = peers.race(title, contenders, str)
    return tables


def main() -> None:
    parser = timing.parser(__doc__)
    parser.add_argument("--only", choices=("samples", "permutations", "phrases"), help="one kind")
    arguments = parser.parse_args()
    timing.print_machine()
    names = ("antropy", "neurokit2", "nolds", "EntropyHub", "ordpy")
    print(peers.versions(*names))
    modules = {name: peers.peer(name) for name in names}
    tables: dict = {}
    for name, part in (("samples", samples), ("permutations", permutations), ("phrases", phrases)):
        if arguments.only in (None, name):
            tables |= part(arguments.quick, modules)
    timing.write_json(arguments.json, "entropy", tables)


if __name__ == "__main__":
    main()
