"""A deep network learns fastest when it starts at the edge of chaos, and training leads away from it, into the ordered phase.

Schoenholz, Gilmer, Ganguli and Sohl-Dickstein, ICLR 2017, arXiv:1611.01232, figure 5: networks train where signals reach their depth. Feng, Zhang and
Lai, arXiv:1909.05176, hold that training drives networks to the edge; Zhang et al., arXiv:2107.09437, that it leads into the ordered phase. Here:
20 layers of 128 tanh units on the 1797 handwritten digits (8 x 8 pixels) of scikit-learn, Adam, from five variances of weights.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.experiments.base import Curve, Experiment, Panel

__all__ = ["run", "train"]

_BIAS = 0.05
_STARTS = (0.8, 1.2, 1.7609546, 3.0, 6.0)  # the third is critical for tanh at this variance of biases


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


def run(quick: bool = False, seed: int = 0) -> Experiment:
    """Train from five starts and probe before and after.

    Parameters
    ----------
    quick : bool
        8 layers of 48 units, 3 epochs, one seed; else 20 layers of 128 units, 15 epochs, three seeds.
    seed : int

    Returns
    -------
    Experiment
    """
    width, depth, epochs, seeds = (48, 8, 3, 1) if quick else (128, 20, 15, 3)
    rows, curves, trained = [], [], []
    for sigma_w2 in _STARTS:
        runs = [train(sigma_w2, width, depth, epochs, seed + k) for k in range(seeds)]
        accuracy = np.array([r["accuracy"] for r in runs])
        before, after = ([_hidden(r[k]) for r in runs] for k in ("before", "after"))
        last = [r["after"].rows[-2] for r in runs]
        rows.append(
            {
                "sigma_w2": round(sigma_w2, 3),
                "exponent before": float(np.mean(before)),
                "accuracy, 3 epochs": float(accuracy[:, min(2, epochs - 1)].mean()),
                f"accuracy, {epochs} epochs": float(accuracy[:, -1].mean()),
                "exponent after": float(np.mean(after)),
                "c_same": float(np.mean([r["c_same"] for r in last])),
                "c_diff": float(np.mean([r["c_diff"] for r in last])),
                "dimension": float(np.mean([r["pr_dim"] for r in last])),
            }
        )
        trained.append(float(np.mean(after)))
        spread = accuracy.std(0, ddof=1) / math.sqrt(seeds) if seeds > 1 else None
        curves.append(Curve(f"sigma_w2 = {sigma_w2:.2f}", np.arange(1, epochs + 1), accuracy.mean(0), spread))
    early = [r["accuracy, 3 epochs"] for r in rows]
    fastest = int(np.argmax(early))
    ordered = sum(v < 0 for v in trained[:4])
    findings = (
        f"After three epochs the start at sigma_w2 = {_STARTS[fastest]:.2f} is ahead ({early[fastest]:.3f}); the critical one is at {early[2]:.3f}.",
        f"Training moved the exponent of the starts below, at and just above criticality to {', '.join(f'{v:.3f}' for v in trained[:4])}: "
        f"{ordered} of 4 end in the ordered phase, not at the edge.",
        f"From far in the chaotic phase the exponent ends at {trained[4]:.3f}, and accuracy at {rows[4][f'accuracy, {epochs} epochs']:.3f}.",
        "In trained networks inputs of one class have come together and classes apart: the layers contract what does not matter.",
    )
    panels = (
        Panel("Test accuracy", "epoch", "accuracy", tuple(curves)),
        Panel(
            "Exponent before and after training",
            "variance of weights at the start",
            "nats per layer",
            (
                Curve("before", _STARTS, [r["exponent before"] for r in rows]),
                Curve("after", _STARTS, trained),
                Curve("edge", _STARTS, np.zeros(5), kind="theory"),
            ),
        ),
    )
    supported = None if quick else bool(early[2] >= max(early) - 0.02 and all(v < 0 for v in trained[:3]))
    return Experiment(
        "digits_depth",
        "A deep network learns fastest from the edge of chaos, and training leads it into the ordered phase.",
        "Schoenholz et al., ICLR 2017, arXiv:1611.01232, figure 5; Zhang et al., arXiv:2107.09437",
        rows,
        findings,
        supported,
        {"width": width, "depth": depth, "epochs": epochs, "seeds": seeds, "seed": seed, "sigma_b2": _BIAS},
        panels,
    )
