"""Stein points in their greedy and herding forms, by random search and by short chains."""

import numpy as np
import pytest

import weakchaos as wc
from tests.herding import naive_herding as naive
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.diagnostics import ksd
from weakchaos.herding import stein_points

MATRIX = np.array([[1.0, 0.3], [0.3, 0.7]])


@pytest.mark.parametrize("preconditioner", [1.0, 2.0, MATRIX])
def test_the_discrepancy_on_the_way_is_that_of_the_points(preconditioner):
    found = stein_points(wc.zoo.gaussian([1.0, 1.0]), 12, preconditioner=preconditioner, seed=4)
    np.testing.assert_allclose(
        found.mmd, ksd(found.points, -found.points, preconditioner=preconditioner, cumulative=True), rtol=1e-9
    )


def test_each_point_is_close_to_the_best_on_a_grid():
    """In one dimension the minimum can be had by trying all places."""
    found = stein_points(wc.zoo.gaussian([1.0]), 8, seed=2)
    grid = np.linspace(-4, 4, 4001)[:, None]
    for n in range(8):
        x = found.points[:n]

        def value(y, x=x):
            return 0.5 * naive.stein_kernel(y, y, -y, -y, np.eye(1)) + sum(naive.stein_kernel(z, y, -z, -y, np.eye(1)) for z in x)

        best = min(value(y) for y in grid[::10])
        assert value(found.points[n]) < best + 2e-3


def test_the_first_point_is_the_mode():
    """k0(x, x) is the squared gradient and a constant."""
    found = stein_points(wc.zoo.gaussian([1.0, 2.0]), 1, seed=0)
    np.testing.assert_allclose(found.points[0], 0.0, atol=0.02)


@pytest.mark.parametrize("form", ["greedy", "herding"])
def test_points_beat_independent_draws(form):
    target = wc.zoo.gaussian([1.0, 1.0])
    rng = np.random.default_rng(0)
    draws = np.mean([ksd(y := rng.normal(size=(40, 2)), -y) for _ in range(20)])
    found = stein_points(target, 40, form=form, seed=1)
    assert found.mmd[-1] < 0.6 * draws
    assert np.abs(found.points).max() < 4
    assert found.indices is None
    assert found.weights.sum() == pytest.approx(1.0)
    np.testing.assert_array_equal(found.points, stein_points(target, 40, form=form, seed=1).points)


@pytest.mark.parametrize("start", ["influential", "last", "random"])
def test_stein_point_mcmc(start):
    target = wc.zoo.gaussian([1.0, 1.0])
    found = stein_points(target, 30, search=wc.samplers.RandomWalkMetropolis(1.0), start=start, seed=1)
    assert found.mmd[-1] < 0.25
    assert found.details["gradients"] < 30 * 70
    again = stein_points(target, 30, search=wc.samplers.RandomWalkMetropolis(1.0), start=start, seed=1)
    np.testing.assert_array_equal(found.points, again.points)


def test_points_stay_in_the_support():
    """A density on the positive half line whose gradient is zero outside: places outside are never chosen."""
    target = wc.Density(lambda x: 2 * np.log(x[0]) - x[0] if x[0] > 0 else -np.inf, dim=1,
                        grad=lambda x: np.array([2 / x[0] - 1 if x[0] > 0 else 0.0]), start=lambda rng: np.array([rng.gamma(3.0)]))  # fmt: skip
    found = stein_points(target, 20, width=2.0, seed=3)
    assert (found.points > 0).all()


def test_what_cannot_be_used_is_refused():
    target = wc.zoo.gaussian([1.0])
    for call, match in (
        (lambda: stein_points(target, 0), "`size`"),
        (lambda: stein_points(target, 5, form="steep"), "`form`"),
        (lambda: stein_points(target, 5, search="all"), "`search`"),
        (lambda: stein_points(target, 5, width=0.0), "`width`"),
        (lambda: stein_points(target, 5, preconditioner="med"), "`preconditioner`"),
        (lambda: stein_points(target, 5, start="best"), "`start`"),
    ):
        with pytest.raises(ArgumentError, match=match):
            call()
    with pytest.raises(ArgumentTypeError, match="Density"):
        stein_points(wc.Points([[0.0], [1.0]]), 5)
