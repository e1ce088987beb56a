"""What is measured of one entrant of a comparison: its averages from many starts, its exponents, entropy and period, and what speaks against it."""

from __future__ import annotations

import math
import warnings
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.counters import ACCEPTED, DIVERGENCES, GRADIENTS, STEPS
from weakchaos.core.errors import ConvergenceWarning, DriverWarning, ErgodicityWarning, GradientWarning
from weakchaos.core.flags import Flag, Kind, Severity, gravest_first
from weakchaos.diagnostics import convergence_rate, entropy_rate, find_cycle, largest_exponent, split_rhat
from weakchaos.reports.compare.joint import (
    autocorrelation,
    coupling_time,
    determinism,
    spectrum_of_state,
    stream_discrepancy,
    stream_entropy,
)
from weakchaos.reports.compare.judge import BLOCKS, Averages, judge_averages, wide_tails
from weakchaos.runs.check import name_tempering
from weakchaos.runs.sampling import sample
from weakchaos.targets.reachability import unreachable_flag

__all__ = ["Entrant", "Plan", "measure"]

_SYMBOLIC_DRAWS = 20_000
_COUPLING_DRAWS = 4096
_DIVERGENT = 0.005
_LEAST_ACCEPTANCE = 0.01
_EXACT = 1e-9  # error of the averages over a period that is rounding


@dataclass(frozen=True)
class Entrant:
    """One sampler under one driver, with what was measured of it.

    Attributes
    ----------
    name : str
    sampler : Sampler
    driver : str
    draws : int array of shape (m,)
        Draw counts of the curve.
    errors : array of shape (repeats, m)
    row : dict
        See `Report.rows`.
    flags : tuple of Flag
        What speaks against it, the gravest first.
    """

    name: str
    sampler: Any
    driver: str
    draws: np.ndarray
    errors: np.ndarray
    row: dict
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What is alike for all entrants, but for the numbers of draws and of steps in search of a cycle."""

    target: Any
    measured: Any
    draws: int
    repeats: int
    seed: np.random.SeedSequence
    truth: np.ndarray
    judged_truth: np.ndarray
    scale: np.ndarray
    executor: Executor | None
    progress: bool
    lyapunov_steps: int
    cycle_steps: int
    joint: bool = False
    reachable: dict = field(default_factory=dict)


def _checkpoints(draws: int, per_decade: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Draw counts of the curve, evenly spaced in their logarithm; and all at which averages are noted, the ends of equal blocks included."""
    counts = np.geomspace(10, draws, max(3, round(per_decade * math.log10(draws / 10)) + 1))
    half = draws // 2
    curve = np.unique(np.concatenate([np.round(counts).astype(np.int64), [half, draws]]))
    blocks = np.round(np.linspace(half, draws, BLOCKS + 1)).astype(np.int64)
    return curve, np.unique(np.concatenate([curve, blocks, [draws // 4]]))


def _probe(system: Any, plan: Plan) -> tuple[float, np.ndarray]:
    """Entropy rate of the readout in nats per draw, mean over coordinates (real ones are coded by their side of the median), and its draws."""
    state = system.start(plan.seed)
    system.advance(state, min(200, plan.draws), min(200, plan.draws))
    draws = np.asarray(system.advance(state, min(_SYMBOLIC_DRAWS, plan.draws)))
    coded = (draws > np.median(draws, axis=0)).astype(np.int8) if draws.dtype.kind == "f" else draws
    rates = [float(entropy_rate(coded[:, k])) for k in range(min(coded.shape[1], 32))]
    return float(np.mean(rates)), draws


def _run(sampler: Any, driver: Any, plan: Plan) -> tuple[Any, np.ndarray]:
    """The trace of all repeats, and the draw counts of the curve."""
    curve, checkpoints = _checkpoints(plan.draws)
    with warnings.catch_warnings():
        # What these say is in the flags of the trace; warnings of the user's own function go their way.
        for category in (ConvergenceWarning, DriverWarning, ErgodicityWarning, GradientWarning):
            warnings.simplefilter("ignore", category)
        trace = sample(
            plan.target, sampler, plan.draws, warmup=0, chains=plan.repeats, seed=plan.seed, driver="pcg64" if driver is None else driver,
            executor=plan.executor, progress=plan.progress, record="averages", checkpoints=checkpoints,
        )  # fmt: skip
    if trace.interrupted:
        raise KeyboardInterrupt
    return trace, curve


def _counted(system: Any, states: list) -> list[Flag]:
    """What the counters of the states say."""
    steps = sum(int(s.counters[STEPS]) for s in states)
    divergences = sum(int(s.counters[DIVERGENCES]) for s in states) if "diverging" in system.stats_names else 0
    out = []
    if divergences:
        severity = Severity.INVALID if divergences > _DIVERGENT * steps else Severity.NOTE
        out.append(Flag.of(Kind.DIVERGENCES, severity, count=divergences, draws=steps))
    if "acceptance_rate" in system.stats_names and not any(
        s.counters[ACCEPTED] > _LEAST_ACCEPTANCE * s.counters[STEPS] for s in states
    ):
        out.append(Flag.of(Kind.LOW_ACCEPTANCE, rate=sum(int(s.counters[ACCEPTED]) for s in states) / max(steps, 1), chain=None))
    return out


def _cycle_flag(system: Any, cycle: Any, plan: Plan) -> Flag | None:
    """A period shorter than the run, with the error of the averages over one period: what more draws converge to."""
    if not cycle or cycle.period >= plan.draws:
        return None
    if system.averages_of_readout:
        return Flag.of(Kind.CYCLE, period=cycle.period, error=None)
    state, sums = system.start(plan.seed), np.zeros(system.n_averages)
    empty = np.empty((0, system.dim), system.dtype), np.empty((0, len(system.stats_names)))
    if cycle.preperiod:
        system.run(state, cycle.preperiod, 1, *empty, np.zeros(system.n_averages))
    system.run(state, cycle.period, 1, *empty, sums)
    known = np.isfinite(plan.truth)
    error = float((np.abs(sums / cycle.period - plan.truth) / plan.scale)[known].max())
    return Flag.of(Kind.CYCLE, Severity.NOTE if error < _EXACT else Severity.INVALID, period=cycle.period, error=error)


def _exponents(system: Any, state: Any, plan: Plan) -> tuple[float | None, Any]:
    """The largest exponent of sampler and stream together (None where it is not known), and that of the sampler alone."""
    # Each round copies the state: where it is large (weights over wide Markov blankets) fewer rounds must do.
    rounds = max(20, min(plan.lyapunov_steps, int(4e9 / (1 + state.phase.nbytes + state.symbols.nbytes))))
    own = largest_exponent(system, steps=rounds, seed=int(plan.seed.generate_state(1)[0]))
    stream = system.stream_exponent
    if math.isnan(float(own)) or (system.driver is not None and stream is None):
        return None, own
    return float(own) if system.driver is None or stream is None else max(stream, float(own)), own


def measure(name: str, sampler: Any, driver: Any, plan: Plan) -> Entrant:
    """Run one sampler from all starts, and measure and judge it."""
    target, draws, repeats = plan.target, plan.draws, plan.repeats
    system = sampler.bind(target, driver=driver)
    # Compiled now, so that the time of a draw below is that of a draw.
    state = system.start(plan.seed)
    system.run(
        state, 1, 1, np.empty((0, system.dim), system.dtype), np.empty((0, len(system.stats_names))), np.zeros(system.n_averages)
    )
    trace, curve = _run(sampler, driver, plan)
    counts, averages = trace.averages()
    on_curve = np.isin(counts, curve)
    known = np.isfinite(plan.truth)
    errors = np.abs((averages[:, on_curve] - plan.truth) / plan.scale)[:, :, known].max(-1)
    rate = convergence_rate(counts[on_curve], errors, (min(100.0, draws / 10), draws))

    variance = plan.measured.draw_variance(averages[:, -1].mean(0))
    judged = np.isfinite(variance)
    half = int(np.flatnonzero(counts == draws // 2)[0])
    rhat = split_rhat(averages[:, half][:, judged], averages[:, -1][:, judged], variance[judged])
    spread = np.ptp(averages[:, -1] / plan.scale, axis=0)
    entropy, probed = _probe(system, plan)
    names = plan.measured.estimand_names(averages.shape[-1])
    tails = wide_tails(probed, averages.shape[-1])
    exponent, own = _exponents(system, state, plan)
    cycle = find_cycle(system, seed=plan.seed, max_steps=plan.cycle_steps)

    flags = [*trace.flags, *system.stream_flags(draws), *_counted(system, trace.states)]
    judged_flags = judge_averages(
        Averages.of(counts, averages, draws),
        plan.judged_truth,
        plan.scale,
        variance,
        plan.measured.draw_variance(plan.judged_truth),
        names,
        tails,
    )
    flags += name_tempering(judged_flags, system)
    if rate.parameters["plateau"] is not None:
        flags.append(Flag.of(Kind.PLATEAU, draws=rate.parameters["plateau"]))
    moves = getattr(system, "moves", None)
    if moves is not None:
        if moves not in plan.reachable:
            plan.reachable[moves] = unreachable_flag(target, moves)
        flags.append(plan.reachable[moves])
    flags.append(_cycle_flag(system, cycle, plan))
    found = tuple(gravest_first(flag for flag in flags if flag is not None))
    against = [flag.sentence for flag in found if flag.severity is not Severity.NOTE]
    row = {
        "sampler": name,
        "driver": "none" if system.driver is None else system.driver.name,
        "draws": int(draws),
        "error": float(np.median(errors[:, -1])),
        "slope": float(rate),
        "slope_se": rate.stderr,
        "lyapunov": exponent,
        "entropy_rate": entropy,
        "stream_entropy": stream_entropy(system, plan.seed),
        "autocorrelation": autocorrelation(probed),
        "coupling_time": coupling_time(system, plan.seed, probed, min(draws, _COUPLING_DRAWS)),
        "period": cycle.period,
        "period_searched": cycle.steps,
        "ns_per_draw": 1e9 * sum(trace.cpu_seconds) / (draws * repeats),
        "gradients_per_draw": sum(int(s.counters[GRADIENTS]) for s in trace.states) / (draws * repeats),
        "rhat": float(rhat.max(initial=1.0)),
        "disagreement": float(spread[judged].max(initial=0.0)),
        "sampler_exponent": float(own),
        "sampler_exponent_kind": own.parameters["kind"],
        "status": "ok" if not against else "; ".join(against),
    }
    if plan.joint:
        row["determinism"] = determinism(probed)
        row["stream_discrepancy"] = stream_discrepancy(system, plan.seed)
        row["spectrum"] = spectrum_of_state(system, plan.seed)
    return Entrant(name, sampler, row["driver"], counts[on_curve], errors, row, found)
