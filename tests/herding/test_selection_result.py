"""The result of a selection: its sums, repeats and weights, and the trace it becomes."""

from dataclasses import replace

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.core.flag_kinds import Kind
from weakchaos.core.flags import Flag
from weakchaos.herding import Selection, select


@pytest.fixture
def chosen():
    points = np.array([[0.0, 1.0], [2.0, 3.0], [0.0, 1.0], [4.0, 5.0]])
    return Selection("herding", points, np.array([0.1, 0.2, 0.3, 0.4]), np.array([5, 1, 5, 9]), np.array([0.4, 0.3, 0.2, 0.1]), 40)


def test_repeats_are_counted_and_their_weights_added(chosen):
    rows, counts = chosen.multiplicities
    assert rows.tolist() == [1, 5, 9]
    assert counts.tolist() == [1, 2, 1]
    points, weights = chosen.distinct()
    assert points.tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    np.testing.assert_allclose(weights, [0.4, 0.2, 0.4])
    np.testing.assert_allclose(weights @ points, chosen.expectation())
    np.testing.assert_allclose(chosen.expectation(lambda x: x**2), [7.2, 12.2])
    with pytest.raises(wc.errors.ArgumentError, match="`f` must map"):
        chosen.expectation(lambda x: x[:2])


def test_trace_has_the_points_their_weights_and_is_saved(chosen, tmp_path):
    trace = chosen.to_trace()
    np.testing.assert_array_equal(trace.draws[0], chosen.points)
    np.testing.assert_allclose(trace.mean(), chosen.expectation())
    trace.save(tmp_path / "chosen.npz")
    np.testing.assert_array_equal(wc.load(tmp_path / "chosen.npz").weights, [chosen.weights])
    with pytest.raises(wc.errors.ArgumentError, match="cannot be extended"):
        wc.extend(trace, draws=1, progress=False)


def test_table_names_what_was_kept(chosen):
    table = chosen.to_dataframe()
    assert table.columns.tolist() == ["index", "weight", "x0", "x1"]
    assert table["index"].tolist() == [5, 1, 5, 9]


def test_a_notebook_shows_points_weights_and_what_speaks_against_them(chosen):
    page = chosen._repr_html_()
    assert "&lt;Selection by herding: 4 points" in page
    for text in (">index<", ">weight<", ">x0<", ">0.4<", ">9<"):
        assert text in page
    assert "<li>" not in page
    named = replace(chosen, names=("<b>", "x1"), flags=(Flag.of(Kind.FAR_PROXY, range=3.0),))
    assert "&lt;b&gt;" in named._repr_html_()
    assert "<li><b>note</b>: the log density of the proxy" in named._repr_html_()
    many = select(np.random.default_rng(0).normal(size=(50, 2)), 40, progress=False)._repr_html_()
    assert many.count("<tr") < 15


def test_points_of_a_continuous_space_have_no_indices():
    found = Selection("herding", np.zeros((3, 1)), np.full(3, 1 / 3), None, np.zeros(3))
    assert len(found.distinct()[0]) == 1
    with pytest.raises(wc.errors.ArgumentError, match="no indices"):
        _ = found.multiplicities
