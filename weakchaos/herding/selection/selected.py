"""`Selection`: points that stand for a distribution, with their final weights and what is known of how well they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.core.flags import Flag
from weakchaos.core.system import State
from weakchaos.runs.memory import MemorySink
from weakchaos.runs.trace import Trace
from weakchaos.samplers.base import Bound, Sampler
from weakchaos.targets.points import Points

__all__ = ["Selected", "Selection"]

_SHOWN = 10  # rows of points in a notebook


class _Chosen(Bound):
    """The system of a trace that holds a selection: it says what averages are judged by, and makes no step."""

    stats_names = ("weight",)

    def __init__(self, target: Points, sampler: Selected):
        super().__init__(sampler, target, None)
        self.n_averages = 2 * self.dim

    def estimands(self, draws: np.ndarray) -> np.ndarray:
        """Coordinates and their squares."""
        return np.concatenate([draws, draws**2], axis=1)

    def mean_of_averages(self, averages: np.ndarray) -> np.ndarray:
        """The mean of the points."""
        return averages[..., : self.dim]

    def truth(self) -> tuple[np.ndarray | None, np.ndarray]:
        """Not known: a selection does not keep what it was made from."""
        return None, np.ones(2 * self.dim)

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """Nothing moves."""
        return State()

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """Refused: weights of a selection are final."""
        raise ArgumentError("a selection cannot be extended, as its weights are final; select again with a larger `size`")


@dataclass(frozen=True)
class Selected(Sampler):
    """What stands in the place of a sampler in a trace that holds a selection; it makes no draws."""

    method: str = ""

    def bind(self, target: Any, driver: Any = None) -> _Chosen:
        """See `Sampler.bind`."""
        self.require(target, Points, "Points")
        return _Chosen(target, self)


@dataclass(frozen=True, eq=False)
class Selection:
    """The points that were selected, in the order of their selection, and their final weights.

    Attributes
    ----------
    method : str
    points : array of shape (m, dim)
    weights : array of shape (m,)
        The weights under which averages over the points estimate expectations. They sum to one, except for the free weights of Bayesian quadrature.
    indices : int64 array of shape (m,) or None
        Which rows of the candidates the points are, repeats included; None where the points were searched for in a continuous space.
    mmd : array of shape (steps,)
        Maximum mean discrepancy between the points and the target after each step, in units of the square root of the kernel; for a Stein kernel it is the
        kernel Stein discrepancy. Every step adds a point, except in the Frank-Wolfe methods that also move weight between points.
    evaluations : int
        How often the kernel was evaluated, including the evaluations for the means of the candidates.
    kernel : Kernel or None
    gap : array of shape (steps,) or None
        For Frank-Wolfe methods the duality gap before each step, which is at least half of the square of `mmd`.
    memory : int
        Bytes that the selection took beside the points themselves, as estimated before it began.
    names : tuple of str
        Names of the coordinates.
    origin : dict of str to int array
        For a compressed trace the ``chain`` and the ``draw`` that each point was.
    flags : tuple of Flag
        What speaks against the selection.
    details : dict
        Further results that only one method has, by name.

    Examples
    --------
    >>> chosen = Selection("herding", np.array([[0.0], [1.0], [0.0]]), np.full(3, 1 / 3), np.array([4, 7, 4]), np.array([0.5, 0.2, 0.1]))
    >>> chosen.multiplicities
    (array([4, 7]), array([2, 1]))
    >>> float(chosen.expectation(lambda x: x[:, 0]).round(4))
    0.3333
    """

    method: str
    points: np.ndarray
    weights: np.ndarray
    indices: np.ndarray | None
    mmd: np.ndarray
    evaluations: int = 0
    kernel: Any = None
    gap: np.ndarray | None = None
    memory: int = 0
    names: tuple[str, ...] = ()
    origin: dict[str, np.ndarray] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.names:
            object.__setattr__(self, "names", tuple(f"x{k}" for k in range(self.points.shape[1])))

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        reached = f", MMD {self.mmd[-1]:.3g}" if len(self.mmd) else ""
        return f"<Selection by {self.method}: {len(self)} points, dim {self.points.shape[1]}{reached}, {self.evaluations:.3g} kernel evaluations>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the selection in a line, its first points with their weights, and what speaks against it."""
        from html import escape

        rows = "".join(f"<li><b>{escape(f.severity.value)}</b>: {escape(f.sentence)}</li>" for f in self.flags)
        table = self.to_dataframe().to_html(max_rows=_SHOWN, index=False, float_format="%.4g", border=0)
        return f"<p><code>{escape(repr(self))}</code></p>{table}" + (f"<ul>{rows}</ul>" if rows else "")

    @property
    def multiplicities(self) -> tuple[np.ndarray, np.ndarray]:
        """The different rows among `indices`, in increasing order, and how often each was selected."""
        if self.indices is None:
            raise ArgumentError("these points were sought in a continuous space and have no indices")
        return np.unique(self.indices, return_counts=True)

    def distinct(self) -> tuple[np.ndarray, np.ndarray]:
        """The different points, in the order in which they were first selected, shape (k, dim), and the sum of the weights of each."""
        keys = self.points if self.indices is None else self.indices
        _, first, place = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        total = np.bincount(place.ravel(), self.weights, minlength=first.size)
        order = np.argsort(first)
        return self.points[first[order]], total[order]

    def expectation(self, f: Callable | None = None) -> np.ndarray:
        """The estimate of E f: the sum of weights times values.

        Parameters
        ----------
        f : callable, optional
            ``f(points of shape (m, dim)) -> array of shape (m,) or (m, k)``; the identity by default.
        """
        values = self.points if f is None else np.asarray(f(self.points), np.float64)
        if values.shape[:1] != (len(self),):
            raise ArgumentError(
                f"`f` must map an array of shape (m, dim) to one of shape (m,) or (m, k); for m={len(self)} it returned shape {values.shape}"
            )
        return self.weights @ values

    def to_trace(self) -> Trace:
        """The points as a trace of one chain, in the order of selection, with their weights.

        Averages of a trace divide by the sum of the weights, which `expectation` does not.
        """
        m, dim = self.points.shape
        names = list(self.names)
        system = Selected(self.method).bind(Points(self.points, names=names))
        data = {
            "draws": self.points[None].copy(),
            "stats": np.array(self.weights, np.float64).reshape(1, m, 1),
            "stats_names": np.array(["weight"]),
            "average_counts.0": np.empty(0, np.int64),
            "average_sums.0": np.empty((0, 2 * dim)),
        }
        settings = {
            "entropy": "0",
            "thin": 1,
            "warmup": 0,
            "flags": [flag.to_plain() for flag in self.flags],
            "method": self.method,
        }
        sums = [np.zeros(2 * dim)]
        return Trace(system, MemorySink.from_arrays(data, [m], names), [State()], [m], [0], "draws", settings, [0.0], sums)

    def to_dataframe(self) -> Any:
        """One row a point: its index, its weight, where it came from, and one column a coordinate.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        own = {} if self.indices is None else {"index": self.indices}
        return pd.DataFrame({**own, **self.origin, "weight": self.weights, **dict(zip(self.names, self.points.T, strict=True))})
