"""Log densities of torch and JAX: against formulas, with names, constraints and data, in double precision, and what is refused."""

import importlib
import warnings

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.core.errors import ArgumentError, ArgumentTypeError

Y = np.array([1.0, 2.0, 4.0, 3.5])


@pytest.fixture(params=["torch", "jax"])
def library(request):
    pytest.importorskip(request.param)
    numbers = importlib.import_module("torch" if request.param == "torch" else "jax.numpy")
    return request.param, numbers, getattr(wc.interop, request.param)


def test_value_and_gradient(library):
    _, np_like, bridge = library
    a = np.array([1.0, 2.0, 3.0])
    target = bridge.density(lambda x, a: -(a * x**4).sum() + np_like.sin(x[0] * x[1]), 3, data=a)
    x = np.array([0.3, -1.2, 0.7])
    assert target.logp(x) == pytest.approx(-(a * x**4).sum() + np.sin(x[0] * x[1]), rel=1e-14)
    slope = -4 * a * x**3
    slope[:2] += np.cos(x[0] * x[1]) * x[1::-1]
    np.testing.assert_allclose(target.gradient(x), slope, rtol=1e-13)
    assert target.has_gradient


def test_double_precision(library):
    """1 + 1e-12 is 1 in single precision."""
    _, _, bridge = library
    target = bridge.density(lambda x: -((1.0 + x[0]) - 1.0).sum(), 1)
    assert target.logp([1e-12]) == pytest.approx(-1e-12, rel=1e-3)


def test_parameters_by_name_with_constraints_and_data(library):
    name, np_like, bridge = library

    def logp(mu, tau, w, y):
        return -0.5 * (((y - mu) / tau) ** 2).sum() - len(y) * np_like.log(tau) - tau + (3.0 * np_like.log(w)).sum()

    shapes, constraints = {"mu": (), "tau": (), "w": (2, 3)}, {"tau": "positive", "w": "simplex"}
    target = bridge.density(logp, shapes=shapes, constraints=constraints, data={"y": Y}, name=name)
    plain = wc.Density(
        lambda mu, tau, w, y: -0.5 * (((y - mu) / tau) ** 2).sum() - len(y) * np.log(tau) - tau + (3.0 * np.log(w)).sum(),
        shapes=shapes, constraints=constraints, data={"y": Y},
    )  # fmt: skip
    x = np.random.default_rng(0).normal(size=target.dim)
    assert target.logp(x) == pytest.approx(plain.logp(x), rel=1e-12)
    np.testing.assert_allclose(target.gradient(x), plain.gradient(x), rtol=1e-5, atol=1e-6)
    assert target.names == plain.names
    assert target.check_gradient(x) is None


def test_a_run_has_the_moments_of_the_density(library):
    _, _, bridge = library
    sds = np.array([1.0, 3.0])
    target = bridge.density(lambda x, s: -0.5 * ((x / s) ** 2).sum(), 2, data=(sds,))
    trace = wc.sample(target, draws=400, warmup=300, chains=2, seed=1, progress=False)
    np.testing.assert_allclose(trace.draws.std((0, 1)), sds, rtol=0.25)


def test_an_ensemble_is_evaluated_in_one_call(library):
    name, _, bridge = library
    logp = (lambda x: -0.5 * (x**2).sum(1)) if name == "torch" else (lambda x: -0.5 * (x**2).sum())
    target = bridge.density(logp, 2, vectorized=True)
    plain = wc.Density(lambda x: -0.5 * (x**2).sum(1), 2, vectorized=True)
    runs = [
        wc.sample(t, wc.samplers.EnsembleStretch(8), draws=160, warmup=0, chains=1, seed=2, progress=False) for t in (target, plain)
    ]
    np.testing.assert_allclose(runs[0].draws, runs[1].draws, rtol=0, atol=1e-12)


def test_an_exception_of_the_user_comes_out(library):
    _, _, bridge = library

    def logp(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        bridge.density(logp, 2).logp([0.0, 0.0])


def test_what_is_no_number_of_double_precision_is_refused(library):
    name, np_like, bridge = library
    with pytest.raises(ArgumentTypeError, match="one number"):
        bridge.density(lambda x: -(x**2), 2).gradient([0.0, 1.0])
    single = (lambda x: -(x**2).sum().float()) if name == "torch" else (lambda x: -(x**2).sum().astype(np_like.float32))
    with pytest.raises(ArgumentTypeError, match="float64"):
        bridge.density(single, 2).gradient([0.0, 1.0])
    with pytest.raises(ArgumentTypeError, match="`logp` must be a function"):
        bridge.density(3, 2)
    with pytest.raises(ArgumentError, match="vectorized"):
        bridge.density(lambda x: x, shapes={"x": ()}, vectorized=True)


def test_a_value_that_torch_cannot_follow_is_refused():
    torch = pytest.importorskip("torch")
    bridge = wc.interop.torch

    for wrong in (
        lambda x: torch.tensor(-float((x.detach() ** 2).sum()), dtype=torch.float64),
        lambda x: torch.zeros((), dtype=torch.float64),
    ):
        with pytest.raises(ArgumentTypeError, match="differentiated"):
            bridge.density(wrong, 2).gradient([0.0, 1.0])
    with pytest.raises(ArgumentTypeError, match="torch tensor"):
        bridge.density(lambda x: -1.0, 2).gradient([0.0, 1.0])


def test_nan_is_a_rejection():
    torch = pytest.importorskip("torch")
    target = wc.interop.torch.density(lambda x: -0.5 * (x**2).sum() + torch.log(1.0 - x[0]), 2, start=np.zeros(2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace = wc.sample(target, wc.samplers.HMC(0.6, 4), draws=200, warmup=0, chains=2, seed=1, progress=False)
    assert trace.draws[..., 0].max() < 1.0
