"""Layers with known exponents: plain functions of arrays, each with its closed form, to try a probe on and to build with.

All take arrays of shape (batch, ...) to arrays of the same shape, and carry ``jvp(z, v)``, their exact linearisation.
"""

from weakchaos.renormalization.layers.attention import Attention
from weakchaos.renormalization.layers.basic import BatchNorm, Convolution, Dense, Residual
from weakchaos.renormalization.layers.binary import BinaryLayer, QuantumLayer
from weakchaos.renormalization.layers.diffusion import ProbabilisticConvolution
from weakchaos.renormalization.layers.exponential import ConvolutionExponential
from weakchaos.renormalization.layers.graph import GraphConvolution
from weakchaos.renormalization.layers.group import P4Convolution

__all__ = [
    "Attention",
    "BatchNorm",
    "BinaryLayer",
    "Convolution",
    "ConvolutionExponential",
    "Dense",
    "GraphConvolution",
    "P4Convolution",
    "ProbabilisticConvolution",
    "QuantumLayer",
    "Residual",
]
