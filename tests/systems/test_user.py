"""User maps and flows: numba, Python and C functions give one orbit; Jacobians and differences agree; exceptions come through."""

import pickle
import subprocess
import sys

import numba
import numpy as np
import pytest
from numba import carray, cfunc

from tests.conformance import check_system
from weakchaos import systems
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.native.c_maps import MAP
from weakchaos.native.user_maps import as_c_map


def henon(u, out):
    out[0] = 1.0 - 1.4 * u[0] * u[0] + u[1]
    out[1] = 0.3 * u[0]


def henon_jacobian(u, J):
    J[0, 0], J[0, 1], J[1, 0] = -2.8 * u[0], 1.0, 0.3


def oscillator(u, out):
    out[0], out[1] = u[1], -u[0]


compiled_henon, compiled_jacobian, compiled_oscillator = numba.njit(henon), numba.njit(henon_jacobian), numba.njit(oscillator)


@cfunc(MAP)
def c_henon(n, x, out, user_data):
    u, v = carray(x, (2,)), carray(out, (2,))
    v[0] = 1.0 - 1.4 * u[0] * u[0] + u[1]
    v[1] = 0.3 * u[0]
    return 0


FORMS = {
    "numba": (compiled_henon, compiled_jacobian),
    "python": (henon, henon_jacobian),
    "mixed": (compiled_henon, henon_jacobian),
    "numba, differences": (compiled_henon, None),
    "python, differences": (henon, None),
    "cfunc": (c_henon, None),
    "address": (c_henon.address, None),
}


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_give_one_map(form):
    f, jacobian = FORMS[form]
    system, reference = systems.UserMap(f, 2, initial=[0.1, 0.1], jacobian=jacobian), systems.Henon()
    check_system(system, seeded=False)
    start = reference.start(position=[0.1, 0.1])
    assert np.array_equal(system.advance(system.start(), 20), reference.advance(start.copy(), 20))
    exact = reference.tangent(start, 4, np.eye(2))
    tolerance = 1e-14 if jacobian else 1e-8
    assert np.allclose(system.tangent(system.start(), 4, np.eye(2)), exact, rtol=tolerance, atol=tolerance)
    exact_without = "dual numbers" if form.startswith("numba") else "differences"
    assert system.derivative == ("jacobian" if jacobian else exact_without)


@pytest.mark.parametrize("method", ["rk4", "dop853", "symplectic4", "leapfrog"])
def test_flow_against_the_exact_rotation(method):
    flow = systems.UserFlow(compiled_oscillator, 2, initial=[1.0, 0.0], step=0.01, method=method)
    check_system(flow, seeded=False)
    time = 2.0
    exact = np.array([[np.cos(time), np.sin(time)], [-np.sin(time), np.cos(time)]])
    accuracy = 1e-4 if method == "leapfrog" else 1e-8
    state = flow.start()
    assert np.allclose(flow.tangent(state, 200, np.eye(2)), exact, atol=accuracy)
    assert np.allclose(state.phase, exact[:, 0], atol=accuracy)


def test_starts():
    assert np.array_equal(systems.UserMap(henon, 2, initial=[0.1, 0.2]).start(7).phase, [0.1, 0.2])
    drawn = systems.UserMap(henon, 2, initial=lambda rng: rng.normal(size=2))
    assert np.array_equal(drawn.start(7).phase, drawn.start(7).phase)
    assert not np.array_equal(drawn.start(7).phase, drawn.start(8).phase)
    free = systems.UserMap(henon, 2).start(1).phase
    assert ((free >= 0) & (free < 1)).all()


def test_an_exception_of_the_user_comes_through():
    def failing(u, out):
        if u[0] > 0.5:
            raise ZeroDivisionError("at a place of the user's own")
        out[0] = u[0] + 0.1

    for f in (failing, numba.njit(failing)):
        system = systems.UserMap(f, 1, initial=[0.0])
        state = system.start()
        with pytest.raises(ZeroDivisionError, match="of the user's own"):
            system.advance(state, 100)
        assert state.phase[0] == pytest.approx(0.6), "the state stays where the map failed"
        flow = systems.UserFlow(f, 1, initial=[0.0], step=1.0)
        with pytest.raises(ZeroDivisionError):
            flow.advance(flow.start(), 100)


def test_an_exception_in_the_jacobian_comes_through():
    def failing(u, J):
        raise KeyError("no derivative")

    for jacobian in (failing, numba.njit(failing)):
        system = systems.UserMap(compiled_henon, 2, initial=[0.1, 0.1], jacobian=jacobian)
        with pytest.raises(KeyError):
            system.tangent(system.start(), 1, np.eye(2))


def test_a_returned_array_is_refused():
    system = systems.UserMap(lambda u, out: u + 1, 1, initial=[0.0])
    with pytest.raises(ArgumentTypeError, match="second argument"):
        system.advance(system.start(), 1)


def test_an_entry_not_written_is_not_a_number():
    system = systems.UserMap(lambda u, out: out.__setitem__(0, 1.0), 2, initial=[0.0, 0.0])
    assert np.isnan(system.advance(system.start(), 1)[0, 1])


def test_splitting_needs_equations_of_its_form():
    def damped(u, out):
        out[0], out[1] = u[1], -u[0] - 0.1 * u[1]

    with pytest.raises(ArgumentError, match="q' = f"):
        systems.UserFlow(damped, 2, method="leapfrog")
    with pytest.raises(ArgumentError, match="half"):
        systems.UserFlow(lambda u, out: out.fill(0.0), 3, method="symplectic4")


@pytest.mark.parametrize(
    "make",
    [
        lambda: systems.UserMap(None, 2),
        lambda: systems.UserMap("f", 2),
        lambda: systems.UserMap(henon, 0),
        lambda: systems.UserMap(henon, 2, initial=[1.0]),
        lambda: systems.UserMap(henon, 2, initial=[np.nan, 0.0]),
        lambda: systems.UserMap(lambda u: u, 2),
        lambda: systems.UserMap(henon, 2, jacobian=3.5),
        lambda: systems.UserFlow(None, 2),
        lambda: systems.UserFlow(henon, 2, step=-1.0),
        lambda: systems.UserFlow(henon, 2, method="euler"),
        lambda: as_c_map("f", 0, 2),
        lambda: as_c_map("f", cfunc("float64(float64)")(lambda x: x), 2),
    ],
)
def test_bad_input(make):
    with pytest.raises((ArgumentError, ArgumentTypeError), match="`"):
        make()


def test_reference_systems_are_pickled_by_value():
    again = pickle.loads(pickle.dumps(systems.Lorenz(rho=30.0)))
    assert again == systems.Lorenz(rho=30.0)
    assert np.array_equal(again.advance(again.start(1), 5), systems.Lorenz(rho=30.0).advance(systems.Lorenz(rho=30.0).start(1), 5))


def test_nothing_is_compiled_at_import():
    code = (
        "import gc, weakchaos.systems\n"
        "from weakchaos.native.c_maps import NativeFunction\n"
        "assert all(f._compiled is None for f in gc.get_objects() if isinstance(f, NativeFunction))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@numba.njit
def folds_its_input(u, out):
    u[0] = u[0] % 1.0
    out[0] = 3.0 * u[0]


@numba.njit
def forgets_an_entry(u, out):
    out[0] = u[0]


@numba.njit
def adds_to_its_output(u, out):
    out[0] += u[0]
    out[1] = 0.0


@numba.njit
def draws(u, out):
    out[0] = 0.5 * u[0] + np.random.standard_normal()  # noqa: NPY002
    out[1] = 0.0


def counts(u, out, seen=[0]):  # noqa: B006
    seen[0] += 1
    out[:] = 0.5 * u + seen[0]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (folds_its_input, "changes its first argument"),
        (forgets_an_entry, "entry 1 was left"),
        (adds_to_its_output, "first argument alone"),
        (draws, "first argument alone"),
        (counts, "first argument alone"),
    ],
)
@pytest.mark.parametrize("kind", [systems.UserMap, systems.UserFlow])
def test_what_is_no_function_of_the_state_is_refused(kind, function, words):
    """Orbits, derivatives and cycles of such a function would be silently wrong."""
    with pytest.raises(ArgumentError, match=words):
        kind(function, 2, initial=[1.25, 0.5])
