"""Deep networks trained from five initial variances of weights: which one learns fastest, and how training changes their exponents.

Schoenholz, Gilmer, Ganguli and Sohl-Dickstein, ICLR 2017, arXiv:1611.01232, figure 5: networks can be trained up to the depth that signals reach, and
signals reach deepest at the edge of chaos. Feng, Zhang and Lai, arXiv:1909.05176, observe that training pushes networks towards that edge. Here: 20 layers of
128 tanh units on the 1797 handwritten digits (8 x 8 pixels) of scikit-learn, Adam, from five variances of weights.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.core.scatter import standard_error
from weakchaos.experiments.base import Curve, Experiment, Panel, run_cells
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, lacking

__all__ = ["conclude", "measure", "run", "train"]

CLAIM = "A deep tanh network learns fastest when it starts at the edge of chaos, and training pushes it towards the edge from elsewhere."
SOURCE = "Schoenholz et al., ICLR 2017, arXiv:1611.01232, figure 5; Feng, Zhang and Lai, arXiv:1909.05176, abstract"
_BIAS = 0.05
_DEPTH, _SEEDS = 20, 5
_EARLY = 3  # epochs after which accuracies are compared
_STARTS = (0.8, 1.2, 1.7609546, 3.0, 6.0)
_CRITICAL = 2  # the third is critical for tanh at this variance of biases


def _digits(seed: int) -> tuple[Any, ...]:
    try:
        import torch
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ArgumentError(f"`digits_depth` needs PyTorch and scikit-learn ({error}): pip install torch scikit-learn") from None
    x, y = load_digits(return_X_y=True)
    x = (x - x.mean()) / x.std()
    order = np.random.default_rng(seed).permutation(len(x))
    test, learn = order[:497], order[497:]
    return torch, *(torch.as_tensor(v) for v in (x[learn].astype(np.float32), y[learn], x[test].astype(np.float32), y[test]))


def network(torch: Any, sigma_w2: float, width: int, depth: int, generator: Any) -> Any:
    """A multilayer perceptron with Gaussian weights of the given variance times fan-in."""
    nn = torch.nn
    layers: list[Any] = []
    for k in range(depth + 1):
        fan, out = (64 if k == 0 else width), (10 if k == depth else width)
        linear = nn.Linear(fan, out)
        with torch.no_grad():
            linear.weight.normal_(0, math.sqrt(sigma_w2 / fan), generator=generator)
            linear.bias.normal_(0, math.sqrt(_BIAS), generator=generator)
        layers += [linear] if k == depth else [linear, nn.Tanh()]
    return nn.Sequential(*layers)


def train(sigma_w2: float, width: int, depth: int, epochs: int, seed: int, step_size: float = 1e-3) -> dict[str, Any]:
    """Train one network; accuracies by epoch, and probes before and after."""
    torch, x, y, x_test, y_test = _digits(seed)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # matrices this small lose more to waiting threads than they gain
    try:
        return _trained(torch, x, y, x_test, y_test, sigma_w2, width, depth, epochs, seed, step_size)
    finally:
        torch.set_num_threads(threads)


def _trained(
    torch: Any,
    x: Any,
    y: Any,
    x_test: Any,
    y_test: Any,
    sigma_w2: float,
    width: int,
    depth: int,
    epochs: int,
    seed: int,
    step_size: float,
) -> dict[str, Any]:
    from weakchaos.reports.probe.training import ProbeCallback

    generator = torch.Generator().manual_seed(seed)
    model = network(torch, sigma_w2, width, depth, generator)
    record = ProbeCallback(x_test[:200], y_test[:200].numpy(), every=epochs, directions=4, layers=torch.nn.Linear, seed=seed)
    record(model)
    optimiser = torch.optim.Adam(model.parameters(), lr=step_size)
    accuracy = []
    for _ in range(epochs):
        for batch in torch.randperm(len(x), generator=generator).split(32):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimiser.step()
        with torch.no_grad():
            accuracy.append(float((model(x_test).argmax(1) == y_test).float().mean()))
    record.calls = epochs  # the loop counts epochs, and only its two ends are probed
    record(model)
    return {
        "sigma_w2": sigma_w2,
        "accuracy": accuracy,
        "before": record.reports[0],
        "after": record.reports[epochs],
        "model": model,
    }


def _hidden(report: Any) -> float:
    """Mean exponent over the hidden layers behind the first; the read-out is no part of the chain."""
    return float(report.lyapunov[1:-1].mean())


def _cell(sigma_w2: float, width: int, depth: int, epochs: int, seed: int) -> dict[str, Any]:
    """One network: accuracies by epoch, exponents before and after, and the geometry of its last hidden layer."""
    found = train(sigma_w2, width, depth, epochs, seed)
    last = found["after"].rows[-2]
    return {
        "sigma_w2": sigma_w2,
        "accuracy": found["accuracy"],
        "before": _hidden(found["before"]),
        "after": _hidden(found["after"]),
        **{key: float(last[key]) for key in ("c_same", "c_diff", "pr_dim")},
    }


def measure(quick: bool = False, seed: int = 0, executor: Any = None) -> dict[str, Any]:
    """Train from five starts and probe before and after.

    Parameters
    ----------
    quick : bool
        8 layers of 48 units, 3 epochs, two seeds; else 20 layers of 128 units, 15 epochs, five seeds.
    seed : int
    executor : concurrent.futures.Executor, optional

    Returns
    -------
    dict
        ``parameters`` and ``networks``, one record for each start and seed.
    """
    width, depth, epochs, seeds = (48, 8, 3, 2) if quick else (128, _DEPTH, 15, _SEEDS)
    cells = [(s, width, depth, epochs, seed + k) for s in _STARTS for k in range(seeds)]
    return {
        "parameters": {"width": width, "depth": depth, "epochs": epochs, "seeds": seeds, "seed": seed, "sigma_b2": _BIAS, "quick": quick},
        "networks": run_cells(_cell, cells, executor),
    }  # fmt: skip


def _of(data: dict[str, Any], start: int, key: str) -> np.ndarray:
    return np.array([n[key] for n in data["networks"] if n["sigma_w2"] == _STARTS[start]], float)


def conclude(data: dict[str, Any]) -> Conclusion:
    """The verdict on the claim, from the numbers alone."""
    parameters = data["parameters"]
    lacks = lacking("layers", parameters["depth"], _DEPTH) or lacking("seeds", parameters["seeds"], _SEEDS)
    early = [_of(data, k, "accuracy")[:, _EARLY - 1] for k in range(len(_STARTS))]
    parts, told = [], []
    for k, start in enumerate(_STARTS):
        before, after = _of(data, k, "before"), _of(data, k, "after")
        if k != _CRITICAL:
            lead = Estimate.mean(early[_CRITICAL] - early[k], "seeds")
            parts.append(
                Part(
                    f"accuracy after {_EARLY} epochs from the critical variance minus accuracy from sigma_w2 = {start:g}",
                    lead,
                    above=0,
                    lacks=lacks,
                )
            )
            nearer = Estimate.mean(np.abs(after) - np.abs(before), "seeds")
            parts.append(
                Part(
                    f"change of the exponent in size by training from sigma_w2 = {start:g}, nats a layer",
                    nearer,
                    below=0,
                    lacks=lacks,
                )
            )
        told.append(Part(f"exponent after training from sigma_w2 = {start:g}, nats a layer", Estimate.mean(after, "seeds")))
    for k, start in enumerate(_STARTS):
        told.append(Part(f"accuracy at the end from sigma_w2 = {start:g}", Estimate.mean(_of(data, k, "accuracy")[:, -1], "seeds")))
    return Conclusion(CLAIM, SOURCE, (*parts, *told))


def _rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    epochs, rows = data["parameters"]["epochs"], []
    for k, start in enumerate(_STARTS):
        accuracy = _of(data, k, "accuracy").mean(0)
        rows.append(
            {
                "sigma_w2": round(start, 3),
                "exponent before": float(_of(data, k, "before").mean()),
                f"accuracy, {_EARLY} epochs": float(accuracy[_EARLY - 1]),
                f"accuracy, {epochs} epochs": float(accuracy[-1]),
                "exponent after": float(_of(data, k, "after").mean()),
                **{
                    label: float(_of(data, k, key).mean())
                    for label, key in (("c_same", "c_same"), ("c_diff", "c_diff"), ("dimension", "pr_dim"))
                },
            }
        )
    return rows


def _panels(data: dict[str, Any]) -> tuple[Panel, ...]:
    def curve(label: str, x: Any, values: np.ndarray) -> Curve:
        return Curve(label, x, values.mean(0), standard_error(values))

    epochs = np.arange(1, data["parameters"]["epochs"] + 1)
    starts = range(len(_STARTS))
    exponents = {key: np.stack([_of(data, k, key) for k in starts], 1) for key in ("before", "after")}
    edge = Curve("edge", _STARTS, np.zeros(len(_STARTS)), kind="theory")
    return (
        Panel("Test accuracy", "epoch", "accuracy",
              tuple(curve(f"sigma_w2 = {_STARTS[k]:.2f}", epochs, _of(data, k, "accuracy")) for k in starts)),
        Panel("Exponent before and after training", "variance of weights at the start", "nats per layer",
              (*(curve(key, _STARTS, values) for key, values in exponents.items()), edge)),
    )  # fmt: skip


def run(quick: bool = False, seed: int = 0, executor: Any = None) -> Experiment:
    """Train from five starts and probe before and after: 20 layers, 15 epochs, five seeds; a quick run takes 8 layers, 3 epochs and two seeds."""
    data = measure(quick, seed, executor)
    return Experiment("digits_depth", conclude(data), _rows(data), data["parameters"], _panels(data), data)
