"""Flows of deterministic Gibbs sampling say where they cut the line, and that an orbit is locked."""

import warnings

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.core.errors import ConvergenceWarning
from weakchaos.samplers.gibbs_flow.line import cut_coordinates, locked


def normal(mean, sd):
    return lambda x: -0.5 * float(np.sum(((np.asarray(x) - mean) / sd) ** 2))


def frame(dim, location=0.0, scale=1.0):
    return np.array([np.full(dim, location), np.full(dim, scale), np.ones(dim)])


@pytest.mark.parametrize(("mean", "sd"), [(0.0, 3.0), (5.0, 1.0), (0.0, 40.0), (-200.0, 1.0), (1e3, 0.5)])
def test_a_line_that_is_cut_is_named_with_one_that_holds_the_density(mean, sd):
    target = normal(np.array([mean, 0.0]), np.array([sd, 1.0]))
    found = cut_coordinates(target, np.zeros(2), frame(2))
    assert list(found) == [0]
    location, scale = found[0]
    assert location - 6 * scale < mean - 5 * sd
    assert location + 6 * scale > mean + 5 * sd


def test_a_line_that_holds_the_density_is_not_named():
    assert not cut_coordinates(normal(0.0, 1.0), np.array([2.0]), frame(1))
    assert not cut_coordinates(normal(10.0, 3.0), np.array([9.0]), frame(1, 10.0, 3.0))
    # A second mode beyond the end is mass beyond, though the density is small at the end itself.
    two = lambda x: float(np.logaddexp(-0.5 * x[0] ** 2, -0.5 * ((x[0] - 22.0) / 2.0) ** 2))  # noqa: E731
    assert cut_coordinates(two, np.zeros(1), frame(1))


def test_a_run_warns_of_a_cut_line_and_not_of_a_whole_one():
    wide = wc.Density(normal(0.0, 3.0), dim=1)
    with pytest.warns(ConvergenceWarning, match="cuts off the line of x0"):
        wc.sample(wide, wc.samplers.DeterministicGibbs(), draws=20, chains=1, warmup=0, seed=1, progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trace = wc.sample(wide, wc.samplers.DeterministicGibbs(scale=3.0), draws=200, chains=1, warmup=0, seed=1, progress=False)
    assert trace.draws.std() == pytest.approx(3.0, abs=0.15)


def test_a_locked_orbit_is_told_from_one_that_is_not():
    t = np.arange(500.0)
    assert locked((t % 32)[:, None]).numbers["distinct"] == 32
    assert locked(((t * 0.6180339887) % 1.0)[:, None]) is None
    assert locked((t[:20] % 2)[:, None]) is None  # too few to judge
