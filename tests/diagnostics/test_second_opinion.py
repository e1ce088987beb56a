"""The estimators of nolds beside ours: equal where they are the same statistic, and no failure of theirs ends the comparison."""

import builtins
import importlib
import importlib.metadata

import numpy as np
import pytest

from tests.diagnostics import recorded_series
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics.series.fluctuation import detrended_fluctuation, hurst_exponent
from weakchaos.diagnostics.series.nolds_opinion import nolds_measures, second_opinion

module = importlib.import_module("weakchaos.diagnostics.series.nolds_opinion")  # the folder hands on the function of this name

QUANTITIES = ["largest exponent", "largest exponent", "correlation dimension", "sample entropy", "DFA alpha", "Hurst exponent"]


def test_henon():
    opinion = second_opinion(recorded_series.henon(1500), max_numbers=1000)
    assert opinion.numbers == 1000
    assert [row["quantity"] for row in opinion.rows] == QUANTITIES
    by_name = {row["function"]: row for row in opinion.rows}
    assert by_name["lyap_r"]["weakchaos"] == pytest.approx(0.41922, rel=0.15)
    assert 0.1 < by_name["lyap_r"]["nolds"] < 0.5  # its fit runs on into saturation
    assert by_name["corr_dim"]["weakchaos"] == pytest.approx(1.22, abs=0.1)
    assert by_name["corr_dim"]["nolds"] == pytest.approx(1.22, abs=0.15)
    assert by_name["sampen"]["weakchaos"] == pytest.approx(by_name["sampen"]["nolds"], rel=1e-12)
    assert all(row["seconds_weakchaos"] >= 0 and row["seconds_nolds"] >= 0 for row in opinion.rows)
    text = str(opinion)
    assert all(name in text for name in by_name)


def test_same_windows_same_exponents(rng):
    """nolds without overlap, on scales that divide the length, where windows from both ends are the same ones."""
    nolds = nolds_measures()
    x = np.cumsum(rng.normal(size=5040)) * 0.1 + rng.normal(size=5040)
    scales = [10, 12, 15, 21, 30, 42, 63, 84, 126, 210, 420]
    for order in (1, 2):
        theirs = nolds.dfa(x, scales, overlap=False, order=order, fit_exp="poly", debug_data=True)
        ours = detrended_fluctuation(x, scales, order)
        assert float(ours) == pytest.approx(theirs[0], abs=1e-9)
        assert np.allclose(np.log(ours.curve[1]), theirs[1][1], atol=1e-9)
    theirs = nolds.hurst_rs(x, scales, fit="poly", corrected=False, unbiased=False)
    assert float(hurst_exponent(x, scales, corrected=False)) == pytest.approx(theirs, abs=1e-9)
    # With its overlapping windows nolds has other ones: near, not equal.
    assert float(detrended_fluctuation(x, scales)) == pytest.approx(nolds.dfa(x, scales, fit_exp="poly"), abs=0.05)


def test_failures_are_notes(monkeypatch):
    class Broken:
        def __getattr__(self, name):
            def fail(*args, **options):
                raise ZeroDivisionError("no luck")

            return fail

    monkeypatch.setattr(module, "nolds_measures", Broken)
    opinion = second_opinion(recorded_series.logistic(400))
    assert all(row["nolds"] is None for row in opinion.rows)
    assert all("nolds: failed with ZeroDivisionError: no luck" in row["notes"] for row in opinion.rows)
    assert opinion.rows[0]["weakchaos"] is not None
    assert " -" in opinion.table()


def test_our_failures_are_notes_too():
    """A staircase of equal steps: two thirds of the short windows are constant, and neighbours coincide."""
    opinion = second_opinion(np.repeat(np.arange(10.0), 30))
    assert len(opinion.rows) == 6
    assert any(row["weakchaos"] is None and row["notes"] for row in opinion.rows)


@pytest.mark.parametrize("version", ["0.6.2", "0.5.9", None])
def test_broken_or_absent_package(monkeypatch, version):
    """Its data sets cannot be read: the measures are found where they are known to stand alone; else an error that names the version."""
    plain, installed = builtins.__import__, importlib.metadata.distribution("nolds")

    def without(name, *args, **options):
        if name == "nolds":
            raise ModuleNotFoundError("No module named 'pkg_resources'")
        return plain(name, *args, **options)

    class Other:
        locate_file = installed.locate_file

        def __init__(self, name):
            self.version = version
            if version is None:
                raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(importlib.metadata, "distribution", Other)
    if version == "0.6.2":
        assert nolds_measures().sampen([1, 2] * 50, tolerance=0.5) < 0.1
        return
    with pytest.raises(
        ArgumentError,
        match="pip install nolds" if version is None else r"nolds 0\.5\.9 cannot be imported on Python 3.*pkg_resources",
    ):
        nolds_measures()


@pytest.mark.parametrize(
    "call",
    [
        lambda: second_opinion(np.ones(500)),
        lambda: second_opinion([np.nan] * 500),
        lambda: second_opinion(np.arange(50.0)),
        lambda: second_opinion(np.arange(500.0), max_numbers=100),
        lambda: second_opinion(np.arange(500.0), dt=0.0),
        lambda: second_opinion(np.concatenate([np.zeros(300), np.arange(300.0)]), max_numbers=250),
    ],
)
def test_bad_input(call):
    with pytest.raises(ArgumentError, match="`"):
        call()
