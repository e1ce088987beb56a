"""Lyapunov spectra of recurrent networks under inputs, and of networks whose output is fed back, by orthonormal frames.

QR exponents are the mean logarithms of the diagonals of R in J Q = Q' R (Benettin, Galgani, Giorgilli and Strelcyn, Meccanica 15 (1980) 9,
doi:10.1007/BF02128236).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.diagnostics.orbits.spectrum import Spectrum, spectrum_of
from weakchaos.renormalization.networks.signals import chain_of
from weakchaos.renormalization.networks.torch_cells import is_torch_module
from weakchaos.renormalization.theory.activations import activation as as_activation

__all__ = ["LayerStack", "closed_loop_spectrum", "recurrent_spectrum"]


def _orthonormal(rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    return np.linalg.qr(rng.standard_normal((n, k)))[0]


def recurrent_spectrum(
    weights: Any,
    inputs: Any = None,
    steps: int | None = None,
    k: int | None = None,
    activation: Any = "tanh",
    bias: Any = None,
    input_weights: Any = None,
    leak: float = 1.0,
    transient: int = 100,
    every: int = 10,
    initial: Any = None,
    seed: int = 0,
) -> Spectrum:
    """Lyapunov spectrum of a recurrent network h' = (1 - leak) h + leak (W phi(h) + V u + b), with or without inputs u.

    Parameters
    ----------
    weights : array of shape (n, n)
        W. An echo-state or Elman network in activations, a' = phi(W a + ...), has the same exponents.
    inputs : array of shape (steps, m), optional
        The input u of each step; the exponents are then conditional on these inputs.
    steps : int, optional
        Number of steps that are measured after the transient; by default the length of `inputs` minus the transient, or 1000.
    k : int, optional
        Number of exponents; all by default.
    activation : str, callable or Activation
    bias : array of shape (n,), optional
    input_weights : array of shape (n, m), optional
    leak : float
        Above 0 and at most 1; for a network in continuous time it is dt / tau of the Euler steps.
    transient : int
    every : int
        Steps between two orthonormalisations.
    initial : array of shape (n,), optional
    seed : int

    Returns
    -------
    Spectrum
        In nats per step, with errors by batch means, Kaplan-Yorke dimension and Pesin sum.

    Raises
    ------
    ArgumentError

    References
    ----------
    Engelken, Wolf and Abbott, Phys. Rev. Research 5 (2023) 043044, arXiv:2006.02427.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> spectrum = recurrent_spectrum(2.0 * rng.normal(size=(50, 50)) / 50**0.5, steps=200)
    >>> len(spectrum.exponents), bool(spectrum.exponents[0] > 0)
    (50, True)
    """
    if is_torch_module(weights):
        raise ArgumentTypeError(
            "`weights` is a module of torch; its spectrum is RecurrentNetwork(module, inputs).spectrum(k=...), with all its gates and biases"
        )
    w = real_array("weights", weights, "a square array")
    if w.ndim != 2 or w.shape[0] != w.shape[1] or not np.isfinite(w).all():
        raise ArgumentError(f"`weights` must be a finite square array; got shape {w.shape}")
    n = len(w)
    phi = as_activation(activation)
    many = n if k is None else whole_number("k", k, 1, n)
    transient, every = whole_number("transient", transient, 0), whole_number("every", every, 1)
    if not 0 < leak <= 1:
        raise ArgumentError(f"`leak` must be above 0 and at most 1; got {shown(leak)}")
    offset = np.zeros(n) if bias is None else real_array("bias", bias)
    if offset.shape != (n,):
        raise ArgumentError(f"`bias` must have shape ({n},); got {offset.shape}")
    if inputs is None:
        count = 1000 if steps is None else whole_number("steps", steps, every)
        drive = np.broadcast_to(offset, (transient + count, n))
    else:
        u = real_array("inputs", inputs)
        v = np.eye(n) if input_weights is None else real_array("input_weights", input_weights)
        if u.ndim != 2 or v.shape != (n, u.shape[1]):
            raise ArgumentError(f"`inputs` must have shape (steps, m) and `input_weights` ({n}, m); got {u.shape} and {v.shape}")
        count = len(u) - transient if steps is None else whole_number("steps", steps, every)
        if count < every or len(u) < transient + count:
            raise ArgumentError(
                f"`inputs` must be at least {transient + max(count, every)} steps long, the transient of {transient} included; got {len(u)}"
            )
        drive = u @ v.T + offset
    rng = np.random.default_rng(np.random.SeedSequence([0x726E6E, whole_number("seed", seed, 0, math.inf)]))
    h = rng.standard_normal(n) if initial is None else real_array("initial", initial)
    if h.shape != (n,):
        raise ArgumentError(f"`initial` must have shape ({n},); got {h.shape}")
    frame = _orthonormal(rng, n, many)
    logs = []
    rounds = count // every
    # The transient turns the frame into the directions of growth too.
    for t in range(transient + rounds * every):
        frame = (1 - leak) * frame + leak * (w @ (phi.derivative(h)[:, None] * frame))
        with np.errstate(over="ignore", invalid="ignore"):  # a network that diverges is named below
            h = (1 - leak) * h + leak * (w @ phi.function(h) + drive[t])
        if (t + 1 - transient) % every == 0:
            if not np.isfinite(h).all():
                notes = [f"the network diverged after {t + 1} steps: the exponents of an unbounded orbit have no meaning"]
                return spectrum_of(np.empty((0, many)), float(every), n, {"every": every}, notes)
            frame, r = np.linalg.qr(frame)
            if t >= transient:
                with np.errstate(divide="ignore"):
                    logs.append(np.log(np.abs(np.diag(r))))
    parameters = {
        "steps": rounds * every,
        "transient": transient,
        "every": every,
        "k": many,
        "leak": leak,
        "driven": inputs is not None,
    }
    return spectrum_of(np.array(logs), float(every), n, parameters, [])


class LayerStack:
    """A network as a `System`: one step is one layer, and after the last layer the first follows again with the output of the last as its input.

    Over as many steps as there are layers this is the propagation through the network; over more steps the output is fed back as input.

    Parameters
    ----------
    layers : list of callables, or list of weights
        As for `probe`; all must have the same width.
    width : int
    activation : str, callable or Activation
        Activation between weights that are given as arrays.

    Examples
    --------
    >>> from weakchaos.diagnostics import lyapunov_spectrum
    >>> stack = LayerStack([np.array([[0.5, 1.0], [0.0, 0.25]])] * 3, width=2, activation="linear")
    >>> lyapunov_spectrum(stack, steps=600, transient=60).exponents.round(2).tolist()
    [-0.69, -1.39]
    """

    may_grow = True  # signals that grow from layer to layer are what the exponents are about

    def __init__(self, layers: Any, width: int, activation: Any = "tanh"):
        self.layers = chain_of(layers, activation)
        self.dim = whole_number("width", width, 1)
        probe_row = np.zeros((1, self.dim))
        for k, layer in enumerate(self.layers):
            out = np.asarray(layer(probe_row))
            if out.shape != (1, self.dim):
                raise ArgumentError(
                    f"`layers` must all have width {self.dim}, so that the loop closes; layer {k} makes shape {out.shape[1:]}"
                )

    def __repr__(self) -> str:
        return f"<{len(self.layers)} layers of width {self.dim}>"

    def start(self, seed: Any = None, position: Any = None) -> Any:
        """A state at `position`, or at standard normal numbers."""
        from weakchaos.core.system import State, as_seed

        if position is None:
            x = np.random.default_rng(as_seed(seed)).standard_normal(self.dim)
        else:
            as_seed(seed)
            x = real_array("position", position)
        if x.shape != (self.dim,) or not np.isfinite(x).all():
            raise ArgumentError(f"`position` must be {self.dim} finite numbers; got {shown(position)}")
        return State(phase=x, symbols=np.zeros(1, np.int64))

    def advance(self, state: Any, n: int, every: int = 1) -> np.ndarray:
        """Move `state` by `n` layers; activations after each `every`-th, shape (n // every, width)."""
        if every < 1 or n < 0 or n % every:
            raise ArgumentError(f"`n` must be a multiple of `every`, both positive; got n={n}, every={every}")
        out = np.empty((n // every, self.dim))
        for t in range(n):
            layer = self.layers[int(state.symbols[0])]
            state.phase[:] = np.asarray(layer(state.phase[None]))[0]
            state.symbols[0] = (state.symbols[0] + 1) % len(self.layers)
            if (t + 1) % every == 0:
                out[(t + 1) // every - 1] = state.phase
        return out

    def tangent(self, state: Any, n: int, vectors: np.ndarray) -> np.ndarray:
        """Move `state` and `vectors`, columns of shape (width, k), by `n` layers under the linearised map; the moved vectors."""
        from weakchaos.renormalization.networks.signals import _jvp

        moved = np.ascontiguousarray(np.asarray(vectors, np.float64).T)
        for _ in range(n):
            layer = self.layers[int(state.symbols[0])]
            at = np.repeat(state.phase[None], len(moved), axis=0)
            moved = _jvp(layer, at, moved, "the layer")
            self.advance(state, 1)
        return moved.T


def closed_loop_spectrum(
    function: Callable[[np.ndarray], Any],
    initial: Any,
    k: int | None = 1,
    steps: int = 1000,
    transient: int = 100,
    activation: Any = "tanh",
    seed: int = 0,
) -> Spectrum:
    """Exponents of a network whose output is fed back as its input: nats per pass, which is not the exponent per layer.

    Parameters
    ----------
    function : callable, list of layers or weights
        Maps arrays of shape (batch, n) to arrays of the same shape.
    initial : array of shape (n,)
    k : int, optional
        Number of exponents; None for all.
    steps, transient : int
        Number of passes that are measured, and of passes before them.
    activation
        Activation between weights that are given as arrays.
    seed : int

    Returns
    -------
    Spectrum

    Raises
    ------
    ArgumentError, ArgumentTypeError

    References
    ----------
    Feng, Zhang and Lai, arXiv:1909.05176, close trained networks on themselves in this way.

    Examples
    --------
    >>> round(float(closed_loop_spectrum(lambda x: 4 * x * (1 - x), [0.3], steps=5000)), 1)
    0.7
    """
    from weakchaos.diagnostics.orbits.spectrum import lyapunov_spectrum

    if not callable(function) and not isinstance(function, list | tuple):
        raise ArgumentTypeError(f"`function` must be callable, or a list of layers; got {shown(function)}")
    layers = [function] if callable(function) else list(function)
    start = real_array("initial", initial)
    if start.ndim != 1:
        raise ArgumentError(f"`initial` must have shape (n,); got shape {start.shape}")
    stack = LayerStack(layers, start.size, activation)
    state = stack.start(0, start)
    depth = len(stack.layers)
    result = lyapunov_spectrum(stack, k, steps * depth, transient * depth, every=depth, seed=seed, state=state)
    return _per_pass(result, depth)


def _per_pass(result: Spectrum, depth: int) -> Spectrum:
    from dataclasses import replace

    if depth == 1:
        return result
    return replace(
        result,
        value=result.value * depth,
        stderr=result.stderr * depth,
        exponents=result.exponents * depth,
        times=result.times / depth,
        history=result.history * depth,
        curve=(result.times / depth, result.curve[1] * depth),
        pesin=None if result.pesin is None else result.pesin * depth,
    )
