"""Coarse-graining of spins, populations and Boltzmann machines."""
