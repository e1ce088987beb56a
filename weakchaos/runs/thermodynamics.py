"""Thermal averages of a run that recorded observables, their responses, and errors that know how slowly draws forget each other.

With e the energy a unit, m the magnetisation, n units and inverse temperature beta:

    heat capacity        beta^2 n (<e^2> - <e>^2)
    susceptibility       beta n (<m^2> - <m>^2),     with |m| in place of m beside it
    Binder cumulant      1 - <m^4> / (3 <m^2>^2)                                            (Binder, Z. Phys. B 43 (1981) 119)
    correlation length   sqrt(n <m^2> / <S> - 1) / (2 sin(pi / L))                          (Cooper, Freedman and Preston, Nucl. Phys. B 210 (1982) 210)

Errors of averages come from integrated autocorrelation times, ``tau = 1 + 2 sum_t rho(t)``, cut by Geyer's rule (Stat. Sci. 7 (1992) 473); those of the others from a jackknife
over blocks of successive draws (Efron, Ann. Stat. 7 (1979) 1), because they are no averages.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.core.scatter import jackknife_error, standard_error
from weakchaos.core.text_table import aligned
from weakchaos.runs.convergence import effective_size

__all__ = ["Measured", "Thermodynamics", "measure_thermodynamics"]

_BLOCKS, _LEAST_BLOCKS = 64, 8
_WITHIN = 3.0  # autocorrelation times that a block should hold


class Measured(NamedTuple):
    """A value and its standard error (None where there are too few draws for one); the autocorrelation time in draws, of averages."""

    value: float
    error: float | None
    tau: float | None = None


@dataclass(frozen=True)
class Thermodynamics:
    """What a run measured of its target; ``result["heat capacity"].value``, ``.error``.

    Attributes
    ----------
    measured : dict of Measured
        Averages of ``energy``, ``magnetisation``, ``structure factor``, of squares and fourth powers; ``heat capacity``, ``susceptibility``, ``connected susceptibility``
        (with the absolute magnetisation), ``Binder cumulant`` and, on a hyper-cubic lattice, ``correlation length``.
    block_length : int
        Draws in each block of the jackknife.
    long_enough : bool
        Whether a block holds three times the longest autocorrelation time; if not, all errors are too small, and the run should be longer.
    """

    measured: dict[str, Measured]
    block_length: int
    long_enough: bool

    def __getitem__(self, name: str) -> Measured:
        """One of `measured`."""
        if name not in self.measured:
            raise ArgumentError(f"`name` must be one of {', '.join(self.measured)}; got {name!r}")
        return self.measured[name]

    def table(self) -> str:
        """All values as aligned text."""
        return aligned([{"quantity": name, **m._asdict()} for name, m in self.measured.items()])

    def __str__(self) -> str:
        """The table, and a sentence if the run is too short for its errors."""
        if self.long_enough:
            return self.table()
        longest = max(m.tau for m in self.measured.values() if m.tau is not None)
        return (
            f"{self.table()}\n\nErrors are too small: an observable needs {longest:.3g} draws to forget its past, and the blocks of the jackknife "
            f"have {self.block_length}. Draw more."
        )


def _jackknife(blocks: np.ndarray, f: Callable[[np.ndarray], float]) -> Measured:
    """A function of averages, bias removed, from the averages of blocks of equal length, shape (blocks, k)."""
    count, total = len(blocks), blocks.mean(0)
    value = f(total)
    if count < _LEAST_BLOCKS:
        return Measured(value, None)
    left_out = np.array([f((total * count - block) / (count - 1)) for block in blocks])
    if not np.isfinite(left_out).all():
        return Measured(value, None)
    return Measured(float(count * value - (count - 1) * left_out.mean()), float(jackknife_error(left_out)))


def _coldest(trace: Any) -> tuple[dict[str, np.ndarray], float]:
    """What was drawn, by name, of shape (chains, draws), and its inverse temperature."""
    names = list(trace.names)
    if trace.record != "draws" or names[:2] != ["energy", "magnetisation"]:
        raise ArgumentError("`thermodynamics` needs a run that recorded observables: sample(..., record='observables')")
    draws = np.asarray(trace.draws, np.float64)
    return {name: draws[..., k] for k, name in enumerate(names)}, float(getattr(trace.system.target, "beta", 1.0))


def _at_temperature(trace: Any, temperature: Any) -> tuple[dict[str, np.ndarray], float]:
    """The same of one temperature of a ladder, from the statistics of its run."""
    stats, target = trace.stats, trace.system.target
    betas, beta = trace.tuning.get("betas"), float(getattr(target, "beta", 1.0))
    wrong = "`temperature` is for runs of ParallelTempering with draws, of models of discrete units without zeros in their tables"
    if betas is None or "log_density_0" not in stats or "zeros_0" in stats or target.continuous or beta == 0.0:
        raise ArgumentError(f"{wrong}; leave it out to measure what was drawn")
    k = whole_number("temperature", temperature, 0, betas.shape[1] - 1)
    series = {"energy": -np.asarray(stats[f"log_density_{k}"]) / (beta * target.dim)}
    for name in ("magnetisation", "structure factor"):
        kept = stats.get(f"{name.replace(' ', '_')}_{k}")
        if kept is not None:
            series[name] = np.asarray(kept)
    return series, beta * float(betas[0, k])


def measure_thermodynamics(trace: Any, temperature: int | None = None) -> Thermodynamics:
    """See `weakchaos.Trace.thermodynamics`."""
    if trace.system is None:
        raise ArgumentError(trace.why_no_system("thermodynamics"))
    if trace.weights is not None:
        raise ArgumentError("`thermodynamics` needs draws that count alike, and those of this run have weights")
    target = trace.system.target
    found, beta = _coldest(trace) if temperature is None else _at_temperature(trace, temperature)
    energy, m = found["energy"], found.get("magnetisation")
    chains, n = energy.shape
    if n < 2:
        raise ArgumentError(f"`thermodynamics` needs at least two draws of each chain; this run has {n}")
    units = target.dim
    series = {"energy": energy, "energy^2": energy**2, "energy^4": energy**4}
    if m is not None:
        series |= {"magnetisation": m, "|magnetisation|": np.abs(m), "magnetisation^2": m**2, "magnetisation^4": m**4}
    if "structure factor" in found:
        series["structure factor"] = found["structure factor"]
    measured, longest = {}, 1.0
    for name, x in series.items():
        size = effective_size(x) if n > 3 else math.nan
        tau = x.size / size
        longest = max(longest, tau)
        error = float(standard_error(x.ravel())) * math.sqrt(tau) if n > 3 else None
        measured[name] = Measured(float(x.mean()), error, tau if n > 3 else None)
    of_a_chain = max(1, min(_BLOCKS // chains + 1, n // 2))
    length = n // of_a_chain
    kept = np.stack(list(series.values()), -1)[:, n - of_a_chain * length :]
    blocks = kept.reshape(chains * of_a_chain, length, -1).mean(1)
    at = {name: k for k, name in enumerate(series)}

    def spread(a: np.ndarray, first: str, second: str) -> float:
        return float(a[at[second]] - a[at[first]] ** 2)

    derived: dict[str, Callable[[np.ndarray], float]] = {
        "heat capacity": lambda a: beta**2 * units * spread(a, "energy", "energy^2")
    }
    if m is not None:
        derived |= {
            "susceptibility": lambda a: beta * units * spread(a, "magnetisation", "magnetisation^2"),
            "connected susceptibility": lambda a: beta * units * spread(a, "|magnetisation|", "magnetisation^2"),
        }
    if m is not None and (m != 0).any():
        derived["Binder cumulant"] = lambda a: float(1.0 - a[at["magnetisation^4"]] / (3.0 * a[at["magnetisation^2"]] ** 2))
    side = _longest_side(target)
    if "structure factor" in at and side is not None and measured["structure factor"].value > 0:

        def length_of(a: np.ndarray) -> float:
            ratio = units * a[at["magnetisation^2"]] / a[at["structure factor"]] - 1.0
            return math.sqrt(ratio) / (2.0 * math.sin(math.pi / side)) if ratio >= 0 else math.nan

        if math.isfinite(length_of(blocks.mean(0))):
            derived["correlation length"] = length_of
    measured.update({name: _jackknife(blocks, f) for name, f in derived.items()})
    return Thermodynamics(measured, length, length >= _WITHIN * longest)


def _longest_side(target: Any) -> int | None:
    shape = getattr(target, "shape", None)  # of lattices of any size, which list no sites
    geometry = getattr(target, "geometry", None) if shape is None else None
    if geometry is not None and geometry.kind == "cubic":
        shape = geometry.shape
    return max(shape) if shape is not None and max(shape) > 2 else None
