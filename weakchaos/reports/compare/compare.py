"""`compare`: how fast samplers converge on one target, how chaotic they are, and whether their answers may be trusted at all."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.counters import GRADIENTS
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, DriverWarning, shown
from weakchaos.core.system import as_seed
from weakchaos.diagnostics import convergence_rate, entropy_rate, find_cycle, largest_exponent, split_rhat
from weakchaos.runs.sampling import sample

__all__ = ["Entrant", "Report", "compare"]

_RHAT = 1.01
_SPREAD = 0.1
_SYMBOLIC_DRAWS = 20_000


@dataclass(frozen=True)
class Entrant:
    """One sampler under one driver, with what was measured of it."""

    name: str
    sampler: Any
    driver: str
    draws: np.ndarray
    errors: np.ndarray
    row: dict
    notes: tuple[str, ...] = ()


@dataclass
class Report:
    """What `compare` found; `rows` holds one dict per sampler.

    Attributes
    ----------
    target : str
    entrants : list of Entrant
    truth : str
        Where the truth comes from.
    repeats : int
    seed : str
    warnings : list of str
        What speaks against a sampler's answers, one sentence each.
    command : str
        The command line that made it; empty when it was made by a call.
    """

    target: str
    entrants: list[Entrant]
    truth: str
    repeats: int
    seed: str
    error_kind: str
    warnings: list[str] = field(default_factory=list)
    command: str = ""

    @property
    def rows(self) -> list[dict]:
        """One dict a sampler with keys sampler, driver, draws, error, slope, slope_se, lyapunov, entropy_rate, period, ns_per_draw,
        gradients_per_draw, and rhat, disagreement, sampler_exponent, sampler_exponent_kind, period_searched, status."""
        return [dict(e.row) for e in self.entrants]

    def table(self) -> str:
        """The rows as a text table, worst news last."""
        from weakchaos.reports.compare.compare_text import text_table

        return text_table(self)

    def sentences(self) -> str:
        """What the numbers show, in two sentences."""
        from weakchaos.reports.compare.compare_sentences import two_sentences

        return two_sentences(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: the table and the two sentences."""
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"

    def plot(self, path: Any = None, ax: Any = None) -> Any:
        """The figure: error against draws with bands over repeats and guides, and slope against entropy rate; saved when `path` is given.

        With `ax`, matplotlib axes of your own, the first of the two is drawn there.
        """
        from weakchaos.reports.compare.compare_figure import plot_report

        return plot_report(self, path, ax)

    def to_html(self, path: Any) -> Any:
        """Write one self-contained HTML file."""
        from weakchaos.reports.compare.compare_page import write_html

        return write_html(self, path)

    def to_json(self, path: Any = None) -> str:
        """The rows, the curves and the warnings as JSON; written when `path` is given."""
        from weakchaos.reports.compare.compare_page import write_json

        return write_json(self, path)

    def __str__(self) -> str:
        return self.table()


def _checked_draws(draws: Any) -> int:
    if isinstance(draws, float) and draws.is_integer():
        draws = int(draws)
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 100:
        raise ArgumentError(
            f"`draws` must be a whole number of at least 100, so that there is a rate to measure; got {shown(draws)}"
        )
    return int(draws)


def _entrants(samplers: Any, driver: Any, draws: int) -> dict[str, tuple[Any, Any, int]]:
    if not isinstance(samplers, Mapping):
        if isinstance(samplers, list | tuple):
            samplers = {type(s).__name__: s for s in samplers}
        else:
            samplers = {type(samplers).__name__: samplers}
    if not samplers:
        raise ArgumentError("`samplers` must name at least one sampler, as in {'Gibbs': weakchaos.samplers.Gibbs()}")
    out = {}
    for name, value in samplers.items():
        parts = value if isinstance(value, tuple) else (value,)
        if not 1 <= len(parts) <= 3 or isinstance(parts[0], type) or not hasattr(parts[0], "bind"):
            raise ArgumentTypeError(
                f"`samplers`[{name!r}] must be a sampler, (sampler, driver) or (sampler, driver, draws); got {shown(value)}"
            )
        out[str(name)] = (parts[0], parts[1] if len(parts) > 1 else driver, _checked_draws(parts[2]) if len(parts) > 2 else draws)
    return out


def _truth(target: Any, truth: Any, n_averages: int) -> tuple[np.ndarray, np.ndarray, str]:
    if truth is None:
        known, scale = target.truth()
        if known is None:
            raise ArgumentError(
                "`truth` is required: exact inference is out of reach for this target, and it knows no expectations of its own; pass marginals or means, "
                "for instance from a long run: truth=weakchaos.sample(...).averages()[1][:, -1].mean(0)"
            )
        return known, scale, getattr(target, "source", None) or "exact"
    flat = (
        np.concatenate([np.ravel(t) for t in truth])
        if isinstance(truth, list | tuple) and np.ndim(truth[0])
        else np.atleast_1d(np.asarray(truth, np.float64))
    )
    scale = np.ones(n_averages)
    sds = getattr(target, "sds", None)
    if sds is not None and not callable(sds):
        scale[: len(sds)] = sds
    if flat.size != n_averages:
        if n_averages == 2 * flat.size and flat.size == len(getattr(target, "names", ())):
            flat = np.concatenate([flat, np.full(flat.size, np.nan)])
        else:
            raise ArgumentError(f"`truth` must have {n_averages} entries (one for each average the samplers keep); got {flat.size}")
    return flat, scale, "given"


def _checkpoints(draws: int, per_decade: int = 8) -> np.ndarray:
    counts = np.geomspace(10, draws, max(3, round(per_decade * math.log10(draws / 10)) + 1))
    half = draws // 2
    return np.unique(np.concatenate([np.round(counts).astype(np.int64), [half, draws]]))


def _variance(averages: np.ndarray, target: Any, dim: int) -> np.ndarray:
    """Variance of one draw of each estimand: of indicators p (1 - p), of coordinates by their second moments."""
    pooled = averages[:, -1].mean(0)
    if hasattr(target, "cardinalities"):
        return pooled * (1 - pooled)
    if hasattr(target, "feature_variance"):
        return target.feature_variance(pooled)
    if hasattr(target, "features") or hasattr(target, "x"):
        features = target.features if hasattr(target, "features") else target.x
        return features.var(0)
    return np.concatenate([np.maximum(pooled[dim:] - pooled[:dim] ** 2, 0.0), np.full(dim, np.nan)])


def _symbolic(system: Any, seed: Any, draws: int) -> float:
    """Entropy rate of the readout in nats per draw, mean over coordinates; real ones are coded by their side of the median."""
    state = system.start(seed)
    system.advance(state, min(200, draws), min(200, draws))
    out = np.asarray(system.advance(state, min(_SYMBOLIC_DRAWS, draws)))
    if out.dtype.kind == "f":
        out = (out > np.median(out, axis=0)).astype(np.int8)
    columns = range(min(out.shape[1], 32))
    return float(np.mean([float(entropy_rate(out[:, k])) for k in columns]))


def _reachability(system: Any, target: Any, cache: dict) -> str | None:
    """Why the moves of a sampler cannot reach every state, in one sentence; None when nothing stands in the way."""
    moves = getattr(system, "moves", None)
    if moves is None or not hasattr(target, "log_tables") or hasattr(target, "pair_arrays"):
        return None  # couplings are finite: every state is possible, and any order of moves connects them
    if moves not in cache:
        from weakchaos.targets.reachability import components

        found = components(target, blocks=moves or None)
        cache[moves] = found.message if found.n_components > 1 else None
    return cache[moves]


def _measure(name: str, sampler: Any, driver: Any, target: Any, plan: dict, cache: dict) -> Entrant:
    system = sampler.bind(target, driver=driver)
    seed, draws, repeats = plan["seed"], plan["draws"], plan["repeats"]
    # Compiled now, so that the time of a draw below is that of a draw.
    state = system.start(seed)
    system.run(
        state, 1, 1, np.empty((0, system.dim), system.dtype), np.empty((0, len(system.stats_names))), np.zeros(system.n_averages)
    )
    notes = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        checkpoints = _checkpoints(draws)
        trace = sample(
            target, sampler, draws, warmup=0, chains=repeats, seed=seed, driver="pcg64" if driver is None else driver, executor=plan["executor"],
            progress=plan["progress"], record="averages", checkpoints=checkpoints,
        )  # fmt: skip
    for w in caught:
        if not issubclass(w.category, DriverWarning):
            notes.append(str(w.message))
        elif "equidistributed" in str(w.message):
            notes.append(str(w.message).split(":")[0])
    if trace.interrupted:
        raise KeyboardInterrupt
    counts, averages = trace.averages()
    truth, scale = plan["truth"], plan["scale"]
    known = np.isfinite(truth)
    errors = np.abs((averages - truth) / scale)[:, :, known].max(-1)
    rate = convergence_rate(counts, errors, (min(100.0, draws / 10), draws))
    notes.extend(n for n in rate.warnings if "stops falling" in n or "zero throughout" in n)

    variance = _variance(averages, target, len(system.names))
    judged = np.isfinite(variance)
    half = int(np.flatnonzero(counts == draws // 2)[0])
    rhat = split_rhat(averages[:, half][:, judged], averages[:, -1][:, judged], variance[judged]) if repeats > 1 else np.ones(1)
    spread = np.ptp(averages[:, -1] / scale, axis=0)[judged]
    disagreement = float(spread.max())
    worst = float(rhat.max())
    final = float(np.median(errors[:, -1]))
    if disagreement > _SPREAD or worst > _RHAT:
        size = "inf" if not np.isfinite(worst) else f"{worst:.3g}"
        notes.append(f"starts disagree by up to {disagreement:.2g} (split R-hat {size}): not converged")
    if final > 3 * disagreement and final > max(20 / draws, 1e-3):
        notes.append(f"all starts agree (within {disagreement:.1g}) on an answer that is wrong by {final:.2g}: biased")
    stuck = _reachability(system, target, cache)
    if stuck:
        notes.append(stuck)

    # Each round copies the state: where it is large (weights over wide Markov blankets) fewer rounds must do.
    rounds = max(20, min(plan["lyapunov_steps"], int(4e9 / (1 + state.phase.nbytes + state.symbols.nbytes))))
    conditional = largest_exponent(system, steps=rounds, seed=int(as_seed(seed).generate_state(1)[0]))
    stream = system.stream_exponent
    own = float(conditional)
    exponent = own if system.driver is None else None if stream is None else max(stream, own)
    cycle = find_cycle(system, seed=seed, max_steps=plan["cycle_steps"])
    if cycle and cycle.period is not None and cycle.period < draws:
        notes.append(f"the orbit repeats itself every {cycle.period} draws: more of them add nothing")
    gradients = sum(int(s.counters[GRADIENTS]) for s in trace.states) / (draws * repeats)
    row = {
        "sampler": name,
        "driver": "none" if system.driver is None else system.driver.name,
        "draws": int(draws),
        "error": final,
        "slope": float(rate),
        "slope_se": rate.stderr,
        "lyapunov": exponent,
        "entropy_rate": _symbolic(system, seed, draws),
        "period": cycle.period,
        "period_searched": cycle.steps,
        "ns_per_draw": 1e9 * sum(trace.cpu_seconds) / (draws * repeats),
        "gradients_per_draw": gradients,
        "rhat": worst,
        "disagreement": disagreement,
        "sampler_exponent": float(conditional),
        "sampler_exponent_kind": conditional.parameters["kind"],
        "status": "ok" if not notes else "; ".join(notes),
    }
    return Entrant(name, sampler, row["driver"], counts, errors, row, tuple(notes))


def compare(
    target: Any,
    samplers: Any,
    draws: int = 100_000,
    truth: Any = None,
    repeats: int = 8,
    seed: Any = 0,
    driver: Any = "pcg64",
    executor: Executor | None = None,
    progress: bool = False,
    lyapunov_steps: int = 1000,
    cycle_steps: int = 300_000,
    on_done: Callable[[Entrant], None] | None = None,
) -> Report:
    """Run samplers from over-dispersed starts and measure them as estimators and as dynamical systems.

    Parameters
    ----------
    target : Target
    samplers : dict
        Names and samplers, or tuples (sampler, driver) or (sampler, driver, draws); a sampler that is given fewer draws than the others
        has its cycle looked for among no more than these.
    draws : int
        Draws per repeat (sweeps of a Gibbs sampler); warm-up is not thrown away, since it is part of how fast a sampler learns.
    truth : array or list of arrays, optional
        Marginals of a discrete target or means of a continuous one; what the target knows of itself by default.
    repeats : int
        Independent starts; at least 2.
    seed : int
    driver : Driver or str
        For samplers that are given without one.
    executor, progress :
        As in `weakchaos.sample`.
    lyapunov_steps, cycle_steps : int
        Length of the orbits on which exponents and cycles are measured.
    on_done : callable, optional
        Called with each `Entrant` when it is done.

    Returns
    -------
    Report
        ``error`` is the largest error over marginals (in standard deviations for continuous targets), median over repeats; ``slope`` its
        log-log slope; ``lyapunov`` the largest exponent of sampler and stream together, nats per draw (None: not defined for the
        driver's generator, and the sampler's own is under ``sampler_exponent``); ``entropy_rate`` that of the readout, nats per draw and
        coordinate; ``period`` that of the full state, None if none was found. ``status`` is "ok" or says why the answers of a run cannot
        be trusted: starts that disagree, states that cannot be reached, a bias, a plateau, a short cycle.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> import weakchaos as wc
    >>> model = wc.PairwiseMRF([[0.0, 1.0], [1.0, 0.0]])
    >>> report = wc.compare(model, {"Gibbs": wc.samplers.Gibbs(), "herded": wc.herding.HerdedGibbs()}, draws=2000, repeats=4)
    >>> report.rows[1]["error"] < report.rows[0]["error"]
    True
    """
    if isinstance(repeats, bool) or not isinstance(repeats, int | np.integer) or repeats < 2:
        raise ArgumentError(
            f"`repeats` must be a whole number of at least 2, so that starts can be held against each other; got {shown(repeats)}"
        )
    draws = _checked_draws(draws)
    entrants = _entrants(samplers, driver, draws)
    if not hasattr(target, "truth"):
        raise ArgumentTypeError(
            f"`target` must be a target such as weakchaos.PairwiseMRF or weakchaos.Density; got {shown(target)}"
        )
    first, own, _ = next(iter(entrants.values()))
    width = first.bind(target, driver="pcg64" if own is None else own).n_averages
    known, scale, source = _truth(target, truth, width)
    entropy = as_seed(seed).entropy
    plan = {
        "repeats": int(repeats), "seed": entropy, "truth": known, "scale": scale, "executor": executor, "progress": progress,
        "lyapunov_steps": lyapunov_steps,
    }  # fmt: skip
    cache: dict = {}
    done = []
    for name, (sampler, own, n) in entrants.items():
        limits = {"draws": n, "cycle_steps": cycle_steps if n >= draws else min(cycle_steps, n)}
        done.append(_measure(name, sampler, own, target, plan | limits, cache))
        if on_done is not None:
            on_done(done[-1])
    found = [f"{e.name}: {note}" for e in done for note in e.notes]
    continuous = not hasattr(target, "cardinalities")
    kind = "largest error of a mean, in standard deviations" if continuous else "largest error of a marginal"
    kind = getattr(target, "error_kind", kind)
    label = f"{getattr(target, 'name', None) or type(target).__name__} ({target.dim} {'coordinates' if continuous else 'units'})"
    return Report(label, done, source, int(repeats), str(entropy), kind, found)
