"""Every sampler of densities draws from the posterior it is given, and broken variants do not.

To add a sampler: one line in CASES, and one in BROKEN for each way in which it might be wrong.
"""

import dataclasses

import pytest

import weakchaos as wc
from tests.calibration import LEVEL, MODELS, Case, calibration_chance, exact_chance, mutant, schools
from tests.conformance import check_invariance

# Whether a short run is long enough is not the question here.
pytestmark = pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")

CASES = {
    "HMC": Case(wc.samplers.HMC(0.3, 6), warmup=60),
    "HMC, tuned": Case(wc.samplers.HMC()),
    "MALA": Case(wc.samplers.MALA(), thin=20),
    "MAMS": Case(wc.samplers.MAMS(), warmup=300, least_dim=2),
    "NUTS": Case(wc.samplers.NUTS()),
    "NUTS, long steps": Case(wc.samplers.NUTS(target_accept=0.5)),  # where weights and acceptance matter
    "RandomWalkMetropolis": Case(wc.samplers.RandomWalkMetropolis(0.6), warmup=300, thin=60),
    "BouncyParticle": Case(wc.samplers.BouncyParticle(), warmup=400, thin=6, reversible=False),
    "Slice": Case(wc.samplers.Slice(), warmup=100, thin=8),
    "ScoreMap": Case(wc.samplers.ScoreMap(), warmup=100, share=0.15),
    "WALNUTS": Case(wc.samplers.WALNUTS()),
    "WALNUTS, long steps": Case(wc.samplers.WALNUTS(max_error=3.0, target_accept=0.5)),
    "ZigZag": Case(wc.samplers.ZigZag(), warmup=400, thin=6, reversible=False),
}

# What is broken, in the words of the sampler's own source: (case, module, what stands there, what takes its place).
BROKEN = {
    "HMC, acceptance flipped": ("HMC", "weakchaos.samplers.hmc", "math.exp(min(0.0, -error)) if", "math.exp(min(0.0, error)) if"),
    "HMC, always accepted": ("HMC", "weakchaos.samplers.hmc", "if u < accept:", "if u < 1.0:"),
    "HMC, momentum not refreshed": ("HMC", "weakchaos.samplers.hmc", "momentum[i] = deviation[i] *", "momentum[i] = momentum[i] if t > 0 else deviation[i] *"),
    "NUTS, acceptance flipped": ("NUTS, long steps", "weakchaos.samplers.nuts", "math.exp(-error - new_weight)", "math.exp(error - new_weight)"),
    "NUTS, momentum not refreshed": ("NUTS", "weakchaos.samplers.nuts", "q = normal_from_uniform(draw_uniform(stream, stream_state))", "q = 1.0"),
    "WALNUTS, acceptance flipped": ("WALNUTS, long steps", "weakchaos.samplers.walnuts", "math.exp(-error - new_weight)", "math.exp(error - new_weight)"),
    "WALNUTS, momentum not refreshed": ("WALNUTS", "weakchaos.samplers.walnuts", "p = normal_from_uniform(draw_uniform(stream, stream_state)) /", "p = 1.0 /"),
    "RandomWalkMetropolis, acceptance flipped": ("RandomWalkMetropolis", "weakchaos.samplers.metropolis", "value[0] - known[dim])", "known[dim] - value[0])"),
    "Slice, level too low": ("Slice", "weakchaos.samplers.slice_sampling", "math.log(max(u, 5e-324))", "3.0 * math.log(max(u, 5e-324))"),
}  # fmt: skip


PAIRS = [(name, model) for name in CASES for model in MODELS if MODELS[model].dim >= CASES[name].least_dim]


@pytest.mark.parametrize(("name", "model"), PAIRS)
def test_ranks_of_simulated_parameters_are_uniform(name, model):
    assert calibration_chance(CASES[name], MODELS[model], 250, seed=1) > LEVEL


@pytest.mark.parametrize(("name", "model"), PAIRS)
def test_steps_from_exact_draws_are_exact(name, model):
    assert exact_chance(CASES[name], MODELS[model], 600, seed=2) > LEVEL


@pytest.mark.slow
@pytest.mark.parametrize(("name", "model"), PAIRS)
def test_many_ranks_are_uniform(name, model):
    longer = dataclasses.replace(CASES[name], thin=2 * CASES[name].thin)
    assert calibration_chance(longer, MODELS[model], 1500, seed=3, draws=29) > LEVEL
    assert exact_chance(longer, MODELS[model], 4000, seed=4) > LEVEL


def _one_each(broken):
    """Every broken variant is a compilation: one a sampler belongs to the ordinary suite."""
    first = {module: name for name, (_, module, *_) in reversed(broken.items())}
    return [name if name in first.values() else pytest.param(name, marks=pytest.mark.slow) for name in broken]


@pytest.mark.parametrize("broken", _one_each(BROKEN))
def test_a_broken_sampler_is_found(broken, tmp_path):
    name, module, old, new = BROKEN[broken]
    case, made = CASES[name], mutant(module, tmp_path, (old, new))
    arguments = {field.name: getattr(case.sampler, field.name) for field in dataclasses.fields(case.sampler)}
    case = dataclasses.replace(case, sampler=getattr(made, type(case.sampler).__name__)(**arguments))
    assert any(
        calibration_chance(case, model, 250, seed=1) < LEVEL or exact_chance(case, model, 600, seed=2) < LEVEL
        for model in reversed(MODELS.values())
        if model.dim >= case.least_dim
    )


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_jacobian_of_the_posterior_is_found(name):
    # Counted twice: left out, the posterior would be improper.
    wrong, case = schools(2.0), CASES[name]
    assert exact_chance(case, wrong, 600, seed=2) < LEVEL or calibration_chance(case, wrong, 250, seed=1) < LEVEL


@pytest.mark.parametrize("target", ["gaussian", "eight_schools", pytest.param("correlated_gaussian", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", CASES)
def test_moments_of_the_zoo(name, target):
    """Means and variances within 5 Monte Carlo standard errors."""
    case, target = CASES[name], wc.zoo.make(target)
    check_invariance(case.sampler, target, target.means, target.sds**2, draws=1500, warmup=400, thin=case.thin, seed=5)


@pytest.mark.parametrize("name", CASES)
def test_an_improper_posterior_ends_no_run_with_an_exception(name):
    """Without the Jacobian of log tau the posterior has infinite mass at tau = 0: chains run away, and no kernel divides by zero there."""
    target, data = schools(0.0).target()
    data[:] = 0.0
    trace = wc.sample(target, CASES[name].sampler, draws=200, warmup=200, chains=2, seed=3, progress=False)
    assert trace.n_draws == 200
