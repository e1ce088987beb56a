"""Whether a sampler draws from the posterior it is given: ranks of the parameters that made the data among the draws.

Simulation-based calibration: a parameter drawn from the prior, data drawn from the model at it, M draws from the posterior of these data: the
rank of the parameter among the draws is uniform on 0, ..., M (Talts, Betancourt, Simpson, Vehtari and Gelman 2018, arXiv:1804.06788); so is that of
the log density, a quantity that depends on the data (Modrak et al., Bayesian Analysis 20 (2025) 461, arXiv:2211.02383). Chains start
anywhere, tune themselves, and are thinned until draws are nearly independent: the whole of a run is judged.

The exact rank test of Gandy and Scott (2020), arXiv:2001.06465, section 3: the parameter is itself an exact draw from the posterior, so a
chain of a reversible sampler that is run from it J steps back and M - J steps ahead, J uniform, holds it at a uniform rank, whatever the
autocorrelation: no mixing helps a wrong step. For samplers that are not reversible, what a chain of M steps makes of the parameter is
distributed as the parameter is.
"""

import dataclasses
import hashlib
import importlib.util
import math
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit
from scipy import stats

import weakchaos as wc

LEVEL = 1e-6  # a correct sampler fails once in a million seeds


@dataclass(frozen=True)
class Case:
    """A sampler, and how long its chains must be.

    `warmup` and `thin` are steps, of calibration only; `share` is that of the replications that are made where a warm-up is dear; `least_dim` coordinates are needed; `reversible` says whether its step satisfies detailed balance once its tuning is
    frozen, momenta and other auxiliary numbers being drawn anew in each step. `stride` is the number of steps between draws from exact starts; `ergodic`
    says whether an orbit reaches all of a target, without which there is nothing to calibrate. Of an ensemble one walker is looked at.
    """

    sampler: object
    warmup: int = 150
    thin: int = 4
    reversible: bool = True
    share: float = 1.0
    least_dim: int = 1
    stride: int = 1
    ergodic: bool = True


# ---- models: (prior, data of it, log posterior) --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Model:
    """`prior(rng)` gives a parameter of shape (dim,) on the scale of the sampler, `simulate(rng, parameter)` data of shape (n,)."""

    dim: int
    n: int
    prior: object
    simulate: object
    logp_and_grad: object
    constants: tuple = ()

    def target(self):
        """The density, and its data: numbers written into them are seen by the next evaluation."""
        data = np.zeros(self.n)
        return wc.Density(logp_and_grad=self.logp_and_grad, dim=self.dim, data=(data, *self.constants)), data


@njit
def _normal_mean(x, out, y):
    total, slope = -0.5 * x[0] * x[0], -x[0]
    for i in range(y.size):
        r = y[i] - x[0]
        total -= 0.5 * r * r
        slope += r
    out[0] = slope
    return total


@njit
def _schools(x, out, y, errors, jacobian):
    """mu ~ N(0, 5), tau ~ half-normal(5), theta ~ N(0, 1), y ~ N(mu + tau theta, errors); coordinates mu / 5, log tau, theta."""
    mu, tau = 5.0 * x[0], math.exp(x[1])
    total = -0.5 * x[0] * x[0] - tau * tau / 50.0 + jacobian * x[1]
    slope_mu, slope_tau = 0.0, 0.0
    for j in range(y.size):
        theta = x[2 + j]
        r = (y[j] - mu - tau * theta) / errors[j]
        total -= 0.5 * (theta * theta + r * r)
        slope_mu += r / errors[j]
        slope_tau += r / errors[j] * theta
        out[2 + j] = tau * r / errors[j] - theta
    out[0] = -x[0] + 5.0 * slope_mu
    out[1] = jacobian - tau * tau / 25.0 + tau * slope_tau
    return total


@njit
def _logistic(x, out, y, regressors):
    total = 0.0
    for j in range(x.size):
        total -= 0.5 * x[j] * x[j]
        out[j] = -x[j]
    for i in range(y.size):
        margin = 0.0
        for j in range(x.size):
            margin += regressors[i, j] * x[j]
        total += y[i] * margin - (max(margin, 0.0) + math.log1p(math.exp(-abs(margin))))
        residual = y[i] - 1.0 / (1.0 + math.exp(-margin))
        for j in range(x.size):
            out[j] += residual * regressors[i, j]
    return total


@njit
def _counts(x, out, y, groups):
    """mu ~ N(1, 1/2), log tau ~ N(-1, 1/2), z ~ N(0, 1), counts ~ Poisson(exp(mu + tau z)); coordinates standardised."""
    tau, mu = math.exp(0.5 * x[1] - 1.0), 0.5 * x[0] + 1.0
    total = 0.0
    for i in range(x.size):
        total -= 0.5 * x[i] * x[i]
        out[i] = -x[i]
    for i in range(y.size):
        g = 2 + int(groups[i])
        eta = mu + tau * x[g]
        rate = math.exp(eta)
        total += y[i] * eta - rate
        out[0] += 0.5 * (y[i] - rate)
        out[1] += 0.5 * tau * x[g] * (y[i] - rate)
        out[g] += tau * (y[i] - rate)
    return total


_ERRORS = np.array(
    [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]
)  # of the eight schools: Rubin (1981), doi:10.3102/10769986006004377
_REGRESSORS = np.random.default_rng(1).normal(size=(20, 3))
_GROUPS = np.repeat(np.arange(4.0), 3)


def _schools_prior(rng):
    return np.concatenate([rng.normal(size=1), [np.log(5.0 * abs(rng.normal()))], rng.normal(size=8)])


def schools(jacobian=1.0):
    """Eight schools, non-centred; without the Jacobian of log tau the posterior is another one."""
    return Model(
        10, 8, _schools_prior, lambda rng, x: rng.normal(5.0 * x[0] + np.exp(x[1]) * x[2:], _ERRORS), _schools, (_ERRORS, jacobian)
    )


MODELS = {
    "normal mean": Model(1, 5, lambda rng: rng.normal(size=1), lambda rng, x: rng.normal(x[0], 1.0, 5), _normal_mean),
    "eight schools": schools(),
    "logistic regression": Model(3, 20, lambda rng: rng.normal(size=3), lambda rng, x: (rng.random(20) < 1.0 / (1.0 + np.exp(-_REGRESSORS @ x))).astype(float), _logistic, (_REGRESSORS,)),
    "counts in groups": Model(6, 12, lambda rng: rng.normal(size=6), lambda rng, x: rng.poisson(np.exp(0.5 * x[0] + 1.0 + np.exp(0.5 * x[1] - 1.0) * x[2:][_GROUPS.astype(int)])).astype(float), _counts, (_GROUPS,)),
}  # fmt: skip


# ---- ranks ---------------------------------------------------------------------------------------------------------------------------


def _quantities(target, draws):
    """What is ranked: the coordinates and the log density; shape (n, dim + 1)."""
    return np.column_stack([draws, [target.logp(x) for x in draws]])


def _ranks(value, draws, rng):
    """Ranks of `value` of shape (k,) among draws of shape (n, k), ties broken at random: a rejected step is a tie."""
    ties = (draws == value).sum(0)
    return (draws < value).sum(0) + rng.integers(0, ties + 1)


def _walk(system, state, n, thin):
    """`n` draws; of an ensemble, whose walkers are read in turn, those of one walker."""
    thin *= system.walkers
    return system.advance(state, n * thin, thin)


def _warmed(system, state, warmup):
    """The state after its warm-up."""
    rows = np.empty((0, system.dim), system.dtype), np.empty((0, len(system.stats_names)))
    if hasattr(system, "meets"):
        system.meets = False  # this chain is alone
    system.warm(state, warmup, 0, warmup, *rows)
    return state


def calibration_ranks(case, model, replications, draws=19, seed=0):
    """Simulation-based calibration: ranks of shape (replications, dim + 1), from 0 to `draws`."""
    rng = np.random.default_rng(seed)
    target, data = model.target()
    system = case.sampler.bind(target)
    ranks = []
    for _ in range(replications):
        truth = model.prior(rng)
        data[:] = model.simulate(rng, truth)
        state = _warmed(system, system.start(int(rng.integers(2**31)), model.prior(rng)), case.warmup)
        walk = _walk(system, state, draws, case.thin)
        ranks.append(_ranks(_quantities(target, truth[None])[0], _quantities(target, walk), rng))
    return np.array(ranks)


def exact_ranks(case, model, replications, draws=7, seed=0):
    """The rank test from exact starts, tuning frozen: ranks of shape (replications, dim + 1), from 0 to `draws`.

    Where the sampler is not reversible, the normal scores of the prior at the end of each chain take the place of ranks; see `end_scores`.
    """
    rng = np.random.default_rng(seed)
    target, data = model.target()
    system = case.sampler.bind(target)
    tuned = _frozen(system, model, data, case, rng)
    ranks = []
    for _ in range(replications):
        truth = model.prior(rng)
        data[:] = model.simulate(rng, truth)
        back = int(rng.integers(draws + 1))
        walks = [truth[None][:0]]
        for n in (back, draws - back):
            walks.append(_walk(system, _started(system, truth, tuned, rng), n, case.stride))
        ranks.append(_ranks(_quantities(target, truth[None])[0], _quantities(target, np.concatenate(walks)), rng))
    return np.array(ranks)


def end_scores(case, model, replications, steps=5, seed=0):
    """Standard scores of mean differences between the end and the start of chains from exact starts: of the coordinates, the
    log density, and their squares; each has mean 0 for a sampler that leaves the posterior invariant, reversible or not."""
    rng = np.random.default_rng(seed)
    target, data = model.target()
    system = case.sampler.bind(target)
    tuned = _frozen(system, model, data, case, rng)
    differences = []
    for _ in range(replications):
        truth = model.prior(rng)
        data[:] = model.simulate(rng, truth)
        walk = _walk(system, _started(system, truth, tuned, rng), steps, case.stride)
        before, after = _quantities(target, np.stack([truth, walk[-1]]))
        differences.append(np.concatenate([after - before, after**2 - before**2]))
    differences = np.array(differences)
    return differences.mean(0) / (differences.std(0, ddof=1) / math.sqrt(replications))


def _frozen(system, model, data, case, rng):
    """What warm-up learned from other data, so that it does not depend on the parameter that is ranked."""
    truth = model.prior(rng)
    data[:] = model.simulate(rng, truth)
    return _warmed(system, system.start(1, truth), case.warmup).tuning


def _started(system, position, tuning, rng):
    state = system.start(int(rng.integers(2**31)), position)
    state.tuning = {name: value.copy() for name, value in tuning.items()}
    if hasattr(system, "move_to"):  # the coordinates of the state are those of its tuning
        system.move_to(state, position)
    return state


def chance(ranks, draws, bins=5):
    """Probability of ranks as uneven as these, by Bonferroni's bound over quantities and three tests: counts of `bins` bins, mean and spread."""
    n = len(ranks)
    middle, variance = draws / 2.0, draws * (draws + 2) / 12.0
    chances = []
    for column in ranks.T:
        edges = np.arange(draws + 1) * bins // (draws + 1)
        expected = np.bincount(edges, minlength=bins) / (draws + 1) * n
        chances.append(stats.chisquare(np.bincount(edges[column], minlength=bins), expected).pvalue)
        square = (column - middle) ** 2
        spread = np.sqrt(((np.arange(draws + 1) - middle) ** 4).mean() - variance**2)
        chances.append(2.0 * stats.norm.sf(abs(column.mean() - middle) / math.sqrt(variance / n)))
        chances.append(2.0 * stats.norm.sf(abs(square.mean() - variance) / (spread / math.sqrt(n))))
    return min(1.0, len(chances) * min(chances))


def calibration_chance(case, model, replications, seed=0, draws=19):
    """Probability of as uneven a calibration from an exact sampler; 1 where an orbit need not reach all of a target."""
    if not case.ergodic:
        return 1.0
    replications = int(case.share * replications)
    return chance(calibration_ranks(case, model, replications, draws, seed), draws)


def exact_chance(case, model, replications, seed=0, draws=7):
    """Probability of as uneven ranks, or as large a drift from exact starts, of an exact sampler."""
    if case.reversible:
        return chance(exact_ranks(case, model, replications, draws, seed), draws, bins=min(4, draws + 1))
    scores = np.abs(end_scores(case, model, replications, draws, seed))
    return min(1.0, 2.0 * float(stats.norm.sf(scores.max())) * scores.size)


_STAGES = ((exact_chance, 150, 2), (calibration_chance, 60, 1), (exact_chance, 600, 2), (calibration_chance, 250, 1))


def is_found(case, *models):
    """Whether one of the two tests sees what is wrong, on one of the models; few replications first, which mostly see it, and then as many as right samplers pass."""
    return any(test(case, model, n, seed) < LEVEL for test, n, seed in _STAGES for model in models)


def far_from_independent(sampler, dim, starts):
    """How far a number that persists is from uniform, and from independent of the position, after 25 steps from exact draws of a standard normal and a uniform number.

    Chi-squared of 20 bins; the rank correlation with the squared length, and the mean of that, both in standard errors.
    """
    system, v, r = sampler.bind(wc.zoo.gaussian([1.0] * dim)), [], []
    for seed in range(starts):
        state = system.start(seed, np.random.default_rng(seed).standard_normal(dim))
        system.advance(state, 25, 25)
        v.append(abs(state.phase[-1]))
        r.append((state.phase[:dim] ** 2).sum())
    uniform = ((np.histogram(v, 20, (0, 1))[0] - starts / 20) ** 2 / (starts / 20)).sum()
    return uniform, abs(stats.spearmanr(v, r)[0]) * math.sqrt(starts), abs(np.mean(r) - dim) / math.sqrt(2 * dim / starts)


# ---- broken variants -----------------------------------------------------------------------------------------------------------------


# Beside other compiled code, under a name that is made of the text: a mutant is compiled once, and found in numba's cache by the next run of the tests.
_FOLDER = Path(os.environ.get("NUMBA_CACHE_DIR") or Path(__file__).parent / "__pycache__") / "broken"


def mutant(module, *changes):
    """The module of that name with lines of its source changed, each `(old, new)` found exactly once: a sampler that is wrong."""
    spec = importlib.util.find_spec(module)
    source = Path(spec.origin).read_text(encoding="utf-8")
    for old, new in changes:
        assert source.count(old) == 1, (
            f"{old!r} must stand once in {module}; it stands {source.count(old)} times: say what to break there now"
        )
        source = source.replace(old, new)
    name = f"broken_{module.rsplit('.', 1)[-1]}_{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    path = _FOLDER / f"{name}.py"
    if not path.exists():
        _FOLDER.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(source, encoding="utf-8")
        draft.replace(path)  # another process may be at it, too
    spec = importlib.util.spec_from_file_location(name, path)
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made  # dataclasses look their module up
    spec.loader.exec_module(made)
    return made


def broken_sampler(sampler, module, *changes):
    """A sampler of the same settings that runs the broken module: its class from there, or from a copy of its own module that imports from there."""
    made, own = mutant(module, *changes), type(sampler).__module__
    if own != module:
        made = mutant(own, (f"from {module} import", f"from {made.__name__} import"))
    arguments = {field.name: getattr(sampler, field.name) for field in dataclasses.fields(sampler)}
    return getattr(made, type(sampler).__name__)(**arguments)
