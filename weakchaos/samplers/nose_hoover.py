"""The Nosé-Hoover thermostat as a sampler.

Hoover, Phys. Rev. A 31 (1985) 1695, doi:10.1103/PhysRevA.31.1695; Nosé, J. Chem. Phys. 81 (1984) 511, doi:10.1063/1.447334. With momenta p and gradient g
of the log density, ``x' = p, p' = g - zeta p, zeta' = (|p|**2 - d) / Q``. The density ``p(x) exp(-|p|**2 / 2 - Q zeta**2 / 2)`` is invariant, but an
orbit need not visit all of it: on a harmonic oscillator it provably does not (Legoll, Luskin and Moeckel, Arch. Ration. Mech. Anal. 184 (2007) 449,
arXiv:math/0511178). The steps are a symmetric splitting, that of a chain of length 1 (see `weakchaos.samplers.thermostatted`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from weakchaos.core.arguments import positive
from weakchaos.samplers.thermostatted import CHAIN, Thermostatted

__all__ = ["NoseHoover"]


@dataclass(frozen=True)
class NoseHoover(Thermostatted):
    r"""The Nosé-Hoover thermostat: deterministic motion whose averages are those of the target where it is ergodic.

    Parameters
    ----------
    step_size : float, optional
        Length of a step in units of time. Warm-up tunes it when it is not given.
    mass : float
        Mass of the thermostat per coordinate that it holds: Q = d * mass.
    per_coordinate : bool
        Whether each coordinate has a thermostat of its own; otherwise one holds all.
    inverse_mass : array of shape (dim,), optional
        The diagonal of the metric, one variance per coordinate. When it is not given, it is 1 for every coordinate at first, and warm-up replaces it
        by the variances of its draws.
    energy_variance : float
        Warm-up chooses the step size so that the error W of one step (see `weakchaos.samplers.thermostatted`) has this variance per coordinate.

    Notes
    -----
    With momenta p, g the gradient of the log density and Q the mass of the thermostat,

    $$\dot x = p, \qquad \dot p = g - \zeta p, \qquad \dot \zeta = \frac{|p|^2 - d}{Q},$$

    of which the density $\pi(x) \exp(-|p|^2 / 2 - Q \zeta^2 / 2)$ is invariant.

    A step evaluates one gradient and takes no number from a driver: the seed decides only the momenta and thermostats at the start. ``stats`` holds ``lp``,
    ``energy_error`` (W), ``diverging`` (whether a step left the support or had an error of 1000 or more; such a step is not taken, and the momenta are reversed),
    ``step_size`` and ``n_steps``. No step is rejected, so averages have a bias, and an orbit often does not visit
    all of the target: run several chains and read ``trace.check()``.

    References
    ----------
    Hoover, Phys. Rev. A 31 (1985) 1695, doi:10.1103/PhysRevA.31.1695.

    Examples
    --------
    >>> import weakchaos as wc
    >>> system = NoseHoover(step_size=0.01).bind(wc.zoo.gaussian([1.0]))
    >>> state = system.start(1)
    >>> state.phase[:] = 0.0, 1.5, 0.0
    >>> bool((system.advance(state, 200_000) ** 2).mean() < 0.8)  # it should be 1: this orbit lies on a torus
    True
    """

    step_size: float | None = None
    mass: float = 1.0
    per_coordinate: bool = False
    inverse_mass: Any = None
    energy_variance: float = 5e-4

    def __post_init__(self):
        super().__post_init__()
        positive("mass", self.mass)

    def thermostat(self, dim: int) -> tuple[int, float, float, int, int]:
        """Kind, two numbers, how many thermostats, and variables of each."""
        return CHAIN, float(self.mass), 0.0, dim if self.per_coordinate else 1, 1
