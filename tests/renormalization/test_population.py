"""Scaling of populations whose answer is known: independent, latent, and spins of the Ising model."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import weakchaos as wc
from weakchaos.renormalization import coarse_grain, momentum_shell, null_population
from weakchaos.renormalization.coarse.pairing import clusters_by_correlation, pair_greedily


def bernoulli(rng, samples, units, rate=0.2):
    return rng.random((samples, units)) < rate


def latent(rng, samples, units, rank, strength):
    drive = rng.standard_normal((samples, rank)) @ rng.standard_normal((rank, units)) * strength
    return rng.random((samples, units)) < 1 / (1 + np.exp(1.8 - drive))


def spins(temperature, size, samples, seed=0):
    """Configurations of the Ising model at a temperature in units of the critical one, as 0 and 1."""
    beta = 0.5 * math.log(1 + math.sqrt(2)) / temperature
    system = wc.samplers.SwendsenWang().bind(wc.Ising.lattice((size, size), beta))
    state = system.start(seed)
    system.advance(state, 100, 100)
    return (system.advance(state, 2 * samples, 2) + 1) // 2


# ---- pairs -------------------------------------------------------------------------------------------------------------------------------


def slow_pairs(similarity):
    free, out = set(range(len(similarity))), []
    while len(free) > 1:
        pair = max(((i, j) for i in sorted(free) for j in sorted(free) if i < j), key=lambda p: (similarity[p], -p[0], -p[1]))
        out.append(pair)
        free -= set(pair)
    return out


@given(st.integers(2, 17), st.integers(0, 10_000), st.booleans())
def test_pairs_are_the_greedy_ones(n, seed, ties):
    matrix = np.random.default_rng(seed).normal(size=(n, n))
    matrix = np.round(matrix + matrix.T, 0 if ties else 8)
    assert pair_greedily(matrix).tolist() == [list(p) for p in slow_pairs(matrix)]


def test_clusters_hold_every_unit_once(rng):
    members = clusters_by_correlation(bernoulli(rng, 200, 32).astype(float), 4)
    assert [m.shape for m in members] == [(32, 1), (16, 2), (8, 4), (4, 8), (2, 16)]
    assert all(sorted(m.ravel()) == list(range(32)) for m in members)


def test_twins_find_each_other(rng):
    x = bernoulli(rng, 500, 20)
    x = np.concatenate([x, x ^ (rng.random(x.shape) < 0.05)], axis=1)
    pairs = clusters_by_correlation(x.astype(float), 1)[1]
    assert {tuple(sorted(p)) for p in pairs.tolist()} == {(i, i + 20) for i in range(20)}


# ---- exponents ---------------------------------------------------------------------------------------------------------------------------


def test_independent_units_have_no_scaling(rng):
    x = bernoulli(rng, 4000, 256)
    result = coarse_grain(x)
    assert 0.98 <= result.data.exponents["alpha"] <= 1.02
    assert 0.97 <= result.data.exponents["beta"] <= 1.03
    assert result.data.kurtosis[-1] == pytest.approx(3, abs=0.15)
    assert result.verdict == "no collective scaling"
    # Negative control: without the split the luckiest pairs raise alpha.
    whole = coarse_grain(x, nulls=(), split=False)
    assert whole.data.exponents["alpha"] > 1.02
    assert any("same samples" in r for r in whole.reasons)


def test_variance_of_independent_units_is_exact(rng):
    rates = rng.uniform(0.1, 0.5, 64)
    result = coarse_grain(rng.random((20_000, 64)) < rates, nulls=())
    expected = (rates * (1 - rates)).sum() / 64 * result.data.sizes
    assert result.data.variance == pytest.approx(expected, rel=0.03)
    silence = np.exp(np.log1p(-rates).mean() * result.data.sizes)
    assert result.data.silence[:3] == pytest.approx(silence[:3], abs=0.03)


def test_latent_variables_are_not_called_critical(rng):
    for strength, rank in ((0.6, 10), (1.0, 1)):
        result = coarse_grain(latent(rng, 3000, 256, rank, strength))
        assert result.data.exponents["alpha"] > 1.2
        assert result.verdict == "scaling, criticality not established"
        assert result.nulls["independent"].exponents["alpha"] == pytest.approx(1, abs=0.03)
        assert result.nulls["latent"].exponents["alpha"] == pytest.approx(result.data.exponents["alpha"], abs=0.1)
    without = coarse_grain(latent(rng, 1000, 64, 10, 0.6), nulls="independent")
    assert without.verdict == "scaling, criticality not established"
    assert any("the latent null model was not included" in r for r in without.reasons)


def test_the_ising_model_on_both_sides():
    """alpha = 2 y_h / d = 1.875 at the critical point, found without the lattice; hot spins flow to independence."""
    critical = coarse_grain(spins(1.0, 32, 2500))
    assert critical.data.exponents["alpha"] == pytest.approx(1.875, abs=0.03)
    assert critical.data.kurtosis[-1] < 2
    assert critical.verdict.startswith("scaling beyond the null models")
    assert "critical" not in critical.verdict.replace("near a critical point, but no proof of one", "")
    hot = coarse_grain(spins(1.5, 16, 2500))
    assert hot.data.local[-1] < hot.data.local[0]
    assert hot.verdict == "scaling, criticality not established"
    assert "alpha" in hot.table()


def test_correlation_times(rng):
    """Clusters of independent AR(1) series keep the time of their units: z = 0; exp(-1) is reached after 1 / ln(1 / a) steps."""
    a, x = 0.8, np.zeros((6000, 32))
    for t in range(1, len(x)):
        x[t] = a * x[t - 1] + rng.standard_normal(32)
    result = coarse_grain(x, nulls=("shuffled",), ordered=True)
    assert result.data.times[0] == pytest.approx(-1 / math.log(a), rel=0.1)
    assert result.data.exponents["z"] == pytest.approx(0, abs=0.1)
    assert "beta" not in result.data.exponents


@pytest.mark.parametrize("kind", ["independent", "shuffled", "latent"])
def test_null_models_keep_what_they_promise(kind, rng):
    for x in (
        latent(rng, 4000, 24, 2, 0.8).astype(np.uint8),
        rng.standard_normal((4000, 2)) @ rng.standard_normal((2, 24)) + rng.exponential(size=(4000, 24)),
    ):
        made = null_population(x, kind, rng, rank=3)
        assert made.shape == x.shape
        if kind == "latent":
            assert made.mean(0) == pytest.approx(x.mean(0), abs=0.06)
            a, b = np.corrcoef(x.T.astype(float)), np.corrcoef(made.T.astype(float))
            assert np.corrcoef(a[np.triu_indices(24, 1)], b[np.triu_indices(24, 1)])[0, 1] > 0.95
        else:
            assert np.array_equal(np.sort(made, 0), np.sort(x, 0))
            assert np.abs(np.corrcoef(made.T.astype(float))[np.triu_indices(24, 1)]).max() < 0.09


# ---- momentum shells ---------------------------------------------------------------------------------------------------------------------


def test_shells_of_independent_units_become_gaussian(rng):
    result = momentum_shell(bernoulli(rng, 4000, 64))
    rate = 0.2
    assert result.data.kurtosis[0] == pytest.approx((1 - 3 * rate * (1 - rate)) / (rate * (1 - rate)), abs=0.1)
    assert result.data.variance[1] == pytest.approx(0.5, abs=0.03)
    assert result.verdict == "flows to a Gaussian"
    assert result.data.quartic[-1] == pytest.approx(0, abs=0.2)


def test_shells_of_a_shared_latent_do_not(rng):
    x = latent(rng, 4000, 128, 10, 0.9)
    result = momentum_shell(x, steps=5)
    assert result.verdict.startswith("not Gaussian, criticality not established: shared latent variables")
    assert result.data.variance[-1] > 0.1
    assert result.data.kurtosis[-1] < 2.9 < result.nulls["independent"].kurtosis[-1]
    alone = momentum_shell(x, steps=5, nulls=())
    assert alone.verdict.endswith("the latent null model was not included")


def test_bad_input(rng):
    x = bernoulli(rng, 200, 16)
    for function in (coarse_grain, momentum_shell):
        with pytest.raises(ValueError, match="shape \\(samples, units\\)"):
            function(x[0])
        with pytest.raises(ValueError, match="units never change"):
            function(np.where(np.arange(16) == 3, 0, x))
        with pytest.raises(ValueError, match="must be finite; unit 2"):
            function(np.where(np.arange(16) == 2, np.nan, x))
        with pytest.raises(TypeError, match="must hold numbers"):
            function(x.astype(str))
        with pytest.raises(ValueError, match="`nulls` must be taken from"):
            function(x, nulls="random")
        with pytest.raises(ValueError, match="`steps`"):
            function(x, steps=9)
