"""The common part of classifiers whose iterates vote: scikit-learn's interface, one machine for all classes or one per class, and the counting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted
except ImportError as missing:
    raise ImportError("the classifiers of weakchaos.herding need scikit-learn: pip install 'weakchaos[sklearn]'") from missing

from weakchaos.core.errors import ArgumentError, shown

__all__ = ["Voting", "check_multiclass"]

_TIE = 1e-9  # far below what one vote is worth


class Voting(ClassifierMixin, BaseEstimator):
    """Fit one machine for all classes, or one for each class, and count the votes of their iterates."""

    def _validated(self, X: Any, y: Any = None, fitting: bool = False) -> Any:
        options = {"dtype": np.float64, "order": "C", **({"y": y} if fitting else {"reset": False})}
        try:
            from sklearn.utils.validation import validate_data
        except ImportError:  # before 1.6
            return self._validate_data(X, **options)
        return validate_data(self, X, **options)

    def fit(self, X: Any, y: Any) -> Any:
        """Run the dynamics on a data set.

        Parameters
        ----------
        X : array of shape (n, n_features)
        y : array of shape (n,)

        Returns
        -------
        self
        """
        self._check_parameters()
        X, y = self._validated(X, y, fitting=True)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        codes = codes.astype(np.int64)
        self.centre_ = X.mean(0)
        X = X - self.centre_
        scale = math.sqrt(np.square(X).sum(1).mean())
        self.scale_ = scale if scale > 0 else 1.0
        X = X / self.scale_
        random = np.random.default_rng(check_random_state(self.random_state).randint(0, 2**31 - 1))
        classes = len(self.classes_)
        self._joint = self.multiclass == "joint" or classes <= 2
        problems = [codes] if self._joint else [(codes == c).astype(np.int64) for c in range(classes)]
        self._machines = [self._run(X, labels, classes if self._joint else 2, random) for labels in problems]
        self.n_iter_ = max(m["passes"] for m in self._machines)
        self.errors_ = [m["errors"] for m in self._machines]
        return self

    def _standings(self, X: Any) -> np.ndarray:
        """Shares of votes, shape (n, classes); equal ones differ by a trace of their mean scores."""
        check_is_fitted(self, "classes_")
        X = (self._validated(X) - self.centre_) / self.scale_
        columns = []
        for machine in self._machines:
            votes, scores = self._votes(machine, X)
            columns.append((votes / votes.sum(1, keepdims=True), scores))
        if self._joint:
            shares, scores = columns[0]
        else:
            shares = np.stack([s[:, 1] for s, _ in columns], 1)
            scores = np.stack([s[:, 1] - s[:, 0] for _, s in columns], 1)
        low = scores.min(1, keepdims=True)
        width = scores.max(1, keepdims=True) - low
        return shares + _TIE * (scores - low) / np.where(width > 0, width, 1.0)

    def votes(self, X: Any) -> np.ndarray:
        """The share of the iterates that votes for each class.

        Parameters
        ----------
        X : array of shape (n, n_features)

        Returns
        -------
        array of shape (n, n_classes)
            With one machine for each class, the share of its iterates that vote for this class; rows then do not sum to one.
        """
        return np.clip(np.round(self._standings(X), 8), 0.0, 1.0)

    def decision_function(self, X: Any) -> np.ndarray:
        """Shares of the votes, shape (n, n_classes); for two classes their difference, shape (n,). Ties are broken by the mean scores."""
        standings = self._standings(X)
        if len(self.classes_) == 1:
            return np.ones(len(standings))
        return standings[:, 1] - standings[:, 0] if len(self.classes_) == 2 else standings

    def predict(self, X: Any) -> np.ndarray:
        """The class with the most votes, shape (n,)."""
        standings = self._standings(X)
        return self.classes_[standings.argmax(1)]


def check_multiclass(value: Any) -> None:
    """Refuse values other than 'joint' and 'one-vs-all'."""
    if value not in ("joint", "one-vs-all"):
        raise ArgumentError(f"`multiclass` must be 'joint' or 'one-vs-all'; got {shown(value)}")
