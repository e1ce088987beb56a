"""Reference dynamical systems with published exponents, and maps and flows of your own."""

from typing import TYPE_CHECKING

from weakchaos.core.faces import face

if TYPE_CHECKING:
    from weakchaos.systems.exact_maps import ArnoldCat, Bernoulli, Rotation, SkewShift, Tent
    from weakchaos.systems.extended import CoupledMapLattice, Lorenz96, MackeyGlass
    from weakchaos.systems.flows import Lorenz, Rossler, SprottJerk
    from weakchaos.systems.hamiltonian import DoublePendulum, HenonHeiles
    from weakchaos.systems.maps import Henon, Ikeda, Logistic, StandardMap
    from weakchaos.systems.named_systems import from_dysts, from_tsdynamics
    from weakchaos.systems.thermostats import NoseHoover, Thermostat0532
    from weakchaos.systems.user import UserFlow, UserMap
else:
    __getattr__, __dir__ = face(__name__)

__all__ = [
    "ArnoldCat",
    "Bernoulli",
    "CoupledMapLattice",
    "DoublePendulum",
    "Henon",
    "HenonHeiles",
    "Ikeda",
    "Logistic",
    "Lorenz",
    "Lorenz96",
    "MackeyGlass",
    "NoseHoover",
    "Rossler",
    "Rotation",
    "SkewShift",
    "SprottJerk",
    "StandardMap",
    "Tent",
    "Thermostat0532",
    "UserFlow",
    "UserMap",
    "from_dysts",
    "from_tsdynamics",
]
