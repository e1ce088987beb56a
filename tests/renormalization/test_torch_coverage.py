"""What the rows of a network cover: layers outside of its blocks, branches that are most of it, and places that are summarised or laid side by side."""

import pytest

from tests.renormalization.writings import nn, stack, torch
from weakchaos.renormalization import probe


class Block(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        return x + 0.3 * self.second(torch.tanh(self.first(x)))


def steep(depth, width=24, gain=3.0):
    """A stack of tanh layers deep in the chaotic phase (Poole et al., arXiv:1606.05340)."""
    made = stack(width, depth)
    for layer in made[::2]:
        nn.init.normal_(layer.weight, std=gain / width**0.5)
    return list(made)


@pytest.mark.parametrize("where", ["behind", "before"])
def test_layers_outside_of_the_blocks_are_counted(where):
    """Twelve chaotic layers are not hidden by three blocks that are nearly the identity: the rows make up the whole map."""
    torch.manual_seed(0)
    blocks, layers = [Block() for _ in range(3)], steep(12)
    model, x = nn.Sequential(*(blocks + layers if where == "behind" else layers + blocks)), torch.randn(32, 24)
    report = probe(model, x)
    assert len(report.rows) == 15
    assert report.phase == "chaotic"
    # The last row of layers ends before the activation behind it.
    ending, v = nn.Sequential(*model[:-1]) if where == "behind" else model, torch.randn(32, 24, 200)
    exact = torch.func.vmap(torch.func.jacrev(lambda v: ending(v[None])[0]))(x).detach()
    log = float((exact @ v).norm(dim=1).div(v.norm(dim=1)).log().mean())
    assert report.lyapunov.sum() == pytest.approx(log, abs=0.25)
    assert probe(nn.Sequential(*blocks), x).phase == "critical"  # negative control: what the blocks alone would say


def test_layers_around_which_nothing_can_be_told_leave_no_phase():
    """The same where skips lead around the layers behind the blocks: what is most of the network is named and decides."""

    class Past(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks, self.layers = nn.ModuleList([Block() for _ in range(3)]), nn.ModuleList(steep(6)[::2])

        def forward(self, x):
            for block in self.blocks:
                x = block(x)
            for layer in self.layers:
                x = x + torch.tanh(layer(x))
            return x

    torch.manual_seed(0)
    report = probe(Past(), torch.randn(16, 24))
    assert report.phase is None
    assert not report.trusted
    assert [(f.kind, f.numbers["layers"]) for f in report.flags if f.severity == "invalid"] == [("outside", 6)]


class Skips(nn.Module):
    """A U-Net (Ronneberger et al., arXiv:1505.04597) whose halves are written as sequences."""

    def __init__(self, width=6):
        super().__init__()

        def pair(a, b):
            return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.GELU(), nn.Conv2d(b, b, 3, padding=1), nn.GELU())

        self.down, self.middle, self.bottom = pair(3, width), pair(width, width), pair(width, width)
        self.up, self.out = pair(2 * width, width), pair(2 * width, width)

    def forward(self, x):
        a = self.down(x)
        b = self.middle(nn.functional.max_pool2d(a, 2))
        c = nn.functional.interpolate(self.bottom(nn.functional.max_pool2d(b, 2)), scale_factor=2.0)
        d = nn.functional.interpolate(self.up(torch.cat([c, b], 1)), scale_factor=2.0)
        return self.out(torch.cat([d, a], 1))


def test_the_first_layers_of_a_network_do_not_speak_for_it():
    torch.manual_seed(0)
    report = probe(Skips(), torch.randn(6, 3, 8, 8))
    assert any(r["layer"].startswith("out") for r in report.rows)
    assert report.phase is None
    assert [f.kind for f in report.flags if f.severity == "invalid"] == ["branches"]


def test_halves_that_one_module_takes_in_turn_have_no_common_row():
    """What the first half makes goes past the second: no row speaks for both (Bromley et al., NIPS 1993)."""

    class Twins(nn.Module):
        def __init__(self):
            super().__init__()
            self.side = nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 8))

        def forward(self, x):
            return torch.cat([self.side(half) for half in x.chunk(2, 1)], 1)

    torch.manual_seed(0)
    report = probe(Twins(), torch.randn(16, 24))
    assert len(report.rows) == 6
    assert report.phase is None
    assert not report.trusted


class Ends(nn.Module):
    """Layers that work on each place (the last dimension is the features), and a head on what `end` makes of the places."""

    def __init__(self, width, end, taken):
        super().__init__()
        self.layers, self.end = nn.ModuleList([nn.Linear(width, width) for _ in range(4)]), end
        self.head = nn.Linear(taken, 5)

    def forward(self, x):
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return self.head(self.end(x))


def both(x):
    x = x.flatten(1, -2)
    return torch.cat([x.mean(1), x.amax(1)], 1)


@pytest.mark.parametrize(
    ("end", "taken", "role"),
    [(lambda x: x.flatten(1, -2).mean(1), 24, "pooled"), (both, 48, "pooled"), (lambda x: x.flatten(1), 24 * 64, "layer")],
    ids=["mean", "mean and maximum", "all"],
)
@pytest.mark.parametrize("places", [(8, 8), (64,)], ids=["pixels", "tokens"])
def test_summaries_of_places_are_pooled_wherever_the_channels_are(end, taken, role, places):
    torch.manual_seed(0)
    report = probe(Ends(24, end, taken), torch.randn(8, *places, 24))
    assert report.rows[-1]["role"] == role


@pytest.mark.parametrize("last", [nn.Flatten(), nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())], ids=["all", "mean"])
def test_a_head_of_several_modules_is_the_head_of_one(last):
    torch.manual_seed(0)
    taken = 8 * (64 if isinstance(last, nn.Flatten) else 1)
    parts = [nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)]
    head, x = [nn.Tanh(), last, nn.Linear(taken, 5)], torch.randn(8, 3, 8, 8)
    apart = probe(nn.Sequential(*parts, *head), x)
    together = probe(nn.Sequential(*parts, nn.Sequential(*head)), x, layers=["0", "1", "2", "3"])
    assert [r["role"] for r in together.rows] == [r["role"] for r in apart.rows]


def test_a_kink_beside_one_input_makes_no_derivative_wrong():
    """A unit whose slope grows just above its value at one input: there differences see both slopes, and at other inputs they agree with the derivative."""

    class Kink(nn.Module):
        def __init__(self, near, x):
            super().__init__()
            self.first, self.last = nn.Linear(6, 6), nn.Linear(6, 6)
            unit = self.first(x)[:, 0].detach()
            self.bend = unit.max() + near * unit.std()

        def forward(self, x):
            h = self.first(x)
            return self.last(torch.cat([h[:, :1] + torch.relu(h[:, :1] - self.bend), h[:, 1:]], 1))

    for seed in (4, 5, 6, 7):
        for near in (3e-5, 5e-5, 1e-4):
            torch.manual_seed(seed)
            x = torch.randn(16, 6)
            x[0] *= 2
            torch.manual_seed(seed)
            assert not [f.kind for f in probe(Kink(near, x), x).flags if f.severity == "invalid"], (seed, near)
