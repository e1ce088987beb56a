"""Runs: what makes, keeps, continues and judges draws."""
