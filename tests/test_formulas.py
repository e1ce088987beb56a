"""Formulas of docstrings: they are balanced, no escape sequence ate a letter of them, and the site can set each of them."""

import importlib
import inspect
import re
import sys
from pathlib import Path

import pytest

import weakchaos as wc

DOCS = Path(__file__).resolve().parents[1] / "docs"
DISPLAY, INLINE = re.compile(r"\$\$(.+?)\$\$", re.S), re.compile(r"\$([^$]+)\$")
# What is defined by a formula; the rest of the library may have some, too.
DEFINED = {
    "samplers": (
        "HMC NUTS MALA MCLMC MAMS NoseHoover NoseHooverChain Thermostat0532 Langevin GeneralizedHMC ESH SwendsenWang BouncyParticle ZigZag "
        "EnsembleStretch ChaoticBoltzmann HeatBath ParallelTempering"
    ),
    "herding": "Herding HerdedGibbs KernelHerding EntropicHerding HiddenHerding RotorWalk stein_thinning stein_points select",
    "diagnostics": (
        "largest_exponent lyapunov_spectrum kaplan_yorke_dimension gali sample_entropy approximate_entropy permutation_entropy block_entropy entropy_rate "
        "excess_entropy renyi_entropy correlation_sums correlation_dimension correlation_entropy detrended_fluctuation zero_one_test "
        "recurrence_quantification match_length_rate ksd mmd star_discrepancy split_rhat tempering"
    ),
    "renormalization": (
        "mean_field monte_carlo_rg decimate_chain migdal_kadanoff chain_entropy recurrent_theory batch_norm_growth tensor_rg RestrictedBoltzmannMachine"
    ),
    "kernels": "Gaussian Laplace Matern32 Matern52 InverseMultiquadric RationalQuadratic EnergyDistance Polynomial Brownian Embedding",
}


def documented():
    """All public objects of the reference with their docstrings, methods included."""
    sys.path.insert(0, str(DOCS))
    try:
        parts = importlib.import_module("reference").PARTS
    finally:
        sys.path.remove(str(DOCS))
    out = {}
    for _, name, _ in parts:
        module = importlib.import_module(name)
        out[name] = inspect.getdoc(module) or ""
        for public in module.__all__:
            value = getattr(module, public)
            out[f"{name}.{public}"] = inspect.getdoc(value) or ""
            if inspect.isclass(value):
                for inner, method in vars(value).items():
                    if not inner.startswith("_") and callable(method):
                        out[f"{name}.{public}.{inner}"] = inspect.getdoc(method) or ""
    return out


DOCUMENTED = documented()
FORMULAS = [
    (name, formula)
    for name, text in DOCUMENTED.items()
    for formula in [*DISPLAY.findall(text), *INLINE.findall(DISPLAY.sub("", text))]
]


def faults(text):
    """What is wrong with the formulas of a docstring."""
    out = []
    rest = DISPLAY.sub("", text)
    if "$" in INLINE.sub("", rest):
        out.append("a dollar sign without its other half")
    for formula in INLINE.findall(rest):
        if formula != formula.strip():
            out.append(f"blanks at the ends of ${formula}$, which keep it from being set")
        if "\n\n" in formula:
            out.append(f"${formula[:30]}$ runs over paragraphs")
    for formula in [*DISPLAY.findall(text), *INLINE.findall(rest)]:
        depth = 0
        for bracket in re.findall(r"(?<!\\)[{}]", formula):
            depth += 1 if bracket == "{" else -1
            if depth < 0:
                break
        if depth:
            out.append(f"braces of {formula[:40]}")
        if formula.count(r"\left") - formula.count(r"\leftarrow") != formula.count(r"\right") - formula.count(r"\rightarrow"):
            out.append(f"\\left without \\right in {formula[:40]}")
    if re.search(r"[\x00-\x08\x0b-\x1f]", text):
        out.append("a control character: the docstring must be raw")
    for match in DISPLAY.finditer(text):
        if text[: match.start()].rstrip(" ")[-2:] not in ("", "\n\n", "-\n") or text[match.end() :].lstrip(" ")[:2] not in (
            "",
            "\n\n",
            "\n",
        ):
            out.append(f"{match.group(0)[:40]} is no paragraph of its own")
    return out


@pytest.mark.parametrize("name", sorted({name for name, _ in FORMULAS}))
def test_formulas_of_a_docstring_are_balanced(name):
    assert faults(DOCUMENTED[name]) == []


def test_no_docstring_has_half_a_formula():
    assert {name: found for name, text in DOCUMENTED.items() if (found := faults(text))} == {}


@pytest.mark.parametrize("text", ["a $x and no end", "a $ x$ b", "$$\\frac{1{2}$$", "$$\\left(x$$", "\frac", "so $$x$$ in a line"])
def test_faults_are_found(text):
    assert faults(text)


def test_what_is_defined_by_a_formula_shows_it():
    for face, names in DEFINED.items():
        for name in names.split():
            assert "$" in DOCUMENTED[f"weakchaos.{face}.{name}"], f"{face}.{name}"


def test_the_site_can_set_every_formula():
    convert = pytest.importorskip("latex2mathml.converter").convert
    assert len(FORMULAS) > 100
    for name, formula in FORMULAS:
        made = convert(formula)
        assert "\\" not in made, f"{name}: a command of {formula} is not known"
        assert "<merror" not in made


def test_help_shows_formulas_as_they_are_written():
    assert r"H(x, p) = -\log \pi(x)" in wc.samplers.HMC.__doc__
