"""What can speak against a result: the kinds, how much a flag of each weighs, and what its words consist of."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple

__all__ = ["Kind", "Severity", "Words"]


class Severity(StrEnum):
    """How much a flag weighs."""

    INVALID = "invalid"  # the result is not to be trusted
    IMPRECISE = "imprecise"  # more draws of the same would settle it
    NOTE = "note"  # to be known, and no distrust


class Kind(StrEnum):
    """What can speak against a result; the gravest of a group comes first, which is the one that a table names."""

    # chains
    UNREACHABLE = "unreachable"
    WRONG_GRADIENT = "wrong_gradient"
    NO_FUNCTION = "no_function"
    NOT_ERGODIC = "not_ergodic"
    LOCKED = "locked"
    MOVED_ON = "moved_on"
    STUCK = "stuck"
    STUCK_WALKER = "stuck_walker"
    IDENTICAL = "identical"
    REVISITS = "revisits"
    FROZEN = "frozen"
    DISAGREE = "disagree"
    UNMIXED = "unmixed"
    REFUSED = "refused"
    CYCLE = "cycle"
    STEIN = "stein"
    SCORES = "scores"
    BIASED = "biased"
    PLATEAU = "plateau"
    NOT_FINITE = "not_finite"
    DIVERGENCES = "divergences"
    LOW_ACCEPTANCE = "low_acceptance"
    BAD_VALUES = "bad_values"
    BOUND_EXCEEDED = "bound_exceeded"
    CERTIFICATE = "certificate"
    CUT_LINE = "cut_line"
    STREAM_NUMBERS = "stream_numbers"
    STREAM_MEMORY = "stream_memory"
    STREAM_DIMENSION = "stream_dimension"
    STREAM_LENGTH = "stream_length"
    BIAS_UNKNOWN = "bias_unknown"
    FEW_DRAWS = "few_draws"
    FEW_CHAINS = "few_chains"
    WIDE_TAILS = "wide_tails"
    HEAVY_TAILS = "heavy_tails"
    FAR_PROXY = "far_proxy"
    UNTUNED = "untuned"
    UNSETTLED = "unsettled"
    LEFT_BEHIND = "left_behind"
    ROUND_TRIPS = "round_trips"
    SWAPS = "swaps"
    LADDER = "ladder"
    UNADJUSTED = "unadjusted"
    NO_MAP = "no_map"
    NO_GRADIENT = "no_gradient"
    # recorded series
    MISSING_MARKS = "missing_marks"
    # networks
    CUT = "cut"
    WRONG_DERIVATIVE = "disagrees"
    BYPASSED = "bypassed"
    BRANCHES = "branches"
    UNREACHED = "unreached"
    OUTSIDE = "outside"
    TIME_FIRST = "time_first"
    UNCHECKED = "unchecked"
    FRESH_BATCH_NORM = "fresh_batch_norm"
    RANDOM = "random"
    BIDIRECTIONAL = "bidirectional"
    SHORT_SEQUENCE = "short_sequence"
    TRANSIENT = "transient"
    DEAD_UNITS = "dead_units"
    SAME_ACTIVATIONS = "same_activations"
    NORMALISED = "normalised"
    EXTINCT = "extinct"
    POOLED = "pooled"
    BELOW_ROUNDING = "below_rounding"
    # recurrent networks
    STATE_DRIFTS = "state_drifts"
    STARTS_DISAGREE = "starts_disagree"
    SETTLED = "settled"
    SLOW_GATES = "slow_gates"
    CLOSED_GATES = "closed_gates"
    RANK_LOST = "rank_lost"
    NEAR_RANK_LOSS = "near_rank_loss"


class Words(NamedTuple):
    """What is said of a kind of flag.

    Attributes
    ----------
    severity : Severity
        Where nothing else is said.
    word : str
        For the cell of a table.
    phrase : str
        For brackets behind a name.
    sentence : str or callable
        A template over the numbers of the flag and `where`, or a function of the flag.
    """

    severity: Severity
    word: str
    phrase: str
    sentence: str | Callable[[Any], str]

    def write(self, flag: Any) -> str:
        """The sentence of a flag."""
        if callable(self.sentence):
            return self.sentence(flag)
        return self.sentence.format(**{"where": ", ".join(flag.places), **flag.numbers})
