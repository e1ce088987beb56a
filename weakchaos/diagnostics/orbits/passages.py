"""Whether an integrator of fixed steps has stepped over a place that its step cannot resolve, such as a pole of the vector field.

A method of fixed steps that meets a singularity (a collision of two bodies, a logarithm at 0) lands somewhere behind it and goes on, with numbers that have
nothing to do with the flow: by Picard and Lindelöf the solution ends there (E. Hairer, S. P. Nørsett and G. Wanner, Solving Ordinary Differential
Equations I, Springer 1993, section I.8). One such step among a hundred thousand is met by no check of a stretch. It stretches vectors by far more than the
steps around it, so the steps that stretch most are made again here, as a whole and as two halves, and the worst of them in 64 parts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.native.c_maps import call_map
from weakchaos.native.compiled import address_of, kernel
from weakchaos.systems.flow import Flow
from weakchaos.systems.runge_kutta import stepper

__all__ = ["passage_notes"]

_LOOKED_AT = 20  # places
_MOST = 1_000_000  # numbers that are kept
_PARTS = 64
_AT_LEAST = 5  # steps that are made again from each place
_MEANS = 10.0  # steps of mean length that whole and parts may end apart: where the field only jumps, they end within one
_SHARE = 0.1  # of how far the step itself moves


@kernel
def _again(whole, whole_data, half, half_data, begins, count, parts, ends):
    """From each place `count` steps along the orbit, each as a whole and in `parts`: rows of beginning, end, and end by parts; NaN where the field failed."""
    n = np.uint64(begins.shape[1])
    here, there, fine, spare = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    for row in range(begins.shape[0]):
        here[:] = begins[row]
        for made in range(count):
            fine[:] = here
            status = call_map(whole, n, address_of(here), address_of(there), whole_data)
            for _ in range(parts):
                if status == 0:
                    status = call_map(half, n, address_of(fine), address_of(spare), half_data)
                    fine, spare = spare, fine
            place = row * count + made
            ends[0, place] = here
            ends[1, place] = there
            ends[2, place] = fine
            if status != 0:
                ends[:, place : (row + 1) * count] = np.nan
                break  # the other places may still tell
            here, there = there, here


def _excess(ends: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """How many steps of mean length whole and parts end apart, for each row; 0 where that is little beside the step itself."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        apart = np.abs(ends[2] - ends[1])
        local = np.maximum(np.abs(ends[1] - ends[0]), np.abs(ends[2] - ends[0]))
        found = np.where((mean > 0) & (apart > _SHARE * local), apart / mean, 0.0).max(1)
    # What left the numbers is an orbit that diverges, of which others speak.
    return np.where(np.isfinite(ends[1:]).all((0, 2)), found, 0.0)


def passage_notes(system: Any, begins: np.ndarray, strains: np.ndarray, every: int) -> list[str]:
    """A warning if one of the steps of a flow that stretched vectors most is one that its method cannot make.

    Parameters
    ----------
    system : System
        Nothing is said of maps, and of flows whose method chooses its steps.
    begins : array of shape (m, dim)
        States at the beginning of rounds of `every` steps.
    strains : array of shape (m,)
        The largest growth or shrinking of a vector over each round, as a factor.
    """
    if not isinstance(system, Flow) or system.method == "dop853" or not len(begins):
        return []
    dim = system.dim
    every = max(every, _AT_LEAST)  # the step before a bad one may stretch more than it
    most = max(1, min(_LOOKED_AT, _MOST // (3 * dim * every)))
    begins = begins[np.argsort(-strains, kind="stable")]
    begins = np.ascontiguousarray(begins[np.isfinite(begins).all(1)])
    if not len(begins):
        return []
    hardest, others = begins[:most], begins[np.linspace(0, len(begins) - 1, min(_LOOKED_AT, len(begins))).astype(int)]

    def again(places: np.ndarray, count: int, parts: int) -> np.ndarray:
        whole, part = system.c_map(), stepper(system.equations(), dim, 0, system.method, system.step / parts, system.tolerance)
        ends = np.empty((3, len(places) * count, dim))
        words = [np.uint64(x) for f in (whole, part) for x in (f.address, f.user_data)]
        _again(*words, places, count, parts, ends)
        return ends

    ends, usual = again(hardest, every, 2), again(others, 1, 1)
    with np.errstate(over="ignore", invalid="ignore"):
        moved = np.abs(usual[1] - usual[0])
    moved = moved[np.isfinite(moved).all(1)]
    if not len(moved):
        return []
    # One of the hardest steps may outweigh all others.
    middle = np.median(moved, axis=0)
    mean = np.where(middle > 0, np.minimum(moved.mean(0), 3.0 * middle), moved.mean(0))
    excess = _excess(ends, mean)
    worst = int(np.argmax(excess))
    if not excess[worst] > _MEANS:
        return []
    place = np.ascontiguousarray(ends[0, worst : worst + 1])
    found = float(_excess(again(place, 1, _PARTS), mean)[0])
    if not found > _MEANS:
        return []
    at = ", ".join(f"{x:.6g}" for x in place[0][:6])
    return [
        f"the orbit passed a place that a step of {system.step:g} cannot resolve, a pole of the vector field or close to one: from [{at}] a whole step and {_PARTS} parts of it end "
        f"{found:.3g} mean steps apart, and from there on the numbers are not those of the flow; take method 'dop853', which ends at a singularity, or a smaller `step`"
    ]
