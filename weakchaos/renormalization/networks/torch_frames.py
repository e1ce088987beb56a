"""Frames of differences through a torch module: the QR step of each layer at one input."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.renormalization.networks.torch import checked_inputs, fixed_batch, plain_module
from weakchaos.renormalization.networks.torch_places import Course, course_of
from weakchaos.renormalization.networks.torch_signals import FAILURES, refused
from weakchaos.renormalization.networks.torch_state import moment, untouched
from weakchaos.renormalization.networks.torch_walk import Key, put, walk

__all__ = ["frames_through"]


class _Enough(Exception):
    """A pass has reached the place that was wanted."""


def frames_through(
    model: Any, inputs: Any, k: int | None, layers: Any, rng: np.random.Generator
) -> Iterator[tuple[list[np.ndarray], int]]:
    """The factor R of the QR step of each layer for k orthonormal differences, for one input after another.

    The input is repeated k times and each copy carries one difference, so a single pass moves the whole frame; a program of fixed batch size receives
    as many copies at a time as it accepts, one layer after the other.

    Parameters
    ----------
    model : torch.nn.Module
    inputs : array or tensor of shape (batch, ...)
    k : int, optional
        Number of directions; all by default.
    layers
        As for `course_of`.
    rng : numpy.random.Generator

    Yields
    ------
    (list of arrays, int)
        R of each layer, and the number of directions at the start.

    Raises
    ------
    ArgumentError
    """
    import torch

    model = plain_module(model)
    whole = checked_inputs(model, inputs if len(inputs) > 1 else np.repeat(np.asarray(inputs), 2, axis=0))
    batch = fixed_batch(model)
    for i in range(len(inputs)):
        with untouched(model):
            restore = moment(model)
            one = whole[i : i + 1].clone()
            generator = torch.Generator(device=one.device)
            generator.manual_seed(0)
            try:
                course = course_of(model, torch.cat([one] * (batch or 2)), layers, restore, generator)
                yield _frames(model, one, k, course, batch, rng, restore)
            except FAILURES as error:
                raise error if isinstance(error, ArgumentError) else refused(error, one) from error


def _frames(
    model: Any, one: Any, k: int | None, course: Course, batch: int | None, rng: np.random.Generator, restore: Any
) -> tuple[list[np.ndarray], int]:
    import torch

    index = {p.key: i + 1 for i, p in enumerate(course.places)}
    shapes: dict[int, Any] = {0: one} if course.start is None else {}

    def learn(key: Key, tensor: Any) -> None:
        place = 0 if key == course.start else index.get(key)
        if place is not None:
            shapes[place] = tensor[:1]

    walk(model, torch.cat([one] * (batch or 2)), course.watched, learn, restore)
    size = shapes[0].numel()
    many = size if k is None else k
    if not 1 <= many <= size:
        raise ArgumentError(f"`k` must be from 1 to {size}, the numbers of one input; got {many}")
    frame = torch.as_tensor(np.linalg.qr(rng.standard_normal((size, many)))[0], device=one.device)
    found: list[np.ndarray] = []

    def stepped(moved: Any, place: int) -> Any:
        """The next frame, columns of shape (numbers, many)."""
        q, r = torch.linalg.qr(moved.double().reshape(many, -1).T)
        found.append(np.asarray(r.cpu()))
        return torch.cat([q, q.new_zeros(len(q), many - q.shape[1])], 1)

    if batch is None:
        _all_layers(model, one, course, index, shapes, frame, stepped, restore)
    else:
        for place in range(1, len(course.places) + 1):
            moved = [
                _one_layer(model, one, course, index, shapes, frame[:, a : a + batch], place, batch, restore)
                for a in range(0, many, batch)
            ]
            frame = stepped(torch.cat(moved), place)
    return found, many


def _as_rows(frame: Any, like: Any, count: int) -> Any:
    """Columns of a frame as differences of `count` copies of what stands at a place; copies without one get zero."""
    import torch

    rows = frame.T.reshape(-1, *like.shape[1:]).to(like.dtype)
    return torch.cat([rows, rows.new_zeros(count - len(rows), *rows.shape[1:])]) if len(rows) < count else rows


def _tangent(tensor: Any, course: Course, place: int) -> Any:
    from torch.autograd import forward_ad

    tangent = forward_ad.unpack_dual(tensor).tangent
    if tangent is None:
        raise ArgumentError(
            f"`model` lets no derivative through to {course.places[place - 1].name}: its spectrum cannot be measured"
        )
    return tangent


def _all_layers(model: Any, one: Any, course: Course, index: Any, shapes: Any, frame: Any, stepped: Any, restore: Any) -> None:
    import torch
    from torch.autograd import forward_ad

    many = frame.shape[1]
    count = max(many, 2)
    state = [frame]

    def dual(tensor: Any, place: int) -> Any:
        plain = forward_ad.unpack_dual(tensor).primal.clone()
        return forward_ad.make_dual(plain, _as_rows(state[0], shapes[place], count))

    def visit(key: Key, tensor: Any) -> Any:
        if key == course.start:
            return put(key, tensor, dual(tensor, 0))
        place = index.get(key)
        if place is None:
            return None
        state[0] = stepped(_tangent(tensor, course, place)[:many], place)
        return put(key, tensor, dual(tensor, place))

    with forward_ad.dual_level():
        x = torch.cat([one] * count)
        walk(model, dual(x, 0) if course.start is None else x, course.watched, visit, restore)


def _one_layer(
    model: Any, one: Any, course: Course, index: Any, shapes: Any, part: Any, place: int, batch: int, restore: Any
) -> Any:
    """What becomes at a place of a few differences at the place before it."""
    import torch
    from torch.autograd import forward_ad

    reached: list[Any] = []

    def dual(tensor: Any) -> Any:
        plain = forward_ad.unpack_dual(tensor).primal.clone()
        return forward_ad.make_dual(plain, _as_rows(part, shapes[place - 1], batch))

    def visit(key: Key, tensor: Any) -> Any:
        at = 0 if key == course.start else index.get(key)
        if at == place:
            reached.append(_tangent(tensor, course, place)[: part.shape[1]].clone())
            raise _Enough
        return put(key, tensor, dual(tensor)) if at == place - 1 else None

    with forward_ad.dual_level():
        x = torch.cat([one] * batch)
        with contextlib.suppress(_Enough):
            walk(model, dual(x) if course.start is None and place == 1 else x, course.watched, visit, restore)
    return reached[0]
