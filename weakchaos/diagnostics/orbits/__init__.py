"""Diagnostics of systems: exponents, cycles, covariant vectors, twins."""
