"""Diagnostics of dynamical systems, of recorded series, of sequences of symbols, and of samplers as estimators.

Names are imported on first use, so that a program loads only the diagnostics that it calls.
"""

from typing import TYPE_CHECKING

from weakchaos.core.faces import face

if TYPE_CHECKING:
    from weakchaos.diagnostics.discrepancy import mmd, sliced_wasserstein, star_discrepancy
    from weakchaos.diagnostics.error_rate import convergence_rate, split_rhat
    from weakchaos.diagnostics.orbits.alignment import gali, sali
    from weakchaos.diagnostics.orbits.covariant import covariant_vectors
    from weakchaos.diagnostics.orbits.finite_size import finite_size_exponent
    from weakchaos.diagnostics.orbits.finite_time import finite_time_exponents
    from weakchaos.diagnostics.orbits.invariance import flow_divergence
    from weakchaos.diagnostics.orbits.lyapunov import largest_exponent
    from weakchaos.diagnostics.orbits.orbit_diagrams import OrbitDiagram, orbit_diagram
    from weakchaos.diagnostics.orbits.periodicity import Cycle, find_cycle
    from weakchaos.diagnostics.orbits.spectrum import kaplan_yorke_dimension, lyapunov_spectrum
    from weakchaos.diagnostics.result import Result
    from weakchaos.diagnostics.series.correlation import correlation_sums
    from weakchaos.diagnostics.series.correlation_rate import correlation_entropy
    from weakchaos.diagnostics.series.dimension import correlation_dimension
    from weakchaos.diagnostics.series.divergence import lyapunov_from_series
    from weakchaos.diagnostics.series.embedding import embed, embedding_delay, embedding_dimension, mutual_information
    from weakchaos.diagnostics.series.fluctuation import detrended_fluctuation, hurst_exponent
    from weakchaos.diagnostics.series.near_periods import near_periods, spectral_periods
    from weakchaos.diagnostics.series.ordinal import permutation_entropy
    from weakchaos.diagnostics.series.rank_test import surrogate_test
    from weakchaos.diagnostics.series.recurrence_lines import recurrence_quantification
    from weakchaos.diagnostics.series.recurrence_pixels import recurrence_image
    from weakchaos.diagnostics.series.recurrence_radius import radius_of_rate
    from weakchaos.diagnostics.series.surrogate_series import surrogates
    from weakchaos.diagnostics.series.template_entropy import approximate_entropy, multiscale_entropy, sample_entropy
    from weakchaos.diagnostics.series.zero_one import zero_one_test
    from weakchaos.diagnostics.stein_discrepancy import ksd
    from weakchaos.diagnostics.symbols.complexity import lempel_ziv
    from weakchaos.diagnostics.symbols.entropy import block_entropy, conditional_entropy, entropy_rate, excess_entropy
    from weakchaos.diagnostics.symbols.estimators import count_entropy
    from weakchaos.diagnostics.symbols.rates import context_tree_rate, match_length_rate
    from weakchaos.diagnostics.symbols.renyi import renyi_entropy, shift_entropy, topological_entropy
    from weakchaos.diagnostics.symbols.repetitions import period, runs
    from weakchaos.diagnostics.symbols.symbolic import symbolize
    from weakchaos.diagnostics.symbols.words import word_complexity
    from weakchaos.diagnostics.tempered_runs import Tempering, tempering
    from weakchaos.diagnostics.visits import visit_split
    from weakchaos.reports.series.analyse import SeriesReport, analyse_series
    from weakchaos.runs.score_check import check_scores
    from weakchaos.runs.stein_estimators import Expectation, stein_expectation
    from weakchaos.runs.stein_quadrature import stein_weights
else:
    __getattr__, __dir__ = face(__name__)

__all__ = [
    "Cycle",
    "Expectation",
    "OrbitDiagram",
    "Result",
    "SeriesReport",
    "Tempering",
    "analyse_series",
    "approximate_entropy",
    "block_entropy",
    "check_scores",
    "conditional_entropy",
    "context_tree_rate",
    "convergence_rate",
    "correlation_dimension",
    "correlation_entropy",
    "correlation_sums",
    "count_entropy",
    "covariant_vectors",
    "detrended_fluctuation",
    "embed",
    "embedding_delay",
    "embedding_dimension",
    "entropy_rate",
    "excess_entropy",
    "find_cycle",
    "finite_size_exponent",
    "finite_time_exponents",
    "flow_divergence",
    "gali",
    "hurst_exponent",
    "kaplan_yorke_dimension",
    "ksd",
    "largest_exponent",
    "lempel_ziv",
    "lyapunov_from_series",
    "lyapunov_spectrum",
    "match_length_rate",
    "mmd",
    "multiscale_entropy",
    "mutual_information",
    "near_periods",
    "orbit_diagram",
    "period",
    "permutation_entropy",
    "radius_of_rate",
    "recurrence_image",
    "recurrence_quantification",
    "renyi_entropy",
    "runs",
    "sali",
    "sample_entropy",
    "shift_entropy",
    "sliced_wasserstein",
    "spectral_periods",
    "split_rhat",
    "star_discrepancy",
    "stein_expectation",
    "stein_weights",
    "surrogate_test",
    "surrogates",
    "symbolize",
    "tempering",
    "topological_entropy",
    "visit_split",
    "word_complexity",
    "zero_one_test",
]
