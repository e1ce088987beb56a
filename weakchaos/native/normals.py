"""Standard normals by the block, for kernels that need one for every coordinate in every step.

Numbers are those of `weakchaos.native.compiled.normal_from_uniform`, one for each uniform, to the last bit; only the order of the work is another.
"""

from __future__ import annotations

from numba import njit

from weakchaos.native.compiled import _CENTRE_P, _CENTRE_Q, draw_uniform, normal_from_uniform

__all__ = ["draw_normals"]


@njit(nogil=True, error_model="numpy", forceinline=True)
def _horner(c, r):
    return ((((((c[7] * r + c[6]) * r + c[5]) * r + c[4]) * r + c[3]) * r + c[2]) * r + c[1]) * r + c[
        0
    ]  # written out: a loop is not vectorised


@njit(nogil=True, error_model="numpy")
def draw_normals(stream, stream_state, uniforms, outer, normals):
    """Fill `normals` with what as many calls of ``normal_from_uniform(draw_uniform(...))`` return, in three quarters of their time.

    `uniforms` (float64) and `outer` (int64) are room of the same length. The quotient that serves in the centre is computed for all numbers in one loop
    without branches; the 15 % that lie outside of it are listed in `outer` and done again.
    """
    count = 0
    for i in range(normals.size):
        u = draw_uniform(stream, stream_state)
        uniforms[i] = u
        outer[count] = i
        count += 0 if abs(u - 0.5) <= 0.425 else 1
    for i in range(normals.size):
        q = uniforms[i] - 0.5
        r = 0.180625 - q * q
        normals[i] = q * _horner(_CENTRE_P, r) / _horner(_CENTRE_Q, r)
    for k in range(count):
        normals[outer[k]] = normal_from_uniform(uniforms[outer[k]])
