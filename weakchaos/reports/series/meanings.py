"""What each row of an analysed series means, in a sentence with its source."""

from __future__ import annotations

import re

__all__ = ["OPEN_VERDICTS", "definition"]

# What `judge_numbers` and `judge_symbols` call a series about which the numbers leave the question open.
OPEN_VERDICTS = frozenset(
    {
        "undecided",
        "nonlinear, undecided",
        "drifting, undecided",
        "nonlinear rule, undecided",
        "nonlinear, too short to tell",
        "nonlinear rule, too short to tell",
    }
)

_WORDS = (
    (r"autocorrelation time", "the first lag at which the autocorrelation is below 1/e"),
    (r"drift of the mean", "mean of the second half minus the mean of the first, in standard deviations; tested with batches that are longer than the memory"),
    (r"change of the variance", "logarithm of the ratio of the variance of the second half to that of the first"),
    (r"delay", "delay of the embedding: 1 if successive numbers are uncorrelated, else the first minimum of the mutual information (Fraser and Swinney 1986)"),
    (r"Theiler window", "pairs of points closer in time than this are not counted as neighbours (Theiler 1986)"),
    (r"embedding dimension", "smallest dimension in which neighbours remain neighbours when the dimension is increased (Cao 1997)"),
    (r"largest exponent, Rosenstein", "rate at which nearest neighbours separate, over the range of times in which they separate exponentially; no value if there is no such range (Rosenstein, Collins and De Luca 1993)"),
    (r"largest exponent, Kantz", "the same rate from several neighbours of each point (Kantz 1994)"),
    (r"0-1 test", "whether a walk driven by the series stays bounded (0, regular motion) or spreads (1, chaos as well as noise; Gottwald and Melbourne 2009)"),
    (r"correlation dimension", "power of the distance with which the number of close pairs grows, if it converges as the embedding dimension grows; for noise it grows with every dimension (Grassberger and Procaccia 1983)"),
    (r"correlation entropy K2", "rate at which close pairs of stretches cease to be close, a lower bound of the entropy rate"),
    (r"weighted permutation entropy", "permutation entropy in which each window is weighted by its variance (Fadlallah et al. 2013)"),
    (r"permutation entropy", "entropy of the order patterns of successive numbers, divided by its largest possible value (Bandt and Pompe 2002)"),
    (r"missing patterns", "number of order patterns that never occur: a deterministic map forbids some, noise forbids none (Amigo, Zambrano and Sanjuan 2007)"),
    (r"sample entropy", "minus the logarithm of the probability that two stretches which are similar over two numbers are similar over three (Richman and Moorman 2000)"),
    (r"recurrence rate", "share of all pairs of points that are within the radius"),
    (r"determinism", "share of the recurrent pairs that lie on diagonal lines, where two stretches of the orbit run side by side (Marwan et al. 2007)"),
    (r"laminarity", "share of the recurrent pairs that lie on vertical lines, where the orbit hardly moves"),
    (r"longest diagonal", "longest time for which two stretches of the orbit stay close"),
    (r"entropy of diagonals", "entropy of the lengths of the diagonal lines"),
    (r"DFA alpha", "power with which fluctuations grow with the length of the window: 1/2 without memory, larger for persistent series, 3/2 for a random walk (Peng et al. 1994)"),
    (r"Hurst exponent", "power with which the rescaled range of the increments grows with the length of the window: 1/2 without memory (Hurst 1951; Anis and Lloyd 1976)"),
    (r"exact period", "period with which the second half of the series repeats itself, at least four times"),
    (r"spectral period", "period of a peak of the power spectrum that is higher than the peaks of surrogates at all frequencies"),
    (r"near period", "smallest lag after which the series returns nearly as often as after any lag, and more often than surrogates do after any lag"),
    (r"serial correlation", "whether numbers depend linearly on the numbers before them (Box and Pierce 1970)"),
    (r"dependence of neighbours", "how often two to four successive numbers lie in cells together, beside shuffled series: 1 if numbers are independent (Brock, Dechert, Scheinkman and LeBaron 1996)"),
    (r"prediction error of steps", "as the prediction error, of the differences of a series that drifts: a rule beside a trend shows in them, and a random walk has none"),
    (r"prediction error", "error of predicting the next number from what followed the most similar stretches, in standard deviations: a deterministic series is predicted better than its surrogates"),
    (r"time asymmetry", "skewness of the differences: linear Gaussian processes, and monotone functions of them, are the same when time is reversed"),
    (r"clustering of amplitudes", "whether large deviations occur close together in time, as in turbulence and markets"),
    (r"innovations", "whether what a linear prediction leaves over is independent, as in every linear process, Gaussian or not (McLeod and Li 1983)"),
    (r"symbols", "number of different symbols"),
    (r"entropy, plug-in", "entropy of a single symbol, from the observed shares; biased low"),
    (r"entropy, Grassberger", "the same entropy with a correction of the bias (Grassberger 2003)"),
    (r"entropy, Chao-Shen", "the same entropy, if the number of possible symbols is unknown (Chao and Shen 2003)"),
    (r"entropy, NSB", "the same entropy by Bayes' rule, with a prior that is flat in the entropy (Nemenman, Shafee and Bialek 2002)"),
    (r"block entropy", "entropy of words of this length"),
    (r"entropy rate, blocks", "entropy of the next symbol given the symbols before it, for the longest words whose entropy the sequence allows to estimate"),
    (r"entropy rate, context tree", "code length per symbol of context-tree weighting (Willems, Shtarkov and Tjalkens 1995)"),
    (r"entropy rate, match lengths", "entropy rate from the lengths over which the sequence repeats earlier parts of itself (Kontoyiannis et al. 1998)"),
    (r"excess entropy", "mutual information of past and future: 0 for independent symbols, ln p for period p (Crutchfield and Feldman 2003)"),
    (r"LZ76 phrases", "number of phrases into which the sequence is divided so that each is new, that is, has not occurred before (Lempel and Ziv 1976)"),
    (r"LZ76, normalised", "number of phrases divided by the number for independent, equally likely symbols in the limit of long sequences"),
    (r"LZ76 against", "whether surrogates have more phrases"),
    (r"topological entropy", "rate at which the number of different words grows with their length"),
    (r"words of length", "number of different words of this length"),
    (r"repetitions", "number of stretches that contain their period at least twice and cannot be extended (Bannai et al. 2017)"),
    (r"longest repetition|repetition \d", "the stretches that repeat most symbols and do not overlap; p is the share of Markov chains in which some stretch repeats as much"),
    (r"information 1 back", "mutual information of a symbol and the symbol before it"),
    (r"information 2 back", "mutual information of a symbol and the symbol two places before it, given the symbol between them"),
)  # fmt: skip


def definition(quantity: str) -> str:
    """What a row means; an empty string if the quantity is not in the list.

    Examples
    --------
    >>> definition("recurrence rate")
    'share of all pairs of points that are within the radius'
    """
    return next((text for pattern, text in _WORDS if re.match(pattern, quantity)), "")
