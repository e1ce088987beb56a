"""Names of drivers, and what may stand for a driver."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import Any

import numpy as np

from weakchaos import drivers
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.drivers.base import Driver
from weakchaos.drivers.random import NumPyGenerator

__all__ = ["NAMED", "WITH_NUMBER", "resolve"]

_NUMPY = ("pcg64", "pcg64dxsm", "mt19937", "philox", "sfc64")
# For each name what makes the driver: a class of `weakchaos.drivers`, or a constructor of one.
NAMED = {
    "randu": "LCG.randu",
    "minstd": "LCG.minstd",
    "toy-lcg": "LCG.toy",
    "knuth": "LCG.knuth",
    "logistic": "Logistic",
    "chebyshev": "Chebyshev",
    "tent": "Tent",
    "cat": "ArnoldCat",
    "golden": "Rotation",
    "exchange": "IntervalExchange",
    "elliptic-torus": "ToralMap.elliptic",
    "parabolic-torus": "ToralMap.parabolic",
    "hyperbolic-torus": "ToralMap.hyperbolic",
    "r250": "LaggedFibonacci.r250",
    "r521": "LaggedFibonacci.r521",
    "r1279": "LaggedFibonacci.r1279",
    "kiss": "KISS",
    "philox4x32": "Philox",
}
# The same where a number follows the name, as in "sobol-8".
WITH_NUMBER = {
    "rotation": "Rotation",
    "sobol": "Sobol",
    "halton": "Halton",
    "lattice": "Lattice",
    "cud": "CUD",
    "permuted": "PermutedPoints",
}


def _make(path: str, *arguments: int) -> Driver:
    return attrgetter(path)(drivers)(*arguments)


def resolve(driver: Any) -> Driver:
    """The driver for a name, for one of NumPy's bit generators, or for a driver (which is returned as it is).

    Parameters
    ----------
    driver : Driver, str, or numpy.random.BitGenerator or Generator
        Names are ``"pcg64"``, ``"pcg64dxsm"``, ``"mt19937"``, ``"philox"``, ``"sfc64"``, ``"randu"``, ``"minstd"``, ``"toy-lcg"``,
        ``"knuth"``, ``"logistic"``, ``"chebyshev"``, ``"tent"``, ``"cat"``, ``"golden"``, ``"exchange"``, ``"elliptic-torus"``,
        ``"parabolic-torus"``, ``"hyperbolic-torus"``, ``"r250"``, ``"r521"``, ``"r1279"``, ``"kiss"`` and ``"philox4x32"``; with a
        dimension ``"rotation-8"``, ``"sobol-8"``, ``"halton-8"`` and ``"lattice-8"`` (a lattice of 2**16 points); and with a degree
        ``"cud-16"`` (a run of 2**16 - 1 draws) and ``"permuted-14"`` (a run of 2**14 draws). A driver opens its streams from seeds; so of
        NumPy's bit generators and Generators, classes or instances, only the kind is used and not their state.

    Raises
    ------
    ArgumentError
        For an unknown name or kind, or a dimension that the driver does not have.
    ArgumentTypeError
        For anything else.

    Examples
    --------
    >>> resolve("sobol-8")
    Sobol(dimension=8, scramble=True)
    >>> resolve(np.random.PCG64) == resolve("pcg64")
    True
    """
    if isinstance(driver, Driver):
        return driver
    if isinstance(driver, np.random.Generator):
        driver = driver.bit_generator
    if isinstance(own := getattr(driver, "driver", None), Driver):  # one of ours handed to NumPy
        return own
    kind = driver if isinstance(driver, type) else type(driver)
    if issubclass(kind, np.random.BitGenerator):
        if kind is not getattr(np.random, kind.__name__, None):
            raise ArgumentError(
                f"`driver` must be {_accepted()}; got {shown(driver)}: a bit generator of another make may give any numbers; write a Driver whose streams are it, "
                "and every number of theirs is checked"
            )
        driver = kind.__name__
    elif issubclass(kind, Driver):
        raise ArgumentTypeError(f"`driver` must be an instance; got the class {kind.__name__}: write {kind.__name__}(...)")
    if not isinstance(driver, str):
        raise ArgumentTypeError(f"`driver` must be {_accepted()}; got {shown(driver)}")
    name = driver.lower()
    if name in _NUMPY:
        return NumPyGenerator(name)
    if name in NAMED:
        return _make(NAMED[name])
    sized = re.fullmatch(rf"({'|'.join(WITH_NUMBER)})-([0-9]{{1,9}})", name)
    if sized is None:
        raise ArgumentError(f"`driver` must be {_accepted()}; got {shown(driver)}")
    return _make(WITH_NUMBER[sized[1]], int(sized[2]))


def _accepted() -> str:
    names = [
        *_NUMPY,
        *NAMED,
        *(
            f"{name}-d (d the {'degree' if name in ('cud', 'permuted') else 'dimension'}, as in {name}-{16 if name in ('cud', 'permuted') else 8})"
            for name in WITH_NUMBER
        ),
    ]
    return f"a Driver, one of NumPy's bit generators, or one of the names {', '.join(names)}"
