"""Transforms of constrained parameters against determinants by finite differences, inverses, and distributions with known moments."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import dirichlet

import weakchaos as wc
from weakchaos.core.errors import ArgumentError
from weakchaos.native.functions import as_c_density, evaluate, with_finite_differences
from weakchaos.targets import transforms
from weakchaos.targets.parameters import Parameters

INF = np.inf
CASES = {
    "free": ((2, 3), None),
    "positive": ((3,), "positive"),
    "interval": ((3,), ("interval", -1.0, 4.0)),
    "lower": ((2,), ("interval", 2.0, INF)),
    "upper": ((2,), ("interval", -INF, 2)),
    "simplex": ((2, 4), "simplex"),
    "ordered": ((2, 4), "ordered"),
    "correlation_cholesky": ((2, 4, 4), "correlation_cholesky"),
}


def made(kind):
    shape, constraint = CASES[kind]
    return Parameters({"v": shape}, {"v": constraint} if constraint else None)


def independent(kind, theta):
    """The entries in which volume is counted: all but the last of a simplex, those below the diagonal of a Cholesky factor."""
    if kind == "simplex":
        theta = theta[..., :-1]
    if kind == "correlation_cholesky":
        theta = theta[..., *np.tril_indices(theta.shape[-1], -1)]
    return theta.reshape(-1)


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("spread", [0.3, 3.0])
def test_log_jacobian_is_the_logarithm_of_the_determinant(kind, spread):
    parameters = made(kind)
    x = spread * np.random.default_rng(1).standard_normal(parameters.dim)
    h, columns = 1e-6, []
    for step in h * np.eye(parameters.dim):
        ends = [independent(kind, parameters.split(parameters.constrain(x + s * step))["v"]) for s in (1, -1)]
        columns.append((ends[0] - ends[1]) / (2 * h))
    sign, size = np.linalg.slogdet(np.array(columns).T)
    assert parameters.log_jacobian(x) == pytest.approx(size, abs=1e-5 * parameters.dim)
    assert sign != 0


@pytest.mark.parametrize("kind", CASES)
def test_there_and_back(kind):
    parameters = made(kind)
    x = 2 * np.random.default_rng(2).standard_normal((5, 3, parameters.dim))
    theta = parameters.constrain(x)
    assert theta.shape == (5, 3, parameters.size)
    np.testing.assert_allclose(parameters.unconstrain(theta), x, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kind", CASES)
def test_the_gradient_goes_back_through_the_transform(kind):
    parameters = made(kind)
    rng = np.random.default_rng(3)
    w, x = rng.standard_normal(parameters.size), rng.standard_normal(parameters.dim)
    inner = as_c_density(lambda v: float(w @ v + np.sin(v).sum()), parameters.size, lambda v: w + np.cos(v))
    density = parameters.on_all_of_space(inner)
    value, gradient = evaluate(density, x, gradient=True)
    slow = evaluate(with_finite_differences(density), x, gradient=True)
    theta = parameters.constrain(x)
    assert value == pytest.approx(w @ theta + np.sin(theta).sum() + parameters.log_jacobian(x))
    np.testing.assert_allclose(gradient, slow[1], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kind", CASES)
def test_compiled_as_in_python(kind):
    parameters = made(kind)
    x = np.random.default_rng(4).standard_normal((2, parameters.dim))
    plan, bounds = parameters._plan, parameters._plan.view(np.float64)
    theta, jacobians, back = np.empty((2, parameters.size)), np.empty(2), np.empty_like(x)
    transforms.constrain_rows.py_func(plan, bounds, x, theta, jacobians)
    np.testing.assert_allclose(theta, parameters.constrain(x), rtol=1e-14)
    np.testing.assert_allclose(jacobians, parameters.log_jacobian(x), rtol=1e-12)
    transforms.unconstrain_rows.py_func(plan, bounds, theta, back)
    np.testing.assert_allclose(back, x, rtol=1e-7, atol=1e-9)


def test_draws_keep_their_constraints():
    p = Parameters({k: shape for k, (shape, _) in CASES.items()}, {k: c for k, (_, c) in CASES.items() if c})
    v = p.split(p.constrain(4 * np.random.default_rng(5).standard_normal((200, p.dim))))
    assert (v["positive"] > 0).all()
    assert ((v["interval"] > -1) & (v["interval"] < 4)).all()
    assert (v["lower"] > 2).all()
    assert (v["upper"] < 2).all()
    assert (v["simplex"] > 0).all()
    np.testing.assert_allclose(v["simplex"].sum(-1), 1, atol=1e-12)
    assert (np.diff(v["ordered"], axis=-1) > 0).all()
    L = v["correlation_cholesky"]
    np.testing.assert_allclose(np.square(L).sum(-1), 1, atol=1e-12)
    assert (np.tril(L) == L).all()
    assert (np.diagonal(L, axis1=-2, axis2=-1) > 0).all()


@pytest.mark.parametrize("far", [-800.0, -50.0, 50.0, 800.0])
@pytest.mark.parametrize("kind", CASES)
def test_far_out_values_stay_within_their_bounds(kind, far):
    p = made(kind)
    theta = p.constrain(np.full(p.dim, far))
    assert not np.isnan(theta).any()
    assert np.isfinite(p.log_jacobian(np.full(p.dim, far)))
    if kind == "positive":
        assert ((theta > 0) & (theta < INF)).all()
    if kind == "interval":
        assert ((theta > -1) & (theta < 4)).all()
        np.testing.assert_allclose(theta, -1 + 5 * expit(far), atol=1e-12)
    if kind == "simplex":
        assert (theta > 0).all()


@pytest.mark.parametrize(
    ("shape", "constraint", "value", "asked"),
    [
        ((), "positive", -1.0, "positive"),
        ((), "positive", np.nan, "positive"),
        ((), ("interval", 0, 1), 1.0, "strictly between 0 and 1"),
        ((2,), "simplex", [0.5, 0.6], "add up to 1"),
        ((2,), "ordered", [1.0, 1.0], "increasing"),
        ((2, 2), "correlation_cholesky", [[1.0, 0.0], [0.6, 0.9]], "length 1"),
        ((2, 2), "correlation_cholesky", [[1.0, 0.1], [0.6, 0.8]], "lower triangular"),
        ((2, 2), "correlation_cholesky", [[1.0, 0.0], [1.0, 0.0]], "positive diagonal"),
    ],
)
def test_values_that_break_their_constraint_are_refused(shape, constraint, value, asked):
    parameters = Parameters({"mu": (2,), "v": shape, "nu": ()}, {"v": constraint})
    with pytest.raises(ArgumentError, match=f"`initial`: 'v' must be .*{asked}"):
        parameters.place({"mu": [0.0, 1.0], "v": value, "nu": 0.0}, "initial")


# ---- what the Jacobian is for ------------------------------------------------------------------------------------------------------------


def dirichlet_target():
    alpha = np.array([2.0, 1.0, 4.0])
    target = wc.Density(
        lambda p: float(((alpha - 1) * np.log(p)).sum()),
        grad=lambda p: (alpha - 1) / p,
        shapes={"p": (3,)},
        constraints={"p": "simplex"},
    )
    return target, dirichlet(alpha).mean(), np.sqrt(dirichlet(alpha).var())


def lkj_target():
    # The entries of a correlation matrix of LKJ(eta) in K dimensions have variance 1 / (2 eta + K - 1): Lewandowski et al. (2009).
    eta, K = 2.0, 3
    k = np.arange(1, K + 1)

    def logp(L):
        return float(((K - k + 2 * eta - 2) * np.log(np.diag(L))).sum())

    def grad(L):
        return np.diag((K - k + 2 * eta - 2) / np.diag(L))

    return wc.Density(logp, grad=grad, shapes={"L": (K, K)}, constraints={"L": "correlation_cholesky"}), eta, K


def within(values, mean, sd, ess):
    return np.abs(values.mean() - mean) < 5 * sd / np.sqrt(ess)


def test_a_dirichlet_distribution_has_its_moments_and_without_the_jacobian_it_has_not(monkeypatch):
    target, mean, sd = dirichlet_target()
    draws = wc.sample(target, draws=1000, warmup=500, seed=1, progress=False).draws.reshape(-1, 3)
    assert all(within(draws[:, k], mean[k], sd[k], 1000) for k in range(3))
    np.testing.assert_allclose(draws.std(0), sd, rtol=0.15)
    # The broken one: log p + sum of log p as a density of theta is a Jacobian taken twice.
    alpha = np.array([2.0, 1.0, 4.0])
    broken = wc.Density(
        lambda p: float((alpha * np.log(p)).sum()), grad=lambda p: alpha / p, shapes={"p": (3,)}, constraints={"p": "simplex"}
    )
    draws = wc.sample(broken, draws=1000, warmup=500, seed=1, progress=False).draws.reshape(-1, 3)
    assert not all(within(draws[:, k], mean[k], sd[k], 1000) for k in range(3))


def test_correlations_of_lkj_have_their_variance():
    target, eta, K = lkj_target()
    trace = wc.sample(target, draws=1000, warmup=500, seed=2, progress=False)
    L = trace["L"].reshape(-1, K, K)
    R = L @ L.transpose(0, 2, 1)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        variance = 1 / (2 * eta + K - 1)
        assert within(R[:, i, j], 0, np.sqrt(variance), 1000)
        assert R[:, i, j].var() == pytest.approx(variance, rel=0.15)


def test_order_statistics_of_normals():
    target = wc.Density(lambda v: -0.5 * float(v @ v), grad=lambda v: -v, shapes={"v": (2,)}, constraints={"v": "ordered"})
    draws = wc.sample(target, draws=1000, warmup=500, seed=3, progress=False)["v"].reshape(-1, 2)
    # E of the larger of two standard normals is 1 / sqrt(pi), its variance 1 - 1 / pi.
    assert within(draws[:, 1], 1 / np.sqrt(np.pi), np.sqrt(1 - 1 / np.pi), 1000)
    assert within(draws[:, 0], -1 / np.sqrt(np.pi), np.sqrt(1 - 1 / np.pi), 1000)
