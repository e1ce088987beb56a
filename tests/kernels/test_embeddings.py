"""Mean embeddings in closed form against quadrature, and exact sums over points against NumPy."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad

from weakchaos import kernels as K
from weakchaos.core.errors import ArgumentError
from weakchaos.kernels.line_integrals import antiderivatives
from weakchaos.kernels.mean_embedding import cross_sums, own_sums

STATIONARY = [K.Gaussian, K.Laplace, K.Matern12, K.Matern32, K.Matern52, K.InverseMultiquadric, K.RationalQuadratic]
TOLERANCE = 1e-10


def density(distribution):
    if isinstance(distribution, K.Uniform):
        a, b = float(distribution.low[0]), float(distribution.high[0])
        return lambda y: 1.0 / (b - a), a, b
    m, s = float(distribution.means[0, 0]), float(distribution.covariances[0, 0, 0]) ** 0.5
    return lambda y: np.exp(-0.5 * ((y - m) / s) ** 2) / (s * np.sqrt(2 * np.pi)), m - 12 * s, m + 12 * s


def integral(f, a, b, kinks):
    points = sorted(p for p in kinks if a < p < b)
    edges = [a, *points, b]
    return sum(quad(f, u, v, epsabs=1e-13, epsrel=1e-13, limit=500)[0] for u, v in itertools.pairwise(edges))


def on_a_line(kernel, power):
    return lambda s: s**power * float(kernel([[0.0]], [[s]])[0, 0])


def by_quadrature(kernel, distribution, x, scale):
    p, a, b = density(distribution)
    near = [x + c * scale for c in (-30, -10, -3, -1, 0, 1, 3, 10, 30)]
    centre = [] if isinstance(distribution, K.Uniform) else [float(distribution.means[0, 0])]
    return integral(lambda y: float(kernel([[x]], [[y]])[0, 0]) * p(y), a, b, [*near, *centre, 0.0, 0.4])


LINE = [
    *[(kind(h), K.Uniform(-0.5, 1.7), h) for kind in STATIONARY for h in (0.05, 0.8)],
    *[(kind(h), K.Normal(0.3, 0.49), h) for kind in STATIONARY[:5] for h in (0.05, 0.8, 6.0)],
    (K.EnergyDistance([0.4]), K.Uniform(-0.5, 1.7), 1.0),
    (K.EnergyDistance([0.4]), K.Normal(0.3, 0.49), 1.0),
    (K.Brownian(0.6), K.Uniform(0.5, 1.7), 1.0),
    (K.Bernoulli(1), K.Uniform(0.0, 1.0), 1.0),
    (K.Bernoulli(3, 2.0), K.Uniform(0.0, 1.0), 1.0),
    (K.Polynomial(3, 0.5, 1.5), K.Normal(0.3, 0.49), 1.0),
    (K.Polynomial(4), K.Uniform(-0.5, 1.7), 1.0),
    (2.0 * K.Matern32(0.4) + K.Gaussian(0.3), K.Uniform(-0.5, 1.7), 0.4),
]


@pytest.mark.parametrize(("kernel", "distribution", "scale"), LINE, ids=lambda v: type(v).__name__)
def test_means_on_a_line_are_those_of_quadrature(kernel, distribution, scale):
    embedding = K.embed(kernel, distribution)
    assert embedding.closed
    places = np.array([0.1, 0.52, 0.93]) if isinstance(kernel, K.Bernoulli) else np.array([-0.2, 0.52, 1.69, 2.4])
    if isinstance(kernel, K.Brownian):
        places = np.abs(places)
    exact = [by_quadrature(kernel, distribution, float(x), scale) for x in places]
    np.testing.assert_allclose(embedding.mean(places), exact, rtol=0, atol=TOLERANCE * max(1.0, np.abs(exact).max()))
    p, a, b = density(distribution)
    t, w = np.polynomial.legendre.leggauss(200)  # the mean is smooth inside of the range
    edges = np.linspace(a, b, 9) if not isinstance(kernel, K.EnergyDistance) else np.array([a, 0.4, b])
    double = 0.0
    for u, v in itertools.pairwise(edges):
        y = u + (v - u) * (t + 1) / 2
        double += (v - u) / 2 * float(w @ (embedding.mean(y) * np.vectorize(p)(y)))
    assert embedding.double == pytest.approx(double, rel=0, abs=TOLERANCE * max(1.0, abs(double)))


@pytest.mark.parametrize("kind", STATIONARY)
def test_integrals_of_a_kernel_are_those_of_quadrature(kind):
    for h in (0.01, 0.5, 3.0):
        kernel = kind(h)
        for t in (0.2, 2.0):
            g, m = antiderivatives(kernel, h, t)
            kinks = [h, 5 * h, 20 * h]
            assert g == pytest.approx(integral(on_a_line(kernel, 0), 0.0, t, kinks), rel=0, abs=1e-13)
            assert m == pytest.approx(integral(on_a_line(kernel, 1), 0.0, t, kinks), rel=0, abs=1e-13)


SPACE = [
    (K.Gaussian([0.5, 1.0]), K.NormalMixture([1, 2], [[0, 0], [1, 2]], [[[1, 0.3], [0.3, 0.5]], [[0.2, 0], [0, 0.1]]])),
    (K.Gaussian(0.7), K.Uniform([0, -1], [2, 1])),
    (K.Polynomial(3, 0.5, 1.5), K.NormalMixture([1, 2], [[0.3, -0.2], [1, 1]], [[[1, 0.4], [0.4, 0.8]], [[1, 0], [0, 1]]])),
    (K.Polynomial(2), K.Uniform([0, 1], [2, 2])),
]


@pytest.mark.parametrize(("kernel", "distribution"), SPACE)
def test_means_in_the_plane_are_those_of_gauss_rules(kernel, distribution):
    embedding = K.embed(kernel, distribution)
    assert embedding.closed
    y, w = distribution.nodes(60)
    x = np.array([[0.1, 0.7], [1.5, -0.4], [3.0, 2.0]])
    np.testing.assert_allclose(embedding.mean(x), kernel(x, y) @ w, rtol=1e-10)
    assert embedding.double == pytest.approx(float(w @ embedding.mean(y)), rel=1e-10)


def test_products_over_coordinates():
    """Laplace kernels and boxes or independent normals factor over coordinates."""
    x = np.array([[0.2, 0.9, 1.4], [-1.0, 0.3, 0.6]])
    for whole, parts in (
        (K.Uniform([0, 0, 1], [1, 2, 2]), [K.Uniform(0, 1), K.Uniform(0, 2), K.Uniform(1, 2)]),
        (K.Normal([0, 1, 2], [1.0, 0.5, 2.0]), [K.Normal(0, 1), K.Normal(1, 0.5), K.Normal(2, 2)]),
    ):
        got = K.embed(K.Laplace([0.5, 1.0, 2.0]), whole)
        each = [K.embed(K.Laplace(h), p) for h, p in zip((0.5, 1.0, 2.0), parts, strict=True)]
        np.testing.assert_allclose(got.mean(x), np.prod([e.mean(x[:, k]) for k, e in enumerate(each)], axis=0), rtol=1e-13)
        assert got.double == pytest.approx(np.prod([e.double for e in each]), rel=1e-13)


def test_sphere_against_its_own_nodes():
    for dim in (2, 3, 5):
        sphere = K.UniformSphere(dim)
        z = sphere.sample(200_000, 1)
        for kernel in (K.Gaussian(0.6), K.InverseMultiquadric(1.0)):
            embedding = K.embed(kernel, sphere)
            values = kernel(z[:1], z[1:])[0]
            error = values.std() / np.sqrt(values.size)
            assert abs(embedding.mean(z[:1])[0] - values.mean()) < 5 * error
            assert abs(1.05 * embedding.mean(z[:1])[0] - values.mean()) > 5 * error
            assert embedding.double == pytest.approx(embedding.mean(z[:1])[0], rel=1e-9)
    # Gaussian on the circle: exp(-1/h^2) I_0(1/h^2)
    from scipy.special import ive

    assert K.embed(K.Gaussian(0.6), K.UniformSphere(2)).double == pytest.approx(ive(0, 1 / 0.36), rel=1e-12)


def test_moments():
    exact = K.Normal([1.0, -0.5], [[1.0, 0.3], [0.3, 2.0]])
    y, w = exact.nodes(12)
    for powers in ((1, 0), (2, 0), (1, 1), (3, 2), (0, 4)):
        assert exact.moment(powers) == pytest.approx(float(w @ np.prod(y ** np.array(powers), axis=1)), rel=1e-12)
    z = K.UniformSphere(3).sample(400_000, 0)
    assert K.UniformSphere(3).moment((2, 2, 0)) == pytest.approx(1 / 15)
    assert np.mean(z[:, 0] ** 2 * z[:, 1] ** 2) == pytest.approx(1 / 15, rel=0.02)


def test_what_is_in_no_closed_form_is_exact_or_refused():
    product = K.Gaussian(1.0) * K.InverseMultiquadric(2.0)
    embedding = K.embed(product, K.Normal([0.0, 0.5], 1.0))
    assert not embedding.closed
    y, w = K.Normal([0.0, 0.5], 1.0).nodes(90)
    np.testing.assert_allclose(embedding.mean([[0.3, 0.4]]), product([[0.3, 0.4]], y) @ w, rtol=1e-8)
    with pytest.raises(ArgumentError, match="pass points of the distribution instead"):
        K.embed(K.Matern12(0.1), K.Normal([0.0, 0.0], 1.0))
    with pytest.raises(ArgumentError, match="closed form"):
        K.embed(K.Matern52(1.0), K.Uniform(np.zeros(8), np.ones(8)))


@pytest.mark.parametrize("dim", [1, 2, 3, 5, 10])
@pytest.mark.parametrize(
    "kernel", [K.Gaussian(0.9), K.Matern52(1.2) + K.Laplace(2.0), K.UserKernel(lambda a, b: 1 / (1 + ((a - b) ** 2).sum()))]
)
def test_sums_over_points_are_those_of_the_matrix(dim, kernel):
    rng = np.random.default_rng(dim)
    x, y = rng.normal(size=(1301, dim)), rng.normal(size=(777, dim))
    w, v = rng.normal(size=1301), rng.random(777)
    np.testing.assert_allclose(own_sums(kernel, x, w), kernel(x) @ w, rtol=0, atol=1e-11)
    np.testing.assert_allclose(cross_sums(kernel, x, y, v), kernel(x, y) @ v, rtol=1e-12)
    single = own_sums(kernel, x, np.abs(w), np.float32)
    np.testing.assert_allclose(single, kernel(x) @ np.abs(w), rtol=2e-5)


def test_discrepancy_of_weighted_points():
    rng = np.random.default_rng(0)
    x, y, w = rng.normal(size=(40, 2)), rng.normal(size=(60, 2)), rng.random(40)
    kernel = K.Gaussian(1.0)
    from weakchaos import Points

    embedding = K.embed(kernel, Points(y, rng.random(60)))
    v = Points(y, np.random.default_rng(0).random(60)).weights  # any: the embedding keeps its own
    target = K.embed(kernel, Points(y, v))
    square = v @ kernel(y) @ v - 2 * w @ kernel(x, y) @ v + w @ kernel(x) @ w
    assert target.mmd(x, w) == pytest.approx(np.sqrt(square), rel=1e-10)
    assert embedding.mmd(y, embedding_weights(embedding, y)) >= 0
    assert K.embed(kernel, y).mmd(y) < 1e-7
    with pytest.raises(ArgumentError, match="`weights`"):
        target.mmd(x, w[:3])
    with pytest.raises(ArgumentError, match="row 3"):
        target.mean(np.where(np.arange(40)[:, None] == 3, np.nan, x))


def embedding_weights(embedding, y):
    return np.full(len(y), 1.0 / len(y))


def test_energy_distance():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 3)), rng.normal(size=(80, 3)) + 0.5

    def mean_distance(a, b):
        return np.linalg.norm(a[:, None] - b[None], axis=2).mean()

    energy = 2 * mean_distance(x, y) - mean_distance(x, x) - mean_distance(y, y)
    for centre in (None, [3.0, -1.0, 0.0]):
        assert K.embed(K.EnergyDistance(centre), y).mmd(x) ** 2 == pytest.approx(energy, rel=1e-10)


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: K.Uniform(1.0, 0.0), "`high` must be above `low`"),
        (lambda: K.Normal([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]]), "positive semidefinite"),
        (lambda: K.Normal([0.0, 0.0], np.eye(3)), "`covariance`"),
        (lambda: K.NormalMixture([1.0, -1.0], [[0.0], [1.0]]), "non-negative"),
        (lambda: K.NormalMixture([1.0], [[0.0], [1.0]]), "`means`"),
        (lambda: K.embed(K.Gaussian(1.0), K.Normal(np.zeros(2), 1.0)).mean([[0.0]]), "dimension 2"),
    ],
)
def test_bad_distributions_are_refused(make, part):
    with pytest.raises(ArgumentError, match=part):
        make()
