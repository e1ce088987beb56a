"""Reference dynamical systems with published exponents, and maps and flows of your own."""

from weakchaos.systems.exact_maps import ArnoldCat, Bernoulli, Rotation, SkewShift, Tent
from weakchaos.systems.maps import Henon, Ikeda, Logistic, StandardMap
from weakchaos.systems.user import UserMap

__all__ = [
    "ArnoldCat",
    "Bernoulli",
    "Henon",
    "Ikeda",
    "Logistic",
    "Rotation",
    "SkewShift",
    "StandardMap",
    "Tent",
    "UserMap",
]
