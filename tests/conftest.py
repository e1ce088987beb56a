"""Options and fixtures of all tests."""

import contextlib
import os
import signal
import threading
import zlib

os.environ.setdefault("MPLBACKEND", "Agg")  # before anything imports matplotlib
# Threads of linear algebra that wait for each other on a busy machine took ten times as long as one thread, and sums do not depend on the number of cores
# then. Processes that tests start, and libraries that are loaded later, read the names; one that a plugin of pytest has loaded already is told.
for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
import pytest  # noqa: E402
import scipy.linalg  # noqa: E402, F401 (it has a library of its own)
from hypothesis import settings  # noqa: E402

with contextlib.suppress(ImportError):  # scikit-learn brings it
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)

# A shell has what it starts in the background ignore Ctrl-C, and so would every process that a test starts.
if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

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
