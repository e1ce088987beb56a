"""Both ways of counting near templates against all pairs, over many blocks, rows and windows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weakchaos.diagnostics.series import near_templates as module
from weakchaos.diagnostics.series.near_templates import near_templates


def counts(x, m, r):
    """Of all pairs, an axis at a time."""
    total = x.size - m
    agree = np.ones((total, total), bool)
    for d in range(m):
        agree &= np.abs(x[d : d + total, None] - x[None, d : d + total]) <= r
    return agree.sum(1), (agree & (np.abs(x[m:, None] - x[None, m:]) <= r)).sum(1)


@settings(max_examples=80)
@given(
    st.integers(0, 10**6),
    st.integers(8, 400),
    st.integers(1, 6),
    st.sampled_from([0.0, 0.1, 1.0, 2.0, 50.0]),
    st.sampled_from(["normal", "coarse", "walk"]),
    st.sampled_from([2.0**7, 2.0**23]),
)
def test_counts(seed, n, m, r, kind, memory):
    """Ties, distances equal to r, all or none near, ends of words, sets kept for few ranks and for many."""
    x = np.random.default_rng(seed).normal(size=n)
    x = {"normal": x, "coarse": np.round(2 * x), "walk": np.cumsum(x)}[kind]
    near, longer = counts(x, m, r)
    kept, module._KEPT_BYTES = module._KEPT_BYTES, memory
    try:
        for way in ("value", "time"):
            found = near_templates(x, m, r, way)
            assert (found[0] == near).all()
            assert (found[1] == longer).all()
    finally:
        module._KEPT_BYTES = kept


@pytest.mark.parametrize("r", [0.05, 0.3, 2.0])
def test_many_blocks(rng, r):
    x = rng.normal(size=3000)
    near, longer = counts(x, 2, r)
    for way in ("value", "time"):
        found = near_templates(x, 2, r, way)
        assert (found[0] == near).all()
        assert (found[1] == longer).all()


def test_long_series_go_by_value(rng):
    """The two ways agree where the choice between them is made."""
    x = rng.normal(size=12_000)
    for m, r in ((2, 0.2), (5, 0.5), (1, 1e-3)):
        near, longer = near_templates(x, m, r)
        by_time, longer_by_time = near_templates(x, m, r, "time")
        assert (near == by_time).all()
        assert (longer == longer_by_time).all()
