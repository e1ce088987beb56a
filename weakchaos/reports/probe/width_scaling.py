"""How activations and updates of a network change with its width: slopes with errors, and what they say of its parametrisation.

For one step of training, dW_l h_{l-1} is what the update of layer l itself adds to its outputs for the same inputs. Its root mean square, and that of the
activations at the start, are fitted by powers of the width. In a network that learns features at any width, and whose best learning rate stays the same,
all powers are 0 (maximal-update parametrisation: Yang and Hu, arXiv:2011.14522; Yang et al., arXiv:2203.03466). In the standard parametrisation with one
learning rate for all layers they are -1/2, 1/2, ..., 1/2, 1 under SGD and 0, 1, ..., 1 under Adam; in the NTK parametrisation (Jacot, Gabriel and Hongler,
arXiv:1806.07572) -1/2, ..., -1/2, 0 and 0, 1/2, ..., 1/2. The total change of the outputs, which earlier layers have a share in, approaches its power far
more slowly, and is not used.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.arguments import number_that, whole_number, whole_numbers
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.scatter import standard_error
from weakchaos.core.text_table import aligned

__all__ = ["WidthReport", "scaling"]

_TOLERANCE = 0.25  # powers are multiples of a half in theory, and finite widths move them by 0.1 to 0.2
_KNOWN: dict[str, dict[str, tuple[float, float, float]]] = {
    "sgd": {"maximal-update": (0, 0, 0), "standard": (-0.5, 0.5, 1), "NTK": (-0.5, -0.5, 0)},
    "adam": {"maximal-update": (0, 0, 0), "standard": (0, 1, 1), "NTK": (0, 0.5, 0.5)},
}


@dataclass(frozen=True)
class WidthReport:
    """Powers of the width with which layers change.

    Attributes
    ----------
    rows : list of dict
        For each layer: ``layer``, ``activation`` and ``activation_stderr`` (power of its outputs at the start), ``gain`` and ``gain_stderr`` (that of the
        ratio of its outputs to its inputs), ``update`` and ``update_stderr`` (that of what its own update adds to its outputs).
    widths : array of shape (widths,)
    activations, updates : arrays of shape (widths, seeds, layers)
        Root mean squares.
    optimiser : str
        Name of the optimiser's class in lower case, or of its family.
    """

    rows: list[dict[str, Any]]
    widths: np.ndarray
    activations: np.ndarray = field(repr=False)
    updates: np.ndarray = field(repr=False)
    optimiser: str = "sgd"

    @property
    def parametrisation(self) -> str | None:
        """ "maximal-update", "standard" or "NTK" if the powers of the updates are those of one of them, each to a quarter; None otherwise."""
        family = "adam" if "adam" in self.optimiser else "sgd" if self.optimiser == "sgd" else ""
        found = [r["update"] for r in self.rows]
        for name, (first, hidden, last) in _KNOWN.get(family, {}).items():
            expected = [first, *[hidden] * (len(found) - 2), last]
            if len(found) >= 2 and all(abs(a - b) <= _TOLERANCE for a, b in zip(found, expected, strict=True)):
                return name
        return None

    def _wrong(self, key: str) -> list[tuple[str, float]]:
        """Layers whose power is nearer to another multiple of a half than to 0, and more than three standard errors from 0, with that multiple."""
        found = []
        for row in self.rows:
            value, error = row[key], row[f"{key}_stderr"]
            if key == "gain" and row is self.rows[-1] and value < 0:
                continue  # outputs that begin small are what the maximal-update parametrisation wants
            if abs(value) > _TOLERANCE and not abs(value) <= 3 * error:
                found.append((row["layer"], round(2 * value) / 2))
        return found

    def advice(self) -> str:
        """Which layers are scaled wrongly and by which power, in at most three sentences."""
        told: list[str] = []
        for key, what, thing in (("gain", "gains at the start", "initial weights"), ("update", "own updates", "learning rate")):
            wrong = self._wrong(key)
            if wrong and told:
                told.append("Measure the updates again after that.")
            elif wrong:
                powers = "; ".join(
                    f"those of {', '.join(n for n, p in wrong if p == power)} like width^{power:g}, so multiply the {thing} there by width^{-power:g}"
                    for power in dict.fromkeys(p for _, p in wrong)
                )
                told.append(f"The {what} change with the width: {powers}.")
        name = None if self._wrong("gain") else self.parametrisation
        if name is not None and name != "maximal-update":
            told.append(f"These are the powers of the {name} parametrisation with one learning rate for all layers.")
        return (
            " ".join(told)
            if told
            else "Change nothing: neither activations nor updates depend on the width by more than finite widths explain."
        )

    def factors(self, width: int, base: int) -> tuple[dict[str, float], dict[str, float]]:
        """What `advice` says, as numbers: factors on the initial weights and on the learning rates of the layers of a network of `width`, relative to `base`."""
        ratio = whole_number("width", width, 1) / whole_number("base", base, 1)
        weights, rates = ({name: ratio**-power for name, power in self._wrong(key)} for key in ("gain", "update"))
        return weights, {} if weights else rates

    def apply(self, model: Any, lr: float, width: int, base: int) -> list[dict[str, Any]]:
        """Scale the initial weights of a model in place, and give the parameter groups for its optimiser.

        Parameters
        ----------
        model : torch.nn.Module
            As `make` returned it for `width`.
        lr : float
            The learning rate that is right at the width `base`.
        width, base : int

        Returns
        -------
        list of dict
            For the constructor of the optimiser: a group for each layer, and one for all other parameters.
        """
        import torch

        weights, rates = self.factors(width, base)
        lr = number_that("lr", lr, "a positive number", lambda v: v > 0)
        if not isinstance(model, torch.nn.Module):
            raise ArgumentTypeError(f"`model` must be a module, as `make` returns it; got {shown(model)}")
        modules = dict(model.named_modules())
        missing = next((r["layer"] for r in self.rows if r["layer"] not in modules), None)
        if missing is not None:
            raise ArgumentError(f"`model` has no layer {missing}, which was measured: pass what `make` returns")
        with torch.no_grad():
            for name, factor in weights.items():
                modules[name].weight.mul_(factor)
        groups, used = [], set[int]()
        for row in self.rows:
            own = [p for p in modules[row["layer"]].parameters(recurse=False) if id(p) not in used]
            used |= {id(p) for p in own}
            # A bias has no fan-in: only its weight is scaled where the two differ.
            vectors = [p for p in own if p.ndim < 2]
            matrices = [p for p in own if p.ndim >= 2]
            groups.append({"params": matrices, "lr": lr * rates.get(row["layer"], 1.0)})
            groups += [{"params": vectors, "lr": lr}] if vectors else []
        rest = [p for p in model.parameters() if id(p) not in used]
        return [*groups, {"params": rest, "lr": lr}] if rest else groups

    def table(self) -> str:
        """Powers as text, and the advice."""
        return f"{aligned(self.rows)}\n\n{self.advice()}"

    __str__ = table


def _optimiser(optimiser: Any, model: Any, lr: float) -> Any:
    import torch

    if callable(optimiser):
        made = optimiser(model)
        if not isinstance(made, torch.optim.Optimizer):
            raise ArgumentTypeError(f"`optimiser` must return an optimiser of torch; it returned {shown(made)}")
        return made
    makers: dict[Any, Callable[..., Any]] = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
    if optimiser not in makers:
        raise ArgumentError(f"`optimiser` must be 'sgd', 'adam' or a function of the model that makes one; got {shown(optimiser)}")
    return makers[optimiser](model.parameters(), lr=lr)


def _loss(torch: Any, out: Any, labels: Any) -> Any:
    if not isinstance(out, torch.Tensor) or len(out) != len(labels):
        raise ArgumentError(
            f"`make` must make modules that give a tensor with one row for each of {len(labels)} inputs; got {shown(out)}"
        )
    if labels.is_floating_point():
        if labels.shape != out.shape:
            raise ArgumentError(f"`labels` must have the shape of the outputs, {tuple(out.shape)}; got {tuple(labels.shape)}")
        return torch.nn.functional.mse_loss(out, labels.to(out.dtype))
    if out.ndim != 2 or int(labels.max()) >= out.shape[1] or int(labels.min()) < 0:
        raise ArgumentError(
            f"`labels` must be classes from 0 to {out.shape[-1] - 1}, one for each input; the largest is {int(labels.max())}"
        )
    return torch.nn.functional.cross_entropy(out, labels)


def _one(
    make: Any, width: int, x: Any, y: Any, optimiser: Any, lr: float, seed: int
) -> tuple[list[str], list[tuple[float, ...]], str]:
    """Names of layers, and root mean squares of inputs, outputs and own updates of each, of one network."""
    import torch

    from weakchaos.renormalization.networks.torch_places import mixes, title

    torch.manual_seed(seed)
    model = make(width)
    if not isinstance(model, torch.nn.Module):
        raise ArgumentTypeError(f"`make` must return a module of torch; for width {width} it returned {shown(model)}")
    model = model.double()
    seen: dict[str, tuple[Any, Any, Any]] = {}

    def look(module: Any, arguments: Any, out: Any, name: str) -> None:
        seen.setdefault(name, (module, arguments[0].detach(), out.detach()))

    handles = [m.register_forward_hook(functools.partial(look, name=n)) for n, m in model.named_modules() if mixes(m)]
    try:
        loss = _loss(torch, model(x), y)
    except (RuntimeError, ValueError, TypeError) as error:
        if isinstance(error, ArgumentError | ArgumentTypeError):
            raise
        raise ArgumentError(
            f"`make`: the network of width {width} refused `inputs` of shape {tuple(x.shape)}: {str(error).splitlines()[0]}"
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    if not seen:
        raise ArgumentError("`make` makes networks without layers that have weights (linear or convolutional)")
    if not bool(torch.isfinite(loss)):
        raise ArgumentError(f"`make`: the loss of the network of width {width} is {float(loss)}")
    if not loss.requires_grad:
        raise ArgumentError("`make` makes networks none of whose parameters is trained (requires_grad is False)")
    before = {n: m.weight.detach().clone() for n, (m, _, _) in seen.items()}
    step = _optimiser(optimiser, model, lr)
    step.zero_grad()
    loss.backward()
    step.step()
    found = []
    with torch.no_grad():
        for name, (module, given, out) in seen.items():
            change = {n: torch.zeros_like(p) for n, p in module.named_parameters(recurse=False)}
            change["weight"] = module.weight - before[name]
            moved = torch.func.functional_call(module, change, (given,))
            found.append(tuple(float((t.double() ** 2).mean().sqrt()) for t in (given, out, moved)))
    return [title(n) for n in seen], found, type(step).__name__.lower()


def _slopes(widths: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Powers of the width for each layer, and their standard errors over seeds; values of shape (widths, seeds, layers)."""
    x = np.log(widths) - np.log(widths).mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.einsum("w,wsl->sl", x, np.log(values)) / (x @ x)
    return each.mean(0), standard_error(each)


def scaling(
    make: Callable[[int], Any],
    widths: Any,
    inputs: Any,
    labels: Any,
    optimiser: Any = "sgd",
    lr: float = 1e-3,
    seeds: int = 3,
    seed: int = 0,
) -> WidthReport:
    """Powers of the width with which activations at the start and the updates of one step change, layer by layer; also called as ``probe.scaling``.

    Parameters
    ----------
    make : callable
        ``make(width)`` returns a module of torch, freshly drawn; it runs in double precision.
    widths : sequence of int
        At least two; a factor of 8 or more between the ends is advisable.
    inputs : array or tensor of shape (batch, ...)
        Data as the network is meant for. Under inputs that have nothing in common, as independent random ones, powers settle only at larger widths.
    labels : array or tensor of shape (batch,) or (batch, outputs)
        Classes, for the cross-entropy; or real numbers, for the mean squared error.
    optimiser : "sgd", "adam", or a function of the model that returns an optimiser
        With a function, layers may have learning rates of their own.
    lr : float
        Of "sgd" and "adam". One step is linear in it, so its size does not matter as long as it is small.
    seeds : int
        Networks for each width, over which the errors are; at least 2.
    seed : int

    Returns
    -------
    WidthReport

    Raises
    ------
    ArgumentError, ArgumentTypeError

    References
    ----------
    Yang and Hu, ICML 2021, arXiv:2011.14522; Yang et al., NeurIPS 2021, arXiv:2203.03466.

    Examples
    --------
    >>> import torch
    >>> def make(n):
    ...     return torch.nn.Sequential(torch.nn.Linear(4, n), torch.nn.Tanh(), torch.nn.Linear(n, n), torch.nn.Tanh(), torch.nn.Linear(n, 2))
    >>> x, y = np.random.default_rng(0).normal(size=(16, 4)), np.arange(16) % 2
    >>> scaling(make, [64, 128, 256], x, y, optimiser="adam").parametrisation
    'standard'
    """
    import torch

    from weakchaos.renormalization.networks.torch import tensor_of

    if not callable(make):
        raise ArgumentTypeError(f"`make` must be a function of the width that returns a module; got {shown(make)}")
    sizes = np.sort(whole_numbers("widths", widths, 1, 10**7))
    if len(sizes) < 2 or (np.diff(sizes) == 0).any():
        raise ArgumentError(f"`widths` must be at least two different widths; got {shown(widths)}")
    count = whole_number("seeds", seeds, 2)
    seed = whole_number("seed", seed, 0, 2**31)
    lr = number_that("lr", lr, "a positive number", lambda v: v > 0)
    x = tensor_of("inputs", inputs).cpu()
    x = x.double() if x.is_floating_point() else x
    if x.ndim < 1 or not x.numel() or (x.is_floating_point() and not bool(torch.isfinite(x).all())):
        raise ArgumentError(f"`inputs` must be a batch of finite numbers that is not empty; got shape {tuple(x.shape)}")
    y = tensor_of("labels", labels).cpu()
    if y.ndim < 1 or len(y) != len(x) or (y.is_floating_point() and not bool(torch.isfinite(y).all())):
        raise ArgumentError(f"`labels` must be {len(x)} finite numbers or classes, one for each input; got shape {tuple(y.shape)}")
    y = y.double() if y.is_floating_point() else y.long()
    names: list[str] = []
    measured, kind = [], ""
    state = torch.get_rng_state()
    try:
        for width in sizes:
            pairs = []
            for s in range(count):
                own, found, kind = _one(make, int(width), x, y, optimiser, lr, seed + s)
                if names and own != names:
                    raise ArgumentError(
                        f"`make` must make the same layers at each width; {', '.join(own)} of width {width} are not {', '.join(names)}"
                    )
                names = own
                pairs.append(found)
            measured.append(pairs)
    finally:
        torch.set_rng_state(state)
    given, made, moved = np.moveaxis(np.array(measured), -1, 0)
    for what, values in (("inputs", given), ("outputs", made), ("updates", moved)):
        dead = np.flatnonzero(~(np.isfinite(values) & (values > 0)).all((0, 1)))
        if dead.size:
            raise ArgumentError(
                f"`make`: the {what} of {names[dead[0]]} are 0 or not finite, so that they have no power of the width: is it trained at all?"
            )
    columns: dict[str, np.ndarray] = {}
    for key, values in (("activation", made), ("gain", made / given), ("update", moved)):
        columns[key], columns[f"{key}_stderr"] = _slopes(sizes, values)
    rows = [{"layer": n, **{key: float(values[i]) for key, values in columns.items()}} for i, n in enumerate(names)]
    return WidthReport(rows, sizes, made, moved, kind)
