"""The sampler `ParallelTempering`: its parameters, and their checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array, real_number, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.packed_ising import PackedIsing
from weakchaos.samplers.tempering.ladder import checked_betas
from weakchaos.samplers.tempering.packed_tempering import BoundPackedTempering
from weakchaos.samplers.tempering.parallel import BoundTempering
from weakchaos.targets.density import Density

__all__ = ["ParallelTempering"]

_TEMPERATURES, _MOST = 10, 1000


@dataclass(frozen=True)
class ParallelTempering(Sampler):
    r"""Parallel tempering with non-reversible swaps, around any sampler of a density or of discrete units: for targets whose chains get stuck.

    Replicas of the inner sampler run at inverse temperatures from a hot one, which goes everywhere, to 1, the target itself, and neighbours in temperature change
    places now and then. The draws are those of the replica at 1.

    Parameters
    ----------
    inner : Sampler
        Any sampler of a `Density`, or of discrete units; deterministic ones, `PackedIsing`, and `ESH` with its weights too. `ArrayRQMC` is refused.
    n_temperatures : int, optional
        How many temperatures; 10 by default. Where they stand is tuned in the first half of warm-up, so that swaps are refused equally often everywhere.
    betas : sequence of float, optional
        The inverse temperatures themselves, multiples of the target's own, rising to 1; nothing is tuned then. ``n_temperatures`` follows from them.
    reference : Density or (mean, sd), optional
        For a `Density`: where the path begins. Between beta = 0 and 1 the density is ``reference ** (1 - beta) * target ** beta``; numbers or arrays are those of
        a normal distribution of the coordinates. Without it the density is ``target ** beta``.
    hottest : float
        The beta of the hottest replica of a `Density` without a reference, whose power 0 cannot be normalised.
    swap_every : int
        Steps of the inner sampler between rounds of swaps; of each walker, for an ensemble.
    copies : {1, 2}
        With 2, for Ising models and Boltzmann machines, there are two replicas of each temperature, and statistics hold their overlaps and link overlaps.
    clusters : bool
        Whether the two copies exchange clusters in which they differ (Houdayer moves) before each round of swaps.
    threads : int
        Threads in which replicas move; the draws do not depend on it. It pays for steps of more than about 0.1 ms when there are fewer chains than cores.

    Notes
    -----
    Neighbouring temperatures, of densities $\pi_k$ and $\pi_{k+1}$ at x and y, change places with probability

    $$\min\left(1, \frac{\pi_k(y) \pi_{k+1}(x)}{\pi_k(x) \pi_{k+1}(y)}\right).$$

    Path. Couplings and fields are multiplied by beta. In tables, entries are taken to the power beta and zeros become 1 - beta, so that hot replicas cross what no chain of the target can.
    A density is taken to the power beta in the coordinates in which samplers move, with the log-Jacobian of constraints: see `weakchaos.targets.tempered`.

    A step is a step of the inner sampler in every replica. ``stats`` holds those of the inner sampler and, with temperatures numbered from the hottest, ``swap_acceptance_k``
    (the probability with which temperatures k and k + 1 exchange replicas), ``round_trips`` (replicas that came back to the target by way of the hottest temperature),
    ``log_density_k`` (log p of the place at temperature k, with ``log_reference_k`` or ``zeros_k`` where the path has such), and with copies ``overlap_k`` and ``link_overlap_k``.
    With `PackedIsing` inside there are ``magnetisation_k`` and ``structure_factor_k`` too, and ``trace.thermodynamics(temperature=k)`` makes of these what a run at that
    temperature would; energy and heat capacity are measured so for every model of discrete units. ``trace.tuning["betas"]`` are the temperatures. `weakchaos.diagnostics.tempering` makes of these the barrier, the rate of round trips and the log of the normalisation.

    Each replica keeps what the inner sampler tunes at its temperature, and its momenta, thermostats, herding weights or billiard; positions alone are exchanged.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For fewer than two temperatures, a ladder that is negative or does not rise to 1, and a target without a temperature.

    References
    ----------
    Syed, Bouchard-Cote, Deligiannidis and Doucet, J. R. Stat. Soc. B 84 (2022) 321, arXiv:1905.02939.

    Examples
    --------
    >>> import weakchaos as wc
    >>> model = wc.Ising.lattice((4, 4), beta=0.8)  # magnetised: a chain of single spins stays up or down
    >>> trace = wc.sample(model, ParallelTempering(wc.samplers.Gibbs(), 6), draws=2000, warmup=500, seed=1, progress=False)
    >>> bool(abs(trace.draws.mean()) < 0.1), int(trace.stats["round_trips"].sum()) > 100
    (True, True)
    """

    inner: Any
    n_temperatures: int | None = None
    betas: Any = None
    reference: Any = None
    hottest: float = 0.01
    swap_every: int = 1
    copies: int = 1
    clusters: bool = False
    threads: int = 1

    def __post_init__(self):
        if isinstance(self.inner, type) or not isinstance(self.inner, Sampler):
            raise ArgumentTypeError(f"`inner` must be a sampler such as weakchaos.samplers.Gibbs(); got {shown(self.inner)}")
        if isinstance(self.inner, ParallelTempering):
            raise ArgumentError(
                "`inner` must be a sampler other than ParallelTempering: one ladder is enough; got a ParallelTempering"
            )
        put = lambda name, value: object.__setattr__(self, name, value)  # noqa: E731
        if self.betas is not None:
            if self.n_temperatures is not None:
                raise ArgumentError("`n_temperatures` follows from `betas`; leave one of them out")
            put("betas", checked_betas(self.betas))
            put("n_temperatures", None)
        elif self.n_temperatures is not None:
            put("n_temperatures", whole_number("n_temperatures", self.n_temperatures, 2, _MOST))
        if not 0.0 < real_number("hottest", self.hottest) < 1.0:
            raise ArgumentError(f"`hottest` must be between 0 and 1, the beta of the target; got {shown(self.hottest)}")
        for name, most in (("swap_every", 2**31), ("copies", 2), ("threads", 1024)):
            put(name, whole_number(name, getattr(self, name), 1, most))
        if self.clusters and self.copies != 2:
            raise ArgumentError(f"`clusters` exchanges clusters between two copies: it needs `copies` = 2; got {self.copies}")
        if self.reference is not None and not isinstance(self.reference, Density):
            put("reference", _normal_reference(self.reference))

    @property
    def size(self) -> int:
        """How many temperatures there are."""
        return len(self.betas) if self.betas is not None else self.n_temperatures or _TEMPERATURES

    @property
    def draws_observables(self) -> bool:  # type: ignore[override]
        """Whether draws are observables that are measured in each state, as those of the inner sampler are, and not the states."""
        return self.inner.draws_observables

    @property
    def adjusted(self) -> bool:
        """Whether the inner sampler's steps leave the target invariant."""
        return bool(getattr(self.inner, "adjusted", True))

    def bind(self, target: Any, driver: Any = "pcg64") -> BoundTempering:
        """The system of all replicas on a target that has a temperature."""
        return (BoundPackedTempering if isinstance(self.inner, PackedIsing) else BoundTempering)(self, target, driver)


def _normal_reference(reference: Any) -> tuple:
    """Mean and standard deviation of a normal reference, as numbers or tuples of numbers."""
    if not isinstance(reference, tuple | list) or len(reference) != 2:
        raise ArgumentTypeError(
            f"`reference` must be a Density, or the mean and the standard deviation of a normal one; got {shown(reference)}"
        )
    mean, sd = (real_array("reference", part, "a Density, or numbers or arrays") for part in reference)
    if not (np.isfinite(mean).all() and np.isfinite(sd).all() and (sd > 0).all()) or max(mean.ndim, sd.ndim) > 1:
        raise ArgumentError(f"`reference` must have finite means and positive standard deviations; got {shown(reference)}")
    return tuple(tuple(part.tolist()) if part.ndim else float(part) for part in (mean, sd))
