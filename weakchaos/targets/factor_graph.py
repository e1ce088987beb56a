"""`FactorGraph`: a discrete target given by non-negative tables over few units each, Bayesian networks and Markov networks alike.

p(x | evidence) ~ prod_f table_f(x_scope(f))    over the states that agree with the evidence
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.targets import exact
from weakchaos.targets.discrete import DiscreteTarget

__all__ = ["FactorGraph", "packaged", "packaged_names"]

_ENUMERATED = 1 << 20
_LARGEST_CARDINALITY = 1 << 31

_PACKAGED = {
    "sachs": "sachs",
    "alarm": "alarm",
    "child": "child",
    "asia": "asia",
    "segmentation": "Segmentation_11",
    "dbn": "DBN_11",
}


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _checked_cardinalities(cardinalities: Any) -> np.ndarray:
    try:
        array = np.asarray(cardinalities)
    except ValueError as error:
        raise ArgumentError(f"`cardinalities` must be a list of whole numbers; got {shown(cardinalities)}") from error
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
        raise ArgumentError(
            f"`cardinalities` must be a list of whole numbers, one a unit, at least one; got {shown(cardinalities)}"
        )
    bad = np.flatnonzero((array < 1) | (array > _LARGEST_CARDINALITY))
    if bad.size:
        raise ArgumentError(f"`cardinalities` must be from 1 to 2**31; unit {bad[0]} has {array[bad[0]]}")
    return array.astype(np.int64)


def _checked_names(names: Any, n: int) -> tuple[str, ...]:
    if names is None:
        return tuple(f"x{k}" for k in range(n))
    if isinstance(names, str):
        raise ArgumentTypeError(f"`names` must be a sequence of {n} names; got the string {shown(names)}")
    out = tuple(str(k) for k in names)
    if len(out) != n or len(set(out)) != n:
        raise ArgumentError(f"`names` must hold {n} different names, one a unit; got {shown(list(out))}")
    return out


def _checked_states(states: Any, cardinalities: np.ndarray, names: Sequence[str]) -> tuple[tuple[str, ...], ...] | None:
    if states is None:
        return None
    rows = tuple(tuple(str(s) for s in row) for row in states)
    if len(rows) != len(cardinalities):
        raise ArgumentError(f"`states` must hold one list of state names a unit, {len(cardinalities)} lists; got {len(rows)}")
    for row, k, name in zip(rows, cardinalities, names, strict=True):
        if len(row) != k or len(set(row)) != k:
            raise ArgumentError(f"`states` of unit {name!r} must be {k} different names; got {shown(list(row))}")
    return rows


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
    states : sequence of sequences of str, optional
        Names of the states of each unit.
    observed : dict, optional
        Evidence, as in `condition`.
    name : str, optional

    Attributes
    ----------
    scopes : tuple of int64 arrays
    log_tables : tuple of float64 arrays
        Logarithms of the tables, -inf for zeros.
    observed : dict of int to int
        Observed units and their states: units that never move.

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

    scopes: tuple[np.ndarray, ...]
    log_tables: tuple[np.ndarray, ...]
    states: tuple[tuple[str, ...], ...] | None

    def __init__(
        self,
        cardinalities: Any,
        factors: Iterable[tuple[Any, Any]],
        names: Sequence[str] | None = None,
        states: Any = None,
        observed: Mapping[Any, Any] | None = None,
        name: str | None = None,
    ):
        self._setup(cardinalities, names, states, name)
        self._take(factors, logarithms=False)
        self.observed = self._evidence(observed)

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
        """The same from logarithms of tables, in nats, -inf for zeros: for weights whose exponential has no float64.

        Examples
        --------
        >>> strong = FactorGraph.from_log_tables([2, 2], [((0, 1), [[0.0, -2000.0], [-2000.0, 0.0]])])
        >>> strong.marginals()[0]
        array([0.5, 0.5])
        """
        self = cls.__new__(cls)
        self._setup(cardinalities, names, states, name)
        self._take(factors, logarithms=True)
        self.observed = self._evidence(observed)
        return self

    def _setup(self, cardinalities: Any, names: Any, states: Any, name: str | None) -> None:
        self.cardinalities = _checked_cardinalities(cardinalities)
        self.names = _checked_names(names, self.dim)
        self.states = _checked_states(states, self.cardinalities, self.names)
        self.name = "factor graph" if name is None else str(name)
        self._index = {k: i for i, k in enumerate(self.names)}
        self._known: dict[str, Any] = {}

    def _take(self, factors: Iterable[tuple[Any, Any]], logarithms: bool) -> None:
        scopes, tables = [], []
        try:
            pairs = [(scope, table) for scope, table in factors]
        except (TypeError, ValueError) as error:
            raise ArgumentTypeError(f"`factors` must be pairs (scope, table); got {shown(factors)}") from error
        for f, (scope, table) in enumerate(pairs):
            units = self._scope(f, scope)
            scopes.append(units)
            tables.append(self._log_table(f, units, table, logarithms))
        self.scopes, self.log_tables = tuple(scopes), tuple(tables)

    def _scope(self, f: int, scope: Any) -> np.ndarray:
        if isinstance(scope, str) or not isinstance(scope, Iterable):
            raise ArgumentTypeError(f"the scope of factor {f} must be a sequence of units; got {shown(scope)}")
        units = [self.unit(i, f"the scope of factor {f}") for i in scope]
        if len(set(units)) != len(units):
            raise ArgumentError(f"the scope of factor {f} must not repeat a unit; got {shown([self.names[i] for i in units])}")
        return np.array(units, np.int64)

    def _log_table(self, f: int, units: np.ndarray, table: Any, logarithms: bool) -> np.ndarray:
        what = f"the {'log ' * logarithms}table of factor {f}, over {shown([self.names[i] for i in units])},"
        try:
            array = np.array(table, np.float64, order="C")
        except (TypeError, ValueError) as error:
            raise ArgumentTypeError(f"{what} must be an array of numbers; got {shown(table)}") from error
        shape = tuple(int(k) for k in self.cardinalities[units])
        if array.shape != shape:
            raise ArgumentError(f"{what} must have shape {shape}, the cardinalities of its scope; got {array.shape}")
        bad = np.isnan(array) | (array == np.inf) | (False if logarithms else array < 0)
        if bad.any():
            place = tuple(int(k) for k in np.argwhere(bad)[0])
            allowed = "numbers or -inf" if logarithms else "finite and not negative"
            raise ArgumentError(f"{what} must hold entries that are {allowed}; entry {place} is {array[place]}")
        if not logarithms:
            with np.errstate(divide="ignore"):
                array = np.log(array)
        if (array == -np.inf).all():
            raise ArgumentError(f"{what} must not be zero everywhere: no state would be possible")
        return np.asarray(array)

    # ---- units and evidence --------------------------------------------------------------------------------------------------------

    def unit(self, which: Any, what: str = "`unit`") -> int:
        """The index of a unit from its name or index.

        Raises
        ------
        ArgumentError, ArgumentTypeError
        """
        if isinstance(which, str):
            if which not in self._index:
                raise ArgumentError(
                    f"{what} names a unit that does not exist, {which!r}; the units are {shown(list(self.names), 200)}"
                )
            return self._index[which]
        if not _whole(which):
            raise ArgumentTypeError(f"{what} must hold unit names or indices; got {shown(which)}")
        if not 0 <= which < self.dim:
            raise ArgumentError(f"{what} must hold units from 0 to {self.dim - 1}; got {which}")
        return int(which)

    def _state(self, i: int, which: Any) -> int:
        name, k = self.names[i], int(self.cardinalities[i])
        if isinstance(which, str):
            if self.states is None:
                raise ArgumentError(
                    f"`evidence` on unit {name!r} must be a state index: this graph has no state names; got {which!r}"
                )
            if which not in self.states[i]:
                raise ArgumentError(f"`evidence` on unit {name!r} must be one of {shown(list(self.states[i]), 200)}; got {which!r}")
            return self.states[i].index(which)
        if not _whole(which):
            raise ArgumentTypeError(f"`evidence` on unit {name!r} must be a state index or a state name; got {shown(which)}")
        if not 0 <= which < k:
            raise ArgumentError(f"`evidence` on unit {name!r} must be a state from 0 to {k - 1}; got {which}")
        return int(which)

    def _evidence(self, evidence: Any) -> dict[int, int]:
        if evidence is None:
            return {}
        if not isinstance(evidence, Mapping):
            raise ArgumentTypeError(f"`evidence` must be a dict from units to states; got {shown(evidence)}")
        out: dict[int, int] = {}
        for key, value in evidence.items():
            i = self.unit(key, "`evidence`")
            k = self._state(i, value)
            if out.setdefault(i, k) != k:
                raise ArgumentError(f"`evidence` gives unit {self.names[i]!r} two states, {out[i]} and {k}")
        return out

    def condition(self, evidence: Mapping[Any, Any]) -> FactorGraph:
        """The same graph with more units observed; they stay units of the graph, which never move.

        Parameters
        ----------
        evidence : dict
            From units (names or indices) to states (names or indices).

        Raises
        ------
        ArgumentError, ArgumentTypeError
            For units and states that do not exist, and for evidence that contradicts what is observed already.

        Examples
        --------
        >>> packaged("asia").condition({"xray": "yes", "smoke": 0}).observed
        {6: 0, 2: 0}
        """
        new = self._evidence(evidence)
        for i, k in new.items():
            if self.observed.get(i, k) != k:
                raise ArgumentError(
                    f"`evidence` puts unit {self.names[i]!r} in state {k}, but it is observed in state {self.observed[i]} already"
                )
        out = type(self).__new__(type(self))
        kept = ("cardinalities", "names", "states", "name", "scopes", "log_tables", "_index")
        out.__dict__.update({k: self.__dict__[k] for k in kept})
        out.observed, out._known = self.observed | new, {}
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
        """Exact P(x_i = k | evidence), by a junction tree; kept, so that the second call costs nothing.

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

        Units are set in random order, each uniformly among the states that the zeros in the tables still allow, with backtracking: the
        weights play no part.

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
        from weakchaos.interop.uai import read_evidence, read_uai

        cardinalities, factors = read_uai(path)
        graph = cls(cardinalities, factors, names, states, name=Path(path).stem)
        if evidence is None:
            return graph
        return graph.condition(evidence if isinstance(evidence, Mapping) else read_evidence(evidence, cardinalities))

    @classmethod
    def from_pgmpy(cls, model: Any) -> FactorGraph:
        """Convert a ``DiscreteBayesianNetwork`` or ``DiscreteMarkovNetwork`` of pgmpy, names and states included.

        Raises
        ------
        ArgumentTypeError, ArgumentError
        """
        from weakchaos.interop.pgmpy import read_pgmpy

        return cls(**read_pgmpy(model))

    def to_spec(self) -> tuple[dict, dict]:
        """Plain data, from which `from_spec` makes the graph again: a JSON-able dict, and a dict of arrays."""
        spec = {
            "name": self.name,
            "names": list(self.names),
            "states": None if self.states is None else [list(row) for row in self.states],
            "observed": [[i, k] for i, k in self.observed.items()],
        }
        flat = [t.ravel() for t in self.log_tables]
        arrays = {
            "cardinalities": self.cardinalities.copy(),
            "scope_sizes": np.array([len(s) for s in self.scopes], np.int64),
            "scopes": np.concatenate([np.empty(0, np.int64), *self.scopes]),
            "log_tables": np.concatenate([np.empty(0), *flat]),
        }
        return spec, arrays

    @classmethod
    def from_spec(cls, spec: dict, arrays: Mapping[str, np.ndarray]) -> FactorGraph:
        """The graph that `to_spec` described.

        Examples
        --------
        >>> FactorGraph.from_spec(*packaged("asia").to_spec())
        <FactorGraph 'asia': 8 units, 8 factors>
        """
        cardinalities = np.asarray(arrays["cardinalities"])
        factors, first = [], 0
        for scope in (
            np.split(np.asarray(arrays["scopes"]), np.cumsum(arrays["scope_sizes"])[:-1]) if len(arrays["scope_sizes"]) else ()
        ):
            shape = tuple(int(k) for k in cardinalities[scope])
            last = first + int(np.prod(shape, dtype=np.int64))
            factors.append((scope, np.asarray(arrays["log_tables"])[first:last].reshape(shape)))
            first = last
        return cls.from_log_tables(cardinalities, factors, spec["names"], spec["states"], dict(spec["observed"]), spec["name"])


def packaged_names() -> tuple[str, ...]:
    """Names of the models that come with the package.

    Examples
    --------
    >>> packaged_names()
    ('sachs', 'alarm', 'child', 'asia', 'segmentation', 'dbn')
    """
    return tuple(_PACKAGED)


def packaged(name: str) -> FactorGraph:
    """A published model that comes with the package; origins and licences are in ``targets/data/uai/README.md``.

    Parameters
    ----------
    name : str
        ``"sachs"``, ``"alarm"``, ``"child"``, ``"asia"`` (Bayesian networks with names and states), ``"segmentation"`` or ``"dbn"``
        (Markov networks of the UAI 2014 inference competition).

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> packaged("alarm")
    <FactorGraph 'alarm': 37 units, 37 factors>
    """
    if name not in _PACKAGED:
        raise ArgumentError(f"`name` must be one of {', '.join(_PACKAGED)}; got {shown(name)}")
    folder = resources.files("weakchaos.targets") / "data" / "uai"
    facts = json.loads((folder / f"{_PACKAGED[name]}.mar.json").read_text(encoding="utf-8"))
    names = facts.get("names")
    states = [facts["states"][k] for k in names] if names else None
    with resources.as_file(folder / f"{_PACKAGED[name]}.uai") as path:
        graph = FactorGraph.from_uai(path, names=names, states=states)
    graph.name = name
    return graph
