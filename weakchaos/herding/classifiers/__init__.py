"""Herding that learns: classifiers with the interface of scikit-learn."""
