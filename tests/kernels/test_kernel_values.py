"""Values of kernels against their formulas, written with NumPy; their algebra, lengths and refusals."""

import numpy as np
import pytest
from numba import njit

from weakchaos import kernels as K
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.kernels.kernel_columns import pair, radial_derivatives
from weakchaos.native.vector_exp import exp2, exp_of, sum_kernel


def b2(t):
    return t * t - t + 1 / 6


def b4(t):
    return t**4 - 2 * t**3 + t * t - 1 / 30


def b6(t):
    return t**6 - 3 * t**5 + 2.5 * t**4 - 0.5 * t * t + 1 / 42


H = np.array([0.5, 1.0, 2.0, 0.7, 0.3, 1.5, 0.9])


def cases(x, y):
    d = x[:, None] - y[None]
    h = H[: x.shape[1]]
    squared = (d**2).sum(-1)
    r, scaled, wrapped = np.sqrt(squared), ((d / h) ** 2).sum(-1), d - np.floor(d)
    norm = np.linalg.norm
    return [
        (K.Gaussian(0.7), np.exp(-squared / (2 * 0.49))),
        (K.Gaussian(h), np.exp(-scaled / 2)),
        (K.Laplace(0.5), np.exp(-np.abs(d).sum(-1) / 0.5)),
        (K.Laplace(h), np.exp(-np.abs(d / h).sum(-1))),
        (K.Matern12(0.5), np.exp(-r / 0.5)),
        (K.Matern32(0.5), (1 + 3**0.5 * r / 0.5) * np.exp(-(3**0.5) * r / 0.5)),
        (K.Matern32(h), (1 + np.sqrt(3 * scaled)) * np.exp(-np.sqrt(3 * scaled))),
        (K.Matern52(0.5), (1 + 5**0.5 * r / 0.5 + 5 * squared / 0.75) * np.exp(-(5**0.5) * r / 0.5)),
        (K.InverseMultiquadric(0.5), (1 + squared / 0.25) ** -0.5),
        (K.InverseMultiquadric(h, 0.7), (1 + scaled) ** -0.7),
        (K.RationalQuadratic(0.5, 2.5), (1 + squared / (5 * 0.25)) ** -2.5),
        (K.RationalQuadratic(0.5), 1 / (1 + squared / (2 * 0.25))),
        (K.EnergyDistance(), norm(x, axis=1)[:, None] + norm(y, axis=1) - r),
        (K.EnergyDistance(h), norm(x - h, axis=1)[:, None] + norm(y - h, axis=1) - r),
        (K.Bernoulli(), np.prod(1 + b2(wrapped), -1)),
        (K.Bernoulli(2, 3.0), np.prod(1 - 3 * b4(wrapped), -1)),
        (K.Bernoulli(3, 0.5), np.prod(1 + 0.5 * b6(wrapped), -1)),
        (K.Polynomial(3, 0.5, 2.0), (0.5 + x @ y.T / 4) ** 3),
        (K.Brownian(0.5), np.prod(0.5 + np.minimum(x[:, None], y[None]), -1)),
        (2 * K.Gaussian(0.7) * K.Polynomial(1) + K.Matern12(1.0), 2 * np.exp(-squared / 0.98) * (1 + x @ y.T) + np.exp(-r)),
        (K.UserKernel(lambda a, b: 1 / (1 + ((a - b) ** 2).sum())) + K.Constant(2.0), 2 + 1 / (1 + squared)),
    ]


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 7])
def test_values_are_those_of_the_formulas(dim):
    rng = np.random.default_rng(dim)
    x, y = rng.random((30, dim)), rng.random((700, dim))  # more points than a block has
    for kernel, values in cases(x, y):
        np.testing.assert_allclose(kernel(x, y), values, rtol=1e-13, atol=1e-15, err_msg=repr(kernel))
        np.testing.assert_allclose(kernel.diagonal(x), np.diag(kernel(x)), rtol=1e-13)
        if kernel.constant_diagonal is not None:
            np.testing.assert_allclose(kernel.diagonal(x), kernel.constant_diagonal, rtol=1e-14)
        if isinstance(kernel, K.Gaussian):  # a formula that is off by one part in a thousand is found
            assert not np.allclose(kernel(x, y), values**1.001, rtol=1e-13, atol=1e-15)


def test_all_kernels_are_positive_definite():
    x = np.random.default_rng(0).random((60, 3))
    for kernel, _ in cases(x, x):
        K.check_definite(kernel, x)


def test_one_kernel_does_not_compile_for_another():
    from weakchaos.kernels import kernel_columns

    x = np.random.default_rng(0).random((5, 2))
    K.Gaussian(1.0)(x)
    compiled = len(kernel_columns.kernel_matrix.signatures)
    (K.Gaussian(0.3) * K.Matern52(2.0) + K.Polynomial())(x)
    K.UserKernel(lambda a, b: float(a[0] * b[0]))(x)
    assert len(kernel_columns.kernel_matrix.signatures) == compiled


@sum_kernel
def _apply(x, out):
    for i in range(x.size):
        out[i] = exp2(x[i])


@sum_kernel
def _apply_natural(x, out):
    for i in range(x.size):
        out[i] = exp_of(x[i])


@pytest.mark.parametrize(("dtype", "least", "error"), [(np.float64, -1022.0, 5e-16), (np.float32, -126.0, 3e-7)])
def test_exponential_is_accurate_over_its_whole_range(dtype, least, error):
    t = np.concatenate([np.linspace(least, 100.0, 200_001), np.linspace(-2.0, 2.0, 100_001), [0.0, -0.5, 0.5]]).astype(dtype)
    out = np.empty_like(t)
    _apply(t, out)
    exact = np.exp2(t.astype(np.longdouble))
    assert np.abs(out / exact - 1).max() < error
    assert out[-3] == pytest.approx(1.0, abs=error)
    _apply(np.array([-5e3, -np.inf], dtype), out[:2])
    assert (out[:2] <= 1.000001 * np.finfo(dtype).tiny).all()


def test_natural_exponential():
    x = np.linspace(-700, 700, 10_001)
    out = np.empty_like(x)
    _apply_natural(x, out)
    np.testing.assert_allclose(out, np.exp(x), rtol=3e-13)  # the argument is rounded once: 700 * 2**-53 relative


def test_radial_derivatives_by_differences():
    for kernel in (
        K.Gaussian(0.7),
        K.Matern32(0.8),
        K.Matern52(0.8),
        K.Matern12(0.8),
        K.InverseMultiquadric(1.3),
        K.RationalQuadratic(0.4, 2.0),
    ):
        ops, params, _ = kernel.program(1)
        code, at, _ = ops[0]
        for r2 in (0.3, 1.7):
            f, first, second = radial_derivatives(code, params, at, r2)
            assert f == pytest.approx(float(kernel([[0.0]], [[r2**0.5]])[0, 0]), rel=1e-14)
            h = 1e-5
            up, down = radial_derivatives(code, params, at, r2 + h), radial_derivatives(code, params, at, r2 - h)
            assert first == pytest.approx((up[0] - down[0]) / (2 * h), rel=1e-7)
            assert second == pytest.approx((up[1] - down[1]) / (2 * h), rel=1e-7)


def test_a_pair_alone_is_an_entry_of_the_matrix():
    x = np.random.default_rng(3).random((2, 5))
    ops, params, _ = (K.Gaussian(0.4) + K.Laplace(1.0)).program(5)
    value = pair(ops, params, x[0], x[1], np.empty((len(ops), 1)))
    assert value == pytest.approx(float((K.Gaussian(0.4) + K.Laplace(1.0))(x)[0, 1]), rel=1e-14)


def test_median_heuristic():
    x = np.random.default_rng(0).normal(size=(200, 3))
    d = np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))[np.triu_indices(200, 1)]
    assert K.median_distance(x) == pytest.approx(np.median(d))
    assert K.Gaussian("median").fitted(x) == K.Gaussian(K.median_distance(x))
    assert (K.Gaussian() + K.Laplace(1.0)).fitted(x).kernels[0].bandwidth == pytest.approx(np.median(d))
    np.testing.assert_allclose(K.Matern32()(x), K.Matern32(np.median(d))(x))
    # A point of weight 0 counts for nothing.
    y = np.concatenate([x, np.full((200, 3), 100.0)])
    assert K.median_distance(y, np.repeat([1.0, 0.0], 200)) == pytest.approx(np.median(d), rel=0.05)
    many = np.random.default_rng(1).normal(size=(50_000, 2))
    assert K.median_distance(many) == pytest.approx(
        np.sqrt(2 * 2 * np.log(2)), rel=0.05
    )  # the median of a chi variable of 2 degrees, times sqrt 2


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: K.Gaussian(0), "`bandwidth` must be a positive number"),
        (lambda: K.Gaussian(float("nan")), "`bandwidth`"),
        (lambda: K.Gaussian("mean"), "'median'"),
        (lambda: K.Gaussian([1.0, -1.0]), "`bandwidth`"),
        (lambda: K.Gaussian([1.0, 2.0])([[0.0]]), "one for each of 1 coordinates"),
        (lambda: K.Gaussian("median")([[1.0], [1.0], [1.0]]), "coincide"),
        (lambda: K.Gaussian(1.0)([[np.nan], [1.0]]), "row 0"),
        (lambda: K.Gaussian(1.0)([[0.0, 1.0]], [[0.0]]), "dimension 2"),
        (lambda: K.Gaussian("median").program(1), "fitted"),
        (lambda: K.Matern12(-1.0), "`bandwidth`"),
        (lambda: K.RationalQuadratic(1.0, 0.0), "`alpha`"),
        (lambda: K.Bernoulli(4), "`order`"),
        (lambda: K.Brownian()([[-1.0]]), "at least 0"),
        (lambda: K.Polynomial(2, -1.0), "positive definite"),
        (lambda: K.EnergyDistance([0.0])([[0.0, 1.0]]), "`centre`"),
        (lambda: -1.0 * K.Gaussian(1.0), "`value`"),
    ],
)
def test_bad_kernels_are_refused(make, part):
    with pytest.raises(ArgumentError, match=part):
        make()


def test_functions_that_are_no_kernels_are_refused():
    x = np.random.default_rng(0).random((20, 2))
    with pytest.raises(ArgumentError, match="positive definite"):
        K.check_definite(K.UserKernel(lambda a, b: ((a - b) ** 2).sum()), x)
    with pytest.raises(ArgumentError, match="symmetric"):
        K.check_definite(K.UserKernel(lambda a, b: a[0] + 2 * b[0]), x)

    @njit
    def fails(a, b):
        if a[0] > 0.5:
            raise ZeroDivisionError("from inside")
        return 1.0

    with pytest.raises(ZeroDivisionError, match="from inside"):
        K.check_definite(K.UserKernel(fails), x)
    with pytest.raises(ArgumentError, match="finite number"):
        K.check_definite(K.UserKernel(lambda a, b: np.log(a[0] - b[0])), x)
    with pytest.raises(ArgumentTypeError, match="numba"):
        K.UserKernel(lambda a, b: {"no": a}.items())(x)
    with pytest.raises(ArgumentTypeError, match="`kernel` must be a kernel"):
        K.as_kernel("gaussian")
    assert K.as_kernel(np.vdot) == K.UserKernel(np.vdot)
