"""Newton's motion under thermostats that are themselves deterministic: what Nosé-Hoover, its chains and 0532 share.

In coordinates y = x / s with momenta p, every step is ``T(h/2) B(h/2) A(h) B(h/2) T(h/2)``: B the kick p += t g, A the drift y += t p, T the exact or
symmetric motion of the thermostats and of p under them, positions fixed. Each part conserves the density ``pi = p(x) exp(-|p|**2 / 2 - sum Q zeta**2 / 2)`` in
continuous time; over a step ``W = -log(pi' / pi) - log |det J|`` is the error, which plays the part of an error of the energy.

A thermostat holds either all coordinates or one: thermostats of all conserve too much on round targets, as the angular momentum of an isotropic
Gaussian keeps its direction ("massive" thermostatting: Tobias, Martyna and Klein, J. Phys. Chem. 97 (1993) 12959, doi:10.1021/j100151a052).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numba import njit

from weakchaos.core.counters import ACCEPTED, BAD_VALUES, DIVERGENCES, GRADIENTS, STEPS
from weakchaos.core.system import State
from weakchaos.native.compiled import address_of, call_density, kernel
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.energy_tuning import check_energy_tuned, tune_by_energy
from weakchaos.samplers.record import arrive, evaluate_start, record
from weakchaos.samplers.tangents import Linearised, carry, linearised
from weakchaos.samplers.unadjusted import BoundUnadjusted, tell_unadjusted
from weakchaos.targets.density import Density

__all__ = ["CHAIN", "CUBIC", "Thermostatted"]

CHAIN, CUBIC = range(2)
# The cubic thermostat is stiff where momenta are large, and its motion costs no gradient: it is made in parts in which a momentum changes by a few per cent.
_PART, _MOST_PARTS = 0.05, 100_000


@njit(nogil=True, error_model="numpy")
def _friction(first, zeta, j, time):
    """Friction of the next thermostat of a chain on thermostat `j`; the logarithm of the change of volume."""
    exponent = -zeta[first + j + 1] * time
    zeta[first + j] *= math.exp(exponent)
    return exponent


@njit(nogil=True, error_model="numpy")
def _force(mass, squares, size, zeta, first, j):
    if j == 0:
        return (squares / size - 1.0) / mass
    held = size if j == 1 else 1.0
    return held * zeta[first + j - 1] ** 2 - 1.0 / mass


@njit(nogil=True, error_model="numpy")
def _chain(mass, length, p, low, high, zeta, first, time):
    """A chain of `length` thermostats of mass `mass` (the first of them times the number of coordinates it holds) on ``p[low:high]``.

    Martyna, Klein and Tuckerman, J. Chem. Phys. 97 (1992) 2635, doi:10.1063/1.463940: ``zeta1' = (|p|**2 - n) / Q1 - zeta1 zeta2``, ``zetaj' = (Qj-1
    zetaj-1**2 - 1) / Qj - zetaj zetaj+1``, ``p' = -zeta1 p``. From the end of the chain to p and back. Returns the logarithm of the change of volume.
    """
    size, volume, last = float(high - low), 0.0, length - 1
    for sweep in range(2):
        squares = 0.0
        for i in range(low, high):
            squares += p[i] * p[i]
        for k in range(length):
            j = last - k if sweep == 0 else k
            if j < last:
                volume += _friction(first, zeta, j, 0.25 * time)
            zeta[first + j] += 0.5 * time * _force(mass, squares, size, zeta, first, j)
            if j < last:
                volume += _friction(first, zeta, j, 0.25 * time)
        if sweep == 0:
            exponent = -zeta[first] * time
            volume += size * exponent
            for i in range(low, high):
                p[i] *= math.exp(exponent)
    return volume


@njit(nogil=True, error_model="numpy")
def _cubic(a, b, p, i, zeta, time):
    """The 0532 thermostat on one momentum; the logarithm of the change of volume, NaN where the momentum would escape to infinity."""
    volume, left = 0.0, time
    for _ in range(_MOST_PARTS):
        y = p[i] * p[i]
        part = min(left, _PART / ((1.0 + abs(zeta[i])) * (a + 3.0 * b * y)))
        zeta[i] += 0.5 * part * (a * (y - 1.0) + b * y * (y - 3.0))
        # p' = -zeta (a p + b p**3) is Bernoulli's equation: y / (a + b y) falls like exp(-2 a zeta t).
        grown = math.expm1(2.0 * a * zeta[i] * part)
        below = a * (1.0 + grown) + b * y * grown
        if not below > 0.0:
            return math.nan
        p[i] *= math.sqrt(a / below)
        volume += 0.5 * math.log(a / below) + math.log(a * (1.0 + grown) / below)
        y = p[i] * p[i]
        zeta[i] += 0.5 * part * (a * (y - 1.0) + b * y * (y - 3.0))
        left -= part
        if not left > 0.0:
            return volume
    return math.nan


@njit(nogil=True, error_model="numpy")
def _thermostats(kind, first, second, groups, p, zeta, time):
    """All thermostats for `time`; the logarithm of the change of volume."""
    volume, dim = 0.0, p.size
    if kind == CHAIN:
        length = zeta.size // groups
        for k in range(groups):
            low, high = (0, dim) if groups == 1 else (k, k + 1)
            volume += _chain(first, length, p, low, high, zeta, k * length, time)
    else:
        for i in range(dim):
            volume += _cubic(first, second, p, i, zeta, time)
    return volume


@njit(nogil=True, error_model="numpy")
def _energy(kind, mass, groups, p, zeta):
    """``|p|**2 / 2 + sum Q zeta**2 / 2``."""
    total = 0.0
    for i in range(p.size):
        total += 0.5 * p[i] * p[i]
    for j in range(zeta.size):
        held = 1.0
        if kind == CHAIN:
            held = mass * (p.size / groups if j % (zeta.size // groups) == 0 else 1.0)
        total += 0.5 * held * zeta[j] * zeta[j]
    return total


@kernel
def _thermostatted(
    density, user_data, step_size, inverse_mass, energy_error, window, edges, done, total, target, tune_step, tune_mass, kind, first, second, groups,
    phase, known, counters, n, every, draws, stats, sums
):  # fmt: skip
    """`n` steps; of warm-up, `done` of `total` having been made, where `total` is not 0."""
    dim = (known.size - 1) // 2
    x, p, zeta = phase[:dim], phase[dim : 2 * dim], phase[2 * dim :]
    value, scale = np.empty(1), np.sqrt(inverse_mass)
    position, momentum, friction = np.empty(dim), np.empty(dim), np.empty(zeta.size)
    gradient, known_gradient = np.empty(dim), known[dim : 2 * dim]
    diverged = 0
    if n > 0 and not evaluate_start(density, user_data, x, known, counters):
        return 0
    for t in range(n):
        used = step_size[0]
        half = 0.5 * used
        momentum[:] = p
        friction[:] = zeta
        error = -_energy(kind, first, groups, p, zeta) - _thermostats(kind, first, second, groups, momentum, friction, half)
        for i in range(dim):
            momentum[i] += half * scale[i] * known_gradient[i]
            position[i] = x[i] + used * scale[i] * momentum[i]
        value[0] = -math.inf
        if math.isfinite(error):
            counters[GRADIENTS] += 1
            if call_density(density, np.uint64(dim), address_of(position), address_of(gradient), address_of(value), user_data) != 0:
                return t
            for i in range(dim):
                momentum[i] += half * scale[i] * gradient[i]
            error -= _thermostats(kind, first, second, groups, momentum, friction, half)
            error += _energy(kind, first, groups, momentum, friction) + known[2 * dim] - value[0]
            if math.isnan(value[0]) or value[0] == math.inf or (math.isnan(error) and math.isnan(np.sum(gradient))):
                counters[BAD_VALUES] += 1
        if abs(error) < 1000.0 and math.isfinite(value[0]):
            counters[ACCEPTED] += 1
            arrive(x, known, position, gradient, value)
            for i in range(dim):
                p[i] = momentum[i]
            zeta[:] = friction
        else:
            error = math.inf
            for i in range(dim):
                p[i] = -p[i]
            counters[DIVERGENCES] += 1
            diverged += 1
        counters[STEPS] += 1
        now = done + t + 1
        if now <= total:
            tune_by_energy(now, edges, x, error, target, tune_step, tune_mass, step_size, inverse_mass, energy_error, window, scale)
        row = record(t, every, x, draws, sums)
        if row >= 0:
            tell_unadjusted(row, stats, known[2 * dim], error, diverged, used, every)
            diverged = 0
    return n


def _parts(dim: int, zetas: int, kind: int, groups: int) -> list[Any]:
    """A step before and after its gradient, of rows (x, p, thermostats, gradient, step size, two numbers, scales)."""
    at = 2 * dim + zetas

    @njit(error_model="numpy")
    def before(z, out):
        for i in range(z.size):
            out[i] = z[i]
        step, p, zeta = z[at + dim], out[dim : 2 * dim], out[2 * dim : at]
        _thermostats(kind, z[at + dim + 1], z[at + dim + 2], groups, p, zeta, 0.5 * step)
        for i in range(dim):
            scale = z[at + dim + 3 + i]
            p[i] += 0.5 * step * scale * z[at + i]
            out[i] = z[i] + step * scale * p[i]

    @njit(error_model="numpy")
    def after(z, out):
        for i in range(z.size):
            out[i] = z[i]
        step, p, zeta = z[at + dim], out[dim : 2 * dim], out[2 * dim : at]
        for i in range(dim):
            p[i] += 0.5 * step * z[at + dim + 3 + i] * z[at + i]
        _thermostats(kind, z[at + dim + 1], z[at + dim + 2], groups, p, zeta, 0.5 * step)

    return [before, after]


class Thermostatted(Sampler):
    """Base of samplers with a thermostat. Each says by ``thermostat(dim)`` which one it has: the kind, two numbers, and how many thermostats of how
    many variables each."""

    uses_gradient: ClassVar[bool] = True
    adjusted: ClassVar[bool] = False

    def __post_init__(self):
        check_energy_tuned(self)

    def thermostat(self, dim: int) -> tuple[int, float, float, int, int]:
        """Kind, two numbers, how many thermostats, and variables of each."""
        raise TypeError(f"{type(self).__name__} does not define thermostat")

    def bind(self, target: Any, driver: Any = None) -> BoundThermostatted:
        """The system of this sampler on a `Density`; `driver` is not used, since no number is drawn."""
        self.require(target, Density, "a Density")
        return BoundThermostatted(self, target, None)


class BoundThermostatted(BoundUnadjusted):
    """A thermostatted sampler whose phase is (position, momentum, thermostats)."""

    def __init__(self, sampler: Any, target: Any, driver: Any):
        self._kind, self._first, self._second, self._groups, self._length = sampler.thermostat(target.dim)
        super().__init__(sampler, target, driver)

    def moving(self, rng: np.random.Generator) -> np.ndarray:
        """Momenta from the standard normal, and thermostats from their own."""
        dim, groups, length = self.dim, self._groups, self._length
        zeta = rng.standard_normal((groups, length))
        if self._kind == CHAIN:
            mass = np.full(length, self._first)
            mass[0] *= dim / groups
            zeta /= np.sqrt(mass)
        return np.concatenate([rng.standard_normal(dim), zeta.ravel()])

    @property
    def derivative(self) -> str:
        """How `tangent` computes derivatives."""
        return self._linearised().kind

    def _linearised(self) -> Linearised:
        zetas = self._groups * self._length
        return linearised(self, lambda: _parts(self.dim, zetas, self._kind, self._groups), 4 * self.dim + zetas + 3)

    def tangent(self, state: State, n: int, vectors: Any) -> np.ndarray:
        """Move `state` in place by `n` steps and carry vectors of shape (phase, k) along by the exact derivative; see `weakchaos.samplers.tangents`."""
        tuning, dim = state.tuning, self.dim
        constants = np.concatenate([[float(tuning["step_size"]), self._first, self._second], np.sqrt(tuning["inverse_mass"])])

        def turn_back(phase: np.ndarray, rows: np.ndarray) -> None:
            rows[:, dim : 2 * dim] *= -1.0

        return carry(self, state, n, vectors, self._linearised(), constants, turn_back)

    def move(self, state: State, n: int, every: int, done: int, total: int, draws: Any, stats: Any, sums: Any) -> int:
        """See `BoundUnadjusted.move`."""
        return _thermostatted(
            *self.addresses(state), *self.tuned(state, done, total), self._kind, self._first, self._second, self._groups,
            state.phase, self.known(state), state.counters, n, every, draws, stats, sums
        )  # fmt: skip
