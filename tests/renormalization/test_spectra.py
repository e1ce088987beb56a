"""Spectra of recurrent networks and closed loops against theory, determinants and the spectra of known maps."""

import math

import numpy as np
import pytest

from tests.conformance import check_system
from weakchaos.diagnostics import lyapunov_spectrum
from weakchaos.renormalization import LayerStack, closed_loop_spectrum, recurrent_spectrum, recurrent_theory


def couplings(rng, n, gain):
    return gain * rng.normal(size=(n, n)) / math.sqrt(n)


@pytest.mark.parametrize(("gain", "expected", "band"), [(1.5, 0.053, 0.02), (2, 0.146, 0.015), (5, 0.522, 0.025)])
def test_largest_exponents_of_finite_networks(rng, gain, expected, band):
    """A little below the theory of infinite networks; band of two to three networks of 400 units."""
    value = float(recurrent_spectrum(couplings(rng, 400, gain), steps=400, k=3, every=5))
    assert value == pytest.approx(expected, abs=band)
    assert value < recurrent_theory(gain).exponent + 0.012


def test_the_sum_is_the_determinant(rng):
    w = couplings(rng, 30, 1.3)
    spectrum = recurrent_spectrum(w, steps=200, transient=0, initial=np.ones(30), every=3)
    h, total = np.ones(30), 0.0
    for _ in range(198):
        total += np.linalg.slogdet(w)[1] + np.log(1 - np.tanh(h) ** 2).sum()
        h = w @ np.tanh(h)
    assert spectrum.exponents.sum() == pytest.approx(total / 198, abs=1e-8)


def test_silent_networks_are_linear(rng):
    w = couplings(rng, 60, 0.5)
    radius = np.abs(np.linalg.eigvals(w)).max()
    assert float(recurrent_spectrum(w, steps=400, transient=400, k=2)) == pytest.approx(math.log(radius), abs=0.01)


def test_inputs_suppress_chaos(rng):
    """Strong common input pushes tanh into saturation, so that the response is reliable (Molgedey, Schuchhardt and Schuster, PRL 69 (1992) 3717)."""
    w = couplings(rng, 100, 2.0)
    alone = float(recurrent_spectrum(w, steps=300, k=1))
    driven = recurrent_spectrum(w, inputs=4 * rng.normal(size=(400, 100)), k=1)
    assert alone > 0 > float(driven)
    assert driven.parameters["driven"]
    weak = float(recurrent_spectrum(w, inputs=1e-6 * rng.normal(size=(400, 1)), input_weights=np.ones((100, 1)), k=1))
    assert weak > 0


def test_leaky_networks_have_the_exponents_of_continuous_time(rng):
    """dt = leak: per unit time at g = 2 and N = 400 about 0.089 (spread 0.02), below 0.1125 of infinite networks."""
    value = float(recurrent_spectrum(couplings(rng, 400, 2.0), steps=1500, transient=500, k=2, leak=0.1, every=20)) / 0.1
    assert 0.04 < value < 0.125


def test_a_stack_is_a_system(rng):
    layers = [rng.normal(size=(3, 3)) for _ in range(4)]
    check_system(LayerStack(layers, 3))
    stack = LayerStack(layers, 3, "linear")
    product = layers[3] @ layers[2] @ layers[1] @ layers[0]
    eigenvalues = np.sort(np.log(np.abs(np.linalg.eigvals(product))))[::-1] / 4
    assert lyapunov_spectrum(stack, steps=800, every=1).exponents == pytest.approx(eigenvalues, abs=0.02)


def test_the_tangent_of_a_stack_is_its_difference_quotient(rng):
    stack = LayerStack([rng.normal(size=(4, 4)), rng.normal(size=(4, 4))], 4)
    state = stack.start(1)
    vectors = rng.normal(size=(4, 2))
    moved = stack.tangent(state.copy(), 3, vectors)
    for v, m in zip(vectors.T, moved.T, strict=True):
        up, down = state.copy(), state.copy()
        up.phase += 1e-6 * v
        down.phase -= 1e-6 * v
        assert (stack.advance(up, 3)[-1] - stack.advance(down, 3)[-1]) / 2e-6 == pytest.approx(m, rel=1e-5, abs=1e-7)


def test_closed_loops():
    loop = closed_loop_spectrum(lambda x: 4 * x * (1 - x), [0.3], steps=4000)
    assert float(loop) == pytest.approx(math.log(2), abs=0.03)
    contraction = closed_loop_spectrum([np.array([[0.5]]), np.array([[0.5]])], [1.0], steps=50, activation="linear")
    assert float(contraction) == pytest.approx(math.log(0.25), abs=1e-9)  # per pass, not per layer
    # Henon as a network: two exponents.
    henon = closed_loop_spectrum(
        lambda x: np.stack([1 - 1.4 * x[:, 0] ** 2 + x[:, 1], 0.3 * x[:, 0]], 1), [0.1, 0.1], k=None, steps=4000
    )
    assert henon.exponents.sum() == pytest.approx(math.log(0.3), abs=1e-5)


def test_bad_input(rng):
    w = couplings(rng, 10, 1.0)
    with pytest.raises(ValueError, match="finite square"):
        recurrent_spectrum(w[:5])
    with pytest.raises(ValueError, match="`inputs` must be at least"):
        recurrent_spectrum(w, inputs=np.ones((50, 10)))
    with pytest.raises(ValueError, match="`leak`"):
        recurrent_spectrum(w, leak=0.0)
    with pytest.raises(ValueError, match="`inputs` must have shape"):
        recurrent_spectrum(w, inputs=np.ones((300, 2)))
    with pytest.raises(ValueError, match="`bias`"):
        recurrent_spectrum(w, bias=[1.0])
    with pytest.raises(ValueError, match="width 10"):
        LayerStack([w, w[:5]], 10)
    with pytest.raises(TypeError, match="`function` must be callable"):
        closed_loop_spectrum(3, [1.0])
    diverged = recurrent_spectrum(3 * np.eye(10), activation="linear", steps=2000)
    assert "diverged" in diverged.warnings[0]
