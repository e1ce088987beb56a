"""The quantum chain as a classical lattice, against sums over all states and the quantum chain itself."""

import itertools
import math

import numpy as np
import pytest

from weakchaos.experiments.trotter_chain import chain_correlations, quantum_correlations, trotter_chain, trotter_correlations


@pytest.mark.parametrize(("sites", "slices", "beta", "field"), [(3, 3, 1.0, 0.7), (4, 3, 2.0, 1.0), (2, 5, 0.5, 1.5)])
def test_the_lattice_has_the_correlations_of_the_product_formula(sites, slices, beta, field):
    target = trotter_chain(sites, slices, beta, field)
    states = np.array(list(itertools.product((-1, 1), repeat=sites * slices)))
    weight = np.exp(target.log_prob_of_spins(states))
    each = np.array([chain_correlations(s[None], sites, slices) for s in states])
    np.testing.assert_allclose(weight @ each / weight.sum(), trotter_correlations(sites, slices, beta, field), rtol=1e-10)


def test_the_product_formula_tends_to_the_quantum_chain():
    """Its error falls like 1 / m**2 (Suzuki 1976)."""
    exact = quantum_correlations(5, 2.0, 0.8)
    coarse, fine = (np.abs(trotter_correlations(5, m, 2.0, 0.8) - exact).max() for m in (20, 40))
    assert coarse / fine == pytest.approx(4.0, rel=0.05)
    assert fine < 1e-3


def test_two_quantum_spins_by_hand():
    """H = -2 sz sz - G (sx + sx): the even states have -+sqrt(4 + 4 G**2), the odd ones -+2, with <sz sz> of -+2 / their level and -+1."""
    beta, field = 0.7, 1.3
    high = math.sqrt(4 + 4 * field**2)
    total = 2 * math.cosh(beta * high) + 2 * math.cosh(2 * beta)
    expected = (2 * math.sinh(beta * high) * 2 / high + 2 * math.sinh(2 * beta)) / total
    assert quantum_correlations(2, beta, field)[0] == pytest.approx(expected, rel=1e-12)
