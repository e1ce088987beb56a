"""Side by side with peers: user CPU seconds of the same work in one process, in turns, with the first call and the kernel's time apart.

The first call of everybody compiles, fills caches and is shown by itself. User seconds are those of `resource` (POSIX): the time the
kernel takes to hand out memory is in a column of its own, since large temporary arrays cost mostly there. One thread: the numbers of
threads of OpenMP and BLAS are set to 1 on import, before NumPy's.
"""

from __future__ import annotations

import contextlib
import os
import resource
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from statistics import median
from types import ModuleType
from typing import Any

import timing

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")


@dataclass
class Contender:
    """Somebody who does the work.

    Attributes
    ----------
    name : str
    call : callable without arguments
        Does the work, or `share` of it, and returns what it found.
    share : float
        Seconds are divided by it: a tenth of the steps takes 0.1.
    target : float or None
        How many times our user seconds it should take.
    once : bool
        Too slow to be called again: its first call counts.
    found, first, user, system :
        Results, filled by `race`.
    """

    name: str
    call: Callable[[], Any]
    share: float = 1.0
    target: float | None = None
    once: bool = False
    note: str = ""
    found: Any = None
    first: float = 0.0
    user: list[float] = field(default_factory=list)
    system: list[float] = field(default_factory=list)
    ratio: float = 1.0


def peer(module: str, package: str | None = None) -> ModuleType | None:
    """The module, or None and a line that says that it is left out."""
    try:
        with quiet():
            return import_module(module)
    except Exception as error:  # some peers fail at import in more ways than one
        timing.missing_peer(package or module, ImportError(str(error)))
        return None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Peers print and warn."""
    with open(os.devnull, "w") as nowhere, warnings.catch_warnings(), contextlib.redirect_stdout(nowhere):
        warnings.simplefilter("ignore")
        yield


def measured(contender: Contender, number: int = 1) -> tuple[float, float]:
    """User and system seconds of a call, the mean of `number` of them."""
    with quiet():
        begin = resource.getrusage(resource.RUSAGE_SELF)
        for _ in range(number):
            contender.found = contender.call()
        end = resource.getrusage(resource.RUSAGE_SELF)
    divisor = number * contender.share
    return (end.ru_utime - begin.ru_utime) / divisor, (end.ru_stime - begin.ru_stime) / divisor


def worthwhile(contender: Contender) -> int:
    """How many calls take a tenth of a second: the kernel tells user from system time by its ticks, a few milliseconds apart."""
    with quiet():
        seconds = timing.cpu_seconds(contender.call)
    return max(1, min(1000, int(0.1 / max(seconds, 1e-5))))


def race(
    title: str, contenders: Sequence[Contender], show: Callable[[Any], str], repeats: int = 5, patience: float = 3.0
) -> list[dict[str, Any]]:
    """Let all do the work in turns; print user seconds and their ratios to those of the first, which is ours.

    Who takes longer than `patience` seconds is asked once more after the first call, the others `repeats` times. The ratio is the median
    over the rounds in which both ran of the ratio within the round.
    """
    slow, numbers = set(), []
    for k, contender in enumerate(contenders):
        seconds = measured(contender)
        contender.first = seconds[0] * contender.share
        if contender.once:
            contender.user, contender.system = [seconds[0]], [seconds[1]]
            slow.add(k)
        numbers.append(worthwhile(contender) if contender.first < 0.1 or k == 0 else 1)
    for turn in range(repeats):
        shift = turn % len(contenders)
        for k in [*range(shift, len(contenders)), *range(shift)]:
            if k not in slow:
                contender = contenders[k]
                user, system = measured(contender, numbers[k])
                contender.user.append(user)
                contender.system.append(system)
                if k and user * contender.share > patience:
                    slow.add(k)
    ours, lines, table = contenders[0], [], []
    for contender in contenders:
        pairs = zip(contender.user, ours.user if len(contender.user) > 1 else [median(ours.user)], strict=False)
        contender.ratio = median(theirs / own for theirs, own in pairs)
        verdict = "" if contender.target is None else "met" if contender.ratio >= contender.target else "MISSED"
        lines.append(
            [
                contender.name,
                f"{contender.first:.3g}",
                f"{median(contender.user):.3g}",
                f"{min(contender.user):.3g}",
                f"{median(contender.system):.2g}",
                str(len(contender.user)),
                f"{contender.ratio:.3g}",
                "" if contender.target is None else f">= {contender.target:g}",
                verdict,
                show(contender.found),
                contender.note,
            ]
        )
        row = {name: value for name, value in vars(contender).items() if name not in ("call", "found")}
        table.append(row | {"shown": show(contender.found), "median": median(contender.user)})
    header = ["", "first call", "user s", "least", "system s", "calls", "ratio", "target", "", "found", "note"]
    timing.print_columns(title, header, lines)
    return table


def versions(*packages: str) -> str:
    """What is installed of `packages`, for the head of a run."""
    found = []
    for package in packages:
        with contextlib.suppress(Exception):
            found.append(f"{package} {version(package)}")
    return ", ".join(found)
