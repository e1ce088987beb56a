"""Completely uniformly distributed streams: full periods, every number once for every number of a step, and the gain over random numbers."""

import math
import warnings

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.special import ndtri

import weakchaos as wc
from weakchaos.core.errors import ArgumentError, ConvergenceWarning
from weakchaos.core.flags import Kind
from weakchaos.core.system import State
from weakchaos.drivers import CUD, resolve
from weakchaos.drivers.cud_constants import CONSTANTS
from weakchaos.drivers.cud_streams import jump_tables, power_of_x

SHIFTS = 72  # where the shifts stand in the words of a stream
PAIR = wc.PairwiseMRF([[0.0, 3.0], [3.0, 0.0]], [-1.2, -1.5])


def read(driver, n, seed=1):
    return driver.advance(driver.start(seed), n)[:, 0]


def without_shift(driver, seed=1):
    """A stream of the register alone."""
    stream = driver.open(seed)
    stream.words[SHIFTS : SHIFTS + (driver.per_step or 1)] = 0
    return driver.restore(stream.to_bytes())


def divisors_of_prime_order(n):
    found, d = set(), 2
    while d * d <= n:
        while n % d == 0:
            found.add(d)
            n //= d
        d += 1
    return found | ({n} if n > 1 else set())


@pytest.mark.parametrize("m", range(10, 33))
def test_every_polynomial_is_primitive_and_every_stride_coprime(m):
    polynomial, stride = CONSTANTS[m]
    period = 2**m - 1
    assert polynomial.bit_length() - 1 == m
    assert math.gcd(stride, period) == 1
    # x has the order 2**m - 1: its power is 1 there and at no proper divisor.
    assert power_of_x(period, polynomial) == 1
    assert all(power_of_x(period // q, polynomial) != 1 for q in divisors_of_prime_order(period))


@pytest.mark.parametrize("m", [10, 13, 16, 18])
def test_a_period_holds_every_state_once(m):
    driver = CUD(m)
    u = driver.advance(State(driver=without_shift(driver)), 2 * driver.length)[:, 0]
    assert len(np.unique((u[: driver.length] * 2**m).astype(int))) == 2**m - 1
    assert np.array_equal(u[: driver.length], u[driver.length :])


@pytest.mark.parametrize("m", [10, 17, 20, 25])
def test_numbers_are_the_bits_of_the_register(m):
    """Against a register that is shifted bit by bit, by x**n modulo the polynomial: bit n is the sum of the coefficients times the first m bits."""
    polynomial, stride = CONSTANTS[m]
    u = CUD(m).advance(State(driver=without_shift(CUD(m))), 200)[:, 0]
    first = [int(u[0] * 2**53) >> (52 - k) & 1 for k in range(m)]
    for i in (1, 2, 3, 4, 5, 63, 64, 65, 199):
        power, bits = power_of_x(stride * i, polynomial), 0
        for _ in range(53):
            bits = 2 * bits + sum(bit for k, bit in enumerate(first) if power >> k & 1) % 2
            power <<= 1
            if power >> m & 1:
                power ^= polynomial
        assert u[i] == bits * 2.0**-53


def test_a_wrong_tap_is_noticed():
    polynomial, stride = CONSTANTS[12]
    assert not np.array_equal(jump_tables(polynomial ^ 0b110, stride), jump_tables(polynomial, stride))
    assert power_of_x(2**12 - 1, 0b1111111111111) != 1 or any(
        power_of_x((2**12 - 1) // q, 0b1111111111111) == 1 for q in (3, 5, 7, 13)
    )


@pytest.mark.parametrize(("m", "d"), [(10, 2), (10, 3), (12, 15), (11, 23), (10, 1023), (10, 2046)])
def test_each_number_of_a_step_takes_every_value_once(m, d):
    """Whatever common factor the numbers of a step have with the period: in 2**m - 1 steps each column is the whole register."""
    driver = CUD(m, per_step=d)
    u = driver.advance(State(driver=without_shift(driver)), d * driver.length)[:, 0].reshape(-1, d)
    values = (u[:, :: max(d // 16, 1)] * 2**m).astype(int)
    assert all(len(np.unique(column)) == 2**m - 1 for column in values.T)


def test_each_number_of_a_step_has_a_shift_of_its_own():
    u = read(CUD(10, per_step=2), 2 * 1023).reshape(-1, 2)
    stream = CUD(10, per_step=2).open(np.random.SeedSequence(1))
    assert stream.words[SHIFTS] != stream.words[SHIFTS + 1]
    assert abs(u.mean(0) - 0.5).max() < 1e-3


def test_a_sampler_tells_how_many_numbers_a_step_takes():
    system = wc.samplers.Gibbs().bind(PAIR, driver="cud-12")
    state = system.start(1)
    assert int(state.driver.words[SHIFTS - 1]) == 2
    system.advance(state, 4095)
    again = system.load_state(state.to_bytes())
    assert np.array_equal(system.advance(again, 50), system.advance(state, 50))
    assert CUD(12).restore(state.driver.to_bytes()).to_bytes() == state.driver.to_bytes()


def median_errors(target, sampler, truth, m, square=False, seeds=32, told=False):
    out = []
    for driver in (f"cud-{m}", "pcg64"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore" if told else "error", ConvergenceWarning)
            trace = wc.sample(target, sampler, draws=2**m - 1, warmup=0, chains=seeds, seed=3, driver=driver, progress=False)
        draws = trace.draws.astype(float)
        draws = draws**2 if square else draws
        out.append(np.median(np.abs(draws.mean(1) - truth).max(1)))
    return out


@pytest.mark.parametrize(("m", "gain"), [(16, 2.0), (18, 3.0)])
def test_two_units_gain(m, gain):
    truth = PAIR.truth()[0][1::2]
    cud, random = median_errors(PAIR, wc.samplers.Gibbs(), truth, m)
    assert random >= gain * cud


@pytest.mark.parametrize(("square", "gain"), [(False, 30.0), (True, 5.0)])
def test_two_normal_variables_gain(square, gain):
    """Gibbs sampling of two normal variables of correlation 0.5, two numbers a sweep."""
    m, rho, seeds = 18, 0.5, 32
    error = {}
    for driver in (CUD(m, per_step=2), resolve("pcg64")):
        out = []
        for seed in range(seeds):
            z = ndtri(np.clip(read(driver, 2 * (2**m - 1), seed), 2.0**-54, None)).reshape(-1, 2) * math.sqrt(1 - rho**2)
            # x = rho y + z_1, y' = rho x + z_2: y is an autoregression of coefficient rho**2.
            y = lfilter([1.0], [1.0, -(rho**2)], rho * z[:, 0] + z[:, 1])
            x = rho * np.concatenate([[0.0], y[:-1]]) + z[:, 0]
            values = np.array([x, y]) ** 2 - 1.0 if square else np.array([x, y])
            out.append(np.abs(values.mean(1)).max())
        error[driver.name] = np.median(out)
    assert error["pcg64"] >= gain * error[f"cud-{m}"]


def test_a_stride_of_one_is_worse_than_random_numbers(monkeypatch):
    """The negative control: overlapping words are a stream that a chain must not be fed with, although its numbers are as even."""
    truth = PAIR.truth()[0][1::2]
    monkeypatch.setitem(CONSTANTS, 16, (CONSTANTS[16][0], 1))
    cud, random = median_errors(PAIR, wc.samplers.Gibbs(), truth, 16, told=True)  # chains are found to disagree, too
    assert cud > 3 * random


@pytest.mark.parametrize(("draws", "kind"), [(4095, None), (2 * 4095, Kind.STREAM_LENGTH), (3000, Kind.STREAM_LENGTH)])
def test_runs_of_another_length_are_told(draws, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        trace = wc.sample(PAIR, wc.samplers.Gibbs(), draws=draws, warmup=0, seed=1, driver="cud-12", progress=False)
    kinds = {flag.kind for flag in trace.check()}
    assert (Kind.STREAM_LENGTH in kinds) == (kind is not None)
    assert Kind.STREAM_MEMORY not in kinds


def test_steps_that_take_a_varying_number_are_told():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        trace = wc.sample(
            wc.zoo.gaussian([1.0]), wc.samplers.Slice(), draws=1023, warmup=0, seed=1, driver="cud-10", progress=False
        )
    found = [flag for flag in trace.check() if flag.kind is Kind.STREAM_LENGTH]
    assert len(found) == 1
    assert "take the same number of uniforms" in found[0].sentence


def test_compare_tells_of_the_length_too():
    report = wc.compare(
        PAIR, {"whole": (wc.samplers.Gibbs(), "cud-12", 4095), "part": (wc.samplers.Gibbs(), "cud-16", 4095)}, draws=4095, repeats=4
    )
    found = [{flag.kind for flag in entrant.flags} for entrant in report.entrants]
    assert Kind.STREAM_LENGTH not in found[0]
    assert Kind.STREAM_LENGTH in found[1]


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="`degree` must be a whole number from 10 to 32"):
        CUD(9)
    with pytest.raises(ArgumentError, match="`per_step`"):
        CUD(12, per_step=0)
    with pytest.raises(ArgumentError, match="`degree`"):
        resolve("cud-33")
    data = CUD(12, per_step=2).open(1).to_bytes()
    for wrong in (b"", data[:-8], data[:8] + b"\xff" * 8 + data[16:], b"\xff" * 8 + data[8:], data[:24] + bytes(8) + data[32:]):
        with pytest.raises(ArgumentError, match="`data` must be what a cud-12 stream"):
            CUD(12, per_step=2).restore(wrong)
