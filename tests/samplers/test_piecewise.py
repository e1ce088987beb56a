"""Zig-zag and bouncy particle: a slow version with exact event times, rates of events of Gaussians, distributions, bounds that do not hold."""

import math
import warnings

import numpy as np
import pytest
from numba import njit
from scipy.special import gammaln

import weakchaos as wc
from tests.calibration import mutant
from tests.conformance import check_expectations, check_invariance, check_system
from tests.core.runs import assert_any_split_gives_the_same_bits
from weakchaos.core.counters import ACCEPTED, BAD_VALUES, BOUND_EXCEEDED, GRADIENTS, SLOTS
from weakchaos.core.errors import ArgumentError, ConvergenceWarning
from weakchaos.core.flags import Kind
from weakchaos.core.system import State
from weakchaos.runs.check_movement import movement_flags
from weakchaos.samplers.bouncy_particle import BouncyParticle
from weakchaos.samplers.zig_zag import ZigZag

SAMPLERS = [ZigZag(), BouncyParticle()]
PRECISION = np.array([[2.0, 1.2], [1.2, 1.0]])


def gaussian():
    return wc.Density(lambda x: -0.5 * float(x @ PRECISION @ x), 2, grad=lambda x: -PRECISION @ x)


@njit
def student(x, out):
    """Student's t of 10 degrees of freedom in as many dimensions as `x` has: variance 10/8, and a rate that is not convex."""
    square = 0.0
    for i in range(x.size):
        square += x[i] * x[i]
    for i in range(x.size):
        out[i] = -(10.0 + x.size) * x[i] / (10.0 + square)
    return -0.5 * (10.0 + x.size) * math.log1p(square / 10.0)


@njit
def gamma(x, out):
    """Independent Gamma(2.5): the rate grows without limit at the edge."""
    total = 0.0
    for i in range(x.size):
        if x[i] <= 0.0:
            return -math.inf
        out[i] = 1.5 / x[i] - 1.0
        total += 1.5 * math.log(x[i]) - x[i]
    return total


@njit
def box(x, out):
    out[:] = 0.0
    return 0.0 if np.all((x > 0.0) & (x < 1.0)) else -math.inf


def slow_zigzag(times, rng):
    """Exact event times by inversion: the rate of coordinate i on the path is max(0, a_i + b_i t) (Bierkens et al. 2019, section 2)."""
    x, v, rows, clock = rng.normal(size=2), np.ones(2), [], 0.0
    for t in times:
        while True:
            a, b, e = v * (PRECISION @ x), v * (PRECISION @ v), -np.log(1 - rng.random(2))
            # integral of max(0, a + b s) up to s equals e; b may be negative
            waits = np.empty(2)
            for i in range(2):
                if b[i] > 0:
                    waits[i] = (-a[i] + math.sqrt(max(a[i], 0) ** 2 + 2 * b[i] * e[i])) / b[i]
                else:
                    square = a[i] ** 2 + 2 * b[i] * e[i]
                    waits[i] = (-a[i] + math.sqrt(square)) / b[i] if a[i] > 0 and square >= 0 and b[i] < 0 else math.inf
            k = int(np.argmin(waits))
            if clock + waits[k] > t:
                x, clock = x + (t - clock) * v, t
                rows.append(x)
                break
            x, clock = x + waits[k] * v, clock + waits[k]
            v[k] = -v[k]
    return np.array(rows)


def test_zigzag_against_exact_event_times():
    """Equal means, squares and products of successive draws: the law of the path, not of a draw alone."""
    rng = np.random.default_rng(0)
    slow = np.stack([slow_zigzag(np.arange(1, 4001) * 0.7, rng) for _ in range(4)])[:, 100:]
    trace = wc.sample(gaussian(), ZigZag(0.7, (1.0, 1.0)), draws=6000, warmup=100, seed=1, progress=False)

    def features(x):
        return np.concatenate([x[:, 1:] ** 2, x[:, 1:] * x[:, :-1], x[:, 1:, ::-1] * x[:, :-1]], axis=2)

    def batches(x):
        f = features(x)
        return f[:, : f.shape[1] // 50 * 50].reshape(-1, 50, f.shape[2]).mean(1)

    a, b = batches(slow), batches(np.asarray(trace.draws))
    scores = (a.mean(0) - b.mean(0)) / np.sqrt(a.var(0) / len(a) * 1.3 + b.var(0) / len(b) * 1.3)
    assert np.abs(scores).max() < 5
    other = batches(
        np.asarray(wc.sample(gaussian(), ZigZag(1.8, (1.0, 1.0)), draws=6000, warmup=100, seed=1, progress=False).draws)
    )
    assert np.abs((a.mean(0) - other.mean(0)) / np.sqrt(a.var(0) / len(a) + other.var(0) / len(other))).max() > 5  # the control


@pytest.mark.parametrize("dim", [1, 3, 20])
def test_rates_of_events(dim):
    """Of a standard normal distribution: E max(0, v x) is 1/sqrt(2 pi) for each coordinate of the zig-zag; E|x|/sqrt(2 pi) for the bouncy particle."""
    target, root = wc.zoo.gaussian(np.ones(dim)), math.sqrt(2 * math.pi)
    length = math.sqrt(2) * math.exp(gammaln((dim + 1) / 2) - gammaln(dim / 2))
    for sampler, rate in ((ZigZag(1.0, np.ones(dim)), dim / root), (BouncyParticle(1.0, 1.0, np.ones(dim)), length / root)):
        trace = wc.sample(target, sampler, draws=3000, warmup=200, seed=1, progress=False)
        check_expectations(trace.stats["n_events"][:, :, None], [rate])
        assert [s.counters[BOUND_EXCEEDED] for s in trace.states] == [0] * 4
        assert trace.stats["n_events"].dtype == trace.stats["n_steps"].dtype == np.int64


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("untuned", [True, False])
def test_a_gaussian_is_exact(sampler, untuned):
    """Correlated, under a bound that was not tuned and under one that was: its rate is convex along the path, so that no bound is exceeded."""
    covariance = np.linalg.inv(PRECISION)
    trace = check_invariance(sampler, gaussian(), np.zeros(2), np.diag(covariance), draws=4000, warmup=0 if untuned else 500)
    assert sum(int(s.counters[BOUND_EXCEEDED]) for s in trace.states) == 0
    x = np.asarray(trace.draws)
    check_expectations(x[:, :, :1] * x[:, :, 1:], covariance[0, 1:])


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_invariance_of_other_densities(sampler):
    target = wc.Density(logp_and_grad=student, dim=2)
    check_invariance(sampler, target, np.zeros(2), np.full(2, 1.25), draws=6000, warmup=1500)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_edges(sampler):
    """The uniform distribution on a square, and one whose density is 0 at the edge: no draw outside, and the right moments."""
    square = wc.Density(logp_and_grad=box, dim=2, start=lambda r: r.random(2))
    trace = check_invariance(sampler, square, np.full(2, 0.5), np.full(2, 1 / 12), draws=6000, warmup=1500)
    assert (trace.draws > 0).all()
    assert (trace.draws < 1).all()
    low = wc.Density(logp_and_grad=gamma, dim=2, start=lambda r: 1 + r.random(2))
    check_invariance(sampler, low, np.full(2, 2.5), np.full(2, 2.5), draws=6000, warmup=1500)


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")
@pytest.mark.parametrize(
    ("sampler", "old", "new"),
    [
        ("zig_zag", "if u * bound < rate:", "if u * bound < 0.5 * rate:"),
        ("zig_zag", "left, chosen = draw_uniform(stream, stream_state) * rate, dim - 1", "left, chosen = 0.0, dim - 1"),
        ("bouncy_particle", "velocity[i] -= 2.0 * along / square", "velocity[i] -= 1.0 * along / square"),
        ("bouncy_particle", "if u * bound < rate:", "if bound > 0.0:"),
    ],
)  # fmt: skip
def test_a_broken_process_is_found(sampler, old, new):
    broken = mutant("weakchaos.samplers.piecewise", (old, new))

    class Bound(broken.BoundPiecewise):
        kind = broken.ZIGZAG if sampler == "zig_zag" else broken.BOUNCY
        refreshments = 0.0 if sampler == "zig_zag" else 1.0

    class Broken(ZigZag):
        def bind(self, target, driver="pcg64"):
            return Bound(self, target, driver)

    with pytest.raises(AssertionError):
        check_invariance(Broken(1.0, (1.0, 1.0)), gaussian(), np.zeros(2), np.diag(np.linalg.inv(PRECISION)), draws=6000)


@pytest.mark.parametrize("sampler", [*SAMPLERS, ZigZag(0.3, (1.0, 4.0)), BouncyParticle(0.3, 0.2, (1.0, 4.0))])
def test_laws_of_a_system(sampler):
    check_system(sampler.bind(wc.zoo.banana()), n=48)


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_any_split_of_warm_up(sampler, monkeypatch):
    options = {"draws": 50, "warmup": 200, "keep_warmup": True, "chains": 2, "seed": 1, "progress": False}
    assert_any_split_gives_the_same_bits(lambda: wc.sample(wc.zoo.funnel(3), sampler, **options), 7, monkeypatch)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_scales_and_intervals_are_tuned(sampler):
    trace = wc.sample(wc.zoo.gaussian([0.01, 1.0, 100.0]), sampler, draws=2000, warmup=2000, seed=1, progress=False)
    assert (np.abs(np.log10(trace.tuning["inverse_mass"] / [1e-4, 1.0, 1e4])) < 1.0).all()
    wanted = 1.5 if isinstance(sampler, ZigZag) else 0.4 * math.sqrt(3)
    assert abs(trace.stats["n_events"].mean() / wanted - 1) < 0.3
    assert trace.check() == []
    # Statistics count gradients one by one, but for the first of each chain.
    assert abs(sum(int(s.counters[GRADIENTS]) for s in trace.states) - int(trace.stats["n_steps"].sum())) <= 4


def test_a_bound_that_does_not_hold_is_said():
    """A ridge that a piece of path jumps over: the rate between two places is above the chord, and the run says that it is not exact."""

    def logp(x):
        return -0.5 * float(x @ x) - 3.0 * math.sin(12.0 * x[0])

    def grad(x):
        return np.array([-x[0] - 36.0 * math.cos(12.0 * x[0]), -x[1]])

    ridges = wc.Density(logp, 2, grad=grad)
    with pytest.warns(ConvergenceWarning, match="above the bound"):
        trace = wc.sample(ridges, ZigZag(1.0, (1.0, 1.0)), draws=2000, warmup=0, seed=1, progress=False)
    assert Kind.BOUND_EXCEEDED in [flag.kind for flag in trace.check()]
    rough = sum(int(s.counters[BOUND_EXCEEDED]) for s in trace.states) / sum(int(s.counters[ACCEPTED]) for s in trace.states)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        tuned = wc.sample(ridges, ZigZag(1.0, (1.0, 1.0)), draws=2000, warmup=2000, seed=1, progress=False)
    after = sum(int(s.counters[BOUND_EXCEEDED]) for s in tuned.states) / sum(int(s.counters[ACCEPTED]) for s in tuned.states)
    assert after < 0.2 * rough


def test_bad_values_and_failures():
    target = wc.Density(lambda x: math.nan if x[0] > 1 else -0.5 * float(x @ x), 2, grad=lambda x: -x, start=np.zeros(2))
    with pytest.warns(ConvergenceWarning, match="NaN"):
        trace = wc.sample(target, ZigZag(1.0, (1.0, 1.0)), draws=50, warmup=0, seed=1, progress=False)
    assert trace.draws[:, :, 0].max() <= 1
    assert sum(int(s.counters[BAD_VALUES]) for s in trace.states) > 0
    left = [200]

    def failing(x):
        left[0] -= 1
        if left[0] == 0:
            raise ZeroDivisionError
        return -0.5 * float(x @ x)

    with pytest.raises(ZeroDivisionError) as caught:
        wc.sample(wc.Density(failing, 2, grad=lambda x: -x), BouncyParticle(), draws=60, warmup=0, chains=1, seed=1, progress=False)
    longer = wc.extend(caught.value.trace, 60 - caught.value.trace.n_draws, progress=False)
    whole = wc.sample(
        wc.Density(lambda x: -0.5 * float(x @ x), 2, grad=lambda x: -x),
        BouncyParticle(),
        draws=60,
        warmup=0,
        chains=1,
        seed=1,
        progress=False,
    )
    assert np.array_equal(longer.draws, whole.draws)


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.GradientWarning")
def test_a_place_without_a_way_out_ends_too():
    """The support is one point: the path turns back on both sides and waits."""
    point = wc.Density(lambda x: 0.0 if x[0] == 0.5 else -math.inf, 1, grad=lambda x: np.zeros(1), start=np.array([0.5]))
    trace = wc.sample(point, ZigZag(), draws=200, warmup=0, chains=2, seed=1, progress=False)
    assert (trace.draws == 0.5).all()


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (ZigZag, {"interval": 0}),
        (ZigZag, {"inverse_mass": (1.0, -1.0)}),
        (BouncyParticle, {"refreshments": 0}),
        (BouncyParticle, {"interval": "long"}),
    ],
)
def test_arguments_that_make_no_sense(kind, arguments):
    with pytest.raises(ArgumentError, match=f"`{next(iter(arguments))}`"):
        kind(**arguments)


def test_a_mass_for_each_coordinate():
    with pytest.raises(ArgumentError, match="`inverse_mass`"):
        ZigZag(inverse_mass=(1.0, 1.0, 1.0)).bind(gaussian())


def test_states_of_earlier_versions_have_fewer_counters():
    state = State(phase=np.zeros(2), counters=np.arange(8))
    assert State.from_bytes(state.to_bytes()).counters.tolist() == [*range(8), *[0] * (SLOTS - 8)]


def test_equal_moves_on_a_straight_path_are_nothing_odd():
    """Draws between two events are equally spaced. A chain that comes back to places it had left is found all the same."""
    trace = wc.sample(gaussian(), ZigZag(0.1, (1.0, 1.0)), draws=4000, warmup=50, seed=1, progress=False)
    assert Kind.REVISITS not in [flag.kind for flag in trace.check()]
    x = np.asarray(trace.draws)
    assert [flag.kind for flag in movement_flags(x, continuous=True)] == [Kind.REVISITS]  # a walk of such moves would be
    around = x[:, np.arange(4000) % 100]
    assert [flag.kind for flag in movement_flags(around, continuous=True, straight=True)] == [Kind.REVISITS]
