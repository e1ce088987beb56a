"""A recurrent network as a System: its whole state moves by one map per time step, and differences by the exact derivative of that map.

Without inputs, or with the same input in every step, the map is autonomous. Under a sequence of inputs u_t the state moves by h' = F(h, u_t), and exponents
are conditional on the inputs (Engelken, Wolf and Abbott, Phys. Rev. Research 5 (2023) 043044, arXiv:2006.02427). A module of several layers is one map of
the stacked state; under inputs its layers may be taken one by one as well, since none acts back on those below it.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from weakchaos.core.arguments import real_array, steps_and_columns, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.system import State, as_seed, step_by_step
from weakchaos.renormalization.networks.cells import RecurrentCell
from weakchaos.renormalization.networks.torch_cells import cells_of, is_torch_module

if TYPE_CHECKING:
    from weakchaos.renormalization.networks.recurrent_exponents import RecurrentSpectrum

__all__ = ["RecurrentNetwork"]


class RecurrentNetwork:
    """RNN, LSTM, GRU or reservoir, of one or more layers, as a `System` with its exact tangent map.

    Parameters
    ----------
    model : torch.nn.RNN, LSTM, GRU, one of their cells, a `RecurrentCell`, or a list of `RecurrentCell`
        Cells of a list are layers: each receives h of the one before.
    inputs : array of shape (features,), (steps, features) or (sequences, steps, features), optional
        The same input in every step; one sequence, which begins again after its end; or a data set of sequences, of which a start takes one. Zeros by
        default. The order of the axes does not depend on ``batch_first``.
    layer : int, optional
        One layer alone; under inputs it receives what the layers below it make of them, from zero states. All layers as one map by default.
    feedback : array of shape (features, outputs), optional
        The closed loop x_t = feedback h_t + offset, h_t the output of the last layer; instead of `inputs`.
    offset : array of shape (features,), optional

    Attributes
    ----------
    dim : int
        Length of the state: h of all layers, each followed by c in an LSTM.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If shapes do not fit, if a number is not finite, or of a bidirectional module.

    Examples
    --------
    >>> import numpy as np
    >>> from weakchaos.diagnostics import lyapunov_spectrum
    >>> network = RecurrentNetwork(RecurrentCell("rate", np.diag([0.9, 0.5]), activation="linear"))
    >>> lyapunov_spectrum(network, steps=50, transient=50).exponents.round(4).tolist()
    [-0.1054, -0.6931]
    """

    def __init__(self, model: Any, inputs: Any = None, layer: int | None = None, feedback: Any = None, offset: Any = None):
        cells = _cells(model)
        features = cells[0].features
        self.sequences = None if inputs is None else _sequences(inputs, features)
        if layer is not None:
            number = whole_number("layer", layer, 0, len(cells) - 1)
            if self.sequences is not None:
                for below in cells[:number]:
                    self.sequences = np.stack([_outputs(below, s) for s in self.sequences])
            elif feedback is not None:
                raise ArgumentError(
                    "`layer` takes one layer alone, and `feedback` closes the loop over all of them: give one of the two"
                )
            cells = [cells[number]]
            features = cells[0].features
        self.cells = tuple(cells)
        self.driven = self.sequences is not None and self.sequences.shape[1] > 1
        outputs = cells[-1].sizes[0]
        self.feedback, self.offset = None, np.zeros(features)
        if feedback is not None:
            if inputs is not None:
                raise ArgumentError("`feedback` makes the inputs of the network: give either `inputs` or `feedback`")
            self.feedback = real_array("feedback", feedback)
            if self.feedback.shape != (features, outputs) or not np.isfinite(self.feedback).all():
                raise ArgumentError(
                    f"`feedback` must have shape ({features}, {outputs}) and be finite; got shape {self.feedback.shape}"
                )
        if offset is not None:
            if feedback is None:
                raise ArgumentError("`offset` belongs to `feedback`; a constant input is given as `inputs` of shape (features,)")
            self.offset = real_array("offset", offset)
            if self.offset.shape != (features,) or not np.isfinite(self.offset).all():
                raise ArgumentError(f"`offset` must have shape ({features},) and be finite; got shape {self.offset.shape}")
        ends = np.cumsum([0, *(s for cell in cells for s in cell.sizes)])
        self._cuts = [slice(int(a), int(b)) for a, b in itertools.pairwise(ends)]
        self.dim = int(ends[-1])

    def __repr__(self) -> str:
        kinds = ", ".join(f"{c.kind} of {c.units} units" for c in self.cells)
        drive = "closed loop" if self.feedback is not None else "driven" if self.driven else "autonomous"
        return f"<RecurrentNetwork: {kinds}; {drive}>"

    # ---- the System ----------------------------------------------------------------------------------------------------------------

    def start(self, seed: Any = None, position: Any = None, sequence: int | None = None) -> State:
        """A state at `position`, or at standard normal numbers; under a data set at the beginning of a sequence, drawn with `seed` unless it is given."""
        rng = np.random.default_rng(as_seed(seed))
        if position is None:
            phase = rng.standard_normal(self.dim)
        else:
            phase = real_array("position", position)
            if phase.shape != (self.dim,) or not np.isfinite(phase).all():
                raise ArgumentError(f"`position` must hold {self.dim} finite numbers; got {shown(position)}")
        count = 1 if self.sequences is None else len(self.sequences)
        chosen = int(rng.integers(count)) if sequence is None else whole_number("sequence", sequence, 0, count - 1)
        return State(phase=phase, symbols=np.array([chosen, 0] if self.driven else [], np.int64))

    def advance(self, state: State, n: int, every: int = 1) -> np.ndarray:
        """Move `state` by `n` steps; the whole state after each `every`-th, shape (n // every, dim)."""
        return step_by_step(lambda: self._step(state, None), state, n, every)

    def tangent(self, state: State, n: int, vectors: Any) -> np.ndarray:
        """Move `state` by `n` steps and `vectors`, columns of shape (dim, k), by the linearised map; the moved vectors."""
        n, moved = steps_and_columns(n, vectors, self.dim)
        for _ in range(n):
            moved = self._step(state, moved)
        return moved

    def jacobian(self, state: State) -> np.ndarray:
        """The derivative of the next step, of shape (dim, dim); the state is not moved."""
        return self.tangent(state.copy(), 1, np.eye(self.dim))

    def spectrum(
        self,
        k: int | None = None,
        steps: int | None = None,
        transient: int | None = None,
        starts: int | None = None,
        every: int | None = None,
        initial: Any = None,
        seed: int = 0,
    ) -> RecurrentSpectrum:
        """The k largest Lyapunov exponents, from several starts.

        Parameters
        ----------
        k : int, optional
            Number of exponents; all by default.
        steps, transient : int, optional
            Measured steps of each start, and steps before them. By default 1,000 after 500; under inputs the first fifth of a sequence is the transient, and
            the rest is measured.
        starts : int, optional
            3 by default; of a data set every sequence once.
        every : int, optional
            Steps between two orthonormalisations; chosen by itself otherwise.
        initial : "zeros", "normal", array of shape (dim,) or (starts, dim), optional
            First states. By default zeros for the sequences of a data set, as in torch, and standard normal numbers for all others.
        seed : int

        Returns
        -------
        RecurrentSpectrum
            In nats per step, with errors that cover the scatter between starts, the fixed points that are approached, the verdict and its sentence.

        Raises
        ------
        ArgumentError

        Examples
        --------
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> network = RecurrentNetwork(RecurrentCell("rate", 0.5 * rng.normal(size=(40, 40)) / 40**0.5))
        >>> found = network.spectrum(k=2, steps=200)
        >>> found.verdict, bool(abs(found.leading - np.log(np.abs(np.linalg.eigvals(network.cells[0].weight_hh)).max())) < 1e-9)
        ('ordered', True)
        """
        from weakchaos.renormalization.networks.recurrent_exponents import network_spectrum

        return network_spectrum(self, k, steps, transient, starts, every, initial, seed)

    # ---- inside --------------------------------------------------------------------------------------------------------------------

    def _step(self, state: State, moved: np.ndarray | None) -> Any:
        phase, x = state.phase, self._input(state)
        dx = None if moved is None or self.feedback is None else self.feedback @ moved[self._cuts[-len(self.cells[-1].sizes)]]
        part, made, differences = 0, list[np.ndarray](), list[np.ndarray]()
        # A network whose state grows without bound is seen by whoever measures it.
        with np.errstate(over="ignore", invalid="ignore"):
            for cell in self.cells:
                cuts = self._cuts[part : part + len(cell.sizes)]
                part += len(cell.sizes)
                new, numbers = cell.step(tuple(phase[c] for c in cuts), x)
                made += new
                if moved is not None:
                    after = cell.push(numbers, tuple(moved[c] for c in cuts), dx)
                    differences += after
                    dx = after[0]
                x = new[0]
        phase[:] = np.concatenate(made)
        if self.driven:
            assert self.sequences is not None
            state.symbols[1] = (state.symbols[1] + 1) % self.sequences.shape[1]
        return None if moved is None else np.concatenate(differences)

    def _input(self, state: State) -> np.ndarray:
        if self.feedback is not None:
            return self.feedback @ state.phase[self._cuts[-len(self.cells[-1].sizes)]] + self.offset
        if self.sequences is None:
            return self.offset
        return self.sequences[tuple(state.symbols)] if self.driven else self.sequences[0, 0]

    def forgetting(self, state: State) -> list[tuple[slice, np.ndarray]]:
        """For each layer the part of the state that its gates keep (c of an LSTM, else h), and what each unit loses of it in the next step."""
        x, part, found = self._input(state), 0, []
        for cell in self.cells:
            cuts = self._cuts[part : part + len(cell.sizes)]
            part += len(cell.sizes)
            new, numbers = cell.step(tuple(state.phase[c] for c in cuts), x)
            found.append((cuts[-1], cell.forgetting(numbers)))
            x = new[0]
        return found


def _cells(model: Any) -> list[RecurrentCell]:
    if is_torch_module(model):
        return cells_of(model)
    cells = [model] if isinstance(model, RecurrentCell) else list(model) if isinstance(model, list | tuple) else []
    if not cells or not all(isinstance(c, RecurrentCell) for c in cells):
        raise ArgumentTypeError(
            f"`model` must be an RNN, LSTM or GRU of torch, a RecurrentCell, or a list of them; got {shown(model)}"
        )
    for k, (below, above) in enumerate(itertools.pairwise(cells)):
        if above.features != below.sizes[0]:
            raise ArgumentError(f"`model`: layer {k + 1} takes {above.features} inputs, and layer {k} has {below.sizes[0]} outputs")
    return cells


def _sequences(inputs: Any, features: int) -> np.ndarray:
    """Inputs of shape (sequences, steps, features)."""
    if hasattr(inputs, "detach"):
        from weakchaos.renormalization.networks.torch import tensor_of

        inputs = tensor_of("inputs", inputs).cpu().numpy()
    array = real_array("inputs", inputs)
    if not 1 <= array.ndim <= 3 or array.shape[-1] != features or not array.size:
        raise ArgumentError(
            f"`inputs` must have shape ({features},), (steps, {features}) or (sequences, steps, {features}), none of them 0, for this network; got {array.shape}"
        )
    if not np.isfinite(array).all():
        raise ArgumentError("`inputs` must be finite")
    return array.reshape((1,) * (3 - array.ndim) + array.shape)


def _outputs(cell: RecurrentCell, sequence: np.ndarray) -> np.ndarray:
    """The outputs of one layer over a sequence, from a zero state."""
    state = tuple(np.zeros(s) for s in cell.sizes)
    made = np.empty((len(sequence), cell.sizes[0]))
    for t, x in enumerate(sequence):
        state, _ = cell.step(state, x)
        made[t] = state[0]
    return made
