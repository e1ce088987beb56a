"""Systems of many degrees of freedom: a lattice of coupled maps, Lorenz's atmosphere on a circle, a discretised delay equation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import carray

from weakchaos.core.arguments import MOST_COORDINATES, real_number, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.native.c_maps import NativeFunction
from weakchaos.systems.base import NativeMap
from weakchaos.systems.flow import NativeFlow

__all__ = ["CoupledMapLattice", "Lorenz96", "MackeyGlass"]


@NativeFunction
def _lattice(n, z, out, data):
    """Images of the sites, then their mean with those of both neighbours; the images wait in the work space behind the constants."""
    constants = carray(data, (4,), np.float64)
    size, coupling, logistic, rate = int(constants[0]), constants[1], constants[2] != 0.0, constants[3]
    work = carray(data, (4 + 2 * size,), np.float64)
    slope, image = work[4 : 4 + size], work[4 + size :]
    for i in range(size):
        if logistic:
            slope[i] = rate * (1.0 - 2.0 * z[i])
            image[i] = rate * z[i] * (1.0 - z[i])
        else:
            slope[i] = rate
            image[i] = rate * z[i] - np.floor(rate * z[i])
    for start in range(0, n, size):
        if start > 0:
            for i in range(size):
                image[i] = slope[i] * z[start + i]
        for i in range(size):
            left, right = image[i - 1 if i > 0 else size - 1], image[i + 1 if i + 1 < size else 0]
            out[start + i] = (1.0 - coupling) * image[i] + 0.5 * coupling * (left + right)
    return 0


@NativeFunction
def _lorenz96(n, z, out, data):
    constants = carray(data, (2,), np.float64)
    size, forcing = int(constants[0]), constants[1]
    for i in range(size):
        out[i] = (
            (z[i + 1 if i + 1 < size else 0] - z[i - 2 if i > 1 else i - 2 + size]) * z[i - 1 if i > 0 else size - 1]
            - z[i]
            + forcing
        )
    for v in range(size, n, size):
        for i in range(2, size - 1):
            out[v + i] = (z[v + i + 1] - z[v + i - 2]) * z[i - 1] + (z[i + 1] - z[i - 2]) * z[v + i - 1] - z[v + i]
        for i in (0, 1, size - 1):
            back, before, after = (i - 2) % size, (i - 1) % size, (i + 1) % size
            out[v + i] = (z[v + after] - z[v + back]) * z[before] + (z[after] - z[back]) * z[v + before] - z[v + i]
    return 0


@NativeFunction
def _mackey_glass(n, z, out, data):
    """x(t), x(t - h), ..., x(t - N h): the trapezoidal rule makes the next value, the others move one place."""
    constants = carray(data, (5,), np.float64)
    size, h, a, b, power = int(constants[0]), constants[1], constants[2], constants[3], constants[4]
    dim = size + 1
    late, later = z[size - 1], z[size]
    tall, taller = late**power, later**power
    scale = 1.0 / (2.0 + b * h)
    gain = (a * h * scale) / (1.0 + tall) ** 2 * (1.0 + (1.0 - power) * tall)
    gains = (a * h * scale) / (1.0 + taller) ** 2 * (1.0 + (1.0 - power) * taller)
    out[0] = ((2.0 - b * h) * z[0] + a * h * (late / (1.0 + tall) + later / (1.0 + taller))) * scale
    for i in range(size):
        out[i + 1] = z[i]
    for start in range(dim, n, dim):
        out[start] = (2.0 - b * h) * scale * z[start] + gain * z[start + size - 1] + gains * z[start + size]
        for i in range(size):
            out[start + i + 1] = z[start + i]
    return 0


@dataclass(frozen=True)
class CoupledMapLattice(NativeMap):
    """A ring of maps, each coupled to the images of its two neighbours: x_i -> (1 - ε) f(x_i) + ε (f(x_(i-1)) + f(x_(i+1))) / 2.

    For f(x) = rate x modulo 1 the derivative is a constant circulant matrix and the exponents are ln|rate (1 - ε (1 - cos(2π j / size)))|,
    j = 0 ... size - 1, exactly; for ε = 0 they are those of f. K. Kaneko, Prog. Theor. Phys. 72 (1984) 480, doi:10.1143/PTP.72.480.

    Parameters
    ----------
    size : int
    coupling : float
        ε, from 0 to 1.
    local : str
        ``"logistic"``: f(x) = rate x (1 - x); ``"shift"``: f(x) = rate x modulo 1.
    rate : float

    Examples
    --------
    >>> lattice = CoupledMapLattice(3, coupling=0.5, rate=4.0)
    >>> lattice.advance(lattice.start(position=[0.5, 0.0, 0.0]), 1).tolist()
    [[0.5, 0.25, 0.25]]
    """

    size: int = 32
    coupling: float = 0.1
    local: str = "logistic"
    rate: float = 3.9
    native = _lattice

    def __post_init__(self):
        whole_number("size", self.size, 2, MOST_COORDINATES), real_number("rate", self.rate)
        if not 0.0 <= real_number("coupling", self.coupling) <= 1.0:
            raise ArgumentError(f"`coupling` must be from 0 to 1; got {shown(self.coupling)}")
        if self.local not in ("logistic", "shift"):
            raise ArgumentError(f"`local` must be 'logistic' or 'shift'; got {shown(self.local)}")
        if self.local == "logistic" and not 0.0 <= self.rate <= 4.0:
            raise ArgumentError(
                f"`rate` of logistic maps must be from 0 to 4, or orbits leave the unit interval; got {shown(self.rate)}"
            )

    @property
    def dim(self) -> int:  # type: ignore[override]
        """The number of sites."""
        return self.size

    def parameters(self) -> np.ndarray:
        """size, coupling, which local map, rate; work space."""
        return np.concatenate([[self.size, self.coupling, self.local == "logistic", self.rate], np.zeros(2 * self.size)])

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Uniform in (0.1, 0.9)."""
        return rng.uniform(0.1, 0.9, self.size)


@dataclass(frozen=True)
class Lorenz96(NativeFlow):
    """Lorenz's model of an atmosphere on a circle: x_i' = (x_(i+1) - x_(i-2)) x_(i-1) - x_i + forcing.

    With 40 sites and forcing 8 small errors double in 2.1 days of 0.2 units of time each, an exponent of 1.65, and 13 exponents are positive
    (E. N. Lorenz and K. A. Emanuel, J. Atmos. Sci. 55 (1998) 399, doi:10.1175/1520-0469(1998)055<0399:OSFSWO>2.0.CO;2); dimension about 27
    (A. Karimi and M. R. Paul, Chaos 20 (2010) 043105, arXiv:0906.3496). The sum of all exponents is -size.

    Parameters
    ----------
    size : int
        At least 4.
    forcing : float
    step, method, tolerance :
        See `weakchaos.systems.flow.Flow`.

    Examples
    --------
    >>> Lorenz96(4).vector_field([8.0, 8.0, 8.0, 9.0]).tolist()
    [0.0, -8.0, 8.0, -1.0]
    """

    size: int = 40
    forcing: float = 8.0
    step: float = 0.02
    method: str = "rk4"
    tolerance: float = 1e-9
    native = _lorenz96

    def __post_init__(self):
        super().__post_init__()
        whole_number("size", self.size, 4, MOST_COORDINATES)

    @property
    def dim(self) -> int:  # type: ignore[override]
        """The number of sites."""
        return self.size

    def parameters(self) -> np.ndarray:
        """size and forcing."""
        return np.array([self.size, self.forcing], np.float64)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """The steady state with normal noise of standard deviation 1."""
        return self.forcing + rng.standard_normal(self.size)


@dataclass(frozen=True)
class MackeyGlass(NativeMap):
    """The Mackey-Glass delay equation x' = a x(t - τ) / (1 + x(t - τ)**power) - b x(t), as a map of `size` + 1 values τ / size apart.

    The next value is made by the trapezoidal rule, as by P. Grassberger and I. Procaccia, Physica D 9 (1983) 189,
    doi:10.1016/0167-2789(83)90298-1; exponents are per unit time. The five largest at τ = 17, where chaos is weak, are 0.0052, 0, -0.0388, -0.0527 and -0.0698 here with the
    default size; J. D. Farmer, Physica D 4 (1982) 366, doi:10.1016/0167-2789(82)90042-2, gives the spectra for many delays. M. C. Mackey and
    L. Glass, Science 197 (1977) 287, doi:10.1126/science.267326.

    Parameters
    ----------
    delay, a, b, power : float
    size : int
        Steps in a delay.

    Examples
    --------
    >>> MackeyGlass(size=4).advance(MackeyGlass(size=4).start(position=[1, 1, 1, 1, 1]), 1).tolist()  # 1 is the fixed point
    [[1.0, 1.0, 1.0, 1.0, 1.0]]
    """

    delay: float = 17.0
    a: float = 0.2
    b: float = 0.1
    power: float = 10.0
    size: int = 100
    native = _mackey_glass

    def __post_init__(self):
        whole_number("size", self.size, 2, MOST_COORDINATES)
        for name in ("delay", "a", "b", "power"):
            if not real_number(name, getattr(self, name)) > 0.0:
                raise ArgumentError(f"`{name}` must be positive; got {shown(getattr(self, name))}")

    @property
    def dim(self) -> int:  # type: ignore[override]
        """size + 1."""
        return self.size + 1

    @property
    def time_step(self) -> float:  # type: ignore[override]
        """Units of time one step takes: delay / size."""
        return self.delay / self.size

    def parameters(self) -> np.ndarray:
        """size, step of time, a, b, power."""
        return np.array([self.size, self.delay / self.size, self.a, self.b, self.power])

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """A constant past, drawn from (0.5, 1.2)."""
        return np.full(self.size + 1, rng.uniform(0.5, 1.2))
