"""Starts of cold models: in the deep basin, not in whichever is near; starts of others: uniform."""

import itertools

import numpy as np
import pytest
from scipy.stats import chisquare

import weakchaos as wc
from weakchaos.targets.discrete_target import DiscreteTarget


def starts(target, n):
    return np.array([target.random_start(np.random.default_rng(k)) for k in range(n)])


@pytest.mark.parametrize("n", [3, 4])
def test_a_cold_model_starts_where_its_probability_is(n):
    # All ones outweigh all zeros by hundreds of nats, and no single unit, nor a pair, gets from one to the other.
    pull = 700.0 * (n - 1)
    cold = wc.PairwiseMRF(700 * (np.ones((n, n)) - np.eye(n)), fields=-0.36 * pull)
    assert cold.log_prob(np.ones(n)) > 300
    assert (cold.log_prob(np.eye(n)) < -300).all()
    ones = starts(cold, 300).all(1).mean()
    assert ones > 0.95
    uniform = np.array([DiscreteTarget.random_start(cold, np.random.default_rng(k)) for k in range(300)]).all(1).mean()
    assert uniform < 0.25  # what a uniform start gives


def test_basins_of_equal_weight_are_entered_equally_often():
    cold = wc.Potts(400 * (np.ones((5, 5)) - np.eye(5)), 3)
    x = starts(cold, 600)
    assert (x == x[:, :1]).all()  # in one of the three ground states
    assert chisquare(np.bincount(x[:, 0], minlength=3)).pvalue > 1e-4


@pytest.mark.parametrize("target", [wc.Ising.lattice((4,), beta=1.0), wc.Potts.lattice((4,), 2, beta=2.0)], ids=repr)
def test_warmer_models_start_uniformly(target):
    x = starts(target, 3200)
    counts = [int((x == s).all(1).sum()) for s in itertools.product((0, 1), repeat=4)]
    assert chisquare(counts).pvalue > 1e-4
