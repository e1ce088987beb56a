"""Gibbs sampling of normal distributions: the right distribution, the exact contraction, and what evenly spread streams make of it."""

import numpy as np
import pytest
from scipy.special import ndtri

import weakchaos as wc
from tests.calibration import broken_sampler
from tests.conformance import check_invariance
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.diagnostics import largest_exponent, lyapunov_spectrum
from weakchaos.samplers import GaussianGibbs

COVARIANCE = np.array([[2.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 0.5]])
MEAN = np.array([1.0, -2.0, 10.0])


def test_invariant_distribution():
    check_invariance(GaussianGibbs(), wc.zoo.gaussian(COVARIANCE, MEAN), MEAN, COVARIANCE.diagonal())


def test_a_wrong_conditional_is_noticed():
    broken = broken_sampler(
        GaussianGibbs(), "weakchaos.samplers.gaussian_gibbs", ("z / math.sqrt(precision[i, i])", "z / precision[i, i]")
    )
    with pytest.raises(AssertionError, match="standard errors from the truth"):
        check_invariance(broken, wc.zoo.gaussian(COVARIANCE, MEAN), MEAN, COVARIANCE.diagonal())


def test_draws_are_those_of_conditional_distributions():
    """A slow oracle: each coordinate from the textbook formula of its conditional distribution, with blocks of the covariance matrix."""
    system = GaussianGibbs().bind(wc.zoo.gaussian(COVARIANCE, MEAN))
    state = system.start(5, [0.0, 0.0, 0.0])
    u = np.random.PCG64()
    u.state = state.driver.bit_generator.state
    uniforms, x, expected = np.random.Generator(u).random((20, 3)), np.zeros(3), []
    for row in uniforms:
        for i in range(3):
            rest = [j for j in range(3) if j != i]
            weights = np.linalg.solve(COVARIANCE[np.ix_(rest, rest)], COVARIANCE[rest, i])
            variance = COVARIANCE[i, i] - weights @ COVARIANCE[rest, i]
            x[i] = MEAN[i] + weights @ (x[rest] - MEAN[rest]) + np.sqrt(variance) * ndtri(row[i])
        expected.append(x.copy())
    np.testing.assert_allclose(system.advance(state, 20), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rho", [0.3, 0.9])
def test_two_starts_meet_at_the_rate_of_gauss_and_seidel(rho):
    system = GaussianGibbs().bind(wc.zoo.correlated_gaussian(rho))
    assert float(largest_exponent(system, steps=200, separation=1e-3)) == pytest.approx(2 * np.log(rho), abs=1e-3)
    assert lyapunov_spectrum(system, k=1, steps=200).exponents[0] == pytest.approx(2 * np.log(rho), abs=1e-6)


def test_memory():
    assert GaussianGibbs().bind(wc.zoo.correlated_gaussian(0.1)).memory
    assert not GaussianGibbs().bind(wc.zoo.gaussian([1.0, 3.0])).memory


def variance_reduction(m, rho, seeds=200):
    """Variance under PCG64 over that under the shift register, of averages over chains that begin at draws of the distribution: of the means, of the second moments."""
    system_of = {name: GaussianGibbs().bind(wc.zoo.correlated_gaussian(rho), name) for name in ("pcg64", f"cud-{m}")}
    out = []
    for system in system_of.values():
        means = []
        for seed in range(seeds):
            state = system.start(seed)
            x = np.linalg.cholesky([[1.0, rho], [rho, 1.0]]) @ np.random.default_rng([seed, 1]).standard_normal(2)
            state.phase[:] = x
            draws = system.advance(state, 2**m - 1)
            means.append([*draws.mean(0), *(draws**2).mean(0) - 1.0])
        out.append(np.square(means).mean(0))
    return np.exp(np.log(out[0] / out[1]).reshape(2, 2).mean(1))


@pytest.mark.parametrize(("m", "least"), [(10, 50.0), (12, 200.0)])
@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_variance_of_means_is_reduced(m, least, rho):
    """Tribble and Owen (2008) find reductions of tens to hundreds for Gibbs samplers under such streams."""
    assert variance_reduction(m, rho)[0] >= least


def test_other_densities_are_refused():
    with pytest.raises(ArgumentError, match="must be a normal density"):
        GaussianGibbs().bind(wc.zoo.banana())
    with pytest.raises(ArgumentError, match="must be a normal density"):
        GaussianGibbs().bind(wc.zoo.gaussian_mixture())
    with pytest.raises(ArgumentTypeError, match="a Density"):
        GaussianGibbs().bind(wc.Ising.lattice((2, 2), 0.1))
    flat = wc.Density(lambda x: -(abs(x[0]) ** 3), dim=1)
    with pytest.raises(ArgumentError, match="must be a normal density"):
        GaussianGibbs().bind(flat)
