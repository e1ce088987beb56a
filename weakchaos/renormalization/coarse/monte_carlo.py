"""Monte Carlo renormalization group: critical exponents from configurations and their block spins.

Swendsen, Phys. Rev. Lett. 42 (1979) 859, doi:10.1103/PhysRevLett.42.859. With S_a the sums that couplings multiply, on a lattice and (primed) on
its block spins, the linearised transformation T solves <S'_c S_b>_c = sum_a T_ab <S'_c S'_a>_c; its largest eigenvalue is b^y. Sums even under
reversal of all spins give the thermal exponent y_t, odd ones the magnetic exponent y_h. The Hamiltonian is not needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.core.scatter import jackknife_error
from weakchaos.core.text_table import aligned
from weakchaos.native.compiled import kernel
from weakchaos.renormalization.coarse.block_spins import as_spins, block_spins

__all__ = ["EVEN", "ODD", "MonteCarloRG", "coupling_sums", "monte_carlo_rg"]

EVEN = ("nearest neighbours", "diagonal neighbours", "plaquettes", "third neighbours")
ODD = ("spins", "corners", "straight triples", "wide corners")
_SMALLEST = 4  # side below which third neighbours are neighbours twice over


@kernel
def _sums(spins, out):
    """Eight sums of each configuration on a torus: four even ones, four odd ones."""
    count, rows, columns = spins.shape
    for n in range(count):
        near = diagonal = plaquettes = third = np.int64(0)
        total = corners = straight = wide = np.int64(0)
        for r in range(rows):
            here = spins[n, r]
            below = spins[n, r + 1 if r + 1 < rows else r + 1 - rows]
            second = spins[n, r + 2 if r + 2 < rows else r + 2 - rows]
            above = spins[n, r - 1 if r > 0 else rows - 1]
            left = np.int64(here[columns - 1])
            for c in range(columns):
                next_ = c + 1 if c + 1 < columns else 0
                s, right = np.int64(here[c]), np.int64(here[next_])
                down, up = np.int64(below[c]), np.int64(above[c])
                corner = np.int64(below[next_])
                far = np.int64(here[c + 2 if c + 2 < columns else c + 2 - columns])
                near += s * (right + down)
                diagonal += s * corner + right * down
                plaquettes += s * right * down * corner
                third += s * (far + np.int64(second[c]))
                total += s
                # Corners: a spin with one neighbour along each axis; straight: with both along one; wide: with two diagonal ones.
                corners += s * (left + right) * (up + down)
                straight += s * (left * right + up * down)
                wide += s * (corner + np.int64(above[next_])) * (np.int64(below[c - 1]) + np.int64(above[c - 1]))
                left = s
        out[n, 0], out[n, 1], out[n, 2], out[n, 3] = near, diagonal, plaquettes, third
        out[n, 4], out[n, 5], out[n, 6], out[n, 7] = total, corners, straight, wide


def coupling_sums(spins: Any) -> np.ndarray:
    """The sums that couplings multiply, on tori: four of `EVEN`, then four of `ODD`.

    Parameters
    ----------
    spins : array of shape (n, rows, columns)
        -1 and +1.

    Returns
    -------
    array of shape (n, 8)

    Examples
    --------
    >>> coupling_sums(np.ones((1, 4, 4)))[0].tolist()
    [32.0, 32.0, 16.0, 32.0, 16.0, 64.0, 32.0, 64.0]
    """
    array = as_spins(spins)
    if array.ndim != 3:
        raise ArgumentError(f"`spins` must have shape (n, rows, columns); got shape {array.shape}")
    if min(array.shape[1:]) < _SMALLEST:
        raise ArgumentError(f"`spins` must be on lattices of sides at least {_SMALLEST}; got {array.shape[1:]}")
    out = np.empty((len(array), len(EVEN) + len(ODD)))
    _sums(np.ascontiguousarray(array), out)
    return out


@dataclass(frozen=True)
class MonteCarloRG:
    """Exponents by renormalization step and by number of couplings.

    Attributes
    ----------
    b : int
    sizes : tuple of int
        Side of the lattice before each step.
    y_t, y_h : arrays of shape (steps, 4)
        Column n - 1 holds the exponents with the first n couplings of `EVEN` and `ODD`.
    y_t_stderr, y_h_stderr : arrays of shape (steps, 4)
        Standard errors by a jackknife over batches.
    warnings : tuple of str
    """

    b: int
    sizes: tuple[int, ...]
    y_t: np.ndarray
    y_h: np.ndarray
    y_t_stderr: np.ndarray
    y_h_stderr: np.ndarray
    warnings: tuple[str, ...] = ()

    @property
    def nu(self) -> np.ndarray:
        """1 / y_t."""
        return 1 / self.y_t

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary for each step and number of couplings."""
        return [
            {
                "step": f"{size} -> {size // self.b}",
                "couplings": n + 1,
                "y_t": float(self.y_t[k, n]),
                "± ": float(self.y_t_stderr[k, n]),
                "y_h": float(self.y_h[k, n]),
                "±": float(self.y_h_stderr[k, n]),
            }
            for k, size in enumerate(self.sizes)
            for n in range(self.y_t.shape[1])
        ]

    def table(self) -> str:
        """The rows as text."""
        return aligned(self.rows())

    __str__ = table


def _exponents(fine: np.ndarray, coarse: np.ndarray, cross: np.ndarray, square: np.ndarray, count: float, *, b: int) -> np.ndarray:
    """y with the first 1, 2, ... couplings, from sums over configurations; NaN where no growing direction is real."""
    mixed = cross / count - np.outer(coarse, fine) / count**2
    own = square / count - np.outer(coarse, coarse) / count**2
    out = np.full(len(fine), np.nan)
    for n in range(1, len(fine) + 1):
        try:
            values = np.linalg.eigvals(np.linalg.solve(own[:n, :n], mixed[:n, :n]))
        except np.linalg.LinAlgError:
            continue
        leading = values[np.argmax(np.abs(values))]
        if abs(leading.imag) < 1e-9 * abs(leading) and leading.real > 0:
            out[n - 1] = math.log(leading.real) / math.log(b)
    return out


def monte_carlo_rg(
    spins: Any,
    b: int = 2,
    steps: int | None = None,
    rule: str | Callable[[np.ndarray], Any] = "majority",
    batches: int = 10,
    seed: Any = 0,
) -> MonteCarloRG:
    r"""Critical exponents of a two-dimensional spin system from its configurations.

    Parameters
    ----------
    spins : array of shape (n, L, L) or (chain, draw, L, L)
        Configurations at the critical point on tori, from any sampler, -1 and +1.
    b : int
        Side of the blocks.
    steps : int, optional
        By default as many as leave lattices of side 4 or more.
    rule
        As for `block_spins`.
    batches : int
        Consecutive parts of the run for the jackknife; each should be many autocorrelation times long.
    seed : int
        Seed for ties.

    Returns
    -------
    MonteCarloRG
        The first step is affected by the irrelevant couplings of the original lattice; take the second or third step as the estimate, before the
        lattice becomes too small.

    Raises
    ------
    ArgumentError

    Notes
    -----
    With $S_a$ the sums that couplings multiply, primed on the block spins, the linearised transformation T and the exponents follow from

    $$\langle S'_c S_b \rangle_c = \sum_a T_{ab} \langle S'_c S'_a \rangle_c, \qquad y = \frac{\ln \lambda_{max}(T)}{\ln b},$$

    where b is the factor of lengths.

    References
    ----------
    Swendsen, Phys. Rev. Lett. 42 (1979) 859, doi:10.1103/PhysRevLett.42.859.

    Examples
    --------
    >>> import weakchaos as wc
    >>> critical = wc.Ising.lattice((16, 16), beta=0.4406868)
    >>> trace = wc.sample(critical, wc.samplers.SwendsenWang(), draws=2000, warmup=100, chains=1, seed=1, progress=False)
    >>> result = monte_carlo_rg(trace.draws.reshape(-1, 16, 16), steps=1)
    >>> bool(abs(result.y_h[0, 0] - 1.875) < 0.05)
    True
    """
    array = as_spins(spins)
    if array.ndim not in (3, 4):
        raise ArgumentError(f"`spins` must have shape (n, L, L) or (chain, draw, L, L); got shape {array.shape}")
    array = array.reshape(-1, *array.shape[-2:])
    batches, b = whole_number("batches", batches, 2), whole_number("b", b, 2)
    most, side = 0, min(array.shape[1:])
    while side % b == 0 and side // b >= _SMALLEST and all(s % b ** (most + 1) == 0 for s in array.shape[1:]):
        side, most = side // b, most + 1
    count = most if steps is None else whole_number("steps", steps, 1)
    if count > most or most == 0:
        raise ArgumentError(
            f"`steps` must leave a lattice of side {_SMALLEST} or more after dividing {array.shape[1:]} by {b}; got {count}, possible are {most}"
        )
    if len(array) < 10 * batches:
        raise ArgumentError(f"`spins` must hold at least 10 configurations in each batch, {10 * batches} in all; got {len(array)}")
    k = len(EVEN)
    edges = np.linspace(0, len(array), batches + 1).astype(int)
    rng = np.random.default_rng(seed)
    sums = coupling_sums(array)
    results, errors, notes = [], [], []
    sizes = []
    for step in range(count):
        sizes.append(int(min(array.shape[1:])))
        array = block_spins(array, b, rule, seed=rng)
        new = coupling_sums(array)
        values, spread = [], []
        for part in (slice(0, k), slice(k, 2 * k)):
            f, c = sums[:, part], new[:, part]
            f, c = f - f.mean(0), c - c.mean(0)  # less cancellation in the covariances
            pieces = [
                (f[i:j].sum(0), c[i:j].sum(0), c[i:j].T @ f[i:j], c[i:j].T @ c[i:j], float(j - i)) for i, j in pairwise(edges)
            ]
            total: list[Any] = [sum(p[m] for p in pieces) for m in range(5)]
            values.append(_exponents(*total, b=b))
            left = np.array([_exponents(*(t - p for t, p in zip(total, piece, strict=True)), b=b) for piece in pieces])
            spread.append(jackknife_error(left))
        if not np.isfinite(values).all():
            notes.append(
                f"step {step + 1}: for some numbers of couplings the leading eigenvalue is not real and positive, because there are too few configurations"
            )
        results.append(values)
        errors.append(spread)
        sums = new
    y, e = np.array(results), np.array(errors)
    return MonteCarloRG(b, tuple(sizes), y[:, 0], y[:, 1], e[:, 0], e[:, 1], tuple(notes))
