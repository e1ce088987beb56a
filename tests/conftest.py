"""Options and fixtures of all tests."""

import os
import zlib

import numpy as np
import pytest
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")  # before anything imports matplotlib

# One seed per test, fixed by its name: a failure is met again by running the test again.
settings.register_profile("weakchaos", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("weakchaos")


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the tests marked slow too")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="takes more than a few seconds; run with --slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.fixture
def seed(request):
    """A seed that belongs to the test."""
    return zlib.crc32(request.node.nodeid.encode())


@pytest.fixture
def rng(seed):
    """A generator that belongs to the test."""
    return np.random.default_rng(seed)
