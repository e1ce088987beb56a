"""Published systems by name, from the catalogues of tsdynamics and dysts, compiled here.

Their equations are read from the installed package, which is the source of each and names its paper; nothing is copied. Flows of tsdynamics are symbolic:
their expressions, with the parameters as numbers, are printed as a Python function and compiled. Maps of tsdynamics and flows of dysts are
functions of numbers, which are compiled as they are; where one is not made for that, it is called as plain Python.

dysts: W. Gilpin, Chaos as an interpretable benchmark for forecasting and data-driven modelling, NeurIPS 2021, arXiv:2110.05266.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.systems.user import UserFlow, UserMap

__all__ = ["from_dysts", "from_tsdynamics"]

_STEP = 0.01


def _near(name: str, names: list[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, names, 3, 0.5)
    return f"the nearest are {', '.join(close)}" if close else f"it has {len(names)}, {', '.join(names[:4])} ..."


def _checked_name(name: Any, names: list[str], package: str) -> str:
    if not isinstance(name, str):
        raise ArgumentTypeError(f"`name` must be the name of a system of {package}, a string; got {shown(name)}")
    if name not in names:
        raise ArgumentError(f"`name` must be one of the systems of {package}: {_near(name, names)}; got {shown(name)}")
    return name


def _checked_parameters(given: Mapping[str, Any], defaults: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The defaults, with what was given in their place."""
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        raise ArgumentTypeError(f"`{unknown[0]}` is no parameter of {name}, which has {', '.join(defaults) or 'none'}")
    out = dict(defaults)
    for key, value in given.items():
        try:
            array = np.asarray(value, np.float64)
        except (TypeError, ValueError) as error:
            raise ArgumentTypeError(f"`{key}` must be a number; got {shown(value)}") from error
        if array.shape != np.shape(defaults[key]) or not np.isfinite(array).all():
            raise ArgumentError(f"`{key}` must be finite and of shape {np.shape(defaults[key])}; got {shown(value)}")
        out[key] = value
    return out


def _compiled(lines: list[str], scope: dict[str, Any]) -> Any:
    """The function ``f(u, out)`` with these lines, compiled by numba where it can be and plain Python where it cannot."""
    from numba import float64, njit
    from numba.core.errors import NumbaError

    exec("def f(u, out):\n" + "\n".join(f"    {line}" for line in lines), scope)
    plain = scope["f"]
    made = njit(nogil=True, error_model="numpy")(plain)
    try:
        made.compile((float64[::1], float64[::1]))
    except (NumbaError, NotImplementedError):
        return plain
    return made


def _start(position: Any, dim: int, clock: bool) -> np.ndarray | None:
    """A start of `dim` coordinates, with the time 0 behind them where the clock is a coordinate; None for an unknown one."""
    if position is None:
        return None
    array = np.asarray(position, np.float64).ravel()
    if clock and array.size == dim:
        array = np.append(array, 0.0)
    return array


def _flow(
    name: str, rhs: Any, dim: int, start: Any, fallback: Callable | None, step: Any, method: str, tolerance: float
) -> UserFlow:
    """The flow, from `start` or from a random place near the origin."""
    initial = start if start is not None else fallback if fallback is not None else lambda rng: rng.uniform(0.0, 1.0, dim)
    flow = UserFlow(rhs, dim, initial, step=_STEP if step is None else step, method=method, tolerance=tolerance)
    flow.name = name  # type: ignore[attr-defined]
    return flow


def from_tsdynamics(
    name: str, initial: Any = None, step: float | None = None, method: str = "dop853", tolerance: float = 1e-9, **parameters: Any
) -> UserFlow | UserMap:
    """A flow or a map of the catalogue of tsdynamics as a System, compiled.

    Parameters
    ----------
    name : str
        As in ``tsdynamics.registry``, ``"Lorenz"`` for instance.
    initial : array of shape (dim,), optional
        The start of every orbit; that of the catalogue by default, uniform in the unit cube where it has none.
    step : float, optional
        Units of time between draws, of flows; 0.01 by default.
    method, tolerance :
        As in `UserFlow`, of flows.
    **parameters : float
        In place of those of the catalogue.

    Returns
    -------
    UserFlow or UserMap
        A flow whose equations hold the time has one more coordinate, the last, which is the time; its exponent is 0.

    Raises
    ------
    ImportError
        If tsdynamics is not installed; it needs Python 3.12.
    ArgumentError, ArgumentTypeError
        For names and parameters that do not exist, and for delay and stochastic equations, which are no maps of finitely many numbers.

    Examples
    --------
    >>> from_tsdynamics("Lorenz", rho=26.0).dim  # doctest: +SKIP
    3
    """
    try:
        from tsdynamics import registry
    except ImportError as error:
        raise ImportError(
            "systems of this catalogue need tsdynamics >= 6 (Python >= 3.12): pip install 'weakchaos[tsdynamics]'"
        ) from error
    entry = registry.get(_checked_name(name, [e.name for e in registry.all_systems()], "tsdynamics"))
    if entry.family not in ("ode", "map"):
        what = {"dde": "a delay equation", "sde": "a stochastic equation"}.get(entry.family, f"of the kind {entry.family!r}")
        raise ArgumentError(
            f"`name` must be that of a flow or a map; {name} is {what}: systems.MackeyGlass is a delay equation made of finitely many numbers"
        )
    values = _checked_parameters(parameters, dict(entry.params), name)
    system = entry.cls(**values) if values else entry.cls()
    dim = int(system.dim)
    known = initial if initial is not None else getattr(system, "ic", None)
    if known is None:
        known = getattr(entry.cls, "_default_ic", None)
    if entry.family == "map":
        return _map_of_tsdynamics(entry, values, dim, known)
    lines, clock = _lines_of(entry.cls._equations, dim, dict(system.params))
    scope = {"math": __import__("math"), "np": np}
    return _flow(name, _compiled(lines, scope), dim + clock, _start(known, dim, clock), None, step, method, tolerance)


def _lines_of(equations: Any, dim: int, values: Mapping[str, Any]) -> tuple[list[str], bool]:
    """Lines that write the symbolic equations into ``out``, and whether they hold the time."""
    import sympy
    from sympy.printing.pycode import PythonCodePrinter

    state, time = sympy.Function("y"), sympy.Symbol("t", real=True)
    places = sympy.symbols(f"u0:{dim}", real=True)
    native_state, native_time = _symbols_of_tsdynamics()
    to_places = {state(k): places[k] for k in range(dim)}
    found = []
    for expression in equations(native_state, native_time, **values):
        plain = sympy.sympify(expression)
        plain = plain.subs({s: time for s in plain.free_symbols if s.name == "t"})
        found.append(plain.xreplace({f: to_places[state(f.args[0])] for f in plain.atoms(sympy.core.function.AppliedUndef)}))
    clock = any(time in e.free_symbols for e in found)
    shared, reduced = sympy.cse(found, symbols=sympy.numbered_symbols("c"))
    printer = PythonCodePrinter({"fully_qualified_modules": True})
    lines = [f"u{k} = u[{k}]" for k in range(dim)] + ([f"t = u[{dim}]"] if clock else [])
    lines += [f"{symbol} = {printer.doprint(e)}" for symbol, e in shared]
    lines += [f"out[{k}] = {printer.doprint(e)}" for k, e in enumerate(reduced)]
    return lines + ([f"out[{dim}] = 1.0"] if clock else []), clock


def _symbols_of_tsdynamics() -> tuple[Any, Any]:
    """The state, a function of the number of a coordinate, and the time, in the symbols that the catalogue computes with."""
    import symengine

    return symengine.Function("y"), symengine.Symbol("t")


def _map_of_tsdynamics(entry: Any, values: Mapping[str, Any], dim: int, start: Any) -> UserMap:
    from numba import njit

    names = [f"p{k}" for k in range(len(values))]
    scope = {"step": njit(entry.cls._step), **dict(zip(names, values.values(), strict=True))}
    place = None if start is None else np.asarray(start, np.float64).ravel()
    # A step takes an array, a tuple or, in one dimension, a number, and gives as many numbers or one.
    entries = ", ".join(f"u[{k}]" for k in range(dim))
    states = ["u", f"({entries},)", *(["u[0]"] if dim == 1 else [])]
    for state in states:
        for image in ["image[{}]", *(["image"] if dim == 1 else [])]:
            lines = [f"image = step({', '.join([state, *names])})", *(f"out[{k}] = {image.format(k)}" for k in range(dim))]
            made = _compiled(lines, dict(scope))
            if hasattr(made, "py_func"):
                return UserMap(made, dim, place)
    plain = entry.cls._step

    def by_python(u, out):
        out[:] = np.asarray(plain(u.copy(), *values.values()), np.float64).ravel()

    return UserMap(by_python, dim, place)


def from_dysts(
    name: str, initial: Any = None, step: float | None = None, method: str = "dop853", tolerance: float = 1e-9, **parameters: Any
) -> UserFlow:
    """A flow of the catalogue of dysts as a System, compiled.

    Parameters
    ----------
    name : str
        As in ``dysts.flows``, ``"Lorenz"`` for instance.
    initial : array of shape (dim,), optional
        The start of every orbit; that of the catalogue by default.
    step : float, optional
        Units of time between draws; a hundredth of the catalogue's dominant period by default.
    method, tolerance :
        As in `UserFlow`.
    **parameters : float
        In place of those of the catalogue.

    Returns
    -------
    UserFlow
        A flow whose equations hold the time has one more coordinate, the last, which is the time; its exponent is 0.

    Raises
    ------
    ImportError
        If dysts is not installed.
    ArgumentError, ArgumentTypeError
        For names and parameters that do not exist, and for delay equations.

    Examples
    --------
    >>> from_dysts("Lorenz").dim  # doctest: +SKIP
    3
    """
    try:
        from dysts import flows
        from dysts.base import DynSys, DynSysDelay
    except ImportError as error:
        raise ImportError("systems of this catalogue need dysts: pip install 'weakchaos[dysts]'") from error
    classes = {k: v for k, v in vars(flows).items() if isinstance(v, type) and v.__module__ == flows.__name__}
    _checked_name(name, sorted(classes), "dysts")
    if issubclass(classes[name], DynSysDelay) or not issubclass(classes[name], DynSys):
        raise ArgumentError(
            f"`name` must be that of a flow; {name} is a delay equation: systems.MackeyGlass is one made of finitely many numbers"
        )
    system = classes[name]()
    values = _checked_parameters(parameters, dict(system.params), name)
    for key, value in values.items():
        setattr(system, key, value)
    system.params = values
    dim = int(np.size(system.ic))
    clock = bool(getattr(system, "nonautonomous", False))
    numbers = {f"p{k}": values[key] for k, key in enumerate(sorted(values))}
    rows = ", ".join(f"u[{k}]" for k in range(dim))
    tail = "".join(f", {p}" for p in numbers)
    own = "_rhs" in vars(classes[name]) and "rhs" not in vars(classes[name])
    function: Any = None
    if own:
        kept = {p: np.asarray(v, np.float64) if np.ndim(v) else float(v) for p, v in numbers.items()}
        time = f"u[{dim}]" if clock else "0.0"
        lines = [f"rate = step({rows}, {time}{tail})", *(f"out[{k}] = rate[{k}]" for k in range(dim))]
        made = _compiled(lines + ([f"out[{dim}] = 1.0"] if clock else []), {"step": vars(classes[name])["_rhs"].__func__, **kept})
        function = made if hasattr(made, "py_func") else None
    if function is None:

        def function(u, out):
            out[:dim] = system.rhs(u[:dim].copy(), u[dim] if clock else 0.0)
            out[dim:] = 1.0

    start = initial if initial is not None else system.ic
    period = float(getattr(system, "period", None) or 1.0)
    return _flow(
        name, function, dim + clock, _start(start, dim, clock), None, period / 100 if step is None else step, method, tolerance
    )
