"""Is a trained vision network critical? The scaling of its activations, beside shuffled weights, other inputs and shuffled positions.

The convolutional text detector of the package rapidocr-onnxruntime (PP-OCRv4, 62 convolutions) reads photographs; at five depths its channels are the units
and the positions of the image the samples of a population that is coarse-grained by pairing (Meshulam et al., doi:10.1103/PhysRevLett.123.178103) and by
momentum shells. Three nulls leave out what was learned or what is in the images: the numbers of each weight tensor in shuffled places, photographs whose
phases are random (the same spectrum), and white noise of the same mean and variance; a fourth shuffles each channel over positions. The package is read as
files and need not be importable: ``pip install onnx onnxruntime && pip install --no-deps rapidocr-onnxruntime==1.4.4 scikit-image``.
"""

from __future__ import annotations

import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.core.scatter import standard_error
from weakchaos.experiments.base import Curve, Experiment, Panel, run_cells
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, Verdict, lacking
from weakchaos.renormalization.coarse.momentum_shell import momentum_shell
from weakchaos.renormalization.coarse.population import coarse_grain

__all__ = ["conclude", "measure", "run"]

CLAIM = (
    "The activations of a trained vision network are near a critical point: their scaling exponent under pairing is larger, and they stay further from a "
    "Gaussian under coarse-graining, than with shuffled weights and with inputs that are no photographs."
)
SOURCE = "Weights of rapidocr-onnxruntime (PyPI); Meshulam et al., Phys. Rev. Lett. 123 (2019) 178103, doi:10.1103/PhysRevLett.123.178103, for the method"
_INSTALL = "pip install onnx onnxruntime && pip install --no-deps rapidocr-onnxruntime==1.4.4 scikit-image"
# Outputs of four stages of the backbone, and what enters the head; 48, 96, 192, 384 and 96 channels.
_DEPTHS = ("p2o.Add.43", "p2o.Add.71", "p2o.Add.147", "p2o.Add.215", "p2o.Concat.1")
_NAMES = ("stage 1", "stage 2", "stage 3", "stage 4", "head")
_NULLS = ("shuffled weights", "random phases", "white noise")
_PHOTOGRAPHS = (
    ("astronaut.png", "china.jpg"),
    ("chelsea.png", "flower.jpg"),
    ("coffee.png", "hubble_deep_field.jpg"),
    ("motorcycle_left.png", "ihc.png"),
    ("rocket.jpg", "retina.jpg"),
)
_SIDE, _POSITIONS, _CHANNELS = 512, 1000, 96


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ArgumentError(f"`trained_vision` needs files of {package}: {_INSTALL}")
    return Path(spec.origin).parent


def photograph(name: str) -> np.ndarray:
    """A colour photograph as numbers of shape (3, rows, columns) around 0, its sides multiples of 32 and at most 512."""
    from PIL import Image

    folder = _folder("sklearn") / "datasets" / "images" if name in ("china.jpg", "flower.jpg") else _folder("skimage") / "data"
    with Image.open(folder / name) as file:
        x = np.asarray(file.convert("RGB"), np.float32)
    stride = max(1, min(x.shape[:2]) // _SIDE)
    x = x[::stride, ::stride]
    rows, columns = (min(_SIDE, 32 * (n // 32)) for n in x.shape[:2])
    top, left = (x.shape[0] - rows) // 2, (x.shape[1] - columns) // 2
    return (x[top : top + rows, left : left + columns].transpose(2, 0, 1) / 255 - 0.5) / 0.5


def without_content(x: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """An input that is no photograph: random phases, the same for all colours, or white noise of the same mean and variance by colour."""
    if kind == "white noise":
        return (x.mean((1, 2), keepdims=True) + x.std((1, 2), keepdims=True) * rng.standard_normal(x.shape)).astype(np.float32)
    # The phases of a real noise are antisymmetric, so that the result is real; the mean keeps its sign.
    turn = np.exp(1j * np.angle(np.fft.fft2(rng.standard_normal(x.shape[1:]))))
    turn[0, 0] = 1
    return np.fft.ifft2(np.fft.fft2(x) * turn).real.astype(np.float32)


def _detector(shuffle: np.random.Generator | None) -> Any:
    """A session of the detector that gives the activations of five depths."""
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise ArgumentError(f"`trained_vision` needs {error.name}: {_INSTALL}") from None
    file = _folder("rapidocr_onnxruntime") / "models" / "ch_PP-OCRv4_det_infer.onnx"
    if not file.exists():
        raise ArgumentError(f"`trained_vision` needs {file.name} of rapidocr-onnxruntime 1.4.4: {_INSTALL}")
    model = onnx.load(str(file))
    if shuffle is not None:
        weights = {n.input[1] for n in model.graph.node if n.op_type in ("Conv", "ConvTranspose")}
        for node in model.graph.node:
            if node.op_type == "Constant" and node.output[0] in weights:
                tensor = node.attribute[0].t
                values = onnx.numpy_helper.to_array(tensor)
                tensor.CopyFrom(
                    onnx.numpy_helper.from_array(shuffle.permutation(values.ravel()).reshape(values.shape), tensor.name)
                )
    model.graph.output.extend([onnx.helper.make_empty_tensor_value_info(name) for name in _DEPTHS])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def scaling(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    """Exponent, kurtosis and dimension of a population, pairs and directions chosen on one image and measured on the other, means of both orders.

    Parameters
    ----------
    first, second : arrays of shape (positions, channels)
    """
    found = []
    for pair in ((first, second), (second, first)):
        x = np.concatenate(pair).astype(float)
        flow = momentum_shell(x, steps=4, nulls=())
        values = np.linalg.eigvalsh(np.corrcoef(pair[1].T))
        found.append(
            (coarse_grain(x, nulls=()).data.exponents["alpha"], flow.data.kurtosis[-1], values.sum() ** 2 / (values**2).sum())
        )
    alpha, kurtosis, dimension = np.mean(found, 0)
    return {"alpha": float(alpha), "kurtosis": float(kurtosis), "dimension": float(dimension)}


def _scaling_of_enough(pair: list[np.ndarray]) -> dict[str, float]:
    """Scaling of a population, NaN where fewer than 32 channels are left: four halvings need more."""
    return scaling(*pair) if pair[0].shape[1] >= 32 else dict.fromkeys(("alpha", "kurtosis", "dimension"), math.nan)


def _cell(group: int, kind: str, depths: int, seed: int) -> list[dict[str, Any]]:
    """One pair of photographs, or what stands in their place, at several depths."""
    rng = np.random.default_rng([seed, group, ("trained", *_NULLS).index(kind)])
    session = _detector(rng if kind == "shuffled weights" else None)
    images = [photograph(name) for name in _PHOTOGRAPHS[group]]
    if kind in _NULLS[1:]:
        images = [without_content(x, kind, rng) for x in images]
    both = [session.run(list(_DEPTHS[:depths]), {"x": x[None]}) for x in images]
    out = []
    for depth, (one, other) in enumerate(zip(*both, strict=True)):
        chosen = np.random.default_rng([seed, depth])  # the same channels and positions for the trained network and its nulls
        channels = chosen.permutation(one.shape[1])[:_CHANNELS]
        units = [a[0].reshape(a.shape[1], -1).T[:, channels] for a in (one, other)]
        count = min(_POSITIONS, *(len(u) for u in units))
        units = [u[chosen.permutation(len(u))[:count]] for u in units]
        alive = np.all([u.max(0) > u.min(0) for u in units], 0)
        row: dict[str, Any] = {"group": group, "kind": kind, "depth": depth, "units": int(alive.sum()), "positions": count}
        row |= _scaling_of_enough([u[:, alive] for u in units])
        if kind == "trained":
            row["alpha of shuffled positions"] = _scaling_of_enough([rng.permuted(u[:, alive], axis=0) for u in units])["alpha"]
        out.append(row)
    return out


def measure(quick: bool = False, seed: int = 0, executor: Any = None) -> dict[str, Any]:
    """Scaling at five depths of the detector and of its nulls.

    Parameters
    ----------
    quick : bool
        Two pairs of photographs and the first two depths instead of five and five.
    seed : int
    executor : concurrent.futures.Executor, optional

    Returns
    -------
    dict
        ``parameters``, and ``cells``, one record for each pair of photographs, network and depth. Every pair has a shuffle of its own.
    """
    groups, depths = (2, 2) if quick else (len(_PHOTOGRAPHS), len(_DEPTHS))
    cells = [(g, kind, depths, seed) for g in range(groups) for kind in ("trained", *_NULLS)]
    return {
        "parameters": {"pairs": groups, "depths": depths, "photographs": 2 * groups, "seed": seed, "quick": quick},
        "cells": [row for rows in run_cells(_cell, cells, executor) for row in rows],
    }


def _values(data: dict[str, Any], kind: str, key: str) -> np.ndarray:
    """Shape (pairs, depths)."""
    p = data["parameters"]
    out = np.full((p["pairs"], p["depths"]), math.nan)
    for c in data["cells"]:
        if c["kind"] == kind and c.get(key) is not None:
            out[c["group"], c["depth"]] = c[key]
    return out


def conclude(data: dict[str, Any]) -> Conclusion:
    """The verdict on the claim, from the numbers alone."""
    lacks = lacking("pairs of photographs", data["parameters"]["pairs"], len(_PHOTOGRAPHS)) or lacking("depths", data["parameters"]["depths"], len(_DEPTHS))  # fmt: skip
    alpha = _values(data, "trained", "alpha")
    parts, told = [], []
    mixed = (alpha - _values(data, "trained", "alpha of shuffled positions")).mean(1)
    parts.append(
        Part("exponent alpha minus that of shuffled positions", Estimate.mean(mixed, "pairs of photographs"), above=0, lacks=lacks)
    )
    far = np.abs(_values(data, "trained", "kurtosis") - 3)
    for null in _NULLS:
        gain = Estimate.mean((alpha - _values(data, null, "alpha")).mean(1), "pairs of photographs")
        parts.append(Part(f"exponent alpha minus that of {null}", gain, above=0, lacks=lacks))
        further = Estimate.mean((far - np.abs(_values(data, null, "kurtosis") - 3)).mean(1), "pairs of photographs")
        parts.append(
            Part(f"distance of the kurtosis from 3 at 1/16 of the directions minus that of {null}", further, above=0, lacks=lacks)
        )
    for key, text in (("alpha", "exponent alpha"), ("dimension", "participation ratio")):
        for kind in ("trained", *_NULLS):
            told.append(
                Part(f"{text}, {kind}, mean over depths", Estimate.mean(_values(data, kind, key).mean(1), "pairs of photographs"))
            )
    return Conclusion(CLAIM, SOURCE, (*parts, *told))


def _rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for depth in range(data["parameters"]["depths"]):
        for kind in ("trained", *_NULLS):
            alpha, kurtosis, dimension = (_values(data, kind, k)[:, depth] for k in ("alpha", "kurtosis", "dimension"))
            rows.append(
                {
                    "depth": _NAMES[depth],
                    "network and input": kind,
                    "alpha": float(alpha.mean()),
                    "±": float(standard_error(alpha)),
                    "kurtosis": float(kurtosis.mean()),
                    "participation ratio": float(dimension.mean()),
                }
            )
    return rows


def present(data: dict[str, Any]) -> Experiment:
    """Tables and pictures of numbers that were measured."""
    places, conclusion = np.arange(data["parameters"]["depths"]), conclude(data)

    def panel(key: str, title: str, label: str) -> Panel:
        curves = []
        for kind in ("trained", *_NULLS):
            values = _values(data, kind, key)
            curves.append(Curve(kind, places, values.mean(0), standard_error(values)))
        return Panel(title, "", label, tuple(curves), ticks=_NAMES[: len(places)])

    panels = (
        panel("alpha", "Exponent of pairing", "alpha"),
        panel("dimension", "Dimension of the channels", "participation ratio"),
    )
    closing = (
        "The nulls do not explain these exponents, which is no proof of a critical point."
        if conclusion.verdict is Verdict.SUPPORTED
        else "No evidence of criticality: exponents above 1 come with shuffled weights, or with inputs that are no photographs, as well."
        if conclusion.verdict in (Verdict.CONTRADICTED, Verdict.NOT_SUPPORTED)
        else "No evidence of criticality, and none against it: this run does not tell the network from its nulls."
    )
    return Experiment("trained_vision", conclusion, _rows(data), data["parameters"], panels, data, closing)


def run(quick: bool = False, seed: int = 0, executor: Any = None) -> Experiment:
    """Scaling at five depths of a trained detector and of its nulls; a quick run has two pairs of photographs and two depths."""
    return present(measure(quick, seed, executor))
