"""Conditional herding with hidden units on digits, beside the voted perceptron and logistic regression.

Gelfand, Chen, van der Maaten and Welling, "On herding and the perceptron cycling theorem", NIPS 23 (2010) 694-702, Table 1: on the digits of
USPS and on the pen strokes of UCI Pendigits conditional herding makes about half the errors of the voted perceptron. Here: the 1797 digits of
8 x 8 pixels of scikit-learn, in four times five stratified splits into 80 % and 20 %, with all classifiers on the same splits. The training sets
of the splits overlap, and the intervals allow for this (Nadeau and Bengio, Machine Learning 52 (2003) 239).

The weights stop changing when every point of the training set is classified correctly, which happens after 15 to 40 passes with hidden units. The
votes therefore come from the iterates before that; the last iterate alone makes more errors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.core.scatter import standard_error
from weakchaos.experiments.base import Curve, Experiment, Panel, run_cells
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, lacking

__all__ = ["conclude", "measure", "run"]

CLAIM = "Conditional herding with hidden units makes fewer errors on digits than the voted perceptron and than logistic regression."
SOURCE = "Gelfand, Chen, van der Maaten, Welling, NIPS 23 (2010) 694-702, Table 1 (USPS: ten-fold cross-validation); logistic regression: this library"
_SPLITS = 20
_SHARED = 0.25  # test cases over training cases of a split
PENDIGITS, USPS = "Pendigits %, paper", "USPS %, paper"
# Test errors in per cent as printed: (multiclass, classifier) -> (Pendigits, USPS).
PAPER: dict[tuple[str, str], tuple[float, float]] = {
    ("one-vs-all", "voted perceptron"): (10.92, 5.03),
    ("one-vs-all", "discriminative RBM, 100 hidden"): (5.32, 3.97),
    ("one-vs-all", "discriminative RBM, 200 hidden"): (5.00, 4.02),
    ("one-vs-all", "conditional herding, 100 hidden"): (3.37, 3.49),
    ("one-vs-all", "conditional herding, 200 hidden"): (3.00, 3.35),
    ("joint", "voted perceptron"): (6.78, 4.86),
    ("joint", "discriminative RBM, 50 hidden"): (3.80, 3.13),
    ("joint", "discriminative RBM, 100 hidden"): (3.23, 2.84),
    ("joint", "discriminative RBM, 500 hidden"): (8.89, 4.06),
    ("joint", "conditional herding, 50 hidden"): (3.14, 3.36),
    ("joint", "conditional herding, 100 hidden"): (2.57, 3.07),
    ("joint", "conditional herding, 500 hidden"): (2.86, 2.81),
}


def _sklearn() -> tuple[Any, ...]:
    try:
        from sklearn.datasets import load_digits
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV, StratifiedKFold
        from sklearn.multiclass import OneVsRestClassifier
        from sklearn.svm import SVC
    except ImportError as error:
        raise ArgumentError(f"`conditional_herding` needs scikit-learn ({error}): pip install 'weakchaos[sklearn]'") from None
    return load_digits, LogisticRegression, GridSearchCV, StratifiedKFold, OneVsRestClassifier, SVC


def _classifiers(quick: bool, seed: int) -> dict[tuple[str, str], Any]:
    from weakchaos.herding import ConditionalHerding, VotedPerceptron

    _, LogisticRegression, GridSearchCV, _, OneVsRestClassifier, SVC = _sklearn()
    out: dict[tuple[str, str], Any] = {}
    for multiclass in ("joint",) if quick else ("one-vs-all", "joint"):
        out[multiclass, "voted perceptron"] = VotedPerceptron(multiclass=multiclass, random_state=seed)
        logistic = LogisticRegression(max_iter=2000)
        if not quick:
            logistic = GridSearchCV(logistic, {"C": [0.01, 0.1, 1.0, 10.0, 100.0]})
        out[multiclass, "logistic regression"] = logistic if multiclass == "joint" else OneVsRestClassifier(logistic)
        for hidden in (100,) if quick else (100, 200):
            out[multiclass, f"conditional herding, {hidden} hidden"] = ConditionalHerding(
                hidden, multiclass=multiclass, random_state=seed
            )
    if not quick:
        out["one-vs-one", "support vector machine, Gaussian kernel"] = SVC()
    return out


def _digits() -> tuple[np.ndarray, np.ndarray]:
    x, y = _sklearn()[0](return_X_y=True)
    return x / 16.0, y


def _splits(seed: int, repeats: int) -> list[tuple[np.ndarray, np.ndarray]]:
    x, y = _digits()
    folds = _sklearn()[3]
    return [split for k in range(repeats) for split in folds(5, shuffle=True, random_state=seed + k).split(x, y)]


def _cell(number: int, quick: bool, repeats: int, seed: int) -> list[dict[str, Any]]:
    """Test errors of all classifiers on one split, in per cent."""
    (x, y), (learn, test) = _digits(), _splits(seed, repeats)[number]
    return [
        {"classes": key[0], "classifier": key[1], "error": 100 * (1 - model.fit(x[learn], y[learn]).score(x[test], y[test]))}
        for key, model in _classifiers(quick, seed).items()
    ]


def _course(number: int, passes: tuple[int, ...], seed: int) -> dict[str, list[float]]:
    """Test errors in per cent after so many passes: of the vote, of the iterate alone, of the voted perceptron."""
    from weakchaos.herding import ConditionalHerding, VotedPerceptron

    (x, y), (learn, test) = _digits(), _splits(seed, 1)[number]
    out: dict[str, list[float]] = {"vote": [], "last iterate": [], "voted perceptron": []}
    for t in passes:
        # One seed, one orbit: that of a longer run begins with that of a shorter one.
        models = {
            "vote": ConditionalHerding(100, t, burn_in=min(2, t - 1), random_state=seed),
            "last iterate": ConditionalHerding(100, t, burn_in=t - 1, votes_per_pass=1, random_state=seed),
            "voted perceptron": VotedPerceptron(t, random_state=seed),
        }
        for name, model in models.items():
            out[name].append(100 * (1 - model.fit(x[learn], y[learn]).score(x[test], y[test])))
    return out


def _filters(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """W of 36 hidden units at the end of a run, each scaled to [0, 1], as one picture of 6 x 6 tiles."""
    from weakchaos.herding import ConditionalHerding

    w = ConditionalHerding(36, 30, random_state=seed).fit(x, y).voters_[0][0][-1]
    w = (w - w.min(0)) / np.ptp(w, axis=0)
    picture = np.ones((6 * 9 - 1, 6 * 9 - 1))
    for k in range(36):
        i, j = divmod(k, 6)
        picture[9 * i : 9 * i + 8, 9 * j : 9 * j + 8] = w[:, k].reshape(8, 8)
    return picture


def measure(quick: bool = False, seed: int = 0, executor: Any = None) -> dict[str, Any]:
    """Errors of all classifiers on twenty splits of the digits; a quick run takes two splits, and only classifiers of all ten digits at once with 100 hidden units."""
    repeats, splits, courses = (1, 2, 2) if quick else (4, _SPLITS, 5)
    passes = (1, 2, 3, 5, 8, 12, 20) if quick else (1, 2, 3, 5, 8, 12, 20, 30, 50)
    cells = run_cells(_cell, [(k, quick, repeats, seed) for k in range(splits)], executor)
    return {
        "parameters": {"splits": splits, "seed": seed, "quick": quick},
        "passes": list(passes),
        "splits": cells,
        "courses": run_cells(_course, [(k, passes, seed) for k in range(courses)], executor),
        "pictures": {"weights": _filters(*_digits(), seed)},
    }


def _errors(data: dict[str, Any]) -> dict[tuple[str, str], np.ndarray]:
    """Test errors by classifier, one a split."""
    keys = [(c["classes"], c["classifier"]) for c in data["splits"][0]]
    return {key: np.array([split[k]["error"] for split in data["splits"]], float) for k, key in enumerate(keys)}


def conclude(data: dict[str, Any]) -> Conclusion:
    """The verdict on the claim, from the numbers alone."""
    errors, parts, told = _errors(data), [], []
    for (classes, name), herded in errors.items():
        if not name.startswith("conditional"):
            continue
        for other in ("voted perceptron", "logistic regression"):
            gain = Estimate.mean(errors[classes, other] - herded, "splits", _SHARED)
            label = f"errors of {other} less those of {name}, {classes}, points"
            parts.append(Part(label, gain, above=0, lacks=lacking("splits", len(herded), _SPLITS)))
        told.append(Part(f"errors of {name}, {classes}, %", Estimate.mean(herded, "splits", _SHARED)))
    machine = ("one-vs-one", "support vector machine, Gaussian kernel")
    if machine in errors:
        best = min((e for (_, name), e in errors.items() if name.startswith("conditional")), key=np.mean)
        told.append(Part("errors of a support vector machine less those of the best herder, points",
                         Estimate.mean(errors[machine] - best, "splits", _SHARED)))  # fmt: skip
    last, vote = (np.array([c[key][-1] for c in data["courses"]], float) for key in ("last iterate", "vote"))
    label = f"errors of the last iterate less those of the vote after {data['passes'][-1]} passes, points"
    told.append(Part(label, Estimate.mean(last - vote, "splits", _SHARED)))
    return Conclusion(CLAIM, SOURCE, (*parts, *told))


def _rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    errors, rows = _errors(data), []
    for key in [*errors, *(k for k in PAPER if k not in errors)]:
        measured = errors.get(key)
        spread = None if measured is None else Estimate.mean(measured, "splits", _SHARED).stderr
        rows.append(
            {
                "classes": key[0],
                "classifier": key[1],
                "digits %": None if measured is None else float(measured.mean()),
                "± s.e.": spread,
                PENDIGITS: PAPER.get(key, (None, None))[0],
                USPS: PAPER.get(key, (None, None))[1],
            }
        )
    return sorted(rows, key=lambda r: ("one-vs-all", "joint", "one-vs-one").index(r["classes"]))


def _panels(data: dict[str, Any]) -> tuple[Panel, ...]:
    courses, curves = data["courses"], []
    for label in courses[0]:
        y = np.array([c[label] for c in courses])
        curves.append(Curve(label, np.array(data["passes"], float), y.mean(0), standard_error(y)))
    return (
        Panel("Joint, 100 hidden units", "passes over the data", "test error, %", tuple(curves), x_log=True),
        Panel("Weights of 36 hidden units", image=data["pictures"]["weights"]),
    )


def run(quick: bool = False, seed: int = 0, executor: Any = None) -> Experiment:
    """Errors of all classifiers on twenty splits of the digits; a quick run takes two splits, and only classifiers of all ten digits at once with 100 hidden units."""
    data = measure(quick, seed, executor)
    return Experiment("conditional_herding", conclude(data), _rows(data), data["parameters"], _panels(data), data)
