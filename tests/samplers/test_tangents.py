"""Linearised steps of samplers that are smooth maps: against twin orbits, against known exponents, and what is said of the Hessian."""

import numpy as np
import pytest
from numba import njit

import weakchaos as wc
from weakchaos.core.counters import ACCEPTED
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import supports_tangent
from weakchaos.samplers import ESH, HMC, MALA, NoseHoover, NoseHooverChain, Thermostat0532
from weakchaos.samplers.hessian import DIFFERENCES, DUAL_NUMBERS, call_product, hessian_products

MASS = (2.0, 0.5)
SAMPLERS = {
    "ESH": ESH(0.2, MASS),
    "HMC": HMC(0.3, 3, inverse_mass=MASS),
    "HMC, jittered": HMC(0.3, trajectory_length=1.0, jitter=0.3),
    "MALA": MALA(0.4),
    "NoseHoover": NoseHoover(0.1, 0.8, inverse_mass=MASS),
    "NoseHoover, each": NoseHoover(0.1, 0.8, True),
    "NoseHooverChain": NoseHooverChain(0.1),
    "NoseHooverChain, one": NoseHooverChain(0.1, 4, 0.6, False),
    "Thermostat0532": Thermostat0532(0.1, inverse_mass=MASS),
}


@njit
def _bent(x, out, data):
    r = x[1] - data[0] * x[0] * x[0]
    out[0], out[1] = -x[0] + 4.0 * data[0] * r * x[0] * 2.0, -4.0 * r
    return -0.5 * x[0] * x[0] - 2.0 * r * r


@njit
def _whole_arrays(x):
    return -np.sin(x) - 0.1 * x


@njit
def _whole_array_density(x):
    return np.cos(x).sum() - 0.05 * (x * x).sum()


def bent():
    return wc.Density(logp_and_grad=_bent, dim=2, data=np.array([0.5]))


def waves():
    return wc.Density(_whole_array_density, 2, grad=_whole_arrays)


def twins(system, state, n, vectors, h=1e-6):
    """Central differences of two orbits under the same numbers."""
    out = []
    for v in vectors.T:
        ends = []
        for sign in (1.0, -1.0):
            twin = state.copy()
            twin.phase = state.phase + sign * h * v
            system.advance(twin, n)
            ends.append(twin.phase)
        out.append((ends[0] - ends[1]) / (2.0 * h))
    return np.array(out).T


def vectors_at(system, state, k=3):
    v = np.random.default_rng(0).normal(size=(state.phase.size, k))
    if isinstance(system.sampler, ESH):  # the velocity of a twin has unit length too
        u = state.phase[system.dim :]
        v[system.dim :] -= np.outer(u, u @ v[system.dim :])
    return v


@pytest.mark.parametrize(("target", "kind"), [(bent, DUAL_NUMBERS), (waves, DIFFERENCES)])
@pytest.mark.parametrize("name", SAMPLERS)
def test_vectors_are_carried_as_twins_are(name, target, kind):
    system = SAMPLERS[name].bind(target())
    assert supports_tangent(system)
    state = system.start(3)
    system.advance(state, 40)
    vectors = vectors_at(system, state)
    expected, moved, plain = twins(system, state, 6, vectors), state.copy(), state.copy()
    kept = vectors.copy()
    found = system.tangent(moved, 6, vectors)
    system.advance(plain, 6)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())
    assert moved.exact() == plain.exact(), "the state must move as it does without vectors"
    np.testing.assert_array_equal(vectors, kept)
    assert kind in system.derivative


@pytest.mark.parametrize("name", ["ESH", "NoseHoover", "Thermostat0532"])
def test_steps_that_are_not_taken_turn_vectors_too(name):
    """Inside of a box whose walls every orbit meets."""

    @njit
    def boxed(x, out):
        inside = -1.0 < x[0] < 1.0 and -1.0 < x[1] < 1.0
        out[0], out[1] = -x[0], -2.0 * x[1]
        return -0.5 * x[0] * x[0] - x[1] * x[1] if inside else -np.inf

    system = SAMPLERS[name].bind(wc.Density(logp_and_grad=boxed, dim=2, start=np.array([0.3, 0.2])))
    state, met = system.start(1), 0
    for _ in range(60):
        vectors, moved = vectors_at(system, state), state.copy()
        expected = twins(system, state, 4, vectors, 1e-7)
        found = system.tangent(moved, 4, vectors)
        met += moved.counters[ACCEPTED] - state.counters[ACCEPTED] < 4
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
        state = moved
    assert met > 3


def test_a_rejected_trajectory_moves_no_vector():
    system = HMC(1.9, 5).bind(wc.zoo.banana())
    state, stayed = system.start(2), 0
    for _ in range(40):
        before = state.counters[ACCEPTED]
        images = system.tangent(state, 1, np.eye(2))
        if state.counters[ACCEPTED] == before:
            np.testing.assert_array_equal(images, np.eye(2))
            stayed += 1
    assert stayed > 3


def test_exponents_of_thermostats():
    """Volume in (q, p, zeta) grows as log p(q, p, zeta) falls: the sum of the exponents of an ergodic orbit is 0 (Hoover 1985); with one of
    them along the flow 0, they come in a pair. The largest is 0.144 per unit of time (Hoover, Sprott and Hoover 2016)."""
    step = 0.05
    system = Thermostat0532(step, inverse_mass=[1.0]).bind(wc.zoo.gaussian([1.0]))
    found = wc.diagnostics.lyapunov_spectrum(system, k=3, steps=60_000, every=20, seed=1)
    exponents = found.exponents / step
    assert abs(exponents[0] - 0.144) < 0.02
    assert abs(exponents[1]) < 0.01
    assert abs(exponents.sum()) < 0.01
    assert "tangent map" in found.parameters["derivative"]


def test_products_of_the_hessian():
    rng = np.random.default_rng(1)
    x, v = rng.normal(size=2), rng.normal(size=(3, 2))
    a = 0.5
    # log p = -x0^2/2 - 2 (x1 - a x0^2)^2
    r = x[1] - a * x[0] ** 2
    hessian = np.array([[-1 + 8 * a * r - 16 * a * a * x[0] ** 2, 8 * a * x[0]], [8 * a * x[0], -4.0]])
    for target, accuracy in ((bent(), 1e-13), (wc.Density(lambda x: 0.0, 2, grad=lambda x: np.array([_bent.py_func(x, g := np.empty(2), [a]), *g])[1:]), 1e-6)):  # fmt: skip
        product, kind = hessian_products(target, x, np.ones(2))
        out = np.empty(8)
        assert call_product(np.uint64(product.address), np.uint64(product.user_data), np.concatenate([x, v.ravel()]), out) == 0
        np.testing.assert_allclose(out[:2], target.gradient(x), rtol=1e-12)
        np.testing.assert_allclose(out[2:].reshape(3, 2), v @ hessian, atol=accuracy * 10)
        assert kind == (DUAL_NUMBERS if accuracy < 1e-10 else DIFFERENCES)


def test_an_exception_of_the_user_comes_out():
    def gradient(x):
        if x[0] > 0.5:
            raise KeyError("mine")
        return 1.0 - x

    system = NoseHoover(0.3).bind(wc.Density(lambda x: float(x.sum() - 0.5 * x @ x), 2, grad=gradient, start=np.zeros(2)))
    with pytest.raises(KeyError, match="mine"):
        system.tangent(system.start(1), 200, np.eye(5))


def test_bad_input_is_refused():
    system = ESH(0.1).bind(bent())
    with pytest.raises(ArgumentError, match=r"shape \(4, k\)"):
        system.tangent(system.start(1), 2, np.eye(3))
    untuned = HMC().bind(bent())
    with pytest.raises(ArgumentError, match="warm it up"):
        untuned.tangent(untuned.start(1), 1, np.eye(2))
