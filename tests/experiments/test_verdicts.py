"""Each experiment's verdict on made numbers: supported by those the claim would give, contradicted by others, undecided by short runs."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from tests.experiments.made_numbers import (
    chaos_dial,
    complexity_and_error,
    conditional_herding,
    denoising,
    digits_depth,
    entropic_herding,
    good_generators,
    herded_gibbs_rate,
    ising_criticality,
    kernel_herding_rates,
    machine_flow,
    sparse_graphs,
    sturmian,
    token_exponents_and_loss,
    trainable_depth,
    trained_recurrence,
    trained_vision,
    weight_sharing,
)
from weakchaos import experiments
from weakchaos.core.plain import plain
from weakchaos.experiments.conclusion import Verdict

CONTRADICTIONS = {
    kernel_herding_rates: [
        {"herded": -0.6, "line": -0.4},
        {"random": -0.9},
        {"gain": 3.0},
        {"line": -1.0},
        {"corrected": 1.1},
        {"quadrature": 2.0},
        {"filtered": 1.2},
    ],
    good_generators: [{"suspect": 0.0}, {"simple": -2e-3}, {"today": 2e-3}],
    chaos_dial: [{"stream": 0.5}, {"means": 0.8}, {"herded": 0.9}],
    complexity_and_error: [
        {"turned": (name,)}
        for name in ("entropy rate", "Lempel-Ziv complexity", "word growth", "largest exponent", "autocorrelation")
    ],
    sturmian: [
        {"words": 1},
        {"discrepancy": 1.1},
        {"period": 8},
        {"exponent": 0.1},
        {"powers": (1.2, 1.9, 2.7)},
        {"powers": (0.98, 2.2, 2.7)},
        {"powers": (0.98, 1.9, 3.3)},
    ],
    herded_gibbs_rate: [{"herded": -0.5}, {"gibbs": -1.0}, {"gibbs": -0.2}],
    sparse_graphs: [{"blanket": -0.45}, {"blanket": -1.0, "plateau": 1e-5}, {"hashed": -0.5}, {"plateau": 5e-4}, {"joint": 5e-3}],
    weight_sharing: [
        {"early": (2.0, 1.0, 0.5)},
        {"late": (0.1, 1.0, 0.05)},
        {"stop": -1.0},
        {"early": (0.5, 1.0, 1.5)},
        {"late": (100.0, 1.0, 200.0)},
        {"rate": -0.1},
    ],
    denoising: [{"gaps": (-1.0, 0.5, 0.2)}, {"gaps": (1.0, -0.5, 0.2)}, {"gaps": (1.0, 0.5, -0.2)}],
    conditional_herding: [{"herded": 4.5}, {"herded": 3.3}, {"perceptron": 1.0}],
    entropic_herding: [{"left": 5}, {"ratio": 4.0}, {"chaos": -0.2}, {"rest": 0.15}, {"moments": 1.5}],
    machine_flow: [
        {"ends": (2.2, 2.2, 2.9, 2.4, 2.5)},
        {"ends": (0.5, 2.2, 2.3, 2.4, 2.5)},
        {"ends": (2.2, 2.2, 2.3, 2.4, 9.0)},
    ],
    digits_depth: [
        {"early": (0.6, 0.9, 0.8, 0.7, 0.3)},
        {"early": (0.6, 0.7, 0.8, 0.9, 0.3)},
        {"after": (-0.1, -0.1, -0.1, -0.3, 0.1)},
        {"after": (-0.5, -0.1, -0.1, 0.05, 0.1)},
    ],
    token_exponents_and_loss: [{"transverse": -0.9}, {"longitudinal": -0.9}],
    trainable_depth: [
        {"ordered": 1.5},
        {"ordered": 20.0},
        {"chaotic": 1.5},
        {"powers": (0.4, 1.0)},
        {"powers": (1.0, 1.6)},
        {"critical": 40.0},
    ],
    trained_vision: [
        {"mixed": 1.9},
        {"alphas": (1.8, 1.4, 1.4)},
        {"alphas": (1.4, 1.8, 1.4)},
        {"alphas": (1.4, 1.4, 1.8)},
        {"kurtoses": (9.0, 3.5, 3.5)},
        {"kurtoses": (3.5, 9.0, 3.5)},
        {"kurtoses": (3.5, 3.5, 9.0)},
    ],
    trained_recurrence: [{"trained": 0.2}, {"shuffled": -0.1}],
    ising_criticality: [{"tc": 2.4}, {"thermal": 0.75}, {"magnetic": 5 / 48}, {"susceptible": 43 / 24}, {"steepest": 2.0}],
}
SHORT = {
    kernel_herding_rates: {"mixtures": 2},
    good_generators: {"batches": 20},
    chaos_dial: {"repeats": 8},
    complexity_and_error: {"pairs": 20},
    sturmian: {"draws": 20_000},
    herded_gibbs_rate: {"sweeps": 10**5},
    sparse_graphs: {"sweeps": 10**5},
    weight_sharing: {"sweeps": 10**5},
    denoising: {"seeds": 3},
    conditional_herding: {"splits": 2},
    entropic_herding: {"machines": 1},
    machine_flow: {"updates": 1500},
    digits_depth: {"depth": 8},
    token_exponents_and_loss: {"starts": 12},
    trainable_depth: {"seeds": 3},
    trained_vision: {"pairs": 2},
    trained_recurrence: {"shuffles": 2},
    ising_criticality: {"side": 16},
}


def conclude(build, **changes):
    # As data come back from a file: lists, numbers and null.
    return import_module(f"weakchaos.experiments.{build.__name__}").conclude(plain(build(**changes)))


def test_no_experiment_is_left_out():
    of_their_own = {"spin_glass_binder", "chaos_against_noise", "trotter_chain"}  # test files
    here = set(experiments.names()) - of_their_own
    assert {build.__name__ for build in CONTRADICTIONS} == {build.__name__ for build in SHORT} == here
    assert all((Path(__file__).parent / f"test_{name}.py").exists() for name in of_their_own)


@pytest.mark.parametrize("build", CONTRADICTIONS, ids=lambda b: b.__name__)
def test_numbers_that_the_claim_would_give_support_it(build):
    found = conclude(build)
    assert found.verdict is Verdict.SUPPORTED, found.sentences()


@pytest.mark.parametrize(
    ("build", "changes"), [(b, c) for b, all_changes in CONTRADICTIONS.items() for c in all_changes], ids=lambda v: getattr(v, "__name__", None)
)  # fmt: skip
def test_numbers_that_contradict_turn_the_verdict(build, changes):
    found = conclude(build, **changes)
    assert found.verdict is Verdict.CONTRADICTED, found.sentences()
    assert "By this run the claim is contradicted." in found.sentences()[-1]


@pytest.mark.parametrize("build", CONTRADICTIONS, ids=lambda b: b.__name__)
def test_every_part_of_a_claim_is_turned_by_some_numbers(build):
    parts = conclude(build).asked
    turned = set()
    for changes in CONTRADICTIONS[build]:
        found = conclude(build, **changes).asked
        turned |= {k for k, p in enumerate(found) if p.outcome(len(found)) == "excluded"}
    assert len(turned) >= len(parts) - UNTURNED.get(build, 0)


# Parts that differ from a turned one by the start or the direction only.
UNTURNED = {digits_depth: 4, machine_flow: 2, good_generators: 2}


@pytest.mark.parametrize("build", CONTRADICTIONS, ids=lambda b: b.__name__)
def test_a_short_run_leaves_the_claim_open(build):
    found = conclude(build, **SHORT[build])
    assert found.verdict is Verdict.UNDECIDED
    assert any("needed and this run had" in s for s in found.sentences())


def test_scatter_decides_nothing():
    assert conclude(conditional_herding, spread=4.0).verdict is Verdict.UNDECIDED
    assert conclude(herded_gibbs_rate, spread=0.5).verdict is Verdict.UNDECIDED
    assert conclude(herded_gibbs_rate, herded=-0.85, spread=0.5).verdict is Verdict.NOT_SUPPORTED
    assert conclude(ising_criticality, error=0.2).verdict is Verdict.UNDECIDED


def test_a_depth_that_nothing_ended_is_a_bound_and_decides_nothing():
    data = trainable_depth()
    for cell in data["cells"]:
        if cell["sigma_w2"] == 2.5:
            cell["failed"] = None
    found = import_module("weakchaos.experiments.trainable_depth").conclude(plain(data))
    assert found.verdict is Verdict.UNDECIDED
    assert "deeper networks than 128 layers are needed" in " ".join(found.sentences())


def test_what_was_not_measured_supports_nothing():
    data = conditional_herding()
    data["splits"][0][0]["error"] = np.nan
    module = import_module("weakchaos.experiments.conditional_herding")
    assert module.conclude(plain(data)).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize("value", [np.nan, None])
def test_an_exponent_that_could_not_be_measured_decides_nothing(value):
    """`largest_exponent` gives NaN where an orbit escapes, and a file holds null in its place; one of several is enough."""
    data = sturmian()
    data["cycles"] = [data["cycles"][0], {"denominator": 5, "period": 5, "exponent": value}]
    chaotic, resting = entropic_herding(), entropic_herding()
    chaotic["machines"][2]["finite"][1]["exponent"] = value
    resting["machines"][2]["finite"][2]["exponent"] = value
    critical = ising_criticality()
    critical["steepest"], critical["herded_exponent"] = [value, value], value
    made_up = (("sturmian", data), ("entropic_herding", chaotic), ("entropic_herding", resting), ("ising_criticality", critical))
    for name, made in made_up:
        found = import_module(f"weakchaos.experiments.{name}").conclude(plain(made))
        assert found.verdict is Verdict.UNDECIDED, found.sentences()
