"""Spectra of recurrent networks: time, accuracy of the derivative, and agreement with eigenvalues and theory; beside chaotax where it is installed.

    python benchmarks/recurrent.py [--quick] [--json PATH]

One core: OMP_NUM_THREADS=1 is set. The accuracy is the largest difference between a derivative and a central difference of orbits, relative to the largest
entry. chaotax (https://pypi.org/project/chaotax) gets the same LSTM step as a JAX function. Its measurement
cannot be compiled ahead by jax.jit, so every call compiles.
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402 (threads are counted when it is loaded)
from timing import Row, cpu_seconds, missing_peer, parser, print_machine, print_rows, write_json  # noqa: E402

import weakchaos as wc  # noqa: E402
from tests.differences import carried  # noqa: E402

rg = wc.renormalization


def lstm(n: int, features: int, seed: int = 0) -> rg.RecurrentCell:
    """Of PyTorch's default initialisation."""
    rng = np.random.default_rng(seed)
    scale = 1 / math.sqrt(n)

    def draw(*shape: int) -> np.ndarray:
        return rng.uniform(-scale, scale, shape)

    return rg.RecurrentCell("lstm", draw(4 * n, n), draw(4 * n, features), draw(4 * n), draw(4 * n))


def difference_error(network: rg.RecurrentNetwork) -> float:
    state, rng = network.start(0), np.random.default_rng(1)
    frame = rng.normal(size=(network.dim, 4))
    images = network.tangent(state.copy(), 1, frame)
    worst = 0.0
    for v, image in zip(frame.T, images.T, strict=True):
        worst = max(worst, float(np.abs(carried(network, state, v, 1, 1e-5) - image).max() / np.abs(image).max()))
    return worst


def speed(repeats: int, quick: bool) -> list[Row]:
    n, k, steps = (64, 8, 200) if quick else (256, 32, 1000)
    network = rg.RecurrentNetwork(lstm(n, 16), np.random.default_rng(0).normal(size=(steps + 100, 16)))
    kept = {}

    def ours() -> None:
        kept["found"] = network.spectrum(k=k, steps=steps, transient=100, starts=1)

    seconds = [cpu_seconds(ours) for _ in range(repeats)]
    rows = [
        Row(f"LSTM of {n} units, k = {k}, T = {steps}, driven", "s", seconds, 6, f"lambda {float(kept['found']):.4f}"),
        Row("derivative against central differences", "relative", [difference_error(network)], 1e-6),
    ]
    try:
        rows += _chaotax(network, k, steps)
    except ImportError as error:
        missing_peer("chaotax", error)
    return rows


def _chaotax(network: rg.RecurrentNetwork, k: int, steps: int) -> list[Row]:
    """The autonomous network, since a stepper of chaotax takes no inputs: the same step without the small product with the input weights."""
    import chaotax
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    cell = network.cells[0]
    n, w, b = cell.units, jnp.asarray(cell.weight_hh), jnp.asarray(cell.bias_ih + cell.bias_hh)

    def step(state):
        a = w @ state[:n] + b
        enters, keeps, leaves = (jax.nn.sigmoid(a[i * n : (i + 1) * n]) for i in (0, 1, 3))
        c = keeps * state[n:] + enters * jnp.tanh(a[2 * n : 3 * n])
        return jnp.concatenate([leaves * jnp.tanh(c), c])

    start = jnp.asarray(np.random.default_rng(0).normal(size=2 * n))

    measure = chaotax.lyapunov_spectrum(step, rollout_steps=steps, warmup_steps=100, discard_steps=0, num_exponents=k)
    kept = {}

    def theirs() -> None:
        kept["found"] = np.asarray(measure(start, key=jax.random.key(0)))

    first, again = cpu_seconds(theirs), cpu_seconds(theirs)
    alone = rg.RecurrentNetwork(rg.RecurrentCell("lstm", cell.weight_hh, None, cell.bias_ih, cell.bias_hh))
    own = cpu_seconds(lambda: alone.spectrum(k=k, steps=steps, transient=100, starts=1))
    return [
        Row(
            f"chaotax, autonomous, k = {k}, T = {steps}, first call", "s", [first], note=f"first exponent {kept['found'].max():.4f}"
        ),
        Row("chaotax, second call (it compiles in every call)", "s", [again]),
        Row("weakchaos, the same", "s", [own]),
        Row("chaotax, second call / weakchaos", "ratio", [again / own]),
    ]


def accuracy(repeats: int, quick: bool) -> list[Row]:
    n, seeds = (80, 1) if quick else (200, 2)
    rows = []
    for kind, gates in (("lstm", 4), ("gru", 3)):
        for gain in (1.0, 1.5):
            worst = 0.0
            for s in range(seeds):
                w = gain * np.random.default_rng(s).normal(size=(gates * n, n)) / math.sqrt(n)
                own = math.log(np.abs(0.5 + np.linalg.eigvals(w[2 * n : 3 * n]) / 4).max())
                found = rg.RecurrentNetwork(rg.RecurrentCell(kind, w)).spectrum(k=1, steps=500, transient=500, starts=1)
                worst = max(worst, abs(float(found) - own))
            rows.append(Row(f"{kind}, g = {gain:g}, from ln max |1/2 + w/4|", "nats", [worst], 0.008))
        for gain in (3.0, 5.0):
            values = []
            for s in range(seeds):
                w = gain * np.random.default_rng(s).normal(size=(gates * n, n)) / math.sqrt(n)
                values.append(float(rg.RecurrentNetwork(rg.RecurrentCell(kind, w)).spectrum(k=1, starts=2)))
            rows.append(Row(f"{kind}, g = {gain:g}, largest exponent of each network", "nats", values))
    for gain, noise in ((2.0, 0.1), (2.0, 0.5), (2.0, 2.0), (1.5, 0.5), (3.0, 1.0)):
        values, steps = [], 300 if quick else 1200
        for s in range(1 if quick else 3):
            rng = np.random.default_rng([s, 10])
            cell = rg.RecurrentCell("rate", gain * rng.normal(size=(400, 400)) / 20, np.eye(400))
            u = math.sqrt(noise) * rng.normal(size=(steps + 200, 400))
            values.append(float(rg.RecurrentNetwork(cell, u).spectrum(k=1, transient=200, starts=1)))
        theory = rg.recurrent_theory(gain, input_variance=noise).exponent
        rows.append(
            Row(
                f"driven, g = {gain:g}, variance {noise:g}", "nats", values, note=f"mean {np.mean(values):.4f}, theory {theory:.5f}"
            )
        )
    return rows


def main() -> None:
    arguments = parser(__doc__).parse_args()
    print_machine()
    repeats = 1 if arguments.quick else 3
    tables = {}
    for title, make in (("Speed", speed), ("Accuracy", accuracy)):
        tables[title] = make(repeats, arguments.quick)
        print_rows(title, tables[title])
    write_json(arguments.json, "recurrent", tables)


if __name__ == "__main__":
    main()
