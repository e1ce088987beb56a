"""A C function that moves a state by the user's ``f`` and carries vectors along, by a Jacobian or by differences along each vector.

Both take n = dim (1 + k) numbers, the state and k vectors, and write f at the state and its derivative applied to each vector.

Differences are taken on both sides and compared. Where they agree the derivative is the central difference. Where they do not (f jumps or
has a corner between the two points) or one side has no value (the domain of f ends there) the step is made shorter until they do; at the
shortest, the side with a value, or the smaller of the two differences, is the derivative of the piece that the state lies on. Every such
place is counted, and the first kept, so that a result can say how often and where derivatives were not what their name says.
"""

from __future__ import annotations

import math

import numpy as np
from numba import carray

from weakchaos.native.c_maps import CMap, NativeFunction, call_map
from weakchaos.native.compiled import address_of

__all__ = ["with_differences", "with_jacobian"]

_HEADER = 8
# Near the cube root of the unit roundoff the error of a central difference is about as large as the error of rounding.
_STEP = 6e-6
_SHORTER = 1.0 / 64.0
_TRIES = 4
_CUT, _BORDER, _LOST = 4, 5, 6  # places of the counts in the header


@NativeFunction
def _by_jacobian(n, z, out, data):
    """Cost: one evaluation of f, one of the Jacobian, and k products of a matrix with a vector."""
    words, dim = carray(data, (_HEADER,), np.uint64), carray(data, (_HEADER,), np.int64)[4]
    all_in, all_out = carray(z, (n,)), carray(out, (n,))
    status = call_map(words[0], np.uint64(dim), address_of(all_in), address_of(all_out), words[1])
    if status != 0 or n == dim:
        return status
    matrix = carray(data, (_HEADER + dim * dim,), np.float64)[_HEADER:]
    matrix[:] = 0.0
    status = call_map(words[2], np.uint64(dim), address_of(all_in), address_of(matrix), words[3])
    for start in range(dim, n, dim):
        for i in range(dim):
            total = 0.0
            for j in range(dim):
                total += matrix[i * dim + j] * z[start + j]
            out[start + i] = total
    return status


@NativeFunction
def _by_differences(n, z, out, data):
    """Differences along each vector: an error of order h**2, a cost of 1 + 2 k evaluations where nothing jumps.

    The numbers behind the header: the scale of each coordinate, that of each coordinate of the image, work space, the first place of doubt.
    """
    words, counts = carray(data, (_HEADER,), np.uint64), carray(data, (_HEADER,), np.int64)
    dim = counts[2]
    numbers = carray(data, (_HEADER + 6 * dim,), np.float64)
    scale, reach = numbers[_HEADER : _HEADER + dim], numbers[_HEADER + dim : _HEADER + 2 * dim]
    place, above = numbers[_HEADER + 2 * dim : _HEADER + 3 * dim], numbers[_HEADER + 3 * dim : _HEADER + 4 * dim]
    below, doubt = numbers[_HEADER + 4 * dim : _HEADER + 5 * dim], numbers[_HEADER + 5 * dim :]
    all_in, all_out, size = carray(z, (n,)), carray(out, (n,)), np.uint64(dim)
    status = call_map(words[0], size, address_of(all_in), address_of(all_out), words[1])
    if status != 0 or n == dim:
        return status
    for start in range(dim, n, dim):
        length, finite = 0.0, 0.0
        for i in range(dim):
            # An orbit may be far from where its scale was measured: a step must stay above rounding.
            length = max(length, abs(z[start + i]) / max(scale[i], 1e-5 * abs(z[i])))
            finite += 0.0 * z[start + i] + 0.0 * z[i]
        if not length > 0.0 or finite != 0.0:
            for i in range(dim):
                out[start + i] = finite
            continue
        h = _STEP / length
        for attempt in range(_TRIES):
            for i in range(dim):
                place[i] = z[i] + h * z[start + i]
            upper = call_map(words[0], size, address_of(place), address_of(above), words[1]) == 0
            for i in range(dim):
                place[i] = z[i] - h * z[start + i]
            lower = call_map(words[0], size, address_of(place), address_of(below), words[1]) == 0
            smooth, forward, backward, last = True, 0.0, 0.0, attempt == _TRIES - 1
            for i in range(dim):
                up, down = above[i] - out[i], out[i] - below[i]
                upper &= math.isfinite(up)
                lower &= math.isfinite(down)
                forward, backward = max(forward, abs(up) / reach[i]), max(backward, abs(down) / reach[i])
                gap = abs(up - down)
                smooth &= not (gap > 1e-7 * reach[i] and gap > 0.1 * (abs(up) + abs(down)))
            if upper and lower and smooth:
                if attempt > 0:
                    counts[_CUT] += 1
                for i in range(dim):
                    out[start + i] = (above[i] - below[i]) / (2.0 * h)
                break
            if counts[_CUT] + counts[_BORDER] + counts[_LOST] == 0:
                for i in range(dim):
                    doubt[i] = z[i]
            if not last:
                h *= _SHORTER
                continue
            if upper and (not lower or forward <= backward):
                counts[_CUT if lower else _BORDER] += 1
                for i in range(dim):
                    out[start + i] = (above[i] - out[i]) / h
            elif lower:
                counts[_CUT if upper else _BORDER] += 1
                for i in range(dim):
                    out[start + i] = (out[i] - below[i]) / h
            else:
                counts[_LOST] += 1
                for i in range(dim):
                    out[start + i] = math.nan
    return 0


def with_jacobian(function: CMap, jacobian: CMap, dim: int) -> CMap:
    """`function` and its derivative by `jacobian`, which writes the dim x dim matrix by rows into memory that holds zeros."""
    table = np.zeros(_HEADER + dim * dim)
    table.view(np.int64)[:5] = function.address, function.user_data, jacobian.address, jacobian.user_data, dim

    def error() -> BaseException:
        first = None if function.error is None else function.error()
        return first or jacobian.take_error()

    return CMap(_by_jacobian.address, table.ctypes.data, (function, jacobian, table), error)


def with_differences(function: CMap, dim: int, scale: np.ndarray, reach: np.ndarray) -> CMap:
    """`function` and its derivative by differences.

    Parameters
    ----------
    function : CMap
    dim : int
    scale : array of shape (dim,)
        How far an orbit moves in each coordinate; a step of a difference is at most 6e-6 of this.
    reach : array of shape (dim,)
        How far the image moves in each coordinate; the size of a jump is judged by this.
    """
    table = np.zeros(_HEADER + 6 * dim)
    table.view(np.int64)[:3] = function.address, function.user_data, dim
    table[_HEADER : _HEADER + dim], table[_HEADER + dim : _HEADER + 2 * dim] = scale, reach

    def remarks() -> list[str]:
        cut, border, lost = table.view(np.int64)[_CUT : _LOST + 1].tolist()
        first = ", ".join(f"{x:.6g}" for x in table[_HEADER + 5 * dim :][:6]) + ("" if dim <= 6 else ", ...")
        said = []
        if cut:
            said.append(
                f"the differences on the two sides disagreed at {cut} points (the map jumps or has a corner there), the first at [{first}]: "
                "shorter steps or one side alone were used; pass `jacobian` for exact derivatives"
            )
        if border:
            said.append(
                f"at {border} points the function has no value on one side (the border of its domain), the first at [{first}]: "
                "the difference on the other side was used"
            )
        if lost:
            said.append(
                f"at {lost} points the function has a value on neither side, the first at [{first}], so no difference gives the derivative; pass `jacobian`"
            )
        return said

    return CMap(_by_differences.address, table.ctypes.data, (function, table), function.error, remarks)
