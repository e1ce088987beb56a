"""Diagnostics: what a system does as a dynamical system, a series as a record of one, and a sampler as an estimator.

Names are found on first use, so that a program pays only for the diagnostics it calls.
"""

from importlib import import_module
from typing import Any

from weakchaos.diagnostics.convergence import convergence_rate, split_rhat
from weakchaos.diagnostics.lyapunov import largest_exponent
from weakchaos.diagnostics.periodicity import Cycle, find_cycle
from weakchaos.diagnostics.result import Result

# Functions that carry the name of their file: imported here and now, before the file itself can take the name.
from weakchaos.diagnostics.runs import period, runs
from weakchaos.diagnostics.sample_entropy import approximate_entropy, multiscale_entropy, sample_entropy
from weakchaos.diagnostics.surrogates import surrogates

_HOME = {
    "alignment": ("gali", "sali"),
    "analysis": ("SeriesReport", "analyse_series"),
    "complexity": ("lempel_ziv",),
    "correlation": ("correlation_sums",),
    "correlation_rate": ("correlation_entropy",),
    "covariant": ("covariant_vectors",),
    "dimension": ("correlation_dimension",),
    "divergence": ("lyapunov_from_series",),
    "embedding": ("embed", "embedding_delay", "embedding_dimension", "mutual_information"),
    "entropy": ("block_entropy", "conditional_entropy", "entropy_rate", "excess_entropy"),
    "estimators": ("count_entropy",),
    "finite_size": ("finite_size_exponent",),
    "finite_time": ("finite_time_exponents",),
    "fluctuation": ("detrended_fluctuation", "hurst_exponent"),
    "invariance": ("flow_divergence",),
    "near_periods": ("near_periods", "spectral_periods"),
    "ordinal": ("permutation_entropy",),
    "rates": ("context_tree_rate", "match_length_rate"),
    "recurrence": ("recurrence_quantification",),
    "recurrence_pixels": ("recurrence_image",),
    "recurrence_radius": ("radius_of_rate",),
    "renyi": ("renyi_entropy", "shift_entropy", "topological_entropy"),
    "spectrum": ("kaplan_yorke_dimension", "lyapunov_spectrum"),
    "surrogates": ("surrogate_test",),
    "symbolic": ("symbolize",),
    "visits": ("visit_split",),
    "words": ("word_complexity",),
    "zero_one": ("zero_one_test",),
}
_FILE = {name: file for file, names in _HOME.items() for name in names}

__all__ = [
    "Cycle",
    "Result",
    "approximate_entropy",
    "convergence_rate",
    "find_cycle",
    "largest_exponent",
    "multiscale_entropy",
    "period",
    "runs",
    "sample_entropy",
    "split_rhat",
    "surrogates",
    *_FILE,
]


def __getattr__(name: str) -> Any:
    if name not in _FILE:
        raise AttributeError(f"module 'weakchaos.diagnostics' has no attribute {name!r}")
    value = getattr(import_module(f"weakchaos.diagnostics.{_FILE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
