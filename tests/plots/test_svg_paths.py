"""Paths written shorter are the same paths, and thinned draws keep every extreme."""

import re

import numpy as np
import pytest

from weakchaos.reports.svg_paths import short_paths
from weakchaos.runs.pictures import extremes


def corners(path):
    """Slow reading of a path: the places of its corners and of the handles of its curves, by the rules of SVG 1.1, section 8.3."""
    words = re.findall(r"[MLQCZmlqcz]|[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?", path)
    places, here, start, command, k = [], np.zeros(2), np.zeros(2), "", 0
    while k < len(words):
        if words[k].isalpha():
            command, k = words[k], k + 1
            if command in "zZ":
                here = start
                continue
        pairs = {"m": 1, "l": 1, "q": 2, "c": 3}[command.lower()]
        points = np.array(words[k : k + 2 * pairs], float).reshape(-1, 2) + (here if command.islower() else 0.0)
        k += 2 * pairs
        here = points[-1]
        start = here if command in "Mm" else start
        places += points.tolist()
    return np.array(places)


def test_every_corner_stays_within_half_a_hundredth(rng):
    for kind in ("line", "curves", "pieces"):
        x = np.cumsum(rng.normal(scale=[0.01, 3.0], size=(900, 2)), 0)
        if kind == "line":
            path = f"M {x[0, 0]:.6f} {x[0, 1]:.6f} \n" + "".join(f"L {a:.6f} {b:.6f} \n" for a, b in x[1:])
        elif kind == "curves":
            path = f"M {x[0, 0]:.6f} {x[0, 1]:.6f} \n" + "".join(
                f"Q {p[0]:.6f} {p[1]:.6f} {q[0]:.6f} {q[1]:.6f} \n" for p, q in zip(x[1::2], x[2::2], strict=False)
            )
        else:
            path = "".join(
                f"M {p[0, 0]:.6f} {p[0, 1]:.6f} \nL {p[1, 0]:.6f} {p[1, 1]:.6f} \nC 1e-3 -2 {p[2, 0]:.6f} 0 3 .5 \nz\n"
                for p in x.reshape(-1, 3, 2)
            )
        written = short_paths(f'<path clip-path="url(#a)" d="{path}" style="fill: none"/>')
        found = re.fullmatch(r'<path clip-path="url\(#a\)" d="([^"]*)" style="fill: none"/>', written).group(1)
        before, after = corners(path), corners(found)
        assert before.shape == after.shape
        assert np.abs(before - after).max() <= 0.0050001
        assert len(found) < 0.7 * len(path)


@pytest.mark.parametrize("path", ["M 0 0 A 1 1 0 0 1 2 2", "m 1 1 l 2 2", "M 0 0 H 3", ""])
def test_other_commands_are_left_alone(path):
    text = f'<g id="x"/><path d="{path}"/><use x="1.000000"/>'
    assert short_paths(text) == text


def test_thinned_draws_keep_the_extremes_of_each_stretch(rng):
    x = rng.standard_cauchy(5000)
    at = extremes(x, 200)
    assert at.size <= 400
    assert (np.diff(at) > 0).all()
    for a in range(0, 5000, 25):  # 200 stretches of 25 draws
        inside = at[(at >= a) & (at < a + 25)]
        assert x[inside].min() == x[a : a + 25].min()
        assert x[inside].max() == x[a : a + 25].max()
    assert extremes(x[:400], 200).tolist() == list(range(400))
    x[7] = np.nan
    assert np.argmax(np.abs(np.nan_to_num(x))) in extremes(x, 200)
