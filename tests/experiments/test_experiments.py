"""The frame of experiments: found by name, shown as text, drawn, written."""

import json
from dataclasses import replace

import numpy as np
import pytest

from weakchaos import experiments
from weakchaos.experiments import Conclusion, Curve, Estimate, Experiment, Panel, Part
from weakchaos.experiments.base import run_cells


@pytest.fixture
def made():
    curves = (Curve("a", [1.0, 10.0], [0.1, np.nan], [0.01, 0.01]), Curve("1/T", [1.0, 10.0], [1.0, 0.1], kind="theory"))
    panels = (Panel("rates", "T", "error", curves, True, True), Panel("picture", image=np.eye(3)))
    rows = [{"sampler": "a", "error": 0.123456, "good": True}, {"sampler": "b", "error": None, "good": False}]
    part = Part("one", Estimate.mean([1.0, 1.0, 1.0], "seeds"), least=1, most=1)
    return Experiment("toy", Conclusion("One is one.", "nobody (2000)", (part,)), rows, {"seed": 0}, panels)


def test_text_says_claim_rows_and_verdict(made):
    text = str(made)
    assert "One is one." in text
    assert "&lt;T&gt; is one." in replace(made, conclusion=replace(made.conclusion, claim="<T> is one."))._repr_html_()
    assert "0.1235" in text
    assert text.endswith("Parts of the claim: 1 holding. By this run the claim is supported.")
    assert [len(line) for line in made.table().splitlines()[1:2]] == [len("sampler   error  good")]


def test_figure_has_every_curve(made, tmp_path):
    figure = made.plot(tmp_path / "toy.png")
    assert (tmp_path / "toy.png").stat().st_size > 1000
    rates, picture = figure.axes
    assert rates.get_xscale() == "log"
    assert {t.get_text() for t in rates.get_legend().get_texts()} == {"a", "1/T"}
    assert len(picture.images) == 1


def test_json_is_strict(made, tmp_path):
    made.to_json(tmp_path / "toy.json")
    content = json.loads((tmp_path / "toy.json").read_text(), parse_constant=lambda c: pytest.fail(c))
    assert content["panels"][0]["curves"][0]["y"] == [0.1, None]
    assert content["verdict"] == "supported"
    assert content["numbers"][0] | {"quantity": "one", "low": 1.0, "high": 1.0, "over": "3 seeds"} == content["numbers"][0]


def test_every_experiment_says_what_it_claims():
    for name in experiments.names():
        assert experiments.claim(name).endswith(".")
        assert experiments.source(name)


def test_the_outcome_does_not_depend_on_the_executor():
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        threads = experiments.run("sturmian", quick=True, seed=1, executor=pool)
    serial = experiments.run("sturmian", quick=True, seed=1)
    assert threads.data == serial.data
    assert threads.findings == serial.findings


def test_an_error_in_a_cell_is_raised():
    with pytest.raises(ZeroDivisionError):
        run_cells(divmod, [(1, 1), (1, 0)])


def test_unknown_name():
    with pytest.raises(ValueError, match="`name` must be one of"):
        experiments.run("alchemy")
