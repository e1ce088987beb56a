"""Herded Gibbs sampling."""
