"""Self-attention: tokens that attend to each other become alike.

If all tokens are equal, attention is their mean, whatever the queries and keys are: its Jacobian is V on changes that all tokens share and zero on
differences between tokens, so these vanish faster than exponentially (Dong, Cordonnier and Loukas, ICML 2021, arXiv:2103.03404). A residual
connection preserves them: the exponent of differences between tokens is then 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_number, whole_number
from weakchaos.renormalization.layers.basic import normal_weights

__all__ = ["Attention"]


@dataclass(frozen=True)
class Attention:
    """One head of self-attention on arrays of shape (batch, tokens, n).

    Attributes
    ----------
    query_key : array of shape (n, n)
        Scores are x_s' M x_t.
    value : array of shape (n, n)
    residual : bool
        Whether the tokens are added to the output.

    Examples
    --------
    >>> layer = Attention.random(8)
    >>> tokens = np.random.default_rng(0).normal(size=(1, 5, 8))
    >>> bool(np.ptp(layer(tokens), axis=1).mean() < np.ptp(tokens, axis=1).mean())
    True
    """

    query_key: np.ndarray
    value: np.ndarray
    residual: bool = False

    @classmethod
    def random(cls, n: int, strength: float = 1.0, sigma_v2: float = 1.0, residual: bool = False, seed: Any = 0) -> Attention:
        """Gaussian weights; scores of unit tokens have standard deviation `strength`."""
        rng = np.random.default_rng(seed)
        n = whole_number("n", n, 1)
        scores = rng.standard_normal((n, n)) * real_number("strength", strength) / n
        return cls(scores, normal_weights(rng, (n, n), n, sigma_v2), residual)

    def weights(self, x: np.ndarray) -> np.ndarray:
        """Attention weights: how much each token attends to each other token, shape (batch, tokens, tokens)."""
        scores = np.einsum("bsi,ij,btj->bst", x, self.query_key, x)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        return scores / scores.sum(-1, keepdims=True)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The next tokens."""
        out = self.weights(x) @ x @ self.value.T
        return x + out if self.residual else out

    def jvp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """J v at x."""
        a = self.weights(x)
        scores = np.einsum("bsi,ij,btj->bst", v, self.query_key, x) + np.einsum("bsi,ij,btj->bst", x, self.query_key, v)
        change = a * (scores - (a * scores).sum(-1, keepdims=True))
        out = (change @ x + a @ v) @ self.value.T
        return v + out if self.residual else out

    def exponents_of_equal_tokens(self, tokens: int) -> np.ndarray:
        """Logarithms of the singular values of the Jacobian at equal tokens, in descending order, shape (tokens * n,).

        They are exact: those of V (of 1 + V with the residual connection) for changes that all tokens share, and minus infinity (0 with the residual
        connection) for each difference between tokens.
        """
        n = len(self.value)
        shared = np.linalg.svd(self.value + np.eye(n) * self.residual, compute_uv=False)
        apart = np.full((whole_number("tokens", tokens, 1) - 1) * n, 0.0 if self.residual else -np.inf)
        with np.errstate(divide="ignore"):
            return np.sort(np.concatenate([np.log(shared), apart]))[::-1]
