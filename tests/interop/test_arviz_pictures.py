"""ArviZ reads our runs: its summary, its pictures and its cross-validation, whichever of its versions is installed."""

import warnings

import numpy as np
import pytest

import weakchaos as wc

pytest.importorskip("arviz_base")
# What ArviZ and matplotlib warn of is their own business.
pytestmark = pytest.mark.filterwarnings("ignore")

Y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
SIGMA = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def logp(mu, tau, eta, y, sigma):
    r = (y - mu - tau * eta) / sigma
    return -0.5 * (mu / 5) ** 2 - np.log1p((tau / 5) ** 2) - 0.5 * float(eta @ eta) - 0.5 * float(r @ r)


def log_likelihood(mu, tau, eta, y, sigma):
    return -0.5 * ((y - mu - tau * eta) / sigma) ** 2 - np.log(sigma) - 0.5 * np.log(2 * np.pi)


@pytest.fixture(scope="module")
def trace():
    target = wc.Density(
        logp, shapes={"mu": (), "tau": (), "eta": (8,)}, constraints={"tau": "positive"}, data={"y": Y, "sigma": SIGMA},
        dims={"eta": ["school"]}, coords={"school": list("ABCDEFGH")}, log_likelihood=log_likelihood,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return wc.sample(target, draws=250, warmup=250, chains=4, seed=1, keep_warmup=True, progress=False)


def test_the_tree_has_its_names(trace):
    tree = trace.to_arviz()
    assert tree["posterior"]["eta"].dims == ("chain", "draw", "school")
    assert tree["posterior"]["school"].values.tolist() == list("ABCDEFGH")
    assert tree["sample_stats"]["diverging"].dtype == bool
    assert "energy" in tree["sample_stats"]
    assert "warmup_posterior" in tree.children


def test_summary_and_loo_of_arviz_stats(trace):
    arviz_stats = pytest.importorskip("arviz_stats")
    tree = trace.to_arviz()
    table = arviz_stats.summary(tree, var_names=["mu", "tau"])
    assert float(table.loc["mu", "mean"]) == pytest.approx(float(trace["mu"].mean()), abs=0.05)
    found = arviz_stats.loo(tree)
    assert found.elpd == pytest.approx(
        -30.8, abs=0.6
    )  # that of the eight schools: Vehtari, Gelman and Gabry (2017), arXiv:1507.04544


def test_pictures_of_arviz_plots(trace, tmp_path):
    pytest.importorskip("matplotlib")
    plots = pytest.importorskip("arviz_plots")
    tree = trace.to_arviz()
    for name, made in {
        "trace": plots.plot_trace(tree, var_names=["mu", "tau"], backend="matplotlib"),
        "pair": plots.plot_pair(tree, var_names=["mu", "tau"], backend="matplotlib"),
        "energy": plots.plot_energy(tree, backend="matplotlib"),
    }.items():
        made.savefig(tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 5000


def test_our_pair_plot_is_that_of_arviz(trace, tmp_path):
    pytest.importorskip("matplotlib")
    try:
        import arviz_plots  # noqa: F401
    except ImportError:
        pytest.importorskip("arviz")
    assert trace.plot(["mu", "tau"], kind="pair", path=tmp_path / "pair.png") is not None
    assert (tmp_path / "pair.png").stat().st_size > 5000
    trace.plot("eta", kind="pair")


def test_arviz_itself(trace):
    """`import arviz as az`, as users write it."""
    az = pytest.importorskip("arviz")
    pytest.importorskip("matplotlib")
    if int(az.__version__.split(".")[0]) < 1:
        pytest.skip("ArviZ before 1.0 has a format of its own, which PyMC 5 uses: test_pymc_bridge")
    tree = trace.to_arviz()
    assert "mu" in az.summary(tree).index
    assert az.loo(tree).elpd == pytest.approx(-30.8, abs=0.6)
    for plot in (az.plot_trace, az.plot_pair):
        assert plot(tree, var_names=["mu", "tau"]) is not None
    assert az.plot_energy(tree) is not None
