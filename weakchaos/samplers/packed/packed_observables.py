"""Energy, magnetisation and structure factor of a lattice whose spins are bits, by counting bits."""

from __future__ import annotations

import numpy as np
from numba import njit

from weakchaos.native.compiled import kernel
from weakchaos.samplers.packed.neighbour_planes import fetch_along, fetch_near
from weakchaos.samplers.packed.work_rows import WIDTH

__all__ = ["measure"]


@njit(nogil=True, error_model="numpy")
def _bits(x):
    """How many bits are set; by adding neighbouring fields, which the compiler makes vector code of."""
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (x * np.uint64(0x0101010101010101)) >> np.uint64(56)


@kernel
def measure(words, geometry, alive, cosine, sine):
    """Numbers of edges between equal spins and of spins up, and the Fourier component sum s exp(2 pi i x / L) along the rows."""
    axes = geometry.words.size
    length, work, digits = geometry.words[axes - 1], np.empty(WIDTH, np.uint64), np.empty(axes, np.int64)
    rows = 1
    for axis in range(axes - 1):
        rows *= geometry.words[axis]
    equal, up, real, imaginary = np.uint64(0), np.uint64(0), 0.0, 0.0
    for number in range(rows):
        rest, mask = number, ~np.uint64(0)
        for axis in range(axes - 2, -1, -1):
            digits[axis] = rest % geometry.words[axis]
            rest //= geometry.words[axis]
            mask &= alive[geometry.start[axis] + digits[axis]]
        if mask == np.uint64(0):
            continue
        row, spins = number * length, np.float64(_bits(mask))
        for first in range(0, length, WIDTH):
            n = min(WIDTH, length - first)
            for j in range(n):
                ones = _bits(words[row + first + j])
                up += ones
                m = 2.0 * np.float64(ones) - spins
                real += m * cosine[first + j]
                imaginary += m * sine[first + j]
            for axis in range(axes - 1):
                fetch_near(words, work, 0, row, axis, digits[axis], 0, geometry, first, n)
                keep = mask & ~geometry.absent[geometry.start[axis] + digits[axis], 0]
                for j in range(n):
                    equal += _bits(~(words[row + first + j] ^ work[j]) & keep)
            if length > 1:
                fetch_along(words, work, 0, row, length, 0, first, n)
                stop = n - 1 if geometry.last_open and first + n == length else n
                for j in range(stop):
                    equal += _bits(~(words[row + first + j] ^ work[j]) & mask)
    return np.int64(equal), np.int64(up), real, imaginary
