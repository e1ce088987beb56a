"""Warm-up in windows, and its end: what happens where a window of warm-up closes.

At the end of a window the metric is estimated from its points (`weakchaos.samplers.metric`), in the form that the points confirm
(`weakchaos.samplers.metric_choice`). Points of windows that agree with each other are put together. Warm-up has settled, and ends after
a last buffer for the step size, where all of this is true:

* the means of a window and of the one before differ by less than a standard deviation in every coordinate: the chain is not on its way
  any more;
* on the points of the window the metric in use is within 30 % of the best that could be made of them, in Fisher divergence;
* the metric in use and the one that is taken next differ by less than a factor of 2 in the length of any direction. What they differ
  by falls like the root of the number of points, so another window, 1.7 times as long, would shorten trajectories by a tenth.

Chains of one run adapt together where their system lets them meet: points of all of them make the metric and the mean of their step sizes
is taken, so that windows hold as many points after a fraction of the steps. Then windows are closed in `meet` and not in `warm_up`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, shown
from weakchaos.samplers.left_behind import bring_along
from weakchaos.samplers.mass import DENSE, DIAGONAL, LOW_RANK
from weakchaos.samplers.metric import HEADER, KEPT, STRIDE, WEIGHT, cholesky, new_window, pooled, window_covariances
from weakchaos.samplers.metric_choice import difference, fisher_divergence, least_divergence, suggestions
from weakchaos.samplers.step_adaptation import LAST_BUFFER, average_step, begin_again, look_again, window_ends

__all__ = ["meet", "new_tuning", "next_meeting", "warm_up"]

_RANK, _POINTS = 16, 96  # of a low rank: the most directions, and the points it is made of
_LEAST_WINDOWS = 3
# Steps of the last buffer of chains that adapt together: for few, for so many and more, and where those have not seen enough.
_FEW_BUFFER, _BUFFER, _LONG_BUFFER, _MANY = 150, 100, 300, 3
_MOST_DRIFT, _MOST_EXCESS, _MOST_DIFFERENCE = 1.0, 1.3, 2.0
_MUCH_DIFFERENCE, _LITTLE_DIFFERENCE = 3.0, 1.4  # beyond it the step size is looked for again; below it, its average goes on
_AS_MUCH = 0.8
_CAUTION = 10.0  # steps: a refusal that counts for much is not to throw a size that nearly fits far off
_OF_WINDOWS = ("window", "pooled_", "previous_", "suggested_")  # how names of what is there during warm-up only begin
_PARTS = {DIAGONAL: ("scale",), DENSE: ("factor",), LOW_RANK: ("scale", "directions", "gains")}


def new_tuning(dim: int, step_size: float | None, inverse_mass: Any, forms: tuple[int, ...]) -> dict[str, np.ndarray]:
    """The arrays of ``state.tuning`` before warm-up; a step size that is to be found is NaN until then.

    Returns
    -------
    dict
        ``step_size``, ``warmup_steps`` and ``settled`` (the step at which warm-up had settled, 0 if it has not), ``metric`` (its form)
        and ``inverse_mass`` (the diagonal of the inverse mass matrix, shape (dim,)); for kernels ``scale``, ``factor``, ``directions``
        and ``gains``; and ``step_averaging``. The accumulators of windows are there during warm-up only.
    """
    given = None if inverse_mass is None else np.array(inverse_mass, np.float64)
    if given is not None and given.shape not in ((dim,), (dim, dim)):
        raise ArgumentError(f"`inverse_mass` must have shape ({dim},) or ({dim}, {dim}); got {given.shape}")
    out = {
        "step_size": np.array(np.nan if step_size is None else float(step_size)),
        "step_averaging": np.zeros(4),
        "warmup_steps": np.array(0.0),
        "settled": np.array(0.0),
        "metric": np.array(float(forms[0] if given is None else DENSE if given.ndim == 2 else DIAGONAL)),
        "inverse_mass": np.ones(dim),
        "scale": np.ones(dim),
    }
    if given is not None and given.ndim == 2:
        factor = cholesky(np.ascontiguousarray(given))
        if not np.isfinite(factor).all() or np.abs(given - given.T).max() > 1e-9 * np.abs(given).max():
            raise ArgumentError(f"`inverse_mass` must be symmetric and positive definite; got {shown(inverse_mass)}")
        out |= {"factor": factor, "inverse_mass": np.diag(given).copy()}
    elif given is not None:
        out |= {"inverse_mass": given, "scale": np.sqrt(given)}
    if DENSE in forms:
        out["factor"] = np.eye(dim)
    if LOW_RANK in forms:
        out |= {"directions": np.zeros((min(_RANK, dim), dim)), "gains": np.zeros(min(_RANK, dim))}
    return out


def _suggested_before(tuning: dict[str, np.ndarray], form: int) -> dict[str, np.ndarray]:
    return {name: tuning[f"suggested_{form}_{name}"] for name in _PARTS[form]}


def _start_windows(tuning: dict[str, np.ndarray], forms: tuple[int, ...]) -> None:
    dim = tuning["inverse_mass"].size
    made = new_window(dim, DENSE in forms, _POINTS if LOW_RANK in forms else 0)
    made |= {f"pooled_{name}": np.zeros_like(made[name]) for name in ("window", "window_products")}
    made |= {
        "previous_mean": np.full(dim, np.nan),
        "previous_variance": np.full(dim, np.nan),
        "previous_step": np.array(np.nan),
        "previous_left": np.array(np.inf),
    }
    made |= {f"suggested_{form}_{name}": np.full_like(tuning[name], np.nan) for form in forms for name in _PARTS[form]}
    tuning |= made


def _take_metric(tuning: dict[str, np.ndarray], forms: tuple[int, ...], rests: bool) -> float:
    """Take the metric that a window suggests, in the form that its points confirm; by how much it differs from the one before, inf where
    that is not known or the points do not confirm it."""
    c, g = window_covariances(tuning)
    points = tuning["window_points"][:, : int(tuning["window"][KEPT])]
    scores = {form: fisher_divergence(form, _suggested_before(tuning, form), c, g, points) for form in forms}
    best = min(scores, key=lambda form: (scores[form], form))
    confirmed = rests and scores[best] < _MOST_EXCESS * least_divergence(best, c, g)
    window = {name: tuning[name] for name in ("window", "window_products")}
    pool = {name: tuning[f"pooled_{name}"] for name in window}
    pool = pooled(pool, window) if confirmed and pool["window"][WEIGHT] else {name: value.copy() for name, value in window.items()}
    factor = tuning.get(f"suggested_{DENSE}_factor")
    found = suggestions(
        forms,
        *window_covariances(pool),
        points,
        None if factor is None or np.isnan(factor[0, 0]) else factor,
        len(tuning.get("gains", ())),
    )
    if best not in found:
        return np.inf
    tuning |= {f"pooled_{name}": value for name, value in pool.items()}
    apart = difference(best, tuning, found[best], points) if confirmed and int(tuning["metric"]) == best else np.inf
    if best == LOW_RANK:
        # Its rank may be too low for what there is to be found: then it has settled when windows find as much as the ones before.
        left, tuning["previous_left"] = float(tuning["previous_left"]), np.array(apart)
        apart = min(apart, _LITTLE_DIFFERENCE) if apart > _AS_MUCH * left else apart
    for form, metric in found.items():
        tuning |= {f"suggested_{form}_{name}": metric[name].copy() for name in _PARTS[form]}
    tuning |= {name: value.copy() for name, value in found[best].items()}
    tuning["metric"] = np.array(float(best))
    return apart


def _close_window(
    tuning: dict[str, np.ndarray], forms: tuple[int, ...], edge: int, number: int, tunes_step: bool, least: int
) -> None:
    """Take what the window that ends at step `edge` suggests, and say whether warm-up has settled."""
    window, dim = tuning["window"], tuning["inverse_mass"].size
    mean, variances = window[HEADER : HEADER + dim].copy(), window_covariances(tuning)[0]
    with np.errstate(all="ignore"):
        drift = np.abs(mean - tuning["previous_mean"]) / np.sqrt(variances if variances.ndim == 1 else np.diag(variances))
    rests = bool((drift < _MOST_DRIFT).all())
    tuning["previous_mean"], tuning["previous_variance"] = (
        mean,
        variances.copy() if variances.ndim == 1 else np.diag(variances).copy(),
    )
    apart = _take_metric(tuning, forms, rests) if forms else 1.0
    if tunes_step:
        new, old = average_step(tuning["step_averaging"]), float(tuning["previous_step"])
        tuning["previous_step"] = np.array(new)
        if not forms:
            apart = max(new / old, old / new) if np.isfinite(old) else np.inf
        if not apart < _LITTLE_DIFFERENCE:
            tuning["step_size"] = np.array(new)
            begin_again(tuning["step_averaging"], new)
        if not apart < _MUCH_DIFFERENCE:
            look_again(tuning["step_averaging"])
    if number >= least and apart < _MOST_DIFFERENCE and rests:
        tuning["settled"] = np.array(float(edge))
    for name in ("window", "window_products", "window_points"):
        tuning[name][:] = 0.0
    window[STRIDE] = 1.0


def next_meeting(steps: int, total: int, tuned: bool) -> int | None:
    """The first step after `steps` at which chains that adapt together meet, in a warm-up of at most `total` steps; None for no other.

    They meet where a window closes, where the last buffer after it may be over, and at the end.

    Examples
    --------
    >>> next_meeting(0, 1000, True), next_meeting(27, 1000, True), next_meeting(1000, 1000, True)
    (10, 55, None)
    """
    if steps >= total:
        return None
    edges = window_ends(total) if tuned else np.empty(0, np.int64)
    places = np.concatenate([edges, edges + _BUFFER, edges + _FEW_BUFFER, edges + _LONG_BUFFER])
    return int(min(places[places > steps].min(initial=total), total))


def _put_together(tunings: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """What the chains of a run have collected, as if it were of one: sums added, step sizes averaged, points in turn from each."""
    one = {name: value.copy() for name, value in tunings[0].items()}
    with np.errstate(invalid="ignore"):
        averaging = np.mean([t["step_averaging"] for t in tunings], axis=0)
    averaging[-1] = max(t["step_averaging"][-1] for t in tunings)
    averaging[2] = np.log(
        np.mean([np.exp(t["step_averaging"][2]) for t in tunings])
    )  # of sizes, not of logarithms: one chain may be stuck
    one["step_averaging"] = averaging
    if "turns" in one:
        one["turns"] = np.sum([t["turns"] for t in tunings], axis=0)  # each chain's own until warm-up is over
    one["step_size"] = np.array(np.exp(np.mean([np.log(t["step_size"]) for t in tunings])))
    if "window" not in one:
        return one
    names = ("window", "window_products")
    filled = [t for t in tunings if t["window"][WEIGHT]]
    together = {name: one[name] for name in names}
    if filled:
        together = {name: filled[0][name].copy() for name in names}
        for other in filled[1:]:
            together = pooled(together, {name: other[name] for name in names})
    one |= together
    points, rows = one["window_points"], [t["window_points"][:, : int(t["window"][KEPT])] for t in tunings]
    if points.shape[1]:
        # In turn, so that the first half and the second hold points of all chains, and spread over all where there are too many.
        longest = max(r.shape[1] for r in rows)
        turns = [r[:, k] for k in range(longest) for r in rows if k < r.shape[1]]
        few = turns[:: -(-len(turns) // points.shape[1])] if turns else []
        points[:] = 0.0
        for k, row in enumerate(few):
            points[:, k] = row
        one["window"][KEPT] = len(few)
    return one


def meet(states: list[Any], steps: int, total: int, forms: tuple[int, ...], tunes_step: bool, enough: Any = None) -> bool:
    """Let chains that adapt together meet after `steps` steps of at most `total`: close the window that ends there for all of them.

    Parameters
    ----------
    states : list of State
    steps, total : int
    forms : tuple of int
    tunes_step : bool
    enough : callable, optional
        ``enough(tuning, draws)``: whether the last buffer, of so many draws of all chains, may be over.

    Returns
    -------
    bool
        Whether warm-up is over.
    """
    edges = window_ends(total) if forms or tunes_step else np.empty(0, np.int64)
    if steps in edges[1:] and "window" in states[0].tuning and not float(states[0].tuning["settled"]):
        bring_along(states, states[0].tuning["inverse_mass"].size)
    common = _put_together([state.tuning for state in states])
    settled = float(common["settled"])
    buffer = _BUFFER if len(states) >= _MANY else _FEW_BUFFER
    if settled and enough is not None and not enough(common, int(steps - settled) * len(states)):
        buffer = _LONG_BUFFER
    if steps in edges and not settled:
        _close_window(
            common, forms, steps, int(np.searchsorted(edges, steps)) + 1, tunes_step, _LEAST_WINDOWS - (len(states) >= _MANY)
        )
    elif not (steps == total or (settled and steps >= settled + buffer)):
        return False  # a meeting at the end of a buffer of another length
    if common["settled"] and not settled and tunes_step:
        # What follows may be steps of another kind, to which the size is fitted anew.
        begin_again(common["step_averaging"], average_step(common["step_averaging"]), _CAUTION)
    over = steps == total or bool(settled and steps >= settled + buffer)
    if over:
        _finish(common, steps, tunes_step)
    for state in states:
        for name in [name for name in state.tuning if name not in common]:
            del state.tuning[name]
        state.tuning |= {name: value.copy() for name, value in common.items()}
    return over


def _finish(tuning: dict[str, np.ndarray], steps: int, tunes_step: bool) -> None:
    """Warm-up is over after `steps` steps: sampling takes the average step size, and accumulators of windows go."""
    tuning["warmup_steps"] = np.array(float(steps))
    if tunes_step:
        tuning["step_size"] = np.array(average_step(tuning["step_averaging"]))
    for name in [name for name in tuning if name.startswith(_OF_WINDOWS)]:
        del tuning[name]


def warm_up(
    state: Any, n: int, done: int, total: int, forms: tuple[int, ...], tunes_step: bool, move: Any, meets: bool = False
) -> tuple[int, bool]:
    """`n` steps of warm-up, `done` of at most `total` having been made.

    Parameters
    ----------
    state : State
    forms : tuple of int
        Of the metric that is tuned; none where it was given.
    tunes_step : bool
    move : callable
        ``move(first, count, collects, early)`` makes so many steps, of which the first is the `first` of this call, collecting points or not,
        and returns how many it made; `early` says that no window has closed in which trajectories were of full length.
    meets : bool
        Whether chains adapt together: then windows close and warm-up ends in `meet`.

    Returns
    -------
    made : int
    finished : bool
        Whether the tuned values have settled before `total`.
    """
    tuning, made = state.tuning, 0
    edges = window_ends(total) if forms or tunes_step else np.empty(0, np.int64)
    while made < n:
        now = done + made
        if now == 0 and edges.size:
            _start_windows(tuning, forms)
        settled = float(tuning["settled"])
        end = min(total, int(settled) + LAST_BUFFER) if settled and not meets else total
        number = int(np.searchsorted(edges, now, side="right"))
        collects = not settled and number < edges.size
        stop = int(edges[number]) if collects else end
        count = min(n - made, stop - now)
        got = move(made, count, collects, number < 2 and edges.size > 2)
        made += got
        if got < count:
            return made, False
        now += count
        if meets:
            continue
        if collects and now == stop:
            _close_window(tuning, forms, stop, number + 1, tunes_step, _LEAST_WINDOWS)
        if now == end and not (collects and stop == end):
            _finish(tuning, now, tunes_step)
            return made, now < total
    return made, False
