"""The voted perceptron, the classifier with which conditional herding is compared.

Freund and Schapire, Mach. Learn. 37 (1999) 277, doi:10.1023/A:1007662407062: point after point, with a weight vector for each class,

    y* = argmax_y <w_y, x>,      where y* is wrong:  w_y += x,  w_{y*} -= x,

and each w has as many votes as the number of steps that it survived. w is a sum of misclassified points, so only these points are kept, and a
prediction adds them up again.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.herding.classifiers.voting import Voting, check_multiclass
from weakchaos.native.compiled import kernel

__all__ = ["VotedPerceptron"]


@kernel
def _perceptron(x, y, order, a, mistakes, rivals, times, done, clock):
    """One pass of the perceptron; what it got wrong, with what, and when, is appended from place `done` on."""
    features, classes = a.shape
    for i in order:
        top, best = -math.inf, 0
        for c in range(classes):
            score = 0.0
            for j in range(features):
                score += x[i, j] * a[j, c]
            if score > top:
                top, best = score, c
        if best != y[i]:
            mistakes[done], rivals[done], times[done] = i, best, clock
            done += 1
            for j in range(features):
                a[j, y[i]] += x[i, j]
                a[j, best] -= x[i, j]
        clock += 1
    return done


@kernel
def _vote_of_perceptrons(products, y, mistakes, rivals, lifetimes, votes, scores):
    """Replay the mistakes: their inner products with a new point are all that its scores need."""
    classes = votes.shape[1]
    score = np.empty(classes)
    for i in range(votes.shape[0]):
        score[:] = 0.0
        for m in range(mistakes.size):
            score[y[mistakes[m]]] += products[i, mistakes[m]]
            score[rivals[m]] -= products[i, mistakes[m]]
            best = 0
            for c in range(1, classes):
                if score[c] > score[best]:
                    best = c
            votes[i, best] += lifetimes[m]
            for c in range(classes):
                scores[i, c] += lifetimes[m] * score[c]


class VotedPerceptron(Voting):
    """The voted perceptron: each weight vector has as many votes as the number of steps that it survived.

    Parameters
    ----------
    n_iterations : int
        Largest number of passes over the data; a pass without an error ends the run.
    multiclass : {"joint", "one-vs-all"}
        One perceptron with a weight vector for each class, which after an error moves the vectors of the right class and of the predicted
        class; or one perceptron with two classes (this one or another) for each class.
    random_state : int, RandomState or None
        Seed of the order of points in each pass.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    n_iter_ : int
        Number of passes made, the largest over all machines.
    errors_ : list of lists of int
        Number of errors in each pass, one list for each machine.

    Notes
    -----
    Weights begin at zero, where the first class wins, and vote from the first error on. The misclassified points are kept instead of the weight
    vectors, and a prediction adds them up again.

    References
    ----------
    Freund, Schapire, Machine Learning 37 (1999) 277-296, doi:10.1023/A:1007662407062.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> VotedPerceptron(random_state=0).fit(x, ["a", "a", "b", "b"]).predict([[3.0]]).tolist()
    ['b']
    """

    def __init__(self, n_iterations: int = 30, multiclass: str = "joint", random_state: Any = None):
        self.n_iterations = n_iterations
        self.multiclass = multiclass
        self.random_state = random_state

    def _check_parameters(self) -> None:
        whole_number("n_iterations", self.n_iterations, 1)
        check_multiclass(self.multiclass)

    def _run(self, x: np.ndarray, y: np.ndarray, classes: int, random: np.random.Generator) -> dict:
        x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
        n = len(x)
        a = np.zeros((x.shape[1], classes))
        lists, errors = [], []
        for t in range(int(self.n_iterations)):
            mistakes, rivals, times = (np.empty(n, np.int64) for _ in range(3))
            done = _perceptron(x, y, random.permutation(n), a, mistakes, rivals, times, 0, t * n)
            lists.append((mistakes[:done], rivals[:done], times[:done]))
            errors.append(int(done))
            if done == 0:
                break
        mistakes, rivals, times = (np.concatenate(v) for v in zip(*lists, strict=True))
        lifetimes = np.diff(np.append(times, len(errors) * n)).astype(np.float64)
        return {
            "x": x, "y": y, "classes": classes, "mistakes": mistakes, "rivals": rivals, "lifetimes": lifetimes, "passes": len(errors), "errors": errors,
        }  # fmt: skip

    def _votes(self, machine: dict, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        votes, scores = (np.zeros((len(x), machine["classes"])) for _ in range(2))
        if not machine["mistakes"].size:
            votes[:, 0] = 1.0
            return votes, scores
        products = np.concatenate([x, np.ones((len(x), 1))], axis=1) @ machine["x"].T
        _vote_of_perceptrons(products, machine["y"], machine["mistakes"], machine["rivals"], machine["lifetimes"], votes, scores)
        return votes, scores / machine["lifetimes"].sum()
