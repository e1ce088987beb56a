"""SALI and GALI: exponential decay at differences of exponents, power laws and plateaus on tori, agreement of both indices."""

import math

import numpy as np
import pytest

from tests.diagnostics.test_spectrum import CAT, Tangent, Twin
from weakchaos import systems
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics.orbits.alignment import gali, sali


def test_cat_map():
    result = gali(systems.ArnoldCat(), steps=16)
    assert result.parameters["rate"] == pytest.approx(-2 * CAT, abs=0.02)
    assert gali(systems.ArnoldCat(), steps=100).parameters["reached"] == pytest.approx(math.log(1e14) / (2 * CAT), abs=2)


@pytest.mark.parametrize("k", [2, 3])
def test_rates_of_the_shift_lattice(k):
    """The exponents are known, so the rate is the sum of their differences from the first."""
    system = systems.CoupledMapLattice(5, 0.3, "shift", 2.0)
    exponents = np.sort(np.log(2.0 * np.abs(1 - 0.3 * (1 - np.cos(2 * np.pi * np.arange(5) / 5)))))[::-1]
    result = gali(system, k, steps=150)
    assert result.parameters["rate"] == pytest.approx(-(exponents[0] - exponents[1:k]).sum(), rel=0.05)


def test_sali_is_gali_2():
    """The area is the sine of the angle a, SALI is 2 sin(a / 2) of the smaller one."""
    area, smaller = gali(systems.Henon(), steps=12, every=1).curve[1], sali(systems.Henon(), steps=12, every=1).curve[1]
    assert np.allclose(np.sin(2 * np.arcsin(smaller / 2)), area, atol=1e-12)


def test_regular_and_chaotic_orbits_of_henon_heiles():
    """On a two-dimensional torus GALI_2 keeps its size and GALI_3, GALI_4 fall like t**-2 and t**-4; in the chaotic sea all vanish."""
    regular, chaotic = systems.HenonHeiles(1 / 12), systems.HenonHeiles(1 / 6)
    assert float(gali(chaotic, steps=10_000)) < 1e-12
    assert gali(chaotic, steps=10_000).parameters["reached"] is not None
    assert min(gali(regular, steps=50_000).curve[1][-300:]) > 0.05
    for k, power in ((3, -2.0), (4, -4.0)):
        times, values = gali(regular, k, steps=50_000).curve
        used = times > 100
        slope = np.polyfit(np.log(times[used]), np.log(values[used]), 1)[0]
        assert slope == pytest.approx(power, abs=0.6)


def test_a_rotation_keeps_volumes():
    assert float(gali(systems.UserMap(lambda u, out: out.__setitem__(slice(None), u[::-1]), 2), steps=50)) == pytest.approx(
        1.0, abs=1e-6
    )


def test_other_systems():
    own = gali(Tangent(), steps=12, every=1)
    assert own.parameters["rate"] == pytest.approx(-2 * CAT, abs=0.05)
    twin = gali(Twin(), steps=5, every=1)
    assert any("twin" in note for note in twin.warnings)


def test_diverging_orbit():
    result = gali(systems.Henon(2.0), steps=100)
    assert "diverged" in result.warnings[0]


def test_bad_input():
    for make in (
        lambda: gali(systems.Henon(), 3),
        lambda: gali(systems.Henon(), 1),
        lambda: gali(systems.Logistic()),
        lambda: sali(systems.Henon(), steps=0),
        lambda: sali(systems.Henon(), transient=-1),
    ):
        with pytest.raises(ArgumentError):
            make()
