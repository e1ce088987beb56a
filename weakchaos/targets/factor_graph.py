"""`FactorGraph`: a discrete target given by non-negative tables over few units each, Bayesian networks and Markov networks alike.

p(x | evidence) ~ prod_f table_f(x_scope(f))    over the states that agree with the evidence
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import weakchaos.targets.exact as exact
from weakchaos.core.errors import ArgumentError
from weakchaos.targets.discrete_target import DiscreteTarget
from weakchaos.targets.graph_names import checked_names, checked_states, read_evidence_of, unit_index
from weakchaos.targets.graph_spec import graph_of_spec, spec_of_graph
from weakchaos.targets.graph_tables import checked_cardinalities, checked_factors
from weakchaos.targets.interventions import checked_children, children_of_conditionals, intervene
from weakchaos.targets.packaged import packaged, packaged_names

__all__ = ["FactorGraph", "packaged", "packaged_names"]

_ENUMERATED = 1 << 20


class FactorGraph(DiscreteTarget):
    """A product of non-negative tables over discrete units, with evidence.

    Parameters
    ----------
    cardinalities : int array of shape (n,)
        Number of states of each unit.
    factors : iterable of (scope, table)
        `scope` lists units (indices or names), `table` has one axis for each, in that order; entries are non-negative and finite, not
        all zero. An empty scope with a single number is a constant.
    names : sequence of str, optional
        ``x0, x1, ...`` by default.
    states : sequence of sequences, optional
        Names of the states of each unit, strings or numbers. If the names of a unit contain numbers, a number in evidence on it is a name.
    observed : dict, optional
        Evidence, as in `condition`.
    name : str, optional
    children : sequence of units, optional
        For a Bayesian network the unit whose conditional distribution each factor is: what `do` needs. Files and models that say so set it.

    Attributes
    ----------
    intervened : frozenset of int
        Units that `do` holds.
    scopes : tuple of int64 arrays
    log_tables : tuple of float64 arrays
        Logarithms of the tables, -inf for zeros.
    observed : dict of int to int
        Observed units and their states; observed units never change.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For tables of the wrong shape, negative, NaN, infinite or all zero, and scopes with unknown or repeated units.

    References
    ----------
    Kschischang, Frey and Loeliger, IEEE Trans. Inf. Theory 47 (2001) 498, doi:10.1109/18.910572.

    Examples
    --------
    >>> rain = FactorGraph([2, 2], [((0,), [0.8, 0.2]), ((0, 1), [[0.9, 0.1], [0.2, 0.8]])], names=["rain", "wet"])
    >>> [round(float(p), 4) for p in rain.condition({"wet": 1}).marginals()[0]]
    [0.3333, 0.6667]
    """

    has_temperature = True
    scopes: tuple[np.ndarray, ...]
    log_tables: tuple[np.ndarray, ...]
    states: tuple[tuple[Any, ...], ...] | None
    children: tuple[int, ...] | None = None
    intervened: frozenset[int] = frozenset()

    @property
    def has_zeros(self) -> bool:
        """See `Target.has_zeros`."""
        return any(not np.isfinite(table).all() for table in self.log_tables)

    def __init__(
        self,
        cardinalities: Any,
        factors: Iterable[tuple[Any, Any]],
        names: Sequence[str] | None = None,
        states: Any = None,
        observed: Mapping[Any, Any] | None = None,
        name: str | None = None,
        children: Any = None,
    ):
        self._setup(cardinalities, names, states, name)
        self.scopes, self.log_tables = checked_factors(factors, self, logarithms=False)
        self.children = checked_children(children, self)
        self.observed = read_evidence_of(self, observed)

    @classmethod
    def from_log_tables(
        cls,
        cardinalities: Any,
        factors: Iterable[tuple[Any, Any]],
        names: Sequence[str] | None = None,
        states: Any = None,
        observed: Mapping[Any, Any] | None = None,
        name: str | None = None,
    ) -> FactorGraph:
        """A factor graph from the logarithms of its tables, in nats, -inf for zeros: for weights whose exponential is not a float64.

        Examples
        --------
        >>> strong = FactorGraph.from_log_tables([2, 2], [((0, 1), [[0.0, -2000.0], [-2000.0, 0.0]])])
        >>> strong.marginals()[0]
        array([0.5, 0.5])
        """
        self = cls.__new__(cls)
        self._setup(cardinalities, names, states, name)
        self.scopes, self.log_tables = checked_factors(factors, self, logarithms=True)
        self.observed = read_evidence_of(self, observed)
        return self

    def _setup(self, cardinalities: Any, names: Any, states: Any, name: str | None) -> None:
        self.cardinalities = checked_cardinalities(cardinalities)
        self.names = checked_names(names, self.dim)
        self.states = checked_states(states, self.cardinalities, self.names)
        self.name = "factor graph" if name is None else str(name)
        self._index = {k: i for i, k in enumerate(self.names)}
        self._known: dict[str, Any] = {}

    # ---- units and evidence --------------------------------------------------------------------------------------------------------

    def unit(self, which: Any, what: str = "`unit`") -> int:
        """The index of a unit from its name or index.

        Raises
        ------
        ArgumentError, ArgumentTypeError
        """
        return unit_index(which, self._index, what)

    def condition(self, evidence: Mapping[Any, Any]) -> FactorGraph:
        """The same graph with more units observed; observed units remain units of the graph, and they never change.

        Parameters
        ----------
        evidence : dict
            From units (names or indices) to states (names or indices). Names are tried first: for a unit whose states are named 1 and 2, the
            number 1 means the first of them. A key or a state that could have two meanings is refused.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            For units and states that do not exist, and for evidence that contradicts what is observed already.

        Examples
        --------
        >>> packaged("asia").condition({"xray": "yes", "smoke": 0}).observed
        {6: 0, 2: 0}
        """
        return self._observing(read_evidence_of(self, evidence))

    def do(self, interventions: Mapping[Any, Any]) -> FactorGraph:
        """The Bayesian network in which units are set to states from outside, whatever their causes are (Pearl's do-operator).

        Parameters
        ----------
        interventions : dict
            From units to states, names or indices, as in `condition`.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            For models without directions, networks with evidence (intervene first, then condition), and units and states that do not exist.

        Examples
        --------
        Who has an abnormal x-ray shadow is likely to have lung cancer; making one does not give it.

        >>> asia = packaged("asia")
        >>> seen, done = asia.condition({"either": "yes"}), asia.do({"either": "yes"})
        >>> [round(float(g.marginals()[asia.unit("lung")][0]), 3) for g in (seen, done)]
        [0.848, 0.055]
        """
        return intervene(self, interventions)

    def _observing(self, new: Mapping[int, int]) -> FactorGraph:
        for i, k in new.items():
            if self.observed.get(i, k) != k:
                raise ArgumentError(
                    f"`evidence` puts unit {self.names[i]!r} in state {k}, but it is observed in state {self.observed[i]} already"
                )
        out = type(self).__new__(type(self))
        kept = ("cardinalities", "names", "states", "name", "scopes", "log_tables", "_index", "children", "intervened")
        out.__dict__.update({k: getattr(self, k) for k in kept})
        out.observed, out._known = {**self.observed, **new}, {}
        return out

    def __repr__(self) -> str:
        seen = f", {len(self.observed)} observed" if self.observed else ""
        return f"<FactorGraph {self.name!r}: {self.dim} units, {len(self.scopes)} factors{seen}>"

    # ---- probabilities -------------------------------------------------------------------------------------------------------------

    def log_prob(self, x: Any) -> np.ndarray:
        """Unnormalised log probability of states, in nats; -inf where impossible or against the evidence.

        Parameters
        ----------
        x : int array of shape (..., n)

        Returns
        -------
        float64 array of shape (...)

        Raises
        ------
        ArgumentError
            For a wrong shape and for states that do not exist.

        Examples
        --------
        >>> FactorGraph([2], [((0,), [1.0, 0.0])]).log_prob([[0], [1]])
        array([  0., -inf])
        """
        array = np.asarray(x)
        if array.ndim == 0 or array.shape[-1] != self.dim:
            raise ArgumentError(f"`x` must have shape (..., {self.dim}); got {array.shape}")
        rows = array.reshape(-1, self.dim)
        bad = np.argwhere(~((rows >= 0) & (rows < self.cardinalities) & (rows == np.floor(rows))))
        if bad.size:
            t, i = bad[0]
            raise ArgumentError(
                f"`x` must hold states from 0 to {self.cardinalities[i] - 1} for unit {self.names[i]!r}; got {rows[t, i]}"
            )
        columns = rows.T.astype(np.int64)
        out = np.zeros(len(rows))
        for scope, table in zip(self.scopes, self.log_tables, strict=True):
            out += table[tuple(columns[scope])]
        for i, k in self.observed.items():
            out[rows[:, i] != k] = -np.inf
        return out.reshape(array.shape[:-1])

    def marginals(self, max_table: int = exact.MAX_TABLE) -> list[np.ndarray]:
        """Exact P(x_i = k | evidence), by a junction tree; the result is kept, so a second call takes no time.

        Parameters
        ----------
        max_table : int
            Entries allowed in the largest table of the junction tree.

        Returns
        -------
        list of n float64 arrays of shape (K_i,)

        Raises
        ------
        ArgumentError
            When a table would be too large, before it is made; when the evidence is impossible.

        Examples
        --------
        >>> packaged("asia").marginals()[3].round(3)
        array([0.055, 0.945])
        """
        if "marginals" not in self._known:
            if max_table <= self._known.get("refused", (0, None))[0]:
                raise ArgumentError(self._known["refused"][1])
            try:
                self._known["marginals"], self._known["log_partition"] = exact.marginals(self, max_table)
            except ArgumentError as error:
                self._known["refused"] = (max_table, str(error))
                raise
        return [p.copy() for p in self._known["marginals"]]

    def log_partition(self, max_table: int = exact.MAX_TABLE) -> float:
        """Log of the sum of all unnormalised probabilities that agree with the evidence, in nats: for a Bayesian network, log P(evidence).

        Raises
        ------
        ArgumentError
            As `marginals`; impossible evidence gives -inf.

        Examples
        --------
        >>> round(float(np.exp(packaged("asia").condition({"tub": "yes"}).log_partition())), 6)
        0.0104
        """
        if "log_partition" not in self._known:
            self._known["log_partition"] = exact.log_partition(self, max_table)
        return self._known["log_partition"]

    def distribution(self) -> np.ndarray:
        """Exact probabilities of all states, the last unit fastest; float64 of shape (prod K_i,).

        Raises
        ------
        ArgumentError
            For more than 2**20 states; when the evidence is impossible.

        Examples
        --------
        >>> FactorGraph([2, 2], [((0, 1), [[1.0, 2.0], [3.0, 4.0]])]).distribution()
        array([0.1, 0.2, 0.3, 0.4])
        """
        size = math.prod(int(k) for k in self.cardinalities)
        if size > _ENUMERATED:
            raise ArgumentError(
                f"the distribution over all states is for at most 2**20 of them; this graph has 2**{math.log2(size):.1f}: "
                "use `marginals`, exact too, or sample"
            )
        _, joint = exact.log_joint(self)
        if joint.max() == -np.inf:
            self.marginals()  # raises, and says why
        p = np.exp(joint - joint.max())
        # At most 20 units have several states, where all may be more than an array has axes.
        moving = [i for i in range(self.dim) if self.cardinalities[i] > 1]
        out = np.zeros([int(self.cardinalities[i]) for i in moving])
        out[tuple(self.observed.get(i, slice(None)) for i in moving)] = p / p.sum()
        return out.ravel()

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """A random state of positive probability, more spread out than the target; int64 of shape (n,).

        Units are set in random order, with backtracking; each takes a state uniformly at random among those that the zeros in the tables still
        allow. The positive entries of the tables play no part.

        Raises
        ------
        ArgumentError
            When the evidence is impossible, or when no possible state was found.

        Examples
        --------
        >>> asia = packaged("asia").condition({"xray": "yes"})
        >>> bool(np.isfinite(asia.log_prob(asia.random_start(np.random.default_rng(1)))))
        True
        """
        from weakchaos.targets.reachability import Support

        if "support" not in self._known:
            self._known["support"] = Support(self)
        return self._known["support"].random_state(rng)

    # ---- in and out ----------------------------------------------------------------------------------------------------------------

    @classmethod
    def from_uai(cls, path: Any, evidence: Any = None, names: Sequence[str] | None = None, states: Any = None) -> FactorGraph:
        """Read a ``.uai`` file (Bayesian or Markov network).

        Parameters
        ----------
        path : path
        evidence : path of an ``.evid`` file, or dict as in `condition`, optional
        names, states : optional
            As in `FactorGraph`; the format has none.

        Raises
        ------
        FileNotFoundError, FileFormatError
        """
        from weakchaos.targets.uai_files import read_evidence, read_uai_model

        kind, cardinalities, factors = read_uai_model(path)
        children = children_of_conditionals(len(cardinalities), factors) if kind == "BAYES" else None
        graph = cls(cardinalities, factors, names, states, name=Path(path).stem, children=children)
        if evidence is None:
            return graph
        # Files of evidence count units and states, whatever names they were given here.
        return (
            graph.condition(evidence) if isinstance(evidence, Mapping) else graph._observing(read_evidence(evidence, cardinalities))
        )

    @classmethod
    def from_bif(cls, path: Any) -> FactorGraph:
        """Read a Bayesian network in the Interchange Format, ``.bif`` or ``.bif.gz``, with names, states and directions; see `read_bif`."""
        from weakchaos.targets.bif_files import read_bif

        return cls(**read_bif(path))

    @classmethod
    def from_pgmpy(cls, model: Any) -> FactorGraph:
        """Convert a ``DiscreteBayesianNetwork`` or ``DiscreteMarkovNetwork`` of pgmpy, names and states included; see `read_pgmpy`."""
        from weakchaos.targets.pgmpy_models import read_pgmpy

        return cls(**read_pgmpy(model))

    def to_spec(self) -> tuple[dict, dict]:
        """Plain data, from which `from_spec` makes the graph again: a JSON-able dict, and a dict of arrays."""
        return spec_of_graph(self)

    @classmethod
    def from_spec(cls, spec: dict, arrays: Mapping[str, np.ndarray]) -> FactorGraph:
        """The graph that `to_spec` described."""
        return graph_of_spec(cls, spec, arrays)
