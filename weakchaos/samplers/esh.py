"""Energy-sampling Hamiltonian dynamics: deterministic, with weighted averages.

Ver Steeg and Galstyan, NeurIPS 2021, arXiv:2111.02434. The Hamiltonian ``H = -log p(x) + (d / 2) log(|v|**2 / d)`` moves x; along an orbit that is
ergodic on its energy surface, averages over time are those of p. In the time s with ``dt = |v| ds / d`` the speed is 1 and the orbit
that of `weakchaos.samplers.isokinetic` with m = d and ``K = d log |v|``, so a draw after equal steps of s has the weight ``|v|``. On its energy surface
that is ``p(x)**(1/d)`` up to a factor; taken from there, it does not drift with the errors of the steps.

Nothing here is random but the direction at the start. No theorem says that an orbit is ergodic, and on an isotropic Gaussian it is not: it stays in
the plane of its position and velocity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numba import njit

from weakchaos.core.counters import ACCEPTED, DIVERGENCES, STEPS
from weakchaos.core.system import State
from weakchaos.native.compiled import kernel
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.energy_tuning import check_energy_tuned, tune_by_energy
from weakchaos.samplers.integrators import DONE, FAILED
from weakchaos.samplers.isokinetic import isokinetic_step, normalise, reverse, set_right, turn
from weakchaos.samplers.record import arrive, evaluate_start, record
from weakchaos.samplers.tangents import Linearised, apply_part, carry, linearised
from weakchaos.samplers.unadjusted import BoundUnadjusted, tell_unadjusted
from weakchaos.targets.density import Density

__all__ = ["ESH"]


@njit(nogil=True, error_model="numpy")
def _reflect(u, gradient, scale):
    """The velocity thrown back by the gradient; turned round where there is none."""
    square, along = 0.0, 0.0
    for i in range(u.size):
        g = scale[i] * gradient[i]
        square += g * g
        along += u[i] * g
    if square == 0.0:
        reverse(u)
        return
    for i in range(u.size):
        u[i] -= 2.0 * along / square * scale[i] * gradient[i]
    normalise(u)


@njit(nogil=True, error_model="numpy")
def _average(weights, weight, x, sums):
    """Add a draw to running sums that, divided by the number of draws, are weighted averages."""
    dim = x.size
    count, total = weights[0], weights[1]
    old = total / (total + weight) * (count + 1.0) / max(count, 1.0)
    new = weight / (total + weight) * (count + 1.0)
    for i in range(dim):
        sums[i] = old * sums[i] + new * x[i]
        sums[dim + i] = old * sums[dim + i] + new * x[i] * x[i]
    weights[0], weights[1] = count + 1.0, total + weight


@kernel
def _esh(
    density, user_data, step_size, inverse_mass, energy_error, window, edges, done, total, target, tune_step, tune_mass, weights,
    phase, known, counters, n, every, draws, stats, sums
):  # fmt: skip
    """`n` steps; of warm-up, `done` of `total` having been made, where `total` is not 0."""
    dim = phase.size // 2
    x, u = phase[:dim], phase[dim:]
    value, gained, scale, none = np.empty(1), np.empty(1), np.sqrt(inverse_mass), np.empty(0)
    position, velocity, gradient, known_gradient = np.empty(dim), np.empty(dim), np.empty(dim), known[dim : 2 * dim]
    diverged = 0
    if n > 0 and not evaluate_start(density, user_data, x, known, counters):
        return 0
    set_right(u)
    if n > 0 and math.isnan(weights[2]):
        weights[2] = known[2 * dim]
    for t in range(n):
        used = step_size[0]
        for i in range(dim):
            position[i], velocity[i], gradient[i] = x[i], u[i], known_gradient[i]
        gained[0] = 0.0
        status = isokinetic_step(density, user_data, used, scale, float(dim), position, velocity, gradient, value, counters, gained)
        if status == FAILED:
            return t
        error = gained[0] + known[2 * dim] - value[0] if status == DONE else math.inf
        if abs(error) < 1000.0:
            counters[ACCEPTED] += 1
            arrive(x, known, position, gradient, value)
            for i in range(dim):
                u[i] = velocity[i]
        else:
            _reflect(u, known_gradient, scale)
            counters[DIVERGENCES] += 1
            diverged += 1
        counters[STEPS] += 1
        now = done + t + 1
        if now <= total:
            tune_by_energy(now, edges, x, error, target, tune_step, tune_mass, step_size, inverse_mass, energy_error, window, scale)
            if now == total:
                weights[2] = known[2 * dim]  # weights are told up to a factor: from here on they are of the order of 1
        row = record(t, every, x, draws, none)
        if row >= 0:
            tell_unadjusted(row, stats, known[2 * dim], error, diverged, used, every)
            weight = math.exp(min((known[2 * dim] - weights[2]) / dim, 700.0))
            if sums.size > 0:
                _average(weights, weight, x, sums)
            if stats.shape[0] > 0:
                stats[row, 5] = weight
            diverged = 0
    return n


def _parts(dim: int) -> list[Any]:
    """A step before and after its gradient, of rows (x, u, gradient, step size, scales)."""

    @njit(error_model="numpy")
    def before(z, out):
        for i in range(z.size):
            out[i] = z[i]
        step, u, scale = z[3 * dim], out[dim : 2 * dim], z[3 * dim + 1 :]
        normalise(u)
        turn(u, z[2 * dim : 3 * dim], scale, 0.5 * step, float(dim))
        for i in range(dim):
            out[i] = z[i] + step * scale[i] * u[i]

    @njit(error_model="numpy")
    def after(z, out):
        for i in range(z.size):
            out[i] = z[i]
        turn(out[dim : 2 * dim], z[2 * dim : 3 * dim], z[3 * dim + 1 :], 0.5 * z[3 * dim], float(dim))

    @njit(error_model="numpy")
    def thrown_back(z, out):
        for i in range(z.size):
            out[i] = z[i]
        normalise(out[dim : 2 * dim])
        _reflect(out[dim : 2 * dim], z[2 * dim : 3 * dim], z[3 * dim + 1 :])

    return [before, after, thrown_back]


class _Bound(BoundUnadjusted):
    stats_names = (*BoundUnadjusted.stats_names, "weight")
    needs = (2, "because a unit velocity in one dimension cannot turn")

    @property
    def invariant_power(self) -> float:  # type: ignore[override]
        """See `Bound.invariant_power`: equal steps of s have the law p ** (1 - 1 / d), of which the weights make p; the direction is uniform and does not depend on x."""
        return 1.0 - 1.0 / self.dim

    @property
    def first_step(self) -> float:
        """See `BoundUnadjusted.first_step`."""
        return 0.1 * math.sqrt(self.dim)

    def new_tuning(self) -> dict[str, np.ndarray]:
        """See `BoundUnadjusted.new_tuning`; and number and sum of the weights of running averages, and the log density at which a weight is 1."""
        return {**super().new_tuning(), "weights": np.array([0.0, 0.0, np.nan])}

    @property
    def derivative(self) -> str:
        """How `tangent` computes derivatives."""
        return self._linearised().kind

    def _linearised(self) -> Linearised:
        return linearised(self, lambda: _parts(self.dim), 4 * self.dim + 1, 2)

    def tangent(self, state: State, n: int, vectors: Any) -> np.ndarray:
        """Move `state` in place by `n` steps and carry vectors of shape (phase, k) along by the exact derivative; see `weakchaos.samplers.tangents`."""
        tuning, tools = state.tuning, self._linearised()
        constants = np.concatenate([[float(tuning["step_size"])], np.sqrt(tuning["inverse_mass"])])

        def turn_back(phase: np.ndarray, rows: np.ndarray) -> None:
            apply_part(tools, 2, self.dim, phase, rows, constants)

        return carry(self, state, n, vectors, tools, constants, turn_back)

    def move(self, state: State, n: int, every: int, done: int, total: int, draws: Any, stats: Any, sums: Any) -> int:
        """See `BoundUnadjusted.move`."""
        return _esh(
            *self.addresses(state), *self.tuned(state, done, total), state.tuning["weights"], state.phase, self.known(state), state.counters,
            n, every, draws, stats, sums
        )  # fmt: skip


@dataclass(frozen=True)
class ESH(Sampler):
    r"""Energy-sampling Hamiltonian dynamics: a deterministic orbit whose weighted averages are those of the target where it is ergodic.

    Parameters
    ----------
    step_size : float, optional
        Length of a step, measured in units in which each coordinate is divided by the square root of its inverse mass. Warm-up tunes it when it
        is not given.
    inverse_mass : array of shape (dim,), optional
        The diagonal of the metric, one variance per coordinate. When it is not given, it is 1 for every coordinate at first, and warm-up replaces it
        by the variances of its draws.
    energy_variance : float
        Warm-up chooses the step size so that the energy error of one step has this variance per coordinate.

    Notes
    -----
    The orbit follows the Hamiltonian

    $$H(x, v) = -\log \pi(x) + \frac{d}{2} \log \frac{|v|^2}{d}.$$

    Every draw has a weight in ``trace.weights`` (the statistic ``weight``, known up to a factor). ``trace.mean()`` uses the weights; an average of
    ``trace.draws`` without them is wrong. A step evaluates one gradient and takes no number from a driver: the seed decides only the first direction.
    ``stats`` holds ``lp``, ``energy_error``, ``diverging`` (whether a step left the support or changed the energy by 1000 or more; such a step is not
    taken, and the velocity is reflected at the gradient), ``step_size``, ``n_steps`` and ``weight``. No theorem says that an orbit visits all of the
    target: run several chains and read ``trace.check()``.

    References
    ----------
    Ver Steeg and Galstyan, NeurIPS 2021, arXiv:2111.02434.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.banana(1.0, 1.0), ESH(0.1, (1.0, 1.0)), draws=2000, thin=10, seed=1, progress=False)
    >>> trace.weights.shape
    (4, 2000)
    """

    step_size: float | None = None
    inverse_mass: Any = None
    energy_variance: float = 5e-4
    uses_gradient: ClassVar[bool] = True
    adjusted: ClassVar[bool] = False

    def __post_init__(self):
        check_energy_tuned(self)

    def bind(self, target: Any, driver: Any = None) -> _Bound:
        """The system of this sampler on a `Density`; `driver` is not used, since no number is drawn."""
        self.require(target, Density, "a Density")
        return _Bound(self, target, None)
