"""All diagnostics of recorded series under one name, for instance ``diagnostics.series.lyapunov_from_series(x)``."""

from typing import TYPE_CHECKING

from weakchaos.core.faces import face

if TYPE_CHECKING:
    from weakchaos.diagnostics.recorded import autocorrelation, theiler_window
    from weakchaos.diagnostics.series.correlation import CorrelationSums, correlation_sums
    from weakchaos.diagnostics.series.correlation_rate import correlation_entropy
    from weakchaos.diagnostics.series.dimension import correlation_dimension
    from weakchaos.diagnostics.series.divergence import Divergence, lyapunov_from_series
    from weakchaos.diagnostics.series.embedding import embed, embedding_delay, embedding_dimension, mutual_information
    from weakchaos.diagnostics.series.fluctuation import detrended_fluctuation, hurst_exponent
    from weakchaos.diagnostics.series.nolds_opinion import SecondOpinion, second_opinion
    from weakchaos.diagnostics.series.rank_test import SurrogateTest, prediction_error, surrogate_test, time_asymmetry
    from weakchaos.diagnostics.series.recurrence_lines import Recurrence, recurrence_quantification
    from weakchaos.diagnostics.series.recurrence_pixels import recurrence_image
    from weakchaos.diagnostics.series.recurrence_radius import radius_of_rate
    from weakchaos.diagnostics.series.surrogate_series import match_ends, surrogates
    from weakchaos.diagnostics.series.zero_one import zero_one_test
else:
    __getattr__, __dir__ = face(__name__)

__all__ = [
    "CorrelationSums",
    "Divergence",
    "Recurrence",
    "SecondOpinion",
    "SurrogateTest",
    "autocorrelation",
    "correlation_dimension",
    "correlation_entropy",
    "correlation_sums",
    "detrended_fluctuation",
    "embed",
    "embedding_delay",
    "embedding_dimension",
    "hurst_exponent",
    "lyapunov_from_series",
    "match_ends",
    "mutual_information",
    "prediction_error",
    "radius_of_rate",
    "recurrence_image",
    "recurrence_quantification",
    "second_opinion",
    "surrogate_test",
    "surrogates",
    "theiler_window",
    "time_asymmetry",
    "zero_one_test",
]
