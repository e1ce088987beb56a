"""`Trace`: what was read off an orbit, plus what is needed to continue it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_numbers
from weakchaos.core.counters import WARMUP_STEPS
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.flags import Flag
from weakchaos.core.system import State
from weakchaos.runs.hands_over import HandsOver
from weakchaos.runs.running_error import RunningError, running_counts

__all__ = ["RunningError", "Trace", "running_counts"]

_BLOCK = 65536


# Statistics that are no real numbers; kernels write all of them as float64.
_TYPES = {"diverging": np.bool_, "n_steps": np.int64, "n_events": np.int64, "tree_depth": np.int64}


def _typed(stats: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: values.astype(_TYPES[name]) if name in _TYPES else values for name, values in stats.items()}


class Trace(HandsOver):
    """Draws, statistics and final states of a run; made by `weakchaos.sample`, `extend`, `resume` and `load`.

    Attributes
    ----------
    draws : array of shape (chain, draw, dim)
        As many draws as every chain has; the smallest integer type for discrete targets. A run with a store reads them from disk at
        each access, so slice ``trace.draws`` once and keep the slice.
    stats : dict of arrays of shape (chain, draw)
    weights : array of shape (chain, draw) or None
        The weights under which draws estimate; None when they count alike.
    states : list of State
        The final state of each chain.
    lengths : list of int
        Draws of each chain; they differ only after an error or an interruption.
    cpu_seconds : list of float
        CPU time of each chain, compilation included.
    settings : dict
        Seed entropy, warm-up, thinning, and whether the run was stopped before its end.
    system : System or None
        The sampler bound to its target; None for a trace read from disk that lacks what `missing` names.
    missing : tuple of str
        What has to be passed to `weakchaos.load` before the run can go on: ``"target"`` when that was a user's function, ``"sampler"`` when this
        version of the package does not have the one of the run. The draws are there all the same.
    """

    def __init__(self, system: Any, sink: Any, states: list[State], lengths: list[int], warmed: list[int], record: str, settings: dict,
                 cpu_seconds: list[float], sums: list[np.ndarray], *, description: Any = None, missing: dict[str, str] | None = None):  # fmt: skip
        self.system, self._sink, self.states, self.lengths, self._warmed = system, sink, states, lengths, warmed
        self.record, self.settings, self.cpu_seconds, self._sums = record, settings, cpu_seconds, sums
        self.description, self.missing, self._reasons = description, tuple(missing or ()), missing or {}

    @classmethod
    def from_run(cls, system: Any, plan: Any, chains: list, sink: Any, settings: dict) -> Trace:
        """The trace of chains as they stand."""
        return cls(system, sink, [c.state for c in chains], [c.drawn for c in chains], [c.warmed for c in chains], plan.record, settings,
                   [c.cpu_seconds for c in chains], [c.sums for c in chains])  # fmt: skip

    def positions(self) -> list[tuple[State, int, int, np.ndarray]]:
        """State, warm-up steps done, draws made and running sums of each chain: where a run goes on."""
        return list(zip(self.states, self._warmed, self.lengths, self._sums, strict=True))

    def continue_sink(self, plan: Any) -> Any:
        """The place where further draws go."""
        return self._sink.extended(plan, self.lengths)

    def keep_flags(self) -> None:
        """Note what was found against the run where its draws are."""
        self._sink.keep_flags(self.settings["flags"])

    def writing(self) -> Any:
        """A context in which no other process may write to where the draws are."""
        return self._sink.writing()

    @property
    def n_chains(self) -> int:
        """How many chains."""
        return len(self.states)

    @property
    def n_draws(self) -> int:
        """Draws that every chain has."""
        return min(self.lengths)

    @property
    def interrupted(self) -> bool:
        """Whether the run was stopped from the keyboard, or a store was read before its run had ended."""
        return bool(self.settings.get("interrupted", False))

    @property
    def stopped(self) -> dict[str, Any]:
        """What ended the run: ``reason`` ("draws", "until", "max_seconds", "interrupted", "error"), ``draws`` of every chain then, and the last
        ``ess`` and ``rhat`` that ``sample(until=...)`` judged; empty after a kill."""
        return dict(self.settings.get("stopped") or {})

    @property
    def walkers(self) -> int:
        """Walkers of an ensemble, whose draws are in ``draws`` in turn; 1 for a chain."""
        return int(self.settings.get("walkers", 1))

    @property
    def flags(self) -> list[Flag]:
        """What was found against this run before it began and while it went on, by the sampler itself; `check` judges the draws as well."""
        return [Flag.from_plain(data) for data in self.settings.get("flags", [])]

    @property
    def names(self) -> list[str]:
        """Names of the coordinates."""
        return list(self._sink.names)

    @property
    def draws(self) -> Any:
        """See the class; None when the run kept averages only."""
        return self._sink.draws(self.n_draws) if self.record == "draws" else None

    def chain(self, k: int) -> np.ndarray:
        """Every draw of chain `k`, those beyond the shortest chain included; shape (draws, dim)."""
        self._need_draws("chain")
        return self._sink.read(k, 0, self.lengths[k])

    @property
    def stats(self) -> dict[str, np.ndarray]:
        """Statistics the sampler kept with each draw, arrays of shape (chain, draw)."""
        return _typed(self._sink.stats(self.n_draws)) if self.record == "draws" else {}

    @property
    def keeps_warmup(self) -> bool:
        """Whether the run keeps the draws of its warm-up."""
        return self._sink.keeps_warmup

    @property
    def warmup(self) -> np.ndarray | None:
        """Draws of warm-up, (chain, step, dim), where ``sample(keep_warmup=True)`` kept them; None otherwise. No average uses them."""
        draws = self._kept_warmup()[0]
        return draws if draws.shape[1] else None

    @property
    def warmup_stats(self) -> dict[str, np.ndarray]:
        """Statistics of the steps of warm-up, arrays of shape (chain, step)."""
        return _typed(self._kept_warmup()[1])

    def _kept_warmup(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return self._sink.warmup(min(int(state.counters[WARMUP_STEPS]) for state in self.states))

    @property
    def tuning(self) -> dict[str, np.ndarray]:
        """What warm-up tuned, as it stands at the end of the run: for each name an array whose first axis counts chains."""
        names = set.intersection(*(set(state.tuning) for state in self.states))
        return {name: np.stack([state.tuning[name] for state in self.states]) for name in sorted(names)}

    @property
    def weights(self) -> np.ndarray | None:
        """See the class."""
        return self._sink.stat("weight", self.n_draws) if self.record == "draws" and "weight" in self._sink.stats_names else None

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """Draw counts at which running averages were noted; empty for a trace with draws."""
        return tuple(self._sink.checkpoints()) if self.record == "averages" else ()

    def _need_draws(self, what: str) -> None:
        if self.record != "draws":
            raise ArgumentError(f"`{what}` needs the draws, and this run kept running averages only; sample with record='draws'")

    def __repr__(self) -> str:
        kept = "draws" if self.record == "draws" else "draws averaged"
        return f"<Trace: {self.n_chains} chains, {self.n_draws} {kept}, dim {self._sink.dim}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the run in a line, and each flag in a row."""
        from html import escape

        rows = "".join(f"<li><b>{escape(f.severity.value)}</b>: {escape(f.sentence)}</li>" for f in self.check())
        return f"<p><code>{escape(repr(self))}</code></p>" + (
            f"<ul>{rows}</ul>" if rows else "<p>Nothing speaks against this run.</p>"
        )

    # ---- averages ------------------------------------------------------------------------------------------------------------------

    def _counts(self, at: Any) -> np.ndarray:
        if self.record == "averages":
            have = np.array(self.checkpoints, np.int64)
            if not have.size:
                raise ArgumentError("this trace holds no running averages: no checkpoint was reached by every chain")
            if at is None:
                return have
            wanted = whole_numbers("at", at, 1, int(have[-1]))
            if not np.isin(wanted, have).all():
                raise ArgumentError(
                    f"`at` must be among the checkpoints of this run ({', '.join(map(str, have))}); got {shown(at)}"
                )
            return wanted
        if self.n_draws == 0:
            raise ArgumentError("this trace holds no draw that every chain has; look at trace.chain(k)")
        return running_counts(self.n_draws) if at is None else whole_numbers("at", at, 1, self.n_draws)

    def averages(self, f: Callable | None = None, at: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Running averages of `f`, or of what the sampler's target is judged by.

        Parameters
        ----------
        f : callable, optional
            ``f(draws of shape (m, dim)) -> array of shape (m,) or (m, k)``. Default: the indicator of every state of every unit for
            discrete targets, ``x`` and ``x**2`` for continuous ones.
        at : int or sequence of int, optional
            Draw counts; eight per decade by default.

        Returns
        -------
        counts : int array of shape (c,)
        averages : float array of shape (chains, c, k)
            Draws are read in blocks and never copied whole.
        """
        counts = self._counts(at)
        if self.record == "averages":
            if f is not None:
                raise ArgumentError("`f` needs the draws, and this run kept running averages only; sample with record='draws'")
            return counts, np.stack([self._sink.averages(k, counts) for k in range(self.n_chains)])
        function = f if f is not None else self._system_of("averages").estimands
        increasing, place = np.unique(counts, return_inverse=True)
        return counts, np.stack([self._running(k, function, increasing)[place] for k in range(self.n_chains)])

    def _running(self, chain: int, function: Callable, counts: np.ndarray) -> np.ndarray:
        weights = None if self.weights is None else self.weights[chain]
        total: Any = 0.0
        mass, start, rows = 0.0, 0, []
        for stop in counts:
            for a in range(start, stop, _BLOCK):
                b = min(a + _BLOCK, int(stop))
                x = self._sink.read(chain, a, b)
                value = np.asarray(function(x), np.float64)
                if value.shape[:1] != (b - a,) or value.ndim > 2:
                    raise ArgumentError(
                        f"`f` must map an array of shape (m, dim) to one of shape (m,) or (m, k); for m={b - a} it returned shape {value.shape}"
                    )
                value = value.reshape(b - a, -1)
                if weights is None:
                    total, mass = total + value.sum(0), mass + (b - a)
                else:
                    total, mass = total + weights[a:b] @ value, mass + weights[a:b].sum()
            start = int(stop)
            rows.append(total / mass)
        return np.array(rows)

    def mean(self, f: Callable | None = None, at: Any = None) -> np.ndarray:
        """The average of the draws, or of `f` of them.

        Parameters
        ----------
        f : callable, optional
            ``f(draws of shape (m, dim)) -> array of shape (m,) or (m, k)``; the identity by default.
        at : int or sequence of int, optional
            Draw counts for running averages.

        Returns
        -------
        array of shape (dim,) or (k,)
            Over all chains and draws; with `at`, running averages of each chain, shape (chains, len(at), k).
        """
        if self.record == "averages":
            values = self.averages(f, self._counts(None)[-1] if at is None else at)[1]
            values = self._system_of("mean").mean_of_averages(values)
        else:
            values = self.averages(f if f is not None else np.asarray, max(self.n_draws, 1) if at is None else at)[1]
        return values[:, -1].mean(0) if at is None else values

    def error(self, truth: Any = None, f: Callable | None = None, at: Any = None) -> RunningError:
        """Errors of running averages against the truth.

        Parameters
        ----------
        truth : array, list of arrays, or None
            Means of shape (dim,), or E f of shape (k,) when `f` is given, or the marginals of a discrete target (a list with one array
            a unit). Default: what the target knows of itself, judged in units of its standard deviations when it is continuous.
        f, at :
            As in `mean`.

        Returns
        -------
        RunningError
        """
        if truth is None:
            if f is not None:
                raise ArgumentError("`truth` is required with `f`: the expectation of `f`, shape (k,)")
            known, scale = self._system_of("error").truth()
            if known is None:
                raise ArgumentError(
                    "`truth` is required: this target does not know its own expectations; pass its means, or marginals"
                )
            counts, values = self.averages(None, at)
            return RunningError(counts, np.nanmax(np.abs(values - known) / scale, axis=-1))
        flat = _flat_truth(truth)
        if f is None and flat.size == self._sink.dim:
            counts = self._counts(at)
            values = self.mean(at=counts)
        else:
            counts, values = self.averages(f, at)
        if values.shape[-1] != flat.size:
            raise ArgumentError(f"`truth` must have {values.shape[-1]} entries, one for each average; got {flat.size}")
        return RunningError(counts, np.abs(values - flat).max(-1))

    def why_no_system(self, name: str) -> str:
        """The message of the error for `name`, which needs what this trace, read from disk, does not have."""
        what, how = " and ".join(self.missing), ", ".join(f"{part}=..." for part in self.missing)
        why = "; ".join(f"the {part}: {reason}" for part, reason in self._reasons.items())
        return f"`{name}` needs the {what} of the run ({why}); load it with weakchaos.load(path, {how})"

    def _system_of(self, name: str) -> Any:
        if self.system is None:
            raise ArgumentError(self.why_no_system(name))
        return self.system

    # ---- trust ---------------------------------------------------------------------------------------------------------------------

    def check(self) -> list[Flag]:
        """What speaks against this run: what the sampler found itself, chains that disagree, hardly move or are equal, divergences, too few draws.

        Returns
        -------
        list of Flag
            Each with a kind, a severity, its numbers and a sentence; empty when nothing was found. `weakchaos.sample` warns of those that
            make a run invalid.

        Examples
        --------
        >>> import weakchaos as wc
        >>> wc.sample(wc.zoo.gaussian([1.0]), wc.samplers.HMC(0.5, 5), draws=1000, seed=1, progress=False).check()
        []
        """
        from weakchaos.runs.check import check_run

        return check_run(self)

    def thermodynamics(self, temperature: int | None = None) -> Any:
        """Averages, heat capacity, susceptibility and Binder cumulant with errors, of a run with ``record="observables"`` or of `samplers.PackedIsing`.

        Parameters
        ----------
        temperature : int, optional
            In a run of `samplers.ParallelTempering` on discrete units: the temperature, counted from the hottest, 0. Energy and heat capacity are measured there,
            and with `samplers.PackedIsing` inside all the rest. Without it what was drawn is measured, at the target's own temperature.

        Returns
        -------
        Thermodynamics

        Examples
        --------
        >>> import weakchaos as wc
        >>> target = wc.Ising.lattice((16, 16), beta=0.3)
        >>> trace = wc.sample(target, draws=2000, record="observables", seed=1, progress=False)
        >>> found = trace.thermodynamics()["energy"]
        >>> bool(abs(found.value - wc.renormalization.exact_energy(0.3, 16)) < 5 * found.error)
        True
        """
        from weakchaos.runs.thermodynamics import measure_thermodynamics

        return measure_thermodynamics(self, temperature)

    def save(self, path: Any) -> Path:
        """Write everything to an .npz file; `weakchaos.load` reads it back and `extend` continues it bit for bit.

        Raises
        ------
        ArgumentError
            When the run already lives in a store.
        """
        from weakchaos.runs.archive import save_npz

        return save_npz(self, path)

    def arrays(self) -> dict[str, np.ndarray]:
        """All that was drawn, as arrays for saving."""
        return self._sink.arrays(self.lengths)


def _flat_truth(truth: Any) -> np.ndarray:
    try:
        if isinstance(truth, list | tuple) and len(truth) and np.ndim(truth[0]):
            return np.concatenate([np.ravel(np.asarray(t, np.float64)) for t in truth])
        return np.ravel(np.asarray(truth, np.float64))
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"`truth` must be numbers: means, or the marginals of each unit; got {shown(truth)}") from error
