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


# Largest eigenvalue where the cell settles, exponent by QR and its standard error, of an independent program (numpy, two or three starts, 2,000 steps);
# and how many of three starts settle here. One start of the first layer of Resemblyzer leads to a second regime, and its third layer does not settle.
TRAINED = {
    "silero 16 kHz": (-0.0303, -0.0316, 0.0012, 3),
    "silero 8 kHz": (-0.0017, -0.0030, 0.0009, 3),
    "Resemblyzer layer 1": (-0.1018, -0.1039, 0.0020, 2),
    "Resemblyzer layer 2": (-0.0043, -0.0055, 0.0024, 3),
    "Resemblyzer layer 3": (math.nan, 0.0046, 0.0030, 0),
}


@pytest.fixture(params=TRAINED)
def trained(request):
    package = "silero_vad" if request.param.startswith("silero") else "resemblyzer"
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    return request.param


@pytest.mark.slow
def test_trained_cells_lie_at_the_edge_or_below(trained):
    settled, by_steps, error, starts = TRAINED[trained]
    own = trained_recurrence._cell(trained, 0, 2000, 3, 0)
    assert own["settled"] == starts
    assert own["verdict"] == ("ordered" if starts == 3 else "undecided")
    found = np.array(own["exponents"])
    if starts:
        found = found[np.abs(found - settled) < 1e-3]
        assert len(found) == starts
    if starts == 3:
        assert own["leading"] == pytest.approx(settled, abs=1e-4)
    # A frame that still turns lowers the exponent by about 0.001 (here half as many steps are thrown away as are counted).
    assert found.mean() == pytest.approx(by_steps, abs=2 * math.hypot(error, found.std(ddof=1) / math.sqrt(len(found))) + 1e-3)


@pytest.mark.slow
def test_the_same_weights_in_shuffled_places_are_chaotic(trained):
    null = trained_recurrence._cell(trained, 1, 800, 1, 0)
    assert min(null["exponents"]) > 0.05
    assert null["verdict"] == "chaotic"


def test_starts_of_transformers():
    pytest.importorskip("sklearn")
    state = torch.get_rng_state()
    result = run("token_exponents_and_loss", quick=True)
    assert torch.equal(state, torch.get_rng_state())
    assert len(result.rows) == 4
    assert all(math.isfinite(r["loss"]) and r["transverse"] < r["longitudinal"] for r in result.rows)
    assert result.verdict == "undecided"
    assert np.isfinite(result.panels[0].curves[0].y).all()
