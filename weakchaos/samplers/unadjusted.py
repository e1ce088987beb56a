"""What unadjusted samplers of densities share when bound: position and velocity in the phase, a step size tuned by the error of the energy."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numba import njit

from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.samplers.adaptation import windows
from weakchaos.samplers.continuous import BoundMoving
from weakchaos.samplers.energy_tuning import new_energy_tuning

__all__ = ["BoundUnadjusted", "tell_unadjusted"]


@njit(nogil=True, error_model="numpy", forceinline=True)
def tell_unadjusted(row, stats, lp, error, diverged, used, every):
    """The statistics of `BoundUnadjusted` in a row, if `stats` has any: of a last step of size `used` and that error of the energy, `diverged` of
    the `every` steps having failed."""
    if stats.shape[0] > 0:
        stats[row, 0], stats[row, 1], stats[row, 2] = lp, error, 1.0 if diverged > 0 else 0.0
        stats[row, 3], stats[row, 4] = used, every


class BoundUnadjusted(BoundMoving):
    """A sampler whose phase is (position, velocity, what else moves) and which takes every step it can make."""

    tunes_steps = True
    stats_names: tuple[str, ...] = ("lp", "energy_error", "diverging", "step_size", "n_steps")
    # Least number of coordinates, and why.
    needs: ClassVar[tuple[int, str]] = (1, "")

    def __init__(self, sampler: Any, target: Any, driver: Any):
        super().__init__(sampler, target, driver)
        least, why = self.needs
        if self.dim < least:
            raise ArgumentError(
                f"`target` of {type(sampler).__name__} must have at least {least} coordinates, {why}; got {self.dim}"
            )
        self.n_known = 2 * self.dim + 1
        self.new_tuning()  # refused here, not when a run starts

    def new_tuning(self) -> dict[str, np.ndarray]:
        """The arrays of ``state.tuning``."""
        return new_energy_tuning(self.dim, self.sampler.step_size, self.sampler.inverse_mass, self.first_step)

    @property
    def first_step(self) -> float:
        """The step size with which the search begins: too short, so that it grows to what is wanted."""
        return 0.1

    def moving(self, rng: np.random.Generator) -> np.ndarray:
        """What moves beside the position, at the start: velocities of coordinates in units of the metric."""
        return rng.standard_normal(self.dim)

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """See `BoundMoving.new_state`."""
        state = super().new_state(rng, position)
        state.phase = np.concatenate([state.phase, self.moving(rng)])
        state.tuning = self.new_tuning()
        return state

    def addresses(self, state: State) -> tuple:
        """See `BoundMoving.addresses`; without those of a stream for a sampler that draws no numbers."""
        if self.driver is not None:
            return super().addresses(state)
        density = self.density
        return np.uint64(density.address), np.uint64(density.user_data)

    def tuned(self, state: State, done: int, total: int) -> tuple:
        """What kernels take for warm-up: step size, inverse masses, accumulators, windows, what is made and what is to be tuned."""
        sampler, tuning = self.sampler, state.tuning
        return (
            tuning["step_size"].reshape(1), tuning["inverse_mass"], tuning["energy_error"], tuning["window"], windows(total), done, total,
            float(sampler.energy_variance), sampler.step_size is None, sampler.inverse_mass is None
        )  # fmt: skip
