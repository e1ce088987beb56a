"""What all reference systems share: a step map as one C function, and the `System` protocol on top of it.

A flow is seen through its time-step map: one step of `advance` moves it by `time_step` units of time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array, steps_and_columns, steps_and_stride
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.system import State, as_seed
from weakchaos.native.c_maps import CMap, NativeFunction, call_map
from weakchaos.native.compiled import address_of, kernel

__all__ = ["CompiledSystem", "NativeMap", "check_function"]


@kernel
def _orbit(function, data, z, every, out):
    """Move `z` by `every` steps a row of `out`; the number of steps made, fewer than asked for when the map failed."""
    here, there = z.copy(), np.empty(z.size)
    done = 0
    for row in range(out.shape[0]):
        for _ in range(every):
            if call_map(function, np.uint64(z.size), address_of(here), address_of(there), data) != 0:
                z[:] = here
                return done
            here, there = there, here
            done += 1
        out[row] = here[: out.shape[1]]
    z[:] = here
    return done


@kernel
def _twice(function, data, z, given, images):
    """Two calls of the C function at `z`, on `given` and into rows of `images` that hold 1 and 2 before; whether both succeeded."""
    for call in range(2):
        images[call] = call + 1.0
        given[call] = z
        if call_map(function, np.uint64(z.size), address_of(given[call]), address_of(images[call]), data) != 0:
            return False
    return True


class CompiledSystem:
    """Base class of all maps and flows; a subclass defines `dim`, `equations` and `initial`.

    Attributes
    ----------
    dim : int
        Number of coordinates of the state, which is also that of a draw.
    time_step : float
        Units of time that one step takes: 1 for a map.
    unit : float
        The state divided by the draw: 1, or the denominator if the state of a map consists of whole numbers.
    circumference : float
        If all coordinates are angles, the length of their circle in the units of the state; otherwise 0.
    """

    dim: int
    time_step: float = 1.0
    unit: float = 1.0
    circumference: float = 0.0

    # ---- to be defined -------------------------------------------------------------------------------------------------------------

    def equations(self, k: int = 0) -> CMap:
        """The map or vector field with its derivative along `k` vectors, as a C function of dim (1 + k) numbers."""
        raise TypeError(f"{type(self).__name__} does not define equations(k)")

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """A start of shape (dim,), used if the caller gives none."""
        raise TypeError(f"{type(self).__name__} does not define initial(rng)")

    def readout(self, states: np.ndarray) -> np.ndarray:
        """Draws from states of shape (m, dim), in the user's units."""
        return states

    # ---- the System ----------------------------------------------------------------------------------------------------------------

    def c_map(self, k: int = 0) -> CMap:
        """The step map with its derivative along `k` vectors, as a C function of dim (1 + k) numbers; made anew for each thread."""
        return self.equations(k)

    def checked_position(self, position: Any) -> np.ndarray:
        """A position that the caller chose, checked; an `ArgumentError` if it is not valid."""
        array = real_array("position", position)
        if array.shape != (self.dim,) or not np.isfinite(array).all():
            raise ArgumentError(f"`position` must hold {self.dim} finite numbers; got {shown(position)}")
        return array

    def start(self, seed: Any = None, position: Any = None) -> State:
        """A state at `position`, or at a start drawn with `seed`."""
        rng = np.random.default_rng(as_seed(seed))
        return State(
            phase=np.ascontiguousarray(self.initial(rng) if position is None else self.checked_position(position), np.float64)
        )

    def advance(self, state: State, n: int, every: int = 1) -> np.ndarray:
        """Move `state` in place by `n` steps and return the draw after each `every`-th step, shape (n // every, dim)."""
        n, every = steps_and_stride(n, every)
        out = np.empty((n // every, self.dim))
        self._move(self.c_map(), state.phase, every, out)
        return self.readout(out)

    def tangent(self, state: State, n: int, vectors: Any) -> np.ndarray:
        """Move `state` in place by `n` steps and carry vectors along by the linearised map.

        Parameters
        ----------
        state : State
        n : int
        vectors : array of shape (dim, k)
            Columns are vectors at `state`; not changed.

        Returns
        -------
        array of shape (dim, k)
            The derivative of the n-step map at `state`, applied to each column.
        """
        n, columns = steps_and_columns(n, vectors, self.dim)
        k = columns.shape[1]
        z = np.concatenate([state.phase, columns.T.ravel()])
        self._move(self.c_map(k), z, max(n, 1), np.empty((min(n, 1), z.size)))
        state.phase[:] = z[: self.dim]
        return np.ascontiguousarray(z[self.dim :].reshape(k, self.dim).T)

    @staticmethod
    def _move(step: CMap, z: np.ndarray, every: int, out: np.ndarray) -> None:
        if _orbit(np.uint64(step.address), np.uint64(step.user_data), z, every, out) < every * len(out):
            raise step.take_error()


def check_function(name: str, function: CMap, place: np.ndarray) -> None:
    """Refuse a user's C function that is not one of its first argument alone, as two calls at a place of shape (dim,) show.

    Orbits, derivatives and cycles of such a function are silently wrong. Where a call fails, the run itself will meet the failure.
    """
    given, images = np.empty((2, place.size)), np.empty((2, place.size))
    if not _twice(np.uint64(function.address), np.uint64(function.user_data), place, given, images):
        return
    if not np.array_equal(given, np.stack([place, place]), equal_nan=True):
        raise ArgumentError(
            f"`{name}` changes its first argument, which is the state of the orbit; write the result into the second alone, from a copy of the first if need be"
        )
    unequal = np.flatnonzero(~((images[0] == images[1]) | (np.isnan(images[0]) & np.isnan(images[1]))))
    if not unequal.size:
        return
    i = int(unequal[0])
    if images[0, i] == 1.0 and images[1, i] == 2.0:
        raise ArgumentError(f"`{name}` must write every entry of its second argument; entry {i} was left as it was")
    raise ArgumentError(
        f"`{name}` must depend on its first argument alone; two calls at the same state gave {images[0, i]:.6g} and {images[1, i]:.6g} for entry {i}: it draws random numbers, "
        "keeps a memory, or adds to what its second argument holds. Put what changes into the state"
    )


class NativeMap(CompiledSystem):
    """Base of the systems whose equations are compiled C functions of this package.

    A subclass sets ``native``, a `NativeFunction` that reads its constants from the numbers that `parameters` gives.
    """

    native: NativeFunction

    def parameters(self) -> np.ndarray:
        """The constants of the equations, float64."""
        raise TypeError(f"{type(self).__name__} does not define parameters()")

    def equations(self, k: int = 0) -> CMap:
        """The equations with their derivative along `k` vectors, as a C function of dim (1 + k) numbers."""
        numbers = np.ascontiguousarray(self.parameters(), np.float64)
        return CMap(type(self).native.address, numbers.ctypes.data, numbers)
