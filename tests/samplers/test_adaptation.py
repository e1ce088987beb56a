"""Warm-up: schedule, dual averaging, windows of variances, the first step."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weakchaos.samplers import adaptation as a


def test_windows_are_those_of_stan():
    # Stan reference manual, "Automatic parameter tuning": 75 steps, windows of 25, 50, 100, ... steps, 50 steps.
    assert a.windows(1000).tolist() == [75, 100, 150, 250, 450, 950]
    assert a.windows(500).tolist() == [75, 100, 150, 250, 450]
    assert a.windows(150).tolist() == [75, 100]
    assert a.windows(100).tolist() == [15, 90]
    assert a.windows(19).size == 0


@given(st.integers(20, 20000))
def test_windows_double_and_fill_what_the_buffers_leave(total):
    edges = a.windows(total)
    assert 0 < edges[0] < edges[-1] < total
    lengths = np.diff(edges)
    assert (lengths > 0).all()
    if total >= 150:
        assert edges[0] == 75
        assert edges[-1] == total - 50
        assert (lengths[:-1] == 25 * 2 ** np.arange(len(lengths) - 1)).all()
        assert lengths[-1] >= 25 * 2 ** (len(lengths) - 1)


@pytest.mark.parametrize(("delta", "decay"), [(0.8, 1.0), (0.6, 3.0)])
def test_dual_averaging_finds_the_step_of_the_wanted_acceptance(delta, decay):
    """The acceptance of the toy is exp(-decay eps), so the fixed point is eps = -log(delta)/decay."""
    averaging = np.zeros(4)
    a.restart(averaging, 1.0)
    step = 1.0
    for _ in range(2000):
        step = a.update_step(averaging, math.exp(-decay * step), delta)
    assert a.average_step(averaging) == pytest.approx(-math.log(delta) / decay, rel=0.02)


def test_dual_averaging_is_the_recursion_of_the_paper():
    averaging, mu, alphas = np.zeros(4), math.log(10 * 0.3), [0.2, 0.9, 1.0, 0.0, 0.7]
    a.restart(averaging, 0.3)
    h, bar = 0.0, 0.0
    for t, alpha in enumerate(alphas, 1):
        step = a.update_step(averaging, alpha, 0.65)
        h = (1 - 1 / (t + 10)) * h + (0.65 - alpha) / (t + 10)
        x = mu - math.sqrt(t) / 0.05 * h
        bar = t**-0.75 * x + (1 - t**-0.75) * bar
        assert step == pytest.approx(math.exp(x), rel=1e-14)
    assert a.average_step(averaging) == pytest.approx(math.exp(bar), rel=1e-14)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_a_window_holds_the_variances(offset):
    x = offset + np.random.default_rng(2).normal(size=(400, 3)) * [1.0, 10.0, 0.01]
    window, mass = np.zeros(7), np.ones(3)
    for row in x:
        a.add_to_window(window, row)
    np.testing.assert_allclose(window[1:4], x.mean(0), rtol=1e-12)
    assert a.close_window(window, mass)
    logs = np.log(x.var(0, ddof=1))
    np.testing.assert_allclose(np.log(mass), (400 * logs + 5 * logs.mean()) / 405, rtol=1e-7)
    assert not window.any()


def test_units_change_no_shape_of_the_metric():
    x = np.random.default_rng(2).normal(size=(30, 2)) * [1.0, 5.0]
    masses = []
    for unit in (1.0, 1e-5):
        window, mass = np.zeros(5), np.ones(2)
        for row in unit * x:
            a.add_to_window(window, row)
        a.close_window(window, mass)
        masses.append(mass / unit**2)
    np.testing.assert_allclose(*masses, rtol=1e-9)


def test_a_window_in_which_nothing_moved_changes_nothing():
    window, mass = np.zeros(5), np.array([2.0, 3.0])
    for k in range(10):
        a.add_to_window(window, np.array([1.0, float(k)]))
    assert not a.close_window(window, mass)
    assert mass.tolist() == [2.0, 3.0]
    assert not window.any()
