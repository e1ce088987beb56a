"""The propagation of signals and small differences through layers: what a probe records, and the recording of chains of plain functions.

Two growth rates are measured for each layer. The response to fresh random differences v is its mean squared stretching, chi = |J v|^2 / |v|^2 in root
mean squares; for isotropic v it is ||J||_F^2 / (number of outputs). The growth of differences that entered at the input, and have turned into the
directions of fastest growth, is the local Lyapunov exponent. No Jacobian is built: differences move as single vectors.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.arguments import is_real, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.flags import Flag, Kind, Severity
from weakchaos.renormalization.theory.activations import activation as as_activation

__all__ = ["Recording", "WeightLayer", "chain_of", "record_chain"]

_NUDGE = 1e-5


@dataclass
class Recording:
    """The measurements of a network for a batch of inputs.

    Attributes
    ----------
    names : list of str
        Names of the layers.
    outputs : list of arrays of shape (batch, ...)
    extremes : list of (array, array)
        Smallest and largest value of each unit over the batch, after the activation.
    response : array of shape (layers, directions, batch)
        |J v|^2 / |v|^2 in root mean squares, for a fresh random difference v at the input of the layer.
    growth : array of shape (layers, directions, batch)
        Log growth of the root mean square of differences that entered at the input.
    weights : list of dict
        ``sigma_w2``, ``sigma_b2``, ``singular`` (smallest, median, largest), ``fan_in`` of each layer that has a matrix of weights.
    input_q : float
        Mean square of the inputs.
    kinds : list of str
    rounding : list of float
        Mean square of the rounding errors in each output.
    measured : list of bool
        Whether response and growth of a row belong to the part of the network between it and the row before.
    recurrence : list of (float, float, float)
        Exponent of the recurrence in nats per time step, its error, and the gate time in steps; NaN for a layer without recurrence.
    flags : list of Flag
    """

    names: list[str]
    outputs: list[np.ndarray]
    extremes: list[tuple[np.ndarray, np.ndarray]]
    response: np.ndarray
    growth: np.ndarray
    weights: list[dict[str, Any]]
    input_q: float
    kinds: list[str]
    rounding: list[float]
    measured: list[bool]
    recurrence: list[tuple[float, float, float]]
    flags: list[Flag] = field(default_factory=list)


@dataclass(frozen=True)
class WeightLayer:
    """z' = W phi(z) + b; the first layer of a network has no phi.

    Attributes
    ----------
    weight : array of shape (outputs, inputs)
    bias : array of shape (outputs,)
    phi : Activation or None
    """

    weight: np.ndarray
    bias: np.ndarray
    phi: Any = None

    def features(self, z: np.ndarray) -> np.ndarray:
        """phi(z)."""
        return z if self.phi is None else self.phi.function(z)

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """The next preactivations."""
        return self.features(z) @ self.weight.T + self.bias

    def jvp(self, z: np.ndarray, v: np.ndarray) -> np.ndarray:
        """J v at z, exactly."""
        return (v if self.phi is None else self.phi.derivative(z) * v) @ self.weight.T


def _weight_layers(model: Sequence[Any], phi: Any) -> list[WeightLayer]:
    layers: list[WeightLayer] = []
    for k, item in enumerate(model):
        pair = isinstance(item, tuple) and len(item) == 2
        try:
            weight = np.asarray(item[0] if pair else item, np.float64)
            bias = np.zeros(weight.shape[0]) if not pair or item[1] is None else np.asarray(item[1], np.float64)
        except (TypeError, ValueError, IndexError) as error:
            raise ArgumentTypeError(f"`model`[{k}] must be an array of weights or (weights, biases); got {shown(item)}") from error
        if weight.ndim != 2 or bias.shape != (weight.shape[0],):
            raise ArgumentError(
                f"`model`[{k}] must be weights of shape (outputs, inputs) and biases of shape (outputs,); got shapes {weight.shape} and {bias.shape}"
            )
        if layers and layers[-1].weight.shape[0] != weight.shape[1]:
            raise ArgumentError(
                f"`model` does not chain: layer {k - 1} makes {layers[-1].weight.shape[0]} numbers and layer {k} takes {weight.shape[1]}"
            )
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise ArgumentError(f"`model`[{k}] must have finite weights and biases")
        layers.append(WeightLayer(weight, bias, phi if k else None))
    return layers


def chain_of(model: Any, activation: Any) -> list[Any]:
    """The layers of a network given as weights, as a list of functions, or as (function, depth)."""
    if isinstance(model, tuple) and len(model) == 2 and callable(model[0]) and is_real(model[1]):
        return [model[0]] * whole_number("model[1]", model[1], 1)
    if not isinstance(model, list | tuple) or not len(model):
        raise ArgumentTypeError(
            f"`model` must be a torch module, a list of functions, a list of weights, or (function, depth); got {shown(model)}"
        )
    if all(callable(f) for f in model):
        return list(model)
    if any(callable(f) for f in model):
        raise ArgumentTypeError("`model` must hold functions only or weights only; it mixes them")
    return list(_weight_layers(model, as_activation(activation)))


def _apply(layer: Any, z: np.ndarray, name: str) -> tuple[np.ndarray, np.dtype]:
    """What a layer makes of a copy of z, since it may work in place, as a copy of its own; and the precision in which it computes."""
    try:
        raw = np.asarray(layer(z.copy()))
        out = np.array(raw, np.float64)
    except (ValueError, TypeError, AttributeError, RuntimeError, IndexError) as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ArgumentError(
            f"`model` does not chain: {name} refused an array of shape {z.shape} ({text}); layers must take and give NumPy arrays of shape (batch, ...)"
        ) from error
    if out.ndim < 2 or len(out) != len(z):
        raise ArgumentError(f"`model` must keep the batch: {name} made shape {out.shape} of {z.shape}")
    if not np.isfinite(out).all():
        raise ArgumentError(f"`model` makes numbers that are not finite at {name}; the layers before it are finite")
    return out, raw.dtype


def _jvp(layer: Any, z: np.ndarray, v: np.ndarray, name: str, nudge: float = _NUDGE) -> np.ndarray:
    if hasattr(layer, "jvp"):
        return np.array(layer.jvp(z, v.copy()), np.float64)
    # Central differences, a step in proportion to the state, whose rounding error is then of the order 1e-10.
    size = max(float(np.sqrt((z**2).mean())), 1e-8)
    step = nudge * size / max(float(np.sqrt((v**2).mean())), 1e-300)
    return (_apply(layer, z + step * v, name)[0] - _apply(layer, z - step * v, name)[0]) / (2 * step)


def _resolution(kind: np.dtype) -> float:
    """Relative rounding error of the numbers that a layer makes."""
    return float(np.finfo(kind).eps) if np.issubdtype(kind, np.floating) else float(np.finfo(np.float64).eps)


def _square(v: np.ndarray) -> np.ndarray:
    """Mean square of each row."""
    return (v.reshape(len(v), -1) ** 2).mean(1)


def _name_of(layer: Any, k: int) -> str:
    return f"{k + 1} {getattr(layer, '__name__', type(layer).__name__).replace('WeightLayer', 'dense')}"


def weight_summary(weight: np.ndarray, bias: np.ndarray | None) -> dict[str, Any]:
    """Variances as the theory counts them, and singular values, of a matrix of shape (outputs, fan-in)."""
    s = np.linalg.svd(weight, compute_uv=False)
    return {
        "sigma_w2": float((weight**2).mean() * weight.shape[1]),
        "sigma_b2": 0.0 if bias is None else float((bias**2).mean()),
        "singular": (float(s[-1]), float(np.median(s)), float(s[0])),
        "fan_in": weight.shape[1],
    }


def _doubt(layer: Any, z: np.ndarray, made: np.ndarray, fresh: np.ndarray, resolution: float, name: str) -> Flag | None:
    """What says that differences of a layer are not those of its function: another result for the same input, or steps that no small difference crosses."""
    if hasattr(layer, "jvp"):
        return None
    size = float((made**2).mean())
    again = float(((_apply(layer, z, name)[0] - made) ** 2).mean())
    between, before = float(((made - made.mean(0)) ** 2).mean()), float(((z - z.mean(0)) ** 2).mean())
    random = again > (1e3 * resolution) ** 2 * size
    stepped = not fresh.any() and before > 0 and between > (1e3 * resolution) ** 2 * size
    if not (random or stepped):
        return None
    numbers = {"derivative": float(fresh.mean()), "difference": (again if random else between) / before if before > 0 else math.inf}
    return Flag(Kind.WRONG_DERIVATIVE, Severity.INVALID, numbers, (name,))


def record_chain(layers: Sequence[Any], inputs: np.ndarray, directions: int, rng: np.random.Generator) -> Recording:
    """Run a batch and its differences through a chain of functions.

    Parameters
    ----------
    layers : sequence of callables
        Each takes and returns arrays of shape (batch, ...). A method ``jvp(z, v)`` is used for the derivative if there is one, else central differences.
    inputs : array of shape (batch, ...)
    directions : int
    rng : numpy.random.Generator

    Returns
    -------
    Recording
    """
    names = [_name_of(layer, k) for k, layer in enumerate(layers)]
    z = inputs
    carried = [rng.standard_normal(z.shape) for _ in range(directions)]
    outputs: list[np.ndarray] = []
    extremes: list[tuple[np.ndarray, np.ndarray]] = []
    response, growth, weights, rounding = [], [], [], []
    measured: list[bool] = []
    flags: list[Flag] = []
    noise = np.zeros(z.shape)  # rounding errors as they travel, on a scale of their own
    scale, errors = 0.0, np.random.default_rng(0)

    def spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return values.min(0), values.max(0)

    for layer, name in zip(layers, names, strict=True):
        if outputs:
            extremes.append(spread(layer.features(z) if hasattr(layer, "features") else z))
        made, kind = _apply(layer, z, name)
        resolution = _resolution(kind)
        # Of a function in single precision smaller steps would see rounding only.
        nudge = max(_NUDGE, 10 * resolution ** (2 / 3)) if resolution > 1e-10 else _NUDGE
        fresh, grown = [], []
        for d in range(directions):
            v = rng.standard_normal(z.shape)
            fresh.append(_square(_jvp(layer, z, v, name, nudge)) / _square(v))
            before = _square(carried[d])
            moved = _jvp(layer, z, carried[d], name, nudge)
            after = _square(moved)
            with np.errstate(divide="ignore"):
                grown.append(0.5 * np.log(after / before))
            # Rescaled, so that long stacks neither overflow nor vanish; a difference that died starts afresh.
            shape = (-1, *itertools.repeat(1, moved.ndim - 1))
            size = np.where(after > 0, np.sqrt(after), 1.0).reshape(shape)
            carried[d] = np.where((after > 0).reshape(shape), moved / size, rng.standard_normal(moved.shape))
        own = errors.standard_normal(made.shape) * made * resolution
        noise = own + (scale * _jvp(layer, z, noise / scale, name, nudge) if scale else 0.0)
        scale = float(np.sqrt(np.nan_to_num(noise**2).mean()))
        rounding.append(scale**2)
        doubt = _doubt(layer, z, made, np.array(fresh), resolution, name)
        if doubt is not None:
            flags.append(doubt)
            fresh, grown = [np.full(len(made), np.nan)] * directions, [np.full(len(made), np.nan)] * directions
        measured.append(doubt is None)
        z = made
        outputs.append(z)
        response.append(fresh)
        growth.append(grown)
        weights.append(weight_summary(layer.weight, layer.bias) if isinstance(layer, WeightLayer) else {})
    extremes.append(spread(outputs[-1]))
    return Recording(
        names,
        outputs,
        extremes,
        np.array(response),
        np.array(growth),
        weights,
        float((inputs**2).mean()),
        [type(layer).__name__ for layer in layers],
        rounding,
        measured,
        [(math.nan, math.nan, math.nan)] * len(layers),
        flags,
    )
