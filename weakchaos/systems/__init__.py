"""Reference dynamical systems with published exponents, and maps and flows of your own."""

from typing import TYPE_CHECKING

from weakchaos.core.faces import face

if TYPE_CHECKING:
    from weakchaos.systems.exact_maps import ArnoldCat as ArnoldCat
    from weakchaos.systems.exact_maps import Bernoulli as Bernoulli
    from weakchaos.systems.exact_maps import Rotation as Rotation
    from weakchaos.systems.exact_maps import SkewShift as SkewShift
    from weakchaos.systems.exact_maps import Tent as Tent
    from weakchaos.systems.extended import CoupledMapLattice as CoupledMapLattice
    from weakchaos.systems.extended import Lorenz96 as Lorenz96
    from weakchaos.systems.extended import MackeyGlass as MackeyGlass
    from weakchaos.systems.flows import Lorenz as Lorenz
    from weakchaos.systems.flows import Rossler as Rossler
    from weakchaos.systems.flows import SprottJerk as SprottJerk
    from weakchaos.systems.hamiltonian import DoublePendulum as DoublePendulum
    from weakchaos.systems.hamiltonian import HenonHeiles as HenonHeiles
    from weakchaos.systems.maps import Henon as Henon
    from weakchaos.systems.maps import Ikeda as Ikeda
    from weakchaos.systems.maps import Logistic as Logistic
    from weakchaos.systems.maps import StandardMap as StandardMap
    from weakchaos.systems.named_systems import from_dysts as from_dysts
    from weakchaos.systems.named_systems import from_tsdynamics as from_tsdynamics
    from weakchaos.systems.thermostats import NoseHoover as NoseHoover
    from weakchaos.systems.thermostats import Thermostat0532 as Thermostat0532
    from weakchaos.systems.user import UserFlow as UserFlow
    from weakchaos.systems.user import UserMap as UserMap
else:
    __getattr__, __dir__ = face(__name__)
