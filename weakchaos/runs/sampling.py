"""`sample` and `extend`: chains of a sampler on a target, in any executor, kept in memory or in a store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number, whole_numbers
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.flags import warn_of, warn_of_each
from weakchaos.core.system import as_seed
from weakchaos.runs.block import Chain, Plan
from weakchaos.runs.description import named_class
from weakchaos.runs.executors import check_executor
from weakchaos.runs.memory import MemorySink
from weakchaos.runs.scheduler import run_plan
from weakchaos.runs.store import StoreSink
from weakchaos.runs.trace import Trace, running_counts
from weakchaos.runs.until import MOST_DRAWS, Until, judged_at

__all__ = ["Plan", "extend", "run_plan", "sample"]


def _default_sampler(target: Any) -> Any:
    name = getattr(target, "default_sampler", None)
    if name is None:
        raise ArgumentError(
            f"`sampler` must be given: there is none by default for the target {shown(target)}; moments and points take herdings, such as weakchaos.herding.Herding()"
        )
    return named_class(name)()


def _check_arguments(target: Any, sampler: Any, executor: Any) -> None:
    if callable(target) and not hasattr(target, "random_start"):
        raise ArgumentTypeError(
            f"`target` must be a target; got the function {shown(target)}: write weakchaos.Density(function, dim=...)"
        )
    if isinstance(sampler, type):
        raise ArgumentTypeError(f"`sampler` must be an instance; got the class {sampler.__name__}: write {sampler.__name__}()")
    if sampler is not None and not hasattr(sampler, "bind"):
        raise ArgumentTypeError(f"`sampler` must be a sampler such as weakchaos.samplers.HMC(); got {shown(sampler)}")
    check_executor(executor)


def sample(
    target: Any,
    sampler: Any = None,
    draws: int | None = None,
    warmup: int = 1000,
    chains: int = 4,
    seed: Any = None,
    driver: Any = "pcg64",
    thin: int = 1,
    executor: Any = None,
    progress: bool = True,
    store: Any = None,
    record: str = "draws",
    checkpoints: Any = None,
    initial: Any = None,
    keep_warmup: bool = False,
    until: Any = None,
) -> Trace:
    """Draw from a target.

    Parameters
    ----------
    target : Target
    sampler : Sampler, optional
        By default `EmpiricalHMC` for a `Density`, which tunes itself during warm-up, `Gibbs` for a target of discrete units, and `RandomWalk` for a `MarkovChain`.
    draws : int, optional
        Draws kept per chain, 1000 by default; with `until`, the most there may be, a million by default.
    warmup : int
        Steps that are thrown away first. A sampler that tunes itself, as the default for a `Density` does, ends its warm-up earlier when what it tunes has settled.
    chains : int
    seed : int, SeedSequence or None
        One seed gives the same draws whatever the executor and the number of workers.
    driver : Driver or str
        The stream of uniforms: ``"pcg64"``, ``"golden"``, ``"sobol-8"``, any `weakchaos.drivers.Driver`.
    thin : int
        Steps per draw.
    executor : concurrent.futures.Executor, distributed.Client, "threads", "processes" or "dask://HOST:PORT", optional
        Threads of this process by default; kernels release the GIL.
    progress : bool
    store : path, optional
        A ``.zarr`` directory to which draws are appended while the run goes on; `weakchaos.resume` continues it bit for bit.
    record : {"draws", "averages", "observables"}
        With ``"averages"`` kernels keep running sums and nothing grows with the number of draws. With ``"observables"`` a draw of a discrete target is its energy,
        magnetisation and, on a lattice, structure factor (`samplers.Observables`), and ``trace.thermodynamics()`` is made of them.
    checkpoints : sequence of int, optional
        Draw counts at which the running averages are noted (default: eight per decade).
    initial : array of shape (dim,), (chains, dim) or (chains, walkers, dim), dict, list of one dict a chain, or "pathfinder", optional
        Where chains start; over-dispersed random points by default. For a target with named parameters: values of the parameters, by name or as one vector.
        ``"pathfinder"`` lets an optimiser climb from the random point of each chain, and starts at a draw of the best normal approximation on its path
        (`weakchaos.samplers.pathfinder`): for densities whose bulk is far from where random points are.
    keep_warmup : bool
        Keep the draws and statistics of warm-up too: ``trace.warmup``, ``trace.warmup_stats``. They never enter an average.
    until : dict, optional
        Stop when there is enough: ``min_ess`` (effective draws of all chains together that every coordinate needs, for its mean and for its
        spread), ``rhat`` (that no coordinate may exceed) and ``max_seconds``, any of them. Draws are judged at 100 of them, 125, 157, and so on by
        a quarter more, so that every machine and executor stops at the same draw; time alone is looked at after each block. ``trace.stopped`` says
        what ended the run, and a warning that the criteria were not reached.

    Returns
    -------
    Trace

    Raises
    ------
    Exception
        What the user's function raised, with the draws made until then as ``error.trace``.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 2.0]), wc.samplers.HMC(0.5, 5), draws=200, seed=1, progress=False)
    >>> trace.draws.shape
    (4, 200, 2)
    """
    _check_arguments(target, sampler, executor)
    sampler = _default_sampler(target) if sampler is None else sampler
    if record == "observables":
        sampler, record = named_class("samplers:Observables")(sampler), "draws"
    chains = whole_number("chains", chains, 1)
    until = Until.of(until)
    most = (1000 if until is None else MOST_DRAWS) if draws is None else whole_number("draws", draws, 0)
    plan = Plan(most, warmup, thin, record, keep_warmup=bool(keep_warmup))
    if record == "averages":
        plan.checkpoints = _checkpoints(plan.draws, checkpoints)
    elif checkpoints is not None:
        raise ArgumentError(
            "`checkpoints` goes with record='averages'; a trace with draws gives running averages anywhere: trace.mean(at=...)"
        )
    if keep_warmup and record != "draws":
        raise ArgumentError("`keep_warmup` goes with record='draws'; with record='averages' no draw is kept")
    if store is not None and record != "draws":
        raise ArgumentError("`store` keeps draws; with record='averages' nothing grows and nothing needs a store")
    system = sampler.bind(target, driver=driver)
    if until is not None:
        _check_until(until, plan, system)
        plan.draws = min(most, judged_at(0)) if until.judges else most
    positions = _positions(initial, chains, system)
    root = as_seed(seed)
    starts = [Chain(k, system.start(s, positions[k])) for k, s in enumerate(root.spawn(chains))]
    cautions = system.before_run(starts[0].state)
    warn_of_each(cautions)
    settings: dict = {
        "entropy": str(root.entropy),
        "thin": plan.thin,
        "warmup": plan.warmup,
        "flags": [flag.to_plain() for flag in cautions],
    }
    if getattr(target, "parameters", None) is not None:
        settings["variables"] = target.parameters.to_data()  # what names the draws of a run whose target is not at hand
    settings.update({} if until is None else {"until": until.to_data(), "most_draws": most})
    settings.update({} if getattr(system, "walkers", 1) == 1 else {"walkers": system.walkers})
    sink = MemorySink(system, plan, chains) if store is None else StoreSink.create(store, system, plan, starts, settings)
    trace = run_plan(system, plan, starts, sink, executor, progress, settings, until, most)
    if not trace.interrupted:
        # What was found before and during the run was said then.
        warn_of(flag for flag in trace.check() if flag not in trace.flags)
    return trace


def _check_until(until: Until, plan: Plan, system: Any) -> None:
    if plan.record != "draws":
        raise ArgumentError("`until` judges draws; with record='averages' none are kept")
    if until.judges and "weight" in system.stats_names:
        raise ArgumentError(
            "`until` can limit only `max_seconds` here: the draws of this sampler carry weights, for which effective sizes and R-hat are not defined"
        )


def extend(trace: Trace, draws: int = 1000, executor: Any = None, progress: bool = True, until: Any = None) -> Trace:
    """The same run, `draws` draws longer: bit for bit what one longer run would have given.

    Parameters
    ----------
    trace : Trace
        A trace that knows its target; one read from disk whose target is a user's function is loaded with ``load(path, target=...)``.
    draws : int
        How many draws to add to each chain.
    until : dict, optional
        As in `sample`: the run ends when it has enough, `draws` more draws at the latest.

    Returns
    -------
    Trace
        A new trace with all draws, the earlier ones included; a trace with a store appends to it.
    """
    if not isinstance(trace, Trace):
        raise ArgumentTypeError(f"`trace` must be a Trace; got {shown(trace)}")
    if trace.system is None:
        raise ArgumentError(trace.why_no_system("trace"))
    check_executor(executor)
    length = max(trace.lengths) + whole_number("draws", draws, 0)
    plan = Plan(length, trace.settings["warmup"], trace.settings["thin"], trace.record, keep_warmup=trace.keeps_warmup)
    if plan.record == "averages":
        plan.checkpoints = _checkpoints(plan.draws, None, trace.checkpoints)
    chains = [Chain(k, s, w, n, trace.cpu_seconds[k], sums) for k, (s, w, n, sums) in enumerate(trace.positions())]
    until, settings = Until.of(until), {k: v for k, v in trace.settings.items() if k not in ("until", "most_draws")}
    if until is not None:
        _check_until(until, plan, trace.system)
        plan.draws = min(length, judged_at(max(trace.lengths) - 1)) if until.judges else length
        settings.update({"until": until.to_data(), "most_draws": length})
    with trace.writing():
        sink = trace.continue_sink(plan)
        return run_plan(trace.system, plan, chains, sink, executor, progress, settings, until, length)


def _checkpoints(draws: int, given: Any, earlier: Any = ()) -> tuple[int, ...]:
    if given is None:
        values = running_counts(draws)
    else:
        values = np.unique(whole_numbers("checkpoints", given, 1, draws))
    last = max(earlier, default=0)
    return tuple(sorted({*(int(v) for v in earlier), *(int(v) for v in values if v > last), draws} - {0}))


def _positions(initial: Any, chains: int, system: Any) -> list:
    dim, walkers = len(system.names), getattr(system, "walkers", 1)
    if getattr(getattr(system, "sampler", None), "draws_observables", False):
        dim = system.target.dim  # a chain starts from a state and not from what is measured of one
    if initial is None:
        return [None] * chains
    if isinstance(initial, str):
        known = getattr(system, "named_starts", ())
        if initial not in known:
            names = " or ".join(map(repr, known)) or "no name, as the target is no Density"
            raise ArgumentError(f"`initial` must be an array, a dict or a name, here {names}; got {shown(initial)}")
        return [initial] * chains
    if isinstance(initial, Mapping):
        return [initial] * chains
    if isinstance(initial, list | tuple) and initial and all(isinstance(place, Mapping) for place in initial):
        if len(initial) != chains:
            raise ArgumentError(f"`initial` must hold one dict for each of {chains} chains; got {len(initial)}")
        return list(initial)
    try:
        array = np.asarray(initial)
    except ValueError as error:
        raise ArgumentError(f"`initial` must have shape ({dim},) or ({chains}, {dim}); got {shown(initial)}") from error
    if walkers > 1 and array.shape == (chains, walkers, dim):
        return list(array)
    if array.shape not in ((dim,), (chains, dim)):
        raise ArgumentError(f"`initial` must have shape ({dim},) or ({chains}, {dim}); got {array.shape}")
    return [array if array.ndim == 1 else array[k] for k in range(chains)]
