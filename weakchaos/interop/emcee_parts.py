"""What an emcee script meets beside the sampler: the state of an ensemble, the stretch move, autocorrelation times, blobs.

The names and the meaning of arguments are those that emcee documents (Foreman-Mackey, Hogg, Lang and Goodman, PASP 125 (2013) 306,
arXiv:1202.3665; version 3.1.6), so that a script runs here as it is.
"""

from __future__ import annotations

import copy as copies
import logging
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.flags import Kind, warn_of_each

__all__ = [
    "AutocorrError",
    "State",
    "StretchMove",
    "blob_array",
    "integrated_time",
    "stretch_of",
    "tell_of_numbers",
    "tell_of_stream",
    "walkers_independent",
]


class State:
    """The positions of the walkers with their log probabilities; a state unpacks into ``coords, log_prob, random_state`` and, where there are blobs, ``blobs``.

    Attributes
    ----------
    coords : array of shape (n_walkers, n_dim)
    log_prob : array of shape (n_walkers,) or None
    blobs : array or None
    random_state : object or None
    """

    __slots__ = ("blobs", "coords", "log_prob", "random_state")

    def __init__(self, coords: Any, log_prob: Any = None, blobs: Any = None, random_state: Any = None, copy: bool = False):
        if hasattr(coords, "coords"):
            coords, log_prob, blobs, random_state = coords.coords, coords.log_prob, coords.blobs, coords.random_state
        else:
            coords = np.atleast_2d(coords)
        parts = coords, log_prob, blobs, random_state
        self.coords, self.log_prob, self.blobs, self.random_state = copies.deepcopy(parts) if copy else parts

    def _parts(self) -> tuple:
        parts = self.coords, self.log_prob, self.random_state
        return parts if self.blobs is None else (*parts, self.blobs)

    def __len__(self) -> int:
        return len(self._parts())

    def __iter__(self) -> Iterator:
        return iter(self._parts())

    def __getitem__(self, index: int) -> Any:
        return self._parts()[index]

    def __repr__(self) -> str:
        return f"State({self.coords}, log_prob={self.log_prob}, blobs={self.blobs}, random_state={shown(self.random_state)})"


class StretchMove:
    """The stretch move of Goodman and Weare, the only move that this sampler makes.

    Parameters
    ----------
    a : float
        Greatest stretch.
    nsplits, randomize_split, live_dangerously : optional
        Taken and not used: which walkers move at once changes nothing in what is drawn, and two fixed halves do.
    """

    def __init__(self, a: float = 2.0, nsplits: int = 2, randomize_split: bool = True, live_dangerously: bool = False):
        if not real_number("a", a) > 1.0:
            raise ArgumentError(f"`a` must be greater than 1; got {a!r}")
        self.a = float(a)


def stretch_of(moves: Any) -> float:
    """The largest stretch `a` of the `StretchMove` given as ``moves``.

    Raises
    ------
    ArgumentTypeError
        For other moves than one stretch move, alone, in a list, or with a weight.
    """
    found = moves
    if isinstance(found, list | tuple) and len(found) == 1:
        found = found[0]
        found = found[0] if isinstance(found, tuple) else found
    if found is None:
        return 2.0
    # A move of emcee's own is told by its name and its parameter, so that it need not be imported.
    if type(found).__name__ != "StretchMove" or not hasattr(found, "a"):
        raise ArgumentTypeError(
            f"`moves` must be one StretchMove; got {shown(moves)}. Without it the sampler takes the stretch move; weakchaos.sample has other samplers, "
            "such as weakchaos.samplers.Slice() and NUTS()"
        )
    return float(found.a)


def walkers_independent(coords: Any) -> bool:
    """Whether walkers are finite and do not lie in a plane of fewer dimensions, which the stretch move never leaves.

    Examples
    --------
    >>> walkers_independent(np.vstack([np.eye(3), -np.eye(3)])), walkers_independent(np.ones((6, 2)))
    (True, False)
    """
    x = np.asarray(coords)
    if not np.isfinite(x).all():
        return False
    deviations = (x - x.mean(0)).astype(np.float64)
    scale = np.abs(deviations).max(0)
    if (scale == 0).any():
        return False
    deviations = deviations / scale
    values = np.linalg.svd(deviations / np.linalg.norm(deviations, axis=0), compute_uv=False)
    return len(x) > x.shape[1] - 1 and len(values) == x.shape[1] and bool(values[-1] > 1e-8 * values[0])


class AutocorrError(Exception):
    """The chain holds too few autocorrelation times for their estimate to be trusted; `tau` holds the estimate."""

    def __init__(self, tau: Any, *arguments: Any):
        self.tau = tau
        super().__init__(*arguments)


def _autocorrelation(x: np.ndarray) -> np.ndarray:
    n = len(x)
    size = 2 ** int(np.ceil(np.log2(2 * n)))
    transform = np.fft.rfft(x - x.mean(), size)
    covariance = np.fft.irfft(transform.real**2 + transform.imag**2, size)[:n]
    return covariance / covariance[0] if covariance[0] > 0 else np.full(n, np.nan)


def integrated_time(x: Any, c: float = 5, tol: float = 50, quiet: bool = False, has_walkers: bool = True) -> np.ndarray:
    """Integrated autocorrelation times, in steps, ``1 + 2 sum rho_t`` up to the first t above c times the sum so far.

    Autocorrelations are averaged over walkers first. Sokal (1996), "Monte Carlo methods in statistical mechanics", section 3.

    Parameters
    ----------
    x : array of shape (steps, walkers, dim), (steps, walkers) or (steps,)
        With ``has_walkers=False`` the second axis counts coordinates.
    c : float
    tol : float
        Autocorrelation times that the chain must be long; 0 asks for none.
    quiet : bool
        Log a warning where the chain is too short, and raise no error.

    Returns
    -------
    array of shape (dim,)

    Raises
    ------
    AutocorrError

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(5000, 4, 1))
    >>> bool(abs(integrated_time(x)[0] - 1) < 0.1)
    True
    """
    x = np.atleast_1d(x)
    if x.ndim == 1:
        x = x[:, None, None]
    if x.ndim == 2:
        x = x[:, :, None] if has_walkers else x[:, None, :]
    if x.ndim != 3:
        raise ArgumentError(f"`x` must have at most three axes: steps, walkers, coordinates; got shape {x.shape}")
    steps, walkers, dim = x.shape
    tau = np.empty(dim)
    for k in range(dim):
        rho = sum(_autocorrelation(x[:, w, k]) for w in range(walkers)) / walkers
        sums = 2.0 * np.cumsum(rho) - 1.0
        inside = np.arange(steps) < c * sums
        tau[k] = sums[steps - 1 if inside.all() else int(np.argmin(inside))]
    if not (tol * tau <= steps).all():
        message = (
            f"the chain is shorter than {tol} times the integrated autocorrelation time for {int((~(tol * tau <= steps)).sum())} parameter(s). Use this "
            f"estimate with caution and run a longer chain! N/{tol} = {steps / tol if tol else np.inf:.0f}; tau: {tau}"
        )
        if not quiet:
            raise AutocorrError(tau, message)
        logging.getLogger(__name__).warning(message)
    return tau


def blob_array(blobs: list, dtype: Any) -> np.ndarray:
    """What a log probability returned beside its value for each walker, as an array whose first axis counts walkers; axes of one entry are dropped."""
    if dtype is None:
        try:
            dtype = np.atleast_1d(np.asarray(blobs[0])).dtype
        except ValueError:  # of different shapes
            dtype = np.dtype(object)
        dtype = np.dtype(object) if dtype.kind in "US" else dtype  # or longer words would be cut
    array = np.array(blobs, dtype=dtype)
    single = tuple(k + 1 for k, size in enumerate(array.shape[1:]) if size == 1)
    return np.squeeze(array, single) if single else array


class Function:
    """A log probability with its further arguments; it can be pickled where the function can."""

    def __init__(self, f: Callable, args: Any, kwargs: Any):
        self.f, self.args, self.kwargs = f, tuple(args or ()), dict(kwargs or {})

    def __call__(self, x: Any) -> Any:
        return self.f(x, *self.args, **self.kwargs)


def tell_of_stream(system: Any, state: Any, steps: int | None) -> None:
    """Warn once, before a run, of a stream that is not good enough for an ensemble, or that is made for a run of another length."""
    warn_of_each([*system.before_run(state), *(system.stream_flags(steps) if steps else [])], stacklevel=4)


def tell_of_numbers(system: Any, state: Any) -> None:
    """Warn, after a run, of numbers of a user's stream that were not in [0, 1)."""
    warn_of_each([flag for flag in system.complaints([], [state]) if flag.kind == Kind.STREAM_NUMBERS], stacklevel=4)
