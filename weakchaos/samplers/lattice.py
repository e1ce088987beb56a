"""Gibbs sweeps of the Ising model on a two-dimensional lattice: a checkerboard, with thresholds looked up by the number of up neighbours.

Units of one colour have neighbours of the other colour only, so the order within a colour does not matter. On a torus of odd side, units of the same
colour meet at the seam; since states are changed in place, the sweep is Gibbs sampling in a fixed order there too.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.counters import STEPS
from weakchaos.native.compiled import draw_uniform, kernel
from weakchaos.samplers.record import record_units

__all__ = ["lattice_tables", "sweep_lattice"]


def lattice_tables(target: Any) -> np.ndarray:
    """``table[d, u]``: P(spin down) with `u` of `d` neighbours up, shape (5, 5)."""
    table = np.ones((5, 5))
    for degree in range(5):
        for up in range(degree + 1):
            field = target.beta * (target.coupling * (2 * up - degree) + target.field)
            table[degree, up] = 1.0 / (1.0 + math.exp(min(2.0 * field, 700.0)))
    return table


@kernel
def sweep_lattice(spins, table, periodic, stream, stream_state, flat, offset, counters, n, every, draws, sums):
    """`n` sweeps in place over `spins` (0 or 1); `flat` is the same memory as one row."""
    rows, columns = spins.shape
    bulk = table[4]
    for t in range(n):
        for colour in range(2):
            for r in range(rows):
                above = r - 1 if r > 0 else rows - 1
                below = r + 1 if r + 1 < rows else 0
                inner = rows > 1 and (periodic or 0 < r < rows - 1)
                for c in range((r + colour) & 1, columns, 2):
                    u = draw_uniform(stream, stream_state)
                    if inner and 0 < c < columns - 1:
                        up = spins[above, c] + spins[below, c] + spins[r, c - 1] + spins[r, c + 1]
                        spins[r, c] = 1 if u >= bulk[up] else 0
                        continue
                    up, degree = 0, 0
                    # A side of length 1 has no neighbours along it; free boundaries have none beyond them.
                    if rows > 1 and (periodic or r > 0):
                        up, degree = up + spins[above, c], degree + 1
                    if rows > 1 and (periodic or r + 1 < rows):
                        up, degree = up + spins[below, c], degree + 1
                    left = c - 1 if c > 0 else columns - 1
                    right = c + 1 if c + 1 < columns else 0
                    if columns > 1 and (periodic or c > 0):
                        up, degree = up + spins[r, left], degree + 1
                    if columns > 1 and (periodic or c + 1 < columns):
                        up, degree = up + spins[r, right], degree + 1
                    spins[r, c] = 1 if u >= table[degree, up] else 0
        counters[STEPS] += 1
        record_units(t, every, flat, offset, draws, sums)
    return n
