"""The Metropolis-adjusted Langevin algorithm.

Roberts and Tweedie, Bernoulli 2 (1996) 341, doi:10.2307/3318418: from x a point is proposed,

    y = x + eps^2/2 V grad log p(x) + eps V^(1/2) z,    z standard normal,

and accepted with probability ``min(1, p(y) q(x | y) / (p(x) q(y | x)))``. With momentum p = V^(-1/2) z that is one leapfrog step of size eps,
and the ratio is ``exp(-dH)`` exactly: Hamiltonian Monte Carlo of one step (Neal 2011, arXiv:1206.1901, section 5.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from weakchaos.samplers.base import Sampler
from weakchaos.samplers.hmc import BoundHMC
from weakchaos.samplers.step_adaptation import check_settings, inverse_masses
from weakchaos.targets.density import Density

__all__ = ["MALA"]


@dataclass(frozen=True)
class MALA(Sampler):
    r"""The Metropolis-adjusted Langevin algorithm: a proposal moves along the gradient plus normal noise, and is accepted or rejected.

    Parameters
    ----------
    step_size : float, optional
        The number epsilon of the formula below. Warm-up tunes it when it is not given.
    inverse_mass : array of shape (dim,), optional
        The diagonal of V. Tuned during warm-up together with the step size; ones where the step size is given and this is not.
    target_accept : float
        The mean probability of acceptance that warm-up makes the step size reach; 0.574 is best in many dimensions (Roberts and Rosenthal, J. R. Stat. Soc. B
        60 (1998) 255).

    Notes
    -----
    With noise z from $N(0, 1)$ the proposal and the probability with which it is accepted are

    $$y = x + \frac{\epsilon^2}{2} V \nabla \log \pi(x) + \epsilon V^{1/2} z, \qquad \min\left(1, \frac{\pi(y) q(x | y)}{\pi(x) q(y | x)}\right),$$

    where $q(y | x)$ is the density of the proposal.

    ``stats`` holds what that of `HMC` holds. A draw evaluates one gradient.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 3.0]), MALA(), draws=2000, warmup=500, seed=1, progress=False)
    >>> abs(float(trace.stats["acceptance_rate"].mean()) - 0.574) < 0.1
    True
    """

    step_size: float | None = None
    inverse_mass: Any = None
    target_accept: float = 0.574
    uses_gradient: ClassVar[bool] = True
    n_leapfrog: ClassVar[int] = 1
    trajectory_length: ClassVar[None] = None
    jitter: ClassVar[float] = 0.0

    def __post_init__(self):
        check_settings(self)
        if self.inverse_mass is not None:
            object.__setattr__(self, "inverse_mass", inverse_masses(self.inverse_mass))

    def bind(self, target: Any, driver: Any = "pcg64") -> BoundHMC:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return BoundHMC(self, target, driver)
