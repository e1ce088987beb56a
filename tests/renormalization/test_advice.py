"""What a probe advises, and that the change does what its sentence says."""

import numpy as np
import pytest

from weakchaos.core.errors import ArgumentError
from weakchaos.renormalization import probe
from weakchaos.reports.probe.probe_sentences import probe_sentences

torch = pytest.importorskip("torch")
nn = torch.nn
TORCH_SEED = 5


def tanh_layers(depth, gain=None):
    layers = []
    for _ in range(depth):
        linear = nn.Linear(48, 48)
        if gain is not None:
            nn.init.normal_(linear.weight, std=gain / 48**0.5)
        layers += [linear, nn.Tanh()]
    return nn.Sequential(*layers)


@pytest.mark.parametrize("gain", [None, 2.5])
def test_gains_make_plain_layers_critical(gain):
    """The default start of PyTorch shrinks differences, a large one lets them grow; what is advised ends both, and then nothing is advised."""
    model, x = tanh_layers(15, gain), torch.randn(40, 48)
    report = probe(model, x)
    advice = report.advice()
    assert advice.kind == "gains"
    assert len(advice.sentences) <= 3
    assert "2 to 28" in str(advice)
    assert str(advice) in report.table()
    assert probe_sentences(report).endswith(str(advice))
    after = probe(report.apply(), x)
    assert after.advice().kind == "nothing"
    assert str(after.advice()).startswith("Change nothing")
    same = after.apply()
    assert same is not after.model
    torch.testing.assert_close(same[2].weight, after.model[2].weight)


def test_arrays_get_gains_too():
    rng = np.random.default_rng(0)
    weights, x = [rng.normal(size=(60, 60)) * 0.5 / 60**0.5 for _ in range(12)], rng.normal(size=(20, 60))
    report = probe(weights, x)
    assert report.advice().kind == "gains"
    assert probe(report.apply(), x).phase == "critical"
    functions = [lambda z: 0.3 * z] * 12
    by_hand = probe(functions, x)
    assert by_hand.advice().kind == "unknown"
    assert "only you can scale" in str(by_hand.advice())
    with pytest.raises(ArgumentError, match="no change to apply"):
        by_hand.apply()


def test_post_norm_transformers_get_weaker_branches():
    """By default token differences shrink by 7/6 in square a layer; with branches of 1 / sqrt(depth) by less than a factor of e over all."""
    blocks = [nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True) for _ in range(25)]
    model, x = nn.Sequential(*blocks), torch.randn(6, 6, 32)
    report = probe(model, x, directions=4)
    advice = report.advice()
    assert advice.kind == "branches"
    assert advice.factor == 0.2
    assert "differences between tokens shrink" in str(advice)
    assert advice.layers[:2] == ("0.self_attn.out_proj", "0.linear2")
    changed = report.apply()
    torch.testing.assert_close(changed[3].linear2.weight, 0.2 * model[3].linear2.weight)
    torch.testing.assert_close(changed[3].linear1.weight, model[3].linear1.weight)
    after = probe(changed, x, directions=4)
    assert after.rows[-1]["c_tokens"] < 0.6 < 0.9 < report.rows[-1]["c_tokens"]
    assert after.advice().kind == "nothing"
    report.apply(inplace=True)
    torch.testing.assert_close(model[3].linear2.weight, changed[3].linear2.weight)


def test_advice_and_verdict_on_tokens_agree():
    """Inputs whose tokens have nothing in common come closer more slowly than tokens that are nearly equal; what is advised does not depend on that."""
    blocks = [nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True) for _ in range(16)]
    report = probe(nn.Sequential(*blocks), torch.randn(4, 16, 32), directions=2)
    along = 0.5 * sum(r["angle_exponent"] for r in report.rows if r["role"] == "layer")
    assert -1 < along < 0 < 2 < -report.tokens.transverse_total
    assert "tokens become alike" in report.tokens.sentence
    assert report.advice().kind == "branches"
    few = probe(nn.Sequential(*blocks[:4]), torch.randn(4, 16, 32), directions=2)
    assert "differences between tokens last" in few.tokens.sentence
    assert few.advice().kind == "nothing"


class Block(nn.Module):
    def __init__(self, skip):
        super().__init__()
        self.skip, self.first, self.act, self.second = skip, nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 32)
        for layer in (self.first, self.second):
            nn.init.normal_(layer.weight, std=2 / 32**0.5)

    def forward(self, x):
        return self.skip * x + self.second(self.act(self.first(x)))


def test_residual_blocks_that_grow():
    model, x = nn.Sequential(*(Block(1) for _ in range(9))), torch.randn(20, 32)
    report = probe(model, x, directions=4)
    advice = report.advice()
    assert advice.kind == "branches"
    assert advice.layers == tuple(f"{k}.second" for k in range(9))
    before, after = report.distance_to_critical().value, probe(report.apply(), x, directions=4).distance_to_critical().value
    assert abs(after) < 0.5 * abs(before)


def test_blocks_without_skip_connections_have_no_branches():
    report = probe(nn.Sequential(*(Block(0) for _ in range(9))), torch.randn(20, 32), directions=4)
    assert report.advice().kind == "unknown"
    assert "no branches were found" in str(report.advice())


@pytest.mark.parametrize("first", [True, False])
def test_a_branch_ends_with_the_layer_that_runs_last(first):
    """The order in which layers are declared is not that in which they run; a shortcut may be declared behind both (He et al., arXiv:1512.03385)."""

    class Declared(nn.Module):
        def __init__(self):
            super().__init__()
            names = ("inner", "outer") if first else ("outer", "inner")
            for name in names:
                self.add_module(name, nn.Linear(32, 32))
            nn.init.normal_(self.outer.weight, std=3 / 32**0.5)

        def forward(self, x):
            return x + self.outer(torch.tanh(self.inner(x)))

    report = probe(nn.Sequential(*(Declared() for _ in range(6))), torch.randn(20, 32), directions=4)
    assert report.advice().kind == "branches"
    assert report.advice().layers == tuple(f"{k}.outer" for k in range(6))


def test_two_layers_are_not_critical_whatever_they_do():
    """The exponent of one layer is known to 0.02 nats here; a band of one over the depth would call -0.58 critical."""
    rng = np.random.default_rng(1)
    weights = [rng.normal(size=(400, 400)) * 0.6 / 20 for _ in range(2)]
    report = probe(weights, 0.1 * rng.normal(size=(50, 400)))
    assert report.distance_to_critical().value == pytest.approx(np.log(0.6), abs=0.1)
    assert report.phase == "ordered"
    assert report.rows[1]["phase"] == "ordered"


def test_nothing_is_advised_for_what_was_not_measured():
    class Cut(nn.Module):
        def forward(self, x):
            return x.detach() * 1.0 + 0.0 * x

    layers = tanh_layers(6)
    layers.insert(5, Cut())
    report = probe(layers, torch.randn(20, 48))
    assert report.phase is None
    assert report.advice().kind == "unknown"
    with pytest.raises(ArgumentError):
        report.apply()


def test_how_long_recurrent_layers_remember_is_told_beside_the_advice():
    report = probe(nn.GRU(5, 32, 2, batch_first=True), torch.randn(12, 20, 5), directions=4)
    steps = [-1 / r["recurrence"] for r in report.rows]
    assert all(s > 0 for s in steps)
    advice = report.advice()
    assert advice.kind == "nothing"
    assert len(advice.sentences) == 3
    assert f"{max(steps):.3g} time steps" in advice.sentences[2]
    assert "forget" not in str(probe(tanh_layers(6, 1.0), torch.randn(20, 48)).advice())


def test_no_gain_is_advised_that_cannot_be_applied():
    """Layers that run twice, tied weights, and recurrent layers have no gain of their own: the advice says so, as `apply` would."""

    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.last = (
                nn.GRU(12, 24, 2, batch_first=True),
                nn.Sequential(nn.Linear(24, 16), nn.ReLU(), nn.Linear(16, 4)),
            )

        def forward(self, x):
            return self.last(self.layer(x)[0][:, -1])

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(48, 48), nn.Linear(48, 48)

        def forward(self, x):
            return self.b(torch.tanh(self.a(torch.tanh(self.b(torch.tanh(self.a(x)))))))

    tied = tanh_layers(4)
    tied[4].weight = tied[2].weight
    for model, x in (
        (Twice(), torch.randn(16, 48)),
        (tied, torch.randn(16, 48)),
        (Head(), torch.randn(16, 9, 12)),
    ):
        report = probe(model, x)
        advice = report.advice()
        assert report.phase == "ordered"
        assert advice.kind == "unknown"
        assert "No gain of its own" in str(advice)
        with pytest.raises(ArgumentError, match="no change to apply"):
            report.apply()


def test_the_advice_on_one_row_speaks_of_no_layers_behind_it():
    report = probe(nn.Sequential(nn.Linear(12, 8), nn.Tanh()), torch.randn(16, 12), layers=["1"])
    assert len(report.rows) == 1
    assert str(report.advice()) == "Change nothing. There is no layer behind the first whose gain could be set."
