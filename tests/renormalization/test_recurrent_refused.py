"""Recurrent networks and inputs that have no exponent, and what is said of them."""

import math

import numpy as np
import pytest

from tests.renormalization.test_recurrent_network import random_cell
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.renormalization import (
    RecurrentCell,
    RecurrentNetwork,
    recurrent_spectrum,
)


def test_bidirectional_modules_have_no_map():
    torch = pytest.importorskip("torch")
    with pytest.raises(ArgumentError, match="bidirectional"):
        RecurrentNetwork(torch.nn.LSTM(3, 4, bidirectional=True))


def test_modules_that_are_none():
    torch = pytest.importorskip("torch")
    with pytest.raises(ArgumentTypeError, match="pass one of its parts, as 1"):
        RecurrentNetwork(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.GRU(2, 2)))
    with pytest.raises(ArgumentTypeError, match="none inside"):
        RecurrentNetwork(torch.nn.Linear(2, 2))
    with pytest.raises(ArgumentError, match="meta"):
        RecurrentNetwork(torch.nn.GRU(2, 2, device="meta"))
    with pytest.raises(ArgumentError, match="`inputs` is on the meta device"):
        RecurrentNetwork(torch.nn.GRU(2, 2), torch.zeros(5, 2, device="meta"))
    broken = torch.nn.GRU(2, 2)
    with torch.no_grad():
        broken.weight_hh_l0[0, 0] = math.nan
    with pytest.raises(ArgumentError, match="not finite, in weight_hh_l0"):
        RecurrentNetwork(broken)
    with pytest.raises(ArgumentTypeError, match="RecurrentNetwork"):
        recurrent_spectrum(torch.nn.GRU(2, 2))


@pytest.mark.parametrize(
    ("inputs", "match"),
    [
        (np.zeros((5, 3)), "must have shape"),
        (np.zeros((0, 2)), "none of them 0"),
        (np.zeros((0, 5, 2)), "none of them 0"),
        (np.zeros((1, 1, 5, 2)), "must have shape"),
        (np.full((5, 2), np.nan), "finite"),
        ("abc", "numbers"),
    ],
)
def test_bad_inputs(inputs, match):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=match):
        RecurrentNetwork(RecurrentCell("gru", np.zeros((9, 3)), np.zeros((9, 2))), inputs)


def test_whole_numbers_are_inputs(rng):
    cell, x = random_cell("gru", 3, 1.0, 0, weight_ih=rng.normal(size=(9, 2))), rng.integers(-2, 3, (40, 2))
    values = [RecurrentNetwork(cell, u).spectrum(starts=1).exponents for u in (x, x.astype(float))]
    np.testing.assert_array_equal(*values)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("mlp", np.eye(2)), "kind"),
        (("rate", np.zeros((2, 3))), "square"),
        (("lstm", np.zeros((6, 2))), "4 . units"),
        (("rate", np.zeros((0, 0))), "shape"),
        (("rate", np.full((2, 2), np.inf)), "finite"),
        (("rate", np.eye(2), np.zeros((3, 1))), "weight_ih"),
        (("rate", np.eye(2), None, np.zeros(3)), "bias_ih"),
        (("gru", np.zeros((6, 2)), None, None, None, np.eye(2)), "weight_hr"),
        (("rate", np.eye(2), None, None, None, None, 0.0), "leak"),
        (("gru", np.zeros((6, 2)), None, None, None, None, 0.5), "leak"),
    ],
)
def test_bad_cells(arguments, match):
    with pytest.raises(ArgumentError, match=match):
        RecurrentCell(*arguments)


def test_layers_that_do_not_chain():
    with pytest.raises(ArgumentError, match="layer 1 takes 3 inputs, and layer 0 has 2 outputs"):
        RecurrentNetwork([RecurrentCell("rate", np.eye(2)), RecurrentCell("rate", np.eye(2), np.zeros((2, 3)))])
    for bad in ([], [np.eye(2)], np.eye(2), None):
        with pytest.raises(ArgumentTypeError):
            RecurrentNetwork(bad)


def test_bad_options(rng):
    cell = RecurrentCell("rate", np.eye(2), np.eye(2))
    driven = RecurrentNetwork(cell, rng.normal(size=(50, 2)))
    for match, call in (
        ("50 steps long", lambda: driven.spectrum(steps=60)),
        ("`k`", lambda: driven.spectrum(k=3)),
        ("`starts`", lambda: driven.spectrum(starts=0)),
        ("`initial`", lambda: driven.spectrum(initial="ones")),
        ("`initial`", lambda: driven.spectrum(initial=np.zeros(3))),
        ("`layer`", lambda: RecurrentNetwork(cell, layer=1)),
        ("`feedback` must have", lambda: RecurrentNetwork(cell, feedback=np.eye(3))),
        ("either", lambda: RecurrentNetwork(cell, np.zeros(2), feedback=np.eye(2))),
        ("belongs to", lambda: RecurrentNetwork(cell, offset=np.zeros(2))),
        ("one of the two", lambda: RecurrentNetwork(cell, feedback=np.eye(2), layer=0)),
        ("`vectors`", lambda: driven.tangent(driven.start(0), 1, np.zeros((3, 1)))),
        ("`sequence`", lambda: driven.start(0, sequence=1)),
    ):
        with pytest.raises(ArgumentError, match=match):
            call()


def test_networks_that_diverge_have_no_exponents():
    found = RecurrentNetwork(RecurrentCell("rate", 3 * np.eye(2), activation="linear")).spectrum(
        steps=1000, transient=2000, starts=1
    )
    assert np.isnan(found.exponents).all()
    assert found.verdict == "undecided"
    assert any("diverged" in w for w in found.warnings)
