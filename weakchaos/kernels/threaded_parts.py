"""Parts of a long sum in several threads, with results that do not depend on how many there are.

What is a part depends on the sizes of the problem alone; each part is made by one thread, and parts are handed out in their order, whichever is ready first. Compiled code holds no lock, so
threads of Python do. A thread costs some 50 microseconds to wake, a part some 50 milliseconds to make; below `ALONE` pairs of numbers nothing is gained, and one thread does all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numba
import numpy as np

from weakchaos.kernels.kernel_columns import USER

__all__ = ["ALONE", "in_order", "threads_for"]

ALONE = 2e9  # coordinates of pairs: .2 to .4 seconds of work

Part = TypeVar("Part")
Made = TypeVar("Made")


def threads_for(work: float, ops: np.ndarray) -> int:
    """How many threads a sum is made by: one where it is short or calls a user's function, else what ``NUMBA_NUM_THREADS`` says, which is all cores by default."""
    if work < ALONE or (ops[:, 0] == USER).any():
        return 1
    return max(1, int(numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]


def in_order(make: Callable[[Part], Made], parts: Iterable[Part], threads: int) -> Iterator[tuple[Part, Made]]:
    """Each part with what was made of it, in the order of the parts; at most ``threads + 1`` are kept at a time.

    Examples
    --------
    >>> list(in_order(lambda k: k * k, range(4), 2))
    [(0, 0), (1, 1), (2, 4), (3, 9)]
    """
    if threads == 1:
        for part in parts:
            yield part, make(part)
        return
    waiting: deque[tuple[Part, Future[Any]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for part in parts:
                waiting.append((part, pool.submit(make, part)))
                if len(waiting) > threads:
                    done, future = waiting.popleft()
                    yield done, future.result()
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result()
        finally:
            for _, future in waiting:  # Ctrl-C, or a caller that wants no more
                future.cancel()
