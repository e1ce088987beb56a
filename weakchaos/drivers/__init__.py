"""Drivers: streams of uniforms, from strongly chaotic generators to rotations with no chaos at all."""

from typing import TYPE_CHECKING

from weakchaos.core.faces import face

if TYPE_CHECKING:
    from weakchaos.drivers.antithetic import Antithetic as Antithetic
    from weakchaos.drivers.base import Driver as Driver
    from weakchaos.drivers.congruential import LCG as LCG
    from weakchaos.drivers.counter_based import Philox as Philox
    from weakchaos.drivers.cud_streams import CUD as CUD
    from weakchaos.drivers.kicked import StandardMap as StandardMap
    from weakchaos.drivers.lagged import KISS as KISS
    from weakchaos.drivers.lagged import LaggedFibonacci as LaggedFibonacci
    from weakchaos.drivers.lattice_rule import Lattice as Lattice
    from weakchaos.drivers.lowdiscrepancy import Halton as Halton
    from weakchaos.drivers.lowdiscrepancy import Sobol as Sobol
    from weakchaos.drivers.map_streams import ArnoldCat as ArnoldCat
    from weakchaos.drivers.map_streams import Chebyshev as Chebyshev
    from weakchaos.drivers.map_streams import Logistic as Logistic
    from weakchaos.drivers.map_streams import Tent as Tent
    from weakchaos.drivers.mixed import RestartedRotation as RestartedRotation
    from weakchaos.drivers.named import resolve as resolve
    from weakchaos.drivers.permuted import PermutedPoints as PermutedPoints
    from weakchaos.drivers.random import NumPyGenerator as NumPyGenerator
    from weakchaos.drivers.rotations import Rotation as Rotation
    from weakchaos.drivers.toral import IntervalExchange as IntervalExchange
    from weakchaos.drivers.toral import ToralMap as ToralMap
else:
    __getattr__, __dir__ = face(__name__)
