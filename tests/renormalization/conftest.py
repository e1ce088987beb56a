"""Fixtures of the tests of renormalization."""

import pytest


@pytest.fixture(autouse=True)
def one_thread(request):
    """Tests of a file that has a `TORCH_SEED` begin with it, and run torch on one thread: sums do not depend on the machine."""
    if not hasattr(request.module, "TORCH_SEED"):
        yield
        return
    torch = request.module.torch
    torch.manual_seed(request.module.TORCH_SEED)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
