"""PyMC models: published examples against PyMC's own log density, shared data that change, dims, deterministics and prediction."""

import warnings

import numpy as np
import pandas as pd
import pytest

import weakchaos as wc
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.interop import pymc as bridge
from weakchaos.runs.check_refusals import zero_behind

pm = pytest.importorskip("pymc")

# What PyMC, PyTensor and ArviZ warn of is their own business.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]

Y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
SIGMA = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def eight_schools():
    """Rubin (1981), without centring."""
    with pm.Model(coords={"school": list("abcdefgh")}) as model:
        sigma = pm.Data("sigma", SIGMA, dims="school")
        y = pm.Data("y", Y, dims="school")
        mu, tau = pm.Normal("mu", 0, 5), pm.HalfCauchy("tau", 5)
        eta = pm.Normal("eta", 0, 1, dims="school")
        theta = pm.Deterministic("theta", mu + tau * eta, dims="school")
        pm.Normal("obs", theta, sigma, observed=y, dims="school")
    return model


def radon():
    """Varying intercepts (Gelman and Hill, 2006), on made-up houses of twelve counties."""
    rng = np.random.default_rng(1)
    county, floor = rng.integers(0, 12, 200), rng.integers(0, 2, 200)
    level = rng.normal(1.5, 0.4, 12)[county] - 0.7 * floor + 0.7 * rng.standard_normal(200)
    with pm.Model(coords={"county": [f"county {k}" for k in range(12)]}) as model:
        where, below = pm.Data("where", county), pm.Data("floor", floor.astype(float))
        mean, spread = pm.Normal("mean", 0, 2), pm.Exponential("spread", 1)
        offset = pm.Normal("offset", 0, 1, dims="county")
        intercept = pm.Deterministic("intercept", mean + spread * offset, dims="county")
        slope, noise = pm.Normal("slope", 0, 2), pm.Exponential("noise", 1)
        pm.Normal("level", intercept[where] + slope * below, noise, observed=level)
    return model


def published(name):
    """A data set of PyMC's own examples, which PyMC fetches from its repository; the test is skipped where that cannot be reached."""
    try:
        return pd.read_csv(pm.get_data(name))
    except OSError as error:
        pytest.skip(f"PyMC cannot fetch {name}: {error}")


def published_radon():
    """Varying intercepts of all counties of Minnesota, as in PyMC's example of multilevel models."""
    table = published("radon.csv")
    county, names = table["county"].factorize(sort=True)
    with pm.Model(coords={"county": list(names)}) as model:
        mean, spread = pm.Normal("mean", 0, 10), pm.Exponential("spread", 1)
        offset = pm.Normal("offset", 0, 1, dims="county")
        intercept = pm.Deterministic("intercept", mean + spread * offset, dims="county")
        slope, noise = pm.Normal("slope", 0, 10), pm.Exponential("noise", 1)
        pm.Normal(
            "level", intercept[county] + slope * table["floor"].to_numpy(float), noise, observed=table["log_radon"].to_numpy(float)
        )
    return model


def published_volatility():
    """Returns of the S&P 500, as in PyMC's example of stochastic volatility."""
    change = published("SP500.csv")["change"].dropna().to_numpy(float)
    with pm.Model() as model:
        step = pm.Exponential("step", 10)
        level = pm.GaussianRandomWalk("level", sigma=step, init_dist=pm.Normal.dist(0, 100), shape=len(change))
        freedom = pm.Exponential("freedom", 0.1)
        pm.StudentT("returns", nu=freedom, lam=pm.math.exp(-2 * level), observed=change)
    return model


def volatility():
    """Stochastic volatility (Hoffman and Gelman, 2014), on sixty made-up returns."""
    rng = np.random.default_rng(2)
    returns = np.exp(np.cumsum(0.2 * rng.standard_normal(60)) - 1) * rng.standard_t(10, 60)
    with pm.Model() as model:
        step = pm.Exponential("step", 10)
        level = pm.GaussianRandomWalk("level", sigma=step, init_dist=pm.Normal.dist(0, 1), shape=60)
        freedom = pm.Exponential("freedom", 0.1)
        pm.StudentT("returns", nu=freedom + 2, lam=pm.math.exp(-2 * level), observed=returns)
    return model


MODELS = {"eight schools": eight_schools, "radon": radon, "stochastic volatility": volatility}


@pytest.mark.parametrize("name", MODELS)
def test_the_density_is_the_model_s(name):
    model = MODELS[name]()
    target = bridge.density(model)
    reference = model.logp_dlogp_function(ravel_inputs=True)
    reference.set_extra_values({})
    rng = np.random.default_rng(3)
    for _ in range(3):
        x = target.random_start(rng)
        value, gradient = reference(x)
        assert target.logp(x) == pytest.approx(float(value), rel=1e-9)
        np.testing.assert_allclose(target.gradient(x), gradient, rtol=1e-7, atol=1e-8)
    assert set(target.parameters.shapes) == {v.name for v in (*model.free_RVs, *model.deterministics)}


@pytest.mark.parametrize("name", MODELS)
def test_means_are_those_of_pymc(name):
    model = MODELS[name]()
    ours = bridge.sample(model, draws=700, warmup=700, seed=1, progress=False)
    with model:
        theirs = pm.sample(700, tune=700, chains=4, cores=1, random_seed=1, progressbar=False)
    for variable in theirs.posterior.data_vars:
        one, two = ours.posterior[variable], theirs.posterior[variable]
        assert one.dims == two.dims
        sd = two.values.std((0, 1))
        # Two means of at least a hundred effective draws each.
        assert (np.abs(one.values.mean((0, 1)) - two.values.mean((0, 1))) < 5 * sd * np.sqrt(2 / 100)).all(), variable


@pytest.mark.parametrize("make", [published_radon, published_volatility], ids=["radon", "stochastic volatility"])
def test_published_data(make):
    """Nothing speaks against a run by default, or it is said; the log density is PyMC's own."""
    model = make()
    target = bridge.density(model)
    reference = model.logp_dlogp_function(ravel_inputs=True)
    reference.set_extra_values({})
    x = target.random_start(np.random.default_rng(3))
    value, gradient = reference(x)
    assert target.logp(x) == pytest.approx(float(value), rel=1e-9)
    np.testing.assert_allclose(target.gradient(x), gradient, rtol=1e-7, atol=1e-7)
    trace = wc.sample(target, draws=500, warmup=1000, chains=2, seed=1, progress=False)
    assert trace.check() == [] or all(flag.severity != "invalid" for flag in trace.check())
    if make is published_radon:  # Gelman (2006), doi:10.1198/004017005000000661: -0.69 with a standard error of 0.07
        assert trace["slope"].mean() == pytest.approx(-0.69, abs=0.15)


def test_arviz_pictures_of_a_result(tmp_path):
    """Summary, pictures and cross-validation by the ArviZ that PyMC has brought, in the format that it has."""
    az = pytest.importorskip("arviz")
    with eight_schools() as model:
        result = bridge.sample(draws=200, warmup=300, chains=4, seed=1, progress=False)
        pm.compute_log_likelihood(result, model=model, progressbar=False)
    assert "mu" in az.summary(result).index
    assert az.plot_trace(result, var_names=["mu", "tau"]) is not None
    assert az.plot_pair(result, var_names=["mu", "tau"]) is not None
    assert az.plot_energy(result) is not None
    found = az.loo(result)
    assert float(getattr(found, "elpd_loo", getattr(found, "elpd", 0.0))) == pytest.approx(-30.8, abs=0.6)


def test_a_result_that_pymc_takes():
    with eight_schools():
        result = bridge.sample(draws=100, warmup=200, chains=2, seed=1, progress=False, keep_warmup=True)
        theta = result.posterior["theta"]
        assert theta.dims == ("chain", "draw", "school")
        assert theta.school.values.tolist() == list("abcdefgh")
        posterior = result.posterior
        np.testing.assert_allclose(theta.values, (posterior.mu + posterior.tau * posterior.eta).values)
        np.testing.assert_array_equal(result.observed_data["obs"].values, Y)
        np.testing.assert_array_equal(result.constant_data["sigma"].values, SIGMA)
        assert 0 < result.warmup_posterior["mu"].shape[1] <= 200  # warm-up may end itself
        assert result.sample_stats["diverging"].dtype == bool
        predicted = pm.sample_posterior_predictive(result, random_seed=1, progressbar=False)
        assert predicted.posterior_predictive["obs"].shape == (2, 100, 8)


def test_changed_data_are_seen():
    model = eight_schools()
    target, x = bridge.density(model), np.full(10, 0.2)
    before = target.logp(x)
    with model:
        pm.set_data({"y": Y + 30})
    again = eight_schools()
    with again:
        pm.set_data({"y": Y + 30})
    assert target.logp(x) != before
    assert target.logp(x) == pytest.approx(float(bridge.density(again).logp(x)))
    far = wc.sample(target, draws=300, warmup=300, seed=1, progress=False)
    near = wc.sample(bridge.density(eight_schools()), draws=300, warmup=300, seed=1, progress=False)
    assert far["mu"].mean() > near["mu"].mean() + 1.5


def test_starts_are_given_by_variables():
    target = bridge.density(eight_schools())
    x = target.place({"mu": 2.0, "tau": 3.0})
    values = target.parameters.split(target.parameters.constrain(x))
    assert values["mu"] == pytest.approx(2.0)
    assert values["tau"] == pytest.approx(3.0)
    with pytest.raises(ArgumentError, match="no free variable 'theta'"):
        target.place({"theta": 1.0})
    with pytest.raises(ArgumentTypeError, match="`initial` must be a dict"):
        target.place(x)


def test_walls_are_looked_for_in_coordinates_of_the_model():
    with pm.Model() as model:
        tau = pm.Exponential("tau", 1.0)
        pm.Potential("cut", pm.math.switch(tau < 0.5, -np.inf, 0.0))
    tail = 0.5 + np.sort(np.random.default_rng(3).exponential(size=(1000, 1)), 0)[:20]
    assert zero_behind(bridge.density(model), tail, 0, False)


def test_without_the_compiled_function_python_is_called(monkeypatch):
    model, x = eight_schools(), np.full(10, 0.2)
    fast = bridge.density(model)
    monkeypatch.setattr(bridge, "_compiled_parts", lambda function: None)
    slow = bridge.density(model)
    assert slow.logp(x) == pytest.approx(fast.logp(x))
    np.testing.assert_allclose(slow.gradient(x), fast.gradient(x))


def test_refused():
    with pm.Model() as discrete:
        pm.Poisson("count", 3)
    with pytest.raises(ArgumentError, match=r"discrete variables \(count\)"):
        bridge.density(discrete)
    with pytest.raises(ArgumentTypeError, match="must be given outside"):
        bridge.density()
    with pytest.raises(ArgumentTypeError, match=r"must be a pymc\.Model"):
        bridge.density("model")
    with pm.Model() as empty:
        pm.Data("y", Y)
    with pytest.raises(ArgumentError, match="no free variable"):
        bridge.density(empty)


def test_the_bridge_costs_no_more_than_pytensor_s_own_function():
    import time

    from numba import njit

    from weakchaos.native.compiled import address_of, call_density

    model, x = eight_schools(), np.full(10, 0.2)
    target = bridge.density(model)
    function = model.logp_dlogp_function(ravel_inputs=True, mode="NUMBA")
    function.set_extra_values({})
    jit = function._pytensor_function.vm.jit_fn
    shared = tuple(v.get_value(borrow=True) for v in function._pytensor_function.get_shared())

    @njit
    def through_us(address, data, x, n):
        g, v = np.empty(x.size), np.empty(1)
        for _ in range(n):
            call_density(address, np.uint64(x.size), address_of(x), address_of(g), address_of(v), data)

    @njit
    def direct(x, n, shared):
        total = 0.0
        for _ in range(n):
            value, gradient = jit(x, shared[0], shared[1])
            total += value.item() + gradient[0]
        return total

    density = target.pointer(True)
    calls = {
        "us": lambda n: through_us(np.uint64(density.address), np.uint64(density.user_data), x, n),
        "them": lambda n: direct(x, n, shared),
    }
    best = dict.fromkeys(calls, np.inf)
    for _ in range(9):
        for name, call in calls.items():
            call(1)
            begin = time.process_time()
            call(50_000)
            best[name] = min(best[name], time.process_time() - begin)
    assert best["us"] < 1.1 * best["them"]


def test_warnings_of_a_run_are_ours_alone():
    model = eight_schools()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        bridge.sample(model, draws=200, warmup=300, seed=1, progress=False)
    assert not [w for w in caught if "gradient" in str(w.message)]
