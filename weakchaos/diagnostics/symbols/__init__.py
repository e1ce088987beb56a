"""Diagnostics of sequences of symbols: entropies, words, complexities, repetitions."""
