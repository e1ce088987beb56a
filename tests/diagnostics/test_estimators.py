"""Bias of the estimators on known distributions (K = 256), closed forms, and the plug-in estimate as the negative control."""

import itertools
import math

import numpy as np
import pytest
from scipy.special import digamma

from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.diagnostics.symbols.estimators import ESTIMATORS, count_entropy

K = 256
UNIFORM = np.full(K, 1 / K)
ZIPF = 1 / np.arange(1, K + 1) / (1 / np.arange(1, K + 1)).sum()

# Mean errors in nats of independent implementations, 100 trials: rows of n, columns plug-in, Miller-Madow, Grassberger, Chao-Shen,
# NSB.
PUBLISHED = {
    ("uniform", 64): (-1.544, -1.107, -0.543, 0.125, -0.178),
    ("uniform", 256): (-0.562, -0.245, -0.032, 0.096, -0.043),
    ("zipf", 64): (-0.969, -0.676, -0.361, -0.313, -0.185),
    ("zipf", 256): (-0.435, -0.247, -0.095, -0.046, -0.041),
    ("zipf", 1024): (-0.141, -0.048, -0.010, 0.056, 0.025),
}


@pytest.mark.parametrize("case", PUBLISHED, ids=str)
def test_bias(case, rng):
    """Within five standard errors of both samples; and each correction must beat the plug-in estimate by as much as it should."""
    name, n = case
    p = UNIFORM if name == "uniform" else ZIPF
    truth = float(-(p * np.log(p)).sum())
    trials = 60
    draws = rng.multinomial(n, p, trials)
    errors = {}
    for estimator, expected in zip(("plug-in", "miller-madow", "grassberger", "chao-shen", "nsb"), PUBLISHED[case], strict=True):
        got = np.array([float(count_entropy(c, estimator, n_states=K)) for c in draws]) - truth
        spread = got.std(ddof=1)
        assert abs(got.mean() - expected) < 5 * spread * math.sqrt(1 / trials + 1 / 100) + 0.001, estimator
        errors[estimator] = abs(got.mean())
    assert errors["plug-in"] == max(errors.values())


def test_grassberger_closed_form():
    """G(1) = -gamma - ln 2, G(2) = 2 - gamma - ln 2, and G(2 m + 1) = G(2 m) (Grassberger 2003)."""

    def g(n):
        # Two counts of n: H = ln 2 n - G(n).
        return math.log(2 * n) - float(count_entropy([n, n], "grassberger"))

    assert g(1) == pytest.approx(-np.euler_gamma - math.log(2))
    assert g(2) == pytest.approx(2 - np.euler_gamma - math.log(2))
    for m in range(1, 30):
        assert g(2 * m + 1) == pytest.approx(g(2 * m))


def test_nsb_against_direct_integration():
    """Two states: posterior mean and deviation of the entropy by integrating over p and the prior's parameter."""
    from scipy.integrate import quad
    from scipy.special import betaln, polygamma

    for a, b in ((3, 1), (5, 5), (7, 0)):

        def evidence(t, a=a, b=b):
            beta = math.exp(t)
            flat = 2 * polygamma(1, 2 * beta + 1) - polygamma(1, beta + 1)
            return math.exp(betaln(a + beta, b + beta) - betaln(beta, beta)) * flat * beta

        def mean(beta, a=a, b=b):
            alpha = np.array([a + beta, b + beta])
            return float(digamma(alpha.sum() + 1) - (alpha * digamma(alpha + 1)).sum() / alpha.sum())

        norm = quad(evidence, -25, 18, limit=400)[0]
        value = quad(lambda t: evidence(t) * mean(math.exp(t)), -25, 18, limit=400)[0] / norm
        assert float(count_entropy([a, b], "nsb", n_states=2)) == pytest.approx(value, abs=2e-4)


def test_nsb_deviation_by_sampling(rng):
    """The posterior's standard deviation, drawn: parameter from its grid, p from the Dirichlet distribution."""
    from scipy.special import gammaln, polygamma

    counts = np.array([6, 3, 1, 0, 0])
    t = np.linspace(-20, 12, 4000)
    beta = np.exp(t)
    logs = gammaln(5 * beta) - gammaln(10 + 5 * beta) + sum(gammaln(c + beta) - gammaln(beta) for c in counts)
    logs += np.log(5 * polygamma(1, 5 * beta + 1) - polygamma(1, beta + 1)) + t
    chosen = rng.choice(beta, 40_000, p=np.exp(logs - logs.max()) / np.exp(logs - logs.max()).sum())
    p = rng.gamma(counts + chosen[:, None]) + 1e-300
    p /= p.sum(1, keepdims=True)
    entropies = -(p * np.log(p)).sum(1)
    result = count_entropy(counts, "nsb", n_states=5)
    assert float(result) == pytest.approx(entropies.mean(), abs=0.01)
    assert result.stderr == pytest.approx(entropies.std(), rel=0.03)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_all_agree_on_much_data(estimator):
    p = np.array([0.5, 0.25, 0.125, 0.125])
    assert float(count_entropy((p * 800_000).astype(int), estimator, 4)) == pytest.approx(1.75 * math.log(2), abs=1e-4)
    assert float(count_entropy([17], estimator, 1)) == pytest.approx(0, abs=1e-9)


def test_chao_shen_of_singletons_is_finite():
    result = count_entropy(np.ones(50, int), "chao-shen")
    assert 3.9 < float(result) < 10
    assert "seen once" in result.warnings[0]


def test_auto_and_units():
    assert count_entropy([3, 3], n_states=4).parameters["estimator"] == "grassberger"
    assert count_entropy([3, 3], n_states=40).parameters["estimator"] == "nsb"
    assert count_entropy([3, 3]).parameters["estimator"] == "chao-shen"
    assert float(count_entropy([4, 0, 4], "plug-in", base=2)) == pytest.approx(1)
    assert count_entropy([4, 0, 4], "plug-in").stderr == 0


def test_order_does_not_matter():
    values = {round(float(count_entropy(c, "nsb", 6)), 12) for c in itertools.permutations([5, 2, 1])}
    assert len(values) == 1


def test_bad_input():
    for call in (
        lambda: count_entropy([]),
        lambda: count_entropy([0, 0]),
        lambda: count_entropy([-1, 2]),
        lambda: count_entropy([1, 2], "median"),
        lambda: count_entropy([1, 2], "nsb"),
        lambda: count_entropy([1, 2], "nsb", n_states=1),
    ):
        with pytest.raises(ArgumentError):
            call()
    with pytest.raises(ArgumentTypeError):
        count_entropy([0.5, 0.5])
