"""Energy, magnetisation and structure factor of rows of states, for the three kinds of discrete targets: pairs of numbers, Potts models, tables.

The structure factor at the smallest wave vector is ``|sum_i v_i exp(2 pi i x / L)|^2 / n``, where x is the place of a unit along the longest side, of length L. For a Potts
model with shares ``rho_k`` of its q states the magnetisation is ``sqrt(q / (q - 1) sum_k (rho_k - 1/q)^2)``, from 0 to 1, and that of two states is that of the absolute
magnetisation of the spins; its structure factor is made of the deviations ``[x_i = k] - 1/q`` in the same way (Wu, Rev. Mod. Phys. 54 (1982) 235).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from weakchaos.native.compiled import kernel

__all__ = ["measure_pairs", "measure_potts", "measure_tables"]


@njit(nogil=True, error_model="numpy")
def _numbers(row, shift, step, cosine, sine, inner, out):
    """Mean and structure factor of the numbers ``shift + step x``."""
    n, total, real, imaginary = row.size, 0, 0.0, 0.0
    for i in range(n):
        total += row[i]
    mean = shift + step * (total / n)
    out[1] = mean
    if cosine.size == 0:
        return
    place, (length, sites) = 0, cosine.shape
    while place < n:
        for c in range(length):
            for _ in range(inner):
                for b in range(sites):
                    value = shift + step * np.int64(row[place])
                    real += value * cosine[c, b]
                    imaginary += value * sine[c, b]
                    place += 1
    out[2] = (real * real + imaginary * imaginary) / n


@kernel
def measure_pairs(rows, shift, step, edges, weight, field, cosine, sine, inner, out):
    """``-(sum_e w v_i v_j + sum_i h_i v_i) / n`` of units with the values ``v = shift + step x``."""
    n = rows.shape[1]
    for r in range(rows.shape[0]):
        row, total = rows[r], 0.0
        for e in range(weight.size):
            a, b = np.int64(row[np.uint64(edges[e, 0])]), np.int64(row[np.uint64(edges[e, 1])])
            total += weight[e] * ((shift + step * a) * (shift + step * b))
        for i in range(n):
            total += field[i] * (shift + step * np.int64(row[i]))
        out[r, 0] = -total / n
        _numbers(row, shift, step, cosine, sine, inner, out[r])


@kernel
def measure_potts(rows, states, edges, weight, field, cosine, sine, inner, out):
    """``-(sum_e J [x_i = x_j] + sum_i h_i(x_i)) / n``."""
    n = rows.shape[1]
    count, wave = np.empty(states), np.empty((states, 2))
    for r in range(rows.shape[0]):
        row, total = rows[r], 0.0
        count[:] = 0.0
        for e in range(weight.size):
            if row[np.uint64(edges[e, 0])] == row[np.uint64(edges[e, 1])]:
                total += weight[e]
        for i in range(n):
            total += field[i, row[i]]
            count[row[i]] += 1.0
        out[r, 0] = -total / n
        square = 0.0
        for k in range(states):
            square += (count[k] / n - 1.0 / states) ** 2
        out[r, 1] = math.sqrt(square * states / (states - 1))
        if cosine.size == 0:
            continue
        wave[:, :] = 0.0
        place, (length, sites), all_real, all_imaginary = 0, cosine.shape, 0.0, 0.0
        while place < n:
            for c in range(length):
                for _ in range(inner):
                    for b in range(sites):
                        wave[row[place], 0] += cosine[c, b]
                        wave[row[place], 1] += sine[c, b]
                        place += 1
        for k in range(states):
            all_real += wave[k, 0]
            all_imaginary += wave[k, 1]
        square = 0.0
        for k in range(states):
            square += (wave[k, 0] - all_real / states) ** 2 + (wave[k, 1] - all_imaginary / states) ** 2
        out[r, 2] = square * states / (states - 1) / n


@kernel
def measure_tables(rows, scope_ptr, scope, scope_stride, table_ptr, log_table, cosine, sine, out):
    """Minus the sum of the logarithms of all tables, over n."""
    n = rows.shape[1]
    for r in range(rows.shape[0]):
        row, total = rows[r], 0.0
        for f in range(scope_ptr.size - 1):
            place = table_ptr[f]
            for a in range(scope_ptr[f], scope_ptr[f + 1]):
                place += scope_stride[a] * np.int64(row[scope[a]])
            total += log_table[place]
        out[r, 0] = -total / n
        _numbers(row, 0, 1, cosine, sine, 1, out[r])
