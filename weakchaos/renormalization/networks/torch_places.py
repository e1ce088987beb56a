"""The places of a module at which a probe reads signals: blocks, streams between blocks, or layers with weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.flags import Flag, Kind, Severity
from weakchaos.renormalization.networks.torch_nested import tensor_in
from weakchaos.renormalization.networks.torch_paths import direct_ways, dominators
from weakchaos.renormalization.networks.torch_recurrent import is_recurrent
from weakchaos.renormalization.networks.torch_stacks import blocks_of, is_chain, layers_outside, repeated, side_by_side, within
from weakchaos.renormalization.networks.torch_walk import Key, walk

_AFTER = 4  # modules behind a block in which the stream is looked for

__all__ = ["Course", "Place", "course_of", "mixes", "title"]


@dataclass(frozen=True)
class Place:
    """A place of a module at which a signal is read.

    Attributes
    ----------
    key : Key
        Key of the place for `walk`.
    name, kind : str
        Name and kind of the row.
    module : str or None
        The module whose weights belong to the row.
    measured : bool
        Whether every difference that arrives here has passed the place before: only then does the response belong to the layers between the two.
    """

    key: Key
    name: str
    kind: str
    module: str | None = None
    measured: bool = True


@dataclass(frozen=True)
class Course:
    """The places in the order in which they are passed, and the place at which differences enter: `start`, or the inputs if it is None."""

    start: Key | None
    places: list[Place]
    flags: list[Flag] = field(default_factory=list)

    @property
    def watched(self) -> set[str]:
        """Names of the modules that a pass must watch."""
        return {p.key[1] for p in self.places} | (set() if self.start is None else {self.start[1]})


@dataclass(frozen=True)
class _Event:
    key: Key
    tensor: Any  # a copy where it is needed
    shape: tuple[int, ...] | None
    made_by: str | None  # the module whose output this input is


def _mixing(torch: Any) -> tuple[type, ...]:
    nn = torch.nn
    convolutions = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    return (nn.Linear, nn.Bilinear, *convolutions)


def mixes(module: Any) -> bool:
    """Whether a module mixes its inputs by a matrix of its own; modules of an exported program have lost their classes."""
    import torch

    if isinstance(module, _mixing(torch)):
        return True
    weight = module._parameters.get("weight")
    exported = type(module).__module__.startswith("torch.export")
    return exported and weight is not None and weight.ndim >= 2


def title(name: str) -> str:
    """The name of a module in a report, without what torch.compile adds to it."""
    return name.replace("._orig_mod", "") or "model"


def _trace(model: Any, x: Any, kept: set[str], restore: Any, inference: list[str]) -> list[_Event]:
    """What enters and leaves every module, in order; copies for the modules `kept` and for what follows one of them."""
    import torch

    events: list[_Event] = []
    last: list[Any] = [None, None]
    pending = [0]  # inputs of other modules to be copied
    tokens, begun = not x.is_floating_point(), list[str]()

    def visit(key: Key, tensor: Any) -> None:
        where, name = key[:2]
        if torch.is_inference_mode_enabled():
            inference.append(name or type(model).__name__)
        if tensor is None:
            events.append(_Event(key, None, None, None))
            return
        made = last[0] if where == "in" and last[1] is tensor else None
        outside = name not in kept and not within(name, list(kept))
        starts = tokens and not begun and where != "in" and len(tensor) == len(x)
        if starts:
            begun.append(name)
        after = where == "in" and outside and pending[0] > 0
        copied = name in kept or starts or after
        pending[0] = _AFTER if where == "out" and name in kept else pending[0] - after
        events.append(_Event(key, tensor.detach().clone() if copied else None, tuple(tensor.shape), made))
        if where != "in":
            last[:] = [name, tensor]

    names = {n for n, _ in model.named_modules()}
    output = walk(model, x.clone(), names, visit, restore)
    if not any(e.key == ("out", "", 0, 0) for e in events):
        end = tensor_in(output, len(x))
        events.append(_Event(("out", "", 0, 0), None, None if end is None else tuple(end.shape), None))
    return events


def _same(a: Any, b: Any) -> bool:
    import torch

    return a is not None and b is not None and a.shape == b.shape and bool(torch.equal(a, b))


def _called(key: Key) -> str:
    return title(key[1]) if key[2] == 0 else f"{title(key[1])} ({key[2] + 1})"


def _listed(key: Key, kinds: dict[str, str], measured: bool = True) -> Place:
    """The place behind a layer with weights or a module that was named."""
    if key[0] == "layer":
        return Place(key, f"{title(key[1])}.l{key[3]}" if key[1] else f"l{key[3]}", kinds[key[1]], None, measured)
    return Place(key, _called(key), kinds[key[1]], key[1], measured)


def _stream(events: list[_Event], blocks: list[str], first: Any) -> list[_Event]:
    """What enters and leaves each block, without repetitions, and what is made of the last one's output."""
    found: list[_Event] = []
    before, left = first, -1
    for i, event in enumerate(events):
        if event.key[1] not in blocks or event.key[0] == "layer" or event.tensor is None:
            continue
        left = i if event.key[0] == "out" else left
        if not _same(before, event.tensor):
            found.append(event)
            before = event.tensor
    for event in events[left + 1 :]:
        if event.key[0] == "in" and event.tensor is not None and not _same(before, event.tensor):
            found.append(event)
            before = event.tensor
    return found


def _block_places(
    events: list[_Event], kept: list[_Event], blocks: list[str], modules: dict[str, Any], end: _Event | None
) -> list[Place]:
    """Rows of a stack of blocks: each from its input to the next one's where a skip connection leads around it, else to its output."""
    entered = [e for e in events if e.key[0] == "in" and e.key[1] in blocks and e.shape is not None]
    order = [e.key for e in entered]
    closed = {e.key[1:] for e in kept if e.key[0] == "out" and e.key[1] in blocks}
    places: list[Place] = []

    def row(key: Key, block: Key) -> Place:
        # A single layer may stand at the beginning of a block that is no module of its own.
        more = " …" if not list(modules[block[1]].children()) else ""
        return Place(key, _called(block) + more, type(modules[block[1]]).__name__)

    for event in kept:
        key = event.key
        if key[0] == "out" and key[1] in blocks:
            places.append(row(key, key))
            continue
        position = order.index(key) if key in order else len(order)
        before = entered[position - 1] if position else None
        if before is not None and before.key[1:] not in closed:
            # A skip connection leads around the block: its row ends where the next one begins.
            if position < len(order):
                places.append(row(key, before.key))
            elif event.shape == before.shape:
                return [*places, row(key, before.key)]
        elif position < len(order):
            made = event.made_by
            name = (
                title(made)
                if made and title(made) not in [p.name for p in places]
                else "stem"
                if not places
                else f"transition {len(places)}"
            )
            kind = type(modules[made]).__name__ if made else "stem" if not places else "transition"
            places.append(Place(key, name, kind))
    last = entered[-1] if entered else None
    if last is not None and last.key[1:] not in closed and end is not None and end.shape == last.shape:
        places.append(row(end.key, last.key))
    return places


def course_of(model: Any, x: Any, layers: Any, restore: Any, generator: Any) -> Course:
    """The places at which a module is probed, found with a batch `x`, which may be a small one.

    Parameters
    ----------
    model : torch.nn.Module
        Within `untouched`.
    x : tensor of shape (batch, ...)
    layers : "auto", sequence of names, or a module class
        "auto" takes repeated blocks (residual blocks, transformer layers) if there are any, else all layers with weights that no skip connection
        bypasses.
    restore, generator
        As for `direct_ways`.

    Returns
    -------
    Course

    Raises
    ------
    ArgumentError
    """
    modules = dict(model.named_modules())
    kinds = {n: type(m).__name__ for n, m in modules.items()}
    weighted = [n for n, m in modules.items() if mixes(m) or is_recurrent(m)]
    automatic = isinstance(layers, str) and layers == "auto"
    if automatic:
        # The attention of torch multiplies by the weights of its last layer without calling it.
        weighted = [n for n in weighted if type(modules[n]).__name__ != "NonDynamicallyQuantizableLinear"]
        blocks = blocks_of(model)
        groups = [] if blocks else side_by_side(model)
        wanted = blocks or weighted
    elif isinstance(layers, type):
        wanted = [n for n, m in modules.items() if n and isinstance(m, layers)]
    else:
        wanted = [layers] if isinstance(layers, str) else list(layers)
        missing = [n for n in wanted if not isinstance(n, str) or n not in modules or not n]
        if missing:
            raise ArgumentError(
                f"`layers` must name modules of the model; {shown(missing[0])} is none of {', '.join(n for n in list(modules)[:20] if n)}"
            )
    if not wanted:
        raise ArgumentError(
            "`layers` finds nothing to probe in this model: name its modules, as in layers=['encoder.0', 'encoder.1']; for cells in a "
            "loop of your own there is recurrent_spectrum"
        )
    inference: list[str] = []
    events = _trace(model, x, {*wanted, *(n for g in groups for n in g)} if automatic else set(wanted), restore, inference)
    if automatic and not blocks and (again := repeated(modules, events)):
        groups = [again, *groups]
        events = _trace(model, x, {*wanted, *(n for g in groups for n in g)}, restore, inference)
    if inference:
        raise ArgumentError(
            f"`model` runs {inference[0]} under torch.inference_mode, which cuts all derivatives: take @torch.inference_mode() off its forward "
            "(torch.no_grad() may stay), or probe the module inside of it"
        )
    flags = _conventions(model, events, len(x))
    reached = {e.key[1] for e in events if e.key[0] != "in"}
    idle = [n for n in wanted if n not in reached]
    if automatic and 0 < len(idle) < len(wanted):
        flags.append(Flag(Kind.UNREACHED, Severity.NOTE, {"layers": len(idle)}, tuple(title(n) for n in idle[:3])))
        wanted = [n for n in wanted if n in reached]
        blocks, weighted = [n for n in blocks if n in reached], [n for n in weighted if n in reached]
    elif idle:
        raise ArgumentError(
            f"`layers`: {idle[0] or 'model'} was not reached by this input: name the layers that are, as in layers={[n for n in wanted if n in reached][:2]}"
        )
    start = None
    if not x.is_floating_point():
        # Tokens have no differences: they enter where the first real numbers are made.
        start = next((e.key for e in events if e.shape and e.shape[0] == len(x) and e.key[0] != "in"), None)
        if start is None:
            raise ArgumentError("`inputs` are whole numbers, and the model makes no real numbers of them in any of its modules")
    begin = x if start is None else next(e.tensor for e in events if e.key == start)
    end = next((e for e in reversed(events) if e.key == ("out", "", 0, 0) and e.shape), None)

    def stack_of(names: list[str]) -> list[Place]:
        found = _stream(events, names, begin)
        if len(found) > 1 and not is_chain(model, names):
            ways = dominators(direct_ways(model, x, start, [e.key for e in found], restore, generator))
            found = [e for i, e in enumerate(found) if ways[i + 1, -1]]
        return _block_places(events, found, names, modules, end)

    def made_by(names: list[str]) -> list[_Event]:
        found = [e for e in events if e.key[1] in names and e.key[0] == ("layer" if is_recurrent(modules[e.key[1]]) else "out")]
        return [e for e in found if e.key != start] or found

    def outside(places: list[Place], names: list[str]) -> list[Key]:
        return layers_outside(
            {e.key: i for i, e in enumerate(events)}, [e.key for e in made_by(weighted)], [p.key for p in places], names
        )

    def told(left: list[Key], most: bool) -> list[Flag]:
        severity = Severity.INVALID if most else Severity.NOTE
        return [Flag(Kind.OUTSIDE, severity, {"layers": len(left)}, tuple(title(k[1]) for k in left[:3]))] if left else []

    if automatic and blocks:
        places = stack_of(blocks)
        if len(places) >= 2:
            left = outside(places, blocks)
            if len(left) < max(2, len(places)):
                # A head of one or two layers belongs to what the network is used for.
                return Course(start, places, flags + told(left if len(left) > 2 else [], False))
            both = [*blocks, *(n for n in weighted if not within(n, blocks))]
            rows = [e for e in made_by(both) if e.shape is not None]
            if (
                is_chain(model, both)
                or dominators(direct_ways(model, x, start, [e.key for e in rows], restore, generator))[1:-1, -1].all()
            ):
                return Course(start, [_listed(e.key, kinds) for e in rows], flags)
            return Course(start, places, flags + told(left, True))
        wanted = weighted
    listed = made_by(wanted)
    empty = next((e for e in listed if e.shape is None), None)
    if empty is not None:
        raise ArgumentError(
            f"`layers`: {empty.key[1] or 'model'} gives no real numbers, and only these have differences: name layers that do"
        )
    if len(listed) < 2 or is_chain(model, wanted):
        return Course(start, [_listed(e.key, kinds) for e in listed], flags)
    ways = dominators(direct_ways(model, x, start, [e.key for e in listed], restore, generator))
    inside = ways[1:-1, -1]
    if automatic and not inside.all():
        places, group = max(((stack_of(g), g) for g in groups), key=lambda found: len(found[0]), default=([], []))
        left = outside(places, group) if len(places) >= 2 else []
        if len(places) >= 2 and len(left) < len(places):
            return Course(start, places, flags + told(left if len(left) > 2 else [], False))
        if inside.sum() >= 2:
            few = 2 * int(inside.sum()) <= len(inside)  # what lies between the places is then most of the network
            where = (title(listed[int(np.argmin(inside))].key[1]),)
            flags.append(Flag(Kind.BRANCHES, Severity.INVALID if few else Severity.NOTE, {"layers": int((~inside).sum())}, where))
            return Course(start, [_listed(e.key, kinds) for e, kept in zip(listed, inside, strict=True) if kept], flags)
    alone = [bool(ways[i, i + 1]) for i in range(len(listed))]
    places = [_listed(e.key, kinds, own) for e, own in zip(listed, alone, strict=True)]
    past = [p.name for p in places if not p.measured]
    if past or not inside.all():
        flags.append(Flag(Kind.BYPASSED, Severity.INVALID, {"layers": len(past)}, tuple(past)))
    return Course(start, places, flags)


def _conventions(model: Any, events: list[_Event], batch: int) -> list[Flag]:
    """Modules that take time as their first dimension: rows of the batch are then steps of time."""
    modules = dict(model.named_modules())
    found = [
        e.key[1] or "model"
        for e in events
        if e.key[0] == "in" and e.shape is not None and len(e.shape) == 3 and e.shape[0] == batch
        and getattr(modules[e.key[1]], "batch_first", True) is False
    ]  # fmt: skip
    return [Flag(Kind.TIME_FIRST, Severity.NOTE, {}, (found[0],))] if found else []
