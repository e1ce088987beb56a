"""Surrogates keep what their null hypothesis says they keep; the rank test has its size and its power."""

from itertools import pairwise

import numpy as np
import pytest

from weakchaos.diagnostics.series.gaussianize import gaussianized, not_gaussian
from weakchaos.diagnostics.series.rank_test import prediction_error, surrogate_test, time_asymmetry
from weakchaos.diagnostics.series.recurrence_lines import recurrence_quantification
from weakchaos.diagnostics.series.surrogate_series import match_ends, surrogates


def autoregression(rng, n, a=0.7):
    x = np.zeros(n + 100)
    for t in range(1, x.size):
        x[t] = a * x[t - 1] + rng.standard_normal()
    return x[100:]


def henon(n, seed):
    rng = np.random.default_rng(seed)
    a, b, out = 0.1 + 0.1 * rng.random(), 0.1, np.empty(n + 100)
    for t in range(out.size):
        a, b = 1 - 1.4 * a * a + b, 0.3 * a
        out[t] = a
    return out[100:]


@pytest.mark.parametrize("n", [200, 201])
def test_what_each_kind_keeps(rng, n):
    x = autoregression(rng, n) ** 3
    power = np.abs(np.fft.rfft(x)) ** 2
    made = {kind: surrogates(x, kind, count=3, seed=1) for kind in ("shuffle", "fourier", "aaft", "iaaft")}
    for kind in ("shuffle", "aaft", "iaaft"):
        assert np.array_equal(np.sort(made[kind], axis=1), np.tile(np.sort(x), (3, 1)))
    for s in made["fourier"]:
        assert np.abs(np.fft.rfft(s)) ** 2 == pytest.approx(power, rel=1e-9, abs=1e-9 * power.max())

    def mismatch(s):
        return np.sum((np.abs(np.fft.rfft(s)) - np.sqrt(power)) ** 2) / power.sum()

    near, rough, none = (np.mean([mismatch(s) for s in made[k]]) for k in ("iaaft", "aaft", "shuffle"))
    assert near < 0.05 < none
    assert near < rough
    assert not np.array_equal(made["iaaft"][0], made["iaaft"][1])
    assert np.array_equal(surrogates(x, "iaaft", count=3, seed=1), made["iaaft"])
    assert not np.array_equal(surrogates(x, "iaaft", count=3, seed=2), made["iaaft"])


def test_cycles_are_kept_whole(rng):
    cycles = [np.sin(2 * np.pi * np.arange(m) / m) * (1 + 0.1 * k) for k, m in enumerate((20, 23, 26, 21, 24, 22))]
    x = np.concatenate([*cycles, cycles[0]])
    for s in surrogates(x, "cycle", count=4):
        assert np.array_equal(np.sort(s), np.sort(x))
        assert np.abs(np.diff(s)).max() < 0.6
    with pytest.raises(ValueError, match="at least 3 full cycles"):
        surrogates(np.linspace(0, 1, 100) + 0.01 * rng.random(100), "cycle")


def test_twins_follow_the_dynamics():
    periodic = np.tile([0.1, 0.9, 0.4, 0.7], 60)
    for s in surrogates(periodic, "twin", count=3, dim=2):
        assert (s[4:] == s[:-4]).mean() > 0.85  # the same orbit, begun afresh where the series ended
    x = henon(600, 0)
    steps = {(round(a, 12), round(b, 12)) for a, b in pairwise(x)}
    s = surrogates(x, "twin", count=1, dim=2, radius=0.1)[0]
    own = sum((round(a, 12), round(b, 12)) in steps for a, b in pairwise(s))
    assert own > 0.6 * len(s)  # all but where it passes from a twin to the other; none after a shuffle


def test_ends_are_matched():
    t = np.arange(500)
    x = np.sin(2 * np.pi * t / 50 + 0.3) + 0.0005 * t
    assert abs(x[0] - x[-1]) > 0.12
    x = x[match_ends(x)]
    assert len(x) > 440
    assert abs(x[0] - x[-1]) < 0.1
    assert abs((x[1] - x[0]) - (x[-1] - x[-2])) < 0.02


def test_statistics(rng):
    noise = rng.standard_normal(2000)
    assert prediction_error(noise) == pytest.approx(1.1, abs=0.1)  # a mean of four followers errs by sqrt(1 + 1 / 4)
    assert prediction_error(henon(2000, 1)) < 0.2
    assert time_asymmetry(noise) == pytest.approx(0, abs=0.15)
    saw = np.arange(2000) % 20
    assert time_asymmetry(saw) < -1
    assert time_asymmetry(saw[::-1]) > 1


def test_power_on_henon():
    assert all(surrogate_test(henon(1000, k), count=19, seed=k).rejected for k in range(5))


def test_few_false_alarms_on_linear_noise():
    found = [surrogate_test(autoregression(np.random.default_rng(k), 300), count=19, seed=k).rejected for k in range(40)]
    assert sum(found) <= 8  # 5 % of 40 are 2; 8 and more happen once in 4000


@pytest.mark.slow
def test_size_and_power():
    """5 % within 2 % on AR(1), and more than 95 % power on 1000 numbers of the Henon map."""
    false = np.mean([surrogate_test(autoregression(np.random.default_rng(k), 500), count=19, seed=k).rejected for k in range(600)])
    assert abs(false - 0.05) < 0.02
    power = np.mean([surrogate_test(henon(1000, k), count=19, seed=k).rejected for k in range(60)])
    assert power > 0.95


def test_bad_input(rng):
    x = rng.standard_normal(200)
    for call, match in (
        (lambda: surrogates(x, "bootstrap"), "`method` must be one of"),
        (lambda: surrogates(np.ones(100)), "constant|vary"),
        (lambda: surrogates(np.where(np.arange(200) == 5, np.nan, x)), "finite"),
        (lambda: surrogates(x[:5]), "at least|short"),
        (lambda: surrogates(x, count=0), "`count`"),
        (lambda: surrogates(x, "twin", radius=0.0), "`radius`"),
        (lambda: surrogate_test(x, "entropy"), "`statistic`"),
        (lambda: surrogate_test(x, side="left"), "`side`"),
    ):
        with pytest.raises(ValueError, match=match):
            call()


def test_what_makes_a_series_gaussian(rng):
    """Lobato and Velasco's test keeps its level for correlated Gaussian series; monotone functions are taken off again."""
    false = np.mean([not_gaussian(autoregression(rng, 1000, 0.8)) > 5.99 for _ in range(200)])
    assert false < 0.12
    g = autoregression(rng, 2000, 0.5)
    for x, name in (
        (np.exp(g), "logarithm"),
        (-np.exp(g), "logarithm"),
        (g**3, "power"),
        (np.where(g > 0, g + 9, g), "normal scores"),
    ):
        y, found = gaussianized(x)
        assert found == name
        assert (np.diff(y[np.argsort(x)]) >= 0).all()  # monotone
        assert not_gaussian(y) < 5.99 < not_gaussian(x)


def narrow_band(rng, n):
    """Gaussian noise of a period of 12 steps."""
    x = np.zeros(n + 300)
    for t in range(2, x.size):
        x[t] = 1.68 * x[t - 1] - 0.94 * x[t - 2] + 0.25 * rng.standard_normal()
    return x[300:]


def rejections(make, runs, **options):
    return sum(bool(surrogate_test(make(np.random.default_rng(k)), seed=k, **options).rejected) for k in range(runs))


def test_a_monotone_function_of_linear_noise_is_not_rejected():
    """The null of IAAFT; without the function taken off first, the test rejects it: a control that must fail."""
    options = {"statistic": "prediction error", "count": 19}
    assert rejections(lambda g: np.exp(narrow_band(g, 400)), 40, **options) <= 8
    assert rejections(lambda g: np.exp(narrow_band(g, 400)), 40, remap=False, **options) > 12


def test_no_verdict_where_none_is_possible(rng):
    x = henon(300, 0)
    few = surrogate_test(x, count=18)
    assert few.rejected is None
    assert "no verdict" in few.warnings[0]
    assert surrogate_test(x, count=19).rejected is True
    assert surrogate_test(x, "time asymmetry", count=38).rejected is None
    same = surrogate_test(x, statistic=lambda s: float(np.sort(s)[0]), method="shuffle", count=39)
    assert same.rejected is None
    assert "no verdict" in same.warnings[0]


def test_arguments_beyond_the_length(rng):
    x = rng.standard_normal(50)
    for call, match in (
        (lambda: time_asymmetry(x, 50), "`lag` must be less than the 50"),
        (lambda: time_asymmetry(x, 70), "`lag`"),
        (lambda: surrogates(x, "twin", dim=10, delay=5), "leave"),
        (lambda: match_ends(x, 1.5), "`most`"),
        (lambda: recurrence_quantification(x, 0.5, min_diagonal=51), "`min_diagonal`"),
        (lambda: recurrence_quantification(x, 0.5, min_vertical=51), "`min_vertical`"),
    ):
        with pytest.raises(ValueError, match=match):
            call()


def test_long_series_by_threads_and_fast_lengths(rng, capsys):
    x = autoregression(rng, 21_013, 0.8)
    part = x[match_ends(x)]
    n = part.size
    for p in (2, 3, 5, 7, 11):
        while n % p == 0:
            n //= p
    assert n == 1
    assert part.size > 18_000
    made = surrogates(part, "iaaft", 3, seed=1)
    assert np.array_equal(np.sort(made, axis=1), np.tile(np.sort(part), (3, 1)))
    assert np.array_equal(made, surrogates(part, "iaaft", 3, seed=1))
    power = np.abs(np.fft.rfft(part - part.mean()))
    assert (
        np.square(np.abs(np.fft.rfft(made - made.mean(1, keepdims=True), axis=1)) - power).sum(1) < 1e-4 * (power**2).sum()
    ).all()
    test = surrogate_test(x, count=3, progress=True)
    assert test.parameters["predicted"] == 5000
    assert "surrogates" in capsys.readouterr().err
