"""The Ising study: its estimators on data whose answer is known, and a short run."""

import numpy as np
import pytest

from weakchaos.experiments.ising_criticality import CRITICAL, EXACT, critical_point, integrated_time, run, steepest

SIDES, TEMPERATURES = (8, 16, 32, 64), np.linspace(2.2, 2.4, 5)


def scaled(tc, y, magnetic, susceptible, correction):
    """Moments that obey finite-size scaling exactly, up to curvature of <|m|> and <m^2> in T."""
    side, t = np.array(SIDES, float)[:, None], TEMPERATURES[None]
    u = (t - tc) * side**y
    cumulant = 0.61 - 0.02 * u - 0.001 * u**2 + correction * side**-1.75
    first = 1.0 * side**-magnetic * (1 - 0.05 * (t - tc))
    second = 1.1 * side ** (susceptible - 2) * (1 - 0.1 * (t - tc))
    return np.stack([first, second, 3 * (1 - cumulant) * second**2], -1)


@pytest.mark.parametrize("correction", [0.0, 0.2])
def test_exponents_of_exact_scaling(correction):
    found = critical_point(SIDES, TEMPERATURES, scaled(2.31, 0.9, 0.2, 1.6, correction), np.full((4, 5, 3), 1e-3))
    assert abs(found["Tc"] - 2.31) < 1e-5
    assert abs(found["1/nu"] - 0.9) < 1e-4
    assert abs(found["U*"] - 0.61) < 1e-5
    assert abs(found["beta/nu"] - 0.2) < 1e-4
    assert abs(found["gamma/nu"] - 1.6) < 1e-4
    assert found["misfit"] < 1e-6


def test_misfit_tells_data_that_do_not_scale():
    moments = scaled(2.31, 0.9, 0.2, 1.6, 0.0)
    moments[2, :, 2] *= 1.02
    assert critical_point(SIDES, TEMPERATURES, moments, np.full((4, 5, 3), 1e-3))["misfit"] > 5


def test_integrated_time_of_an_autoregression(rng):
    """(1 + r) / (2 (1 - r)) for correlations r^k."""
    r, x = 0.9, np.zeros(200_000)
    noise = rng.normal(size=x.size)
    for k in range(1, x.size):
        x[k] = r * x[k - 1] + noise[k]
    assert abs(integrated_time(x) - 9.5) < 1.0


def test_steepest_place_and_its_error(rng):
    t = np.linspace(1.0, 3.0, 17)
    curve = np.tanh(2 * (t - 2.2))
    place, error = steepest(t, curve + 0.01 * rng.normal(size=t.size), np.full(t.size, 0.01), rng)
    assert abs(place - 2.2) < 5 * error
    assert 0.001 < error < 0.1


def test_quick_run(seed):
    found = run(quick=True, seed=seed % 1000)
    assert found.verdict == "undecided"
    value = {(row["sampler"], row["quantity"]): row["value"] for row in found.rows}
    for name in ("Gibbs", "herded Gibbs", "chaotic Boltzmann machine"):
        assert abs(value[name, "Tc"] - CRITICAL) < 0.2
        assert abs(value[name, "beta/nu"] - EXACT["beta/nu"]) < 0.1
        assert abs(value[name, "gamma/nu"] - EXACT["gamma/nu"]) < 0.2
    assert all(0 < row["stderr"] < 0.1 for row in found.rows if row["quantity"] == "Tc")
    assert value["chaotic Boltzmann machine", "memory at L = 16"] < value["Gibbs", "memory at L = 16"]
    exponents = found.panels[2].curves[0]
    assert np.argmax(exponents.y) in range(3, 7)  # largest above Tc, small in the cold and in the heat
    assert exponents.y[0] < 0.4 * max(exponents.y)
    assert exponents.y[-1] < 0.9 * max(exponents.y)
    assert abs(found.data["herded_exponent"]) < 1e-6
