"""Entropy rates that choose no word length: by context-tree weighting and by match lengths.

* Context-tree weighting (Willems, Shtarkov and Tjalkens, IEEE Trans. Inf. Theory 41 (1995) 653, doi:10.1109/18.382012): each node
  of the tree of the last D symbols mixes, half and half, the Krichevsky-Trofimov estimate of its own counts and the product over
  its children. ``-ln P / n`` is the length of an actual code, so above the entropy rate on average, by about (K - 1) ln n / 2 n a
  context.
* Match lengths (Kontoyiannis, Algoet, Suhov and Wyner, IEEE Trans. Inf. Theory 44 (1998) 1319, doi:10.1109/18.669425): with
  Lambda_i the length of the shortest word from i on that does not begin earlier, ``h = 1 / mean(Lambda_i / ln(i + 1))``. No model,
  but off by about 1 / ln n.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics.result import Result
from weakchaos.diagnostics.standard_errors import long_run_error
from weakchaos.diagnostics.symbols.suffix_array import previous_factors, suffix_array
from weakchaos.diagnostics.symbols.symbolic import rank_symbols
from weakchaos.native.compiled import kernel

__all__ = ["context_tree_rate", "match_length_rate"]

_LARGEST_TABLE = 1 << 27


@kernel
def _weigh(text, size, depth, capacity, loss):
    """Code length of each symbol given those before it, in nats; the first `depth` are taken as given."""
    n = text.size
    child = np.zeros((capacity, size), np.int32)
    counts = np.zeros((capacity, size), np.int32)
    total = np.zeros(capacity, np.int64)
    # The node's own estimate over the product of its children's: what the mixture needs, and no logarithm a node.
    ratio = np.ones(capacity)
    used = 1
    path = np.empty(depth + 1, np.int64)
    for t in range(depth, n):
        c = text[t]
        node = 0
        path[0] = 0
        for d in range(depth):
            symbol = text[t - 1 - d]
            below = child[node, symbol]
            if below == 0:
                below = used
                child[node, symbol] = below
                used += 1
            node = below
            path[d + 1] = node
        p = 0.0
        for d in range(depth, -1, -1):
            node = path[d]
            own = (counts[node, c] + 0.5) / (total[node] + 0.5 * size)
            if d == depth:
                p = own
            else:
                mixed = (ratio[node] * own + p) / (ratio[node] + 1.0)
                ratio[node] = min(max(ratio[node] * own / p, 1e-290), 1e290)
                p = mixed
            counts[node, c] += 1
            total[node] += 1
        loss[t - depth] = -math.log(p)
    return used


def _running(values: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
    """Means of the first 1, .., n values at about 20 lengths evenly spaced in the logarithm."""
    n = values.size
    at = np.unique(np.geomspace(min(n, 10), n, 20).astype(np.int64))
    return at + first, np.cumsum(values)[at - 1] / at


def _redundancy(loss: np.ndarray, letters: int) -> float:
    """What learning the tree costs a symbol, from ``h + c ln n / n`` at half of the symbols and at all; (K - 1) ln n / 2 n at least."""
    n = loss.size
    least = 0.5 * (letters - 1) * math.log(max(n, 2)) / n
    if n < 16:
        return least
    part = n // 2
    scale = math.log(part) / part - math.log(n) / n
    return max(least, (float(loss[:part].mean()) - float(loss.mean())) / scale * math.log(n) / n)


def context_tree_rate(symbols: Any, depth: int | None = None, base: float | None = None, *, alphabet: int | None = None) -> Result:
    """Entropy rate as the code length per symbol of context-tree weighting, nats.

    Parameters
    ----------
    symbols : str, or array of shape (n,) or (n, units)
    depth : int, optional
        The longest context; by default the largest with ``alphabet**depth <= n``, at most 24.
    base : float, optional
        Of the logarithm; nats by default.
    alphabet : int, optional
        How many symbols can occur; by default those that did.

    Returns
    -------
    Result
        An upper bound on average. ``curve``: symbols read and the mean code length until then, which falls while the tree still
        learns. The standard error is that of the symbols' code lengths by batch means and the bias together: the latter is what ``h + c ln n / n``
        through the mean code lengths of the first half and of all leaves of c, and at least that of one context (``parameters["bias"]``).

    Raises
    ------
    ArgumentError
    ArgumentTypeError

    Examples
    --------
    >>> float(context_tree_rate("ab" * 2000)) < 0.01
    True
    """
    ranks, size = rank_symbols(symbols, 8)
    letters = size if alphabet is None else whole_number("alphabet", alphabet, size)
    n = ranks.size
    if depth is None:
        depth = min(24, int(math.log(n) / math.log(max(letters, 2)) + 1e-9), n // 2)
    else:
        depth = whole_number("depth", depth, 0, n - 2)
    full = sum(letters**d for d in range(depth + 1)) if letters**depth < 2**40 else 2**40
    capacity = min(full, n * depth + 1)
    if capacity * letters > _LARGEST_TABLE:
        raise ArgumentError(
            f"`depth` must be smaller for {letters} symbols: a tree of depth {depth} takes {capacity * letters * 8e-9:.1f} GB; "
            "lower it, or merge symbols"
        )
    loss = np.empty(n - depth)
    used = int(_weigh(ranks.astype(np.int32), letters, depth, capacity, loss))
    lengths, means = _running(loss, depth)
    value, scatter = float(means[-1]), long_run_error(loss)
    notes = []
    half = float(loss[loss.size // 2 :].mean())
    bias = _redundancy(loss, letters)
    stderr = None if scatter is None else math.hypot(scatter, bias)
    if value - half > max(0.05 * value, 3 * (scatter or 0.0)):
        notes.append(f"the second half costs {half:.4g} a symbol: the tree still learns, and the mean is well above the rate")
    result = Result(
        value,
        stderr,
        (lengths, means),
        None,
        {"depth": depth, "alphabet": letters, "nodes": used, "n": n, "bias": bias},
        tuple(notes),
    )
    return result if base is None else result.in_base(base)


def match_length_rate(symbols: Any, base: float | None = None) -> Result:
    r"""Entropy rate from how far each place of a sequence repeats what came before it, nats.

    Parameters
    ----------
    symbols : str, or array of shape (n,) or (n, units)
    base : float, optional
        Of the logarithm; nats by default.

    Returns
    -------
    Result
        Consistent for stationary ergodic sources with fading memory, with a bias of the order of 1 / ln n that the standard error
        (batch means) does not hold. ``curve``: symbols read and the estimate from them.

    Raises
    ------
    ArgumentError
    ArgumentTypeError

    Notes
    -----
    With $\Lambda_i$ the length of the shortest word from i on that does not begin earlier,

    $$h = \left\langle \frac{\Lambda_i}{\ln(i + 1)} \right\rangle^{-1}.$$

    Examples
    --------
    >>> 0.6 < float(match_length_rate(np.random.default_rng(0).integers(0, 2, 10_000))) < 0.8
    True
    """
    ranks, size = rank_symbols(symbols, 8)
    text, n = ranks.astype(np.int32), ranks.size
    matched = previous_factors(text, suffix_array(text, size))[1:].astype(np.float64)
    places = np.arange(1, n)
    # A match that reaches the end might have gone on; while such places are few they are left out.
    inside = places + matched < n
    notes = ["biased by about 1 / ln n, which the standard error does not hold"]
    if inside.mean() < 0.9:
        inside = np.ones(n - 1, np.bool_)
        notes.append(
            "matches reach the end from over a tenth of the places: the sequence repeats itself, and the value is an upper bound"
        )
    ratio = ((matched + 1) / np.log(places + 1))[inside]
    lengths, means = _running(ratio, 1)
    value, error = 1 / float(means[-1]), long_run_error(ratio)
    stderr = None if error is None else error * value**2
    result = Result(
        value, stderr, (lengths, 1 / means), None, {"alphabet": size, "n": n, "places": int(inside.sum())}, tuple(notes)
    )
    return result if base is None else result.in_base(base)
