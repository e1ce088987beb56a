"""How deep a network can be and still be trained, held against the depth over which the theory lets correlations live.

Schoenholz, Gilmer, Ganguli and Sohl-Dickstein, ICLR 2017, arXiv:1611.01232: correlations between inputs approach their limit as exp(-depth / xi_c), where
xi_c diverges at the edge of chaos, and networks can be trained up to about 6 xi_c layers. Here: tanh layers of 96 units from five variances of weights on
the 1,797 handwritten digits of scikit-learn, by stochastic gradient descent. The trainable depth is where the share of training digits that are recognised
no longer reaches one half within 20 epochs, found by bisection on a grid of depths a fourth root of 2 apart.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.core.scatter import standard_error
from weakchaos.experiments.base import Curve, Experiment, Panel, run_cells
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, lacking
from weakchaos.renormalization.theory.mean_field import mean_field

__all__ = ["conclude", "measure", "run"]

CLAIM = (
    "Deep tanh networks can be trained up to a depth that is proportional to the correlation length of mean-field theory, about six times as large on both "
    "sides of the edge of chaos, and largest at the edge."
)
SOURCE = "Schoenholz, Gilmer, Ganguli and Sohl-Dickstein, ICLR 2017, arXiv:1611.01232, figure 5"
_BIAS = 0.05
_ORDERED, _CHAOTIC = (0.8, 1.3), (2.5, 5.0)  # from far to near the edge, and from near to far
_CRITICAL = 1.76095  # six digits, as records keep them
_STARTS = (*_ORDERED, _CRITICAL, *_CHAOTIC)
_GRID = tuple(round(8 * 2 ** (k / 4)) for k in range(17))  # 8 to 128
_STEP, _CLIP, _BATCH = 0.03, 5.0, 32
_SEEDS, _EPOCHS, _WIDTH = 5, 20, 96


def _digits(seed: int) -> tuple[np.ndarray, np.ndarray]:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ArgumentError(f"`trainable_depth` needs scikit-learn ({error}): pip install scikit-learn") from None
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))[:1300]
    return ((x - x.mean()) / x.std())[order].astype(np.float32), y[order]


class _Network:
    """Tanh layers and a linear output, with the gradient of the cross-entropy written out: a fifth of the time of automatic differentiation."""

    def __init__(self, sigma_w2: float, width: int, depth: int, rng: np.random.Generator) -> None:
        def weights(*shape: int) -> np.ndarray:
            return (rng.standard_normal(shape, np.float32) * math.sqrt(sigma_w2 / shape[-2])).astype(np.float32)

        def biases(*shape: int) -> np.ndarray:
            return (rng.standard_normal(shape, np.float32) * math.sqrt(_BIAS)).astype(np.float32)

        self.first, self.hidden, self.last = weights(64, width), weights(depth - 1, width, width), weights(width, 10)
        self.biases, self.out = biases(depth, width), biases(10)
        self.slopes = np.empty_like(self.hidden)

    def forward(self, x: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Activations of all hidden layers, and logits."""
        states = [np.tanh(x @ self.first + self.biases[0])]
        for weight, bias in zip(self.hidden, self.biases[1:], strict=True):
            z = states[-1] @ weight
            z += bias
            states.append(np.tanh(z, out=z))
        return states, states[-1] @ self.last + self.out

    def gradients(self, x: np.ndarray, labels: np.ndarray) -> tuple[list[np.ndarray], int]:
        """Gradient by first, hidden and last weights, biases and last biases, and how many of the batch are recognised."""
        states, logits = self.forward(x)
        delta = np.exp(logits - logits.max(1, keepdims=True))
        delta /= delta.sum(1, keepdims=True)
        delta[np.arange(len(labels)), labels] -= 1
        delta /= len(labels)
        last, out, biases = states[-1].T @ delta, delta.sum(0), np.empty_like(self.biases)
        delta = delta @ self.last.T
        for k in range(len(states) - 1, -1, -1):
            delta *= 1 - states[k] * states[k]
            biases[k] = delta.sum(0)
            if k:
                np.matmul(states[k - 1].T, delta, out=self.slopes[k - 1])
                delta = delta @ self.hidden[k - 1].T
        return [x.T @ delta, self.slopes, last, biases, out], int((logits.argmax(1) == labels).sum())

    def descend(self, x: np.ndarray, labels: np.ndarray) -> int:
        """One step along the gradient, whose norm is clipped."""
        slopes, right = self.gradients(x, labels)
        size = math.sqrt(sum(float(np.vdot(g, g)) for g in slopes))
        if not math.isfinite(size):
            return 0
        rate = np.float32(_STEP * min(1.0, _CLIP / size) if size else 0.0)
        for values, g in zip((self.first, self.hidden, self.last, self.biases, self.out), slopes, strict=True):
            g *= rate
            values -= g
        return right


def _best_accuracy(sigma_w2: float, width: int, depth: int, epochs: int, seed: int) -> float:
    """Share of training digits recognised in the best epoch; training ends once it is one half."""
    x, y = _digits(seed)
    rng = np.random.default_rng([seed, depth])
    network, best = _Network(sigma_w2, width, depth, rng), 0.0
    for _ in range(epochs):
        order = rng.permutation(len(x))
        right = sum(network.descend(x[b], y[b]) for b in np.split(order, range(_BATCH, len(x), _BATCH)))
        best = max(best, right / len(x))
        if best >= 0.5:
            break
    return best


def _cell(sigma_w2: float, width: int, epochs: int, grid: tuple[int, ...], seed: int) -> dict[str, Any]:
    """Bisection for the trainable depth of one seed; every network of it is listed."""
    from threadpoolctl import threadpool_limits

    tried, low, high = [], -1, len(grid)
    with threadpool_limits(1):  # matrices this small lose more to waiting threads than they gain
        while high - low > 1:
            middle = (low + high) // 2
            accuracy = _best_accuracy(sigma_w2, width, grid[middle], epochs, seed)
            tried.append([grid[middle], accuracy])
            low, high = (middle, high) if accuracy >= 0.5 else (low, middle)
    return {
        "sigma_w2": sigma_w2,
        "trained": grid[low] if low >= 0 else None,
        "failed": grid[high] if high < len(grid) else None,
        "tried": tried,
    }


def measure(quick: bool = False, seed: int = 0, executor: Any = None) -> dict[str, Any]:
    """Find the trainable depth from five variances of weights.

    Parameters
    ----------
    quick : bool
        One seed, 32 units, 3 epochs and depths of 8, 16 and 32; else five seeds, 96 units, 20 epochs and 17 depths between 8 and 128.
    seed : int
    executor : concurrent.futures.Executor, optional

    Returns
    -------
    dict
        ``parameters``, and ``cells``, one record for each start and seed: greatest depth that trained, smallest that failed, and all that were tried.
    """
    seeds, epochs, width, grid = (1, 3, 32, (8, 16, 32)) if quick else (_SEEDS, _EPOCHS, _WIDTH, _GRID)
    cells = [(s, width, epochs, grid, seed + k) for s in _STARTS for k in range(seeds)]
    return {
        "parameters": {"seeds": seeds, "epochs": epochs, "width": width, "deepest": grid[-1], "sigma_b2": _BIAS, "seed": seed, "quick": quick},
        "cells": run_cells(_cell, cells, executor),
    }  # fmt: skip


def _length(start: float) -> float:
    return math.inf if start == _CRITICAL else float(mean_field("tanh").at(start, _BIAS).xi_c)


def _depths(data: dict[str, Any], start: float) -> np.ndarray:
    """Trainable depth of each seed, between the greatest depth that trained and the smallest that failed.

    Where all depths trained this is the greatest one, a lower bound; where none did, NaN.
    """
    found = []
    for cell in (c for c in data["cells"] if c["sigma_w2"] == start):
        low, high = cell["trained"], cell["failed"]
        found.append(math.nan if low is None else float(low) if high is None else math.sqrt(low * high))
    return np.array(found)


def _bounded(data: dict[str, Any], start: float) -> bool:
    return all(c["failed"] is not None for c in data["cells"] if c["sigma_w2"] == start)


def _grid_error(data: dict[str, Any], start: float) -> float:
    """Standard deviation of the logarithm of a depth that is only known to lie between two depths of the grid; seeds do not average it out."""
    widths = [
        math.log(c["failed"] / c["trained"]) for c in data["cells"] if c["sigma_w2"] == start and c["failed"] and c["trained"]
    ]
    return float(np.mean(widths)) / math.sqrt(12) if widths else math.nan


def _widened(estimate: Estimate, error: float) -> Estimate:
    return replace(estimate, stderr=math.hypot(estimate.stderr, error))


def conclude(data: dict[str, Any]) -> Conclusion:
    """The verdict on the claim, from the numbers alone.

    "About six" is read as between 3 and 12, and "proportional" as a power of the correlation length between 0.75 and 1.25. At the edge networks must train
    at depths at which those from all other starts failed.
    """
    parameters = data["parameters"]
    lacks = lacking("seeds", parameters["seeds"], _SEEDS) or lacking("epochs", parameters["epochs"], _EPOCHS)
    depths, grid = {s: _depths(data, s) for s in _STARTS}, {s: _grid_error(data, s) for s in _STARTS}
    parts = []
    for side, starts in (("ordered", _ORDERED), ("chaotic", _CHAOTIC)):
        lengths = [_length(s) for s in starts]
        # A depth that nothing ended is a lower bound and no depth.
        open_end = (
            "" if all(_bounded(data, s) for s in starts) else f"deeper networks than {parameters['deepest']} layers are needed"
        )
        logs = np.array([np.log(depths[s]) for s in starts])
        both, ratio = math.hypot(*(grid[s] for s in starts)), math.log(lengths[1] / lengths[0])
        constant = _widened(Estimate.ratio(np.exp((logs - np.log(lengths)[:, None]).mean(0)), "seeds"), both / 2)
        power = _widened(Estimate.mean((logs[1] - logs[0]) / ratio, "seeds"), both / abs(ratio))
        parts += [
            Part(f"trainable depth over the correlation length on the {side} side", constant, least=3, most=12, lacks=lacks or open_end),
            Part(f"power of the correlation length with which it grows on the {side} side", power, least=0.75, most=1.25, lacks=lacks or open_end),
        ]  # fmt: skip
    others = [s for s in _STARTS if s != _CRITICAL]
    ends = all(_bounded(data, s) for s in others)
    missing = lacks or ("" if ends else f"deeper networks than {parameters['deepest']} layers are needed")
    deepest = Estimate.ratio(
        _column(data, _CRITICAL, "trained") / np.max([_column(data, s, "failed") for s in others], axis=0), "seeds"
    )
    parts.append(
        Part(
            "greatest depth that trained from the critical variance over the smallest at which all others failed",
            deepest,
            least=1,
            lacks=missing,
        )
    )
    told = [
        Part(f"trainable depth from sigma_w2 = {s:.4g}, layers", _widened(Estimate.ratio(depths[s], "seeds"), grid[s]))
        for s in _STARTS
    ]
    return Conclusion(CLAIM, SOURCE, (*parts, *told))


def _column(data: dict[str, Any], start: float, key: str) -> np.ndarray:
    return np.array([math.nan if c[key] is None else float(c[key]) for c in data["cells"] if c["sigma_w2"] == start])


def _rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for start in _STARTS:
        depths, length = _depths(data, start), _length(start)
        cells = [c for c in data["cells"] if c["sigma_w2"] == start]
        rows.append(
            {
                "sigma_w2": round(start, 3),
                "xi_c": length,
                "6 xi_c": 6 * length,
                "trainable depth": math.exp(float(np.log(depths).mean())),
                "by seed": " ".join(f"{'>' if c['failed'] is None else ''}{d:.3g}" for c, d in zip(cells, depths, strict=True)),
                "over xi_c": math.exp(float(np.log(depths).mean())) / length if math.isfinite(length) else None,
            }
        )
    return rows


def _panels(data: dict[str, Any]) -> tuple[Panel, ...]:
    rows, theory = _rows(data), mean_field("tanh")
    fine = np.concatenate([np.linspace(0.75, 1.65, 60), np.linspace(1.87, 5.3, 90)])
    lengths = np.array([theory.at(float(s), _BIAS).xi_c for s in fine])
    logs = [np.log(_depths(data, s)) for s in _STARTS]
    found = np.array([r["trainable depth"] for r in rows])
    seeds = [float(standard_error(x)) if len(x) > 1 else math.nan for x in logs]
    error = found * np.array([math.hypot(e, _grid_error(data, s)) for e, s in zip(seeds, _STARTS, strict=True)])
    bound = (("6 xi_c, ordered", fine < _CRITICAL), ("6 xi_c, chaotic", fine > _CRITICAL))
    curves = [Curve(label, fine[side], 6 * lengths[side], kind="theory") for label, side in bound]
    xi = np.array([r["xi_c"] for r in rows])
    sides = [Curve(n, xi[k], found[k], error[k]) for n, k in (("ordered side", slice(0, 2)), ("chaotic side", slice(3, None)))]
    straight = np.array([1.8, 13.0])
    return (
        Panel("Trainable depth by the variance of weights", "variance of weights at the start", "layers",
              (Curve("measured", np.array(_STARTS), found, error), *curves), y_log=True),
        Panel("Trainable depth by the correlation length", "xi_c, layers", "layers",
              (*sides, Curve("6 xi_c", straight, 6 * straight, kind="theory")), x_log=True, y_log=True),
    )  # fmt: skip


def present(data: dict[str, Any]) -> Experiment:
    """Tables and pictures of numbers that were measured."""
    return Experiment("trainable_depth", conclude(data), _rows(data), data["parameters"], _panels(data), data)


def run(quick: bool = False, seed: int = 0, executor: Any = None) -> Experiment:
    """Find the trainable depth from five variances of weights; a quick run has one seed and three depths."""
    return present(measure(quick, seed, executor))
