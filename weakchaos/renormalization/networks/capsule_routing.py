"""Routing by agreement between capsules, as an iterated map of its logits.

    c = softmax_j(b),   s_j = sum_i c_ij u_ij,   v_j = |s_j| s_j / (1 + |s_j|^2),   b_ij <- b_ij + u_ij . v_j

S. Sabour, N. Frosst and G. Hinton, NeurIPS 2017, arXiv:1710.09829. As published the map has no fixed point: logits grow linearly and every input ends at one
capsule. Without memory, ``b <- beta u . v``, it has fixed points, and its exponents there are logarithms of eigenvalues.

For I inputs that all vote for the same vector a in two capsules, the symmetric fixed point has s = I |a| / 2, and the difference of the two is multiplied
by (4 beta / I) s^3 / (1 + s^2)^2: symmetry is lost at beta_c = (I / 4) (1 + s^2)^2 / s^3, least for s = sqrt 3, where it is 0.7698 I.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import positive, real_array, steps_and_columns, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.system import State, as_seed, step_by_step

__all__ = ["CapsuleRouting"]


class CapsuleRouting:
    """The rounds of routing by agreement as a `System`: its state are the logits, one a pair of input and capsule.

    Parameters
    ----------
    votes : array of shape (I, J, d)
        The vector that each of I inputs predicts for each of J capsules.
    memory : bool
        Whether agreements are added to the logits, as published, or take their place.
    beta : float
        By which agreements are multiplied.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> votes = np.random.default_rng(0).normal(size=(24, 5, 8))
    >>> routing = CapsuleRouting(votes)
    >>> entropy = routing.entropies(routing.start(), [1, 3, 10, 300])
    >>> bool(entropy[0] > 0.7), bool(entropy[-1] < 0.01)  # every input ends at one capsule
    (True, True)
    """

    time_step = 1.0

    def __init__(self, votes: Any, memory: bool = True, beta: float = 1.0):
        self.votes = real_array("votes", votes)
        if self.votes.ndim != 3 or self.votes.size == 0:
            raise ArgumentError(f"`votes` must have shape (inputs, capsules, d), none of them 0; got {self.votes.shape}")
        if not np.isfinite(self.votes).all():
            raise ArgumentError("`votes` must be finite; some are NaN or infinite")
        if not isinstance(memory, bool | np.bool_):
            raise ArgumentTypeError(f"`memory` must be True or False; got {shown(memory)}")
        self.memory, self.beta = bool(memory), positive("beta", beta)
        self.dim = self.votes.shape[0] * self.votes.shape[1]

    def __repr__(self) -> str:
        i, j, d = self.votes.shape
        return f"CapsuleRouting({i} inputs, {j} capsules of {d}, {'with' if self.memory else 'without'} memory, beta {self.beta:g})"

    # ---- the System ----------------------------------------------------------------------------------------------------------------

    def start(self, seed: Any = None, position: Any = None) -> State:
        """Logits at `position`, or zero, as published."""
        as_seed(seed)
        if position is None:
            return State(phase=np.zeros(self.dim))
        array = real_array("position", position)
        if array.size != self.dim or not np.isfinite(array).all():
            raise ArgumentError(f"`position` must hold {self.dim} finite logits; got {shown(position)}")
        return State(phase=array.ravel())

    def couplings(self, logits: np.ndarray) -> np.ndarray:
        """The shares c of each input among capsules, shape (I, J), for logits of shape (I, J) or (I J,)."""
        b = real_array("logits", logits)
        if b.size != self.dim or not np.isfinite(b).all():
            raise ArgumentError(f"`logits` must be {self.dim} finite numbers, one for each input and capsule; got {shown(logits)}")
        return self._shares(b)

    def _shares(self, logits: np.ndarray) -> np.ndarray:
        b = logits.reshape(self.votes.shape[:2])
        e = np.exp(b - b.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    def outputs(self, logits: np.ndarray) -> np.ndarray:
        """The vectors v of the capsules, shape (J, d)."""
        return self._pooled(self.couplings(logits))

    def _pooled(self, couplings: np.ndarray) -> np.ndarray:
        s = np.einsum("ij,ijd->jd", couplings, self.votes)
        length = np.linalg.norm(s, axis=1, keepdims=True)
        return length / (1.0 + length**2) * s

    def _next(self, logits: np.ndarray) -> np.ndarray:
        agreement = self.beta * np.einsum("ijd,jd->ij", self.votes, self._pooled(self._shares(logits))).ravel()
        return logits + agreement if self.memory else agreement

    def advance(self, state: State, n: int, every: int = 1) -> np.ndarray:
        """Move `state` in place by `n` rounds; logits after each `every`-th, shape (n // every, I J)."""

        def step() -> None:
            state.phase[:] = self._next(state.phase)

        return step_by_step(step, state, n, every)

    def tangent(self, state: State, n: int, vectors: Any) -> np.ndarray:
        """Move `state` in place by `n` rounds and carry columns of shape (I J, k) along by the exact derivative."""
        n, columns = steps_and_columns(n, vectors, self.dim)
        for _ in range(n):
            c = self._shares(state.phase)[..., None]
            db = columns.reshape(*self.votes.shape[:2], -1)
            dc = c * (db - (c * db).sum(1, keepdims=True))
            s = np.einsum("ij,ijd->jd", c[..., 0], self.votes)
            ds = np.einsum("ijk,ijd->jdk", dc, self.votes)
            r = np.linalg.norm(s, axis=1)[:, None, None]
            along = np.einsum("jd,jdk->jk", s, ds)[:, None, :]
            # |s| s / (1 + |s|^2) has derivative 0 where s is 0.
            radial = np.divide(1.0 - r**2, r * (1.0 + r**2) ** 2, out=np.zeros_like(r), where=r > 0)
            dv = r / (1.0 + r**2) * ds + radial * along * s[:, :, None]
            moved = self.beta * np.einsum("ijd,jdk->ijk", self.votes, dv).reshape(self.dim, -1)
            columns = columns + moved if self.memory else moved
            state.phase[:] = self._next(state.phase)
        return columns

    # ---- what is asked of it -------------------------------------------------------------------------------------------------------

    def entropy(self, logits: np.ndarray) -> float:
        """The entropy of the couplings, averaged over inputs and divided by ln J: 1 undecided, 0 polarised."""
        c = self.couplings(logits)
        if c.shape[1] == 1:
            raise ArgumentError("`votes` of a single capsule leave nothing to decide; the entropy needs two capsules at least")
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(-np.where(c > 0, c * np.log(c), 0.0).sum(1).mean() / math.log(c.shape[1]))

    def entropies(self, state: State, rounds: Any) -> np.ndarray:
        """`entropy` after each of these numbers of rounds, which increase; `state` is moved to the last."""
        counts = [whole_number("rounds", r, 0) for r in np.atleast_1d(rounds)]
        if counts != sorted(counts):
            raise ArgumentError(f"`rounds` must increase; got {shown(rounds)}")
        out, done = [], 0
        for count in counts:
            self.advance(state, count - done, max(count - done, 1))
            done = count
            out.append(self.entropy(state.phase))
        return np.array(out)

    def growth(self, rounds: int = 200) -> float:
        """By how much the largest difference of an input's logits grows a round, over the second half of `rounds` from zero logits: positive where
        routing has no fixed point, 0 where it settles."""
        rounds = whole_number("rounds", rounds, 2)
        spread = np.ptp(self.advance(self.start(), rounds).reshape(rounds, *self.votes.shape[:2]), axis=2).max(1)
        return float((spread[-1] - spread[rounds // 2 - 1]) / (rounds - rounds // 2))

    def fixed_point(self, position: Any = None, rounds: int = 10_000, tolerance: float = 1e-12) -> tuple[np.ndarray, float]:
        """Logits at which the map without memory settles, and the exponent there: the logarithm of the spectral radius of its derivative.

        Parameters
        ----------
        position : array of shape (I J,), optional
            Where to start; zero by default, which symmetric votes never leave.
        rounds : int
        tolerance : float

        Raises
        ------
        ArgumentError
            For routing with memory, which has no fixed point, and where none was reached.
        """
        if self.memory:
            raise ArgumentError("routing with memory has no fixed point: its logits grow for ever; take memory=False")
        state = self.start(position=position)
        for _ in range(whole_number("rounds", rounds, 1)):
            before = state.phase.copy()
            state.phase[:] = self._next(before)
            if np.abs(state.phase - before).max() <= tolerance * (1.0 + np.abs(before).max()):
                break
        else:
            raise ArgumentError(f"no fixed point was reached in {rounds} rounds; give more, or look at the orbit")
        place = state.phase.copy()
        radius = float(np.abs(np.linalg.eigvals(self.tangent(state, 1, np.eye(self.dim)))).max())
        return place, math.log(radius) if radius > 0 else -math.inf

    @staticmethod
    def critical_beta(inputs: int, length: float) -> float:
        """The beta at which `inputs` equal votes of this length in two capsules lose their symmetry.

        Examples
        --------
        >>> round(CapsuleRouting.critical_beta(10, math.sqrt(3) / 5), 4)  # 0.7698 I, the least there is
        7.698
        """
        inputs = whole_number("inputs", inputs, 1)
        s = 0.5 * inputs * positive("length", length)
        return inputs / 4.0 * (1.0 + s * s) ** 2 / s**3
