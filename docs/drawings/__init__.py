"""What draws the pictures of the documentation, a function for each."""

from pathlib import Path

IMAGES = Path(__file__).parents[1] / "images"
