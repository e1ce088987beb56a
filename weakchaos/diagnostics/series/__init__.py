"""All diagnostics of recorded series under one name, for instance ``diagnostics.series.lyapunov_from_series(x)``."""

from weakchaos.core.faces import face

_HOME = {
    "diagnostics.recorded": ("autocorrelation", "theiler_window"),
    "diagnostics.series.correlation": ("CorrelationSums", "correlation_sums"),
    "diagnostics.series.correlation_rate": ("correlation_entropy",),
    "diagnostics.series.dimension": ("correlation_dimension",),
    "diagnostics.series.divergence": ("Divergence", "lyapunov_from_series"),
    "diagnostics.series.embedding": ("embed", "embedding_delay", "embedding_dimension", "mutual_information"),
    "diagnostics.series.fluctuation": ("detrended_fluctuation", "hurst_exponent"),
    "diagnostics.series.rank_test": ("SurrogateTest", "prediction_error", "surrogate_test", "time_asymmetry"),
    "diagnostics.series.recurrence_lines": ("Recurrence", "recurrence_quantification"),
    "diagnostics.series.recurrence_pixels": ("recurrence_image",),
    "diagnostics.series.recurrence_radius": ("radius_of_rate",),
    "diagnostics.series.nolds_opinion": ("SecondOpinion", "second_opinion"),
    "diagnostics.series.surrogate_series": ("match_ends", "surrogates"),
    "diagnostics.series.zero_one": ("zero_one_test",),
}

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

__getattr__, __dir__ = face(__name__, _HOME)
