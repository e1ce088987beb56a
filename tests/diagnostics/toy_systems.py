"""Small systems with known exponents and cycles, written in Python."""

import numpy as np

from weakchaos.core.system import State


class Map:
    """A map of the line, ``step(x) -> x``."""

    dim = 1

    def __init__(self, step, low=0.1, high=0.9):
        self.step, self.low, self.high = step, low, high

    def start(self, seed=None, position=None):
        return State(phase=np.random.default_rng(seed).uniform(self.low, self.high, 1))

    def advance(self, state, n, every=1):
        out = []
        for t in range(n):
            state.phase[0] = self.step(state.phase[0])
            if (t + 1) % every == 0:
                out.append([state.phase[0]])
        return np.array(out).reshape(-1, 1)


class Finite:
    """A map of a finite set, given by its table; ``blur`` makes many states read alike."""

    dim = 1

    def __init__(self, table, blur=1):
        self.table, self.blur = table, blur

    def start(self, seed=None, position=None):
        return State(symbols=np.array([0 if seed is None else seed % len(self.table)]))

    def advance(self, state, n, every=1):
        out = []
        for t in range(n):
            state.symbols[0] = self.table[state.symbols[0]]
            if (t + 1) % every == 0:
                out.append([state.symbols[0] // self.blur])
        return np.array(out, np.int64).reshape(-1, 1)
