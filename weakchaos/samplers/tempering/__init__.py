"""Parallel tempering: replicas of any sampler along a ladder of temperatures, their swaps, and the ladder itself."""
