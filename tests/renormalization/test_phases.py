"""Grids against single points; other architectures; recurrent theory against published and simulated exponents."""

import math

import numpy as np
import pytest

from weakchaos.renormalization import (
    batch_norm_growth,
    convolution_scales,
    mean_field,
    phase_diagram,
    recurrent_theory,
    residual_flow,
)


@pytest.mark.parametrize("name", ["tanh", "gelu", "hard-tanh", "sin", "relu"])
def test_the_grid_agrees_with_single_points(name, rng):
    w, b = np.linspace(0.1, 5, 23), np.linspace(0, 1, 11)
    theory, diagram = mean_field(name), phase_diagram(name, w, b)
    chaotic = 0
    for j, i in zip(rng.integers(0, 23, 25), rng.integers(0, 11, 25), strict=True):
        point = theory.at(w[j], b[i])
        if math.isinf(point.q):
            assert math.isinf(diagram.q[i, j])
            continue
        assert diagram.q[i, j] == pytest.approx(point.q, rel=1e-5, abs=2e-6)
        assert diagram.chi[i, j] == pytest.approx(point.chi, abs=1e-5)
        assert diagram.c[i, j] == pytest.approx(point.c, abs=2e-3)
        assert 1 / diagram.xi_c[i, j] == pytest.approx(1 / point.xi_c, abs=5e-3)
        chaotic += point.phase == "chaotic"
    assert chaotic > 0 or name in ("relu", "gelu")
    assert np.array_equal(diagram.trainable_depth(), 6 * diagram.xi_c, equal_nan=True)


def test_the_grid_refuses_bad_axes():
    with pytest.raises(ValueError, match="`sigma_w2` must be a one-dimensional array of variances"):
        phase_diagram("tanh", [[1.0]], [0.1])
    with pytest.raises(ValueError, match="`sigma_b2`"):
        phase_diagram("tanh", [1.0], [-0.1])


def test_batch_normalisation_explodes():
    """Growth sqrt(pi / (pi - 1)) for rectifiers (Yang et al., ICLR 2019, arXiv:1902.08129)."""
    assert batch_norm_growth("relu") == pytest.approx(math.sqrt(math.pi / (math.pi - 1)), rel=1e-12)
    assert batch_norm_growth("linear") == pytest.approx(1, rel=1e-12)
    assert batch_norm_growth("tanh") > 1


def test_batch_normalisation_in_a_network(rng):
    n, batch, growth = 300, 300, []
    x, v = rng.standard_normal((batch, n)), rng.standard_normal((batch, n))
    for layer in range(10):
        w = rng.standard_normal((n, n)) * math.sqrt(2 / n)
        h = (x > 0) * x @ w
        dh = ((x > 0) * v) @ w
        mean, sd = h.mean(0), h.std(0)
        z = (h - mean) / sd
        dz = (dh - dh.mean(0) - z * (z * dh).mean(0)) / sd
        if layer >= 3:
            growth.append(0.5 * math.log((dz**2).sum() / (v**2).sum()))
        x, v = z, dz / np.linalg.norm(dz)
    assert math.exp(np.mean(growth)) == pytest.approx(batch_norm_growth("relu"), rel=0.02)


def test_residual_streams_grow_like_the_root_of_depth(rng):
    n, depth, nets, weight = 200, 30, 4, 2.0
    flow = residual_flow("tanh", depth, sigma_w2=weight, sigma_b2=0.3, q=1.0, c=0.5)
    norm, length, corr = np.zeros(depth + 1), np.zeros(depth + 1), np.zeros(depth + 1)
    corr[0], length[0] = 0.5, 1.0
    for _ in range(nets):
        basis = np.linalg.qr(rng.standard_normal((n, 2)))[0].T * np.sqrt(n)
        x, y, v = basis[0], 0.5 * basis[0] + np.sqrt(0.75) * basis[1], rng.standard_normal(n) / np.sqrt(n)
        for layer in range(depth):
            a, b = rng.standard_normal((2, n, n)) / np.sqrt(n)
            a, bias = a * np.sqrt(weight), rng.standard_normal(n) * np.sqrt(0.3)
            slope = 1 - np.tanh(a @ x + bias) ** 2
            x, y, v = x + b @ np.tanh(a @ x + bias), y + b @ np.tanh(a @ y + bias), v + b @ (slope * (a @ v))
            norm[layer + 1] += np.log(np.linalg.norm(v)) / nets
            length[layer + 1] += x @ x / n / nets
            corr[layer + 1] += x @ y / np.sqrt((x @ x) * (y @ y)) / nets
    assert length == pytest.approx(flow.q, rel=0.12)
    assert corr == pytest.approx(flow.c, abs=0.06)
    assert norm[-1] == pytest.approx(flow.log_growth[-1], rel=0.12)
    assert abs(norm[-1] - depth * flow.log_growth[1]) > 2  # nothing like one exponent per layer
    far = residual_flow("tanh", 400).log_growth
    assert far[400] / far[100] == pytest.approx(2, abs=0.25)


def test_convolution_modes():
    """Mode k is damped by the kernel's transform (Xiao et al., ICML 2018, arXiv:1806.05393)."""
    theory = mean_field("tanh")
    k, scales = convolution_scales(theory, 1.3, 0.05, kernel=3, size=32)
    chi = theory.at(1.3, 0.05).chi
    assert np.exp(-1 / scales) == pytest.approx(chi * np.abs(1 + 2 * np.cos(2 * np.pi * k / 32)) / 3, abs=1e-12)
    _, delta = convolution_scales(theory, 1.3, 0.05, kernel=[0, 1, 0])
    assert delta == pytest.approx(theory.at(1.3, 0.05).xi_c)
    with pytest.raises(ValueError, match="`kernel` must be an odd length"):
        convolution_scales(theory, 1.3, 0.05, kernel=4)


def test_recurrent_networks_in_discrete_time():
    for gain, q, exponent in ((1.5, 0.7934, 0.06522), (2, 2.1215, 0.15472), (5, 20.699, 0.53243)):
        theory = recurrent_theory(gain)
        assert (theory.variance, theory.exponent) == pytest.approx((q, exponent), rel=1e-4)
    assert recurrent_theory(0.5).exponent == pytest.approx(math.log(0.5))


@pytest.mark.parametrize(("gain", "exponent"), [(1.1, 0.00371), (1.2, 0.01192), (1.5, 0.04675), (2, 0.11246), (3, 0.23547)])
def test_recurrent_networks_in_continuous_time(gain, exponent):
    """Sompolinsky, Crisanti and Sommers (1988); values by an independent solution of the same equations."""
    assert recurrent_theory(gain, continuous=True).exponent == pytest.approx(exponent, abs=1e-5)


def test_the_published_expansion_holds_only_near_the_transition():
    """lambda = (g - 1)^2 / 2 to leading order."""
    ratios = [recurrent_theory(g, continuous=True).exponent / ((g - 1) ** 2 / 2) for g in (1.1, 1.5)]
    assert ratios == pytest.approx([0.74, 0.37], abs=0.01)


def test_the_autocorrelation_obeys_its_equation():
    theory = recurrent_theory(2.0, continuous=True)
    t, d = theory.times, theory.autocorrelation
    h = t[1] - t[0]
    field = mean_field("tanh")
    for i in (50, 200, 500):
        second = (d[i + 1] - 2 * d[i] + d[i - 1]) / h**2
        assert second == pytest.approx(d[i] - 4 * field.pair(theory.variance, d[i] / theory.variance), abs=2e-4)


def test_recurrent_bad_input():
    with pytest.raises(ValueError, match="`gain` must be positive"):
        recurrent_theory(0.0)
    with pytest.raises(ValueError, match="must vanish at 0"):
        recurrent_theory(2.0, "sigmoid")
    with pytest.raises(ValueError, match="must saturate"):
        recurrent_theory(2.0, "linear", continuous=True)
    assert recurrent_theory(0.9, continuous=True).exponent == pytest.approx(-0.1)
