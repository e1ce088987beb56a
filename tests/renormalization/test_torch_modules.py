"""Modules of all kinds: recurrent ones unrolled, those that cannot be probed refused with what to do, and none left changed."""

import math

import numpy as np
import pytest

from weakchaos.renormalization import RecurrentNetwork, depth_spectrum, probe
from weakchaos.renormalization.networks.torch import fixed_batch
from weakchaos.renormalization.networks.torch_paths import dominators
from weakchaos.renormalization.networks.torch_recurrent import _step, layer_weights, recurrence_exponent

torch = pytest.importorskip("torch")
nn = torch.nn
TORCH_SEED = 3
parametrizations = torch.nn.utils.parametrizations


def stack(width, depth, make=nn.Linear):
    return nn.Sequential(*[m for _ in range(depth) for m in (make(width, width), nn.Tanh())])


# ---- recurrent modules ------------------------------------------------------------------------------------------------------------------------


def recurrent(kind, layers=2, **options):
    return {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN}[kind](5, 8, layers, batch_first=True, **options).double()


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"bias": False}])
def test_an_unrolled_module_is_the_module(kind, options):
    model, x = recurrent(kind, **options), torch.randn(4, 7, 5).double()
    expected = model(x)
    seen = []
    handle = model.register_forward_hook(lambda m, a, out: seen.append(out))
    report = probe(model, x)
    handle.remove()
    assert [r["layer"] for r in report.rows] == ["l0", "l1"]
    flat = torch.utils._pytree.tree_leaves
    whole = next(out for out in seen if len(out[0]) == 4)  # other passes see a few of the inputs
    for a, b in zip(flat(whole), flat(expected), strict=True):
        assert torch.allclose(a, b, atol=1e-12)
    assert report.rows[1]["q"] == pytest.approx(float((expected[0].detach() ** 2).mean()), rel=1e-10)
    assert "forward" not in model.__dict__


@pytest.mark.parametrize(
    ("kind", "options"), [("LSTM", {}), ("GRU", {}), ("RNN", {}), ("RNN", {"nonlinearity": "relu"}), ("LSTM", {"proj_size": 3})]
)
def test_one_step_is_that_of_torch(kind, options):
    model, x = recurrent(kind, 1, **options), torch.randn(3, 6, 5).double()
    w = layer_weights(model, 0)
    state = (torch.zeros(3, options.get("proj_size", 8)).double(), torch.zeros(3, 8).double())[: 2 if kind == "LSTM" else 1]
    for t in range(6):
        state = _step(model.mode, w, x[:, t] @ w["weight_ih"].T + w["bias_ih"], state)
    assert torch.allclose(state[0], model(x)[0][:, -1], atol=1e-12)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("gain", [1.0, 1.5])
def test_silent_gated_layers_have_the_exponent_of_their_own_weights(kind, gain):
    """At the origin of a cell without biases the Jacobian has eigenvalues 1/2 + w/4, w those of the candidate's weights (zeros besides for the LSTM)."""
    n = 120
    model = getattr(nn, kind)(1, n, batch_first=True, bias=False).double()
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(0, gain / math.sqrt(n))
    candidate = model.weight_hh_l0[2 * n : 3 * n].detach().numpy()
    expected = math.log(np.abs(0.5 + np.linalg.eigvals(candidate) / 4).max())
    x = torch.zeros(1, 1000, 1)
    value, _, gates = recurrence_exponent(model, 0, x, 2, torch.Generator().manual_seed(0))
    assert value == pytest.approx(expected, abs=0.008)
    assert gates == pytest.approx(2, abs=1e-9)  # gates of silent cells are half open


def test_relu_layers_and_driven_layers_multiply_their_weights():
    """A linear recurrence under positive drive: the exponent is the logarithm of the spectral radius."""
    model = nn.RNN(1, 4, batch_first=True, nonlinearity="relu").double()
    weights = np.array([[0.6, 0.1, 0, 0], [0.2, 0.5, 0, 0], [0, 0, 0.3, 0.1], [0.1, 0, 0, 0.2]])
    with torch.no_grad():
        model.weight_hh_l0.copy_(torch.as_tensor(weights))
        model.weight_ih_l0.fill_(1.0)
    value, _, gates = recurrence_exponent(model, 0, torch.ones(2, 300, 1), 4, torch.Generator().manual_seed(0))
    assert gates == 1
    assert value == pytest.approx(math.log(np.abs(np.linalg.eigvals(weights)).max()), abs=1e-6)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_closed_gates_are_told_from_criticality(kind):
    """Gates of bias 4 keep 1 + e^4 steps; the exponent is near 0 and not so per gate time. Open gates and short memories are not flagged."""
    model = getattr(nn, kind)(4, 24, batch_first=True)
    x = 0.1 * torch.randn(5, 120, 4)
    assert not {"slow_gates", "closed_gates"} & {f.kind for f in probe(model, x).flags}
    keeping = slice(24, 48)  # f of an LSTM, z of a GRU
    with torch.no_grad():
        model.bias_ih_l0.zero_(), model.bias_hh_l0.zero_()
        model.bias_hh_l0[keeping] = 4.0
        model.weight_hh_l0[keeping] = 0.0
        model.weight_ih_l0[keeping] = 0.0
    report = probe(model, x)
    (row,) = report.rows
    assert row["gate_time"] == pytest.approx(1 + math.exp(4), rel=1e-5)
    assert abs(row["recurrence"]) < 0.05
    assert abs(row["recurrence"] * row["gate_time"]) > 0.1
    (flag,) = [f for f in report.flags if f.kind == "slow_gates"]
    assert flag.places == ("l0",)
    assert flag.sentence.startswith("the memory of l0 is long because gates are closed")
    assert "gate_time" in report.table()
    other = RecurrentNetwork(model, x.numpy()).spectrum(k=1)
    assert row["gate_time"] == pytest.approx(other.gate_time, rel=0.01)


def test_recurrence_in_reports():
    report = probe(nn.LSTM(5, 16, 3, batch_first=True), torch.randn(6, 30, 5))
    assert [r["layer"] for r in report.rows] == ["l0", "l1", "l2"]
    assert all(-1 < r["recurrence"] < 0 and r["recurrence_stderr"] > 0 for r in report.rows)
    assert "recurrence" in report.table()
    both = probe(nn.GRU(5, 8, batch_first=True, bidirectional=True), torch.randn(6, 30, 5))
    assert math.isnan(both.rows[0]["recurrence"])
    assert math.isnan(both.rows[0]["gate_time"])
    assert [f.kind for f in both.flags] == ["bidirectional"]
    short = probe(nn.GRU(5, 8, batch_first=True), torch.randn(6, 4, 5))
    assert "short_sequence" in [f.kind for f in short.flags]
    first = probe(nn.GRU(5, 8), torch.randn(30, 6, 5))
    assert "time_first" in [f.kind for f in first.flags]
    assert np.isfinite(first.rows[0]["recurrence"])


def test_the_last_state_has_one_way_through_the_layer():
    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.lstm, self.head = nn.Embedding(9, 5), nn.LSTM(5, 8, 2, batch_first=True), nn.Linear(8, 3)

        def forward(self, t):
            return self.head(self.lstm(self.embed(t))[1][0][-1])

    report = probe(Classifier(), torch.randint(0, 9, (6, 12)))
    assert [r["layer"] for r in report.rows] == ["lstm.l0", "lstm.l1", "head"]
    assert np.isfinite(report.chi).all()
    assert report.rows[-1]["role"] == "pooled"


# ---- gains and states -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_gains_go_through_a_weight_norm():
    z = torch.randn(30, 16)
    for norm in (parametrizations.weight_norm, nn.utils.weight_norm):
        torch.manual_seed(0)
        model = stack(16, 4, lambda a, b, norm=norm: norm(nn.Linear(a, b)))
        report = probe(model, z)
        kept = {k: v.clone() for k, v in model.state_dict().items()}
        better = report.apply_gain(inplace=norm is nn.utils.weight_norm)
        assert probe(better, z).chi[1:] == pytest.approx(np.ones(3), abs=0.12)
        if better is not model:
            assert all(torch.equal(kept[k], v) for k, v in model.state_dict().items())


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("norm", ["orthogonal", "spectral_norm"])
@pytest.mark.parametrize("training", [False, True])
def test_norms_that_undo_gains_are_refused_and_left_alone(norm, training):
    z = torch.randn(30, 16)
    model = stack(16, 3, lambda a, b: getattr(parametrizations, norm)(nn.Linear(a, b))).train()
    kept = {k: v.clone() for k, v in model.state_dict().items()}
    report = probe(model, z, training=training)
    assert np.isfinite(report.chi).all()
    with pytest.raises(ValueError, match="which undoes any gain: take it off"):
        report.apply_gain()
    with pytest.raises(ValueError, match="which undoes any gain"):
        report.apply_gain([1.0, 1.5, 2.0], inplace=True)
    assert all(torch.equal(kept[k], v) for k, v in model.state_dict().items())
    assert model.training


def test_tied_weights_cannot_have_a_gain_each():
    first, second = nn.Linear(8, 8), nn.Linear(8, 8)
    second.weight = first.weight
    with pytest.raises(ValueError, match="shares the weights of 2 with 0"):
        probe(nn.Sequential(first, nn.Tanh(), second), torch.randn(10, 8)).apply_gain()


class Busy(nn.Module):
    """Counts, remembers and changes its buffer; asks for the random generator."""

    def __init__(self):
        super().__init__()
        self.net, self.steps, self.seen = stack(8, 3), 0, []
        self.register_buffer("total", torch.zeros(2))

    def forward(self, x):
        self.steps += 1
        self.seen.append(x)
        self.total = self.total + x.sum()
        return self.net(x + 0.1 * torch.randn_like(x))


def test_states_of_every_kind_are_restored():
    model = Busy()
    total, seen = model.total, model.seen
    calls = []
    model.net[0].register_forward_hook(lambda m, a, out: calls.append(tuple(out.shape)))
    state = torch.get_rng_state()
    x = torch.randn(10, 8, requires_grad=True)
    state = torch.get_rng_state()
    report = probe(model, x)
    assert np.isfinite(report.chi).all()
    assert report.phase is not None
    assert model.steps == 0
    assert model.seen is seen
    assert not seen
    assert model.total is total
    assert not total.any()
    assert torch.equal(torch.get_rng_state(), state)
    assert x.requires_grad
    assert x.grad is None
    assert len(model.net[0]._forward_hooks) == 1
    assert calls


class Self(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(8, 8)

    def forward(self, x):
        self.lin.weight.mul_(0.9)
        return self.lin(x)


class Several(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = stack(8, 2)

    def forward(self, x, mask):
        return self.net(x) * mask


class Complex(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 8, dtype=torch.complex64)

    def forward(self, x):
        return self.b(self.a(x).to(torch.complex64))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: torch.jit.trace(stack(8, 2), torch.zeros(2, 8)), "traced or scripted"),
        (lambda: nn.Sequential(nn.LazyLinear(8), nn.Tanh()), "run it once on a batch"),
        (lambda: stack(8, 2).to("meta"), "meta device"),
        (lambda: stack(8, 2).to(torch.bfloat16), "half precision"),
        (lambda: torch.ao.quantization.quantize_dynamic(stack(8, 2), {nn.Linear}), "quantised"),
        (nn.Sequential, "nothing to probe"),
        (nn.Identity, "nothing to probe"),
        (Several, "wrap it in a module"),
        (Complex, "b gives no real numbers"),
        (Self, "changes its own parameters"),
    ],
)
def test_what_cannot_be_probed_is_refused_with_what_to_do(make, message):
    with pytest.raises(ValueError, match=message):
        probe(make(), torch.randn(10, 8))


def test_several_arguments_are_not_taken_for_a_batch():
    with pytest.raises(TypeError, match="wrap a module of several arguments"):
        probe(Several(), (torch.randn(10, 8), torch.ones(8)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_modules_are_passed_through():
    model, x = stack(8, 3), torch.randn(10, 8)
    report = probe(torch.compile(model), x)
    assert report.model is model
    assert report.chi == pytest.approx(probe(model, x).chi)
    model[2] = torch.compile(model[2])
    assert [r["layer"] for r in probe(model, x).rows] == ["0", "2", "4"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("batch", [None, 2, 4])
def test_programs_get_batches_of_the_size_they_take(batch):
    model, x = stack(8, 3), torch.randn(10, 8)
    shapes = ({0: torch.export.Dim("batch")},) if batch is None else None
    program = torch.export.export(model, (torch.zeros(batch or 3, 8),), dynamic_shapes=shapes)
    report = probe(program, x, directions=32)
    assert fixed_batch(report.model) == batch
    plain = probe(model, x, directions=32)
    assert [r["q"] for r in report.rows] == pytest.approx([r["q"] for r in plain.rows], rel=1e-5)
    assert [r["pr_dim"] for r in report.rows] == pytest.approx([r["pr_dim"] for r in plain.rows], rel=1e-4)
    assert report.chi == pytest.approx(plain.chi, rel=0.15)
    mine, theirs = depth_spectrum(program, x[:2]), depth_spectrum(model, x[:2])
    assert mine.log_singular_values == pytest.approx(theirs.log_singular_values, abs=1e-4)


def test_dominators():
    """A diamond with a tail: only its ends and the tail are passed by all ways."""
    ways = np.zeros((5, 5), bool)
    ways[0, 1] = ways[0, 2] = ways[1, 3] = ways[2, 3] = ways[3, 4] = True
    assert dominators(ways)[:, 4].tolist() == [True, False, False, True, True]
    assert dominators(np.zeros((3, 3), bool))[:, 2].all()
