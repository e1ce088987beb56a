"""Piecewise deterministic samplers: straight paths, broken at random events whose rate the gradient gives.

Fearnhead, Bierkens, Pollock and Roberts, Statistical Science 33 (2018) 386, arXiv:1611.07873. On the path x + t v the rate is

    zig-zag: sum_i max(0, -v_i d_i log p),        bouncy particle: max(0, -v . grad log p),

and events are found by thinning (Lewis and Shedler, Naval Research Logistics Quarterly 26 (1979) 403): times proposed at a rate that bounds the true one,
each kept with probability rate / bound. The bound is found here: between two places of a path whose rates are known it is the chord between these
rates, raised by a share of itself and of the mean rate of events. A rate that is convex along the path, as that of every Gaussian, lies
below its chord, so that the process is exact; for other densities the pieces of path and the share are tuned in warm-up until the bound holds,
and where it does not hold later this is counted and said.

A path that leaves the support goes back: the velocity is reversed at the edge, which keeps the distribution as a bounce does. As a path between edges
would be retraced for ever where the density is flat, velocities are drawn anew at times, once every interval, as soon as an edge was met.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from weakchaos.core.arguments import positive, positive_vector
from weakchaos.core.counters import ACCEPTED, BAD_VALUES, BOUND_EXCEEDED, GRADIENTS, STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.flags import Flag, Kind, Severity
from weakchaos.core.system import State
from weakchaos.native.compiled import address_of, call_density, draw_uniform, kernel, normal_from_uniform
from weakchaos.samplers.adaptation import add_to_window, ends_window
from weakchaos.samplers.continuous import BoundMoving
from weakchaos.samplers.record import arrive, evaluate_start, record

__all__ = ["BOUNCY", "ZIGZAG", "BoundPiecewise", "check_piecewise"]

ZIGZAG, BOUNCY = range(2)
_EDGES = (0.1, 0.2, 0.4, 0.8)  # of warm-up: the scales are those of the draws between one of these and the next
_EXCEEDED = 1e-3  # share of events above which a bound that did not hold makes a run invalid
_DONE, _OUTSIDE, _FAILED = range(3)
# Slots of the arrays that warm-up moves.
_HORIZON, _SHARE, _INTERVAL, _TIME, _EVENTS, _EDGE = range(6)
_N_EVENTS, _N_GRADIENTS = range(2)


@njit(nogil=True, error_model="numpy")
def _rate(kind, velocity, gradient):
    """Events per unit of time; a component that is NaN counts as none."""
    total = 0.0
    for i in range(velocity.size):
        r = -velocity[i] * gradient[i]
        if kind == BOUNCY or r > 0.0:
            total += r
    return total if total > 0.0 else 0.0


@njit(nogil=True, error_model="numpy")
def _look(density, user_data, x, velocity, t, place, gradient, value, counters):
    """Evaluate at ``x + t velocity``."""
    dim = x.size
    for i in range(dim):
        place[i] = x[i] + t * velocity[i]
    counters[GRADIENTS] += 1
    if call_density(density, np.uint64(dim), address_of(place), address_of(gradient), address_of(value), user_data) != 0:
        return _FAILED
    fine = math.isfinite(value[0])
    if not fine and value[0] != -math.inf:
        counters[BAD_VALUES] += 1
    for i in range(dim):
        fine = fine and math.isfinite(gradient[i])
    return _DONE if fine else _OUTSIDE


@njit(nogil=True, error_model="numpy")
def _turn(kind, stream, stream_state, rate, inverse_mass, velocity, gradient):
    """The velocity after an event: of one coordinate, drawn by its share of the rate, reversed; or reflected at the gradient."""
    dim = velocity.size
    if kind == ZIGZAG:
        left, chosen = draw_uniform(stream, stream_state) * rate, dim - 1
        for i in range(dim):
            r = -velocity[i] * gradient[i]
            if r > 0.0:
                chosen = i
                left -= r
                if left < 0.0:
                    break
        velocity[chosen] = -velocity[chosen]
        return
    along, square = 0.0, 0.0
    for i in range(dim):
        along += velocity[i] * gradient[i]
        square += inverse_mass[i] * gradient[i] * gradient[i]
    for i in range(dim):
        velocity[i] -= 2.0 * along / square * inverse_mass[i] * gradient[i]


@njit(nogil=True, error_model="numpy")
def new_velocity(kind, stream, stream_state, inverse_mass, velocity):
    """A velocity from its stationary distribution: signs times scales, or normal with their variances."""
    for i in range(velocity.size):
        u = draw_uniform(stream, stream_state)
        scale = math.sqrt(inverse_mass[i])
        velocity[i] = (scale if u < 0.5 else -scale) if kind == ZIGZAG else scale * normal_from_uniform(u)


@njit(nogil=True, error_model="numpy")
def _wait(stream, stream_state):
    return -math.log(1.0 - draw_uniform(stream, stream_state))


@njit(nogil=True, error_model="numpy")
def _travel(
    kind, density, user_data, stream, stream_state, duration, refresh, tuned, tuning, inverse_mass, x, velocity, known, room, value, counters, told
):  # fmt: skip
    """Follow the process for a time, in place, its events counted in `told`; False where the user's function failed."""
    dim = x.size
    here, there, far, far_gradient = room[0], room[1], room[2], room[3]
    remaining, turned = duration, 0
    while remaining > 0.0:
        first, piece, share = counters[GRADIENTS], min(tuned[_HORIZON], remaining), tuned[_SHARE]
        whole = piece == tuned[_HORIZON]
        rate = _rate(kind, velocity, known[dim : 2 * dim])
        slack, smallest = share / tuned[_HORIZON], 1e-13 * tuned[_HORIZON]
        if tuned[_EDGE] > 0.0:
            refresh = max(refresh, 1.0 / duration)
        inside, outside, edge = 0.0, math.inf, False
        while True:  # a piece that stays inside, up to the edge if there is one, and in which few events are proposed
            status = _look(density, user_data, x, velocity, piece, far, far_gradient, value, counters)
            if status == _FAILED:
                return False
            if status == _OUTSIDE:
                outside = piece
            else:
                inside = piece
            if outside - inside > 1e-9 * tuned[_HORIZON] and outside < math.inf:
                piece = 0.5 * (inside + outside)
                continue
            if status == _OUTSIDE:
                piece = inside
                if piece == 0.0:
                    break
                outside, edge = math.inf, True
                continue
            edge = edge or outside < math.inf
            rate_far = _rate(kind, velocity, far_gradient)
            expected = (0.5 * (1.0 + share) * (rate + rate_far) + slack) * piece
            if expected < 4.0 or piece < smallest:
                break
            piece, inside, outside, edge = 0.5 * piece, 0.0, math.inf, False
        told[_N_GRADIENTS] += counters[GRADIENTS] - first
        if piece == 0.0:
            for i in range(dim):
                velocity[i] = -velocity[i]
            turned += 1
            tuned[_EDGE] = 1.0
            told[_N_EVENTS] += 1.0
            if turned > 2:  # no way out on either side: it waits
                return True
            continue
        far_value = value[0]
        at, event, exceeded = 0.0, False, False
        refreshed = _wait(stream, stream_state) / refresh if refresh > 0.0 else math.inf
        while True:
            length = piece - at
            low, high = (1.0 + share) * rate + slack, (1.0 + share) * rate_far + slack
            wait = _wait(stream, stream_state)
            if wait >= 0.5 * (low + high) * length:
                step = math.inf
            else:
                step = 2.0 * wait / (low + math.sqrt(max(low * low + 2.0 * wait * (high - low) / length, 0.0)))
            if min(at + step, piece) > refreshed:
                at = refreshed
                status = _look(density, user_data, x, velocity, at, here, there, value, counters)
                told[_N_GRADIENTS] += 1.0
                if status == _FAILED:
                    return False
                event = True
                if status == _OUTSIDE:
                    exceeded = True  # a hole: back to where the piece began
                    break
                arrive(x, known, here, there, value)
                new_velocity(kind, stream, stream_state, inverse_mass, velocity)
                remaining -= at
                break
            if at + step >= piece:
                break
            status = _look(density, user_data, x, velocity, at + step, here, there, value, counters)
            told[_N_GRADIENTS] += 1.0
            if status == _FAILED:
                return False
            bound = low + (high - low) * step / length
            u = draw_uniform(stream, stream_state)
            at += step
            if status == _OUTSIDE:
                exceeded = True  # a hole in the support, which the path has jumped over
                continue
            rate = _rate(kind, velocity, there)
            exceeded = exceeded or rate > bound * (1.0 + 1e-9)
            if u * bound < rate:
                arrive(x, known, here, there, value)
                _turn(kind, stream, stream_state, rate, inverse_mass, velocity, there)
                remaining -= at
                told[_N_EVENTS] += 1.0
                counters[ACCEPTED] += 1
                event = True
                break
        turned = 0
        if not event:
            value[0] = far_value
            arrive(x, known, far, far_gradient, value)
            remaining = remaining - piece if piece < remaining else 0.0
            if edge:
                tuned[_EDGE] = 1.0
                told[_N_EVENTS] += 1.0
                for i in range(dim):
                    velocity[i] = -velocity[i]
        if tuning:
            if exceeded:
                tuned[_HORIZON] *= 0.7
                tuned[_SHARE] = min(1.5 * tuned[_SHARE], 4.0)
            elif event or whole:
                tuned[_HORIZON] *= 0.97 if event else 1.02
                tuned[_SHARE] = max(0.9999 * tuned[_SHARE], 0.1)
        elif exceeded:
            counters[BOUND_EXCEEDED] += 1
    return True


@njit(nogil=True, error_model="numpy")
def _restart(tuned):
    """What follows from the scales is found anew, from values that suit standard normal coordinates."""
    tuned[_HORIZON], tuned[_INTERVAL], tuned[_TIME], tuned[_EVENTS] = 0.5, 0.5, 0.0, 0.0


@kernel
def _piecewise(
    kind, density, user_data, stream, stream_state, refreshments, per_draw, tuned, inverse_mass, window, edges, done, total, tune_mass, tune_interval,
    phase, known, counters, n, every, draws, stats, sums
):  # fmt: skip
    """`n` steps of one interval each; of warm-up, `done` of `total` having been made, where `total` is not 0."""
    dim = phase.size // 2
    x, velocity = phase[:dim], phase[dim:]
    room, value, told = np.empty((4, dim)), np.empty(1), np.zeros(2)
    old, old_known, old_tuned = np.empty(2 * dim), np.empty(known.size), np.empty(tuned.size)
    if n > 0 and not evaluate_start(density, user_data, x, known, counters):
        return 0
    events, gradients = 0.0, 0.0
    for t in range(n):
        if velocity[0] == 0.0 and np.all(velocity == 0.0):
            new_velocity(kind, stream, stream_state, inverse_mass, velocity)
        told[:] = 0.0
        old[:], old_known[:], old_tuned[:] = phase, known, tuned
        interval = tuned[_INTERVAL]
        now = done + t + 1
        if not _travel(
            kind, density, user_data, stream, stream_state, interval, refreshments / interval, tuned, now <= total, inverse_mass, x, velocity, known,
            room, value, counters, told
        ):  # fmt: skip
            phase[:], known[:], tuned[:] = old, old_known, old_tuned
            return t
        if now <= total:
            tuned[_TIME] += interval
            tuned[_EVENTS] += told[_N_EVENTS]
            if tune_interval:
                tuned[_INTERVAL] = per_draw * tuned[_TIME] / (tuned[_EVENTS] + 0.5)
            if tune_mass and now > edges[0] and now <= edges[-1]:
                add_to_window(window, x)
                if ends_window(edges, now):
                    for i in range(dim):
                        v = window[1 + dim + i] / max(window[0] - 1.0, 1.0)
                        if window[0] >= 10.0 and v > 1e-300 and v < 1e300:
                            inverse_mass[i] = v
                    window[:] = 0.0
                    new_velocity(kind, stream, stream_state, inverse_mass, velocity)
                    if tune_interval:
                        _restart(tuned)
        counters[STEPS] += 1
        events += told[_N_EVENTS]
        gradients += told[_N_GRADIENTS]
        row = record(t, every, x, draws, sums)
        if row >= 0:
            if stats.shape[0] > 0:
                stats[row, 0], stats[row, 1], stats[row, 2] = known[2 * dim], gradients, events
            events, gradients = 0.0, 0.0
    return n


class BoundPiecewise(BoundMoving):
    """A piecewise deterministic sampler on a density: ``state.phase`` is the position, then the velocity."""

    stats_names = ("lp", "n_steps", "n_events")
    uniforms_per_step = None
    straight_paths = True
    kind = ZIGZAG

    def __init__(self, sampler: Any, target: Any, driver: Any):
        super().__init__(sampler, target, driver)
        self.n_known = 2 * self.dim + 1
        self._mass = np.ones(self.dim) if sampler.inverse_mass is None else np.array(sampler.inverse_mass, np.float64)
        if self._mass.shape != (self.dim,):
            raise ArgumentError(f"`inverse_mass` must have shape ({self.dim},); got {self._mass.shape}")

    @property
    def events_per_draw(self) -> float:
        """How many events an interval is tuned to hold."""
        return 0.5 * self.dim

    @property
    def refreshments(self) -> float:
        """Velocities that are drawn anew, on average, in the time between two draws."""
        return 0.0

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """See `BoundMoving.new_state`; the velocity is drawn with the first step."""
        state = super().new_state(rng, position)
        state.phase = np.concatenate([state.phase, np.zeros(self.dim)])
        interval = 0.5 if self.sampler.interval is None else float(self.sampler.interval)
        state.tuning = {
            "inverse_mass": self._mass.copy(),
            "path": np.array([0.5 if self.sampler.interval is None else interval, 0.2, interval, 0.0, 0.0, 0.0]),
            "window": np.zeros(2 * self.dim + 1),
        }
        return state

    def move(self, state: State, n: int, every: int, done: int, total: int, draws: Any, stats: Any, sums: Any) -> int:
        """See `BoundMoving.move`."""
        tuning, sampler = state.tuning, self.sampler
        edges = np.array([round(share * total) for share in _EDGES], np.int64)
        return _piecewise(
            self.kind, *self.addresses(state), float(self.refreshments), float(self.events_per_draw), tuning["path"], tuning["inverse_mass"],
            tuning["window"], edges, done, total, sampler.inverse_mass is None, sampler.interval is None, state.phase, self.known(state), state.counters,
            n, every, draws, stats, sums
        )  # fmt: skip

    def complaints(self, before: list[State], after: list[State]) -> list[Flag]:
        """See `Bound.complaints`; and bounds that did not hold."""
        found = super().complaints(before, after)
        counts = [
            sum(int(s.counters[k]) for s in after) - sum(int(s.counters[k]) for s in before) for k in (BOUND_EXCEEDED, ACCEPTED)
        ]
        if counts[0]:
            severity = Severity.INVALID if counts[0] > _EXCEEDED * counts[1] else Severity.NOTE
            name = type(self.sampler).__name__
            found.append(Flag.of(Kind.BOUND_EXCEEDED, severity, where=name, count=counts[0], events=counts[1]))
        return found


def check_piecewise(sampler: Any) -> None:
    """Refuse an `interval` or `inverse_mass` (None: to be tuned) of a frozen sampler that make no sense."""
    if sampler.interval is not None:
        positive("interval", sampler.interval)
    if sampler.inverse_mass is not None:
        object.__setattr__(sampler, "inverse_mass", positive_vector("inverse_mass", sampler.inverse_mass))
