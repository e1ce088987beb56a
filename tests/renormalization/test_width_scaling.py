"""Powers of the width of three parametrisations and two optimisers, and the advice that follows; Yang and Hu, arXiv:2011.14522, table 1."""

import math

import numpy as np
import pytest

from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.renormalization import probe

torch = pytest.importorskip("torch")
nn = torch.nn
TORCH_SEED = 0
WIDTHS = (128, 256, 512, 1024)
LAYERS = (0, 2, 4, 6)


@pytest.fixture(scope="module")
def data():
    x, y = pytest.importorskip("sklearn.datasets").load_digits(return_X_y=True)
    return ((x - x.mean()) / x.std())[:64], y[:64]


def network(n, std):
    layers = [nn.Linear(64, n), nn.Tanh(), nn.Linear(n, n), nn.Tanh(), nn.Linear(n, n), nn.Tanh(), nn.Linear(n, 10)]
    for k in LAYERS:
        nn.init.normal_(layers[k].weight, std=std(k, layers[k].in_features))
        nn.init.zeros_(layers[k].bias)
    return nn.Sequential(*layers)


def maximal(n):
    return network(n, lambda k, fan: 1 / fan if k == 6 else fan**-0.5)


def standard(n):
    return network(n, lambda k, fan: fan**-0.5)


def rates(kind):
    def make(model):
        n = model[0].out_features
        factors = (n, 1, 1, 1 / n) if kind == "sgd" else (1, 1 / n, 1 / n, 1 / n)
        groups = [{"params": model[k].parameters(), "lr": 1e-4 * f} for k, f in zip(LAYERS, factors, strict=True)]
        return (torch.optim.SGD if kind == "sgd" else torch.optim.Adam)(groups)

    return make


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_maximal_updates_do_not_depend_on_width(kind, data):
    report = probe.scaling(maximal, WIDTHS, *data, optimiser=rates(kind))
    assert report.parametrisation == "maximal-update"
    assert all(abs(r["update"]) < 0.15 for r in report.rows)
    assert report.rows[-1]["activation"] == pytest.approx(-0.5, abs=0.15)  # outputs begin small
    assert report.advice().startswith("Change nothing")
    assert report.factors(512, 64) == ({}, {})


@pytest.mark.parametrize(("kind", "expected"), [("sgd", (-0.5, 0.5, 0.5, 1)), ("adam", (0, 1, 1, 1))])
def test_standard_parametrisation(kind, expected, data):
    report = probe.scaling(standard, WIDTHS, *data, optimiser=kind, seeds=4)
    for row, power in zip(report.rows, expected, strict=True):
        assert row["update"] == pytest.approx(power, abs=max(0.15, 3 * row["update_stderr"]))
        assert abs(row["activation"]) < 0.15
    assert report.parametrisation == "standard"
    wrong = report.factors(512, 64)[1]
    for layer, power in zip(("0", "2", "4", "6"), expected, strict=True):
        assert wrong.get(layer, 1.0) == pytest.approx(8.0**-power)
    assert "multiply the learning rate there by width^-1" in report.advice()


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "errors"), [("sgd", 10), ("adam", 40)])
def test_standard_parametrisation_is_far_from_flat(kind, errors):
    """One slope scatters by about 0.06 over seeds, by 0.1 under SGD or for ten outputs, so 16 seeds tell a power of 1 or 1/2 from 0 by this many standard errors."""
    x, y = pytest.importorskip("sklearn.datasets").load_digits(return_X_y=True)
    rows = probe.scaling(standard, WIDTHS, ((x - x.mean()) / x.std())[:256], y[:256], optimiser=kind, seeds=16).rows
    assert all(r["update"] > errors * r["update_stderr"] for r in rows[1:])
    if kind == "adam":  # and the first layer, whose power is 0, is not told from it
        assert abs(rows[0]["update"]) < 4 * rows[0]["update_stderr"]


def test_ntk_parametrisation(data):
    class Scaled(nn.Linear):
        def forward(self, x):
            return nn.functional.linear(x, self.weight) / math.sqrt(self.in_features)

    def make(n):
        layers = [Scaled(64, n), nn.Tanh(), Scaled(n, n), nn.Tanh(), Scaled(n, n), nn.Tanh(), Scaled(n, 10)]
        for k in LAYERS:
            nn.init.normal_(layers[k].weight)
        return nn.Sequential(*layers)

    x, y = data
    assert (
        probe.scaling(
            make, WIDTHS, x, y, optimiser=lambda m: torch.optim.Adam([p for p in m.parameters() if p.ndim > 1])
        ).parametrisation
        == "NTK"
    )


def test_constant_spread_fails_at_the_start(data):
    report = probe.scaling(lambda n: network(n, lambda k, fan: 0.05), WIDTHS, *data, seeds=6)
    assert all(r["gain"] > 40 * r["gain_stderr"] for r in report.rows[1:-1])
    assert report.rows[-1]["gain"] > 8 * report.rows[-1]["gain_stderr"]  # the mean over ten outputs scatters more
    gains = [r["gain"] for r in report.rows]
    assert gains[1] == pytest.approx(0.5, abs=0.1)
    assert report.rows[-1]["activation"] > 10 * report.rows[-1]["activation_stderr"]
    assert "multiply the initial weights there by width^-0.5" in report.advice()
    weights, learning = report.factors(256, 64)
    assert weights == {"2": 0.5, "4": 0.5, "6": 0.5}
    assert learning == {}
    model = network(256, lambda k, fan: 0.05)
    before = [model[k].weight.detach().clone() for k in LAYERS]
    report.apply(model, 1e-3, 256, 64)
    for k, old in zip(LAYERS, before, strict=True):
        torch.testing.assert_close(model[k].weight.detach(), old * weights.get(str(k), 1.0))


def test_groups_hold_every_parameter_once(data):
    report = probe.scaling(standard, WIDTHS[:3], *data, optimiser="adam")
    model = nn.Sequential(*standard(128), nn.LayerNorm(10))
    groups = report.apply(model, 0.1, 128, 64)
    with pytest.raises(ArgumentTypeError, match="must be a module"):
        report.apply("model", 0.1, 128, 64)
    held = [id(p) for g in groups for p in g["params"]]
    assert sorted(held) == sorted(id(p) for p in model.parameters())
    torch.optim.Adam(groups)
    by_weight = {id(p): g["lr"] for g in groups for p in g["params"]}
    assert by_weight[id(model[2].weight)] == pytest.approx(0.05)
    assert by_weight[id(model[2].bias)] == by_weight[id(model[0].weight)] == pytest.approx(0.1)


def test_random_state_is_left_alone(data):
    before = torch.get_rng_state()
    probe.scaling(standard, (16, 32), *data)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"make": 3}, "function of the width"),
        ({"make": lambda n: n}, "must return a module"),
        ({"make": lambda n: nn.Sequential(nn.Linear(64, n), nn.Linear(n + 1, 10))}, "refused"),
        ({"make": lambda n: nn.Sequential(nn.Linear(64, 10), *[nn.Linear(10, 10)] * (n > 16))}, "same layers"),
        ({"make": lambda n: nn.LayerNorm(64)}, "without layers"),
        ({"make": lambda n: nn.Sequential(nn.Linear(64, n), nn.Linear(n, 10)).requires_grad_(False)}, "none of whose parameters"),
        ({"widths": (16,)}, "two different"),
        ({"widths": (16, 16)}, "two different"),
        ({"widths": (0, 16)}, "widths"),
        ({"inputs": np.full((64, 64), np.nan)}, "finite"),
        ({"inputs": np.zeros((0, 64))}, "not empty"),
        ({"inputs": "digits"}, "array or a tensor"),
        ({"inputs": np.zeros((64, 64)) * 1j}, "refused"),
        ({"inputs": torch.zeros(64, 64, device="meta")}, "meta device"),
        ({"labels": torch.zeros(64, device="meta")}, "meta device"),
        ({"labels": ["three"] * 64}, "array or a tensor"),
        ({"make": lambda n: nn.Sequential(nn.Linear(64, n), nn.Linear(n, 10)).to("meta")}, "`make`"),
        ({"labels": np.zeros(3, int)}, "64 finite"),
        ({"labels": np.full(64, 10)}, "classes from 0 to 9"),
        ({"labels": np.zeros((64, 3))}, "shape of the outputs"),
        ({"optimiser": "lion"}, "optimiser"),
        ({"optimiser": lambda m: None}, "optimiser of torch"),
        ({"lr": -1.0}, "lr"),
        ({"seeds": 1}, "seeds"),
    ],
)
def test_bad_arguments(change, match, data):
    arguments = {
        "make": standard,
        "widths": (16, 32),
        "inputs": data[0],
        "labels": data[1],
        "optimiser": "sgd",
        "seeds": 2,
    } | change
    with pytest.raises((ArgumentError, ArgumentTypeError), match=match):
        probe.scaling(**arguments)
