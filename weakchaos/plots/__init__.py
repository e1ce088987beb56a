"""Figures, tables and reports: one function a picture; matplotlib is imported when the first one is drawn."""
