"""Potts models: units of q states whose couplings count where two units are in the same one (Potts, Math. Proc. Camb. Phil. Soc. 48 (1952) 106)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

import weakchaos.targets.exact as exact
from weakchaos.core.arguments import real_array, real_number, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.targets.cooled_start import cool, is_cold
from weakchaos.targets.couplings import pairs_by_unit, symmetric_edges
from weakchaos.targets.discrete_target import DiscreteTarget
from weakchaos.targets.lattices import Lattice

__all__ = ["Potts"]

_ENUMERATED = 20
_MOST_STATES = 1 << 16


class Potts(DiscreteTarget):
    """A Potts model: ``p(x) ~ exp(sum_{i<j} J_ij [x_i = x_j] + sum_i h_i(x_i))`` over x in {0 .. q - 1}^n.

    Parameters
    ----------
    couplings : array or scipy sparse matrix of shape (n, n)
        J, symmetric with zero diagonal; positive couplings align.
    q : int
        Number of states of a unit.
    fields : array of shape (n, q), optional
    names : sequence of str, optional

    Examples
    --------
    >>> model = Potts.lattice((4, 4), q=3, beta=0.8)
    >>> model.dim, int(model.cardinalities[0])
    (16, 3)
    """

    name = "Potts"
    has_temperature = True
    beta: float
    geometry: Lattice | None = None
    _bare: np.ndarray | None = None

    def __init__(self, couplings: Any, q: int, fields: Any = None, names: Sequence[str] | None = None):
        n, i, j, weight = symmetric_edges(couplings)
        self._setup(n, i, j, weight, q, fields, names)

    def _setup(self, n: int, i: np.ndarray, j: np.ndarray, weight: np.ndarray, q: Any, fields: Any, names: Any) -> None:
        q = whole_number("q", q, 2, _MOST_STATES)
        self.cardinalities, self.observed = np.full(n, q, np.int64), {}
        self.q, self.edges, self.weights = int(q), np.stack([i, j], 1).reshape(-1, 2), weight
        self.fields = np.zeros((n, q)) if fields is None else real_array("fields", fields)
        if self.fields.shape != (n, q) or not np.isfinite(self.fields).all():
            raise ArgumentError(f"`fields` must be finite and of shape ({n}, {q}); got {shown(fields)}")
        self.names = [f"x{k}" for k in range(n)] if names is None else [str(k) for k in names]
        if len(self.names) != n:
            raise ArgumentError(f"`names` must hold {n} names; got {len(self.names)}")

    @classmethod
    def lattice(
        cls, shape: Any, q: int, beta: float, periodic: bool = True, kind: str = "cubic", next_nearest: float = 0.0
    ) -> Potts:
        """Nearest neighbours on a lattice with coupling `beta`; critical at ``log(1 + sqrt q)`` on the square lattice.

        Parameters
        ----------
        shape : int or tuple of int
        q : int
            Number of states of a unit.
        beta : float
            Inverse temperature.
        periodic : bool
        kind, next_nearest : optional
            As for `Ising.lattice`; next-nearest neighbours have the coupling ``beta * next_nearest``.
        """
        geometry, beta = Lattice(shape, kind, periodic), real_number("beta", beta)
        next_nearest = real_number("next_nearest", next_nearest)
        near, far = geometry.edges(), geometry.edges(2) if next_nearest else ((), ())
        i, j = (np.concatenate([a, b]).astype(np.int64) for a, b in zip(near, far, strict=True))
        bare = np.repeat([1.0, next_nearest], [len(near[0]), len(far[0])])
        self = cls.__new__(cls)
        self._setup(geometry.n_sites, i, j, beta * bare, q, None, None)
        self.beta, self.geometry, self._bare = beta, geometry, bare
        return self

    @property
    def bare_couplings(self) -> np.ndarray:
        """Couplings of `edges` without the inverse temperature of a lattice."""
        return self.weights if self._bare is None else self._bare

    @property
    def bare_fields(self) -> np.ndarray:
        """Fields, shape (n, q); those of a lattice are zero."""
        return self.fields

    def __repr__(self) -> str:
        return f"<Potts: {self.dim} units of {self.q} states, {len(self.edges)} couplings>"

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """A state drawn uniformly over all states; it is annealed first if the model is so cold that a chain would stay near it for ever."""
        x = super().random_start(rng)
        ptr, unit, weight = pairs_by_unit(self.dim, self.edges, self.weights)
        return cool(x, rng, self.fields, ptr, unit, weight, ones=False) if is_cold(self.fields, ptr, weight) else x

    @property
    def scopes(self) -> list[np.ndarray]:
        """Units of each table: one a unit, one an edge."""
        return [np.array([k]) for k in range(self.dim)] + list(self.edges)

    @property
    def log_tables(self) -> list[np.ndarray]:
        """Logarithms of the tables, in the order of `scopes`."""
        return list(self.fields) + [w * np.eye(self.q) for w in self.weights]

    def log_prob(self, x: Any) -> np.ndarray:
        """Unnormalised log probability of states, shape (..., n)."""
        x = np.asarray(x, np.int64)
        equal = x[..., self.edges[:, 0]] == x[..., self.edges[:, 1]]
        return equal @ self.weights + np.take_along_axis(np.broadcast_to(self.fields, (*x.shape, self.q)), x[..., None], -1)[
            ..., 0
        ].sum(-1)

    def distribution(self) -> np.ndarray:
        """Exact probabilities of all q**n states, the last unit fastest; at most 2**20 states."""
        if self.q**self.dim > 1 << _ENUMERATED:
            raise ArgumentError(f"exact enumeration is for at most 2**{_ENUMERATED} states; this model has {self.q}**{self.dim}")
        states = np.array(list(itertools.product(range(self.q), repeat=self.dim)))
        energy = self.log_prob(states)
        p = np.exp(energy - energy.max())
        return p / p.sum()

    def marginals(self) -> list[np.ndarray]:
        """Exact P(x_i = k) by a junction tree."""
        return exact.marginals(self)[0]

    def factor_graph(self) -> Any:
        """The same model as a `FactorGraph`."""
        from weakchaos.targets.factor_graph import FactorGraph

        # The logarithms as they are: exp(760) has no float64, and exp(-760) would be an impossible state.
        return FactorGraph.from_log_tables(self.cardinalities, zip(self.scopes, self.log_tables, strict=True), names=self.names)

    def to_spec(self) -> tuple[dict, dict]:
        """Plain data, from which `from_spec` makes the model again."""
        spec: dict = {"q": self.q, "names": list(self.names)}
        arrays = {"edges": self.edges, "weights": self.weights, "fields": self.fields}
        if self.geometry is not None and self._bare is not None:
            place = {"shape": list(self.geometry.shape), "kind": self.geometry.kind, "periodic": self.geometry.periodic}
            spec, arrays = {**spec, "geometry": place, "beta": self.beta}, {**arrays, "bare": self._bare}
        return spec, arrays

    @classmethod
    def from_spec(cls, spec: dict, arrays: dict) -> Potts:
        """The model that `to_spec` described."""
        self = cls.__new__(cls)
        edges = arrays["edges"]
        self._setup(len(arrays["fields"]), edges[:, 0], edges[:, 1], arrays["weights"], spec["q"], arrays["fields"], spec["names"])
        if "geometry" in spec:
            self.beta, self.geometry, self._bare = spec["beta"], Lattice(**spec["geometry"]), arrays["bare"]
        return self
