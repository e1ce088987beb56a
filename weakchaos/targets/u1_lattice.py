"""`U1Lattice`: compact U(1) gauge theory on a two-dimensional lattice, where everything is known and a run can look converged and be frozen.

    log p = beta sum_P cos(x_P),    x_P = right(r, c) + down(r, c + 1) - right(r + 1, c) - down(r, c)

for the links' angles right(r, c), from site (r, c) to (r, c + 1), and down(r, c), from (r, c) to (r + 1, c).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import weakchaos.targets.gauge_theory as gauge_theory
from weakchaos.core.arguments import MOST_COORDINATES, positive, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.flags import Flag, Kind
from weakchaos.core.variables import Variables
from weakchaos.native.compiled import kernel
from weakchaos.targets.density import Density

__all__ = ["U1Lattice"]

_CHANCE = 1e-5  # of a charge that stays the same in independent draws, below which a run is called frozen


@kernel
def _action(x, out, plaquettes, beta):
    for i in range(x.size):
        out[i] = 0.0
    total = 0.0
    for p in range(plaquettes.shape[0]):
        a, b, c, d = plaquettes[p, 0], plaquettes[p, 1], plaquettes[p, 2], plaquettes[p, 3]
        angle = x[a] + x[b] - x[c] - x[d]
        total += math.cos(angle)
        force = -beta * math.sin(angle)
        out[a] += force
        out[b] += force
        out[c] -= force
        out[d] -= force
    return beta * total


def _links(shape: tuple[int, int], periodic: bool) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The link that leaves each site to the right and downwards (-1 where there is none), and their names."""
    rows, columns = shape
    right, down = np.full(shape, -1), np.full(shape, -1)
    across, along = (columns, rows) if periodic else (columns - 1, rows - 1)
    right[:, :across] = np.arange(rows * across).reshape(rows, across)
    down[:along] = rows * across + np.arange(along * columns).reshape(along, columns)
    names = [f"right[{r},{c}]" for r in range(rows) for c in range(across)]
    return right, down, names + [f"down[{r},{c}]" for r in range(along) for c in range(columns)]


class U1Lattice(Density):
    """Compact U(1) gauge theory in two dimensions: an angle on each link of a square lattice, and ``beta sum cos(plaquette)`` as log density.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of sites, each at least 2.
    beta : float
        Inverse coupling, positive.
    periodic : bool
        Whether the lattice is a torus. With open boundaries plaquettes are independent, and the topological charge is free to change.
    start : {"hot", "cold"}
        Whether chains start from independent uniform angles or from zeros.

    Attributes
    ----------
    shape, beta, periodic
    plaquettes : int64 array of shape (V, 4)
        The links of each plaquette; the first two count with +, the last two with -.
    watched : tuple of str
        What running averages are of, in place of the angles, which gauge transformations move without end: the mean cosine of a plaquette, the
        topological charge and its square, and a Wilson loop around two plaquettes, which tells whether plaquettes are as independent as they should be.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Notes
    -----
    The exact values are those of A. A. Migdal, Sov. Phys. JETP 42 (1975) 413, on a finite torus: see `weakchaos.targets.gauge_theory`. The topological
    charge Q freezes on a torus of large beta: local moves hardly ever change it, whereas all that is local looks well (C. Bonati and P. Rossi,
    Phys. Rev. D 99 (2019) 054503, doi:10.1103/PhysRevD.99.054503). ``trace.check()`` says so.

    Examples
    --------
    >>> lattice = U1Lattice((8, 8), beta=2.0)
    >>> lattice.dim, round(lattice.exact_plaquette(), 5), round(lattice.exact_charge_variance(), 4)
    (128, 0.69777, 1.2393)
    """

    error_kind = "largest error of plaquette, charge, its square and a Wilson loop, in standard deviations of a draw"
    default_sampler = "samplers:HeatBath"

    def __init__(self, shape: Any, beta: Any, periodic: bool = True, start: str = "hot"):
        try:
            rows, columns = shape
        except (TypeError, ValueError) as error:
            raise ArgumentTypeError(f"`shape` must be two whole numbers, rows and columns of sites; got {shown(shape)}") from error
        self.shape = whole_number("shape", rows, 2, MOST_COORDINATES), whole_number("shape", columns, 2, MOST_COORDINATES)
        if 2 * math.prod(self.shape) > MOST_COORDINATES:
            raise ArgumentError(f"`shape` must have at most {MOST_COORDINATES // 2} sites; got {shown(shape)}")
        self.beta = positive("beta", beta)
        if self.beta > 1e6:
            raise ArgumentError(f"`beta` must be at most 1e6; got {shown(beta)}")
        if not isinstance(periodic, bool | np.bool_):
            raise ArgumentTypeError(f"`periodic` must be True or False; got {shown(periodic)}")
        if start not in ("hot", "cold"):
            raise ArgumentError(f"`start` must be 'hot' or 'cold'; got {shown(start)}")
        self.periodic, self.start = bool(periodic), start
        self._right, self._down, names = _links(self.shape, self.periodic)
        r, c = np.indices(self.shape if self.periodic else (self.shape[0] - 1, self.shape[1] - 1)).reshape(2, -1)
        below, beside = (r + 1) % self.shape[0], (c + 1) % self.shape[1]
        links = [self._right[r, c], self._down[r, beside], self._right[below, c], self._down[r, c]]
        self.plaquettes = np.ascontiguousarray(np.stack(links, 1))
        self._grid = self.shape if self.periodic else (self.shape[0] - 1, self.shape[1] - 1)
        self._loop = (1, 2) if self._grid[1] > 1 else (min(2, self._grid[0]), 1)
        self.watched = ("plaquette", "charge", "charge**2", f"wilson[{self._loop[0]},{self._loop[1]}]")
        dim = len(names)
        super().__init__(
            dim=dim,
            logp_and_grad=_action,
            data=(self.plaquettes, self.beta),
            names=names,
            name="U(1) lattice",
            start=np.zeros(dim) if start == "cold" else lambda rng: rng.uniform(-math.pi, math.pi, dim),
        )

    def __repr__(self) -> str:
        edge = "torus" if self.periodic else "open"
        return f"<U1Lattice {self.shape[0]} x {self.shape[1]}, beta {self.beta:g}, {edge}>"

    def __reduce__(self) -> Any:
        return U1Lattice, (self.shape, self.beta, self.periodic, self.start)

    def to_spec(self) -> tuple[dict, dict]:
        """Plain data, from which `from_spec` makes the lattice again."""
        return {"shape": list(self.shape), "beta": self.beta, "periodic": self.periodic, "start": self.start}, {}

    @classmethod
    def from_spec(cls, spec: dict, arrays: dict) -> U1Lattice:
        """The lattice that `to_spec` described."""
        return cls(tuple(spec["shape"]), spec["beta"], spec["periodic"], spec["start"])

    # ---- what is measured of draws -------------------------------------------------------------------------------------------------

    def _rows(self, draws: Any) -> np.ndarray:
        try:
            array = np.asarray(draws, np.float64)
        except (TypeError, ValueError) as error:
            raise ArgumentTypeError(f"`draws` must hold angles; got {shown(draws)}") from error
        if array.ndim == 0 or array.shape[-1] != self.dim:
            raise ArgumentError(f"`draws` must have shape (..., {self.dim}), an angle a link; got {array.shape}")
        if not np.isfinite(array).all():
            raise ArgumentError("`draws` must be finite; some are NaN or infinite")
        return array

    def plaquette_angles(self, draws: Any) -> np.ndarray:
        """The angles of the plaquettes in [-pi, pi), in radians; shape (..., V) for draws of shape (..., dim)."""
        x, (a, b, c, d) = self._rows(draws), self.plaquettes.T
        return np.mod(x[..., a] + x[..., b] - x[..., c] - x[..., d] + math.pi, 2.0 * math.pi) - math.pi

    def charge(self, draws: Any) -> np.ndarray:
        """The topological charge, the sum of the plaquettes' angles over 2 pi: whole numbers on a torus, shape (...)."""
        total = self.plaquette_angles(draws).sum(-1) / (2.0 * math.pi)
        return np.rint(total) + 0.0 if self.periodic else total  # never -0

    def wilson_loop(self, draws: Any, height: int, width: int) -> np.ndarray:
        """The cosine of the sum of the plaquettes' angles in a rectangle, averaged over all places of it; shape (...).

        Parameters
        ----------
        draws : array of shape (..., dim)
        height, width : int
            Of the rectangle, in plaquettes.
        """
        rows, columns = self._grid
        height, width = whole_number("height", height, 1, rows), whole_number("width", width, 1, columns)
        return self._loops(self.plaquette_angles(draws), height, width)

    def _loops(self, angles: np.ndarray, height: int, width: int) -> np.ndarray:
        rows, columns = self._grid
        angles = angles.reshape(*angles.shape[:-1], rows, columns)
        total = np.zeros_like(angles)
        for down in range(height):
            for right in range(width):
                total += np.roll(angles, (-down, -right), (-2, -1))
        if not self.periodic:
            total = total[..., : rows - height + 1, : columns - width + 1]
        return np.cos(total).mean((-2, -1))

    def measure(self, draws: Any) -> np.ndarray:
        """What is `watched`, shape (..., 4) for draws of shape (..., dim)."""
        angles = self.plaquette_angles(draws)
        charge = angles.sum(-1) / (2.0 * math.pi)
        if self.periodic:
            charge = np.rint(charge) + 0.0
        return np.stack([np.cos(angles).mean(-1), charge, charge**2, self._loops(angles, *self._loop)], -1)

    def derived(self, draws: np.ndarray, entropy: int) -> tuple[Variables, np.ndarray]:
        """Plaquette and charge of each draw, which `Trace` adds to the angles."""
        return Variables({"plaquette": (), "charge": ()}), self.measure(draws)[..., :2]

    def judged(self, draws: np.ndarray) -> tuple[np.ndarray, list[str], list[Flag]]:
        """What a check of a run judges in place of the angles: plaquette and charge, and a charge that never moved.

        See `Target.judged`.
        """
        if not np.isfinite(draws).all():
            return draws, self.names, []
        values = self.measure(draws)[..., :2]
        charge = values[..., 1]
        if not self.periodic or not charge.size or np.ptp(charge, axis=1).any():
            return values, ["plaquette", "charge"], []
        charges, p = gauge_theory.charge_distribution(self.beta, len(self.plaquettes))
        if math.log(max(float(p.max()), 1e-300)) * charge.size > math.log(_CHANCE):
            return values, ["plaquette", "charge"], []  # other charges are so rare that none had to come
        found = [
            Flag.of(Kind.FROZEN, where="charge", value=float(charge[0, 0]), draws=charge.size, sd=float(np.sqrt(p @ charges**2)))
        ]
        return values, ["plaquette", "charge"], found

    # ---- what is known -------------------------------------------------------------------------------------------------------------

    def exact_plaquette(self, harmonic: int = 1) -> float:
        """Expectation of cos(harmonic x_P)."""
        harmonic = whole_number("harmonic", harmonic, 1, 1000)
        return gauge_theory.angle_moment(self.beta, len(self.plaquettes), self.periodic, harmonic)

    def exact_wilson_loop(self, area: int) -> float:
        """Expectation of a Wilson loop around `area` plaquettes.

        Examples
        --------
        >>> lattice = U1Lattice((8, 8), 2.0)
        >>> round(lattice.exact_wilson_loop(4), 4)
        0.2371
        """
        area = whole_number("area", area, 1, len(self.plaquettes))
        return gauge_theory.wilson_loop(self.beta, len(self.plaquettes), self.periodic, area)

    def charge_distribution(self) -> tuple[np.ndarray, np.ndarray]:
        """The charges of a torus and their probabilities.

        Raises
        ------
        ArgumentError
            With open boundaries, where the charge is no whole number.
        """
        if not self.periodic:
            raise ArgumentError("with open boundaries the charge is no whole number; exact_charge_variance() has its variance")
        return gauge_theory.charge_distribution(self.beta, len(self.plaquettes))

    def exact_charge_variance(self) -> float:
        """Expectation of the squared topological charge."""
        if self.periodic:
            charges, p = self.charge_distribution()
            return float(p @ charges**2)
        return len(self.plaquettes) * gauge_theory.free_moment(self.beta, 2) / (2.0 * math.pi) ** 2

    def truth(self) -> tuple[np.ndarray | None, np.ndarray]:
        """Expectations of what is `watched`, and its standard deviations over draws (that of the Wilson loop as if its places did not overlap)."""
        v = len(self.plaquettes)
        mean, variance = gauge_theory.plaquette_moments(self.beta, v, self.periodic)
        if self.periodic:
            charges, p = self.charge_distribution()
            second, fourth = float(p @ charges**2), float(p @ charges.astype(float) ** 4)
        else:
            square, power = gauge_theory.free_moment(self.beta, 2), gauge_theory.free_moment(self.beta, 4)
            second = v * square / (2.0 * math.pi) ** 2
            fourth = (v * power + 3.0 * v * (v - 1) * square**2) / (2.0 * math.pi) ** 4
        # A charge that never changes (huge beta) has no scale of its own.
        area = math.prod(self._loop)
        loop, double = self.exact_wilson_loop(area), gauge_theory.angle_moment(self.beta, v, False, 2) ** area
        spread = np.sqrt([variance, second, fourth - second**2, max(0.5 * (1.0 + double) - loop**2, 0.0) / v])
        return np.array([mean, 0.0, second, loop]), np.where(spread > 1e-12, spread, 1.0)

    def judged_truth(self) -> np.ndarray | None:
        """All of `truth`."""
        return self.truth()[0]

    def given_truth(self, values: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """The user's own expectations of what is `watched`."""
        from weakchaos.targets.target import Target

        return Target.given_truth(self, values, n)[0], self.truth()[1]

    def draw_variance(self, averages: np.ndarray) -> np.ndarray:
        """Only that of the charge follows from the averages."""
        unknown = np.full(averages.shape, np.nan)
        unknown[..., 1] = np.maximum(averages[..., 2] - averages[..., 1] ** 2, 0.0)
        return unknown

    def estimand_names(self, n: int) -> list[str]:
        """Those of what is `watched`."""
        return list(self.watched)
