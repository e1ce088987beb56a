"""Pictures of runs: what samplers of spins, of lattices of angles and of densities draw, and how far it is off."""

import re
import warnings

import numpy as np
from matplotlib.figure import Figure

import weakchaos as wc
from drawings import IMAGES
from weakchaos.reports.compare.line_up import default_samplers
from weakchaos.runs.check_stein import stein_gaps
from weakchaos.targets.factor_graph import packaged
from weakchaos.targets.kaufman import exact_energy


def compare():
    """The picture of the main job."""
    target = packaged("sachs")
    wc.compare(target, default_samplers(target), draws=100_000).plot(IMAGES / "compare.png")


def bayes():
    """Draws and ranks of three numbers of the eight schools."""
    page = (IMAGES.parent / "bayes.md").read_text()
    scope: dict = {}
    for code in re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)[:2]:
        exec(code, scope)
    scope["trace"].plot(["mu", "tau", "eta[Choate]"], path=IMAGES / "bayes.png")


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


def tempered_lattices():
    """Energy, heat capacity and Binder cumulant over a ladder of one run for each of three sizes, on Kaufman's curves."""
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    energies, capacities, binder = figure.subplots(1, 3)
    grid, step = np.linspace(0.02, 0.5, 241), 1e-4
    for colour, (side, temperatures) in enumerate(((8, 16), (16, 16), (32, 24))):
        target = wc.Ising.lattice((side, side), 0.5)
        sampler = wc.samplers.ParallelTempering(wc.samplers.PackedIsing(), temperatures)
        trace = wc.sample(target, sampler, draws=8000, warmup=2000, chains=4, seed=1, progress=False)
        betas = target.beta * trace.tuning["betas"][0, 1:]
        found = [trace.thermodynamics(temperature=k) for k in range(1, temperatures)]
        exact = [np.array([exact_energy(b + shift, side) for b in grid]) for shift in (-step, 0.0, step)]
        curves = (energies, exact[1]), (capacities, -(grid**2) * (exact[2] - exact[0]) / (2 * step))
        for axes, curve in curves:
            axes.plot(grid, curve, color="0.6", lw=1, label="exact" if side == 8 else None)
        for axes, name in ((energies, "energy"), (capacities, "heat capacity"), (binder, "Binder cumulant")):
            values, errors = ([f[name][part] for f in found] for part in (0, 1))
            axes.errorbar(betas, values, errors, fmt="o", ms=3.5, mfc="none", color=f"C{colour}", label=f"{side} x {side}")
            axes.set(xlabel="inverse temperature", ylabel=name + (" a spin" if axes is not binder else ""))
    binder.axvline(0.5 * np.log(1 + np.sqrt(2)), color="0.6", lw=1, ls=":")
    capacities.legend(frameon=False, fontsize=8)
    figure.savefig(IMAGES / "tempered_lattices.png", dpi=110)


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
