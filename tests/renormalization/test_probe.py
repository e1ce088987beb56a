"""Probes of networks of plain arrays and functions: exact responses, the mean-field theory, geometry, gains, bad input."""

import math

import numpy as np
import pytest

from weakchaos.renormalization import depth_spectrum, mean_field, probe
from weakchaos.renormalization.networks.geometry import mean_cosines, participation_ratio, two_nn_dimension


def network(rng, width, depth, sigma_w2, sigma_b2=0.05):
    return [
        (rng.normal(size=(width, width)) * math.sqrt(sigma_w2 / width), rng.normal(size=width) * math.sqrt(sigma_b2))
        for _ in range(depth)
    ]


def test_the_response_of_a_linear_layer_is_its_frobenius_norm(rng):
    weight = rng.normal(size=(30, 50))
    report = probe([weight], rng.normal(size=(400, 50)), activation="linear", directions=64)
    exact = (weight**2).sum() / 30
    assert report.chi[0] == pytest.approx(exact, rel=0.02)
    assert abs(report.chi[0] - exact) < 5 * report.rows[0]["chi_stderr"]
    assert report.rows[0]["sigma_w2"] == pytest.approx((weight**2).mean() * 50)
    assert report.rows[0]["largest"] == pytest.approx(np.linalg.norm(weight, 2))


def test_functions_are_differentiated_as_arrays_are(rng):
    layers = network(rng, 40, 4, 1.5)
    x = rng.normal(size=(6, 40))
    functions = [lambda z, w=w, b=b, k=k: (np.tanh(z) if k else z) @ w.T + b for k, (w, b) in enumerate(layers)]
    arrays, plain = probe(layers, x), probe(functions, x)
    assert plain.chi == pytest.approx(arrays.chi, rel=1e-7)
    assert plain.lyapunov == pytest.approx(arrays.lyapunov, abs=1e-7)
    looped = probe((lambda z: np.tanh(z) @ layers[1][0].T, 3), x)
    assert len(looped.rows) == 3


@pytest.mark.parametrize(("sigma_w2", "phase"), [(1.0, "ordered"), (4.0, "chaotic")])
def test_exponents_are_those_of_the_theory(rng, sigma_w2, phase):
    point = mean_field("tanh").at(sigma_w2, 0.05)
    x = rng.normal(size=(10, 300)) * math.sqrt((point.q - 0.05) / sigma_w2)  # so that the first layer is at the fixed point
    values, lengths, means = [], [], []
    for _ in range(3):
        report = probe(network(rng, 300, 20, sigma_w2), x)
        values.append(report.distance_to_critical().value)
        lengths.append(np.mean([r["q"] for r in report.rows[5:]]))
        means.append([r["chi"] for r in report.rows[5:]])
        assert report.phase == phase
    assert np.mean(values) == pytest.approx(point.lyapunov, abs=0.012)
    assert np.mean(lengths) == pytest.approx(point.q, rel=0.06)
    assert np.mean(means) == pytest.approx(point.chi, rel=0.04)


def test_a_critical_network_is_told_within_its_band(rng):
    critical = mean_field("tanh").critical(0.05)
    report = probe(network(rng, 300, 20, critical), rng.normal(size=(10, 300)) * 0.755)
    distance = report.distance_to_critical()
    assert distance.parameters["phase"] == "critical"
    assert distance.parameters["band"] >= 1 / 19
    assert "critical within" in report.table()
    assert report.to_dict()["phase"] == "critical"


def test_transients_and_dead_units_are_named(rng):
    report = probe(network(rng, 100, 8, 1.0), 3 * rng.normal(size=(10, 100)))
    assert any("the length of the signals still changes" in w for w in report.warnings)
    relu = [(w, b - 5) for w, b in network(rng, 60, 4, 1.0)]
    assert any("dead" in w for w in probe(relu, rng.normal(size=(10, 60)), activation="relu").warnings)


def test_classes_are_told_apart(rng):
    labels = np.repeat([0, 1], 8)
    x = rng.normal(size=(2, 40))[labels] + 0.2 * rng.normal(size=(16, 40))
    row = probe(network(rng, 40, 2, 1.0, 0.0), x, labels).rows[0]
    assert row["c_same"] > 0.8
    assert abs(row["c_diff"]) < 0.5
    pairs = [(i, j) for i in range(16) for j in range(i)]
    z = x @ np.eye(40)
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    every = np.mean([unit[i] @ unit[j] for i, j in pairs])
    same = np.mean([unit[i] @ unit[j] for i, j in pairs if labels[i] == labels[j]])
    different = np.mean([unit[i] @ unit[j] for i, j in pairs if labels[i] != labels[j]])
    assert mean_cosines(z, labels) == pytest.approx((every, same, different))


def test_dimensions(rng):
    flat = rng.normal(size=(400, 3)) @ np.linalg.qr(rng.normal(size=(20, 3)))[0].T
    assert participation_ratio(flat) == pytest.approx(3, abs=0.15)
    assert participation_ratio(flat[:15]) < 3
    assert two_nn_dimension(flat) == pytest.approx(3, abs=0.5)
    assert math.isnan(two_nn_dimension(np.ones((30, 2))))
    assert participation_ratio(np.ones((5, 2))) == 0


def test_gains_lead_to_criticality(rng):
    """Within 10 % of the theory after ten layers, from both sides, and the exponent afterwards below 0.02."""
    theory = mean_field("tanh").critical(0.05)
    for sigma_w2 in (1.0, 3.0):
        layers = network(rng, 300, 21, sigma_w2)
        x = rng.normal(size=(30, 300))
        report = probe(layers, x)
        before = [w.copy() for w, _ in layers]
        gains = report.suggest_gain()
        effective = gains**2 * np.array([r["sigma_w2"] for r in report.rows])
        assert gains[0] == 1
        assert effective[-5:].mean() == pytest.approx(theory, rel=0.1)
        mended = probe(report.apply_gain(), x)
        assert abs(mended.distance_to_critical().value) < 0.02
        assert all(np.array_equal(a, w) for a, (w, _) in zip(before, layers, strict=True))


def test_lengths_of_deep_stacks_neither_overflow_nor_vanish(rng):
    report = probe([rng.normal(size=(20, 20)) * 3 for _ in range(150)], rng.normal(size=(2, 20)) * 1e-3, activation="tanh")
    assert np.isfinite(report.lyapunov).all()
    assert report.distance_to_critical().value > 0


def test_depth_spectra(rng):
    layers = [rng.normal(size=(12, 12)) / 12**0.5 for _ in range(6)]
    x = rng.normal(size=(1, 12))
    result = depth_spectrum(layers, x, activation="tanh")
    jacobian, z = np.eye(12), x[0]
    for k, w in enumerate(layers):
        jacobian = w @ np.diag(1 - np.tanh(z) ** 2 if k else np.ones(12)) @ jacobian
        z = w @ (np.tanh(z) if k else z)
    singular = np.log(np.linalg.svd(jacobian, compute_uv=False)) / 6
    assert result.log_singular_values == pytest.approx(singular, abs=1e-9)
    assert result.qr_exponents.sum() == pytest.approx(np.linalg.slogdet(jacobian)[1] / 6, abs=1e-9)
    assert result.qr_exponents[0] < result.log_singular_values[0]  # they are not the same numbers
    few = depth_spectrum(layers, x, k=3, activation="tanh")
    assert few.log_singular_values is None
    assert few.by_layer.shape == (6, 3)


def test_bad_input(rng):
    x = rng.normal(size=(4, 10))
    good = rng.normal(size=(10, 10))
    cases = [
        (([good, rng.normal(size=(10, 9))], x), ValueError, "does not chain: layer 0 makes 10"),
        (([good], x[:1]), ValueError, "batch of at least 2"),
        (([good], x[0]), ValueError, "batch of at least 2"),
        (([good], np.where(np.arange(10) == 1, np.nan, x)), ValueError, "`inputs` must be finite"),
        (([good], x[:, :5]), ValueError, "`inputs` must have shape"),
        (([lambda z: z, lambda z: np.full_like(z, np.inf)], x), ValueError, "not finite at 2 <lambda>"),
        (([lambda z: z @ good, lambda z: z @ np.ones((3, 3))], x), ValueError, "does not chain: 2"),
        (([good, np.tanh], x), TypeError, "mixes them"),
        ((good[0, 0], x), TypeError, "`model` must be a torch module"),
        (((np.tanh, 0), x), ValueError, "`model.1.` must be a whole number of at least 1"),
        (([np.full((10, 10), np.nan)], x), ValueError, "finite weights"),
        (([np.ones(10)], x), ValueError, "shape \\(outputs, inputs\\)"),
        (([lambda z: z.sum(0)], x), ValueError, "must keep the batch"),
    ]
    for arguments, error, match in cases:
        with pytest.raises(error, match=match):
            probe(*arguments)
    with pytest.raises(ValueError, match="`labels` must have shape"):
        probe([good], x, labels=[0, 1])
    report = probe([lambda z: z @ good], x)
    with pytest.raises(ValueError, match="needs layers with weights"):
        report.suggest_gain()
    with pytest.raises(ValueError, match="`gains` must be 1 finite"):
        probe([good], x).apply_gain([1.0, 2.0])
    with pytest.raises(ValueError, match="`inplace` is for torch"):
        probe([good], x).apply_gain([1.0], inplace=True)
