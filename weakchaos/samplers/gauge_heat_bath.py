"""The heat bath of U(1) lattice gauge theory: each link is drawn from its distribution given all others, with moves between topological sectors.

Given the rest, a link x has density exp(beta |F| cos(x - arg F)) for the sum F of its two staples: a von Mises distribution, drawn by the rejection
method of D. J. Best and N. I. Fisher, Applied Statistics 28 (1979) 152, doi:10.2307/2346732.

On a torus an instanton move adds to all links a configuration of charge +1 or -1 whose plaquettes are all 2 pi / V, and accepts the result with the
probability of Metropolis: this changes the charge where single links hardly ever do (compare the winding moves of D. Albandea, P. Hernandez, A. Ramos and
F. Romero-Lopez, Eur. Phys. J. C 81 (2021) 873, arXiv:2106.14234).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from weakchaos.core.arguments import whole_number
from weakchaos.core.counters import ACCEPTED, STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.drivers.base import stream_addresses
from weakchaos.native.compiled import draw_uniform, kernel
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.continuous import BoundContinuous
from weakchaos.targets.u1_lattice import U1Lattice

__all__ = ["HeatBath"]

_TURN = 2.0 * math.pi


@njit(nogil=True, error_model="numpy")
def _von_mises(kappa, stream, stream_state):
    """An angle in (-pi, pi] of density ~ exp(kappa cos x)."""
    if kappa < 1e-8:
        return _TURN * draw_uniform(stream, stream_state) - math.pi
    if kappa < 1e-5:
        r = 1.0 / kappa + kappa  # the formula below loses all digits there
    else:
        tau = 1.0 + math.sqrt(1.0 + 4.0 * kappa * kappa)
        rho = (tau - math.sqrt(2.0 * tau)) / (2.0 * kappa)
        r = (1.0 + rho * rho) / (2.0 * rho)
    while True:
        z = math.cos(math.pi * draw_uniform(stream, stream_state))
        f = (1.0 + r * z) / (r + z)
        c = kappa * (r - f)
        u = 1.0 - draw_uniform(stream, stream_state)  # not 0
        if c * (2.0 - c) > u or math.log(c / u) + 1.0 >= c:
            break
    angle = math.acos(min(1.0, max(-1.0, f)))
    return angle if draw_uniform(stream, stream_state) < 0.5 else -angle


@njit(nogil=True, error_model="numpy")
def _angle(x, plaquettes, p):
    return x[plaquettes[p, 0]] + x[plaquettes[p, 1]] - x[plaquettes[p, 2]] - x[plaquettes[p, 3]]


@njit(nogil=True, error_model="numpy")
def _wrapped(angle):
    return angle - _TURN * math.floor((angle + math.pi) / _TURN)


@kernel
def _sweeps(
    beta, plaquettes, around, signs, instanton, instantons, stream, stream_state, x, counters, n, every, draws, stats
):  # fmt: skip
    count = plaquettes.shape[0]
    taken = 0
    for t in range(n):
        for link in range(x.size):
            real, imaginary = 0.0, 0.0
            for side in range(2):
                p = around[link, side]
                if p >= 0:
                    # The angle of the link at which this plaquette has the largest cosine.
                    best = x[link] - signs[link, side] * _angle(x, plaquettes, p)
                    real += math.cos(best)
                    imaginary += math.sin(best)
            kappa = beta * math.hypot(real, imaginary)
            x[link] = _wrapped(math.atan2(imaginary, real) + _von_mises(kappa, stream, stream_state))
        for _ in range(instantons):
            sign = 1.0 if draw_uniform(stream, stream_state) < 0.5 else -1.0
            gain = 0.0
            for p in range(count):
                angle = _angle(x, plaquettes, p)
                gain += math.cos(angle + sign * _TURN / count) - math.cos(angle)
            if math.log(1.0 - draw_uniform(stream, stream_state)) <= beta * gain:
                taken += 1
                counters[ACCEPTED] += 1
                for link in range(x.size):
                    x[link] = _wrapped(x[link] + sign * instanton[link])
        counters[STEPS] += 1
        if (t + 1) % every == 0:
            row = (t + 1) // every - 1
            if draws.shape[0] > 0:
                for link in range(x.size):
                    draws[row, link] = x[link]
            if stats.shape[0] > 0 and stats.shape[1] > 0:
                stats[row, 0] = taken / (instantons * every)
            taken = 0
    return n


def plaquettes_of_links(target: U1Lattice) -> tuple[np.ndarray, np.ndarray]:
    """The plaquettes of each link, -1 where there is no second one, and the signs with which it counts there."""
    around, signs = np.full((target.dim, 2), -1), np.zeros((target.dim, 2))
    for p, links in enumerate(target.plaquettes):
        for link, sign in zip(links, (1.0, 1.0, -1.0, -1.0), strict=True):
            side = int(around[link, 0] >= 0)
            around[link, side], signs[link, side] = p, sign
    return around, signs


def uniform_instanton(target: U1Lattice) -> np.ndarray:
    """Angles of the links, shape (dim,), with which all plaquettes of a torus are 2 pi / V up to whole turns: charge 1, the least action of it.

    Examples
    --------
    >>> lattice = U1Lattice((3, 4), 1.0)
    >>> lattice.plaquette_angles(uniform_instanton(lattice)).round(6).tolist() == [round(2 * math.pi / 12, 6)] * 12
    True
    """
    rows, columns = target.shape
    x = np.zeros(target.dim)
    x[target._right] = -_TURN * np.arange(rows)[:, None] / (rows * columns)
    x[target._down[-1]] = _TURN * np.arange(columns) / columns
    return x


class BoundHeatBath(BoundContinuous):
    """Phase: the angles of the links. A step is a sweep over all links, then the instanton moves."""

    uniforms_per_step = None
    least_uniforms = 1

    def __init__(self, sampler: HeatBath, target: U1Lattice, driver: Any):
        super().__init__(sampler, target, driver)
        self._around, self._signs = plaquettes_of_links(target)
        self._instanton = uniform_instanton(target) if target.periodic else np.zeros(target.dim)
        self.stats_names = ("acceptance_rate",) if sampler.instantons else ()

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        target = self.target
        return _sweeps(
            target.beta, target.plaquettes, self._around, self._signs, self._instanton, self.sampler.instantons, *stream_addresses(state.driver),
            state.phase, state.counters, n, every, draws, stats,
        )  # fmt: skip


@dataclass(frozen=True)
class HeatBath(Sampler):
    r"""The heat bath of a `U1Lattice`: one sweep over all links a draw, and moves that change the topological charge of a torus.

    Parameters
    ----------
    instantons : int
        Proposals of a change of the charge by one after each sweep; 0 for none, as in the plain heat bath, whose charge freezes on a torus of large beta.

    Notes
    -----
    With F the sum of the two staples of a link, the link has the density

    $$p(x) \propto \exp\left(\beta |F| \cos(x - \mathrm{arg} F)\right).$$

    The statistic ``acceptance_rate`` is that of the instanton moves; their cost grows with 2 pi^2 beta / V, so that large lattices accept most of them.

    Examples
    --------
    >>> import weakchaos as wc
    >>> lattice = wc.targets.U1Lattice((8, 8), beta=2.0)
    >>> trace = wc.sample(lattice, HeatBath(instantons=1), draws=2000, warmup=100, seed=1, progress=False)
    >>> bool(abs(trace["plaquette"].mean() - lattice.exact_plaquette()) < 0.003)
    True
    """

    instantons: int = 0

    def __post_init__(self):
        object.__setattr__(self, "instantons", whole_number("instantons", self.instantons, 0, 10**6))

    def bind(self, target: Any, driver: Any = "pcg64") -> BoundHeatBath:
        """The system of this sampler on a `U1Lattice`."""
        self.require(target, U1Lattice, "a U1Lattice")
        if self.instantons and not target.periodic:
            raise ArgumentError("`instantons` must be 0 for open boundaries, which have no topological sectors to move between")
        return BoundHeatBath(self, target, driver)
