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
    """Chains of Nosé-Hoover thermostats, one a coordinate: deterministic motion that is far more often ergodic than one thermostat is.

    Parameters
    ----------
    step_size : float, optional
        Length of a step in units of time; tuned during warm-up when not given.
    length : int
        Thermostats of a chain.
    mass : float
        Of each thermostat, times the number of coordinates for the one that holds momenta.
    per_coordinate : bool
        Whether each coordinate has a chain of its own; otherwise one chain holds all.
    inverse_mass : array of shape (dim,), optional
        Diagonal metric; the variances of the draws of warm-up when not given, ones before that.
    energy_variance : float
        Variance per step and dimension of the error W of `weakchaos.samplers.thermostatted` that the step size is tuned to.

    Notes
    -----
    A step costs one gradient and takes no number from a driver; a seed gives the momenta and thermostats at the start. ``stats`` holds ``lp``,
    ``energy_error`` (W), ``diverging`` (a step that left the support or had an error of 1000 or more: it is not taken, and the momenta reversed),
    ``step_size`` and ``n_steps``. The sampler is unadjusted and not proven ergodic: run several chains and read ``trace.check()``.

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
