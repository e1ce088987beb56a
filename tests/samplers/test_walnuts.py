"""WALNUTS: against recursion fed the same numbers, what it leaves invariant, its reversibility correction, its warm-up."""

import math

import numpy as np
import pytest

import weakchaos as wc
from tests import naive_hamiltonian as naive
from tests.calibration import mutant
from tests.conformance import check_expectations, check_invariance
from tests.samplers.test_continuous import banana_of, naive_banana, uniforms_of
from weakchaos.core.counters import GRADIENTS
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning
from weakchaos.core.flags import Kind
from weakchaos.samplers.walnuts import WALNUTS


def funnel_of(dim=3):
    def logp(x):
        return -(x[0] ** 2) / 18.0 - 0.5 * (dim - 1) * x[0] - 0.5 * math.exp(-x[0]) * float(x[1:] @ x[1:])

    def gradient(x):
        s = math.exp(-x[0])
        return np.concatenate([[-x[0] / 9.0 - 0.5 * (dim - 1) + 0.5 * s * float(x[1:] @ x[1:])], -s * x[1:]])

    return logp, gradient


@pytest.mark.parametrize(
    ("target", "step_size", "inverse_mass", "max_error", "halvings", "depth"),
    [
        ("banana", 0.6, (1.0, 1.0), 0.3, 10, 10),
        ("banana", 0.9, (2.0, 0.5), 0.1, 10, 3),
        ("banana", 0.9, (1.0, 1.0), 0.2, 2, 10),
        ("funnel", 0.8, (2.0, 1.0, 1.0), 0.5, 10, 10),
        ("funnel", 2.5, (2.0, 1.0, 1.0), 1.0, 2, 10),
        ("walled banana", 0.6, (1.0, 1.0), 0.3, 10, 10),
    ],
)
def test_walnuts_is_its_recursion(target, step_size, inverse_mass, max_error, halvings, depth):
    density, functions = (wc.zoo.funnel(3), funnel_of()) if target == "funnel" else (banana_of(), naive_banana())
    if target == "walled banana":
        whole = functions
        functions = (lambda x: whole[0](x) if x[0] > -0.5 else -math.inf), whole[1]
        density = wc.Density(functions[0], 2, functions[1], start=[0.5, 0.0])
    system = WALNUTS(step_size, inverse_mass, max_error=max_error, max_halvings=halvings, max_tree_depth=depth).bind(density)
    state, n = system.start(3), 60
    u = uniforms_of(system, state, 20000)
    expected, told = naive.walnuts(*functions, state.phase, u, step_size, inverse_mass, n, max_error, halvings, depth)
    draws, stats = np.empty((n, system.dim)), np.empty((n, len(system.stats_names)))
    assert system.run(state, n, 1, draws, stats, np.empty(0)) == n
    np.testing.assert_allclose(draws, expected, rtol=0, atol=1e-8)
    columns = [
        system.stats_names.index(name)
        for name in ("acceptance_rate", "tree_depth", "halvings", "diverging", "irreversible", "energy")
    ]
    np.testing.assert_allclose(stats[:, columns], told, rtol=1e-6, atol=1e-8)
    assert told[:, 4].any()
    assert (halvings == 2) == bool(told[:, 3].any())
    assert state.counters[GRADIENTS] == stats[:, system.stats_names.index("n_steps")].sum() + 1


# ---- the distribution ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", [WALNUTS(0.6), WALNUTS(0.9, (2.0, 0.5), max_error=0.1), WALNUTS(1.2, max_error=2.0), WALNUTS()])
def test_invariant_distribution(sampler):
    check_invariance(sampler, banana_of(), np.array([0.0, 0.5]), np.array([1.0, 0.75]), seed=11)


def scores_of_funnel(ends):
    """Three standard normals where the funnel was left invariant."""
    back = np.column_stack([ends[:, 0] / 3.0, ends[:, 1:] * np.exp(-0.5 * ends[:, :1])])
    return np.concatenate([back, back**2], 1)[None]


def ends_of_short_chains(sampler, n=3000, steps=3):
    z = np.random.default_rng(7).normal(size=(n, 3))
    starts = np.column_stack([3.0 * z[:, 0], z[:, 1:] * np.exp(1.5 * z[:, :1])])
    system = sampler.bind(wc.zoo.funnel(3))
    return np.concatenate([system.advance(system.start(k, x), steps)[-1:] for k, x in enumerate(starts)])


NORMAL = [0.0] * 3 + [1.0] * 3


@pytest.mark.parametrize(("step_size", "max_error"), [(0.5, 0.5), (1.5, 1.0), (1.5, 3.0)])
def test_steps_from_exact_draws_of_a_funnel_are_exact(step_size, max_error):
    check_expectations(scores_of_funnel(ends_of_short_chains(WALNUTS(step_size, max_error=max_error))), NORMAL)


def test_without_the_correction_of_reversibility_steps_are_not_exact():
    steps = mutant(
        "weakchaos.samplers.local_steps",
        ("        if 0.0 <= error <= max_error or outside == _MOST_LEFT:\n            return IRREVERSIBLE\n", ""),
    )
    broken = mutant("weakchaos.samplers.walnuts", ("from weakchaos.samplers.local_steps import", f"from {steps.__name__} import"))
    with pytest.raises(AssertionError, match="standard errors"):
        check_expectations(
            scores_of_funnel(ends_of_short_chains(broken.WALNUTS(1.5, max_error=3.0, max_tree_depth=3), steps=8)), NORMAL
        )


# ---- warm-up and statistics ----------------------------------------------------------------------------------------------------------


def test_length_and_metric_are_found_for_any_unit():
    sds = np.array([1e-5, 1.0, 1e4])
    trace = wc.sample(wc.zoo.gaussian(sds), WALNUTS(), draws=300, warmup=800, chains=2, seed=2, progress=False)
    np.testing.assert_allclose(np.log(trace.tuning["inverse_mass"] / sds**2), 0.0, atol=0.5)
    assert 0.7 < trace.stats["acceptance_rate"].mean() < 0.95
    assert trace.stats["n_steps"].mean() < 20
    assert np.array_equal(trace.stats["step_size"][:, 0], trace.tuning["step_size"])


def test_what_is_given_stays():
    trace = wc.sample(banana_of(), WALNUTS(0.25, (2.0, 0.5)), draws=50, warmup=100, chains=2, seed=1, progress=False)
    assert (trace.tuning["step_size"] == 0.25).all()
    assert (trace.tuning["inverse_mass"] == [2.0, 0.5]).all()


def test_without_warm_up_the_length_of_steps_is_said_to_be_a_guess():
    with pytest.warns(ConvergenceWarning, match="WALNUTS ran without warm-up in 2 of 2 chains"):
        trace = wc.sample(banana_of(), WALNUTS(), draws=20, warmup=0, chains=2, seed=1, progress=False)
    assert [flag.kind for flag in trace.flags] == [Kind.UNTUNED]
    assert (trace.tuning["step_size"] > 0).all()


def test_the_neck_of_a_funnel_is_reached_without_divergences():
    """The steps of NUTS that suit the mouth diverge in the neck (Betancourt and Girolami 2013, arXiv:1312.0906); here they are halved."""
    trace = wc.sample(wc.zoo.funnel(3), WALNUTS(), draws=2000, warmup=500, seed=4, progress=False)
    v = trace.draws[..., 0]
    assert not trace.stats["diverging"].any()
    assert v.min() < -6.0
    check_expectations((v[..., None] < [-3.0, 0.0, 3.0]).astype(float), [0.15865525, 0.5, 0.84134475])
    assert Kind.REFUSED not in {flag.kind for flag in trace.check()}  # steps are shorter there
    rough = trace.stats["halvings"] > 0
    assert v[rough].mean() < v[~rough].mean()


def test_the_edge_of_a_support_is_no_divergence():
    target = wc.Density(lambda x: -x[0] if x[0] > 0 else -np.inf, 1, lambda x: np.array([-1.0]), start=[1.0])
    trace = check_invariance(WALNUTS(0.5), target, np.array([1.0]), np.array([1.0]), 3000, seed=5)
    assert not trace.stats["diverging"].any()


@pytest.mark.parametrize(
    ("field", "value"),
    [("step_size", 0.0), ("target_accept", 1.0), ("max_error", -1.0), ("max_error", "x"), ("max_halvings", -1), ("max_halvings", 1.5), ("max_tree_depth", 0), ("inverse_mass", (1.0,)), ("inverse_mass", (1.0, -1.0))],
)  # fmt: skip
def test_arguments_that_make_no_sense(field, value):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=f"`{field}` must"):
        WALNUTS(**{field: value}).bind(banana_of())
