"""A network that tests write in several ways."""

import pytest

torch = pytest.importorskip("torch")
nn = torch.nn


def stack(width, depth, act=nn.Tanh, **options):
    return nn.Sequential(*[m for _ in range(depth) for m in (nn.Linear(width, width), act(**options))])
