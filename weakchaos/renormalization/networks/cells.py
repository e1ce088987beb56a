"""Cells of recurrent networks: one step of the state, and its exact derivative along many differences at once.

With the rows of the recurrent weights named by gate, a = W h + V x + b, and derivatives written out (conventions and order of gates are PyTorch's):

    rate unit, reservoir   h' = (1 - l) h + l phi(a)
    LSTM (i, f, g, o)      c' = f c + i g,  h' = o tanh(c')             dc' = f dc + c f(1-f) da_f + g i(1-i) da_i + i(1-g^2) da_g,
                                                                        dh' = tanh(c') o(1-o) da_o + o(1-tanh(c')^2) dc'
    GRU (r, z, n)          n = tanh(V_n x + b_in + r u), u = W_n h + b_hn,  h' = (1-z) n + z h
                                                                        dh' = z dh + (h-n) z(1-z) da_z + (1-z)(1-n^2) (r du + u r(1-r) da_r)

LSTM: Hochreiter and Schmidhuber, Neural Comput. 9 (1997) 1735, doi:10.1162/neco.1997.9.8.1735, with the forget gate of Gers, Schmidhuber and Cummins,
doi:10.1162/089976600300015015. GRU: Cho et al., arXiv:1406.1078, with the recurrent bias of the candidate inside of the reset gate. Reservoir: Jaeger,
Lukosevicius, Popovici and Siewert, Neural Netw. 20 (2007) 335, doi:10.1016/j.neunet.2007.04.016.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import number_that, real_array
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.renormalization.theory.activations import Activation
from weakchaos.renormalization.theory.activations import activation as as_activation

__all__ = ["RecurrentCell"]

_GATES = {"rate": 1, "lstm": 4, "gru": 3}


@dataclass(frozen=True)
class RecurrentCell:
    """One recurrent layer: a rate unit (RNN, reservoir), an LSTM or a GRU.

    Attributes
    ----------
    kind : {"rate", "lstm", "gru"}
    weight_hh : array of shape (gates * units, width)
        Recurrent weights; 1, 4 (i, f, g, o) or 3 (r, z, n) gates. The width is the number of units, or that of the projection.
    weight_ih : array of shape (gates * units, features), optional
        Input weights; a cell without them takes no inputs.
    bias_ih, bias_hh : arrays of shape (gates * units,), optional
    weight_hr : array of shape (width, units), optional
        Projection of an LSTM.
    leak : float
        Of a rate unit: above 0 and at most 1.
    activation : str, callable or Activation
        Of a rate unit.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> cell = RecurrentCell("rate", 0.5 * np.eye(2))
    >>> cell.units, cell.sizes
    (2, (2,))
    """

    kind: str
    weight_hh: Any
    weight_ih: Any = None
    bias_ih: Any = None
    bias_hh: Any = None
    weight_hr: Any = None
    leak: float = 1.0
    activation: Any = "tanh"

    def __post_init__(self) -> None:
        if self.kind not in _GATES:
            raise ArgumentError(f"`kind` must be one of {', '.join(_GATES)}; got {shown(self.kind)}")
        hh = _finite("weight_hh", self.weight_hh)
        gates = _GATES[self.kind]
        if hh.ndim != 2 or not hh.size or hh.shape[0] % gates:
            raise ArgumentError(
                f"`weight_hh` must have shape ({gates} * units, width) for a cell of kind {self.kind}; got {hh.shape}"
            )
        rows, units = hh.shape[0], hh.shape[0] // gates
        hr = None if self.weight_hr is None else _finite("weight_hr", self.weight_hr)
        if hr is not None and (self.kind != "lstm" or hr.shape != (hh.shape[1], units)):
            raise ArgumentError(f"`weight_hr` is for an LSTM and must have shape ({hh.shape[1]}, {units}); got {hr.shape}")
        if hr is None and hh.shape[1] != units:
            raise ArgumentError(
                f"`weight_hh` must have shape ({gates} * units, units); got {hh.shape}, which is no square for each gate"
            )
        ih = np.zeros((rows, 0)) if self.weight_ih is None else _finite("weight_ih", self.weight_ih)
        if ih.ndim != 2 or len(ih) != rows:
            raise ArgumentError(f"`weight_ih` must have shape ({rows}, features); got {ih.shape}")
        for name, value in (("weight_hh", hh), ("weight_ih", ih), ("weight_hr", hr)):
            object.__setattr__(self, name, value)
        for name in ("bias_ih", "bias_hh"):
            given = getattr(self, name)
            bias = np.zeros(rows) if given is None else _finite(name, given)
            if bias.shape != (rows,):
                raise ArgumentError(f"`{name}` must have shape ({rows},); got {bias.shape}")
            object.__setattr__(self, name, bias)
        object.__setattr__(self, "leak", number_that("leak", self.leak, "above 0 and at most 1", lambda v: 0 < v <= 1))
        if self.kind != "rate" and self.leak != 1:
            raise ArgumentError(f"`leak` is for rate units; a cell of kind {self.kind} has gates")
        object.__setattr__(self, "activation", as_activation(self.activation))

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.weight_hh) // _GATES[self.kind]

    @property
    def features(self) -> int:
        """Number of inputs."""
        return int(self.weight_ih.shape[1])

    @property
    def sizes(self) -> tuple[int, ...]:
        """Lengths of the parts of the state: h, and c of an LSTM."""
        return (self.weight_hh.shape[1], self.units) if self.kind == "lstm" else (self.units,)

    def step(self, state: tuple[np.ndarray, ...], x: np.ndarray) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        """The next state, and the numbers that `push` needs.

        Parameters
        ----------
        state : tuple of arrays of the lengths `sizes`
        x : array of shape (features,)
        """
        from scipy.special import expit

        h = state[0]
        given, own = self.weight_ih @ x + self.bias_ih, self.weight_hh @ h + self.bias_hh
        if self.kind == "rate":
            phi: Activation = self.activation
            a = given + own
            return ((1 - self.leak) * h + self.leak * phi.function(a),), (self.leak * phi.derivative(a),)
        n = self.units
        if self.kind == "lstm":
            a = given + own
            enters, keeps, candidate, leaves = expit(a[:n]), expit(a[n : 2 * n]), np.tanh(a[2 * n : 3 * n]), expit(a[3 * n :])
            cell = keeps * state[1] + enters * candidate
            squashed = np.tanh(cell)
            raw = leaves * squashed
            lstm = (
                keeps,
                np.concatenate([candidate * enters * (1 - enters), state[1] * keeps * (1 - keeps), enters * (1 - candidate**2)]),
                squashed * leaves * (1 - leaves),
                leaves * (1 - squashed**2),
            )
            return (raw if self.weight_hr is None else self.weight_hr @ raw, cell), lstm
        reset, update = expit(given[:n] + own[:n]), expit(given[n : 2 * n] + own[n : 2 * n])
        inner = own[2 * n :]
        new = np.tanh(given[2 * n :] + reset * inner)
        slope = (1 - update) * (1 - new**2)
        parts = (update, (h - new) * update * (1 - update), slope, slope * reset, slope * inner * reset * (1 - reset))
        return ((1 - update) * new + update * h,), parts

    def push(
        self, parts: tuple[np.ndarray, ...], moved: tuple[np.ndarray, ...], entering: np.ndarray | None = None
    ) -> tuple[np.ndarray, ...]:
        """Differences after the step that made `parts`.

        Parameters
        ----------
        parts : tuple of arrays
            From `step`.
        moved : tuple of arrays of shapes (size, k)
            Differences of the parts of the state.
        entering : array of shape (features, k), optional
            Differences of the inputs; none by default.
        """
        dh = moved[0]
        own = self.weight_hh @ dh
        given = None if entering is None else self.weight_ih @ entering
        if self.kind == "rate":
            out = parts[0][:, None] * (own if given is None else own + given)
            if self.leak != 1:
                out += (1 - self.leak) * dh
            return (out,)
        n = self.units
        if self.kind == "lstm":
            a = own if given is None else own + given
            keeps, slopes, output, squash = parts
            # In place where it can be: these products are as dear as the matrix product for small networks.
            inner = a[: 3 * n]
            inner *= slopes[:, None]
            cell = keeps[:, None] * moved[1]
            cell += inner[:n]
            cell += inner[n : 2 * n]
            cell += inner[2 * n :]
            raw = a[3 * n :]
            raw *= output[:, None]
            raw += squash[:, None] * cell
            return (raw if self.weight_hr is None else self.weight_hr @ raw, cell)
        update, gate, slope, through, reset = (p[:, None] for p in parts)
        both = own[: 2 * n] if given is None else own[: 2 * n] + given[: 2 * n]
        out = update * dh + gate * both[n:] + reset * both[:n] + through * own[2 * n :]
        if given is not None:
            out += slope * given[2 * n :]
        return (out,)

    def forgetting(self, parts: tuple[np.ndarray, ...]) -> np.ndarray:
        """What each unit loses of its own memory in the step that made `parts`: 1 - f, 1 - z, or the leak; shape (units,)."""
        return np.full(self.units, self.leak) if self.kind == "rate" else 1 - parts[0]


def _finite(name: str, value: Any) -> np.ndarray:
    array = real_array(name, value)
    if not np.isfinite(array).all():
        raise ArgumentError(f"`{name}` must be finite; it has {int((~np.isfinite(array)).sum())} entries that are not")
    return np.ascontiguousarray(array, np.float64)
