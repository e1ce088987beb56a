"""Targets: what to sample."""
