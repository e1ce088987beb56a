"""A second opinion on a recorded series: the estimators of nolds beside ours."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.core.tables import aligned
from weakchaos.diagnostics.dimension import correlation_dimension
from weakchaos.diagnostics.divergence import lyapunov_from_series
from weakchaos.diagnostics.fluctuation import detrended_fluctuation, hurst_exponent
from weakchaos.diagnostics.recorded import as_series, whole
from weakchaos.diagnostics.result import Result

__all__ = ["SecondOpinion", "second_opinion"]


@dataclass(frozen=True)
class SecondOpinion:
    """Two estimates of each quantity.

    Attributes
    ----------
    rows : list of dict
        ``quantity``, ``weakchaos``, ``stderr``, ``nolds`` (None where it failed), ``function`` (of nolds), ``seconds_weakchaos``,
        ``seconds_nolds``, ``notes`` (warnings of both).
    """

    rows: list[dict[str, Any]] = field(default_factory=list)

    def table(self) -> str:
        """The rows as text."""
        columns = ("quantity", "weakchaos", "stderr", "nolds", "function", "seconds_weakchaos", "seconds_nolds")
        notes = [f"{row['quantity']}: {note}" for row in self.rows for note in row["notes"]]
        return "\n".join([aligned(self.rows, columns), *notes])

    __str__ = table


def _theirs(function: Callable[[], Any]) -> tuple[float | None, list[str], float]:
    """A call of nolds, whose failure is a note and no end of the comparison."""
    notes: list[str] = []
    begun = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            value = float(np.ravel(function())[0])
        except Exception as error:  # whatever it raises, ours is still worth showing
            value, notes = float("nan"), [f"nolds failed with {type(error).__name__}: {error}"]
    notes += sorted({f"nolds: {w.message}" for w in caught})
    if not notes and not np.isfinite(value):
        notes.append("nolds found no finite value")
    return (value if np.isfinite(value) else None), notes, time.perf_counter() - begun


def second_opinion(x: Any, dt: float = 1.0, max_numbers: int = 2000) -> SecondOpinion:
    """Our estimates of a recorded series beside those of nolds.

    Ours are made with their defaults. nolds is given the embedding and the Theiler window that ours chose, least squares instead of its
    random fit, and otherwise its own defaults.

    Parameters
    ----------
    x : array of shape (n,)
    dt : float
        Time between two numbers.
    max_numbers : int
        Both see only the first so many: the time and the memory of nolds grow as their square.

    Returns
    -------
    SecondOpinion
        Rows for the largest Lyapunov exponent (``lyap_r``, and the first of ``lyap_e``), the correlation dimension, alpha of detrended
        fluctuation analysis, and the Hurst exponent.

    Raises
    ------
    ArgumentError
        Also when nolds is not installed.

    References
    ----------
    Schölzel, nolds, doi:10.5281/zenodo.3814723.

    Examples
    --------
    >>> x = [0.3]
    >>> for _ in range(999):
    ...     x.append(4 * x[-1] * (1 - x[-1]))
    >>> opinion = second_opinion(x)
    >>> [row["function"] for row in opinion.rows]
    ['lyap_r', 'lyap_e', 'corr_dim', 'dfa', 'hurst_rs']
    """
    series = as_series(x, 200)[: whole(max_numbers, "max_numbers", 200)]
    try:
        import nolds
    except Exception as error:  # nolds 0.6.3 fails at import on Python 3.11 with an error of importlib
        raise ArgumentError(
            f"`second_opinion` needs nolds, which could not be imported ({type(error).__name__}: {error}); pip install nolds"
        ) from None
    begun = time.perf_counter()
    exponent = lyapunov_from_series(series, dt)
    spent = time.perf_counter() - begun
    dim, delay, theiler = (exponent.parameters[k] for k in ("dim", "delay", "theiler"))
    common = {"lag": delay, "min_tsep": theiler, "tau": dt}

    rows = []

    def add(quantity: str, name: str, ours: Result, seconds: float, function: Callable[[], Any]) -> None:
        value, notes, theirs = _theirs(function)
        own = float(ours.value) if np.isfinite(ours.value) else None
        rows.append(
            {
                "quantity": quantity,
                "weakchaos": own,
                "stderr": ours.stderr,
                "nolds": value,
                "function": name,
                "seconds_weakchaos": seconds,
                "seconds_nolds": theirs,
                "notes": [*(f"weakchaos: {w}" for w in ours.warnings), *notes],
            }
        )

    add("largest exponent", "lyap_r", exponent, spent, lambda: nolds.lyap_r(series, emb_dim=dim, fit="poly", **common))
    # lyap_e wants emb_dim = 1 + a multiple of matrix_dim - 1, in single steps.
    matrix = max(dim, 2)
    add(
        "largest exponent",
        "lyap_e",
        exponent,
        spent,
        lambda: nolds.lyap_e(series[::delay], 1 + 2 * (matrix - 1), matrix, min_tsep=-(-theiler // delay), tau=dt * delay),
    )
    for quantity, name, estimate, function in (
        (
            "correlation dimension",
            "corr_dim",
            correlation_dimension,
            lambda: nolds.corr_dim(series, max(dim, 2), lag=delay, fit="poly"),
        ),
        ("DFA alpha", "dfa", detrended_fluctuation, lambda: nolds.dfa(series, fit_exp="poly")),
        ("Hurst exponent", "hurst_rs", hurst_exponent, lambda: nolds.hurst_rs(series, fit="poly")),
    ):
        begun = time.perf_counter()
        ours = estimate(series)
        add(quantity, name, ours, time.perf_counter() - begun, function)
    return SecondOpinion(rows)
