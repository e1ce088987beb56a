"""Recurrent cells that were trained by others: where they lie between order and chaos, and the same weights in shuffled places.

The LSTM cells of two published packages, a detector of voice (silero-vad, 16 and 8 kHz, 128 units) and an encoder of speakers (Resemblyzer, three layers of
256), run without inputs, with their biases. The null keeps the numbers of the recurrent weights and permutes their places, so that the spread of the weights
is the same. Both packages are read as files and need not be importable: ``pip install --no-deps silero-vad Resemblyzer``.
"""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.experiments.base import Curve, Experiment, Panel, run_cells
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, lacking

__all__ = ["conclude", "measure", "run"]

CLAIM = "Cells of trained recurrent networks lie at or just below the edge of chaos, and the same weights in shuffled places are chaotic."
SOURCE = "Weights of silero-vad and Resemblyzer (PyPI); Engelken, Wolf and Abbott, arXiv:2006.02427, for the method"
_NETS = ("silero 16 kHz", "silero 8 kHz", "Resemblyzer layer 1", "Resemblyzer layer 2", "Resemblyzer layer 3")
_SHUFFLES = 3


def _file(package: str, name: str) -> Path:
    spec = find_spec(package)
    folder = None if spec is None or spec.origin is None else Path(spec.origin).parent
    if folder is None or not (folder / name).exists():
        raise ArgumentError(
            f"`trained_recurrence` needs the file {name} of {package}: pip install --no-deps silero-vad==6.2.3 Resemblyzer==0.1.4"
        )
    return folder / name


def cell_weights(name: str) -> dict[str, np.ndarray]:
    """The four arrays of a trained cell."""
    try:
        import torch
    except ImportError as error:
        raise ArgumentError(f"`trained_recurrence` needs PyTorch ({error}): pip install torch") from None
    if name.startswith("silero"):
        with warnings.catch_warnings():
            # The format of the published file; whoever reads it cannot change that it is deprecated.
            warnings.filterwarnings("ignore", r".torch\.jit\.load. is (deprecated|not supported)", DeprecationWarning)
            state = torch.jit.load(_file("silero_vad", "data/silero_vad.jit"), map_location="cpu").state_dict()
        start, end = f"_model{'' if '16' in name else '_8k'}.decoder.rnn.", ""
    else:
        state = torch.load(_file("resemblyzer", "pretrained.pt"), map_location="cpu", weights_only=True)["model_state"]
        start, end = "lstm.", f"_l{int(name[-1]) - 1}"
    return {k: np.asarray(state[f"{start}{k}{end}"].double()) for k in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}


def _cell(name: str, shuffle: int, steps: int, starts: int, seed: int) -> dict[str, Any]:
    """One cell as it was trained (shuffle 0) or with the places of its recurrent weights permuted."""
    from weakchaos.renormalization.networks.cells import RecurrentCell
    from weakchaos.renormalization.networks.recurrent_network import RecurrentNetwork

    weights: dict[str, Any] = dict(cell_weights(name))
    if shuffle:
        rng = np.random.default_rng([seed, shuffle, _NETS.index(name)])
        whole = weights["weight_hh"]
        weights["weight_hh"] = rng.permutation(whole.ravel()).reshape(whole.shape)
    found = RecurrentNetwork(RecurrentCell("lstm", **weights)).spectrum(
        k=1, steps=steps, transient=steps // 2, starts=starts, seed=seed
    )
    return {
        "name": name,
        "shuffle": shuffle,
        "exponents": found.by_start[:, 0].tolist(),
        "leading": found.leading,
        "verdict": found.verdict,
        "settled": sum(p is not None for p in found.fixed_points),
        "gate_time": found.gate_time,
        "sentence": found.sentence,
    }


def measure(quick: bool = False, seed: int = 0, executor: Any = None) -> dict[str, Any]:
    """Exponents of five trained cells and of shuffled ones.

    Parameters
    ----------
    quick : bool
        300 steps and one shuffle instead of 2,000 and three.
    seed : int
    executor : concurrent.futures.Executor, optional

    Returns
    -------
    dict
        ``parameters`` and ``cells``, one record for each cell and shuffle; shuffle 0 is the trained cell.
    """
    steps, shuffles = (300, 1) if quick else (2000, _SHUFFLES)
    cells = [(name, s, steps if not s else steps // 2, 1 if s else 3, seed) for name in _NETS for s in range(shuffles + 1)]
    return {
        "parameters": {"steps": steps, "shuffles": shuffles, "starts": 3, "seed": seed, "quick": quick},
        "cells": run_cells(_cell, cells, executor),
    }


def _of(data: dict[str, Any], name: str, shuffled: bool) -> list[dict[str, Any]]:
    return [c for c in data["cells"] if c["name"] == name and bool(c["shuffle"]) == shuffled]


def conclude(data: dict[str, Any]) -> Conclusion:
    """The verdict on the claim, from the numbers alone."""
    parameters = data["parameters"]
    lacks = lacking("shuffles", parameters["shuffles"], _SHUFFLES) or lacking("steps", parameters["steps"], 2000)
    parts = []
    for name in _NETS:
        (trained,) = _of(data, name, False)
        own = Estimate.mean(trained["exponents"], "starts")
        null = Estimate.mean([np.mean(c["exponents"]) for c in _of(data, name, True)], "shuffles")
        parts.append(Part(f"largest exponent of {name}, nats a step", own, least=-0.2, most=0.03, lacks=lacks))
        parts.append(Part(f"largest exponent of {name} with shuffled weights, nats a step", null, above=0, lacks=lacks))
    return Conclusion(CLAIM, SOURCE, tuple(parts))


def _rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for name in _NETS:
        (trained,), null = _of(data, name, False), _of(data, name, True)
        rows.append(
            {
                "cell": name,
                "exponent": float(np.mean(trained["exponents"])),
                "at the fixed point": trained["leading"] if trained["settled"] == len(trained["exponents"]) else None,
                "verdict": trained["verdict"],
                "gate time": trained["gate_time"],
                "shuffled": float(np.mean([c["exponents"] for c in null])),
                "least shuffled": float(np.min([c["exponents"] for c in null])),
            }
        )
    return rows


def run(quick: bool = False, seed: int = 0, executor: Any = None) -> Experiment:
    """Exponents of five trained cells and of the same weights in shuffled places; a quick run has 300 steps and one shuffle."""
    data = measure(quick, seed, executor)
    rows, places = _rows(data), np.arange(len(_NETS))
    panel = Panel(
        "Largest exponent of trained cells",
        "",
        "nats per step",
        (
            Curve("trained", places, [r["exponent"] for r in rows], kind="points"),
            Curve("shuffled", places, [r["shuffled"] for r in rows], kind="points"),
            Curve("edge", places, np.zeros(len(_NETS)), kind="theory"),
        ),
        ticks=_NETS,
    )
    return Experiment("trained_recurrence", conclude(data), rows, data["parameters"], (panel,), data)
