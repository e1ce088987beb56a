"""Flows of deterministic Gibbs sampling say where they cut the line, and that an orbit is locked."""

import math
import warnings

import numpy as np
import pytest
from numba import njit

import weakchaos as wc
from weakchaos.core.counters import EVALUATIONS
from weakchaos.core.errors import ConvergenceWarning, SamplingError
from weakchaos.samplers import DeterministicGibbs
from weakchaos.samplers.gibbs_flow.line import cut_coordinates, fitted_lines, locked
from weakchaos.samplers.gibbs_flow.unlock import came_back


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


@njit
def wide_logp(x):
    return -x[0] * x[0] / 18.0


def test_a_run_warns_of_a_cut_line_and_not_of_a_whole_one():
    wide = wc.Density(wide_logp, dim=1)
    with pytest.warns(ConvergenceWarning, match="cuts off the line of x0"):
        wc.sample(
            wide, wc.samplers.DeterministicGibbs(location=0.0, scale=1.0), draws=20, chains=1, warmup=0, seed=1, progress=False
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trace = wc.sample(wide, wc.samplers.DeterministicGibbs(), draws=200, chains=1, warmup=0, seed=1, progress=False)
    assert trace.draws.std() == pytest.approx(3.0, abs=0.15)


def test_a_locked_orbit_is_told_from_one_that_is_not():
    t = np.arange(500.0)
    assert locked((t % 32)[:, None]).numbers["distinct"] == 32
    assert locked(((t * 0.6180339887) % 1.0)[:, None]) is None
    assert locked((t[:20] % 2)[:, None]) is None  # too few to judge


@njit
def round_logp(x):
    return -0.5 * np.sum(x * x) / 9.0


@pytest.mark.filterwarnings("ignore:the orbit of DeterministicGibbs came back")
@pytest.mark.parametrize(
    ("speeds", "period", "method"), [([0.5], 2, "rk4"), ([1.0], 1, "rk4"), ([5 / 17], 17, "rk4"), ([2 / 3], 3, "dop853")]
)
def test_an_orbit_that_comes_back_is_moved_on(speeds, period, method, monkeypatch):
    """With N(0, 9) as its own reference the flow of one coordinate is a rotation: by a rational part of a turn it has `period` places."""
    target = wc.Density(round_logp, dim=1)
    flow = DeterministicGibbs(location=0.0, scale=3.0, speeds=speeds, method=method)
    draws = 1000 if method == "rk4" else 60
    trace = wc.sample(target, flow, draws=draws, warmup=0, chains=1, seed=1, progress=False)
    x = trace.draws[0, :, 0]
    assert len(np.unique(x.round(6))) > 0.9 * draws
    if method == "rk4":
        assert abs(x.mean()) < 0.1
        assert x.std() == pytest.approx(3.0, abs=0.05)
    note = next(f for f in trace.flags if f.kind == "moved_on")
    assert note.severity == "note"
    assert note.numbers["period"] == period
    assert not any(f.kind == "locked" for f in trace.flags)
    # Whether it is moved on is a matter of the state: the same in one run as in two.
    half = wc.extend(
        wc.sample(target, flow, draws=draws // 2, warmup=0, chains=1, seed=1, progress=False), draws=draws - draws // 2
    )
    assert np.array_equal(half.draws, trace.draws)
    # Negative control: left alone, it keeps to its places.
    if method == "dop853":
        monkeypatch.setattr("weakchaos.samplers.gibbs_flow.adaptive.came_back", lambda *_: False)
        alone = wc.sample(target, flow, draws=draws, warmup=0, chains=1, seed=1, progress=False).draws[0, :, 0]
        assert len(np.unique(alone.round(4))) <= 2 * period


@pytest.mark.parametrize(
    ("dim", "options", "draws"), [(1, {}, 1500), (1, {"time": 0.1}, 1500), (2, {}, 1000), (3, {"time": 2.0}, 400)]
)
def test_an_orbit_that_does_not_come_back_is_left_alone(dim, options, draws):
    """The negative control: powers of algebraic integers are badly approximable, and so are simple multiples of them.

    The more coordinates, the fewer chances has a place to be taken for an old one: a volume of radius r is r^dim.
    """
    flow = DeterministicGibbs(location=0.0, scale=3.0, **options)
    trace = wc.sample(wc.Density(round_logp, dim=dim), flow, draws=draws, warmup=0, chains=1, seed=2, progress=False)
    assert not any(f.kind in ("moved_on", "locked") for f in trace.flags)


def test_places_that_hardly_move_are_not_taken_for_the_same():
    """In a narrow density each step is short: what is near after a few steps has not been anywhere else. A full turn makes the difference."""
    for turned in (False, True):
        memory, found = np.zeros(6), []
        for t in range(200):
            found.append(came_back(np.array([0.3 + 1e-5 * t]), turned, memory))
        assert any(found) == turned
    memory = np.zeros(6)
    golden = 0.6180339887498949
    assert not any(came_back(np.array([(golden * t) % 1.0]), True, memory) for t in range(5000))
    memory = np.zeros(6)
    assert [came_back(np.array([(t * 3 / 7) % 1.0]), True, memory) for t in range(16)].index(
        True
    ) == 14  # kept after 7 steps, seen again 7 later


@njit
def gamma_logp(x):
    return math.log(x[0]) - x[0] if x[0] > 0 else -np.inf


@njit
def triangle_logp(x):
    return 0.0 if x[0] > 0 and x[1] > 0 and x[0] + x[1] < 1 else -np.inf


@njit
def tight_logp(x):
    return -0.5 * (x[0] ** 2 - 2 * 0.99 * x[0] * x[1] + x[1] ** 2) / (1 - 0.99**2)


@njit
def units_logp(x):
    return -0.5 * ((x[0] - 3e9) / 1e8) ** 2 - 0.5 * (x[1] / 1e-7) ** 2


ANYWHERE = np.array([-np.inf, -np.inf]), np.array([np.inf, np.inf])


def test_a_line_is_found_from_the_density():
    """Six standard deviations of each marginal of a normal, in any units, and of one whose conditional densities are seven times as narrow."""
    location, scale = fitted_lines(wc.Density(units_logp, dim=2).logp, np.zeros(2), *ANYWHERE)
    assert np.abs((location - [3e9, 0.0]) / [1e8, 1e-7]).max() < 0.5
    assert np.abs(scale / [1e8, 1e-7] - 1).max() < 0.15
    location, scale = fitted_lines(wc.Density(tight_logp, dim=2).logp, np.zeros(2), *ANYWHERE)
    assert (6 * scale - np.abs(location) > 2.7).all()
    assert (scale < 1.5).all()


def test_a_line_holds_a_skewed_density_about_its_mass():
    location, scale = fitted_lines(wc.Density(gamma_logp, dim=1).logp, np.ones(1), ANYWHERE[0][:1], ANYWHERE[1][:1])
    assert 1 < location[0] < 3
    assert location[0] + 6 * scale[0] > 20


@pytest.mark.parametrize(
    ("logp", "start", "means", "sds"),
    [(gamma_logp, [1.0], [2.0], [math.sqrt(2)]), (triangle_logp, [0.2, 0.3], [1 / 3, 1 / 3], [math.sqrt(1 / 18)] * 2)],
)
def test_where_the_density_is_zero_an_orbit_crosses_in_no_time(logp, start, means, sds):
    """Gamma(2, 1) on the half-line, and the uniform density on a triangle, whose sides are no walls of the coordinates."""
    target = wc.Density(logp, dim=len(start), start=start)
    trace = wc.sample(target, wc.samplers.DeterministicGibbs(), draws=600, chains=2, warmup=0, seed=3, progress=False)
    x = np.asarray(trace.draws).reshape(-1, len(start))
    assert np.isfinite([logp(y) for y in x]).all()
    assert np.abs(x.mean(0) - means).max() < 0.06 * max(sds)
    assert np.abs(x.std(0) / sds - 1).max() < 0.06
    # The nodes of a circle come into and go out of a triangle one by one, and each is a jump of the speed that is found to 1e-7 of a turn.
    assert trace.states[0].counters[EVALUATIONS] / 600 < 150_000


@njit
def speck_logp(x):
    return 0.0 if abs(x[0]) < 1e-7 else -np.inf


@pytest.mark.parametrize("method", ["rk4", "dop853"])
def test_a_draw_that_meets_no_density_ends(method):
    """A support of a ten-millionth of the circle is stepped over; the run says so and does not go round for ever."""
    target = wc.Density(speck_logp, dim=1, start=[0.0])
    sampler = wc.samplers.DeterministicGibbs(bounds=(-1.0, 1.0), method=method, nodes=2)
    with pytest.raises(SamplingError, match="so little density"):
        wc.sample(target, sampler, draws=2, chains=1, warmup=0, seed=1, initial=[0.0], progress=False)
