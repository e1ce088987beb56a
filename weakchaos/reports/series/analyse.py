"""`analyse_series`: what a recorded series shows of the dynamics behind it, and what it does not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from weakchaos.core.arguments import plain_array, positive, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.flags import Flag
from weakchaos.diagnostics.recorded import as_series
from weakchaos.interop.missing_marks import missing_flags
from weakchaos.reports.series.evidence import Evidence
from weakchaos.reports.series.measured import MeasuredNumbers, MeasuredSymbols

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

__all__ = ["SeriesReport", "analyse_series"]

_KINDS = ("auto", "map", "flow", "discrete")
_SYMBOLS = 32  # the most different whole numbers that are taken for symbols
_LEAST = 100


@dataclass
class SeriesReport:
    """What `analyse_series` found.

    Attributes
    ----------
    name : str
    kind : {"map", "flow", "discrete"}
        "map" if successive numbers are uncorrelated (an iterated map, or a flow that is sampled rarely), "flow" if they are correlated,
        "discrete" for symbols.
    n : int
    dt : float
    unit : str
        Unit of `dt`.
    rows : list of dict
        One dictionary for each quantity, with ``part``, ``quantity``, ``value``, ``unit``, ``stderr``, ``low`` and ``high`` (95 % interval),
        ``p_value``, ``null`` (the hypothesis that a small p-value speaks against), ``notes`` (why the value may not mean what its name says).
    verdict : str
        The kind of dynamics with which the series is consistent, in a few words.
    results : MeasuredNumbers or MeasuredSymbols
        The results of the diagnostics from which the rows were made, one field for each.
    warnings : list of str
        Diagnostics that were left out or used a part of the series only, and what looks wrong with the series as a whole.
    parameters : dict
    flags : list of Flag
        Values that look like marks of missing data, as data; their sentences stand among `warnings`.
    command : str
        The command line that made the report; empty if it was made by a call.
    source : str
        Where the series comes from.
    """

    name: str
    kind: str
    n: int
    dt: float
    unit: str
    rows: list[dict[str, Any]]
    verdict: str
    words: tuple[str, str]
    results: MeasuredNumbers | MeasuredSymbols = field(repr=False)
    warnings: list[str] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    flags: list[Flag] = field(default_factory=list)
    command: str = ""
    source: str = ""

    @property
    def trusted(self) -> bool:
        """Whether the verdict is not open, and the numbers do not look like marks of missing data."""
        from weakchaos.reports.series.meanings import OPEN_VERDICTS

        return self.verdict not in OPEN_VERDICTS and not self.flags

    def __getitem__(self, quantity: str) -> dict[str, Any]:
        """The row of a quantity."""
        for row in self.rows:
            if row["quantity"] == quantity:
                return row
        raise KeyError(quantity)

    def sentences(self) -> str:
        """The verdict in two sentences: what the series is consistent with and why, and what speaks against it or stays undecided."""
        return " ".join(self.words)

    def table(self) -> str:
        """The rows as a text table, with the notes below it."""
        from weakchaos.reports.series.series_text import text_table

        return text_table(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: the sentences and the table."""
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"

    def plot(self, path: Any = None) -> Figure:
        """One figure with all panels; saved if `path` is given."""
        from weakchaos.reports.series.series_figure import plot_series_report

        return plot_series_report(self, path)

    def to_html(self, path: Any) -> Path:
        """Write one self-contained HTML file."""
        from weakchaos.reports.series.series_page import write_series_html

        return write_series_html(self, path)

    def to_json(self, path: Any = None) -> str:
        """The rows, the verdict and the curves as strict JSON; written when `path` is given."""
        from weakchaos.reports.series.series_page import write_series_json

        return write_series_json(self, path)

    def __str__(self) -> str:
        return f"{self.table()}\n\n{self.sentences()}"


def _is_symbolic(array: np.ndarray) -> bool:
    """Labels, booleans, or whole numbers of which few are different."""
    if array.dtype.kind in "SUb" or array.ndim == 2:
        return True
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.round(array)).all()):
        return False
    return array.dtype.kind in "iuf" and np.unique(array).size <= min(_SYMBOLS, max(2, array.size // 10))


def _as_numbers(labels: np.ndarray) -> np.ndarray | None:
    """Labels that all read as numbers, unless these are so few that they are symbols all the same."""
    try:
        numbers = labels.astype(np.float64)
    except ValueError:
        return None
    return None if not np.isfinite(numbers).all() or _is_symbolic(numbers) else numbers


def analyse_series(
    x: Any,
    dt: float | None = None,
    kind: str = "auto",
    seed: int = 0,
    surrogates: int = 99,
    *,
    name: str = "x",
    unit: str | None = None,
    on_step: Callable[[str], None] | None = None,
) -> SeriesReport:
    """Apply all diagnostics of recorded series to one series, and draw a verdict from their results.

    For numbers these are delay embedding, Lyapunov exponents, the 0-1 test, correlation dimension, entropies, recurrence, fluctuations,
    periods and tests against surrogates; for symbols, entropies and entropy rates, complexities, words, periods and repetitions. Diagnostics
    whose cost grows as the square of the length use only a part of a long series, and a warning says so.

    Parameters
    ----------
    x : array of shape (n,) or (n, 1), sequence of labels, str, RecordedSeries, or Series of pandas or polars
        At least 100 numbers or 20 symbols. What `weakchaos.interop.series.read_series` made of a file brings its name, its step and its notes
        along. Of a DataFrame, the column that `read_series` would choose is analysed.
    dt : float, optional
        Time between two successive numbers; by default the step of the file or of an index of times if there is one, else 1.
    kind : {"auto", "map", "flow", "discrete"}
        "auto" treats labels, and whole numbers of at most 32 different values, as discrete; other numbers as those of a map if they are
        uncorrelated after one step, else as those of a flow.
    seed : int
    surrogates : int
        Number of surrogates of each kind, at least 19; 99 allow p-values down to 0.01.
    name, unit : str
        Name of the series and unit of `dt`, for the report.
    on_step : callable, optional
        Called with the name of each part before it begins.

    Returns
    -------
    SeriesReport
        ``verdict`` is "low-dimensional chaos" only if three things hold together: the series is predicted better than surrogates of a linear
        stochastic process, neighbours separate exponentially, and the correlation sum shows a finite dimension.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> x = [0.3]
    >>> for _ in range(1499):
    ...     x.append(4 * x[-1] * (1 - x[-1]))
    >>> analyse_series(x).verdict
    'low-dimensional chaos'
    """
    if kind not in _KINDS:
        raise ArgumentError(f"`kind` must be one of {', '.join(_KINDS)}; got {shown(kind)}")
    notes: list[str] = []
    from weakchaos.interop.series import RecordedSeries, read_series

    if isinstance(x, RecordedSeries) or type(x).__module__.partition(".")[0] in ("pandas", "polars"):
        record = x if isinstance(x, RecordedSeries) else read_series(x)
        x, notes, name = record.values, list(record.notes), record.name if name == "x" and not record.name.isdigit() else name
        dt, unit = (record.dt, record.unit if unit is None else unit) if dt is None else (dt, unit)
    dt, unit = 1.0 if dt is None else positive("dt", dt), "step" if unit is None else unit
    seed, surrogates = whole_number("seed", seed, 0, math.inf), whole_number("surrogates", surrogates, 19)
    array = np.array(list(x)) if isinstance(x, str) else plain_array("x", x)
    if array.ndim == 2 and 1 in array.shape:
        array = array.ravel()  # a column or a row of a table
    if kind == "auto" and array.dtype.kind in "SU" and array.ndim == 1:
        numbers = _as_numbers(array)
        if numbers is not None:
            array, notes = numbers, [*notes, "`x` is text that reads as numbers, and was taken as numbers"]
    symbolic = kind == "discrete" or (kind == "auto" and array.size > 0 and _is_symbolic(array))
    if not symbolic and array.dtype.kind in "SU":
        raise ArgumentTypeError(f'`x` must hold numbers for kind "{kind}"; got labels, as in {shown(str(array.flat[0]))}')
    say = on_step or (lambda text: None)
    evidence: Evidence[MeasuredNumbers] | Evidence[MeasuredSymbols]
    if symbolic:
        from weakchaos.reports.series.ask_symbols import analyse_symbols, least_symbols
        from weakchaos.reports.series.judge_symbols import judge_symbols

        ranks, size = least_symbols(array)
        evidence = of_symbols = analyse_symbols(ranks, size, seed, surrogates, say)
        if array.ndim == 1:
            of_symbols.results.labels = np.unique(array)
        verdict, words = judge_symbols(of_symbols.results)
        n, form = ranks.size, "discrete"
    else:
        from weakchaos.reports.series.ask_numbers import analyse_numbers
        from weakchaos.reports.series.judge_numbers import judge_numbers

        series = as_series(array, _LEAST)
        evidence = of_numbers = analyse_numbers(series, float(dt), unit, kind, seed, surrogates, say)
        verdict, words = judge_numbers(of_numbers.results)
        n, form = series.size, of_numbers.results.kind
    evidence.results.name = name
    parameters = {"kind": kind, "seed": seed, "surrogates": surrogates}
    flags: list[Flag] = []
    if array.ndim == 1 and array.dtype.kind in "iuf":
        flags = missing_flags(array)
        notes += [flag.sentence for flag in flags]
    warnings = list(dict.fromkeys([*notes, *evidence.results.warnings]))
    return SeriesReport(
        name, form, int(n), float(dt), unit, evidence.rows, verdict, words, evidence.results, warnings, parameters, flags
    )
