"""Systems by name, against the catalogues' own derivatives; each package may be missing, and says so."""

import importlib.util
import sys

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.systems import named_systems

HAS = {name: importlib.util.find_spec(name) is not None for name in ("tsdynamics", "dysts")}
tsdynamics = pytest.mark.skipif(not HAS["tsdynamics"], reason="tsdynamics needs Python 3.12")
dysts = pytest.mark.skipif(not HAS["dysts"], reason="dysts is not installed")


@pytest.mark.parametrize(("function", "package"), [(wc.systems.from_tsdynamics, "tsdynamics"), (wc.systems.from_dysts, "dysts")])
def test_a_missing_package_is_named(function, package, monkeypatch):
    for name in [n for n in sys.modules if n == package or n.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"pip install 'weakchaos\[{package}\]'"):
        function("Lorenz")


def test_parameters_are_checked():
    check = named_systems._checked_parameters
    defaults = {"a": 1.0, "w": np.ones(3)}
    assert check({"a": 2}, defaults, "X")["a"] == 2
    with pytest.raises(ArgumentTypeError, match="`b` is no parameter of X, which has a, w"):
        check({"b": 1}, defaults, "X")
    for bad in (np.nan, np.inf, [1.0, 2.0]):
        with pytest.raises(ArgumentError, match="`a` must be finite and of shape"):
            check({"a": bad}, defaults, "X")
    with pytest.raises(ArgumentTypeError, match="`a` must be a number"):
        check({"a": "one"}, defaults, "X")
    with pytest.raises(ArgumentError, match="the nearest are Lorenz"):
        named_systems._checked_name("Lorentz", ["Lorenz", "Henon"], "a catalogue")
    with pytest.raises(ArgumentTypeError, match="a string"):
        named_systems._checked_name(3, ["Lorenz"], "a catalogue")


def test_symbolic_equations_become_a_compiled_function(monkeypatch):
    """A flow that holds the time, an absolute value and shared terms, in sympy's symbols."""
    sympy = pytest.importorskip("sympy")
    y, t = sympy.Function("y"), sympy.Symbol("t")
    monkeypatch.setattr(named_systems, "_symbols_of_tsdynamics", lambda: (y, t))

    def equations(y, t, a):
        return y(1), -a * y(0) ** 3 + sympy.cos(2 * t) * sympy.Abs(y(1)) + sympy.sign(y(0))

    lines, clock = named_systems._lines_of(equations, 2, {"a": 0.5})
    function = named_systems._compiled(lines, {"math": __import__("math")})
    assert clock
    assert hasattr(function, "py_func")
    u, out = np.array([0.7, -1.3, 0.4]), np.empty(3)
    function(u, out)
    assert np.allclose(out, [-1.3, -0.5 * 0.7**3 + np.cos(0.8) * 1.3 + 1.0, 1.0])


def test_what_numba_cannot_compile_is_python():
    function = named_systems._compiled(["out[0] = table['a'] * u[0]"], {"table": {"a": 2.0, "b": "text"}})
    out = np.empty(1)
    function(np.array([1.5]), out)
    assert out[0] == 3.0
    assert not hasattr(function, "py_func")


@tsdynamics
@pytest.mark.parametrize("name", ["Lorenz", "Rossler", "Torus", "Lorenz96"])
def test_flows_of_tsdynamics(name):
    from tsdynamics import registry

    own = wc.systems.from_tsdynamics(name)
    system, rng = registry.get(name).cls(), np.random.default_rng(0)
    assert own.dim == system.dim + (name == "Torus")  # whose equations hold the time
    for _ in range(5):
        u = rng.normal(size=own.dim)
        assert np.allclose(
            own.vector_field(u)[: system.dim], system.rhs(u[: system.dim], u[-1] if name == "Torus" else 0.0), rtol=1e-10
        )


@tsdynamics
@pytest.mark.parametrize("name", ["Henon", "Ikeda", "Logistic", "Baker"])
def test_maps_of_tsdynamics(name):
    from tsdynamics import registry

    entry = registry.get(name)
    own = wc.systems.from_tsdynamics(name, initial=np.full(int(entry.dim), 0.2))
    state = own.start()
    moved = own.advance(state, 1)[0]
    there = entry.cls._step(np.full(int(entry.dim), 0.2) if entry.dim > 1 else 0.2, *entry.params.values())
    assert np.allclose(moved, np.ravel(there), rtol=1e-12)


@tsdynamics
def test_what_tsdynamics_has_and_is_refused():
    with pytest.raises(ArgumentError, match="a delay equation"):
        wc.systems.from_tsdynamics("MackeyGlass")
    with pytest.raises(ArgumentError, match="`step`"):
        wc.systems.from_tsdynamics("Lorenz", step=-1.0)
    changed = wc.systems.from_tsdynamics("Lorenz", rho=1.0, initial=[1.0, 1.0, 1.0])
    assert np.allclose(changed.vector_field(np.array([1.0, 1.0, 1.0])), [0.0, -1.0, 1.0 - 8.0 / 3.0])


@dysts
@pytest.mark.parametrize("name", ["Lorenz", "Aizawa", "Lorenz96", "ForcedVanDerPol"])
def test_flows_of_dysts(name):
    from dysts import flows

    own, system, rng = wc.systems.from_dysts(name), getattr(flows, name)(), np.random.default_rng(0)
    for _ in range(5):
        u = rng.normal(size=own.dim)
        dim = np.size(system.ic)
        assert np.allclose(own.vector_field(u)[:dim], system.rhs(u[:dim], u[-1] if own.dim > dim else 0.0), rtol=1e-10)


@dysts
def test_what_dysts_has_and_is_refused():
    with pytest.raises(ArgumentError, match="a delay equation"):
        wc.systems.from_dysts("MackeyGlass")
    with pytest.raises(ArgumentTypeError, match="`r` is no parameter"):
        wc.systems.from_dysts("Lorenz", r=1.0)
