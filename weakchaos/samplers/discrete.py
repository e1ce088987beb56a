"""The common part of samplers of discrete targets: draws of the smallest integer type, and marginal counts as running sums."""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.system import State
from weakchaos.samplers.base import Bound
from weakchaos.targets.discrete_target import smallest_integer

__all__ = ["BoundDiscrete"]


class BoundDiscrete(Bound):
    """A sampler of a discrete target whose symbols begin with the state of the units.

    ``moves`` says what one step can change at a time: () single units, a tuple of blocks these, None anything.
    """

    moves: tuple[tuple[int, ...], ...] | None = None

    def __init__(self, sampler: Any, target: Any, driver: Any):
        super().__init__(sampler, target, driver)
        self.dtype = smallest_integer(int(target.cardinalities.max()) - 1)
        shift, step = target.readout_shift, target.readout_step
        self._plain = (shift, step) == (0, 1)
        self.readout_dtype = self.dtype if self._plain else np.result_type(np.min_scalar_type(shift), np.int8)
        self._offset = np.concatenate([[0], np.cumsum(target.cardinalities)]).astype(np.int64)
        self.n_averages = int(self._offset[-1])

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """A state at `position`, or at a random start of the target."""
        x = self.target.random_start(rng) if position is None else self.target.symbols_of(position)
        return State(symbols=x)

    def readout(self, draws: np.ndarray) -> np.ndarray:
        """Draws in the values of the target, -1 and +1 for spins."""
        if self._plain:
            return draws
        values = draws.astype(self.readout_dtype, copy=False) if draws.dtype.itemsize > 1 else draws.view(np.int8)
        values *= self.target.readout_step
        values += self.target.readout_shift
        return values

    def symbols(self, draws: np.ndarray) -> np.ndarray:
        """States 0 .. K - 1 of draws as the user sees them."""
        return draws if self._plain else (draws.astype(np.int64) - self.target.readout_shift) // self.target.readout_step

    def estimands(self, draws: np.ndarray) -> np.ndarray:
        """The indicator of each state of each unit, shape (m, sum of cardinalities)."""
        x = self.symbols(np.asarray(draws))
        out = np.zeros((len(x), self.n_averages), np.float32)
        out[np.arange(len(x))[:, None], self._offset[:-1] + x] = 1.0
        return out

    def mean_of_averages(self, averages: np.ndarray) -> np.ndarray:
        """Means of the units, from their marginals."""
        values = (
            np.concatenate([np.arange(k) for k in self.target.cardinalities]) * self.target.readout_step + self.target.readout_shift
        )
        return np.add.reduceat(averages * values, self._offset[:-1], axis=-1)
