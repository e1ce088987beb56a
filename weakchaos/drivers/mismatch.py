"""Whether a stream of uniforms is good enough for a sampler.

Averages over independent draws that take d numbers each converge to the right values if the stream is equidistributed in d dimensions.
This is not enough for a chain: what a chain does with the numbers of a step depends on all numbers before, so averages converge to the right
values for every target only if the stream is completely uniformly distributed, that is, equidistributed in every number of dimensions
(Chentsov, USSR Comput. Math. Math. Phys. 7 (1967) 218, doi:10.1016/0041-5553(67)90041-9; Owen and Tribble, PNAS 102 (2005) 8844,
doi:10.1073/pnas.0409596102).
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["StreamMismatch", "stream_mismatch"]


class StreamMismatch(NamedTuple):
    """Why a stream may make averages converge to wrong values.

    Attributes
    ----------
    kind : {"memory", "dimension"}
        "memory": the sampler has memory, and the stream is not completely uniformly distributed. "dimension": draws are independent and take
        more numbers than the number of dimensions in which the stream is equidistributed.
    numbers : dict
        ``dimension`` of the stream, and ``uniforms_per_step`` of the sampler (None if it varies).
    """

    kind: str
    numbers: dict[str, float | None]


def stream_mismatch(driver: Any, uniforms_per_step: int | None, memory: bool) -> StreamMismatch | None:
    """Why a driver does not suit a sampler that takes `uniforms_per_step` numbers in a step; None if it does.

    Parameters
    ----------
    driver : Driver or None
    uniforms_per_step : int or None
        None if it varies; a sampler that takes 0 reads no stream.
    memory : bool
        Whether a draw depends on numbers that were taken before its step.

    Examples
    --------
    >>> from weakchaos.drivers import Rotation, resolve
    >>> stream_mismatch(Rotation(2), 2, memory=True).kind
    'memory'
    >>> print(stream_mismatch(Rotation(2), 2, memory=False), stream_mismatch(resolve("pcg64"), None, memory=True))
    None None
    """
    if driver is None or uniforms_per_step == 0 or driver.cud:
        return None
    enough = uniforms_per_step is not None and uniforms_per_step <= driver.dimension
    if not memory and enough:
        return None
    need = None if uniforms_per_step is None else float(uniforms_per_step)
    numbers = {"dimension": float(driver.dimension), "uniforms_per_step": need}
    return StreamMismatch("memory" if memory else "dimension", numbers)
