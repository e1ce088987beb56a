"""What a probe says of a function does not depend on how its module is written."""

import collections
import dataclasses
import math

import numpy as np
import pytest

from tests.renormalization.writings import stack
from weakchaos.renormalization import probe

torch = pytest.importorskip("torch")
nn = torch.nn
TORCH_SEED = 3


class Branches(nn.Module):
    """h + b(h), with the sum written in three ways."""

    def __init__(self, way, stem=None, depth=4, width=24):
        super().__init__()
        torch.manual_seed(5)
        self.way, self.stem = way, nn.Identity() if stem is None else nn.Linear(stem, width)
        make = [nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, width)) for _ in range(depth)]
        self.blocks = nn.ModuleList(make)

    def forward(self, x):
        h = self.stem(x)
        for block in self.blocks:
            if self.way == "sum":
                h = h + block(h)
            elif self.way == "in place":
                h += block(h)
            else:
                h = torch.add(block(h), h)
        return h


def jacobian_norms(model, x, layers):
    """Mean ||J||_F^2 / outputs of each map, by reverse mode."""
    h, found = model.stem(x), []
    for block in layers:
        j = torch.func.vmap(torch.func.jacrev(lambda v, block=block: v + block(v)))(h)
        found.append(float((j.detach() ** 2).sum((1, 2)).mean() / j.shape[1]))
        h = h + block(h)
    return found


def test_activations_in_place_give_the_same_rows():
    x = torch.randn(20, 24)
    for act in (nn.ReLU, nn.SiLU):
        rows = []
        for inplace in (False, True):
            torch.manual_seed(1)
            rows.append(probe(stack(24, 4, act, inplace=inplace), x).rows)
        for key in ("q", "c", "chi", "lyapunov", "pr_dim", "dead"):
            assert [r[key] for r in rows[0]] == pytest.approx([r[key] for r in rows[1]], rel=1e-5)


def test_inputs_are_never_overwritten():
    for model in (nn.Sequential(nn.ReLU(inplace=True), *stack(24, 3)), Branches("in place")):
        x = torch.randn(10, 24)
        kept = x.clone()
        report = probe(model, x)
        assert torch.equal(x, kept)
        report.plot("waterfall")
        assert torch.equal(x, kept)
    z = np.random.default_rng(0).normal(size=(6, 8))
    kept = z.copy()
    twice = probe([lambda a: np.multiply(a, 2, out=a), lambda a: np.multiply(a, 3, out=a)], z)
    assert np.array_equal(z, kept)
    assert [r["chi"] for r in twice.rows] == pytest.approx([4, 9])
    assert twice.rows[0]["q"] == pytest.approx(4 * (z**2).mean())


@pytest.mark.parametrize("stem", [None, 12])
def test_streams_between_blocks_have_the_response_of_the_whole_block(stem):
    """A skip outside of the blocks: rows are maps h -> h + b(h), equal however the sum is written and equal to the Jacobian."""
    x = torch.randn(60, stem or 24)
    reports = {way: probe(Branches(way, stem), x, directions=16) for way in ("sum", "in place", "reversed")}
    model = Branches("sum", stem)
    exact = jacobian_norms(model, x, model.blocks)
    for report in reports.values():
        rows = [r for r in report.rows if r["layer"].startswith("blocks")]
        assert [r["layer"] for r in rows] == [f"blocks.{k}" for k in range(4)]
        assert [r["chi"] for r in rows] == pytest.approx(exact, rel=0.06)
        assert len(report.rows) == 4 + (stem is not None)
    assert reports["sum"].chi == pytest.approx(reports["in place"].chi, rel=1e-5)


def test_layers_past_which_a_skip_leads_have_no_verdict():
    report = probe(Branches("sum"), torch.randn(20, 24), layers=nn.Linear)
    assert report.phase is None
    assert math.isnan(report.distance_to_critical().value)
    behind = next(r for r in report.rows if r["layer"] == "blocks.1.0")
    assert behind["phase"] is None
    assert math.isnan(behind["chi"])
    assert math.isnan(behind["lyapunov"])
    inside = next(r for r in report.rows if r["layer"] == "blocks.1.2")  # its only way in is through blocks.1.0
    assert inside["phase"] is not None
    assert [f.kind for f in report.flags if f.severity == "invalid"] == ["bypassed"]
    assert "No exponent and no phase" in report.table()


class Once(nn.Module):
    def __init__(self, times, around):
        super().__init__()
        self.block, self.times, self.around = stack(24, 1), times, around

    def forward(self, x):
        for _ in range(self.times):
            x = x + self.block(x) if self.around else self.block(x)
        return x


@pytest.mark.parametrize("around", [False, True])
def test_a_block_that_is_used_again_has_a_row_for_each_use(around):
    report = probe(Once(4, around), torch.randn(20, 24))
    assert [r["layer"].endswith(f"({k})") for k, r in enumerate(report.rows, 1)] == [False, True, True, True]
    assert np.isfinite(report.chi).all()
    with pytest.raises(ValueError, match=r"more than once|no weights of its own"):
        report.apply_gain()


def test_inputs_that_choose_their_layers_do_not_hide_paths():
    """Experts chosen by the sign of a unit: the first inputs all choose the second, and the rows are still those of the whole map."""

    class Experts(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(24, 24) for _ in range(4)])

        def forward(self, z):
            for k in (0, 2):
                first = (z[:, :1] > 0).float()
                z = torch.tanh(first * self.layers[k](z) + (1 - first) * self.layers[k + 1](z))
            return z

    x = torch.randn(40, 24)
    x[:2, 0], x[2:6, 0] = -1.0, 1.0
    model = Experts()
    report = probe(model, x, directions=64)
    assert report.phase is not None
    exact = torch.func.vmap(torch.func.jacrev(lambda v: model(v[None])[0]))(x)
    log = 0.5 * np.log(float((exact.detach() ** 2).sum((1, 2)).mean()) / 24)
    assert sum(0.5 * np.log(report.chi)) == pytest.approx(log, abs=0.1)


def test_normalisation_over_the_batch_is_checked_on_the_batch():
    """Without running statistics an eighth of the batch has other activations than the whole, which are no rounding errors."""
    model = nn.Sequential(
        *[m for _ in range(3) for m in (nn.Linear(24, 24), nn.BatchNorm1d(24, track_running_stats=False), nn.ReLU())]
    )
    report = probe(model, torch.randn(40, 24))
    assert np.isfinite([r["pr_dim"] for r in report.rows]).all()
    assert not any(f.kind in ("below_rounding", "disagrees") for f in report.flags)


@dataclasses.dataclass
class Held:
    hidden: object


Pair = collections.namedtuple("Pair", "hidden extra")
WRAPPED = {
    "dict": (lambda h: {"ids": torch.arange(2), "hidden": h}, lambda o: o["hidden"]),
    "dataclass": (Held, lambda o: o.hidden),
    "named tuple": (lambda h: Pair(h, None), lambda o: o.hidden),
    "nested": (lambda h: {"states": (Held(h), [None])}, lambda o: o["states"][0].hidden),
    "bare": (lambda h: h, lambda o: o),
}


class Wrapped(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.lin, self.put = nn.Linear(24, 24), WRAPPED[kind][0]

    def forward(self, x):
        return self.put(torch.tanh(self.lin(x)))


class Unwrapping(nn.Module):
    def __init__(self, kind):
        super().__init__()
        torch.manual_seed(0)
        self.blocks, self.take = nn.ModuleList([Wrapped(kind) for _ in range(3)]), WRAPPED[kind][1]

    def forward(self, x):
        for block in self.blocks:
            x = self.take(block(x))
        return x


def test_outputs_may_be_nested():
    x = torch.randn(20, 24)
    names = ["blocks.0", "blocks.1", "blocks.2"]
    expected = probe(Unwrapping("bare"), x, layers=names).chi
    for kind in WRAPPED:
        assert probe(Unwrapping(kind), x, layers=names).chi == pytest.approx(expected, rel=1e-5), kind


def test_a_pooling_head_does_not_decide():
    torch.manual_seed(0)
    body = [m for k in range(4) for m in (nn.Conv2d(3 if k == 0 else 12, 12, 3, padding=1, padding_mode="circular"), nn.Tanh())]
    x = torch.randn(10, 3, 12, 12)
    alone = probe(nn.Sequential(*body), x).distance_to_critical()
    report = probe(nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 5)), x)
    headed = report.distance_to_critical()
    assert report.rows[-1]["role"] == "pooled"
    assert headed.value == pytest.approx(alone.value, abs=0.02)
    assert report.rows[-1]["lyapunov"] < alone.value - 1  # negative control: it would have decided


@pytest.mark.parametrize("pool", [nn.Identity(), nn.MaxPool2d(2)], ids=["all", "maxima"])
def test_places_side_by_side_are_not_pooled(pool):
    torch.manual_seed(0)
    body = (nn.Conv2d(3, 8, 3, padding=1), nn.Tanh(), nn.Conv2d(8, 8, 3, padding=1), nn.Tanh(), pool, nn.Flatten())
    report = probe(
        nn.Sequential(*body, nn.Linear(8 * (64 if isinstance(pool, nn.Identity) else 16), 32), nn.Tanh(), nn.Linear(32, 5)),
        torch.randn(10, 3, 8, 8),
    )
    assert [r["role"] for r in report.rows] == ["first", "layer", "layer", "layer"]
    assert "pooled" not in [f.kind for f in report.flags]


def test_tokens_enter_at_the_embedding():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(20, 16)
            self.blocks = nn.ModuleList([nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True) for _ in range(3)])
            self.head = nn.Linear(16, 20)

        def forward(self, t):
            h = self.embed(t)
            for block in self.blocks:
                h = block(h)
            return self.head(h)

    model, t = Tokens(), torch.randint(0, 20, (6, 9))
    report = probe(model, t, directions=16)
    assert [r["layer"] for r in report.rows] == ["blocks.0", "blocks.1", "blocks.2"]
    with torch.no_grad():
        h = model.eval().embed(t)
        first = torch.func.vmap(torch.func.jacrev(lambda v: model.blocks[0](v[None])[0]))
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            torch.backends.mha.set_fastpath_enabled(False)
            j = first(h).reshape(6, 9 * 16, 9 * 16)
            torch.backends.mha.set_fastpath_enabled(True)
    assert report.chi[0] == pytest.approx(float((j**2).sum((1, 2)).mean() / (9 * 16)), rel=0.06)
    report.plot("waterfall")


class Levels(nn.Module):
    """Layers whose results are returned all, as backbones for detection do, or the last alone."""

    def __init__(self, how, residual):
        super().__init__()
        torch.manual_seed(4)
        inner = [nn.Sequential(nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 16)) for _ in range(3)]
        self.layers = nn.ModuleList(inner if residual else [nn.Linear(16, 16) for _ in range(3)])
        self.how, self.residual = how, residual

    def forward(self, x):
        made = []
        for layer in self.layers:
            x = x + layer(x) if self.residual else torch.tanh(layer(x))
            made.append(x)
        if self.how == "pooled":
            return x, x.mean(1)
        return x if self.how == "last" else made if self.how == "list" else {f"level {k}": m for k, m in enumerate(made)}


@pytest.mark.parametrize("residual", [False, True])
def test_a_list_of_all_levels_is_probed_to_its_last(residual):
    x = torch.randn(16, 16)
    tables = [
        [(r["layer"], r["q"], r["chi"]) for r in probe(Levels(how, residual), x).rows] for how in ("last", "list", "dict", "pooled")
    ]
    assert len(tables[0]) == 3
    assert tables[1:] == [tables[0]] * 3
