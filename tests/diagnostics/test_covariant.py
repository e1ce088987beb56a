"""Covariant vectors: eigenvectors of the cat map, growth equal to the spectrum, covariance, directions known by symmetry."""

import math

import numpy as np
import pytest

from tests.diagnostics.test_spectrum import Tangent, Twin
from tests.diagnostics.toy_systems import Map
from weakchaos import systems
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics.orbits.covariant import covariant_vectors
from weakchaos.diagnostics.orbits.spectrum import lyapunov_spectrum

GOLDEN = (math.sqrt(5) - 1) / 2


def test_cat_map_eigenvectors():
    result = covariant_vectors(systems.ArnoldCat(), steps=1000)
    unstable, stable = np.array([1.0, GOLDEN]), np.array([-GOLDEN, 1.0])
    for j, exact in enumerate((unstable, stable)):
        exact = exact / np.linalg.norm(exact)
        assert np.abs(np.abs(result.vectors[:, :, j] @ exact) - 1).max() < 1e-14
    assert np.abs(result.angle(0, 1) - math.pi / 2).max() < 1e-14
    assert np.abs(result.growth - [math.log(2 + GOLDEN), -math.log(2 + GOLDEN)]).max() < 1e-13


def test_an_oblique_linear_map():
    """Eigenvectors that are not orthogonal: Gram-Schmidt vectors would miss the second."""
    matrix = np.array([[2.0, 1.0, 0.0], [0.0, 0.5, 1.0], [0.0, 0.0, 0.1]])
    system = systems.UserMap(
        lambda u, out: out.__setitem__(slice(None), np.tanh(0 * u)), 3, jacobian=lambda u, J: J.__setitem__(slice(None), matrix)
    )
    result = covariant_vectors(system, steps=20, transient=100)
    values, vectors = np.linalg.eig(matrix)
    for j, i in enumerate(np.argsort(-values)):
        assert np.abs(np.abs(result.vectors[:, :, j] @ vectors[:, i]) - 1).max() < 1e-12
    assert np.allclose(result.exponents, np.log([2.0, 0.5, 0.1]), atol=1e-12)
    first = abs(vectors[:, np.argmax(values)] @ vectors[:, np.argsort(-values)[1]])
    assert np.allclose(np.cos(result.angle(0, 1)), first)
    assert result.smallest_angle(1).max() < math.acos(first), "the span of two vectors is nearer than one of them"


@pytest.mark.parametrize(
    ("system", "options"),
    [
        (systems.Henon(), {}),
        (systems.StandardMap(), {}),
        (systems.Lorenz(), {"transient": 3000}),
        (systems.Lorenz96(8), {"transient": 4000, "every": 5}),
    ],
    ids=lambda v: type(v).__name__,
)
def test_vectors_are_covariant_and_grow_at_the_exponents(system, options):
    result = covariant_vectors(system, steps=5000, **options)
    assert result.residual < 1e-8
    spectrum = lyapunov_spectrum(system, steps=5000, transient=options.get("transient"), every=1)
    # The same orbit, so the growth differs by what the first and last angles add.
    assert np.allclose(result.exponents, spectrum.exponents, atol=5 * math.log(1e3) / (5000 * system.time_step))
    assert np.linalg.norm(result.vectors, axis=1) == pytest.approx(1.0)


def test_the_residual_can_fail():
    """Without steps to turn in, the coefficients are those of the start, and the vectors still move to one another; from two runs they do not."""
    one = covariant_vectors(systems.Lorenz(), steps=300)
    other = covariant_vectors(systems.Lorenz(), steps=300, backward=0)
    difference = np.abs(np.abs(np.einsum("td,td->t", one.vectors[:, :, 2], other.vectors[:, :, 2])) - 1)
    assert difference[-1] > 1e-3
    assert difference[0] < 1e-3


def test_the_neutral_vector_of_a_flow_is_its_velocity():
    system = systems.Lorenz()
    result = covariant_vectors(system, steps=200, transient=6000)
    for t in range(0, 200, 20):
        velocity = system.vector_field(result.states[t])
        assert abs(abs(velocity @ result.vectors[t, :, 1]) / np.linalg.norm(velocity) - 1) < 1e-3


def test_henon_has_tangencies_and_the_cat_map_none():
    henon = covariant_vectors(systems.Henon(), steps=20_000)
    assert henon.smallest_angle(1).min() < 1e-3
    assert np.allclose(henon.smallest_angle(1), henon.angle(0, 1), atol=1e-9)


def test_every_counts_steps():
    fine, coarse = (covariant_vectors(systems.Henon(), steps=1000, every=e) for e in (1, 4))
    assert np.allclose(np.abs(np.einsum("td,td->t", fine.vectors[::4, :, 1], coarse.vectors[:, :, 1])), 1.0, atol=1e-9)
    assert coarse.times[1] == 4.0


def test_other_systems():
    assert np.allclose(
        covariant_vectors(Tangent(), steps=50, transient=50).exponents, [math.log(2 + GOLDEN), -math.log(2 + GOLDEN)]
    )
    assert covariant_vectors(Twin(), steps=20, transient=20, k=1).warnings


def test_what_cannot_be_followed_backwards_says_so():
    constant = covariant_vectors(Map(lambda x: 0.3 + 0.0 * x), steps=20, transient=0)
    assert math.isnan(float(constant))
    assert any("singular" in note for note in constant.warnings)
    assert "diverged" in " ".join(covariant_vectors(systems.Henon(2.0), steps=50).warnings)


def test_bad_input():
    with pytest.raises(ArgumentError, match="GB"):
        covariant_vectors(systems.Lorenz96(), steps=10**7)
    for bad in ({"every": 0}, {"backward": -1}, {"k": 5}):
        with pytest.raises(ArgumentError):
            covariant_vectors(systems.Henon(), **bad)
    with pytest.raises(ArgumentError, match="unstable"):
        covariant_vectors(systems.Henon(), steps=20, transient=20).smallest_angle(2)
