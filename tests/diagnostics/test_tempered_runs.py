"""The log of a normalisation from independent draws of an enumerated lattice: estimates and errors, for fine and for coarse ladders."""

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.diagnostics.tempered_runs import _normalisation


@pytest.mark.parametrize("betas", [(0.3, 1.0), (0.4, 1.0), (0.0, 0.5, 1.0), tuple(np.linspace(0.0, 1.0, 12))], ids=len)
def test_errors_hold_what_few_temperatures_miss(betas):
    """The integral over two temperatures is off by .05 and more, where its statistical error is .01."""
    lattice = wc.Ising.lattice((3, 4), 0.44)
    spins = 2 * ((np.arange(2**12)[:, None] >> np.arange(12)) & 1) - 1
    i, j = lattice.edges.T
    energy = lattice.beta * lattice.coupling * (spins[:, i] * spins[:, j]).sum(1)
    logs = [np.logaddexp.reduce(b * energy) for b in betas]
    exact, rng, scores = logs[-1] - logs[0], np.random.default_rng(3), []
    for _ in range(20):
        s = np.zeros((len(betas), 4, 1500, 2))
        for k, (b, log) in enumerate(zip(betas, logs, strict=True)):
            s[k, ..., 0] = rng.choice(energy, (4, 1500), p=np.exp(b * energy - log))
        thermodynamic, stepping, (low, high) = _normalisation(np.array(betas), ("log_density",), s, 1.0)
        assert low < exact < high
        scores.append([(value - exact) / error for value, error in (thermodynamic, stepping)])
    assert np.abs(scores).max() < 4.5
    if len(betas) == 12:
        assert np.abs(scores).max(0).min() > 0.5  # errors of fine ladders are not made wide
