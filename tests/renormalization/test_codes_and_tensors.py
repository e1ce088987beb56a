"""Codes on trees, tensor renormalization and the entanglement of the critical chain, against exact values and slow sums."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.special import ellipk

from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.renormalization import ErasureTree, central_charge, chain_entropy, tensor_rg
from weakchaos.renormalization.coarse.tensor_flow import CRITICAL_COUPLING, _step, ising_tensor

# ---- the tree ----------------------------------------------------------------------------------------------------------------------


def test_the_pentagon_code():
    """Any three of five qubits hold the logical qubit and any two hold nothing of it (Laflamme et al. 1996)."""
    tree = ErasureTree()
    for size, expected in ((0, True), (1, True), (2, True), (3, False), (4, False), (5, False)):
        assert all(tree.corrects(lost) is expected for lost in itertools.combinations(range(5), size))
    assert tree.flow(Fraction(1, 2)) == Fraction(1, 2)
    assert tree.slope(Fraction(1, 2)) == Fraction(15, 8)
    assert tree.threshold() == pytest.approx(0.5, abs=1e-12)
    assert math.log(tree.slope(0.5)) / math.log(5) == pytest.approx(0.390577, abs=1e-6)
    assert tree.flow(0.45, 3) == pytest.approx(0.204060, abs=1e-6)
    assert tree.flow(0.55, 3) == pytest.approx(0.795940, abs=1e-6)


def test_the_flow_is_that_of_trees():
    tree = ErasureTree()
    for p in (0.45, 0.55):
        expected = tree.flow(p, 3)
        assert tree.simulate(p, 3, 20_000, seed=1) == pytest.approx(expected, abs=5 * math.sqrt(expected * (1 - expected) / 20_000))
    h = 1e-6
    assert tree.slope(0.3) == pytest.approx((tree.flow(0.3 + h) - tree.flow(0.3 - h)) / (2 * h), rel=1e-8)


def test_other_codes():
    """Repetition of a bit against flips holds a logical operator on every single qubit: no threshold. Steane's code corrects any two losses."""
    repetition = ErasureTree(["ZZI", "IZZ"])
    assert repetition.failures[1] == 3
    with pytest.raises(ArgumentError, match="no threshold"):
        repetition.threshold()
    steane = ErasureTree(["IIIXXXX", "IXXIIXX", "XIXIXIX", "IIIZZZZ", "IZZIIZZ", "ZIZIZIZ"])
    assert steane.failures[:4] == (0, 0, 0, 7)  # the seven lines of the Fano plane
    assert steane.threshold() == pytest.approx(0.5, abs=1e-9)  # of a self-dual code


@pytest.mark.parametrize(
    "call",
    [
        lambda: ErasureTree("XZZXI"),
        lambda: ErasureTree([1, 2]),
        lambda: ErasureTree([]),
        lambda: ErasureTree(None),
        lambda: ErasureTree(["XZ", "ZXI"]),
        lambda: ErasureTree(["XQ"]),
        lambda: ErasureTree(["XII", "ZII"]),
        lambda: ErasureTree(["ZZI", "ZZI"]),
        lambda: ErasureTree(["ZZI"]),
        lambda: ErasureTree().flow(1.5),
        lambda: ErasureTree().flow(np.nan),
        lambda: ErasureTree().flow("half"),
        lambda: ErasureTree().flow(0.5, -1),
        lambda: ErasureTree().corrects([5]),
        lambda: ErasureTree().simulate(0.5, 3, 0),
        lambda: tensor_rg(0.0),
        lambda: tensor_rg(np.nan),
        lambda: tensor_rg(1e9),
        lambda: tensor_rg(bond=1),
        lambda: tensor_rg(steps=0),
        lambda: tensor_rg(k=0),
        lambda: chain_entropy(7),
        lambda: chain_entropy(64, 64),
        lambda: chain_entropy(64, []),
        lambda: chain_entropy("64"),
        lambda: central_charge(12),
    ],
)
def test_bad_input(call):
    with pytest.raises((ArgumentError, ArgumentTypeError), match="`"):
        call()


def test_the_largest_coupling_is_told():
    with pytest.raises(ArgumentError, match="at most 300"):
        tensor_rg(1e9)
    # Far below the critical temperature two states are left on a torus of 8 sites: ln Z = ln 2 + 16 K.
    assert tensor_rg(300.0, bond=4, steps=3).log_partition == pytest.approx(600 + math.log(2) / 8, rel=1e-12)


# ---- tensors -----------------------------------------------------------------------------------------------------------------------


def onsager(coupling):
    """ln Z a site of the infinite square lattice (L. Onsager, Phys. Rev. 65 (1944) 117), by its integral."""
    kappa = 2 * math.sinh(2 * coupling) / math.cosh(2 * coupling) ** 2
    x, w = np.polynomial.legendre.leggauss(400)
    angle = 0.25 * math.pi * (x + 1)
    inner = np.log(0.5 * (1 + np.sqrt(np.maximum(1 - kappa**2 * np.sin(angle) ** 2, 0))))
    return math.log(2 * math.cosh(2 * coupling)) + (0.25 * w * inner).sum()


def test_the_integral_of_onsager():
    assert onsager(CRITICAL_COUPLING) == pytest.approx(0.9296953983, abs=1e-6)
    h = 1e-5  # and its derivative is his energy, in elliptic integrals
    k = 0.3
    kappa = 2 * math.sinh(2 * k) / math.cosh(2 * k) ** 2
    energy = (1 / math.tanh(2 * k)) * (1 + 2 / math.pi * (2 * math.tanh(2 * k) ** 2 - 1) * ellipk(kappa**2))
    assert (onsager(k + h) - onsager(k - h)) / (2 * h) == pytest.approx(energy, abs=1e-8)


def test_two_steps_without_truncation_are_exact():
    """Four sites on a torus by summing over all states: every pair of neighbours is joined twice."""
    k = 0.37
    z = 0.0
    for s in itertools.product((-1, 1), repeat=4):
        a, b, c, d = s
        z += math.exp(2 * k * (a * b + c * d + a * c + b * d))
    t = ising_tensor(k)
    for _ in range(2):
        t, _ = _step(t, 64)
    assert np.einsum("ulul->", t) == pytest.approx(z, rel=1e-12)


@pytest.mark.parametrize("coupling", [0.2, 0.35, 0.6])
def test_free_energy_away_from_criticality(coupling):
    assert tensor_rg(coupling, bond=12).log_partition == pytest.approx(onsager(coupling), rel=1e-5)


def test_free_energy_and_dimensions_at_criticality():
    flow = tensor_rg(bond=16)
    assert flow.log_partition == pytest.approx(0.9296953983, rel=1e-5)
    assert flow.dimensions[8, 0] == pytest.approx(1 / 8, abs=1e-3)
    assert flow.dimensions[8, 1] == pytest.approx(1.0, abs=0.03)
    assert abs(tensor_rg(bond=6).log_partition - 0.9296953983) > 1e-5  # truncation is what costs
    assert flow.discarded.max() > 1e-4


@pytest.mark.slow
def test_dimensions_with_more_values():
    flow = tensor_rg(bond=24, steps=10)
    assert np.allclose(flow.dimensions[8, :4], [1 / 8, 1, 9 / 8, 9 / 8], atol=6e-3)
    assert flow.dimensions[8, 0] == pytest.approx(0.125, abs=1e-3)


def test_phases_are_told_apart():
    """Above the critical temperature one eigenvalue is left, below two."""
    assert tensor_rg(0.3, bond=8).dimensions[20, 0] > 1
    assert tensor_rg(0.6, bond=8).dimensions[20, 0] < 1e-3


# ---- the chain ---------------------------------------------------------------------------------------------------------------------


def test_entropies_by_diagonalization():
    """The ground state of eight spins in a magnetic field, split in two."""
    n = 8
    x, z, one = np.array([[0.0, 1], [1, 0]]), np.diag([1.0, -1]), np.eye(2)

    def operator(*places):
        out = np.ones((1, 1))
        for j in range(n):
            out = np.kron(out, dict(places).get(j, one))
        return out

    h = -sum(operator((j, x), ((j + 1) % n, x)) for j in range(n)) - sum(operator((j, z)) for j in range(n))
    ground = np.linalg.eigh(h)[1][:, 0]
    for size in (1, 2, 4, 5):
        s = np.linalg.svd(ground.reshape(2**size, -1), compute_uv=False) ** 2
        s = s[s > 1e-15]
        assert chain_entropy(n, size)[0] == pytest.approx(-(s * np.log(s)).sum(), abs=1e-10)


def test_the_central_charge_is_one_half():
    for n, entropy in ((64, 0.98092859), (256, 1.21196667), (512, 1.32749065)):
        assert chain_entropy(n, n // 2)[0] == pytest.approx(entropy, abs=1e-8)
    assert central_charge(64) == pytest.approx(0.500092, abs=1e-6)
    assert central_charge(512) == pytest.approx(0.5, abs=2e-6)
    assert np.allclose(chain_entropy(32, [5, 27]), chain_entropy(32, 5))  # a pure state
