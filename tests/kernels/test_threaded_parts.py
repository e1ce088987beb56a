"""Sums over all pairs in threads: the same bits for any number of them, the right values, parts in order."""

import threading

import numba
import numpy as np
import pytest

from weakchaos import kernels
from weakchaos.kernels import mean_embedding, threaded_parts
from weakchaos.kernels.kernel_columns import kernel_matrix
from weakchaos.kernels.mean_embedding import cross_sums, own_sums
from weakchaos.kernels.threaded_parts import in_order, threads_for

X, Y = np.random.default_rng(0).normal(size=(701, 3)), np.random.default_rng(1).normal(size=(350, 3))
W = np.random.default_rng(2).random(701)


@pytest.fixture
def _long(monkeypatch):
    """As if these sums were long, in parts of a few rows."""
    for module in (mean_embedding, threaded_parts):
        monkeypatch.setattr(module, "ALONE", 0.0)
    monkeypatch.setattr(mean_embedding, "_PAIRS", 200)


@pytest.mark.usefixtures("_long")
@pytest.mark.parametrize("kernel", [kernels.Gaussian(1.0), kernels.Matern32(1.0) + kernels.Laplace(2.0)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_bits_do_not_depend_on_the_number_of_threads(kernel, dtype, monkeypatch):
    own, cross, used = [], [], set()
    add = mean_embedding.add_own_sums
    monkeypatch.setattr(mean_embedding, "add_own_sums", lambda *a: (used.add(threading.get_ident()), add(*a))[1])
    for threads in (1, 2, 3, 7):
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)
        ticks = []
        own.append(own_sums(kernel, X, W, dtype, ticks.append))
        cross.append(cross_sums(kernel, Y, X, W, dtype))
        assert len(ticks) > 8
        assert sum(ticks) == pytest.approx(1.0)
    assert len(used) > 2
    assert all(np.array_equal(own[0], v) for v in own)
    assert all(np.array_equal(cross[0], v) for v in cross)
    rtol = 1e-12 if dtype is np.float64 else 1e-5
    ops, params, keep = kernel.program(3)
    points, whole = np.ascontiguousarray(X.T), np.empty((len(X), len(X)))
    kernel_matrix(ops, params, points, points, whole)
    del keep
    np.testing.assert_allclose(own[0], whole @ W, rtol=rtol)


def test_short_sums_and_users_functions_stay_in_one_thread():
    gaussian = kernels.Gaussian(1.0).program(3)[0]
    assert threads_for(1e6, gaussian) == 1
    assert threads_for(1e12, gaussian) == numba.config.NUMBA_NUM_THREADS
    own = kernels.UserKernel(numba.njit(lambda x, y: np.exp(-np.abs(x - y).sum()))).program(3)
    assert threads_for(1e12, own[0]) == 1


@pytest.mark.parametrize("threads", [1, 3])
def test_parts_come_in_order_and_an_error_ends_them(threads):
    made = []

    def slow_first(k):
        if k == 0:
            threading.Event().wait(0.05)
        if k == 40:
            raise ZeroDivisionError
        made.append(k)
        return -k

    seen, given = [], in_order(slow_first, range(1000), threads)
    seen += [next(given) for _ in range(40)]
    with pytest.raises(ZeroDivisionError):
        next(given)
    assert seen == [(k, -k) for k in range(40)]
    assert len(made) < 60
