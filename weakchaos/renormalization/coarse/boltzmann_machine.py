"""Restricted Boltzmann machines, trained with samples from any sampler of this library, and the flow of configurations that they induce.

p(v, h) ~ exp(v' W h + a' v + b' h) over 0/1 units. Training follows the gradient of the likelihood, <v h>_data - <v h>_model; the second term comes from
chains that persist from update to update (Tieleman, ICML 2008, doi:10.1145/1390156.1390290), and the sampler may be random or deterministic. The
flow v -> h -> v' of a trained machine is not a renormalization step: Iso, Shiba and Yokoo (Phys. Rev. E 97 (2018) 053304, arXiv:1801.07172) found that
it leads to the critical point and not away from it. Here the temperatures along the flow follow from exact energies, and not from another network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_number, whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.core.scatter import standard_error
from weakchaos.targets.mrf import PairwiseMRF

__all__ = ["FlowOfMachine", "RestrictedBoltzmannMachine", "machine_flow", "train_machine"]

_EXACT = 20


def _logistic(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * x))


def _units(values: Any, name: str) -> np.ndarray:
    x = np.asarray(values)
    if x.ndim != 2 or len(x) < 2 or x.dtype.kind not in "biuf":
        raise ArgumentError(f"`{name}` must have shape (samples, units); got shape {x.shape}")
    if np.isin(x, (-1, 1)).all():
        x = (x + 1) // 2
    if not np.isin(x, (0, 1)).all():
        raise ArgumentError(f"`{name}` must hold 0 and 1, or -1 and +1; got values from {x.min()} to {x.max()}")
    return x.astype(np.float64)


@dataclass(frozen=True)
class RestrictedBoltzmannMachine:
    r"""A machine of 0/1 units.

    Attributes
    ----------
    weights : array of shape (visible, hidden)
    visible, hidden : arrays of shape (visible,) and (hidden,)
        Biases.
    history : tuple of float
        Mean absolute difference between the statistics of data and model after each update; with few chains it is mostly noise.

    Notes
    -----
    $$p(v, h) \propto \exp\left(v^T W h + a^T v + b^T h\right)$$

    Examples
    --------
    >>> machine = RestrictedBoltzmannMachine(np.zeros((3, 2)), np.zeros(3), np.zeros(2))
    >>> machine.model().dim, round(machine.log_likelihood(np.zeros((2, 3))), 4)  # -3 ln 2
    (5, -2.0794)
    """

    weights: np.ndarray
    visible: np.ndarray
    hidden: np.ndarray
    history: tuple[float, ...] = field(default=(), repr=False)

    def model(self) -> PairwiseMRF:
        """The machine as a target whose first units are the visible ones."""
        v, h = self.weights.shape
        couplings = np.zeros((v + h, v + h))
        couplings[:v, v:] = self.weights
        return PairwiseMRF(couplings + couplings.T, np.concatenate([self.visible, self.hidden]))

    def hidden_means(self, v: np.ndarray) -> np.ndarray:
        """P(h = 1 | v)."""
        return _logistic(v @ self.weights + self.hidden)

    def visible_means(self, h: np.ndarray) -> np.ndarray:
        """P(v = 1 | h)."""
        return _logistic(h @ self.weights.T + self.visible)

    def free_energy(self, v: np.ndarray) -> np.ndarray:
        """-ln of the unnormalised probability of visible states."""
        return -(v @ self.visible + np.logaddexp(0, v @ self.weights + self.hidden).sum(-1))

    def log_likelihood(self, v: Any) -> float:
        """Mean log probability of visible states, exactly; for machines with at most 20 visible or hidden units."""
        x = _units(v, "v")
        few, flip = min(self.weights.shape), self.weights.shape[1] < self.weights.shape[0]
        if few > _EXACT:
            raise ArgumentError(f"`log_likelihood` sums over all states of the smaller layer, at most {_EXACT} units; it has {few}")
        states = (np.arange(1 << few)[:, None] >> np.arange(few)) & 1
        side = RestrictedBoltzmannMachine(self.weights.T, self.hidden, self.visible) if flip else self
        minus = -side.free_energy(states.astype(float))
        top = minus.max()
        return float(-self.free_energy(x).mean() - (top + math.log(np.exp(minus - top).sum())))


def train_machine(
    data: Any,
    n_hidden: int,
    sampler: Any = None,
    updates: int = 500,
    chains: int = 20,
    sweeps: int = 1,
    step_size: float = 0.05,
    batch: int = 100,
    decay: float = 1e-4,
    seed: Any = 0,
) -> RestrictedBoltzmannMachine:
    """Fit a restricted Boltzmann machine; persistent chains sample the model's term of the gradient.

    Parameters
    ----------
    data : array of shape (samples, visible)
        0 and 1, or -1 and +1.
    n_hidden : int
    sampler : Sampler, optional
        A sampler of discrete targets: ``Gibbs()`` by default; ``HerdedGibbs("hash")`` draws no random numbers.
    updates : int
    chains : int
        Number of persistent chains.
    sweeps : int
        Number of steps of each chain per update.
    step_size : float
        Step size of the first update; it falls linearly to a tenth of this.
    batch : int
        Number of samples of the data per update.
    decay : float
        Weight decay per update, in units of the step size.
    seed : int

    Returns
    -------
    RestrictedBoltzmannMachine

    Raises
    ------
    ArgumentError

    References
    ----------
    Tieleman, ICML 2008, doi:10.1145/1390156.1390290.

    Examples
    --------
    >>> data = np.repeat([[1, 1, 0], [0, 0, 1]], 50, axis=0)
    >>> machine = train_machine(data, 2, updates=600, step_size=0.5)
    >>> bool(machine.log_likelihood(data) > -3 * np.log(2) + 0.5)
    True
    """
    from weakchaos.samplers.gibbs import Gibbs

    x = _units(data, "data")
    n_hidden, updates = whole_number("n_hidden", n_hidden, 1), whole_number("updates", updates, 1)
    chains, sweeps, batch = (whole_number(n, v, 1) for n, v in (("chains", chains), ("sweeps", sweeps), ("batch", batch)))
    if real_number("step_size", step_size) <= 0:
        raise ArgumentError(f"`step_size` must be positive; got {step_size:g}")
    sampler = Gibbs() if sampler is None else sampler
    rng = np.random.default_rng(seed)
    n = x.shape[1]
    rate = np.clip(x.mean(0), 0.02, 0.98)
    machine = RestrictedBoltzmannMachine(rng.normal(size=(n, n_hidden)) * 0.05, np.log(rate / (1 - rate)), np.zeros(n_hidden))
    states: list[Any] = []
    history = []
    for k in range(updates):
        # The structure stays, so that states of the chains fit every machine; only the numbers in its tables change.
        system = sampler.bind(machine.model())
        if not states:
            states = [system.start([*np.atleast_1d(seed).tolist(), c]) for c in range(chains)]
        draws = np.concatenate([system.advance(s, sweeps) for s in states]).astype(np.float64)
        v, h = draws[:, :n], machine.hidden_means(draws[:, :n])
        seen = x[rng.integers(0, len(x), min(batch, len(x)))]
        found = machine.hidden_means(seen)
        rate_now = step_size * (1 - 0.9 * k / updates)
        gap = seen.T @ found / len(seen) - v.T @ h / len(v)
        machine = RestrictedBoltzmannMachine(
            machine.weights + rate_now * (gap - decay * machine.weights),
            machine.visible + rate_now * (seen.mean(0) - v.mean(0)),
            machine.hidden + rate_now * (found.mean(0) - h.mean(0)),
        )
        history.append(float(np.abs(gap).mean()))
    return RestrictedBoltzmannMachine(machine.weights, machine.visible, machine.hidden, tuple(history))


@dataclass(frozen=True)
class FlowOfMachine:
    """Configurations on a square lattice along the flow v -> h -> v'.

    Attributes
    ----------
    energy, energy_stderr : arrays of shape (steps + 1,)
        Mean energy per spin.
    magnetisation : array of shape (steps + 1,)
        Mean absolute magnetisation.
    temperature : array of shape (steps + 1,)
        Temperature at which the exact energy of the Ising model is the measured one; configurations need not be those of an Ising model.
    spins : int8 array of shape (samples, side, side)
        Configurations after the last step.
    """

    energy: np.ndarray
    energy_stderr: np.ndarray
    magnetisation: np.ndarray
    temperature: np.ndarray
    spins: np.ndarray


def machine_flow(machine: RestrictedBoltzmannMachine, spins: Any, steps: int = 10, seed: Any = 0) -> FlowOfMachine:
    """Pass configurations repeatedly up and down through a machine, and find their temperatures from exact energies.

    Parameters
    ----------
    machine : RestrictedBoltzmannMachine
        A machine with as many visible units as the lattice has spins.
    spins : array of shape (samples, side, side)
        -1 and +1, or 0 and 1.
    steps : int
    seed : int

    Returns
    -------
    FlowOfMachine

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> blind = RestrictedBoltzmannMachine(np.zeros((16, 2)), np.zeros(16), np.zeros(2))
    >>> flow = machine_flow(blind, np.ones((200, 4, 4)), steps=1)
    >>> float(flow.energy[0]), bool(abs(flow.energy[1]) < 0.1)  # what a machine that learnt nothing makes is noise
    (-2.0, True)
    """
    from weakchaos.renormalization.coarse.block_spins import as_spins
    from weakchaos.renormalization.coarse.ising_energy import energy_per_spin, temperature_of_energy

    s = as_spins(spins)
    if s.ndim != 3 or s.shape[1] != s.shape[2] or s.shape[1] ** 2 != len(machine.visible):
        raise ArgumentError(
            f"`spins` must have shape (samples, side, side) with side^2 = {len(machine.visible)}, the visible units; got {s.shape}"
        )
    rng = np.random.default_rng(seed)
    side = s.shape[1]
    v = ((s.reshape(len(s), -1) + 1) // 2).astype(np.float64)
    energy, error, magnetisation, temperature = [], [], [], []
    for k in range(whole_number("steps", steps, 0) + 1):
        if k:
            h = rng.random((len(v), len(machine.hidden))) < machine.hidden_means(v)
            v = (rng.random(v.shape) < machine.visible_means(h.astype(np.float64))).astype(np.float64)
        now = (2 * v - 1).reshape(-1, side, side)
        values = energy_per_spin(now)
        energy.append(float(values.mean()))
        error.append(float(standard_error(values)))
        magnetisation.append(float(np.abs(now.mean((1, 2))).mean()))
        temperature.append(temperature_of_energy(energy[-1], side))
    return FlowOfMachine(np.array(energy), np.array(error), np.array(magnetisation), np.array(temperature), now.astype(np.int8))
