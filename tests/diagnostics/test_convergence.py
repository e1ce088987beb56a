"""Slopes of known laws, plateaus, and split R-hat."""

import numpy as np
import pytest

from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics import convergence_rate, split_rhat

T = np.unique(np.round(np.geomspace(100, 10**6, 33)))


@pytest.mark.parametrize("power", [-0.5, -1.0, -2.0])
def test_power_laws(power):
    result = convergence_rate(T, [c * T**power for c in (1.0, 2.0, 5.0)])
    assert float(result) == pytest.approx(power)
    assert result.stderr == pytest.approx(0, abs=1e-12)
    assert result.warnings == ()


def test_random_walk_errors():
    """Means of n independent numbers: slope -1/2 within 4 of its standard errors, which must be of the right size."""
    rng = np.random.default_rng(0)
    t = np.unique(np.round(np.geomspace(10, 20_000, 25))).astype(int)
    errors = np.abs(np.cumsum(rng.standard_normal((60, 20_000)), 1)[:, t - 1] / t)
    result = convergence_rate(t, errors)
    assert abs(float(result) + 0.5) < 4 * result.stderr
    assert 0.005 < result.stderr < 0.06


def test_plateau_is_named_and_only_then():
    plateau = convergence_rate(T, [1 / T + 1e-4, 1.1 / T + 1.2e-4, 0.9 / T + 0.9e-4])
    assert any("stops falling" in w for w in plateau.warnings)
    assert float(plateau) > -0.8
    for clean in ([1 / T, 2 / T], [T**-0.5, 1.1 * T**-0.5]):
        assert not any("stops falling" in w for w in convergence_rate(T, clean).warnings)


def test_zero_errors():
    assert "zero throughout" in convergence_rate([1, 2, 3], [[0.0, 0.0, 0.0]]).warnings[0]
    assert convergence_rate([1, 2, 4], [[1.0, 0.0, 0.25], [1.0, 0.5, 0.25]]).warnings
    assert convergence_rate([1, 2, 4], [1.0, 0.5, 0.25]).stderr is None


def test_fit_range():
    broken = np.where(T < 1000, 1.0, 1000 / T)
    assert float(convergence_rate(T, [broken, broken], (1000, 10**6))) == pytest.approx(-1)


def test_split_rhat():
    """Against the definition on the chains themselves, up to terms of order 1/n; stuck chains are found."""
    rng = np.random.default_rng(1)
    x = rng.random((6, 4000, 1)) < 0.3
    whole, first = x.mean(1), x[:, :2000].mean(1)
    rhat = split_rhat(first, whole, np.array([0.21]))
    halves = np.concatenate([x[:, :2000], x[:, 2000:]])[..., 0].astype(float)
    between, within = halves.mean(1).var(ddof=1), halves.var(1, ddof=1).mean()
    assert rhat[0] == pytest.approx(np.sqrt(1 + between / within), abs=1e-4)
    assert rhat[0] < 1.01
    assert split_rhat([[0.0], [1.0]], [[0.0], [1.0]], [0.25])[0] > 1.5
    assert split_rhat([[0.0], [1.0]], [[0.0], [1.0]], [0.0])[0] == np.inf
    assert split_rhat([[1.0], [1.0]], [[1.0], [1.0]], [0.0])[0] == 1.0


@pytest.mark.parametrize(
    "arguments",
    [
        ([1, 2], [1.0, 0.5]),
        ([1, 2, 3], [1.0, np.nan, 0.1]),
        ([3, 2, 1], [1.0, 1.0, 1.0]),
        ([1, 2, 3], [1.0, 0.5]),
        ([1, 2, 3], [1.0, 0.5, 0.2], (2, 3)),
    ],
)
def test_bad_input(arguments):
    with pytest.raises(ArgumentError):
        convergence_rate(*arguments)
