"""Probes during training, and the experiment that trains deep networks from both sides of the edge."""

import numpy as np
import pytest

from weakchaos.experiments import run
from weakchaos.renormalization import ProbeCallback


def test_the_callback_probes_when_told(rng):
    record = ProbeCallback(rng.normal(size=(8, 20)), np.arange(8) % 2, every=3, directions=2)
    for k in range(7):
        record([rng.normal(size=(20, 20)) * 0.1 * (k + 1) for _ in range(3)])
    assert sorted(record.reports) == [0, 3, 6]
    exponents = [r["exponent"] for r in record.rows()]
    assert exponents[0] < exponents[1]
    assert "c_same" in record.table()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_deep_networks_from_five_starts():
    """Small networks, few epochs: the order of the exponents before, and their fall through training, are as claimed."""
    pytest.importorskip("torch")
    result = run("digits_depth", quick=True)
    before = [r["exponent before"] for r in result.rows]
    assert before == sorted(before)
    assert before[0] < -0.1 < 0.1 < before[-1]
    assert result.rows[0]["exponent after"] > before[0]  # from the ordered side training opens the network
    assert result.rows[-1]["exponent after"] < before[-1]  # from the chaotic side it calms it
    assert all(r["c_same"] > r["c_diff"] for r in result.rows)
    assert result.verdict == "undecided"
