"""Trainable depth: gradients that are written out, the bisection, and the lengths that the theory gives."""

import numpy as np
import pytest

from weakchaos.experiments import run, trainable_depth
from weakchaos.experiments.trainable_depth import _best_accuracy, _cell, _length, _Network

pytest.importorskip("sklearn")


def test_gradients_are_those_of_automatic_differentiation():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    network = _Network(1.5, 12, 5, rng)
    x, labels = rng.normal(size=(7, 64)).astype(np.float32), rng.integers(0, 10, 7)
    found, right = network.gradients(x, labels)
    held = [torch.tensor(v, requires_grad=True) for v in (network.first, network.hidden, network.last, network.biases, network.out)]
    first, hidden, last, biases, out = held
    z = torch.tanh(torch.tensor(x) @ first + biases[0])
    for k in range(4):
        z = torch.tanh(z @ hidden[k] + biases[k + 1])
    logits = z @ last + out
    torch.nn.functional.cross_entropy(logits, torch.tensor(labels)).backward()
    assert right == int((logits.argmax(1).numpy() == labels).sum())
    for own, other in zip(found, held, strict=True):
        np.testing.assert_allclose(own, other.grad, atol=2e-7)


def test_long_gradients_are_cut():
    rng = np.random.default_rng(3)
    network = _Network(25.0, 16, 12, rng)
    x, labels = rng.normal(size=(8, 64)).astype(np.float32), rng.integers(0, 10, 8)
    size = np.sqrt(sum((g.astype(float) ** 2).sum() for g in network.gradients(x, labels)[0]))
    assert size > trainable_depth._CLIP
    before = [v.copy() for v in (network.first, network.hidden, network.last, network.biases, network.out)]
    network.descend(x, labels)
    after = (network.first, network.hidden, network.last, network.biases, network.out)
    moved = np.sqrt(sum(((a.astype(float) - b) ** 2).sum() for a, b in zip(after, before, strict=True)))
    assert moved == pytest.approx(trainable_depth._STEP * trainable_depth._CLIP, rel=1e-3)


def test_lengths_of_the_theory():
    """Tanh, variance of biases 0.05: values of an independent integration."""
    for start, length in ((0.7, 1.840), (1.0, 3.627), (1.3, 7.834), (2.5, 11.796), (4.0, 6.980)):
        assert _length(start) == pytest.approx(length, abs=6e-4)


def test_starts_are_found_again_in_records():
    """Records keep six digits; the critical start is that of the theory to as many."""
    from weakchaos.experiments.records import _rounded
    from weakchaos.renormalization import mean_field

    assert _rounded(list(trainable_depth._STARTS)) == list(trainable_depth._STARTS)
    assert mean_field("tanh").critical(sigma_b2=0.05) == pytest.approx(trainable_depth._CRITICAL, rel=5e-6)


def test_bisection_brackets_the_depth(monkeypatch):
    monkeypatch.setattr(trainable_depth, "_best_accuracy", lambda s, w, depth, e, seed: 0.9 if depth < 31 else 0.2)
    found = _cell(1.0, 8, 1, (8, 16, 32, 64), 0)
    assert (found["trained"], found["failed"]) == (16, 32)
    assert _cell(1.0, 8, 1, (8, 16), 0)["failed"] is None
    assert _cell(1.0, 8, 1, (40, 50), 0)["trained"] is None


def test_far_from_the_edge_depth_ends_training():
    """A shallow ordered network learns; 15 correlation lengths are too deep for it."""
    assert _best_accuracy(0.8, 48, 4, 6, 0) >= 0.5
    assert _best_accuracy(0.8, 48, 35, 6, 0) < 0.25


def test_a_quick_run_decides_nothing():
    result = run("trainable_depth", quick=True)
    assert result.verdict == "undecided"
    assert [r["sigma_w2"] for r in result.rows] == [0.8, 1.3, 1.761, 2.5, 5.0]
    assert "epochs are needed" in str(result) or "seeds are needed" in str(result)
