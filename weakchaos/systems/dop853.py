"""The Runge-Kutta method of order 8 of Dormand and Prince with step-size control, as a C function.

Tableau and error estimate: E. Hairer, S. P. Nørsett and G. Wanner, Solving Ordinary Differential Equations I, 2nd edition, Springer 1993,
section II.10 and code DOP853. Only the error of the state determines the step sizes, so an orbit does not depend on the vectors that it carries, and
the method tries each unit step as a whole first, so an orbit does not depend on where a run was split.
"""

from __future__ import annotations

import math

import numpy as np
from numba import carray

from weakchaos.native.c_maps import NativeFunction, call_map
from weakchaos.native.compiled import address_of

__all__ = ["MOST_TRIES", "STAGES", "dop853"]

STAGES = 12
# Without a bound, an orbit that moves the faster the farther out it is would never end; this many are minutes of a field written in Python.
MOST_TRIES = 10_000
_FAR = 1e3
_HEADER = 8
_ROWS: tuple[dict[int, float], ...] = (
    {},
    {0: 0.05260015195876773},
    {0: 0.0197250569845379, 1: 0.0591751709536137},
    {0: 0.02958758547680685, 2: 0.08876275643042054},
    {0: 0.2413651341592667, 2: -0.8845494793282861, 3: 0.924834003261792},
    {0: 0.037037037037037035, 3: 0.17082860872947386, 4: 0.12546768756682242},
    {0: 0.037109375, 3: 0.17025221101954405, 4: 0.06021653898045596, 5: -0.017578125},
    {0: 0.03709200011850479, 3: 0.17038392571223998, 4: 0.10726203044637328, 5: -0.015319437748624402, 6: 0.008273789163814023},
    {
        0: 0.6241109587160757, 3: -3.3608926294469414, 4: -0.868219346841726, 5: 27.59209969944671, 6: 20.154067550477894,
        7: -43.48988418106996,
    },
    {
        0: 0.47766253643826434, 3: -2.4881146199716677, 4: -0.590290826836843, 5: 21.230051448181193, 6: 15.279233632882423,
        7: -33.28821096898486, 8: -0.020331201708508627,
    },
    {
        0: -0.9371424300859873, 3: 5.186372428844064, 4: 1.0914373489967295, 5: -8.149787010746927, 6: -18.52006565999696,
        7: 22.739487099350505, 8: 2.4936055526796523, 9: -3.0467644718982196,
    },
    {
        0: 2.273310147516538, 3: -10.53449546673725, 4: -2.0008720582248625, 5: -17.9589318631188, 6: 27.94888452941996,
        7: -2.8589982771350235, 8: -8.87285693353063, 9: 12.360567175794303, 10: 0.6433927460157636,
    },
)  # fmt: skip
_WEIGHTS = {
    0: 0.054293734116568765, 5: 4.450312892752409, 6: 1.8915178993145003, 7: -5.801203960010585, 8: 0.3111643669578199,
    9: -0.1521609496625161, 10: 0.20136540080403034, 11: 0.04471061572777259,
}  # fmt: skip
_ERROR_3 = {
    0: -0.18980075407240762, 5: 4.450312892752409, 6: 1.8915178993145003, 7: -5.801203960010585, 8: -0.4226823213237919,
    9: -0.1521609496625161, 10: 0.20136540080403034, 11: 0.02265179219836082,
}  # fmt: skip
_ERROR_5 = {
    0: 0.01312004499419488, 5: -1.2251564463762044, 6: -0.4957589496572502, 7: 1.6643771824549864, 8: -0.35032884874997366,
    9: 0.3341791187130175, 10: 0.08192320648511571, 11: -0.022355307863886294,
}  # fmt: skip


def _dense(*rows: dict[int, float]) -> np.ndarray:
    out = np.zeros((len(rows), STAGES))
    for line, row in zip(out, rows, strict=True):
        line[list(row)] = list(row.values())
    return out


_A = _dense(*_ROWS)
_B = _dense(_WEIGHTS, _ERROR_3, _ERROR_5)


@NativeFunction
def dop853(n, z, out, data):
    """One time step in as many steps of the method as the tolerance requires; returns 1 if the field failed, or the steps became too small or too many.

    Where the steps become too small on a state that has grown a thousandfold within this time step, the orbit goes to infinity in finite time: the
    coordinates that grew become infinite.
    """
    words, dim = carray(data, (_HEADER,), np.uint64), carray(data, (_HEADER,), np.int64)[3]
    numbers = carray(data, (_HEADER + 14 * n,), np.float64)
    field, field_data, step, tolerance = words[0], words[1], numbers[2], numbers[5]
    slopes = numbers[_HEADER : _HEADER + 12 * n].reshape((12, n))
    place, here = numbers[_HEADER + 12 * n : _HEADER + 13 * n], numbers[_HEADER + 13 * n :]
    size = np.uint64(n)
    for i in range(n):
        here[i] = z[i]
    left = h = step
    tries, size_of_all = 0, 0.0
    while True:
        tries, refused = tries + 1, False
        for stage in range(12):
            for i in range(n):
                place[i] = 0.0
            for j in range(stage):
                a = _A[stage, j]
                if a != 0.0:
                    for i in range(n):
                        place[i] += a * slopes[j, i]
            for i in range(n):
                place[i] = here[i] + h * place[i]
            if call_map(field, size, address_of(place), address_of(slopes[stage]), field_data) != 0:
                return 1
        if tries == 1:
            # The numbers of a system in small units are all below 1, and an error that is small beside 1 is not small beside them.
            for i in range(dim):
                size_of_all = max(size_of_all, abs(z[i]), step * abs(slopes[0, i]))
            size_of_all = max(min(size_of_all, 1.0), 1e-200)
        for i in range(n):
            total = 0.0
            for j in range(12):
                total += _B[0, j] * slopes[j, i]
            place[i] = here[i] + h * total
        high, low = 0.0, 0.0
        for i in range(dim):
            scale = tolerance * (size_of_all + max(abs(here[i]), abs(place[i])))
            error_5, error_3 = 0.0, 0.0
            for j in range(12):
                error_3 += _B[1, j] * slopes[j, i]
                error_5 += _B[2, j] * slopes[j, i]
            high += (error_5 / scale) ** 2
            low += (error_3 / scale) ** 2
        error = h * high / math.sqrt((high + 0.01 * low) * dim) if high > 0.0 else 0.0 * (high + low)
        bounded = 0.0
        for i in range(n):
            bounded += 0.0 * place[i]
        if math.isnan(error) or bounded != 0.0:
            # A trial that left the numbers was too long, unless the state or its slope has left them already, or no step is short enough:
            # then the caller sees it in the state.
            for i in range(n):
                bounded = 0.0 * here[i] + 0.0 * slopes[0, i]
                if bounded != 0.0:
                    break
            if bounded != 0.0 or h < 1e-9 * step:
                for i in range(n):
                    out[i] = place[i]
                return 0
            h *= 0.1
            continue
        factor = 5.0 if error == 0.0 else min(5.0, max(0.2, 0.9 * error ** (-0.125)))
        if error <= 1.0:
            for i in range(n):
                here[i] = place[i]
            left -= h
            # What rounding leaves of the interval is no step.
            if left <= 1e-14 * step:
                break
            h = min(h * factor, left)
        else:
            h, refused = h * min(factor, 0.9), True
        if tries == MOST_TRIES or (refused and h < 1e-12 * step):
            escaped = False
            if tries < MOST_TRIES:
                for i in range(dim):
                    escaped |= abs(here[i]) > _FAR * (1.0 + abs(z[i]))
            for i in range(n):
                out[i] = (
                    here[i]
                    if not escaped or i >= dim or abs(here[i]) <= _FAR * (1.0 + abs(z[i]))
                    else math.copysign(math.inf, here[i])
                )
            if escaped:
                return 0
            numbers[6] = 1.0 if tries < MOST_TRIES else 2.0
            numbers[7] = 0.0
            for i in range(dim):
                numbers[7] = max(numbers[7], abs(here[i]))
            return 1
    for i in range(n):
        out[i] = here[i]
    return 0
