"""Cluster updates of the critical Ising model find R250 out, in the experiment and in a comparison."""

import math

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.core.flags import Severity
from weakchaos.experiments import good_generators
from weakchaos.targets.kaufman import exact_energy


def test_energies_of_the_kernel_are_those_of_numpy():
    spins = np.random.default_rng(1).integers(0, 2, (20, 64)).astype(np.int8)
    out = np.empty(20)
    good_generators._energies(spins, 8, out)
    s = 2.0 * spins.reshape(-1, 8, 8) - 1
    assert np.allclose(out, -(s * np.roll(s, 1, 1) + s * np.roll(s, 1, 2)).mean((1, 2)))


def test_the_exact_energy_is_the_published_one():
    assert exact_energy(0.5 * math.log(1 + 2**0.5), 16) == pytest.approx(-1.453065, abs=5e-7)  # Ferrenberg, Landau and Wong 1992


@pytest.mark.slow
def test_r250_is_found_out():
    found = wc.experiments.run("good_generators", quick=True, seed=1)
    z = {row["driver"]: row["z"] for row in found.rows}
    assert z["r250"] < -6
    assert max(abs(z["pcg64"]), abs(z["philox"])) < 3


def test_compare_names_r250_and_not_pcg64():
    model = wc.Ising.lattice((8, 8), beta=0.5 * math.log(1 + 2**0.5))
    entrants = {name: (wc.samplers.Wolff(), name) for name in ("r250", "pcg64")}
    report = wc.compare(model, entrants, draws=2000, repeats=4, truth=np.tile([0.5, 0.5], 64))
    gravest = [entrant.flags[0].severity if entrant.flags else None for entrant in report.entrants]
    assert gravest[0] is Severity.INVALID
    assert gravest[1] is not Severity.INVALID
