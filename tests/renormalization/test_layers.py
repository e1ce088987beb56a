"""Layers against their closed forms, and a probe against both."""

import math

import numpy as np
import pytest

from weakchaos.renormalization import LayerStack, convolution_scales, depth_spectrum, layers, mean_field, probe
from weakchaos.renormalization.layers.binary import _PAULI


def random_state(rng, shape, size=0.5):
    return size * np.tanh(rng.normal(size=shape))


CASES = {
    "dense": (lambda: layers.Dense.random(12, 1.5, 0.1), (3, 12)),
    "convolution": (lambda: layers.Convolution.random(3, 3, 1.5, 0.1), (3, 3, 7)),
    "residual": (lambda: layers.Residual.random(12, activation="erf"), (3, 12)),
    "batch norm": (lambda: layers.BatchNorm.random(12, "tanh"), (6, 12)),
    "attention": (lambda: layers.Attention.random(5, 4.0), (2, 4, 5)),
    "attention with a residual": (lambda: layers.Attention.random(5, 4.0, residual=True), (2, 4, 5)),
    "graph": (lambda: layers.GraphConvolution.random(layers.GraphConvolution.ring(6), 4, 1.5, 0.1), (2, 6, 4)),
    "p4": (lambda: layers.P4Convolution.random(2, 3, 1.5, 0.1), (2, 2, 4, 5, 5)),
    "exponential": (lambda: layers.ConvolutionExponential.random(9, 0.7), (2, 9)),
    "binary": (lambda: layers.BinaryLayer.random(9, 0.8), (2, 9)),
    "quantum": (lambda: layers.QuantumLayer.turned(layers.BinaryLayer.random(9, 0.8).weight, 0.4), (2, 9)),
}


@pytest.mark.parametrize("name", CASES)
def test_linearisations_are_difference_quotients(name, rng):
    make, shape = CASES[name]
    layer, x, v = make(), random_state(rng, shape), rng.normal(size=shape)
    h = 1e-6
    quotient = (layer(x + h * v) - layer(x - h * v)) / (2 * h)
    assert layer.jvp(x, v) == pytest.approx(quotient, rel=2e-6, abs=2e-7)
    assert probe([layer] * 2, x).chi[0] > 0


def test_dense_and_convolutional_layers_follow_the_theory(rng):
    point = mean_field("tanh").at(2.5, 0.05)
    dense = [layers.Dense.random(300, 2.5, 0.05, seed=k) for k in range(12)]
    assert dense[0].theory() == point
    report = probe(dense, rng.normal(size=(8, 300)))
    assert np.mean([r["q"] for r in report.rows[4:]]) == pytest.approx(point.q, rel=0.06)
    assert report.lyapunov[4:].mean() == pytest.approx(point.lyapunov, abs=0.03)
    convolutions = [layers.Convolution.random(60, 3, 2.5, 0.05, seed=k) for k in range(12)]
    report = probe(convolutions, rng.normal(size=(4, 60, 12)))
    assert np.mean([r["q"] for r in report.rows[4:]]) == pytest.approx(point.q, rel=0.1)
    assert report.chi[4:].mean() == pytest.approx(point.chi, rel=0.05)


def test_waves_in_convolutions_die_by_their_wavelength(rng):
    """Differences that vary like mode k shrink per layer by chi times the transform of the kernel's variances, on the mean square."""
    sites, k = 16, 3
    point = mean_field("tanh").at(1.3, 0.05)
    ratios = []
    for seed in range(40):
        layer = layers.Convolution.random(80, 3, 1.3, 0.05, seed=seed)
        z = np.repeat(rng.normal(size=(1, 80, 1)) * math.sqrt(point.q), sites, axis=2)  # the same at all sites
        wave = rng.normal(size=(1, 80, 1)) * np.cos(2 * np.pi * k * np.arange(sites) / sites)
        out = layer.jvp(z, wave)
        spectrum = np.abs(np.fft.rfft(out, axis=2)) ** 2
        assert np.delete(spectrum, k, axis=2).max() < 1e-18
        ratios.append((out**2).sum() / (wave**2).sum())
    # Independent weights at each offset add in the mean square, whatever k is ...
    assert np.mean(ratios) == pytest.approx(point.chi, rel=0.08)
    # ... and it is the correlation between inputs, not the difference in one net, that has its own scale for each mode.
    _, scales = convolution_scales("tanh", 1.3, 0.05, kernel=3, modes=[0, k], size=sites)
    assert scales[1] < scales[0] == pytest.approx(point.xi_c)


def test_batch_normalised_stacks_explode(rng):
    stack = [layers.BatchNorm.random(200, "relu", seed=k) for k in range(8)]
    z, v, growth = rng.normal(size=(200, 200)), rng.normal(size=(200, 200)), []
    for layer in stack:
        moved = layer.jvp(z, v)
        growth.append(math.sqrt((moved**2).sum() / (v**2).sum()))
        z, v = layer(z), moved / np.linalg.norm(moved)
    assert np.exp(np.log(growth[3:]).mean()) == pytest.approx(layers.BatchNorm.random(5).growth(), rel=0.03)


def test_equal_tokens_stay_equal_and_differences_between_them_die():
    for residual in (False, True):
        layer = layers.Attention.random(6, 3.0, residual=residual, seed=2)
        same = np.repeat(np.random.default_rng(0).normal(size=(1, 1, 6)), 4, axis=1)
        jacobian = np.array([layer.jvp(same, e.reshape(1, 4, 6)).ravel() for e in np.eye(24)]).T
        singular = np.linalg.svd(jacobian, compute_uv=False)
        assert singular == pytest.approx(np.exp(layer.exponents_of_equal_tokens(4)), abs=1e-10)
    # Rank collapse: without the residual connection the distance between tokens falls faster than exponentially.
    x = np.random.default_rng(1).normal(size=(1, 4, 6))
    plain = layers.Attention.random(6, 1.0, seed=2)
    distances = []
    for _ in range(3):
        x = plain(x)
        x /= np.abs(x).max()
        distances.append(np.ptp(x, axis=1).max())
    assert distances[2] / distances[1] < distances[1] / distances[0] < 0.5


@pytest.mark.parametrize(("networks", "band"), [(3, 0.03), pytest.param(24, 0.01, marks=pytest.mark.slow)])
def test_graph_modes(networks, band, rng):
    """Exponents of the modes of a ring of 30 nodes about the state with all nodes alike; one network of this width is off by 0.012."""
    for sigma_w2 in (1.5, 3.0):
        propagation = layers.GraphConvolution.ring(30)
        measured = {1: [], 3: [], 6: []}
        for seed in range(networks):
            z = None
            waves = {k: np.cos(2 * np.pi * k * np.arange(30) / 30) for k in measured}
            vectors = {k: waves[k][:, None] * rng.normal(size=(1, 600)) for k in measured}
            for depth in range(24):
                layer = layers.GraphConvolution.random(propagation, 600, sigma_w2, 0.05, seed=[seed, depth])
                z = np.repeat(rng.normal(size=(1, 1, 600)), 30, axis=1) * math.sqrt(layer.theory().q) if z is None else z
                for k in measured:
                    moved = layer.jvp(z, vectors[k][None])[0]
                    if depth >= 6:
                        measured[k].append(math.log(np.linalg.norm(moved) / np.linalg.norm(vectors[k])))
                    vectors[k] = moved / np.linalg.norm(moved)
                z = layer(z)
        exponents = layer.theory().lyapunov + np.log([(1 + 2 * math.cos(2 * math.pi * k / 30)) / 3 for k in measured])
        for k, expected in zip(measured, exponents, strict=True):
            assert np.mean(measured[k]) == pytest.approx(expected, abs=band)
            assert np.isclose(layer.mode_exponents(), expected).sum() == 2  # k and -k
    assert layer.mode_exponents()[0] == pytest.approx(layer.theory().lyapunov)
    path = layers.GraphConvolution.mean_of_neighbours([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    assert path.sum(1) == pytest.approx(1)


def test_group_convolutions_commute_with_the_group(rng):
    layer = layers.P4Convolution.random(3, 3, 1.7, 0.05)
    x, v = rng.normal(size=(1, 3, 4, 6, 6)), rng.normal(size=(1, 3, 4, 6, 6))
    for move in (layer.turn, lambda y: layer.shift(y, 2, 5)):
        assert np.allclose(layer(move(x)), move(layer(x)), atol=1e-12)
        assert np.allclose(layer.jvp(move(x), move(v)), move(layer.jvp(x, v)), atol=1e-12)
    # Negative control: a kernel that is not moved on with the turn does not commute.
    broken = layers.P4Convolution(layer.kernel, layer.bias, layer.phi)
    object.__setattr__(broken, "_oriented", lambda r: np.rot90(layer.kernel, r, axes=(3, 4)))
    assert not np.allclose(broken(layer.turn(x)), layer.turn(broken(x)), atol=1e-3)


def test_exponents_of_group_convolutions_come_in_multiplets(rng):
    layer = layers.P4Convolution.random(2, 3, 1.7)
    for k in ((0.7, 0.2), (1.3, -2.0)):
        singular = [np.linalg.svd(layer.block(*m), compute_uv=False) for m in (k, (-k[1], k[0]), (-k[0], -k[1]), (k[1], -k[0]))]
        assert all(s == pytest.approx(singular[0], abs=1e-12) for s in singular)
        assert np.linalg.svd(layer.block(k[0], k[1] + 0.3), compute_uv=False) != pytest.approx(singular[0], abs=1e-3)
    # All momenta together are the Jacobian at the silent state.
    side, zero = 3, np.zeros((1, 2, 4, 3, 3))
    jacobian = np.array([layer.jvp(zero, e.reshape(zero.shape)).ravel() for e in np.eye(72)]).T
    momenta = 2 * np.pi * np.arange(side) / side
    blocks = np.concatenate([np.linalg.svd(layer.block(a, b), compute_uv=False) for a in momenta for b in momenta])
    assert np.sort(np.linalg.svd(jacobian, compute_uv=False)) == pytest.approx(np.sort(blocks), abs=1e-10)
    assert (blocks**2).sum() / 72 == pytest.approx(1.7, rel=0.35)


@pytest.mark.parametrize("gain", [0.25, 0.5, 1.0, 1.5])
def test_the_convolution_exponential_is_supercritical(gain):
    """chi = I0(2 g) within 1 %, sum of exponents = trace to 1e-8, and a skew generator is a rotation."""
    dense = [layers.ConvolutionExponential.random(500, gain, seed=k) for k in range(4)]
    chi = np.mean([(layer.matrix**2).sum() / 500 for layer in dense])
    assert chi == pytest.approx(layers.ConvolutionExponential.mean_stretching(gain), rel=0.01)
    small = layers.ConvolutionExponential.random(40, gain)
    spectrum = depth_spectrum([small], np.zeros((1, 40)))
    assert spectrum.qr_exponents.sum() == pytest.approx(small.log_determinant(), abs=1e-8)
    assert spectrum.log_singular_values.sum() == pytest.approx(np.trace(small.generator), abs=1e-8)
    skew = layers.ConvolutionExponential.random(40, gain, skew=True)
    assert probe([skew], np.ones((2, 40))).chi == pytest.approx([1.0], abs=1e-12)


def test_the_convolution_exponential_of_a_ring(rng):
    layer = layers.ConvolutionExponential.ring([0.2, 0.3, -0.1, 0.0, 0.05], 64)
    x = rng.normal(size=(2, 64))
    assert layer.inverse(layer(x)) == pytest.approx(x, abs=1e-10)
    sign, log = np.linalg.slogdet(layer.matrix)
    assert sign > 0
    assert log == pytest.approx(64 * 0.2, abs=1e-8)
    assert np.allclose(layer(np.roll(x, 3, 1)), np.roll(layer(x), 3, 1))


def test_probabilistic_convolutions_damp_by_momentum(rng):
    sites, channels = 32, 200
    layer = layers.ProbabilisticConvolution.random(channels, 1.4, drift=0.4, diffusion=0.8)
    exact = layer.mode_exponents(sites)
    for k in (0, 2, 5):
        wave = np.cos(2 * np.pi * k * np.arange(sites) / sites)
        mean = rng.normal(size=(1, channels, 1)) * wave
        state = np.stack([mean, np.ones_like(mean)], 1)
        out = layer(state)[:, 0]
        assert math.log(np.linalg.norm(out) / np.linalg.norm(mean)) == pytest.approx(exact[k], abs=0.08)
    assert exact[0] == pytest.approx(0.5 * math.log(1.4))
    # Drift moves by whole sites exactly; diffusion keeps the sum of the mean and sharpens no variance.
    drifted = layers.ProbabilisticConvolution(np.eye(1), drift=3.0, diffusion=0.0)
    bump = np.zeros((1, 2, 1, 9))
    bump[0, :, 0, 4] = 1
    assert drifted(bump) == pytest.approx(np.roll(bump, -3, axis=-1), abs=1e-12)
    spread = layers.ProbabilisticConvolution(np.eye(1), drift=0.0, diffusion=1.5)(bump)
    assert spread[0, 0].sum() == pytest.approx(1)
    assert spread[0, 1] == pytest.approx(
        layers.ProbabilisticConvolution(np.eye(1), 0.0, 1.5).kernel(9)[None, (np.arange(9) - 4) % 9] ** 2, abs=1e-12
    )


def test_rectified_moments(rng):
    layer = layers.ProbabilisticConvolution(np.eye(1), 0.0, 0.0, rectify=True)
    state = np.array([[[[0.3]], [[0.7]]]])
    sample = np.maximum(rng.normal(0.3, math.sqrt(0.7), 400_000), 0)
    assert layer(state).ravel() == pytest.approx([sample.mean(), sample.var()], abs=0.006)
    sure = layer(np.array([[[[0.3]], [[0.0]]]]))
    assert sure.ravel() == pytest.approx([0.3, 0.0])


@pytest.mark.parametrize("a", [0.5, 0.9, 1.0])
def test_binary_layers_are_always_ordered(a, rng):
    """The exponent tends to 0.5 ln(2 a^2 / pi), within 0.004: mean over layers and directions of wide layers."""
    n, growth = 1000, []
    for seed in range(8):
        layer = layers.BinaryLayer.random(n, a, seed=seed)
        v = rng.normal(size=(20, n))
        growth.append(0.5 * np.log((layer.jvp(np.zeros((20, n)), v) ** 2).sum(1) / (v**2).sum(1)).mean())
    assert np.mean(growth) == pytest.approx(layers.BinaryLayer.exponent(a), abs=0.004)
    m = np.full((1, n), 0.5)
    for seed in range(6):
        m = layers.BinaryLayer.random(n, a, seed=seed)(m)
    assert np.abs(m).mean() < 0.3


def test_binary_means_are_those_of_sampled_bits(rng):
    w, m = rng.uniform(-0.9, 0.9, (1, 200)), rng.uniform(-0.9, 0.9, (1, 200))
    inputs, weights = (np.where(rng.random((20_000, 200)) < (1 + p) / 2, 1, -1) for p in (m[0], w[0]))
    signs = np.sign((inputs * weights).sum(1))
    assert layers.BinaryLayer(np.repeat(w, 200, 0))(m)[0, 0] == pytest.approx(signs.mean(), abs=0.03)


def test_the_deformation_is_that_of_the_gate(rng):
    """Mean and variance by state vectors of each pair of qubits; closed form for the turn; nothing changes without a gate."""
    w, m, angle = rng.uniform(-0.9, 0.9, (7, 7)), rng.uniform(-0.9, 0.9, (2, 7)), 0.6
    layer = layers.QuantumLayer.turned(w, angle)
    observable = np.kron(_PAULI["Z"], _PAULI["Z"])

    def qubit(z):
        return np.array([math.sqrt((1 + z) / 2), math.sqrt((1 - z) / 2)])

    for b in range(2):
        for o in range(7):
            mean = variance = 0.0
            for i in range(7):
                psi = layer.gate @ np.kron(qubit(m[b, i]), qubit(w[o, i]))
                value = (psi.conj() @ observable @ psi).real
                mean, variance = mean + value, variance + 1 - value**2
            assert layer(m)[b, o] == pytest.approx(math.erf(mean / math.sqrt(2 * variance)), abs=1e-10)
    closed = np.cos(angle) * w * m[:, None] + np.sin(angle) * np.sqrt(1 - m[:, None] ** 2)
    other = np.cos(angle) * w * m[:, None] - np.sin(angle) * np.sqrt(1 - m[:, None] ** 2)
    mean = layer._sums(m)[0]
    assert np.allclose(mean, closed.sum(-1)) or np.allclose(mean, other.sum(-1))
    assert layers.QuantumLayer.turned(w, 0.0)(m) == pytest.approx(layers.BinaryLayer(w)(m), abs=1e-12)


def test_stacks_of_layers_are_systems():
    stack = LayerStack([layers.Dense.random(8, 2.0, 0.1, seed=k) for k in range(3)], 8)
    assert stack.advance(stack.start(0), 6).shape == (6, 8)


def test_bad_input():
    for call, match in (
        (lambda: layers.Convolution.random(2, 4, 1.0), "`width` must be odd"),
        (lambda: layers.P4Convolution.random(2, 2, 1.0), "`width` must be odd"),
        (lambda: layers.Dense.random(0, 1.0), "`n`"),
        (lambda: layers.Dense.random(3, -1.0), "`sigma_w2`"),
        (lambda: layers.GraphConvolution.random(np.ones((3, 3)), 4, 1.0), "rows sum to 1"),
        (lambda: layers.GraphConvolution.mean_of_neighbours([[0, -1], [1, 0]]), "`adjacency`"),
        (lambda: layers.ConvolutionExponential(np.ones((2, 3))), "`generator`"),
        (lambda: layers.ConvolutionExponential.ring([1.0, 2.0], 1), "`kernel`"),
        (lambda: layers.ProbabilisticConvolution(np.eye(2), 0.0, -1.0), "`diffusion`"),
        (lambda: layers.BinaryLayer(np.full((2, 2), 1.5)), "`weight`"),
        (lambda: layers.QuantumLayer(np.zeros((2, 2)), np.ones((4, 4))), "unitary"),
    ):
        with pytest.raises(ValueError, match=match):
            call()
