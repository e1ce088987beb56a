"""Mean-field theory against closed forms, published points and simulated networks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weakchaos.renormalization import activation, mean_field
from weakchaos.renormalization.theory.activations import find_kinks
from weakchaos.renormalization.theory.gaussian import expectation, pair_expectation


def arcsine(q, c):
    """E erf(u) erf(v) (Williams, Neural Computation 10 (1998) 1203, doi:10.1162/089976698300017412)."""
    return 2 / math.pi * math.asin(2 * q * c / (1 + 2 * q))


@given(st.floats(0.01, 200), st.floats(-1, 1))
def test_pairs_of_erf_have_the_arcsine_kernel(q, c):
    theory = mean_field("erf")
    assert theory.pair(q, c) == pytest.approx(arcsine(q, c), abs=1e-12)
    assert theory.moments(q)[0] == pytest.approx(arcsine(q, 1), abs=1e-12)
    # d/dc E f f = q E f' f' (Price)
    assert theory.pair_slope(q, c) == pytest.approx(2 / math.pi * 2 / math.sqrt((1 + 2 * q) ** 2 - (2 * q * c) ** 2), rel=1e-11)


@given(st.floats(0.05, 50), st.floats(-0.999999, 0.999999))
def test_a_user_written_relu_has_the_arc_cosine_kernel(q, c):
    """Cho and Saul, NeurIPS 2009: panels broken at the kink, which nobody declared."""
    own, closed = mean_field(lambda x: np.maximum(x, 0)), mean_field("relu")
    expected = q * (math.sqrt(1 - c * c) + c * (math.pi - math.acos(c))) / (2 * math.pi)
    assert closed.pair(q, c) == pytest.approx(expected, abs=1e-13 * q)
    assert own.pair(q, c) == pytest.approx(expected, abs=1e-10 * q)
    assert own.moments(q) == pytest.approx((q / 2, 0.5, 0.5), rel=1e-9)
    assert closed.pair_slope(q, c) == pytest.approx(own.pair_slope(q, c), abs=1e-9)


def test_gauss_hermite_would_fail_where_panels_do_not():
    z, w = np.polynomial.hermite_e.hermegauss(40)
    hermite = w @ np.tanh(math.sqrt(10) * z) ** 2 / math.sqrt(2 * math.pi)
    panels = float(expectation(lambda z, x: np.tanh(x)[None] ** 2, math.sqrt(10))[0])
    trapezoid = np.linspace(-12, 12, 200_001)
    fine = (np.tanh(math.sqrt(10) * trapezoid) ** 2 * np.exp(-0.5 * trapezoid**2)).sum() * 24 / 200_000
    assert panels == pytest.approx(fine / math.sqrt(2 * math.pi), abs=1e-12)
    assert abs(hermite - panels) > 5e-3


# Critical variances of weights for sigma_b^2 = 0, 0.01, 0.05, 0.1, 0.5, 1, from an independent computation by trapezoids.
CRITICAL = {
    "tanh": (1, 1.42420529, 1.76095464, 1.98607264, 2.84316746, 3.44321091),
    "erf": (math.pi / 4, 1.11428006, 1.37583901, 1.55211786, 2.23365963, 2.71838135),
    "scaled-erf": (1, 1.38430714, 1.68736141, 1.89058934, 2.67114794, 3.22318775),
    "sin": (1, 1.30477326, 1.50207010, 1.61181155, 1.88122536, 1.96117975),
}


@pytest.mark.parametrize("name", CRITICAL)
def test_critical_line(name):
    theory = mean_field(name)
    for sigma_b2, expected in zip((0, 0.01, 0.05, 0.1, 0.5, 1), CRITICAL[name], strict=True):
        assert theory.critical(sigma_b2) == pytest.approx(expected, abs=1e-8)


def test_points_off_the_critical_line():
    theory = mean_field("tanh")
    for sigma_w2, q, chi in (
        (1, 0.19359252, 0.75903165),
        (1.3, 0.31531648, 0.88016351),
        (2.5, 1.06395838, 1.13351570),
        (4, 2.19549393, 1.34240241),
    ):
        point = theory.at(sigma_w2, 0.05)
        assert (point.q, point.chi) == pytest.approx((q, chi), abs=1e-8)
        assert point.lyapunov == pytest.approx(0.5 * math.log(chi), abs=1e-8)
    assert (theory.at(1, 0.05).xi_c, theory.at(1, 0.05).xi_q) == pytest.approx((3.6270, 1.7476), abs=1e-4)
    assert theory.at(1.3, 0.05).xi_c == pytest.approx(7.8341, abs=1e-4)
    assert (theory.at(2.5, 0.05).c, theory.at(2.5, 0.05).xi_c) == pytest.approx((0.44680423, 11.7956), abs=1e-4)
    assert (theory.at(4, 0.05).c, theory.at(4, 0.05).xi_c) == pytest.approx((0.16506496, 6.9803), abs=1e-4)
    assert theory.at(theory.critical(0.05), 0.05).q == pytest.approx(0.57004788, abs=1e-8)


def test_depth_scale_diverges_with_exponent_one():
    theory = mean_field("tanh")
    critical = theory.critical(0.05)
    for distance in (-3e-3, -1e-3, 1e-3, 3e-3):
        assert 4.65 < theory.at(critical + distance, 0.05).xi_c * abs(distance) < 4.75
    assert theory.at(critical - 1e-3, 0.05).xi_c * 1e-3 == pytest.approx(4.6888, abs=1e-4)
    assert theory.at(critical + 1e-3, 0.05).xi_c * 1e-3 == pytest.approx(4.6964, abs=1e-4)


def test_half_stable_points():
    """Roberts, Yaida and Hanin, The Principles of Deep Learning Theory, section 5.3: C_W, C_b and K*."""
    swish, gelu = mean_field("swish").half_stable(), mean_field("gelu").half_stable()
    assert (swish.sigma_w2, swish.sigma_b2, swish.q) == pytest.approx((1.98800468, 0.55514317, 14.320174), abs=1e-6)
    assert (gelu.sigma_w2, gelu.sigma_b2, gelu.q) == pytest.approx((1.98305826, 0.17292239, 3.561553), abs=1e-6)
    assert mean_field("tanh").half_stable() is None


def test_relu_is_exact():
    theory = mean_field("relu")
    assert theory.critical() == 2
    for c, image in ((0, 0.31830989), (0.5, 0.60899778), (0.9, 0.90953840)):
        assert theory.correlation_map(c, 2.0) == pytest.approx(image, abs=1e-8)
    assert theory.at(2.0).phase == "critical"
    assert theory.at(3.0, 0.1).q == math.inf
    with pytest.raises(ValueError, match="must be 0 for relu"):
        theory.critical(0.1)


def test_lengths_at_criticality_decay_like_one_over_twice_the_depth():
    """K_l = 1 / (2 l) for tanh at (1, 0): Roberts, Yaida and Hanin, section 5.3.3."""
    theory, q = mean_field("tanh"), 1.0
    for layer in range(1, 101):
        q = theory.length_map(q, 1.0)
        if layer == 10:
            assert 20 * q == pytest.approx(1.0440, abs=0.15)
    assert 200 * q == pytest.approx(1.0, abs=0.05)


def test_theory_agrees_with_networks(rng):
    """Lengths and stretching of wide networks; the wrong variance must be told apart."""
    n, depth, sigma_w2, sigma_b2 = 400, 12, 2.5, 0.05
    point = mean_field("tanh").at(sigma_w2, sigma_b2)
    lengths, growth = [], []
    for _ in range(3):
        z, v = rng.standard_normal(n), rng.standard_normal(n)
        for layer in range(depth):
            w = rng.standard_normal((n, n)) * math.sqrt(sigma_w2 / n)
            slope = 1 - np.tanh(z) ** 2
            new = w @ (slope * v)
            if layer >= 4:
                growth.append(0.5 * math.log((new @ new) / (v @ v)))
                lengths.append(z @ z / n)
            z, v = w @ np.tanh(z) + rng.standard_normal(n) * math.sqrt(sigma_b2), new / np.linalg.norm(new)
    assert np.mean(lengths) == pytest.approx(point.q, rel=0.06)
    assert np.mean(growth) == pytest.approx(point.lyapunov, abs=0.025)
    assert abs(np.mean(growth) - mean_field("tanh").at(4.0, sigma_b2).lyapunov) > 0.05


def test_classes():
    expected = {
        "linear": "scale-invariant",
        "leaky-relu": "scale-invariant",
        "tanh": "K*=0",
        "sin": "K*=0",
        "swish": "half-stable",
        "gelu": "half-stable",
    }
    assert {k: mean_field(k).universality_class() for k in expected} == expected
    assert mean_field("softplus").universality_class() == "none"


@given(st.lists(st.integers(-500, 500), min_size=1, max_size=3, unique=True))
def test_kinks_are_found(places):
    places = sorted(p / 100 for p in places)
    kinks = find_kinks(lambda x: sum((k + 1) * np.abs(x - p) for k, p in enumerate(places)) + np.sin(x))
    close = np.diff(places)
    if close.size == 0 or close.min() > 0.02:
        assert kinks == pytest.approx(tuple(places), abs=1e-5)
    assert find_kinks(np.tanh) == ()


def test_differences_replace_a_derivative():
    theory = mean_field(lambda x: np.tanh(x) + 0.1 * np.abs(x - 1))
    exact = mean_field(lambda x: np.tanh(x) + 0.1 * np.abs(x - 1), lambda x: 1 / np.cosh(x) ** 2 + 0.1 * np.sign(x - 1), [1.0])
    assert theory.moments(1.7) == pytest.approx(exact.moments(1.7), rel=1e-8)
    assert pair_expectation(np.cos, 2.0, 0.0) == pytest.approx(math.exp(-4), abs=1e-13)


def test_bad_input():
    with pytest.raises(ValueError, match="`activation` must be one of"):
        mean_field("tangens")
    with pytest.raises(TypeError, match="`activation` must be a name or a function"):
        mean_field(3)
    with pytest.raises(ValueError, match="element by element"):
        mean_field(lambda x: x.sum())
    with pytest.raises(ValueError, match="must be finite"):
        mean_field(lambda x: np.where(x > 3, np.nan, x))
    with pytest.raises(ValueError, match="`sigma_w2` must not be negative"):
        mean_field("tanh").at(-1.0)
    with pytest.raises(ValueError, match="`sigma_b2` must be a finite number"):
        mean_field("tanh").critical(math.nan)
    with pytest.raises(ValueError, match="no critical variance"):
        mean_field("softplus").critical(0.0)
    with pytest.raises(ValueError, match="positive finite length"):
        mean_field("relu").correlation_map(0.5, 3.0, 0.1)
    assert activation("silu").name == "swish"
