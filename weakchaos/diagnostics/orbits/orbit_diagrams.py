"""Orbit diagrams: what a map or a sampler visits against a parameter, with the largest exponent below.

R. M. May, Nature 261 (1976) 459, doi:10.1038/261459a0, drew the first for the logistic map. For a sampler the parameter is a step size, a temperature, a
length: where it stops moving, locks to a cycle or spreads over the wrong places, the picture shows it before any average does.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning, shown
from weakchaos.diagnostics.orbits.escape import escape_note
from weakchaos.diagnostics.orbits.lyapunov import largest_exponent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["OrbitDiagram", "orbit_diagram"]

_BOUND = 1e100  # beyond, an orbit counts as escaped


@dataclass(frozen=True)
class OrbitDiagram:
    """What was visited for each value of a parameter.

    Attributes
    ----------
    values : array of shape (n,)
        The parameter.
    visited : array of shape (n, keep)
        What was recorded of the orbit after its transient; NaN where the orbit escaped.
    exponents : array of shape (n,)
        Largest Lyapunov exponents, nats per unit time; NaN where the orbit escaped, or all of them where none were asked for.
    stderr : array of shape (n,)
        Their standard errors.
    escaped : bool array of shape (n,)
        Whether the orbit left all bounds, became NaN, or grew exponentially all the while it was recorded.
    label : str
        What the parameter is called.
    """

    values: np.ndarray
    visited: np.ndarray
    exponents: np.ndarray
    stderr: np.ndarray
    escaped: np.ndarray
    label: str = "parameter"

    @property
    def distinct(self) -> np.ndarray:
        """How many different values were recorded for each value of the parameter, two of them counted as one where they differ by less than a
        millionth of all that was visited; 1 where the orbit rests, 0 where it escaped."""
        span = np.ptp(self.visited[np.isfinite(self.visited)]) if np.isfinite(self.visited).any() else 0.0
        ordered = np.sort(self.visited, axis=1)
        counts = 1 + (np.diff(ordered, axis=1) > 1e-6 * span).sum(1)
        return np.where(self.escaped, 0, counts)

    def plot(self, path: Any = None) -> Figure:
        """The orbits as points, and below them the exponents, as a matplotlib figure; saved if `path` is given."""
        from weakchaos.core.figures import COLOURS, FADED, INK, new_figure, tidy

        known = bool(np.isfinite(self.exponents).any())
        figure = new_figure(7.0, 5.2 if known else 3.6)
        axes = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2)) if known else [figure.subplots()]
        x = np.repeat(self.values, self.visited.shape[1])
        size = np.clip(2e4 / max(x.size, 1), 0.05, 4.0)
        axes[0].scatter(x, self.visited.ravel(), s=size, color=INK, linewidths=0, rasterized=True)
        axes[0].set_ylabel("visited")
        if known:
            axes[1].axhline(0.0, color=FADED, linewidth=0.8)
            axes[1].plot(self.values, self.exponents, color=COLOURS[0], linewidth=1.0)
            axes[1].set_ylabel("largest exponent, nats")
        axes[-1].set_xlabel(self.label)
        for one in axes:
            tidy(one)
        if path is not None:
            figure.savefig(path)
        return figure


def orbit_diagram(
    make_system: Callable[[float], Any],
    values: Iterable[float],
    transient: int = 500,
    keep: int = 200,
    every: int = 1,
    observable: int | Callable[[np.ndarray], np.ndarray] = 0,
    exponents: bool = True,
    steps: int = 1000,
    follow: bool = False,
    seed: Any = 0,
    label: str = "parameter",
) -> OrbitDiagram:
    """Follow a system for each value of a parameter, and record what it visits and its largest exponent.

    Parameters
    ----------
    make_system : callable
        ``make_system(value)`` returns a System: a map, a flow, or a sampler bound to its target. A sampler that tunes itself is followed as it is
        before warm-up: give it the step size that is to be shown.
    values : sequence of float
        Values of the parameter.
    transient, keep, every : int
        Steps that are left out; draws that are kept, one every so many steps.
    observable : int or callable
        The coordinate to record, or a function of the draws, shape (keep, dim), that returns one number for each.
    exponents : bool
        Whether to measure `largest_exponent`, along `steps` steps.
    follow : bool
        Start each system where the last one ended, which shows hysteresis; by default each has the same start from `seed`. States of systems
        that differ in shape cannot be followed.
    label : str
        What the parameter is called, for the figure.

    Returns
    -------
    OrbitDiagram

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> from weakchaos.systems import Logistic
    >>> found = orbit_diagram(Logistic, [2.8, 3.2, 3.5], transient=2000)
    >>> found.distinct.tolist()  # a fixed point, and cycles of two and of four
    [1, 2, 4]
    >>> found.exponents.round(2).tolist()
    [-0.22, -0.92, -0.87]
    """
    if not callable(make_system):
        raise ArgumentTypeError(
            f"`make_system` must be a function of the parameter that returns a System; got {shown(make_system)}"
        )
    x = np.asarray(list(values) if not isinstance(values, np.ndarray) else values, float)
    if x.ndim != 1 or not x.size or not np.isfinite(x).all():
        raise ArgumentError(f"`values` must be a sequence of finite numbers; got {shown(values)}")
    transient, keep, every = whole_number("transient", transient, 0), whole_number("keep", keep, 1), whole_number("every", every, 1)
    steps = whole_number("steps", steps, 1)
    visited, found, errors = np.full((x.size, keep), np.nan), np.full(x.size, np.nan), np.full(x.size, np.nan)
    escaped, last = np.zeros(x.size, bool), None
    for k, value in enumerate(x):
        system = make_system(float(value))
        state = system.start(seed) if last is None or not follow else last
        with np.errstate(over="ignore", invalid="ignore"):
            if transient:
                system.advance(state, transient, transient)
            draws = np.asarray(system.advance(state, keep * every, every), float)
        # On its way out before it has left all bounds, too; a few draws do not show that.
        escaped[k] = not (np.isfinite(draws).all() and np.abs(draws).max() < _BOUND) or escape_note(draws, system) is not None
        if escaped[k]:
            last = None
            continue
        visited[k] = _observed(draws, observable)
        last = state
        if exponents:
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore", ConvergenceWarning
                )  # an orbit that escapes later has no exponent here, which NaN says
                result = largest_exponent(system, steps=steps, transient=min(200, steps), state=state)
            found[k], errors[k] = float(result), result.stderr
    return OrbitDiagram(x, visited, found, errors, escaped, label)


def _observed(draws: np.ndarray, observable: Any) -> np.ndarray:
    if callable(observable):
        out = np.asarray(observable(draws), float)
        if out.shape != (len(draws),):
            raise ArgumentError(f"`observable` must return one number for each of {len(draws)} draws; got shape {out.shape}")
        return out
    column = whole_number("observable", observable, 0, draws.shape[1] - 1)
    return draws[:, column]
