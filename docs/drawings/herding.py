"""Pictures of herding, from words of one neuron to points chosen under a kernel."""

import warnings

import numpy as np
from matplotlib.figure import Figure

import weakchaos as wc
from drawings import IMAGES
from weakchaos import experiments


def sturmian():
    """Words of one herded neuron, and of herding with more moments."""
    wc.experiments.run("sturmian").plot(IMAGES / "sturmian.png")


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


def herded_gibbs_experiments():
    """The four experiments with herded Gibbs in full: ten minutes of CPU."""
    for name in ("herded_gibbs_rate", "weight_sharing", "sparse_graphs", "denoising"):
        experiments.run(name).plot(IMAGES / f"{name}.png")


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
