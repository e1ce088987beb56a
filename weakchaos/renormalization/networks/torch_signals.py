"""Signals and differences in a torch module, for the probe: one plain pass, and two passes for all differences together.

A difference is the tangent of a dual number. It is read at each place, and for the response of a single layer it is replaced there by a fresh random one,
so that a single pass measures every layer. No Jacobian is built. With `torch.vmap` the activations are computed once and carry all differences along; if a
module has an operation that `torch.vmap` does not support, the differences are moved one after another.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.core.flags import Flag, Kind, Severity
from weakchaos.renormalization.networks.signals import Recording, weight_summary
from weakchaos.renormalization.networks.torch import checked_inputs, fixed_batch, plain_module, square
from weakchaos.renormalization.networks.torch_checks import judged, random_flags, rounding_errors
from weakchaos.renormalization.networks.torch_output import deepest_output
from weakchaos.renormalization.networks.torch_places import Course, course_of, mixes
from weakchaos.renormalization.networks.torch_recurrent import recurrence_exponent
from weakchaos.renormalization.networks.torch_state import moment, untouched
from weakchaos.renormalization.networks.torch_walk import Key, put, walk

__all__ = ["FAILURES", "record_module", "refused"]

FAILURES = (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError, AttributeError, KeyError, AssertionError)
_LARGE = 2_000_000  # numbers in the probed outputs
_FEW = 8  # inputs on which derivatives are held against differences
_ROUNDS = 4  # of the search for paths that only some inputs take


def refused(error: Exception, x: Any) -> ArgumentError:
    """The error for inputs that a module refused, with its message, the shape of the inputs, and advice."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    advice = ""
    if "positional argument" in text:
        advice = "; wrap it in a module whose forward(self, x) passes the other arguments on, and probe that"
    elif "jvp function" in text:
        advice = "; write its forward pass with operations of torch, which have forward derivatives, or give the Function a jvp"
    return ArgumentError(f"`model` refused `inputs` of shape {tuple(x.shape)}: {text}{advice}")


def _in_range(tangent: Any, size: Any, fresh: Any) -> Any:
    """`tangent`, back at unit size where it nears overflow or loss; a difference that died starts afresh.

    Elsewhere it is left alone, since what passed a layer by on a skip connection adds up with it later.
    """
    import torch

    shape = (-1,) + (1,) * (tangent.ndim - 1)
    far = ((size > 1e16) | (size < 1e-16)) & (size > 0)
    scale = torch.where(far, size.sqrt(), torch.ones_like(size)).to(tangent.dtype)
    return torch.where((size == 0).reshape(shape), fresh, tangent / scale.reshape(shape))


def record_module(model: Any, inputs: Any, directions: int, seed: int, layers: Any = "auto", training: bool = False) -> Recording:
    """Run a batch and its differences through a module.

    Parameters
    ----------
    model : torch.nn.Module
    inputs : array or tensor of shape (batch, ...)
    directions : int
    seed : int
    layers
        As for `course_of`.
    training : bool
        Probe in training mode (dropout and batch statistics on); evaluation mode by default.

    Returns
    -------
    Recording

    Raises
    ------
    ArgumentError, ArgumentTypeError
    """
    import torch

    model = plain_module(model)
    x = checked_inputs(model, inputs)
    with untouched(model, training):
        x = x.clone()
        generator = torch.Generator(device=x.device)
        generator.manual_seed(seed)
        size = fixed_batch(model)
        try:
            deepest_output(model, x[:2] if size is None else x[torch.arange(size, device=x.device) % len(x)])
            if size is None or size == len(x):
                return _record(model, x, directions, generator, layers, training, size is not None)
            # A program of fixed batch size gets batches of that size, the last filled up with the first inputs.
            filled = x[torch.arange(math.ceil(len(x) / size) * size, device=x.device) % len(x)]
            parts = [
                _record(model, filled[i : i + size], directions, generator, layers, training, True)
                for i in range(0, len(filled), size)
            ]
        except ArgumentError:
            raise
        except FAILURES as error:
            raise refused(error, x) from error
        return _joined(parts, len(x))


def _joined(parts: list[Recording], batch: int) -> Recording:
    """Recordings of several batches as one of the first `batch` inputs."""
    first = parts[0]
    rows = range(len(first.names))
    flags = {(f.kind, f.where): f for part in parts for f in part.flags}
    return Recording(
        first.names,
        [np.concatenate([p.outputs[i] for p in parts])[:batch] for i in rows],
        [(np.min([p.extremes[i][0] for p in parts], 0), np.max([p.extremes[i][1] for p in parts], 0)) for i in rows],
        np.concatenate([p.response for p in parts], 2)[:, :, :batch],
        np.concatenate([p.growth for p in parts], 2)[:, :, :batch],
        first.weights,
        float(np.mean([p.input_q for p in parts])),
        first.kinds,
        [max(p.rounding[i] for p in parts) for i in rows],
        [all(p.measured[i] for p in parts) for i in rows],
        [tuple(np.mean([p.recurrence[i] for p in parts], 0).tolist()) for i in rows],
        list(flags.values()),
    )


def _signals(model: Any, x: Any, course: Course, restore: Any) -> tuple[list[Any], dict[int, Any]]:
    """One plain pass: what stands at the start and at each place, and what enters the module or the recurrent layer of each; all copies."""
    import torch

    index = {p.key: i for i, p in enumerate(course.places)}
    entered: dict[int, Any] = {}
    outputs: dict[int, Any] = {} if course.start is not None else {-1: x.clone()}

    def visit(key: Key, tensor: Any) -> None:
        if key == course.start and tensor is not None:
            outputs[-1] = tensor.detach().clone()
        if key[0] == "in" and tensor is not None:
            behind = ("out", *key[1:]) if key[3] == 0 else ("layer", key[1], key[2], key[3] - 1)
            if behind in index:
                entered[index[behind]] = tensor.detach().clone()
        if key in index:
            name = course.places[index[key]].name
            if tensor is None or len(tensor) != len(x):
                made = "no real tensor" if tensor is None else f"shape {tuple(tensor.shape)}"
                raise ArgumentError(
                    f"`layers`: {name} gives {made} for {len(x)} inputs, and not one row for each: name other layers"
                )
            if tensor.dtype.itemsize < 4:
                raise ArgumentError(
                    f"`model` computes {name} in half precision, in which small differences drown in rounding: take torch.autocast out of its forward "
                    "pass, and call probe outside of it"
                )
            if not bool(torch.isfinite(tensor).all()):
                raise ArgumentError(f"`model` makes numbers that are not finite at {name}")
            outputs[index[key]] = tensor.detach().clone()

    walk(model, x.clone(), course.watched, visit, restore)
    missing = next((p.name for i, p in enumerate(course.places) if i not in outputs), None)
    if missing is not None:
        raise ArgumentError(f"`layers`: {missing} was not reached by this input: name others")
    return [outputs[i] for i in range(-1, len(course.places))], entered


def _record(
    model: Any,
    x: Any,
    directions: int,
    generator: Any,
    layers: Any,
    training: bool,
    whole: bool,
    looked: tuple[int, ...] = (0, 1),
    rounds: int = 1,
) -> Recording:
    import torch
    from torch.autograd import forward_ad

    restore = moment(model)
    small = x if whole else x[list(looked)]
    # A stream of its own: the differences of a probe do not depend on how the module is written.
    other = torch.Generator(device=x.device)
    other.manual_seed(0)
    try:
        course = course_of(model, small, layers, restore, other)
    except ArgumentError:
        raise
    except FAILURES:
        if len(small) == len(x):
            raise
        course = course_of(model, x, layers, restore, other)  # the module may ask for a certain batch size
    outputs, entered = _signals(model, x, course, restore)
    places, start = course.places, course.start
    index = {p.key: i + 1 for i, p in enumerate(places)}

    def ratios(renew: bool, noise: list[Any]) -> Any:
        """Growth of the mean square at each place; one difference."""
        found: list[Any] = []
        before = [square(noise[0])]

        def visit(key: Key, tensor: Any) -> Any:
            if key == start:
                return put(key, tensor, forward_ad.make_dual(tensor.clone(), noise[0]))
            if key not in index:
                return None
            dual, own = forward_ad.unpack_dual(tensor), noise[index[key]]
            tangent = torch.zeros_like(own) if dual.tangent is None else dual.tangent.clone()
            size = square(tangent)
            found.append(size / before[0])
            tangent = own if renew else _in_range(tangent, size, own)
            before[0] = square(tangent)
            return put(key, tensor, forward_ad.make_dual(dual.primal.clone(), tangent))

        with forward_ad.dual_level():
            walk(model, forward_ad.make_dual(x.clone(), noise[0]) if start is None else x.clone(), course.watched, visit, restore)
            return torch.stack(found)

    def together(renew: bool, noise: list[Any]) -> Any:
        """The same for all differences at once. What stands at each place gets a summand of zero whose tangent is the place's noise."""

        # Made outside of the map, so that the activations are the same for all differences and computed once.
        zeros = tuple(torch.zeros_like(t) for t in outputs)

        def squares(*tangents: Any) -> Any:
            def passed(*zeros: Any) -> Any:
                seen: list[Any] = []

                def visit(key: Key, tensor: Any) -> Any:
                    if key == start:
                        return put(key, tensor, tensor + zeros[0])
                    if key not in index:
                        return None
                    # What comes later may work in place: what is kept and what is handed on are two tensors.
                    if key[0] == "in":
                        seen.append(tensor.clone())
                        return put(key, tensor, tensor.detach() + zeros[index[key]]) if renew else None
                    seen.append(tensor)
                    # Without its tangent what stands at a place starts anew; the sum of both is what is passed on.
                    return tensor.detach() + zeros[index[key]] if renew else tensor.clone()

                walk(model, x + zeros[0] if start is None else x.clone(), course.watched, visit, restore)
                return tuple(seen)

            moved = torch.func.jvp(passed, zeros, tangents)[1]
            return torch.stack([square(t) for t in moved])

        values = torch.vmap(squares, randomness="same")(*noise)
        own = torch.stack([torch.stack([square(d) for d in t]) for t in noise[:-1]], 1)
        before = own if renew else torch.cat([own[:, :1], values[:, :-1]], 1)
        if not bool(torch.isfinite(values).all()) or not bool((values > 1e-30).all()):
            raise RuntimeError("differences overflow or vanish on the way: they must be brought back to size")
        return values / before

    # Carrying all along saves the overhead of many small steps; large images are faster one difference after the other.
    large = sum(t.numel() for t in outputs) > _LARGE
    tables: list[np.ndarray] = []
    kept_noise: list[Any] = []
    for renew in (True, False):
        noise = [torch.randn((directions, *t.shape), generator=generator, dtype=t.dtype, device=t.device) for t in outputs]
        kept_noise = [n[0] for n in noise] if renew else kept_noise
        try:
            if large:
                raise RuntimeError("one after the other")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of operations that are mapped one by one
                values = together(renew, noise)
        except FAILURES:
            values = torch.stack([ratios(renew, [n[d] for n in noise]) for d in range(directions)])
        tables.append(values.cpu().numpy().transpose(1, 0, 2))
    response, growth = tables
    with np.errstate(divide="ignore"):
        growth = 0.5 * np.log(growth)
    flags = list(course.flags)
    few = x if whole or training else _alone(model, x, course, outputs, restore)
    first = [t[: len(few)] for t in outputs]
    noise = [n[: len(few)] for n in kept_noise]
    try:
        judgement, apart = judged(model, few, course, first, noise, response, growth, restore)
    except FAILURES as error:
        what = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
        judgement, apart = [Flag(Kind.UNCHECKED, Severity.NOTE, {}, (what,))], []
    new = [b for b in apart if b not in looked][:4]
    if new and rounds < _ROUNDS and len(small) < len(x):
        # Inputs may decide which layers they pass, as in a mixture of experts: the paths are sought again with those that passed others.
        return _record(model, x, directions, generator, layers, training, whole, (*looked, *new), rounds + 1)
    flags += judgement
    if judgement and all(f.kind is Kind.CUT for f in judgement) and np.isnan(response).all():
        raise ArgumentError(
            f"`model` lets no derivative through to {judgement[0].where[0]}, although differences do go through it: detach(), "
            "inference_mode or a detour through NumPy cuts it off; take these out of its forward pass"
        )
    rounding = rounding_errors(model, few, course, first, generator, restore)
    flags += [] if training else _fresh_normalisation(model) + random_flags(model, few, course, restore)
    return _recording(model, course, outputs, entered, response, growth, rounding, flags, x, generator, directions)


def _alone(model: Any, x: Any, course: Course, outputs: list[Any], restore: Any) -> Any:
    """The first few inputs; all, if in a smaller batch they have other activations, as under batch statistics, or are refused."""
    few = x[: max(2, min(_FEW, len(x) // 4))]
    try:
        again, _ = _signals(model, few, course, restore)
    except FAILURES:
        return x
    pairs = [(a.double(), b[: len(few)].double()) for a, b in zip(again, outputs, strict=True)]
    return few if all(float((a - b).pow(2).mean()) <= 1e-6 * float(b.pow(2).mean()) for a, b in pairs) else x


def _fresh_normalisation(model: Any) -> list[Flag]:
    """Batch normalisation whose running statistics are still 0 and 1."""
    fresh = [
        name or "model"
        for name, m in model.named_modules()
        if getattr(m, "track_running_stats", False)
        and getattr(m, "running_mean", None) is not None
        and bool((m.running_mean == 0).all())
        and bool((m.running_var == 1).all())
    ]
    return [Flag(Kind.FRESH_BATCH_NORM, Severity.NOTE, {"layers": len(fresh)}, tuple(fresh[:3]))] if fresh else []


def _recording(
    model: Any, course: Course, outputs: list[Any], entered: dict[int, Any], response: np.ndarray, growth: np.ndarray,
    rounding: list[float], flags: list[Flag], x: Any, generator: Any, directions: int,
) -> Recording:  # fmt: skip
    import torch

    def plain(t: Any) -> np.ndarray:
        return np.asarray(t.double().cpu())

    modules = dict(model.named_modules())
    made = [plain(t) for t in outputs[1:]]
    extremes, weights, recurrence = [], [], []
    for i, place in enumerate(course.places):
        after = entered.get(i + 1)
        after = made[i] if after is None or len(after) != len(x) else plain(after)
        extremes.append((after.min(0), after.max(0)))
        module = modules.get(place.module or "") if place.module is not None else None
        weight = None if module is None or not mixes(module) else getattr(module, "weight", None)
        if weight is not None and weight.ndim >= 2:
            bias = getattr(module, "bias", None)
            matrix = plain(weight.detach()).reshape(len(weight), -1)
            weights.append(weight_summary(matrix, None if bias is None else plain(bias.detach())))
        else:
            # A head of several modules is given what its first matrix is given.
            inner = () if module is None else module.modules()
            weights.append({"fan_in": next((m.in_features for m in inner if isinstance(m, torch.nn.Linear)), 0)})
        layer = place.key[0] == "layer"
        recurrence.append(
            recurrence_exponent(modules[place.key[1]], place.key[3], entered[i], directions, generator)
            if layer
            else (math.nan, math.nan, math.nan)
        )
    short = [p.name for p, r in zip(course.places, recurrence, strict=True) if p.key[0] == "layer" and math.isnan(r[0])]
    # Layers without a map forward in time have no exponent of recurrence.
    both = sorted({p.name for p in course.places if p.key[0] == "layer" and modules[p.key[1]].bidirectional})
    if both:
        flags = [*flags, Flag(Kind.BIDIRECTIONAL, Severity.NOTE, {}, tuple(both[:3]))]
    elif short:
        flags = [*flags, Flag(Kind.SHORT_SEQUENCE, Severity.NOTE, {}, tuple(short[:3]))]
    return Recording(
        [p.name for p in course.places],
        made,
        extremes,
        response,
        growth,
        weights,
        float((x.double() ** 2).mean()) if x.is_floating_point() else math.nan,
        [p.kind for p in course.places],
        rounding,
        [p.measured for p in course.places],
        recurrence,
        flags,
    )
