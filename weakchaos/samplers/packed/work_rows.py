"""The rows of the buffer in which a block of packed spins is moved.

All arrays that a block works on are rows of one buffer at fixed distances: only then does the compiler see that they do not overlap, and makes vector code.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "EQUAL",
    "FETCHED",
    "FLIP",
    "KIND",
    "KINDS",
    "MINE",
    "NONE",
    "ONE",
    "ONES",
    "OPEN",
    "PLANE",
    "RANDOM",
    "SPIN",
    "VALID",
    "WIDTH",
    "ZERO",
]

WIDTH = 256  # words that are decided together; they and what belongs to them stay in the nearest cache

# Rows of the buffer.
RANDOM = 0 * WIDTH  # four rows
SPIN = 4 * WIDTH
FETCHED = 5 * WIDTH  # four rows: up and down of the first word of a pair, then of the second
MINE = 9 * WIDTH  # bits that the first word of a pair gives
VALID = 10 * WIDTH
EQUAL = 11 * WIDTH  # four planes
NONE = 15 * WIDTH  # three planes: neighbours that do not exist
FLIP = 18 * WIDTH
OPEN = 19 * WIDTH
PLANE = 20 * WIDTH
KIND = 21 * WIDTH  # a row for each group of kinds

KINDS = 58  # of spins: up to 7 axes, with free boundaries and a field
ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
ZERO, ONE = np.uint64(0), np.uint64(1)
