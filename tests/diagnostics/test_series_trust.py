"""What a recorded series must not be called: intervals that are too narrow, power laws, pulses and tori that look chaotic, verdicts without tests."""

import math
import warnings

import numpy as np
import pytest

from tests.diagnostics import recorded_series
from tests.diagnostics.recorded_series import flow, henon, logistic
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics import (
    analyse_series,
    near_periods,
    permutation_entropy,
    recurrence_quantification,
    sample_entropy,
    surrogate_test,
)
from weakchaos.diagnostics.recorded import repetition
from weakchaos.diagnostics.series.correlation_rate import correlation_entropy
from weakchaos.diagnostics.series.dimension import correlation_dimension
from weakchaos.diagnostics.series.divergence import lyapunov_from_series
from weakchaos.diagnostics.series.embedding import embedding_dimension
from weakchaos.diagnostics.series.gaussianize import _logarithm
from weakchaos.diagnostics.series.separation import grows_as_a_power
from weakchaos.diagnostics.series.zero_one import zero_one_test
from weakchaos.reports.series.innovations import dependence_of_innovations
from weakchaos.reports.series.neighbouring import dependence_of_neighbours
from weakchaos.reports.series.null_tests import _least_error

GOLDEN = (math.sqrt(5) - 1) / 2


def strange_nonchaotic(n, s, x=0.5, theta=0.1):
    """x -> s tanh(x) cos(2 pi theta) under a golden rotation: Grebogi, Ott, Pelikan and Yorke, Physica D 13 (1984) 261; strange for s > 2."""
    out = np.empty(n + 1000)
    for t in range(out.size):
        x, theta = s * math.tanh(x) * math.cos(2 * math.pi * theta), (theta + GOLDEN) % 1
        out[t] = x
    return out[1000:]


# ---- intervals -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("series", [henon(3000), flow("lorenz", 4000, 0.1)[:, 0]], ids=["Henon", "Lorenz"])
def test_the_interval_holds_every_other_reading(series):
    result = lyapunov_from_series(series)
    assert len(result.readings) > 1
    assert result.readings[0] == (result.parameters["dim"], 1, result.value)
    low, high = result.interval
    assert all(low < value < high for _, _, value in result.readings)
    bits = result.in_base(2)
    assert bits.readings[1][2] == pytest.approx(result.readings[1][2] / math.log(2))


def test_intervals_of_a_flow_hold_the_exponent_at_few_numbers():
    """Lorenz 0.9056 (Sprott 2003), from 2,000 numbers, where the choice of embedding moves the slope by a tenth."""
    whole = flow("lorenz", 20_000, 0.1)[:, 0]
    hits = [low <= 0.9056 <= high for low, high in (lyapunov_from_series(part, 0.1).interval for part in np.split(whole, 10))]
    assert sum(hits) >= 8
    from weakchaos.diagnostics.series import divergence

    narrow = pytest.MonkeyPatch()
    narrow.setattr(divergence, "_WIDENED", 0.0)  # negative control
    narrow.setattr("weakchaos.diagnostics.series.separation._BIAS", 0.0)
    bare = [low <= 0.9056 <= high for low, high in (lyapunov_from_series(part, 0.1).interval for part in np.split(whole, 10))]
    narrow.undo()
    assert sum(bare) < sum(hits)


@pytest.mark.parametrize("alpha", [GOLDEN, math.sqrt(2), math.pi, math.e / 3])
def test_a_shear_is_no_chaos(alpha):
    """(theta, y) -> (theta + alpha, y + theta) has entropy 0, and y passes the 0-1 test as chaos does: its neighbours separate in proportion to time."""
    t = np.arange(2000.0)
    y = (0.5 * alpha * t**2 + 0.2 * t) % 1.0
    assert not lyapunov_from_series(y).scaling
    assert not lyapunov_from_series(y, method="kantz").scaling
    if alpha == math.pi:
        assert "chaos" not in analyse_series(y, surrogates=59).verdict


def interval_exchange(n, x=0.123):
    """Three intervals in reverse order: an isometry but for its two cuts (Keane, Math. Z. 141 (1975) 25)."""
    lengths = np.array([math.sqrt(2) - 1.1, math.sqrt(3) - 1.3, 0.0])
    lengths[2] = 1 - lengths.sum()
    ends = np.cumsum(lengths)
    shifts = (ends[2] - ends[0], lengths[2] - lengths[0], -ends[1])
    out = np.empty(n)
    for t in range(n):
        x += shifts[int(np.searchsorted(ends, x, side="right"))]
        out[t] = x
    return out


def triangle_map(n, p=0.1, q=0.2):
    """Casati and Prosen, Phys. Rev. Lett. 85 (2000) 4261: mixing, and its neighbours separate in proportion to time."""
    alpha, beta = GOLDEN - math.exp(-1), GOLDEN + math.exp(-1)
    out = np.empty(n)
    for t in range(n):
        p = (p + alpha * (1 if q >= 0 else -1) + beta + 1) % 2 - 1
        q = (q + p + 1) % 2 - 1
        out[t] = q
    return out


@pytest.mark.parametrize("make", [interval_exchange, triangle_map])
def test_neighbours_that_are_torn_apart_do_not_separate_exponentially(make):
    """Maps of zero entropy whose mean log distance has a straight stretch, made of single pairs that a cut tears apart."""
    x = make(2000)
    found = [lyapunov_from_series(x, method=method) for method in ("rosenstein", "kantz")]
    assert not any(f.scaling for f in found)
    assert {f.growth for f in found} & {"torn", "unclear", "power"}
    # A map that is cut too, but stretches: the exponent is log 2.7.
    beta = np.empty(2000)
    beta[0] = 0.37
    for t in range(1, 2000):
        beta[t] = 2.7 * beta[t - 1] % 1.0
    cut = lyapunov_from_series(beta)
    assert cut.growth == "exponential"
    assert cut.interval[0] < math.log(2.7) < cut.interval[1]


@pytest.mark.parametrize(("draw", "a"), [("standard_exponential", 0.7), ("standard_t", 0.5)])
def test_a_linear_process_need_not_be_gaussian(draw, a):
    """What an autoregression leaves over of one with skewed or heavy-tailed innovations is independent; of a GARCH process it is not."""
    rng = np.random.default_rng(5)
    kicks = rng.standard_t(3, 2300) if draw == "standard_t" else rng.standard_exponential(2300)
    y = np.zeros(2300)
    for t in range(1, 2300):
        y[t] = a * y[t - 1] + kicks[t]
    report = analyse_series(y[300:], surrogates=59)
    assert "nonlinear" not in report.verdict
    assert report.results.p_innovations > 0.05


def test_innovations_of_nonlinear_noise_are_not_independent():
    e = np.random.default_rng(0).normal(size=2500)
    garch, variance = np.empty(2500), 1.0
    for t in range(2500):
        garch[t] = math.sqrt(variance) * e[t]
        variance = 0.05 + 0.1 * garch[t] ** 2 + 0.85 * variance
    assert dependence_of_innovations(garch, 99, np.random.default_rng(1))[1] <= 0.02
    sizes = [
        dependence_of_innovations(np.random.default_rng(k).normal(size=400), 19, np.random.default_rng(k))[1] <= 0.05
        for k in range(60)
    ]
    assert sum(sizes) <= 8  # 3 are expected


def test_growth_as_a_power_of_time_is_told_from_exponential_growth():
    k = np.arange(60.0)
    rough = 0.02 * np.random.default_rng(0).standard_normal(60)
    assert grows_as_a_power(1.5 * np.log(1 + k) - 8 + rough, 0.0)
    assert not grows_as_a_power(0.12 * k - 8 + rough, 0.0)
    # The first steps of chaos are steeper too, because neighbours turn into the direction that grows.
    assert not grows_as_a_power(0.12 * k - 8 - 0.5 * np.exp(-k / 2) + rough, 0.0)


def test_an_observable_that_jumps_or_folds_is_named():
    jumps = (np.cumsum(logistic(3000)) % 1.0 > 0.5) * 5.0 + 0.01 * logistic(3000)
    cat = np.empty(4000)
    u, v = 0.4, 0.3
    for t in range(cat.size):
        u, v = (u + v) % 1, (u + 2 * v) % 1
        cat[t] = u
    assert any("folds the attractor" in w for w in lyapunov_from_series(cat).warnings)
    assert any(
        "folds" in w for w in lyapunov_from_series(flow("lorenz", 4000, 0.05)[:, 0] ** 2, 0.05, dim=5).warnings
    ) or not math.isnan(float(lyapunov_from_series(flow("lorenz", 4000, 0.05)[:, 0] ** 2, 0.05, dim=5)))
    assert not any("folds" in w for w in lyapunov_from_series(henon(3000)).warnings)
    assert not math.isfinite(float(lyapunov_from_series(jumps)))


# ---- the 0-1 test ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.11, 0.17, 0.31])
@pytest.mark.parametrize("ratios", [(1, 2**0.5, 5**0.5), (1, 3**0.5, 7**0.5, 11**0.5)])
def test_slow_beats_of_a_torus_are_no_chaos(scale, ratios):
    result = zero_one_test(sum(np.sin(scale * r * np.arange(2000)) for r in ratios))
    assert float(result) < 0.2


@pytest.mark.parametrize("period", [50, 100, 200, 250, 400, 700])
def test_pulses_are_no_chaos(period):
    x = np.zeros(2000)
    x[::period] = 1.0
    result = zero_one_test(x)
    assert not float(result) > 0.2
    assert period < 50 or result.warnings


def test_chaos_and_noise_keep_their_one():
    rng = np.random.default_rng(3)
    for n in (200, 500, 2000):
        for x in (logistic(n), rng.standard_normal(n), rng.random(n)):
            result = zero_one_test(x)
            assert float(result) > 0.95
            assert not result.warnings


# ---- verdicts --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "s"),
    [(2000, 1.5), (2000, 2.0), (2000, 3.0), (4000, 3.0), *(pytest.param(4000, s, marks=pytest.mark.slow) for s in (1.5, 2.0))],
)
def test_strange_nonchaotic_motion_is_not_called_chaos(n, s):
    assert "chaos" not in analyse_series(strange_nonchaotic(n, s), surrogates=59).verdict


@pytest.mark.parametrize("theta", [0.599763014320376, 0.25, 0.8])
def test_a_drift_along_a_fractal_is_no_exponential_growth(theta):
    """Neighbours on this strange nonchaotic attractor drift apart by a factor of at most e, whatever the start of the rotation."""
    assert "chaos" not in analyse_series(strange_nonchaotic(4000, 3.0, 0.4, theta)[2000:], surrogates=59).verdict


def test_too_few_surrogates_give_no_verdict_on_noise():
    x = np.random.default_rng(0).normal(size=400)
    few, enough = analyse_series(x, surrogates=58), analyse_series(x, surrogates=59)
    assert few.verdict == "undecided"
    assert "surrogates=59" in few.sentences()
    assert enough.verdict == "white noise"


def test_a_rule_without_noise_is_never_said_to_have_some():
    for x in (
        recorded_series.standard(2000),
        recorded_series.ikeda(800),
        np.sin(0.013 * np.arange(1500)) ** 3,
        (0.013 * np.arange(800)) % 1,
    ):
        report = analyse_series(x, surrogates=59)
        assert "with noise" not in report.verdict
        assert "and noise" not in report.words[0]


def test_more_numbers_are_asked_for_where_they_would_help():
    """An error of prediction that falls as numbers are added marks a rule; one that does not (the negative control) marks noise."""
    report = analyse_series(recorded_series.ikeda(2000), surrogates=19)
    assert report.results.learning < 0.93
    noisy = analyse_series(logistic(2000) + 0.3 * np.random.default_rng(0).standard_normal(2000), surrogates=19)
    assert noisy.results.learning > 0.93


def test_a_column_is_a_series():
    x = henon(600)
    column = analyse_series(x[:, None], surrogates=19)
    assert (column.kind, column.rows) == ("map", analyse_series(x, surrogates=19).rows)
    assert analyse_series(x[None, :], surrogates=19).n == 600


def test_the_most_telling_dimension_is_chosen_alike_for_all():
    """The first of exchangeable rows has the least score in its fair share of tries, whatever the number of columns."""
    rng = np.random.default_rng(0)
    first = 0
    for _ in range(2000):
        own, others, _ = _least_error(rng.standard_normal((20, 3)) * (1, 5, 9))
        first += own <= others.min()
    assert abs(first / 2000 - 0.05) < 5 * math.sqrt(0.05 * 0.95 / 2000)
    errors = rng.standard_normal((20, 3))
    errors[0, 1] -= 9
    assert _least_error(errors)[2] == 1


@pytest.mark.parametrize(
    "ask",
    [
        lyapunov_from_series,
        zero_one_test,
        analyse_series,
        permutation_entropy,
        sample_entropy,
        recurrence_quantification,
        near_periods,
    ],
)
def test_numbers_behind_a_mask_are_missing(ask):
    """A masked array is refused, where plain conversion would show the marks of missing data as numbers; one without masked entries is an array."""
    x = np.random.default_rng(0).normal(size=400)
    x[7] = -999.0
    with pytest.raises(ArgumentError, match=r"1 of 400 numbers .* are masked, the first at index 7"):
        ask(np.ma.masked_values(x, -999.0))
    if ask is permutation_entropy:
        assert float(ask(np.ma.masked_array(x))) == float(ask(x))


# ---- ties are not repetition -------------------------------------------------------------------------------------------------------------


def fibonacci_word(length):
    word, following = "0", "01"
    while len(word) < length:
        word, following = following, following + word
    return np.array([float(c) for c in word[:length]])


def few_values():
    """Series most of whose numbers, and often whole embedded vectors, are equal to other ones, though none has a period."""
    rng = np.random.default_rng(3)
    yield "coin", rng.random(2000) < 0.5
    yield "rare events", rng.random(2000) < 0.02
    yield "three values", rng.integers(0, 3, 2000)
    yield "ten values", rng.integers(0, 10, 2000)
    yield "rounded noise", np.round(rng.standard_normal(2000), 1)
    yield "rounded chaos", np.round(henon(3000), 1)
    yield "Fibonacci word", fibonacci_word(2000)


@pytest.mark.parametrize("x", [pytest.param(x, id=name) for name, x in few_values()])
def test_few_distinct_values_are_not_a_cycle(x):
    assert repetition(np.asarray(x, float), 0.0) is None
    for estimate in (lyapunov_from_series, correlation_dimension, correlation_entropy):
        result = estimate(x)
        assert not any("repeats itself" in text for text in result.warnings)
        # A value of exactly zero would say that the motion is regular.
        assert float(result) != 0.0
        assert any("distinct values" in text for text in result.warnings)
    assert not any("repeats itself" in text for text in embedding_dimension(x).warnings)


@pytest.mark.parametrize("transient", [0, 150], ids=["from the start", "after a transient"])
def test_a_cycle_is_named_with_its_period(transient):
    """The negative control of the test above: here every exponent, dimension and entropy is 0, and the period is said."""
    x = np.concatenate([np.random.default_rng(4).random(transient), np.tile([1.0, 4.0, 2.0, 8.0, 5.0, 7.0], 300)])
    assert repetition(x, 0.0) == (transient, 6)
    for estimate in (lyapunov_from_series, correlation_dimension, correlation_entropy):
        result = estimate(x)
        assert float(result) == 0.0
        assert "repeats itself exactly, with period 6" in result.warnings[0]
        assert ("from index 150 on" in result.warnings[0]) == (transient > 0)


def test_ties_at_the_median_leave_surrogates_of_another_shape():
    """Where a twentieth and a half of the numbers are the same value, no logarithm has a scale; the test runs without warnings of arithmetic."""
    rng = np.random.default_rng(5)
    x = np.where(rng.random(1500) < 0.7, 0.0, rng.exponential(size=1500))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _logarithm(x) is None
        assert 0 < float(surrogate_test(x, count=19, seed=1)) <= 1
    assert _logarithm(np.exp(rng.standard_normal(1500))) is not None


def sine_of_standard_map(n, strength=6.5):
    """sin(angle) of the standard map: a rule of the last two angles, of which four branches each are hidden, so that nothing is predicted from few numbers."""
    angle, momentum, out = 1.0, 2.0, np.empty(n)
    for t in range(n):
        momentum = (momentum + strength * math.sin(angle)) % (2 * math.pi)
        angle = (angle + momentum) % (2 * math.pi)
        out[t] = math.sin(angle)
    return out


@pytest.mark.parametrize("strength", [6.5, 8.0, 12.0])
def test_neighbours_on_a_hidden_surface_are_not_independent(strength):
    """sin(a_next) is a function of the two angles before it: triples lie on a surface, whatever the correlations are."""
    x = sine_of_standard_map(2000, strength)
    ratio, p_value = dependence_of_neighbours(x, 199, np.random.default_rng(0))
    assert ratio > 1.1
    assert p_value == 0.005


def test_independent_numbers_of_any_distribution_keep_the_level():
    """The rank of a series among its shuffles is uniform under independence: 80 series at level .05, with a bound of one chance in ten thousand."""
    rejected = 0
    for k in range(80):
        rng = np.random.default_rng(k)
        x = [rng.standard_normal(500), rng.standard_cauchy(500), rng.poisson(2.0, 500), rng.integers(0, 2, 500)][k % 4]
        rejected += dependence_of_neighbours(x.astype(float), 19, rng)[1] <= 0.05
    assert rejected <= 13


def test_strong_chaos_seen_through_one_coordinate_is_not_called_white_noise():
    report = analyse_series(sine_of_standard_map(1500, 12.0), surrogates=59)
    assert report.verdict.startswith("nonlinear")
    assert report.results.p_neighbours <= 0.005


def test_a_rule_beside_a_trend_is_no_drifting_noise_with_few_surrogates_either():
    """39 surrogates suffice for the one test of the steps; a random walk still passes it."""
    trend = 0.002 * np.arange(1200)
    assert analyse_series(logistic(1200) + trend, surrogates=39).verdict == "drifting, undecided"
    walk = np.cumsum(np.random.default_rng(4).standard_normal(800))
    assert analyse_series(walk, surrogates=39).verdict == "drifting noise"
