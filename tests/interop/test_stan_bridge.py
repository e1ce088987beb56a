"""Stan programs through stanli: against densities written by hand, and against what Stan's language says of shapes and random numbers."""

import json

import numpy as np
import pytest
from numba import njit

import weakchaos as wc
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.core.flags import Kind
from weakchaos.interop import stan
from weakchaos.native.compiled import address_of, call_density
from weakchaos.runs.check_refusals import zero_behind
from weakchaos.samplers import NUTS

pytest.importorskip("stanli")

Y, SIGMA = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0], [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]
DATA = {"J": 8, "y": np.array(Y), "sigma": SIGMA}
SCHOOLS = """
data { int<lower=0> J; vector[J] y; vector<lower=0>[J] sigma; }
parameters { real mu; real<lower=0> tau; vector[J] eta; }
transformed parameters { vector[J] theta = mu + tau * eta; }
model { mu ~ normal(0, 5); tau ~ cauchy(0, 5); eta ~ std_normal(); y ~ normal(theta, sigma); }
generated quantities {
  vector[J] log_lik; vector[J] y_rep;
  for (j in 1:J) { log_lik[j] = normal_lpdf(y[j] | theta[j], sigma[j]); y_rep[j] = normal_rng(theta[j], sigma[j]); }
}
"""
SHAPES = "parameters { matrix[2, 3] A; array[2] vector[3] v; real<lower=0, upper=1> p; } model { to_vector(A) ~ normal(0, 1); p ~ beta(2, 5); for (k in 1:2) v[k] ~ normal(0, 1); A[1, 3] ~ normal(9, 0.01); v[2, 1] ~ normal(-9, 0.01); }"


@pytest.fixture(scope="module")
def trace():
    target = stan.density(SCHOOLS, DATA, dims={"eta": "school"}, coords={"school": list("abcdefgh")})
    return wc.sample(target, draws=500, warmup=500, seed=1, progress=False)


def by_hand():
    y, sigma = np.array(Y), np.array(SIGMA)

    def logp(mu, tau, eta):
        z = (y - mu - tau * eta) / sigma
        return -0.5 * (mu / 5) ** 2 - np.log1p((tau / 5) ** 2) - 0.5 * float(eta @ eta) - 0.5 * float(z @ z)

    return wc.Density(logp, shapes={"mu": (), "tau": (), "eta": (8,)}, constraints={"tau": "positive"})


def test_the_density_is_that_of_the_program_up_to_a_constant():
    target, own = stan.density(SCHOOLS, DATA), by_hand()
    x = np.random.default_rng(1).standard_normal((5, 10))
    shift = [target.logp(row) - own.logp(row) for row in x]
    np.testing.assert_allclose(shift, shift[0], atol=1e-9)
    np.testing.assert_allclose(target.gradient(x[0]), own.gradient(x[0]), rtol=1e-6, atol=1e-7)
    assert target.check_gradient(x[1]) is None
    assert target.coordinates[:3] == ["mu", "tau", "eta.1"]


def test_names_derived_quantities_and_generated_ones(trace):
    assert trace.names[:3] == ["mu", "tau", "eta[a]"]
    assert trace["theta"].shape == (4, 500, 8)
    np.testing.assert_allclose(
        trace["theta"], trace["mu"][..., None] + trace["tau"][..., None] * trace["eta"], rtol=1e-8, atol=1e-9
    )
    noise = (trace["y_rep"] - trace["theta"]) / SIGMA
    assert np.abs(noise.mean()) < 5 / np.sqrt(noise.size)
    assert noise.std() == pytest.approx(1, abs=0.03)
    assert len(np.unique(noise)) == noise.size
    z = (np.array(Y) - trace["theta"]) / SIGMA
    np.testing.assert_allclose(trace["log_lik"], -0.5 * z**2 - np.log(SIGMA) - 0.5 * np.log(2 * np.pi), rtol=1e-6)
    with pytest.raises(KeyError, match="no variable 'sigma'"):
        trace["sigma"]
    assert "theta[7]" in trace.summary(["mu", "theta"]).index


def test_moments_of_eight_schools(trace):
    # Of 4 million draws of an independent sampler: mu 4.41 (sd 3.33), tau 3.61 (sd 3.22); at least 500 effective draws here.
    assert abs(trace["mu"].mean() - 4.41) < 5 * 3.33 / np.sqrt(500)
    assert abs(trace["tau"].mean() - 3.61) < 5 * 3.22 / np.sqrt(500)


@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
def test_leave_one_out_takes_log_lik(trace):
    import arviz_stats

    tree = trace.to_arviz()
    assert tree.log_likelihood["log_lik"].shape == (4, 500, 8)
    assert tree.posterior["eta"].dims[2] == "school"
    assert arviz_stats.loo(tree).elpd == pytest.approx(-30.8, abs=0.6)


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")
def test_the_same_seed_generates_the_same_quantities():
    runs = [wc.sample(stan.density(SCHOOLS, DATA), draws=20, warmup=50, seed=s, progress=False)["y_rep"] for s in (1, 1, 2)]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).any()


def test_matrices_and_arrays_stand_as_the_program_writes_them():
    trace = wc.sample(stan.density(SHAPES), draws=300, warmup=300, seed=2, progress=False)
    A, v = trace["A"].mean((0, 1)), trace["v"].mean((0, 1))
    assert A.shape == (2, 3)
    assert v.shape == (2, 3)
    assert A[0, 2] == pytest.approx(9, abs=0.05)
    assert v[1, 0] == pytest.approx(-9, abs=0.05)
    assert np.abs(np.delete(A.ravel(), 2)).max() < 0.3
    assert trace["p"].mean() == pytest.approx(2 / 7, abs=0.03)


def test_starts_are_given_by_parameters():
    target = stan.density(SHAPES)
    x = np.random.default_rng(3).standard_normal(target.dim)
    theta = target.parameters.constrain(x)
    np.testing.assert_allclose(target.place(theta), x, atol=1e-9)
    values = target.parameters.split(theta)
    np.testing.assert_allclose(target.place(values), x, atol=1e-9)
    with pytest.raises(ArgumentError, match="`initial` must hold values of the parameters that this Stan program allows"):
        target.place({"p": 0.5}, "initial")
    with pytest.raises(ArgumentError, match="or have shape"):
        target.place(theta[:3], "initial")


ARMA = """data { int T; array[T] real y; } parameters { real mu; real phi; real theta; real<lower=0> sigma; }
model {
  vector[T] e;
  mu ~ normal(0, 10); phi ~ normal(0, 2); theta ~ normal(0, 2); sigma ~ cauchy(0, 2.5);
  e[1] = y[1] - mu - phi * mu;
  for (t in 2:T) e[t] = y[t] - mu - phi * y[t - 1] - theta * e[t - 1];
  e ~ normal(0, sigma);
}"""


def test_programs_start_on_no_cliff():
    """Where theta is beyond 1, as in half of Stan's starts, shocks grow like theta**200: from there no step of a leapfrog leads anywhere."""
    rng = np.random.default_rng(3)
    shocks, y = rng.normal(0.0, 0.15, 200), np.zeros(200)
    for t in range(1, 200):
        y[t] = 0.9 * y[t - 1] + shocks[t] + 0.2 * shocks[t - 1]
    target = wc.interop.stan.density(ARMA, {"T": 200, "y": y})
    for seed in range(8):
        x = NUTS().bind(target).start(seed).phase[:4]
        assert target.logp(x) > -1e5
    trace = wc.sample(target, draws=300, seed=1, progress=False)
    assert not [f for f in trace.check() if f.severity.value == "invalid"]
    assert abs(trace["phi"].mean() - 0.9) < 0.1
    assert abs(trace["sigma"].mean() - 0.15) < 0.02
    given = np.array([0.0, 0.5, 1.5, 0.0])
    assert np.array_equal(NUTS().bind(target).start(1, {"mu": 0.0, "phi": 0.5, "theta": 1.5, "sigma": 1.0}).phase[:4], given)


def test_walls_are_looked_for_in_coordinates_of_the_program():
    """Runs of programs in which steps were refused in a tail ended in an AttributeError, their draws lost."""
    program = "parameters { real<lower=0> tau; } model { tau ~ exponential(1); if (tau < CUT) target += negative_infinity(); }"
    tau = 0.5 + np.sort(np.random.default_rng(3).exponential(size=(1000, 1)), 0)
    assert zero_behind(stan.density(program.replace("CUT", "0.5")), tau[:20], 0, False)
    assert not zero_behind(stan.density(program.replace("CUT", "0.0")), tau[:20], 0, False)


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")
def test_a_tail_in_which_steps_are_refused_is_told_of_a_program():
    target = stan.density("parameters { real v; vector[9] x; } model { v ~ normal(0, 3); x ~ normal(0, exp(v / 2)); }")
    found = [{flag.kind for flag in wc.sample(target, seed=seed, progress=False).check()} for seed in range(4)]
    assert any(Kind.REFUSED in kinds for kinds in found)


def test_files_and_json(tmp_path):
    program, data = tmp_path / "schools.stan", tmp_path / "data.json"
    program.write_text(SCHOOLS)
    data.write_text(json.dumps({**DATA, "y": Y}))
    x = np.full(10, 0.3)
    assert stan.density(program, str(data)).logp(x) == stan.density(SCHOOLS, DATA).logp(x)
    assert stan.density(program, data).name == "schools"
    assert stan.density(SCHOOLS, data.read_text()).logp(x) == stan.density(SCHOOLS, DATA).logp(x)


def test_a_rejection_of_the_program_is_a_density_of_zero():
    target = stan.density('parameters { real x; } model { if (x > 1) reject("too far"); x ~ normal(0, 1); }')
    assert target.logp([2.0]) == -np.inf
    assert np.isfinite(target.logp([0.5]))
    trace = wc.sample(target, wc.samplers.RandomWalkMetropolis(1.0), draws=2000, warmup=100, seed=1, progress=False)
    assert trace["x"].max() <= 1
    never = stan.density('parameters { real x; } model { reject("never here"); }')
    with pytest.raises(ArgumentError, match=r"the program says: .*never here"):
        wc.sample(never, draws=10, progress=False)


@pytest.mark.parametrize(
    ("program", "data", "kind", "message"),
    [
        ("parameters { real x }", None, ArgumentError, "refused by the Stan compiler"),
        (SCHOOLS, {"J": 8}, ArgumentError, "`data` does not fit"),
        (SCHOOLS, "{not json", ArgumentError, "no JSON"),
        (SCHOOLS, 3, ArgumentTypeError, "`data` must be a dict"),
        (3, None, ArgumentTypeError, "`program` must be the path"),
        ("nowhere.stan", None, FileNotFoundError, "no Stan program"),
        ("generated quantities { real x = normal_rng(0, 1); }", None, ArgumentError, "no parameters"),
    ],
)
def test_refused(program, data, kind, message):
    with pytest.raises(kind, match=message):
        stan.density(program, data)


def test_chains_in_threads_are_those_of_one_thread():
    from concurrent.futures import ThreadPoolExecutor

    run = {"draws": 100, "warmup": 100, "seed": 5, "progress": False}
    with ThreadPoolExecutor(1) as one:
        serial = wc.sample(stan.density(SCHOOLS, DATA), executor=one, **run)
    np.testing.assert_array_equal(serial.draws, wc.sample(stan.density(SCHOOLS, DATA), **run).draws)


@pytest.mark.slow
def test_the_bridge_adds_less_than_a_tenth_of_a_microsecond():
    import time

    from weakchaos.native.stan_functions import _call_stan

    @njit
    def bridge(function, data, x, n):
        g, v = np.empty(x.size), np.empty(1)
        for _ in range(n):
            call_density(function, np.uint64(x.size), address_of(x), address_of(g), address_of(v), data)

    @njit
    def direct(function, model, x, n):
        g, v, message = np.empty(x.size), np.empty(1), np.zeros(1, np.uint64)
        for _ in range(n):
            _call_stan(function, model, address_of(x), address_of(v), address_of(g), address_of(message))

    target = stan.density(SCHOOLS, DATA)
    density, x = target.pointer(True), np.full(10, 0.2)
    program = density.keep[0]
    one = (bridge, np.uint64(density.address), np.uint64(density.user_data))
    two = (direct, np.uint64(program.address("bs_log_density_gradient")), np.uint64(program.model))
    best = {}
    for function, *words in (one, two) * 7:
        function(*words, x, 1)
        begin = time.process_time()
        function(*words, x, 50_000)
        best[function] = min(best.get(function, np.inf), (time.process_time() - begin) / 50_000)
    assert best[bridge] - best[direct] < 1e-7
