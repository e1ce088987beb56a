"""Observables of runs against the states that were drawn, exact sums over all states, and the energy of Kaufman and Onsager."""

import itertools
import math

import numpy as np
import pytest

import weakchaos as wc
from tests.test_conformance import machine, star
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning
from weakchaos.runs.thermodynamics import measure_thermodynamics
from weakchaos.targets.packaged import packaged

TARGETS = {
    "Ising": lambda: wc.Ising.lattice((4, 6), 0.3, field=0.2, coupling=-1.5),
    "Ising at no temperature": lambda: wc.Ising.lattice((4, 3), 0.0, field=0.2),
    "glass": lambda: wc.Ising.glass((3, 4, 2), 0.4, seed=1, kind="gaussian"),
    "kagome": lambda: wc.Ising.lattice((3, 4), 0.4, kind="kagome"),
    "couplings of their own": lambda: wc.Ising(np.array([[0, 0.5, 0], [0.5, 0, -1.0], [0, -1.0, 0]]), [0.1, 0.2, 0.3]),
    "Boltzmann machine": lambda: machine(5),
    "Potts": lambda: wc.Potts.lattice((3, 5), 4, 0.4),
    "Potts honeycomb": lambda: wc.Potts.lattice((3, 2), 3, 0.4, kind="honeycomb", next_nearest=0.5),
    "Potts with fields": lambda: star(4, 3),
    "tables": lambda: packaged("sachs").condition({"PKA": 1}),
}


def slowly(target, x):
    """Energy, magnetisation and structure factor of one state, from its log probability and the places of its units alone."""
    n, beta = len(x), getattr(target, "beta", 1.0)
    symbols = (x - target.readout_shift) // target.readout_step
    if isinstance(target, wc.Ising):
        pairs = target.bare_couplings * x[target.edges[:, 0]] * x[target.edges[:, 1]]
        energy = -(pairs.sum() + target.bare_fields @ x) / n
        if beta:  # the same up to a constant
            base = np.ones(n, int)
            up = -(target.bare_couplings.sum() + target.bare_fields.sum()) / n
            assert energy - up == pytest.approx(-float(target.log_prob(symbols) - target.log_prob(base)) / beta / n)
    else:
        energy = -float(target.log_prob(symbols)) / beta / n
    geometry = getattr(target, "geometry", None)
    wave = None
    if geometry is not None:
        axis = max(range(len(geometry.shape)), key=lambda a: (geometry.shape[a], a))
        wave = np.exp(2j * np.pi * geometry.positions()[:, axis] / geometry.shape[axis])
    if isinstance(target, wc.Potts):
        q = target.q
        each = np.eye(q)[symbols] - 1.0 / q
        m = math.sqrt(q / (q - 1) * (each.mean(0) ** 2).sum())
        factor = None if wave is None else q / (q - 1) * (np.abs(wave @ each) ** 2).sum() / n
    else:
        m, factor = x.mean(), None if wave is None else abs(wave @ x) ** 2 / n
    return [energy, m] if factor is None else [energy, m, factor]


@pytest.mark.parametrize("name", TARGETS)
def test_they_are_those_of_the_draws(name):
    target = TARGETS[name]()
    run = {"draws": 30, "warmup": 5, "chains": 2, "thin": 2, "seed": 3, "progress": False}
    states = wc.sample(target, wc.samplers.Gibbs(), **run).draws
    trace = wc.sample(target, wc.samplers.Gibbs(), record="observables", **run)
    expected = np.array([[slowly(target, x.astype(int)) for x in chain] for chain in states])
    assert trace.draws.shape == expected.shape
    assert np.allclose(trace.draws, expected, atol=1e-12)


@pytest.mark.parametrize(
    "sampler",
    [wc.samplers.Gibbs("checkerboard"), wc.samplers.SwendsenWang(), wc.samplers.Wolff(2), wc.herding.HerdedGibbs(), wc.samplers.ChaoticBoltzmann()],
)  # fmt: skip
def test_every_sampler_of_units_is_measured(sampler):
    target = wc.Ising.lattice((4, 6), 0.3)
    run = {"draws": 50, "warmup": 5, "chains": 2, "seed": 3, "progress": False}
    states = wc.sample(target, sampler, **run)
    trace = wc.sample(target, sampler, record="observables", **run)
    assert np.allclose(trace.draws[..., 1], states.draws.mean(-1))
    assert trace.stats.keys() == states.stats.keys()
    for key, values in states.stats.items():
        assert np.array_equal(trace.stats[key], values)


def test_pieces_change_nothing(monkeypatch):
    target = wc.Ising.lattice((4, 6), 0.3)
    run = {"draws": 100, "warmup": 10, "chains": 1, "seed": 3, "progress": False, "record": "observables", "keep_warmup": True}
    whole = wc.sample(target, **run)
    monkeypatch.setattr("weakchaos.samplers.observables._ENTRIES", 24 * 7)
    parts = wc.sample(target, **run)
    assert np.array_equal(whole.draws, parts.draws)
    assert np.array_equal(whole.warmup, parts.warmup)
    assert whole.warmup.shape == (1, 10, 3)


def test_stores_and_extensions(tmp_path):
    target = wc.Ising.glass((3, 4, 2), 0.4, seed=1)
    run = {"warmup": 10, "chains": 2, "seed": 3, "progress": False, "record": "observables"}
    whole = wc.sample(target, draws=60, **run)
    stored = wc.sample(target, draws=20, store=tmp_path / "run.zarr", **run)
    again = wc.extend(wc.load(tmp_path / "run.zarr"), 40, progress=False)
    assert np.array_equal(np.asarray(again.draws), whole.draws)
    assert stored.names == again.names
    assert again.thermodynamics().measured == whole.thermodynamics().measured
    wc.sample(target, draws=20, **run).save(tmp_path / "run.npz")
    assert np.array_equal(wc.extend(wc.load(tmp_path / "run.npz"), 40, progress=False).draws, whole.draws)


def exact_thermodynamics(target):
    """By the sum over all states."""
    x = np.array(list(itertools.product(*(range(int(c)) for c in target.cardinalities))))
    logs = target.log_prob(x)
    p = np.exp(logs - logs.max())
    p /= p.sum()
    found = np.array([slowly(target, target.readout_shift + target.readout_step * row) for row in x])
    e, m = found[:, 0], found[:, 1]
    beta, n = target.beta, target.dim
    out = {
        "energy": p @ e, "energy^2": p @ e**2, "energy^4": p @ e**4, "|magnetisation|": p @ abs(m), "magnetisation^2": p @ m**2, "magnetisation^4": p @ m**4,
        "structure factor": p @ found[:, 2], "heat capacity": beta**2 * n * (p @ e**2 - (p @ e) ** 2), "susceptibility": beta * n * (p @ m**2 - (p @ m) ** 2),
        "connected susceptibility": beta * n * (p @ m**2 - (p @ abs(m)) ** 2), "Binder cumulant": 1 - (p @ m**4) / (3 * (p @ m**2) ** 2),
    }  # fmt: skip
    ratio = n * out["magnetisation^2"] / out["structure factor"] - 1
    return {**out, "correlation length": math.sqrt(ratio) / (2 * math.sin(math.pi / max(target.geometry.shape)))}


@pytest.mark.parametrize(
    "make",
    [
        lambda: wc.Ising.lattice((3, 4), 0.4),
        lambda: wc.Ising.lattice((2, 5), 0.3, field=0.4),
        lambda: wc.Potts.lattice((2, 3), 3, 0.7),
    ],
)
def test_responses_are_those_of_all_states(make):
    target = make()
    found = wc.sample(target, draws=10_000, warmup=100, record="observables", seed=5, progress=False).thermodynamics()
    assert found.long_enough
    for name, value in exact_thermodynamics(target).items():
        have = found[name]
        assert abs(have.value - value) < 5 * have.error, name
        assert have.error < 0.1 * (1 + abs(value))
    # The negative control: at another temperature nothing agrees.
    other = wc.Ising.lattice((3, 4), 0.5) if isinstance(target, wc.Ising) else wc.Potts.lattice((2, 3), 3, 0.9)
    wrong = exact_thermodynamics(other)
    assert any(abs(found[name].value - value) > 5 * found[name].error for name, value in wrong.items())


def test_heat_capacity_is_the_slope_of_the_energy():
    """``C = -beta^2 d<e>/d beta`` (the fluctuation-dissipation theorem) on 8 x 8 spins, by Kaufman's energies."""
    from weakchaos.renormalization import exact_energy

    slope = -(0.4**2) * (exact_energy(0.401, 8) - exact_energy(0.399, 8)) / 0.002
    found = wc.sample(
        wc.Ising.lattice((8, 8), 0.4), draws=20_000, warmup=200, record="observables", seed=2, progress=False
    ).thermodynamics()
    assert abs(found["heat capacity"].value - slope) < 5 * found["heat capacity"].error
    assert abs(found["energy"].value - exact_energy(0.4, 8)) < 5 * found["energy"].error


def test_errors_know_how_slowly_draws_forget():
    """An AR(1) process of coefficient a has tau = (1 + a) / (1 - a); its jackknife errors agree with the scatter of repeated runs."""
    rng, a, n = np.random.default_rng(0), 0.9, 4000
    target = wc.Ising.lattice((4, 4), 0.3)

    class Recorded:
        record, weights, names = "draws", None, ["energy", "magnetisation"]
        system = type("System", (), {"target": target})

        def __init__(self):
            noise = rng.normal(size=(4, n + 200, 2))
            x = np.zeros_like(noise)
            for t in range(1, n + 200):
                x[:, t] = a * x[:, t - 1] + noise[:, t]
            self.draws = x[:, 200:] * 0.1

    runs = [measure_thermodynamics(Recorded()) for _ in range(40)]
    assert np.median([r["energy"].tau for r in runs]) == pytest.approx(19.0, rel=0.1)
    for name in ("energy", "heat capacity", "Binder cumulant"):
        scatter = np.std([r[name].value for r in runs], ddof=1)
        assert np.mean([r[name].error for r in runs]) == pytest.approx(scatter, rel=0.35), name
    assert all(r.long_enough for r in runs)


def test_a_run_that_is_too_short_says_so():
    target = wc.Ising.lattice((32, 32), 0.4406868)
    with pytest.warns(ConvergenceWarning, match="not mixed"):
        trace = wc.sample(target, draws=200, warmup=200, chains=2, record="observables", seed=1, progress=False)
    found = trace.thermodynamics()
    assert not found.long_enough
    assert "too small" in str(found)


def test_packed_spins_agree():
    target = wc.Ising.lattice((8, 8), 0.35)
    run = {"draws": 8000, "warmup": 100, "record": "observables", "seed": 4, "progress": False}
    one = wc.sample(target, wc.samplers.PackedIsing(), **run).thermodynamics()
    two = wc.sample(target, wc.samplers.Gibbs(), **run).thermodynamics()
    for name in ("energy", "heat capacity", "susceptibility", "Binder cumulant", "structure factor", "correlation length"):
        assert abs(one[name].value - two[name].value) < 5 * math.hypot(one[name].error, two[name].error), name


def test_bad_input():
    target = wc.Ising.lattice((4, 4), 0.3)
    with pytest.raises(ArgumentTypeError, match="discrete target"):
        wc.sample(wc.zoo.gaussian([1.0]), record="observables", progress=False)
    with pytest.raises(ArgumentError, match="single chains"):
        wc.samplers.Observables(wc.samplers.ArrayRQMC(wc.samplers.Gibbs(), 4)).bind(target)
    with pytest.raises(ArgumentTypeError, match="`sampler`"):
        wc.samplers.Observables(3)
    trace = wc.sample(target, draws=20, chains=2, seed=1, progress=False)
    with pytest.raises(ArgumentError, match="record='observables'"):
        trace.thermodynamics()
    found = wc.sample(target, draws=200, record="observables", seed=1, progress=False).thermodynamics()
    with pytest.raises(ArgumentError, match="heat capacity"):
        found["entropy"]
