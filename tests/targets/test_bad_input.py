"""Whatever nonsense a target is made of, the answer is a clear error that names the argument, never a crash or a target."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import weakchaos as wc

ERRORS = (wc.errors.ArgumentError, wc.errors.ArgumentTypeError)
FLOATS = st.one_of(st.floats(-40, 40), st.sampled_from([np.nan, np.inf, -np.inf, 1e300, 1e-300]))
ANYTHING = st.one_of(st.none(), st.text(max_size=3), FLOATS, st.integers(-3, 3), st.lists(FLOATS, max_size=3), st.just(object()))
MATRICES = arrays.arrays(
    np.float64, st.tuples(st.integers(0, 3), st.integers(0, 3)), elements=st.floats(allow_nan=True, allow_infinity=True)
)


def valid_couplings(w):
    return (
        w.ndim == 2
        and w.shape[0] == w.shape[1] > 0
        and np.isfinite(w).all()
        and np.allclose(w, w.T, rtol=0, atol=1e-12 * np.abs(w).max())
        and not np.diag(w).any()
    )


@settings(max_examples=80, deadline=None)
@given(MATRICES)
def test_couplings(w):
    if valid_couplings(w):
        assert wc.PairwiseMRF(w).dim == len(w)
        return
    for kind in (wc.PairwiseMRF, wc.Ising, lambda a: wc.Potts(a, 3)):
        with pytest.raises(ERRORS, match="`couplings`"):
            kind(w)


@settings(max_examples=60, deadline=None)
@given(ANYTHING)
def test_fields_and_shapes(value):
    for name, call in (
        ("fields", lambda: wc.PairwiseMRF(np.zeros((2, 2)), fields=value)),
        ("shape", lambda: wc.Ising.lattice(value, 0.1)),
        ("beta", lambda: wc.Ising.lattice((2, 2), value)),
        ("q", lambda: wc.Potts(np.zeros((2, 2)), value)),
        ("dim", lambda: wc.Density(lambda x: 0.0, dim=value)),
        ("x", lambda: wc.Points(value)),
        ("features", lambda: wc.Moments(value, [0.0])),
        ("moments", lambda: wc.Moments([[0.0], [1.0]], value)),
    ):
        refused = None
        try:
            target = call()
        except ERRORS as error:
            refused = str(error)
        if refused is None:
            assert target.dim >= 1
        else:
            assert f"`{name}`" in refused or (name == "features" and "`moments`" in refused)


@settings(max_examples=60, deadline=None)
@given(ANYTHING, st.sampled_from(["step_size", "n_leapfrog", "scale", "scan", "weights", "bins", "start", "blocks"]))
def test_hyper_parameters(value, name):
    kinds = {
        "step_size": wc.samplers.HMC, "n_leapfrog": wc.samplers.HMC, "scale": wc.samplers.RandomWalkMetropolis, "scan": wc.samplers.Gibbs,
        "weights": wc.herding.HerdedGibbs, "bins": wc.herding.HerdedGibbs, "start": wc.herding.Herding, "blocks": wc.samplers.Gibbs,
    }  # fmt: skip
    targets = {"step_size": wc.zoo.gaussian([1.0]), "n_leapfrog": wc.zoo.gaussian([1.0]), "scale": wc.zoo.gaussian([1.0])}
    target = targets.get(name, wc.Moments([[0.0], [1.0]], [0.5]) if name == "start" else wc.PairwiseMRF(np.zeros((2, 2))))
    refused = None
    try:
        kinds[name](**{name: value}).bind(target).start(0)
    except ERRORS as error:
        refused = str(error)
    assert refused is None or f"`{name}`" in refused


def test_a_function_is_not_a_target():
    with pytest.raises(ERRORS, match="Density"):
        wc.sample(lambda x: 0.0, wc.samplers.HMC())
    with pytest.raises(ERRORS, match="HMC\\(\\)"):
        wc.sample(wc.zoo.gaussian([1.0]), wc.samplers.HMC)
    with pytest.raises(ERRORS, match="Density"):
        wc.samplers.HMC().bind(wc.PairwiseMRF(np.zeros((2, 2))))


def test_wrong_gradient_names_the_worst_coordinate():
    target = wc.Density(
        lambda x: -0.5 * float(x @ x), dim=3, grad=lambda x: -x * [1.0, 1.0, 3.0], names=["a", "b", "c"], start=np.ones(3)
    )
    with pytest.warns(wc.errors.GradientWarning, match="'c'"):
        wc.sample(target, wc.samplers.HMC(0.1), draws=10, warmup=0, chains=1, progress=False)


def test_start_outside_of_the_support():
    target = wc.Density(lambda x: -np.inf, dim=2)
    with pytest.raises(ERRORS, match="not finite"):
        wc.sample(target, wc.samplers.RandomWalkMetropolis(), progress=False)
    with pytest.raises(ERRORS, match="`initial`"):
        wc.sample(wc.zoo.gaussian([1.0]), wc.samplers.HMC(), initial=[np.nan], progress=False)
