"""Densities of named parameters: how they are written, what they refuse, and that the same density written twice is the same."""

import numpy as np
import pytest
from numba import njit

import weakchaos as wc
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.core.variables import Variables
from weakchaos.targets.parameters import Parameters

Y, SIGMA = np.array([28.0, 8.0, -3.0]), np.array([15.0, 10.0, 16.0])
SHAPES, CONSTRAINTS = {"mu": (), "tau": (), "theta": (3,)}, {"tau": "positive"}


@njit
def logp(mu, tau, theta, y, sigma):
    total = -0.02 * mu * mu - 0.1 * tau
    for i in range(3):
        total -= 0.5 * ((theta[i] - mu) / tau) ** 2 + np.log(tau) + 0.5 * ((y[i] - theta[i]) / sigma[i]) ** 2
    return total


@njit
def grad(mu, tau, theta, y, sigma):
    d_mu, d_tau, d_theta = -0.04 * mu, -0.1, np.empty(3)
    for i in range(3):
        z = (theta[i] - mu) / tau
        d_mu += z / tau
        d_tau += z * z / tau - 1 / tau
        d_theta[i] = -z / tau + (y[i] - theta[i]) / sigma[i] ** 2
    return d_mu, d_tau, d_theta


@njit
def both(y, sigma, theta, tau, mu):  # in another order: names tell
    return logp(mu, tau, theta, y, sigma), grad(mu, tau, theta, y, sigma)


@njit
def both_in_place(mu, tau, theta, out, y, sigma):
    out[0], out[1], out[2:] = grad(mu, tau, theta, y, sigma)
    return logp(mu, tau, theta, y, sigma)


@njit
def flat_logp(c, y, sigma):
    return logp(c[0], c[1], c[2:], y, sigma)


@njit
def flat_grad(c, out, y, sigma):
    out[0], out[1], out[2:] = grad(c[0], c[1], c[2:], y, sigma)


def plain_both(mu, tau, theta, y, sigma):
    value, (a, b, c) = both.py_func(y, sigma, theta, tau, mu)
    return value, {"theta": c, "mu": a, "tau": b}


def by_hand(x):
    tau = np.exp(x[1])
    return logp.py_func(x[0], tau, x[2:], Y, SIGMA) + x[1]


def density(*functions, data=None, **more):
    data = {"sigma": SIGMA, "y": Y} if data is None else data
    return wc.Density(*functions, shapes=SHAPES, constraints=CONSTRAINTS, data=data, **more)


X = np.array([0.4, -0.3, 1.0, -2.0, 0.5])
WRITTEN = {
    "numba": lambda: density(logp, logp_and_grad=both),
    "numba, gradient apart": lambda: density(logp, None, grad),
    "numba, in place": lambda: density(logp_and_grad=both_in_place),
    "numba, one vector": lambda: density(flat_logp, None, flat_grad),
    "numba, data in a tuple": lambda: density(logp, None, grad, data=(Y, SIGMA)),
    "plain": lambda: density(logp.py_func, logp_and_grad=plain_both),
    "plain, tuple": lambda: density(logp.py_func, None, grad.py_func),
    "plain, in place": lambda: density(logp_and_grad=both_in_place.py_func),
    "plain, one vector": lambda: density(flat_logp.py_func, None, flat_grad.py_func),
    "numba, no gradient": lambda: density(logp),
    "plain, no gradient": lambda: density(logp.py_func),
}


@pytest.mark.parametrize("how", WRITTEN)
def test_one_density_however_it_is_written(how):
    target = WRITTEN[how]()
    assert (target.dim, target.names) == (5, ["mu", "tau", "theta[0]", "theta[1]", "theta[2]"])
    assert target.has_gradient != ("no gradient" in how)
    assert target.logp(X) == pytest.approx(by_hand(X), rel=1e-13)
    slow = [(by_hand(X + h) - by_hand(X - h)) / 2e-6 for h in 1e-6 * np.eye(5)]
    np.testing.assert_allclose(target.gradient(X), slow, rtol=1e-6, atol=1e-7)
    assert target.check_gradient(X) is None


def test_a_wrong_gradient_is_told_by_the_name_of_its_parameter():
    @njit
    def wrong(mu, tau, theta, y, sigma):
        a, b, c = grad(mu, tau, theta, y, sigma)
        return a, 2 * b, c

    name, given, difference = density(logp, None, wrong).check_gradient(X)
    assert name == "tau"
    assert given != pytest.approx(difference, rel=0.1)


def test_data_are_seen_when_they_change():
    y = Y.copy()
    target = density(logp, data={"y": y, "sigma": SIGMA})
    before = target.logp(X)
    y[:] += 1
    assert target.logp(X) != before
    assert target.logp(X) == density(logp, data={"y": y, "sigma": SIGMA}).logp(X)


def test_arguments_with_defaults_need_no_data():
    target = wc.Density(lambda mu, scale=2.0: -0.5 * (mu / scale) ** 2, shapes={"mu": ()})
    assert target.logp([2.0]) == -0.5
    target = wc.Density(lambda mu, scale=2.0: -0.5 * (mu / scale) ** 2, shapes={"mu": ()}, data={"scale": 1.0})
    assert target.logp([2.0]) == -2.0


def test_matrices_have_their_shapes():
    seen = []

    def logp(a, L):
        seen.append((np.shape(a), np.shape(L)))
        return -float(np.square(a).sum())

    target = wc.Density(logp, shapes={"a": (2, 3), "L": (2, 2)}, constraints={"L": "correlation_cholesky"})
    assert target.dim == 7
    target.logp(np.zeros(7))
    assert seen[-1] == ((2, 3), (2, 2))
    assert target.names[5:7] == ["a[1, 2]", "L[0, 0]"]
    assert target.coordinates[-1] == "L~0"


@pytest.mark.parametrize("jit", [lambda f: f, njit], ids=["plain", "numba"])
def test_an_exception_of_the_user_comes_through(jit):
    @jit
    def logp(tau):
        if tau > 1.0:
            raise RuntimeError("too large")
        return -tau

    target = wc.Density(logp, shapes={"tau": ()}, constraints=CONSTRAINTS)
    assert target.logp([-1.0]) == pytest.approx(-np.exp(-1.0) - 1.0)
    with pytest.raises(RuntimeError, match="too large"):
        target.logp([1.0])


@pytest.mark.parametrize(("jit", "kind"), [(lambda f: f, ArgumentError), (njit, ValueError)], ids=["plain", "numba"])
def test_a_gradient_of_the_wrong_shape(jit, kind):
    @jit
    def bad(mu, tau, theta, y, sigma):
        return 0.0, 0.0, np.zeros(2)

    with pytest.raises(kind, match=r"theta.* must have shape \(3,\)"):
        density(jit(logp.py_func), None, bad).gradient(X)


# ---- what is refused ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: wc.Density(lambda x: 0.0, dim=1, constraints={"x": "positive"}), "`constraints` goes with `shapes`"),
        (lambda: wc.Density(lambda mu: 0.0, dim=2, shapes={"mu": ()}), "`dim` follows from `shapes`"),
        (lambda: wc.Density(lambda mu: 0.0, shapes={"mu": ()}, names=["m"]), "`names` follow"),
        (lambda: wc.Density(lambda mu: 0.0, shapes={}), "at least one variable"),
        (lambda: wc.Density(lambda mu: 0.0, shapes={"mu": 1.5}), "whole numbers for 'mu'"),
        (lambda: wc.Density(lambda mu, nu: 0.0, shapes={"mu": ()}, data={"y": 1.0}), "an argument 'nu' that is no variable"),
        (lambda: wc.Density(lambda mu: 0.0, shapes={"mu": (), "nu": ()}), "no argument 'nu'"),
        (lambda: wc.Density(lambda mu, y: 0.0, shapes={"mu": ()}), "a value for each argument"),
        (lambda: wc.Density(lambda mu: 0.0, shapes={"mu": ()}, constraints={"nu": "positive"}), "'nu', which is no variable"),
        (lambda: wc.Density(lambda mu: 0.0, shapes={"mu": ()}, constraints={"mu": "positiv"}), "got 'positiv' for 'mu'"),
        (lambda: wc.Density(lambda mu: 0.0, shapes={"mu": ()}, constraints={"mu": ("interval", 1, 1)}), "below its upper"),
        (lambda: wc.Density(lambda mu: 0.0, shapes={"mu": ()}, constraints={"mu": ("interval", 1)}), "must be 'positive'"),
        (lambda: wc.Density(lambda mu: 0.0, shapes={"mu": ()}, constraints={"mu": "simplex"}), "must have a last axis"),
        (lambda: wc.Density(lambda mu: 0.0, shapes={"mu": (2, 3)}, constraints={"mu": "correlation_cholesky"}), "square matrix"),
        (lambda: wc.Density(lambda mu: 0.0, shapes={"mu": (1,)}, constraints={"mu": "simplex"}), "at least one coordinate"),
        (lambda: wc.Density(lambda mu: 0.0, shapes={"mu": (2,)}, dims={"mu": ["a"]}, coords={"a": [1, 2, 3]}), "3 labels"),
        (lambda: wc.Density(lambda mu: 0.0, shapes={"mu": (2,)}, dims={"mu": ["draw"]}), "neither 'chain' nor 'draw'"),
        (lambda: wc.Density(lambda mu: 0.0, shapes={"mu": (2,)}, dims={"mu": ["a", "b"]}), "one name for each axis"),
        (lambda: wc.Density(lambda mu: 0.0, shapes={"mu": (2,)}, coords={"a": [1, 2]}), "no dimension of a variable"),
        (lambda: wc.Density(lambda a, b: 0.0, shapes={"a": (2,), "b": (3,)}, dims={"a": "k", "b": "k"}), "2 entries in 'a' and 3"),
        (lambda: Variables({"a": (1,), "a[0]": ()}), "a name of its own"),
        (
            lambda: wc.Density(lambda tau: 0.0, shapes={"tau": ()}, start=[-1.0], constraints=CONSTRAINTS).random_start(None),
            "`start`: 'tau'",
        ),
    ],
)
def test_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_refused_types():
    with pytest.raises(ArgumentTypeError, match="`constraints` must be a dict"):
        Parameters({"mu": ()}, "positive")
    with pytest.raises(ArgumentTypeError, match="`shapes` must be a dict"):
        wc.Density(lambda mu: 0.0, shapes=[("mu", ())])


# ---- runs --------------------------------------------------------------------------------------------------------------------------------


def gamma(**more):
    """A Gamma(3, 2) variable and two normal ones."""
    return wc.Density(
        lambda tau, z: 2 * np.log(tau) - 2 * tau - 0.5 * float(z @ z), grad=lambda tau, z: (2 / tau - 2, -z), shapes={"tau": (), "z": (2,)},
        constraints=CONSTRAINTS, **more,
    )  # fmt: skip


def test_moments_of_a_gamma_variable():
    trace = wc.sample(gamma(means=[1.5, 0, 0], sds=[np.sqrt(0.75), 1, 1]), draws=1000, warmup=500, seed=1, progress=False)
    assert trace["tau"].shape == (4, 1000)
    assert trace["z"].shape == (4, 1000, 2)
    assert (trace["tau"] > 0).all()
    assert np.abs(trace["tau"].mean() - 1.5) < 5 * np.sqrt(0.75 / 1000)
    assert trace["tau"].var() == pytest.approx(0.75, rel=0.2)
    assert trace.error().final.max() < 0.3
    with pytest.raises(KeyError, match="no variable 'sigma'"):
        trace["sigma"]


def test_averages_are_those_of_the_parameters():
    run = {"draws": 500, "warmup": 100, "chains": 2, "seed": 3, "progress": False}
    trace = wc.sample(gamma(), **run)
    means = wc.sample(gamma(), **run, record="averages")
    np.testing.assert_allclose(means.mean(), trace.mean(), rtol=1e-12)
    np.testing.assert_allclose(means.averages(at=[500])[1], trace.averages(at=[500])[1], rtol=1e-12)


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")  # a short run, for its arithmetic only
def test_weighted_averages_are_those_of_the_parameters():
    run = {"draws": 400, "warmup": 200, "chains": 2, "seed": 3, "progress": False}
    trace = wc.sample(gamma(), wc.samplers.ESH(), **run)
    means = wc.sample(gamma(), wc.samplers.ESH(), **run, record="averages")
    np.testing.assert_allclose(means.mean(), trace.mean(), rtol=1e-9)
    assert np.abs(trace.mean() - np.asarray(trace.draws).mean((0, 1))).max() > 1e-3  # weights matter


def test_chains_start_where_they_are_told():
    place = {"tau": 2.0, "z": [1.0, -1.0]}
    target = gamma()
    system = wc.samplers.NUTS().bind(target)
    np.testing.assert_allclose(system.start(0, place).phase[:3], [np.log(2.0), 1, -1])
    np.testing.assert_allclose(gamma(start=place).random_start(None), [np.log(2.0), 1, -1])
    np.testing.assert_allclose(gamma(start=lambda rng: place).random_start(None), [np.log(2.0), 1, -1])
    run = {"draws": 20, "warmup": 50, "chains": 2, "seed": 3, "progress": False}
    same = [wc.sample(target, **run, initial=i).draws for i in (place, [2.0, 1.0, -1.0], [place, place])]
    np.testing.assert_array_equal(same[0], same[1])
    np.testing.assert_array_equal(same[0], same[2])
    for bad in ({"tau": 1.0}, [place] * 3, [-1.0, 0.0, 0.0]):
        with pytest.raises(ArgumentError, match="`initial`"):
            wc.sample(target, **run, initial=bad)


def test_stores_and_files_keep_names_and_shapes(tmp_path):
    target = gamma(dims={"z": ["place"]}, coords={"place": ["left", "right"]})
    whole = wc.sample(target, draws=60, warmup=50, seed=1, progress=False)
    short = wc.sample(target, draws=40, warmup=50, seed=1, progress=False, store=tmp_path / "run.zarr")
    for saved in (tmp_path / "run.zarr", short.system and whole.save(tmp_path / "run.npz")):
        read = wc.load(saved)
        assert read.missing == ("target",)
        assert read["z"].shape == (4, read.n_draws, 2)
        assert read.names == ["tau", "z[left]", "z[right]"]
        assert read.variables.coords["place"].tolist() == ["left", "right"]
    longer = wc.extend(wc.load(tmp_path / "run.zarr", target=target), draws=20, progress=False)
    np.testing.assert_array_equal(longer.draws, whole.draws)


def test_a_plain_density_has_one_variable_a_name():
    trace = wc.sample(wc.zoo.gaussian([1.0, 2.0]), draws=20, warmup=50, seed=1, progress=False)
    np.testing.assert_array_equal(trace["x1"], trace.draws[:, :, 1])
