"""The verdict on chaos in the place of noise follows from the energies, and annealing is that of the sampler's own machine."""

import numpy as np
import pytest

from weakchaos.experiments import chaos_against_noise as experiment
from weakchaos.experiments.conclusion import Verdict
from weakchaos.targets.tempered import path_of

TIMES = [16, 32, 64, 128, 256, 512]


def made(chaos=0.5, gain=0.8, numbers=10, wrong=0.001):
    """Residual energies t**-0.5 of noise and t**-chaos of chaos; tempering leaves `gain` of them; correlations of the chain are `wrong` by so much."""
    rng = np.random.default_rng(1)
    energies = {}
    for kind in (experiment.FERROMAGNET, experiment.GLASS):
        energies[kind] = {}
        for name in experiment.SAMPLERS:
            kappa = chaos if name == experiment.CHAOS else 0.5
            rows = np.array(TIMES, float) ** -kappa * np.exp(0.03 * rng.normal(size=(numbers, len(TIMES))))
            energies[kind][name] = {"annealed": (rows - 1.7).tolist(), "tempered": (gain * rows - 1.7).tolist()}
    least = {kind: [-1.7] * numbers for kind in energies}
    exact = [0.7, 0.6]
    rows = (np.array(exact) + wrong + 0.002 * rng.normal(size=(numbers, 2))).tolist()
    return {
        "parameters": {"times": TIMES, "numbers": dict.fromkeys(energies, numbers)},
        "energies": energies,
        "least": least,
        "correlations": dict.fromkeys(experiment.SAMPLERS, rows),
        "exact correlations": exact,
    }


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        ({}, Verdict.SUPPORTED),
        ({"chaos": 0.1}, Verdict.CONTRADICTED),
        ({"gain": 1.2}, Verdict.CONTRADICTED),
        ({"wrong": 0.1}, Verdict.CONTRADICTED),
        ({"numbers": 4}, Verdict.UNDECIDED),
    ],
    ids=["alike", "another power", "tempering is worse", "another law", "few"],
)
def test_verdict_follows_from_the_numbers(more, verdict):
    conclusion = experiment.conclude(made(**more))
    assert conclusion.verdict == verdict, "\n".join(conclusion.sentences())


def test_exponents_that_do_not_exist():
    kappa, _ = experiment.exponent(np.array(TIMES), -np.ones((4, 6)))
    assert np.isnan(kappa)


@pytest.mark.parametrize("name", experiment.SAMPLERS)
def test_annealing_finds_low_energies(name):
    """A ring of 4 x 4 x 1 ferromagnetic couplings, cold at last: nearly all bonds are satisfied, and a hot machine satisfies half."""
    target = experiment.Ising.lattice((4, 4), 2.0)
    path = path_of(target)
    systems = [experiment.SAMPLERS[name].bind(path.at(beta)) for beta in (0.1, 0.3, 0.6, 1.0)]
    cold = np.mean([experiment._energy(target, experiment.anneal(systems, 200, seed)) for seed in range(5)])
    hot = np.mean(
        [experiment._energy(target, experiment.anneal([experiment.SAMPLERS[name].bind(path.at(1e-3))], 50, s)) for s in range(5)]
    )
    assert cold < -1.6
    assert hot > -0.9
