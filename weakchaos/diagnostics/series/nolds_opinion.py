"""A second opinion on a recorded series: the estimates of nolds beside those of weakchaos."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.arguments import positive, whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.core.text_table import aligned
from weakchaos.diagnostics.recorded import as_series
from weakchaos.diagnostics.result import Result
from weakchaos.diagnostics.series.dimension import correlation_dimension
from weakchaos.diagnostics.series.divergence import lyapunov_from_series
from weakchaos.diagnostics.series.fluctuation import detrended_fluctuation, hurst_exponent
from weakchaos.diagnostics.series.template_entropy import sample_entropy

__all__ = ["SecondOpinion", "nolds_measures", "second_opinion"]

_COLUMNS = ("quantity", "weakchaos", "stderr", "nolds", "function", "seconds_weakchaos", "seconds_nolds")


@dataclass(frozen=True)
class SecondOpinion:
    """The estimates of weakchaos and of nolds for each quantity.

    Attributes
    ----------
    rows : list of dict
        ``quantity``, ``weakchaos`` and ``nolds`` (None where it failed), ``stderr`` (of ours), ``function`` (of nolds),
        ``seconds_weakchaos``, ``seconds_nolds`` (CPU), ``notes`` (warnings and failures of both).
    numbers : int
        How many numbers both libraries were given.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    numbers: int = 0

    def table(self) -> str:
        """The rows as text, and the notes under them."""
        notes = [f"{row['quantity']} ({row['function']}): {note}" for row in self.rows for note in row["notes"]]
        return "\n".join([aligned(self.rows, _COLUMNS), *notes])

    __str__ = table


# Of these, measures.py is known to import NumPy and nothing of the package.
_ALONE = ("0.6.2", "0.6.3")


def nolds_measures() -> Any:
    """The module nolds, imported without its data sets if these cannot be read.

    Version 0.6.2 reads the data sets with a part of setuptools that was removed in version 82, and version 0.6.3 with a part of importlib that is
    new in Python 3.12: without these parts the import of the package fails, although no estimator needs the data sets.

    Raises
    ------
    ArgumentError
        If nolds is not installed or cannot be imported; the message names the versions.
    """
    import sys
    from importlib.metadata import PackageNotFoundError, distribution
    from importlib.util import module_from_spec, spec_from_file_location

    try:
        installed = distribution("nolds")
    except PackageNotFoundError:
        raise ArgumentError("`second_opinion` needs nolds, which is not installed: pip install nolds") from None
    try:
        import nolds

        return nolds
    except Exception as error:  # whatever its data sets ran into
        python = ".".join(map(str, sys.version_info[:3]))
        reason = f"nolds {installed.version} cannot be imported on Python {python} ({type(error).__name__}: {error})"
    advice = "install nolds 0.6.2 beside a setuptools older than 82, or nolds 0.6.3 on Python 3.12 or later"
    spec = spec_from_file_location("nolds_measures", str(installed.locate_file("nolds/measures.py")))
    if installed.version not in _ALONE or spec is None or spec.loader is None:
        raise ArgumentError(f"`second_opinion` needs nolds, and {reason}: {advice}")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ArgumentError(f"`second_opinion` needs nolds, and {reason}: {advice}") from error
    return module


def _timed(function: Callable[[], Any]) -> tuple[Any, list[str], float]:
    """What a call gives, None where it fails, the warnings and the failure as notes, and its CPU seconds."""
    value, notes, begun = None, [], time.process_time()
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            value = function()
        except Exception as error:  # the other one's estimate is still worth showing
            notes.append(f"failed with {type(error).__name__}: {error}")
    return value, notes + sorted({str(w.message) for w in caught}), time.process_time() - begun


def second_opinion(x: Any, dt: float = 1.0, max_numbers: int = 2000) -> SecondOpinion:
    """The estimates of weakchaos for a recorded series beside those of nolds.

    The estimators of weakchaos use their defaults. nolds is given the embedding and the Theiler window that they chose, the same tolerance for
    sample entropy, and least squares instead of its random fit; otherwise it uses its own defaults.

    Parameters
    ----------
    x : array of shape (n,)
    dt : float
        Time between two numbers.
    max_numbers : int
        Both are given at most this many numbers from the beginning of the series: the time and the memory of nolds grow as the square.

    Returns
    -------
    SecondOpinion
        Rows for the largest Lyapunov exponent (``lyap_r``, and the first of ``lyap_e``), the correlation dimension, sample entropy, alpha of
        detrended fluctuation analysis, and the Hurst exponent. If one of the two libraries fails, its column is None and a note says why.

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
    ['lyap_r', 'lyap_e', 'corr_dim', 'sampen', 'dfa', 'hurst_rs']
    """
    series = as_series(x, 200)[: whole_number("max_numbers", max_numbers, 200)]
    as_series(series, 200)
    dt = positive("dt", dt)
    nolds = nolds_measures()
    rows: list[dict[str, Any]] = []

    def add(quantity: str, name: str, ours: tuple[Any, list[str], float], function: Callable[[], Any]) -> None:
        result, own_notes, seconds = ours
        own = float(result.value) if isinstance(result, Result) and np.isfinite(result.value) else None
        value, notes, theirs = _timed(lambda: float(np.ravel(function())[0]))
        if value is not None and not np.isfinite(value):
            value, notes = None, [*notes, "found no finite value"]
        mine = [*(result.warnings if isinstance(result, Result) else ()), *own_notes]
        rows.append(
            {
                "quantity": quantity,
                "weakchaos": own,
                "stderr": None if own is None else result.stderr,
                "nolds": value,
                "function": name,
                "seconds_weakchaos": seconds,
                "seconds_nolds": theirs,
                "notes": [*(f"weakchaos: {n}" for n in mine), *(f"nolds: {n}" for n in notes)],
            }
        )

    exponent = _timed(lambda: lyapunov_from_series(series, dt))
    chosen = exponent[0].parameters if exponent[0] is not None else {}
    dim, delay, theiler = chosen.get("dim", 2), chosen.get("delay", 1), chosen.get("theiler", 1)
    add(
        "largest exponent",
        "lyap_r",
        exponent,
        lambda: nolds.lyap_r(series, emb_dim=dim, lag=delay, min_tsep=theiler, tau=dt, fit="poly"),
    )
    # lyap_e wants emb_dim = 1 + a multiple of matrix_dim - 1, in single steps.
    matrix = max(dim, 2)
    add(
        "largest exponent",
        "lyap_e",
        exponent,
        lambda: nolds.lyap_e(series[::delay], 1 + 2 * (matrix - 1), matrix, min_tsep=-(-theiler // delay), tau=dt * delay),
    )
    tolerance = 0.2 * float(series.std(ddof=1))
    for quantity, name, estimate, function in (
        ("correlation dimension", "corr_dim", correlation_dimension, lambda: nolds.corr_dim(series, matrix, lag=delay, fit="poly")),
        ("sample entropy", "sampen", sample_entropy, lambda: nolds.sampen(series, 2, tolerance, closed=True)),
        ("DFA alpha", "dfa", detrended_fluctuation, lambda: nolds.dfa(series, fit_exp="poly")),
        ("Hurst exponent", "hurst_rs", hurst_exponent, lambda: nolds.hurst_rs(series, fit="poly")),
    ):
        add(quantity, name, _timed(lambda estimate=estimate: estimate(series)), function)  # type: ignore[misc]
    return SecondOpinion(rows, series.size)
