"""The errors of the library: each names the argument, what was required, what came, and what to do."""

from __future__ import annotations

from typing import Any

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "ConvergenceWarning",
    "DriverWarning",
    "ErgodicityWarning",
    "FileFormatError",
    "GradientWarning",
    "InterruptedWarning",
    "SamplingError",
    "StoreError",
    "shown",
]


class ArgumentError(ValueError):
    """An argument has the right type but a value that cannot be used."""


class ArgumentTypeError(TypeError):
    """An argument has a type that cannot be used."""


class FileFormatError(ValueError):
    """A file does not follow its format; the message gives the path and the line."""


class StoreError(RuntimeError):
    """A store on disk is missing, belongs to another run, or was written by an incompatible version."""


class SamplingError(RuntimeError):
    """A run stopped before its end; `trace` holds every draw made until then.

    The user's own exception, when that was the cause, is raised itself and carries the same attribute.
    """

    def __init__(self, message: str, trace: Any = None):
        super().__init__(message)
        self.trace = trace


class GradientWarning(UserWarning):
    """A gradient disagrees with finite differences, or was replaced by them."""


class DriverWarning(UserWarning):
    """A driver is not good enough for the sampler: a chain needs a stream that is equidistributed in every number of dimensions."""


class ErgodicityWarning(UserWarning):
    """Orbits from different starts keep to different parts of the state space: averages depend on where a run begins."""


class ConvergenceWarning(UserWarning):
    """A statistic did not converge, or a run cannot have reached its target."""


class InterruptedWarning(UserWarning):
    """A run was interrupted from the keyboard; what was drawn is in the trace that was returned."""


def shown(value: Any, limit: int = 60) -> str:
    """A short `repr` for error messages.

    Examples
    --------
    >>> shown("a" * 100, limit=10)
    "'aaaaaa..."
    """
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
