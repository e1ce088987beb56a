"""The page of a run: what was drawn, what speaks against it, and how the chains went."""
