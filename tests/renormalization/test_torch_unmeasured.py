"""What a probe could not measure has no number and no phase, and is told: derivatives that are cut or wrong, numbers below rounding, noise in evaluation mode."""

import math

import numpy as np
import pytest

from tests.renormalization.writings import stack
from weakchaos.renormalization import probe
from weakchaos.renormalization.networks.geometry import mean_cosines, mean_gap, participation_ratio, two_nn_dimension

torch = pytest.importorskip("torch")
nn = torch.nn
TORCH_SEED = 3


class Cut(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.a, self.b, self.c, self.how = nn.Linear(24, 24), nn.Linear(24, 24), nn.Linear(24, 24), how

    def forward(self, x):
        h = torch.tanh(self.a(x))
        if self.how == "detach":
            h = h.detach()
        elif self.how == "numpy":
            h = torch.from_numpy(h.detach().numpy().copy())
        elif self.how == "straight through":
            h = h + (torch.round(8 * h) / 8 - h).detach()
        elif self.how == "half":
            h = 0.1 * h + 0.9 * h.detach()
        elif self.how == "no_grad":
            with torch.no_grad():
                return self.c(torch.tanh(self.b(h)))
        return self.c(torch.tanh(self.b(h)))


def test_derivatives_that_are_cut_or_wrong_are_told():
    x = torch.randn(40, 24)
    torch.manual_seed(2)
    whole = probe(Cut("no_grad"), x)
    assert whole.phase is not None
    assert np.isfinite(whole.chi).all()
    assert not whole.flags
    for how, kind in (("detach", "cut"), ("numpy", "cut"), ("half", "disagrees")):
        torch.manual_seed(2)
        report = probe(Cut(how), x)
        assert [r["phase"] is None for r in report.rows] == [False, True, False], how
        flag = next(f for f in report.flags if f.severity == "invalid")
        assert flag.kind == kind
        assert flag.where == ("b",)
        # The function is the same, so differences find the response that the derivative of the whole one has.
        assert flag.numbers["difference"] == pytest.approx(whole.chi[1], rel=0.2)
        assert report.phase is None
        assert report.to_dict()["phase"] is None
        assert report.rows[2]["chi"] == pytest.approx(whole.chi[2], rel=0.1)


class Gated(nn.Module):
    """tanh(a) times a gate; of the gate, or of half of the units, the derivative may be cut."""

    def __init__(self, cut):
        super().__init__()
        self.a, self.g, self.cut = nn.Linear(24, 24), nn.Linear(24, 24), cut

    def forward(self, x):
        h, gate = torch.tanh(self.a(x)), 3 * torch.sigmoid(4 * self.g(x))
        if self.cut == "gate":
            gate = gate.detach()
        if self.cut == "units":
            h = torch.cat([h[:, :12].detach(), h[:, 12:]], 1)
        return h * gate


@pytest.mark.parametrize("cut", ["gate", "units"])
def test_a_derivative_that_is_cut_in_part_is_told(cut):
    """Derivatives that are too small by less than a factor of two: far more than differences are wrong by."""
    x = torch.randn(40, 24)
    torch.manual_seed(2)
    whole = probe(nn.Sequential(*[Gated(None) for _ in range(3)]), x)  # the negative control
    assert whole.phase is not None
    assert not any(f.severity == "invalid" for f in whole.flags)
    torch.manual_seed(2)
    report = probe(nn.Sequential(*[Gated(cut) for _ in range(3)]), x)
    assert report.phase is None
    assert [r["phase"] for r in report.rows] == [None] * 3
    flags = [f for f in report.flags if f.severity == "invalid"]
    assert [f.kind for f in flags] == ["disagrees"] * 3
    for flag, chi in zip(flags, whole.chi, strict=True):
        assert flag.numbers["difference"] == pytest.approx(chi, rel=0.2)


def test_equal_inputs_say_nothing_about_units():
    model, x = stack(24, 3), torch.randn(40, 24)
    flags = {f.kind for f in probe(model, x[:1].repeat(40, 1)).flags}
    assert "same_activations" in flags
    assert "dead_units" not in flags
    assert "same_activations" not in {f.kind for f in probe(model, x).flags}


def test_a_derivative_beside_steps_is_held_against_differences():
    """Steps of 1/8 are far above the differences taken: these see none or a jump, and never what the straight-through rule says."""
    report = probe(Cut("straight through"), torch.randn(40, 24))
    assert report.rows[1]["phase"] is None


def test_nothing_at_all_through_is_an_error():
    class Inference(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = stack(8, 2)

        @torch.inference_mode()
        def forward(self, x):
            return self.net(x)

    x = torch.randn(10, 8)
    with pytest.raises(ValueError, match=r"under torch.inference_mode, which cuts all derivatives"):
        probe(Inference(), x)
    model = Inference()
    with torch.inference_mode():
        report = probe(model.net, torch.randn(10, 8))
    assert np.isfinite(report.chi).all()


def test_rounding_has_no_dimension():
    dims = {}
    for dtype in (torch.float32, torch.float64):
        torch.manual_seed(0)
        model = stack(32, 36).to(dtype)
        torch.manual_seed(1)
        dims[dtype] = probe(model, torch.randn(30, 32).to(dtype))
    single, double = (np.array([r["pr_dim"] for r in dims[d].rows]) for d in dims)
    assert np.isnan(single[-1])
    assert not np.isnan(double).any()
    told = ~np.isnan(single)
    assert told.sum() > 5
    assert single[told] == pytest.approx(double[told], rel=0.2)
    assert [f.kind for f in dims[torch.float32].flags if f.kind == "below_rounding"] == ["below_rounding"]
    assert math.isnan(participation_ratio(1 + 1e-7 * np.random.default_rng(0).normal(size=(30, 10)), 1e-14))
    assert math.isnan(two_nn_dimension(1 + 1e-7 * np.random.default_rng(0).normal(size=(30, 10)), 1e-14))
    z = np.random.default_rng(0).normal(size=(10, 6))
    assert mean_gap(z) == pytest.approx(1 - mean_cosines(z)[0], rel=1e-12)


def test_batch_normalisation_without_batches_is_told():
    model = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 8))
    x = torch.randn(10, 8)
    assert any("running statistics" in w for w in probe(model, x).warnings)
    assert not any(f.kind == "fresh_batch_norm" for f in probe(model, x, training=True).flags)
    model.train()(x)
    assert not any(f.kind == "fresh_batch_norm" for f in probe(model, x).flags)


def test_reports_of_what_was_not_measured_are_written(tmp_path):
    """Pages, figures and data of a network whose derivative is cut: no phase and no number that would have been read as one."""
    import json

    report = probe(Cut("detach"), torch.randn(20, 24))
    for kind in ("flow", "phase", "waterfall"):
        report.plot(kind, tmp_path / f"{kind}.png")
    report.to_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "The network has no phase" in page
    assert "cuts it off" in page
    report.to_json(tmp_path / "data.json")
    data = json.loads((tmp_path / "data.json").read_text())
    assert data["phase"] is None
    assert data["exponent_per_layer"] is None
    assert data["rows"][1]["phase"] is None
    assert data["flags"][0]["kind"] == "cut"


class Noisy(nn.Module):
    def __init__(self, how):
        super().__init__()
        torch.manual_seed(4)
        self.first, self.second, self.drop, self.how = nn.Linear(16, 16), nn.Linear(16, 16), nn.Dropout(0.5), how

    def forward(self, x):
        h = torch.tanh(self.first(x))
        if self.how == "noise":
            h = h + torch.randn_like(h)
        elif self.how == "dropout":
            h = nn.functional.dropout(h, 0.5)
        elif self.how == "unused":
            torch.rand(1)
        return self.second(self.drop(h))


def test_random_numbers_in_evaluation_mode_are_named():
    x = torch.randn(16, 16)
    found = {how: [f for f in probe(Noisy(how), x).flags if f.kind == "random"] for how in ("noise", "dropout", "unused", "")}
    assert [f.where for f in found["noise"] + found["dropout"]] == [("second",), ("second",)]
    assert found["unused"] == found[""] == []
    assert not any(f.kind == "random" for f in probe(Noisy("noise"), x, training=True).flags)


def test_mixed_precision_inside_of_a_module_is_refused():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = stack(16, 3)

        def forward(self, x):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return self.inner(x)

    with pytest.raises(ValueError, match=r"`model` computes inner.0 in half precision.*torch.autocast"):
        probe(Mixed(), torch.randn(16, 16))


def test_a_function_without_a_forward_derivative_is_told_what_to_do():
    class Squash(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return torch.tanh(x)

        @staticmethod
        def backward(ctx, grad):
            return grad

    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 8)

        def forward(self, x):
            return self.b(Squash.apply(self.a(x)))

    with pytest.raises(ValueError, match="give the Function a jvp"):
        probe(Own(), torch.randn(8, 8))


class Steps(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.how = how

    def forward(self, x):
        if self.how == "sign":
            return torch.sign(x)
        if self.how == "levels":
            return torch.round(4 * torch.tanh(x)) / 4
        if self.how == "saturated":
            return torch.tanh(1e6 * x)
        return nn.functional.one_hot(x.argmax(1), x.shape[1]).to(x.dtype)


@pytest.mark.parametrize("how", ["sign", "levels", "saturated", "largest"])
def test_a_function_of_steps_has_no_exponent_though_no_small_difference_crosses_a_step(how):
    """Almost everywhere the derivative is 0, and so are small differences; inputs stay apart all the same, so nothing dies out."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(24, 24), Steps(how), nn.Linear(24, 24), Steps(how), nn.Linear(24, 24))
    report = probe(model, torch.randn(40, 24))
    assert [r["phase"] is None for r in report.rows] == [False, True, True]
    assert report.phase is None
    assert not any(flag.kind == "extinct" for flag in report.flags)
    assert sum(flag.severity == "invalid" for flag in report.flags) == 2


def test_a_layer_of_dead_units_ends_all_differences():
    """The counterpart: the derivative is 0, and so are all differences between inputs."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 24))
    for layer in (model[0], model[2]):
        nn.init.constant_(layer.bias, -100.0)
    report = probe(model, torch.randn(40, 24))
    assert report.rows[-1]["lyapunov"] == -math.inf
    assert report.phase == "ordered"


def test_functions_with_steps_or_chance_are_not_measured_either():
    """Lists of functions have their derivatives from differences, which see neither steps nor that the same input gives another result."""
    rng = np.random.default_rng(0)
    x, weights = rng.standard_normal((20, 16)), rng.standard_normal((2, 16, 16)) / 4
    stepped = probe([lambda z, w=w: np.sign(z @ w) for w in weights], x)
    assert [r["phase"] for r in stepped.rows] == [None, None]
    chance = probe([np.tanh, lambda z: z + rng.standard_normal(z.shape)], x)
    assert [r["phase"] is None for r in chance.rows] == [False, True]
    assert stepped.phase is None
    assert chance.phase is None
    smooth = probe([lambda z, w=w: np.tanh(z @ w) for w in weights], x)
    assert smooth.phase is not None
    dead = probe([lambda z, w=w: np.maximum(z @ w - 100.0, 0.0) for w in weights], x)
    assert dead.rows[-1]["lyapunov"] == -math.inf
