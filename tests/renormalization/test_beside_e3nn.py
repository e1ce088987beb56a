"""Layers that commute with rotations beside e3nn (M. Geiger and T. Smidt, arXiv:2207.09453), where it is installed: harmonics, rotations, weights, products."""

import math

import numpy as np
import pytest

from weakchaos.renormalization.layers import PointCloud, SphericalConvolution, SteerableSO3

torch = pytest.importorskip("torch")
pytest.importorskip("e3nn")
TORCH_SEED = 5
COPIES = {0: 8, 1: 6, 2: 4, 3: 2}
IRREPS = "8x0e+6x1o+4x2e+2x3o"


@pytest.fixture
def o3():
    """Its rotations are exact to 1e-6 only unless double precision is torch's default."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield pytest.importorskip("e3nn.o3")
    torch.set_default_dtype(before)


def rotation(o3):
    return o3.rand_matrix(dtype=torch.float64)


def weights_of(linear, irreps):
    """Matrices between copies; e3nn divides by the root of the number of copies when it applies them."""
    return {ir.l: w.detach().numpy().T / math.sqrt(mul) for (mul, ir), w in zip(irreps, linear.weight_views(), strict=True)}


def test_a_layer_is_that_of_e3nn(o3):
    irreps = o3.Irreps(IRREPS)
    linear = o3.Linear(irreps, irreps).to(torch.float64)
    own, x = SteerableSO3(weights_of(linear, irreps)), torch.randn(5, irreps.dim, dtype=torch.float64)
    assert own.dim == irreps.dim
    np.testing.assert_allclose(own(x.numpy()), linear(x).detach().numpy(), atol=1e-12)


def test_layers_commute_with_the_matrices_of_wigner(o3):
    irreps, own = o3.Irreps(IRREPS), SteerableSO3.random(COPIES, seed=0)
    matrix = own(np.eye(own.dim)).T
    for _ in range(3):
        d = irreps.D_from_matrix(rotation(o3)).numpy()
        np.testing.assert_allclose(matrix @ d, d @ matrix, atol=1e-12)
    # The control: a rotation of the first coordinates alone, and a matrix that mixes coordinates of one copy.
    mixed = matrix.copy()
    mixed[8, 9] += 0.1
    assert np.abs(mixed @ d - d @ mixed).max() > 1e-3


def test_there_are_no_more_weights_than_these(o3):
    """The matrices that commute with two generic rotations: as many dimensions as both layers have weights, the sum of squares of copies."""
    copies, irreps = {0: 2, 1: 2, 2: 1}, o3.Irreps("2x0e+2x1o+1x2e")
    one = np.eye(irreps.dim)
    rows = []
    for _ in range(2):
        d = irreps.D_from_matrix(rotation(o3)).numpy()
        rows.append(np.kron(d, one) - np.kron(one, d.T))
    values = np.linalg.svd(np.concatenate(rows), compute_uv=False)
    free = int((values < 1e-10).sum())
    own = SteerableSO3.random(copies, seed=0)
    assert free == o3.Linear(irreps, irreps).weight_numel == sum(w.size for w in own.weights.values()) == 4 + 4 + 1
    assert values[-free - 1] > 1e-3


def test_exponents_of_products_of_its_layers(o3):
    """Its weights are standard normal over the root of the number of copies, as those of `SteerableSO3.random`."""
    irreps, steps = o3.Irreps("6x1o+4x2e"), 600
    linear = o3.Linear(irreps, irreps).to(torch.float64)
    frame, sums = np.linalg.qr(np.random.default_rng(0).normal(size=(irreps.dim, irreps.dim)))[0], np.zeros(irreps.dim)
    for _ in range(steps):
        with torch.no_grad():
            linear.weight.normal_()
            frame, r = np.linalg.qr(linear(torch.as_tensor(frame.T.copy())).numpy().T)
        sums += np.log(np.abs(np.diag(r)))
    # One step of four real copies scatters by 0.4 for the largest exponent, and by about three times as much for the smallest.
    np.testing.assert_allclose(np.sort(sums / steps)[::-1], SteerableSO3.exponents({1: 6, 2: 4}), atol=4 * 1.2 / math.sqrt(steps))


def test_its_harmonics_are_eigenfunctions_of_a_spherical_convolution(o3):
    rings = 8
    layer = SphericalConvolution(lambda t: np.exp(2 * t), rings)
    for degree in range(rings):
        y = o3.spherical_harmonics(degree, torch.as_tensor(layer.points), normalize=True).numpy()
        f = y.T.reshape(2 * degree + 1, rings, 2 * rings)
        np.testing.assert_allclose(layer(f), layer.factors[degree] * f, atol=1e-12)
    # So it commutes with every rotation: the function rotated by the matrices of Wigner, here of degree 3.
    r = rotation(o3)
    d, coefficients = o3.Irrep("3o").D_from_matrix(r).numpy(), np.random.default_rng(0).normal(size=7)
    turned = o3.spherical_harmonics(3, torch.as_tensor(layer.points) @ r, normalize=True).numpy() @ coefficients
    y = o3.spherical_harmonics(3, torch.as_tensor(layer.points), normalize=True).numpy()
    np.testing.assert_allclose(y @ (d @ coefficients), turned, atol=1e-12)
    grid = turned.reshape(1, rings, 2 * rings)
    np.testing.assert_allclose(layer(grid), layer.factors[3] * grid, atol=1e-12)


def test_point_clouds_turn_as_its_vectors_do(o3):
    cloud, x = PointCloud(5, 1.0, 0.2, 0.3, 0.7), np.random.default_rng(0).normal(size=(2, 5, 3))
    vectors = o3.Irreps("5x1o")  # odd: with the inversion all of E(3)
    for parity in (0, 1):
        d = vectors.D_from_matrix(rotation(o3) * (-1) ** parity).numpy()

        def act(z, d=d):
            return (z.reshape(2, 15) @ d.T).reshape(2, 5, 3)

        np.testing.assert_allclose(cloud(act(x)), act(cloud(x)), atol=1e-12)
