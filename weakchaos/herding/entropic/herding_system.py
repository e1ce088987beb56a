"""Entropic herding.

Yamashita, Suzuki and Aihara, Stat. Comput. 33 (2023) 31, doi:10.1007/s11222-022-10199-8, arXiv:2112.11616: herding whose every step yields a
distribution r_t instead of a state. With features phi of averages ``eta(q) = E_q phi``, moments m and entropy H

    r_t = argmin_q <a_{t-1}, eta(q)> - lambda H(q),        a_t = (1 - epsilon_t) a_{t-1} + epsilon_t (eta(r_t) - m).

Since eta is linear in q, a is the error of the moments of the mixture of r_1 .. r_t, with mixture weights that follow from epsilon; and the entropy
of the mixture is at least the mean entropy of its parts. So a step is greedy descent on ``|eta(p) - m|^2 / 2 - lambda H(p)``. The minimiser over
all distributions is a maximum-entropy distribution whose moments differ slightly from m, by lambda times its parameters. The paper uses the weight
of the moments, Lambda = 1 / lambda. For lambda = 0 and epsilon_t = 1/t every r_t is a point and the recursion is herding, with ``w_t = -t a_t``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from weakchaos.core.arguments import positive, real_number, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.herding.entropic.base import Mixture, two_valued
from weakchaos.herding.entropic.bernoulli import BernoulliBound
from weakchaos.herding.entropic.entropic_gaussian import GaussianBound
from weakchaos.herding.entropic.finite import FiniteBound
from weakchaos.samplers.base import Sampler
from weakchaos.targets.ising_moments import IsingMoments
from weakchaos.targets.moments import Moments
from weakchaos.targets.mrf import PairwiseMRF
from weakchaos.targets.points import Points

__all__ = ["EntropicHerding", "Mixture"]

_FAMILIES = ("finite", "bernoulli", "gaussian")


@dataclass(frozen=True)
class EntropicHerding(Sampler):
    r"""Entropic herding: a sequence of simple distributions whose mixture matches moments and has a large entropy.

    Parameters
    ----------
    entropy_weight : float
        lambda, the weight of a nat of entropy relative to half the squared error of the moments; 0 gives herding. If it is well below `step_size`,
        the dynamics are chaotic and mix. If it is above, they converge: over all distributions to the right minimum, over products to a local
        minimum that may be far from it.
    step_size : float or None
        epsilon, the weight of the newest distribution: a constant in (0, 1], or None for 1/t, with which all distributions have equal weights.
    family : {"finite", "bernoulli", "gaussian"}, optional
        The distributions among which r_t is searched for. ``"finite"``: all distributions on the states of `Moments`; r_t is exact. ``"bernoulli"``: products over two-valued
        units, on `IsingMoments`, on `PairwiseMRF` and `Ising` of at most 20 units, whose moments are then exact, and on two-valued `Points`;
        features are the units, as -1 and +1, and their products over the edges, all pairs for `Points`. ``"gaussian"``: products of normals on `Points`; features are all monomials of the standardised coordinates up to
        `degree`, means stay within the range of the points. By default the first family that fits the target.
    degree : int
        Largest degree of the monomials of the Gaussian family, 1 to 4.
    n_sweeps : int
        For product families, the largest number of rounds of exact minimisation over one coordinate at a time, which begin at r_{t-1} and end in
        a local minimum.
    readout : {"sample", "mean"}
        A draw is a sample of r_t, made with numbers of the driver, or the mean of r_t, without random numbers (product families).
    start : {"random", "zero"}
        The first a.

    Notes
    -----
    With $\eta(q) = E_q \phi$, the moments m and the entropy H,

    $$r_t = \mathrm{argmin}_q \langle a_{t-1}, \eta(q) \rangle - \lambda H(q), \qquad a_t = (1 - \epsilon_t) a_{t-1} + \epsilon_t (\eta(r_t) - m).$$

    ``stats["entropy"]`` is H(r_t) in nats (minus infinity for points of the Gaussian family), and ``stats["objective"]`` is the minimum that r_t
    attains.
    ``trace.system.mixture(state, n)`` is the mixture of the next n distributions, with its ``log_prob``.

    Examples
    --------
    >>> import weakchaos as wc
    >>> model = wc.PairwiseMRF([[0.0, 1.0], [1.0, 0.0]], fields=[0.5, -1.0])
    >>> trace = wc.sample(model, EntropicHerding(readout="mean"), draws=2000, warmup=200, chains=1, seed=1, progress=False)
    >>> bool(float(trace.error()) < 0.03)
    True
    >>> mixture = trace.system.mixture(trace.states[0], 500)
    >>> mixture.log_prob([[0, 0], [1, 1]]).shape
    (2,)
    """

    entropy_weight: float = 0.003
    step_size: float | None = 0.01
    family: str | None = None
    degree: int = 4
    n_sweeps: int = 10
    readout: str = "sample"
    start: str = "random"

    def __post_init__(self):
        if real_number("entropy_weight", self.entropy_weight) < 0:
            raise ArgumentError(f"`entropy_weight` must not be negative; got {shown(self.entropy_weight)}")
        if self.step_size is not None:
            positive("step_size", self.step_size)
            if self.step_size > 1:
                raise ArgumentError(f"`step_size` must lie in (0, 1], or be None for 1/t; got {shown(self.step_size)}")
        if self.family not in (None, *_FAMILIES):
            raise ArgumentError(f"`family` must be one of {', '.join(_FAMILIES)}, or None; got {shown(self.family)}")
        object.__setattr__(self, "degree", whole_number("degree", self.degree, 1, 4))
        object.__setattr__(self, "n_sweeps", whole_number("n_sweeps", self.n_sweeps, 1))
        if self.readout not in ("sample", "mean"):
            raise ArgumentError(f"`readout` must be 'sample' or 'mean'; got {shown(self.readout)}")
        if self.start not in ("random", "zero"):
            raise ArgumentError(f"`start` must be 'random' or 'zero'; got {shown(self.start)}")

    def bind(self, target: Any, driver: Any = "pcg64") -> Any:
        """The system of entropic herding on a target; `driver` is used only if draws are samples of r_t."""
        self.require(target, (Moments, IsingMoments, Points, PairwiseMRF), "Moments, IsingMoments, Points, PairwiseMRF or Ising")
        if isinstance(target, Moments):
            fitting: tuple[str, ...] = ("finite",)
        elif isinstance(target, PairwiseMRF | IsingMoments):
            fitting = ("bernoulli",)
        else:
            fitting = ("bernoulli", "gaussian") if two_valued(target.x) else ("gaussian",)
        family = fitting[0] if self.family is None else self.family
        if family not in fitting:
            raise ArgumentError(f"`family` must be {' or '.join(map(repr, fitting))} on {target!r}; got {shown(self.family)}")
        kinds = {"finite": FiniteBound, "bernoulli": BernoulliBound, "gaussian": GaussianBound}
        return kinds[family](self, target, driver)
