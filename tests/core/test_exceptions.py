"""What goes wrong in a user's function comes back with its own type, message and traceback."""

import traceback

import numpy as np
import pytest
from numba import njit

from tests.core import densities as d
from weakchaos.core.errors import ArgumentTypeError
from weakchaos.runs.sampling import sample
from weakchaos.samplers.metropolis import RandomWalkMetropolis
from weakchaos.targets.density import Density


def frames(error):
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


@pytest.mark.parametrize("function", [d.fails_beyond, d.numba_fails_beyond])
@pytest.mark.parametrize("differences", [False, True])
def test_an_exception_comes_with_its_type_and_the_frame_of_the_user(function, differences):
    target = Density(function, 1, data=(2.0,))
    assert target.logp([1.0]) == -0.5
    call = target.gradient if differences else target.logp
    with pytest.raises(ValueError, match="too far out") as caught:
        call([3.0])
    assert "fails_beyond" in frames(caught.value)
    assert target.logp([1.0]) == -0.5  # nothing is left behind


def test_an_exception_in_a_numba_gradient():
    @njit
    def bad_gradient(x):
        if x[0] > 1.0:
            raise ZeroDivisionError("no slope here")
        return -x

    target = Density(njit(lambda x: -0.5 * x[0] ** 2), 1, bad_gradient)
    assert target.logp([2.0]) == -2.0
    with pytest.raises(ZeroDivisionError, match="no slope here") as caught:
        target.gradient([2.0])
    assert "bad_gradient" in frames(caught.value)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("both", [False, True])
def test_a_gradient_of_the_wrong_shape(compiled, both):
    def short(x):
        return x[:1]

    def short_both(x):
        return x[0], x[:1]

    make = njit if compiled else (lambda f: f)
    options = {"logp_and_grad": make(short_both)} if both else {"logp": make(lambda x: x[0]), "grad": make(short)}
    target = Density(dim=2, **options)
    with pytest.raises(ArgumentTypeError, match=r"gradient must have shape \(2,\); it has shape \(1,\)"):
        target.gradient([1.0, 2.0])


@pytest.mark.parametrize(("returned", "came"), [(None, "None"), (np.zeros(2), r"shape \(2,\)"), ([], r"shape \(0,\)")])
def test_a_python_function_that_returns_no_number(returned, came):
    with pytest.raises(ArgumentTypeError, match=f"must return one number; it returned .*{came}"):
        Density(lambda x: returned, 2).logp([0.0, 0.0])


def test_a_python_gradient_that_returns_nothing():
    with pytest.raises(ArgumentTypeError, match=r"gradient must have shape \(2,\); it is None"):
        Density(lambda x: 0.0, 2, lambda x: None).gradient([0.0, 0.0])


def test_both_at_once_must_return_a_pair():
    with pytest.raises(ArgumentTypeError, match="`logp_and_grad` must return the pair"):
        Density(dim=2, logp_and_grad=lambda x: 0.0).gradient([0.0, 0.0])


def test_a_number_may_come_as_an_array():
    assert Density(lambda x: np.array([[-1.0]]), 1).logp([0.0]) == -1.0
    assert Density(lambda x: np.float32(-1.0), 1).logp([0.0]) == -1.0


def test_the_position_is_the_users_to_keep():
    kept = []
    target = Density(lambda x: kept.append(x) or 0.0, 1)
    sample(target, RandomWalkMetropolis(1.0), 20, 0, chains=1, seed=1, progress=False)
    assert len({float(x[0]) for x in kept}) >= 20


def test_a_density_is_freed():
    import gc
    import weakref

    class Logp:
        def __call__(self, x):
            return 0.0

    function = Logp()
    alive = weakref.ref(function)
    target = Density(function, 1)
    target.gradient([0.0])
    gc.disable()  # no cycle goes through the C callback, so nothing has to wait for the collector
    try:
        del function, target
        assert alive() is None
    finally:
        gc.enable()
