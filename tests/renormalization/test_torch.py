"""Probes of torch modules: equal to those of arrays, nothing changed behind, and what cannot be probed refused."""

import copy
import itertools
import math

import numpy as np
import pytest

from weakchaos.core.errors import ConvergenceWarning
from weakchaos.renormalization import depth_spectrum, probe

torch = pytest.importorskip("torch")
nn = torch.nn
TORCH_SEED = 7


def mlp(width=24, depth=5, act=nn.Tanh, n_in=16, n_out=3):
    sizes = [n_in] + [width] * depth
    layers = []
    for a, b in itertools.pairwise(sizes):
        layers += [nn.Linear(a, b), act()]
    return nn.Sequential(*layers, nn.Linear(width, n_out)).double()


def arrays(model):
    return [(m.weight.detach().numpy(), m.bias.detach().numpy()) for m in model if isinstance(m, nn.Linear)]


class Block(nn.Module):
    def __init__(self, channels, stride=1):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return torch.relu(x + self.second(torch.relu(self.norm(self.first(x)))))


def test_a_module_is_its_arrays(rng):
    model, x = mlp(), rng.normal(size=(300, 16))
    module, plain = probe(model, x, directions=16), probe(arrays(model), x, directions=16)
    assert [r["layer"] for r in module.rows] == ["0", "2", "4", "6", "8", "10"]
    assert module.activation == "tanh"
    for key in ("q", "c", "sigma_w2", "sigma_b2", "pr_dim", "largest"):
        assert [r[key] for r in module.rows] == pytest.approx([r[key] for r in plain.rows], rel=1e-9, abs=1e-12)
    assert module.chi == pytest.approx(plain.chi, rel=0.03)
    assert module.lyapunov == pytest.approx(plain.lyapunov, abs=0.02)


def test_the_response_is_the_trace_of_the_jacobian(rng):
    """Hutchinson's estimate against the Jacobian itself, by reverse mode: within 10 % and 5 standard errors."""
    model, x = mlp(depth=2), rng.normal(size=(4, 16))
    report = probe(model, np.repeat(x, 50, axis=0), directions=16)
    z = torch.as_tensor(x)
    for k, layer in enumerate(report.rows):
        before = model[: 2 * k - 1] if k else nn.Identity()
        after = model[2 * k - 1 : 2 * k + 1] if k else model[:1]
        jacobians = [torch.autograd.functional.jacobian(after, before(v[None])[0]) for v in z]
        exact = np.mean([float((j**2).sum() / j.shape[0]) for j in jacobians])
        assert layer["chi"] == pytest.approx(exact, rel=0.1)
        assert abs(layer["chi"] - exact) < 5 * layer["chi_stderr"]


def test_convolutions_have_exact_responses():
    """A convolution on a torus stretches every difference alike: chi = ||kernel||_F^2 / outputs."""
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, padding_mode="circular", bias=False)).double()
    report = probe(model, torch.randn(40, 3, 6, 6), directions=16)
    exact = float((model[0].weight.detach() ** 2).sum() / 8)
    assert report.chi[0] == pytest.approx(exact, rel=0.03)
    assert report.rows[0]["width"] == 8 * 36


def test_nothing_is_left_changed(rng):
    model = nn.Sequential(
        nn.Linear(16, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Dropout(0.5), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 2)
    )
    model.train()
    model[4].eval()
    model[0].weight.requires_grad_(False)
    before = copy.deepcopy(model.state_dict())
    modes, flags = [m.training for m in model.modules()], [p.requires_grad for p in model.parameters()]
    x = torch.as_tensor(rng.normal(size=(12, 16)), dtype=torch.float32)
    kept, state = x.clone(), torch.get_rng_state()
    for training in (False, True):
        report = probe(model, x, training=training)
        report.suggest_gain() if not training else None
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(x, kept)
    assert [m.training for m in model.modules()] == modes
    assert [p.requires_grad for p in model.parameters()] == flags
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert all(p.grad is None for p in model.parameters())


test_nothing_is_left_changed = pytest.mark.filterwarnings("ignore:the model has normalisation")(test_nothing_is_left_changed)


def test_after_an_error_nothing_is_left_changed():
    model = mlp()
    model.train()
    with pytest.raises(ValueError, match="refused `inputs` of shape"):
        probe(model, torch.randn(4, 5))
    assert model.training
    assert not any(m._forward_hooks for m in model.modules())


def test_blocks_are_found_and_skips_counted(rng):
    model = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), Block(6), Block(6), Block(6)).double()
    report = probe(model, torch.randn(6, 3, 8, 8))
    assert [r["kind"] for r in report.rows] == ["Conv2d"] + ["Block"] * 3  # the stem changes the width and is a row of its own
    with torch.no_grad():
        for block in model[1:]:
            block.second.weight.zero_()
    skipped = probe(model, torch.randn(6, 3, 8, 8))
    # Identity on what a rectifier lets pass: no difference grows.
    assert skipped.chi[2] == pytest.approx(1, abs=0.5)
    assert (skipped.lyapunov[2:] <= 1e-9).all()
    inner = probe(model, torch.randn(6, 3, 8, 8), layers=nn.Conv2d)
    assert len(inner.rows) == 7
    with pytest.raises(ValueError, match="no weights of its own"):
        report.suggest_gain()


def test_transformers_have_two_exponents():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, dropout=0.0)
    model = nn.Sequential(nn.Embedding(20, 16), nn.TransformerEncoder(layer, 4, enable_nested_tensor=False))
    report = probe(model, torch.randint(0, 20, (5, 12)))
    assert len(report.rows) == 4
    assert {"c_tokens", "angle_exponent"} <= set(report.rows[1])
    assert math.isfinite(report.rows[2]["angle_exponent"])
    assert np.isfinite(report.lyapunov[1:]).all()
    assert "angle_exponent" in report.table()


def test_gains(rng):
    model = mlp(width=200, depth=12, n_in=200)
    with torch.no_grad():
        for m in model:
            if isinstance(m, nn.Linear):
                m.weight.normal_(0, math.sqrt(1.0 / m.in_features))
                m.bias.normal_(0, math.sqrt(0.05))
    x = rng.normal(size=(40, 200))
    before = copy.deepcopy(model.state_dict())
    report = probe(model, x)
    mended = report.apply_gain()
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    after = probe(mended, x, layers=[str(2 * k) for k in range(12)])
    assert report.distance_to_critical().value < -0.08
    assert abs(after.distance_to_critical().value) < 0.02
    assert probe(arrays(model), x).suggest_gain()[:12] == pytest.approx(report.suggest_gain()[:12], rel=0.05)
    assert report.apply_gain(inplace=True) is model
    assert not torch.equal(model[2].weight, before["2.weight"])


def test_gains_before_normalisation_are_warned_of(rng):
    model = nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 8))
    with pytest.warns(ConvergenceWarning, match="before such a layer does not change its output"):
        probe(model, rng.normal(size=(4, 8))).suggest_gain()


def test_depth_spectra_of_modules(rng):
    model, x = mlp(width=10, depth=4, n_in=10, n_out=10), rng.normal(size=(2, 10))
    module, plain = depth_spectrum(model, x), depth_spectrum(arrays(model), x)
    assert module.log_singular_values == pytest.approx(plain.log_singular_values, abs=1e-8)
    assert module.qr_exponents.sum() == pytest.approx(plain.qr_exponents.sum(), abs=1e-8)
    jacobian = torch.autograd.functional.jacobian(model, torch.as_tensor(x[0])).numpy()
    one = depth_spectrum(model, x[:1])
    assert one.log_singular_values * 5 == pytest.approx(np.log(np.linalg.svd(jacobian, compute_uv=False)), abs=1e-8)
    assert len(depth_spectrum(model, x, k=1).qr_exponents) == 1


class Late(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return self.second(self.first(x) * float("inf"))


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = nn.Linear(4, 4)

    def forward(self, x):
        return self.shared(self.shared(x))


def test_bad_input():
    model, x = mlp(), torch.randn(4, 16)
    with pytest.raises(ValueError, match="half precision"):
        probe(model.half(), x)
    model.double()
    with pytest.raises(ValueError, match="batch of at least 2"):
        probe(model, x[:1])
    with pytest.raises(ValueError, match="`inputs` must be finite"):
        probe(model, torch.full((4, 16), math.nan))
    with pytest.raises(ValueError, match="not finite at second"):
        probe(Late(), torch.randn(3, 4))
    twice = probe(Twice(), torch.randn(3, 4))
    assert [r["layer"] for r in twice.rows] == ["shared", "shared (2)"]
    with pytest.raises(ValueError, match="runs shared more than once"):
        twice.apply_gain()
    with pytest.raises(ValueError, match="must name modules"):
        probe(model, x, layers=["nowhere"])
    with pytest.raises(ValueError, match="finds nothing to probe"):
        probe(nn.Sequential(nn.Tanh()), x)
    with pytest.raises(ValueError, match="device of the model"):
        probe(model, x.to("meta"))
    idle = mlp()
    idle.forward = idle[:4].forward
    seen = probe(idle, x.double())
    assert [r["layer"] for r in seen.rows] == ["0", "2"]
    assert any("were not reached" in w for w in seen.warnings)
    with pytest.raises(ValueError, match="was not reached"):
        probe(idle, x.double(), layers=["0", "8"])


@pytest.mark.slow
def test_a_residual_network_of_eighteen_layers():
    """Eight blocks are found; with batch statistics differences grow by less per block than one plain normalised layer would make them."""
    from tests.renormalization.resnet import resnet18

    report = probe(resnet18(10), torch.randn(4, 3, 96, 96), training=True, directions=2)
    assert [r["kind"] for r in report.rows] == ["MaxPool2d"] + ["BasicBlock"] * 8
    assert np.isfinite(report.lyapunov).all()
    assert (
        np.abs(report.lyapunov[2:]) < 0.5
    ).all()  # behind the stem and the first block, in which differences turn into directions of growth
