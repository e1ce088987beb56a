"""Names of drivers, and what may stand for a driver."""

import numpy as np
import pytest

from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.drivers import (
    LCG,
    ArnoldCat,
    Chebyshev,
    Driver,
    Halton,
    Lattice,
    Logistic,
    NumPyGenerator,
    Rotation,
    Sobol,
    Tent,
    resolve,
)
from weakchaos.runs.description import describe, rebuild

NAMES = {
    **{kind: NumPyGenerator(kind) for kind in ("pcg64", "pcg64dxsm", "mt19937", "philox", "sfc64")},
    "randu": LCG.randu(),
    "minstd": LCG.minstd(),
    "toy-lcg": LCG.toy(),
    "knuth": LCG.knuth(),
    "logistic": Logistic(),
    "chebyshev": Chebyshev(2),
    "tent": Tent(),
    "cat": ArnoldCat(),
    "golden": Rotation(),
    "rotation-8": Rotation(8),
    "sobol-8": Sobol(8),
    "halton-8": Halton(8),
    "lattice-8": Lattice(8),
}


@pytest.mark.parametrize("name", NAMES)
def test_each_name_means_its_driver(name):
    assert resolve(name) == NAMES[name]
    assert resolve(name.upper()) == NAMES[name]
    assert resolve(NAMES[name]) is NAMES[name]
    assert NAMES[name].name == name
    assert isinstance(hash(NAMES[name]), int)


@pytest.mark.parametrize(
    "driver",
    [*NAMES.values(), LCG(5, 3, 2**64), Rotation(2, (7, 2**64 - 1)), Lattice(2, 10, (1, 3)), Sobol(3, scramble=False)],
    ids=lambda d: d.name,
)
def test_drivers_are_plain_data(driver):
    assert rebuild(describe(driver, {}), {}) == driver


def test_dimensions_and_exponents_are_stated():
    assert [NAMES[n].dimension for n in ("randu", "logistic", "cat", "golden", "rotation-8", "sobol-8", "halton-8")] == [
        2,
        1,
        2,
        1,
        8,
        8,
        8,
    ]
    assert [NAMES[n].lyapunov for n in ("golden", "rotation-8", "sobol-8", "halton-8")] == [0.0] * 4
    assert LCG.minstd().lyapunov == pytest.approx(9.7296, abs=1e-4)  # log 16807
    assert Logistic(iterations=5).lyapunov == Tent(iterations=5).lyapunov == pytest.approx(5 * np.log(2))
    assert Chebyshev(7, 2).lyapunov == pytest.approx(2 * np.log(7))
    assert ArnoldCat().lyapunov == pytest.approx(0.9624236501192069)  # 2 log of the golden ratio


def test_numpys_objects_mean_their_kind():
    assert resolve(np.random.MT19937) == resolve(np.random.MT19937(1)) == NumPyGenerator("mt19937")
    assert resolve(np.random.default_rng(1)) == NumPyGenerator("pcg64")


@pytest.mark.parametrize("name", ["pcg65", "sobol", "sobol-", "sobol-x", "rotation-8-8", ""])
def test_unknown_names_list_the_known_ones(name):
    with pytest.raises(ArgumentError) as caught:
        resolve(name)
    assert all(known.replace("-8", "-") in str(caught.value) for known in NAMES)
    assert repr(name) in str(caught.value)


def test_other_objects_are_refused():
    with pytest.raises(ArgumentTypeError, match="`driver` must be a Driver"):
        resolve(None)
    with pytest.raises(ArgumentTypeError, match=r"write Logistic\(\.\.\.\)"):
        resolve(Logistic)
    with pytest.raises(ArgumentError, match="from 1 to 64"):
        resolve("rotation-65")
    with pytest.raises(ArgumentError, match="from 1 to 21201"):
        resolve("sobol-0")
    with pytest.raises(TypeError, match="how to open a stream"):
        Driver().open(1)
