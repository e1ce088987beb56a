"""What every driver must pass: one seed one stream, exact copies and saves, numbers in [0, 1), the stated density and exponent."""

import ctypes
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.stats import chisquare

from weakchaos import drivers
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.core.system import State
from weakchaos.drivers import (
    CUD,
    LCG,
    Antithetic,
    ArnoldCat,
    Chebyshev,
    Halton,
    IntervalExchange,
    LaggedFibonacci,
    Lattice,
    Logistic,
    NumPyGenerator,
    PermutedPoints,
    Philox,
    RestartedRotation,
    Rotation,
    Sobol,
    StandardMap,
    Tent,
    ToralMap,
    bit_generator,
    resolve,
)
from weakchaos.drivers.named import NAMED

# How many numbers apart draws of a named driver are nearly independent, where it is not 1.
SPACING = {"logistic": 16, "chebyshev": 16, "tent": 16, "cat": 8, "hyperbolic-torus": 16}
# All named drivers, and others, each with this number (1 where draws are more even than independent ones).
DRIVERS = [
    *((NumPyGenerator(kind), 1) for kind in ("pcg64", "pcg64dxsm", "mt19937", "philox", "sfc64")),
    *((resolve(name), SPACING.get(name, 1)) for name in NAMED),
    (LCG(3935559000370003845, 2691343689449507681, 2**64 - 59), 1),
    (Logistic(iterations=3), 8),
    (Chebyshev(5, iterations=2), 8),
    (Tent(iterations=53), 1),
    (ArnoldCat(size=2**20 - 3, iterations=2), 8),
    (Rotation(3), 1),
    (Rotation(64), 1),
    (Rotation(2, (3**40, 5**27)), 1),
    (Sobol(1), 1),
    (Sobol(8), 1),
    (Sobol(3, scramble=False), 1),
    (Halton(3), 1),
    (Halton(2, scramble=False), 1),
    (Lattice(1), 1),
    (Lattice(3, 18), 1),
    (Lattice(2, 15, (1, 21)), 1),
    (CUD(16), 1),
    (CUD(20, per_step=3), 1),
    (CUD(32, per_step=2), 1),
    (LaggedFibonacci(55, 24, "+", 64), 1),
    (LaggedFibonacci(97, 33, "-", 24), 1),
    (LaggedFibonacci(607, 273, "*", 64), 1),
    (StandardMap(0.0), 1),
    (StandardMap(20.0), 4),
    (PermutedPoints(14), 1),
    (PermutedPoints(12, per_step=3), 1),
    (Philox(7), 1),
    (Antithetic(), 1),
    (Antithetic("cat"), 8),
    (RestartedRotation(0.0), 1),
    (RestartedRotation(0.2, points=5), 32),
    (RestartedRotation(1.0), 1),
]
every_driver = pytest.mark.parametrize(("driver", "spacing"), DRIVERS, ids=[repr(d) for d, _ in DRIVERS])


def read(driver, stream, n):
    return driver.advance(State(driver=stream), n)[:, 0]


def test_every_public_driver_is_tried():
    tried = {type(driver).__name__ for driver, _ in DRIVERS}
    missing = set(drivers.__all__) - tried - {"Driver", "resolve"}
    assert not missing, (
        f"give {', '.join(sorted(missing))} a name in weakchaos/drivers/named.py, or an instance in DRIVERS of this file"
    )


def test_the_documentation_of_resolve_lists_every_name():
    missing = [name for name in NAMED if f'``"{name}"``' not in resolve.__doc__]
    assert not missing, f"name {missing} in the docstring of `resolve` (weakchaos/drivers/named.py)"


@every_driver
def test_one_seed_one_stream(driver, spacing):
    first = read(driver, driver.open(5), 300)
    assert np.array_equal(first, read(driver, driver.open(5), 300))
    if getattr(driver, "scramble", True):
        assert not np.array_equal(first, read(driver, driver.open(6), 300))


@every_driver
def test_a_split_read_is_a_whole_read(driver, spacing):
    stream, whole = driver.open(1), read(driver, driver.open(1), 10_000)
    parts = [read(driver, stream, n) for n in (1, 7, 992, 9000)]
    assert np.array_equal(np.concatenate(parts), whole)
    assert np.array_equal(driver.advance(driver.start(1), 9_999, every=9)[:, 0], whole[8:9_999:9])


@every_driver
@pytest.mark.parametrize("before", [0, 5, 8192, 9001])
def test_copies_saves_and_pickles_continue_alike(driver, spacing, before):
    stream = driver.open(2)
    read(driver, stream, before)
    state = State(np.zeros(2), np.zeros(1, np.int64), stream)
    saved, twin, exact = state.to_bytes(), stream.copy(), stream.to_bytes()
    pickled = pickle.dumps(stream)
    expected = read(driver, stream, 9_000)
    for other in (twin, State.from_bytes(saved, driver).driver, driver.restore(exact), pickle.loads(pickled)):
        assert other.to_bytes() == exact
        assert np.array_equal(read(driver, other, 9_000), expected)
        assert other.to_bytes() == stream.to_bytes()
    assert stream.to_bytes() != exact


@pytest.mark.filterwarnings("ignore:.*as a bit generator of NumPy:weakchaos.core.errors.DriverWarning")
@every_driver
def test_numpy_draws_from_it(driver, spacing):
    expected = read(driver, driver.open(3), 3_000)
    generator = np.random.Generator(driver.bit_generator(3))
    if not isinstance(driver, NumPyGenerator) or driver.kind != "mt19937":
        assert np.array_equal(generator.random(3_000), expected)
    assert set(generator.integers(0, 4, size=400).tolist()) <= {0, 1, 2, 3}
    normal = generator.normal(size=4_000)
    assert np.isfinite(normal).all()
    if np.isinf(driver.dimension):  # NumPy takes several integers for a normal
        assert abs(normal.mean()) < 5 / np.sqrt(4_000)


def p_value(u, bins=64):
    counts = np.bincount((u * bins).astype(int), minlength=bins)
    assert counts.size == bins
    return chisquare(counts).pvalue


@every_driver
def test_the_density_is_uniform(driver, spacing):
    n = 2**16
    u = driver.advance(driver.start(11), n * spacing, every=spacing)[:, 0]
    assert u.min() >= 0.0
    assert u.max() < 1.0
    assert abs(u.mean() - 1 / 2) < 5 * np.sqrt(1 / 12 / n)
    assert abs(u.var() - 1 / 12) < 5 * np.sqrt(1 / 180 / n)
    assert p_value(u) > 1e-4


def test_the_density_test_sees_a_wrong_density():
    u = Logistic().advance(Logistic().start(11), 2**20, every=16)[:, 0]
    assert p_value(np.sin(np.pi / 2 * u) ** 2) < 1e-12  # the logistic map's own coordinate
    assert p_value(0.01 + 0.99 * u) < 1e-12
    assert p_value(u) > 1e-4


def on_torus(difference):
    return (difference + 0.5) % 1.0 - 0.5


@pytest.mark.parametrize(
    ("driver", "word", "nudge", "first", "steps"),
    [
        (LCG.minstd(), 0, 1, 1, 1),
        (LCG(69069, 1, 2**64), 0, 2**16, 1, 1),
        (Tent(), 0, 2**20, 1, 20),
        (Tent(iterations=4), 0, 2**20, 1, 5),
        (ArnoldCat(), 0, 2**20, 6, 18),
        (ArnoldCat(iterations=3), 1, 2**20, 2, 6),
        (Rotation(), 0, 2**20, 1, 1000),
        (ToralMap.elliptic(), 0, 2**20, 1, 1000),
        (ToralMap.hyperbolic(), 0, 2**20, 11, 26),
        (ToralMap(((3, 1), (2, 1))), 0, 2**20, 11, 20),
        (IntervalExchange(), 0, 2**20, 1, 1000),
    ],
    ids=repr,
)
def test_the_exponent_of_integer_maps_from_twin_orbits(driver, word, nudge, first, steps):
    rates = []
    for seed in range(100):
        stream = driver.open(seed)
        twin = stream.copy()
        twin.words[word] += np.uint64(nudge)
        apart = [np.abs(on_torus(read(driver, twin, n)[-1] - read(driver, stream, n)[-1])) for n in (first, steps)]
        rates.append(np.log(apart[1] / apart[0]) / steps)
    # `first` numbers align the difference with the expanding direction. A fold between the twins is rare, as they stay close.
    assert np.median(rates) == pytest.approx(driver.lyapunov, abs=2e-3)


@pytest.mark.parametrize("driver", [Logistic(), Logistic(iterations=2), Chebyshev(), Chebyshev(3), Chebyshev(16)], ids=repr)
def test_the_exponent_of_floating_point_maps_from_twin_orbits(driver):
    stream, rates = driver.open(4), []
    for _ in range(4000):
        twin = stream.copy()
        twin.words.view(np.float64)[0] += 1e-9
        before = twin.words.view(np.float64)[0] - stream.words.view(np.float64)[0]
        read(driver, twin, 1)
        read(driver, stream, 1)
        after = twin.words.view(np.float64)[0] - stream.words.view(np.float64)[0]
        rates.append(np.log(abs(after / before) + 1e-300))
    # The mean of the log slope over the invariant density; half its mass lies where the slope is far from its mean.
    assert np.mean(rates) == pytest.approx(driver.lyapunov, abs=5 * np.std(rates) / np.sqrt(len(rates)))


def test_streams_are_read_from_threads_at_once():
    drivers = [Sobol(8), Halton(2), Sobol(5, scramble=False), Logistic(), Rotation(7), LCG.minstd()] * 2
    serial = [read(d, d.open(k), 100_000) for k, d in enumerate(drivers)]
    with ThreadPoolExecutor(6) as pool:
        parallel = list(pool.map(lambda kd: read(kd[1], kd[1].open(kd[0]), 100_000), enumerate(drivers)))
    assert all(np.array_equal(a, b) for a, b in zip(serial, parallel, strict=True))


def test_randomgen_draws_from_it():
    wrapper = pytest.importorskip("randomgen.wrapper")
    own = Tent(iterations=40).bit_generator(1)
    functions = [f._compiled for f in (bit_generator._UINT64, bit_generator._UINT64, bit_generator._UINT32, bit_generator._DOUBLE)]
    wrapped = wrapper.UserBitGenerator.from_cfunc(*functions, ctypes.c_void_p(own._words.ctypes.data))
    assert np.array_equal(
        np.random.Generator(wrapped).random(50), Tent(iterations=40).advance(Tent(iterations=40).start(1), 50)[:, 0]
    )


@pytest.mark.parametrize("driver", [LCG.knuth(), Rotation(3), Sobol(2), Tent()], ids=repr)
def test_foreign_bytes_are_refused(driver):
    with pytest.raises(ArgumentError, match="`data` must hold"):
        driver.restore(b"12345")


def test_reading_refuses_bad_counts():
    driver = Tent()
    with pytest.raises(ArgumentError, match="multiple of `every`"):
        driver.advance(driver.start(1), 10, every=3)
    with pytest.raises(ArgumentError, match="`every` must be a whole number of at least 1"):
        driver.advance(driver.start(1), 10, every=0)
    with pytest.raises(ArgumentTypeError, match="`n` must be a whole number"):
        driver.advance(driver.start(1), "10")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="no position"):
        driver.start(1, position=[0.5])
