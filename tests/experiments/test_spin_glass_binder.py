"""The verdict on the spin glass transition follows from the overlaps."""

import numpy as np
import pytest

from weakchaos.experiments import spin_glass_binder as experiment
from weakchaos.experiments.conclusion import Verdict

T = np.linspace(1.0, 2.0, 9)


def made(shift, samples=60, noise=0.02):
    """Moments whose cumulants are 0.75 - 0.05 L (T - Tc) for a critical temperature that is `shift` from 1.1."""
    rng = np.random.default_rng(1)
    sides = {}
    for side in (4, 6, 8):
        g = 0.75 - 0.05 * side * (T - 1.1 - shift)
        second = 0.3 * np.exp(noise * rng.normal(size=(samples, T.size)))
        fourth = (3.0 - 2.0 * g) * second.mean(0) ** 2 * np.exp(0.1 * noise * rng.normal(size=(samples, T.size)))
        sides[str(side)] = {
            "second": second.tolist(),
            "fourth": fourth.tolist(),
            "halves": [[[0.3] * T.size] * 2] * samples,
            "trips": [5.0] * samples,
        }
    return {"parameters": {"temperatures": T.tolist()}, "sides": sides}


@pytest.mark.parametrize(
    ("shift", "samples", "verdict"),
    [(0.0, 60, Verdict.SUPPORTED), (-0.6, 60, Verdict.CONTRADICTED), (0.4, 60, Verdict.CONTRADICTED), (0.0, 6, Verdict.UNDECIDED)],
    ids=["Tc = 1.1", "below all", "Tc = 1.5", "few couplings"],
)
def test_verdict_follows_from_the_numbers(shift, samples, verdict):
    conclusion = experiment.conclude(made(shift, samples))
    assert conclusion.verdict == verdict, "\n".join(conclusion.sentences())


def test_cumulant_of_gaussians_and_of_two_values():
    q = np.random.default_rng(0).normal(size=(200_000, 1))
    assert abs(experiment.binder(q**2, q**4)[0]) < 0.03
    assert experiment.binder(np.ones((3, 1)), np.ones((3, 1)))[0] == 1.0


def test_crossing():
    assert np.isnan(experiment.crossing(T, np.zeros(9), T))
    assert experiment.crossing(T, np.zeros(9), 1.3 - T) == pytest.approx(1.3)


def test_a_cell_is_that_of_its_couplings_and_cumulants_fall_with_temperature():
    cell = experiment._cell(3, 1, 0, 150, (0.8, 1.5, 6.0))
    assert cell == experiment._cell(3, 1, 0, 150, (0.8, 1.5, 6.0))
    assert cell["second"][0] > cell["second"][2]
    # Nearly free spins: <q^2> = 1 / n, a little more as they are coupled.
    assert 1 / 27 < cell["second"][2] < 4 / 27
    assert cell["trips"] > 0
