"""Two exponents of stacks of transformer layers: theory, measurement by projection, and what is refused."""

import math

import numpy as np
import pytest

from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.renormalization import probe, token_distances, token_exponents, token_flow, token_theory

torch = pytest.importorskip("torch")
nn = torch.nn
TORCH_SEED = 11


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


@pytest.mark.slow
def test_the_layer_of_torch_at_256_units():
    """Five networks of 18 layers; one of them scatters by about 0.013."""
    found = []
    for _ in range(5):
        blocks = [nn.TransformerEncoderLayer(256, 4, 1024, dropout=0.0, batch_first=True) for _ in range(18)]
        found.append(token_exponents(blocks, torch.randn(2, 6, 256), directions=2))
    assert np.mean([f.transverse for f in found]) == pytest.approx(-math.log(7 / 6), abs=0.015)
    assert np.mean([f.longitudinal for f in found]) == pytest.approx(0, abs=0.03)
    assert all("tokens become alike" in f.sentence and "gradients keep their size" in f.sentence for f in found)


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


class PreNorm(nn.Module):
    """x <- x + b A rms(x) V, x <- x + d W2 phi(W1 rms(x)), with Gaussian weights."""

    def __init__(self, d, phi, scale, mlp_scale, v, s1, s2):
        super().__init__()
        self.scales, self.phi = (scale, mlp_scale), phi
        draws = {"q": 1, "k": 1, "v": v, "first": s1, "second": s2}
        self.attention = nn.ParameterDict({n: nn.Parameter(s * torch.randn(d, d) / math.sqrt(d)) for n, s in draws.items()})

    def forward(self, x):
        w, norm = self.attention, lambda z: z / z.pow(2).mean(-1, keepdim=True).sqrt()
        y = norm(x)
        logits = (y @ w["q"].T) @ (y @ w["k"].T).transpose(-1, -2) / math.sqrt(x.shape[-1])
        x = x + self.scales[0] * logits.softmax(-1) @ (y @ w["v"].T)
        return x + self.scales[1] * self.phi(norm(x) @ w["first"].T) @ w["second"].T


def compared(stacks, flow):
    """Totals of both exponents and of the stream: means over stacks, standard errors, and what the theory says."""
    found = [token_exponents(s, torch.randn(2, 6, 128), transient=0) for s in stacks]
    rows = np.array([[*f.by_layer.sum(0), math.log(f.stream[-1] / f.stream[0])] for f in found])
    theory = np.array([flow.transverse, flow.longitudinal, math.log(flow.stream[-1] / flow.stream[0])])
    return found, rows.mean(0), rows.std(0, ddof=1) / math.sqrt(len(rows)), theory


@pytest.mark.parametrize(
    ("name", "phi", "setting"),
    [
        ("relu", torch.relu, (1, 1, 0.5, math.sqrt(2), 0.5)),
        ("tanh", torch.tanh, (0.3, 1, 1, 3, 1)),
        ("tanh", torch.tanh, (1, 1, 1, 1, 1)),
    ],
)
def test_stacks_with_the_norm_first_follow_the_theory(name, phi, setting):
    b, d, v, s1, s2 = setting
    flow = token_flow(16, name, 1, b, v, 1, d, s1, s2)
    found, mean, error, theory = compared([[PreNorm(128, phi, *setting) for _ in range(16)] for _ in range(4)], flow)
    # Layers of 128 units lie below the theory by about 16 / 128 in all.
    assert (np.abs(mean - theory) < 3 * error + 0.13).all()
    powers = np.array([f.powers for f in found])
    assert (np.abs(powers.mean(0) - flow.powers) < 3 * powers.std(0, ddof=1) / 2 + 0.06 + 0.15 * np.abs(flow.powers)).all()


def test_the_layer_of_torch_with_the_norm_first():
    """Biases of 0 in attention, and those of linear layers small: the stream grows by 2/9 a layer, tokens become alike as depth to -3/4."""
    flow = token_flow(24, "relu", attention_scale=6**-0.5, sigma_1=3**-0.5, sigma_2=3**-0.5)
    assert flow.stream[-1] == pytest.approx(1 + 24 * (1 / 6 + 1 / 18), rel=1e-6)
    assert flow.powers == pytest.approx((-0.75, 0), abs=1e-6)
    stacks = [
        [nn.TransformerEncoderLayer(128, 4, 256, dropout=0.0, batch_first=True, norm_first=True) for _ in range(24)]
        for _ in range(3)
    ]
    found, mean, error, theory = compared(stacks, flow)
    assert (np.abs(mean - theory) < 3 * error + 0.2).all()
    assert np.mean([f.powers[0] for f in found]) == pytest.approx(-0.75, abs=0.04)
    assert "tokens" in found[0].sentence
    assert "as its power -0.7" in found[0].sentence


def test_attention_alone_with_the_norm_first_loses_tokens_as_one_over_depth():
    flow = token_flow(256, "relu", mlp_scale=0.0)
    assert flow.powers == pytest.approx((-1, 0), abs=1e-12)
    assert math.exp(flow.transverse) == pytest.approx(1 / 257, rel=1e-9)
    assert flow.longitudinal == pytest.approx(0, abs=1e-9)
    along = token_flow(64, "relu", attention_scale=0.0)
    # The stream and rectified differences grow alike: by the root of 1 + depth in amplitude.
    assert along.stream[-1] == pytest.approx(65, rel=1e-6)
    assert along.longitudinal == pytest.approx(0, abs=1e-5)


def test_branches_over_the_root_of_depth_have_a_limit():
    """(1 + 2 / L) ^ L in place of 1 + 2 L, with a = 1 and both branches of square 1: transverse ln(1/3) / 2 in the limit of weak branches."""
    for depth in (64, 512):
        flow = token_flow(depth, "relu", branch_power=0.5)
        assert flow.stream[-1] == pytest.approx(3, rel=1e-5)
        assert flow.transverse == pytest.approx(-math.log(3) / 2, abs=1.5 / depth)
        assert flow.powers is None
    scale = 16**-0.5
    stacks = [[PreNorm(128, torch.relu, scale, scale, 1, math.sqrt(2), 1) for _ in range(16)] for _ in range(4)]
    _, mean, error, theory = compared(stacks, token_flow(16, "relu", branch_power=0.5))
    assert (np.abs(mean - theory) < 3 * error + 0.13).all()
    whole = token_exponents([PreNorm(128, torch.relu, 1, 1, 1, math.sqrt(2), 1) for _ in range(16)], torch.randn(2, 6, 128))
    assert whole.stream[-1] / whole.stream[0] > 15  # 1 + 2 * 16 in the theory: the control grows with depth


def test_norm_after_the_branches_is_the_other_theory():
    flow = token_flow(7, "tanh", 0.8, 0.6, 1, 0.8, 0.6, 2, 1.5, norm="post")
    theory = token_theory("tanh", 0.8, 0.6, 1, 0.8, 0.6, 2, 1.5)
    np.testing.assert_allclose(flow.by_layer, [[theory.transverse, theory.longitudinal]] * 7, rtol=1e-12)
    assert flow.powers is None
    assert (flow.stream == 1).all()
    alone = token_flow(3, attention_skip=0.0, norm="post")
    assert alone.transverse == -math.inf
    assert "in one layer" in alone.sentence


class Averaging(nn.Module):
    """Attention of random logits of scale 1 and nothing else."""

    def __init__(self, d):
        super().__init__()
        self.w = nn.ParameterList([nn.Parameter(torch.randn(d, d) / math.sqrt(d)) for _ in range(3)])

    def forward(self, x):
        q, k, v = (x @ w.T for w in self.w)
        x = (q @ k.transpose(-1, -2) / math.sqrt(x.shape[-1])).softmax(-1) @ v
        return x / x.pow(2).mean(-1, keepdim=True).sqrt()


def test_rank_collapse():
    """Doubly exponential without skip connection, at the transverse exponent after norms, as a power before them."""
    x = torch.randn(4, 8, 64)
    logs = np.log([token_distances([Averaging(64) for _ in range(4)], x) for _ in range(4)]).mean(0)
    assert 2.5 < logs[4] / logs[3] < 3.6  # Dong et al.: cubes
    setting = (1, 0.5, 1, 1, 1, math.sqrt(2), 1)
    after = np.log(
        [token_distances([Block(128, torch.relu, *setting) for _ in range(30)], x.repeat(1, 1, 2)) for _ in range(3)]
    ).mean(0)
    assert (after[-1] - after[10]) / 20 == pytest.approx(-0.2231, abs=0.04)
    before = np.log([token_distances([PreNorm(64, torch.relu, 1, 0, 1, 1, 1) for _ in range(48)], x) for _ in range(3)]).mean(0)
    assert (before[-1] - before[12]) / math.log(48 / 12) == pytest.approx(-1, abs=0.25)


def test_distances_go_far_below_the_rounding_of_a_cosine():
    class Mean(nn.Module):
        def forward(self, x):
            return 0.01 * x + 0.99 * x.mean(1, keepdim=True)

    x = torch.randn(3, 5, 4)
    found = token_distances([Mean()] * 10, x + 3)
    steps = np.diff(np.log(found[1:7]))
    np.testing.assert_allclose(steps, 2 * math.log(0.01), rtol=2e-3)
    assert found[6] < 1e-22
    assert np.isnan(found[-1])
    cosines = torch.nn.functional.cosine_similarity((x + 3)[:, :, None], (x + 3)[:, None], dim=-1)
    off = 1 - (cosines.sum((1, 2)) - 5) / 20
    assert found[0] == pytest.approx(float(off.double().log().mean().exp()), rel=1e-5)


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
        (torch.zeros(2, 5, 8, dtype=torch.complex64), ArgumentTypeError, "embed"),
        (torch.zeros(2, 5, 8, device="meta"), ArgumentError, "meta device"),
        ("tokens", ArgumentTypeError, "array or a tensor"),
        (None, ArgumentTypeError, "array or a tensor"),
        ([[1.0, 2.0], [3.0]], ArgumentTypeError, "array or a tensor"),
    ],
)
def test_bad_inputs(inputs, error, match):
    blocks = [nn.TransformerEncoderLayer(8, 2, 8, batch_first=True) for _ in range(2)]
    with pytest.raises(error, match=match):
        token_exponents(blocks, inputs)
    with pytest.raises(error):
        token_distances(blocks, inputs)


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
    with pytest.raises(ArgumentError, match="`norm` must be"):
        token_flow(3, norm="before")
    with pytest.raises(ArgumentError, match="`depth`"):
        token_flow(10**12)  # one layer after the other
    with pytest.raises(ArgumentError, match="finite and above 0"):
        token_flow(3, attention_skip=0, attention_scale=0)
    with pytest.raises(ArgumentError, match="away from 0"):
        token_exponents([nn.Linear(8, 8)], torch.zeros(2, 5, 8))
    for inputs, error, match in (
        (torch.zeros(2, 1, 8), ArgumentError, "at least two tokens"),
        (torch.full((2, 5, 8), math.nan), ArgumentError, "finite"),
        (torch.zeros(2, 5, 8, dtype=torch.int64), ArgumentTypeError, "embed"),
        (torch.zeros(2, 5, 7), ArgumentError, "layer 0 refused"),
    ):
        with pytest.raises(error, match=match):
            token_distances([nn.Linear(8, 8)], inputs)
    with pytest.raises(ArgumentError, match="does not chain"):
        token_distances([nn.Linear(8, 6)], x)
    with pytest.raises(ArgumentError, match="meta"):
        token_distances([nn.Linear(8, 8, device="meta")], x)
