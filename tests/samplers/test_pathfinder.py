"""Pathfinder: its estimate of the inverse Hessian against the recursion that defines it, its normals on Gaussians, starts of chains."""

import warnings

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.core.counters import WARMUP_GRADIENTS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.flags import Kind, Severity
from weakchaos.samplers.pathfinder import inverse_hessian, normal_approximation


def test_the_compact_form_is_the_recursion_of_bfgs():
    """H <- (1 - r s y^T) H (1 - r y s^T) + r s s^T, r = 1 / y.s: Nocedal and Wright, Numerical Optimization (2006), equation 6.17."""
    rng = np.random.default_rng(1)
    for dim, m in ((4, 1), (5, 3), (3, 6)):
        root = rng.normal(size=(dim, dim))
        curvature = root @ root.T + np.eye(dim)
        steps = rng.normal(size=(m, dim))
        differences = steps @ curvature
        a = np.exp(rng.normal(size=dim))
        h = np.diag(a)
        for s, y in zip(steps, differences, strict=True):
            r = 1.0 / (s @ y)
            v = np.eye(dim) - r * np.outer(y, s)
            h = v.T @ h @ v + r * np.outer(s, s)
        b, c = inverse_hessian(a, steps, differences)
        np.testing.assert_allclose(np.diag(a) + b @ c @ b.T, h, rtol=1e-7, atol=1e-9)


def test_draws_have_the_covariance_that_is_meant():
    target = wc.zoo.gaussian([1.0, 5.0, 0.2, 3.0])
    normal = normal_approximation(target.pointer(True), np.array([2.0, 9.0, -1.0, 4.0]), np.random.default_rng(2))
    columns = normal._at(np.eye(4)) - normal._at(np.zeros((4, 4)))
    sign, determinant = np.linalg.slogdet(columns.T @ columns)
    assert (sign, determinant) == (1.0, pytest.approx(normal.log_determinant))


@pytest.mark.parametrize("seed", range(3))
def test_a_gaussian_is_found(seed):
    """Mean and evidence: the lower bound is below the logarithm of the integral by the Kullback-Leibler divergence."""
    precision = np.array([[2.0, 0.6, 0.0], [0.6, 1.0, -0.3], [0.0, -0.3, 0.5]])
    centre = np.array([30.0, -20.0, 5.0])
    target = wc.Density(
        lambda x: -0.5 * float((x - centre) @ precision @ (x - centre)), 3, grad=lambda x: -precision @ (x - centre)
    )
    normal = normal_approximation(target.pointer(True), np.zeros(3), np.random.default_rng(seed))
    log_integral = 1.5 * np.log(2 * np.pi) - 0.5 * np.linalg.slogdet(precision)[1]
    elbo = normal.elbo + 1.5 * np.log(2 * np.pi)
    assert -1.0 < elbo - log_integral < 1.0
    z = np.linalg.cholesky(precision).T @ (normal.mean - centre)
    assert np.abs(z).max() < 0.5


def test_chains_start_in_the_bulk():
    """Where random starts are hundreds of standard deviations away in each coordinate; in the bulk the squared distance is that of chi^2 with 50 degrees of freedom."""
    rng = np.random.default_rng(3)
    sds, centre = np.exp(rng.uniform(-3, 3, 50)), rng.normal(size=50) * 100
    target = wc.Density(lambda x: -0.5 * float((((x - centre) / sds) ** 2).sum()), 50, grad=lambda x: -(x - centre) / sds**2)
    trace = wc.sample(target, wc.samplers.HMC(1e-6, 1), draws=1, warmup=0, chains=4, seed=1, initial="pathfinder", progress=False)
    starts = np.array([s.phase[:50] for s in trace.states])
    distance = (((trace.draws[:, 0] - centre) / sds) ** 2).sum(1)
    random = ((np.random.default_rng(1).standard_normal((4, 50)) - centre) / sds) ** 2
    assert random.sum(1).min() > 1e5
    assert (distance < 1000).all()
    assert len(np.unique(starts[:, 0])) == 4
    assert all(s.counters[WARMUP_GRADIENTS] > 20 for s in trace.states)


def test_constraints_and_names():
    target = wc.Density(
        lambda tau, w: -200.0 * (np.log(tau) - 8.0) ** 2 - 2000.0 * float(((w - 0.25) ** 2).sum()),
        shapes={"tau": (), "w": (4,)}, constraints={"tau": "positive", "w": "simplex"},
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # differences take the place of a gradient
        trace = wc.sample(
            target, wc.samplers.HMC(1e-6, 1), draws=1, warmup=0, chains=3, seed=2, initial="pathfinder", progress=False
        )
    assert np.abs(np.log(trace["tau"]) - 8.0).max() < 0.5
    np.testing.assert_allclose(trace["w"], 0.25, atol=0.15)


@pytest.mark.parametrize("sampler", [wc.samplers.EnsembleStretch(), wc.samplers.LAPS(16, 1e-3)], ids=["stretch", "LAPS"])
def test_walkers_start_at_draws_of_the_normal(sampler):
    target = wc.zoo.gaussian([1e-3, 1e3])
    trace = wc.sample(
        target, sampler, draws=sampler.bind(target).walkers, warmup=0, chains=1, seed=1, initial="pathfinder", progress=False
    )
    spread = (trace.draws[0] / target.sds).std(0)
    assert ((spread > 0.3) & (spread < 3.0)).all()


def test_modes_that_no_chain_leaves_are_flagged():
    """Two modes twenty standard deviations apart: chains that start at either agree with themselves and not with each other."""

    def logp(x):
        return float(np.logaddexp(-0.5 * ((x - 10.0) ** 2).sum(), -0.5 * ((x + 10.0) ** 2).sum()))

    def grad(x):
        w = 1.0 / (1.0 + np.exp(-20.0 * x.sum()))
        return w * (10.0 - x) + (1.0 - w) * (-10.0 - x)

    target = wc.Density(logp, 2, grad=grad)
    for initial in ("pathfinder", None):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trace = wc.sample(target, draws=300, warmup=300, chains=6, seed=3, initial=initial, progress=False)
        signs = np.sign(trace.draws[:, :, 0]).mean(1)
        assert np.abs(signs).min() == 1.0
        assert np.ptp(signs) == 2.0
        worst = trace.check()[0]
        assert (worst.kind, worst.severity) == (Kind.DISAGREE, Severity.INVALID)


def test_the_same_seed_starts_at_the_same_places():
    target = wc.zoo.banana()
    a, b = (wc.sample(target, draws=20, warmup=50, chains=2, seed=5, initial="pathfinder", progress=False) for _ in range(2))
    np.testing.assert_array_equal(a.draws, b.draws)
    c = wc.sample(target, draws=20, warmup=50, chains=2, seed=5, progress=False)
    assert not np.array_equal(a.draws, c.draws)


def test_a_density_that_nothing_approximates_starts_at_random():
    """A flat density has no curvature, and a normal of unit variance leaves a small support."""
    target = wc.Density(
        lambda x: 0.0 if np.abs(x).max() < 1e-3 else -np.inf, 3, grad=np.zeros_like, start=lambda rng: rng.uniform(-1e-4, 1e-4, 3)
    )
    trace = wc.sample(target, wc.samplers.HMC(1e-5, 1), draws=2, warmup=0, chains=2, seed=1, initial="pathfinder", progress=False)
    assert np.abs(trace.draws).max() < 1e-3


def test_an_exception_of_the_user_comes_out():
    def logp(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        wc.sample(wc.Density(logp, 2, grad=lambda x: -x), draws=2, initial="pathfinder", progress=False)


def test_refused():
    with pytest.raises(ArgumentError, match="'pathfinder'"):
        wc.sample(wc.zoo.banana(), draws=2, initial="path", progress=False)
    with pytest.raises(ArgumentError, match="no name"):
        wc.sample(wc.Ising.lattice((3, 3), 0.2), draws=2, initial="pathfinder", progress=False)
