"""Traces: averages and errors in every accepted form, weights, and files that give back every bit."""

import json
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core import densities as d
from tests.core.runs import assert_same
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, StoreError
from weakchaos.core.system import ClosedStream
from weakchaos.runs.sampling import extend, sample
from weakchaos.runs.trace import RunningError, Trace, running_counts
from weakchaos.runs.verbs import load
from weakchaos.samplers.gibbs import Gibbs
from weakchaos.samplers.hmc import HMC
from weakchaos.samplers.metropolis import RandomWalkMetropolis
from weakchaos.targets import zoo
from weakchaos.targets.density import Density
from weakchaos.targets.mrf import PairwiseMRF


def run(target=None, sampler=None, **options):
    options = {"draws": 90, "warmup": 10, "chains": 3, "seed": 5, "progress": False, **options}
    return sample(d.numba_gaussian() if target is None else target, HMC(0.4, 3) if sampler is None else sampler, **options)


def binary():
    """Three coupled units with exact marginals."""
    return PairwiseMRF(np.array([[0.0, 1.0, 0.0], [1.0, 0.0, -0.5], [0.0, -0.5, 0.0]]), np.array([0.2, -0.3, 0.1]))


def square(x):
    return x**2


# ---- averages ----------------------------------------------------------------------------------------------------------------------


def test_the_mean_is_the_mean():
    trace = run()
    np.testing.assert_allclose(trace.mean(), trace.draws.mean((0, 1)), rtol=1e-13)
    np.testing.assert_allclose(trace.mean(square), (trace.draws**2).mean((0, 1)), rtol=1e-13)
    np.testing.assert_allclose(trace.mean(lambda x: x[:, 0]), [trace.draws[:, :, 0].mean()], rtol=1e-13)
    np.testing.assert_allclose(trace.mean(lambda x: x[:, 0] > 1.0), [(trace.draws[:, :, 0] > 1.0).mean()], rtol=1e-13)


@pytest.mark.parametrize("at", [1, 7, [1, 5, 90], [90, 1, 5, 5], np.arange(1, 91), [3.0]])
def test_running_means_come_in_the_order_asked_for(at):
    trace = run()
    expected = np.stack([trace.draws[:, :n].mean(1) for n in np.atleast_1d(at).astype(int)], axis=1)
    np.testing.assert_allclose(trace.mean(at=at), expected, rtol=1e-12)
    counts, values = trace.averages(square, at=at)
    np.testing.assert_array_equal(counts, np.atleast_1d(at))
    expected = np.stack([(trace.draws[:, :n] ** 2).mean(1) for n in counts], axis=1)
    np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_running_means_do_not_depend_on_how_draws_are_read(monkeypatch):
    trace = run()
    whole = trace.averages(square)[1]
    monkeypatch.setattr("weakchaos.runs.trace._BLOCK", 7)
    np.testing.assert_allclose(trace.averages(square)[1], whole, rtol=1e-13)


@pytest.mark.parametrize("at", [0, 91, -1, [5, 100], [], [1.5], "5", None.__class__, [[1, 2]], True, np.nan])
@pytest.mark.parametrize("record", ["draws", "averages"])
def test_counts_that_are_none(at, record):
    trace = run(record=record)
    with pytest.raises((ArgumentError, ArgumentTypeError), match="`at` must"):
        trace.mean(at=at)


def test_averages_mode_has_its_checkpoints_only():
    trace = run(record="averages", checkpoints=[10, 40])
    full = run()
    np.testing.assert_allclose(trace.mean(at=[40, 10]), full.mean(at=[40, 10]), rtol=1e-12)
    np.testing.assert_allclose(trace.mean(), full.mean(), rtol=1e-12)
    with pytest.raises(ArgumentError, match=r"must be among the checkpoints of this run \(10, 40, 90\)"):
        trace.mean(at=11)
    with pytest.raises(ArgumentError, match="`f` needs the draws"):
        trace.mean(square)
    with pytest.raises(ArgumentError, match="`chain` needs the draws"):
        trace.chain(0)
    with pytest.raises(ArgumentError, match="`to_arviz` needs the draws"):
        trace.to_arviz()
    assert (trace.draws, trace.weights, trace.stats) == (None, None, {})


@pytest.mark.parametrize("f", [lambda x: 1.0, lambda x: x[:5], lambda x: x[:, :, None], lambda x: x.T])
def test_functions_of_the_wrong_shape(f):
    with pytest.raises(ArgumentError, match=r"`f` must map an array of shape \(m, dim\)"):
        run().mean(f)


@given(st.integers(1, 10**7))
def test_running_counts(n):
    counts = running_counts(n)
    assert counts[0] == 1
    assert counts[-1] == n
    assert (np.diff(counts) > 0).all()
    assert len(counts) <= 8 * np.log10(max(n, 2)) + 2


# ---- errors ------------------------------------------------------------------------------------------------------------------------


def test_error_against_means():
    trace = run()
    error = trace.error([1.0, -2.0, 0.5], at=[10, 90])
    assert isinstance(error, RunningError)
    np.testing.assert_array_equal(error.draws, [10, 90])
    np.testing.assert_allclose(error.errors, np.abs(trace.mean(at=[10, 90]) - d.MEAN).max(-1), rtol=1e-12)
    np.testing.assert_array_equal(error.final, error.errors[:, -1])
    assert float(error) == np.median(error.final)
    np.testing.assert_array_equal(trace.error(d.MEAN).draws, running_counts(90))


def test_error_in_units_of_the_target():
    trace = run()
    expected = np.abs((trace.mean(at=90) - d.MEAN) / d.SD).max(-1)
    np.testing.assert_allclose(trace.error(at=90).errors, expected, rtol=1e-12)


def test_error_of_first_and_second_moments_and_of_functions():
    trace = run()
    moments = np.concatenate([d.MEAN, d.MEAN**2 + d.SD**2])
    values = np.concatenate([trace.draws.mean(1), (trace.draws**2).mean(1)], axis=1)
    np.testing.assert_allclose(trace.error(moments).final, np.abs(values - moments).max(1), rtol=1e-12)
    squares = d.MEAN**2 + d.SD**2
    np.testing.assert_allclose(trace.error(squares, f=square).final, np.abs(values[:, 3:] - squares).max(1), rtol=1e-12)
    np.testing.assert_allclose(trace.error(5.0, f=lambda x: x[:, 0]).final, np.abs(values[:, 0] - 5.0), rtol=1e-12)


@pytest.mark.parametrize("record", ["draws", "averages"])
@pytest.mark.parametrize("form", [list, np.array, None])
def test_error_against_marginals(record, form):
    target = binary()
    trace = sample(target, Gibbs(), 200, 20, 2, seed=1, record=record, progress=False)
    marginals = target.marginals()
    truth = None if form is None else form(marginals)
    p = trace.mean()
    assert float(trace.error(truth)) == pytest.approx(
        np.median(np.abs(trace.mean(at=200)[:, -1] - [m[1] for m in marginals]).max(1))
    )
    means = np.array([m[1] for m in marginals])
    assert float(trace.error(means)) == pytest.approx(float(trace.error(truth)))
    assert p.shape == (3,)


@pytest.mark.parametrize("record", ["draws", "averages"])
def test_errors_that_cannot_be_had(record):
    trace = run(record=record)
    for truth in ([1.0, 2.0], np.zeros(7), []):
        with pytest.raises(ArgumentError, match="`truth` must have"):
            trace.error(truth)
    for truth in ("abc", object(), [object()]):
        with pytest.raises(ArgumentTypeError, match="`truth` must be numbers"):
            trace.error(truth)
    with pytest.raises(ArgumentError, match="`truth` is required with `f`"):
        trace.error(f=square)
    unknown = run(Density(d.numba_value, 3, d.numba_gradient, data=(d.MEAN, d.SD)), record=record)
    with pytest.raises(ArgumentError, match="`truth` is required: this target does not know"):
        unknown.error()


# ---- weights -----------------------------------------------------------------------------------------------------------------------


class WeightedSink:
    """Draws whose weights differ, as a sampler with importance weights would leave them."""

    stats_names = ("logp", "weight")
    names, dim = ["a", "b"], 2

    def __init__(self, x, w):
        self.x, self.w = x, w

    def draws(self, n):
        return self.x[:, :n]

    def read(self, chain, start, stop):
        return self.x[chain, start:stop]

    def stat(self, name, n):
        return {"weight": self.w, "logp": -self.w}[name][:, :n]

    def stats(self, n):
        return {name: self.stat(name, n) for name in self.stats_names}


def test_averages_are_weighted(rng):
    x, w = rng.standard_normal((2, 50, 2)), rng.random((2, 50))
    trace = Trace(None, WeightedSink(x, w), [None] * 2, [50, 50], [0, 0], "draws", {}, [0.0] * 2, [np.empty(0)] * 2)
    np.testing.assert_array_equal(trace.weights, w)
    expected = (w[:, :, None] * x).sum(1) / w.sum(1)[:, None]
    np.testing.assert_allclose(trace.mean(), expected.mean(0), rtol=1e-12)
    expected = (w[:, :20, None] * x[:, :20] ** 2).sum(1) / w[:, :20].sum(1)[:, None]
    np.testing.assert_allclose(trace.mean(square, at=20)[:, 0], expected, rtol=1e-12)


def test_draws_that_count_alike_have_no_weights():
    assert run().weights is None


# ---- views -------------------------------------------------------------------------------------------------------------------------


def test_attributes():
    trace = run()
    assert trace.draws.shape == (3, 90, 3)
    assert (trace.n_chains, trace.n_draws, trace.lengths) == (3, 90, [90] * 3)
    assert trace.names == ["x0", "x1", "x2"]
    assert repr(trace) == "<Trace: 3 chains, 90 draws, dim 3>"
    assert repr(run(record="averages")) == "<Trace: 3 chains, 90 draws averaged, dim 3>"
    assert all(v.shape == (3, 90) for v in trace.stats.values())
    np.testing.assert_array_equal(trace.chain(1), trace.draws[1])
    assert trace.checkpoints == ()


def test_to_arviz():
    trace = run(d.numba_gaussian(names=["a", "b", "c"]))
    tree = trace.to_arviz()
    assert set(tree.posterior.data_vars) == {"a", "b", "c"}
    assert tree.posterior["b"].dims == ("chain", "draw")
    np.testing.assert_array_equal(tree.posterior["b"].values, trace.draws[:, :, 1])
    np.testing.assert_array_equal(tree.sample_stats["lp"].values, trace.stats["lp"])
    assert set(tree.sample_stats.data_vars) == {
        "lp",
        "acceptance_rate",
        "diverging",
        "energy",
        "energy_error",
        "step_size",
        "n_steps",
    }


# ---- files -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:sobol-3 is equidistributed:weakchaos.core.errors.DriverWarning")
@pytest.mark.parametrize("record", ["draws", "averages"])
@pytest.mark.parametrize(
    ("make", "sampler", "driver"),
    [
        (lambda: zoo.gaussian([1.0, 2.0]), HMC(0.4, 3, inverse_mass=(1.0, 2.0)), "pcg64"),
        (lambda: zoo.gaussian([1.0, 2.0]), RandomWalkMetropolis(), "mt19937"),
        (lambda: zoo.gaussian([1.0, 2.0]), RandomWalkMetropolis(0.7), "sobol-3"),
        (binary, Gibbs(), "philox"),
    ],
)
def test_a_saved_trace_is_the_same_and_goes_on(record, make, sampler, driver, tmp_path):
    trace = run(make(), sampler, driver=driver, record=record)
    read = load(trace.save(tmp_path / "trace.npz"))
    assert list(tmp_path.iterdir()) == [tmp_path / "trace.npz"]
    assert read.missing == ()
    assert read.system.sampler == sampler or isinstance(sampler, HMC)
    for kept in ("lengths", "settings", "cpu_seconds", "names", "record", "checkpoints"):
        assert getattr(read, kept) == getattr(trace, kept)
    if record == "draws":
        assert_same(read, trace)
        assert read.draws.dtype == trace.draws.dtype
        assert_same(extend(read, 30, progress=False), extend(trace, 30, progress=False))
    else:
        np.testing.assert_array_equal(read.averages()[1], trace.averages()[1])
        np.testing.assert_array_equal(extend(read, 30, progress=False).mean(), extend(trace, 30, progress=False).mean())
    again = load(read.save(tmp_path / "again.npz"))
    np.testing.assert_array_equal(again.mean(), trace.mean())


def test_a_trace_whose_target_is_a_function(tmp_path):
    trace = run()
    read = load(trace.save(tmp_path / "trace.npz"))
    assert read.system is None
    assert read.missing == ("target",)
    np.testing.assert_array_equal(read.draws, trace.draws)
    np.testing.assert_array_equal(read.mean(), trace.mean())
    np.testing.assert_array_equal(read.states[0].phase, trace.states[0].phase)
    assert isinstance(read.states[0].driver, ClosedStream)
    with pytest.raises(ArgumentError, match=r"`trace` needs the target of the run.* weakchaos.load\(path, target=...\)"):
        extend(read)
    with pytest.raises(ArgumentError, match=r"`averages` needs the target"):
        read.averages()
    with pytest.raises(ArgumentError, match=r"`error` needs the target"):
        read.error()
    whole = extend(trace, 40, progress=False)
    assert_same(extend(load(tmp_path / "trace.npz", target=d.numba_gaussian()), 40, progress=False), whole)
    # Saved once more by who does not know the target, it has lost nothing.
    second = load(load(tmp_path / "trace.npz").save(tmp_path / "second.npz"), target=d.numba_gaussian())
    assert_same(extend(second, 40, progress=False), whole)


class OwnSampler(RandomWalkMetropolis):
    """A sampler a user wrote."""


def test_a_trace_whose_sampler_and_target_are_the_users(tmp_path):
    trace = run(sampler=OwnSampler(0.5))
    path = trace.save(tmp_path / "trace.npz")
    assert load(path).missing == ("sampler", "target")
    with pytest.raises(ArgumentError, match=r"needs the sampler and target of the run.*sampler=..., target=...\)"):
        extend(load(path, sampler=None))
    assert load(path, target=d.numba_gaussian()).missing == ("sampler",)
    whole = extend(trace, 10, progress=False)
    assert_same(extend(load(path, target=d.numba_gaussian(), sampler=OwnSampler(0.5)), 10, progress=False), whole)


def test_what_is_passed_again_must_fit(tmp_path):
    path = run().save(tmp_path / "trace.npz")
    with pytest.raises(ArgumentError, match="must be those of the run: it has 3 coordinates"):
        load(path, target=zoo.gaussian([1.0, 2.0]))
    with pytest.raises(ArgumentError, match="must be those of the run"):
        load(path, target=d.numba_gaussian(), sampler=RandomWalkMetropolis())
    with pytest.raises(ArgumentTypeError, match="must be a Density"):
        load(path, target=binary())
    with pytest.raises(StoreError, match="saved under another driver"):
        load(path, target=d.numba_gaussian(), driver="mt19937")


@pytest.mark.parametrize("path", ["trace", "trace.zarr", "trace.npy", "trace.npz.gz"])
def test_names_of_files(path, tmp_path):
    with pytest.raises(ArgumentError, match=r"`path` must end in .npz"):
        run().save(tmp_path / path)


def test_paths_that_are_none(tmp_path):
    with pytest.raises(ArgumentTypeError, match="`path` must be a path"):
        run().save(3)
    with pytest.raises(ArgumentTypeError, match="`path` must be a path"):
        load(3)
    with pytest.raises(FileNotFoundError, match="there is no trace at"):
        load(tmp_path / "nothing.npz")
    with pytest.raises(FileNotFoundError):
        run().save(tmp_path / "no such folder" / "trace.npz")


class Bomb:
    """Unpickling it would leave a mark."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


foreign = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("hello"),
    "zip": lambda path: zipfile.ZipFile(path, "w").close(),
    "array": lambda path: [np.save(path.with_suffix(".npy"), np.zeros(3)), path.with_suffix(".npy").rename(path)],
    "other npz": lambda path: np.savez(path, x=np.zeros(3)),
    "head that is no JSON": lambda path: np.savez(path, head=np.array("{")),
    "head of numbers": lambda path: np.savez(path, head=np.zeros(3)),
    "head that is a list": lambda path: np.savez(path, head=np.array("[1]")),
    "another version": lambda path: np.savez(path, head=np.array(json.dumps({"format": "weakchaos trace 2"}))),
    "nothing but a head": lambda path: np.savez(path, head=np.array(json.dumps({"format": "weakchaos trace 1"}))),
    "pickle": lambda path: path.write_bytes(pickle.dumps(Bomb(path.with_name("mark")))),
    "pickle in npz": lambda path: np.savez(path, head=np.array(Bomb(path.with_name("mark")), object)),
}


@pytest.mark.parametrize("kind", foreign)
def test_files_that_are_no_traces(kind, tmp_path):
    path = tmp_path / "trace.npz"
    foreign[kind](path)
    with pytest.raises(StoreError, match=r"trace\.npz"):
        load(path)
    assert not (tmp_path / "mark").exists()


def test_missing_arrays_are_named(tmp_path):
    path = run().save(tmp_path / "trace.npz")
    with np.load(path) as archive:
        data = dict(archive)
    for name in ("draws", "stats", "state.2", "sums.0", "average_counts.1", "stats_names"):
        np.savez(path, **{k: v for k, v in data.items() if k != name})
        with pytest.raises(StoreError, match=r"parts missing.*" + name):
            load(path)
    np.savez(path, **{**data, "draws": data["draws"][:, :50]})
    with pytest.raises(StoreError, match="parts missing"):
        load(path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_refused_or_harmless(data, tmp_path):
    path = tmp_path / "whole.npz"
    if not path.exists():
        run(draws=10).save(path)
    raw = bytearray(path.read_bytes())
    damaged = tmp_path / "damaged.npz"
    place = data.draw(st.integers(0, len(raw) - 1))
    if data.draw(st.booleans()):
        raw[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del raw[place:]
    damaged.write_bytes(raw)
    try:
        read = load(damaged)
    except StoreError:
        return
    np.testing.assert_array_equal(read.draws, load(path).draws)  # a byte that nothing depends on: a date, padding
