"""Everything that asks a recorded series, under one name: ``diagnostics.series.lyapunov_from_series(x)``."""

from weakchaos.diagnostics.correlation import CorrelationSums, correlation_sums
from weakchaos.diagnostics.correlation_rate import correlation_entropy
from weakchaos.diagnostics.dimension import correlation_dimension
from weakchaos.diagnostics.divergence import Divergence, lyapunov_from_series
from weakchaos.diagnostics.embedding import embed, embedding_delay, embedding_dimension, mutual_information
from weakchaos.diagnostics.fluctuation import detrended_fluctuation, hurst_exponent
from weakchaos.diagnostics.recorded import autocorrelation, theiler_window
from weakchaos.diagnostics.recurrence import Recurrence, recurrence_quantification
from weakchaos.diagnostics.recurrence_pixels import recurrence_image
from weakchaos.diagnostics.recurrence_radius import radius_of_rate
from weakchaos.diagnostics.second_opinion import SecondOpinion, second_opinion
from weakchaos.diagnostics.surrogates import SurrogateTest, match_ends, prediction_error, surrogate_test, surrogates, time_asymmetry
from weakchaos.diagnostics.zero_one import zero_one_test

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
