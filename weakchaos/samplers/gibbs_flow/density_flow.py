"""Gibbs sampling as an ordinary differential equation.

Neklyudov, Bondesan and Welling, "Deterministic Gibbs sampling via ordinary differential equations" (2021), arXiv:2106.10188: all
coordinates move at once, each at a speed inverse to its conditional density,

    du_i/dt = a_i / p(u_i | u_-i),      u_i on a circle of length 1,

with rationally independent a_i > 0. The flow leaves p invariant: p v_i = a_i p(u_-i) does not depend on u_i, so div(p v) = 0, and the flux out of the
circle at 1 equals the flux into it at 0. If the other coordinates did not move, F(u_i | u_-i) would grow at the constant rate a_i. The distribution
functions of independent coordinates rotate at constant speeds, and averages over such coordinates converge like 1/T.

The circle is an interval [low, high) scaled to length 1, periodic or not, or the whole line, mapped by the distribution function of a normal
reference. The conditional density needs the integral of p over u_i, which is computed by a midpoint rule whose nodes do not depend on u_i: its error
changes the speed by a factor that is a function of u_-i alone, so div(p v) is 0 whatever the number of nodes.

Speeds have no bound where the density is small, and none at all outside of its support. The orbits are therefore followed by their flux p v, and time is
counted at the rate p: where the density is zero an orbit crosses in no time, along the direction that it has in the limit of a small density.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import positive, real_array, whole_number
from weakchaos.core.errors import ArgumentError, SamplingError, shown
from weakchaos.core.flags import Flag
from weakchaos.core.system import State
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.continuous import BoundContinuous
from weakchaos.samplers.gibbs_flow.discrete_flow import BoundDiscreteFlow, independent_speeds
from weakchaos.samplers.gibbs_flow.flow_kernels import LINE_END, flux_of_flow, follow_flow
from weakchaos.samplers.gibbs_flow.line import LOCKED, NO_END, cut_flags, fitted_lines, locked
from weakchaos.samplers.gibbs_flow.unlock import flags_of_returns, memory_of
from weakchaos.targets.density import Density
from weakchaos.targets.discrete_target import DiscreteTarget

__all__ = ["DeterministicGibbs"]


class BoundGibbsFlow(BoundContinuous):
    """Phase: the place of each coordinate on its circle, in [0, 1)."""

    _locked: Flag | None = None
    stats_names = ("lp",)

    def __init__(self, sampler: DeterministicGibbs, target: Density):
        super().__init__(sampler, target, None)
        self._frame = self._coordinates(sampler)
        self._speeds = independent_speeds(self.dim, sampler.speeds)

    def _coordinates(self, sampler: DeterministicGibbs) -> np.ndarray:
        """Low end, width, and whether it is the line (centre and scale of the reference then), one row each."""
        dim = self.dim
        bounds = (-math.inf, math.inf) if sampler.bounds is None else sampler.bounds
        parts = []
        for name, value, shape in (
            ("bounds", bounds, (dim, 2)),
            ("location", 0.0 if sampler.location is None else sampler.location, (dim,)),
            ("scale", 1.0 if sampler.scale is None else sampler.scale, (dim,)),
        ):
            array = real_array(name, value)
            if array.shape not in (shape, shape[1:]):
                raise ArgumentError(
                    f"`{name}` must have shape {shape[1:]} or {shape}, for a target of {dim} coordinates; got shape {array.shape}"
                )
            parts.append(np.broadcast_to(array, shape))
        (low, high), location, scale = parts[0].T, parts[1], parts[2]
        on_line = np.isneginf(low) & np.isposinf(high)
        good = on_line | (np.isfinite(low) & np.isfinite(high) & (low < high))
        if not good.all():
            i = int(np.argmin(good))
            raise ArgumentError(
                f"`bounds` must be finite with low < high, or (-inf, inf), for each coordinate; those of {self.names[i]} are ({low[i]}, {high[i]}): "
                "take its logarithm, say, as the coordinate of a half-line"
            )
        if on_line.any() and (sampler.location is None or sampler.scale is None):
            fitted = fitted_lines(self.target.logp, self._first_place(low, high), low, high)
            location = fitted[0] if sampler.location is None else location
            scale = fitted[1] if sampler.scale is None else scale
        with np.errstate(invalid="ignore"):
            return np.array([np.where(on_line, location, low), np.where(on_line, scale, high - low), on_line], np.float64)

    def _first_place(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """A place of positive density within the bounds, the same at every call."""
        rng = np.random.default_rng(0)
        with np.errstate(invalid="ignore"):
            for _ in range(1000):
                x = np.asarray(self.target.random_start(rng), np.float64)
                x = np.where((x > low) & (x < high), x, low + (high - low) * rng.random(self.dim))
                if np.isfinite(self.target.logp(x)):
                    return x
        raise ArgumentError(
            "the log density is not finite at any of 1000 random places; give the target a `start`, or pass `location` and `scale`"
        )

    def circle(self, x: Any) -> np.ndarray:
        """The place of a position on the circles, shape (dim,)."""
        from scipy.special import ndtr

        low, width, on_line = self._frame
        z = (np.asarray(x, np.float64) - low) / width
        u = np.where(on_line > 0, (ndtr(z) - LINE_END) / (1 - 2 * LINE_END), z)
        if not ((u >= 0) & (u <= 1)).all():
            raise ArgumentError(
                f"a position must lie within `bounds`, or within six times `scale` of `location`; got {shown(np.asarray(x).tolist())}"
            )
        return np.where(u < 1, u, 0.0)

    def positions(self, u: np.ndarray) -> np.ndarray:
        """Positions at places on the circles, shape (..., dim)."""
        from scipy.special import ndtri

        low, width, on_line = self._frame
        return low + width * np.where(on_line > 0, ndtri(LINE_END + (1 - 2 * LINE_END) * u), u)

    def velocity(self, x: Any) -> np.ndarray:
        """dx/dt at a position, shape (dim,).

        Raises
        ------
        ArgumentError
            Outside of the bounds.
        """
        x = self.target.checked_start(x, "x")
        v = self.circle_velocity(self.circle(x))
        _, width, on_line = self._frame
        z = (x - self._frame[0]) / width
        # dx/du is the width, or that over the density of the reference.
        return v * width * np.where(on_line > 0, (1 - 2 * LINE_END) * math.sqrt(2 * math.pi) * np.exp(0.5 * z * z), 1.0)

    def keep_error(self, error: BaseException) -> None:
        """Hold what stopped a run of this thread, for `take_error`."""
        self.density.errors[threading.get_ident()] = error

    def _log_flux(self, u: np.ndarray, counters: np.ndarray | None = None) -> tuple[np.ndarray, float]:
        """Logarithms of the fluxes at places on the circles, and that of the density there."""
        density, flux, value = self.density, np.empty(self.dim), np.empty(1)
        counters = np.zeros(8, np.int64) if counters is None else counters
        nodes = int(self.sampler.nodes)
        status = flux_of_flow(
            np.uint64(density.address), np.uint64(density.user_data), self._frame, self._speeds, nodes, np.ascontiguousarray(u), np.empty(self.dim), value,
            np.empty(nodes), flux, counters,
        )  # fmt: skip
        if status != 0:
            raise self.take_error()
        return flux, float(value[0])

    def circle_velocity(self, u: np.ndarray) -> np.ndarray:
        """du/dt at places on the circles, shape (dim,)."""
        flux, here = self._log_flux(u)
        return np.exp(np.minimum(flux - here, 460.0)) if here > -math.inf else np.full(self.dim, 1e200)

    def largest_flux(self, u: np.ndarray, counters: np.ndarray) -> float:
        """The logarithm of the largest flux at places on the circles, or of the density there if no circle has any."""
        flux, here = self._log_flux(u, counters)
        return float(flux.max()) if flux.max() > -math.inf else here if here > -math.inf else 0.0

    def motion(self, u: np.ndarray, unit: float, counters: np.ndarray) -> np.ndarray:
        """The fluxes at places on the circles and the density there, in units of exp(`unit`), shape (dim + 1,)."""
        flux, here = self._log_flux(u, counters)
        moved = np.exp(np.minimum(flux - unit, 200.0)) if flux.max() > -math.inf else self._speeds
        return np.append(moved, math.exp(min(here - unit, 200.0)))

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """At `position`, or at a random place of positive density, uniform on the circles."""
        if position is not None:
            return State(phase=self.circle(self.target.checked_start(position)))
        for _ in range(1000):
            u = rng.random(self.dim)
            if np.isfinite(self.target.logp(self.positions(u))):
                return State(phase=u)
        raise ArgumentError(
            "the log density is not finite at any of 1000 random places; pass `initial` to sample, or narrower `bounds`"
        )

    def before_run(self, state: State) -> list[Flag]:
        """Also lines that are cut where the density is not small."""
        return [*super().before_run(state), *cut_flags(self, self.positions(state.phase), self._frame)]

    def complaints(self, before: list[State], after: list[State]) -> list[Flag]:
        """Also orbits that came back to the same few places, and whether moving them on has helped."""
        flag, self._locked = self._locked, None
        moved = flags_of_returns("DeterministicGibbs", before, after)
        return [*super().complaints(before, after), *moved, *([] if flag is None else [flag])]

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        if draws.shape[0] or n < LOCKED * every:
            done = self._run(state, n, every, draws, stats, sums)
            self._locked = locked(draws[: done // every]) or self._locked
            return done
        # No draws are kept: the last ones are looked at all the same.
        done = self._run(state, n - LOCKED * every, every, draws, stats, sums)
        if done < n - LOCKED * every:
            return done
        last = np.empty((LOCKED, self.dim))
        made = self._run(state, LOCKED * every, every, last, np.empty((LOCKED, len(self.stats_names))), sums)
        self._locked = locked(last[: made // every]) or self._locked
        return done + made

    def _run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        if self.sampler.method == "dop853":
            from weakchaos.samplers.gibbs_flow.adaptive import run_adaptively

            return run_adaptively(self, state, n, every, draws, stats, sums)
        density, sampler = self.density, self.sampler
        done, endless = follow_flow(
            np.uint64(density.address), np.uint64(density.user_data), self._frame, self._speeds, int(sampler.nodes), float(sampler.time), float(sampler.step_size),
            float(sampler.tolerance), state.phase, state.counters, memory_of(state), n, every, draws, stats, sums,
        )  # fmt: skip
        if endless:
            self.keep_error(SamplingError(NO_END))
        return int(done)


@dataclass(frozen=True)
class DeterministicGibbs(Sampler):
    """Gibbs sampling as a deterministic flow: every coordinate moves at a speed inverse to its conditional density.

    Parameters
    ----------
    bounds : (low, high) or array of shape (dim, 2), optional
        For a `Density`: the interval of each coordinate, whose ends are joined so that it becomes a circle. The default ``(-inf, inf)`` is the
        whole line, mapped by the distribution function of a normal reference and cut off six standard deviations of it from its centre.
    location, scale : float or array of shape (dim,), optional
        Centre and standard deviation of that reference. The closer the conditional densities are to it, the less the speeds vary. By default both are
        found from the density, such that the line reaches to where the density is e^-18 of its highest value.
    speeds : array of shape (dim,), optional
        The a_i, in turns per unit of time; positive and rationally independent. By default the powers a, a^2, ... of the root a of
        a^(dim+1) + a^dim = 1, which are rationally independent of each other and of 1 (Selmer, Math. Scand. 4 (1956) 287: x^n - x - 1 is irreducible).
    time : float
        Units of time between draws.
    step_size : float
        Largest step of ``"rk4"``, in units of time. A step ends where a coordinate passes the end of its interval.
    method : {"rk4", "dop853"}
        "rk4" is the classical Runge-Kutta method of order 4, compiled; a step is halved if two half steps differ from it. "dop853" is SciPy's method
        of order 8, which needs fewer steps but runs in Python.
    tolerance : float
        Local error of a step, in turns.
    nodes : int
        Number of points of the midpoint rule for the integral of the density over each circle. It affects the speeds but not the invariant law.

    Notes
    -----
    A velocity takes ``1 + dim * nodes`` evaluations of the density and no gradient.

    An orbit on a density that comes back to its own places, as with one coordinate whose speed times ``time`` is rational, is moved on along the flow by
    the golden part of ``time`` at the end of the step in which it came back. The flow over any time leaves the target invariant, so the draws stay right. The
    orbit stays deterministic, but it is that of a map of the place and of what the state remembers of earlier ones (``tuning["returns"]``), and not
    of the place alone; a run that was moved on has a note. An orbit that comes back to a few places all the same is called locked, and the run invalid.

    On discrete targets each unit moves round a circle of its states at
    the speed a_i / P(x_i | others); the flow consists of straight pieces, which are followed exactly without an integrator. A step of ``time`` units of
    time then corresponds to a sweep of Gibbs sampling.

    Examples
    --------
    >>> import weakchaos as wc
    >>> from numba import njit
    >>> @njit
    ... def logp(x):
    ...     return np.cos(x[0] - x[1])
    >>> torus = wc.Density(logp, dim=2)
    >>> flow = DeterministicGibbs(bounds=(0, 2 * np.pi), nodes=16)
    >>> trace = wc.sample(torus, flow, draws=500, warmup=0, chains=1, seed=1, progress=False)
    >>> x = trace.draws[0]
    >>> round(float(np.cos(x[:, 0] - x[:, 1]).mean()), 1)  # I_1(1) / I_0(1) = 0.446
    0.4
    """

    bounds: Any = None
    location: Any = None
    scale: Any = None
    speeds: Any = None
    time: float = 1.0
    step_size: float = 0.05
    method: str = "rk4"
    tolerance: float = 1e-7
    nodes: int = 16

    def __post_init__(self):
        for name in ("time", "step_size", "tolerance"):
            positive(name, getattr(self, name))
        object.__setattr__(self, "nodes", whole_number("nodes", self.nodes, 1, 1 << 40))
        if self.method not in ("rk4", "dop853"):
            raise ArgumentError(f"`method` must be 'rk4' or 'dop853'; got {shown(self.method)}")
        for name in ("bounds", "location", "scale", "speeds"):
            value = getattr(self, name)
            if value is not None and np.ndim(value) > 0:
                object.__setattr__(self, name, real_array(name, value))
        if self.location is not None and not np.isfinite(real_array("location", self.location)).all():
            raise ArgumentError(f"`location` must be finite; got {shown(self.location)}")
        scale = np.ones(1) if self.scale is None else real_array("scale", self.scale)
        if not (np.isfinite(scale) & (scale > 0)).all():
            raise ArgumentError(f"`scale` must be positive and finite; got {shown(self.scale)}")

    def bind(self, target: Any, driver: Any = None) -> Any:
        """The system of this flow on a target; `driver` is not used, since no number is drawn."""
        self.require(target, (Density, DiscreteTarget), "a Density or a discrete target")
        return BoundDiscreteFlow(self, target) if isinstance(target, DiscreteTarget) else BoundGibbsFlow(self, target)
