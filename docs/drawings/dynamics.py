"""Pictures of orbits and of series: from order to chaos."""

from importlib import import_module

import numpy as np

import weakchaos as wc
from drawings import IMAGES
from weakchaos.experiments.records import recorded
from weakchaos.plots.recurrence import plot_recurrence


def dials():
    """Gains along five dials from order to chaos, and slopes against measures of complexity, from the recorded full runs."""
    for name in ("chaos_dial", "complexity_and_error"):
        module = import_module(f"weakchaos.experiments.{name}")
        module.present(recorded(name)["data"]).plot(IMAGES / f"{name}.png")


def orbit_diagrams():
    """The logistic map against its rate, and Hamiltonian Monte Carlo on a unit Gaussian against its step size."""
    diagram = wc.diagnostics.orbit_diagram
    diagram(wc.systems.Logistic, np.linspace(2.8, 4.0, 600), label="r").plot(IMAGES / "orbits_logistic.png")
    target = wc.zoo.gaussian([1.0])
    steps = np.linspace(0.05, 2.2, 300)
    found = diagram(
        lambda h: wc.samplers.HMC(h, 10, jitter=0.0).bind(target), steps, label="leapfrog step, standard deviations", steps=500
    )
    found.plot(IMAGES / "orbits_hmc.png")


def recurrence():
    """Recurrence plot of the logistic map just before its window of period 3, and the measures over the radius."""
    system = wc.systems.Logistic(3.8284)
    plot_recurrence(system.advance(system.start(position=[0.3]), 600)[:, 0], radius=0.01, path=IMAGES / "recurrence.png")


def chaos():
    """All panels for the first coordinate of the Lorenz system."""
    system = wc.systems.Lorenz()
    state = system.start(1)
    system.advance(state, 20_000, 20_000)
    x = system.advance(state, 100_000, 20)[:, 0]
    wc.diagnostics.analyse_series(x, dt=0.1, name="Lorenz, x", unit="time unit").plot(IMAGES / "chaos.png")
