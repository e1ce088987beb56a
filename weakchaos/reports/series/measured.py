"""The results of all measurements of a series, one field for each: the rows, figures and verdict of `analyse_series` are made from them.

A field is None if the measurement was refused or not made; the row of the report says why.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from weakchaos.diagnostics.result import Result
from weakchaos.diagnostics.series.correlation import CorrelationSums
from weakchaos.diagnostics.series.dimension import DimensionResult
from weakchaos.diagnostics.series.divergence import Divergence
from weakchaos.diagnostics.series.near_periods import NearPeriods
from weakchaos.diagnostics.series.ordinal import PermutationEntropy
from weakchaos.diagnostics.series.recurrence_lines import Recurrence
from weakchaos.diagnostics.symbols.complexity import Complexity
from weakchaos.diagnostics.symbols.repetitions import Run, Runs

__all__ = ["MeasuredNumbers", "MeasuredSymbols", "NullTest"]


@dataclass(frozen=True)
class NullTest:
    """A statistic of a series among those of its surrogates, and the p-value of its rank."""

    p_value: float
    own: float
    others: np.ndarray


@dataclass
class _Measured:
    """What numbers and symbols share.

    Attributes
    ----------
    x : array of shape (n,)
        The series: numbers, or ranks of symbols.
    seed : int
    surrogates : int
        How many of each kind the tests use.
    level : float
        Of a test.
    name : str
        Of the series, for figures.
    warnings : list of str
        What belongs to no row.
    repetition : (int, int) or None
        Preperiod and period of a series that repeats itself.
    why : dict of str to str
        Why a quantity was not measured, where it was refused.
    """

    x: np.ndarray
    seed: int
    surrogates: int
    level: float = 0.05
    name: str = "x"
    warnings: list[str] = field(default_factory=list)
    why: dict[str, str] = field(default_factory=dict)
    repetition: tuple[int, int] | None = None

    def reason(self, *quantities: str) -> str:
        """Why none of these was measured, in words for an empty panel."""
        for quantity in quantities:
            if quantity in self.why:
                return f"not measured: {self.why[quantity]}"
        if self.repetition is not None:
            return "not measured, since the series repeats itself exactly"
        return "not measured for a series of this kind and length"


@dataclass
class MeasuredNumbers(_Measured):
    """What was measured of a series of numbers.

    Attributes
    ----------
    dt, unit : float, str
        Time between two numbers.
    kind_asked, kind : str
        ``"map"`` or ``"flow"``: as requested (or ``"auto"``), and as used.
    acf, correlation_time, information
        Autocorrelation; the lag at which it is below 1/e; lags and mutual information.
    drift_p, drifting, variance_ratio
        p-value of the hypothesis that the halves have the same mean and variance; whether the series stays correlated over too much of its
        length; log ratio of the variances of the halves.
    delay, theiler, dim, cao
        The embedding, and the curve that its dimension was chosen by.
    rosenstein, kantz, zero_one, dimension, sums, k2
        Exponents by two methods, the 0-1 test, the correlation dimension and its sums, the correlation entropy.
    ordinal, sample_entropy, recurrence, dfa, hurst, spectrum, near
        Results of the other parts.
    p_serial : float or None
        p-value of the hypothesis that the numbers are independent.
    p_neighbours : float or None
        p-value of the same hypothesis by coincidences of neighbouring numbers; None where there is serial correlation.
    linear, asymmetry, clustering : NullTest or None
        Prediction error, time asymmetry and clustering of amplitudes, each tested against a linear process.
    steps : NullTest or None
        Prediction error of the differences of a series that drifts, tested against a linear process.
    p_innovations : float or None
        p-value of the hypothesis that what a linear prediction leaves over is independent.
    learning : float or None
        Prediction error divided by the prediction error from half of the numbers.
    """

    dt: float = 1.0
    unit: str = "step"
    kind_asked: str = "auto"
    kind: str = "map"
    acf: np.ndarray = field(default_factory=lambda: np.empty(0))
    correlation_time: int = 0
    information: tuple[np.ndarray, np.ndarray] = field(default_factory=lambda: (np.empty(0), np.empty(0)))
    drift_p: float | None = None
    drifting: bool = False
    variance_ratio: float = 0.0
    delay: int = 1
    theiler: int = 1
    dim: int = 3
    cao: Result | None = None
    rosenstein: Divergence | None = None
    kantz: Divergence | None = None
    zero_one: Result | None = None
    dimension: DimensionResult | None = None
    sums: CorrelationSums | None = None
    k2: DimensionResult | None = None
    ordinal: PermutationEntropy | None = None
    sample_entropy: Result | None = None
    recurrence: Recurrence | None = None
    dfa: Result | None = None
    hurst: Result | None = None
    spectrum: NearPeriods | None = None
    near: NearPeriods | None = None
    p_serial: float | None = None
    p_neighbours: float | None = None
    linear: NullTest | None = None
    asymmetry: NullTest | None = None
    clustering: NullTest | None = None
    steps: NullTest | None = None
    p_innovations: float | None = None
    learning: float | None = None

    @property
    def exponents(self) -> dict[str, Divergence]:
        """The exponents that were measured, by the names of their methods."""
        return {name: found for name, found in (("Rosenstein", self.rosenstein), ("Kantz", self.kantz)) if found is not None}


@dataclass
class MeasuredSymbols(_Measured):
    """What was measured of a sequence of symbols.

    Attributes
    ----------
    size : int
        Number of different symbols.
    labels : array or None
        Names of the symbols, by rank.
    counts : array of shape (size,)
    entropies : dict
        Entropy of a symbol, by estimator.
    rate, excess, blocks, tree, match
        Entropy rate by blocks, excess entropy, block entropies, entropy rates by context tree and by match lengths.
    near : NearPeriods
        Lags after which the sequence nearly repeats.
    lempel_ziv, words, topological
        Phrases; lengths and numbers of different words; topological entropy.
    runs, longest_runs
        Maximal repetitions, and the three that repeat most symbols.
    p_shuffle, p_markov : float or None
        p-values of the hypotheses of independent symbols and of a Markov chain of first order.
    """

    size: int = 0
    labels: np.ndarray | None = None
    counts: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    entropies: dict[str, Result] = field(default_factory=dict)
    rate: Result = field(init=False)
    excess: Result = field(init=False)
    blocks: Result = field(init=False)
    tree: Result | None = None
    match: Result = field(init=False)
    lempel_ziv: Complexity = field(init=False)
    words: tuple[np.ndarray, np.ndarray] = field(init=False)
    topological: Result = field(init=False)
    runs: Runs = field(init=False)
    near: NearPeriods = field(init=False)
    longest_runs: list[Run] = field(default_factory=list)
    p_shuffle: float | None = None
    p_markov: float | None = None
