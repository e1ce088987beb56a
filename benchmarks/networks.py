"""Networks and renormalization: probes, spectra, phase diagrams, Monte Carlo groups, beside peers where one runs.

    python benchmarks/networks.py [--quick] [--json PATH]

One core: OMP_NUM_THREADS=1 is set. Peers are optional: chaotax (Lyapunov spectra in JAX) and weightwatcher (spectra of weights, not of signals). Targets are
those the project set itself. Accuracy is printed beside the time where there is a known answer.
"""

from __future__ import annotations

import math
import os
import sys
import warnings
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402 (threads are counted when it is loaded)
from timing import Row, cpu_seconds, missing_peer, parser, print_machine, print_rows, write_json  # noqa: E402

import weakchaos as wc  # noqa: E402

rg = wc.renormalization


def module(width: int, depth: int, sigma_w2: float = 1.76):
    import torch

    torch.manual_seed(0)
    layers = []
    for _ in range(depth):
        linear = torch.nn.Linear(width, width)
        torch.nn.init.normal_(linear.weight, std=math.sqrt(sigma_w2 / width))
        layers += [linear, torch.nn.Tanh()]
    return torch.nn.Sequential(*layers)


def probes(repeats: int, quick: bool) -> list[Row]:
    try:
        import torch
    except ImportError as error:
        missing_peer("torch", error)
        return []
    torch.set_num_threads(1)
    from tests.renormalization.resnet import resnet18

    model, x = module(128, 20), np.random.default_rng(0).normal(size=(200, 128)).astype(np.float32)
    rg.probe(model, x[:4])
    rows = [
        Row(
            "20 x 128 MLP, 200 inputs", "s", [cpu_seconds(lambda: rg.probe(model, x)) for _ in range(repeats)], 0.5, "8 directions"
        ),
    ]
    images, net = torch.randn(8 if not quick else 2, 3, 224 if not quick else 64, 224 if not quick else 64), resnet18()
    rows.append(
        Row(
            "ResNet-18, 8 images",
            "s",
            [cpu_seconds(lambda: rg.probe(net, images, training=True)) for _ in range(1)],
            20,
            "8 directions, 8 blocks",
        )
    )
    try:
        import weightwatcher
    except ImportError as error:
        missing_peer("weightwatcher", error)
        return rows
    watcher = weightwatcher.WeightWatcher(model=model)
    rows.append(
        Row(
            "weightwatcher, 20 x 128 MLP",
            "s",
            [cpu_seconds(lambda: watcher.analyze()) for _ in range(1)],
            note="spectra of weights",
        )
    )
    return rows


def spectra(repeats: int, quick: bool) -> list[Row]:
    n, steps = (40, 200) if quick else (200, 1000)
    weights = 2.0 * np.random.default_rng(0).normal(size=(n, n)) / math.sqrt(n)
    result = rg.recurrent_spectrum(weights, steps=steps)
    note = f"lambda {float(result):.4f} (infinite network 0.1547), D_KY {result.kaplan_yorke:.1f}, {(result.exponents > 0).sum()} positive"
    rows = [
        Row(
            f"recurrent spectrum, N = {n}, T = {steps}",
            "s",
            [cpu_seconds(lambda: rg.recurrent_spectrum(weights, steps=steps)) for _ in range(repeats)],
            5,
            note,
        )
    ]
    try:
        import chaotax
        import jax.numpy as jnp
    except ImportError as error:
        missing_peer("chaotax", error)
        return rows
    few = 100 if not quick else 40
    small, length = jnp.asarray(weights[:few, :few] * math.sqrt(n / few)), 200 if not quick else 50

    def theirs() -> None:
        spectrum = getattr(chaotax, "lyapunov_spectrum", None)
        if spectrum is not None:
            np.asarray(spectrum(lambda h: small @ jnp.tanh(h), jnp.ones(few), length))

    rows.append(Row(f"chaotax, N = {few}, T = {length}", "s", [cpu_seconds(theirs)], note="smaller: with compilation"))
    return rows


def theory(repeats: int, quick: bool) -> list[Row]:
    side = 30 if quick else 100
    w, b = np.linspace(0.05, 6, side), np.linspace(0, 1, side)
    rows = []
    for name in ("tanh", "gelu"):
        rg.phase_diagram(name, w[:3], b[:3])
        rows.append(
            Row(
                f"phase diagram {side} x {side}, {name}",
                "s",
                [cpu_seconds(lambda name=name: rg.phase_diagram(name, w, b)) for _ in range(repeats)],
                0.3,
            )
        )
    fresh = rg.mean_field(lambda x: np.tanh(x))
    rows.append(
        Row(
            "critical line of a new function",
            "s",
            [cpu_seconds(lambda: fresh.critical_line([0.01, 0.05, 0.1, 0.5]))],
            note="first use",
        )
    )
    return rows


def groups(repeats: int, quick: bool) -> list[Row]:
    rng = np.random.default_rng(0)
    units, samples = (128, 800) if quick else (1024, 4000)
    x = rng.random((samples, units)) < 0.2
    rg.coarse_grain(x[:, :64], nulls=())
    alpha = rg.coarse_grain(x, nulls=()).data.exponents["alpha"]
    rows = [
        Row(
            f"population RG, N = {units}, T = {samples}",
            "s",
            [cpu_seconds(lambda: rg.coarse_grain(x, nulls=())) for _ in range(repeats)],
            3,
            f"alpha {alpha:.3f}",
        ),
        Row("... with its three null models", "s", [cpu_seconds(lambda: rg.coarse_grain(x)) for _ in range(repeats)]),
    ]
    side, count = (16, 2000) if quick else (64, 40_000)
    system = wc.samplers.SwendsenWang().bind(wc.Ising.lattice((side, side), 0.5 * math.log(1 + math.sqrt(2))))
    state = system.start(0, np.ones(side * side))
    rg.monte_carlo_rg(system.advance(state, 200).reshape(-1, side, side), steps=1)
    kept = {}

    def monte_carlo() -> None:
        system.advance(state, 500, 500)
        draws = system.advance(state, 2 * count, 2).reshape(-1, side, side)
        kept["result"] = rg.monte_carlo_rg(draws)

    seconds = cpu_seconds(monte_carlo)
    result = kept["result"]
    step = min(1, len(result.sizes) - 1)
    note = (
        f"step {step + 1}, 4 couplings: y_t {result.y_t[step, 3]:.4f} ± {result.y_t_stderr[step, 3]:.4f} (1), "
        f"y_h {result.y_h[step, 3]:.4f} ± {result.y_h_stderr[step, 3]:.4f} (1.875)"
    )
    rows.append(Row(f"Monte Carlo RG, L = {side}, {count} configurations", "s", [seconds], 20, note))
    if not quick:
        print(f"\n{result}")
    return rows


def main() -> None:
    arguments = parser(__doc__).parse_args()
    print_machine()
    repeats = 2 if arguments.quick else 5
    tables = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for title, make in (("Probes", probes), ("Spectra", spectra), ("Theory", theory), ("Renormalization groups", groups)):
            rows = make(repeats, arguments.quick)
            tables[title] = rows
            if rows:
                print_rows(title, rows)
    write_json(arguments.json, "networks", tables)


if __name__ == "__main__":
    main()
