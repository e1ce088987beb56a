"""The bouncy particle sampler.

Bouchard-Cote, Vollmer and Doucet, J. Am. Stat. Assoc. 113 (2018) 855, arXiv:1510.02451: a particle moves along x + t v and bounces at the rate
``max(0, -v . g)``, g the gradient of log p: ``v <- v - 2 (v . g) / (g . V g) V g`` (V the inverse mass). At a constant rate the velocity is drawn anew from N(0, V), without
which the process may never come to a part of the space. Draws are read at equal times along the path.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from weakchaos.core.arguments import positive
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.piecewise import BOUNCY, BoundPiecewise, check_piecewise
from weakchaos.targets.density import Density

__all__ = ["BouncyParticle"]


class _Bound(BoundPiecewise):
    kind = BOUNCY

    @property
    def events_per_draw(self) -> float:
        """See `BoundPiecewise.events_per_draw`: bounces of a standard normal distribution in a time of about 1."""
        return 0.4 * math.sqrt(self.dim)

    @property
    def refreshments(self) -> float:
        """See `BoundPiecewise.refreshments`."""
        return float(self.sampler.refreshments)


@dataclass(frozen=True)
class BouncyParticle(Sampler):
    r"""The bouncy particle sampler: a particle moves on straight lines, and events reflect its velocity at the gradient; nothing is ever rejected.

    Parameters
    ----------
    interval : float, optional
        Time between two draws. In a time of 1 a coordinate of inverse mass s**2 moves by about s. When the interval is not given, warm-up tunes it so that
        0.4 sqrt(dim) bounces happen between two draws, on average.
    refreshments : float
        How many times the velocity is drawn anew between two draws, on average.
    inverse_mass : array of shape (dim,), optional
        Variances of the components of the velocity. The best values are near the variances of the target; warm-up tunes them to these when they are not
        given.

    Notes
    -----
    With g the gradient of the log density and V the inverse mass, a particle of velocity v bounces at the rate

    $$\lambda = \max(0, -v^T g), \qquad v \leftarrow v - 2 \frac{v^T g}{g^T V g} V g.$$

    What the notes of `ZigZag` say of bounds, of the support and of ``stats`` holds here too; ``n_events`` counts bounces.

    References
    ----------
    Bouchard-Cote, Vollmer and Doucet, J. Am. Stat. Assoc. 113 (2018) 855, arXiv:1510.02451.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 100.0]), BouncyParticle(), draws=2000, warmup=1000, seed=1, progress=False)
    >>> [round(float(sd), -int(k)) for k, sd in enumerate(trace.draws.std((0, 1)))], trace.check()
    ([1.0, 100.0], [])
    """

    interval: float | None = None
    refreshments: float = 1.0
    inverse_mass: Any = None
    uses_gradient: ClassVar[bool] = True

    def __post_init__(self):
        check_piecewise(self)
        positive("refreshments", self.refreshments)

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return _Bound(self, target, driver)
