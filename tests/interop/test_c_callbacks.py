"""Densities that other packages compile, by the address of their C function ``int64 f(uint64 n, double* x, double* grad, double* logp, void* data)``."""

import ctypes
import warnings

import numpy as np
import pytest
from numba import carray, cfunc, float64, int64, types, uint64

import weakchaos as wc

SIGNATURE = int64(uint64, types.CPointer(float64), types.CPointer(float64), types.CPointer(float64), types.voidptr)
SDS = np.array([1.0, 4.0, 0.5])


@cfunc(SIGNATURE)
def callback(n, x, grad, logp, data):
    """A normal whose standard deviations stand behind the pointer."""
    place, slope, value, sds = carray(x, n), carray(grad, n), carray(logp, 1), carray(data, n, float64)
    value[0] = 0.0
    for i in range(n):
        slope[i] = -place[i] / sds[i] ** 2
        value[0] += 0.5 * slope[i] * place[i]
    return 0


@cfunc(types.int32(types.uint64, types.CPointer(float64), types.CPointer(float64), types.CPointer(float64), types.voidptr))
def walnut(n, x, grad, logp, data):
    """As walnutpie documents it, with a C int for the status."""
    place, slope, value = carray(x, n), carray(grad, n), carray(logp, 1)
    value[0] = 0.0
    for i in range(n):
        slope[i] = -place[i] / (1.0 + i)
        value[0] += 0.5 * slope[i] * place[i]
    return 0 if place[0] < 1e6 else -1


@pytest.mark.parametrize("form", ["cfunc", "ctypes"])
def test_a_status_may_be_a_c_int(form):
    made = walnut
    if form == "ctypes":
        pointer = ctypes.POINTER(ctypes.c_double)
        made = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_size_t, pointer, pointer, pointer, ctypes.c_void_p)(walnut.address)
    target = wc.Density(made, dim=3)
    x = np.array([1.0, 2.0, 3.0])
    assert target.logp(x) == pytest.approx(-0.5 * (x**2 / [1, 2, 3]).sum())
    np.testing.assert_allclose(target.gradient(x), -x / [1, 2, 3])
    with pytest.raises(wc.core.errors.SamplingError):
        target.logp([1e7, 0.0, 0.0])


def test_room_for_a_gradient_is_always_there():
    """Other packages ask for gradients in every call, so a function need not look whether it may write one."""
    target = wc.Density(callback, dim=3, data=SDS)
    x = np.array([1.0, 2.0, 3.0])
    for form in (target, wc.Density(callback.address, dim=3, data=SDS), wc.Density(callback.ctypes, dim=3, data=SDS)):
        assert form.logp(x) == pytest.approx(-0.5 * ((x / SDS) ** 2).sum())
        np.testing.assert_allclose(form.gradient(x), -x / SDS**2)
        trace = wc.sample(form, wc.samplers.RandomWalkMetropolis(0.5), draws=50, warmup=0, chains=1, seed=1, progress=False)
        assert np.isfinite(trace.stats["lp"]).all()


def test_a_callback_of_walnutpie_runs_here():
    """What `walnutpie.walnuts_pyfunc` takes is a density here, and both have its moments."""
    walnutpie = pytest.importorskip("walnutpie")
    ours = wc.sample(wc.Density(walnut, dim=3), draws=800, warmup=400, chains=2, seed=1, progress=False).draws.reshape(-1, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads, and of the seed
        parts = walnutpie.walnuts_pyfunc(walnut, num_params=3, num_chains=2, seed=1)
    theirs = np.concatenate([np.asarray(part).reshape(-1, 3) for part in parts])
    for rows in (ours, theirs):
        np.testing.assert_allclose(rows.std(0), np.sqrt([1.0, 2.0, 3.0]), rtol=0.2)


def test_a_model_that_nutpie_has_compiled_runs_here():
    pm = pytest.importorskip("pymc")
    nutpie = pytest.importorskip("nutpie")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pm.Model() as model:
            pm.Normal("a", 2.0, 3.0)
            pm.Normal("b", -1.0, 0.5, shape=2)
        compiled = nutpie.compile_pymc_model(model)
    target = wc.Density(compiled.compiled_logp_func.address, dim=3, data=compiled.user_data)
    trace = wc.sample(target, draws=1000, warmup=400, chains=2, seed=1, progress=False)
    np.testing.assert_allclose(trace.mean(), [2.0, -1.0, -1.0], atol=0.4)
    np.testing.assert_allclose(trace.draws.std((0, 1)), [3.0, 0.5, 0.5], rtol=0.15)
    logp = model.compile_logp()
    for x in np.random.default_rng(0).normal(size=(3, 3)):
        here = float(logp({"a": np.array(x[0]), "b": x[1:]}))
        there = float(logp({"a": np.array(0.0), "b": np.zeros(2)}))
        assert target.logp(x) - target.logp(np.zeros(3)) == pytest.approx(here - there, rel=1e-9, abs=1e-9)
