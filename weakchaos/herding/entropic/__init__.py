"""Entropic herding."""
