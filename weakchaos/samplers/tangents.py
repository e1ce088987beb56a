"""The linearised steps of samplers that are smooth maps: vectors carried along by the exact derivative of a step.

Steps of the deterministic samplers are parts that know the gradient, with an evaluation of the gradient between each part and the next. A part is a
numba function of (position, the rest of the phase, gradient, constants); compiled for dual numbers it carries vectors too, by the very
code that moves the state. Between parts the change of the gradient along a vector is the product of the Hessian with it (`weakchaos.samplers.hessian`).

A step that was not taken turns the motion round, and so do the vectors. What a stream delivers is the same for all of a twin's orbits: it is frozen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from weakchaos.core.arguments import steps_and_columns, whole_number
from weakchaos.core.counters import ACCEPTED
from weakchaos.core.system import State
from weakchaos.native.c_maps import CMap, call_map
from weakchaos.native.compiled import address_of, kernel
from weakchaos.native.dual_map import with_dual_numbers
from weakchaos.samplers.hessian import hessian_products

__all__ = ["Linearised", "apply_part", "carry", "columns_of", "leap_along", "linearised"]


@kernel
def _carry(parts, parts_data, product, product_data, dim, moving, z, room, between, image, n):
    """`n` steps of rows (phase, gradient, constants), the first the state itself, the others vectors; the status of what failed, 0 if nothing did."""
    rows, width = z.shape
    for t in range(-1, n):
        for j in range(parts.size):
            if t < 0 and j > 0:
                break
            if t >= 0:
                status = call_map(parts[j], np.uint64(rows * width), address_of(z), address_of(room), parts_data[j])
                if status != 0:
                    return status
                z[:, :moving] = room[:, :moving]
            if t >= 0 and j == parts.size - 1:
                break
            for r in range(rows):
                for i in range(dim):
                    between[r * dim + i] = z[r, i]
            status = call_map(product, np.uint64(rows * dim), address_of(between), address_of(image), product_data)
            if status != 0:
                return status
            for r in range(rows):
                for i in range(dim):
                    z[r, moving + i] = image[r * dim + i]
    return 0


@kernel
def leap_along(product, product_data, step_size, n_leapfrog, inverse_mass, z, momentum, between, image):
    """Leapfrog steps of the rows of `z`, a position and vectors at it; momenta are those of the position and 0 for vectors. The status of the products."""
    rows, dim = z.shape
    for step in range(n_leapfrog + 1):
        for r in range(rows):
            for i in range(dim):
                between[r * dim + i] = z[r, i]
        status = call_map(product, np.uint64(rows * dim), address_of(between), address_of(image), product_data)
        if status != 0:
            return status
        kick = 0.5 * step_size if step == 0 or step == n_leapfrog else step_size
        for r in range(rows):
            for i in range(dim):
                momentum[r, i] += kick * image[r * dim + i]
                if step < n_leapfrog:
                    z[r, i] += step_size * inverse_mass[i] * momentum[r, i]
    return 0


def columns_of(vectors: Any, size: int) -> np.ndarray:
    """The vectors that are to be carried along as rows, shape (k, size)."""
    return np.array(steps_and_columns(0, vectors, size)[1].T, np.float64)


_made: WeakKeyDictionary[Any, Linearised] = (
    WeakKeyDictionary()
)  # not in the systems themselves, which other processes get copies of


def linearised(
    system: Any, parts: Callable[[], list[Callable]] | None = None, width: int = 0, of_a_step: int | None = None
) -> Linearised:
    """What the linearised map of a bound sampler needs: made once, when the first vector is to be carried."""
    if system not in _made:
        x = system.target.random_start(np.random.default_rng(0))
        mass = getattr(system.sampler, "inverse_mass", None)
        scale = np.ones(system.dim) if mass is None else np.sqrt(np.array(mass, np.float64))
        _made[system] = Linearised(system, x, scale, [] if parts is None else parts(), width, of_a_step)
    return _made[system]


class Linearised:
    """What the linearised map of a bound sampler needs.

    Parameters
    ----------
    system : BoundContinuous
    x : array of shape (dim,)
        Where products of the Hessian are checked.
    scale : array of shape (dim,)
        How far coordinates vary.
    parts : list of numba functions
        Each ``part(z, out)`` of rows (phase, gradient, constants).
    width : int
        Length of such a row.
    of_a_step : int, optional
        How many of the parts, from the first, make a step; all by default.

    Attributes
    ----------
    kind : str
        How the derivative is computed, for the results that rest on it.
    """

    def __init__(self, system: Any, x: np.ndarray, scale: np.ndarray, parts: list[Callable], width: int, of_a_step: int | None):
        self.product, kind = hessian_products(system.target, x, scale)
        self.kind = f"tangent map, its Hessian by {kind}"
        self.parts: list[CMap] = []
        self.of_a_step = len(parts) if of_a_step is None else of_a_step
        for part in parts:
            made = with_dual_numbers(part, width)
            if made is None:
                raise TypeError(f"a part of the step of {type(system.sampler).__name__} does not compile for dual numbers: {part}")
            self.parts.append(made)

    def addresses(self) -> tuple:
        """Of the products, as kernels take them."""
        return np.uint64(self.product.address), np.uint64(self.product.user_data)


def apply_part(tools: Linearised, number: int, dim: int, phase: np.ndarray, rows: np.ndarray, constants: np.ndarray) -> None:
    """Move vectors at `phase`, the rows, in place by one part alone."""
    part, moving = tools.parts[number], phase.size
    z = np.zeros((1 + len(rows), moving + dim + constants.size))
    z[0, :moving], z[1:, :moving], z[0, moving + dim :] = phase, rows, constants
    flat = np.empty(len(z) * dim), np.empty(len(z) * dim)
    one = np.array([part.address], np.uint64), np.array([part.user_data], np.uint64)
    if _carry(*one, *tools.addresses(), dim, moving, z, np.empty_like(z), *flat, 1) != 0:
        raise tools.product.take_error()
    rows[:] = z[1:, :moving]


def carry(
    system: Any, state: State, n: int, vectors: Any, tools: Linearised, constants: np.ndarray, turn_back: Callable
) -> np.ndarray:
    """Move `state` in place by `n` steps, and vectors by their derivative.

    Parameters
    ----------
    system : BoundUnadjusted
    state : State
    n : int
    vectors : array of shape (phase, k)
    tools : Linearised
    constants : array
        The numbers behind the gradient in a row.
    turn_back : callable
        ``turn_back(phase, rows)`` moves the rows in place by the derivative of a step that was not taken from that phase.

    Returns
    -------
    array of shape (phase, k)
    """
    n, moving, dim = whole_number("n", n, 0), state.phase.size, system.dim
    rows = columns_of(vectors, moving)
    start, empty = state.copy(), (np.empty((0, dim)), np.empty((0, len(system.stats_names))), np.empty(0))
    if system.run(state, n, 1, *empty) < n:
        raise system.take_error()
    taken = state.counters[ACCEPTED] - start.counters[ACCEPTED]
    parts = np.array([part.address for part in tools.parts[: tools.of_a_step]], np.uint64)
    data = np.array([part.user_data for part in tools.parts[: tools.of_a_step]], np.uint64)

    def steps(phase: np.ndarray, count: int) -> None:
        z = np.zeros((1 + len(rows), moving + dim + constants.size))
        z[0, :moving], z[1:, :moving], z[0, moving + dim :] = phase, rows, constants
        flat = np.empty(len(z) * dim), np.empty(len(z) * dim)
        if _carry(parts, data, *tools.addresses(), dim, moving, z, np.empty_like(z), *flat, count) != 0:
            raise tools.product.take_error()
        rows[:] = z[1:, :moving]

    if taken == n:
        steps(start.phase, n)
        return np.ascontiguousarray(rows.T)
    for _ in range(n):  # where steps are not taken, one after the other
        phase, before = start.phase.copy(), start.counters[ACCEPTED]
        if system.run(start, 1, 1, *empty) < 1:
            raise system.take_error()
        if start.counters[ACCEPTED] > before:
            steps(phase, 1)
        else:
            turn_back(phase, rows)
    return np.ascontiguousarray(rows.T)
