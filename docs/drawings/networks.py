"""Pictures of renormalization and of networks: exponents, phases, flows, filters."""

from importlib import import_module

import numpy as np
from matplotlib.figure import Figure

import weakchaos as wc
from drawings import IMAGES
from weakchaos import experiments
from weakchaos.experiments.records import recorded


def renormalization():
    """Exponents of the square lattice, and a population with shared latent variables beside its null models."""
    from weakchaos.plots.scaling import draw_exponents, draw_population

    system = wc.samplers.SwendsenWang().bind(wc.Ising.lattice((64, 64), 0.5 * np.log(1 + 2**0.5)))
    state = system.start(0)
    system.advance(state, 500, 500)
    draws = system.advance(state, 20_000, 2).reshape(-1, 64, 64)
    draw_exponents(wc.renormalization.monte_carlo_rg(draws), path=IMAGES / "monte_carlo_rg.png")
    rng = np.random.default_rng(0)
    latent = rng.standard_normal((4000, 10)) @ rng.standard_normal((10, 1024)) * 0.6
    spikes = rng.random((4000, 1024)) < 1 / (1 + np.exp(1.8 - latent))
    draw_population(wc.renormalization.coarse_grain(spikes), IMAGES / "population.png")


def ising_criticality():
    """The Ising study in full: four minutes of CPU."""
    experiments.run("ising_criticality").plot(IMAGES / "ising_criticality.png")


def topographic():
    """Filters of a topographic map of patches of two photographs."""
    from sklearn.datasets import load_sample_images

    images, rng, rows = [i.astype(float).mean(2) for i in load_sample_images().images], np.random.default_rng(0), []
    for k in range(8000):
        image = images[k % 2]
        r, c = rng.integers(image.shape[0] - 12), rng.integers(image.shape[1] // 2 - 12)
        rows.append(image[r : r + 12, c : c + 12].ravel())
    patches = np.array(rows) - np.mean(rows, 1, keepdims=True)
    wc.renormalization.TopographicICA(8, random_state=0).fit(patches).plot((12, 12), IMAGES / "topographic.png")


def networks():
    """A deep network before and after the suggested gains; depth scales."""
    from weakchaos.plots.scaling import draw_depth_scales
    from weakchaos.reports.probe.probe_figure import flow_panel, phase_panel, waterfall_panel

    rng = np.random.default_rng(0)
    weights = [(rng.normal(size=(128, 128)) * (1.2 / 128) ** 0.5, rng.normal(size=128) * 0.05**0.5) for _ in range(20)]
    labels = np.arange(60) % 2
    x = rng.normal(size=(2, 128))[labels] + 0.7 * rng.normal(size=(60, 128))
    report = wc.renormalization.probe(weights, x, labels)
    after = wc.renormalization.probe(report.apply_gain(), x, labels)
    figure = Figure(figsize=(15, 4.3), dpi=120, layout="constrained")
    left, middle, right = (figure.add_subplot(1, 3, k + 1) for k in range(3))
    phase_panel(left, report, after)
    left.grid(False)
    flow_panel(middle, report)
    waterfall_panel(right, after)
    figure.savefig(IMAGES / "probe.png")
    draw_depth_scales("tanh", path=IMAGES / "depth_scales.png")


def recurrent():
    """Random GRUs with open and closed update gates; the exponent of driven networks by the variance of inputs."""
    rg, n = wc.renormalization, 60
    figure = Figure(figsize=(13.5, 3.8), dpi=110, layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    gains = np.array([0.5, 1, 1.5, 2, 2.5, 3, 4])
    for bias, colour in ((0, "#0072B2"), (2, "#D55E00"), (4, "#009E73")):
        values, times = [], []
        for gain in gains:
            weights, biases = gain * np.random.default_rng(1).normal(size=(3 * n, n)) / n**0.5, np.zeros(3 * n)
            biases[n : 2 * n] = bias
            found = rg.RecurrentNetwork(rg.RecurrentCell("gru", weights, bias_hh=biases)).spectrum(k=1, steps=1500, starts=2)
            values.append(found.leading)
            times.append(found.gate_time)
        label = f"bias of the update gate {bias}"
        left.plot(gains, values, "o-", color=colour, label=label)
        middle.plot(gains, np.array(values) * times, "o-", color=colour, label=label)
    left.set(xlabel="gain of the weights", ylabel="nats per step", title="Exponent per step")
    middle.set(xlabel="gain of the weights", ylabel="nats per gate time", title="Exponent per gate time")
    left.legend(fontsize=8)
    variances = np.linspace(0.02, 4, 40)
    for gain, colour in ((1.5, "#0072B2"), (2, "#D55E00"), (3, "#009E73")):
        right.plot(
            variances,
            [rg.recurrent_theory(gain, input_variance=v).exponent for v in variances],
            color=colour,
            label=f"gain {gain:g}",
        )
        for v in (0.1, 1, 3):
            rng = np.random.default_rng(5)
            cell = rg.RecurrentCell("rate", gain * rng.normal(size=(200, 200)) / 200**0.5, np.eye(200))
            found = rg.RecurrentNetwork(cell, v**0.5 * rng.normal(size=(600, 200))).spectrum(k=1, starts=1)
            right.errorbar(v, float(found), 2 * found.stderr[0], fmt="o", color=colour)
    right.set(xlabel="variance of the inputs", ylabel="nats per step", title="Driven rate networks: theory, and 200 units")
    right.legend(fontsize=8)
    for axes in (left, middle, right):
        axes.axhline(0, color="k", lw=0.8)
        axes.grid(alpha=0.3)
    figure.savefig(IMAGES / "recurrent.png")


def digits_depth():
    """Deep networks trained from five starts; about ten minutes."""
    wc.experiments.run("digits_depth").plot(IMAGES / "digits_depth.png")


def from_records():
    """Pictures of the recorded full runs: a detector beside its nulls, trainable depth beside the theory, flows of machines, annealing, glasses."""
    for name in ("trainable_depth", "trained_vision", "machine_flow", "chaos_against_noise", "spin_glass_binder"):
        module = import_module(f"weakchaos.experiments.{name}")
        module.present(recorded(name)["data"]).plot(IMAGES / f"{name}.png")
