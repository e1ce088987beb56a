"""Pairwise Markov random fields of two states a unit: Boltzmann machines of 0/1 units, Ising models of +-1 spins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import weakchaos.targets.exact as exact
from weakchaos.core.arguments import real_number, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.targets.cooled_start import cool, is_cold
from weakchaos.targets.couplings import checked_fields, checked_shape, lattice_edges, pairs_by_unit, symmetric_edges
from weakchaos.targets.discrete_target import DiscreteTarget
from weakchaos.targets.lattices import Lattice
from weakchaos.targets.potts import Potts

__all__ = ["Ising", "PairwiseMRF", "Potts", "lattice_edges"]

_ENUMERATED = 20
_GLASSES = ("pm_j", "gaussian")
_LARGEST_UNIFORM = 1 << 40  # units of a lattice as a description; samplers that list its edges take fewer
_MADE_LATER = ("cardinalities", "observed", "edges", "weights", "fields", "names", "_truth")


class PairwiseMRF(DiscreteTarget):
    """A Boltzmann machine: ``p(x) ~ exp(x' W x / 2 + b' x)`` over x in {0, 1}^n.

    Parameters
    ----------
    couplings : array or scipy sparse matrix of shape (n, n)
        W, symmetric with zero diagonal.
    fields : array of shape (n,) or float, optional
        b, zero by default.
    names : sequence of str, optional

    Raises
    ------
    ArgumentError
        For a matrix that is not square, symmetric, finite and of zero diagonal, and for fields of another length.

    Examples
    --------
    >>> pair = PairwiseMRF([[0.0, 1.0], [1.0, 0.0]])
    >>> round(float(pair.marginals()[0][1]), 6)  # (1 + e) / (3 + e)
    0.650245
    """

    name = "pairwise MRF"
    has_temperature = True

    def __init__(self, couplings: Any, fields: Any = None, names: Sequence[str] | None = None):
        n, i, j, weight = symmetric_edges(couplings)
        self._setup(n, i, j, weight, checked_fields("fields", fields, n), names)

    def _setup(self, n: int, i: np.ndarray, j: np.ndarray, weight: np.ndarray, field: np.ndarray, names: Any) -> None:
        self.cardinalities = np.full(n, 2, np.int64)
        self.observed = {}
        self.edges, self.weights, self.fields = np.stack([i, j], 1).reshape(-1, 2), weight, field
        self.names = [f"x{k}" for k in range(n)] if names is None else [str(k) for k in names]
        if len(self.names) != n:
            raise ArgumentError(f"`names` must hold {n} names; got {len(self.names)}")
        self._truth: list[np.ndarray] | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.dim} units, {len(self.edges)} couplings>"

    def couplings(self) -> np.ndarray:
        """W as a dense matrix."""
        dense = np.zeros((self.dim, self.dim))
        np.add.at(dense, (self.edges[:, 0], self.edges[:, 1]), self.weights)
        return dense + dense.T

    def pair_arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Couplings by unit (pointers, neighbours, weights) and the fields, as kernels read them."""
        made = self.__dict__.setdefault("_models", {})  # which is not copied with the target
        if "pairs" not in made:
            made["pairs"] = pairs_by_unit(self.dim, self.edges, self.weights)
        return *made["pairs"], self.fields

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """A state drawn uniformly over all states; it is annealed first if the model is so cold that a chain would stay near it for ever."""
        x = super().random_start(rng)
        ptr, unit, weight, field = self.pair_arrays()
        field = np.column_stack([np.zeros(self.dim), field])
        return cool(x, rng, field, ptr, unit, weight, ones=True) if is_cold(field, ptr, weight) else x

    @property
    def scopes(self) -> list[np.ndarray]:
        """Units of each table: one a unit, one an edge."""
        return [np.array([k]) for k in range(self.dim)] + list(self.edges)

    @property
    def log_tables(self) -> list[np.ndarray]:
        """Logarithms of the tables, in the order of `scopes`."""
        return [np.array([0.0, b]) for b in self.fields] + [np.array([[0.0, 0.0], [0.0, w]]) for w in self.weights]

    def log_prob(self, x: Any) -> np.ndarray:
        """Unnormalised log probability of 0/1 states, shape (..., n)."""
        x = np.asarray(x, np.float64)
        return x @ self.fields + (x[..., self.edges[:, 0]] * x[..., self.edges[:, 1]]) @ self.weights

    def distribution(self) -> np.ndarray:
        """Exact probabilities of all 2**n states, the last unit fastest.

        Raises
        ------
        ArgumentError
            For more than 20 units.
        """
        n = self.dim
        if n > _ENUMERATED:
            raise ArgumentError(
                f"exact enumeration is for at most {_ENUMERATED} units; this model has {n}: `marginals` may still do, by a junction tree"
            )
        energy = np.zeros((2,) * n)
        for k, b in enumerate(self.fields):
            energy += np.array([0.0, b]).reshape([2 if a == k else 1 for a in range(n)])
        for (i, j), w in zip(self.edges, self.weights, strict=True):
            energy[tuple(1 if a in (i, j) else slice(None) for a in range(n))] += w
        p = np.exp(energy - energy.max()).ravel()
        return p / p.sum()

    def marginals(self) -> list[np.ndarray]:
        """Exact P(x_i = k), by enumeration for up to 20 units and by a junction tree for more.

        Raises
        ------
        ArgumentError
            When the junction tree would be too wide.
        """
        if self._truth is None:
            if self.dim <= _ENUMERATED:
                p = self.distribution().reshape((2,) * self.dim)
                self._truth = [p.sum(tuple(a for a in range(self.dim) if a != k)) for k in range(self.dim)]
            else:
                self._truth = exact.marginals(self)[0]
        return self._truth

    def factor_graph(self) -> Any:
        """The same model as a `FactorGraph`."""
        from weakchaos.targets.factor_graph import FactorGraph

        # The logarithms as they are: exp(760) has no float64, and exp(-760) would be an impossible state.
        return FactorGraph.from_log_tables(self.cardinalities, zip(self.scopes, self.log_tables, strict=True), names=self.names)

    def to_spec(self) -> tuple[dict, dict]:
        """Plain data, from which `from_spec` makes the model again."""
        return {"names": list(self.names)}, {"edges": self.edges, "weights": self.weights, "fields": self.fields}

    @classmethod
    def from_spec(cls, spec: dict, arrays: dict) -> PairwiseMRF:
        """The model that `to_spec` described."""
        self = cls.__new__(cls)
        self._setup(
            len(arrays["fields"]), arrays["edges"][:, 0], arrays["edges"][:, 1], arrays["weights"], arrays["fields"], spec["names"]
        )
        return self


class Ising(PairwiseMRF):
    """An Ising model: ``p(s) ~ exp(s' J s / 2 + h' s)`` over s in {-1, +1}^n; the inverse temperature is part of J and h.

    Parameters
    ----------
    couplings : array or scipy sparse matrix of shape (n, n)
        J, symmetric with zero diagonal.
    fields : array of shape (n,) or float, optional
        h, zero by default.
    names : sequence of str, optional

    Examples
    --------
    >>> spins = Ising.lattice((3, 3), beta=0.4, periodic=False)
    >>> spins.dim, len(spins.edges)
    (9, 12)
    """

    name = "Ising"
    readout_shift, readout_step = -1, 2
    shape: tuple[int, ...] | None = None  # of a uniform hyper-cubic lattice
    _geometry: Lattice | None = None
    _bare: tuple[np.ndarray, np.ndarray] | None = None
    periodic: bool
    beta: float
    coupling: float
    field: float

    def __init__(self, couplings: Any, fields: Any = None, names: Sequence[str] | None = None):
        n, i, j, weight = symmetric_edges(couplings)
        self._from_spins(n, i, j, weight, checked_fields("fields", fields, n), names)

    def _from_spins(self, n: int, i: np.ndarray, j: np.ndarray, weight: np.ndarray, field: np.ndarray, names: Any) -> None:
        # s = 2 x - 1 turns J into W = 4 J and h into b = 2 h - 2 sum_j J_ij.
        total = np.bincount(i, weight, n) + np.bincount(j, weight, n)
        self._setup(n, i, j, 4.0 * weight, 2.0 * field - 2.0 * total, names)

    @classmethod
    def lattice(
        cls,
        shape: Any,
        beta: float,
        coupling: float = 1.0,
        field: float = 0.0,
        periodic: bool = True,
        kind: str = "cubic",
        next_nearest: float = 0.0,
    ) -> Ising:
        """Uniform couplings on a lattice: ``p(s) ~ exp(beta (coupling sum_<ij> s_i s_j + next_nearest sum_<<ij>> s_i s_j + field sum_i s_i))``.

        Parameters
        ----------
        shape : int or tuple of int
            Cells along each axis; units are numbered in C order, those of a cell one after another.
        beta : float
            Inverse temperature; critical at ``log(1 + sqrt 2) / 2 = 0.4407`` on the square lattice (Onsager, Phys. Rev. 65 (1944) 117), at ``log(3) / 4 = 0.2747`` on the
            triangular, ``log(2 + sqrt 3) / 2 = 0.6585`` on the honeycomb and ``log(3 + 2 sqrt 3) / 4 = 0.4666`` on the kagome lattice (Syôzi 1972).
        coupling, field : float
        periodic : bool
            Whether the lattice is a torus; otherwise it has free boundaries.
        kind : {"cubic", "triangular", "honeycomb", "kagome"}
            "cubic" is hyper-cubic in any number of dimensions; the others have two axes, and 1, 2 and 3 units a cell.
        next_nearest : float
            Coupling of the pairs at the second distance: the diagonals of a square, for example.

        Notes
        -----
        Of a hyper-cubic lattice of nearest neighbours nothing is made for each unit or edge before it is asked for, so that a lattice of 2**30 spins costs nothing until
        `samplers.PackedIsing` makes its 128 MiB; other samplers list units and edges, and refuse more than 2**26 units.

        Examples
        --------
        >>> Ising.lattice((4, 4), beta=0.2, kind="kagome")
        <Ising: 48 units, 96 couplings>
        """
        beta, coupling, field = real_number("beta", beta), real_number("coupling", coupling), real_number("field", field)
        next_nearest = real_number("next_nearest", next_nearest)
        if kind != "cubic" or next_nearest != 0.0:
            geometry = Lattice(shape, kind, periodic)
            near, far = geometry.edges(), geometry.edges(2) if next_nearest else ((), ())
            pairs = np.array([np.concatenate([a, b]) for a, b in zip(near, far, strict=True)], np.int64)
            bare = np.repeat([coupling, next_nearest], [len(near[0]), len(far[0])])
            return cls._at(beta, geometry, pairs.T, bare, np.full(geometry.n_sites, field))
        self = cls.__new__(cls)
        self.shape, self.periodic = checked_shape(shape, most=_LARGEST_UNIFORM), bool(periodic)
        self.beta, self.coupling, self.field = beta, coupling, field
        return self

    @classmethod
    def glass(
        cls,
        shape: Any,
        beta: float = 1.0,
        *,
        seed: int,
        kind: str = "pm_j",
        field: float = 0.0,
        periodic: bool = True,
        lattice: str = "cubic",
    ) -> Ising:
        """A spin glass: a lattice whose couplings are drawn once, by a seed (Edwards and Anderson, J. Phys. F 5 (1975) 965).

        Parameters
        ----------
        shape : int or tuple of int
            Cells along each axis, of any number of dimensions.
        beta : float
            Inverse temperature.
        seed : int
            The same seed gives the same couplings.
        kind : {"pm_j", "gaussian"}
            Couplings are +1 or -1 by a coin, or normal of mean 0 and variance 1.
        field : float
        periodic : bool
        lattice : {"cubic", "triangular", "honeycomb", "kagome"}

        Examples
        --------
        >>> glass = Ising.glass((4, 4, 4), beta=0.9, seed=1)
        >>> glass.dim, sorted(set(glass.bare_couplings.tolist()))
        (64, [-1.0, 1.0])
        """
        if kind not in _GLASSES:
            raise ArgumentError(f"`kind` must be {' or '.join(map(repr, _GLASSES))}; got {shown(kind)}")
        geometry, rng = Lattice(shape, lattice, periodic), np.random.default_rng(whole_number("seed", seed, 0, math.inf))
        pairs = np.stack(geometry.edges(), 1)
        bare = rng.choice([-1.0, 1.0], len(pairs)) if kind == "pm_j" else rng.standard_normal(len(pairs))
        return cls._at(real_number("beta", beta), geometry, pairs, bare, np.full(geometry.n_sites, real_number("field", field)))

    @classmethod
    def _at(cls, beta: float, geometry: Lattice, pairs: np.ndarray, couplings: np.ndarray, fields: np.ndarray) -> Ising:
        self = cls.__new__(cls)
        self.beta, self._geometry, self._bare = beta, geometry, (couplings, fields)
        self._from_spins(geometry.n_sites, pairs[:, 0], pairs[:, 1], beta * couplings, beta * fields, None)
        return self

    @property
    def geometry(self) -> Lattice | None:
        """The lattice on which the spins are; None for a model of couplings without one."""
        return self._geometry if self.shape is None else Lattice(self.shape, "cubic", self.periodic)

    @property
    def bare_couplings(self) -> np.ndarray:
        """Couplings of `edges` without the inverse temperature: the energy is ``-sum J_ij s_i s_j - sum h_i s_i``, its weight ``exp(-beta energy)``."""
        if self.shape is not None:
            return np.full(len(self.edges), self.coupling)
        return self.weights / 4.0 if self._bare is None else self._bare[0]

    @property
    def bare_fields(self) -> np.ndarray:
        """Fields h of the spins without the inverse temperature."""
        if self.shape is not None:
            return np.full(self.dim, self.field)
        if self._bare is not None:
            return self._bare[1]
        ends = self.edges.T
        return self.fields / 2.0 + sum(np.bincount(end, self.weights / 4.0, self.dim) for end in ends)

    def __getattr__(self, name: str) -> Any:
        # Names, edges and fields of a uniform lattice are made when they are first asked for: packed spins need none of them.
        if name not in _MADE_LATER or self.shape is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        sides = checked_shape(self.shape)
        i, j = lattice_edges(sides, self.periodic)
        n = math.prod(sides)
        self._from_spins(n, i, j, np.full(len(i), self.beta * self.coupling), np.full(n, self.beta * self.field), None)
        return self.__dict__[name]

    @property
    def dim(self) -> int:  # type: ignore[override]
        """Number of units."""
        return len(self.cardinalities) if self.shape is None else math.prod(self.shape)

    def __repr__(self) -> str:
        if self.shape is None:
            return super().__repr__()
        return f"<{type(self).__name__}: {self.dim} units, {self.n_couplings} couplings>"

    @property
    def n_couplings(self) -> int:
        """Number of couplings."""
        if self.shape is None:
            return len(self.edges)
        n = self.dim
        return sum(n if self.periodic else n // side * (side - 1) for side in self.shape if side > 1)

    def log_prob_of_spins(self, s: Any) -> np.ndarray:
        """Unnormalised log probability of spins -1, +1, shape (..., n)."""
        return self.log_prob((np.asarray(s) + 1) // 2)

    def to_spec(self) -> tuple[dict, dict]:
        """Plain data, from which `from_spec` makes the model again."""
        if self._geometry is not None and self._bare is not None:
            place = {"shape": list(self._geometry.shape), "kind": self._geometry.kind, "periodic": self._geometry.periodic}
            return {"geometry": place, "beta": self.beta}, {
                "edges": self.edges,
                "couplings": self._bare[0],
                "fields": self._bare[1],
            }
        if self.shape is None:
            return super().to_spec()
        keys = ("shape", "beta", "coupling", "field", "periodic")
        return {"lattice": {k: list(v) if isinstance(v := getattr(self, k), tuple) else v for k in keys}}, {}

    @classmethod
    def from_spec(cls, spec: dict, arrays: dict) -> Ising:
        """The model that `to_spec` described."""
        if "geometry" in spec:
            return cls._at(spec["beta"], Lattice(**spec["geometry"]), arrays["edges"], arrays["couplings"], arrays["fields"])
        return cls.lattice(**spec["lattice"]) if "lattice" in spec else super().from_spec(spec, arrays)  # type: ignore[return-value]
