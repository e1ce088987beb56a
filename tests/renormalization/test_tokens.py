"""Two exponents of stacks of transformer layers: theory, measurement by projection, and what is refused."""

import math

import numpy as np
import pytest

from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.renormalization import probe, token_exponents, token_theory

torch = pytest.importorskip("torch")
nn = torch.nn


@pytest.fixture(autouse=True)
def one_thread():
    torch.manual_seed(11)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Block(nn.Module):
    """x <- rms(a x + b A x V), x <- rms(c x + d W2 phi(W1 x)), with Gaussian weights."""

    def __init__(self, d, phi, skip, scale, mlp_skip, mlp_scale, v, s1, s2):
        super().__init__()
        self.skips, self.phi = (skip, scale, mlp_skip, mlp_scale), phi
        draws = {"q": 1, "k": 1, "v": v, "first": s1, "second": s2}
        self.attention = nn.ParameterDict({n: nn.Parameter(s * torch.randn(d, d) / math.sqrt(d)) for n, s in draws.items()})

    def forward(self, x):
        w, (a, b, c, d) = self.attention, self.skips
        logits = (x @ w["q"].T) @ (x @ w["k"].T).transpose(-1, -2) / math.sqrt(x.shape[-1])
        x = self.norm(a * x + b * logits.softmax(-1) @ (x @ w["v"].T))
        return self.norm(c * x + d * self.phi(x @ w["first"].T) @ w["second"].T)

    def norm(self, x):
        return x / x.pow(2).mean(-1, keepdim=True).sqrt()


SETTINGS = [
    ("relu", torch.relu, (1, 0.5, 1, 1, 1, math.sqrt(2), 1), -0.2231, 0),
    ("tanh", torch.tanh, (1, 0.5, 1, 1, 1, 1.414, 1), -0.1118, 0.1114),
    ("tanh", torch.tanh, (1, 0.3, 0.5, 1, 1, 3, 3), 0.6388, 0.7249),
]


@pytest.mark.parametrize(("name", "phi", "setting", "transverse", "longitudinal"), SETTINGS)
def test_stacks_follow_the_theory(name, phi, setting, transverse, longitudinal):
    al, be, am, bm, v, s1, s2 = setting
    theory = token_theory(name, al, be, v, am, bm, s1, s2)
    assert theory.transverse == pytest.approx(transverse, abs=2e-4)
    assert theory.longitudinal == pytest.approx(longitudinal, abs=2e-4)
    found = [token_exponents([Block(192, phi, *setting) for _ in range(12)], torch.randn(2, 6, 192), transient=2) for _ in range(3)]
    # Ten layers of 192 units move the mean of a stack by about 0.03, and narrow saturated layers lie below the theory.
    assert -0.14 < np.mean([f.transverse for f in found]) - transverse < 0.07
    assert -0.14 < np.mean([f.longitudinal for f in found]) - longitudinal < 0.07


def test_the_layer_of_torch_as_it_comes():
    """Attention scales by 1 / (1 + 1/6): ln(6/7) in squares; the MLP of rectified units cancels."""
    assert token_theory("relu", attention_scale=6**-0.5).transverse == pytest.approx(-math.log(7 / 6), abs=1e-9)
    found = []
    for _ in range(4):
        blocks = [nn.TransformerEncoderLayer(128, 4, 256, batch_first=True) for _ in range(12)]
        found.append(token_exponents(blocks, torch.randn(2, 6, 128), directions=2))
    assert np.mean([f.transverse for f in found]) == pytest.approx(-0.154, abs=0.04)
    assert np.mean([f.longitudinal for f in found]) == pytest.approx(0, abs=0.06)
    assert all(f.mixing < 1e-20 for f in found)


def test_exact_linear_mixing():
    """x <- (1 - s) x + s mean(x): transverse differences shrink by 1 - s, shared ones stay; no rounding at 1e-16 ends it."""

    class Mean(nn.Module):
        def forward(self, x):
            return 0.01 * x + 0.99 * x.mean(1, keepdim=True)

    found = token_exponents([Mean()] * 40, torch.randn(3, 5, 4))
    np.testing.assert_allclose(found.by_layer[:, 0], 2 * math.log(0.01), rtol=1e-12)
    np.testing.assert_allclose(found.by_layer[:, 1], 0, atol=1e-12)


def test_rectified_stacks_always_collapse():
    for scale in (0.1, 0.5, 2.0):
        theory = token_theory("relu", attention_scale=scale, sigma_1=1.7, sigma_2=0.8)
        assert theory.longitudinal == pytest.approx(0, abs=1e-12)
        assert theory.transverse < 0
        assert theory.phase == "tokens collapse"
    assert token_theory("tanh", attention_scale=0.5, sigma_1=3).phase == "tokens repel"


def test_probe_tells_both():
    model = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True), 6, enable_nested_tensor=False
    )
    before = {k: v.clone() for k, v in model.state_dict().items()}
    report = probe(model, torch.randn(6, 5, 32), directions=2)
    assert report.tokens is not None
    assert report.tokens.transverse < report.tokens.longitudinal
    assert report.tokens.sentence in report.table()
    for k, v in model.state_dict().items():
        assert v.dtype == before[k].dtype
        assert torch.equal(v, before[k])
    assert probe(nn.Sequential(*(nn.Linear(8, 8) for _ in range(3))), torch.randn(6, 8)).tokens is None


class Carrying(nn.Module):
    """A block with a buffer."""

    def __init__(self):
        super().__init__()
        self.attention = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.register_buffer("scale", torch.full((16,), 0.9))

    def forward(self, x):
        return self.attention(x * self.scale)


def test_buffers_and_gradients_of_the_model_are_left_alone():
    model, x = nn.Sequential(*(Carrying() for _ in range(3))), torch.randn(3, 5, 16)
    model(x).pow(2).sum().backward()
    token_exponents(model, x)
    held = [*model.buffers(), *model.parameters(), *(p.grad for p in model.parameters())]
    assert {t.dtype for t in held} == {torch.float32}
    model(x)


@pytest.mark.parametrize(
    ("inputs", "error", "match"),
    [
        (torch.zeros(2, 5, 7), ArgumentError, "layer 0 refused"),
        (torch.zeros(0, 5, 8), ArgumentError, "none of them 0"),
        (torch.zeros(8), ArgumentError, "shape"),
        (torch.full((2, 5, 8), math.nan), ArgumentError, "finite"),
        (torch.zeros(2, 5, dtype=torch.int64), ArgumentTypeError, "embed"),
    ],
)
def test_bad_inputs(inputs, error, match):
    blocks = [nn.TransformerEncoderLayer(8, 2, 8, batch_first=True) for _ in range(2)]
    with pytest.raises(error, match=match):
        token_exponents(blocks, inputs)


def test_bad_stacks():
    x = torch.randn(2, 5, 8)
    with pytest.raises(ArgumentError, match="does not chain"):
        token_exponents([nn.Linear(8, 6), nn.Linear(6, 6)], x)
    with pytest.raises(ArgumentError, match="meta"):
        token_exponents([nn.Linear(8, 8, device="meta")], x)
    for bad in (nn.Linear(8, 8), [], [3], None):
        with pytest.raises(ArgumentTypeError, match="TransformerEncoder"):
            token_exponents(bad, x)
    with pytest.raises(ArgumentError, match="positive"):
        token_theory(sigma_1=0)
    with pytest.raises(ArgumentError, match="pass something on"):
        token_theory(attention_skip=0, attention_scale=0)
