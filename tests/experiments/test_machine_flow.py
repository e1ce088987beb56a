"""The flow of a trained machine narrows from both sides; that of an untrained one ends in noise."""

import numpy as np

from weakchaos.experiments import run
from weakchaos.experiments.machine_flow import configurations
from weakchaos.renormalization import RestrictedBoltzmannMachine, machine_flow


def test_the_flow_comes_from_both_sides():
    result = run("machine_flow", quick=True)
    ends = [r["after 20"] for r in result.rows]
    assert ends[0] > 1.5
    assert ends[-1] < 5
    assert result.verdict == "undecided"  # one machine, barely trained
    assert np.isfinite(result.panels[0].curves[0].y).all()
    untrained = RestrictedBoltzmannMachine(np.zeros((64, 4)), np.zeros(64), np.zeros(4))
    assert machine_flow(untrained, configurations(1.0, 200, 0).reshape(-1, 8, 8), 2).temperature[-1] > 20
