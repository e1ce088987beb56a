"""The state of a ladder of replicas as one `State`: that of each replica is a stretch of its arrays, and moves in place.

Replicas stand from the coldest to the hottest, so that phase or symbols begin with the position of the coldest, as those of any sampler do. Behind the
last replica the symbols hold the book-keeping of swaps. Each replica has a stream of its own, so that the order in which replicas move changes no number.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from weakchaos.core.counters import ACCEPTED, BAD_VALUES, BOUND_EXCEEDED, DIVERGENCES, EVALUATIONS, GRADIENTS, SLOTS, STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State, as_seed
from weakchaos.drivers.checked import checked, opened

__all__ = ["Opened", "ReplicaStreams", "join", "open_streams", "restore_streams", "whole_state"]

_LAYOUT = "layout"
_KINDS = ("phase", "symbols", "known")
_OF_COLDEST = (STEPS, ACCEPTED, BAD_VALUES, DIVERGENCES, BOUND_EXCEEDED)  # of the target itself
_OF_ALL = (GRADIENTS, EVALUATIONS)


def _layout(replicas: list[State]) -> np.ndarray:
    return np.array([[getattr(r, kind).size for kind in _KINDS] for r in replicas], np.float64)


def _tuning(replicas: list[State], layout: np.ndarray, own: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    tuning = {**own, _LAYOUT: layout}
    for k, replica in enumerate(replicas):
        tuning |= {f"{k}.{name}": np.asarray(value) for name, value in replica.tuning.items()}
    return tuning


class ReplicaStreams:
    """The stream that decides swaps, and one for each replica that draws numbers.

    Attributes
    ----------
    swaps : Stream
    parts : list of Stream
        Empty where the inner sampler draws no numbers.
    """

    def __init__(self, swaps: Any, parts: list[Any]):
        self.swaps, self.parts = swaps, parts
        self.function, self.state = swaps.function, swaps.state

    def copy(self) -> ReplicaStreams:
        """Streams that will deliver the same numbers."""
        return ReplicaStreams(self.swaps.copy(), [stream.copy() for stream in self.parts])

    def to_bytes(self) -> bytes:
        """The bytes of all streams, each after its length."""
        blocks = [stream.to_bytes() for stream in (self.swaps, *self.parts)]
        return b"".join(struct.pack("<q", len(block)) + block for block in blocks)

    def __reduce__(self) -> tuple:
        return ReplicaStreams, (self.swaps, self.parts)


def open_streams(driver: Any, inner: Any, seed: Any, replicas: int) -> ReplicaStreams:
    """New streams: of `driver` for the swaps, of `inner` (None: the replicas draw no numbers) for each replica."""
    children = as_seed(seed).spawn(2 + replicas)[1:]
    return ReplicaStreams(opened(driver, children[0]), [] if inner is None else [opened(inner, s) for s in children[1:]])


def restore_streams(driver: Any, inner: Any, data: bytes) -> ReplicaStreams:
    """The streams whose `ReplicaStreams.to_bytes` gave `data`."""
    blocks, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from("<q", data, at)
        if size < 0 or at + 8 + size > len(data):
            raise ArgumentError("`data` must be the bytes of the streams of a ladder of replicas; it ends too early")
        blocks.append(data[at + 8 : at + 8 + size])
        at += 8 + size
    if not blocks or (inner is None and len(blocks) > 1):
        raise ArgumentError("`data` must be the bytes of the streams of a ladder of replicas; got those of another sampler")
    parts = [] if inner is None else [checked(inner, inner.restore(block)) for block in blocks[1:]]
    return ReplicaStreams(checked(driver, driver.restore(blocks[0])), parts)


def join(replicas: list[State], tail: np.ndarray, own: dict[str, np.ndarray], streams: Any) -> State:
    """One state of the states of all replicas, of the numbers of the swaps and of what belongs to the ladder."""
    arrays = {kind: np.concatenate([getattr(r, kind) for r in replicas]) for kind in _KINDS}
    counters = np.concatenate([np.zeros(SLOTS, np.int64), *(r.counters[:SLOTS] for r in replicas)])
    counters[:SLOTS] = replicas[0].counters[:SLOTS]
    symbols = np.concatenate([arrays["symbols"], tail]).astype(np.int64)
    return State(arrays["phase"], symbols, streams, counters, _tuning(replicas, _layout(replicas), own), arrays["known"])


def whole_state(symbols: np.ndarray, size: int, replicas: int, own: dict[str, np.ndarray]) -> State:
    """The state of replicas that hold nothing but `size` symbols each, which are there already, with the numbers of the swaps behind them."""
    layout = np.zeros((replicas, len(_KINDS)))
    layout[:, _KINDS.index("symbols")] = size
    return State(symbols=symbols, counters=np.zeros((1 + replicas) * SLOTS, np.int64), tuning={**own, _LAYOUT: layout})


class Opened:
    """A state taken apart: the states of its replicas, whose arrays are stretches of its own, until `close` puts it together again.

    Attributes
    ----------
    replicas : list of State
        From the coldest to the hottest; at one temperature, one copy after the other.
    tail : int64 array
        The numbers of the swaps.
    own : dict
        What belongs to the ladder and not to a replica.
    """

    def __init__(self, state: State):
        layout = state.tuning[_LAYOUT].astype(np.int64)
        ends = np.cumsum(layout, axis=0)
        first, n = ends - layout, len(layout)
        self.state, self.own = state, {}
        theirs: list[dict[str, np.ndarray]] = [{} for _ in layout]
        for name, value in state.tuning.items():
            k, dot, rest = name.partition(".")
            if dot:
                theirs[int(k)][rest] = value
            elif name != _LAYOUT:
                self.own[name] = value
        parts = getattr(state.driver, "parts", None) or [None] * n
        self._counts = state.counters[SLOTS:].reshape(n, SLOTS)
        self._before = self._counts.copy()
        self.replicas = [
            State(
                state.phase[first[k, 0] : ends[k, 0]],
                state.symbols[first[k, 1] : ends[k, 1]],
                parts[k],
                self._counts[k],
                theirs[k],
                state.known[first[k, 2] : ends[k, 2]],
            )
            for k in range(n)
        ]
        self.tail = state.symbols[ends[-1, 1] :]

    def close(self) -> None:
        """Make the state that of its replicas, which have moved."""
        state, replicas = self.state, self.replicas
        layout = _layout(replicas)
        state.tuning = _tuning(replicas, layout, self.own)
        for a, kind in enumerate(_KINDS):
            whole, mine = getattr(state, kind), [getattr(r, kind) for r in replicas]
            ends = np.cumsum(layout[:, a]).astype(np.int64)
            tails = [self.tail] if kind == "symbols" else []
            if whole.size != ends[-1] + sum(t.size for t in tails):
                setattr(state, kind, np.concatenate([*mine, *tails]))  # what a replica keeps has grown
                continue
            for end, array in zip(ends, mine, strict=True):
                place = whole[end - array.size : end]
                if array.size and not np.shares_memory(place, array):
                    place[:] = array
        for count, replica in zip(self._counts, replicas, strict=True):
            if not np.shares_memory(count, replica.counters):
                count[:] = replica.counters[:SLOTS]
        made = self._counts - self._before
        for slot in _OF_COLDEST:
            state.counters[slot] += made[0, slot]
        for slot in _OF_ALL:
            state.counters[slot] += made[:, slot].sum()
