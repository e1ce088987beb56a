"""Denoising a binary image with herded Gibbs, Gibbs sampling and mean field.

Bornn et al., ICLR 2013, arXiv:1301.4168, and Chen et al., JMLR 17 (2016) 10: "herded Gibbs is shown to outperform Gibbs in the tasks of
image denoising with MRFs", beside mean field. Here: a picture of 64 x 64 spins made by `picture`, Gaussian noise ``y = s + sigma e``, and
the posterior under an Ising prior

    p(s | y) ~ exp(beta sum_<ij> s_i s_j + sum_i y_i s_i / sigma^2).

Every method begins at the signs of the noisy image. A pixel is reconstructed by the sign of its running mean; the error is the share of wrong
pixels, over ten noise seeds. A second error measures how well the posterior itself is known: the root mean square distance of the running means
from those of a long Gibbs run. The original images (a logo) are not public with their noise, so the image and the numbers differ from those of the
papers; only the order of the methods is compared.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.scatter import standard_error
from weakchaos.experiments.base import Curve, Experiment, Panel, run_cells
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, lacking
from weakchaos.herding import HerdedGibbs
from weakchaos.native.compiled import kernel
from weakchaos.samplers import Gibbs
from weakchaos.targets.mrf import Ising, lattice_edges

__all__ = ["conclude", "mean_field", "measure", "picture", "posterior", "run"]

CLAIM = "Herded Gibbs denoises a binary image with fewer wrong pixels than Gibbs sampling after the same number of sweeps."
SOURCE = "Bornn et al., ICLR 2013, arXiv:1301.4168, abstract and section on image denoising; Chen et al., JMLR 17 (2016) 10"
BETA, SIGMA = 0.5, 1.4
_SEEDS = 8  # of noise; with fewer the scatter of one image decides
_AT = (10, 30, 100)  # sweeps after which methods are compared
SAMPLERS: dict[str, Any] = {
    "herded Gibbs": HerdedGibbs(),
    "herded Gibbs, shared": HerdedGibbs("shared"),
    "herded Gibbs, blanket + shared": HerdedGibbs(coarse="shared"),
    "Gibbs": Gibbs("systematic"),
}


def picture(side: int = 64) -> np.ndarray:
    """A disc, a ring, a bar, a cross and stripes of several widths: spins -1 and +1, shape (side, side).

    Examples
    --------
    >>> picture(64).shape, bool(0.2 < (picture(64) > 0).mean() < 0.6)
    ((64, 64), True)
    """
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    disc = np.hypot(x - 0.25, y - 0.25) < 0.17
    radius = np.hypot(x - 0.73, y - 0.27)
    ring = (radius < 0.2) & (radius > 0.11)
    cross = (np.abs(x - 0.25) < 0.04) & (np.abs(y - 0.75) < 0.19) | (np.abs(y - 0.75) < 0.04) & (np.abs(x - 0.25) < 0.19)
    stripes = (x > 0.55) & (x < 0.92) & (y > 0.56) & (y < 0.94) & (np.floor(np.maximum(x - 0.55, 0.0) ** 1.5 * 40) % 2 == 0)
    return np.where(disc | ring | cross | stripes, 1, -1)


def posterior(noisy: np.ndarray, beta: float, sigma: float) -> Ising:
    """The Ising model of the true spins given an image with Gaussian noise.

    Examples
    --------
    >>> posterior(np.zeros((4, 4)), 0.5, 1.0).dim
    16
    """
    from scipy.sparse import coo_array

    n = noisy.size
    i, j = lattice_edges(noisy.shape, periodic=False)
    couplings = coo_array((np.full(2 * len(i), beta), (np.concatenate([i, j]), np.concatenate([j, i]))), shape=(n, n))
    return Ising(couplings, noisy.ravel() / sigma**2)


@kernel
def _mean_field(field, beta, damping, m, sweeps, out):
    """Sweeps in place over ``m_i = tanh(h_i + beta sum_j m_j)``, each change damped."""
    rows, columns = m.shape
    for t in range(sweeps):
        for r in range(rows):
            for c in range(columns):
                z = field[r, c]
                if r > 0:
                    z += beta * m[r - 1, c]
                if r + 1 < rows:
                    z += beta * m[r + 1, c]
                if c > 0:
                    z += beta * m[r, c - 1]
                if c + 1 < columns:
                    z += beta * m[r, c + 1]
                m[r, c] += damping * (math.tanh(z) - m[r, c])
        out[t] = m


def mean_field(noisy: np.ndarray, beta: float, sigma: float, sweeps: int, damping: float = 1.0) -> np.ndarray:
    """Magnetisations of naive mean field after each sweep in place, from the noisy signs; shape (sweeps, rows, columns).

    A fixed point of ``m_i = tanh(y_i / sigma^2 + beta sum_j m_j)``, units visited in their order; ``damping`` 1 takes whole steps.

    Examples
    --------
    >>> m = mean_field(np.ones((4, 4)), 0.0, 1.0, 3)
    >>> bool(np.allclose(m[-1], np.tanh(1.0)))  # without couplings the answer is exact after one sweep
    True
    """
    out = np.empty((sweeps, *noisy.shape))
    _mean_field(np.asarray(noisy, float) / sigma**2, float(beta), float(damping), np.sign(noisy).astype(float), sweeps, out)
    return out


def _running_means(target: Ising, sampler: Any, noisy: np.ndarray, counts: np.ndarray, seed: Any) -> np.ndarray:
    """Means of the spins after each of `counts` sweeps, from the noisy signs; shape (counts, units)."""
    system = sampler.bind(target, driver="pcg64")
    state = system.start(seed, np.where(noisy.ravel() < 0, -1, 1))
    out, total, done = np.empty((len(counts), target.dim)), np.zeros(target.dim), 0
    for k, stop in enumerate(counts):
        while done < stop:
            step = min(500, int(stop) - done)
            total += system.advance(state, step).sum(0, dtype=np.int64)
            done += step
        out[k] = total / done
    return out


def _cell(number: int, side: int, sweeps: int, long: int, seed: int) -> dict[str, Any]:
    """One noisy image: share of wrong pixels and distance from the posterior's means after each count, by every method."""
    truth, counts = picture(side), _counts(sweeps)
    noisy = truth + SIGMA * np.random.default_rng([seed, number]).normal(size=truth.shape)
    target = posterior(noisy, BETA, SIGMA)
    reference = _running_means(target, Gibbs("systematic"), noisy, np.array([long // 20, long]), [seed, number, 99])
    # What warm-up there is does not count.
    exact = (reference[1] * long - reference[0] * (long // 20)) / (long - long // 20)
    means = {name: _running_means(target, sampler, noisy, counts, [seed, number]) for name, sampler in SAMPLERS.items()}
    for name, damping in (("mean field", 1.0), ("mean field, damping 0.5", 0.5)):
        means[name] = mean_field(noisy, BETA, SIGMA, sweeps, damping)[counts - 1].reshape(len(counts), -1)
    return {
        "input": float(np.mean(np.where(noisy < 0, -1, 1) != truth)),
        "optimum": float(np.mean(np.sign(exact) != truth.ravel())),
        # A mean of exactly zero decides nothing: half an error.
        "wrong": {n: np.where(m == 0, 0.5, np.sign(m) != truth.ravel()).mean(1).tolist() for n, m in means.items()},
        "distance": {n: np.sqrt(np.mean((m - exact) ** 2, 1)).tolist() for n, m in means.items()},
        "pictures": {"noisy": noisy, **{n: means[n][-1].reshape(truth.shape) for n in ("herded Gibbs", "Gibbs")}},
    }


def _counts(sweeps: int) -> np.ndarray:
    return np.unique(np.concatenate([np.round(np.geomspace(1, sweeps, 25)).astype(int), _AT]))


def measure(quick: bool = False, seed: int = 0, executor: Any = None) -> dict[str, Any]:
    """Denoise one picture with ten seeds of the noise, in 2000 sweeps, beside a reference of 200,000; a quick run takes 32 x 32 spins, three seeds, 300 and 5000 sweeps."""
    side, sweeps, noises, long = (32, 300, 3, 5000) if quick else (64, 2000, 10, 200_000)
    images = run_cells(_cell, [(k, side, sweeps, long, seed) for k in range(noises)], executor)
    pictures = [image.pop("pictures") for image in images]
    return {
        "parameters": {"side": side, "beta": BETA, "sigma": SIGMA, "sweeps": sweeps, "noise seeds": noises,
                       "reference sweeps": long, "seed": seed, "quick": quick},
        "counts": _counts(sweeps).tolist(),
        "images": images,
        "pictures": pictures[0],
    }  # fmt: skip


def _of(data: dict[str, Any], key: str, name: str) -> np.ndarray:
    """Shape (noise seeds, counts); shares in per cent."""
    return (100 if key == "wrong" else 1) * np.array([image[key][name] for image in data["images"]], float)


def conclude(data: dict[str, Any]) -> Conclusion:
    """The verdict on the claim, from the numbers alone."""
    counts, over = data["counts"], "noise seeds"
    gap = _of(data, "wrong", "Gibbs") - _of(data, "wrong", "herded Gibbs")

    def less(at: int, **asked: float) -> Part:
        label = f"wrong pixels after {counts[at]} sweeps, Gibbs sampling less herded Gibbs, points"
        return Part(label, Estimate.mean(gap[:, at], over), lacks=lacking(over, len(gap), _SEEDS), **asked)

    def told(label: str, values: Any) -> Part:
        return Part(label, Estimate.mean(values, over))

    nearer = Estimate.ratio(_of(data, "distance", "Gibbs")[:, -1] / _of(data, "distance", "herded Gibbs")[:, -1], over)
    return Conclusion(
        CLAIM,
        SOURCE,
        (
            *(less(counts.index(at), above=0) for at in _AT),
            less(-1),
            Part(f"distance from the posterior after {counts[-1]} sweeps, Gibbs sampling over herded Gibbs", nearer),
            told("wrong pixels of the noisy images, %", [100 * image["input"] for image in data["images"]]),
            told("wrong pixels with the signs of the posterior means, %", [100 * image["optimum"] for image in data["images"]]),
            told("wrong pixels of mean field at the end, less those of herded Gibbs, points",
                 (_of(data, "wrong", "mean field") - _of(data, "wrong", "herded Gibbs"))[:, -1]),
            told("distance of mean field from the posterior at the end", _of(data, "distance", "mean field")[:, -1]),
        ),
    )  # fmt: skip


def _rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    counts = data["counts"]
    at = [counts.index(10), counts.index(100), len(counts) - 1]
    rows = []
    for name in data["images"][0]["wrong"]:
        wrong, off = _of(data, "wrong", name), _of(data, "distance", name)
        rows.append(
            {
                "method": name,
                **{f"% wrong, {counts[i]} sweeps": float(wrong[:, i].mean()) for i in at},
                "stderr": float(standard_error(wrong[:, -1])),
                **{f"distance, {counts[i]} sweeps": float(off[:, i].mean()) for i in at},
            }
        )
    return rows


def _panels(data: dict[str, Any]) -> tuple[Panel, ...]:
    counts, names = data["counts"], list(data["images"][0]["wrong"])
    sweeps, side = data["parameters"]["sweeps"], data["parameters"]["side"]
    wrong, off = ({n: _of(data, key, n) for n in names} for key in ("wrong", "distance"))
    errors = {n: standard_error(w) for n, w in wrong.items()}
    return (
        Panel("reconstruction", "sweeps", "% of pixels wrong", tuple(Curve(n, counts, wrong[n].mean(0), errors[n]) for n in names), True, True),
        Panel("knowledge of the posterior", "sweeps", "distance of the means", tuple(Curve(n, counts, off[n].mean(0)) for n in names), True, True),
        Panel("truth", image=picture(side)),
        *(Panel(n if n == "noisy" else f"{n}, {sweeps} sweeps", image=np.clip(image, -3, 3)) for n, image in data["pictures"].items()),
    )  # fmt: skip


def run(quick: bool = False, seed: int = 0, executor: Any = None) -> Experiment:
    """Denoise one picture with ten seeds of the noise, in 2000 sweeps, beside a reference of 200,000; a quick run takes 32 x 32 spins, three seeds, 300 and 5000 sweeps."""
    data = measure(quick, seed, executor)
    return Experiment("denoising", conclude(data), _rows(data), data["parameters"], _panels(data), data)
