"""A quantum chain as a classical lattice: the transverse-field Ising model by Suzuki's and Trotter's product formula.

For ``H = -J sum sz_i sz_(i+1) - G sum sx_i`` on a ring of n sites at inverse temperature b, ``Tr (exp(-b H_z / m) exp(-b H_x / m))^m`` is the partition function of classical spins on n x m sites, on a torus
with couplings ``b J / m`` along the ring and ``-log(tanh(b G / m)) / 2`` along imaginary time (Suzuki, Prog. Theor. Phys. 56 (1976) 1454, doi:10.1143/PTP.56.1454). Correlations of the classical spins within a slice
are those of sz under the product formula, which tends to the quantum Boltzmann law as m grows. The quantum chain is critical where G = J.
"""

from __future__ import annotations

import math

import numpy as np

from weakchaos.targets.mrf import Ising

__all__ = ["chain_correlations", "quantum_correlations", "trotter_chain", "trotter_correlations"]


def trotter_chain(sites: int, slices: int, beta: float, field: float = 1.0) -> Ising:
    """The classical spins, numbered slice by slice, of a ring with J = 1.

    Examples
    --------
    >>> trotter_chain(4, 8, 2.0)
    <Ising: 32 units, 64 couplings>
    """
    from scipy.sparse import coo_array

    number = np.arange(sites * slices).reshape(slices, sites)
    ends = np.concatenate([number.ravel()] * 2), np.concatenate([np.roll(number, -1, 1).ravel(), np.roll(number, -1, 0).ravel()])
    weight = np.repeat([beta / slices, -0.5 * math.log(math.tanh(beta * field / slices))], number.size)
    upper = coo_array((weight, ends), (number.size,) * 2)
    return Ising((upper + upper.T).tocsr())


def chain_correlations(spins: np.ndarray, sites: int, slices: int) -> np.ndarray:
    """Mean over states, slices and places of ``s_i s_(i+r)`` for r = 1 .. sites // 2, from states -1, 1 of shape (m, sites * slices)."""
    s = spins.reshape(-1, slices, sites).astype(np.int64)
    return np.array([(s * np.roll(s, -r, 2)).mean() for r in range(1, sites // 2 + 1)])


def _ring(sites: int) -> tuple[np.ndarray, np.ndarray]:
    """All states of the sites, and their sum of products of neighbours."""
    s = 1 - 2 * ((np.arange(2**sites)[:, None] >> np.arange(sites)) & 1)
    return s, (s * np.roll(s, -1, 1)).sum(1)


def trotter_correlations(sites: int, slices: int, beta: float, field: float = 1.0) -> np.ndarray:
    """What `chain_correlations` tends to, by the transfer matrix of 2**sites states.

    Examples
    --------
    >>> bool(abs(trotter_correlations(4, 256, 2.0) - quantum_correlations(4, 2.0)).max() < 1e-4)
    True
    """
    s, bonds = _ring(sites)
    step = beta * field / slices
    turn = np.ones((1, 1))
    for _ in range(sites):
        turn = np.kron(turn, np.array([[math.cosh(step), math.sinh(step)], [math.sinh(step), math.cosh(step)]]))
    half = np.exp(0.5 * beta / slices * bonds)
    power = np.linalg.matrix_power(half[:, None] * turn * half[None], slices)
    weight = np.diagonal(power) / np.trace(power)
    return np.array([weight @ (s * np.roll(s, -r, 1)).mean(1) for r in range(1, sites // 2 + 1)])


def quantum_correlations(sites: int, beta: float, field: float = 1.0) -> np.ndarray:
    """The same of the quantum chain itself, by the eigenvectors of its Hamiltonian.

    Examples
    --------
    >>> quantum_correlations(2, 1e-9).round(6)  # hot: no correlation
    array([0.])
    """
    s, bonds = _ring(sites)
    energies = np.diag(-bonds.astype(float))
    for i in range(sites):
        place = np.arange(2**sites)
        energies[place, place ^ (1 << i)] -= field
    levels, vectors = np.linalg.eigh(energies)
    weight = np.exp(-beta * (levels - levels[0]))
    at = (vectors**2) @ (weight / weight.sum())
    return np.array([at @ (s * np.roll(s, -r, 1)).mean(1) for r in range(1, sites // 2 + 1)])
