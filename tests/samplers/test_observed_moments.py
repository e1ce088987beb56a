"""What is known of observables against sums over all states by hand, and comparisons that are judged by it."""

import itertools
import math

import numpy as np
import pytest

import weakchaos as wc
from tests.test_conformance import machine, star
from weakchaos.core.errors import ArgumentError
from weakchaos.core.flags import Kind
from weakchaos.samplers import Gibbs, Observables, PackedIsing, Wolff
from weakchaos.samplers.observed_moments import ObservedMoments
from weakchaos.targets.packaged import packaged

SMALL = {
    "machine": machine(4),
    "Potts": wc.Potts.lattice((2, 3), 3, 0.4),
    "Potts with fields": star(4, 3),
    "kagome": wc.Ising.lattice((2, 2), 0.4, kind="kagome"),
    "tables with evidence": packaged("sachs").condition(dict.fromkeys(("PKA", "PKC", "Raf", "Mek", "Erk"), 0)),
}


def by_hand(target, observe):
    """First and second moments of what a sampler would draw, state by state."""
    total, sums = 0.0, 0.0
    for state in itertools.product(*(range(int(n)) for n in target.cardinalities)):
        if any(state[k] != v for k, v in target.observed.items()):
            continue
        x = np.array([state])
        weight = math.exp(float(target.log_prob(x)[0]))
        values = observe(x)[0]
        if weight > 0.0:
            total += weight
            sums = sums + weight * np.concatenate([values, values**2])
    return sums / total


@pytest.mark.parametrize("name", SMALL)
def test_small_targets_are_summed(name):
    system = Observables(Gibbs()).bind(SMALL[name])
    np.testing.assert_allclose(system.measured.judged_truth(), by_hand(SMALL[name], system._of_states), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("shape", "coupling"), [((4, 4), 1.0), ((2, 4), 0.7), ((3, 5), 2.0), ((4, 4), -1.5), ((2, 6), -1.0)])
@pytest.mark.parametrize("beta", [0.2, 0.44])
def test_kaufman_and_the_sum_agree(shape, coupling, beta):
    target = wc.Ising.lattice(shape, beta, coupling)
    summed, formula = Observables(Gibbs()).bind(target).measured, PackedIsing().bind(target).measured
    assert formula.names == summed.names
    np.testing.assert_allclose(formula.means[:2], summed.means[:2], atol=1e-9)
    assert formula.sds[0] == pytest.approx(summed.sds[0], rel=1e-5)
    assert np.isnan(formula.sds[1:]).all()
    assert np.isnan(formula.means[2])


@pytest.mark.parametrize(
    "target",
    [
        wc.Ising.lattice((5, 5), 0.4, -1.0),  # frustrated
        wc.Ising.lattice((6, 6), 0.4, periodic=False),
        wc.Ising.lattice((3, 3, 3), 0.2),
        wc.Ising.lattice((40,), 0.4),
        wc.Ising.glass((6, 6), 0.5, seed=1),
        wc.Ising.lattice((6, 6), 0.4, kind="triangular"),
        wc.Ising(wc.Ising.glass((6, 6), 0.5, seed=1).couplings()),
    ],
)
def test_what_is_not_known_is_not_claimed(target):
    means = ObservedMoments(target, ["energy", "magnetisation", "structure factor"]).means
    assert np.isnan(means).tolist() == [True, False, True]
    assert means[1] == 0.0


def test_fields_break_the_symmetry():
    names = ["energy", "magnetisation", "structure factor"]
    assert ObservedMoments(wc.Ising.lattice((6, 6), 0.4, field=0.1), names).truth()[0] is None
    assert ObservedMoments(wc.Ising.glass((6, 6), 0.4, seed=2, field=0.1), names).truth()[0] is None
    assert ObservedMoments(wc.Potts.lattice((9, 9), 4, 0.4), names).truth()[0] is None


def test_compare_judges_energies():
    target = wc.Ising.lattice((4, 4), 0.4)
    report = wc.compare(
        target,
        {
            "right": Observables(Gibbs()),
            "packed": PackedIsing(),
        },
        draws=4000,
        repeats=6,
        seed=3,
        cycle_steps=1000,
    )
    assert [row["status"] for row in report.rows] == ["ok"] * 2
    assert "observable" in report.error_kind
    # Judged by the energy of another temperature, the same draws are biased.
    moved = ObservedMoments(wc.Ising.lattice((4, 4), 0.38), ["energy", "magnetisation", "structure factor"])
    wrong = wc.compare(
        target, {"right": Observables(Gibbs())}, draws=4000, repeats=6, seed=3, cycle_steps=1000, truth=[*moved.means]
    )
    flag = next(f for f in wrong.entrants[0].flags if f.kind is Kind.BIASED)
    assert "energy" in flag.sentence


@pytest.mark.slow
def test_a_shift_register_is_named_as_biased():
    """Ferrenberg, Landau and Wong (1992), doi:10.1103/PhysRevLett.69.3382: Wolff's clusters under R250 at the critical point."""
    target = wc.Ising.lattice((16, 16), 0.5 * math.log(1 + math.sqrt(2)))
    entrants = {"R250": (Observables(Wolff()), "r250"), "PCG64": Observables(Wolff())}
    report = wc.compare(target, entrants, draws=600_000, seed=1, cycle_steps=1000)
    kinds = [{flag.kind for flag in entrant.flags} for entrant in report.entrants]
    assert Kind.BIASED in kinds[0]
    assert Kind.BIASED not in kinds[1]


def test_states_and_observables_are_not_compared():
    with pytest.raises(ArgumentError, match=r"`samplers` must all draw states or all draw observables; got 'a'.*'b'"):
        wc.compare(wc.Ising.lattice((3, 3), 0.4), {"a": Gibbs(), "b": Observables(Gibbs())}, draws=200)
    with pytest.raises(ArgumentError, match="6 entries"):
        wc.compare(wc.Ising.lattice((3, 3), 0.4), {"b": Observables(Gibbs())}, draws=200, truth=[0.1, 0.2])
