"""Whole numbers that no machine can hold or count are refused before anything is made for them."""

import math

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.core.arguments import MOST_COORDINATES, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError


@pytest.mark.parametrize("value", [1e3, 1000, np.int8(100), np.uint64(2**63 - 1), np.float64(2**53), 0])
def test_whole_numbers_of_any_type(value):
    assert whole_number("n", value, 0) == int(value)


@pytest.mark.parametrize(
    "value", [1e300, -1e300, 2.0**53 + 2, 2**63, np.uint64(2**64 - 1), 10**400, 0.5, math.inf, math.nan, True, -1]
)
def test_what_a_kernel_cannot_count_is_refused(value):
    with pytest.raises(ArgumentError, match="`n` must be a whole number"):
        whole_number("n", value, 0)


def test_seeds_have_no_limit():
    """Those that `numpy.random.SeedSequence` makes have 128 bits."""
    assert whole_number("seed", 2**127, 0, math.inf) == 2**127
    with pytest.raises(ArgumentTypeError, match="of at least 0"):
        whole_number("seed", "1", 0, math.inf)


@pytest.mark.parametrize("many", [MOST_COORDINATES + 1, 1e300, 10**30])
@pytest.mark.parametrize(
    ("argument", "make"),
    [
        ("dim", lambda n: wc.Density(lambda x: 0.0, dim=n)),
        ("shapes", lambda n: wc.Density(lambda x: 0.0, shapes={"a": (), "b": (n,)})),
        ("shapes", lambda n: wc.Density(lambda x: 0.0, shapes={"a": (n, 2)}, constraints={"a": "positive"})),
        ("dim", lambda n: wc.zoo.funnel(n)),
        ("dim", lambda n: wc.systems.UserMap(lambda x: x, n)),
        ("size", lambda n: wc.systems.Lorenz96(n)),
    ],
)
def test_no_names_are_made_for_more_coordinates_than_memory_has_room_for(many, argument, make):
    with pytest.raises(ArgumentError, match=f"`{argument}`"):
        make(many)
