"""Graph convolution: oversmoothing is a momentum-shell flow.

z' = A phi(z) W + b, one row for each node (Kipf and Welling, ICLR 2017, arXiv:1609.02907). If the rows of A sum to 1, a state with all nodes equal keeps
them equal and moves like a dense network. A difference along eigenvector k of A is also multiplied by its eigenvalue: lambda_k = 0.5 ln chi + ln |a_k|.
Only modes with |a_k|^2 chi > 1 survive many layers; all others, beginning with the finest, are averaged away (oversmoothing: Oono and Suzuki, ICLR 2020,
arXiv:1905.10947).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array, whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.renormalization.layers.basic import normal_weights
from weakchaos.renormalization.theory.activations import Activation
from weakchaos.renormalization.theory.activations import activation as as_activation
from weakchaos.renormalization.theory.mean_field import MeanField, NetworkPoint

__all__ = ["GraphConvolution"]


@dataclass(frozen=True)
class GraphConvolution:
    """A graph convolution on arrays of shape (batch, nodes, features).

    Attributes
    ----------
    propagation : array of shape (nodes, nodes)
        A; rows sum to 1.
    weight : array of shape (features, features)
    bias : array of shape (features,)
    phi : Activation

    Examples
    --------
    >>> layer = GraphConvolution.random(GraphConvolution.ring(6), 50, 1.5, 0.05)
    >>> layer.mode_exponents().round(2).tolist()[:2]
    [-0.03, -0.44]
    """

    propagation: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    phi: Activation
    variances: tuple[float, float] = (math.nan, math.nan)

    @staticmethod
    def ring(nodes: int) -> np.ndarray:
        """The mean over a node and its two neighbours on a ring."""
        eye = np.eye(whole_number("nodes", nodes, 3))
        return (eye + np.roll(eye, 1, 1) + np.roll(eye, -1, 1)) / 3

    @staticmethod
    def mean_of_neighbours(adjacency: Any) -> np.ndarray:
        """Propagation by the mean over a node and its neighbours, of a graph given by its adjacency matrix."""
        a = real_array("adjacency", adjacency, "a square array")
        if a.ndim != 2 or a.shape[0] != a.shape[1] or (a < 0).any() or not np.isfinite(a).all():
            raise ArgumentError(f"`adjacency` must be square and not negative; got shape {a.shape}")
        a = a + np.eye(len(a))
        return a / a.sum(1, keepdims=True)

    @classmethod
    def random(
        cls, propagation: Any, features: int, sigma_w2: float, sigma_b2: float = 0.0, activation: Any = "tanh", seed: Any = 0
    ) -> GraphConvolution:
        """Gaussian weights and biases."""
        a = real_array("propagation", propagation, "a square array")
        if a.ndim != 2 or a.shape[0] != a.shape[1] or np.abs(a.sum(1) - 1).max() > 1e-9:
            raise ArgumentError("`propagation` must be a square array whose rows sum to 1: see GraphConvolution.mean_of_neighbours")
        rng = np.random.default_rng(seed)
        features = whole_number("features", features, 1)
        weight = normal_weights(rng, (features, features), features, sigma_w2)
        return cls(a, weight, rng.standard_normal(features) * math.sqrt(sigma_b2), as_activation(activation), (sigma_w2, sigma_b2))

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """The next preactivations."""
        return self.propagation @ self.phi.function(z) @ self.weight.T + self.bias

    def jvp(self, z: np.ndarray, v: np.ndarray) -> np.ndarray:
        """J v at z."""
        return self.propagation @ (self.phi.derivative(z) * v) @ self.weight.T

    def theory(self) -> NetworkPoint:
        """Mean-field theory of the state with all nodes equal."""
        return MeanField(self.phi).at(*self.variances)

    def modes(self) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues of A in descending order of absolute value, and its eigenvectors as columns."""
        values, vectors = np.linalg.eig(self.propagation)
        order = np.argsort(-np.abs(values), kind="stable")
        return values[order], vectors[:, order]

    def mode_exponents(self) -> np.ndarray:
        """lambda_k of each mode about the state with all nodes equal, in nats per layer, in descending order."""
        with np.errstate(divide="ignore"):
            return self.theory().lyapunov + np.log(np.abs(self.modes()[0]))
