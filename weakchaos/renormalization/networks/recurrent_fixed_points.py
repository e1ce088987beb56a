"""Fixed points of recurrent networks and the eigenvalues of the Jacobian there, by Newton's method, which finds them where the orbit is too slow to arrive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.renormalization.networks.recurrent_network import RecurrentNetwork

__all__ = ["FixedPoint", "fixed_point"]


@dataclass(frozen=True)
class FixedPoint:
    """A fixed point of an autonomous network.

    Attributes
    ----------
    position : array of shape (dim,)
    exponents : array of shape (dim,)
        ln abs of the eigenvalues of the Jacobian there, descending; -inf for eigenvalues that are 0 to rounding.
    distance : float
        From the state at which the search began.
    """

    position: np.ndarray
    exponents: np.ndarray
    distance: float

    @property
    def stable(self) -> bool:
        """Whether all eigenvalues lie inside of the unit circle."""
        return bool(self.exponents[0] < 0)


def fixed_point(network: RecurrentNetwork, position: Any, steps: int = 60) -> FixedPoint | None:
    """The fixed point that Newton's method reaches from `position`; None if it reaches none.

    Parameters
    ----------
    network : RecurrentNetwork
        Without inputs that change.
    position : array of shape (dim,)
    steps : int

    Raises
    ------
    ArgumentError
        Of a driven network, which has none.

    Examples
    --------
    >>> from weakchaos.renormalization.networks.cells import RecurrentCell
    >>> network = RecurrentNetwork(RecurrentCell("rate", np.array([[0.5]]), bias_hh=np.array([0.3])))
    >>> point = fixed_point(network, np.zeros(1))
    >>> bool(np.allclose(point.position, np.tanh(0.5 * point.position + 0.3))), point.stable
    (True, True)
    """
    if network.driven:
        raise ArgumentError(
            "`network` is driven by inputs that change, and has no fixed points: leave `inputs` out, or give one of shape (features,)"
        )
    start = network.start(0, position).phase
    x, eye = start.copy(), np.eye(network.dim)

    def residual(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        state = network.start(0, at)
        jacobian = network.tangent(state, 1, eye)
        return state.phase - at, jacobian

    off, jacobian = residual(x)
    for _ in range(steps):
        size = float(np.linalg.norm(off))
        if size <= 1e-13 * (1 + float(np.linalg.norm(x))):
            values = np.abs(np.linalg.eigvals(jacobian))
            small = values <= 1e-13 * max(float(np.linalg.norm(jacobian, 2)), 1e-300)
            with np.errstate(divide="ignore"):
                exponents = np.sort(np.where(small, -np.inf, np.log(values)))[::-1]
            return FixedPoint(x, exponents, float(np.linalg.norm(x - start)))
        try:
            move = np.linalg.solve(eye - jacobian, off)
        except np.linalg.LinAlgError:
            return None
        # Halved until the residual falls: far from the point a full step may lead away.
        for _ in range(12):
            there = x + move
            if np.isfinite(there).all():
                new, slopes = residual(there)
                if np.linalg.norm(new) < size:
                    break
            move = move / 2
        else:
            return None
        x, off, jacobian = there, new, slopes
    return None
