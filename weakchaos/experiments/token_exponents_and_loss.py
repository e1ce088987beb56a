"""Do the two exponents of a transformer at its start foretell how well it trains?

Small post-norm transformers of eight layers, whose scales of attention and MLP branches and gains of weights are drawn at random, are trained for a fixed
number of steps on the 1,797 handwritten digits of scikit-learn, eight rows of eight pixels being the tokens. Before training the transverse and the
longitudinal exponent are measured; Cowsik, Nebabu, Qi and Ganguli, arXiv:2403.02579, report that both must be near 0 for a transformer to train, and that
they foretell the loss at the end. The numbers are rank correlations of the final loss with the size of each exponent over all layers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.experiments.base import Curve, Experiment, Panel, run_cells
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, lacking

__all__ = ["conclude", "measure", "run"]

CLAIM = (
    "The further the two exponents of a transformer are from 0 at its start, the higher is its loss after a fixed number of steps."
)
SOURCE = "Cowsik, Nebabu, Qi and Ganguli, arXiv:2403.02579, abstract"
_LAYERS, _WIDTH, _TOKENS = 8, 32, 8
_STARTS = 30


def _network(torch: Any, draw: np.random.Generator) -> tuple[Any, list[Any]]:
    nn: Any = torch.nn
    scale, gain = math.exp(draw.uniform(math.log(0.2), math.log(3))), math.exp(draw.uniform(math.log(0.4), math.log(3)))

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(_WIDTH, 4, batch_first=True)
            self.first, self.second = nn.Linear(_WIDTH, 2 * _WIDTH), nn.Linear(2 * _WIDTH, _WIDTH)
            for weight in (self.first.weight, self.second.weight):
                nn.init.normal_(weight, std=gain / math.sqrt(weight.shape[1]))
            self.norms = nn.ModuleList([nn.LayerNorm(_WIDTH), nn.LayerNorm(_WIDTH)])

        def forward(self, x: Any) -> Any:
            x = self.norms[0](x + scale * self.attention(x, x, x, need_weights=False)[0])
            return self.norms[1](x + self.second(torch.tanh(self.first(x))))

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.head = nn.Linear(8, _WIDTH), nn.Linear(_WIDTH, 10)
            self.place = nn.Parameter(0.5 * torch.randn(_TOKENS, _WIDTH))
            self.blocks = nn.ModuleList([Layer() for _ in range(_LAYERS)])

        def forward(self, x: Any) -> Any:
            x = self.embed(x.reshape(-1, _TOKENS, 8)) + self.place
            for block in self.blocks:
                x = block(x)
            return self.head(x.mean(1))

    model = Model()
    return model, list(model.blocks)


def _cell(number: int, steps: int, seed: int) -> dict[str, Any]:
    """One start: exponents before, and the mean loss over the last tenth of the steps."""
    try:
        import torch
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ArgumentError(
            f"`token_exponents_and_loss` needs PyTorch and scikit-learn ({error}): pip install torch scikit-learn"
        ) from None
    from weakchaos.renormalization.networks.torch_tokens import token_exponents

    x, y = load_digits(return_X_y=True)
    data, labels = torch.as_tensor((x - x.mean()) / x.std(), dtype=torch.float32), torch.as_tensor(y)
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(1)
    try:
        torch.manual_seed(seed + number)
        model, blocks = _network(torch, np.random.default_rng([seed, number]))
        with torch.no_grad():
            entering = model.embed(data[:4].reshape(-1, _TOKENS, 8)) + model.place
        found = token_exponents(blocks, entering, 2, seed=seed)
        optimiser, losses = torch.optim.Adam(model.parameters(), lr=1e-3), []
        for _ in range(steps):
            batch = torch.randint(len(data), (64,))
            optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(data[batch]), labels[batch])
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
    finally:
        torch.set_num_threads(threads)
        torch.set_rng_state(state)
    return {
        "transverse": found.transverse,
        "longitudinal": found.longitudinal,
        "loss": float(np.mean(losses[-max(1, steps // 10) :])),
    }


def measure(quick: bool = False, seed: int = 0, executor: Any = None) -> dict[str, Any]:
    """Train from 30 starts and measure both exponents before.

    Parameters
    ----------
    quick : bool
        4 starts and 5 steps instead of 30 and 80.
    seed : int
    executor : concurrent.futures.Executor, optional

    Returns
    -------
    dict
        ``parameters`` and ``starts``, one record for each start.
    """
    starts, steps = (4, 5) if quick else (_STARTS, 80)
    return {
        "parameters": {"starts": starts, "steps": steps, "layers": _LAYERS, "width": _WIDTH, "seed": seed, "quick": quick},
        "starts": run_cells(_cell, [(k, steps, seed) for k in range(starts)], executor),
    }


def _rank_correlation(x: np.ndarray, y: np.ndarray) -> Estimate:
    """Spearman's, with the standard error of its Fisher transform (Bonett and Wright, Psychometrika 65 (2000) 23), brought back by the slope."""
    if not (np.isfinite(x).all() and np.isfinite(y).all()) or len(x) < 5:
        return Estimate(math.nan, math.nan, 1.0, len(x), "starts")
    one, other = (np.argsort(np.argsort(v)).astype(float) for v in (x, y))
    value = float(np.corrcoef(one, other)[0, 1])
    error = math.sqrt((1 + value * value / 2) / (len(x) - 3)) * (1 - value * value)
    return Estimate(value, error, float(len(x) - 3), len(x), "starts")


def _column(data: dict[str, Any], key: str) -> np.ndarray:
    return np.array([math.nan if s[key] is None else s[key] for s in data["starts"]], float)


def conclude(data: dict[str, Any]) -> Conclusion:
    """The verdict on the claim, from the numbers alone."""
    lacks = lacking("starts", data["parameters"]["starts"], _STARTS)
    loss = _column(data, "loss")
    parts = [
        Part(f"rank correlation of the final loss with the size of the {key} exponent", _rank_correlation(np.abs(_column(data, key)), loss), above=0, lacks=lacks)
        for key in ("transverse", "longitudinal")
    ]  # fmt: skip
    return Conclusion(CLAIM, SOURCE, tuple(parts))


def run(quick: bool = False, seed: int = 0, executor: Any = None) -> Experiment:
    """Train from 30 starts and measure both exponents before; a quick run has 4 starts."""
    data = measure(quick, seed, executor)
    loss = _column(data, "loss")
    rows = sorted((dict(s) for s in data["starts"]), key=lambda s: s["loss"])
    panels = tuple(
        Panel(
            f"Loss after {data['parameters']['steps']} steps",
            f"{key} exponent, ln of squares per layer",
            "cross-entropy",
            (Curve("starts", _column(data, key), loss, kind="points"),),
        )
        for key in ("transverse", "longitudinal")
    )
    return Experiment("token_exponents_and_loss", conclude(data), rows, data["parameters"], panels, data)
