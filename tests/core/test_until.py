"""Runs that end by themselves: at the same draw on every machine, in memory and in a store, and never without a word."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import weakchaos as wc
from tests.core.runs import KilledError, Serial, assert_same
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning
from weakchaos.runs import scheduler
from weakchaos.runs.convergence import effective_size
from weakchaos.runs.progress import Progress
from weakchaos.runs.until import Until, judged_at, measure

TARGET = wc.zoo.gaussian([1.0, 3.0])
ENOUGH = {"min_ess": 400, "rhat": 1.02}


def run(until=ENOUGH, **options):
    options = {"warmup": 50, "chains": 3, "seed": 3, "progress": False, **options}
    return wc.sample(TARGET, wc.samplers.RandomWalkMetropolis(2.0), until=until, **options)


@pytest.fixture(scope="module")
def stopped():
    return run()


def test_it_stops_at_the_first_count_at_which_it_has_enough(stopped):
    assert stopped.stopped["reason"] == "until"
    assert stopped.stopped["draws"] == stopped.n_draws == stopped.draws.shape[1]
    assert stopped.stopped["ess"] >= 400
    assert stopped.stopped["rhat"] <= 1.02
    counts, n = [], 0
    while n < stopped.n_draws:
        n = judged_at(n)
        counts.append(n)
    assert counts[-1] == stopped.n_draws
    for n in counts[:-1]:
        assert not Until.of(ENOUGH).met(measure(stopped.draws[:, :n]))


def test_it_is_the_run_of_that_many_draws(stopped):
    whole = wc.sample(
        TARGET, wc.samplers.RandomWalkMetropolis(2.0), draws=stopped.n_draws, warmup=50, chains=3, seed=3, progress=False
    )
    assert_same(stopped, whole)
    assert whole.stopped == {"reason": "draws", "draws": stopped.n_draws}


@pytest.mark.parametrize("steps", [1, 64, 10**5])
def test_blocks_and_executors_change_nothing(stopped, steps, monkeypatch):
    monkeypatch.setattr(scheduler, "_FIRST_BLOCK", steps)
    if steps == 1:
        monkeypatch.setattr(scheduler, "_BLOCK_SECONDS", 1e-4)
    with ThreadPoolExecutor(2) as threads:
        for executor in (threads, Serial()):
            assert_same(run(executor=executor), stopped)


def test_in_a_store(stopped, tmp_path):
    path = tmp_path / "run.zarr"
    assert_same(run(store=path), stopped)
    read = wc.load(path, target=TARGET)
    assert_same(read, stopped)
    assert read.stopped == stopped.stopped
    assert not read.interrupted
    assert np.isfinite(read._sink.stored["posterior/x"][:]).all()  # as long as what was drawn
    assert_same(wc.resume(path, target=TARGET, progress=False), stopped)


@pytest.mark.parametrize("kill", [1, 10, 25, 60])
def test_killed_and_resumed(stopped, kill, tmp_path, monkeypatch):
    path, left = tmp_path / "run.zarr", [kill]
    monkeypatch.setattr(scheduler, "_BLOCK_SECONDS", 1e-4)
    commit = wc.runs.store.StoreSink.commit

    def killing(self, chain):
        if left[0] == 0:
            raise KilledError
        left[0] -= 1
        commit(self, chain)

    with monkeypatch.context() as patch:
        patch.setattr("weakchaos.runs.store.StoreSink.commit", killing)
        with contextlib.suppress(KilledError):
            run(store=path)
    if path.exists():
        assert_same(wc.resume(path, target=TARGET, progress=False), stopped)


def test_what_was_not_reached_is_said():
    with pytest.warns(ConvergenceWarning, match="before `until` was reached: ess .* where min_ess 1e[+]06 was asked for"):
        trace = run({"min_ess": 1e6}, draws=130)
    assert trace.stopped["reason"] == "draws"
    assert trace.lengths == [130] * 3
    assert trace.stopped["ess"] < 1e6


def test_time_alone():
    """A limit of time keeps what there is, and is the only criterion that may leave chains of different lengths."""
    slow = wc.Density(lambda x: -0.5 * float(x @ x) + 0.0 * sum(range(3000)), dim=2)
    trace = wc.sample(
        slow, wc.samplers.RandomWalkMetropolis(2.0), until={"max_seconds": 0.7}, warmup=0, chains=2, seed=1, progress=False
    )
    assert trace.stopped["reason"] == "max_seconds"
    assert not trace.interrupted
    assert 0 < trace.n_draws < 1_000_000
    whole = wc.sample(slow, wc.samplers.RandomWalkMetropolis(2.0), draws=trace.n_draws, warmup=0, chains=2, seed=1, progress=False)
    assert np.array_equal(whole.draws, trace.draws)


def test_time_and_effective_draws():
    with pytest.warns(ConvergenceWarning, match="because its time was over"):
        trace = run({"min_ess": 1e9, "max_seconds": 0.5})
    assert trace.stopped["reason"] == "max_seconds"


def test_extended_until_there_is_enough(stopped):
    short = run(until=None, draws=80)
    assert_same(wc.extend(short, 10**5, progress=False, until=ENOUGH), stopped)
    assert "until" not in wc.extend(stopped, 10, progress=False).settings


@pytest.mark.parametrize(
    ("until", "error"),
    [
        ({}, ArgumentError),
        ({"min_ess": None}, ArgumentError),
        ({"min_ess": 400, "r_hat": 1.01}, ArgumentError),
        ({"min_ess": 0}, ArgumentError),
        ({"min_ess": "many"}, ArgumentError),
        ({"rhat": 1.0}, ArgumentError),
        ({"max_seconds": -1}, ArgumentError),
        ({"max_seconds": float("nan")}, ArgumentError),
        (400, ArgumentTypeError),
    ],
)
def test_criteria_that_make_no_sense(until, error):
    with pytest.raises(error, match="`until"):
        run(until)


def test_draws_are_needed():
    with pytest.raises(ArgumentError, match="`until` judges draws"):
        run(record="averages")


def test_an_effective_size_of_antithetic_draws_is_that_of_their_squares(rng):
    """x alternates in sign, so that its mean varies as that of |x| does: by 1 - 2/pi of its variance. Its spread gains nothing."""
    r = np.abs(rng.normal(size=(4, 2000, 1)))
    x = r * np.where(np.arange(2000) % 2, 1.0, -1.0)[None, :, None]
    assert abs(effective_size(x[:, :, 0]) * (1 - 2 / np.pi) / x.size - 1) < 0.1
    assert measure(x)["ess"] < 1.2 * x.size


def test_looking_ends_with_the_first_coordinate_that_falls_short(rng):
    x = rng.normal(size=(2, 400, 3))
    x[:, :, 1] = np.cumsum(x[:, :, 1], axis=1)
    every = measure(x)
    until = Until(min_ess=100.0)
    assert every["ess"] == measure(x, until=until)["ess"] == measure(x, until=until, first=1)["ess"] < 100
    assert measure(x, until=until)["coordinate"] == 1
    assert every == {**measure(x, until=Until(min_ess=1e-9)), "coordinate": 0}
    for first in range(3):
        assert until.met(measure(x[:, :, [0, 2]], until=until, first=first % 2))
        assert not until.met(measure(x, until=until, first=first))


def test_effective_size_of_an_ensemble(rng):
    """An AR(1) process of coefficient a has an effective size of n (1 - a) / (1 + a) (Priestley 1981, 5.3): walkers that are copies of one
    such process add nothing, independent ones add up, and neither may be taken for draws that follow one another."""
    a, n, walkers = 0.9, 20_000, 8
    noise = rng.normal(size=(2, n, walkers))
    shared = np.repeat(noise[:, :, :1], walkers, axis=2)
    for steps, many in ((noise, walkers), (shared, 1)):
        x = np.zeros_like(steps)
        for t in range(1, n):
            x[:, t] = a * x[:, t - 1] + np.sqrt(1 - a * a) * steps[:, t]
        truth = 2 * n * many * (1 - a) / (1 + a)
        assert abs(effective_size(x.reshape(2, -1), walkers) / truth - 1) < 0.3
        if many > 1:  # what a sum that is cut where it turns to noise makes of rows that follow one another
            assert effective_size(x.reshape(2, -1)) > 5 * truth
    assert abs(effective_size(noise.reshape(2, -1), walkers) / noise.size - 1) < 0.1  # white noise


def test_the_progress_bar_tells_of_divergences_and_effective_draws(rng):
    bar = Progress(True, 10**6, 2, wanted=20000)
    stats = np.zeros((3000, 2))
    stats[::1000, 1] = 1.0
    for chain in (0, 1):
        bar._next = chain * 1e-9 if chain else np.inf
        bar.look(chain, rng.normal(size=(3000, 2)), stats, ("lp", "diverging"))
    told = bar._bar.postfix
    bar.close()
    assert "divergences=6" in told
    assert 4000 < float(told.split("ESS=")[1].split(" of 2e+04")[0]) < 9000
    assert "left=" in told


def test_a_run_with_a_progress_bar_is_the_same_run(stopped, monkeypatch):
    monkeypatch.setattr("weakchaos.runs.progress._LEAST_SECONDS", 0.0)
    monkeypatch.setattr(scheduler, "_BLOCK_SECONDS", 1e-3)
    assert_same(run(progress=True), stopped)


def test_the_progress_bar_costs_little(rng):
    """What is computed for it has its own clock, and waits 200 times as long as it took: half a per cent."""
    bar = Progress(True, 10**6, 2)
    draws, stats = rng.normal(size=(4000, 10)), np.zeros((4000, 1))
    bar.look(0, draws, stats, ("lp",))
    bar._next = 0.0
    bar.look(1, draws, stats, ("lp",))
    assert bar._next - time.perf_counter() > min(1.0, 100 * bar.spent) - 0.1
    bar.close()
