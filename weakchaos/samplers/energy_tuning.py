"""What warm-up tunes in samplers that accept every step: a step size by the error of the energy, and a diagonal metric, for kernels.

A step of size e changes the energy, which exact motion conserves, by an error of order e**3. Its variance per dimension is what the bias follows from;
5e-4 is the value of Robnik, De Luca, Silverstein and Seljak (2023), arXiv:2212.08549, section 4. So with the running mean c of
``error**2 / (d e**6)`` the step wanted is ``(target / c)**(1/6)``. The mean is over the last third of the steps since the metric changed.

The metric comes from the windows of `weakchaos.samplers.adaptation`. Everything that moves stands in ``state.tuning``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from weakchaos.core.arguments import positive, positive_vector
from weakchaos.core.errors import ArgumentError
from weakchaos.samplers.adaptation import add_to_window, close_window, ends_window

__all__ = ["check_energy_tuned", "new_energy_tuning", "tune_by_energy"]

_LEAST_MEMORY, _SHARE = 10.0, 3.0
_FASTEST = 1.3  # growth of the step size from one step to the next
_MEAN, _STEPS = range(2)


def check_energy_tuned(sampler: Any) -> None:
    """Refuse `step_size`, `inverse_mass` (None: to be tuned) or `energy_variance` of a frozen sampler that make no sense."""
    if sampler.step_size is not None:
        positive("step_size", sampler.step_size)
    if sampler.inverse_mass is not None:
        object.__setattr__(sampler, "inverse_mass", positive_vector("inverse_mass", sampler.inverse_mass))
    positive("energy_variance", sampler.energy_variance)


def new_energy_tuning(dim: int, step_size: float | None, inverse_mass: Any, first: float) -> dict[str, np.ndarray]:
    """The arrays of ``state.tuning`` before warm-up, where `first` is the step size to begin the search with.

    Returns
    -------
    dict
        ``step_size`` (shape ()), ``inverse_mass`` (dim,), ``energy_error`` (the running mean and its steps) and ``window`` (2 dim + 1).
    """
    mass = np.ones(dim) if inverse_mass is None else np.array(inverse_mass, np.float64)
    if mass.shape != (dim,):
        raise ArgumentError(f"`inverse_mass` must have shape ({dim},); got {mass.shape}")
    return {
        "step_size": np.array(first if step_size is None else float(step_size)),
        "inverse_mass": mass,
        "energy_error": np.zeros(2),
        "window": np.zeros(2 * dim + 1),
    }


@njit(nogil=True, error_model="numpy")
def _next_step(energy_error, step_size, error, dim, target):
    """The step size after a step with that error of the energy; a step that could not be made has the error inf."""
    if not abs(error) < 1000.0:
        # Nothing is learnt of the size of the error, but that the step was too long.
        energy_error[_MEAN] *= 64.0
        return 0.5 * step_size
    energy_error[_STEPS] += 1.0
    share = 1.0 / min(energy_error[_STEPS], _LEAST_MEMORY + energy_error[_STEPS] / _SHARE)
    energy_error[_MEAN] += share * (error * error / (dim * step_size**6) - energy_error[_MEAN])
    wanted = (target / max(energy_error[_MEAN], 1e-280)) ** (1.0 / 6.0)
    return min(wanted, _FASTEST * step_size)


@njit(nogil=True, error_model="numpy")
def tune_by_energy(now, edges, x, error, target, tune_step, tune_mass, step_size, inverse_mass, energy_error, window, scale):
    """After step `now` (from 1) of warm-up, whose windows end at `edges`: the next step size and, where a window closes, inverse masses and their
    square roots `scale`; the step size then goes on in the new units."""
    if tune_step:
        step_size[0] = _next_step(energy_error, step_size[0], error, x.size, target)
    if not tune_mass or edges.size == 0 or now <= edges[0] or now > edges[-1]:
        return
    add_to_window(window, x)
    if not ends_window(edges, now):
        return
    before = 0.0
    for i in range(x.size):
        before += math.log(inverse_mass[i])
    if not close_window(window, inverse_mass):
        return
    for i in range(x.size):
        scale[i] = math.sqrt(inverse_mass[i])
    if tune_step:
        after = 0.0
        for i in range(x.size):
            after += math.log(inverse_mass[i])
        unit = math.exp(0.5 * (before - after) / x.size)
        step_size[0] *= unit
        # The last windows change little, so what is known is kept, and soon forgotten where it was wrong.
        energy_error[_MEAN] /= unit**6
        energy_error[_STEPS] = min(energy_error[_STEPS], _LEAST_MEMORY)
