"""What every System must pass, and a check of the distribution a sampler leaves invariant."""

import numpy as np
import pytest

from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.core.system import State, System
from weakchaos.runs.sampling import sample

NO_SEEDS = (-1, 1.5, "seed", object())


def check_system(system, seed=0, n=24, position=None, seeded=True, seed_errors=(ArgumentError, ArgumentTypeError), load_state=None):
    """Assert the laws of the `System` protocol.

    Parameters
    ----------
    system : System
    seed : int
    n : int
        Steps to compare; a multiple of 12.
    position : optional
        As `start` takes it.
    seeded : bool
        Whether another seed gives another orbit.
    seed_errors : tuple of exceptions
        What `start` raises for a seed that is none; empty where the seed is not used.
    load_state : callable, optional
        Reads what `State.to_bytes` wrote; the system's own ``load_state`` by default, or `State.from_bytes` without a stream.
    """
    assert n % 12 == 0
    assert isinstance(system, System)
    start = system.start(seed, position)
    assert isinstance(start, State)
    whole = system.advance(start.copy(), n)
    assert isinstance(whole, np.ndarray)
    assert whole.shape == (n, system.dim)
    assert whole.dtype.kind in "biuf"
    if whole.dtype.kind == "f":
        assert np.isfinite(whole).all()

    again = system.start(seed, position)
    assert again.exact() == start.exact(), "the same seed must give the same state"
    np.testing.assert_array_equal(system.advance(again, n), whole, "the same seed must give the same orbit")
    assert again.exact() != start.exact(), "`advance` must move the state in place"
    if seeded:
        other = system.start(seed + 1, position)
        assert not np.array_equal(system.advance(other, n), whole), "another seed must give another orbit"

    split = start.copy()
    parts = [system.advance(split, k) for k in (1, 0, n // 3, n - 1 - n // 3)]
    np.testing.assert_array_equal(np.concatenate(parts), whole, "a run in parts must be the whole run")
    assert split.exact() == again.exact()

    copied = start.copy()
    before = copied.exact()
    system.advance(start.copy(), n)
    assert copied.exact() == before, "a copy must not move with its twin"
    np.testing.assert_array_equal(system.advance(copied, n), whole, "a copy must continue as the original")

    for every in (2, 3, n):
        thinned = system.advance(start.copy(), n, every)
        np.testing.assert_array_equal(thinned, whole[every - 1 :: every], f"every={every} must keep each {every}-th draw")
    with pytest.raises(ArgumentError):
        system.advance(start.copy(), 5, 2)

    load_state = load_state or getattr(system, "load_state", State.from_bytes if start.driver is None else None)
    if load_state is not None:
        half = start.copy()
        system.advance(half, n // 2)
        read = load_state(half.to_bytes())
        assert read.exact() == half.exact(), "a state must survive saving"
        np.testing.assert_array_equal(system.advance(read, n // 2), whole[n // 2 :], "a saved state must continue as the original")

    for bad in NO_SEEDS if seed_errors else ():
        with pytest.raises(seed_errors):
            system.start(bad, position)


def standard_scores(values, truth, batches=16):
    """(mean - truth) / standard error by batch means, of values of shape (chains, draws, k); shape (k,)."""
    chains, draws, k = values.shape
    size = draws // batches
    means = values[:, : size * batches].reshape(chains * batches, size, k).mean(1)
    error = means.std(0, ddof=1) / np.sqrt(len(means))
    return (means.mean(0) - truth) / error


def check_expectations(values, truth, sigmas=5.0):
    """Assert that the means of draws of shape (chains, draws, k) are within so many standard errors of the truth.

    With 64 batches 5 sigma happen once in 2e5 honest checks.
    """
    scores = standard_scores(np.asarray(values, float), np.asarray(truth, float))
    assert np.abs(scores).max() < sigmas, f"means are {scores.round(1)} standard errors from the truth"


def check_invariance(sampler, target, mean, variance, draws=4000, warmup=200, seed=0, **options):
    """Assert that a sampler of a continuous target has its means and variances."""
    trace = sample(target, sampler, draws, warmup=warmup, seed=seed, progress=False, **options)
    x = np.asarray(trace.draws)
    values = np.concatenate([x, (x - mean) ** 2], axis=2)
    check_expectations(values, np.concatenate([mean, variance]))
    return trace
