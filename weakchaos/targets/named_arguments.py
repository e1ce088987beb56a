"""Functions that take variables and data by name, as functions of one vector: what a log density with names is to a kernel."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numba import njit
from numba.core.dispatcher import Dispatcher

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.variables import Variables

__all__ = ["data_items", "of_one_vector"]

_GRADIENTS = ("grad", "logp_and_grad")


def data_items(data: Any) -> tuple[tuple[str, ...] | None, tuple]:
    """Names of the data, None where they have none, and the data as a tuple."""
    if isinstance(data, Mapping):
        if not all(isinstance(name, str) for name in data):
            raise ArgumentTypeError(f"`data` must be a dict whose keys are names; got {shown(data)}")
        return tuple(data), tuple(data.values())
    return None, () if data is None else data if isinstance(data, tuple) else (data,)


def _arguments(role: str, function: Any, variables: Variables, data: Any) -> tuple[dict[str, str], bool]:
    """For each argument of a function the expression that is passed, of the vector ``c``, the vector ``out`` and the data ``d0``, ``d1``, ...;
    and whether the function writes its gradient into ``out``."""
    names, items = data_items(data)
    try:
        parameters = list(inspect.signature(getattr(function, "py_func", function)).parameters.values())
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"`{role}` must be a function whose arguments have names; got {shown(function)}") from error
    fixed = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY, p.POSITIONAL_ONLY)]
    by_name = any(p.name in variables.shapes for p in fixed)
    places, filled = {}, False
    if by_name:
        lacking = [name for name in variables.shapes if name not in {p.name for p in fixed}]
        if lacking and role != "log_likelihood":
            raise ArgumentError(
                f"`{role}` must take every variable by name, or all of them as one vector; it has no argument {lacking[0]!r}"
            )
    elif not fixed:
        raise ArgumentTypeError(
            f"`{role}` must take the variables {', '.join(variables.shapes)} by name, or one vector; got {shown(function)}"
        )
    rest = []
    for k, p in enumerate(fixed):
        if by_name and p.name in variables.shapes:
            places[p.name] = _slice(variables, p.name)
        elif not by_name and k == 0:
            places[p.name] = "c"
        elif p.name == "out" and role in _GRADIENTS and "out" not in (names or ()):
            places[p.name], filled = "out", True
        else:
            rest.append(p)
    if (
        not by_name
        and not filled
        and role in _GRADIENTS
        and names is None
        and len([p for p in rest if p.default is p.empty]) == len(items) + 1
    ):
        places[rest.pop(0).name], filled = "out", True  # f(x, gradient, *data), whatever the second argument is called
    if names is not None:
        for p in rest:
            if p.name in names:
                places[p.name] = f"d{names.index(p.name)}"
            elif p.default is p.empty:
                raise ArgumentError(
                    f"`{role}` has an argument {p.name!r} that is no variable ({', '.join(variables.shapes)}) and not in `data` ({', '.join(names) or 'empty'})"
                )
    else:
        needed = sum(p.default is p.empty for p in rest)
        if not needed <= len(items) <= len(rest):
            raise ArgumentError(
                f"`data` must hold a value for each argument of `{role}` that is no variable ({', '.join(p.name for p in rest) or 'none'}); it holds {len(items)}"
            )
        places.update({p.name: f"d{k}" for k, p in enumerate(rest[: len(items)])})
    order = [p.name for p in fixed if p.name in places]
    return {name: places[name] for name in order}, filled


def _slice(variables: Variables, name: str) -> str:
    place, shape = variables.slices[name], variables.shapes[name]
    if not shape:
        return f"c[{place.start}]"
    part = f"c[{place.start}:{place.stop}]"
    return part if len(shape) == 1 else f"{part}.reshape({shape})"


def _fill(variables: Variables) -> list[str]:
    """Source that writes a gradient ``g``, one entry a variable, into ``out``."""
    many = len(variables.shapes) > 1
    lines = (
        [f"if len(g) != {len(variables.shapes)}: raise ValueError('the gradient must have one entry for each variable')"]
        if many
        else []
    )
    for k, (name, shape) in enumerate(variables.shapes.items()):
        entry, place = f"g[{k}]" if many else "g", variables.slices[name]
        if shape:
            lines.append(f"if {entry}.shape != {shape}: raise ValueError({f'the gradient of {name} must have shape {shape}'!r})")
            if len(shape) == 1:  # a loop compiles in a fraction of the time of a slice that is assigned
                lines.append(f"for i in range({shape[0]}): out[{place.start} + i] = {entry}[i]")
            else:
                lines.append(f"out[{place.start}:{place.stop}] = {entry}.ravel()")
        else:
            lines.append(f"out[{place.start}] = {entry}")
    return lines


_made: dict[tuple, Any] = {}


def _compiled(role: str, function: Any, call: str, filled: bool, variables: Variables, n_data: int) -> Any:
    data = [f"d{k}" for k in range(n_data)]
    if role not in _GRADIENTS:
        lines = [f"return {call}"]
    elif filled:
        lines = [f"return {call}" if role == "logp_and_grad" else call]
    elif role == "grad":
        lines = [f"g = {call}", *_fill(variables)]
    else:
        lines = [f"value, g = {call}", *_fill(variables), "return value"]
    arguments = ["c", *(["out"] if role in _GRADIENTS else []), *data]
    source = f"def of_one_vector({', '.join(arguments)}):\n" + "".join(f"    {line}\n" for line in lines)
    if (function, source) not in _made:  # numba compiles a new function anew, however much it is like an old one
        space = {"function": function, "__name__": __name__}
        exec(source, space)
        _made[function, source] = njit(space["of_one_vector"])
    return _made[function, source]


def _plain(role: str, function: Any, call: str, filled: bool, variables: Variables, n_data: int) -> Callable:
    data = "".join(f", d{k}" for k in range(n_data))
    evaluate = eval(f"lambda c, out{data}: {call}", {"function": function})
    if role not in _GRADIENTS:
        return lambda c, *values: evaluate(c, None, *values)

    def with_gradient(c: np.ndarray, *values: Any) -> Any:
        out = np.empty(variables.size)
        result = evaluate(c, out, *values)
        if filled:
            return (result, out) if role == "logp_and_grad" else out
        if role == "logp_and_grad" and (not isinstance(result, tuple | list) or len(result) != 2):
            raise ArgumentTypeError(f"`logp_and_grad` must return the pair (log density, gradient); it returned {shown(result)}")
        gradient = result[1] if role == "logp_and_grad" else result
        vector = _joined(gradient, variables, role)
        return (result[0], vector) if role == "logp_and_grad" else vector

    return with_gradient


def _joined(gradient: Any, variables: Variables, role: str) -> Any:
    if isinstance(gradient, tuple | list) and len(gradient) == len(variables.shapes):
        gradient = dict(zip(variables.shapes, gradient, strict=True))
    if isinstance(gradient, Mapping):
        return variables.join(gradient, f"the gradient of `{role}`")
    if len(variables.shapes) == 1 and np.shape(gradient) == next(iter(variables.shapes.values())):
        return np.ravel(gradient)
    return gradient  # one vector, whose shape is checked by whoever calls


def of_one_vector(role: str, function: Any, variables: Variables, data: Any) -> Any:
    """A function of all variables in one vector, and of the data as a tuple.

    Parameters
    ----------
    role : str
        The argument under which the user passed it: ``"logp"``, ``"grad"``, ``"logp_and_grad"`` or ``"log_likelihood"``.
    function : callable
        It takes variables and data by name, in any order, or all variables as one vector and then the data. With an argument ``out`` it
        writes its gradient there, as one vector; otherwise it returns the gradient as a tuple with one entry a variable (for a single
        variable that entry itself), and plain Python functions also as a dict or as one vector.
    variables : Variables
    data : dict, tuple or None

    Returns
    -------
    numba function or callable
        ``f(c, *data)`` for values; ``f(c, out, *data)`` for gradients of numba functions, ``f(c, *data)`` for those of others.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        When the arguments are not those of the variables and the data.

    Examples
    --------
    >>> f = of_one_vector("logp", lambda mu, y: -((y - mu) ** 2), Variables({"mu": ()}), {"y": 1.0})
    >>> float(f(np.zeros(1), 1.0))
    -1.0
    """
    arguments, filled = _arguments(role, function, variables, data)
    call = f"function({', '.join(f'{name}={place}' for name, place in arguments.items())})"
    n_data = len(data_items(data)[1])
    if isinstance(function, Dispatcher) and not function.targetoptions.get("forceobj"):
        return _compiled(role, function, call, filled, variables, n_data)
    return _plain(role, function, call, filled, variables, n_data)
