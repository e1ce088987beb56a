"""The places of a network that every difference passes; skip connections are found by differences that start at each place.

A difference that starts at one place is stopped at all others; if it still arrives at some place, there is a direct path to it without a place between.
These direct paths are the edges of an acyclic graph, and its dominators are the places that no path bypasses (Lengauer and Tarjan, ACM Trans. Program.
Lang. Syst. 1 (1979) 121, doi:10.1145/357062.357071). Only between such places is a response well defined.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from weakchaos.renormalization.networks.torch_nested import tensor_in
from weakchaos.renormalization.networks.torch_walk import Key, put, walk

__all__ = ["direct_ways", "dominators"]


def dominators(ways: np.ndarray) -> np.ndarray:
    """For each place, the places that every path from the first place to it passes.

    Parameters
    ----------
    ways : array of bool of shape (n, n)
        Entry (j, k), j < k: there is a direct path from j to k. A place without any is taken to follow the place before it.

    Returns
    -------
    array of bool of shape (n, n)
        Entry (j, k): all paths to k pass j.

    Examples
    --------
    >>> skip = np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]], bool)  # from 0 to 2 past 1
    >>> dominators(skip)[:, 2].tolist()
    [True, False, True]
    """
    n = len(ways)
    found = np.zeros((n, n), bool)
    found[0, 0] = True
    for k in range(1, n):
        before = np.flatnonzero(ways[:k, k])
        found[:, k] = found[:, before].all(1) if before.size else found[:, k - 1]
        found[k, k] = True
    return found


def direct_ways(model: Any, x: Any, start: Key | None, keys: list[Key], restore: Any, generator: Any) -> np.ndarray:
    """The direct paths between the start, the places `keys` in their order, and the output of the model.

    Parameters
    ----------
    model : torch.nn.Module
        Within `untouched`.
    x : tensor of shape (batch, ...)
    start : key or None
        The place at which differences enter; None for the inputs.
    keys : list of keys
    restore : callable
        As `moment` returns it.
    generator : torch.Generator
        Generator of the differences.

    Returns
    -------
    array of bool of shape (len(keys) + 2, len(keys) + 2)
    """
    import torch
    from torch.autograd import forward_ad

    index = {key: i + 1 for i, key in enumerate(keys)}
    watched = {key[1] for key in keys} | (set() if start is None else {start[1]})
    count, last = len(keys) + 1, len(keys) + 1
    shapes: dict[int, Any] = {0: x} if start is None else {}

    def learn(key: Key, tensor: Any) -> None:
        place = 0 if key == start else index.get(key)
        if place is not None:
            shapes[place] = tensor.detach()

    end = tensor_in(walk(model, x.clone(), watched, learn, restore), len(x))
    noise = {i: torch.randn(t.shape, generator=generator, dtype=t.dtype, device=t.device) for i, t in shapes.items()}
    ways = np.zeros((last + 1, last + 1), bool)

    def size(t: Any) -> Any:
        return torch.nan_to_num(t, nan=0.0).abs().amax()

    zeros = tuple(torch.zeros_like(noise[i]) for i in range(count))

    def all_at_once(*tangents: Any) -> Any:
        def passed(*zeros: Any) -> Any:
            seen: dict[int, Any] = {}

            def visit(key: Key, tensor: Any) -> Any:
                if key == start:
                    return put(key, tensor, tensor.detach() + zeros[0])
                if key not in index:
                    return None
                i = index[key]
                seen[i] = tensor.clone()
                return put(key, tensor, tensor.detach() + zeros[i])

            out = tensor_in(walk(model, x + zeros[0] if start is None else x.clone(), watched, visit, restore), len(x))
            if end is not None:
                seen[last] = out
            return tuple(seen[i] for i in sorted(seen))

        return torch.stack([size(t) for t in torch.func.jvp(passed, zeros, tangents)[1]])

    def one(j: int) -> list[float]:
        """The same for the difference that starts at place j alone."""
        found: list[float] = []

        def dual(i: int, tensor: Any) -> Any:
            plain = forward_ad.unpack_dual(tensor).primal
            return forward_ad.make_dual(plain.clone(), noise[i] if i == j else torch.zeros_like(plain))

        def visit(key: Key, tensor: Any) -> Any:
            if key == start:
                return put(key, tensor, dual(0, tensor))
            if key not in index:
                return None
            tangent = forward_ad.unpack_dual(tensor).tangent
            found.append(0.0 if tangent is None else float(size(tangent)))
            return put(key, tensor, dual(index[key], tensor))

        with forward_ad.dual_level():
            out = tensor_in(walk(model, dual(0, x) if start is None else x.clone(), watched, visit, restore), len(x))
            if end is not None:
                tangent = forward_ad.unpack_dual(out).tangent
                found.append(0.0 if tangent is None else float(size(tangent)))
        return found

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of operations that are mapped one by one
            lanes = [torch.stack([noise[i] if i == j else torch.zeros_like(noise[i]) for j in range(count)]) for i in range(count)]
            table = torch.vmap(all_at_once, randomness="same")(*lanes).cpu().numpy()
    except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError):
        table = np.array([one(j) for j in range(count)])
    ways[:count, 1 : 1 + table.shape[1]] = table != 0
    if end is None:
        ways[last - 1, last] = True
    return np.triu(ways, 1)
