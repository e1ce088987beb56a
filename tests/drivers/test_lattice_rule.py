"""Rank-1 lattices: the search against a slow one, exact periods, errors of integrals, and what they may drive."""

import itertools
import warnings

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, DriverWarning
from weakchaos.core.flags import Kind
from weakchaos.drivers import Lattice, resolve
from weakchaos.drivers.lattice_rule import generating_vector, worst_case_error


def slow_error(z, n):
    """From the Fourier series: e^2 is the sum of prod gamma_j / h_j^2 over the h with h . z = 0 modulo n; cut at |h_j| < 60 n, for two dimensions."""
    most = 60 * n
    h = np.arange(-most, most + 1)
    weight = [np.where(h == 0, 1.0, gamma / np.maximum(np.abs(h), 1) ** 2.0) for gamma in (1.0, 0.25)]
    total = sum(weight[0][i] * weight[1][(h * z[1] + a * z[0]) % n == 0].sum() for i, a in enumerate(h))
    return np.sqrt(total - 1.0)


@pytest.mark.parametrize("z", [(1, 3), (1, 7), (3, 5)])
def test_the_worst_case_error_is_its_fourier_series(z):
    assert worst_case_error(z, 4) == pytest.approx(slow_error(z, 16), rel=0.005)


@pytest.mark.parametrize(("dimension", "degree"), [(2, 4), (3, 6), (5, 7), (4, 9)])
def test_each_component_is_the_best(dimension, degree):
    z = generating_vector(dimension, degree)
    assert z[0] == 1
    for j in range(1, dimension):
        best = min(worst_case_error((*z[:j], v), degree) for v in range(1, 2**degree, 2))
        assert worst_case_error(z[: j + 1], degree) == pytest.approx(best, rel=1e-9)


def test_one_component_after_the_other_is_nearly_the_best_of_all():
    best = min(worst_case_error((1, *rest), 6) for rest in itertools.product(range(1, 64, 2), repeat=2))
    assert worst_case_error(generating_vector(3, 6), 6) < 1.05 * best
    assert worst_case_error((1, 1, 1), 6) > 2 * best


@pytest.mark.parametrize(("dimension", "degree"), [(1, 8), (3, 10)])
def test_the_period_is_exact_and_each_coordinate_takes_every_value(dimension, degree):
    driver = Lattice(dimension, degree)
    cycle = wc.diagnostics.find_cycle(driver, seed=3)
    assert (cycle.preperiod, cycle.period) == (0, dimension * 2**degree)
    u = driver.advance(driver.start(3), dimension * driver.length).reshape(-1, dimension)
    for x in u.T:
        gaps = np.diff(np.sort(x))
        assert np.allclose(gaps, 2.0**-degree, atol=1e-15)


def smooth(u):
    return np.prod(1.0 + 0.5 * np.cos(2 * np.pi * u) + 0.2 * np.sin(4 * np.pi * u), axis=1)  # mean 1


def error_of(driver, d, n, seeds=16):
    found = [smooth(driver.advance(driver.start(s), d * n).reshape(-1, d)).mean() - 1.0 for s in range(seeds)]
    return np.sqrt(np.mean(np.square(found)))


def test_integrals_of_smooth_periodic_functions():
    """Far better than random numbers, and than a lattice whose vector nobody has chosen."""
    lattice, random = error_of(Lattice(4, 12), 4, 4096), error_of(resolve("pcg64"), 4, 4096)
    assert lattice < random / 100
    assert error_of(Lattice(4, 12, (1, 1, 3, 5)), 4, 4096) > 10 * lattice


def test_independent_draws_gain_and_chains_are_flagged():
    free = wc.zoo.gaussian([1.0, 2.0, 3.0])
    options = {"warmup": 0, "chains": 8, "seed": 1, "progress": False}
    with warnings.catch_warnings():
        warnings.simplefilter("error", DriverWarning)
        error = [
            np.abs(wc.sample(free, wc.samplers.GaussianGibbs(), 2**14, driver=d, **options).draws.mean(1)).mean()
            for d in (Lattice(3, 14), "pcg64")
        ]
    assert error[0] < error[1] / 50
    driver = Lattice(2, 14)
    assert (driver.cud, driver.dimension, driver.length, driver.lyapunov) == (False, 2, 2**14, 0.0)
    coupled = wc.PairwiseMRF([[0.0, 3.0], [3.0, 0.0]], [-1.2, -1.5])
    with pytest.warns(DriverWarning, match="equidistributed in 2 dimensions"):
        trace = wc.sample(coupled, wc.samplers.Gibbs(), 2**14, driver=driver, **options)
    assert {Kind.STREAM_MEMORY} <= {flag.kind for flag in trace.check()}
    shorter = wc.sample(free, wc.samplers.GaussianGibbs(), 1000, driver=Lattice(3, 14), **options)
    assert {Kind.STREAM_LENGTH} <= {flag.kind for flag in shorter.check()}


@pytest.mark.parametrize(
    ("make", "error", "name"),
    [
        (lambda: Lattice(0), ArgumentError, "dimension"),
        (lambda: Lattice(65), ArgumentError, "dimension"),
        (lambda: Lattice(2, 3), ArgumentError, "degree"),
        (lambda: Lattice(2, 25), ArgumentError, "degree"),
        (lambda: Lattice(2, 8, (1, 2)), ArgumentError, "generator"),
        (lambda: Lattice(2, 8, (1, 3, 5)), ArgumentError, "generator"),
        (lambda: Lattice(2, 8, (1, 257)), ArgumentError, "generator"),
        (lambda: Lattice("2"), ArgumentTypeError, "dimension"),
        (lambda: Lattice(2, 8).restore(b"abc"), ArgumentError, "data"),
    ],
)
def test_arguments_that_make_no_sense(make, error, name):
    with pytest.raises(error, match=f"`{name}"):
        make()
