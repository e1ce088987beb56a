"""Derivatives by differences of orbits, which hold for any system."""


def carried(system, state, vector, steps, h):
    """Where `steps` carry a small vector at `state`, by the difference of two orbits, `h` times the vector on either side."""
    ends = []
    for sign in (1, -1):
        twin = state.copy()
        twin.phase += sign * h * vector
        system.advance(twin, steps)
        ends.append(twin.phase)
    return (ends[0] - ends[1]) / (2 * h)
