"""The frame of experiments: found by name, shown as text, drawn, written."""

import json

import numpy as np
import pytest

from weakchaos import experiments
from weakchaos.experiments import Curve, Experiment, Panel


@pytest.fixture
def made():
    curves = (Curve("a", [1.0, 10.0], [0.1, np.nan], [0.01, 0.01]), Curve("1/T", [1.0, 10.0], [1.0, 0.1], kind="theory"))
    panels = (Panel("rates", "T", "error", curves, True, True), Panel("picture", image=np.eye(3)))
    rows = [{"sampler": "a", "error": 0.123456, "good": True}, {"sampler": "b", "error": None, "good": False}]
    return Experiment("toy", "One is one.", "nobody (2000)", rows, ("It is.",), True, {"seed": 0}, panels)


def test_text_says_claim_rows_and_verdict(made):
    text = str(made)
    assert "One is one." in text
    assert "0.1235" in text
    assert text.endswith("The claim is supported by this run.")
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
    assert content["supported"] is True


def test_every_experiment_says_what_it_claims():
    for name in experiments.names():
        assert experiments.claim(name).endswith(".")


def test_unknown_name():
    with pytest.raises(ValueError, match="`name` must be one of"):
        experiments.run("alchemy")
