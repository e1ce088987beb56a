"""What each row of an analysed series means, in a sentence with its source."""

from __future__ import annotations

import re

__all__ = ["definition"]

_WORDS = (
    (r"autocorrelation time", "the first lag at which the autocorrelation is below 1/e"),
    (r"drift of the mean", "mean of the second half less that of the first, in standard deviations; tested on batches longer than the memory"),
    (r"change of the variance", "logarithm of the variance of the second half over that of the first"),
    (r"delay", "of the embedding: 1 where successive numbers are uncorrelated, else the first minimum of the mutual information (Fraser and Swinney 1986)"),
    (r"Theiler window", "pairs of points closer in time than this are not counted as neighbours (Theiler 1986)"),
    (r"embedding dimension", "the smallest in which neighbours stay neighbours (Cao 1997)"),
    (r"largest exponent, Rosenstein", "rate at which nearest neighbours separate, over the stretch where they do so exponentially; none where there is no such stretch (Rosenstein, Collins and De Luca 1993)"),
    (r"largest exponent, Kantz", "the same with several neighbours a point (Kantz 1994)"),
    (r"0-1 test", "whether a walk driven by the series stays bounded (0, regular) or spreads (1, chaos and noise alike; Gottwald and Melbourne 2009)"),
    (r"correlation dimension", "power with which close pairs grow with distance, where it settles as the embedding grows; noise fills every dimension (Grassberger and Procaccia 1983)"),
    (r"correlation entropy K2", "rate at which close pairs cease to be close, a lower bound of the entropy rate"),
    (r"weighted permutation entropy", "the same, each window counted by its variance (Fadlallah et al. 2013)"),
    (r"permutation entropy", "entropy of the order patterns of successive numbers, over its largest possible (Bandt and Pompe 2002)"),
    (r"missing patterns", "order patterns that never occur: a deterministic map forbids some, noise none in the long run (Amigo, Zambrano and Sanjuan 2007)"),
    (r"sample entropy", "minus the logarithm of the chance that stretches alike for two numbers are alike for a third (Richman and Moorman 2000)"),
    (r"recurrence rate", "share of pairs within the radius"),
    (r"determinism", "share of these pairs on diagonal lines, where stretches of the orbit run alongside one another (Marwan et al. 2007)"),
    (r"laminarity", "share of these pairs on vertical lines, where the orbit stays"),
    (r"longest diagonal", "longest time two stretches of the orbit stay together"),
    (r"entropy of diagonals", "of the lengths of the diagonal lines"),
    (r"DFA alpha", "growth of fluctuations with the window: 1/2 without memory, above it persistent, 3/2 a random walk (Peng et al. 1994)"),
    (r"Hurst exponent", "the same from the rescaled range of increments: 1/2 without memory (Hurst 1951; Anis and Lloyd 1976)"),
    (r"exact period", "with which the second half repeats itself, at least four times"),
    (r"spectral period", "peak of the power spectrum that surrogates do not reach at any frequency"),
    (r"near period", "least lag at which the series comes back nearly as much as at any, more than surrogates do at any lag"),
    (r"serial correlation", "whether numbers depend linearly on those before (Box and Pierce 1970)"),
    (r"prediction error", "of the next number from what followed the most similar stretches, in standard deviations: a deterministic series is foretold better than its surrogates"),
    (r"time asymmetry", "skewness of the differences: linear Gaussian processes, and monotone functions of them, look the same backwards"),
    (r"clustering of amplitudes", "whether large deviations come together, as in turbulence and markets"),
    (r"symbols", "how many different ones there are"),
    (r"entropy, plug-in", "of a single symbol, from the observed shares; biased low"),
    (r"entropy, Grassberger", "the same, corrected (Grassberger 2003)"),
    (r"entropy, Chao-Shen", "the same, without knowing how many symbols there can be (Chao and Shen 2003)"),
    (r"entropy, NSB", "the same, by Bayes' rule under a prior that is flat in the entropy (Nemenman, Shafee and Bialek 2002)"),
    (r"block entropy", "of words of that length"),
    (r"entropy rate, blocks", "of the next symbol given those before it, with the longest words that the sequence can fill"),
    (r"entropy rate, context tree", "length of an actual code, by context-tree weighting (Willems, Shtarkov and Tjalkens 1995)"),
    (r"entropy rate, match lengths", "from how far each place repeats what came before it (Kontoyiannis et al. 1998)"),
    (r"excess entropy", "what past and future share: 0 for independent symbols, ln p for period p (Crutchfield and Feldman 2003)"),
    (r"LZ76 phrases", "how many phrases of the kind that never came before it takes to write the sequence (Lempel and Ziv 1976)"),
    (r"LZ76, normalised", "these over what independent, equally likely symbols need, in the limit of long sequences"),
    (r"LZ76 against", "whether surrogates need more phrases"),
    (r"topological entropy", "rate at which the number of different words grows with their length"),
    (r"words of length", "how many different ones occur"),
    (r"repetitions", "stretches that hold their period at least twice and cannot be extended (Bannai et al. 2017)"),
    (r"longest repetition|repetition \d", "the stretches that repeat most, none inside of another; p: a Markov chain shows a longer one anywhere"),
    (r"information 1 back", "mutual information of a symbol and the one before"),
    (r"information 2 back", "what a symbol tells of the one two places on, beyond what the one between tells"),
)  # fmt: skip


def definition(quantity: str) -> str:
    """What a row means; empty where nothing is known of it.

    Examples
    --------
    >>> definition("recurrence rate")
    'share of pairs within the radius'
    """
    return next((text for pattern, text in _WORDS if re.match(pattern, quantity)), "")
