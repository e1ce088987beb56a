"""What a sampler with the interface of emcee has drawn: chains, log probabilities, blobs, autocorrelation times."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.interop.emcee_parts import State, integrated_time

__all__ = ["Drawn"]


class Drawn:
    """Keeps the states of an ensemble, in memory."""

    nwalkers: int
    random_state: Any

    def reset(self) -> None:
        """Forget the states that were kept; the ensemble stays where it is."""
        self._kept: list[tuple] = []
        self._iteration, self._accepted = 0, np.zeros(self.nwalkers)

    def _save(self, state: State, accepted: np.ndarray) -> None:
        if self._kept and state.blobs is not None and np.shape(state.blobs) != np.shape(self._kept[0][2]):
            raise ArgumentError("blobs must have the shape of those that are kept; reset() forgets these")
        self._iteration += 1
        self._accepted += accepted
        self._kept.append((state.coords, state.log_prob, state.blobs))

    def _get(self, which: int, flat: bool, thin: int, discard: int) -> Any:
        if not self._kept:
            raise AttributeError("you must run the sampler with 'store == True' before accessing the results")
        if which == 2 and self._kept[0][2] is None:
            return None
        values = np.array([kept[which] for kept in self._kept[discard + thin - 1 :: thin]])
        return values.reshape(-1, *values.shape[2:]) if flat else values

    def get_chain(self, flat: bool = False, thin: int = 1, discard: int = 0) -> np.ndarray:
        """Positions that were kept, shape (steps, nwalkers, ndim), or (steps * nwalkers, ndim) when `flat`; the first `discard` are left out, and of
        the others every `thin`-th is given."""
        return self._get(0, flat, thin, discard)

    def get_log_prob(self, flat: bool = False, thin: int = 1, discard: int = 0) -> np.ndarray:
        """Log probabilities of the positions, shape (steps, nwalkers)."""
        return self._get(1, flat, thin, discard)

    def get_blobs(self, flat: bool = False, thin: int = 1, discard: int = 0) -> np.ndarray | None:
        """Blobs of the positions, shape (steps, nwalkers, ...); None without blobs."""
        return self._get(2, flat, thin, discard)

    def get_value(self, name: str, **kwargs: Any) -> Any:
        """``"chain"``, ``"log_prob"`` or ``"blobs"``."""
        return self._get(("chain", "log_prob", "blobs").index(name), **{"flat": False, "thin": 1, "discard": 0, **kwargs})

    def get_autocorr_time(self, discard: int = 0, thin: int = 1, **kwargs: Any) -> np.ndarray:
        """Integrated autocorrelation times of the coordinates, in steps, shape (ndim,); see `integrated_time`."""
        return thin * integrated_time(self.get_chain(discard=discard, thin=thin), **kwargs)

    def get_last_sample(self) -> State:
        """The state that was kept last."""
        if not self._kept:
            raise AttributeError("you must run the sampler with 'store == True' before accessing the results")
        coords, log_prob, blobs = self._kept[-1]
        return State(coords, log_prob, blobs, self.random_state, copy=True)

    @property
    def acceptance_fraction(self) -> np.ndarray:
        """Share of the steps in which each walker moved, shape (nwalkers,)."""
        return self._accepted / max(self._iteration, 1)

    @property
    def iteration(self) -> int:
        """States that were kept since `reset`."""
        return self._iteration

    @property
    def backend(self) -> Drawn:
        """Itself: it keeps what it drew."""
        return self

    # ---- names of version 2 ---------------------------------------------------------------------------------------------------------------

    def _old(self, name: str, new: str) -> None:
        warnings.warn(f"`{name}` is deprecated; use `{new}`", DeprecationWarning, stacklevel=3)

    @property
    def chain(self) -> np.ndarray:
        """Deprecated: ``get_chain()`` with walkers first."""
        self._old("chain", "get_chain()")
        return np.swapaxes(self.get_chain(), 0, 1)

    @property
    def flatchain(self) -> np.ndarray:
        """Deprecated: ``get_chain(flat=True)``."""
        self._old("flatchain", "get_chain(flat=True)")
        return self.get_chain(flat=True)

    @property
    def lnprobability(self) -> np.ndarray:
        """Deprecated: ``get_log_prob()`` with walkers first."""
        self._old("lnprobability", "get_log_prob()")
        return np.swapaxes(self.get_log_prob(), 0, 1)

    @property
    def flatlnprobability(self) -> np.ndarray:
        """Deprecated: ``get_log_prob(flat=True)``."""
        self._old("flatlnprobability", "get_log_prob(flat=True)")
        return self.get_log_prob(flat=True)

    @property
    def blobs(self) -> np.ndarray | None:
        """Deprecated: ``get_blobs()``."""
        self._old("blobs", "get_blobs()")
        return self.get_blobs()

    @property
    def flatblobs(self) -> np.ndarray | None:
        """Deprecated: ``get_blobs(flat=True)``."""
        self._old("flatblobs", "get_blobs(flat=True)")
        return self.get_blobs(flat=True)

    @property
    def acor(self) -> np.ndarray:
        """Deprecated: ``get_autocorr_time()``."""
        self._old("acor", "get_autocorr_time()")
        return self.get_autocorr_time()
