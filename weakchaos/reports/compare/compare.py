"""`compare`: how fast samplers converge on one target, how chaotic they are, and whether their answers may be trusted at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.system import as_seed
from weakchaos.reports.compare.measure import Entrant, Plan, measure
from weakchaos.targets.target import Target

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

__all__ = ["Entrant", "Report", "compare"]


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
    remarks : list of str
        What is to be known of the comparison as a whole.
    command : str
        The command line that made it; empty when it was made by a call.
    """

    target: str
    entrants: list[Entrant]
    truth: str
    repeats: int
    seed: str
    error_kind: str
    remarks: list[str] = field(default_factory=list)
    command: str = ""

    @property
    def warnings(self) -> list[str]:
        """What speaks against the answers of samplers, or is to be known of them, a sentence each; then the remarks."""
        return [*(f"{e.name}: {flag.sentence}" for e in self.entrants for flag in e.flags), *self.remarks]

    @property
    def trusted(self) -> bool:
        """Whether nothing makes the answers of any run invalid."""
        from weakchaos.reports.compare.row_flags import is_trusted

        return all(is_trusted(entrant) for entrant in self.entrants)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dict a sampler with keys sampler, driver, draws, error, slope, slope_se, lyapunov, entropy_rate, period, ns_per_draw,
        gradients_per_draw, and stream_entropy, autocorrelation, coupling_time, rhat, disagreement, sampler_exponent, sampler_exponent_kind, period_searched, status; on request
        determinism, stream_discrepancy and spectrum (a list), see `compare`."""
        return [dict(e.row) for e in self.entrants]

    def table(self) -> str:
        """The rows as a text table, worst news last."""
        from weakchaos.reports.compare.compare_text import text_table

        return text_table(self)

    def sentences(self) -> str:
        """What the numbers show, in a few sentences."""
        from weakchaos.reports.compare.compare_sentences import sentences

        return sentences(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: the table and the sentences."""
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"

    def plot(self, path: Any = None, ax: Any = None) -> Figure:
        """The figure: error against draws with bands over repeats and guides, and slope against entropy rate; saved when `path` is given.

        With `ax`, matplotlib axes of your own, the first of the two is drawn there.
        """
        from weakchaos.reports.compare.compare_figure import plot_report

        return plot_report(self, path, ax)

    def to_html(self, path: Any) -> Path:
        """Write one self-contained HTML file."""
        from weakchaos.reports.compare.compare_page import write_html

        return write_html(self, path)

    def to_json(self, path: Any = None) -> str:
        """The rows, the curves and the warnings as JSON; written when `path` is given."""
        from weakchaos.reports.compare.compare_page import write_json

        return write_json(self, path)

    def __str__(self) -> str:
        return self.table()


def _named(samplers: Any) -> dict[Any, Any]:
    """Samplers by name; those of a list by their class, numbered where several are of one."""
    if isinstance(samplers, Mapping):
        return dict(samplers)
    given = list(samplers) if isinstance(samplers, list) else [samplers]
    if isinstance(samplers, tuple):  # a sampler with its driver, or several samplers
        given = list(samplers) if all(hasattr(s, "bind") or isinstance(s, tuple) for s in samplers) else [samplers]
    classes = [type(s[0] if isinstance(s, tuple) and s else s).__name__ for s in given]
    many = {name for name in classes if classes.count(name) > 1}
    return {
        f"{name} {classes[: k + 1].count(name)}" if name in many else name: s
        for k, (name, s) in enumerate(zip(classes, given, strict=True))
    }


def _entrants(samplers: Any, driver: Any, draws: int) -> dict[str, tuple[Any, Any, int]]:
    samplers = _named(samplers)
    if not samplers:
        raise ArgumentError("`samplers` must name at least one sampler, as in {'Gibbs': weakchaos.samplers.Gibbs()}")
    out = {}
    for name, value in samplers.items():
        parts = value if isinstance(value, tuple) else (value,)
        if not 1 <= len(parts) <= 3 or isinstance(parts[0], type) or not callable(getattr(parts[0], "bind", None)):
            raise ArgumentTypeError(
                f"`samplers`[{name!r}] must be a sampler, (sampler, driver) or (sampler, driver, draws); got {shown(value)}"
            )
        out[str(name)] = (
            parts[0],
            parts[1] if len(parts) > 1 else driver,
            whole_number("draws", parts[2], 100) if len(parts) > 2 else draws,
        )
    return out


def _measured(target: Target, entrants: dict) -> tuple[Any, int]:
    """What knows the truth of the averages that all entrants keep, and their number."""
    by_kind: dict[bool, str] = {}
    for name, (sampler, _, _) in entrants.items():
        by_kind.setdefault(getattr(sampler, "draws_observables", False), name)
    if len(by_kind) > 1:
        raise ArgumentError(
            f"`samplers` must all draw states or all draw observables; got {by_kind[False]!r}, which draws states, beside {by_kind[True]!r}: "
            "put weakchaos.samplers.Observables around those that draw states"
        )
    sampler, own, _ = next(iter(entrants.values()))
    system = sampler.bind(target, driver="pcg64" if own is None else own)
    return system.measured, system.n_averages


def _truth(target: Any, truth: Any, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Expectations of what samplers average, the scale of their errors, all expectations by which a bias is judged, and where they come from."""
    if truth is not None:
        flat = (
            np.concatenate([np.ravel(t) for t in truth])
            if isinstance(truth, list | tuple) and np.ndim(truth[0])
            else np.atleast_1d(np.asarray(truth, np.float64))
        )
        given, scale = target.given_truth(flat, n)
        return given, scale, given, "given"
    known, scale = target.truth()
    judged = target.judged_truth()
    if known is None or judged is None:
        raise ArgumentError(
            "`truth` is required: exact inference is out of reach for this target, and it knows no expectations of its own; pass marginals or means, "
            "for instance from a long run: truth=weakchaos.sample(...).averages()[1][:, -1].mean(0)"
        )
    return known, scale, judged, target.source or "exact"


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
    joint: bool = False,
) -> Report:
    """Run samplers from over-dispersed starts and measure them as estimators and as dynamical systems.

    Parameters
    ----------
    target : Target
    samplers : dict or list
        A list of samplers, which are named by their classes; or names and samplers, or tuples (sampler, driver) or (sampler, driver, draws); a sampler that is given fewer draws than the others
        has its cycle looked for among no more than these.
    draws : int
        At least 100, so that there is a rate to measure: draws per repeat (sweeps of a Gibbs sampler); warm-up is not thrown away, since it is part of how fast a sampler learns.
    truth : array or list of arrays, optional
        Marginals of a discrete target, means of a continuous one, or means of what `samplers.Observables` draws, NaN for one that is not known; what the target knows of itself by default.
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
    joint : bool
        Whether more is measured of sampler and stream as one system, which takes some tenths of a second a sampler: ``determinism`` (the share of recurrences of the draws that lie on
        diagonal lines), ``stream_discrepancy`` (of the points that steps take from the stream, over that of independent numbers) and ``spectrum`` (the Lyapunov exponents of
        the state under a given stream in nats per draw, at most 16, for samplers with exact tangents).

    Returns
    -------
    Report
        ``error`` is the largest error over marginals (in standard deviations for continuous targets), median over repeats; ``slope`` its
        log-log slope; ``lyapunov`` the largest exponent of sampler and stream together, nats per draw (None: not defined for the
        driver's generator, and the sampler's own is under ``sampler_exponent``); ``entropy_rate`` that of the readout, nats per draw and
        coordinate; ``stream_entropy`` that of the stream, nats per number, coded by halves; ``autocorrelation`` the correlation of successive draws; ``coupling_time`` the
        draws after which two chains under one stream are the same (None: they stay apart, or there is no stream); ``period`` that of the full state, None if none was found. ``status`` is "ok" or says why the answers of a run cannot
        be trusted (starts that disagree, states that cannot be reached, a bias, a plateau, a short cycle) or need more draws; the same as data is in
        ``report.entrants[k].flags``.

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
    repeats = whole_number("repeats", repeats, 2)  # starts are held against each other
    draws = whole_number("draws", draws, 100)
    entrants = _entrants(samplers, driver, draws)
    if not isinstance(target, Target):
        raise ArgumentTypeError(
            f"`target` must be a target such as weakchaos.PairwiseMRF or weakchaos.Density; got {shown(target)}"
        )
    if not isinstance(joint, bool):
        raise ArgumentTypeError(f"`joint` must be True or False; got {shown(joint)}")
    measured, width = _measured(target, entrants)
    known, scale, judged, source = _truth(measured, truth, width)
    root = as_seed(seed)
    common = Plan(
        target, measured, draws, repeats, root, known, judged, scale, executor, progress, lyapunov_steps, cycle_steps, joint
    )
    done = []
    for name, (sampler, own, n) in entrants.items():
        done.append(
            measure(name, sampler, own, replace(common, draws=n, cycle_steps=cycle_steps if n >= draws else min(cycle_steps, n)))
        )
        if on_done is not None:
            on_done(done[-1])
    label = f"{getattr(target, 'name', None) or type(target).__name__} ({target.dim} {target.counted})"
    key = f"numpy.random.SeedSequence({root.entropy}, spawn_key={root.spawn_key})" if root.spawn_key else str(root.entropy)
    return Report(label, done, source, repeats, key, measured.error_kind)
