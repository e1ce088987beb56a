"""The outcome of an experiment: rows, curves as data, and the conclusion."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weakchaos.core.plain import strict_json
from weakchaos.core.text_table import aligned
from weakchaos.experiments.conclusion import Conclusion, Verdict
from weakchaos.runs.sweeps import Sweep, sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Curve", "Experiment", "Panel", "run_cells"]


@dataclass(frozen=True)
class Curve:
    """One line of a panel.

    Attributes
    ----------
    label : str
    x, y : arrays of shape (n,)
    stderr : array of shape (n,), optional
        Standard errors, drawn as bars.
    kind : {"measured", "theory", "points"}
        Measured curves are drawn with markers, theoretical ones as a thin line, points without a line.
    """

    label: str
    x: Any
    y: Any
    stderr: Any = None
    kind: str = "measured"


@dataclass(frozen=True)
class Panel:
    """One pair of axes: curves, or an image.

    Attributes
    ----------
    title, x_label, y_label : str
    curves : tuple of Curve
    x_log, y_log : bool
    image : array of shape (rows, columns), optional
        Drawn in grey and without axes instead of curves.
    ticks : tuple of str
        Names of the places 0, 1, 2, ... of the horizontal axis.
    """

    title: str
    x_label: str = ""
    y_label: str = ""
    curves: tuple[Curve, ...] = ()
    x_log: bool = False
    y_log: bool = False
    image: Any = None
    ticks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Experiment:
    """The outcome of one experiment.

    Attributes
    ----------
    name : str
    conclusion : Conclusion
        The claim, its source, and the numbers with intervals from which the verdict follows.
    rows : list of dict
        The measured numbers, as a table.
    parameters : dict
        Sizes, lengths and the seed.
    panels : tuple of Panel
    data : dict
        All measured numbers, as `measure` handed them to `conclude`.
    closing : str
        One line with the answer, for the end of what is printed; most experiments need none beside their verdict.
    """

    name: str
    conclusion: Conclusion
    rows: list[dict[str, Any]]
    parameters: dict[str, Any] = field(default_factory=dict)
    panels: tuple[Panel, ...] = ()
    data: dict[str, Any] = field(default_factory=dict, repr=False)
    closing: str = ""

    @property
    def claim(self) -> str:
        """The claim that was tested, in a sentence."""
        return self.conclusion.claim

    @property
    def source(self) -> str:
        """Paper and figure or table, with DOI or arXiv id."""
        return self.conclusion.source

    @property
    def verdict(self) -> Verdict:
        """What the numbers of this run say about the claim."""
        return self.conclusion.verdict

    @property
    def findings(self) -> tuple[str, ...]:
        """What the numbers say, in sentences made from them."""
        return self.conclusion.sentences()

    def table(self) -> str:
        """The rows as aligned text."""
        return aligned(self.rows)

    def __str__(self) -> str:
        """Claim, table and findings."""
        lines = [f"{self.name}. Claim: {self.claim}", f"Source: {self.source}", "", self.table(), ""]
        return "\n".join([*lines, *(f"- {f}" for f in self.findings), *([self.closing] if self.closing else [])])

    def _repr_html_(self) -> str:
        """What a notebook shows: the claim, the findings and the table."""
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"

    def plot(self, path: Any = None) -> Figure:
        """The panels as a matplotlib figure, saved if `path` is given."""
        from weakchaos.plots.panels import draw_panels

        return draw_panels(self.panels, f"Claim: {self.claim} This run: {self.verdict}.", path)

    def to_json(self, path: Any = None) -> str:
        """Everything except the figure, with the curves, as strict JSON: numbers that are not finite become null; written if `path` is given."""

        content = {k: getattr(self, k) for k in ("name", "claim", "source", "verdict", "rows", "findings", "parameters")}
        panels = [
            {
                **{k: getattr(p, k) for k in ("title", "x_label", "y_label", "x_log", "y_log", "image", "ticks")},
                "curves": [{k: getattr(c, k) for k in ("label", "x", "y", "stderr", "kind")} for c in p.curves],
            }
            for p in self.panels
        ]
        return strict_json({**content, "numbers": self.conclusion.numbers(), "panels": panels}, path)


def run_cells(function: Callable[..., Any], cells: Iterable[tuple], executor: Any = None) -> list[Any]:
    """The results of ``function(*cell)`` for every cell, in order, computed in an executor, or by a `Sweep`, which keeps them, if one is given.

    A cell contains its own seed, so the results do not depend on the executor.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(2) as pool:
    ...     run_cells(pow, [(2, 3), (3, 2)], pool)
    [8, 9]
    """
    if isinstance(executor, Sweep):
        return executor.map(function, cells)
    return sweep(function, cells, executor)
