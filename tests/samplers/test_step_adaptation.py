"""The step size that follows the acceptance, and the schedule of windows."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weakchaos.samplers import step_adaptation as a


@given(st.integers(20, 20000))
def test_windows_grow_and_leave_room_for_the_last_buffer(total):
    ends = a.window_ends(total)
    lengths = np.diff(np.concatenate([[0], ends]))
    assert (lengths > 0).all()
    assert ends[-1] == total - min(a.LAST_BUFFER, total // 4)
    assert (lengths[1:] >= lengths[:-1]).all()
    if len(lengths) > 2:
        np.testing.assert_allclose(lengths[1:-1] / lengths[:-2], 1.7, atol=0.15)


def test_short_warm_up_has_no_window():
    assert a.window_ends(19).size == 0


@pytest.mark.parametrize(("delta", "decay"), [(0.8, 1.0), (0.6, 3.0)])
@pytest.mark.parametrize("start", [0.5, 2.0])
def test_it_finds_the_step_of_the_wanted_acceptance(delta, decay, start):
    """The acceptance of the toy is exp(-decay eps), so the root is eps = -log(delta)/decay; a hundred steps with the noise of a
    tree of seven points are enough from the start that the search by powers of two leaves."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(200):
        averaging, step = np.zeros(4), -start * math.log(delta) / decay
        a.restart(averaging, step)
        for _ in range(100):
            step = a.follow(averaging, rng.binomial(7, math.exp(-decay * step)) / 7, delta)
        found.append(a.average_step(averaging))
    assert np.exp(-decay * np.median(found)) == pytest.approx(delta, abs=0.04)


def test_it_is_the_recursion_of_robbins_and_monro_with_averaging():
    averaging, alphas = np.zeros(4), [0.2, 0.9, 1.0, 0.0, 0.7]
    a.restart(averaging, 0.3)
    x, path = math.log(0.3), []
    for t, alpha in enumerate(alphas, 1):
        step = a.follow(averaging, alpha, 0.65)
        x += t**-0.6 * (alpha - 0.65)
        path.append(x)
        assert step == pytest.approx(math.exp(x), rel=1e-14)
    weights = np.arange(1, 6)
    assert a.average_step(averaging) == pytest.approx(math.exp(weights @ path / weights.sum()), rel=1e-14)


def test_a_first_step_is_looked_for_once():
    averaging = np.zeros(4)
    assert a.to_be_found(averaging, np.array([np.nan]))
    a.restart(averaging, 0.1)
    assert not a.to_be_found(averaging, np.array([0.1]))
    a.look_again(averaging)
    assert a.to_be_found(averaging, np.array([0.1]))
