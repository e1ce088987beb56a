"""Restricted Boltzmann machines against exact likelihoods; the exact energy of tori against enumeration and sampling."""

import itertools
import math

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.renormalization import (
    RestrictedBoltzmannMachine,
    energy_per_spin,
    exact_energy,
    machine_flow,
    temperature_of_energy,
    train_machine,
)


def enumerated(k, rows, columns):
    s = np.array(list(itertools.product((-1, 1), repeat=rows * columns))).reshape(-1, rows, columns)
    energy = -(s * (np.roll(s, 1, 1) + np.roll(s, 1, 2))).sum((1, 2))
    weight = np.exp(-k * (energy - energy.min()))
    return (weight * energy).sum() / weight.sum() / (rows * columns)


@pytest.mark.parametrize("shape", [(2, 3), (3, 3), (4, 3), (3, 4), (4, 4)])
def test_the_exact_energy_is_that_of_all_states(shape):
    for k in (0.1, 0.3, 0.4406868, 0.45, 0.8):
        assert exact_energy(k, *shape) == pytest.approx(enumerated(k, *shape), abs=1e-9)


def test_the_exact_energy_is_onsagers_for_large_tori():
    assert exact_energy(0.5 * math.log(1 + math.sqrt(2)), 2000) == pytest.approx(-math.sqrt(2), abs=4e-4)
    assert exact_energy(3.0, 32) == pytest.approx(-2, abs=1e-8)
    assert exact_energy(1e-3, 32) == pytest.approx(-2e-3, rel=1e-3)


def test_the_thermometer_reads_what_was_set():
    for t in (1.8, 2.27, 4.0):
        assert temperature_of_energy(exact_energy(1 / t, 16), 16) == pytest.approx(t, rel=1e-8)
    assert temperature_of_energy(0.01, 8) == math.inf
    assert temperature_of_energy(-2.0, 8) == 0
    system = wc.samplers.SwendsenWang().bind(wc.Ising.lattice((8, 8), 1 / 2.5))
    state = system.start(0)
    system.advance(state, 100, 100)
    measured = energy_per_spin(system.advance(state, 4000).reshape(-1, 8, 8))
    assert temperature_of_energy(float(measured.mean()), 8) == pytest.approx(2.5, abs=0.05)


def test_the_likelihood_is_that_of_all_states(rng):
    machine = RestrictedBoltzmannMachine(rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=3))
    p = machine.model().distribution().reshape((2,) * 7).sum((4, 5, 6)).ravel()
    v = np.array(list(itertools.product((0, 1), repeat=4)))
    for i in (0, 5, 15):
        assert machine.log_likelihood(np.repeat(v[i : i + 1], 2, 0)) == pytest.approx(math.log(p[i]), abs=1e-10)
    tall = RestrictedBoltzmannMachine(machine.weights.T, machine.hidden, machine.visible)
    assert np.exp(-tall.free_energy(np.array(list(itertools.product((0, 1), repeat=3))))).sum() == pytest.approx(
        np.exp(-machine.free_energy(v)).sum()
    )


@pytest.mark.parametrize("sampler", [wc.samplers.Gibbs(), wc.herding.HerdedGibbs("full")])
def test_training_raises_the_likelihood_whatever_samples(sampler):
    data = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 1, 0, 0], [0, 1, 1, 1]] * 25)
    machine = train_machine(data, 3, sampler, updates=300, step_size=0.2, seed=3)
    rate = data.mean(0)
    independent = (data * np.log(rate) + (1 - data) * np.log(1 - rate)).sum(1).mean()
    entropy = -(0.5 * math.log(0.5) + 2 * 0.25 * math.log(0.25))
    value = machine.log_likelihood(data)
    assert independent + 0.6 < value < -entropy + 1e-9
    # Negative control: without the model's side of the gradient the likelihood does not get there.
    broken = train_machine(data, 3, sampler, updates=1, step_size=0.2, seed=3)
    assert broken.log_likelihood(data) < value - 0.5


def test_flows(rng):
    spins = np.where(rng.random((100, 4, 4)) < 0.5, 1, -1)
    strong = 6 * np.ones((16, 1))
    machine = RestrictedBoltzmannMachine(strong, -3 * np.ones(16), np.array([-48.0]))
    flow = machine_flow(machine, spins, steps=3)
    assert flow.temperature[0] > 5
    assert flow.energy[-1] < -1.5  # one hidden unit for all aligns everything
    assert flow.magnetisation[-1] > 0.8
    assert flow.spins.shape == (100, 4, 4)


def test_bad_input():
    machine = RestrictedBoltzmannMachine(np.zeros((16, 2)), np.zeros(16), np.zeros(2))
    with pytest.raises(ValueError, match="side\\^2 = 16"):
        machine_flow(machine, np.ones((3, 5, 5)))
    with pytest.raises(ValueError, match="`data` must have shape"):
        train_machine(np.ones(4), 2)
    with pytest.raises(ValueError, match="must hold 0 and 1"):
        train_machine(np.full((4, 4), 3), 2)
    with pytest.raises(ValueError, match="`step_size`"):
        train_machine(np.ones((4, 4)), 2, step_size=0.0)
    with pytest.raises(ValueError, match="at most 20 units"):
        RestrictedBoltzmannMachine(np.zeros((30, 25)), np.zeros(30), np.zeros(25)).log_likelihood(np.zeros((2, 30)))
    with pytest.raises(ValueError, match="`k` must be positive"):
        exact_energy(0.0, 4)
    with pytest.raises(ValueError, match="at least -2"):
        temperature_of_energy(-2.1, 4)
