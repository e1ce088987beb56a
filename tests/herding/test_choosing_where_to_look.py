"""Points of a continuous space, of an expensive integral, of a convolution on irregular points, and of a filter."""

import numpy as np
import pytest

import weakchaos as wc
from weakchaos import kernels as K
from weakchaos.herding import continuous_herding, integrate, select, sequential_herding
from weakchaos.renormalization.layers import convolution_points


def test_continuous_points_do_no_worse_than_a_fine_grid():
    target, kernel = K.NormalMixture([0.3, 0.7], [-1.5, 1.0], [0.3, 0.6]), K.Gaussian(0.8)
    free = continuous_herding(target, 40, kernel, progress=False)
    grid = select(np.linspace(-5, 5, 4001), 40, kernel=kernel, target=target, progress=False)
    assert free.mmd[-1] == pytest.approx(K.embed(kernel, target).mmd(free.points), rel=1e-8)
    assert free.mmd[-1] < 1.3 * grid.mmd[-1]
    assert free.points[0, 0] == pytest.approx(grid.points[0, 0], abs=2e-3)
    assert (free.details["certificate"] >= -1e-9).all()
    assert (free.mmd <= 2 / np.sqrt(np.arange(1, 41))).all()
    again = continuous_herding(target, 40, kernel, progress=False)
    np.testing.assert_array_equal(free.points, again.points)
    inside = continuous_herding(K.Uniform([0, 0], [1, 2]), 15, K.Gaussian(0.3), progress=False)
    assert (inside.points >= 0).all()
    assert (inside.points <= [1, 2]).all()


def test_an_integral_is_found_with_an_honest_interval():
    rng = np.random.default_rng(0)
    target, kernel = K.Normal([0.0, 0.0], 1.0), K.Gaussian(1.0)
    embedding = K.embed(kernel, target)
    inside = 0
    for _ in range(60):  # functions of the prior: combinations of kernels at random centres
        centres, amplitudes = rng.normal(size=(40, 2)) * 1.5, rng.normal(size=40)
        found = integrate(
            lambda x, c=centres, a=amplitudes: float(kernel(x[None], c)[0] @ a),
            target,
            kernel,
            size=15,
            candidates=600,
            progress=False,
        )
        low, high = found.interval(0.9)
        inside += low <= float(embedding.mean(centres) @ amplitudes) <= high
        assert len(found.values) == 15
    assert 45 <= inside <= 60  # 54 expected, if the functions were draws of the process


def test_an_integral_stops_when_it_is_known():
    calls = []

    def f(x):
        calls.append(x)
        return np.cos(x[0]) + 0.3 * x[1]

    found = integrate(f, K.Normal([0.0, 0.0], 1.0), K.Gaussian(1.5), size=60, until=1e-3, progress=False)
    assert len(calls) == len(found.values) < 60
    assert found.sd <= 1e-3 < found.history[-2, 1]
    assert found.value == pytest.approx(np.exp(-0.5), abs=5e-3)
    constant = integrate(lambda x: 7.0, K.Normal(0.0, 1.0), K.Gaussian(1.0), size=6, progress=False)
    assert constant.value == pytest.approx(7.0, abs=1e-6)


def test_positions_of_a_convolution():
    rng = np.random.default_rng(0)
    x = rng.random((150, 2))
    found = convolution_points(x, 40, length=0.3, diffusion=0.01)
    assert (np.diff(found.course) <= 1e-12).all()
    # The variance that is reported is that of Gaussian process regression, with whole matrices.
    kernel, m = K.Gaussian(0.3), x[found.indices[:12]]
    first = convolution_points(x, 12, length=0.3, diffusion=0.01)
    z = np.stack([K.embed(kernel, K.Normal(s, 0.01)).mean(m) for s in x])
    double = K.embed(kernel, K.Normal([0.0, 0.0], 0.01)).double
    np.testing.assert_allclose(first.variance, double - np.einsum("si,ij,sj->s", z, np.linalg.inv(kernel(m)), z), atol=1e-7)
    np.testing.assert_allclose(first.weights, z @ np.linalg.inv(kernel(m)), atol=1e-4)
    # Chosen points know more than the same number of random ones.
    other = x[rng.choice(150, 12, replace=False)]
    z = np.stack([K.embed(kernel, K.Normal(s, 0.01)).mean(other) for s in x])
    assert first.course[-1] < (double - np.einsum("si,ij,sj->s", z, np.linalg.inv(kernel(other)), z)).mean()
    # A field of the process: its convolution is the sum of convolved kernels.
    centres, a = rng.random((20, 2)), rng.normal(size=20)
    exact = np.stack([K.embed(kernel, K.Normal(s, 0.01)).mean(centres) for s in x]) @ a
    np.testing.assert_allclose(found.weights @ (kernel(x[found.indices], centres) @ a), exact, atol=0.05 * np.abs(exact).max())
    drifted = convolution_points(x, 20, length=0.3, diffusion=0.01, drift=[0.2, 0.0])
    assert not np.array_equal(drifted.indices, found.indices[:20])


def kalman(y, a, q, r):
    """The exact filter of x' = a x + N(0, q), y = x + N(0, r), from N(0, 1)."""
    mean, variance, out, total = 0.0, 1.0, [], 0.0
    for value in y:
        s = variance + r
        total += -0.5 * (np.log(2 * np.pi * s) + (value - mean) ** 2 / s)
        mean, variance = mean + variance / s * (value - mean), variance - variance**2 / s
        out.append(mean)
        mean, variance = a * mean, a * a * variance + q
    return np.array(out), total


def test_a_herded_filter_is_closer_to_the_exact_one_than_a_random_one():
    rng = np.random.default_rng(0)
    a, q, r, n = 0.9, 0.3, 0.5, 30
    x = np.zeros(40)
    x[0] = rng.normal()
    for t in range(1, 40):
        x[t] = a * x[t - 1] + np.sqrt(q) * rng.normal()
    y = x + np.sqrt(r) * rng.normal(size=40)
    exact, total = kalman(y, a, q, r)

    def log_likelihood(value, z):
        return -0.5 * (np.log(2 * np.pi * r) + (value - z[:, 0]) ** 2 / r)

    found = sequential_herding(
        lambda z: a * z, q, log_likelihood, y, K.Normal(0.0, 1.0), size=n, candidates=500, method="frank-wolfe"
    )
    error = np.sqrt(np.mean((found.means[:, 0] - exact) ** 2))
    random = []
    for s in range(20):
        draw, z, w, means = np.random.default_rng(s), None, None, []
        for t, value in enumerate(y):
            z = draw.normal(size=n) if t == 0 else a * draw.choice(z, n, p=w) + np.sqrt(q) * draw.normal(size=n)
            w = np.exp(log_likelihood(value, z[:, None]))
            w /= w.sum()
            means.append(w @ z)
        random.append(np.sqrt(np.mean((np.array(means) - exact) ** 2)))
    assert error < 0.85 * np.mean(random)
    assert found.log_likelihood == pytest.approx(total, abs=1.0)
    assert found.variances.shape == (40, 1)


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda: continuous_herding(np.zeros((3, 1)), 3, K.Gaussian(1.0)), "`target`"),
        (lambda: continuous_herding(K.Normal([0.0, 0.0]), 3, K.Matern12(1.0)), "closed form"),
        (lambda: integrate(lambda x: np.nan, K.Normal(0.0), K.Gaussian(1.0), progress=False), "finite"),
        (lambda: integrate(lambda x: "a", K.Normal(0.0), K.Gaussian(1.0), progress=False), "one number"),
        (lambda: integrate(3.0, K.Normal(0.0), K.Gaussian(1.0)), "`f`"),
        (lambda: integrate(lambda x: 1.0, K.Normal(0.0), K.Gaussian(1.0), size=6, progress=False).interval(1.0), "`probability`"),
        (lambda: convolution_points(np.zeros((3, 2)), 4, 1.0, 0.1), "`size`"),
        (lambda: convolution_points(np.zeros((3, 2)), 2, 1.0, -0.1), "`diffusion`"),
        (lambda: convolution_points(np.zeros((3, 2)), 2, 1.0, 0.1, drift=[1.0]), "`drift`"),
        (lambda: sequential_herding(np.abs, 1.0, lambda y, x: np.zeros(3), [1.0], K.Normal(0.0)), "`log_likelihood` must return"),
        (lambda: sequential_herding(np.abs, 1.0, lambda y, x: np.zeros(len(x)), [], K.Normal(0.0)), "`observations`"),
        (lambda: sequential_herding(np.abs, 1.0, np.abs, [1.0], K.Normal(0.0), method="quadrature"), "`method`"),
        (lambda: sequential_herding(np.abs, 1.0, np.abs, [1.0], K.Normal(0.0), method="kernel-thinning"), "`method`"),
        (lambda: sequential_herding(np.abs, 1.0, np.abs, [1.0], K.Normal(0.0), method="stein-thinning"), "`method`"),
    ],
)
def test_bad_arguments_are_refused(call, part):
    with pytest.raises((wc.errors.ArgumentError, wc.errors.ArgumentTypeError), match=part):
        call()
