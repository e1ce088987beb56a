"""What a trace hands over: tables, summaries, trees for ArviZ, pictures; draws alike and weighted."""

import warnings

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning
from weakchaos.core.variables import Variables
from weakchaos.runs.memory import MemorySink
from weakchaos.runs.pictures import _ranks
from weakchaos.runs.trace import Trace
from weakchaos.runs.weighted import resampled, summary_columns

Y = np.array([1.0, -0.5, 2.0])


def schools(**more):
    return wc.Density(
        lambda mu, tau, theta, y: -0.5 * mu**2 - tau - 0.5 * float(theta @ theta) - 0.5 * float(np.square(y - mu - tau * theta).sum()),
        shapes={"mu": (), "tau": (), "theta": (3,)}, constraints={"tau": "positive"}, data={"y": Y}, dims={"theta": ["school"]},
        coords={"school": ["a", "b", "c"]}, log_likelihood={"y": lambda mu, tau, theta, y: -0.5 * np.square(y - mu - tau * theta) - 0.5 * np.log(2 * np.pi)},
        **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trace():
    sampler = wc.samplers.RandomWalkMetropolis(scale=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a short run of a poor sampler
        return wc.sample(schools(), sampler, draws=400, warmup=60, chains=3, seed=1, progress=False, keep_warmup=True)


class System:
    """As much of a system as a trace needs, with draws that were made elsewhere."""

    readout_dtype, n_averages, dim = np.float64, 0, 1

    def __init__(self, names, stats_names):
        self.names, self.stats_names = names, stats_names


class Plan:
    record, keep_warmup, warmup = "draws", False, 0

    def __init__(self, draws):
        self.draws = draws


def made(draws, weights=None):
    """A trace of given draws, shape (chain, draw, n), and weights."""
    chains, n, dim = draws.shape
    system = System([f"x{k}" for k in range(dim)], () if weights is None else ("weight",))
    sink = MemorySink(system, Plan(n), chains)
    for k in range(chains):
        sink.append(k, 0, draws[k], np.empty((n, 0)) if weights is None else weights[k][:, None])
    states = [wc.State() for _ in range(chains)]
    return Trace(
        system,
        sink,
        states,
        [n] * chains,
        [0] * chains,
        "draws",
        {"entropy": "1", "thin": 1},
        [0.0] * chains,
        [np.empty(0)] * chains,
    )


# ---- tables --------------------------------------------------------------------------------------------------------------------------------


def test_a_table_of_all_draws(trace):
    table = trace.to_dataframe()
    assert list(table.columns) == ["chain", "draw", "mu", "tau", "theta[a]", "theta[b]", "theta[c]"]
    assert len(table) == 1200
    row = table[(table.chain == 2) & (table.draw == 17)]
    assert row["theta[b]"].item() == trace["theta"][2, 17, 1]
    some = trace.to_dataframe(["tau", "theta[c]"], stats=True)
    assert list(some.columns) == ["chain", "draw", "tau", "theta[c]", *trace.stats]
    with pytest.raises(ArgumentError, match="no 'sigma'"):
        trace.to_dataframe(["sigma"])


def test_a_summary_has_the_numbers_of_arviz_stats(trace):
    from arviz_stats.base import array_stats

    table = trace.summary()
    assert list(table.index) == trace.names
    x = np.asarray(trace["tau"])
    row = table.loc["tau"]
    assert row["mean"] == pytest.approx(x.mean())
    assert row["sd"] == pytest.approx(x.std(ddof=1))
    assert row["5%"] == pytest.approx(np.quantile(x, 0.05))
    assert row["ess_bulk"] == pytest.approx(array_stats.ess(x, chain_axis=0, draw_axis=1, method="bulk"))
    assert row["ess_tail"] == pytest.approx(array_stats.ess(x, chain_axis=0, draw_axis=1, method="tail", prob=(0.05, 0.95)))
    assert row["r_hat"] == pytest.approx(array_stats.rhat(x, chain_axis=0, draw_axis=1))
    assert row["mcse_mean"] == pytest.approx(array_stats.mcse(x, chain_axis=0, draw_axis=1, method="mean"))
    assert list(trace.summary("theta", [0.25]).columns[:3]) == ["mean", "sd", "25%"]
    with pytest.raises(ArgumentError, match="`quantiles`"):
        trace.summary(quantiles=[0.0])


def test_a_number_that_never_changes_has_no_error():
    draws = np.random.default_rng(0).standard_normal((2, 100, 2))
    draws[:, :, 1] = 3.0
    table = made(draws).summary()
    assert table.loc["x1", "mean"] == 3.0
    assert np.isnan(table.loc["x1", "r_hat"])
    assert np.isfinite(table.loc["x0"]).all()


def test_a_trace_is_no_sequence(trace):
    with pytest.raises(ArgumentTypeError, match="cannot be iterated"):
        list(trace)


# ---- weights -------------------------------------------------------------------------------------------------------------------------------


def weighted_chains(seed, chains=4, n=2000):
    """Draws from N(0, 2**2) with weights that make them estimate N(1, 1)."""
    x = 2 * np.random.default_rng(seed).standard_normal((chains, n, 1))
    return x, np.exp(-0.5 * (x - 1) ** 2 + x * x / 8)[:, :, 0]


def test_weighted_estimates_and_their_errors():
    scores, spreads = [], []
    for seed in range(60):
        x, w = weighted_chains(seed, n=500)
        row = {name: values[0] for name, values in summary_columns(x, w, [0.5, 0.95]).items()}
        scores.append((row["mean"] - 1) / row["mcse_mean"])
        spreads.append((row["sd"] - 1) / row["mcse_sd"])
        assert row["50%"] == pytest.approx(1, abs=0.2)
        assert row["95%"] == pytest.approx(1 + 1.645, abs=0.3)
    # Of 60 standardised errors of sd 1 the standard deviation is 1 with an error of 0.09.
    assert 0.7 < np.std(scores) < 1.35
    assert 0.7 < np.std(spreads) < 1.35
    assert abs(np.mean(scores)) < 0.65
    # The negative control: the same draws without their weights are far off.
    x, w = weighted_chains(0)
    plain = summary_columns(x, None, [0.5])
    assert abs(plain["mean"][0] - 1) > 20 * plain["mcse_mean"][0]


def test_equal_weights_are_no_weights():
    draws = np.cumsum(np.random.default_rng(1).standard_normal((4, 300, 2)), axis=1) * 0.1
    one, other = summary_columns(draws, None, [0.5]), summary_columns(draws, np.full((4, 300), 2.5), [0.5])
    for name in ("mean", "mcse_mean", "r_hat"):
        np.testing.assert_allclose(one[name], other[name], rtol=1e-6)
    np.testing.assert_allclose(one["sd"], other["sd"], rtol=1e-3)


def test_chains_that_disagree_under_their_weights_are_told():
    x, w = weighted_chains(2, n=500)
    assert summary_columns(x, w, [0.5])["r_hat"][0] < 1.05
    w[0] = 1.0  # this chain estimates another distribution
    assert summary_columns(x, w, [0.5])["r_hat"][0] > 1.05


def test_resampling_keeps_proportions_and_order():
    w = np.random.default_rng(3).exponential(size=(3, 500)) ** 2
    rows = resampled(w)
    for k in range(3):
        counts = np.bincount(rows[k], minlength=500)
        relative = w[k] / w[k].mean()
        assert (np.abs(counts - relative) < 1 + 1e-9).all()
        assert (np.diff(rows[k]) >= 0).all()
    np.testing.assert_array_equal(resampled(np.full((2, 50), 7.0)), np.tile(np.arange(50), (2, 1)))
    for bad in (np.array([[1.0, np.nan]]), np.array([[1.0, -1.0]]), np.zeros((1, 2))):
        with pytest.raises(ArgumentError, match="weights of draws"):
            resampled(bad)


def test_weights_never_go_to_arviz_in_silence():
    trace = made(*weighted_chains(4))
    with pytest.warns(ConvergenceWarning, match="resampled"):
        tree = trace.to_arviz()
    assert float(tree.posterior["x0"].mean()) == pytest.approx(1, abs=0.1)
    assert "resampled" in tree.posterior.attrs["weights"]
    with pytest.raises(ArgumentError, match="have weights"):
        trace.to_arviz(weights="refuse")
    with pytest.raises(ArgumentError, match="`weights` must be"):
        trace.to_arviz(weights="ignore")
    assert trace.summary().loc["x0", "mean"] == pytest.approx(1, abs=0.1)
    assert "weight" in trace.to_dataframe().columns


# ---- ArviZ ---------------------------------------------------------------------------------------------------------------------------------


def test_a_tree_has_shapes_dims_coords_and_warm_up(trace):
    tree = trace.to_arviz()
    assert set(tree.children) == {"posterior", "sample_stats", "warmup_posterior", "warmup_sample_stats", "log_likelihood"}
    theta = tree.posterior["theta"]
    assert theta.dims == ("chain", "draw", "school")
    assert theta.school.values.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(theta.values, trace["theta"])
    assert tree.warmup_posterior["theta"].shape == (3, 60, 3)
    assert (tree.warmup_posterior["tau"] > 0).all()
    assert tree.posterior.attrs["inference_library"] == "weakchaos"


def test_the_log_likelihood_is_that_of_the_draws(trace):
    values = trace.to_arviz().log_likelihood["y"].values
    chain, draw = 1, 123
    mu, tau, theta = (trace[name][chain, draw] for name in ("mu", "tau", "theta"))
    np.testing.assert_allclose(values[chain, draw], -0.5 * (Y - mu - tau * theta) ** 2 - 0.5 * np.log(2 * np.pi))
    assert "log_likelihood" not in trace.to_arviz(log_likelihood=False).children


def test_leave_one_out(trace):
    import arviz_stats

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a short run of a poor sampler
        result = arviz_stats.loo(trace.to_arviz())
    assert np.isfinite(result.elpd)
    assert result.n_data_points == 3


def test_names_of_statistics_and_their_types():
    tree = wc.sample(wc.zoo.gaussian([1.0]), wc.samplers.NUTS(), draws=50, warmup=100, seed=1, progress=False).to_arviz()
    kinds = {name: values.dtype.kind for name, values in tree.sample_stats.data_vars.items()}
    assert (
        kinds.items() >= {"diverging": "b", "tree_depth": "i", "n_steps": "i", "energy": "f", "lp": "f", "step_size": "f"}.items()
    )


def test_discrete_draws_go_over_as_they_are():
    trace = wc.sample(wc.Ising.lattice((3, 3), beta=0.2), draws=20, warmup=5, seed=1, progress=False)
    tree = trace.to_arviz()
    assert tree.posterior[trace.names[4]].dtype == np.asarray(trace.draws).dtype
    assert trace[trace.names[4]].shape == (4, 20)


# ---- variables -----------------------------------------------------------------------------------------------------------------------------


def test_variables_as_data_and_back():
    import json

    days = np.array(["2020-01-01", "2020-01-02"], "datetime64[D]")
    one = Variables({"a": (2, 3), "b": ()}, {"a": ["day", "k"]}, {"day": days, "k": [1.5, 2.5, 3.5]})
    other = Variables.from_data(json.loads(json.dumps(one.to_data())))
    assert (one.shapes, one.dims, one.names) == (other.shapes, other.dims, other.names)
    np.testing.assert_array_equal(one.coords["day"], other.coords["day"])
    assert other.coords["day"].dtype == days.dtype
    assert one.names[1] == "a[2020-01-01, 2.5]"
    values = {"a": np.arange(6.0).reshape(2, 3), "b": 7.0}
    np.testing.assert_array_equal(one.split(one.join(values))["a"], values["a"])


# ---- pictures ------------------------------------------------------------------------------------------------------------------------------


def test_pictures(trace, tmp_path):
    figure = trace.plot(path=tmp_path / "draws.png")
    assert (tmp_path / "draws.png").stat().st_size > 10_000
    titles = [axes.get_title(loc="left") for axes in figure.axes[::2]]
    assert titles == trace.names
    assert len(trace.plot("theta").axes) == 6
    with pytest.raises(ArgumentError, match="`kind`"):
        trace.plot(kind="pie")
    weighted = made(*weighted_chains(5, n=100)).plot()
    assert any("no ranks" in text.get_text() for text in weighted.axes[1].texts)


def test_ranks_are_uniform_where_chains_agree_and_not_where_they_do_not():
    x = np.random.default_rng(6).standard_normal((4, 1000))
    assert np.abs(_ranks(x) - 1).max() < 0.8
    np.testing.assert_allclose(_ranks(x).mean(1), 1)
    x[0] += 2
    assert _ranks(x)[0, -1] > 2
