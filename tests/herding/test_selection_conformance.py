"""What every selection that thins draws must do, whatever its method: repeat itself, sum its weights, refuse bad points."""

import numpy as np
import pytest

from weakchaos.core.errors import ArgumentError
from weakchaos.herding import compress, select
from weakchaos.herding.selection import selecting
from weakchaos.kernels import Gaussian

METHODS = [name for name, way in selecting.METHODS.items() if way.exact]


def chosen(method, x, size, **options):
    given = {"gradients": -x} if method.startswith("stein") else {"kernel": options.pop("kernel", Gaussian(1.0))}
    return select(x, size, method, progress=False, **{**given, **options})


@pytest.mark.parametrize("method", selecting.METHODS)
def test_every_method_says_what_it_chose(method, rng):
    """What `select` promises of any method, whatever it minimises."""
    x = rng.normal(size=(60, 2))
    one, two = (chosen(method, x, 9, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.indices, two.indices)
    np.testing.assert_array_equal(one.points, x[one.indices])
    np.testing.assert_array_equal(one.weights, two.weights)
    assert one.method
    assert 1 <= len(one) <= 9
    assert one.weights.shape == (len(one),)
    assert len(one.mmd) >= 1
    assert np.isfinite(one.mmd).all()
    assert one.mmd[-1] <= one.mmd[0]
    assert one.evaluations > 0
    assert np.abs(one.to_trace().mean()).max() < 1.0
    x[7, 1] = np.nan
    with pytest.raises(ArgumentError, match="row 7"):
        chosen(method, x, 5)
    with pytest.raises(ArgumentError, match="no option `alchemy`"):
        chosen(method, x, 5, alchemy=1)
    if not selecting.METHODS[method].one_by_one:
        with pytest.raises(ArgumentError, match="`repeats=False` goes with"):
            chosen(method, x, 5, repeats=False)


def test_the_documentation_of_select_lists_every_method():
    missing = [name for name in selecting.METHODS if f'``"{name}"``' not in select.__doc__]
    assert not missing, f"name {missing} in the docstring of `select` (weakchaos/herding/selection/selecting.py)"


@pytest.mark.parametrize("method", METHODS)
def test_a_selection_keeps_its_promises(method, rng):
    x = rng.normal(size=(300, 2))
    one, two = chosen(method, x, 17, seed=5), chosen(method, x, 17, seed=5)
    np.testing.assert_array_equal(one.indices, two.indices)
    assert len(one) == 17
    assert one.weights.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_array_equal(one.points, x[one.indices])
    assert one.mmd.shape == (17,)
    assert np.isfinite(one.mmd).all()
    assert one.mmd[-1] < one.mmd[0]
    assert one.evaluations > 0
    trace = one.to_trace()
    np.testing.assert_allclose(trace.mean(), one.points.mean(0), atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_duplicates_and_fewer_candidates_than_points(method, rng):
    x = np.repeat(rng.normal(size=(10, 2)), 3, 0)
    assert len(chosen(method, x, 50)) == 50
    if method != "stein-thinning":
        assert len(np.unique(chosen(method, x, 20).points, axis=0)) >= 8


@pytest.mark.parametrize("method", METHODS)
def test_bad_points_are_refused(method, rng):
    x = rng.normal(size=(40, 2))
    holed = x.copy()
    holed[7, 1] = np.nan
    with pytest.raises(ArgumentError, match="row 7"):
        chosen(method, holed, 5)
    with pytest.raises(ArgumentError, match="`size`"):
        chosen(method, x, 0)
    if method.startswith("stein"):
        with pytest.raises(ArgumentError, match="squared length"):
            chosen(method, x, 5, preconditioner=0.0)
    with pytest.raises(ArgumentError, match="`bandwidth`"):
        Gaussian(0.0)
    still = np.c_[x[:, 0], np.ones(40)]
    if method.startswith("stein"):
        with pytest.raises(ArgumentError, match="coordinate 1 is the same"):
            chosen(method, still, 5)
        assert len(chosen(method, still, 5, standardise=False)) == 5
    else:
        assert len(chosen(method, still, 5)) == 5


@pytest.mark.parametrize("method", METHODS)
def test_compression_names_what_it_kept(method, rng):
    draws = rng.normal(size=(2, 150, 3))
    options = {"gradients": -draws.reshape(-1, 3)} if method.startswith("stein") else {}
    kept = compress(draws, 12, method, progress=False, **options)
    np.testing.assert_array_equal(kept.points, draws[kept.origin["chain"], kept.origin["draw"]])
