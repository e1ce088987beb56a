"""Layers whose exponents are known in closed form: plain functions of arrays, for tests of probes and as building blocks.

All map arrays of shape (batch, ...) to arrays of the same shape, and have ``jvp(z, v)``, their exact linearisation.
"""

from weakchaos.renormalization.layers.attention import Attention
from weakchaos.renormalization.layers.basic import BatchNorm, Convolution, Dense, Residual
from weakchaos.renormalization.layers.binary import BinaryLayer, QuantumLayer
from weakchaos.renormalization.layers.diffusion import ProbabilisticConvolution
from weakchaos.renormalization.layers.exponential import ConvolutionExponential
from weakchaos.renormalization.layers.graph import GraphConvolution
from weakchaos.renormalization.layers.group import P4Convolution
from weakchaos.renormalization.layers.irregular_points import ConvolutionPoints, convolution_points
from weakchaos.renormalization.layers.point_clouds import PointCloud
from weakchaos.renormalization.layers.spherical import SphericalConvolution, funk_hecke
from weakchaos.renormalization.layers.steerable import SteerableSO2, SteerableSO3, product_exponents

__all__ = [
    "Attention",
    "BatchNorm",
    "BinaryLayer",
    "Convolution",
    "ConvolutionExponential",
    "ConvolutionPoints",
    "Dense",
    "GraphConvolution",
    "P4Convolution",
    "PointCloud",
    "ProbabilisticConvolution",
    "QuantumLayer",
    "Residual",
    "SphericalConvolution",
    "SteerableSO2",
    "SteerableSO3",
    "convolution_points",
    "funk_hecke",
    "product_exponents",
]
