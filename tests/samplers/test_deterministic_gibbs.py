"""Gibbs sampling as a flow: its velocity, the density it leaves at rest, straight lines in two dimensions, and walls."""

import math

import numpy as np
import pytest
from numba import njit
from scipy.integrate import quad
from scipy.special import ndtr

import weakchaos as wc
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning
from weakchaos.diagnostics import convergence_rate, flow_divergence, largest_exponent
from weakchaos.samplers import DeterministicGibbs

TURN = 2 * math.pi


@njit
def torus_logp(x):
    return 0.8 * math.cos(x[0]) + 0.5 * math.cos(x[1]) + 0.7 * math.cos(x[0] - x[1])


@njit
def box_logp(x):
    return -2.0 * x[0] - x[1] + 1.5 * x[0] * x[1]


@njit
def exponentials_logp(x):
    return -2.0 * x[0] - 0.5 * x[1] + 3.0 * x[2]


@njit
def pair_logp(x):
    return -0.5 * (x[0] * x[0] + x[1] * x[1] - 1.2 * x[0] * x[1]) / 0.64


@njit
def nan_below(x):
    return math.nan if x[0] < 0.2 else 0.0


TORUS, BOX = wc.Density(torus_logp, dim=2), wc.Density(box_logp, dim=2)
PAIR = wc.Density(pair_logp, dim=2)


def on_torus(**options):
    return DeterministicGibbs(bounds=(0.0, TURN), **({"nodes": 32} | options)).bind(TORUS)


def torus_features(x):
    return np.stack([f(v) for v in (x[..., 0], x[..., 1], x[..., 0] - x[..., 1]) for f in (np.cos, np.sin)], -1)


def torus_truth():
    g = np.arange(256) * TURN / 256
    grid = np.stack(np.meshgrid(g, g, indexing="ij"), -1).reshape(-1, 2)
    p = np.exp([torus_logp(x) for x in grid])
    return p @ torus_features(grid) / p.sum()


def test_velocity_is_the_inverse_conditional_density(rng):
    system = on_torus()
    a = TURN * system._speeds  # turns into radians
    for x in rng.uniform(0, TURN, (10, 2)):
        v = []
        for i in range(2):

            def weight(y, i=i, x=x):
                z = x.copy()
                z[i] = y
                return math.exp(torus_logp(z) - torus_logp(x))

            v.append(a[i] * quad(weight, 0, TURN, epsabs=1e-12)[0] / TURN)
        assert np.allclose(system.velocity(x), v, rtol=1e-9)


def test_velocity_on_the_line(rng):
    """Correlated normals, whose conditional density is known: dx_i/dt = a_i / p(x_i | x_j)."""
    system = DeterministicGibbs(nodes=4000).bind(PAIR)
    for x in rng.uniform(-1, 1, (5, 2)):
        z = (x - 0.6 * x[::-1]) / 0.8
        density = np.exp(-0.5 * z * z) / math.sqrt(TURN) / 0.8
        assert np.allclose(system.velocity(x), system._speeds / density, rtol=1e-3)
    x = rng.normal(size=2)
    assert np.allclose(system.positions(system.circle(x)), x, atol=1e-6)


@pytest.mark.parametrize("nodes", [2, 32])
@pytest.mark.parametrize("name", ["torus", "box", "line"])
def test_the_density_is_at_rest(name, nodes, rng):
    """div(p v) = 0 however coarse the integral is."""
    bounds, target, points = {
        "torus": ((0, TURN), TORUS, rng.uniform(0.1, 6.1, (10, 2))),
        "box": ((0, 1), BOX, rng.uniform(0.1, 0.9, (10, 2))),
        "line": (None, PAIR, rng.normal(size=(10, 2))),
    }[name]
    system = DeterministicGibbs(bounds=bounds, nodes=nodes).bind(target)
    assert np.abs(flow_divergence(system, target, points)).max() < 1e-8

    def wrong(x):
        return system.velocity(x) * (1 + 0.01 * x[0])

    assert np.abs(flow_divergence(wrong, target, points)).max() > 1e-4


def test_divergence_of_other_flows(rng):
    """Hamilton's equations leave exp(-H) at rest; friction takes it away at its own rate, and a quadratic field tests the differences."""
    points = rng.normal(size=(6, 2))
    oscillator = wc.systems.UserFlow(lambda u, out: out.__setitem__(slice(None), [u[1], -np.sin(u[0])]), dim=2)
    energy = lambda u: float(np.cos(u[0]) - 0.5 * u[1] ** 2)  # noqa: E731
    assert np.abs(flow_divergence(oscillator, energy, points)).max() < 1e-9
    damped = flow_divergence(lambda u: np.array([u[1], -np.sin(u[0]) - 0.1 * u[1]]), energy, points)
    assert np.allclose(damped, -0.1 + 0.1 * points[:, 1] ** 2, atol=1e-9)
    assert flow_divergence(lambda u: u**2, lambda u: float(u[0]), [0.3, 0.4]) == pytest.approx(2 * 0.7 + 0.09, abs=1e-10)


@pytest.mark.parametrize("method", ["rk4", "dop853"])
def test_independent_coordinates_turn_steadily(method):
    """Each distribution function grows at its own rate a_i, over the walls."""
    target, k = wc.Density(exponentials_logp, dim=3), np.array([-2.0, -0.5, 3.0])
    system = DeterministicGibbs(bounds=(0, 1), method=method, tolerance=1e-9, nodes=200, time=0.3).bind(target)
    cdf = lambda x: np.expm1(k * x) / np.expm1(k)  # noqa: E731
    state = system.start(1)
    first = cdf(system.positions(state.phase))
    x = system.advance(state, 12)
    expected = (first + 0.3 * np.arange(1, 13)[:, None] * system._speeds) % 1.0
    # The midpoint rule over 200 nodes is off by 4e-6 of the speed, one turn in its distance in the last digit.
    gap = (cdf(x) - expected + 0.5) % 1.0 - 0.5
    assert np.abs(gap).max() < 5e-5


def test_two_coordinates_move_on_straight_lines():
    """With y_i = F_i(x_i), the marginal distribution functions, dy/dt = a p(x_1) p(x_2) / p(x_1, x_2): a straight line of slope a_2 / a_1."""
    system = on_torus(time=0.02, tolerance=1e-9)
    state = system.start(2)
    x = np.concatenate([system.positions(state.phase)[None], system.advance(state, 2000)])
    g = np.linspace(0, TURN, 4097)
    turned = []
    for i in range(2):
        other = np.arange(64) * TURN / 64
        pairs = np.stack(np.meshgrid(g, other, indexing="ij"), -1)[..., :: 1 if i == 0 else -1]
        weight = np.exp(
            0.8 * np.cos(pairs[..., 0]) + 0.5 * np.cos(pairs[..., 1]) + 0.7 * np.cos(pairs[..., 0] - pairs[..., 1])
        ).sum(1)
        cdf = np.concatenate([[0], np.cumsum(0.5 * (weight[1:] + weight[:-1]))])
        turned.append(np.cumsum(np.diff(np.interp(x[:, i], g, cdf / cdf[-1])) % 1.0))
    a = system._speeds
    assert np.abs(turned[0] / a[0] - turned[1] / a[1]).max() < 1e-5
    assert turned[0][-1] > 20
    # Turns are made at the rates a_i on average, as the mean of 1 / p(u_i | u_-i) under p is 1.
    assert abs(turned[0][-1] - 40 * a[0]) < 1


def test_the_step_has_more_than_order_four():
    """Two half steps, improved by the whole one: a quarter of the step has less than 4^-4 of the error, though the last step ends at the draw."""
    start = np.array([1.0, 2.5])
    ends = []
    for h in (0.1, 0.05, 0.025, 0.0125, 0.00125):
        system = on_torus(nodes=8, time=0.2, step_size=h, tolerance=1.0)
        state = system.start(0, start)
        ends.append(system.advance(state, 1)[0])
    errors = [np.abs(end - ends[-1]).max() for end in ends[:-1]]
    assert errors[0] / errors[2] > 256
    assert errors[1] / errors[3] > 256


def test_both_integrators_agree():
    orbits = []
    for method in ("rk4", "dop853"):
        system = on_torus(method=method, tolerance=1e-9, nodes=8, time=0.5)
        orbits.append(system.advance(system.start(3), 30))
    assert np.abs(np.exp(1j * orbits[0]) - np.exp(1j * orbits[1])).max() < 1e-5


def test_error_on_the_torus_falls_like_one_over_t():
    system = on_torus(nodes=6, time=0.1)
    state = system.start(1)
    counts = np.unique(np.geomspace(100, 20_000, 60).astype(int))
    sums = np.cumsum(torus_features(system.advance(state, 20_000)), axis=0)
    errors = np.abs(sums[counts - 1] / counts[:, None] - torus_truth()).max(1)
    assert float(convergence_rate(counts, errors, (100, 20_000))) <= -0.85
    assert errors[-1] < 1.5e-3
    assert abs(float(largest_exponent(system, steps=2000))) < 5e-3


@pytest.mark.slow
def test_error_on_the_torus_at_the_end():
    """Slope at most -0.9, error below 3e-4 at t = 1e4."""
    trace = wc.sample(
        TORUS, DeterministicGibbs(bounds=(0, TURN), nodes=8, time=0.1), 100_000, warmup=0, chains=4, seed=1, progress=False
    )
    error = trace.error(truth=torus_truth(), f=torus_features)
    assert float(convergence_rate(error.draws, error.errors, (100, 100_000))) <= -0.9
    assert np.median(error.final) < 3e-4


def test_correlated_normals_on_the_line():
    trace = wc.sample(
        PAIR, DeterministicGibbs(scale=0.9, nodes=6, tolerance=1e-5), 1500, warmup=0, chains=2, seed=2, progress=False
    )
    x = np.asarray(trace.draws).reshape(-1, 2)
    assert np.abs(x.mean(0)).max() < 0.06
    assert np.abs(np.cov(x.T) - [[1, 0.6], [0.6, 1]]).max() < 0.1
    # In its distribution function a coordinate is uniform; a speed that forgot its normaliser would crowd it somewhere.
    assert np.abs(np.sort(ndtr(x[:, 0])) - np.linspace(0, 1, len(x))).max() < 0.05


def test_compare():
    target = wc.Density(torus_logp, dim=2, means=[math.pi, math.pi], sds=[1.9, 1.9])
    report = wc.compare(
        target,
        {"flow": DeterministicGibbs(bounds=(0, TURN), nodes=4, tolerance=1e-5)},
        draws=1000,
        repeats=2,
        lyapunov_steps=50,
        cycle_steps=200,
    )
    (row,) = report.rows
    assert row["driver"] == "none"
    assert row["error"] < 0.05
    assert row["lyapunov"] < 0.01


def test_a_failing_density_stops_the_run_and_keeps_its_draws():
    calls = []

    def fragile(x):
        calls.append(1)
        if len(calls) > 12_000:
            raise RuntimeError("no more")
        return torus_logp(x)

    for method in ("rk4", "dop853"):
        calls.clear()
        sampler = DeterministicGibbs(bounds=(0, TURN), nodes=2, time=0.05, method=method)
        with pytest.raises(RuntimeError, match="no more") as caught:
            wc.sample(wc.Density(fragile, dim=2), sampler, draws=100_000, warmup=0, chains=1, seed=1, progress=False)
        assert caught.value.trace.n_draws > 3


@pytest.mark.filterwarnings("ignore:this run is not to be trusted")  # it comes back to three places
def test_a_density_that_is_nan_somewhere_is_reported():
    target = wc.Density(nan_below, dim=1)
    with pytest.warns(ConvergenceWarning, match="NaN"):
        trace = wc.sample(
            target, DeterministicGibbs(bounds=(0, 1), nodes=20), draws=200, warmup=0, chains=1, seed=1, progress=False
        )
    assert (np.asarray(trace.draws) > 0.18).all()  # crossed at once, never drawn from


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: DeterministicGibbs(time=0), ArgumentError, "time"),
        (lambda: DeterministicGibbs(step_size=-1.0), ArgumentError, "step_size"),
        (lambda: DeterministicGibbs(nodes=0), ArgumentError, "nodes"),
        (lambda: DeterministicGibbs(tolerance=0), ArgumentError, "tolerance"),
        (lambda: DeterministicGibbs(method="euler"), ArgumentError, "method"),
        (lambda: DeterministicGibbs(scale=0.0), ArgumentError, "scale"),
        (lambda: DeterministicGibbs(location=np.inf), ArgumentError, "location"),
        (lambda: DeterministicGibbs(bounds=(0, np.inf)).bind(BOX), ArgumentError, r"bounds.*x0 are \(0.0, inf\).*logarithm"),
        (lambda: DeterministicGibbs(bounds=(1, 0)).bind(BOX), ArgumentError, "bounds"),
        (lambda: DeterministicGibbs(bounds=[(0, 1)] * 3).bind(BOX), ArgumentError, "bounds"),
        (lambda: DeterministicGibbs(scale=[1.0, 1.0, 1.0]).bind(BOX), ArgumentError, "scale"),
        (lambda: DeterministicGibbs(speeds=[1.0]).bind(BOX), ArgumentError, "speeds"),
        (lambda: DeterministicGibbs(speeds=[1.0, -1.0]).bind(BOX), ArgumentError, "speeds"),
        (lambda: DeterministicGibbs(bounds=(0, 1)).bind(BOX).start(0, [0.5, 2.0]), ArgumentError, "bounds"),
        (lambda: DeterministicGibbs().bind(wc.Moments([[0.0], [1.0]], [0.5])), ArgumentTypeError, "target"),
        (lambda: DeterministicGibbs(bounds=(0, 1)).bind(wc.Density(lambda x: -math.inf, dim=1)).start(0), ArgumentError, "finite"),
        (lambda: flow_divergence("flow", torus_logp, [0.0, 0.0]), ArgumentTypeError, "flow"),
        (lambda: flow_divergence(lambda x: x, 3, [0.0, 0.0]), ArgumentTypeError, "logp"),
        (lambda: flow_divergence(lambda x: x, torus_logp, [np.nan, 0.0]), ArgumentError, "points"),
        (lambda: flow_divergence(lambda x: x, torus_logp, [0.0, 0.0], step=0.0), ArgumentError, "step"),
        (lambda: flow_divergence(lambda x: x / 0.0 if x[0] else x, torus_logp, np.zeros(2)), ArgumentError, "finite around"),
    ],
)
def test_bad_input(call, error, match):
    with np.errstate(all="ignore"), pytest.raises(error, match=match):
        call()


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_steps_of_the_divergence_fit_the_units_of_each_coordinate(unit):
    """The field (x, y) leaves exp(-x^2 / 2 - y^2 / 2) with the divergence 2 - x^2 - y^2, in whatever units y is counted."""
    points = np.random.default_rng(4).normal(size=(5, 2)) * [1.0, unit]
    found = flow_divergence(lambda u: u, lambda u: -0.5 * float(u[0] ** 2 + (u[1] / unit) ** 2), points)
    assert np.allclose(found, 2 - points[:, 0] ** 2 - (points[:, 1] / unit) ** 2, atol=1e-8)
    with pytest.raises(ArgumentError, match="step"):
        flow_divergence(lambda u: u, lambda u: 0.0, points, step=[0.1, -0.1])
