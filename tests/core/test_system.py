"""States, seeds and descriptions as plain data."""

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.conformance import check_system
from weakchaos.core.arguments import whole_number, whole_numbers
from weakchaos.core.counters import SLOTS
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, StoreError, shown
from weakchaos.core.system import State, System, as_seed, supports_tangent
from weakchaos.drivers import Logistic, NumPyGenerator, Rotation, resolve
from weakchaos.runs.description import describe, rebuild
from weakchaos.samplers.hmc import HMC

# ---- states ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", [None, NumPyGenerator("pcg64"), NumPyGenerator("mt19937"), Rotation(), Logistic()])
def test_a_state_survives_saving(driver):
    stream = None if driver is None else driver.open(3)
    state = State(np.array([1.0, math.pi]), np.array([3, -4]), stream, np.arange(SLOTS))
    read = State.from_bytes(state.to_bytes(), driver)
    assert read.exact() == state.exact()
    np.testing.assert_array_equal(read.counters, state.counters)
    closed = State.closed(state.to_bytes())
    assert closed.exact() == state.exact()
    assert closed.copy().to_bytes() == state.to_bytes()
    if driver is not None:
        np.testing.assert_array_equal(driver.advance(read, 5), driver.advance(state, 5))
        with pytest.raises(ArgumentError, match="`driver` is required"):
            State.from_bytes(state.to_bytes())


def test_counters_are_no_part_of_what_decides_the_orbit():
    assert State(np.ones(2), counters=np.arange(8)).exact() == State(np.ones(2)).exact()
    assert State(np.ones(2)).exact() != State(np.ones(3)).exact()


@pytest.mark.parametrize("data", [b"", b"PK", b"hello", b"\x80\x04N."])
def test_bytes_that_are_no_state(data):
    with pytest.raises(StoreError, match="the state is damaged"):
        State.from_bytes(data)


def test_a_state_that_lacks_a_part(tmp_path):
    np.savez(tmp_path / "state.npz", phase=np.zeros(2))
    with pytest.raises(StoreError, match="the state has no entry"):
        State.from_bytes((tmp_path / "state.npz").read_bytes())


# ---- systems that break the laws ---------------------------------------------------------------------------------------------------


class Doubling:
    """x -> 2 x mod 1 on a denominator of 997, and ways to get it wrong."""

    dim = 1

    def __init__(self, fault=None):
        self.fault, self.calls = fault, 0

    def start(self, seed=None, position=None):
        value = as_seed(seed).generate_state(1)[0] % 996 + 1
        if self.fault == "seed":
            self.calls += 1
            value += self.calls
        return State(symbols=np.array([value], np.int64))

    def advance(self, state, n, every=1):
        if n % every and self.fault != "multiples":
            raise ArgumentError("`n` must be a multiple of `every`")
        if self.fault == "stateful":
            state.symbols[0] = (state.symbols[0] + 1) % 997
        out, moving = [], state.symbols if self.fault != "unmoved" else state.symbols.copy()
        for t in range(n):
            moving[0] = 2 * moving[0] % 997
            if t % every == (0 if self.fault == "thinning" else every - 1):
                out.append(moving.astype(float) / 997)
        return np.array(out).reshape(-1, 2 if self.fault == "shape" else 1)


class SharedCopy(State):
    def copy(self):
        return self


class Sharing(Doubling):
    def start(self, seed=None, position=None):
        return SharedCopy(symbols=super().start(seed).symbols)


def test_the_laws_hold_for_a_system_that_keeps_them():
    assert isinstance(Doubling(), System)
    assert not supports_tangent(Doubling())
    check_system(Doubling())


@pytest.mark.parametrize("fault", ["seed", "multiples", "stateful", "unmoved", "thinning", "shape"])
def test_a_system_that_breaks_a_law_is_found(fault):
    with pytest.raises((AssertionError, ValueError, pytest.fail.Exception)):
        check_system(Doubling(fault))


@pytest.mark.parametrize(
    "name", ["pcg64", "mt19937", "sfc64", "sobol-3", "halton-2", "golden", "rotation-3", "logistic", "cat", "knuth"]
)
def test_drivers_keep_the_laws(name):
    driver = resolve(name)
    check_system(driver, load_state=lambda data: State.from_bytes(data, driver))


def test_a_copy_that_is_none_is_found():
    with pytest.raises(AssertionError):
        check_system(Sharing())


# ---- seeds -------------------------------------------------------------------------------------------------------------------------


def test_seeds():
    assert as_seed(7).generate_state(2).tolist() == np.random.SeedSequence(7).generate_state(2).tolist()
    assert as_seed([1, 2]).entropy == [1, 2]
    assert as_seed(None).entropy != as_seed(None).entropy
    sequence = np.random.SeedSequence(3).spawn(2)[1]
    first, second = as_seed(sequence).spawn(2), as_seed(sequence).spawn(2)
    assert [s.spawn_key for s in first] == [s.spawn_key for s in second] == [(1, 0), (1, 1)]


@pytest.mark.parametrize("seed", [-1, 1.5, "seed", object(), [1.5], [-1], {}, b"seed", np.nan])
def test_seeds_that_are_none(seed):
    with pytest.raises((ArgumentError, ArgumentTypeError), match="`seed` must be"):
        as_seed(seed)


# ---- plain data --------------------------------------------------------------------------------------------------------------------

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(plain)
def test_plain_data_survive(value):
    arrays = {}
    data = json.loads(json.dumps(describe(value, arrays)))
    assert rebuild(data, arrays) == value
    assert not arrays


@given(hnp.arrays(st.sampled_from(["f8", "f4", "i8", "u1", "?", "U3"]), hnp.array_shapes(max_dims=2, max_side=3)), plain)
def test_arrays_survive(array, value):
    arrays = {}
    back = rebuild(json.loads(json.dumps(describe({"a": array, "b": (value, array)}, arrays))), arrays)
    np.testing.assert_array_equal(back["a"], array)
    np.testing.assert_array_equal(back["b"][1], array)
    assert back["a"].dtype == array.dtype
    assert back["b"][0] == value


def test_nan_and_numpy_numbers_survive():
    assert math.isnan(rebuild(describe(math.nan, {}), {}))
    assert rebuild(json.loads(json.dumps(describe((np.int8(3), np.float32(1.5), -math.inf, np.bool_(True)), {}))), {}) == (
        3, 1.5, -math.inf, True,
    )  # fmt: skip


def test_objects_of_the_package_survive():
    arrays = {}
    first = HMC(0.3, 5, inverse_mass=np.array([1.0, 2.0]))
    back = rebuild(json.loads(json.dumps(describe([first, Rotation(3)], arrays))), arrays)
    assert (back[0].step_size, back[0].n_leapfrog, back[1]) == (0.3, 5, Rotation(3))
    np.testing.assert_array_equal(back[0].inverse_mass, [1.0, 2.0])


@dataclasses.dataclass
class Own:
    """A class of a user."""

    a: int = 1


@pytest.mark.parametrize("value", [print, Own(), 1 + 2j, {1, 2}, object(), b"bytes", [print], {"a": Own()}, np.array([None]), HMC])
def test_what_is_no_plain_data(value):
    with pytest.raises(ArgumentTypeError, match="cannot be saved as plain data"):
        describe(value, {})


@pytest.mark.parametrize(
    "data",
    [
        {"dataclass": "os:system", "fields": {}},
        {"dataclass": "weakchaosx.core:Own", "fields": {}},
        {"dataclass": "weakchaos.core.nothing:Own", "fields": {}},
        {"dataclass": "weakchaos.core.system:Nothing", "fields": {}},
        {"dataclass": "weakchaos.core.system:as_seed", "fields": {}},
        {"dataclass": "weakchaos.runs.store:Path", "fields": {}},
        {"dataclass": "weakchaos.runs.store:Plan", "fields": {"draws": 1}},
        {"dataclass": "weakchaos.core.system:np.ndarray", "fields": {}},
        {"dataclass": "weakchaos.__main__:main", "fields": {}},
        {"dataclass": "weakchaos.core.errors:ArgumentError", "fields": {}},
        {"object": "weakchaos.core.errors:ArgumentError", "spec": {}, "arrays": {}},
        {"object": "subprocess:Popen", "spec": "true", "arrays": {}},
        {"what": 1},
    ],
)
def test_descriptions_of_what_is_not_of_the_package(data):
    with pytest.raises(StoreError, match="the store"):
        rebuild(data, {})


# ---- arguments ---------------------------------------------------------------------------------------------------------------------


def test_whole_numbers():
    assert [whole_number("n", v, 0) for v in (3, 3.0, np.int8(3), np.float64(3))] == [3, 3, 3, 3]
    assert type(whole_number("n", np.int8(3), 0)) is int
    assert whole_numbers("n", [3, 1.0], 1, 3).tolist() == [3, 1]
    assert whole_numbers("n", 2, 1, 3).tolist() == [2]
    with pytest.raises(ArgumentError, match="`n` must be a whole number from 1 to 5; got 6"):
        whole_number("n", 6, 1, 5)
    with pytest.raises(ArgumentError, match=r"of at least 0; got -inf"):
        whole_number("n", -math.inf, 0)
    for bad in ("3", None, [3], np.array([3]), 3j):
        with pytest.raises(ArgumentTypeError, match="`n` must be a whole number"):
            whole_number("n", bad, 0)


def test_messages_stay_short():
    assert len(shown(np.arange(1000))) <= 60
    assert shown("abc") == "'abc'"
