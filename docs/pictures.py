"""Make the pictures of the documentation: ``python docs/pictures.py``."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import weakchaos as wc
from weakchaos.comparison import default_samplers
from weakchaos.targets.factor_graph import packaged

IMAGES = Path(__file__).parent / "images"


def compare():
    """The picture of the main job."""
    target = packaged("sachs")
    wc.compare(target, default_samplers(target), draws=100_000).plot(IMAGES / "compare.png")


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


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    compare()
    herded_gibbs()
