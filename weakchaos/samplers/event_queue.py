"""A queue of events whose times may all change: it says which of `n` clocks strikes next, while any clock may be reset at any moment.

It is a tournament tree (Knuth, The Art of Computer Programming 3, section 5.4.1): clocks are leaves, every inner node holds the earlier of its two
children, and the root holds the next event. When a clock is reset, the matches on its way up are played again until one is reached that another clock
won before and still wins; this is near the leaves for all clocks except those that strike soon. The tree depends on the times alone (of equal times the
lower number wins), so a tree that is built anew equals one that was updated, and a run in parts gives the same orbit as the whole run.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

__all__ = ["new_queue", "play_all", "set_clock"]


@njit(nogil=True, error_model="numpy")
def new_queue(n):
    """Number of leaves, times and winners of a tree for `n` clocks; leaf `j` is node ``leaves + j``, the root node 1."""
    leaves = 1
    while leaves < n:
        leaves *= 2
    time, winner = np.full(2 * leaves, math.inf), np.zeros(2 * leaves, np.int64)
    for j in range(leaves):
        winner[leaves + j] = j
    return leaves, time, winner


@njit(nogil=True, error_model="numpy")
def play_all(time, winner, leaves):
    """Play all matches after the leaves were set."""
    for node in range(leaves - 1, 0, -1):
        child = 2 * node
        if time[child + 1] < time[child]:
            child += 1
        time[node], winner[node] = time[child], winner[child]


@njit(nogil=True, error_model="numpy")
def set_clock(time, winner, leaves, j, when):
    """Let clock `j` strike at `when`."""
    node = leaves + j
    time[node] = when
    best, champion = when, j
    while node > 1:
        rival = node ^ 1
        other = time[rival]
        if other < best or (other == best and winner[rival] < champion):
            best, champion = other, winner[rival]
        node >>= 1
        if champion != j and winner[node] == champion:
            return  # a third clock won here before and wins again: nothing changes above
        time[node], winner[node] = best, champion
