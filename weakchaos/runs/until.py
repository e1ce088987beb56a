"""When a run has drawn enough: criteria that are judged at draw counts fixed beforehand, so that every machine stops at the same draw.

Looking again and again and stopping at the first success favours lucky looks; with counts that grow by a quarter each time there are few of
them, ten from 100 to 1000 draws, and the least of all effective sample sizes and the largest R-hat are what is looked at.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.runs.convergence import effective_size, folded, normal_scores, plain_rhat, split

__all__ = ["MOST_DRAWS", "Until", "judged_at", "measure"]

MOST_DRAWS = 1_000_000  # of each chain, where no other limit is given
_FIRST, _GROWTH = 100, 1.25


@dataclass(frozen=True)
class Until:
    """What ends a run before its last draw.

    Attributes
    ----------
    min_ess : float or None
        Effective draws, of all chains together, that every coordinate must have, for its mean and for its spread.
    rhat : float or None
        Rank-normalised split R-hat that no coordinate may exceed.
    max_seconds : float or None
        Time after which a call stops whatever it has; the only criterion that depends on the machine.
    """

    min_ess: float | None = None
    rhat: float | None = None
    max_seconds: float | None = None

    @classmethod
    def of(cls, value: Any) -> Until | None:
        """The criteria of an argument ``until``.

        Raises
        ------
        ArgumentError, ArgumentTypeError

        Examples
        --------
        >>> Until.of({"min_ess": 400}).min_ess
        400.0
        """
        names = ("min_ess", "rhat", "max_seconds")
        if value is None or isinstance(value, Until):
            return value
        if not isinstance(value, dict):
            raise ArgumentTypeError(f"`until` must be a dict with any of {', '.join(names)}; got {shown(value)}")
        given = {name: number for name, number in value.items() if number is not None}
        if not given or not set(given) <= set(names):
            raise ArgumentError(f"`until` must be a dict with any of {', '.join(names)}, and nothing else; got {shown(value)}")
        for name, number in given.items():
            least = 1.0 if name == "rhat" else 0.0
            if not real_number(f"until[{name!r}]", number) > least:
                raise ArgumentError(f"`until[{name!r}]` must be greater than {least:g}; got {shown(number)}")
        return cls(**{name: float(number) for name, number in given.items()})

    def to_data(self) -> dict:
        """As plain data, which `of` reads."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def judges(self) -> bool:
        """Whether draws are looked at; a limit of time alone looks at none."""
        return self.min_ess is not None or self.rhat is not None

    def met(self, found: dict) -> bool:
        """Whether what `measure` found is enough; a figure that is not known is not."""
        return (self.min_ess is None or found["ess"] >= self.min_ess) and (self.rhat is None or found["rhat"] <= self.rhat)


def judged_at(n: int) -> int:
    """The first draw count after `n` at which a run is judged: 100, and then a quarter more each time.

    Examples
    --------
    >>> judged_at(0), judged_at(99), judged_at(100), judged_at(1000)
    (100, 100, 125, 1184)
    """
    count = _FIRST
    while count <= n:
        count = math.ceil(_GROWTH * count)
    return count


def measure(draws: np.ndarray, group: int = 1, until: Until | None = None, first: int = 0) -> dict[str, float]:
    """The least effective sample size and the largest R-hat among coordinates, for draws of shape (chain, draw, dim).

    The effective size of a coordinate is the smaller of those for its ranks and for the ranks of its distances from the median, as
    antithetic trajectories make the first of them large and leave the second as it is. Coordinates that never change are left out.

    Parameters
    ----------
    draws : array
    group : int
        Draws in one round of an ensemble.
    until : Until, optional
        End with the first coordinate that falls short of it, whose figures are then given: whether all are enough is known.
    first : int
        The coordinate to begin with; the one that fell short last is likely to do so again.

    Returns
    -------
    dict
        ``ess``, ``rhat`` and ``coordinate``, the last that was looked at; the first two NaN where draws are not finite, where nothing moves, or where
        an ensemble has made less than 25 rounds.
    """
    least, most = math.inf, -math.inf
    unknown = {"ess": math.nan, "rhat": math.nan, "coordinate": first}
    if draws.shape[1] < max(_FIRST, 25 * group):
        return unknown
    for k in (first, *(k for k in range(draws.shape[2]) if k != first)):
        x = np.asarray(draws[:, :, k], np.float64)
        if not np.isfinite(x).all():
            return unknown
        if np.ptp(x) == 0:
            continue
        halves = split(x)
        scores = normal_scores(halves), normal_scores(folded(halves))
        sizes, rhats = [effective_size(s, group) for s in scores], [plain_rhat(s) for s in scores]
        own = {"ess": float(min(sizes)), "rhat": float(max(rhats)), "coordinate": k}
        if until is not None and not until.met(own):
            return own
        least, most = min(least, own["ess"]), max(most, own["rhat"])
    return {"ess": least, "rhat": most, "coordinate": first} if math.isfinite(least) else unknown
