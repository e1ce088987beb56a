"""The interface of emcee on the stretch move of this library: a script runs with its import changed.

``import weakchaos.interop.emcee as emcee``. Documented interface: emcee 3.1.6, https://emcee.readthedocs.io; written anew on
`weakchaos.samplers.EnsembleStretch`, whose draws differ from emcee's as two seeds differ.
"""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher

from weakchaos.core import system
from weakchaos.core.arguments import is_integer, whole_number
from weakchaos.core.counters import BAD_VALUES
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.drivers import resolve
from weakchaos.drivers.checked import checked, opened
from weakchaos.interop.emcee_chain import Drawn
from weakchaos.interop.emcee_parts import (
    AutocorrError,
    Function,
    State,
    StretchMove,
    blob_array,
    integrated_time,
    stretch_of,
    tell_of_numbers,
    tell_of_stream,
    walkers_independent,
)
from weakchaos.samplers.ensemble_stretch import EnsembleStretch
from weakchaos.targets.density import Density

__all__ = ["EnsembleSampler", "State", "autocorr", "moves", "walkers_independent"]

moves = SimpleNamespace(StretchMove=StretchMove)
autocorr = SimpleNamespace(integrated_time=integrated_time, AutocorrError=AutocorrError)

_CHUNK = 500  # steps of a compiled function that are made at once


def _value(result: Any) -> float:
    array = np.asarray(result)
    if array.size != 1 or array.dtype.kind not in "biuf":
        raise ArgumentError(f"`log_prob_fn` must return one number, or one number and blobs; it returned {shown(result)}")
    return float(array.reshape(()))


def _entropy(seed: Any) -> Any:
    """The seed that was given, or one made from the present state of numpy.random, which scripts of emcee seed so that they are repeatable; that
    state is not moved."""
    if seed is not None:
        return seed
    state: Any = np.random.get_state(legacy=True)  # noqa: NPY002 (the stream that scripts of emcee seed)
    return [*state[1].tolist(), int(state[2])]


class EnsembleSampler(Drawn):
    """An ensemble of walkers under the stretch move, with the methods of emcee's sampler of that name.

    Parameters
    ----------
    nwalkers : int
        Even, at least twice `ndim`.
    ndim : int
    log_prob_fn : callable
        ``log_prob_fn(x, *args, **kwargs)``: the log probability at x of shape (ndim,), or a sequence that begins with it, the rest being blobs. A numba
        function without further arguments is called by compiled code.
    pool : object with ``map``, or int, optional
        Evaluates half of the walkers at once, over processes for example; a number starts as many of them for each call of `run_mcmc` or `sample`.
    moves : StretchMove, optional
    args, kwargs : optional
        Passed on to `log_prob_fn`.
    vectorize : bool
        `log_prob_fn` takes all positions at once, shape (m, ndim), and returns m results.
    blobs_dtype : dtype, optional
    parameter_names : list of str, or dict of str to int or list of int, optional
        `log_prob_fn` takes a dict of these.
    seed : int or SeedSequence, optional
        By default what ``numpy.random.seed`` has left.
    driver : Driver or str
        The stream of uniforms; a run under one that is not good enough for a chain gives a `DriverWarning`.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Notes
    -----
    There is no `backend`: `weakchaos.sample` with ``store="run.zarr"`` keeps and resumes runs of `EnsembleStretch`. A log probability that is NaN raises
    ValueError, as emcee does.

    Examples
    --------
    >>> sampler = EnsembleSampler(16, 2, lambda x: -0.5 * np.sum(x**2), seed=1)
    >>> state = sampler.run_mcmc(np.random.default_rng(0).normal(size=(16, 2)), 500)
    >>> sampler.get_chain(discard=100, flat=True).shape
    (6400, 2)
    """

    def __init__(
        self,
        nwalkers: int,
        ndim: int,
        log_prob_fn: Callable,
        pool: Any = None,
        moves: Any = None,
        args: Any = None,
        kwargs: Any = None,
        backend: Any = None,
        vectorize: bool = False,
        blobs_dtype: Any = None,
        parameter_names: Any = None,
        a: float | None = None,
        seed: Any = None,
        driver: Any = "pcg64",
    ):
        if backend is not None:
            raise ArgumentTypeError(
                "`backend` must be left out, because this sampler writes no backend file: weakchaos.sample(..., EnsembleStretch(), store='run.zarr') stores a run "
                "on disk and resumes it"
            )
        if not callable(log_prob_fn):
            raise ArgumentTypeError(f"`log_prob_fn` must be a function; got {shown(log_prob_fn)}")
        self.nwalkers, self.ndim = whole_number("nwalkers", nwalkers, 2), whole_number("ndim", ndim, 1)
        self.pool, self.vectorize, self.blobs_dtype = pool, bool(vectorize), blobs_dtype
        self.log_prob_fn = Function(log_prob_fn, args, kwargs)
        self._names = self._checked_names(parameter_names)
        compiled = isinstance(log_prob_fn, Dispatcher) and not (args or kwargs or vectorize or pool or self._names)
        self._a = stretch_of(moves if a is None else StretchMove(a))
        self._compiled: Any = log_prob_fn if compiled else None
        self._driver = resolve(driver)
        self._state: State | None = None
        self._evaluated: Any = None
        self._bind()
        self._stream = opened(self._driver, system.as_seed(_entropy(seed)))
        self.reset()

    def _bind(self) -> None:
        logp = self._compiled or self._rows
        target = Density(logp, self.ndim, vectorized=self._compiled is None)
        self._system = EnsembleStretch(self.nwalkers, self._a).bind(target, self._driver)
        self._driver = self._driver.for_steps_of(self._system.uniforms_per_step)

    def _checked_names(self, names: Any) -> dict[str, Any] | None:
        if names is None:
            return None
        if self.vectorize:
            raise ArgumentError("`parameter_names` and `vectorize` do not go together: a dict holds one position")
        names = {name: k for k, name in enumerate(names)} if isinstance(names, list | tuple) else names
        if not isinstance(names, dict):
            raise ArgumentTypeError(
                f"`parameter_names` must be a list of names, or a dict from names to indices; got {shown(names)}"
            )
        flat = [int(k) for value in names.values() for k in np.ravel(value)]
        if sorted(flat) != list(range(self.ndim)):
            raise ArgumentError(f"`parameter_names` must name each of the {self.ndim} coordinates once; got {shown(names)}")
        return names

    def __getstate__(self) -> dict:
        # Streams and C addresses mean nothing in another process, pools cannot go there.
        state = {k: v for k, v in self.__dict__.items() if k not in ("_stream", "_system", "_evaluated", "pool")}
        return {**state, "stream": self._stream.to_bytes()}

    def __setstate__(self, state: dict) -> None:
        stream = state.pop("stream")
        self.__dict__.update(state)
        self._stream, self.pool, self._evaluated = checked(self._driver, self._driver.restore(stream)), None, None
        self._bind()

    # ---- evaluation ------------------------------------------------------------------------------------------------------------------

    def compute_log_prob(self, coords: Any) -> tuple[np.ndarray, np.ndarray | None]:
        """Log probabilities and blobs at positions of shape (m, ndim).

        Raises
        ------
        ValueError
            For positions that are not finite, and log probabilities that are NaN.
        """
        p = np.asarray(coords, np.float64)
        if np.isinf(p).any():
            raise ArgumentError("At least one parameter value was infinite")
        if np.isnan(p).any():
            raise ArgumentError("At least one parameter value was NaN")
        if self.vectorize:
            results = list(self.log_prob_fn(p))
        else:
            places: Any = list(p) if self._names is None else [{name: x[k] for name, k in self._names.items()} for x in p]
            results = list((map if self.pool is None else self.pool.map)(self.log_prob_fn, places))
        if len(results) != len(p):
            raise ArgumentError(f"`log_prob_fn` must return one result for each of {len(p)} positions; it returned {len(results)}")
        try:
            rest = [r[1:] for r in results if len(r) > 1]
        except (TypeError, IndexError):
            rest = []
        blobs = None
        if rest:
            log_prob = np.array([_value(r[0]) for r in results])
            blobs = blob_array(rest, self.blobs_dtype)
        else:
            log_prob = np.array([_value(r) for r in results])
        if np.isnan(log_prob).any():
            raise ArgumentError("Probability function returned NaN")
        return log_prob, blobs

    def _rows(self, x: np.ndarray) -> np.ndarray:
        log_prob, self._evaluated = self.compute_log_prob(x)
        return log_prob

    # ---- running -----------------------------------------------------------------------------------------------------------------------

    def run_mcmc(self, initial_state: Any, nsteps: int, **kwargs: Any) -> State | None:
        """Make `nsteps` steps of all walkers from positions of shape (nwalkers, ndim), from a `State`, or, with None, from where the last run
        ended; the state at the end. Further arguments are those of `sample`."""
        if initial_state is None:
            if self._state is None:
                raise ArgumentError("Cannot have `initial_state=None` if run_mcmc has never been called.")
            initial_state = self._state
        state = None
        for state in self._sample(_CHUNK, initial_state, iterations=nsteps, **kwargs):  # noqa: B007
            pass
        return state

    def _start(self, initial_state: Any, skip_check: bool) -> tuple[State, system.State]:
        state = State(initial_state, copy=True)
        coords = np.array(state.coords, np.float64)
        if coords.shape != (self.nwalkers, self.ndim):
            raise ArgumentError(
                f"incompatible input dimensions {coords.shape}: `initial_state` must have shape ({self.nwalkers}, {self.ndim})"
            )
        if not skip_check and not walkers_independent(coords):
            raise ArgumentError(
                "Initial state has a large condition number: walkers must be finite, and must not lie in a plane of fewer dimensions than the target, which the stretch move never leaves"
            )
        if state.random_state is not None:
            self.random_state = state.random_state
        if state.log_prob is None:
            state.log_prob, state.blobs = self.compute_log_prob(coords)
        log_prob = np.array(state.log_prob, np.float64)
        if log_prob.shape != (self.nwalkers,):
            raise ArgumentError(
                f"incompatible input dimensions: `log_prob` must have shape ({self.nwalkers},); got {log_prob.shape}"
            )
        if np.isnan(log_prob).any():
            raise ArgumentError("The initial log_prob was NaN")
        inner = system.State(coords.ravel(), np.zeros(1 + self.nwalkers, np.int64), self._stream)
        inner.known = np.concatenate([inner.phase, log_prob])
        return state, inner

    def sample(
        self,
        initial_state: Any,
        log_prob0: Any = None,
        rstate0: Any = None,
        blobs0: Any = None,
        iterations: int | None = 1,
        tune: bool = False,
        skip_initial_state_check: bool = False,
        thin_by: int = 1,
        thin: int | None = None,
        store: bool = True,
        progress: Any = False,
        progress_kwargs: dict | None = None,
    ) -> Iterator[State]:
        """Make steps of all walkers, one after another, and yield the state after each.

        Parameters
        ----------
        initial_state : array of shape (nwalkers, ndim), or State
        log_prob0, rstate0, blobs0 : optional
            Of the initial state, in the place of a `State`.
        iterations : int or None
            States to yield; None goes on for ever, with ``store=False``.
        tune : bool
            Not used: the stretch move has nothing to tune.
        skip_initial_state_check : bool
            Let walkers start in a plane.
        thin_by : int
            Steps per state.
        store : bool
            Keep the states for `get_chain` and its siblings.
        progress : bool
        progress_kwargs : dict, optional
            For tqdm.
        """
        yield from self._sample(
            1, initial_state, log_prob0, rstate0, blobs0, iterations, tune, skip_initial_state_check, thin_by, thin, store, progress, progress_kwargs
        )  # fmt: skip

    def _sample(
        self, chunk: int, initial_state: Any, log_prob0: Any = None, rstate0: Any = None, blobs0: Any = None, iterations: Any = 1, tune: bool = False,
        skip_initial_state_check: bool = False, thin_by: int = 1, thin: Any = None, store: bool = True, progress: Any = False,
        progress_kwargs: dict | None = None,
    ) -> Iterator[State]:  # fmt: skip
        if iterations is None and store:
            raise ArgumentError("'store' must be False when 'iterations' is None")
        total = None if iterations is None else whole_number("iterations", iterations, 0)
        thin_by = whole_number("thin_by", thin_by, 1)
        keep_every = 1
        if thin is not None:
            warnings.warn("`thin` is deprecated; use `thin_by`", DeprecationWarning, stacklevel=2)
            keep_every = whole_number("thin", thin, 1)
        given = State(initial_state)
        for name, value in (("log_prob", log_prob0), ("random_state", rstate0), ("blobs", blobs0)):
            if value is not None:
                given = State(given.coords, given.log_prob, given.blobs, given.random_state)
                setattr(given, name, value)
        pool, own = self.pool, None
        if is_integer(pool):
            own = self.pool = multiprocessing.get_context().Pool(whole_number("pool", pool, 1))
        bar = None
        if progress:
            from tqdm.auto import tqdm

            bar = tqdm(total=total, **(progress_kwargs or {}))
        try:
            state, inner = self._start(given, skip_initial_state_check)
            tell_of_stream(self._system, inner, None if total is None else total * thin_by * self.nwalkers)
            made, moved = 0, np.zeros(self.nwalkers)
            while total is None or made < total:
                many = 1 if self._compiled is None or total is None else min(chunk, total - made)
                for coords, log_prob, blobs, accepted in self._steps(inner, state.blobs, many, thin_by):
                    made += 1
                    moved += accepted / (thin_by * keep_every)
                    state = State(coords, log_prob, blobs, self.random_state)
                    if store and made % keep_every == 0:
                        self._save(state, moved)
                        moved[:] = 0.0
                    self._state = state
                    if bar is not None:
                        bar.update(1)
                    yield state
            tell_of_numbers(self._system, inner)
        finally:
            if own is not None:
                own.close()
                self.pool = pool
            if bar is not None:
                bar.close()

    def _steps(self, inner: system.State, blobs: Any, many: int, thin_by: int) -> Iterator[tuple]:
        """`many` times `thin_by` steps of all walkers: positions, log probabilities, blobs, and steps in which each walker moved."""
        walkers, half, dim = self.nwalkers, self.nwalkers // 2, self.ndim
        if many > 1:
            steps = many * thin_by
            draws, stats = np.empty((steps * walkers, dim)), np.empty((steps * walkers, 2))
            self._run(inner, steps * walkers, draws, stats)
            x, told = draws.reshape(many, thin_by, walkers, dim), stats.reshape(many, thin_by, walkers, 2)
            for k in range(many):
                yield x[k, -1].copy(), told[k, -1, :, 0].copy(), None, told[k, :, :, 1].sum(0)
            return
        accepted = np.zeros(walkers)
        for _ in range(thin_by):
            for first in (0, half):
                self._run(inner, half, np.empty((0, dim)), np.empty((0, 2)))
                flags = inner.symbols[1 + first : 1 + first + half].astype(bool)
                accepted[first : first + half] += flags
                blobs = self._taken(blobs, first, flags)
        yield inner.phase.reshape(walkers, dim).copy(), inner.known[walkers * dim :].copy(), blobs, accepted

    def _taken(self, blobs: Any, first: int, flags: np.ndarray) -> Any:
        new = self._evaluated
        if new is None:
            return blobs
        if blobs is None or blobs.shape[1:] != new.shape[1:]:
            raise ArgumentError("blobs must have one shape, at the initial positions and at every other")
        blobs = blobs.copy()
        blobs[first : first + len(flags)][flags] = new[flags]
        return blobs

    def _run(self, inner: system.State, n: int, draws: np.ndarray, stats: np.ndarray) -> None:
        before = inner.counters[BAD_VALUES]
        if self._system.run(inner, n, 1, draws, stats, np.empty(0)) < n:
            raise self._system.take_error()
        if self._compiled is not None and inner.counters[BAD_VALUES] > before:
            raise ArgumentError("Probability function returned NaN or +inf")

    @property
    def random_state(self) -> Any:
        """All that moves in the stream of random numbers; it can be set to what it was, or to a state of NumPy's RandomState."""
        return self._stream.to_bytes()

    @random_state.setter
    def random_state(self, value: Any) -> None:
        if isinstance(value, bytes):
            self._stream = checked(self._driver, self._driver.restore(value))
        elif isinstance(value, tuple) and len(value) == 5:
            self._stream = opened(self._driver, system.as_seed([*np.asarray(value[1]).tolist(), int(value[2])]))
        else:
            raise ArgumentTypeError(
                f"`random_state` must be one that a sampler gave, or a state of NumPy's RandomState; got {shown(value)}"
            )
