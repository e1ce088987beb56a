"""Chains of Nosé-Hoover thermostats as a sampler.

Martyna, Klein and Tuckerman, J. Chem. Phys. 97 (1992) 2635, doi:10.1063/1.463940. Each thermostat is itself held by the next: ``x' = p``,
``p' = g - zeta1 p``, ``zeta1' = (|p|**2 - n) / Q1 - zeta1 zeta2``, ``zetaj' = (Qj-1 zetaj-1**2 - 1) / Qj - zetaj zetaj+1``, the last without friction. The density
``p(x) exp(-|p|**2 / 2 - sum Qj zetaj**2 / 2)`` is invariant. The steps are the symmetric splitting of Martyna, Tuckerman, Tobias and Klein, Mol. Phys. 87 (1996)
1117, doi:10.1080/00268979600100761.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from weakchaos.core.arguments import positive, whole_number
from weakchaos.samplers.thermostatted import CHAIN, Thermostatted

__all__ = ["NoseHooverChain"]


@dataclass(frozen=True)
class NoseHooverChain(Thermostatted):
    r"""Chains of Nosé-Hoover thermostats, one for each coordinate: deterministic motion that visits all of a target far more often than one thermostat does.

    Parameters
    ----------
    step_size : float, optional
        Length of a step in units of time. Warm-up tunes it when it is not given.
    length : int
        Number of thermostats in a chain.
    mass : float
        Mass of each thermostat; the one that acts on the momenta has this mass times the number of its coordinates.
    per_coordinate : bool
        Whether each coordinate has a chain of its own; otherwise one chain holds all.
    inverse_mass : array of shape (dim,), optional
        The diagonal of the metric, one variance per coordinate. When it is not given, it is 1 for every coordinate at first, and warm-up replaces it
        by the variances of its draws.
    energy_variance : float
        Warm-up chooses the step size so that the error W of one step (see `weakchaos.samplers.thermostatted`) has this variance per coordinate.

    Notes
    -----
    Each thermostat is itself held by the next. With g the gradient of the log density and n the number of coordinates that the chain holds,

    $$\dot x = p, \quad \dot p = g - \zeta_1 p, \quad \dot \zeta_1 = \frac{|p|^2 - n}{Q_1} - \zeta_1 \zeta_2, \quad
    \dot \zeta_j = \frac{Q_{j-1} \zeta_{j-1}^2 - 1}{Q_j} - \zeta_j \zeta_{j+1}.$$

    A step evaluates one gradient and takes no number from a driver: the seed decides only the momenta and thermostats at the start. ``stats`` holds ``lp``,
    ``energy_error`` (W), ``diverging`` (whether a step left the support or had an error of 1000 or more; such a step is not taken, and the momenta are reversed),
    ``step_size`` and ``n_steps``. No step is rejected, so averages have a bias, and it is not proven that an orbit visits
    all of the target: run several chains and read ``trace.check()``.

    References
    ----------
    Martyna, Klein and Tuckerman, J. Chem. Phys. 97 (1992) 2635, doi:10.1063/1.463940.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 5.0]), NoseHooverChain(), draws=2000, thin=5, seed=1, progress=False)
    >>> bool(abs(trace.draws[..., 1].var() / 25.0 - 1.0) < 0.2)
    True
    """

    step_size: float | None = None
    length: int = 3
    mass: float = 1.0
    per_coordinate: bool = True
    inverse_mass: Any = None
    energy_variance: float = 5e-4

    def __post_init__(self):
        super().__post_init__()
        positive("mass", self.mass)
        whole_number("length", self.length, 1, 100)

    def thermostat(self, dim: int) -> tuple[int, float, float, int, int]:
        """Kind, two numbers, how many thermostats, and variables of each."""
        return CHAIN, float(self.mass), 0.0, dim if self.per_coordinate else 1, int(self.length)
