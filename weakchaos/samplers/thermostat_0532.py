"""The 0532 thermostat as a sampler of any density.

Hoover, Sprott and Hoover, Commun. Nonlinear Sci. Numer. Simul. 32 (2016) 234, arXiv:1504.07654, for the harmonic oscillator; here each coordinate of any number
has a thermostat of its own, with gradient g of the log density: ``xi' = pi``, ``pi' = gi - zetai (a pi + b pi**3)``,
``zetai' = a (pi**2 - 1) + b (pi**4 - 3 pi**2)``, a = 0.05 and b = 0.32. The density ``p(x) exp(-|p|**2 / 2 - |zeta|**2 / 2)`` is invariant. Two moments are held
instead of one, and on the oscillator one chaotic sea fills the space.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from weakchaos.core.arguments import positive
from weakchaos.samplers.thermostatted import CUBIC, Thermostatted

__all__ = ["Thermostat0532"]


@dataclass(frozen=True)
class Thermostat0532(Thermostatted):
    r"""The 0532 thermostat on every coordinate: deterministic, chaotic, and ergodic on a Gaussian as far as is known.

    Parameters
    ----------
    step_size : float, optional
        Length of a step in units of time. Warm-up tunes it when it is not given.
    a, b : float
        Strengths with which the thermostat holds the second (a) and the fourth (b) moment of each momentum.
    inverse_mass : array of shape (dim,), optional
        The diagonal of the metric, one variance per coordinate. When it is not given, it is 1 for every coordinate at first, and warm-up replaces it
        by the variances of its draws.
    energy_variance : float
        Warm-up chooses the step size so that the error W of one step (see `weakchaos.samplers.thermostatted`) has this variance per coordinate.

    Notes
    -----
    Each coordinate has a thermostat of its own. With g the gradient of the log density,

    $$\dot x_i = p_i, \qquad \dot p_i = g_i - \zeta_i (a p_i + b p_i^3), \qquad \dot \zeta_i = a (p_i^2 - 1) + b (p_i^4 - 3 p_i^2),$$

    of which the density $\pi(x) \exp(-|p|^2 / 2 - |\zeta|^2 / 2)$ is invariant.

    A step evaluates one gradient and takes no number from a driver: the seed decides only the momenta and thermostats at the start. ``stats`` holds ``lp``,
    ``energy_error`` (W), ``diverging`` (whether a step left the support or had an error of 1000 or more; such a step is not taken, and the momenta are reversed),
    ``step_size`` and ``n_steps``. No step is rejected, so averages have a bias. It is not proven that an orbit
    visits all of the target, and it is less likely where an inverse mass is far from the variance of its coordinate: run several chains and read ``trace.check()``.

    References
    ----------
    Hoover, Sprott and Hoover, Commun. Nonlinear Sci. Numer. Simul. 32 (2016) 234, arXiv:1504.07654.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 5.0]), Thermostat0532(0.1, inverse_mass=(1.0, 25.0)), draws=2000, thin=50, seed=1, progress=False)
    >>> bool(abs(trace.draws[..., 1].var() / 25.0 - 1.0) < 0.2)
    True
    """

    step_size: float | None = None
    a: float = 0.05
    b: float = 0.32
    inverse_mass: Any = None
    energy_variance: float = 1e-5

    def __post_init__(self):
        super().__post_init__()
        positive("a", self.a)
        positive("b", self.b)

    def thermostat(self, dim: int) -> tuple[int, float, float, int, int]:
        """Kind, two numbers, how many thermostats, and variables of each."""
        return CUBIC, float(self.a), float(self.b), dim, 1
