"""Conditional herding and the voted perceptron: oracles, the perceptron cycling theorem, scikit-learn's estimator checks."""

import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from tests.herding import naive_learning as naive
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.herding import ConditionalHerding, VotedPerceptron
from weakchaos.herding.classifiers.conditional import _herd


@parametrize_with_checks(
    [
        ConditionalHerding(n_hidden=20, n_iterations=20),
        ConditionalHerding(n_hidden=20, n_iterations=20, multiclass="one-vs-all", batch_size=10),
        ConditionalHerding(n_hidden=0, n_iterations=10),
        VotedPerceptron(),
        VotedPerceptron(multiclass="one-vs-all"),
    ]
)
def test_scikit_learn_accepts_them(estimator, check):
    check(estimator)


def blobs(rng, n=60, classes=3, d=4, spread=1.0):
    centres = rng.normal(0.0, 1.5, (classes, d))
    y = rng.integers(0, classes, n)
    return centres[y] + rng.normal(0.0, spread, (n, d)), y


def machine(rng, d, k, classes):
    linear = d if k == 0 else 0
    return tuple(rng.normal(size=s) for s in ((d, k), (classes, k), (k,), (linear, classes), (classes,)))


@pytest.mark.parametrize(("hidden", "batch"), [(4, 1), (4, 7), (0, 1), (0, 60)])
def test_dynamics_are_the_oracle(rng, hidden, batch):
    x, y = blobs(rng)
    weights = machine(rng, 4, hidden, 3)
    expected = tuple(v.copy() for v in weights)
    scratch = tuple(np.empty_like(v) for v in weights)
    for _ in range(3):
        order = rng.permutation(60)
        wrong, worst = _herd(x, y, order, batch, 0, -(-60 // batch), 0.7, *weights, *scratch, np.empty(hidden), np.empty(hidden))
        errors, certificates = 0, []
        for first in range(0, 60, batch):
            part = order[first : first + batch]
            e, c, expected = naive.conditional_step(x[part], y[part], expected, 0.7)
            errors += e
            certificates.append(c)
        assert wrong == errors > 0
        assert worst == pytest.approx(max(certificates), abs=1e-9)
        for got, wanted in zip(weights, expected, strict=True):
            assert np.allclose(got, wanted)


def test_scores_are_maxima_over_hidden_states(rng):
    """The vote of one iterate, against enumeration of its hidden states."""
    x, y = blobs(rng)
    model = ConditionalHerding(n_hidden=5, n_iterations=3, burn_in=2, votes_per_pass=1, random_state=1).fit(x, y)
    voters = model.voters_[0]
    assert len(voters[4]) == 1
    weights = tuple(v[0] for v in voters)
    u = (x - model.centre_) / model.scale_
    assert np.array_equal(model.predict(x), [int(np.argmax(naive.class_scores(row, weights)[0])) for row in u])


def test_votes_are_counted_over_all_iterates(rng):
    x, y = blobs(rng, spread=2.0)
    model = ConditionalHerding(n_hidden=4, n_iterations=6, burn_in=3, votes_per_pass=5, random_state=1).fit(x, y)
    voters = model.voters_[0]
    assert len(voters[4]) == 15
    u = (x - model.centre_) / model.scale_
    counts = np.zeros((60, 3))
    for v in range(15):
        for i, row in enumerate(u):
            counts[i, int(np.argmax(naive.class_scores(row, tuple(part[v] for part in voters))[0]))] += 1
    assert np.allclose(model.votes(x), counts / 15, atol=1e-7)
    assert np.array_equal(model.decision_function(x).argmax(1), model.predict(x))


def test_ties_go_to_the_higher_mean_score(rng):
    x, y = blobs(rng, n=200, spread=3.0)
    model = ConditionalHerding(n_hidden=4, n_iterations=3, burn_in=1, votes_per_pass=1, random_state=1).fit(x, y)
    voters = model.voters_[0]
    u = (x - model.centre_) / model.scale_
    scores = np.array([[naive.class_scores(row, tuple(part[v] for part in voters))[0] for row in u] for v in range(2)])
    first, second = scores.argmax(2)
    tied = np.flatnonzero(first != second)
    assert tied.size > 10
    expected = [max((first[i], second[i]), key=lambda c, i=i: scores[:, i, c].sum()) for i in tied]
    assert np.array_equal(model.predict(x)[tied], expected)
    assert not np.array_equal(expected, np.minimum(first, second)[tied])


def test_weights_stay_bounded_where_classes_overlap(rng):
    """The perceptron cycling theorem: <w, v> <= 0 at every step keeps |w| bounded, although the errors never cease."""
    x, y = blobs(rng, n=100, spread=4.0)
    norms = []
    for passes in (10, 100, 1000):
        model = ConditionalHerding(n_hidden=3, n_iterations=passes, burn_in=passes - 1, votes_per_pass=1, random_state=0).fit(x, y)
        assert model.n_iter_ == passes
        assert model.errors_[0][-1] > 0
        assert max(model.certificates_) <= 1e-9
        norms.append(np.sqrt(sum((v**2).sum() for v in model.voters_[0])))
    assert norms[2] < 3 * norms[0] + 30


def test_the_sign_of_the_change_matters(rng):
    """Negative control: with eta < 0 the weights run away, at a distance that grows like the number of steps."""
    x, y = blobs(rng, n=100, spread=4.0)
    scratch = tuple(np.empty_like(v) for v in machine(rng, 4, 3, 3))
    norms = []
    for eta in (1.0, -1.0):
        weights = machine(np.random.default_rng(0), 4, 3, 3)
        for _ in range(100):
            _herd(x, y, np.arange(100), 1, 0, 100, eta, *weights, *scratch, np.empty(3), np.empty(3))
        norms.append(np.sqrt(sum((v**2).sum() for v in weights)))
    assert norms[1] > 20 * norms[0]


def test_step_size_only_rescales_the_first_weights(rng):
    x, y = blobs(rng, spread=2.0)
    one = ConditionalHerding(n_hidden=8, step_size=1.0, start_scale=0.5, random_state=3, n_iterations=20).fit(x, y)
    eight = ConditionalHerding(n_hidden=8, step_size=8.0, start_scale=4.0, random_state=3, n_iterations=20).fit(x, y)
    assert np.array_equal(one.votes(x), eight.votes(x))
    assert one.errors_ == eight.errors_
    other = ConditionalHerding(n_hidden=8, step_size=1.0, start_scale=4.0, random_state=3, n_iterations=20).fit(x, y)
    assert one.errors_ != other.errors_


def test_inputs_may_be_shifted_and_scaled(rng):
    x, y = blobs(rng, spread=2.0)
    one = ConditionalHerding(n_hidden=8, random_state=3, n_iterations=10).fit(x, y)
    two = ConditionalHerding(n_hidden=8, random_state=3, n_iterations=10).fit(16 * x + 32, y)
    assert np.allclose(one.votes(x), two.votes(16 * x + 32))


@pytest.mark.parametrize("multiclass", ["joint", "one-vs-all"])
def test_voted_perceptron_is_the_oracle(rng, multiclass):
    """All weight vectors kept with their lifetimes, instead of mistakes replayed."""
    x, y = blobs(rng, n=40, spread=2.0)
    model = VotedPerceptron(n_iterations=4, multiclass=multiclass, random_state=2).fit(x, y)
    random = np.random.default_rng(np.random.RandomState(2).randint(0, 2**31 - 1))
    new = blobs(rng, n=15)[0]

    def prepared(v):
        return np.concatenate([(v - model.centre_) / model.scale_, np.ones((len(v), 1))], 1)

    problems = [(y, 3)] if multiclass == "joint" else [((y == c).astype(int), 2) for c in range(3)]
    shares = []
    for labels, classes in problems:
        orders = [random.permutation(40) for _ in range(4)]
        shares.append(naive.voted_perceptron(prepared(x), labels, orders, classes, prepared(new)))
    expected = shares[0] if multiclass == "joint" else np.stack([s[:, 1] for s in shares], 1)
    assert np.allclose(model.votes(new), expected, atol=1e-7)


def test_run_ends_where_nothing_changes(rng):
    x = np.concatenate([rng.normal(-5, 1, (20, 2)), rng.normal(5, 1, (20, 2))])
    y = np.repeat(["left", "right"], 20)
    for model in (ConditionalHerding(10, 50, random_state=0), VotedPerceptron(50, random_state=0)):
        assert model.fit(x, y).n_iter_ < 20
        assert model.errors_[0][-1] == 0
        assert model.score(x, y) == 1.0


def test_exclusive_or_needs_hidden_units(rng):
    x = rng.uniform(-1, 1, (300, 2))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    new = rng.uniform(-1, 1, (300, 2))
    truth = (new[:, 0] * new[:, 1] > 0).astype(int)
    assert ConditionalHerding(30, 60, random_state=0).fit(x, y).score(new, truth) > 0.93
    assert VotedPerceptron(random_state=0).fit(x, y).score(new, truth) < 0.75


@pytest.mark.parametrize("multiclass", ["joint", "one-vs-all"])
def test_digits(multiclass):
    """Better than the voted perceptron on the same split, as in Table 1 of the paper on its data sets."""
    x, y = load_digits(return_X_y=True)
    a, b, c, d = train_test_split(x, y, test_size=0.5, random_state=0, stratify=y)
    herded = ConditionalHerding(60, 12, multiclass=multiclass, random_state=0).fit(a, c).score(b, d)
    perceptron = VotedPerceptron(12, multiclass=multiclass, random_state=0).fit(a, c).score(b, d)
    assert herded > 0.95
    assert 1 - herded < 0.8 * (1 - perceptron)


def test_in_a_pipeline(rng):
    x, y = blobs(rng)
    pipeline = make_pipeline(StandardScaler(), ConditionalHerding(10, 5, random_state=0))
    assert pipeline.fit(x, y).predict(x).shape == (60,)
    assert pipeline.set_params(conditionalherding__n_hidden=3).get_params()["conditionalherding__n_hidden"] == 3


def test_same_seed_same_votes(rng):
    x, y = blobs(rng)
    votes = [ConditionalHerding(10, 5, random_state=s).fit(x, y).votes(x) for s in (0, 0, 1)]
    assert np.array_equal(votes[0], votes[1])
    assert not np.array_equal(votes[0], votes[2])


def test_missing_scikit_learn_is_explained(monkeypatch):
    import weakchaos.herding.classifiers

    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    for name in ("conditional", "perceptron", "voting"):
        monkeypatch.delitem(sys.modules, f"weakchaos.herding.classifiers.{name}")
        monkeypatch.delattr(weakchaos.herding.classifiers, name)
    for name in ("ConditionalHerding", "VotedPerceptron"):
        monkeypatch.delattr(weakchaos.herding, name, raising=False)  # a face keeps what it has handed on
    with pytest.raises(ImportError, match=r"weakchaos\[sklearn\]"):
        _ = weakchaos.herding.ConditionalHerding
    with pytest.raises(AttributeError, match="no attribute"):
        _ = weakchaos.herding.Nothing


@pytest.mark.parametrize(
    ("model", "match"),
    [
        (ConditionalHerding(n_hidden=-1), "n_hidden"),
        (ConditionalHerding(n_iterations=0), "n_iterations"),
        (ConditionalHerding(step_size=0.0), "step_size"),
        (ConditionalHerding(multiclass="pairs"), "multiclass"),
        (ConditionalHerding(batch_size=0), "batch_size"),
        (ConditionalHerding(burn_in=-1), "burn_in"),
        (ConditionalHerding(votes_per_pass=0), "votes_per_pass"),
        (ConditionalHerding(start_scale=-1.0), "start_scale"),
        (VotedPerceptron(n_iterations="ten"), "n_iterations"),
        (VotedPerceptron(multiclass=None), "multiclass"),
    ],
)
def test_bad_parameters(model, match):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=match):
        model.fit([[0.0], [1.0]], [0, 1])
