"""Drivers that users wrote: numbers outside of [0, 1) are told with their index, a stream that ends too, and a good one is left as it is."""

import pickle

import numpy as np
import pytest
from numba import carray

import weakchaos as wc
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, DriverWarning, SamplingError
from weakchaos.core.flags import Kind, Severity
from weakchaos.drivers import Driver, resolve
from weakchaos.drivers.base import WordStream, stream_seed
from weakchaos.drivers.checked import CheckedStream, opened
from weakchaos.native.compiled import compiled_stream


@compiled_stream
def next_with_a_fault(state):
    """A congruential generator that gives a number of the user's choice at one index, and from there on every 100 numbers."""
    words, floats = carray(state, 4, dtype=np.uint64), carray(state, 4, dtype=np.float64)
    words[0] = words[0] * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
    words[1] += np.uint64(1)
    if words[1] > words[2] and (words[1] - words[2]) % np.uint64(100) == np.uint64(1):
        return floats[3]
    return np.float64(words[0] >> np.uint64(11)) * 2.0**-53


class Faulty(Driver):
    """A user's driver."""

    name = "mine"

    def __init__(self, at=500, value=1.0):
        self.at, self.value = at, value

    def open(self, seed=None):
        words = np.array([stream_seed(seed, 1)[0], 0, self.at, 0], np.uint64)
        words[3:].view(np.float64)[0] = self.value
        return WordStream(next_with_a_fault, words, 2)


GAUSSIAN, MACHINE = wc.zoo.gaussian([1.0, 2.0]), wc.PairwiseMRF([[0.0, 1.0], [1.0, 0.0]])
CASES = [
    (wc.samplers.Gibbs(), MACHINE),
    (wc.samplers.Gibbs("random"), MACHINE),
    (wc.samplers.RandomWalkMetropolis(), GAUSSIAN),
    (wc.samplers.HMC(0.3, 3), GAUSSIAN),
    (wc.samplers.Slice(), GAUSSIAN),
    (wc.samplers.EnsembleStretch(4), GAUSSIAN),
    (wc.herding.EntropicHerding(0.1), MACHINE),
]


def run(sampler, target, driver, draws=400):
    with pytest.warns(DriverWarning) as caught:
        trace = wc.sample(target, sampler, draws=draws, warmup=0, chains=2, seed=1, driver=driver, progress=False)
    return trace, caught


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")
@pytest.mark.parametrize("value", [1.0, float("nan"), -0.1, 7.5, float("inf"), np.nextafter(0.0, -1.0)])
def test_the_index_and_the_value_are_told(value):
    trace, caught = run(wc.samplers.Gibbs(), MACHINE, Faulty(500, value))
    flag = next(f for f in trace.check() if f.kind is Kind.STREAM_NUMBERS)
    assert flag.severity is Severity.INVALID
    assert (flag.numbers["index"], flag.numbers["step"]) == (500, 250)
    assert flag.numbers["count"] == 2 * 3  # at 500, 600 and 700 of 800 numbers
    assert flag.numbers["value"] == str(float(value))
    assert any("at index 500 of the stream, in step 250" in str(w.message) for w in caught)
    assert np.isfinite(trace.draws).all()


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")
@pytest.mark.parametrize("value", [1.0, float("nan")])
@pytest.mark.parametrize(("sampler", "target"), CASES, ids=lambda c: type(c).__name__)
def test_every_kind_of_sampler_tells(sampler, target, value):
    trace, _ = run(sampler, target, Faulty(50, value))
    flag = next(f for f in trace.check() if f.kind is Kind.STREAM_NUMBERS)
    assert flag.numbers["index"] == 50
    assert np.isfinite(trace.draws).all()


def test_a_stream_that_ends_before_the_run():
    """NaN is what such a stream gives for want of numbers."""
    _, caught = run(wc.samplers.Gibbs(), MACHINE, Faulty(799, float("nan")))
    assert any("at index 799 of the stream, in step 399" in str(w.message) and "no more numbers" in str(w.message) for w in caught)
    quiet = wc.sample(
        MACHINE, wc.samplers.Gibbs(), 399, warmup=0, chains=2, seed=1, driver=Faulty(799, float("nan")), progress=False
    )
    assert not [f for f in quiet.check() if f.kind is Kind.STREAM_NUMBERS]


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")
def test_compare_tells():
    with pytest.warns(DriverWarning):
        report = wc.compare(MACHINE, {"Gibbs": (wc.samplers.Gibbs(), Faulty(500, 1.0))}, draws=400, repeats=2)
    assert Kind.STREAM_NUMBERS in {flag.kind for flag in report.entrants[0].flags}
    assert report.rows[0]["status"] != "ok"


def test_a_good_stream_is_left_as_it_is():
    driver = Faulty(10**9)
    stream, raw = opened(driver, np.random.SeedSequence(3)), driver.open(np.random.SeedSequence(3))
    assert isinstance(stream, CheckedStream)
    state = driver.start(3)
    expected = []
    for _ in range(100):
        raw.words[0] = np.uint64((int(raw.words[0]) * 6364136223846793005 + 1442695040888963407) % 2**64)
        expected.append((int(raw.words[0]) >> 11) * 2.0**-53)
    assert np.array_equal(driver.advance(state, 100)[:, 0], expected)
    assert state.driver.read == 100


def test_copies_and_saved_states_go_on():
    driver = Faulty(150)
    state = driver.start(1)
    driver.advance(state, 100)
    again = pickle.loads(pickle.dumps(state.driver))
    assert (again.read, again.to_bytes()) == (100, state.driver.to_bytes())
    for stream in (again, state.driver.copy()):
        state.driver = stream
        with pytest.raises(SamplingError, match=r"1 numbers that are not in \[0, 1\); the first was 1, at index 150"):
            driver.advance(state, 100)
    system = wc.samplers.Gibbs().bind(MACHINE, Faulty(10**9))
    half = system.start(1)
    system.advance(half, 50)
    read = system.load_state(half.to_bytes())
    assert isinstance(read.driver, CheckedStream)
    assert np.array_equal(system.advance(read, 20), system.advance(half, 20))


def test_own_drivers_are_not_checked_again():
    assert not isinstance(wc.samplers.Gibbs().bind(MACHINE, "cat").start(1).driver, CheckedStream)


def test_as_a_bit_generator_of_numpy_it_warns():
    generator = np.random.Generator(Faulty(20).bit_generator(1))
    generator.random(20)
    with pytest.warns(DriverWarning, match=r"gave 1, which is not in \[0, 1\), at index 20"):
        numbers = generator.random(5)
    assert (numbers < 1).all()


def test_what_is_no_stream_is_refused():
    class Empty(Driver):
        def open(self, seed=None):
            return 0.5

    with pytest.raises(ArgumentTypeError, match="must open a stream that has function, state, copy, to_bytes"):
        wc.samplers.Gibbs().bind(MACHINE, Empty()).start(1)


def test_bit_generators_of_another_make_are_refused():
    class PCG64(np.random.PCG64):
        pass

    for given in (PCG64, PCG64(1), np.random.Generator(PCG64(1))):
        with pytest.raises(ArgumentError, match="another make"):
            resolve(given)
    assert resolve(np.random.PCG64(1)) == resolve("pcg64")


def test_the_check_is_what_tells(monkeypatch):
    """The negative control: without it a number of 1.0 passes without a word."""
    import weakchaos.samplers.base as base

    monkeypatch.setattr(base, "opened", lambda driver, seed: driver.open(seed))
    trace = wc.sample(MACHINE, wc.samplers.Gibbs(), 400, warmup=0, chains=2, seed=1, driver=Faulty(500), progress=False)
    assert not [f for f in trace.check() if f.kind is Kind.STREAM_NUMBERS]
