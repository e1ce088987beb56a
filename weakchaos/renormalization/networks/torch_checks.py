"""Comparison of the derivatives of a module with differences, and propagation of rounding errors, on a few inputs.

A derivative may be cut (by `detach`, inference mode, or a computation in NumPy) or may not be that of the function (straight-through estimators,
derivatives written by hand). This shows when a finite difference propagates and its tangent does not, or not by the same factor.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.flags import Flag, Kind, Severity
from weakchaos.renormalization.networks.torch_places import Course
from weakchaos.renormalization.networks.torch_walk import Key, put, walk

__all__ = ["differences", "judged", "random_flags", "rounding_errors"]

_FAR = 4.0  # a derivative and a difference are apart by this factor of the mean square, whatever their steps
_APART = 1.1  # they are apart by this factor, if
_SETTLED = 1.05  # differences with steps of a quarter are no further from each other than this factor
_SEEN = 100.0  # shorter steps count where mean squares are this many times those of rounding errors
_CLEAR = 1000.0  # and mean squares are this many times those of rounding errors


def _size(t: Any) -> float:
    return float(t.double().pow(2).mean().sqrt())


def differences(
    model: Any,
    x: Any,
    course: Course,
    outputs: list[Any],
    noise: list[Any],
    stretching: np.ndarray,
    restore: Any,
    shorter: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Responses of each place to fresh differences at the place before it, by central differences.

    Parameters
    ----------
    model : torch.nn.Module
        Within `untouched`.
    x : tensor of shape (batch, ...)
    course : Course
    outputs : list of tensors
        The values at each place without a difference, beginning with the start.
    noise : list of tensors
        The differences at the start and at the places after it.
    stretching : array of shape (places,)
        Stretching of the root mean square by each row according to the derivative; the larger it is, the smaller is the step.
    restore : callable
        As `moment` returns it.
    shorter : float
        Divisor of all steps.

    Returns
    -------
    (responses, floors)
        Arrays of shape (places, batch): mean squares of the outgoing differences divided by those of the incoming ones, and the values of these ratios
        that rounding errors alone would give.
    """
    index = {p.key: i for i, p in enumerate(course.places)}
    resolution = float(np.finfo(np.float32 if x.dtype.itemsize < 8 else np.float64).eps)
    relative = 4 * resolution ** (1 / 2) if x.is_floating_point() else 4 * float(np.finfo(np.float32).eps) ** 0.5
    factors = np.ones(len(outputs))
    factors[: len(stretching)] = 1 / np.clip(np.nan_to_num(stretching, nan=1.0, posinf=1e3), 1.0, 1e3)
    steps = [
        relative / shorter * f * max(_size(t), 1e-30) / max(_size(n), 1e-30)
        for t, n, f in zip(outputs, noise, factors, strict=True)
    ]
    found: dict[int, list[Any]] = {}

    for sign in (1, -1):

        def nudged(i: int, sign: int = sign) -> Any:
            return outputs[i] + sign * steps[i] * noise[i]

        def visit(key: Key, tensor: Any) -> Any:
            if key == course.start:
                return put(key, tensor, nudged(0))
            if key not in index:
                return None
            i = index[key]
            found.setdefault(i, []).append(tensor.detach().clone())
            return put(key, tensor, nudged(i + 1))

        walk(model, nudged(0) if course.start is None else x.clone(), course.watched, visit, restore)

    def rows(t: Any) -> np.ndarray:
        return np.asarray(t.double().pow(2).reshape(len(t), -1).mean(1).cpu())

    responses, floors = [], []
    for i in range(len(course.places)):
        up, down = found[i]
        before = rows(noise[i]) * (2 * steps[i]) ** 2
        responses.append(rows(up.double() - down.double()) / before)
        floors.append(rows(outputs[i + 1]) * (20 * resolution) ** 2 / before)
    return np.array(responses), np.array(floors)


def rounding_errors(model: Any, x: Any, course: Course, outputs: list[Any], generator: Any, restore: Any) -> list[float]:
    """Mean squares of the rounding errors at each place, if each place before it adds an error of the size of its last digit."""
    import torch

    index = {p.key: i for i, p in enumerate(course.places)}
    errors = [math.nan] * len(course.places)

    def rounded(t: Any) -> Any:
        last = torch.finfo(t.dtype).eps
        return t * (1 + last * torch.randn(t.shape, generator=generator, dtype=t.dtype, device=t.device))

    def visit(key: Key, tensor: Any) -> Any:
        if key == course.start:
            return put(key, tensor, rounded(tensor))
        if key not in index:
            return None
        i = index[key]
        own = _size(tensor) * torch.finfo(tensor.dtype).eps
        errors[i] = _size(tensor.double() - outputs[i + 1].double()) ** 2 + own**2
        return put(key, tensor, rounded(tensor))

    walk(model, rounded(x) if course.start is None else x.clone(), course.watched, visit, restore)
    return errors


def _ratio(a: float, b: float) -> float:
    """How many times the larger of two numbers that are not negative is the smaller one."""
    low, high = sorted((a, b))
    return high / low if low > 0 else math.inf if high > 0 else 1.0


def _between(before: Any, after: Any) -> float:
    """The mean square of differences between inputs after a place, as a part of that before it; 0 where they are below rounding."""
    spreads = [float((t.double() - t.double().mean(0)).pow(2).mean()) for t in (before, after)]
    if not spreads[0] > 0 or not spreads[1] > (1e-5 * _size(after)) ** 2:
        return 0.0
    return spreads[1] / spreads[0]


def judged(
    model: Any,
    few: Any,
    course: Course,
    outputs: list[Any],
    noise: list[Any],
    response: np.ndarray,
    growth: np.ndarray,
    restore: Any,
) -> tuple[list[Flag], list[int]]:
    """Rows whose derivative is none, or not that of the function, lose their numbers; what was found instead is told.

    A derivative that is cut in part, as where only a gate or half of the units are detached, differs by a small factor. It is told from a difference
    that has not yet settled, as near a kink or a steep place, by differences with shorter steps: these must agree with the first ones.

    Returns
    -------
    (flags, apart)
        And the inputs whose derivative differs in a row in which that of others agrees.
    """
    derivative = response[:, 0, : len(few)].copy()
    stretching = np.sqrt(derivative.max(1))

    def by_differences(shorter: float) -> tuple[np.ndarray, np.ndarray]:
        return differences(model, few, course, outputs, noise, stretching, restore, shorter)

    own = derivative.mean(1)
    responses, floors = by_differences(1.0)
    seen, floor = responses.mean(1), floors.mean(1)
    clear = np.maximum(own, seen) > 10 * floor
    far: np.ndarray = np.array([c and _ratio(a, b) > _FAR for a, b, c in zip(own, seen, clear, strict=True)], bool)
    near: np.ndarray = np.array([_ratio(a, b) > _APART for a, b in zip(own, seen, strict=True)], bool)
    near[far | (np.maximum(own, seen) <= _CLEAR * floor)] = False
    ratios = np.array([[_ratio(a, b) for a, b in zip(*rows, strict=True)] for rows in zip(derivative, responses, strict=True)])
    before = responses
    for shorter in (4.0, 16.0) if near.any() else ():
        again, floors = by_differences(shorter)
        for i in np.flatnonzero(near).tolist():
            # One input beside a kink moves the mean: those that are apart must settle, apart from their own derivative.
            off = ratios[i] > _APART if (ratios[i] > _APART).any() else np.ones(len(few), bool)
            ours, long, short = (float(t[i, off].mean()) for t in (derivative, before, again))
            if shorter == 4.0 or max(ours, short) > _SEEN * floors[i, off].mean():
                near[i] = _ratio(long, short) < _SETTLED and _ratio(ours, short) > _APART
        before = again
    flags = []
    for i, place in enumerate(course.places):
        stepped = _between(outputs[i], outputs[i + 1]) if own[i] == 0.0 and not far[i] else 0.0
        if not place.measured or not (far[i] or near[i] or stepped > 0.0):
            continue
        if stepped > 0.0:
            # No small difference comes through, and yet inputs stay apart: the function is constant between steps, which move them.
            seen[i] = stepped
        cut = own[i] < 1e-6 * seen[i] and not stepped > 0.0
        numbers = {"derivative": float(own[i]), "difference": float(seen[i])}
        flags.append(Flag(Kind.CUT if cut else Kind.WRONG_DERIVATIVE, Severity.INVALID, numbers, (place.name,)))
        response[i] = growth[i] = np.nan
    wrong: np.ndarray = np.logical_or(far, near)
    # Where most inputs agree and some do not, the function is right, but these take another path.
    some = (ratios < _SETTLED).any(1, keepdims=True) & (ratios > _APART) & wrong[:, None]
    return flags, np.flatnonzero(some.any(0)).tolist()


def random_flags(model: Any, x: Any, course: Course, restore: Any) -> list[Flag]:
    """Whether a forward pass draws random numbers that change what stands at a place, and the first such place."""
    import torch

    index = {p.key: i for i, p in enumerate(course.places)}

    def passed(before: Any) -> dict[int, Any]:
        found: dict[int, Any] = {}

        def visit(key: Key, tensor: Any) -> None:
            if key in index:
                found[index[key]] = tensor.detach().clone()

        walk(model, x.clone(), course.watched, visit, before)
        return found

    def other() -> None:
        restore()
        torch.manual_seed(torch.initial_seed() + 1)

    once = passed(restore)
    restore()
    kept = torch.get_rng_state()
    passed(None)
    if torch.equal(kept, torch.get_rng_state()) and x.device.type == "cpu":
        return []
    again = passed(other)
    for i in sorted(once):
        tolerance = 1e3 * torch.finfo(once[i].dtype).eps * max(_size(once[i]), 1e-30)
        if once[i].shape != again[i].shape or _size(once[i] - again[i]) > tolerance:
            return [Flag(Kind.RANDOM, Severity.NOTE, {}, (course.places[i].name,))]
    return []
