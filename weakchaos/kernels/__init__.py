"""Positive definite kernels, their sums and products, and the means of distributions under them."""

from typing import TYPE_CHECKING

from weakchaos.core.faces import face

if TYPE_CHECKING:
    from weakchaos.kernels.base import Constant as Constant
    from weakchaos.kernels.base import Kernel as Kernel
    from weakchaos.kernels.base import Product as Product
    from weakchaos.kernels.base import Sum as Sum
    from weakchaos.kernels.definite import check_definite as check_definite
    from weakchaos.kernels.distributions import Normal as Normal
    from weakchaos.kernels.distributions import NormalMixture as NormalMixture
    from weakchaos.kernels.distributions import Uniform as Uniform
    from weakchaos.kernels.distributions import UniformSphere as UniformSphere
    from weakchaos.kernels.mean_embedding import Embedding as Embedding
    from weakchaos.kernels.mean_embedding import embed as embed
    from weakchaos.kernels.median import median_distance as median_distance
    from weakchaos.kernels.other_kernels import Bernoulli as Bernoulli
    from weakchaos.kernels.other_kernels import Brownian as Brownian
    from weakchaos.kernels.other_kernels import Polynomial as Polynomial
    from weakchaos.kernels.other_kernels import UserKernel as UserKernel
    from weakchaos.kernels.other_kernels import as_kernel as as_kernel
    from weakchaos.kernels.radial import EnergyDistance as EnergyDistance
    from weakchaos.kernels.radial import Gaussian as Gaussian
    from weakchaos.kernels.radial import InverseMultiquadric as InverseMultiquadric
    from weakchaos.kernels.radial import Laplace as Laplace
    from weakchaos.kernels.radial import Matern12 as Matern12
    from weakchaos.kernels.radial import Matern32 as Matern32
    from weakchaos.kernels.radial import Matern52 as Matern52
    from weakchaos.kernels.radial import RationalQuadratic as RationalQuadratic
else:
    __getattr__, __dir__ = face(__name__)
