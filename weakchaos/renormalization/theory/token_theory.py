"""Two exponents of a stack of transformer layers, at initialisation and near the state in which all tokens are equal.

Around that state differences split: equal for all tokens (longitudinal: what gradients and differences between inputs follow), and summing to 0 over tokens
(transverse: the angles between tokens). Softmax over equal logits is uniform whatever the queries and keys are, so attention averages values and passes no
transverse difference on. For blocks x <- rms(a x + b F(x)), in logarithms of squares,

    attention, variance s_v^2 per value:  transverse ln a^2 / (a^2 + b^2 s_v^2),  longitudinal 0
    W2 phi(W1 x), m = s2^2 E phi(s1 z)^2, chi = s1^2 s2^2 E phi'(s1 z)^2:  both ln (a^2 + b^2 chi) / (a^2 + b^2 m).

For rectified units chi = m, so that the longitudinal exponent is 0 and tokens always collapse; for odd functions chi >= m (Poincare's inequality), and there
is a phase in which tokens repel. The pair of exponents is that of Cowsik, Nebabu, Qi and Ganguli, arXiv:2403.02579 (angle and gradient exponent).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from weakchaos.core.arguments import number_that, real_number
from weakchaos.core.errors import ArgumentError
from weakchaos.renormalization.theory.mean_field import MeanField, mean_field

__all__ = ["TokenTheory", "token_theory"]


@dataclass(frozen=True)
class TokenTheory:
    """Exponents per layer (attention and MLP together), in logarithms of squares; half of them are nats of amplitude.

    Attributes
    ----------
    transverse : float
        Of differences between tokens (angle exponent).
    longitudinal : float
        Of differences that all tokens share (gradient exponent).
    """

    transverse: float
    longitudinal: float

    @property
    def phase(self) -> str:
        """ "tokens collapse", "tokens repel" or "critical"."""
        return "critical" if abs(self.transverse) < 1e-9 else "tokens collapse" if self.transverse < 0 else "tokens repel"


def token_theory(
    activation: Any = "relu",
    attention_skip: float = 1.0,
    attention_scale: float = 1.0,
    sigma_v: float = 1.0,
    mlp_skip: float = 1.0,
    mlp_scale: float = 1.0,
    sigma_1: float = math.sqrt(2),
    sigma_2: float = 1.0,
) -> TokenTheory:
    """The two exponents of post-norm transformer layers of infinite width.

    Parameters
    ----------
    activation : str, callable, Activation or MeanField
    attention_skip, attention_scale, sigma_v : float
        a, b and the standard deviation of a value (values and output projection together) for inputs of mean square 1.
    mlp_skip, mlp_scale : float
        a and b of the MLP block.
    sigma_1, sigma_2 : float
        Standard deviations of its weights times the root of fan-in.

    Returns
    -------
    TokenTheory

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> torch_default = token_theory("relu", attention_scale=6**-0.5)  # Xavier: 1/2 from the input, 1/3 from the output projection
    >>> round(torch_default.transverse, 5), abs(torch_default.longitudinal) < 1e-12
    (-0.15415, True)
    """
    al, be, sv, am, bm, m, chi = block_scales(
        activation, attention_skip, attention_scale, sigma_v, mlp_skip, mlp_scale, sigma_1, sigma_2
    )
    whole, made = al * al + be * be * sv * sv, am * am + bm * bm * m
    if whole == 0 or made == 0:
        raise ArgumentError("`attention_skip`, `attention_scale` and the MLP must pass something on: the stream is 0 after a block")
    through = am * am + bm * bm * chi
    longitudinal = math.log(through / made) if through > 0 else -math.inf
    transverse = math.log(al * al / whole) if al else -math.inf
    return TokenTheory(transverse + longitudinal, longitudinal)


def block_scales(
    activation: Any,
    attention_skip: float,
    attention_scale: float,
    sigma_v: float,
    mlp_skip: float,
    mlp_scale: float,
    sigma_1: float,
    sigma_2: float,
) -> tuple[float, ...]:
    """The checked numbers a, b, s_v of attention and a, b, m, chi of the MLP, for inputs of mean square 1."""
    theory = activation if isinstance(activation, MeanField) else mean_field(activation)
    names = ("attention_skip", "attention_scale", "sigma_v", "mlp_skip", "mlp_scale")
    values = (attention_skip, attention_scale, sigma_v, mlp_skip, mlp_scale)
    scales = [real_number(n, v) for n, v in zip(names, values, strict=True)]
    s1, s2 = (number_that(n, v, "a positive number", lambda x: x > 0) for n, v in (("sigma_1", sigma_1), ("sigma_2", sigma_2)))
    square, _, slope = theory.moments(s1 * s1)
    return (*scales, s2 * s2 * square, s1 * s1 * s2 * s2 * slope)
