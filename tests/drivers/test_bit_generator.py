"""Streams handed to NumPy: good low bits, faithful methods, a warning for the others, and everything NumPy's bit generators answer."""

import copy
import itertools
import json
import pickle
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
from scipy.stats import chisquare, kstest, qmc

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, DriverWarning
from weakchaos.drivers import LCG, Driver, Halton, NumPyGenerator, Rotation, Sobol, Tent, resolve
from weakchaos.drivers.bit_generator import BitGenerator

words_are_used = pytest.mark.filterwarnings("ignore:.*as a bit generator of NumPy:weakchaos.core.errors.DriverWarning")


class Counter(Driver):
    """As good as NumPy's own: its numbers are those of PCG64."""

    def open(self, seed=None):
        return NumPyGenerator().open(seed)

    def restore(self, data):
        return NumPyGenerator().restore(data)


@words_are_used
@pytest.mark.parametrize("driver", [LCG.randu(), LCG.minstd(), LCG.toy(), LCG.knuth(), Tent(iterations=40)], ids=lambda d: d.name)
def test_congruences_give_all_permutations(driver):
    generator = np.random.Generator(driver.bit_generator(1))
    counts = dict.fromkeys(itertools.permutations(range(4)), 0)
    for _ in range(2400):
        counts[tuple(generator.permutation(4).tolist())] += 1
    assert min(counts.values()) > 25  # of 100; the lowest bits of RANDU, taken as they are, give one permutation


@words_are_used
@pytest.mark.parametrize(
    "driver", [LCG.randu(), LCG.minstd(), Halton(2, scramble=False), Halton(3), Sobol(4), Rotation(8)], ids=repr
)
def test_normals_of_two_numbers_need_two_dimensions(driver):
    x = np.random.Generator(driver.bit_generator(1)).normal(size=20_000)
    assert abs(x.mean()) < 0.03
    assert abs(x.std() - 1) < 0.03


@pytest.mark.parametrize("driver", [Rotation(), Halton(1), Sobol(2), LCG.randu(), Tent()], ids=lambda d: d.name)
def test_faithful_methods_are_the_stream_itself(driver):
    u = driver.advance(driver.start(2), 3000)[:, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(np.random.Generator(driver.bit_generator(2)).random(3000), u)
        assert np.array_equal(np.random.Generator(driver.bit_generator(2)).uniform(2, 5, 3000), 2 + 3 * u)
    with pytest.warns(DriverWarning, match="right for Generator.random, uniform, and integers"):
        integers = np.random.Generator(driver.bit_generator(2)).integers(0, 10, 3000)
    assert np.array_equal(integers, np.floor(10 * u).astype(int))


def test_a_warning_comes_once_at_the_line_that_draws_and_may_be_an_error():
    generator = np.random.Generator(Rotation().bit_generator(1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            generator.normal(size=2)
    assert [(w.category, w.filename) for w in caught] == [(DriverWarning, __file__)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        generator = np.random.Generator(Rotation().bit_generator(1))
        with pytest.raises(DriverWarning, match="golden is equidistributed in 1 dimension only"):
            generator.permutation(3)
        assert generator.bit_generator.lock.acquire(blocking=False)  # given back all the same
        np.random.Generator(Counter().bit_generator(1)).normal(size=3)


def test_words_of_a_good_stream_are_uniform():
    generator = np.random.Generator(Counter().bit_generator(3))
    assert kstest(generator.normal(size=20_000), "norm").pvalue > 1e-3
    assert kstest(generator.exponential(size=20_000), "expon").pvalue > 1e-3
    raw = generator.bit_generator.random_raw(20_000)
    for shift in (0, 8, 24, 32, 56):
        assert chisquare(np.bincount((raw >> np.uint64(shift)).astype(np.uint8), minlength=256)).pvalue > 1e-4


@words_are_used
@pytest.mark.parametrize("name", ["rotation-3", "sobol-2", "halton-2", "tent", "cat", "logistic", "knuth"])
def test_copies_pickles_and_states_go_on_alike(name):
    generator = np.random.Generator(resolve(name).bit_generator(5))
    generator.normal(size=7)
    state = json.loads(json.dumps(generator.bit_generator.state))
    twins = [
        copy.deepcopy(generator),
        pickle.loads(pickle.dumps(generator)),
        np.random.Generator(copy.copy(generator.bit_generator)),
    ]
    expected = [generator.normal(size=20), generator.random(20), generator.integers(0, 99, 20), generator.permutation(9)]
    fresh = np.random.Generator(type(generator.bit_generator)(99))
    fresh.bit_generator.state = state
    for twin in [*twins, fresh]:
        found = [twin.normal(size=20), twin.random(20), twin.integers(0, 99, 20), twin.permutation(9)]
        assert all(map(np.array_equal, found, expected))
    assert [g.random() for g in twins[1].spawn(2)] == [g.random() for g in generator.spawn(2)]


def test_children_are_those_of_the_seed_and_never_the_same_twice():
    parent = Rotation().bit_generator(7)
    ours = [g.seed_seq.spawn_key for g in parent.spawn(2) + pickle.loads(pickle.dumps(parent)).spawn(1)]
    numpys = np.random.PCG64(7)
    assert ours == [g.seed_seq.spawn_key for g in numpys.spawn(3)]
    assert parent._seed_seq.entropy == 7
    assert isinstance(parent, np.random.BitGenerator)
    assert resolve(np.random.Generator(parent)) == Rotation()


def test_wrong_states_are_refused():
    generator = Rotation(2).bit_generator(1)
    for value, error in (
        ("x", ArgumentTypeError),
        ({"bit_generator": "golden", "state": "00"}, ArgumentError),
        ({"bit_generator": "rotation-2", "state": "0"}, ArgumentError),
        ({"bit_generator": "rotation-2", "state": "00" * 24}, ArgumentError),
        ({}, ArgumentError),
    ):
        with pytest.raises(error, match="`state`"):
            generator.state = value
    with pytest.raises(ArgumentTypeError, match=r"driver.bit_generator\(seed\)"):
        BitGenerator(1)


@words_are_used
def test_scipys_point_sets_take_them():
    points = [qmc.Sobol(3, rng=np.random.Generator(Tent(iterations=40).bit_generator(k))).random(4) for k in (1, 1, 2)]
    assert np.array_equal(points[0], points[1])
    assert not np.array_equal(points[0], points[2])
    cube = qmc.LatinHypercube(2, rng=np.random.Generator(LCG.knuth().bit_generator(1))).random(8)
    assert (np.sort(np.floor(8 * cube), axis=0) == np.arange(8)[:, None]).all()


def test_threads_share_one_bit_generator():
    generator, found = np.random.Generator(Counter().bit_generator(1)), []
    threads = [threading.Thread(target=lambda: found.append(generator.random(10_000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together = np.sort(np.concatenate(found))
    assert np.array_equal(together, np.sort(Counter().advance(Counter().start(1), 40_000)[:, 0]))


COMPILED = """
import numba, numpy as np
from weakchaos.drivers import resolve

@numba.njit
def total(generator, n):
    s = 0.0
    for _ in range(n):
        s += generator.random()
    return s

for name in ("golden", "sobol-2", "minstd"):
    driver = resolve(name)
    expected = driver.advance(driver.start(1), 100)[:, 0].sum()
    assert abs(total(np.random.Generator(driver.bit_generator(1)), 100) - expected) < 1e-9, name
print("alive")
"""


def test_a_compiled_function_takes_the_generator():
    # In a process of its own: numba reads the C interface, and what is missing there would end the process.
    done = subprocess.run([sys.executable, "-c", COMPILED], capture_output=True, text=True, timeout=240, check=False)
    assert done.stdout.strip() == "alive", done.stderr
