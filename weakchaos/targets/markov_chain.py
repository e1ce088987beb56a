"""`MarkovChain`: a finite Markov chain as a target; what is sampled is its stationary law."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.targets.discrete_target import DiscreteTarget

__all__ = ["MarkovChain"]

_ROW_SUM = 1e-9
_DENSE = 1024
_LARGEST = 1 << 53


class MarkovChain(DiscreteTarget):
    """A finite, irreducible Markov chain; a draw is a state, and the truth is the stationary law.

    Parameters
    ----------
    transition : array or scipy sparse matrix of shape (n, n)
        Row x holds P(next = y | now = x). Entries may be `fractions.Fraction`, which a rotor with a cyclic list of successors needs.
    names : sequence of str, optional
        Names of the n states, for messages.

    Attributes
    ----------
    indptr, indices, data : arrays
        The rows in compressed form, impossible successors left out: row x is ``indices[indptr[x]:indptr[x + 1]]``.

    Raises
    ------
    ArgumentError
        For rows that are not distributions, and for chains that cannot reach every state from every other.

    Notes
    -----
    A periodic chain is allowed: averages over time converge all the same.

    Examples
    --------
    >>> MarkovChain([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5], [0.0, 1.0, 0.0]]).stationary()
    array([0.25, 0.5 , 0.25])
    """

    default_sampler = "samplers:RandomWalk"

    def __init__(self, transition: Any, names: Sequence[str] | None = None):
        n, self.indptr, self.indices, values = _rows(transition)
        self.state_names = [str(k) for k in (range(n) if names is None else names)]
        if len(self.state_names) != n or len(set(self.state_names)) != n:
            raise ArgumentError(f"`names` must hold {n} different names, one for each state; got {shown(names)}")
        self._fractions = values if values.dtype == object else None
        self.data = self._checked(values)
        self._connected()
        self.cardinalities, self.names, self.observed = np.array([n], np.int64), ["state"], {}
        self._stationary: np.ndarray | None = None

    def __repr__(self) -> str:
        return f"<MarkovChain: {self.n_states} states, {len(self.data)} transitions>"

    def _checked(self, values: np.ndarray) -> np.ndarray:
        """Probabilities as floats, rows that are no distribution refused."""
        data = values.astype(np.float64)
        bad = ~(np.isfinite(data) & (data >= 0))
        row = np.repeat(np.arange(self.n_states), np.diff(self.indptr))
        if bad.any():
            k = int(np.argmax(bad))
            x, y = self.state_names[row[k]], self.state_names[self.indices[k]]
            raise ArgumentError(f"`transition` must hold probabilities; the entry from {x} to {y} is {values[k]}")
        sums = np.bincount(row, data, self.n_states)
        if self._fractions is not None:
            exact = [sum(values[a:b], Fraction(0)) for a, b in zip(self.indptr[:-1], self.indptr[1:], strict=True)]
            wrong = np.array([total != 1 for total in exact])
        else:
            exact, wrong = sums.tolist(), ~(np.abs(sums - 1) <= _ROW_SUM)
        if wrong.any():
            x = int(np.argmax(wrong))
            raise ArgumentError(
                f"each row of `transition` must sum to 1; that of state {self.state_names[x]} sums to {exact[x]}: divide it by its sum, or pass Fractions"
            )
        return data / sums[row]

    def _connected(self) -> None:
        from scipy.sparse import csr_matrix
        from scipy.sparse.csgraph import connected_components

        n = self.n_states
        graph = csr_matrix((np.ones(len(self.data)), self.indices, self.indptr), shape=(n, n))
        count, label = connected_components(graph, connection="strong")
        if count == 1:
            return
        # A class that nothing leaves: no other state can be reached from it.
        row = np.repeat(np.arange(n), np.diff(self.indptr))
        leaves = np.zeros(count, bool)
        leaves[label[row[label[row] != label[self.indices]]]] = True
        closed = int(np.flatnonzero(~leaves)[0])
        members, others = np.flatnonzero(label == closed), np.flatnonzero(label != closed)
        inside = ", ".join(self.state_names[k] for k in members[:5]) + (", ..." if len(members) > 5 else "")
        raise ArgumentError(
            f"`transition` must connect all states: it falls into {count} classes, and from {inside} no other state is ever reached, "
            f"{self.state_names[others[0]]} for one; keep the states of one closed class"
        )

    @property
    def n_states(self) -> int:
        """Number of states."""
        return len(self.indptr) - 1

    @property
    def scopes(self) -> list[np.ndarray]:
        """One table, over the one unit."""
        return [np.array([0])]

    @property
    def log_tables(self) -> list[np.ndarray]:
        """Logarithm of the stationary law."""
        return [np.log(self.stationary())]

    def transition(self) -> np.ndarray:
        """The matrix, float64 of shape (n, n)."""
        out = np.zeros((self.n_states, self.n_states))
        out[np.repeat(np.arange(self.n_states), np.diff(self.indptr)), self.indices] = self.data
        return out

    def row(self, x: int) -> tuple[np.ndarray, np.ndarray]:
        """Possible successors of state `x` and their probabilities."""
        a, b = self.indptr[x], self.indptr[x + 1]
        return self.indices[a:b], self.data[a:b]

    def whole_rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities as whole numbers over one common denominator for each row.

        Returns
        -------
        numerators : int64 array, as `data`
        denominators : int64 array of shape (n,)

        Raises
        ------
        ArgumentError
            If a denominator needs more than 53 bits, as those of most floats do.
        """
        values = [Fraction(v) for v in (self.data.tolist() if self._fractions is None else self._fractions)]
        numerators, denominators = np.empty(len(values), np.int64), np.empty(self.n_states, np.int64)
        for x, (a, b) in enumerate(zip(self.indptr[:-1], self.indptr[1:], strict=True)):
            d = math.lcm(*(v.denominator for v in values[a:b]))
            if d >= _LARGEST or (self._fractions is None and sum(values[a:b]) != 1):
                raise ArgumentError(
                    f"`transition` must be rational with a small denominator a row, and that of state {self.state_names[x]} is not: give "
                    "fractions.Fraction entries, Fraction(1, 3) and not 1 / 3"
                )
            denominators[x] = d
            numerators[a:b] = [int(v * d) for v in values[a:b]]
        return numerators, denominators

    def stationary(self) -> np.ndarray:
        """The law pi with pi P = pi, shape (n,).

        For up to 1024 states it is computed by elimination without subtractions, which loses no digits (Grassmann, Taksar and Heyman, Oper.
        Res. 33 (1985) 1107, doi:10.1287/opre.33.5.1107); for more states by a sparse factorisation.
        """
        if self._stationary is None:
            self._stationary = _eliminated(self.transition()) if self.n_states <= _DENSE else self._factorised()
        return self._stationary.copy()

    def _factorised(self) -> np.ndarray:
        from scipy.sparse import csr_matrix, identity
        from scipy.sparse.linalg import splu

        n = self.n_states
        matrix = csr_matrix((self.data, self.indices, self.indptr), shape=(n, n))
        # pi (I - P) = 0 with the last weight fixed at 1: what is left is not singular, since the chain is irreducible.
        system = (identity(n) - matrix).T.tocsc()
        law = np.append(splu(system[:-1, :-1].tocsc()).solve(-system[:-1, [-1]].toarray()[:, 0]), 1.0)
        return law / law.sum()

    def log_prob(self, x: Any) -> np.ndarray:
        """Log of the stationary probability of states, shape (..., 1)."""
        return np.log(self.stationary())[np.asarray(x, np.int64)[..., 0]]

    def marginals(self) -> list[np.ndarray]:
        """The stationary law."""
        return [self.stationary()]

    def to_spec(self) -> tuple[dict, dict]:
        """Plain data, from which `from_spec` makes the target again."""
        arrays = {"indptr": self.indptr, "indices": self.indices, "data": self.data}
        if self._fractions is not None:
            spec = {"fractions": [str(f) for f in self._fractions]}
        else:
            spec = {"fractions": []}
        return spec | {"names": self.state_names}, arrays

    @classmethod
    def from_spec(cls, spec: dict, arrays: dict) -> MarkovChain:
        """The target that `to_spec` described."""
        from scipy.sparse import csr_matrix

        n = len(arrays["indptr"]) - 1
        chain = cls(csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(n, n)), spec["names"])
        chain.data = np.array(arrays["data"], np.float64)  # to the last bit, where dividing by the sum once more could change one
        if spec["fractions"]:
            chain._fractions = np.array([Fraction(f) for f in spec["fractions"]], object)
        return chain


def _rows(transition: Any) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Size and compressed rows of a matrix, dense or sparse, without its zeros; the values are fractions where it holds any."""
    if hasattr(transition, "tocsr"):
        matrix = transition.tocsr().astype(np.float64)
        shape = matrix.shape
        if len(shape) == 2 and shape[0] == shape[1] and shape[0]:
            matrix.sum_duplicates()
            matrix.eliminate_zeros()
            return shape[0], matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64), matrix.data
    else:
        given = np.asarray(transition)
        array = given if given.dtype == object else real_array("transition", transition, "a square matrix")
        shape = array.shape
        if array.ndim == 2 and shape[0] == shape[1] and shape[0]:
            row, column = np.nonzero(array != 0)
            values = array[row, column]
            if array.dtype == object:
                try:
                    values = np.array([Fraction(v) for v in values] + [None], object)[:-1]
                except (TypeError, ValueError) as error:
                    raise ArgumentTypeError(f"`transition` must be a square matrix of numbers; got {shown(transition)}") from error
            return shape[0], np.searchsorted(row, np.arange(shape[0] + 1)).astype(np.int64), column.astype(np.int64), values
    raise ArgumentError(f"`transition` must be a square matrix; got shape {shape}")


def _eliminated(p: np.ndarray) -> np.ndarray:
    """The stationary law by censoring the states from the last to the first."""
    n = len(p)
    for k in range(n - 1, 0, -1):
        p[:k, k] /= p[k, :k].sum()
        p[:k, :k] += p[:k, k, None] * p[k, :k]
    law = np.ones(n)
    for k in range(1, n):
        law[k] = law[:k] @ p[:k, k]
    return law / law.sum()
