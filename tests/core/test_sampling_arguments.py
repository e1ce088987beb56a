"""Arguments of `sample` and `extend` that make no sense are refused with a message, never with a crash."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.core import densities as d
from tests.core.runs import run
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.runs.block import Plan
from weakchaos.runs.sampling import extend, sample
from weakchaos.samplers.hmc import HMC

nonsense = st.one_of(
    st.none(), st.text(max_size=4), st.floats(allow_nan=True).filter(lambda v: not (v >= 0 and v == v // 1)), st.integers(max_value=-1),
    st.booleans(), st.complex_numbers(), st.lists(st.integers(), max_size=2), st.binary(max_size=2), st.builds(object),
    st.sampled_from([math.inf, np.float32(1.5), np.array([2]), b"1", {}, 1j]),
)  # fmt: skip


@given(nonsense, st.sampled_from(["draws", "warmup", "thin", "chains"]))
def test_numbers_that_make_no_sense(value, name):
    assume(value is not None or name != "draws")  # its default
    with pytest.raises((ArgumentError, ArgumentTypeError), match=f"`{name}` must be a whole number"):
        run(d.numba_gaussian(), **{name: value})


@given(nonsense)
def test_extensions_that_make_no_sense(value):
    with pytest.raises((ArgumentError, ArgumentTypeError), match="`draws` must be a whole number"):
        extend(test_extensions_that_make_no_sense.trace, value)


test_extensions_that_make_no_sense.trace = run(d.numba_gaussian(), draws=2)  # type: ignore[attr-defined]


@given(
    st.one_of(
        nonsense.filter(lambda v: v is not None and not isinstance(v, list | np.ndarray)),
        st.just(0),
        st.just([0, 3]),
        st.just([3, 99]),
        st.just([[1, 2]]),
        st.just([1.5]),
    )
)
def test_checkpoints_that_make_no_sense(value):
    with pytest.raises((ArgumentError, ArgumentTypeError), match="`checkpoints` must hold"):
        run(d.numba_gaussian(), record="averages", checkpoints=value)


@given(st.one_of(st.none(), st.text(), st.integers(), st.builds(object), st.just(HMC), st.just(d.value), st.just([1.0])))
def test_targets_samplers_and_executors_that_are_none(value):
    if value is not None:  # None is the default of both
        with pytest.raises((ArgumentError, ArgumentTypeError), match="`executor`"):
            run(d.numba_gaussian(), executor=value)
        with pytest.raises(ArgumentTypeError, match="`sampler` must be"):
            sample(d.numba_gaussian(), value)
    with pytest.raises(ArgumentTypeError, match="`target`"):
        sample(value, HMC())


def test_messages_say_what_to_write():
    with pytest.raises(ArgumentTypeError, match=r"got the class HMC: write HMC\(\)"):
        sample(d.numba_gaussian(), HMC)
    with pytest.raises(ArgumentTypeError, match=r"write weakchaos.Density\(function, dim=...\)"):
        sample(d.value, HMC())
    with pytest.raises(ArgumentTypeError, match=r"got the class ThreadPoolExecutor: write ThreadPoolExecutor\(...\)"):
        run(d.numba_gaussian(), executor=ThreadPoolExecutor)
    with pytest.raises(ArgumentTypeError, match="`trace` must be a Trace"):
        extend(None)
    with pytest.raises(ArgumentError, match="`record` must be 'draws', 'averages' or 'observables'"):
        run(d.numba_gaussian(), record="everything")
    with pytest.raises(ArgumentError, match="`checkpoints` goes with record='averages'"):
        run(d.numba_gaussian(), checkpoints=[1])
    with pytest.raises(ArgumentError, match="`seed`"):
        run(d.numba_gaussian(), seed=-1)
    with pytest.raises(ArgumentError, match="`driver`"):
        run(d.numba_gaussian(), driver="no such driver")


@pytest.mark.parametrize("draws", [10**12, 10**18, 2**62])
def test_more_draws_than_memory(draws):
    with pytest.raises(MemoryError, match=r"GB are needed .* sample with record='averages'"):
        run(d.numba_gaussian(), draws=draws, warmup=0)


def test_more_steps_than_an_integer_holds():
    with pytest.raises(ArgumentError, match="steps"):
        run(d.numba_gaussian(), draws=2**40, thin=2**40)
    with pytest.raises(ArgumentError, match="`warmup`"):
        Plan(1, warmup=2**70)
