"""Every form of a user's function gives the same log density and gradient through the one C interface."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from tests.core import densities as d
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, SamplingError
from weakchaos.native.c_density import fills_gradient
from weakchaos.native.functions import as_c_density, evaluate, with_finite_differences
from weakchaos.targets.density import Density

AT = np.array([0.3, 1.7, -2.2])
VALUE, SLOPE = d.value(AT, d.MEAN, d.SD), d.gradient(AT, d.MEAN, d.SD)

forms = {
    "gradient returned": lambda p: {"logp": p("value"), "grad": p("gradient")},
    "gradient in place": lambda p: {"logp": p("value"), "grad": p("gradient_in_place")},
    "both returned": lambda p: {"logp_and_grad": p("both")},
    "both in place": lambda p: {"logp_and_grad": p("both_in_place")},
    "logp and both": lambda p: {"logp": p("value"), "logp_and_grad": p("both_in_place")},
}


@pytest.mark.parametrize("prefix", ["", "numba_"])
@pytest.mark.parametrize("form", forms)
def test_every_convention(prefix, form):
    target = Density(dim=3, data=(d.MEAN, d.SD), **forms[form](lambda name: getattr(d, prefix + name)))
    assert target.has_gradient
    assert target.logp(AT) == pytest.approx(VALUE, rel=1e-15)
    np.testing.assert_allclose(target.gradient(AT), SLOPE, rtol=1e-15)
    assert evaluate(target.pointer(True), AT, gradient=True)[0] == pytest.approx(VALUE, rel=1e-15)
    assert target.check_gradient(AT) is None


@pytest.mark.parametrize("prefix", ["", "numba_"])
def test_without_gradient(prefix):
    target = Density(getattr(d, prefix + "value"), 3, data=(d.MEAN, d.SD))
    assert not target.has_gradient
    assert target.check_gradient(AT) is None
    assert target.logp(AT) == pytest.approx(VALUE, rel=1e-15)
    np.testing.assert_allclose(target.gradient(AT), SLOPE, rtol=1e-9)
    assert evaluate(target.pointer(True), AT)[0] == target.logp(AT)  # no gradient wanted, none worked out


def test_a_mixture_of_numba_and_python_works():
    target = Density(d.numba_value, 3, d.gradient, data=(d.MEAN, d.SD))
    np.testing.assert_allclose(target.gradient(AT), SLOPE, rtol=1e-15)


# ---- conventions -------------------------------------------------------------------------------------------------------------------


def test_the_number_of_parameters_tells_the_convention():
    assert fills_gradient(lambda x, out, a: None, 1)
    assert not fills_gradient(lambda x, a: None, 1)
    assert not fills_gradient(lambda x, a, scale=1.0: None, 1)  # both readings are possible
    assert fills_gradient(lambda x, out, a, scale=1.0: None, 1)
    assert not fills_gradient(lambda *arguments: None, 1)
    assert not fills_gradient(max, 1)


@pytest.mark.parametrize("compiled", [False, True])
def test_star_arguments_and_defaults(compiled):
    def star(*arguments):
        return -arguments[0][0] * arguments[1]

    def default(x, scale=2.0):
        return -x[0] * scale

    make = njit if compiled else (lambda f: f)
    assert Density(make(star), 1, data=(3.0,)).logp([1.0]) == -3.0
    assert Density(make(default), 1).logp([1.0]) == -2.0
    assert Density(make(default), 1, data=(5.0,)).logp([1.0]) == -5.0


def test_a_function_compiled_by_its_author_for_any_layout():
    @njit("float64(float64[:], float64)")
    def eager(x, scale):
        return -scale * x[0]

    @njit("void(float64[:], float64[:], float64)")
    def eager_gradient(x, out, scale):
        out[0] = -scale

    target = Density(eager, 1, eager_gradient, data=(2.0,))
    assert target.logp([3.0]) == -6.0
    assert target.gradient([3.0]) == [-2.0]


def test_a_function_in_object_mode_is_called_as_python():
    from numba import jit

    @jit(forceobj=True)
    def in_object_mode(x):
        return -sum({"a": float(x[0])}.values())

    assert Density(in_object_mode, 1).logp([3.0]) == -3.0


# ---- data --------------------------------------------------------------------------------------------------------------------------


@njit
def weighted(x, a):
    total = x[0]
    for v in a.flat:
        total = 2.0 * total + v
    return total


def horner(a):
    total = 1.0
    for v in np.asarray(a).flat:
        total = 2.0 * total + float(v)
    return total


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "i2", "u1", "?"])
def test_arrays_of_many_types(dtype, rng):
    a = rng.integers(0, 2 if dtype == "?" else 100, 7).astype(dtype)
    assert Density(weighted, 1, data=(a,)).logp([1.0]) == horner(a)


@pytest.mark.parametrize("shape", [(0,), (5,), (2, 3), (2, 3, 2)])
def test_arrays_of_many_shapes(shape, rng):
    a = rng.integers(0, 9, shape).astype(float)
    assert Density(weighted, 1, data=a).logp([1.0]) == horner(a)


layouts = {
    "C": lambda a: a,
    "Fortran": np.asfortranarray,
    "transposed": lambda a: a.T,
    "strided": lambda a: a[:, ::2],
    "reversed": lambda a: a[::-1, ::-1],
    "column": lambda a: a[:, 1],
}


@pytest.mark.parametrize("prefix", ["", "numba"])
@pytest.mark.parametrize("layout", layouts)
def test_a_change_in_place_is_seen_whatever_the_layout(prefix, layout, rng):
    base = rng.integers(0, 9, (3, 4)).astype(float)
    a = layouts[layout](base)
    target = Density(weighted if prefix else weighted.py_func, 1, data=(a,))
    assert target.logp([1.0]) == horner(a)
    a[...] += 1.0
    assert target.logp([1.0]) == horner(a)


@pytest.mark.parametrize("scalar", [3, 2.5, True, np.float32(1.5), np.int8(-4), np.array(7.0)])
def test_numbers(scalar):
    @njit
    def scaled(x, s):
        return x[0] * s

    assert Density(scaled, 1, data=(scalar,)).logp([2.0]) == 2.0 * scalar


def test_a_zero_dimensional_array_changed_in_place_is_seen():
    s = np.array(2.0)
    target = Density(njit(lambda x, s: x[0] * s), 1, data=(s,))
    assert target.logp([1.0]) == 2.0
    s[...] = 5.0
    assert target.logp([1.0]) == 5.0


@pytest.mark.parametrize(
    "data",
    [("text",), (object(),), (None,), ([[1, 2], [3]],), (1 + 2j,), np.array([1.0]).astype(">f8"), ({},), (2**70,), [1.0, 2.0]],
    ids=str,
)
def test_data_a_numba_function_cannot_take(data):
    with pytest.raises(ArgumentTypeError, match="`data`"):
        Density(weighted, 1, data=data)


def test_other_data_compile_nothing_new():
    first = Density(d.numba_value, 3, d.numba_gradient_in_place, data=(d.MEAN, d.SD)).pointer(True)
    second = Density(d.numba_value, 3, d.numba_gradient_in_place, data=(d.MEAN + 1.0, 2.0 * d.SD)).pointer(True)
    wider = Density(d.numba_value, 4, d.numba_gradient_in_place, data=(np.zeros(4), np.ones(4))).pointer(True)
    assert first.keep[0] is second.keep[0] is wider.keep[0]
    assert first.user_data != second.user_data
    assert evaluate(second, AT)[0] == pytest.approx(d.value(AT, d.MEAN + 1.0, 2.0 * d.SD), rel=1e-15)
    single = Density(d.numba_value, 3, data=(d.MEAN.astype("f4"), d.SD)).pointer(False)
    assert single.keep[0] is not first.keep[0]


# ---- what is refused -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [0, -1, 1.5, None, "3", True])
def test_dim_must_be_a_positive_whole_number(dim):
    with pytest.raises((ArgumentError, ArgumentTypeError), match="`dim`"):
        Density(d.value, dim)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": ["a", "b"]}, "`names`"),
        ({"names": ["a", "a", "b"]}, "`names`"),
        ({"names": 3}, "`names`"),
        ({"means": [0.0]}, "`means`"),
        ({"means": [0.0, 0.0, np.nan]}, "`means`"),
        ({"means": ["a", "b", "c"]}, "`means`"),
        ({"sds": [1.0, 1.0, 0.0]}, "`sds`"),
    ],
)
def test_bad_facts_about_a_density(options, message):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        Density(d.value, 3, data=(d.MEAN, d.SD), **options)


def test_a_numba_function_must_return_a_number():
    with pytest.raises(ArgumentTypeError, match=r"`logp` must return .* as one number"):
        Density(njit(lambda x: -x), 2)
    with pytest.raises(ArgumentTypeError, match="`logp_and_grad` must return"):
        Density(dim=2, logp_and_grad=njit(lambda x, out: None))


# ---- positions ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [[1.0], np.zeros((3, 1)), 0.0])
def test_positions_of_the_wrong_shape(x):
    with pytest.raises(ArgumentError, match=r"`x` must have shape \(3,\)"):
        d.python_gaussian().logp(x)


def test_positions_that_are_no_numbers():
    with pytest.raises(ArgumentTypeError, match="`x` must hold 3 numbers"):
        d.python_gaussian().logp(["a", "b", "c"])


def test_positions_of_any_layout():
    assert d.numba_gaussian().logp(np.repeat(AT, 2)[::2]) == pytest.approx(VALUE, rel=1e-15)
    assert d.numba_gaussian().logp(AT.astype("f4")) == pytest.approx(VALUE, rel=1e-6)


# ---- finite differences ------------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=2))
def test_finite_differences_are_as_exact_as_their_theory(x):
    """|error| <= h**2 max|f'''| / 6 + rounding of f over h, with h the power of two of the code."""
    x = np.array(x)
    target = test_finite_differences_are_as_exact_as_their_theory.target
    slope = evaluate(with_finite_differences(target), x, gradient=True)[1]
    h = 2.0**-17 * np.maximum(1.0, 2.0 ** np.floor(np.log2(np.abs(x) + 1e-300)))
    size = np.abs(x[0]) ** 4 + np.exp(-(x[1] ** 2)) + 1.0
    third = np.array([6.0 * (np.abs(x[0]) + h[0]), 6.0])
    np.testing.assert_array_less(np.abs(slope - [x[0] ** 3, -2 * x[1] * np.exp(-(x[1] ** 2))]), h**2 * third / 6 + 1e-15 * size / h)


@njit
def quartic(x):
    return 0.25 * x[0] ** 4 + math.exp(-x[1] * x[1])


test_finite_differences_are_as_exact_as_their_theory.target = as_c_density(quartic, 2)  # type: ignore[attr-defined]


def test_check_gradient_names_the_worst_coordinate():
    def wrong(x):
        return np.array([-x[0], -x[1] + 0.5, -x[2] + 0.1])

    target = Density(lambda x: -0.5 * float(x @ x), 3, wrong, names=["a", "b", "c"])
    name, given_slope, difference = target.check_gradient(AT)
    assert name == "b"
    assert given_slope == pytest.approx(-1.2)
    assert difference == pytest.approx(-1.7, rel=1e-8)


def test_a_gradient_that_is_nan_is_wrong():
    target = Density(lambda x: -0.5 * float(x @ x), 2, lambda x: np.array([np.nan, -x[1]]))
    assert target.check_gradient([1.0, 1.0])[0] == "x0"


@pytest.mark.parametrize("scale", [1e-7, 1e-6, 1e-3])
def test_a_log_density_that_bends_within_the_step_of_differences_has_no_wrong_gradient(scale):
    def logp(x):
        return -math.cosh(x[0] / scale) - 0.5 * x[1] ** 2

    def right(x):
        return np.array([-math.sinh(x[0] / scale) / scale, -x[1]])

    at = np.array([2.0 * scale, 0.3])
    assert Density(logp, 2, right).check_gradient(at) is None
    for wrong in (lambda x: 1.05 * right(x), lambda x: right(x) * [-1.0, 1.0]):
        assert Density(logp, 2, wrong).check_gradient(at)[0] == "x0"


# ---- pickling ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [d.numba_gaussian, d.python_gaussian])
def test_a_density_survives_pickling(make):
    twin = pickle.loads(pickle.dumps(make()))
    assert twin.logp(AT) == make().logp(AT)
    np.testing.assert_array_equal(twin.gradient(AT), make().gradient(AT))
    np.testing.assert_array_equal(twin.means, d.MEAN)


def test_a_division_by_zero_that_only_compiled_code_refuses_is_said_to_be_one():
    """Run by Python for its traceback, the same division of NumPy's numbers gives inf and a warning."""

    @njit
    def narrow(x):
        scale = np.exp(x[0])
        return -0.5 * (x[1] / scale / scale) ** 2

    density = as_c_density(narrow, 2)
    assert np.isfinite(evaluate(density, np.zeros(2))[0])
    with np.errstate(all="ignore"), pytest.raises(SamplingError, match=r"a division by zero.*error_model='numpy'"):
        evaluate(density, np.array([-1000.0, 1.0]))
    with np.errstate(all="ignore"):
        kept = as_c_density(njit(error_model="numpy")(narrow.py_func), 2)
        assert evaluate(kept, np.array([-1000.0, 1.0]))[0] == -np.inf
