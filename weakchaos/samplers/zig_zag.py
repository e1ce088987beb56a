"""The zig-zag process.

Bierkens, Fearnhead and Roberts, Annals of Statistics 47 (2019) 1288, arXiv:1607.03188: every coordinate moves at a constant speed, ``dx_i/dt = v_i = +-s_i``,
and v_i changes sign at the rate ``max(0, -v_i d_i log p(x))``. Draws are read at equal times along the path.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from weakchaos.samplers.base import Sampler
from weakchaos.samplers.piecewise import ZIGZAG, BoundPiecewise, check_piecewise
from weakchaos.targets.density import Density

__all__ = ["ZigZag"]


class _Bound(BoundPiecewise):
    kind = ZIGZAG


@dataclass(frozen=True)
class ZigZag(Sampler):
    """The zig-zag process: straight paths, one coordinate of whose velocity turns at a time; nothing is ever rejected.

    Parameters
    ----------
    interval : float, optional
        Time between two draws, in the units of `inverse_mass`: in a time of 1 a coordinate of inverse mass s**2 moves by s. Tuned during warm-up
        when not given, to half an event for each coordinate.
    inverse_mass : array of shape (dim,), optional
        Squared speeds, best near the variances of the target, which they are tuned to during warm-up when not given.

    Notes
    -----
    A Gaussian is sampled exactly. For other densities the bound of the rate is tuned during warm-up; where it did not hold later, this is counted, and a
    warning says so (`weakchaos.samplers.piecewise`). The support must be convex; at its edge the path goes back. ``stats`` holds ``lp``, ``n_steps``
    (evaluations of the gradient) and ``n_events``.

    References
    ----------
    Bierkens, Fearnhead and Roberts, Annals of Statistics 47 (2019) 1288, arXiv:1607.03188.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 100.0]), ZigZag(), draws=2000, warmup=1000, seed=1, progress=False)
    >>> [round(float(sd), -int(k)) for k, sd in enumerate(trace.draws.std((0, 1)))], trace.check()
    ([1.0, 100.0], [])
    """

    interval: float | None = None
    inverse_mass: Any = None
    uses_gradient: ClassVar[bool] = True

    def __post_init__(self):
        check_piecewise(self)

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return _Bound(self, target, driver)
