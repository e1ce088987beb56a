"""Non-reversible swaps of the replicas along a ladder, and where each replica has been.

Syed, Bouchard-Cote, Deligiannidis and Doucet, J. R. Stat. Soc. B 84 (2022) 321, arXiv:1905.02939. Pairs (k, k + 1) of even k and of odd k are tried in turn
(the deterministic even-odd scheme), each swap with the probability

    alpha_k = min(1, p_k(x_{k+1}) p_{k+1}(x_k) / (p_k(x_k) p_{k+1}(x_{k+1}))),    log p_k(x) = a(beta_k) . s(x),

so that a replica that moves goes on in its direction until a swap is refused: it travels the ladder in a number of rounds that grows with the number of
temperatures K, where swaps of pairs chosen at random take K**2. The probabilities of all pairs are known from the places, tried or not, and their mean is what a ladder is tuned by.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from weakchaos.native.compiled import draw_uniform, kernel

__all__ = ["first_tail", "swap_round", "tail_size"]

_HEAD = 2  # the parity of the next round, and steps since the last one
_FRESH, _FROM_COLD, _FROM_HOT = 0, 1, 2


@njit(nogil=True, error_model="numpy")
def _log_density(a, s):
    total = 0.0
    for m in range(2):
        if a[m] != 0.0 and s[m] != 0.0:  # 0 times infinity is 0: a term without weight, or zeros of which there are none
            total += a[m] * s[m]
    return total


@kernel
def swap_round(coefficients, terms, stream, stream_state, tail, order, acceptance):
    """A round of swaps of each line of replicas.

    Parameters
    ----------
    coefficients : array of shape (K, 2)
        a(beta), from the hottest to the coldest.
    terms : array of shape (lines, K, 2)
        s(x) of the replica at each temperature; reordered with the replicas.
    tail : int64 array
        The parity of the next round (a count of rounds would never come back, and hide every cycle of the ladder), steps since the last one, then for each line who is where, (K,), and where each was last, (K,).
    order : int64 array of shape (lines, K)
        Becomes the temperature from which each gets its new place.
    acceptance : array of shape (K - 1,)
        Becomes the mean probability of each pair's swap over the lines.

    Returns
    -------
    int
        Round trips, from the coldest to the hottest and back, that end in this round.
    """
    lines, n = terms.shape[0], coefficients.shape[0]
    parity, trips = tail[0] % 2, 0
    tail[0] = 1 - parity
    acceptance[:] = 0.0
    for c in range(lines):
        at = _HEAD + 2 * n * c
        who, last = tail[at : at + n], tail[at + n : at + 2 * n]
        for k in range(n):
            order[c, k] = k
        for k in range(n - 1):
            own = _log_density(coefficients[k], terms[c, k]) + _log_density(coefficients[k + 1], terms[c, k + 1])
            crossed = _log_density(coefficients[k], terms[c, k + 1]) + _log_density(coefficients[k + 1], terms[c, k])
            chance = math.exp(min(0.0, crossed - own))
            if not chance >= 0.0:
                chance = 0.0  # a place without a density, which no replica must enter
            acceptance[k] += chance / lines
            if k % 2 == parity and draw_uniform(stream, stream_state) < chance:
                order[c, k], order[c, k + 1] = k + 1, k
        for k in range(n - 1):
            if order[c, k] == k + 1:
                who[k], who[k + 1] = who[k + 1], who[k]
                for m in range(2):
                    terms[c, k, m], terms[c, k + 1, m] = terms[c, k + 1, m], terms[c, k, m]
        hot, cold = who[0], who[n - 1]
        if last[hot] == _FROM_COLD:
            last[hot] = _FROM_HOT
        if last[cold] == _FROM_HOT:
            trips += 1
        last[cold] = _FROM_COLD
    return trips


def tail_size(lines: int, temperatures: int) -> int:
    """Numbers that `swap_round` keeps."""
    return _HEAD + 2 * lines * temperatures


def first_tail(lines: int, temperatures: int) -> np.ndarray:
    """The numbers that `swap_round` keeps, before the first round."""
    line = np.concatenate([np.arange(temperatures), np.full(temperatures, _FRESH)])
    return np.concatenate([np.zeros(_HEAD, np.int64), np.tile(line, lines)]).astype(np.int64)
