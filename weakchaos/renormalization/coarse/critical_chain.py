"""Entanglement of the critical transverse-field Ising chain, exactly, and the central charge that it tells.

    H = -sum_j (sigma^x_j sigma^x_(j+1) + sigma^z_j)    on a ring of N sites, N even

As free fermions with antiperiodic boundaries the ground state has one matrix G of correlations of Majorana operators; the singular values nu of its block of
l sites give the entropy of l neighbours, S(l) = sum_nu h((1 + nu) / 2) (G. Vidal, J. I. Latorre, E. Rico and A. Kitaev, Phys. Rev. Lett. 90
(2003) 227902, doi:10.1103/PhysRevLett.90.227902), which grows as (c / 3) ln((N / pi) sin(pi l / N)) (P. Calabrese and J. Cardy, J. Stat. Mech. (2004) P06002).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number, whole_numbers
from weakchaos.core.errors import ArgumentError, shown

__all__ = ["central_charge", "chain_entropy"]


def chain_entropy(sites: int, lengths: Any = None) -> np.ndarray:
    r"""Entanglement entropy, in nats, of neighbouring sites of the critical Ising chain in its ground state.

    Parameters
    ----------
    sites : int
        Of the ring, even.
    lengths : int or sequence of int, optional
        Numbers of neighbours; 1 to sites / 2 by default.

    Returns
    -------
    array of shape (len(lengths),)

    Raises
    ------
    ArgumentError

    Notes
    -----
    With $\nu$ the singular values of the block of l sites of the matrix of Majorana correlations,

    $$S(l) = \sum_{\nu} h\left(\frac{1 + \nu}{2}\right) \sim \frac{c}{3} \ln\left(\frac{N}{\pi} \sin \frac{\pi l}{N}\right), \qquad h(p) = -p \ln p - (1 - p) \ln (1 - p).$$

    Examples
    --------
    >>> chain_entropy(64, 32).round(8)
    array([0.98092859])
    """
    n = whole_number("sites", sites, 4, 1 << 14)
    if n % 2:
        raise ArgumentError(f"`sites` must be even; got {shown(sites)}")
    sizes = np.arange(1, n // 2 + 1) if lengths is None else whole_numbers("lengths", lengths, 1, n - 1)
    momenta = (2.0 * np.arange(n) + 1.0) * math.pi / n
    phase = (1.0 - np.exp(1j * momenta)) / np.abs(1.0 - np.exp(1j * momenta))
    far = np.arange(-n + 1, n)
    row = (np.exp(1j * np.outer(far, momenta)) @ phase).real / n
    out = np.empty(len(sizes))
    for k, size in enumerate(sizes):
        place = np.arange(size)
        nu = np.linalg.svd(row[place[:, None] - place + n - 1], compute_uv=False)
        p = np.clip(0.5 * (1.0 + nu), 0.5, 1.0)
        rest = 1.0 - p
        with np.errstate(divide="ignore", invalid="ignore"):
            out[k] = -(p * np.log(p)).sum() - np.where(rest > 0, rest * np.log(rest), 0.0).sum()
    return out


def central_charge(sites: int) -> float:
    """The central charge from the entropies of an eighth and of half of the ring.

    Examples
    --------
    >>> round(central_charge(256), 6)
    0.500006
    """
    n = whole_number("sites", sites, 8, 1 << 14)
    if n % 8:
        raise ArgumentError(f"`sites` must be a multiple of 8; got {shown(sites)}")
    eighth, half = chain_entropy(n, [n // 8, n // 2])
    return float(3.0 * (half - eighth) / -math.log(math.sin(math.pi / 8)))
