"""Tensor renormalization of the two-dimensional Ising model, and what its fixed point tells of the critical theory.

M. Levin and C. P. Nave, Phys. Rev. Lett. 99 (2007) 120601, doi:10.1103/PhysRevLett.99.120601: the partition sum is a network of tensors T[up, left, down, right]; each
is cut in two by a singular value decomposition, along one diagonal on one sublattice and along the other on the other, and the four halves around a
plaquette make a new tensor of a lattice of half as many sites, turned by 45 degrees. At most `bond` singular values are kept.

A tensor that stands for a square of L x L sites has the transfer matrix sum_l T[u, l, d, l] with eigenvalues ~ exp(-2 pi (Delta_i - c / 12)), so that
ln(lambda_0 / lambda_i) / 2 pi are the scaling dimensions (Z.-C. Gu and X.-G. Wen, Phys. Rev. B 80 (2009) 155131, doi:10.1103/PhysRevB.80.155131).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from weakchaos.core.arguments import number_that, whole_number

__all__ = ["TensorFlow", "tensor_rg"]

CRITICAL_COUPLING = 0.5 * math.log1p(math.sqrt(2.0))  # Onsager (1944)


@dataclass(frozen=True)
class TensorFlow:
    """What `tensor_rg` found.

    Attributes
    ----------
    coupling : float
    bond : int
    log_partition : float
        ln Z a site, in nats, of a torus of 2^steps sites.
    dimensions : array of shape (steps + 1, k)
        ln(lambda_0 / lambda_i) / 2 pi of the transfer matrix after each step, NaN where it has fewer eigenvalues. At the critical point these are scaling
        dimensions over a window of steps: finite-size corrections come before it, errors of truncation after.
    discarded : array of shape (steps,)
        The largest singular value that was dropped at each step, over the largest.
    """

    coupling: float
    bond: int
    log_partition: float
    dimensions: np.ndarray
    discarded: np.ndarray


def ising_tensor(coupling: float) -> np.ndarray:
    """One site of the square lattice, shape (2, 2, 2, 2): bonds exp(K s s') split evenly between their ends.

    Examples
    --------
    >>> t = ising_tensor(0.3)
    >>> z = np.einsum("ulul->", t)  # one site on a torus: its two bonds join it to itself
    >>> bool(np.isclose(z, 2 * math.exp(2 * 0.3)))
    True
    """
    half = np.sqrt([math.cosh(coupling), math.sinh(coupling)])
    w = np.stack([half, half * [1.0, -1.0]])
    return np.einsum("ai,aj,ak,al->ijkl", w, w, w, w)


def _halves(matrix: np.ndarray, bond: int) -> tuple[np.ndarray, np.ndarray, float]:
    from scipy.linalg import svd

    u, s, v = svd(matrix, full_matrices=False)
    k = min(bond, int((s > 1e-15 * s[0]).sum()))
    root = np.sqrt(s[:k])
    return u[:, :k] * root, root[:, None] * v[:k], float(s[k] / s[0]) if k < len(s) else 0.0


def _step(t: np.ndarray, bond: int) -> tuple[np.ndarray, float]:
    a, b = t.shape[0], t.shape[1]  # of vertical and of horizontal bonds
    first, third, one = _halves(t.reshape(a * b, a * b), bond)  # (up, left) and (down, right)
    second, fourth, two = _halves(t.transpose(1, 2, 3, 0).reshape(b * a, b * a), bond)  # (left, down) and (right, up)
    upper = np.tensordot(third.reshape(-1, a, b), second.reshape(b, a, -1), 1)  # top left with top right: u, d, d, r
    lower = np.tensordot(
        first.reshape(a, b, -1), fourth.reshape(-1, b, a), ((1,), (1,))
    )  # bottom right with bottom left: u, d, l, u
    return np.tensordot(upper, lower, ((1, 2), (3, 0))).transpose(0, 3, 2, 1), max(one, two)


def tensor_rg(coupling: float = CRITICAL_COUPLING, bond: int = 16, steps: int = 20, k: int = 6) -> TensorFlow:
    r"""Renormalize the Ising model on the square lattice, without field, as a network of tensors.

    Parameters
    ----------
    coupling : float
        K = J / kT, above 0 and at most 300; the critical one by default.
    bond : int
        Singular values that are kept; the cost grows like its sixth power.
    steps : int
        Each halves the number of sites.
    k : int
        Scaling dimensions to report.

    Returns
    -------
    TensorFlow

    Raises
    ------
    ArgumentError

    Notes
    -----
    The eigenvalues of the transfer matrix of a square tell the scaling dimensions and, with the free energy, the central charge:

    $$\Delta_i = \frac{1}{2 \pi} \ln \frac{\lambda_0}{\lambda_i}.$$

    Short-range entanglement is not removed, so that the dimensions drift away after some steps (here about 14 at bond 24).

    Examples
    --------
    >>> flow = tensor_rg(bond=8)
    >>> round(flow.log_partition, 3)  # Onsager: 0.9296953983
    0.93
    """
    coupling = number_that("coupling", coupling, "above 0 and at most 300, where exp(K) is a number", lambda v: 0 < v <= 300)
    bond, steps, k = whole_number("bond", bond, 2, 128), whole_number("steps", steps, 1, 200), whole_number("k", k, 1, 64)
    t = ising_tensor(coupling)
    total, weight = 0.0, 1.0
    dimensions, discarded = np.full((steps + 1, k), np.nan), np.zeros(steps)
    for step in range(steps + 1):
        scale = float(np.abs(t).max())
        t, total = t / scale, total + weight * math.log(scale)
        values = np.sort(np.abs(np.linalg.eigvals(np.einsum("uldl->ud", t))))[::-1]
        found = values[1 : k + 1]
        with np.errstate(divide="ignore"):
            dimensions[step, : found.size] = np.log(values[0] / found) / (2.0 * math.pi)
        if step < steps:
            t, discarded[step] = _step(t, bond)
            weight *= 0.5
    total += weight * math.log(float(np.einsum("ulul->", t)))
    return TensorFlow(coupling, bond, total, dimensions, discarded)
