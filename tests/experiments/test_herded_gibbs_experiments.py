"""Quick runs of the experiments with herded Gibbs: the sign of each claim, and the parts they are built of."""

import numpy as np

from weakchaos import experiments
from weakchaos.experiments.denoising import mean_field, picture, posterior
from weakchaos.experiments.sparse_graphs import SAMPLERS, sparse_model, window_distribution, window_errors


def rows(result, **wanted):
    return [r for r in result.rows if all(r[k] == v for k, v in wanted.items())]


def test_rate():
    result = experiments.run("herded_gibbs_rate", quick=True)
    assert result.verdict == "undecided"  # a rate of 10^5 sweeps is none of the limit
    for row in result.rows:
        assert (row["slope"] < -0.88) != (row["sampler"] == "Gibbs")  # Gibbs sampling is the negative control
    assert len(result.panels) == 2
    assert np.isfinite(result.panels[0].curves[0].y).all()


def test_sparse_graphs():
    result = experiments.run("sparse_graphs", quick=True)
    assert result.verdict == "undecided"  # errors with blanket weights still fall like those of Gibbs sampling
    assert {r["sampler"]: r["late slope"] for r in result.rows if r["part"] == "rates"}["blanket"] < -0.25
    by = {r["sampler"]: r for r in rows(result, part="rates")}
    assert by["hash"]["slope"] < -0.85 < by["Gibbs"]["slope"]
    assert by["blanket"]["distance"] > 10 * by["hash"]["distance"]
    large = {r["sampler"]: r for r in rows(result, graph="ring 16")}
    assert large["hash"]["slope"] > -0.75  # hardly any state comes twice
    assert large["blanket"]["weights"] == 16 * 4


def test_weight_sharing():
    result = experiments.run("weight_sharing", quick=True)
    assert result.verdict == "undecided"
    by = {r["weights"]: r for r in result.rows}
    late = "distance, 100000 sweeps"
    assert by["one weight a unit"][late] > 5 * by["10 bins"][late] > 25 * by["every state"][late]


def test_denoising():
    result = experiments.run("denoising", quick=True)
    by = {r["method"]: r for r in result.rows}
    last = [k for k in result.rows[0] if k.startswith("distance")][-1]
    assert by["herded Gibbs"][last] < 0.6 * by["Gibbs"][last] < 0.6 * by["mean field"][last]
    wrong = [k for k in result.rows[0] if k.startswith("% wrong")]
    assert by["herded Gibbs"][wrong[0]] < by["Gibbs"][wrong[0]]
    assert result.verdict == "undecided"  # three noise seeds
    assert [p.image is not None for p in result.panels] == [False, False, True, True, True, True]


def test_windows_by_elimination_and_by_listing_agree():
    target = sparse_model((17,), True, 3)
    table = target.distribution().reshape((2,) * 17)
    window = [0, 1, 5, 16]
    expected = table.sum(tuple(a for a in range(17) if a not in window)).ravel()
    assert np.allclose(window_distribution(target, window), expected, atol=1e-12)
    small = sparse_model((6,), False, 3)
    table = small.distribution().reshape((2,) * 6).sum((1, 2, 3))
    assert np.allclose(window_distribution(small, [5, 0, 4]).reshape(2, 2, 2), table.transpose(2, 0, 1))


def test_a_wrong_truth_shows():
    target = sparse_model((6,), True, 1)
    truth, counts = window_distribution(target, list(range(6))), np.array([1000, 20_000])
    right, marginal, _ = window_errors(target, SAMPLERS["hash"], list(range(6)), truth, counts, 0)
    wrong, other, _ = window_errors(target, SAMPLERS["hash"], list(range(6)), truth[::-1], counts, 0)
    assert right[-1] < 0.01 < 0.1 < wrong[-1]
    assert marginal < 0.001 < other


def test_mean_field_is_a_fixed_point():
    noisy = picture(16) + np.random.default_rng(0).normal(size=(16, 16))
    m = mean_field(noisy, 0.5, 1.0, 500)[-1]
    padded = np.pad(m, 1)
    near = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    assert np.allclose(m, np.tanh(noisy + 0.5 * near), atol=1e-9)
    assert np.allclose(mean_field(noisy, 0.5, 1.0, 2000, 0.3)[-1], np.tanh(noisy + 0.5 * near), atol=1e-6)


def test_the_posterior_is_prior_times_likelihood(rng):
    noisy = rng.normal(size=(3, 4))
    model = posterior(noisy, 0.7, 1.3)
    a, b = (2 * rng.integers(0, 2, (3, 4)) - 1 for _ in range(2))

    def log_posterior(s):
        bonds = (s[1:] * s[:-1]).sum() + (s[:, 1:] * s[:, :-1]).sum()
        return 0.7 * bonds - ((noisy - s) ** 2).sum() / (2 * 1.3**2)

    difference = model.log_prob_of_spins(a.ravel()) - model.log_prob_of_spins(b.ravel())
    assert np.isclose(difference, log_posterior(a) - log_posterior(b))
