"""The queue of events against a list that is searched."""

import math

import numpy as np
import pytest

from weakchaos.samplers.event_queue import new_queue, play_all, set_clock


@pytest.mark.parametrize("n", [1, 2, 3, 8, 13])
def test_next_event_is_the_earliest(n, rng):
    leaves, time, winner = new_queue(n)
    assert time[1] == math.inf
    clocks = rng.integers(0, 6, n).astype(float)  # many ties: they go to the lower number
    time[leaves : leaves + n] = clocks
    play_all(time, winner, leaves)
    for _ in range(400):
        assert time[1] == clocks.min()
        assert winner[1] == int(np.argmin(clocks))
        j = int(rng.integers(n))
        clocks[j] = math.inf if rng.random() < 0.1 else float(rng.integers(0, 6))
        set_clock(time, winner, leaves, j, clocks[j])
        kept = time.copy(), winner.copy()
        play_all(time, winner, leaves)  # a tree that was kept is the tree built anew
        assert np.array_equal(kept[0], time)
        assert np.array_equal(kept[1][1:], winner[1:])
