"""Which models the billiard of the chaotic Boltzmann machine explores, and what is said of those that it does not."""

import numpy as np
import pytest

import weakchaos as wc
from tests.samplers.test_billiards import frozen
from tests.samplers.test_gibbs import machine
from weakchaos.core.errors import ErgodicityWarning
from weakchaos.samplers import ChaoticBoltzmann
from weakchaos.targets.mrf import PairwiseMRF


@pytest.mark.parametrize("make", [lambda: machine(2, 7), lambda: machine(3, 1, 0.2), lambda: machine(5, 2, 0.0), frozen])
def test_non_ergodic_models_are_said_to_be(make):
    with pytest.warns(ErgodicityWarning, match="not ergodic"):
        wc.sample(make(), ChaoticBoltzmann(), draws=10, warmup=0, progress=False)
    wc.sample(
        make(), ChaoticBoltzmann(rates="incommensurate"), draws=10, warmup=0, progress=False
    )  # no warning, which would be an error


def test_ergodic_models_are_not():
    for n in (4, 5, 6):
        found = ChaoticBoltzmann().bind(machine(n, n)).disagreement(range(n))
        assert found.ergodic
        assert found.ratio < 5
        assert found.rate_ratio < 6
        assert abs(found.rate_off) < 5
        assert found.spread < 0.05
    lone = np.zeros((8, 8))
    lone[:7, :7] = machine(7).couplings()  # a single unit runs round by itself, in any phase to the others
    wc.sample(PairwiseMRF(lone, 0.3), ChaoticBoltzmann(), draws=10, warmup=0, progress=False)
    lone[6, :] = lone[:, 6] = 0.0
    with pytest.warns(ErgodicityWarning, match="units 6 and 7"):
        wc.sample(PairwiseMRF(lone, 0.3), ChaoticBoltzmann(), draws=10, warmup=0, progress=False)


def test_compare_flags_two_units():
    report = wc.compare(
        machine(2, 7),
        {"equal": ChaoticBoltzmann(), "incommensurate": ChaoticBoltzmann(rates="incommensurate")},
        draws=10_000,
        repeats=4,
        lyapunov_steps=300,
        cycle_steps=10_000,
    )
    equal, other = report.rows
    assert "not ergodic" in equal["status"]
    assert other["status"] == "ok"
    assert other["slope"] < -0.8
    assert equal["lyapunov"] < 0.05
