"""Sampler and stream as one system: what `compare` says of their coupling, entropy and memory, and the exact periods under a generator of short period."""

import math

import numpy as np
import pytest

import weakchaos as wc
from tests.samplers.test_gibbs import machine
from weakchaos.core.errors import ArgumentTypeError
from weakchaos.diagnostics import find_cycle
from weakchaos.reports.compare.columns import COLUMNS
from weakchaos.reports.compare.compare_page import _columns, reproduction
from weakchaos.reports.compare.joint import (
    autocorrelation,
    coupling_time,
    determinism,
    spectrum_of_state,
    stream_discrepancy,
    stream_entropy,
)
from weakchaos.samplers import HMC, GaussianGibbs, Gibbs

SEED = np.random.SeedSequence(4)


def test_rows_hold_the_joint_columns_and_the_table_stays_narrow():
    report = wc.compare(machine(4), {"Gibbs": Gibbs(), "herded": wc.herding.HerdedGibbs()}, draws=4000, repeats=4)
    gibbs, herded = report.rows
    assert gibbs["stream_entropy"] == pytest.approx(math.log(2), abs=0.01)
    assert 1 <= gibbs["coupling_time"] < 200
    assert herded["stream_entropy"] is herded["coupling_time"] is None
    assert herded["autocorrelation"] < gibbs["autocorrelation"]  # herding visits what it has not seen
    assert sum(c.page_only and not c.asked for c in COLUMNS) == 3
    assert max(map(len, report.table().splitlines())) < 125
    assert "autocorrelation" not in report.table()


def test_more_columns_on_request(tmp_path):
    target, samplers = wc.zoo.correlated_gaussian(0.5), {"Gibbs": GaussianGibbs(), "HMC": HMC(0.5, 3)}
    plain = wc.compare(target, samplers, draws=2000, repeats=4)
    report = wc.compare(target, samplers, draws=2000, repeats=4, joint=True)
    gibbs, hmc = report.rows
    more = {"determinism", "stream_discrepancy", "spectrum"}
    timed = {"ns_per_draw", *more}
    for row, old in zip(report.rows, plain.rows, strict=True):
        assert set(row) - set(old) == more
        assert {k: v for k, v in row.items() if k not in timed} == {k: v for k, v in old.items() if k not in timed}
    assert 0.0 < gibbs["determinism"] < 0.5
    assert hmc["stream_discrepancy"] == pytest.approx(1.0, abs=0.7)
    assert gibbs["spectrum"][0] == pytest.approx(math.log(0.25), abs=1e-6)  # a sweep contracts by the square of the correlation
    assert {c.key for c in _columns(report)} - {c.key for c in _columns(plain)} == more
    assert "joint=True" in reproduction(report)
    assert "joint" not in reproduction(plain)
    assert "discrepancy of stream" in report.to_html(tmp_path / "report.html").read_text(encoding="utf-8")
    with pytest.raises(ArgumentTypeError, match="`joint` must be True or False"):
        wc.compare(target, samplers, draws=2000, repeats=4, joint="all")


def test_determinism_tells_order_from_noise():
    noise = np.random.default_rng(1).normal(size=(1000, 2))
    turn = np.arange(1000) * (math.sqrt(5) - 1) / 2
    circle = np.stack([np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)], 1)
    assert determinism(circle) > 0.8
    assert determinism(noise) < 0.2
    assert determinism(np.zeros((100, 2), int)) is None
    assert determinism(np.random.default_rng(1).integers(0, 2**60, (500, 1))) is None  # no two are equal


def test_discrepancy_of_streams():
    """1 for independent numbers; far less for a net, far more for a generator whose numbers lie in few places."""
    free = wc.zoo.gaussian([1.0, 2.0])
    found = {
        name: stream_discrepancy(GaussianGibbs().bind(free, name), SEED)
        for name in ("pcg64", "sobol-2", wc.drivers.Lattice(2, 10), "cud-10")
    }
    assert found["pcg64"] == pytest.approx(1.0, abs=0.7)
    assert max(found["sobol-2"], found[wc.drivers.Lattice(2, 10)]) < 0.3
    assert found["cud-10"] < 0.5
    coupled = Gibbs().bind(machine(4), "golden")
    assert stream_discrepancy(coupled, SEED) > 2  # four successive numbers of a rotation lie on lines
    assert stream_discrepancy(wc.herding.HerdedGibbs().bind(machine(4)), SEED) is None
    assert stream_discrepancy(wc.samplers.Slice().bind(free), SEED) == pytest.approx(1.0, abs=0.7)


def test_spectra_where_there_are_tangents():
    system = wc.samplers.PermutationGibbs().bind(machine(3))
    found = spectrum_of_state(system, SEED)
    assert len(found) == 3
    assert np.abs(found).max() < 0.2  # it keeps volume and part neighbours slower than exponentially
    assert spectrum_of_state(Gibbs().bind(machine(3)), SEED) is None


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_coupling_of_normal_variables_takes_as_long_as_their_contraction(rho):
    """Distances shrink by rho**2 a sweep, so a millionth is reached after log(1e-6) / log(rho**2) sweeps, and a few more or less for where chains start."""
    system = GaussianGibbs().bind(wc.zoo.correlated_gaussian(rho))
    draws = system.advance(system.start(0), 1000)
    found = coupling_time(system, SEED, draws, 4096)
    expected = 1 if rho == 0 else math.log(1e-6) / math.log(rho**2)
    assert found == pytest.approx(expected, abs=0 if rho == 0 else 3 / -math.log(rho))


def test_coupling_is_that_of_a_slow_walk():
    system = Gibbs().bind(machine(4))
    a, b = system.start(SEED), system.start(np.random.SeedSequence(4, spawn_key=(0xC0,)))
    b.driver = a.driver.copy()
    equal = [bool((system.advance(a, 1) == system.advance(b, 1)).all()) for _ in range(600)]
    expected = 1 + max((t + 1 for t, same in enumerate(equal) if not same), default=0)
    assert coupling_time(system, SEED, np.zeros((2, 4)), 600) == expected


def test_chains_that_stay_apart_do_not_couple():
    system = HMC(0.1, 1).bind(wc.zoo.gaussian_mixture([[-30.0], [30.0]]))
    assert coupling_time(system, SEED, np.array([[-30.0], [30.0]]), 2000) is None


def test_entropy_of_streams():
    target = machine(4)
    rates = {
        name: stream_entropy(Gibbs().bind(target, name), SEED) for name in ("pcg64", "golden", "cat", "hyperbolic-torus", "cud-12")
    }
    assert rates["golden"] < 0.15 < rates["hyperbolic-torus"]
    assert all(rates[name] == pytest.approx(math.log(2), abs=0.02) for name in ("pcg64", "cud-12"))
    assert stream_entropy(wc.herding.HerdedGibbs().bind(target), SEED) is None


def test_autocorrelation():
    x = np.cumsum(np.random.default_rng(0).normal(size=(5, 1)))[:, None]
    centred = x - x.mean()
    assert autocorrelation(x) == pytest.approx(float((centred[1:] * centred[:-1]).mean() / (centred**2).mean()))
    assert autocorrelation(np.ones((10, 2))) is None
    assert autocorrelation(np.array([[np.nan]] * 10)) is None


@pytest.mark.parametrize(
    ("sampler", "target"),
    [
        (Gibbs(), machine(4)),
        (Gibbs("random"), machine(3)),
        (HMC(0.5, 3), wc.zoo.gaussian([1.0, 1.0, 1.0])),
        (GaussianGibbs(), wc.zoo.correlated_gaussian(0.5)),
        (wc.samplers.MALA(0.8), wc.zoo.gaussian([1.0, 1.0])),
        (wc.samplers.NUTS(0.5), wc.zoo.gaussian([1.0, 1.0])),
        (wc.samplers.Langevin(0.3), wc.zoo.gaussian([1.0, 1.0])),
        (wc.samplers.SwendsenWang(), wc.Ising.lattice((3, 3), 0.3)),
        (wc.samplers.Wolff(), wc.Ising.lattice((3, 3), 0.3)),
    ],
    ids=lambda c: type(c).__name__,
)
def test_joint_orbits_under_a_generator_of_short_period_are_exactly_periodic(sampler, target):
    """The congruential generator of period 2**16: the joint orbit comes back after the period that is found, to the last bit, and after no part of it.

    Samplers whose steps do not contract (random walks) are periodic, too, as their states are finitely many, but after longer than can be waited for.
    """
    system = sampler.bind(target, "toy-lcg")
    cycle = find_cycle(system, seed=1, max_steps=2_000_000)
    assert cycle.period is not None
    state = system.start(1)
    system.advance(state, cycle.preperiod, max(cycle.preperiod, 1))
    at = state.exact()
    parts = {cycle.period // p for p in (2, 3, 5, 7, 11, 13) if cycle.period % p == 0}
    made = 0
    for n in sorted(parts):
        system.advance(state, n - made, n - made)
        made = n
        assert state.exact() != at
    system.advance(state, cycle.period - made, cycle.period - made)
    assert state.exact() == at
    uniforms = system.uniforms_per_step
    if uniforms is not None:  # the generator itself comes back then, so the joint period is a multiple of its own in steps
        assert cycle.period * uniforms % 2**16 == 0
