"""A quantum code on a tree: real-space renormalization of erasures, with an exact fixed point.

The code of five qubits encodes one (R. Laflamme et al., Phys. Rev. Lett. 77 (1996) 198, doi:10.1103/PhysRevLett.77.198); concatenated with itself it is the tree of the pentagon codes of
F. Pastawski, B. Yoshida, D. Harlow and J. Preskill, J. High Energy Phys. 06 (2015) 149, arXiv:1503.06237, without the loops of their tilings. If qubits at
the leaves are lost with probability p, those one level up are lost with

    p' = sum_E p^|E| (1 - p)^(n - |E|)    over the sets E of qubits whose loss the code does not correct

which flows to 0 below its fixed point and to 1 above. This is a statement about codes and their renormalization, and none about gravity.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from weakchaos.core.arguments import is_real, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown

__all__ = ["ErasureTree"]

PENTAGON = ("XZZXI", "IXZZX", "XIXZZ", "ZXIXZ")


def _rank(rows: np.ndarray) -> int:
    """The rank of a matrix of bits."""
    rows, rank = rows.copy().astype(np.uint8), 0
    for column in range(rows.shape[1] if rows.size else 0):
        pivots = np.flatnonzero(rows[rank:, column])
        if pivots.size:
            rows[[rank, rank + pivots[0]]] = rows[[rank + pivots[0], rank]]
            others = np.flatnonzero(rows[:, column])
            rows[others[others != rank]] ^= rows[rank]
            rank += 1
    return rank


class ErasureTree:
    """A stabiliser code of one qubit, concatenated with itself.

    Parameters
    ----------
    stabilisers : sequence of str
        n - 1 independent, commuting Pauli strings of length n, letters I, X, Y and Z; the code of five qubits by default.

    Attributes
    ----------
    n : int
        Qubits of one code.
    failures : tuple of int
        How many sets of 0, 1, .. n qubits hold a logical operator, so that their loss is not corrected.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> tree = ErasureTree()
    >>> tree.failures
    (0, 0, 0, 10, 5, 1)
    >>> tree.flow(Fraction(1, 2)), tree.slope(Fraction(1, 2))
    (Fraction(1, 2), Fraction(15, 8))
    """

    def __init__(self, stabilisers: Sequence[str] = PENTAGON):
        if not isinstance(stabilisers, list | tuple) or not all(isinstance(s, str) for s in stabilisers):
            raise ArgumentTypeError(f"`stabilisers` must be strings of I, X, Y and Z; got {shown(stabilisers)}")
        words = [s.upper() for s in stabilisers]
        n = len(words[0]) if words else 0
        if not 1 < n <= 16 or any(len(w) != n or set(w) - set("IXYZ") for w in words):
            raise ArgumentError(
                f"`stabilisers` must be strings of I, X, Y and Z of one length from 2 to 16; got {shown(stabilisers)}"
            )
        x, z = (np.array([[letter in pair for letter in w] for w in words], np.uint8) for pair in ("XY", "ZY"))
        if ((x.astype(int) @ z.T + z.astype(int) @ x.T) % 2).any():
            raise ArgumentError(f"`stabilisers` must commute with each other; got {shown(stabilisers)}")
        self.n, self._x, self._z = n, x, z
        if len(words) != n - 1 or _rank(np.hstack([x, z])) != n - 1:
            raise ArgumentError(
                f"`stabilisers` of a code of one qubit in {n} must be {n - 1} independent strings; got {len(words)}"
            )
        counts = [0] * (n + 1)
        for size in range(n + 1):
            counts[size] = sum(not self.corrects(lost) for lost in itertools.combinations(range(n), size))
        self.failures = tuple(counts)

    def corrects(self, lost: Any) -> bool:
        """Whether the loss of these qubits can be corrected: whether no logical operator acts on them alone.

        Operators on them that commute with all stabilisers form a space whose dimension a rank gives; so do the stabilisers on them alone.
        """
        gone = np.zeros(self.n, bool)
        for qubit in lost:
            gone[whole_number("lost", qubit, 0, self.n - 1)] = True
        inside = _rank(np.hstack([self._x[:, gone], self._z[:, gone]]))
        outside = _rank(np.hstack([self._x[:, ~gone], self._z[:, ~gone]]))
        return 2 * int(gone.sum()) - inside == self.n - 1 - outside

    @staticmethod
    def _probability(p: Any) -> Any:
        if not (is_real(p) or isinstance(p, Fraction)) or not 0 <= p <= 1:
            raise ArgumentError(f"`p` must be a probability from 0 to 1; got {shown(p)}")
        return p

    def flow(self, p: Any, depth: int = 1) -> Any:
        """The probability of a loss `depth` levels up, in the arithmetic of `p`: exact for a Fraction.

        Examples
        --------
        >>> round(ErasureTree().flow(0.45, 3), 6)
        0.20406
        """
        p = self._probability(p)
        for _ in range(whole_number("depth", depth, 0, 10**4)):
            p = sum(c * p**k * (1 - p) ** (self.n - k) for k, c in enumerate(self.failures) if c)
        return p

    def slope(self, p: Any) -> Any:
        """The derivative of the flow; at the fixed point its logarithm over ln n is the exponent with which the threshold sharpens."""
        p, n, out = self._probability(p), self.n, 0
        for k, c in enumerate(self.failures):
            if c and k:
                out += c * k * p ** (k - 1) * (1 - p) ** (n - k)
            if c and k < n:
                out -= c * (n - k) * p**k * (1 - p) ** (n - k - 1)
        return out

    def threshold(self) -> float:
        """The fixed point between 0 and 1, below which losses die out going up.

        Raises
        ------
        ArgumentError
            For a code that has none, which corrects no loss or too few.
        """
        from scipy.optimize import brentq

        grid = np.linspace(0.0, 1.0, 1002)[1:-1]
        gap = np.array([self.flow(float(p)) - p for p in grid])
        up = np.flatnonzero((gap[:-1] < 0) & (gap[1:] >= 0))
        if not up.size:
            raise ArgumentError("this code has no threshold: losses grow from level to level however rare they are")
        return float(brentq(lambda p: self.flow(p) - p, grid[up[0]], grid[up[0] + 1], xtol=1e-15))

    def simulate(self, p: float, depth: int, draws: int, seed: Any = None) -> float:
        """The share of trees whose root is lost, over independent draws of lost leaves, each set of which is corrected or not by `corrects`."""
        p, depth = self._probability(p), whole_number("depth", depth, 0, 8)
        draws = whole_number("draws", draws, 1, 10**8)
        leaves = self.n**depth
        fails = np.array([not self.corrects([q for q in range(self.n) if pattern >> q & 1]) for pattern in range(1 << self.n)])
        rng, lost = np.random.default_rng(seed), 0
        for first in range(0, draws, max(1, 4_000_000 // leaves)):
            rows = min(max(1, 4_000_000 // leaves), draws - first)
            state = rng.random((rows, leaves)) < p
            for _ in range(depth):
                state = fails[state.reshape(rows, -1, self.n) @ (1 << np.arange(self.n))]
            lost += int(state.sum())
        return lost / draws
