"""The experiments on trained cells and on transformer starts: what they need, and that they run."""

import importlib.util
import math

import numpy as np
import pytest

from weakchaos.core.errors import ArgumentError
from weakchaos.experiments import run, trained_recurrence

torch = pytest.importorskip("torch")


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setattr(trained_recurrence, "find_spec", lambda name: None)
    for name in ("silero 16 kHz", "Resemblyzer layer 2"):
        with pytest.raises(ArgumentError, match="pip install --no-deps"):
            trained_recurrence.cell_weights(name)


@pytest.mark.skipif(importlib.util.find_spec("silero_vad") is None, reason="silero-vad is not installed")
@pytest.mark.slow
def test_trained_cells_are_calm_and_shuffled_ones_are_not():
    """Values of an independent program: -0.0316(12) by QR and -0.0303 at the fixed point; shuffled about 0.1."""
    own = trained_recurrence._cell("silero 16 kHz", 0, 2000, 2, 0)
    assert own["leading"] == pytest.approx(-0.0303, abs=5e-4)
    assert own["verdict"] == "ordered"
    null = trained_recurrence._cell("silero 16 kHz", 1, 800, 1, 0)
    assert min(null["exponents"]) > 0.05


def test_starts_of_transformers():
    pytest.importorskip("sklearn")
    state = torch.get_rng_state()
    result = run("token_exponents_and_loss", quick=True)
    assert torch.equal(state, torch.get_rng_state())
    assert len(result.rows) == 4
    assert all(math.isfinite(r["loss"]) and r["transverse"] < r["longitudinal"] for r in result.rows)
    assert result.verdict == "undecided"
    assert np.isfinite(result.panels[0].curves[0].y).all()
