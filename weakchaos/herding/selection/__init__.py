"""Selection of points: kernel herding and its relatives."""
