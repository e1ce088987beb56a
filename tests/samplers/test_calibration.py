"""Every sampler of densities draws from the posterior it is given, and broken variants do not.

To add a sampler: one line in CASES, and one in BROKEN for each way in which it might be wrong.
"""

import dataclasses

import pytest

import weakchaos as wc
from tests.calibration import LEVEL, MODELS, Case, broken_sampler, calibration_chance, exact_chance, is_found, schools
from tests.conformance import check_invariance

# Whether a short run is long enough is not the question here.
pytestmark = pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")

CASES = {
    "EmpiricalHMC": Case(wc.samplers.EmpiricalHMC()),
    "EmpiricalHMC, long steps": Case(wc.samplers.EmpiricalHMC(target_accept=0.5)),  # where acceptance matters
    "HMC": Case(wc.samplers.HMC(0.3, 6), warmup=60),
    "GeneralizedHMC": Case(wc.samplers.GeneralizedHMC(persistence=0.95, target_accept=0.4), thin=20, reversible=False),
    "HMC, tuned": Case(wc.samplers.HMC()),
    "LAPS": Case(wc.samplers.LAPS(8), warmup=200, least_dim=2, share=0.6),
    "MALA": Case(wc.samplers.MALA(), thin=20),
    "MAMS": Case(wc.samplers.MAMS(), warmup=300, least_dim=2),
    "NUTS": Case(wc.samplers.NUTS()),
    "NUTS, long steps": Case(wc.samplers.NUTS(target_accept=0.5)),  # where weights and acceptance matter
    "RandomWalkMetropolis": Case(wc.samplers.RandomWalkMetropolis(0.6), warmup=300, thin=60),
    "PersistentMetropolis": Case(wc.samplers.PersistentMetropolis(0.6), warmup=300, thin=60, reversible=False),
    "PersistentSlice": Case(wc.samplers.PersistentSlice(2.0), warmup=100, thin=12, reversible=False),
    "BouncyParticle": Case(wc.samplers.BouncyParticle(), warmup=400, thin=6, reversible=False),
    "Slice": Case(wc.samplers.Slice(), warmup=100, thin=8),
    "ScoreMap": Case(wc.samplers.ScoreMap(), warmup=100, share=0.15),
    "WALNUTS": Case(wc.samplers.WALNUTS()),
    "WALNUTS, long steps": Case(wc.samplers.WALNUTS(max_error=3.0, target_accept=0.5)),
    "ZigZag": Case(wc.samplers.ZigZag(), warmup=400, thin=6, reversible=False),
}

# Nothing adjusts these: with steps so short that their bias is far below what so many replications can see, they must pass as well.
# ESH is not among them: its draws have the posterior only under their weights.
UNADJUSTED = {
    "Langevin": Case(wc.samplers.Langevin(0.1), warmup=0, reversible=False, stride=10, ergodic=False),
    "MCLMC": Case(wc.samplers.MCLMC(0.2), warmup=0, reversible=False, stride=10, ergodic=False, least_dim=2),
    "NoseHoover": Case(wc.samplers.NoseHoover(0.05), warmup=0, reversible=False, stride=20, ergodic=False),
    "NoseHooverChain": Case(wc.samplers.NoseHooverChain(0.05), warmup=0, reversible=False, stride=20, ergodic=False),
    "Thermostat0532": Case(wc.samplers.Thermostat0532(0.05), warmup=0, reversible=False, stride=20, ergodic=False),
}
ALL = CASES | UNADJUSTED

# What is broken, in the words of the source: (case, module, what stands there, what takes its place).
_HMC, _MAMS, _PIECEWISE, _THERMOSTAT = (f"weakchaos.samplers.{name}" for name in ("hmc", "mams", "piecewise", "thermostatted"))
BROKEN = {
    "EmpiricalHMC, acceptance flipped": ("EmpiricalHMC, long steps", "weakchaos.samplers.empirical_hmc", "math.exp(min(0.0, -error)) if", "math.exp(min(0.0, error)) if"),
    "EmpiricalHMC, always accepted": ("EmpiricalHMC, long steps", "weakchaos.samplers.empirical_hmc", "if u < accept:", "if u < 1.0:"),
    "EmpiricalHMC, momentum not refreshed": ("EmpiricalHMC", "weakchaos.samplers.empirical_hmc", "x[i], normal_from_uniform(draw_uniform(stream, stream_state))", "x[i], 1.0"),
    "HMC, acceptance flipped": ("HMC", _HMC, "math.exp(min(0.0, -error)) if", "math.exp(min(0.0, error)) if"),
    "HMC, always accepted": ("HMC", _HMC, "if u < accept:", "if u < 1.0:"),
    "HMC, momentum not refreshed": ("HMC", _HMC, "momentum[i] = deviation[i] *", "momentum[i] = momentum[i] if t > 0 else deviation[i] *"),
    "HMC, tuned, gradient of another place": ("HMC, tuned", _HMC, "x[i], current_gradient[i] = position[i], gradient[i]", "x[i] = position[i]"),
    "GeneralizedHMC, always accepted": ("GeneralizedHMC", "weakchaos.samplers.generalized_hmc", "abs(phase[2 * dim]) < ratio", "ratio > 0.0"),
    "GeneralizedHMC, momentum not turned": ("GeneralizedHMC", "weakchaos.samplers.generalized_hmc", "kept[i] = -kept[i]", "kept[i] = kept[i]"),
    "LAPS, always accepted": ("LAPS", _MAMS, "if u < accept:", "if u < 1.0:"),
    "LAPS, what is known of another walker": ("LAPS", "weakchaos.samplers.laps", "x[w], known[w],\n            counters", "x[w], known[0],\n            counters"),
    "MALA, always accepted": ("MALA", _HMC, "if u < accept:", "if u < 1.0:"),
    "MALA, acceptance flipped": ("MALA", _HMC, "math.exp(min(0.0, -error)) if", "math.exp(min(0.0, error)) if"),
    "MAMS, acceptance flipped": ("MAMS", _MAMS, "math.exp(min(0.0, -error)) if", "math.exp(min(0.0, error)) if"),
    "MAMS, Jacobian of the turns left out": ("MAMS", _MAMS, "error = gained[0] + known", "error = known"),
    "MAMS, direction not refreshed": ("MAMS", _MAMS, "    random_direction(velocity, stream, stream_state)\n", "    velocity[:] = 1.0 / math.sqrt(dim)\n"),
    "NUTS, acceptance flipped": ("NUTS, long steps", "weakchaos.samplers.nuts", "math.exp(-error - new_weight)", "math.exp(error - new_weight)"),
    "NUTS, momentum not refreshed": ("NUTS", "weakchaos.samplers.nuts", "q = normal_from_uniform(draw_uniform(stream, stream_state))", "q = 1.0"),
    "WALNUTS, acceptance flipped": ("WALNUTS, long steps", "weakchaos.samplers.walnuts", "math.exp(-error - new_weight)", "math.exp(error - new_weight)"),
    "WALNUTS, momentum not refreshed": ("WALNUTS", "weakchaos.samplers.walnuts", "p = normal_from_uniform(draw_uniform(stream, stream_state)) /", "p = 1.0 /"),
    "RandomWalkMetropolis, acceptance flipped": ("RandomWalkMetropolis", "weakchaos.samplers.metropolis", "value[0] - known[dim])", "known[dim] - value[0])"),
    "PersistentMetropolis, acceptance flipped": ("PersistentMetropolis", "weakchaos.samplers.persistent_metropolis", "ratio = math.exp(value[0] - known[dim])", "ratio = math.exp(known[dim] - value[0])"),
    "PersistentSlice, level too low": ("PersistentSlice", "weakchaos.samplers.persistent_slice", "known[dim] + math.log(max(abs(v), 5e-324))", "known[dim] + 3.0 * math.log(max(abs(v), 5e-324))"),
    "Slice, level too low": ("Slice", "weakchaos.samplers.slice_sampling", "math.log(max(u, 5e-324))", "3.0 * math.log(max(u, 5e-324))"),
    "ScoreMap, draws left in the coordinates of the map": ("ScoreMap", "weakchaos.targets.pulled_back", "        draws[t, :] = x\n", ""),
    "ZigZag, every proposed event taken": ("ZigZag", _PIECEWISE, "if u * bound < rate:", "if u < 1.0:"),
    "ZigZag, another coordinate turned": ("ZigZag", _PIECEWISE, "velocity[chosen] = -velocity[chosen]", "velocity[dim - 1 - chosen] = -velocity[dim - 1 - chosen]"),
    "BouncyParticle, bounced too little": ("BouncyParticle", _PIECEWISE, "velocity[i] -= 2.0 * along", "velocity[i] -= 1.5 * along"),
    "BouncyParticle, every proposed event taken": ("BouncyParticle", _PIECEWISE, "if u * bound < rate:", "if u < 1.0:"),
    "Langevin, too hot": ("Langevin", "weakchaos.samplers.langevin", "math.sqrt(1.0 - kept * kept)", "1.2 * math.sqrt(1.0 - kept * kept)"),
    "Langevin, half a kick": ("Langevin", "weakchaos.samplers.langevin", "now_v = velocity[i] + half * scale[i] * gradient[i]", "now_v = velocity[i]"),
    "MCLMC, of the wrong dimension": ("MCLMC", "weakchaos.samplers.mclmc", "used, scale, dim - 1.0,", "used, scale, 1.5 * dim,"),
    "NoseHoover, friction without its balance": ("NoseHoover", _THERMOSTAT, "return (squares / size - 1.0) / mass", "return (squares / size - 0.5) / mass"),
    "NoseHooverChain, friction without its balance": ("NoseHooverChain", _THERMOSTAT, "return (squares / size - 1.0) / mass", "return (squares / size - 0.5) / mass"),
    "Thermostat0532, a moment left out": ("Thermostat0532", _THERMOSTAT, "part = min(left, _PART / ((1.0 + abs(zeta[i])) * (a + 3.0 * b * y)))\n        zeta[i] += 0.5 * part * (a * (y - 1.0) + b * y * (y - 3.0))", "part = min(left, _PART / ((1.0 + abs(zeta[i])) * (a + 3.0 * b * y)))\n        zeta[i] += 0.5 * part * a * (y - 1.0)"),
}  # fmt: skip


def _pairs(cases):
    return [(name, model) for name in cases for model in MODELS if MODELS[model].dim >= cases[name].least_dim]


PAIRS = _pairs(CASES)


def _hard_or_lowest(name, model):
    """The model with the narrow neck, and of one coordinate or the fewest: on the others steps are tested from exact draws, and whole runs when there is time."""
    fewest = min((m for m in MODELS if MODELS[m].dim >= CASES[name].least_dim), key=lambda m: MODELS[m].dim)
    return (name, model) if model in ("eight schools", fewest) else pytest.param(name, model, marks=pytest.mark.slow)


@pytest.mark.parametrize(("name", "model"), [_hard_or_lowest(*pair) for pair in PAIRS])
def test_ranks_of_simulated_parameters_are_uniform(name, model):
    assert calibration_chance(CASES[name], MODELS[model], 250, seed=1) > LEVEL


@pytest.mark.parametrize(("name", "model"), _pairs(ALL))
def test_steps_from_exact_draws_are_exact(name, model):
    assert exact_chance(ALL[name], MODELS[model], 600, seed=2) > LEVEL


@pytest.mark.slow
@pytest.mark.parametrize(("name", "model"), PAIRS)
def test_many_ranks_are_uniform(name, model):
    longer = dataclasses.replace(CASES[name], thin=2 * CASES[name].thin)
    assert calibration_chance(longer, MODELS[model], 1500, seed=3, draws=29) > LEVEL
    assert exact_chance(longer, MODELS[model], 4000, seed=4) > LEVEL


def _one_each(broken):
    """Every broken variant is a compilation: one a sampler belongs to the ordinary suite."""
    first = {type(ALL[case].sampler): name for name, (case, *_) in reversed(broken.items())}
    return [name if name in first.values() else pytest.param(name, marks=pytest.mark.slow) for name in broken]


def test_every_sampler_has_a_broken_variant():
    assert {type(case.sampler) for case in ALL.values()} == {type(ALL[case].sampler) for case, *_ in BROKEN.values()}


@pytest.mark.parametrize("broken", _one_each(BROKEN))
def test_a_broken_sampler_is_found(broken):
    name, module, old, new = BROKEN[broken]
    case = dataclasses.replace(ALL[name], sampler=broken_sampler(ALL[name].sampler, module, (old, new)))
    assert is_found(case, *(model for model in reversed(MODELS.values()) if model.dim >= case.least_dim))


@pytest.mark.parametrize("power", [2.0, 0.0])
@pytest.mark.parametrize("name", CASES)
def test_a_wrong_jacobian_of_the_posterior_is_found(name, power):
    """Counted twice, or left out: the posterior is improper then, and chains still start from exact draws of the proper one."""
    assert is_found(CASES[name], schools(power))


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
