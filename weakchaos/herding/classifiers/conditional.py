"""Conditional herding: a classifier whose weights need not converge, and whose iterates vote.

Gelfand, Chen, van der Maaten and Welling, "On herding and the perceptron cycling theorem", NIPS 23 (2010) 694-702. For a point (x, y) with hidden
units z in {-1, +1} and a class as a unit vector y the features make ``<w, phi(x, y, z)> = x'Wz + y'Bz + theta'z + alpha'y``, and over the
points i of a batch D

    z_i = argmax_z <w, phi(x_i, y_i, z)>,      (y*_i, z*_i) = argmax_{y, z} <w, phi(x_i, y, z)>,
    w += (eta / |D|) sum_i [phi(x_i, y_i, z_i) - phi(x_i, y*_i, z*_i)].

Both argmax are exact: ``z = sign(W'x + B'y + theta)``, so that the score of a class is ``alpha_y + sum_k |W'x + B'y + theta|_k``. The change v of w obeys
``<w, v> <= 0``, so w stays bounded (the perceptron cycling theorem). A prediction is the class that most of the iterates predict. Without hidden
units the score is x'Ay + alpha'y, and batches of one point give the voted perceptron of Freund and Schapire (Mach. Learn. 37 (1999) 277,
doi:10.1023/A:1007662407062), in which each iterate has as many votes as the number of steps that it survived.

Inputs are centred and divided by the root of their mean squared norm. Since the argmax does not change when w is multiplied by a positive
number, only the ratio `start_scale / step_size` matters, and with scaled inputs it means the same for all data.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import positive, whole_number
from weakchaos.herding.classifiers.voting import Voting, check_multiclass
from weakchaos.native.compiled import kernel

__all__ = ["ConditionalHerding"]


@kernel
def _herd(x, y, order, batch, first, last, step, w, b, theta, a, alpha, dw, db, dtheta, da, dalpha, field, change):
    """Batches `first` .. `last` - 1 of `order`; (points that were wrong, the largest <w, v> of a batch)."""
    features, hidden = w.shape
    classes = alpha.size
    linear = a.shape[0]
    wrong, worst = 0, -math.inf
    for part in range(first, last):
        begin, end = part * batch, min((part + 1) * batch, order.size)
        missed = 0
        certificate = 0.0
        for at in range(begin, end):
            i = order[at]
            for h in range(hidden):
                field[h] = theta[h]
            if hidden > 0:
                for j in range(features):
                    value = x[i, j]
                    if value != 0.0:
                        for h in range(hidden):
                            field[h] += value * w[j, h]
            own, top, best = 0.0, -math.inf, 0
            for c in range(classes):
                score = alpha[c]
                for h in range(hidden):
                    score += abs(field[h] + b[c, h])
                for j in range(linear):
                    score += x[i, j] * a[j, c]
                if score > top:
                    top, best = score, c
                if c == y[i]:
                    own = score
            if best == y[i]:
                continue
            if missed == 0:
                dw[:] = 0.0
                db[:] = 0.0
                dtheta[:] = 0.0
                da[:] = 0.0
                dalpha[:] = 0.0
            missed += 1
            certificate += own - top
            dalpha[y[i]] += 1.0
            dalpha[best] -= 1.0
            for j in range(linear):
                da[j, y[i]] += x[i, j]
                da[j, best] -= x[i, j]
            for h in range(hidden):
                z = 1.0 if field[h] + b[y[i], h] > 0.0 else -1.0
                other = 1.0 if field[h] + b[best, h] > 0.0 else -1.0
                db[y[i], h] += z
                db[best, h] -= other
                change[h] = z - other
                dtheta[h] += change[h]
            if hidden > 0:
                for j in range(features):
                    value = x[i, j]
                    if value != 0.0:
                        for h in range(hidden):
                            dw[j, h] += value * change[h]
        rate = step / (end - begin)
        worst = max(worst, rate * certificate)
        if missed > 0:
            wrong += missed
            for h in range(hidden):
                theta[h] += rate * dtheta[h]
                for j in range(features):
                    w[j, h] += rate * dw[j, h]
            for c in range(classes):
                alpha[c] += rate * dalpha[c]
                for h in range(hidden):
                    b[c, h] += rate * db[c, h]
                for j in range(linear):
                    a[j, c] += rate * da[j, c]
    return wrong, worst


@kernel
def _count_votes(x, w, b, theta, a, alpha, field, votes, scores):
    """Add one vote a voter to the class of the highest score, and the score of each class."""
    voters, classes = alpha.shape
    features, hidden = w.shape[1], w.shape[2]
    linear = a.shape[1]
    for v in range(voters):
        for i in range(x.shape[0]):
            for h in range(hidden):
                field[h] = theta[v, h]
            if hidden > 0:
                for j in range(features):
                    value = x[i, j]
                    if value != 0.0:
                        for h in range(hidden):
                            field[h] += value * w[v, j, h]
            top, best = -math.inf, 0
            for c in range(classes):
                score = alpha[v, c]
                for h in range(hidden):
                    score += abs(field[h] + b[v, c, h])
                for j in range(linear):
                    score += x[i, j] * a[v, j, c]
                scores[i, c] += score
                if score > top:
                    top, best = score, c
            votes[i, best] += 1.0


class ConditionalHerding(Voting):
    """Conditional herding: a classifier with hidden units whose prediction is the vote of many iterates of its weights.

    Parameters
    ----------
    n_hidden : int
        Number of hidden units in {-1, +1}; 0 gives a linear classifier.
    n_iterations : int
        Largest number of passes over the data. A pass without an error does not change the weights, so the run ends after it.
    step_size : float
        eta; only its ratio to `start_scale` matters.
    multiclass : {"joint", "one-vs-all"}
        One machine for all classes, or one machine with two classes (this one or another) for each class.
    batch_size : int or None
        Number of points that are averaged in one step; None for all points.
    burn_in : int
        Number of passes before the iterates begin to vote. If the weights stop changing before, the last iterate alone decides.
    votes_per_pass : int
        Number of iterates of a pass that vote, taken at equal distances; they are kept in memory.
    start_scale : float
        Standard deviation of the first W and B; the biases begin at zero. If it is much smaller than `step_size`, all hidden units become equal
        and learn nothing.
    random_state : int, RandomState or None
        Seed of the first weights and of the order of points in each pass.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    n_iter_ : int
        Number of passes made, the largest over all machines.
    errors_ : list of lists of int
        Number of errors in each pass, one list for each machine.
    voters_ : list of tuples of arrays
        The iterates that vote, one tuple for each machine: W of shape (voters, n_features, n_hidden), B (voters, classes, n_hidden), theta (voters, n_hidden),
        A (voters, n_features, classes), of use without hidden units only, and alpha (voters, classes), for inputs centred and scaled.
    centre_, scale_ : array of shape (n_features,), float
        The numbers that are subtracted from the inputs and by which they are then divided.
    certificates_ : list of float
        The largest <w, v> over all steps of each machine; since the argmax is exact it is not positive, up to rounding.

    Notes
    -----
    If two classes tie for an iterate, the first one wins; if two classes have equally many votes, the one of higher mean score wins. The class
    needs scikit-learn and passes its estimator checks.

    References
    ----------
    Gelfand, Chen, van der Maaten, Welling, NIPS 23 (2010) 694-702.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> ConditionalHerding(n_hidden=20, random_state=0).fit(x, [0, 1, 1, 0]).score(x, [0, 1, 1, 0])
    1.0
    """

    def __init__(
        self,
        n_hidden: int = 100,
        n_iterations: int = 100,
        step_size: float = 1.0,
        multiclass: str = "joint",
        batch_size: int | None = 1,
        burn_in: int = 2,
        votes_per_pass: int = 10,
        start_scale: float = 1.0,
        random_state: Any = None,
    ):
        self.n_hidden = n_hidden
        self.n_iterations = n_iterations
        self.step_size = step_size
        self.multiclass = multiclass
        self.batch_size = batch_size
        self.burn_in = burn_in
        self.votes_per_pass = votes_per_pass
        self.start_scale = start_scale
        self.random_state = random_state

    def _check_parameters(self) -> None:
        whole_number("n_hidden", self.n_hidden, 0)
        whole_number("n_iterations", self.n_iterations, 1)
        positive("step_size", self.step_size)
        check_multiclass(self.multiclass)
        if self.batch_size is not None:
            whole_number("batch_size", self.batch_size, 1)
        whole_number("burn_in", self.burn_in, 0)
        whole_number("votes_per_pass", self.votes_per_pass, 1)
        positive("start_scale", self.start_scale)

    def _run(self, x: np.ndarray, y: np.ndarray, classes: int, random: np.random.Generator) -> dict:
        n, d = x.shape
        k = int(self.n_hidden)
        batch = n if self.batch_size is None else min(int(self.batch_size), n)
        linear = d if k == 0 else 0
        weights = (
            random.normal(0.0, self.start_scale, (d, k)),
            random.normal(0.0, self.start_scale, (classes, k)),
            np.zeros(k),
            np.zeros((linear, classes)),
            np.zeros(classes),
        )
        scratch = tuple(np.empty_like(w) for w in weights)
        field, change = np.empty(k), np.empty(k)
        batches = -(-n // batch)
        stops = np.unique(np.linspace(0, batches, min(self.votes_per_pass, batches) + 1).astype(np.int64))
        voters, errors, worst = [], [], -math.inf
        for t in range(int(self.n_iterations)):
            order = random.permutation(n)
            wrong = 0
            for first, last in itertools.pairwise(stops):
                missed, certificate = _herd(x, y, order, batch, first, last, self.step_size, *weights, *scratch, field, change)
                wrong += missed
                worst = max(worst, certificate)
                if t >= self.burn_in:
                    voters.append(tuple(w.copy() for w in weights))
            errors.append(int(wrong))
            if wrong == 0:
                break
        if not voters:
            voters = [weights]
        stacked = tuple(np.stack(w) for w in zip(*voters, strict=True))
        return {"voters": stacked, "passes": len(errors), "errors": errors, "certificate": float(worst)}

    def fit(self, X: Any, y: Any) -> Any:
        """Herd on a data set.

        Parameters
        ----------
        X : array of shape (n, n_features)
        y : array of shape (n,)

        Returns
        -------
        self
        """
        super().fit(X, y)
        self.certificates_ = [m["certificate"] for m in self._machines]
        self.voters_ = [m["voters"] for m in self._machines]
        return self

    def _votes(self, machine: dict, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        voters = machine["voters"]
        shape = (len(x), voters[-1].shape[1])
        votes, scores = np.zeros(shape), np.zeros(shape)
        _count_votes(np.ascontiguousarray(x), *voters, np.empty(voters[2].shape[1]), votes, scores)
        return votes, scores / len(voters[-1])
