"""Which streams are good enough for which samplers: equidistribution for independent draws, all dimensions for chains."""

import warnings

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.core.errors import DriverWarning
from weakchaos.drivers import LCG, Driver, Logistic, resolve
from weakchaos.drivers.mismatch import stream_mismatch

PAIR = wc.PairwiseMRF([[0.0, 1.5], [1.5, 0.0]], [0.3, -0.8])
FINITE = (
    "golden",
    "rotation-2",
    "rotation-8",
    "sobol-2",
    "halton-9",
    "logistic",
    "chebyshev",
    "tent",
    "cat",
    "randu",
    "minstd",
    "toy-lcg",
)


def test_two_units_under_a_rotation_of_two_dimensions_are_wrong_and_said_to_be():
    exact = PAIR.distribution().reshape(2, 2)
    error = {}
    for driver in ("rotation-2", "pcg64"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            trace = wc.sample(PAIR, wc.samplers.Gibbs(), draws=100_000, chains=2, seed=1, driver=driver, progress=False)
        x = trace.draws.reshape(-1, 2).astype(int)
        found = np.bincount(2 * x[:, 0] + x[:, 1], minlength=4).reshape(2, 2) / len(x)
        error[driver] = np.abs(found - exact).max()
        said = [str(w.message) for w in caught if issubclass(w.category, DriverWarning)]
        assert len(said) == (driver == "rotation-2")
        if said:
            assert "rotation-2 is equidistributed in 2 dimensions" in said[0]
            assert "Gibbs" in said[0]
            assert "memory" in said[0]
    assert error["rotation-2"] > 10 * error["pcg64"]


@pytest.mark.parametrize("name", FINITE)
def test_no_stream_of_finite_dimension_does_for_a_chain(name):
    driver = resolve(name)
    assert not driver.cud
    assert stream_mismatch(driver, 1, memory=True) == (
        "memory",
        {"dimension": float(driver.dimension), "uniforms_per_step": 1.0},
    )
    assert stream_mismatch(driver, int(driver.dimension), memory=False) is None
    assert stream_mismatch(driver, int(driver.dimension) + 1, memory=False).kind == "dimension"
    assert stream_mismatch(driver, None, memory=False).numbers["uniforms_per_step"] is None
    assert stream_mismatch(driver, 0, memory=True) is None


@pytest.mark.parametrize("name", ["pcg64", "pcg64dxsm", "mt19937", "philox", "sfc64"])
def test_generators_do_for_every_sampler(name):
    assert resolve(name).cud
    for need in (1, 10_000, None):  # MT19937 is equidistributed in 623 dimensions, and longer tuples are as good
        assert stream_mismatch(resolve(name), need, memory=True) is None


def test_an_own_driver_is_what_its_dimension_says():
    class Own(Driver):
        dimension = 3

    assert (Driver().cud, Own().cud, LCG(5, 3, 16).cud, Logistic().cud) == (True, False, False, False)
    assert stream_mismatch(None, 3, memory=True) is None


def test_which_samplers_have_memory():
    free = wc.PairwiseMRF(np.zeros((3, 3)), [0.1, 0.2, 0.3])
    one = wc.FactorGraph([3, 2], [((0, 1), [[1, 2], [3, 4], [5, 6]])], observed={1: 0})
    gibbs = wc.samplers.Gibbs
    lattice = wc.Ising.lattice((4, 4), beta=0.2)
    memory = {
        "coupled": gibbs().bind(PAIR).memory,
        "coupled, random": gibbs(scan="random").bind(PAIR).memory,
        "independent units": gibbs().bind(free).memory,
        "independent units at random": gibbs(scan="random").bind(free).memory,
        "one unit left": gibbs().bind(one).memory,
        "all in one block": gibbs(blocks=[(0, 1)]).bind(PAIR).memory,
        "overlapping blocks": gibbs(blocks=[(0, 1), (1, 2)]).bind(free).memory,
        "lattice": gibbs().bind(lattice).memory,
        "HMC": wc.samplers.HMC(0.5, 3).bind(wc.zoo.gaussian([1.0])).memory,
    }
    assert [k for k, v in memory.items() if not v] == ["independent units", "one unit left", "all in one block"]


def test_independent_draws_are_right_under_a_rotation():
    p = PAIR.distribution()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = wc.sample(
            PAIR, wc.samplers.Gibbs(blocks=[(0, 1)]), draws=20_000, chains=1, seed=1, driver="golden", progress=False
        ).draws[0]
    found = np.bincount(x.astype(int) @ [2, 1], minlength=4) / len(x)
    assert np.abs(found - p).max() < 20 / len(x)  # the discrepancy of the golden rotation
