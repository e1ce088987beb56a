"""Recurrent networks as systems: exact derivatives, spectra against eigenvalues and theory, what settles, and what is slow."""

import math

import numpy as np
import pytest

from tests.conformance import check_system
from tests.differences import carried
from weakchaos.core.errors import ArgumentError
from weakchaos.core.flags import Kind
from weakchaos.diagnostics import lyapunov_spectrum
from weakchaos.renormalization import (
    RecurrentCell,
    RecurrentNetwork,
    critical_input_variance,
    fixed_point,
    recurrent_theory,
)

GATES = {"rate": 1, "lstm": 4, "gru": 3}


def random_cell(kind, n, gain, seed, bias=None, **more):
    weights = gain * np.random.default_rng(seed).normal(size=(GATES[kind] * n, n)) / math.sqrt(n)
    return RecurrentCell(kind, weights, bias_hh=bias, **more)


def kinds(flags):
    return {f.kind for f in flags}


# ---- the derivative ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU", "projected LSTM", "rectified RNN", "LSTMCell", "GRUCell", "RNNCell"])
def test_step_and_jacobian_are_those_of_torch(name):
    """The stacked step of every module, and its Jacobian by autograd, to 1e-12."""
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(3)
    module = {
        "RNN": lambda: nn.RNN(3, 5, 2),
        "LSTM": lambda: nn.LSTM(3, 5, 2),
        "GRU": lambda: nn.GRU(3, 5, 2),
        "projected LSTM": lambda: nn.LSTM(3, 6, 2, proj_size=4),
        "rectified RNN": lambda: nn.RNN(3, 5, nonlinearity="relu"),
        "LSTMCell": lambda: nn.LSTMCell(3, 4),
        "GRUCell": lambda: nn.GRUCell(3, 4),
        "RNNCell": lambda: nn.RNNCell(3, 4),
    }[name]().double()
    x = torch.randn(1, 3).double()
    network = RecurrentNetwork(module, inputs=x)
    lstm, sizes = "LSTM" in name, [s for cell in network.cells for s in cell.sizes]

    def stepped(phase):
        parts = phase.split(sizes)
        if name.endswith("Cell"):
            out = module(x, tuple(p[None] for p in parts) if lstm else parts[0][None])
            return torch.cat([p[0] for p in out]) if lstm else out[0]
        if not lstm:
            return module(x, torch.stack(parts))[1].reshape(-1)
        h, c = module(x, (torch.stack(parts[0::2]), torch.stack(parts[1::2])))[1]
        return torch.cat([p for pair in zip(h, c, strict=True) for p in pair])

    state = network.start(0)
    phase = torch.tensor(state.phase)
    expected = torch.autograd.functional.jacobian(stepped, phase).numpy()
    np.testing.assert_allclose(network.jacobian(state), expected, atol=1e-12)
    network.advance(state, 1)
    np.testing.assert_allclose(state.phase, stepped(phase).detach().numpy(), atol=1e-12)


def loops(rng):
    closed = [
        random_cell("gru", 4, 2.0, 1, weight_ih=rng.normal(size=(12, 2))),
        random_cell("lstm", 3, 2.0, 2, weight_ih=rng.normal(size=(12, 4))),
    ]
    return {
        "reservoir": RecurrentNetwork(
            RecurrentCell("rate", rng.normal(size=(5, 5)), rng.normal(size=(5, 2)), leak=0.3), rng.normal(size=(7, 2))
        ),
        "data set": RecurrentNetwork(
            random_cell("lstm", 4, 3.0, 0, weight_ih=rng.normal(size=(16, 3))), rng.normal(size=(4, 30, 3))
        ),
        "closed loop": RecurrentNetwork(closed, feedback=rng.normal(size=(2, 3)), offset=np.ones(2)),
    }


@pytest.mark.parametrize("name", ["reservoir", "data set", "closed loop"])
def test_tangent_is_the_difference_of_orbits(name, rng):
    """Central differences over three steps; of a closed loop they pass through the feedback."""
    network = loops(rng)[name]
    state, frame = network.start(0), rng.normal(size=(network.dim, 3))
    moved = network.tangent(state.copy(), 3, frame)
    for column, image in zip(frame.T, moved.T, strict=True):
        np.testing.assert_allclose(carried(network, state, column, 3, 1e-6), image, atol=1e-7)


@pytest.mark.parametrize("name", ["reservoir", "data set", "closed loop"])
def test_laws_of_systems(name, rng):
    check_system(loops(rng)[name])


def test_volume_of_lstm():
    """ln abs det J = ln abs det Wo + sum ln abs(tanh(c') o (1 - o)) + sum ln f, so the whole spectrum sums to its mean along the orbit."""
    n, steps = 12, 300
    network = RecurrentNetwork(random_cell("lstm", n, 4.0, 5))
    state = network.start(1)
    spectrum = lyapunov_spectrum(network, steps=steps, transient=0, every=1, state=state)
    w, total = network.cells[0].weight_hh, 0.0
    for _ in range(steps):
        h, c = state.phase[:n], state.phase[n:]
        a = w @ h
        keeps, leaves = 1 / (1 + np.exp(-a[n : 2 * n])), 1 / (1 + np.exp(-a[3 * n :]))
        network.advance(state, 1)
        squashed = np.tanh(state.phase[n:])
        total += np.linalg.slogdet(w[3 * n :])[1] + np.log(np.abs(squashed * leaves * (1 - leaves))).sum() + np.log(keeps).sum()
    assert c.shape == (n,)
    assert spectrum.exponents.sum() == pytest.approx(total / steps, abs=1e-9)


# ---- spectra -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gain", [1.0, 1.5])
@pytest.mark.parametrize(("kind", "rows"), [("lstm", 2), ("gru", 2)])
def test_silent_cells_have_the_exponents_of_their_candidates(kind, rows, gain):
    """Without biases the Jacobian at the origin has the eigenvalues 1/2 + w/4 for both cells, w those of the candidate's weights."""
    n = 100
    network = RecurrentNetwork(random_cell(kind, n, gain, 0))
    own = np.sort(np.log(np.abs(0.5 + np.linalg.eigvals(network.cells[0].weight_hh[rows * n : (rows + 1) * n]) / 4)))[::-1]
    found = network.spectrum(k=3, steps=400, transient=400, starts=2)
    assert found.verdict == "ordered"
    assert found.exponents[0] == pytest.approx(own[0], abs=0.008)
    for point in found.fixed_points:
        np.testing.assert_allclose(point.exponents[:n], own, atol=1e-9)
        assert np.isneginf(point.exponents[n:]).all()  # the n zeros of the LSTM
    assert Kind.SETTLED in kinds(found.flags)


@pytest.mark.slow
@pytest.mark.parametrize(("gain", "expected"), [(3, 0.057), (5, 0.168)])
def test_chaotic_lstm(gain, expected):
    """N = 200, two networks; published nowhere, from an independent program."""
    found = [RecurrentNetwork(random_cell("lstm", 200, gain, s)).spectrum(k=1, starts=2) for s in (0, 1)]
    assert [f.verdict for f in found] == ["chaotic"] * 2
    assert np.mean([float(f) for f in found]) == pytest.approx(expected, abs=0.015)


def test_zero_singular_values_are_minus_infinity():
    """At the origin the LSTM of n units has rank n: half of its exponents are -inf, and none of the others."""
    found = RecurrentNetwork(random_cell("lstm", 10, 1.0, 4)).spectrum(initial="zeros", steps=200, transient=50, starts=1)
    assert np.isneginf(found.exponents[10:]).all()
    assert np.isfinite(found.exponents[:10]).all()
    assert Kind.RANK_LOST in kinds(found.flags)
    assert "minus infinity" in found.sentence
    assert Kind.RANK_LOST not in kinds(
        RecurrentNetwork(random_cell("lstm", 10, 4.0, 4)).spectrum(steps=200, transient=50, starts=1).flags
    )


def test_slow_gates_are_told_from_criticality():
    """Closing the update gate brings the exponent near 0 and leaves the transition where it is; at the critical gain the gates are open."""
    n = 80
    bias = np.zeros(3 * n)
    bias[n : 2 * n] = 4
    slow = RecurrentNetwork(random_cell("gru", n, 1.5, 0, bias)).spectrum(k=1, starts=2)
    open_ = RecurrentNetwork(random_cell("gru", n, 1.5, 0)).spectrum(k=1, starts=2)
    assert abs(slow.leading) < 0.01 < 0.05 < abs(open_.leading)
    assert Kind.SLOW_GATES in kinds(slow.flags)
    assert slow.gate_time == pytest.approx(1 + math.exp(4), rel=0.02)
    assert slow.leading * slow.gate_time == pytest.approx(open_.leading * open_.gate_time, rel=0.15)
    own = np.linalg.eigvals(random_cell("gru", n, 1.0, 0).weight_hh[2 * n :])
    gain = next(g for g in np.arange(2.2, 1.2, -0.01) if np.abs(0.5 + g * own / 4).max() < 1)
    critical = RecurrentNetwork(random_cell("gru", n, gain, 0)).spectrum(k=1, starts=2)
    assert abs(critical.leading) < 0.01
    assert not kinds(critical.flags) & {Kind.SLOW_GATES, Kind.CLOSED_GATES}


@pytest.mark.parametrize(
    ("gain", "noise", "expected"), [(2, 0.1, 0.14008), (2, 0.5, 0.09198), (2, 2, -0.02224), (1.5, 0.5, -0.06904), (3, 1, 0.26852)]
)
def test_driven_networks_follow_the_theory(gain, noise, expected):
    """Fresh noise for each unit; networks of 400 units lie below the theory by 0.002 to 0.009, and their two seeds scatter by 0.003."""
    assert recurrent_theory(gain, input_variance=noise).exponent == pytest.approx(expected, abs=1e-5)
    found = []
    for s in range(2):
        rng = np.random.default_rng([s, 10])
        # h' = g J tanh(h) + xi in preactivations is a' = tanh(g J a + xi) in activations.
        cell = RecurrentCell("rate", gain * rng.normal(size=(400, 400)) / 20, np.eye(400))
        found.append(
            float(RecurrentNetwork(cell, math.sqrt(noise) * rng.normal(size=(800, 400))).spectrum(k=1, transient=200, starts=1))
        )
    assert -0.013 < np.mean(found) - expected < 0.004


def test_critical_input_variance():
    values = [critical_input_variance(g) for g in (1.5, 2, 3)]
    np.testing.assert_allclose(values, [0.186144, 1.635957, 15.0807], rtol=1e-5)
    assert critical_input_variance(0.9) == 0
    for g, v in zip((1.5, 2), values, strict=False):
        assert recurrent_theory(g, input_variance=v).exponent == pytest.approx(0, abs=1e-8)
        assert recurrent_theory(g, input_variance=0.9 * v).exponent > 0 > recurrent_theory(g, input_variance=1.1 * v).exponent
    with pytest.raises(ArgumentError, match="saturate"):
        critical_input_variance(2.0, "relu")
    for bad in (0, -1, math.nan):
        with pytest.raises(ArgumentError):
            critical_input_variance(bad)
    with pytest.raises(ArgumentError, match="discrete"):
        recurrent_theory(2.0, continuous=True, input_variance=1.0)


def test_echo_states(rng):
    """Silent leaky reservoirs have ln max abs(1 - l + l w); with a spectral radius above 1, inputs may still make the reservoir contract."""
    w = rng.normal(size=(150, 150)) / math.sqrt(150)
    w /= np.abs(np.linalg.eigvals(w)).max()
    for radius, leak in ((0.95, 1.0), (0.95, 0.3)):
        own = math.log(np.abs(1 - leak + leak * radius * np.linalg.eigvals(w)).max())
        found = RecurrentNetwork(RecurrentCell("rate", radius * w, leak=leak)).spectrum(k=1, starts=2)
        assert found.leading == pytest.approx(own, abs=1e-9)
        assert float(found) == pytest.approx(own, abs=3e-3)
    driven = RecurrentNetwork(RecurrentCell("rate", 1.25 * w, np.eye(150)), rng.normal(size=(3, 400, 150))).spectrum(k=1)
    free = RecurrentNetwork(RecurrentCell("rate", 1.25 * w)).spectrum(k=1)
    assert float(driven) < -0.1 < 0 < float(free) + 3 * free.stderr[0]
    assert driven.verdict == "ordered"


def test_layers_of_a_driven_stack_are_its_spectrum(rng):
    """No layer acts back on those below it, so the exponents of the stack are those of its layers together."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module, x = torch.nn.GRU(3, 6, 2).double(), rng.normal(size=(600, 3))
    whole = RecurrentNetwork(module, x).spectrum(initial="zeros", starts=1)
    parts = [RecurrentNetwork(module, x, layer=k).spectrum(initial="zeros", starts=1).exponents for k in (0, 1)]
    # Layers have exponents that are nearly equal in pairs, and frames of both mix them for a while.
    np.testing.assert_allclose(whole.exponents, np.sort(np.concatenate(parts))[::-1], atol=0.02)


def test_errors_cover_starts(rng):
    """A network with a chaotic and a silent half of phase space: starts differ by far more than the scatter along one orbit."""
    n = 60
    weights = np.zeros((2 * n, 2 * n))
    weights[:n, :n] = 3 * rng.normal(size=(n, n)) / math.sqrt(n)
    weights[n:, n:] = 0.2 * np.eye(n)
    network = RecurrentNetwork(RecurrentCell("rate", weights))
    starts = np.zeros((4, 2 * n))
    starts[::2, :n] = rng.normal(size=(2, n))
    starts[1::2, n:] = rng.normal(size=(2, n))
    found = network.spectrum(k=1, steps=400, transient=100, starts=4, initial=starts)
    assert np.ptp(found.by_start) > 0.2  # about ln 3 along the silent orbit
    assert found.stderr[0] > 0.1


def forecasting_loop(units, readout_of):
    """A reservoir that reads the Lorenz flow every 0.02 units of time, closed over `readout_of` its states; and its last driven state."""
    u, h, points = np.array([1.0, 2.0, 20.0]), 0.005, []

    def rhs(u):
        return np.array([10 * (u[1] - u[0]), u[0] * (28 - u[2]) - u[1], u[0] * u[1] - 8 / 3 * u[2]])

    for k in range(20_000):
        a = rhs(u)
        b = rhs(u + h / 2 * a)
        c = rhs(u + h / 2 * b)
        u = u + h / 6 * (a + 2 * b + 2 * c + rhs(u + h * c))
        if k >= 2000 and k % 4 == 0:
            points.append(u)
    x, rng = np.array(points), np.random.default_rng(0)
    x = (x - x.mean(0)) / x.std(0)
    w = rng.normal(size=(units, units)) * (rng.random((units, units)) < 0.1)
    w *= 0.9 / np.abs(np.linalg.eigvals(w)).max()
    cell = RecurrentCell("rate", w, 0.5 * rng.uniform(-1, 1, (units, 3)), bias_hh=rng.uniform(-0.5, 0.5, units))
    driven = RecurrentNetwork(cell, x)
    states = driven.advance(driven.start(0, np.zeros(units), sequence=0), len(x) - 1)
    h = np.column_stack([states[300:], np.ones(len(states) - 300)])
    readout = readout_of(np.linalg.solve(h.T @ h + 1e-7 * len(h) * np.eye(units + 1), h.T @ x[301:]).T)
    return RecurrentNetwork(cell, feedback=readout[:, :-1], offset=readout[:, -1]), states[-1]


def test_a_loop_over_forecasts_has_the_largest_exponents_of_the_flow(rng):
    """Lorenz: 0.906, 0 and -14.57 per unit of time. The negative ones of the loop belong to the reservoir."""
    loop, state = forecasting_loop(250, lambda readout: readout)
    found = loop.spectrum(k=3, steps=3000, transient=200, starts=1, initial=state)
    first, second, third = found.exponents / 0.02
    assert first == pytest.approx(0.906, abs=0.25)
    assert second == pytest.approx(0, abs=0.15)
    assert -12 < third < -1
    assert found.verdict == "chaotic"
    # The control: a readout whose weights are in other places makes no such loop.
    other, state = forecasting_loop(250, lambda readout: rng.permuted(readout, axis=1))
    scrambled = other.spectrum(k=2, steps=800, transient=400, starts=1, initial=state).exponents / 0.02
    assert abs(scrambled[0] - 0.906) > 0.3 or abs(scrambled[1]) > 0.3


# ---- fixed points ------------------------------------------------------------------------------------------------------------------


def test_fixed_points_are_found_where_the_orbit_is_slow():
    n = 20
    bias = np.concatenate([np.zeros(n), 6 * np.ones(n), 0.3 * np.ones(n)])
    network = RecurrentNetwork(random_cell("gru", n, 1.0, 8, bias))
    found = network.spectrum(k=1, steps=300, transient=100, starts=2)
    point = found.fixed_points[0]
    assert point is not None
    moved = network.start(0, point.position)
    network.advance(moved, 50)
    np.testing.assert_allclose(moved.phase, point.position, atol=1e-11)
    # Each start finds the point to rounding.
    assert found.leading == pytest.approx(point.exponents[0], rel=1e-9)
    assert found.leading < 0
    chaotic = RecurrentNetwork(random_cell("rate", 60, 3.0, 0)).spectrum(k=1, steps=300, starts=2)
    assert chaotic.fixed_points == (None, None)


def test_fixed_point_refuses_driven_networks(rng):
    with pytest.raises(ArgumentError, match="driven"):
        fixed_point(RecurrentNetwork(RecurrentCell("rate", np.eye(2), np.eye(2)), rng.normal(size=(5, 2))), np.zeros(2))
