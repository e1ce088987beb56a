"""Numbers that persist instead of being drawn anew: their joint law with the position, their slow versions, permutations."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

import weakchaos as wc
from tests.calibration import broken_sampler, far_from_independent, mutant
from tests.conformance import check_invariance
from tests.samplers.test_continuous import banana, banana_of, uniforms_of
from tests.samplers.test_gibbs import machine
from weakchaos.core.counters import BAD_VALUES, EVALUATIONS
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.native.compiled import normal_from_uniform
from weakchaos.samplers import PermutationGibbs, PersistentMetropolis, PersistentSlice
from weakchaos.targets.factor_graph import packaged

WALK, SLICE = PersistentMetropolis(1.2, 0.07), PersistentSlice(1.5, 0.2)
MODULES = {PersistentMetropolis: "weakchaos.samplers.persistent_metropolis", PersistentSlice: "weakchaos.samplers.persistent_slice"}


def test_the_walk_is_its_slow_version():
    system = PersistentMetropolis(0.7, 0.3).bind(banana_of(False))
    state = system.start(3)
    u = iter(uniforms_of(system, state, 200))
    (*x, v), rows = state.phase, []
    for _ in range(100):
        v = (v + 0.3 + 1) % 2 - 1
        y = np.array([a + 0.7 * normal_from_uniform.py_func(next(u)) for a in x])
        r = math.exp(banana.py_func(y, 0.5) - banana.py_func(np.array(x), 0.5))
        if abs(v) < r:
            x, v = y, v / r
        rows.append(x)
    np.testing.assert_allclose(system.advance(state, 100), rows, rtol=0, atol=1e-10)
    assert state.phase[2] == pytest.approx(v)
    assert state.counters[EVALUATIONS] == 101
    assert system.uniforms_per_step == 2


def test_the_level_of_a_slice_is_kept_by_each_line():
    """After a line of drift d the height |v| p(x) is that of the old place and the drifted v, and the draw lies above it."""
    system = PersistentSlice(1.0, 0.3).bind(wc.Density(lambda x: -0.5 * float(x @ x), 1))
    state = system.start(4)
    for _ in range(200):
        x, v = state.phase
        level = -0.5 * x * x + math.log(abs((v + 0.3 + 1) % 2 - 1))
        system.advance(state, 1)
        x, new = state.phase
        assert -0.5 * x * x > level
        assert -0.5 * x * x + math.log(abs(new)) == pytest.approx(level, abs=1e-9)
        assert np.sign(new) == np.sign((v + 0.3 + 1) % 2 - 1)


@pytest.mark.parametrize(
    ("sampler", "old", "new"),
    [
        (WALK, None, None),
        (WALK, "phase[dim] /= ratio", "phase[dim] /= 1.0"),
        (WALK, "phase[dim] /= ratio", "phase[dim] *= min(ratio, 1.0)"),
        (SLICE, None, None),
        (SLICE, "math.exp(level - known[dim])", "abs(v)"),
        (SLICE, "level = known[dim] + math.log(max(abs(v), 5e-324))", "level = known[dim] + 0.5 * math.log(max(abs(v), 5e-324))"),
    ],
)
def test_position_and_number_stay_independent(sampler, old, new):
    """From exact draws and a uniform number, both stay so (Neal 2020, section 2); not where one of them is not moved with the other."""
    if old is not None:
        sampler = broken_sampler(sampler, MODULES[type(sampler)], (old, new))
    uniform, together, mean = far_from_independent(sampler, 2, 2500)
    if old is None:
        assert uniform < 45  # chi-squared of 19 degrees of freedom, .0007
        assert together < 4
        assert mean < 4
    else:
        assert max(together, mean) > 8 or uniform > 100


@pytest.mark.parametrize("sampler", [PersistentMetropolis(2.0), PersistentSlice(2.0), PersistentSlice(0.2, 0.1, 3)])
def test_invariance(sampler):
    check_invariance(sampler, wc.zoo.gaussian([1.0, 3.0]), np.zeros(2), np.array([1.0, 9.0]), warmup=300, draws=12_000)


def test_the_walk_accepts_as_often_as_its_relative():
    target = wc.zoo.gaussian([1.0, 1.0])
    rates = [
        wc.sample(target, s, draws=20_000, warmup=100, seed=1, progress=False).stats["acceptance_rate"].mean()
        for s in (PersistentMetropolis(2.0, 0.05), wc.samplers.RandomWalkMetropolis(2.0))
    ]
    assert rates[0] == pytest.approx(rates[1], abs=0.01)


@pytest.mark.parametrize("sampler", [WALK, SLICE])
def test_bad_values_are_counted_and_never_drawn(sampler):
    target = wc.Density(lambda x: math.nan if x[0] > 1 else -0.5 * float(x @ x), 2, start=np.zeros(2))
    with pytest.warns(UserWarning, match="NaN or"):
        trace = wc.sample(target, sampler, draws=500, warmup=20, seed=1, progress=False)
    assert trace.draws[:, :, 0].max() <= 1
    assert sum(s.counters[BAD_VALUES] for s in trace.states) > 0


@pytest.mark.parametrize("sampler", [WALK, SLICE])
def test_an_exception_leaves_whole_steps(sampler):
    left = [150]

    def logp(x):
        left[0] -= 1
        if left[0] == 0:
            raise ZeroDivisionError
        return -0.5 * float(x @ x)

    options = {"warmup": 0, "seed": 1, "chains": 1, "progress": False}
    with pytest.raises(ZeroDivisionError) as caught:
        wc.sample(wc.Density(logp, 2), sampler, draws=200, **options)
    trace = wc.extend(caught.value.trace, 200 - caught.value.trace.n_draws, progress=False)
    whole = wc.sample(wc.Density(lambda x: -0.5 * float(x @ x), 2), sampler, draws=200, **options)
    assert np.array_equal(trace.draws, whole.draws)


# ---- Gibbs sampling as a permutation ----


def slow_sweep(x, u, conditional, shifts, back=False):
    """One sweep in rational numbers, and its inverse, which visits the units in reverse order and shifts back."""
    units = range(len(x))
    for i in reversed(units) if back else units:
        p = conditional(i, x)
        w = (sum(p[: x[i]], Fraction(0)) + u[i] * p[x[i]] + (-shifts[i] if back else shifts[i])) % 1
        k = max(k for k in range(len(p)) if p[k] > 0 and sum(p[:k], Fraction(0)) <= w)
        x[i], u[i] = k, (w - sum(p[:k], Fraction(0))) / p[k]


def rational_conditionals(target, digits=10**6):
    """Conditional distributions of a small target, from its table of probabilities, as rational numbers of few digits."""
    table = target.distribution().reshape(tuple(target.cardinalities))

    def conditional(i, x):
        p = table[tuple(slice(None) if j == i else x[j] for j in range(len(x)))]
        p = [Fraction(round(float(v) * digits), digits) for v in p / p.sum()]
        return [*p[:-1], 1 - sum(p[:-1], Fraction(0))]

    return conditional


SMALL = {
    "units": lambda: machine(3),
    "Potts": lambda: wc.Potts([[0.0, 1.0], [1.0, 0.0]], 3, fields=[[0.0, 0.5, -0.3], [0.2, 0.0, 0.0]]),
    "tables": lambda: wc.FactorGraph([2, 3, 2], [((0, 1), np.arange(1.0, 7.0).reshape(2, 3)), ((1, 2), np.arange(6.0, 0.0, -1.0).reshape(3, 2))]),
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_a_sweep_can_be_undone_and_is_its_slow_version(name):
    target = SMALL[name]()
    n = target.dim
    shifts = [Fraction(k, 97) for k in (31, 58, 5)[:n]]
    conditional = rational_conditionals(target)
    x, u = [0] * n, [Fraction(k + 1, 7) for k in range(n)]
    begin = list(x), list(u)
    rows = []
    for _ in range(12):
        slow_sweep(x, u, conditional, shifts)
        rows.append(list(x))
    for _ in range(12):
        slow_sweep(x, u, conditional, shifts, back=True)
    assert (x, u) == begin
    system = PermutationGibbs([float(s) for s in shifts]).bind(target)
    state = system.start(0)
    state.symbols[:], state.phase[:] = begin[0], [float(v) for v in begin[1]]
    assert np.array_equal(system.symbols(system.advance(state, 12)), rows)


REVERSE = "u[visit] = min(max((w - start) / p[new], 0.0), _BELOW_ONE)"


def far_from_the_target(sampler, target, steps, starts=4000):
    """Chi-squared of states, and of the numbers of the first unit, after some sweeps from exact draws and uniform numbers."""
    exact = target.distribution().ravel()
    states = np.array(list(itertools.product(*map(range, target.cardinalities))))
    rng = np.random.default_rng(5)
    system, counts, numbers = sampler.bind(target), np.zeros(len(states)), []
    place = {tuple(s): k for k, s in enumerate(states)}
    for k in rng.choice(len(states), starts, p=exact):
        state = system.start(int(rng.integers(2**31)))
        state.symbols[:] = states[k]
        system.advance(state, steps, steps)
        counts[place[tuple(state.symbols)]] += 1
        numbers.append(state.phase[0])
    bins = np.histogram(numbers, 10, (0, 1))[0]
    return ((counts - starts * exact) ** 2 / (starts * exact)).sum(), ((bins - starts / 10) ** 2 / (starts / 10)).sum()


@pytest.mark.parametrize("shifts", ["fixed", "stream"])
@pytest.mark.parametrize("name", ["units", "Potts"])
def test_the_target_is_kept(name, shifts):
    target = SMALL[name]()
    states, numbers = far_from_the_target(PermutationGibbs(shifts), target, 3)
    assert states < 35  # chi-squared of at most 11 degrees of freedom, 2e-4
    assert numbers < 33  # of 9, 1e-4


def test_a_number_that_is_not_mapped_back_does_not_keep_the_target():
    made = mutant("weakchaos.samplers.permutation_gibbs", (REVERSE, "u[visit] = min(max(w, 0.0), _BELOW_ONE)"))
    assert max(far_from_the_target(made.PermutationGibbs(), SMALL["units"](), 3)) > 100


def test_all_exponents_are_zero():
    """The map keeps volume and its derivative is diagonal with mean logarithm 0."""
    spectrum = wc.diagnostics.lyapunov_spectrum(PermutationGibbs().bind(machine(3)), steps=20_000, seed=1)
    assert np.abs(spectrum.exponents).max() < 0.02
    system = PermutationGibbs().bind(SMALL["tables"]())
    state = system.start(2)
    twin = state.copy()
    twin.phase += 1e-9
    carried = system.tangent(state.copy(), 3, np.eye(3)) @ np.full(3, 1e-9)
    system.advance(state, 3)
    system.advance(twin, 3)
    assert np.allclose(twin.phase - state.phase, carried, rtol=1e-4)


def test_a_stream_is_needed_only_where_shifts_come_from_one():
    target = machine(4)
    fixed, random = (PermutationGibbs(s).bind(target, "golden") for s in ("fixed", "stream"))
    assert (fixed.driver, fixed.uniforms_per_step, random.uniforms_per_step) == (None, 0, 4)
    assert [f.kind for f in random.before_run(random.start(0))] == ["stream_memory"]
    assert fixed.before_run(fixed.start(0)) == []


def test_a_larger_model_under_fixed_shifts():
    """Twenty units of a packaged network: marginals within two hundredths of the exact ones."""
    graph = packaged("child")
    trace = wc.sample(graph, PermutationGibbs(), draws=20_000, warmup=500, chains=4, seed=1, progress=False, record="averages")
    assert np.abs(trace.averages()[1][:, -1].mean(0) - graph.truth()[0]).max() < 0.03


@pytest.mark.parametrize(
    ("make", "error", "name"),
    [
        (lambda: PersistentMetropolis(0), ArgumentError, "scale"),
        (lambda: PersistentMetropolis(uniform_drift=0.0), ArgumentError, "uniform_drift"),
        (lambda: PersistentMetropolis(uniform_drift=1), ArgumentError, "uniform_drift"),
        (lambda: PersistentMetropolis((1.0, 2.0)).bind(wc.zoo.gaussian([1.0])), ArgumentError, "scale"),
        (lambda: PersistentSlice(-1.0), ArgumentError, "width"),
        (lambda: PersistentSlice(uniform_drift="slow"), ArgumentError, "uniform_drift"),
        (lambda: PersistentSlice(max_steps=0), ArgumentError, "max_steps"),
        (lambda: PersistentSlice((1.0, 2.0)).bind(wc.zoo.gaussian([1.0])), ArgumentError, "width"),
        (lambda: PermutationGibbs("random"), ArgumentError, "shifts"),
        (lambda: PermutationGibbs(None), ArgumentTypeError, "shifts"),
        (lambda: PermutationGibbs([0.5, 1.0]), ArgumentError, "shifts"),
        (lambda: PermutationGibbs([0.5]).bind(machine(3)), ArgumentError, "shifts"),
        (lambda: PermutationGibbs().bind(wc.zoo.banana()), ArgumentTypeError, "target"),
    ],
)
def test_arguments_that_make_no_sense(make, error, name):
    with pytest.raises(error, match=f"`{name}`"):
        make()
