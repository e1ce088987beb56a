"""Diagnostics of dynamical systems, of recorded series, of sequences of symbols, and of samplers as estimators.

Names are imported on first use, so that a program loads only the diagnostics that it calls.
"""

from typing import TYPE_CHECKING

from weakchaos.core.faces import face

if TYPE_CHECKING:
    from weakchaos.diagnostics.discrepancy import mmd as mmd
    from weakchaos.diagnostics.discrepancy import sliced_wasserstein as sliced_wasserstein
    from weakchaos.diagnostics.discrepancy import star_discrepancy as star_discrepancy
    from weakchaos.diagnostics.error_rate import convergence_rate as convergence_rate
    from weakchaos.diagnostics.error_rate import split_rhat as split_rhat
    from weakchaos.diagnostics.orbits.alignment import gali as gali
    from weakchaos.diagnostics.orbits.alignment import sali as sali
    from weakchaos.diagnostics.orbits.covariant import covariant_vectors as covariant_vectors
    from weakchaos.diagnostics.orbits.finite_size import finite_size_exponent as finite_size_exponent
    from weakchaos.diagnostics.orbits.finite_time import finite_time_exponents as finite_time_exponents
    from weakchaos.diagnostics.orbits.invariance import flow_divergence as flow_divergence
    from weakchaos.diagnostics.orbits.lyapunov import largest_exponent as largest_exponent
    from weakchaos.diagnostics.orbits.orbit_diagrams import OrbitDiagram as OrbitDiagram
    from weakchaos.diagnostics.orbits.orbit_diagrams import orbit_diagram as orbit_diagram
    from weakchaos.diagnostics.orbits.periodicity import Cycle as Cycle
    from weakchaos.diagnostics.orbits.periodicity import find_cycle as find_cycle
    from weakchaos.diagnostics.orbits.spectrum import kaplan_yorke_dimension as kaplan_yorke_dimension
    from weakchaos.diagnostics.orbits.spectrum import lyapunov_spectrum as lyapunov_spectrum
    from weakchaos.diagnostics.result import Result as Result
    from weakchaos.diagnostics.series.correlation import correlation_sums as correlation_sums
    from weakchaos.diagnostics.series.correlation_rate import correlation_entropy as correlation_entropy
    from weakchaos.diagnostics.series.dimension import correlation_dimension as correlation_dimension
    from weakchaos.diagnostics.series.divergence import lyapunov_from_series as lyapunov_from_series
    from weakchaos.diagnostics.series.embedding import embed as embed
    from weakchaos.diagnostics.series.embedding import embedding_delay as embedding_delay
    from weakchaos.diagnostics.series.embedding import embedding_dimension as embedding_dimension
    from weakchaos.diagnostics.series.embedding import mutual_information as mutual_information
    from weakchaos.diagnostics.series.fluctuation import detrended_fluctuation as detrended_fluctuation
    from weakchaos.diagnostics.series.fluctuation import hurst_exponent as hurst_exponent
    from weakchaos.diagnostics.series.near_periods import near_periods as near_periods
    from weakchaos.diagnostics.series.near_periods import spectral_periods as spectral_periods
    from weakchaos.diagnostics.series.ordinal import permutation_entropy as permutation_entropy
    from weakchaos.diagnostics.series.rank_test import surrogate_test as surrogate_test
    from weakchaos.diagnostics.series.recurrence_lines import recurrence_quantification as recurrence_quantification
    from weakchaos.diagnostics.series.recurrence_pixels import recurrence_image as recurrence_image
    from weakchaos.diagnostics.series.recurrence_radius import radius_of_rate as radius_of_rate
    from weakchaos.diagnostics.series.surrogate_series import surrogates as surrogates
    from weakchaos.diagnostics.series.template_entropy import approximate_entropy as approximate_entropy
    from weakchaos.diagnostics.series.template_entropy import multiscale_entropy as multiscale_entropy
    from weakchaos.diagnostics.series.template_entropy import sample_entropy as sample_entropy
    from weakchaos.diagnostics.series.zero_one import zero_one_test as zero_one_test
    from weakchaos.diagnostics.stein_discrepancy import ksd as ksd
    from weakchaos.diagnostics.symbols.complexity import lempel_ziv as lempel_ziv
    from weakchaos.diagnostics.symbols.entropy import block_entropy as block_entropy
    from weakchaos.diagnostics.symbols.entropy import conditional_entropy as conditional_entropy
    from weakchaos.diagnostics.symbols.entropy import entropy_rate as entropy_rate
    from weakchaos.diagnostics.symbols.entropy import excess_entropy as excess_entropy
    from weakchaos.diagnostics.symbols.estimators import count_entropy as count_entropy
    from weakchaos.diagnostics.symbols.rates import context_tree_rate as context_tree_rate
    from weakchaos.diagnostics.symbols.rates import match_length_rate as match_length_rate
    from weakchaos.diagnostics.symbols.renyi import renyi_entropy as renyi_entropy
    from weakchaos.diagnostics.symbols.renyi import shift_entropy as shift_entropy
    from weakchaos.diagnostics.symbols.renyi import topological_entropy as topological_entropy
    from weakchaos.diagnostics.symbols.repetitions import period as period
    from weakchaos.diagnostics.symbols.repetitions import runs as runs
    from weakchaos.diagnostics.symbols.symbolic import symbolize as symbolize
    from weakchaos.diagnostics.symbols.words import word_complexity as word_complexity
    from weakchaos.diagnostics.tempered_runs import Tempering as Tempering
    from weakchaos.diagnostics.tempered_runs import tempering as tempering
    from weakchaos.diagnostics.visits import visit_split as visit_split
    from weakchaos.reports.series.analyse import SeriesReport as SeriesReport
    from weakchaos.reports.series.analyse import analyse_series as analyse_series
    from weakchaos.runs.score_check import check_scores as check_scores
    from weakchaos.runs.stein_estimators import Expectation as Expectation
    from weakchaos.runs.stein_estimators import stein_expectation as stein_expectation
    from weakchaos.runs.stein_quadrature import stein_weights as stein_weights
else:
    __getattr__, __dir__ = face(__name__)
