"""Layers that commute with rotations, against closed forms, and loops of point clouds by their counts of zero exponents."""

import math

import numpy as np
import pytest
from scipy.special import spherical_in

import weakchaos as wc
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.renormalization.layers import (
    PointCloud,
    SphericalConvolution,
    SteerableSO2,
    SteerableSO3,
    funk_hecke,
    product_exponents,
)


def measured(make, copies, steps=4000):
    """Exponents of one representation by QR over a deep product."""
    size = make(0).dim
    frame, sums = np.linalg.qr(np.random.default_rng(0).normal(size=(size, size)))[0], np.zeros(size)
    for t in range(steps):
        frame, r = np.linalg.qr(make(t)(frame.T).T)
        sums += np.log(np.abs(np.diag(r)))
    return np.sort(sums / steps)[::-1]


def test_real_and_complex_are_told_apart():
    """Newman (1986): the largest exponents of four copies are -0.1352 and -0.0651."""
    real, split = product_exponents(4), product_exponents(4, field="complex")
    assert np.allclose(real, [-0.135181, -0.328329, -0.635181, -1.328329], atol=1e-6)
    assert np.allclose(split, [-0.065088, -0.231755, -0.481755, -0.981755], atol=1e-6)
    # The spread of one step, sqrt(psi'(c / 2)) / 2 for the largest real exponent, bounds all errors here.
    error = 0.4015 / math.sqrt(4000)
    found = measured(lambda t: SteerableSO3.random({0: 4}, seed=t), 4)
    assert np.abs(found - real).max() < 4 * error * 2
    assert abs(found[0] - real[0]) < 4 * error
    found = measured(lambda t: SteerableSO2.random({2: 4}, seed=t), 4)
    assert abs(found[0] - split[0]) < 4 * error
    assert abs(found[0] - real[0]) > 8 * error  # a complex product is no real one
    assert np.allclose(found[::2], found[1::2], atol=1e-3)  # pairs


def test_multiplicities():
    copies = {0: 8, 1: 6, 2: 4}
    layer = SteerableSO3.random(copies, seed=1)
    values = np.linalg.svd(layer(np.eye(layer.dim)), compute_uv=False)
    distinct, counts = np.unique(values.round(10), return_counts=True)
    assert (layer.dim, len(distinct)) == (46, 18)
    assert sorted(counts) == [1] * 8 + [3] * 6 + [5] * 4
    assert SteerableSO3.exponents(copies).shape == (46,)
    values = np.linalg.svd(SteerableSO2.random({0: 2, 1: 3, 5: 1}, seed=1)(np.eye(10)), compute_uv=False)
    assert sorted(np.unique(values.round(10), return_counts=True)[1]) == [1, 1, 2, 2, 2, 2]
    assert SteerableSO2.exponents({0: 2, 1: 3, 5: 1}).shape == (10,)


@pytest.mark.parametrize("angle", [0.3, 2.0])
def test_so2_commutes_with_rotations(angle, rng):
    layer = SteerableSO2.random({0: 2, 1: 3, 4: 2}, seed=0)
    x = rng.normal(size=(5, layer.dim))
    assert np.allclose(layer(layer.rotate(x, angle)), layer.rotate(layer(x), angle), atol=1e-13)
    mixed = layer(x).copy()
    mixed[:, 2] *= 1.1  # what treats one coordinate of a pair apart does not
    turned = layer(layer.rotate(x, angle)).copy()
    turned[:, 2] *= 1.1
    assert not np.allclose(turned, layer.rotate(mixed, angle), atol=1e-3)
    assert np.allclose(layer.rotate(layer.rotate(x, 0.4), 0.5), layer.rotate(x, 0.9))


def test_so3_commutes_with_rotations_of_vectors(rng):
    layer = SteerableSO3.random({0: 2, 1: 4}, seed=0)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    x = rng.normal(size=(5, layer.dim))

    def act(z):
        return np.concatenate([z[:, :2], (z[:, 2:].reshape(5, 4, 3) @ turn.T).reshape(5, 12)], 1)

    assert np.allclose(layer(act(x)), act(layer(x)), atol=1e-13)


def test_spherical_convolution():
    """Funk-Hecke: 4 pi i_l(kappa) for exp(kappa t), 2l + 1 times."""
    factors = funk_hecke(lambda t: np.exp(2 * t), 6)
    assert np.allclose(factors, 4 * math.pi * spherical_in(np.arange(6), 2.0), rtol=1e-12)
    assert np.allclose(factors, [22.788236, 12.244455, 4.421554, 1.190570, 0.254560, 0.045049], atol=1e-6)
    layer = SphericalConvolution(lambda t: np.exp(2 * t), 12)
    expected = np.sort(np.repeat(np.abs(layer.factors), 2 * np.arange(12) + 1))[::-1]
    assert np.allclose(layer.singular_values()[:144], expected, atol=1e-12)
    assert layer.singular_values()[144:].max() < 1e-12
    assert np.allclose(layer.exponents()[:4], np.log(factors[[0, 1, 1, 1]]))
    # A rotation about the axis by one grid point commutes; so does z, a harmonic of degree 1, with every rotation.
    f = np.random.default_rng(0).normal(size=(2, 12, 24))
    assert np.allclose(layer(np.roll(f, 5, 2)), np.roll(layer(f), 5, 2))
    z = layer.points[:, 2].reshape(1, 12, 24)
    assert np.allclose(layer(z), factors[1] * z, atol=1e-12)


CLOUDS = {
    "repulsion and attraction": ({"repulsion": 2.0, "attraction": 0.3}, 6),
    "stronger": ({"repulsion": 4.0, "attraction": 0.5}, 6),
    "attention alone shrinks the cloud": ({"rate": 0.3}, 3),
    "attention and repulsion": ({"rate": 0.3, "repulsion": 2.0, "sharpness": 0.1}, 6),
}


@pytest.mark.parametrize("name", CLOUDS)
def test_zero_exponents_of_point_clouds(name):
    options, zeros = CLOUDS[name]
    found = wc.diagnostics.lyapunov_spectrum(PointCloud(6, **options), steps=600, transient=600, every=1).exponents
    assert (np.abs(found) < 2e-3).sum() == zeros
    if zeros == 3:  # the other 15 have the rate at which the radius shrinks
        assert np.allclose(found[3:], math.log(0.7), atol=2e-3)


def test_point_clouds_commute_with_motions(rng):
    cloud = PointCloud(5, 1.0, 0.2, 0.3, 0.7)
    x, v = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 5, 3))
    turn, shift = np.linalg.qr(rng.normal(size=(3, 3)))[0], rng.normal(size=3)
    assert np.allclose(cloud(x @ turn.T + shift), cloud(x) @ turn.T + shift)
    assert np.allclose(cloud.attention(x @ turn.T + shift), cloud.attention(x))
    assert np.allclose(cloud.jvp(x @ turn.T, v @ turn.T), cloud.jvp(x, v) @ turn.T)  # J(gx) g = g J(x)
    h = 1e-6
    assert np.allclose(cloud.jvp(x, v), (cloud(x + h * v) - cloud(x - h * v)) / (2 * h), atol=1e-8)
    order = rng.permutation(5)
    assert np.allclose(cloud(x[:, order]), cloud(x)[:, order])


@pytest.mark.parametrize(
    "call",
    [
        lambda: SteerableSO3.random({}),
        lambda: SteerableSO3.random([4]),
        lambda: SteerableSO3.random({0: 0}),
        lambda: SteerableSO3.random({-1: 2}),
        lambda: SteerableSO3.random({0: 2}, sigma_w2=-1.0),
        lambda: SteerableSO3({0: np.ones((2, 3))}),
        lambda: SteerableSO3({0: np.full((2, 2), np.nan)}),
        lambda: SteerableSO3({1: np.eye(2) * 1j}),
        lambda: SteerableSO2({0: np.eye(2) * 1j}),
        lambda: SteerableSO2.random({0: 2, 1: 2})(np.ones((3, 5))),
        lambda: SteerableSO2.random({0: 2, 1: 2})("text"),
        lambda: SteerableSO2.random({0: 2}).rotate(np.ones(3), 0.1),
        lambda: SteerableSO3({0: np.array([[None]])}),
        lambda: SteerableSO3({0: [[1.0, 2.0], [3.0]]}),
        lambda: SteerableSO3.random({0: 2})(np.ones((1, 2)) * 1j),  # a cast would drop the imaginary part
        lambda: SteerableSO3.random({0: 2}).jvp(np.ones((1, 3)), np.ones((1, 2))),
        lambda: SteerableSO2.random({1: 2}).rotate(np.ones((1, 4)), np.nan),
        lambda: SteerableSO2.random({1: 2}).rotate(np.ones((1, 4)), "right"),
        lambda: SteerableSO2.random({1: 2}).rotate(np.ones((1, 4)), np.ones(3)),
        lambda: SphericalConvolution(lambda t: t * 1j, 4),
        lambda: SphericalConvolution(np.exp, 4).jvp(np.ones(3), np.ones((1, 4, 8))),
        lambda: product_exponents(0),
        lambda: product_exponents(4, field="quaternion"),
        lambda: funk_hecke(3.0, 4),
        lambda: funk_hecke(lambda t: np.full(t.shape, np.nan), 4),
        lambda: funk_hecke(lambda t: 1.0, 4),
        lambda: SphericalConvolution(np.exp, 0),
        lambda: SphericalConvolution(np.exp, 4)(np.ones((1, 4, 4))),
        lambda: PointCloud(1),
        lambda: PointCloud(4, repulsion=np.inf),
        lambda: PointCloud(4, sharpness=-1.0),
        lambda: PointCloud(4)(np.ones((4, 3))),
        lambda: PointCloud(4)(np.ones((1, 5, 3))),
        lambda: PointCloud(4).start(0, np.full(12, np.nan)),
        lambda: PointCloud(4).tangent(PointCloud(4).start(0), 1, np.eye(5)),
    ],
)
def test_bad_input(call):
    with pytest.raises((ArgumentError, ArgumentTypeError), match="`"):
        call()


def test_tensors_that_hold_no_numbers_are_refused():
    torch = pytest.importorskip("torch")
    layer, cloud, sphere = SteerableSO3.random({0: 4}, seed=0), PointCloud(4), SphericalConvolution(np.exp, 2)
    for device, kind in (("meta", {}), ("cpu", {"requires_grad": True})):
        with pytest.raises(ArgumentTypeError, match="`weights`"):
            SteerableSO3({0: torch.ones(2, 2, device=device, **kind)})
        for call, shape in ((layer, (2, 4)), (cloud, (2, 4, 3)), (sphere, (2, 2, 4))):
            with pytest.raises(ArgumentTypeError, match="`z`"):
                call(torch.ones(shape, device=device, **kind))
    assert np.allclose(layer(torch.ones(2, 4)), layer(np.ones((2, 4))))


def test_empty_batches_and_whole_numbers():
    layer = SteerableSO3.random({0: 1, 1: 1}, seed=0)
    assert layer(np.empty((0, 4))).shape == (0, 4)
    assert np.array_equal(layer(np.ones((1, 4), int)), layer(np.ones((1, 4))))
    assert PointCloud(3, 1.0)(np.empty((0, 3, 3))).shape == (0, 3, 3)
    assert SphericalConvolution(np.exp, 3)(np.empty((0, 3, 6))).shape == (0, 3, 6)
