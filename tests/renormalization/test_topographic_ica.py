"""Topographic ICA: neighbours share their energy, beside the nulls that do and do not pass; and the interface of a transformer."""

import numpy as np
import pytest

from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.renormalization import TopographicICA, null_patches


def volumes(seed, n=4000, side=6):
    """Sources on a torus whose variances are smooth over it, mixed by a rotation: what the model is for."""
    rng = np.random.default_rng(seed)
    raw = np.exp(rng.normal(size=(n, side, side)))
    for axis in (1, 2):
        raw = sum(np.roll(raw, k, axis) for k in (-1, 0, 1)) / 3
    sources = rng.normal(size=(n, side * side)) * raw.reshape(n, -1)
    return sources @ np.linalg.qr(np.random.default_rng(99).normal(size=(side * side, side * side)))[0]


@pytest.fixture(scope="module")
def patches():
    """Patches of 12 x 12 pixels from the two photographs of scikit-learn: left halves to fit, right halves held out."""
    images = [i.astype(float).mean(2) for i in pytest.importorskip("sklearn.datasets").load_sample_images().images]

    def cut(right, n, seed):
        rng, out = np.random.default_rng(seed), []
        for k in range(n):
            image = images[k % 2]
            half = image.shape[1] // 2
            r, c = rng.integers(image.shape[0] - 12), rng.integers(half - 12) + right * half
            out.append(image[r : r + 12, c : c + 12].ravel())
        return np.array(out) - np.mean(out, 1, keepdims=True)

    return cut(0, 6000, 0), cut(1, 5000, 1)


def fitted(x, radius=1, steps=100, side=8):
    return TopographicICA(side, radius, steps, random_state=0).fit(x)


def test_sources_that_vary_together_are_found_as_neighbours():
    model = TopographicICA(6, 1, 80, random_state=0).fit(volumes(0))
    assert model.topography(volumes(1))["z"] > 4
    plain = TopographicICA(6, 0, 40, random_state=0).fit(volumes(0))
    assert abs(plain.topography(volumes(1))["z"]) < 3.5


@pytest.mark.slow
def test_neighbours_share_their_energy_on_held_out_photographs(patches):
    model = fitted(patches[0])
    found = model.topography(patches[1])
    assert found["z"] > 10
    assert found["near"] > found["far"] + 0.03
    assert found["kurtosis"] > 6
    turns = model.orientation((12, 12))
    assert turns["z"] < -5
    assert turns["null"] == pytest.approx(45, abs=5)
    assert np.all(np.diff(model.objective_) > 0)


@pytest.mark.slow
def test_plain_components_have_no_topography(patches):
    assert abs(fitted(patches[0], radius=0).topography(patches[1])["z"]) < 3


@pytest.mark.slow
def test_the_nulls(patches):
    """Gaussian patches have none. Random phases keep contrast and orientation and do pass: a large z says nothing of edges, and the kurtosis is what differs."""
    # Of one covariance: the two halves of the photographs differ in theirs, and units that are white on one are correlated on the other (0.006).
    gaussian = [null_patches(patches[0], (12, 12), "gaussian", seed) for seed in (1, 2)]
    found = fitted(gaussian[0]).topography(gaussian[1])
    assert abs(found["near"]) < 0.005
    assert found["kurtosis"] == pytest.approx(3.0, abs=0.15)
    phases = [null_patches(x, (12, 12), "phases", 1 + k) for k, x in enumerate(patches)]
    model = fitted(phases[0])
    assert model.topography(phases[1])["z"] > 8
    assert model.orientation((12, 12))["z"] < -5  # orientations come from the spectra of patches, and edges are not needed for them


def test_what_the_null_patches_keep(patches):
    x = patches[0][:500]
    for kind in ("phases", "normalised phases"):
        y = null_patches(x, (12, 12), kind, 0)
        spectra = [np.abs(np.fft.fft2(p.reshape(-1, 12, 12))) for p in (x, y)]
        if kind == "phases":
            assert np.allclose(*spectra, atol=1e-9 * spectra[0].max())
        else:
            assert np.allclose(((y - y.mean(1, keepdims=True)) ** 2).mean(1), 1.0)
        assert not np.allclose(x, y, atol=0.1)
        # Phases are drawn for each patch: equal ones would leave how patches differ as it is.
        phases = [np.angle(np.fft.fft2(p.reshape(-1, 12, 12))[:, 1, 2]) for p in (x, y)]
        assert abs(np.exp(1j * (phases[1] - phases[0])).mean()) < 5 / np.sqrt(len(x))
    x = x + np.arange(144)
    y = null_patches(np.repeat(x, 40, 0), (12, 12), "gaussian", 0)
    assert np.allclose(y.mean(0), x.mean(0), atol=5 * x.std(0).max() / np.sqrt(len(y)))
    assert np.allclose(np.cov(y.T), np.cov(x.T), atol=0.05 * np.cov(x.T).max())


def test_the_interface_of_a_transformer():
    x = volumes(0)
    model = TopographicICA(side=6, n_steps=10, random_state=1)
    s = model.fit_transform(x)
    assert s.shape == (4000, 36)
    assert np.allclose(s.T @ s / len(s), np.eye(36), atol=1e-8)
    assert np.allclose(model.inverse_transform(s), x, atol=1e-8)
    assert model.get_params()["side"] == 6
    assert model.set_params(side=5).side == 5
    assert len(model.set_params(side=6).get_feature_names_out()) == 36
    again = TopographicICA(**model.get_params()).fit(x)
    assert np.array_equal(again.components_, model.components_)
    assert repr(model).startswith("TopographicICA(side=6")
    pipeline = pytest.importorskip("sklearn.pipeline").make_pipeline(pytest.importorskip("sklearn.base").clone(model))
    assert np.allclose(pipeline.fit_transform(x), s)


def test_the_gradient_is_that_of_the_objective(rng):
    z, w = rng.normal(size=(50, 16)), rng.normal(size=(16, 16))
    _, gradient = TopographicICA._objective(z, w, 4, 1, 0.1)
    direction, h = rng.normal(size=(16, 16)), 1e-6
    sides = [TopographicICA._objective(z, w + s * h * direction, 4, 1, 0.1)[0] for s in (1, -1)]
    assert (gradient * direction).sum() == pytest.approx((sides[0] - sides[1]) / (2 * h), rel=1e-6)


def test_a_picture_and_orientations(tmp_path, patches):
    model = TopographicICA(4, n_steps=3, random_state=0).fit(patches[0])
    model.plot((12, 12), tmp_path / "map.png")
    assert (tmp_path / "map.png").stat().st_size > 1000
    assert 30 < model.orientation((12, 12))["null"] < 60


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: TopographicICA(3).fit(x[0]), "`X`"),
        (lambda x: TopographicICA(3).fit(np.empty((0, 9))), "`X`"),
        (lambda x: TopographicICA(3).fit(np.full((20, 9), np.nan)), "`X`"),
        (lambda x: TopographicICA(3).fit("text"), "`X`"),
        (lambda x: TopographicICA(5).fit(x), "smaller side"),
        (lambda x: TopographicICA(3).fit(np.ones((40, 16))), "`X` must vary"),
        (lambda x: TopographicICA(1).fit(x), "`side`"),
        (lambda x: TopographicICA(3, 2).fit(x), "`radius`"),
        (lambda x: TopographicICA(3, n_steps=-1).fit(x), "`n_steps`"),
        (lambda x: TopographicICA(3, epsilon=0.0).fit(x), "`epsilon`"),
        (lambda x: TopographicICA(3).transform(x), "call fit"),
        (lambda x: TopographicICA(3, n_steps=1).fit(x).transform(x[:, :5]), "16 features"),
        (lambda x: TopographicICA(3, n_steps=1).fit(x).topography(x, permutations=1), "`permutations`"),
        (lambda x: TopographicICA(3, n_steps=1).fit(x).topography(x), "`side` must be at least 4"),
        (lambda x: TopographicICA(2, 0, n_steps=1).fit(x).orientation((4, 4)), "`side` must be at least 4"),
        (lambda x: TopographicICA(3, n_steps=1).fit(x).orientation((3, 3)), "`shape`"),
        (lambda x: TopographicICA(3, n_steps=1).fit(x).plot((3, 3)), "`shape`"),
        (lambda x: TopographicICA(4, n_steps=1).fit(x).orientation(16), "`shape`"),
        (lambda x: TopographicICA(4, n_steps=1).fit(x).orientation(None), "`shape`"),
        (lambda x: TopographicICA(4, n_steps=1).fit(x).orientation((1, 16)), "`shape`"),
        (lambda x: TopographicICA(4, n_steps=1).fit(x).plot("ab"), "`shape`"),
        (lambda x: TopographicICA(4, n_steps=1).fit(x).topography(np.ones((9, 16))), "`X` must vary in every unit"),
        (lambda x: TopographicICA(3).set_params(size=3), "`size`"),
        (lambda x: null_patches(x, (3, 3)), "`shape`"),
        (lambda x: null_patches(x, 4), "`shape`"),
        (lambda x: null_patches(x, (4, 4), "noise"), "`kind`"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        call(np.random.default_rng(0).normal(size=(60, 16)))


def test_whole_numbers_are_data_too():
    x = np.random.default_rng(0).integers(0, 9, (60, 16))
    assert TopographicICA(3, n_steps=1, random_state=0).fit_transform(x).shape == (60, 9)
