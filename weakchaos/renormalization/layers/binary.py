"""Layers of binary units with uncertain states, and their deformation by a two-qubit gate.

Bondesan and Welling, ICML 2021, arXiv:2010.11189: a unit receives the sum of products of +-1 inputs and weights, each a qubit in a product state. By the central
limit theorem only mean and variance of the sum matter: m' = erf(mu / (sqrt 2 sigma)). Without a gate mu = sum w m and sigma^2 = sum (1 - w^2 m^2), m the
means of the inputs. A gate U between each input and its weight replaces Z Z by U^+ Z Z U, whose square is still 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array, real_number, whole_number
from weakchaos.core.errors import ArgumentError

__all__ = ["BinaryLayer", "QuantumLayer"]


def _weights(weight: Any) -> np.ndarray:
    w = real_array("weight", weight)
    if w.ndim != 2 or not (np.abs(w) <= 1).all():
        raise ArgumentError("`weight` must be a matrix of means of +-1 weights, from -1 to 1")
    return w


def _erf(x: np.ndarray) -> np.ndarray:
    from scipy.special import erf

    return erf(x)


@dataclass(frozen=True)
class BinaryLayer:
    """m' = erf(mu / (sqrt 2 sigma)) on arrays of means of shape (batch, n).

    Attributes
    ----------
    weight : array of shape (n, n)
        Means of the weights, from -1 to 1.

    Examples
    --------
    >>> layer = BinaryLayer.random(200, 0.9)
    >>> round(layer.exponent(0.9), 4)  # 0.5 ln(2 a^2 / pi): ordered whatever the weights are
    -0.3312
    """

    weight: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _weights(self.weight))

    @classmethod
    def random(cls, n: int, a: float, seed: Any = 0) -> BinaryLayer:
        """Weights +-a with random signs."""
        n, a = whole_number("n", n, 1), real_number("a", a)
        return cls(a * (2.0 * np.random.default_rng(seed).integers(0, 2, (n, n)) - 1))

    def _sums(self, m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return m @ self.weight.T, np.sqrt(np.maximum(self.weight.shape[1] - (m * m) @ (self.weight**2).T, 1e-300))

    def __call__(self, m: np.ndarray) -> np.ndarray:
        """The next means."""
        mu, sigma = self._sums(m)
        return _erf(mu / (math.sqrt(2) * sigma))

    def jvp(self, m: np.ndarray, v: np.ndarray) -> np.ndarray:
        """J v at m."""
        mu, sigma = self._sums(m)
        slope = math.sqrt(2 / math.pi) * np.exp(-0.5 * (mu / sigma) ** 2)
        return slope * ((v @ self.weight.T) / sigma + mu / sigma**3 * ((m * v) @ (self.weight**2).T))

    @staticmethod
    def exponent(a: float) -> float:
        """0.5 ln(2 a^2 / pi), the limit of the largest exponent for weights +-a when the means have decayed; it would be 0 at a = sqrt(pi / 2) > 1."""
        return 0.5 * math.log(2 * a * a / math.pi)


_PAULI = {
    "I": np.eye(2, dtype=complex),
    "X": np.array([[0, 1], [1, 0]], complex),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1.0 + 0j, -1]),
}


@dataclass(frozen=True)
class QuantumLayer:
    """A binary layer whose inputs and weights are pure qubits, (1 + m Z + sqrt(1 - m^2) X) / 2, joined by a gate.

    Attributes
    ----------
    weight : array of shape (n, n)
        <Z> of the weights.
    gate : complex array of shape (4, 4)
        The unitary U on (input, weight); `turned` makes exp(-i angle Y Z / 2), a rotation of the input whose direction depends on the weight.

    Examples
    --------
    >>> weight = BinaryLayer.random(50, 0.8).weight
    >>> m = np.linspace(-0.5, 0.5, 50)[None]
    >>> bool(np.allclose(QuantumLayer.turned(weight, 0.0)(m), BinaryLayer(weight)(m)))
    True
    """

    weight: np.ndarray
    gate: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _weights(self.weight))
        u = np.asarray(self.gate, complex)
        if u.shape != (4, 4) or np.abs(u.conj().T @ u - np.eye(4)).max() > 1e-9:
            raise ArgumentError("`gate` must be a unitary matrix of shape (4, 4) on (input, weight)")
        object.__setattr__(self, "gate", u)
        observable = u.conj().T @ np.kron(_PAULI["Z"], _PAULI["Z"]) @ u
        # <B> = sum_PQ c_PQ r_P s_Q in the Bloch components (1, Z, X) of input and weight; Y vanishes for real states.
        c = [[0.25 * np.trace(observable @ np.kron(_PAULI[p], _PAULI[q])).real for q in "IZX"] for p in "IZX"]
        object.__setattr__(self, "_components", np.array(c))

    @classmethod
    def turned(cls, weight: Any, angle: float) -> QuantumLayer:
        """The gate exp(-i angle Y Z / 2): <B> = cos(angle) w m + sin(angle) sqrt(1 - m^2), up to the sign of the angle."""
        generator = np.kron(_PAULI["Y"], _PAULI["Z"])
        half = 0.5 * real_number("angle", angle)
        return cls(weight, math.cos(half) * np.eye(4) - 1j * math.sin(half) * generator)

    def _pairs(self) -> np.ndarray:
        """Coefficients of (1, m, sqrt(1 - m^2)) for each weight, shape (n, n, 3)."""
        w = self.weight
        bloch = np.stack([np.ones_like(w), w, np.sqrt(np.maximum(1 - w * w, 0))], -1)
        return bloch @ self._components.T  # type: ignore[attr-defined]

    def __call__(self, m: np.ndarray) -> np.ndarray:
        """The next means."""
        mean, sigma, _ = self._sums(m)
        return _erf(mean / (math.sqrt(2) * sigma))

    def _sums(self, m: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        state = np.stack([np.ones_like(m), m, np.sqrt(np.maximum(1 - m * m, 0))], -1)
        single = np.einsum("oip,bip->boi", self._pairs(), state)
        return single.sum(-1), np.sqrt(np.maximum((1 - single**2).sum(-1), 1e-300)), single

    def jvp(self, m: np.ndarray, v: np.ndarray) -> np.ndarray:
        """J v at m, for means inside of (-1, 1)."""
        mean, sigma, single = self._sums(m)
        root = np.sqrt(np.maximum(1 - m * m, 1e-300))
        change = np.stack([np.zeros_like(m), v, -m * v / root], -1)
        moved = np.einsum("oip,bip->boi", self._pairs(), change)
        d_mean, d_sigma = moved.sum(-1), -(single * moved).sum(-1) / sigma
        slope = math.sqrt(2 / math.pi) * np.exp(-0.5 * (mean / sigma) ** 2)
        return slope * (d_mean / sigma - mean * d_sigma / sigma**2)
