"""Make the pictures of the documentation: ``python docs/pictures.py``; with names, those only, the long ones too."""

import re
import sys
import warnings
from importlib import import_module
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import weakchaos as wc
from weakchaos import experiments
from weakchaos.experiments.records import recorded
from weakchaos.plots.recurrence import plot_recurrence
from weakchaos.reports.compare.line_up import default_samplers
from weakchaos.runs.check_stein import stein_gaps
from weakchaos.targets.factor_graph import packaged
from weakchaos.targets.kaufman import exact_energy

IMAGES = Path(__file__).parent / "images"
SLOW = ("ising_criticality", "herded_gibbs_experiments", "digits_depth", "machine_flow")  # made only when named


def compare():
    """The picture of the main job."""
    target = packaged("sachs")
    wc.compare(target, default_samplers(target), draws=100_000).plot(IMAGES / "compare.png")


def sturmian():
    """Words of one herded neuron, and of herding with more moments."""
    wc.experiments.run("sturmian").plot(IMAGES / "sturmian.png")


def dials():
    """Gains along five dials from order to chaos, and slopes against measures of complexity, from the recorded full runs."""
    for name in ("chaos_dial", "complexity_and_error"):
        module = import_module(f"weakchaos.experiments.{name}")
        module.present(recorded(name)["data"]).plot(IMAGES / f"{name}.png")


def networks_from_records():
    """Trainable depth beside the theory, and a trained detector beside its nulls, from the recorded full runs."""
    for name in ("trainable_depth", "trained_vision"):
        module = import_module(f"weakchaos.experiments.{name}")
        module.present(recorded(name)["data"]).plot(IMAGES / f"{name}.png")


def orbit_diagrams():
    """The logistic map against its rate, and Hamiltonian Monte Carlo on a unit Gaussian against its step size."""
    diagram = wc.diagnostics.orbit_diagram
    diagram(wc.systems.Logistic, np.linspace(2.8, 4.0, 600), label="r").plot(IMAGES / "orbits_logistic.png")
    target = wc.zoo.gaussian([1.0])
    steps = np.linspace(0.05, 2.2, 300)
    found = diagram(
        lambda h: wc.samplers.HMC(h, 10, jitter=0.0).bind(target), steps, label="leapfrog step, standard deviations", steps=500
    )
    found.plot(IMAGES / "orbits_hmc.png")


def tempering():
    """Two normals twenty apart, by a chain alone and by replicas; the tuned ladder on the barrier."""

    def logp(x):
        return np.logaddexp(np.log(0.3) - 0.5 * (x[0] + 10) ** 2, np.log(0.7) - 0.5 * (x[0] - 10) ** 2)

    target = wc.Density(logp, dim=1)
    options = {"warmup": 500, "chains": 2, "seed": 1, "initial": [-10.0], "progress": False}
    alone = wc.sample(target, wc.samplers.Slice(), draws=2000, **options)
    trace = wc.sample(target, wc.samplers.ParallelTempering(wc.samplers.Slice(), 7), draws=2000, **options)
    report = wc.diagnostics.tempering(trace)
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    bins = np.linspace(-14, 14, 57)
    for name, run in (("slice sampling alone", alone), ("with seven temperatures", trace)):
        left.hist(np.asarray(run.draws).ravel(), bins, density=True, histtype="step", label=name)
    x = (bins[1:] + bins[:-1]) / 2
    left.plot(x, [np.exp(logp([v])) / np.sqrt(2 * np.pi) for v in x], "k:", label="exact")
    left.set(xlabel="x", ylabel="density")
    left.legend(frameon=False)
    right.plot(report.betas, np.concatenate([[0], np.cumsum(report.refused)]), "o-")
    right.set(xlabel="beta", ylabel="barrier from the hottest", xscale="log")
    figure.savefig(IMAGES / "tempering.png", dpi=110)


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


def gauge():
    """Charges of a U(1) lattice along runs at two couplings, with instanton moves, and Wilson loops of heat bath and herding."""
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    *runs, loops = figure.subplots(1, 4)
    cases = (("heat bath, beta = 2", 2.0, 0), ("heat bath, beta = 8: frozen", 8.0, 0), ("instanton moves, beta = 8", 8.0, 1))
    for axes, (title, beta, instantons) in zip(runs, cases, strict=True):
        lattice = wc.targets.U1Lattice((8, 8), beta, start="cold")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trace = wc.sample(lattice, wc.samplers.HeatBath(instantons), draws=1000, warmup=0, chains=1, seed=3, progress=False)
        gap = abs(trace["plaquette"].mean() / lattice.exact_plaquette() - 1)
        axes.plot(trace["charge"][0], linewidth=0.7, color="#0072B2")
        axes.set(title=f"{title}\nplaquette off by {100 * gap:.2g} %", xlabel="draw", ylim=(-5.5, 5.5))
        axes.title.set_fontsize(9)
    runs[0].set_ylabel("topological charge")
    lattice = wc.targets.U1Lattice((8, 8), 2.0)
    areas = np.arange(1, 7)
    loops.semilogy(areas, [lattice.exact_wilson_loop(int(a)) for a in areas], "k-", linewidth=1, label="exact")
    rules = (
        ("heat bath", wc.samplers.HeatBath(), "o", "#0072B2"),
        ("herding, 1 harmonic", wc.herding.PlaquetteHerding(1), "s", "#D55E00"),
        ("herding, 8 harmonics", wc.herding.PlaquetteHerding(8), "^", "#009E73"),
    )
    for label, sampler, mark, colour in rules:
        draws = wc.sample(lattice, sampler, draws=4000, warmup=200, chains=2, seed=1, progress=False).draws
        loops.semilogy(areas, [lattice.wilson_loop(draws, 1, int(a)).mean() for a in areas], mark, color=colour, label=label)
    loops.set(xlabel="plaquettes in a row", title="Wilson loops, beta = 2")
    loops.legend(fontsize=7)
    figure.savefig(IMAGES / "gauge.png", dpi=110)


def lattices():
    """Spins of packed lattices at three temperatures, and energies on the exact curve."""
    figure = Figure(figsize=(10, 3.0), layout="constrained")
    *pictures, curve = figure.subplots(1, 4)
    for axes, beta in zip(pictures, (0.40, 0.4406868, 0.46), strict=True):
        system = wc.samplers.PackedIsing().bind(wc.Ising.lattice((512, 512), beta))
        state = system.start(1)
        system.advance(state, 20_000, 20_000)
        axes.imshow(system.spins(state), cmap="gray", interpolation="nearest")
        axes.set(title=f"beta = {beta:.2f}", xticks=[], yticks=[])
    betas = np.linspace(0.1, 0.7, 200)
    curve.plot(betas, [exact_energy(b, 64) for b in betas], color="0.6", label="exact")
    for rule, marker in (("heat-bath", "o"), ("metropolis", "x")):
        sampler, values = wc.samplers.PackedIsing(rule, start="up"), np.linspace(0.15, 0.65, 11)
        systems = [sampler.bind(wc.Ising.lattice((64, 64), b)) for b in values]
        states = [system.start(1) for system in systems]
        means = [system.advance(state, 4000, 10)[100:, 0].mean() for system, state in zip(systems, states, strict=True)]
        curve.plot(values, means, marker, ms=5, mfc="none", label=rule.replace("-", " "))
    curve.set(xlabel="inverse temperature", ylabel="energy a spin")
    curve.legend(frameon=False, fontsize=8)
    figure.savefig(IMAGES / "lattices.png", dpi=110)


def herded_gibbs():
    """What the weights of herded Gibbs belong to, on a ring of eight units: total variation distance against sweeps."""
    ring = np.zeros((8, 8))
    for i in range(8):
        ring[i, (i + 1) % 8] = ring[(i + 1) % 8, i] = 1.0
    target = wc.PairwiseMRF(ring, fields=np.linspace(-1, 0.5, 8))
    truth = target.distribution()
    powers = 1 << np.arange(7, -1, -1)
    counts = np.unique(np.round(np.geomspace(100, 1_000_000, 33)).astype(int))
    figure = Figure(figsize=(7, 4.2), dpi=150, layout="constrained")
    axes = figure.add_subplot(xscale="log", yscale="log", xlabel="sweeps", ylabel="total variation distance to the truth")
    styles = {"Gibbs": "#D55E00", "blanket": "#0072B2", "full": "#009E73", "shared": "#CC79A7"}
    for name, colour in styles.items():
        sampler = wc.samplers.Gibbs() if name == "Gibbs" else wc.herding.HerdedGibbs(name)
        system = sampler.bind(target)
        curves = []
        for seed in range(4):
            states = system.advance(system.start(seed), int(counts[-1])) @ powers
            curves.append([0.5 * np.abs(np.bincount(states[:t], minlength=256) / t - truth).sum() for t in counts])
        label = name if name == "Gibbs" else f"herded, {name} weights"
        axes.plot(counts, np.median(curves, 0), color=colour, label=label)
        axes.fill_between(counts, np.min(curves, 0), np.max(curves, 0), color=colour, alpha=0.15, linewidth=0)
    axes.set_title("Herded Gibbs on a ring of eight units", loc="left")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(IMAGES / "herded_gibbs.png")


def bayes():
    """Draws and ranks of three numbers of the eight schools."""
    page = (Path(__file__).parent / "bayes.md").read_text()
    scope: dict = {}
    for code in re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)[:2]:
        exec(code, scope)
    scope["trace"].plot(["mu", "tau", "eta[Choate]"], path=IMAGES / "bayes.png")


def stein():
    """A biased chain and the points that Stein thinning takes from it; kernel Stein discrepancies against the number of points."""
    rng = np.random.default_rng(1)
    chain = 1.3 * rng.normal(size=(5000, 2)) + 0.4
    density = wc.zoo.gaussian([1.0, 1.0])
    plain = {"preconditioner": "id", "standardise": False}
    figure = Figure(figsize=(9.5, 4.2), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2)
    chosen = wc.herding.stein_thinning(chain, -chain, 200, **plain)
    left.plot(*chain[:1500].T, ".", color="#9aa0a6", markersize=2.5, label="draws of N(0.4, 1.3²)")
    left.plot(*chosen.points[:40].T, "o", color="#D55E00", markersize=5, label="40 of them by Stein thinning")
    circle = np.linspace(0, 2 * np.pi, 200)
    for radius in (1, 2):
        left.plot(
            radius * np.cos(circle),
            radius * np.sin(circle),
            color="#0072B2",
            linewidth=1,
            label="1 and 2 sd of the target N(0, 1)" if radius == 1 else None,
        )
    left.set(xlim=(-4.2, 4.8), ylim=(-3.6, 5.4), aspect="equal")
    left.legend(frameon=False, loc="upper left", fontsize=8)
    counts = np.arange(1, 201)
    exact = [rng.normal(size=(200, 2)) for _ in range(20)]
    curves = {
        "every 25th draw": (wc.diagnostics.ksd(chain[::25], -chain[::25], cumulative=True), "#9aa0a6"),
        "independent draws of the target": (np.mean([wc.diagnostics.ksd(y, -y, cumulative=True) for y in exact], 0), "#1c1f24"),
        "Stein thinning": (chosen.mmd, "#D55E00"),
        "Stein points": (wc.herding.stein_points(density, 200, seed=1).mmd, "#0072B2"),
        "Stein-point MCMC": (
            wc.herding.stein_points(density, 200, search=wc.samplers.RandomWalkMetropolis(1.0), seed=1).mmd,
            "#009E73",
        ),
    }
    for label, (values, colour) in curves.items():
        right.loglog(counts, values, color=colour, label=label)
    sizes = (10, 20, 50, 100, 200)
    reached = [wc.herding.stein_kernel_thinning(chain, -chain, m, seed=1, **plain).mmd[-1] for m in sizes]
    right.loglog(sizes, reached, "D", color="#CC79A7", markersize=5, label="Stein kernel thinning")
    right.loglog(counts, 1.6 / np.sqrt(counts), ":", color="#6a6f78", linewidth=1, label="1 / sqrt(points)")
    right.set(xlabel="points", ylabel="kernel Stein discrepancy to N(0, 1)")
    right.legend(frameon=False, fontsize=8, loc="lower left")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(IMAGES / "stein.png")


def billiards():
    """Total variation distance against time of the chaotic Boltzmann machine, beside Gibbs sampling at a sweep per unit of time."""
    counts = np.unique(np.round(np.geomspace(30, 200_000, 24)).astype(int))
    figure = Figure(figsize=(10, 3.8), dpi=150, layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    colours = {"Gibbs": "#D55E00", "billiard, equal rates": "#0072B2", "billiard, incommensurate rates": "#009E73"}
    for axes, n in zip(panels, (2, 3, 8), strict=True):
        rng = np.random.default_rng(100 + n)
        upper = np.triu(rng.normal(size=(n, n)), 1)
        target = wc.PairwiseMRF(upper + upper.T, rng.normal(size=n))
        truth, powers = target.distribution(), 1 << np.arange(n - 1, -1, -1)
        for name, colour in colours.items():
            curves = []
            for seed in range(6):
                if name == "Gibbs":
                    system = wc.samplers.Gibbs().bind(target)
                    codes = system.advance(system.start(seed), int(counts[-1])) @ powers
                    shares = [np.bincount(codes[:t], minlength=2**n) / t for t in counts]
                else:
                    system = wc.samplers.ChaoticBoltzmann(rates=name.split()[1]).bind(target)
                    state, total, done, shares = system.start(seed), 0.0, 0, []
                    for t in counts.tolist():
                        total, done = total + (t - done) * system.occupation(state, t - done), t
                        shares.append(total / t)
                curves.append([0.5 * np.abs(share - truth).sum() for share in shares])
            axes.plot(counts, np.median(curves, 0), color=colour, label=name)
            axes.fill_between(counts, np.min(curves, 0), np.max(curves, 0), color=colour, alpha=0.15, linewidth=0)
        axes.set(xscale="log", yscale="log", xlabel="time, or sweeps")
        axes.set_title(f"{n} units", loc="left")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("total variation distance to the truth")
    panels[2].legend(frameon=False)
    figure.savefig(IMAGES / "billiards.png")


def recurrence():
    """Recurrence plot of the logistic map just before its window of period 3, and the measures over the radius."""
    system = wc.systems.Logistic(3.8284)
    plot_recurrence(system.advance(system.start(position=[0.3]), 600)[:, 0], radius=0.01, path=IMAGES / "recurrence.png")


def ising_criticality():
    """The Ising study in full: four minutes of CPU."""
    experiments.run("ising_criticality").plot(IMAGES / "ising_criticality.png")


def herded_gibbs_experiments():
    """The four experiments with herded Gibbs in full: ten minutes of CPU."""
    for name in ("herded_gibbs_rate", "weight_sharing", "sparse_graphs", "denoising"):
        experiments.run(name).plot(IMAGES / f"{name}.png")


def digits_depth():
    """Deep networks trained from five starts; about ten minutes."""
    wc.experiments.run("digits_depth").plot(IMAGES / "digits_depth.png")


def machine_flow():
    """The flow of trained Boltzmann machines; about three minutes."""
    wc.experiments.run("machine_flow").plot(IMAGES / "machine_flow.png")


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


def chaos():
    """All panels for the first coordinate of the Lorenz system."""
    system = wc.systems.Lorenz()
    state = system.start(1)
    system.advance(state, 20_000, 20_000)
    x = system.advance(state, 100_000, 20)[:, 0]
    wc.diagnostics.analyse_series(x, dt=0.1, name="Lorenz, x", unit="time unit").plot(IMAGES / "chaos.png")


def hidden_herding():
    """Digits, and what herding draws from them with more and more hidden units; how far covariances of pixels are off."""
    from sklearn.datasets import load_digits

    x = (load_digits().data > 7).astype(float)
    truth = np.cov(x.T)
    pairs = np.triu_indices(64, 1)
    figure = Figure(figsize=(10, 2.9), dpi=150, layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(2.2, 1))
    hidden, shown, errors = (0, 8, 32, 128), [("data", x[:12])], []
    for k in hidden:
        draws = wc.sample(wc.Points(x), wc.herding.HiddenHerding(k), 2000, warmup=500, chains=1, seed=1, progress=False).draws[0]
        errors.append(np.abs(np.cov(draws.T) - truth)[pairs].mean())
        if k != 8:
            shown.append((f"{k} hidden", draws[-12 * 40 :: 40]))
    grid = left.subplots(len(shown), 12)
    for row, (label, images) in zip(grid, shown, strict=True):
        for axes, image in zip(row, images, strict=True):
            axes.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
        row[0].set_ylabel(label, rotation=0, ha="right", va="center")
    axes = right.add_subplot(xlabel="hidden units", ylabel="error of a covariance", ylim=(0, 0.0125))
    axes.plot(hidden, errors, "o-", color="#0072B2")
    axes.axhline(np.abs(truth[pairs]).mean(), color="0.5", ls="--", lw=1)
    axes.text(128, np.abs(truth[pairs]).mean() - 0.0007, "independent pixels", ha="right", color="0.4")
    axes.spines[["top", "right"]].set_visible(False)
    print("covariances off by", dict(zip(hidden, np.round(errors, 4).tolist(), strict=True)))
    figure.savefig(IMAGES / "hidden_herding.png")


def conditional_herding():
    """The experiment in full: 40 seconds of CPU."""
    experiments.run("conditional_herding").plot(IMAGES / "conditional_herding.png")


def entropic_herding():
    """The experiment in full: one to two minutes of CPU."""
    experiments.run("entropic_herding").plot(IMAGES / "entropic_herding.png")


def hard_posteriors():
    """Neal's funnel: v and one coordinate as three samplers draw them, and the distribution of v beside the true one."""
    target = wc.zoo.funnel(10)
    samplers = {"NUTS": wc.samplers.NUTS(), "WALNUTS": wc.samplers.WALNUTS(), "ScoreMap": wc.samplers.ScoreMap()}
    colours = {"NUTS": "#D55E00", "WALNUTS": "#0072B2", "ScoreMap": "#009E73"}
    figure = Figure(figsize=(10, 4), dpi=150, layout="constrained")
    panels = figure.subplots(1, 4)
    exact = target.simulate(4000, seed=1)
    v = np.linspace(-11, 11, 200)
    panels[3].plot(v, np.exp(-(v**2) / 18) / np.sqrt(18 * np.pi), color="black", label="exact")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the first of them is not to be trusted, as the picture shows
        for axes, (name, sampler) in zip(panels, samplers.items(), strict=False):
            draws = wc.sample(target, sampler, draws=1000, warmup=1000, seed=1, progress=False).draws.reshape(-1, 10)
            axes.scatter(np.arcsinh(exact[:, 1]), exact[:, 0], s=2, color="0.75", linewidth=0)
            axes.scatter(np.arcsinh(draws[:, 1]), draws[:, 0], s=2, color=colours[name], linewidth=0)
            axes.set(xlabel="arsinh of x1", ylim=(-11, 11), title=name)
            panels[3].hist(
                draws[:, 0], bins=np.arange(-11, 11.5, 0.5), density=True, histtype="step", color=colours[name], label=name
            )
    panels[0].set_ylabel("v")
    panels[3].set(xlabel="v", ylabel="density")
    panels[3].legend(frameon=False, fontsize="small")
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(IMAGES / "hard_posteriors.png")


def microcanonical():
    """Samplers without randomness on a Gaussian of two coordinates, where they should fill the plane; and what Stein's identity makes of steps."""
    target, figure = wc.zoo.gaussian([1.0, 1.0]), Figure(figsize=(10, 3.4), dpi=150, layout="constrained")
    panels = figure.subplots(1, 4, width_ratios=(1, 1, 1, 1.3))
    orbits = {
        "MCLMC without noise": wc.samplers.MCLMC(0.1, np.inf, (1.0, 1.0)),
        "Nosé-Hoover": wc.samplers.NoseHoover(0.05, inverse_mass=(1.0, 1.0)),
        "0532": wc.samplers.Thermostat0532(0.05, inverse_mass=(1.0, 1.0)),
    }
    for axes, (name, sampler) in zip(panels, orbits.items(), strict=False):
        system = sampler.bind(target)
        x = system.advance(system.start(4, [0.8, 0.3]), 30_000, 5)
        axes.plot(x[:, 0], x[:, 1], ",", color="#0072B2", alpha=0.5)
        axes.set(xlim=(-4, 4), ylim=(-4, 4), aspect="equal", xticks=(-3, 0, 3), yticks=(-3, 0, 3))
        axes.set_title(name, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
    draw_stein_gaps(panels[3])
    figure.savefig(IMAGES / "microcanonical.png")


def draw_stein_gaps(axes):
    """Of MCLMC on 50 standard normals: how far variances are off, and by how much Stein's identity says so."""
    target, steps = wc.zoo.gaussian(np.ones(50)), np.geomspace(4.0, 24.0, 9)
    off, told = [], []
    for step in steps:
        system = wc.samplers.MCLMC(step, 21.0, (1.0,) * 50).bind(target)
        x = np.stack([system.advance(system.start(seed), 4200, 3)[400:] for seed in range(4)])
        gaps, _, kinds = stein_gaps(x, -x)
        off.append(x.var() - 1.0)
        told.append(
            -np.mean([gap for gap, kind in zip(gaps, kinds, strict=True) if kind.startswith("spread of") and kind[-1].isdigit()])
        )
    axes.plot(steps, off, "o", color="#D55E00", label="variance less 1")
    axes.plot(steps, told, "-", color="#0072B2", label="what Stein's identity says")
    axes.set(xlabel="step size", xscale="log", xticks=(4, 8, 16), xticklabels=("4", "8", "16"))
    axes.minorticks_off()
    axes.set_title("MCLMC, 50 standard normals", loc="left")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def kernel_herding():
    """Herded points beside random ones, discrepancy against their number, and weights as areas."""
    from weakchaos.kernels import Gaussian, NormalMixture, embed

    rng = np.random.default_rng(4)
    target = NormalMixture(rng.random(20) + 0.2, rng.uniform(-6, 6, (20, 2)), rng.uniform(0.2, 1.0, 20))
    kernel, line = Gaussian(1.0), np.linspace(-8.5, 8.5, 120)
    grid = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    height = embed(Gaussian(0.05), target).mean(grid).reshape(120, 120)
    embedding, draws = embed(kernel, target), target.sample(1024, 0)
    herded = wc.herding.select(grid, 1024, kernel=kernel, target=target, progress=False)
    figure = Figure(figsize=(11, 7.4), dpi=130, layout="constrained")
    (one, two), (three, four) = figure.subplots(2, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # quadrature ends where its rank does
        weighted = wc.herding.select(grid, 40, "fully-corrective", kernel=kernel, target=target, progress=False)
        curves = {m: wc.herding.select(grid, n, m, kernel=kernel, target=target, progress=False).mmd for m, n in
                  (("line-search", 1024), ("frank-wolfe", 1024), ("fully-corrective", 100), ("quadrature", 60))}  # fmt: skip
    for axes, title in (
        (one, "200 random points"),
        (two, "200 herded points"),
        (three, "40 points, weights as areas (fully corrective)"),
    ):
        axes.contourf(line, line, height, levels=12, cmap="Greys", alpha=0.8)
        axes.set(title=title, xticks=[], yticks=[], aspect="equal", xlim=(-7.5, 7.5), ylim=(-7.5, 7.5))
    one.plot(*draws[:200].T, ".", color="#D55E00", markersize=4)
    two.plot(*herded.points[:200].T, ".", color="#0072B2", markersize=4)
    three.scatter(*weighted.points.T, s=2500 * weighted.weights, color="#009E73", alpha=0.8)
    counts = np.unique(np.geomspace(1, 1024, 40).astype(int))
    random = np.array([np.mean([embedding.mmd(target.sample(t, s)) for s in range(3)]) for t in counts])
    four.loglog(counts, random, color="#D55E00", label="random")
    four.loglog(np.arange(1, 1025), herded.mmd, color="#0072B2", label="herding")
    for (name, mmd), colour in zip(curves.items(), ("#CC79A7", "#E69F00", "#009E73", "#56B4E9"), strict=True):
        four.loglog(np.arange(1, len(mmd) + 1), mmd, color=colour, label=name)
    four.loglog(counts, random[0] / np.sqrt(counts), "k:", linewidth=1, label="1 / sqrt(T)")
    four.loglog(counts, random[0] / counts, "k--", linewidth=1, label="1 / T")
    four.set(xlabel="points T", ylabel="maximum mean discrepancy", ylim=(1e-4, 1))
    four.legend(fontsize=8, ncols=2)
    figure.savefig(IMAGES / "kernel_herding.png")


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    pictures = {
        name: f
        for name, f in list(globals().items())
        if getattr(f, "__module__", "") == "__main__" and not name.startswith("draw_")
    }
    for name in sys.argv[1:] or [name for name in pictures if name not in SLOW]:
        pictures[name]()
