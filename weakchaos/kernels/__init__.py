"""Positive definite kernels, their sums and products, and the means of distributions under them."""

from typing import TYPE_CHECKING

from weakchaos.core.faces import face

if TYPE_CHECKING:
    from weakchaos.kernels.base import Constant, Kernel, Product, Sum
    from weakchaos.kernels.definite import check_definite
    from weakchaos.kernels.distributions import Normal, NormalMixture, Uniform, UniformSphere
    from weakchaos.kernels.mean_embedding import Embedding, embed
    from weakchaos.kernels.median import median_distance
    from weakchaos.kernels.other_kernels import Bernoulli, Brownian, Polynomial, UserKernel, as_kernel
    from weakchaos.kernels.radial import (
        EnergyDistance,
        Gaussian,
        InverseMultiquadric,
        Laplace,
        Matern12,
        Matern32,
        Matern52,
        RationalQuadratic,
    )
else:
    __getattr__, __dir__ = face(__name__)

__all__ = [
    "Bernoulli",
    "Brownian",
    "Constant",
    "Embedding",
    "EnergyDistance",
    "Gaussian",
    "InverseMultiquadric",
    "Kernel",
    "Laplace",
    "Matern12",
    "Matern32",
    "Matern52",
    "Normal",
    "NormalMixture",
    "Polynomial",
    "Product",
    "RationalQuadratic",
    "Sum",
    "Uniform",
    "UniformSphere",
    "UserKernel",
    "as_kernel",
    "check_definite",
    "embed",
    "median_distance",
]
