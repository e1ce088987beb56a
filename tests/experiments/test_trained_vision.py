"""The experiment on a trained vision network: nulls that keep what they say, scaling of known populations, what is said, and what is missing."""

import importlib.util
import math

import numpy as np
import pytest

from tests.experiments.test_verdicts import trained_vision as made
from weakchaos.core.errors import ArgumentError
from weakchaos.core.plain import plain
from weakchaos.experiments import trained_vision


def test_random_phases_keep_the_spectrum_and_colours(rng):
    """All correlations within and between colours are kept; noise keeps mean and variance alone."""
    x = np.cumsum(rng.normal(size=(3, 32, 64)), 2).astype(np.float32) + np.array([0, 3, 9])[:, None, None]
    found = trained_vision.without_content(x, "random phases", rng).astype(float)
    before, after = np.fft.fft2(x.astype(float)), np.fft.fft2(found)
    np.testing.assert_allclose(np.abs(after), np.abs(before), atol=2e-5 * np.abs(before).max())
    np.testing.assert_allclose(after[0] * after[1].conj(), before[0] * before[1].conj(), atol=2e-5 * np.abs(before).max() ** 2)
    assert np.corrcoef(found[0].ravel(), x[0].ravel())[0, 1] < 0.9
    noise = trained_vision.without_content(x, "white noise", rng)
    np.testing.assert_allclose(noise.mean((1, 2)), x.mean((1, 2)), atol=0.15 * x.std())
    np.testing.assert_allclose(noise.std((1, 2)), x.std((1, 2)), rtol=0.1)
    assert abs(np.corrcoef(noise[0, :, 1:].ravel(), noise[0, :, :-1].ravel())[0, 1]) < 0.1


def test_scaling_of_independent_and_of_shared_channels(rng):
    """Independent Gaussian channels: exponent 1, kurtosis 3, dimension about the number of channels; one shared variable: exponent 2, dimension 1."""
    halves = [rng.normal(size=(600, 48)) for _ in range(2)]
    found = trained_vision.scaling(*halves)
    assert found["alpha"] == pytest.approx(1, abs=0.04)
    assert found["kurtosis"] == pytest.approx(3, abs=0.3)
    assert 40 < found["dimension"] < 48
    shared = [rng.normal(size=(600, 1)) + 0.05 * x for x in halves]
    found = trained_vision.scaling(*shared)
    assert found["alpha"] == pytest.approx(2, abs=0.02)
    assert found["dimension"] < 1.1


def test_what_is_said_follows_the_nulls():
    assert (
        "No evidence of criticality: exponents above 1 come with"
        in trained_vision.present(plain(made(alphas=(1.8, 1.4, 1.4)))).closing
    )
    assert "no proof of a critical point" in trained_vision.present(plain(made())).closing
    assert "none against it" in trained_vision.present(plain(made(pairs=2))).closing
    dead = made()
    dead["cells"][0]["alpha"] = math.nan
    assert trained_vision.conclude(plain(dead)).verdict == "undecided"


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setattr(trained_vision, "find_spec", lambda name: None)
    with pytest.raises(ArgumentError, match="pip install onnx onnxruntime"):
        trained_vision.photograph("astronaut.png")
    with pytest.raises(ArgumentError, match="pip install onnx onnxruntime"):
        trained_vision._detector(None)


needed = ("onnx", "onnxruntime", "rapidocr_onnxruntime", "skimage", "sklearn")


@pytest.mark.skipif(any(importlib.util.find_spec(n) is None for n in needed), reason="the detector is not installed")
@pytest.mark.slow
def test_the_detector_and_its_nulls():
    """An independent program on other photographs: 1.5 at the second depth, 1.00(1) for shuffled positions."""
    trained = trained_vision._cell(0, "trained", 2, 0)[1]
    assert 1.3 < trained["alpha"] < 1.6
    assert trained["alpha of shuffled positions"] == pytest.approx(1, abs=0.03)
    shuffled = trained_vision._cell(0, "shuffled weights", 2, 0)[0]
    assert shuffled["alpha"] > 1.45
