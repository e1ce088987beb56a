"""All diagnostics of recorded series under one name, for instance ``diagnostics.series.lyapunov_from_series(x)``."""

from typing import TYPE_CHECKING

from weakchaos.core.faces import face

if TYPE_CHECKING:
    from weakchaos.diagnostics.recorded import autocorrelation as autocorrelation
    from weakchaos.diagnostics.recorded import theiler_window as theiler_window
    from weakchaos.diagnostics.series.correlation import CorrelationSums as CorrelationSums
    from weakchaos.diagnostics.series.correlation import correlation_sums as correlation_sums
    from weakchaos.diagnostics.series.correlation_rate import correlation_entropy as correlation_entropy
    from weakchaos.diagnostics.series.dimension import correlation_dimension as correlation_dimension
    from weakchaos.diagnostics.series.divergence import Divergence as Divergence
    from weakchaos.diagnostics.series.divergence import lyapunov_from_series as lyapunov_from_series
    from weakchaos.diagnostics.series.embedding import embed as embed
    from weakchaos.diagnostics.series.embedding import embedding_delay as embedding_delay
    from weakchaos.diagnostics.series.embedding import embedding_dimension as embedding_dimension
    from weakchaos.diagnostics.series.embedding import mutual_information as mutual_information
    from weakchaos.diagnostics.series.fluctuation import detrended_fluctuation as detrended_fluctuation
    from weakchaos.diagnostics.series.fluctuation import hurst_exponent as hurst_exponent
    from weakchaos.diagnostics.series.nolds_opinion import SecondOpinion as SecondOpinion
    from weakchaos.diagnostics.series.nolds_opinion import second_opinion as second_opinion
    from weakchaos.diagnostics.series.rank_test import SurrogateTest as SurrogateTest
    from weakchaos.diagnostics.series.rank_test import prediction_error as prediction_error
    from weakchaos.diagnostics.series.rank_test import surrogate_test as surrogate_test
    from weakchaos.diagnostics.series.rank_test import time_asymmetry as time_asymmetry
    from weakchaos.diagnostics.series.recurrence_lines import Recurrence as Recurrence
    from weakchaos.diagnostics.series.recurrence_lines import recurrence_quantification as recurrence_quantification
    from weakchaos.diagnostics.series.recurrence_pixels import recurrence_image as recurrence_image
    from weakchaos.diagnostics.series.recurrence_radius import radius_of_rate as radius_of_rate
    from weakchaos.diagnostics.series.surrogate_series import match_ends as match_ends
    from weakchaos.diagnostics.series.surrogate_series import surrogates as surrogates
    from weakchaos.diagnostics.series.zero_one import zero_one_test as zero_one_test
else:
    __getattr__, __dir__ = face(__name__)
