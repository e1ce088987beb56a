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
    r"""The zig-zag process: a particle moves on straight lines, and events reverse one component of its velocity at a time; nothing is ever rejected.

    Parameters
    ----------
    interval : float, optional
        Time between two draws. In a time of 1 a coordinate of inverse mass s**2 moves by s. When the interval is not given, warm-up tunes it so that each
        coordinate has half an event between two draws, on average.
    inverse_mass : array of shape (dim,), optional
        Squares of the speeds of the coordinates. The best values are near the variances of the target; warm-up tunes them to these when they are not given.

    Notes
    -----
    The velocity of coordinate i changes its sign at the rate

    $$\lambda_i = \max\left(0, -v_i \partial_i \log \pi(x)\right).$$

    A Gaussian is sampled exactly. For other densities warm-up tunes an upper bound of the rate of events. Where the rate exceeds its bound later, draws
    are not exact: such pieces of the path are counted, and a warning says so (`weakchaos.samplers.piecewise`). The support must be convex; at its edge the path goes back. ``stats`` holds ``lp``, ``n_steps``
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
