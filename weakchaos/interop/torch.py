"""PyTorch modules: recording signals and differences in one forward pass each, by hooks and forward-mode differentiation.

A difference is the tangent of a dual number. Where a layer's output passes its hook, the tangent is read, and for the layer's own response it is
replaced by a fresh random one, so that a single pass measures every layer. No Jacobian is built. Mode, gradient flags and the state of the
random generators are as before when a probe is done, and the model's parameters are never touched.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.renormalization.signals import Recording, weight_summary

__all__ = ["activation_of", "is_module", "probed_layers", "record_module", "untouched"]


def is_module(model: Any) -> bool:
    """Whether `model` is a torch module; torch is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


@contextlib.contextmanager
def untouched(model: Any, training: bool = False) -> Iterator[None]:
    """Run with the model in evaluation mode (or training mode); mode, gradient flags, buffers and random state are restored."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    modes = {m: m.training for m in model.modules()}
    flags = {p: p.requires_grad for p in model.parameters()}
    buffers = {name: b.clone() for name, b in model.named_buffers()}
    state, fast = torch.get_rng_state(), torch.backends.mha.get_fastpath_enabled()
    try:
        torch.backends.mha.set_fastpath_enabled(False)
        model.train(training)
        for p in flags:
            p.requires_grad_(False)
        # Fused attention has no forward derivative.
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.set_rng_state(state)
        torch.backends.mha.set_fastpath_enabled(fast)
        for m, mode in modes.items():
            m.training = mode
        for p, flag in flags.items():
            p.requires_grad_(flag)
        with torch.no_grad():
            for name, b in model.named_buffers():
                b.copy_(buffers[name])


def _mixing(torch: Any) -> tuple[type, ...]:
    nn = torch.nn
    convolutions = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    return (nn.Linear, nn.Bilinear, *convolutions)


def _mixes(module: Any, torch: Any) -> bool:
    """Whether a module mixes its inputs by a matrix of its own; modules of an exported program have lost their classes."""
    if isinstance(module, _mixing(torch)):
        return True
    weight = module._parameters.get("weight")
    exported = type(module).__module__.startswith("torch.export")
    return exported and weight is not None and weight.ndim >= 2


def _blocks(model: Any) -> list[tuple[str, Any]]:
    """Repeated blocks of one class, each of several modules: residual blocks, transformer layers."""
    best: list[tuple[str, Any]] = []
    found: dict[type, list[tuple[str, Any]]] = {}
    inside: set[str] = set()
    for name, module in model.named_modules():
        if not name or any(name.startswith(f"{p}.") for p in inside):
            continue
        children = list(module.children())
        plain = type(module).__module__.startswith("torch.nn.modules.container")
        if len(children) >= 2 and not plain:
            inside.add(name)
            found.setdefault(type(module), []).append((name, module))
    for group in found.values():
        best = group if len(group) > len(best) else best
    return best if len(best) >= 2 else []


def probed_layers(model: Any, layers: Any = "auto") -> list[tuple[str, Any]]:
    """Names and modules whose outputs a probe reads.

    Parameters
    ----------
    model : torch.nn.Module
    layers : "auto", sequence of names, or a module class
        By default repeated blocks of one class (residual blocks, transformer layers) where there are any, else all layers with weights.

    Returns
    -------
    list of (str, torch.nn.Module)

    Raises
    ------
    ArgumentError
    """
    import torch

    named = {n: m for n, m in model.named_modules() if n}
    if isinstance(layers, str) and layers == "auto":
        found = _blocks(model) or [(n, m) for n, m in named.items() if _mixes(m, torch)]
        if not found and isinstance(model, _mixing(torch)):
            found = [("model", model)]
    elif isinstance(layers, type):
        found = [(n, m) for n, m in named.items() if isinstance(m, layers)]
    else:
        wanted = [layers] if isinstance(layers, str) else list(layers)
        missing = [n for n in wanted if n not in named]
        if missing:
            raise ArgumentError(
                f"`layers` must name modules of the model; {shown(missing[0])} is none of {', '.join(list(named)[:20])}"
            )
        found = [(n, named[n]) for n in wanted]
    if not found:
        raise ArgumentError(
            "`layers` finds nothing to probe in this model: name its modules, as in layers=['encoder.0', 'encoder.1']"
        )
    return found


def _tensor_of(output: Any) -> Any:
    """The tensor of a layer's output; recurrent layers give (output, state)."""
    while isinstance(output, tuple | list):
        output = output[0]
    return output


def _replaced(output: Any, new: Any) -> Any:
    if isinstance(output, tuple | list):
        return type(output)((_replaced(output[0], new), *output[1:]))
    return new


def _checked_inputs(model: Any, inputs: Any) -> Any:
    import torch

    x = inputs if isinstance(inputs, torch.Tensor) else torch.as_tensor(np.asarray(inputs))
    parameters = list(model.parameters())
    kinds = {p.dtype for p in parameters if p.is_floating_point()}
    if kinds & {torch.float16, torch.bfloat16}:
        raise ArgumentError(
            "`model` is in half precision, in which small differences drown in rounding: probe model.float(), or a copy of it"
        )
    devices = {p.device for p in parameters}
    if isinstance(inputs, torch.Tensor) and devices and x.device not in devices:
        raise ArgumentError(
            f"`inputs` must be on a device of the model, {', '.join(sorted(map(str, devices)))}; they are on {x.device}: use inputs.to(...)"
        )
    if devices:
        x = x.to(next(iter(devices)))
    if x.is_floating_point() and kinds:
        x = x.to(next(iter(kinds)))
    elif x.dtype not in (torch.int32, torch.int64) and not x.is_floating_point():
        raise ArgumentTypeError(f"`inputs` must hold real numbers or token numbers; got {x.dtype}")
    if x.ndim < 1 or len(x) < 2:
        raise ArgumentError(
            f"`inputs` must be a batch of at least 2, as correlations are between inputs; got shape {tuple(x.shape)}"
        )
    if x.is_floating_point() and not bool(torch.isfinite(x).all()):
        raise ArgumentError("`inputs` must be finite")
    return x.detach()


def _square(v: Any) -> Any:
    return (v.reshape(len(v), -1).double() ** 2).mean(1)


def _in_range(tangent: Any, square: Any, fresh: Callable[[Any], Any]) -> Any:
    """`tangent`, back at unit size where it nears overflow or loss; a difference that died starts afresh.

    Elsewhere it is left alone, since what passed a layer by on a skip connection adds up with it later.
    """
    import torch

    far = (square > 1e16) | (square < 1e-16)
    if not bool(far.any()):
        return tangent
    shape = (-1,) + (1,) * (tangent.ndim - 1)
    size = torch.where(far & (square > 0), square.sqrt(), torch.ones_like(square)).to(tangent.dtype)
    return torch.where((square == 0).reshape(shape), fresh(tangent), tangent / size.reshape(shape))


def record_module(model: Any, inputs: Any, directions: int, seed: int, layers: Any = "auto", training: bool = False) -> Recording:
    """Run a batch and its differences through a module.

    Parameters
    ----------
    model : torch.nn.Module
    inputs : array or tensor of shape (batch, ...)
    directions : int
    seed : int
    layers
        As for `probed_layers`.
    training : bool
        Probe in training mode (dropout and batch statistics on); evaluation mode by default.

    Returns
    -------
    Recording
    """
    import torch
    from torch.autograd import forward_ad

    x = _checked_inputs(model, inputs)
    taps = probed_layers(model, layers)
    names = [n for n, _ in taps]
    count = len(taps)
    generator = torch.Generator(device=x.device)
    generator.manual_seed(seed)

    def fresh(like: Any) -> Any:
        return torch.randn(like.shape, generator=generator, dtype=like.dtype, device=like.device)

    outputs: dict[int, Any] = {}
    features: dict[int, Any] = {}
    order: list[int] = []

    def run(argument: Any, on_output: Callable[[int, Any], Any], on_input: Callable[[int, Any], None] | None = None) -> None:
        handles = []
        try:
            for k, (_, module) in enumerate(taps):
                handles.append(module.register_forward_hook(lambda m, a, out, k=k: on_output(k, out)))
                if on_input is not None:
                    handles.append(module.register_forward_pre_hook(lambda m, a, k=k: on_input(k, a)))
            try:
                model(argument)
            except ArgumentError:
                raise
            except (RuntimeError, ValueError, TypeError, IndexError) as error:
                text = str(error).splitlines()[0] if str(error) else type(error).__name__
                raise ArgumentError(f"`model` refused `inputs` of shape {tuple(x.shape)}: {text}") from error
        finally:
            for handle in handles:
                handle.remove()

    def keep(k: int, out: Any) -> None:
        value = _tensor_of(out)
        if not value.is_floating_point():
            raise ArgumentError(f"`layers`: {names[k]} gives {value.dtype}, and only real outputs have differences")
        if not bool(torch.isfinite(value).all()):
            raise ArgumentError(f"`model` makes numbers that are not finite at {names[k]}")
        if k in outputs:
            raise ArgumentError(f"`layers`: {names[k]} runs more than once in a pass, so it is no single layer: name others")
        outputs[k] = value.detach()
        order.append(k)

    def keep_input(k: int, arguments: Any) -> None:
        if arguments and isinstance(arguments[0], torch.Tensor):
            features[k] = arguments[0].detach()

    with untouched(model, training), forward_ad.dual_level():
        run(x, keep, keep_input)
        if len(order) < count:
            idle = next(n for k, n in enumerate(names) if k not in outputs)
            raise ArgumentError(f"`layers`: {idle} was not reached by this input")
        place = {k: i for i, k in enumerate(order)}
        response = np.full((count, directions, len(x)), np.nan)
        growth = np.full((count, directions, len(x)), np.nan)
        for d in range(directions):
            for renew, table in ((True, response), (False, growth)):
                before: dict[str, Any] = {"square": None}
                argument = x
                if x.is_floating_point():
                    v = fresh(x)
                    before["square"] = _square(v)
                    argument = forward_ad.make_dual(x, v)

                def pass_on(
                    k: int, out: Any, renew: bool = renew, table: np.ndarray = table, before: dict = before, d: int = d
                ) -> Any:
                    value = _tensor_of(out)
                    dual = forward_ad.unpack_dual(value)
                    tangent = dual.tangent
                    i = place[k]
                    square = None if tangent is None else _square(tangent)
                    if square is not None and before["square"] is not None:
                        ratio = (square / before["square"]).cpu().numpy()
                        with np.errstate(divide="ignore"):
                            table[i, d] = ratio if renew else 0.5 * np.log(ratio)
                    if renew or tangent is None:
                        tangent = fresh(dual.primal)
                    else:
                        tangent = _in_range(tangent, square, fresh)
                    before["square"] = _square(tangent)
                    return _replaced(out, forward_ad.make_dual(dual.primal, tangent))

                run(argument, pass_on)
    return _recording(taps, order, outputs, features, response, growth, x)


def _recording(taps: Any, order: list[int], outputs: Any, features: Any, response: Any, growth: Any, x: Any) -> Recording:
    import torch

    def plain(t: Any) -> np.ndarray:
        return t.double().cpu().numpy()

    made = [plain(outputs[k]) for k in order]
    after = [
        plain(features[order[i + 1]])
        if i + 1 < len(order) and order[i + 1] in features and len(features[order[i + 1]]) == len(x)
        else made[i]
        for i in range(len(order))
    ]
    weights: list[dict[str, Any]] = []
    for k in order:
        module = taps[k][1]
        weight = getattr(module, "weight", None)
        if _mixes(module, torch) and weight is not None and weight.ndim >= 2:
            matrix = plain(weight.detach()).reshape(len(weight), -1)
            bias = getattr(module, "bias", None)
            weights.append(weight_summary(matrix, None if bias is None else plain(bias.detach())))
        else:
            weights.append({})
    return Recording(
        [taps[k][0] for k in order],
        made,
        after,
        response,
        growth,
        weights,
        float((x.double() ** 2).mean()) if x.is_floating_point() else float("nan"),
        [type(taps[k][1]).__name__ for k in order],
    )


_ACTIVATIONS = {
    "Tanh": "tanh",
    "ReLU": "relu",
    "GELU": "gelu",
    "SiLU": "swish",
    "ELU": "elu",
    "Hardtanh": "hard-tanh",
    "Softplus": "softplus",
    "Sigmoid": "sigmoid",
    "Identity": "linear",
}


def activation_of(model: Any) -> str | None:
    """The name of the activation that the module uses most among its children; None where it has none of the known."""
    names = [
        _ACTIVATIONS[type(m).__name__]
        for m in model.modules()
        if type(m).__name__ in _ACTIVATIONS and type(m).__name__ != "Identity"
    ]
    return max(set(names), key=names.count) if names else None


def _weighted(named: list[tuple[str, Any]]) -> None:
    for name, module in named:
        weight = getattr(module, "weight", None)
        if weight is None or weight.ndim < 2:
            raise ArgumentError(
                f"`layers`: {name} ({type(module).__name__}) has no weights of its own to scale: probe the layers inside of it, as in layers=torch.nn.Linear"
            )


def scale_weights(model: Any, names: list[str], factors: np.ndarray) -> None:
    """Multiply the weights of the named layers, in place; biases stay."""
    import torch

    named = dict(model.named_modules())
    layers = [(n, named.get(n, model)) for n in names]
    _weighted(layers)
    shared: dict[int, str] = {}
    for name, module in layers:
        other = shared.setdefault(module.weight.data_ptr(), name)
        if other != name:
            raise ArgumentError(f"`model` shares the weights of {name} with {other}: they cannot have two gains")
    with torch.no_grad():
        for (_, module), g in zip(layers, factors, strict=True):
            module.weight.mul_(float(g))


def sequential_gains(
    model: Any, inputs: Any, layers: Any, directions: int, seed: int, training: bool = False
) -> tuple[np.ndarray, list[str]]:
    """Gains that make the response of each layer 1 with those before it applied; in one pass, in the order in which layers run."""
    import torch
    from torch.autograd import forward_ad

    x = _checked_inputs(model, inputs)
    if not x.is_floating_point():
        raise ArgumentError("`inputs` are tokens: gains are for models of real inputs")
    taps = probed_layers(model, layers)
    _weighted(taps)
    generator = torch.Generator(device=x.device)
    generator.manual_seed(seed)

    def fresh(like: Any) -> Any:
        return torch.randn(like.shape, generator=generator, dtype=like.dtype, device=like.device)

    gains: list[float] = []
    names: list[str] = []

    def hook(module: Any, arguments: Any, out: Any, name: str = "") -> Any:
        value = _tensor_of(out)
        dual = forward_ad.unpack_dual(value)
        if dual.tangent is None:
            raise ArgumentError(f"`layers`: no difference reaches {name}")
        size = (fresh_square[0]).mean()
        chi = float(_square(dual.tangent).mean() / size)
        if not chi > 0:
            raise ArgumentError(f"`model` stretches no difference in {name}: no gain makes its chi 1")
        g = 1.0 if not gains else chi**-0.5
        gains.append(g)
        names.append(name)
        bias = getattr(module, "bias", None)
        offset = (
            0.0
            if bias is None
            else bias.reshape((-1,) + (1,) * (dual.primal.ndim - 2))
            if dual.primal.ndim > 2 and not isinstance(module, torch.nn.Linear)
            else bias
        )
        tangent = fresh(dual.primal)
        fresh_square[0] = _square(tangent)
        return _replaced(out, forward_ad.make_dual((dual.primal - offset) * g + offset, tangent))

    # Several directions at once: the batch is repeated, each copy with its own differences.
    many = torch.cat([x] * directions)
    handles = [m.register_forward_hook(lambda m, a, o, n=n: hook(m, a, o, n)) for n, m in taps]
    try:
        with untouched(model, training), forward_ad.dual_level():
            v = fresh(many)
            fresh_square = [_square(v)]
            model(forward_ad.make_dual(many, v))
    finally:
        for handle in handles:
            handle.remove()
    place = dict(zip(names, gains, strict=True))
    missing = [n for n, _ in taps if n not in place]
    if missing:
        raise ArgumentError(f"`layers`: {missing[0]} was not reached by this input")
    return np.array(gains), names


def frames_through(model: Any, x: Any, frame: np.ndarray, layers: Any = "auto") -> Iterator[np.ndarray]:
    """R of each layer's QR step, for the differences `frame` of shape (inputs, k) at one input.

    The input is repeated k times and each copy carries one difference, so that a single pass moves the whole frame.
    """
    import torch
    from torch.autograd import forward_ad

    k = frame.shape[1]
    one = x if isinstance(x, torch.Tensor) else torch.as_tensor(np.asarray(x))
    many = _checked_inputs(model, torch.cat([one] * max(k, 2)))
    taps = probed_layers(model, layers)
    tangents = torch.as_tensor(frame.T.copy(), dtype=many.dtype, device=many.device).reshape(k, *many.shape[1:])
    if k == 1:
        tangents = torch.cat([tangents, torch.zeros_like(tangents)])
    found: list[np.ndarray] = []

    def hook(module: Any, arguments: Any, out: Any) -> Any:
        dual = forward_ad.unpack_dual(_tensor_of(out))
        moved = dual.tangent[:k].reshape(k, -1).double().T
        q, r = torch.linalg.qr(moved)
        found.append(r.cpu().numpy())
        if q.shape[1] < k:
            q = torch.cat([q, torch.zeros(len(q), k - q.shape[1], dtype=q.dtype)], 1)
        new = q.T.reshape(dual.primal[:k].shape).to(dual.primal.dtype)
        if k == 1:
            new = torch.cat([new, torch.zeros_like(new)])
        return _replaced(out, forward_ad.make_dual(dual.primal, new))

    handles = [m.register_forward_hook(hook) for _, m in taps]
    try:
        with untouched(model), forward_ad.dual_level():
            model(forward_ad.make_dual(many, tangents))
    finally:
        for handle in handles:
            handle.remove()
    return iter(found)
