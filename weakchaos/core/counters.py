"""Where a run counts what it does: the slots of `State.counters`, which mean the same in every sampler."""

__all__ = [
    "ACCEPTED",
    "BAD_VALUES",
    "BOUND_EXCEEDED",
    "DIVERGENCES",
    "EVALUATIONS",
    "GRADIENTS",
    "RELOCATIONS",
    "SLOTS",
    "STEPS",
    "WARMUP_GRADIENTS",
    "WARMUP_STEPS",
]

STEPS = 0  # of the map
GRADIENTS = 1  # calls of the log density with its gradient, outside of warm-up
EVALUATIONS = 2  # calls of the log density without
ACCEPTED = 3  # proposals taken
BAD_VALUES = 4  # proposals at which the log density was NaN or +inf
DIVERGENCES = 5  # trajectories whose energy error was too large to go on
WARMUP_GRADIENTS = 6  # calls during warm-up, with a gradient or without
WARMUP_STEPS = 7  # of the map
BOUND_EXCEEDED = 8  # pieces of a path on which a rate of events was above its bound, outside of warm-up
RELOCATIONS = 9  # in warm-up, to the place of another chain
SLOTS = 10
