"""How the two kinds of differences of tokens change through a stack of transformer layers of finite depth, with the norm after or before the branches.

With x <- a x + b F(x / rms x), the norm before the branch (Xiong et al., arXiv:2002.04745), the mean square q of the stream grows with depth, and so no exponent
per layer describes the stack. Relative to q, in logarithms of squares, for a state of equal tokens at which the stream enters with q:

    attention:   q' = a^2 q + b^2 s_v^2,  transverse ln a^2 q / q',  longitudinal 0
    W2 phi(W1 x): q' = a^2 q + b^2 m,     both ln (a^2 q + b^2 chi) / q'

with m and chi of `weakchaos.renormalization.theory.token_theory`. For a = 1 and branches that do not depend on depth, q grows in proportion to depth, and
differences become powers of depth: with A = b^2 s_v^2 of the attention, M = b^2 m and C = b^2 chi of the MLP, the powers are C / (A + M) - 1 and
(A + C) / (A + M) - 1. Branches scaled by one over the root of the depth change everything by a factor that has a limit for infinite depth (Hayou et al.,
arXiv:2010.12859; Noci et al., arXiv:2206.03126). Attention without skip connection takes all transverse differences to first order: -inf.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_number, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.renormalization.theory.token_theory import block_scales

__all__ = ["TokenFlow", "token_flow"]


@dataclass(frozen=True)
class TokenFlow:
    """What a stack does to the stream and to differences, in logarithms of squares; half of them are nats of amplitude.

    Attributes
    ----------
    stream : array of shape (depth + 1,)
        Mean square of the tokens before each layer, and after the last.
    by_layer : array of shape (depth, 2)
        Transverse and longitudinal growth of each layer (attention and MLP together), relative to the stream.
    powers : tuple of float, or None
        Powers of the depth with which the squares of transverse and longitudinal differences change in deep stacks; None if they are no powers of it.
    """

    stream: np.ndarray
    by_layer: np.ndarray
    powers: tuple[float, float] | None

    @property
    def transverse(self) -> float:
        """Total of all layers, of differences between tokens."""
        return float(self.by_layer[:, 0].sum())

    @property
    def longitudinal(self) -> float:
        """Total of all layers, of differences that all tokens share."""
        return float(self.by_layer[:, 1].sum())

    @property
    def sentence(self) -> str:
        """The verdict from both: what is left after all layers."""
        depth = len(self.by_layer)
        return f"After {depth} layers {between(self.transverse)}, and {shared(self.longitudinal)}."


def between(total: float) -> str:
    """What the total growth of squares of differences between tokens means, in words."""
    if abs(total) < 2:
        return "differences between tokens last through all layers"
    return f"tokens {'become alike' if total < 0 else 'repel each other'}, {_by(total)}"


def shared(total: float) -> str:
    """The same of differences that all tokens share, which gradients follow."""
    if abs(total) < 2:
        return "gradients keep their size"
    return f"gradients {'vanish' if total < 0 else 'explode'}, {_by(total)}"


def _by(total: float) -> str:
    return (
        f"by a factor of {math.exp(min(abs(total) / 2, 700.0)):.3g} in all"
        if math.isfinite(total)
        else "in one layer, to first order"
    )


def token_flow(
    depth: int,
    activation: Any = "relu",
    attention_skip: float = 1.0,
    attention_scale: float = 1.0,
    sigma_v: float = 1.0,
    mlp_skip: float = 1.0,
    mlp_scale: float = 1.0,
    sigma_1: float = math.sqrt(2),
    sigma_2: float = 1.0,
    norm: str = "pre",
    branch_power: float = 0.0,
) -> TokenFlow:
    """Stream and differences through a stack of transformer layers of infinite width, near the state of equal tokens.

    Parameters
    ----------
    depth : int
        Number of layers, each of attention and MLP.
    activation, attention_skip, attention_scale, sigma_v, mlp_skip, mlp_scale, sigma_1, sigma_2
        As in `token_theory`.
    norm : {"pre", "post"}
        Whether each branch reads a normalised stream, or the stream is normalised after each branch is added.
    branch_power : float
        Both branches are multiplied by ``depth ** -branch_power``; 1/2 makes what a stack does independent of its depth.

    Returns
    -------
    TokenFlow

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> flow = token_flow(24, "relu", attention_scale=6**-0.5, sigma_1=3**-0.5, sigma_2=3**-0.5)  # PyTorch's start with norm_first=True
    >>> round(float(flow.stream[-1]), 2), abs(flow.longitudinal) < 1e-9
    (6.33, True)
    >>> [round(p, 2) for p in flow.powers]  # tokens become alike as a power of the depth, not by a rate
    [-0.75, 0.0]
    """
    count = whole_number("depth", depth, 1, 10**6)
    if norm not in ("pre", "post"):
        raise ArgumentError(f'`norm` must be "pre" or "post"; got {shown(norm)}')
    shrink = count ** -real_number("branch_power", branch_power)
    a, b, s, c, d, m, chi = block_scales(
        activation, attention_skip, attention_scale, sigma_v, mlp_skip, mlp_scale, sigma_1, sigma_2
    )
    made, m, chi = (b * shrink * s) ** 2, (d * shrink) ** 2 * m, (d * shrink) ** 2 * chi
    stream, rates, q = [1.0], [], 1.0
    for _ in range(count):
        mixed = a * a * q + made
        whole = c * c * (mixed if norm == "pre" else 1.0) + m
        if not (0 < mixed < math.inf and 0 < whole < math.inf):
            raise ArgumentError(
                "`attention_skip`, `mlp_skip` and the branches must keep the stream finite and above 0 through all layers"
            )
        passed = c * c * (mixed if norm == "pre" else 1.0) + chi
        along = math.log(passed / whole) if passed else -math.inf
        rates.append((along + (math.log(a * a * q / mixed) if a else -math.inf), along))
        q = whole if norm == "pre" else 1.0
        stream.append(q)
    grown = made + m
    plain = norm == "pre" and a * a == 1 and c * c == 1 and branch_power == 0 and grown > 0
    return TokenFlow(np.array(stream), np.array(rates), (chi / grown - 1, (made + chi) / grown - 1) if plain else None)
