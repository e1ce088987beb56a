"""C functions as log densities: cfunc, ctypes, LowLevelCallable, addresses; and what cannot be a density."""

import ctypes

import numpy as np
import pytest
from numba import carray, cfunc, float64, intc, types
from scipy import LowLevelCallable

from tests.core import densities as d
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, SamplingError
from weakchaos.native.functions import DENSITY, as_c_density
from weakchaos.targets.density import Density

AT = np.array([0.3, 1.7, -2.2])


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


def test_there_is_always_room_for_a_gradient():
    """Nutpie and walnutpie ask for a gradient in every call, so their functions may write one without a look at the pointer."""
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
    assert target.gradient([0.0]) == [4.0]
    assert len(seen) == 2
    assert None not in seen


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
