"""Gibbs sampling as a deterministic flow."""
