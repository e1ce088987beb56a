"""Cluster samplers against slow oracles fed with the same numbers, exact distributions and Onsager's energy."""

import math

import numpy as np
import pytest

from tests import naive
from tests.samplers.test_gibbs import uniforms, z_scores
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.runs.sampling import sample
from weakchaos.samplers import SwendsenWang, Wolff
from weakchaos.targets.moments import Moments
from weakchaos.targets.mrf import Ising, PairwiseMRF, Potts

FRUSTRATED = np.array([[0.0, 0.8, -0.5], [0.8, 0.0, 0.6], [-0.5, 0.6, 0.0]])


def potts():
    j = np.array([[0, 0.7, 0.3, 0], [0.7, 0, 0.5, 0.2], [0.3, 0.5, 0, 0.9], [0, 0.2, 0.9, 0]])
    return Potts(j, 3, fields=np.random.default_rng(3).normal(size=(4, 3)) * 0.5)


MODELS = {
    "spins": lambda: Ising(FRUSTRATED),
    "spins in a field": lambda: Ising(FRUSTRATED, [0.3, -0.7, 0.2]),
    "0/1 units": lambda: PairwiseMRF(2 * FRUSTRATED, [0.5, -1.0, 0.3]),
    "Potts": potts,
    "Potts without fields": lambda: Potts(np.abs(FRUSTRATED), 4),
}


def log_weights(target):
    """Couplings and fields in spins (q = 2) or Potts states, from the definition of each model."""
    if isinstance(target, Potts):
        return [(i, j, w) for (i, j), w in zip(target.edges, target.weights, strict=True)], target.fields, target.q
    w = target.couplings()
    spin = target.fields / 2 + w.sum(1) / 4
    edges = [(i, j, w[i, j] / 2) for i, j in target.edges]  # exp(J s s') is exp(2 J [s = s']) up to a factor, J = W / 4
    return edges, np.stack([-spin, spin], 1), 2


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("sampler", "oracle"), [(SwendsenWang(), naive.swendsen_wang), (Wolff(2), naive.wolff)])
def test_the_oracle(name, sampler, oracle):
    target = MODELS[name]()
    system = sampler.bind(target)
    state = system.start(3)
    options = {"clusters": 2} if isinstance(sampler, Wolff) else {}
    expected = oracle(*log_weights(target), state.symbols[: target.dim].copy(), uniforms(system, 3), 60, **options)
    assert np.array_equal(system.symbols(system.advance(state, 60)), expected)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("sampler", [SwendsenWang(), Wolff(2)])
def test_states_are_drawn_with_their_probabilities(name, sampler):
    target = MODELS[name]()
    q = int(target.cardinalities[0])
    trace = sample(target, sampler, draws=5000, warmup=50, chains=4, seed=5, progress=False)
    draws = sampler.bind(target).symbols(np.asarray(trace.draws))
    index = draws @ q ** np.arange(target.dim)[::-1]
    truth = target.distribution()

    def score(p):
        batches = np.array([np.bincount(part.ravel(), minlength=p.size) / part.size for part in np.split(index, 50, axis=1)])
        error = batches.std(0, ddof=1) / math.sqrt(50) + 1e-4
        return np.abs((batches.mean(0) - p) / error).max()

    assert score(truth) < 5
    hotter = truth**0.8 / (truth**0.8).sum()
    assert score(hotter) > 6  # negative control: another temperature is told apart


def test_marginals_of_a_machine_with_fields():
    target = PairwiseMRF([[0.0, 1.0, -0.7], [1.0, 0.0, 0.4], [-0.7, 0.4, 0.0]], [0.2, -0.4, 0.1])
    truth = np.array([m[1] for m in target.marginals()])
    trace = sample(target, SwendsenWang(), draws=5000, warmup=50, chains=2, seed=1, progress=False)
    assert np.abs(z_scores(trace, truth)).max() < 5


@pytest.mark.parametrize("sampler", [SwendsenWang(), Wolff(3)])
def test_energy_at_criticality(sampler):
    """u = -sqrt 2 at the critical point (Onsager 1944); on a torus of side L it is lower by 0.62 / L (Ferdinand and Fisher 1969)."""
    size = 16
    target = Ising.lattice((size, size), beta=0.5 * math.log(1 + math.sqrt(2)))
    trace = sample(target, sampler, draws=2000, warmup=100, chains=2, seed=2, progress=False)
    s = np.asarray(trace.draws, np.int64).reshape(2, -1, size, size)
    energy = -(s * (np.roll(s, 1, 2) + np.roll(s, 1, 3))).mean((2, 3))
    batches = energy.reshape(40, -1).mean(1)
    exact = -math.sqrt(2) * (1 + 0.44 / size)
    assert abs(batches.mean() - exact) < 5 * batches.std(ddof=1) / math.sqrt(40) + 0.003


def test_a_unit_without_couplings_is_free():
    target = Ising(np.zeros((2, 2)), [0.0, 1.0])
    trace = sample(target, Wolff(2), draws=4000, warmup=10, chains=2, seed=0, progress=False)
    truth = np.array([0.5, 1 / (1 + math.exp(-2.0))]) * 2 - 1
    assert np.abs(z_scores(trace, truth)).max() < 5


def test_bad_input():
    with pytest.raises(ArgumentError, match="ferromagnetic"):
        SwendsenWang().bind(Potts(-np.abs(FRUSTRATED), 3))
    with pytest.raises(ArgumentError, match="finite fields"):
        SwendsenWang().bind(_infinite())
    with pytest.raises(ArgumentError, match="`n_clusters`"):
        Wolff(0)
    with pytest.raises(ArgumentTypeError, match="Ising"):
        Wolff().bind(Moments([[0.0], [1.0]], [0.5]))


def _infinite():
    target = potts()
    target.fields[0, 1] = -np.inf
    return target
