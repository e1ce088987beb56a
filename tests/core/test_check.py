"""What speaks against a run: found where it is there, never said of Monte Carlo error; R-hat and effective sizes as arviz-stats has them."""

import types
import warnings

import numpy as np
import pytest
from numba import njit

import weakchaos as wc
from weakchaos.core.errors import ConvergenceWarning
from weakchaos.core.flags import Kind, Severity
from weakchaos.runs.check import _agreement, check_run
from weakchaos.runs.check_movement import movement_flags
from weakchaos.runs.check_refusals import refusal_flags, tail_acceptance, zero_behind
from weakchaos.runs.check_tails import tail_flags, tail_index
from weakchaos.runs.convergence import effective_size, normal_scores, rank_rhat, split


def autoregression(rng, chains, n, dim, memory):
    """Stationary AR(1) chains of unit innovations."""
    x = rng.normal(size=(chains, n, dim))
    x[:, 0] /= np.sqrt(1 - memory**2)
    for t in range(1, n):
        x[:, t] += memory * x[:, t - 1]
    return x


def kinds(flags):
    return {flag.kind for flag in flags}


def test_equal_to_arviz_stats():
    stats = pytest.importorskip("arviz_stats.base").array_stats
    rng = np.random.default_rng(0)
    for k in range(60):
        chains, n = int(rng.integers(1, 6)), int(rng.integers(8, 400))
        x = autoregression(rng, chains, n, 1, rng.uniform(-0.95, 0.98))[:, :, 0]
        x = np.round(x) if k % 4 == 0 else x
        ess, rhat = stats.ess(x, chain_axis=0, draw_axis=1, method="bulk"), stats.rhat(x, chain_axis=0, draw_axis=1, method="rank")
        assert effective_size(normal_scores(split(x))) == pytest.approx(float(ess), rel=1e-8)
        if chains > 1:  # which they ask for
            assert rank_rhat(x) == pytest.approx(float(rhat), rel=1e-8)


@pytest.mark.parametrize("memory", [0.0, 0.9])
def test_healthy_chains_are_not_called_invalid(memory):
    rng = np.random.default_rng(1)
    found = [_agreement(autoregression(rng, 4, 500, 3, memory), list("abc")) for _ in range(60)]
    assert not any(flag.severity is Severity.INVALID for flags in found for flag in flags)
    if memory:
        assert all(kinds(flags) == {Kind.FEW_DRAWS} for flags in found)  # which is what is wrong with them


@pytest.mark.parametrize("fault", ["place", "width", "mode"])
def test_chains_that_disagree_are_found(fault):
    rng = np.random.default_rng(2)
    for _ in range(20):
        x = autoregression(rng, 4, 1000, 3, 0.5)
        if fault == "place":
            x[1, :, 2] += 0.8
        elif fault == "width":
            x[1, :, 2] *= 2
        else:
            x[:2, :, 2] -= 10
        flags = _agreement(x, list("abc"))
        assert kinds(flags) == {Kind.DISAGREE}
        assert flags[0].where == "c"
        assert "R-hat" in flags[0].sentence


def testmovement_flags():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(3, 400, 2))
    assert movement_flags(x) == []
    assert movement_flags(np.zeros((3, 400, 2))) == []  # a target of one state
    stuck = x.copy()
    stuck[2] = stuck[2, 0]
    assert [(f.kind, f.numbers["chain"]) for f in movement_flags(stuck)] == [(Kind.STUCK, 2)]
    stuck[2, 200:] = stuck[1, 0]  # moved once
    assert movement_flags(stuck)[0].numbers["moves"] == 1
    same = x.copy()
    same[2] = same[0]
    assert kinds(movement_flags(same)) == {Kind.IDENTICAL}


def test_chains_that_repeat_themselves_are_found_and_rejections_are_none():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(3, 1000, 2))
    rejecting = np.repeat(x[:, ::4], 4, axis=1)
    assert movement_flags(rejecting, continuous=True) == []
    again = x.copy()
    again[1] = x[1, np.arange(1000) % 700]  # a stream whose period is a little shorter than the run
    flag = movement_flags(again, continuous=True)[0]
    assert (flag.kind, flag.numbers) == (Kind.REVISITS, {"chain": 1, "distinct": 700, "moves": 1000})
    assert movement_flags(again) == []  # draws of a finite set come back
    walk = np.cumsum(x, axis=1)
    assert movement_flags(walk, continuous=True) == []
    walk[2] = np.cumsum(x[2, np.arange(1000) % 300], axis=0)  # no place comes back, the same moves do
    assert [flag.numbers["distinct"] for flag in movement_flags(walk, continuous=True)] == [301]


def test_chains_that_never_leave_different_values_are_said_to_stay_there():
    x = np.tile(np.array([0.0, 0.0, 1.0, 1.0])[:, None, None], (1, 200, 1))
    x = np.concatenate([x, np.random.default_rng(4).normal(size=(4, 200, 1))], 2)
    (flag,) = _agreement(x, ["either", "moving"])
    assert flag.kind is Kind.DISAGREE
    assert "each chain stays at one value of either" in flag.sentence
    assert "inf" not in flag.sentence


@pytest.mark.parametrize("copy", ["shifted", "coalesced", "equal"])
def test_chains_that_are_copies_are_found(copy):
    rng = np.random.default_rng(6)
    x = autoregression(rng, 3, 1000, 2, 0.8)
    assert movement_flags(x, continuous=True) == []
    if copy == "shifted":
        x[2, 5:] = x[0, :-5]
    elif copy == "coalesced":  # the same numbers from another start: bit for bit different, and the same chain
        x[2] = x[1] + 3 * 0.9 ** np.arange(1000)[:, None] + 1e-9
    else:
        x[2] = x[1]
    found = movement_flags(x, continuous=True)
    assert kinds(found) == {Kind.IDENTICAL}
    assert found[0].numbers["share"] > 0.9


def test_chains_of_a_few_effective_draws_are_invalid_and_not_only_few():
    rng = np.random.default_rng(7)
    walk = np.cumsum(rng.normal(size=(4, 2000, 1)), axis=1)  # of a density that cannot be integrated
    assert kinds(_agreement(walk, ["a"])) <= {Kind.UNMIXED, Kind.DISAGREE}
    assert kinds(_agreement(autoregression(rng, 4, 2000, 1, 0.98), ["a"])) == {Kind.FEW_DRAWS}


def test_a_healthy_run_passes_and_says_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trace = wc.sample(wc.zoo.gaussian([1.0, 2.0]), wc.samplers.HMC(0.6, 4), draws=1500, seed=1, progress=False)
    assert trace.check() == []
    assert kinds(
        wc.sample(wc.zoo.gaussian([1.0]), wc.samplers.HMC(0.6, 4), draws=1500, chains=1, seed=1, progress=False).check()
    ) == {Kind.FEW_CHAINS}


def test_two_modes_a_walker_cannot_cross():
    far = np.array([[-15.0, 0.0], [15.0, 0.0]])
    target = wc.zoo.gaussian_mixture(far)
    with pytest.warns(ConvergenceWarning, match="disagree"):
        wc.sample(target, wc.samplers.RandomWalkMetropolis(0.5), draws=2000, chains=2, seed=1, progress=False, initial=far)


def test_divergences_and_rejections_are_said():
    with pytest.warns(ConvergenceWarning, match="divergence") as caught:
        trace = wc.sample(wc.zoo.gaussian([1.0]), wc.samplers.HMC(30.0, 20), draws=200, warmup=0, seed=1, progress=False)
    assert len(caught) == 1
    assert {Kind.DIVERGENCES, Kind.LOW_ACCEPTANCE, Kind.STUCK} <= kinds(trace.check())


def test_the_check_survives_saving(tmp_path):
    trace = wc.sample(wc.zoo.gaussian([1.0]), wc.samplers.HMC(0.6, 4), draws=150, seed=1, progress=False)
    trace.save(tmp_path / "run.npz")
    assert wc.load(tmp_path / "run.npz").check() == trace.check()


def test_a_summary_and_what_a_notebook_shows():
    pytest.importorskip("xarray_einstats")
    trace = wc.sample(wc.zoo.gaussian([1.0, 3.0]), wc.samplers.HMC(0.6, 4), draws=1500, seed=1, progress=False)
    table = trace.summary()
    assert list(table.index) == ["x0", "x1"]
    assert float(table.loc["x1", "sd"]) == pytest.approx(3.0, rel=0.1)
    assert "Nothing speaks against" in trace._repr_html_()
    few = wc.sample(wc.zoo.gaussian([1.0]), wc.samplers.HMC(0.6, 4), draws=20, seed=1, progress=False)
    assert "imprecise" in few._repr_html_()


def test_chains_that_widen_without_end_are_flagged_without_a_warning_of_numpy():
    """Squares of these draws overflow; their signs agree in all chains, their sizes grow throughout."""
    draws = np.random.default_rng(1).normal(size=(2, 600, 1)) * np.exp(np.linspace(0, 600, 600))[:, None]
    run = types.SimpleNamespace(
        record="draws", n_draws=600, n_chains=2, weights=None, walkers=1, names=["x"], stats={}, settings={"thin": 1}, flags=[], draws=draws,
        lengths=[600, 600],
        system=types.SimpleNamespace(target=types.SimpleNamespace(continuous=True), stream_flags=lambda steps: [], straight_paths=False, local_steps=False),
    )  # fmt: skip
    assert [flag.kind for flag in check_run(run)] == [Kind.UNMIXED]


@pytest.mark.parametrize("freedom", [1.0, 1.2, 4.0, np.inf])
def test_tails_without_a_variance_are_told_from_others(freedom):
    """The index of the tails of Student's t is 1 / freedom, and a sample has a variance to estimate where that is below 1/2."""
    rng = np.random.default_rng(3)
    made = [rng.standard_normal((4, 1000, 2)) if freedom == np.inf else rng.standard_t(freedom, (4, 1000, 2)) for _ in range(10)]
    found = [bool(tail_flags(x, ["a", "b"])) for x in made]
    assert all(found) if freedom < 2 else not any(found)
    if freedom < 2:
        index, _ = tail_index(made[0].ravel())
        assert abs(index - 1 / freedom) < 0.25
        assert not tail_flags(np.repeat(made[0], 200, 1)[:, :1000], ["a", "b"])  # ten draws, each repeated, are no tail


def test_tails_that_are_no_powers_are_not_called_heavy():
    rng = np.random.default_rng(4)
    for draw in (rng.exponential, rng.laplace, rng.lognormal, rng.uniform, lambda size: rng.integers(0, 3, size)):
        assert tail_flags(np.asarray(draw(size=(4, 1000, 3))), list("abc")) == []


def test_a_mean_that_does_not_exist_is_not_presented_as_fine():
    cauchy = wc.Density(lambda x: -float(np.log1p(x @ x)), dim=1, grad=lambda x: -2 * x / (1 + x @ x))
    trace = wc.sample(cauchy, wc.samplers.NUTS(), draws=1000, seed=1, progress=False)
    assert Kind.HEAVY_TAILS in kinds(trace.check())


@pytest.mark.parametrize("gradients", [False, True])
def test_a_density_that_is_no_function_is_named(gradients):
    rng = np.random.default_rng(5)
    noisy = wc.Density(lambda x: float(-0.5 * x @ x + rng.normal()), dim=1, grad=lambda x: -x)
    sampler = wc.samplers.HMC(0.5, 3) if gradients else wc.samplers.RandomWalkMetropolis()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trace = wc.sample(noisy, sampler, draws=200, warmup=100, seed=1, progress=False)
    found = [f for f in trace.check() if f.kind is Kind.NO_FUNCTION]
    assert [f.severity for f in found] == [Severity.INVALID if gradients else Severity.NOTE]
    assert sum("at the same point" in str(w.message) for w in caught) == 1


def test_a_tail_in_which_steps_are_refused_is_found_and_no_other():
    rng = np.random.default_rng(9)
    for k in range(40):
        x = autoregression(rng, 4, 1000, 1 + 20 * (k % 2), 0.9)
        acceptance = rng.beta(2.0, 0.5, x.shape[:2])
        assert refusal_flags(x, acceptance, [f"x{i}" for i in range(x.shape[2])]) == []
        low = np.roll(x[:, :, 0], 1, 1) < np.quantile(x[:, :, 0], 0.02)  # where the step began that led to a draw
        (flag,) = refusal_flags(x, np.where(low, 0.3 * acceptance, acceptance), [f"x{i}" for i in range(x.shape[2])])
        assert (flag.where, flag.numbers["side"], flag.severity) == ("x0", "small", Severity.INVALID)


def test_a_place_counts_once_however_long_a_chain_stays():
    x = np.random.default_rng(10).normal(size=(4, 1000, 1))
    acceptance = np.full((4, 1000), 0.8)
    x[0, 100:300], acceptance[0, 101:301] = -5.0, 0.01  # one bad place is no tail
    means, errors, everywhere = tail_acceptance(x, acceptance)
    assert means[0, 0] > 0.7
    assert errors[1, 0] < 0.01
    assert everywhere == pytest.approx(0.8, abs=0.01)
    assert refusal_flags(x, acceptance, ["x"]) == []


@njit
def half_normal(x):
    return -0.5 * (x * x).sum() if (x >= 0.0).all() else -np.inf


@njit
def corner(x):
    return -x.sum() if (x >= 0.0).all() else -np.inf


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("density", [half_normal, corner])
def test_a_wall_refuses_steps_and_hides_nothing(density):
    """Draws of a density that ends at a wall are right, and few: nothing is said of what lies behind, where nothing is."""
    refused = 0
    for seed in range(6):
        target = wc.Density(density, dim=3, start=np.ones(3))
        trace = wc.sample(target, wc.samplers.MALA(), seed=seed, progress=False)
        found = kinds(trace.check())
        assert Kind.FEW_DRAWS in found
        assert Kind.REFUSED not in found
        refused += bool(refusal_flags(np.asarray(trace.draws), trace.stats["acceptance_rate"], trace.names))
    assert refused > 0  # or this test tells nothing


def test_behind_a_neck_there_is_something():
    rng = np.random.default_rng(11)
    target = wc.Density(lambda v, x: -v * v / 18 - 0.5 * x * x * np.exp(-v) - 0.5 * v, shapes={"v": (), "x": ()})
    v = 3.0 * rng.normal(size=1000)
    draws = np.stack([v, np.exp(v / 2) * rng.normal(size=1000)], 1)
    assert not zero_behind(target, draws[np.argsort(v)[:20]], 0, False)
    # A constraint is no wall: small values go on without end in the coordinate.
    positive = wc.Density(lambda tau: -tau, shapes={"tau": ()}, constraints={"tau": "positive"})
    tau = np.sort(rng.exponential(size=(1000, 1)), 0)
    assert not zero_behind(positive, tau[:20], 0, False)
    # One that the density has beside it is.
    cut = wc.Density(lambda tau: -tau if tau > 0.5 else -np.inf, shapes={"tau": ()}, constraints={"tau": "positive"})
    assert zero_behind(cut, tau[:20] + 0.5, 0, False)


def test_rates_that_are_all_zero_by_chance_are_no_tail():
    """Where one step of forty is accepted, twenty places without one are what chance gives."""
    rng, found = np.random.default_rng(12), 0
    for _ in range(50):
        x, acceptance = rng.normal(size=(4, 250, 2)), (rng.random((4, 250)) < 0.025).astype(float)
        found += bool(refusal_flags(x, acceptance, ["a", "b"]))
        low = np.roll(x[:, :, 0], 1, 1) < np.quantile(x[:, :, 0], 0.02)
        many = np.where(low, 0.0, (rng.random((4, 250)) < 0.9).astype(float))
        assert refusal_flags(x, many, ["a", "b"])  # what is no chance is found as before
    assert found == 0
