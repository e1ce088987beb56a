"""Slow oracles for sequences of symbols, and sequences about which theorems are known."""

import math
from collections import Counter

import numpy as np


def words(s, n):
    return {tuple(s[i : i + n]) for i in range(len(s) - n + 1)}


def period(s):
    return next(p for p in range(1, len(s) + 1) if all(s[i] == s[i + p] for i in range(len(s) - p)))


def runs(s):
    """Each stretch on which s[i] = s[i + p], if it is long enough and no smaller period has it."""
    n, found = len(s), {}
    for p in range(1, n // 2 + 1):
        i = 0
        while i + p < n:
            j = i
            while j + p < n and s[j] == s[j + p]:
                j += 1
            if j - i >= p:
                found.setdefault((i, j + p), p)
            i = j + 1
    return sorted((a, b, p) for (a, b), p in found.items())


def lz76(s):
    """Phrases of Lempel and Ziv 1976: each is the shortest word that does not begin earlier."""
    n, i, phrases = len(s), 0, 0
    while i < n:
        length = 1
        while i + length <= n and any(s[j : j + length] == s[i : i + length] for j in range(i)):
            length += 1
        phrases += 1
        i += length
    return phrases


def lz78(s):
    seen, phrase, phrases = set(), (), 0
    for c in s:
        phrase += (c,)
        if phrase not in seen:
            seen.add(phrase)
            phrases, phrase = phrases + 1, ()
    return phrases + (1 if phrase else 0)


def shannon(items):
    counts = Counter(items)
    total = sum(counts.values())
    return -sum(c / total * math.log(c / total) for c in counts.values())


def fibonacci(n):
    a, b = [0], [0, 1]
    while len(b) < n:
        a, b = b, b + a
    return np.array(b[:n])


def thue_morse(n):
    out = np.zeros(1, np.int64)
    while out.size < n:
        out = np.concatenate([out, 1 - out])
    return out[:n]


def rudin_shapiro(n):
    """Parity of the number of 11 blocks in the binary expansion."""
    return np.array([bin(k & (k >> 1)).count("1") & 1 for k in range(n)])


def de_bruijn(k, n):
    """The least cyclic de Bruijn sequence: Lyndon words whose length divides n, in order (Fredricksen and Maiorana 1978)."""
    word, out = [-1], []
    while word:
        word[-1] += 1
        if n % len(word) == 0:
            out.extend(word)
        m = len(word)
        while len(word) < n:
            word.append(word[-m])
        while word and word[-1] == k - 1:
            word.pop()
    return np.array(out)


def markov(transition, n, seed):
    """A chain of two states."""
    u, x = np.random.default_rng(seed).random(n), np.zeros(n, np.int64)
    stay = [transition[0][0], transition[1][0]]
    for t in range(1, n):
        x[t] = u[t] >= stay[x[t - 1]]
    return x


def logistic(n, r=4.0, seed=0, skip=100):
    x, out = np.random.default_rng(seed).uniform(0.1, 0.9), np.empty(n)
    for t in range(-skip, n):
        x = r * x * (1 - x)
        if t >= 0:
            out[t] = x
    return out
