"""Probe a network: measure where each of its layers lies between order and chaos, and compare with the theory for its variances.

Depth plays the part of time. A layer changes the lengths q and correlations c of its inputs, stretches small differences by chi in the mean
square, and lets differences that come from the input of the network grow at the rate lambda per layer, its Lyapunov exponent. If lambda is
negative, inputs come together; if it is positive, they separate; information travels deepest at 0 (Poole et al., arXiv:1606.05340;
Schoenholz et al., arXiv:1611.01232).
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from weakchaos.core.arguments import real_array, whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.core.flags import Flag, Kind, Severity
from weakchaos.core.text_table import aligned
from weakchaos.diagnostics.result import Result
from weakchaos.renormalization.networks.probe_rows import depth_band, probe_flags, probe_rows
from weakchaos.renormalization.networks.signals import WeightLayer, chain_of, record_chain

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from weakchaos.renormalization.networks.torch_tokens import TokenExponents
    from weakchaos.reports.probe.advice import Advice

__all__ = ["ProbeReport", "probe"]

_COLUMNS = (
    "layer",
    "q",
    "c",
    "c_same",
    "c_diff",
    "sigma_w2",
    "sigma_b2",
    "chi",
    "lyapunov",
    "stderr",
    "depth_scale",
    "pr_dim",
    "dead",
    "recurrence",
    "gate_time",
    "phase",
    "gain",
)


@dataclass(frozen=True)
class ProbeReport:
    """What a probe found.

    Attributes
    ----------
    rows : list of dict
        One dictionary for each layer: ``layer`` (name), ``width``, ``q`` (mean square of the activations), ``c``, ``c_same``, ``c_diff`` (mean
        cosine between the activations of two inputs: all pairs, pairs of the same label, pairs of different labels), ``sigma_w2`` (variance of
        the weights times fan-in), ``sigma_b2`` (variance of the biases), ``chi``, ``chi_stderr``, ``lyapunov``, ``stderr`` (nats),
        ``depth_scale`` (number of layers over which squared differences change by a factor of e, 1 / abs(ln chi)), ``smallest``, ``median``,
        ``largest`` (singular values of the weights), ``pr_dim``, ``two_nn`` (dimensions of the activations of the batch), ``dead`` (share of
        units whose output after the activation is the same for all inputs), ``recurrence``, ``recurrence_stderr`` (of recurrent layers: exponent
        of the state under its inputs, nats per time step), ``gate_time`` (steps over which the gates of a recurrent layer alone keep what differs: an
        exponent near 0 with a long gate time is slow and not critical), ``role`` ("first", "layer", or "pooled" for a layer after a pooling over pixels or
        tokens, which does not enter the verdict), ``phase`` (None if the row was not measured), ``gain`` (factor on the weights that would make
        chi of this layer 1 for its present inputs), and for sequences ``c_tokens``, ``angle_exponent``.
    activation : str or None
        Name of the activation, as given or as found.
    depth : int
        Number of layers after the first.
    flags : tuple of Flag
        What speaks against the numbers, as data; `warnings` has the same in sentences.
    tokens : TokenExponents or None
        Of blocks with attention: the exponents of differences between tokens and of those that all tokens share, by projection.
    """

    rows: list[dict[str, Any]]
    activation: str | None
    depth: int
    flags: tuple[Flag, ...]
    growth: np.ndarray = field(repr=False, default_factory=lambda: np.empty((0, 0)))
    model: Any = field(repr=False, default=None)
    inputs: Any = field(repr=False, default=None)
    options: dict[str, Any] = field(repr=False, default_factory=dict)
    tokens: TokenExponents | None = None

    @property
    def lyapunov(self) -> np.ndarray:
        """Exponent of each layer, nats."""
        return np.array([r["lyapunov"] for r in self.rows])

    @property
    def chi(self) -> np.ndarray:
        """Mean squared stretching of each layer."""
        return np.array([r["chi"] for r in self.rows])

    @property
    def warnings(self) -> tuple[str, ...]:
        """The flags as sentences."""
        return tuple(flag.sentence for flag in self.flags)

    @property
    def trusted(self) -> bool:
        """Whether the network has a phase and no flag says that the numbers are invalid."""
        return self.phase is not None and all(flag.severity is not Severity.INVALID for flag in self.flags)

    def _counted(self) -> list[int]:
        """Numbers of the rows that make the verdict: layers behind the first, or the first where there are no others."""
        return [i for i, r in enumerate(self.rows) if r["role"] == "layer"] or [0]

    def distance_to_critical(self) -> Result:
        """Mean exponent per layer over the layers after the first, with a bootstrap error over inputs.

        If the absolute value is at most ``parameters["band"]``, the network cannot be told from a critical one, since its depth and width are
        finite. ``parameters["phase"]`` is the phase. If one of the layers was not measured, the value is NaN and the phase None; rows that pool
        pixels or tokens are left out.
        """
        counted = self._counted()
        inner = self.growth[counted]
        if np.isnan(inner).any() or any(
            f.kind in (Kind.BYPASSED, Kind.BRANCHES, Kind.OUTSIDE) and f.severity is Severity.INVALID for f in self.flags
        ):
            return Result(math.nan, None, parameters={"band": math.nan, "phase": None}, warnings=self.warnings)
        by_input = inner.mean(0)
        by_input = by_input[np.isfinite(by_input)]
        if not by_input.size:
            return Result(
                -math.inf, None, parameters={"band": math.nan, "phase": "ordered"}, warnings=("differences die out completely",)
            )
        rng = np.random.default_rng(0)
        means = rng.choice(by_input, (400, by_input.size)).mean(1)
        value, error = float(by_input.mean()), float(means.std(ddof=1))
        widths = np.array([self.rows[i]["width"] for i in counted], float)
        # One draw of Gaussian weights moves the log growth of a layer of n units by about 1 / sqrt(2 n).
        fluctuation = math.sqrt((0.5 / widths).sum()) / len(widths)
        band = max(2 * error, depth_band(len(widths)), 2 * fluctuation)
        phase = "critical" if abs(value) < band else "ordered" if value < 0 else "chaotic"
        layers = np.arange(1, len(self.rows) + 1)
        return Result(
            value, error, (layers, self.lyapunov), None, {"band": band, "phase": phase, "finite_width": fluctuation}, self.warnings
        )

    @property
    def phase(self) -> str | None:
        """ "ordered", "critical" or "chaotic", with a band for finite depth and width; None if a layer was not measured."""
        found: str | None = self.distance_to_critical().parameters["phase"]
        return found

    def suggest_gain(self) -> np.ndarray:
        """Factors on the weights of each layer that make its measured chi 1, one layer after the other; see `gains.suggest_gain`."""
        from weakchaos.renormalization.networks.gains import suggest_gain

        return suggest_gain(self)

    def apply_gain(self, gains: Any = None, inplace: bool = False) -> Any:
        """The model with its weights multiplied by `gains` (the suggested ones by default): a copy, unless `inplace`."""
        from weakchaos.renormalization.networks.gains import apply_gain

        return apply_gain(self, gains, inplace)

    def advice(self) -> Advice:
        """What to change, in at most three sentences; `apply` does it."""
        from weakchaos.reports.probe.advice import advised

        return advised(self)

    def apply(self, inplace: bool = False) -> Any:
        """The model with the advice carried out: a copy, unless `inplace`; unchanged where nothing is to be changed.

        Raises
        ------
        ArgumentError
            If no advice could be given.
        """
        from weakchaos.reports.probe.advice import carried_out

        return carried_out(self, inplace)

    def table(self, verdict: bool = True) -> str:
        """Layers and warnings as text, and, with `verdict`, the exponent of the network and the advice."""
        shown_columns = [c for c in _COLUMNS if any(_known(r.get(c)) for r in self.rows)]
        if any(_known(r.get("c_tokens")) for r in self.rows):
            shown_columns += ["c_tokens", "angle_exponent"]
        rows = [{c: (None if not _known(r.get(c)) else r[c]) for c in shown_columns} for r in self.rows]
        distance = self.distance_to_critical()
        error = "" if distance.stderr is None else f" ± {distance.stderr:.4f}"
        exponent = (
            "No exponent and no phase of the network: not all of its layers were measured."
            if distance.parameters["phase"] is None
            else f"Exponent per layer {distance.value:.4f}{error} nats, {distance.parameters['phase']}"
            f" (critical within ±{distance.parameters['band']:.4f} at this depth and width)."
        )
        before = [exponent, *([] if self.tokens is None else [self.tokens.sentence])] if verdict else []
        after = [f"> {self.advice()}"] if verdict else []
        words = [*before, *(f"! {w}" for w in self.warnings), *after]
        return "\n".join([aligned(rows, shown_columns), *([""] if words else []), *words])

    __str__ = table

    def _repr_html_(self) -> str:
        """What a notebook shows: the table, the verdict and the warnings."""
        from html import escape

        return f"<pre>{escape(self.table())}</pre>"

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        distance = self.distance_to_critical()
        return {
            "format": "weakchaos probe 1",
            "activation": self.activation,
            "depth": self.depth,
            "exponent_per_layer": distance.value,
            "stderr": distance.stderr,
            "band": distance.parameters["band"],
            "phase": distance.parameters["phase"],
            "rows": [dict(r) for r in self.rows],
            "warnings": list(self.warnings),
            "flags": [flag.to_plain() for flag in self.flags],
            "advice": {"kind": (advice := self.advice()).kind, "sentences": list(advice.sentences), "layers": list(advice.layers)},
        }

    def to_html(self, path: Any, heading: str = "Probe of a network", command: str = "") -> Path:
        """Sentences, figures and table as one self-contained page."""
        from weakchaos.reports.probe.probe_page import write_probe_html

        return write_probe_html(self, path, heading, command)

    def to_json(self, path: Any = None) -> str:
        """`to_dict` as strict JSON; written if `path` is given."""
        from weakchaos.core.plain import strict_json

        return strict_json(self.to_dict(), path)

    def plot(self, kind: str = "flow", path: Any = None, ax: Any = None) -> Figure:
        """One picture: "phase" (layers on the phase diagram), "flow" (correlations by depth) or "waterfall" (spectrum by depth).

        It is saved where `path` is given, and drawn on `ax`, matplotlib axes of your own, where those are.
        """
        from weakchaos.reports.probe.probe_figure import draw_probe

        return draw_probe(self, kind, path, ax=ax)


def _known(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def probe(
    model: Any,
    inputs: Any,
    labels: Any = None,
    layers: Any = "auto",
    activation: Any = "tanh",
    directions: int = 8,
    training: bool = False,
    seed: int = 0,
) -> ProbeReport:
    """Measure the layers of a network with a batch of inputs.

    Parameters
    ----------
    model : torch.nn.Module, list of arrays or (weights, biases), list of callables, or (callable, depth)
        Weights make z' = W phi(z) + b, the first layer W x + b. A callable maps an array of shape (batch, n) to one of shape (batch, m); its method
        ``jvp(z, v)`` is used where it has one.
    inputs : array or tensor of shape (batch, ...)
        At least two inputs.
    labels : array of shape (batch,), optional
        Classes, for correlations within and between them.
    layers : "auto", sequence of str, or class
        For a torch module: the modules whose outputs are measured. "auto" takes repeated blocks if there are any, else all layers with weights.
    activation : str, callable or Activation
        Activation between weights that are given as arrays; the picture of the phase diagram uses it too. In a torch module, activations that
        are known by name are recognised.
    directions : int
        Number of random differences per input.
    training : bool
        Probe a torch module in training mode, with batch statistics and dropout; by default in evaluation mode.
    seed : int

    Returns
    -------
    ProbeReport

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If the shapes of successive layers do not fit, if numbers are not finite (the message names the layer), for a single input, for half
        precision, or if the inputs are on another device than the model.

    References
    ----------
    Poole et al., NeurIPS 2016, arXiv:1606.05340; Schoenholz et al., ICLR 2017, arXiv:1611.01232.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> weights = [rng.normal(size=(200, 200)) * (1.0 / 200) ** 0.5 for _ in range(10)]
    >>> report = probe(weights, rng.normal(size=(20, 200)), activation="tanh")
    >>> report.phase, bool(abs(report.rows[5]["sigma_w2"] - 1) < 0.05)
    ('ordered', True)
    """
    from weakchaos.renormalization.theory.activations import Activation
    from weakchaos.renormalization.theory.activations import activation as as_activation

    directions = whole_number("directions", directions, 1)
    # A key of its own: under the seed that drew the weights, differences would be the weights' own numbers.
    key = np.random.SeedSequence([0x70726F6265, whole_number("seed", seed, 0, math.inf)])

    name: str | None
    tokens = False
    if "torch" in sys.modules and _is_module(model):
        from weakchaos.renormalization.networks.torch import activation_of, plain_module
        from weakchaos.renormalization.networks.torch_signals import record_module

        model = plain_module(model)
        recording = record_module(model, inputs, directions, int(key.generate_state(1)[0]), layers, training)
        name = activation_of(model)
        tokens = any(z.ndim == 3 for z in recording.outputs)
    else:
        chain = chain_of(model, activation)
        x = real_array("inputs", inputs)
        if x.ndim < 2 or len(x) < 2:
            raise ArgumentError(
                f"`inputs` must be a batch of at least 2, of shape (batch, ...), as correlations are between inputs; got shape {x.shape}"
            )
        if not np.isfinite(x).all():
            raise ArgumentError("`inputs` must be finite")
        first = chain[0].weight if isinstance(chain[0], WeightLayer) else None
        if first is not None and x.shape[1:] != (first.shape[1],):
            raise ArgumentError(f"`inputs` must have shape (batch, {first.shape[1]}) for this model; got {x.shape}")
        recording = record_chain(chain, x, directions, np.random.default_rng(key))
        name = (
            activation
            if isinstance(activation, str)
            else activation.name
            if isinstance(activation, Activation)
            else as_activation(activation).name
        )
        name = name if first is not None else None
    if labels is not None:
        labels = np.asarray(labels)
        if labels.shape != (recording.outputs[0].shape[0],):
            raise ArgumentError(
                f"`labels` must have shape ({recording.outputs[0].shape[0]},), one for each input; got {labels.shape}"
            )
    rows = probe_rows(recording, labels, tokens)
    growth = np.where(np.array(recording.measured)[:, None], recording.growth.mean(1), np.nan)
    options = {"layers": layers, "activation": activation, "directions": directions, "training": training, "seed": seed}
    pair = None
    if tokens:
        from weakchaos.renormalization.networks.torch_tokens import tokens_of_rows

        pair = tokens_of_rows(model, inputs, [r["layer"] for r in rows], int(key.generate_state(1)[0]) % 2**31)
    return ProbeReport(rows, name, max(1, len(rows) - 1), probe_flags(rows, recording), growth, model, inputs, options, pair)


def _is_module(model: Any) -> bool:
    from weakchaos.renormalization.networks.torch import is_module

    return is_module(model)


def _scaling(*arguments: Any, **options: Any) -> Any:
    """Powers of the width with which the layers of networks change; see `weakchaos.renormalization.width_scaling`."""
    from weakchaos.reports.probe.width_scaling import scaling

    return scaling(*arguments, **options)


probe.scaling = _scaling  # type: ignore[attr-defined]
