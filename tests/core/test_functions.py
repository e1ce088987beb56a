"""Every form of a user's function gives the same log density and gradient through the one C interface."""

import ctypes
import math
import pickle
import traceback

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import carray, cfunc, float64, intc, njit, types
from scipy import LowLevelCallable

from tests.core import densities as d
from weakchaos.core.c_density import fills_gradient
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, SamplingError
from weakchaos.core.functions import DENSITY, as_c_density, evaluate, with_finite_differences
from weakchaos.core.sampling import sample
from weakchaos.samplers.metropolis import RandomWalkMetropolis
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


# ---- C functions -------------------------------------------------------------------------------------------------------------------


@cfunc(DENSITY)
def c_gaussian(dim, x, grad, logp, user_data):
    position, sd = carray(x, dim), carray(user_data, dim, dtype=np.float64)
    total = 0.0
    for i in range(dim):
        total -= 0.5 * (position[i] / sd[i]) ** 2
    carray(logp, 1)[0] = total
    slope = carray(grad, dim)
    if slope.ctypes.data != 0:
        for i in range(dim):
            slope[i] = -position[i] / sd[i] ** 2
    return 3 if position[0] > 100.0 else 0


@cfunc(float64(intc, types.CPointer(float64)))
def c_scipy(n, x):
    position = carray(x, n)
    total = 0.0
    for i in range(n):
        total -= 0.5 * position[i] ** 2
    return total


@cfunc(float64(intc, types.CPointer(float64), types.voidptr))
def c_scipy_data(n, x, user_data):
    position, sd = carray(x, n), carray(user_data, n, dtype=np.float64)
    total = 0.0
    for i in range(n):
        total -= 0.5 * (position[i] / sd[i]) ** 2
    return total


def user_pointer(array):
    return ctypes.cast(array.ctypes.data, ctypes.c_void_p)


with_gradient = {
    "cfunc": lambda: (c_gaussian, d.SD),
    "cfunc, data in a tuple": lambda: (c_gaussian, (d.SD,)),
    "cfunc, address of data": lambda: (c_gaussian, d.SD.ctypes.data),
    "address": lambda: (c_gaussian.address, d.SD),
    "NumPy address": lambda: (np.uint64(c_gaussian.address), d.SD),
    "ctypes": lambda: (c_gaussian.ctypes, d.SD),
    "LowLevelCallable": lambda: (LowLevelCallable(c_gaussian.ctypes), d.SD),
    "LowLevelCallable with user data": lambda: (LowLevelCallable(c_gaussian.ctypes, user_pointer(d.SD)), None),
    "LowLevelCallable of a capsule": lambda: (
        LowLevelCallable(tuple.__getitem__(LowLevelCallable(c_gaussian.ctypes, user_pointer(d.SD)), 0)),
        None,
    ),
}


@pytest.mark.parametrize("form", with_gradient)
def test_c_functions_with_a_gradient(form):
    function, data = with_gradient[form]()
    target = Density(function, 3, data=data)
    assert target.has_gradient
    assert target.logp(AT) == pytest.approx(d.value(AT, np.zeros(3), d.SD), rel=1e-15)
    np.testing.assert_allclose(target.gradient(AT), -AT / d.SD**2, rtol=1e-15)


scipy_forms = {
    "plain": lambda: (LowLevelCallable(c_scipy.ctypes), None, np.ones(3)),
    "plain ctypes": lambda: (c_scipy.ctypes, None, np.ones(3)),
    "user data": lambda: (LowLevelCallable(c_scipy_data.ctypes, user_pointer(d.SD)), None, d.SD),
    "data": lambda: (LowLevelCallable(c_scipy_data.ctypes), d.SD, d.SD),
}


@pytest.mark.parametrize("form", scipy_forms)
def test_c_functions_of_scipy_signatures(form):
    function, data, sd = scipy_forms[form]()
    target = Density(function, 3, data=data)
    assert not target.has_gradient
    assert target.logp(AT) == pytest.approx(d.value(AT, np.zeros(3), sd), rel=1e-15)
    np.testing.assert_allclose(target.gradient(AT), -AT / sd**2, rtol=1e-9)


def test_the_gradient_pointer_is_null_when_no_gradient_is_wanted():
    seen = []

    def record(dim, x, grad, logp, user_data):
        seen.append(grad)
        ctypes.c_double.from_address(logp).value = -1.0
        if grad:
            ctypes.c_double.from_address(grad).value = 4.0
        return 0

    prototype = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_uint64, *[ctypes.c_void_p] * 4)
    held = prototype(record)
    target = Density(ctypes.cast(held, ctypes.c_void_p).value, 1)
    assert target.logp([0.0]) == -1.0
    assert seen == [None]
    assert target.gradient([0.0]) == [4.0]
    assert seen[1] is not None


def test_a_status_other_than_zero_is_an_error():
    with pytest.raises(SamplingError, match="status other than 0"):
        Density(c_gaussian, 3, data=d.SD).logp([101.0, 0.0, 0.0])


# ---- what is refused ---------------------------------------------------------------------------------------------------------------


@cfunc(float64(float64))
def wrong_cfunc(x):
    return x


untyped = ctypes.CDLL(None).abs
wrong = {
    "nothing": ((None,), {}, ArgumentTypeError, "`logp` or `logp_and_grad` is required"),
    "gradient only": ((None,), {"grad": d.gradient}, ArgumentTypeError, "is required"),
    "text": (("logp",), {}, ArgumentTypeError, "`logp` must be a function"),
    "float": ((1.5,), {}, ArgumentTypeError, "`logp` must be a function"),
    "bool": ((True,), {}, ArgumentTypeError, "`logp` must be a function"),
    "null": ((0,), {}, ArgumentError, "address"),
    "negative": ((-8,), {}, ArgumentError, "address"),
    "gradient no function": ((d.value,), {"grad": 3.0}, ArgumentTypeError, "`grad` must be a function"),
    "gradient an address": ((d.value,), {"grad": 12345}, ArgumentTypeError, "`grad` must be a function"),
    "both no function": ((d.value,), {"logp_and_grad": "f"}, ArgumentTypeError, "`logp_and_grad` must be"),
    "C and Python": ((c_gaussian,), {"grad": d.gradient, "data": d.SD}, ArgumentError, "must be None when `logp` is a C"),
    "wrong cfunc": ((wrong_cfunc,), {}, ArgumentError, "cfunc of signature"),
    "wrong LowLevelCallable": ((LowLevelCallable(wrong_cfunc.ctypes),), {}, ArgumentError, "signature 'double"),
    "untyped ctypes": ((untyped,), {}, ArgumentError, "argtypes"),
    "text data of C": ((c_gaussian,), {"data": "SD"}, ArgumentTypeError, "`data` of a C function"),
    "strided data of C": ((c_gaussian,), {"data": np.zeros(8)[::2]}, ArgumentTypeError, "`data` of a C function"),
    "object data of C": ((c_gaussian,), {"data": np.array([None])}, ArgumentTypeError, "`data` of a C function"),
    "two data of C": ((c_gaussian,), {"data": (d.SD, d.SD)}, ArgumentTypeError, "`data` of a C function"),
}


@pytest.mark.parametrize("case", wrong)
def test_what_cannot_be_a_density(case):
    (logp,), options, kind, message = wrong[case]
    with pytest.raises(kind, match=message):
        as_c_density(logp, 3, **options)


@pytest.mark.parametrize("dim", [0, -1, 1.5, None, "3", True])
def test_dim_must_be_a_positive_whole_number(dim):
    with pytest.raises(ArgumentError, match="`dim`"):
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


# ---- exceptions --------------------------------------------------------------------------------------------------------------------


def frames(error):
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


@pytest.mark.parametrize("function", [d.fails_beyond, d.numba_fails_beyond])
@pytest.mark.parametrize("differences", [False, True])
def test_an_exception_comes_with_its_type_and_the_frame_of_the_user(function, differences):
    target = Density(function, 1, data=(2.0,))
    assert target.logp([1.0]) == -0.5
    call = target.gradient if differences else target.logp
    with pytest.raises(ValueError, match="too far out") as caught:
        call([3.0])
    assert "fails_beyond" in frames(caught.value)
    assert target.logp([1.0]) == -0.5  # nothing is left behind


def test_an_exception_in_a_numba_gradient():
    @njit
    def bad_gradient(x):
        if x[0] > 1.0:
            raise ZeroDivisionError("no slope here")
        return -x

    target = Density(njit(lambda x: -0.5 * x[0] ** 2), 1, bad_gradient)
    assert target.logp([2.0]) == -2.0
    with pytest.raises(ZeroDivisionError, match="no slope here") as caught:
        target.gradient([2.0])
    assert "bad_gradient" in frames(caught.value)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("both", [False, True])
def test_a_gradient_of_the_wrong_shape(compiled, both):
    def short(x):
        return x[:1]

    def short_both(x):
        return x[0], x[:1]

    make = njit if compiled else (lambda f: f)
    options = {"logp_and_grad": make(short_both)} if both else {"logp": make(lambda x: x[0]), "grad": make(short)}
    target = Density(dim=2, **options)
    with pytest.raises(ArgumentTypeError, match=r"gradient must have shape \(2,\); it has shape \(1,\)"):
        target.gradient([1.0, 2.0])


@pytest.mark.parametrize(("returned", "came"), [(None, "None"), (np.zeros(2), r"shape \(2,\)"), ([], r"shape \(0,\)")])
def test_a_python_function_that_returns_no_number(returned, came):
    with pytest.raises(ArgumentTypeError, match=f"must return one number; it returned .*{came}"):
        Density(lambda x: returned, 2).logp([0.0, 0.0])


def test_a_python_gradient_that_returns_nothing():
    with pytest.raises(ArgumentTypeError, match=r"gradient must have shape \(2,\); it is None"):
        Density(lambda x: 0.0, 2, lambda x: None).gradient([0.0, 0.0])


def test_both_at_once_must_return_a_pair():
    with pytest.raises(ArgumentTypeError, match="`logp_and_grad` must return the pair"):
        Density(dim=2, logp_and_grad=lambda x: 0.0).gradient([0.0, 0.0])


def test_a_number_may_come_as_an_array():
    assert Density(lambda x: np.array([[-1.0]]), 1).logp([0.0]) == -1.0
    assert Density(lambda x: np.float32(-1.0), 1).logp([0.0]) == -1.0


def test_the_position_is_the_users_to_keep():
    kept = []
    target = Density(lambda x: kept.append(x) or 0.0, 1)
    sample(target, RandomWalkMetropolis(1.0), 20, 0, chains=1, seed=1, progress=False)
    assert len({float(x[0]) for x in kept}) >= 20


def test_a_density_is_freed():
    import gc
    import weakref

    class Logp:
        def __call__(self, x):
            return 0.0

    function = Logp()
    alive = weakref.ref(function)
    target = Density(function, 1)
    target.gradient([0.0])
    gc.disable()  # no cycle goes through the C callback, so nothing has to wait for the collector
    try:
        del function, target
        assert alive() is None
    finally:
        gc.enable()


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


# ---- pickling ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [d.numba_gaussian, d.python_gaussian])
def test_a_density_survives_pickling(make):
    twin = pickle.loads(pickle.dumps(make()))
    assert twin.logp(AT) == make().logp(AT)
    np.testing.assert_array_equal(twin.gradient(AT), make().gradient(AT))
    np.testing.assert_array_equal(twin.means, d.MEAN)
