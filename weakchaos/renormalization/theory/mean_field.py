"""Mean-field theory of wide random networks: signals between order and chaos.

A layer is z' = W phi(z) + b with W_ij ~ N(0, sigma_w^2 / N), b_i ~ N(0, sigma_b^2). For N to infinity the preactivations of one input are
Gaussian of variance q, those of two inputs have correlation c, and both move by maps (Poole, Lahiri, Raghu, Sohl-Dickstein and Ganguli, NeurIPS
2016, arXiv:1606.05340; Schoenholz, Gilmer, Ganguli and Sohl-Dickstein, ICLR 2017, arXiv:1611.01232):

    q' = sigma_w^2 E phi(sqrt(q) z)^2 + sigma_b^2,        c' = (sigma_w^2 E phi(u) phi(v) + sigma_b^2) / q*,
    chi = sigma_w^2 E phi'(sqrt(q*) z)^2.

chi is the mean squared stretching of a small difference: below 1 inputs come together (order), above 1 they separate (chaos). Deviations from the
fixed points decay over xi_q = -1 / ln(dq'/dq) and xi_c = -1 / ln(sigma_w^2 E phi'(u) phi'(v)) layers; the second diverges at chi = 1.
With depth as time, 0.5 ln chi is the largest Lyapunov exponent per layer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.renormalization.theory.activations import Activation, activation
from weakchaos.renormalization.theory.criticality import HalfStable, critical_variance, half_stable_point
from weakchaos.renormalization.theory.gaussian import expectation, pair_expectation

__all__ = ["HalfStable", "MeanField", "NetworkPoint", "mean_field"]

_SMALL, _LARGE = 1e-9, 1e6  # lengths between which fixed points are looked for
_CRITICAL = 1e-9


@dataclass(frozen=True)
class NetworkPoint:
    """The values of the theory for one pair of variances.

    Attributes
    ----------
    sigma_w2, sigma_b2 : float
    q : float
        Length at the fixed point; infinite if it grows without bound, 0 if signals die out.
    length_slope : float
        dq'/dq at the fixed point.
    chi : float
        Mean squared stretching per layer.
    c : float
        Correlation of two different inputs after many layers, the stable fixed point.
    xi_q, xi_c : float
        Depth scales in layers; infinite at criticality.
    lyapunov : float
        0.5 ln chi, nats per layer.
    phase : {"ordered", "critical", "chaotic"}
    """

    sigma_w2: float
    sigma_b2: float
    q: float
    length_slope: float
    chi: float
    c: float
    xi_q: float
    xi_c: float
    lyapunov: float
    phase: str


def _scale_of(slope: float) -> float:
    size = abs(slope)
    if size == 0:
        return 0.0
    return math.inf if size >= 1 - 1e-14 else -1 / math.log(size)


def _variance(name: str, value: Any) -> float:
    number = real_number(name, value)
    if number < 0:
        raise ArgumentError(f"`{name}` must not be negative, as it is a variance; got {shown(value)}")
    return number


@dataclass(frozen=True)
class MeanField:
    """The mean-field theory of networks with one activation function; made by `mean_field`."""

    activation: Activation

    # ---- expectations --------------------------------------------------------------------------------------------------------------

    def moments(self, q: float) -> tuple[float, float, float]:
        """E phi^2, its derivative by q, and E phi'^2, at length q."""
        phi = self.activation
        if q <= 0:
            zero = np.zeros(1)
            value, slope = float(phi.function(zero)[0]), float(phi.derivative(zero)[0])
            gain = 0.5 * sum(s * s for s in phi.slopes) if phi.slopes else slope * slope
            return value * value, gain, gain
        if phi.slopes:
            gain = 0.5 * (phi.slopes[0] ** 2 + phi.slopes[1] ** 2)
            return gain * q, gain, gain
        root = math.sqrt(q)

        def rows(z: np.ndarray, x: np.ndarray) -> np.ndarray:
            f, d = phi.function(x), phi.derivative(x)
            return np.stack([f * f, f * d * z / root, d * d])

        square, slope, gain = expectation(rows, root, phi.kinks)
        return float(square), float(slope), float(gain)

    def pair(self, q: float, c: float) -> float:
        """E phi(u) phi(v) for u, v of length q and correlation c."""
        if self.activation.slopes:
            odd, even = self._odd_even()
            return q * (odd * odd * c + even * even * 2 / math.pi * (math.sqrt(max(1 - c * c, 0.0)) + c * math.asin(c)))
        return pair_expectation(self.activation.function, math.sqrt(q), c, self.activation.kinks)

    def pair_slope(self, q: float, c: float) -> float:
        """E phi'(u) phi'(v)."""
        if self.activation.slopes:
            odd, even = self._odd_even()
            return odd * odd + even * even * 2 / math.pi * math.asin(c)
        return pair_expectation(self.activation.derivative, math.sqrt(q), c, self.activation.kinks)

    def _odd_even(self) -> tuple[float, float]:
        left, right = self.activation.slopes or (0.0, 0.0)
        return 0.5 * (right + left), 0.5 * (right - left)

    # ---- maps ----------------------------------------------------------------------------------------------------------------------

    def length_map(self, q: float, sigma_w2: float, sigma_b2: float = 0.0) -> float:
        """The length one layer on.

        Examples
        --------
        >>> mean_field("relu").length_map(3.0, 2.0)
        3.0
        """
        return sigma_w2 * self.moments(q)[0] + sigma_b2

    def correlation_map(self, c: float, sigma_w2: float, sigma_b2: float = 0.0, q: float | None = None) -> float:
        """The correlation of two inputs one layer on, both at the length `q`, the fixed point by default.

        Examples
        --------
        >>> round(mean_field("relu").correlation_map(0.0, 2.0), 8)  # 1 / pi
        0.31830989
        """
        length = self.length(sigma_w2, sigma_b2) if q is None else q
        if not 0 < length < math.inf:
            raise ArgumentError(
                f"`q` must be a positive finite length; the fixed point is {length:g} at sigma_w2={sigma_w2:g}, sigma_b2={sigma_b2:g}"
            )
        return (sigma_w2 * self.pair(length, c) + sigma_b2) / self.length_map(length, sigma_w2, sigma_b2)

    def length(self, sigma_w2: float, sigma_b2: float = 0.0, start: float = 1.0) -> float:
        """The length reached after many layers by an input of length `start`; infinite where it grows without bound.

        Examples
        --------
        >>> round(mean_field("tanh").length(1.0, 0.05), 8)
        0.19359252
        """
        from scipy.optimize import brentq

        sigma_w2, sigma_b2 = _variance("sigma_w2", sigma_w2), _variance("sigma_b2", sigma_b2)

        def growth(q: float) -> float:
            return self.length_map(q, sigma_w2, sigma_b2) - q

        if self.activation.slopes:
            slope = sigma_w2 * self.moments(1.0)[1]
            if abs(slope - 1) < 1e-15:
                return start if sigma_b2 == 0 else math.inf
            return sigma_b2 / (1 - slope) if slope < 1 else (math.inf if start > 0 or sigma_b2 > 0 else 0.0)
        here = growth(start)
        if here == 0:
            return start
        factor = 2.0 if here > 0 else 0.5
        near, far = start, start * factor
        while growth(far) * here > 0:
            near, far = far, far * factor
            if far > _LARGE:
                return math.inf
            if far < _SMALL:
                return 0.0
        low, high = min(near, far), max(near, far)
        return float(brentq(growth, low, high, xtol=1e-15 * high, rtol=8.9e-16))

    # ---- points and lines ----------------------------------------------------------------------------------------------------------

    def at(self, sigma_w2: float, sigma_b2: float = 0.0, start: float = 1.0) -> NetworkPoint:
        """Fixed points, stretching, depth scales and phase at one pair of variances.

        Parameters
        ----------
        sigma_w2, sigma_b2 : float
            Variances of weights (times fan-in) and biases.
        start : float
            Length of the inputs, which matters if there are several fixed points.

        Returns
        -------
        NetworkPoint

        Raises
        ------
        ArgumentError

        Examples
        --------
        >>> point = mean_field("tanh").at(2.5, 0.05)
        >>> round(point.chi, 8), round(point.c, 8), point.phase
        (1.1335157, 0.44680423, 'chaotic')
        """
        sigma_w2, sigma_b2 = _variance("sigma_w2", sigma_w2), _variance("sigma_b2", sigma_b2)
        q = self.length(sigma_w2, sigma_b2, start)
        if math.isinf(q):
            # Far out the function is seen only through its slopes at infinity.
            _, slope, gain = self.moments(_LARGE)
            aligned = self.activation.slopes is not None and self._odd_even()[1] != 0
            return self._point(sigma_w2, sigma_b2, q, sigma_w2 * slope, sigma_w2 * gain, 1.0 if aligned else math.nan)
        _, slope, gain = self.moments(q)
        chi = sigma_w2 * gain
        c = 1.0 if chi <= 1 + _CRITICAL or q == 0 else self._correlation(q, sigma_w2, sigma_b2)
        return self._point(sigma_w2, sigma_b2, q, sigma_w2 * slope, chi, c)

    def _point(self, sigma_w2: float, sigma_b2: float, q: float, slope: float, chi: float, c: float) -> NetworkPoint:
        phase = "critical" if abs(chi - 1) <= _CRITICAL else "ordered" if chi < 1 else "chaotic"
        if math.isinf(q):
            # Lengths grow as fast as differences: angles close, but more slowly than exponentially.
            xi_c = math.inf if c == 1.0 else math.nan
        elif c == 1.0 or q == 0:
            xi_c = math.inf if phase == "critical" else _scale_of(chi)
        else:
            xi_c = _scale_of(sigma_w2 * self.pair_slope(q, c))
        lyapunov = 0.5 * math.log(chi) if chi > 0 else -math.inf
        return NetworkPoint(sigma_w2, sigma_b2, q, slope, chi, c, _scale_of(slope), xi_c, lyapunov, phase)

    def _correlation(self, q: float, sigma_w2: float, sigma_b2: float) -> float:
        """The stable fixed point below 1 in the chaotic phase: the map is convex there and leaves 1 with a slope above 1."""
        from scipy.optimize import brentq

        def growth(c: float) -> float:
            return (sigma_w2 * self.pair(q, c) + sigma_b2) / q - c

        low = growth(0.0)
        if abs(low) < 1e-15:
            return 0.0
        gap = 0.5
        while growth(1 - gap) > 0:
            gap /= 4
            if gap < 1e-14:
                return 1.0
        return float(brentq(growth, 0.0, 1 - gap, xtol=1e-14)) if low > 0 else float(brentq(growth, -1.0, 0.0, xtol=1e-14))

    def on_critical_line(self, q: float) -> tuple[float, float]:
        """The variances (sigma_w2, sigma_b2) for which the length q is fixed and chi = 1; the second may come out negative."""
        square, _, gain = self.moments(q)
        return 1 / gain, q - square / gain

    def critical(self, sigma_b2: float = 0.0) -> float:
        """The variance of weights at which chi = 1, for a variance of biases; the smallest one if there are several.

        Parameters
        ----------
        sigma_b2 : float

        Returns
        -------
        float
            sigma_w^2, times fan-in.

        Raises
        ------
        ArgumentError
            If no network with this variance of biases is critical.

        References
        ----------
        Schoenholz et al., ICLR 2017, arXiv:1611.01232.

        Examples
        --------
        >>> round(mean_field("tanh").critical(sigma_b2=0.05), 8)
        1.76095464
        >>> mean_field("relu").critical()
        2.0
        """
        return critical_variance(self, _variance("sigma_b2", sigma_b2))

    def critical_line(self, sigma_b2: Any) -> np.ndarray:
        """`critical` for each of several variances of biases; NaN if there is no critical variance."""
        values = np.atleast_1d(np.asarray(sigma_b2, np.float64))
        out = np.full(values.shape, np.nan)
        for i, b in np.ndenumerate(values):
            try:
                out[i] = self.critical(float(b))
            except ArgumentError:
                if not (np.isfinite(b) and b >= 0):
                    raise
        return out

    def half_stable(self) -> HalfStable | None:
        """The point where length and differences are both marginal at a length that is not zero; None where there is none.

        References
        ----------
        Roberts, Yaida and Hanin, The Principles of Deep Learning Theory, Cambridge 2022, section 5.3, arXiv:2106.10165.

        Examples
        --------
        >>> point = mean_field("gelu").half_stable()
        >>> round(point.sigma_w2, 6), round(point.sigma_b2, 6), round(point.q, 4)
        (1.983058, 0.172922, 3.5616)
        """
        return half_stable_point(self)

    def universality_class(self) -> str:
        """How lengths approach criticality: "scale-invariant", "K*=0", "half-stable", or "none" where the function has no such point.

        References
        ----------
        Roberts, Yaida and Hanin, The Principles of Deep Learning Theory, Cambridge 2022, chapter 5, arXiv:2106.10165.

        Examples
        --------
        >>> [mean_field(name).universality_class() for name in ("relu", "tanh", "swish", "sigmoid")]
        ['scale-invariant', 'K*=0', 'half-stable', 'none']
        """
        if self.activation.slopes:
            return "scale-invariant"
        if self.half_stable() is not None:
            return "half-stable"
        value, _, gain = self.moments(0.0)
        return "K*=0" if value < 1e-24 and gain > 1e-12 else "none"


def mean_field(activation_: Any, derivative: Any = None, kinks: Any = None) -> MeanField:
    r"""The mean-field theory of wide random networks with an activation function.

    Parameters
    ----------
    activation_ : str, callable or Activation
        "tanh", "relu", "gelu", ... or any function of float64 arrays.
    derivative : callable, optional
        Central differences by default.
    kinks : sequence of float, optional
        Places at which the derivative jumps; by default they are searched for between -12 and 12.

    Returns
    -------
    MeanField

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Notes
    -----
    For weights of variance $\sigma_w^2 / N$ and biases of variance $\sigma_b^2$, the variance q of preactivations and the correlation c of two inputs move by

    $$q' = \sigma_w^2 E \phi(\sqrt{q} z)^2 + \sigma_b^2, \qquad c' = \frac{\sigma_w^2 E \phi(u) \phi(v) + \sigma_b^2}{q^*},$$

    and small differences are stretched, and correlations forgotten, at the rates

    $$\chi = \sigma_w^2 E \phi'(\sqrt{q^*} z)^2, \qquad \xi_c = -\frac{1}{\ln\left(\sigma_w^2 E \phi'(u) \phi'(v)\right)},$$

    where z is normal, and u, v are normal of variance $q^*$ and of the correlation at the fixed point.

    References
    ----------
    Poole et al., NeurIPS 2016, arXiv:1606.05340; Schoenholz et al., ICLR 2017, arXiv:1611.01232.

    Examples
    --------
    >>> theory = mean_field("tanh")
    >>> theory.at(theory.critical(0.05), 0.05).phase
    'critical'
    """
    return MeanField(activation(activation_, derivative, kinks))
