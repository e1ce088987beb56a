"""Block spins: coarse-grained configurations of a lattice (Kadanoff, Physics Physique Fizika 2 (1966) 263)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown

__all__ = ["as_spins", "block_spins"]

_SLICE = 1 << 24


def as_spins(spins: Any, lattice_dim: int = 2) -> np.ndarray:
    """Configurations of shape (..., sides) as int8 of -1 and +1; units 0 and 1 become -1 and +1."""
    array = np.asarray(spins)
    if array.ndim < lattice_dim or not array.size:
        raise ArgumentError(f"`spins` must have shape (..., {', '.join('L' * lattice_dim)}); got shape {array.shape}")
    if array.dtype.kind not in "biuf":
        raise ArgumentTypeError(f"`spins` must hold numbers; got {shown(spins)}")
    low, high = array.min(), array.max()
    if array.dtype.kind == "f" and not np.isfinite([low, high]).all():
        raise ArgumentError("`spins` must be finite")
    if low >= 0 and high <= 1 and ((array == 0) | (array == 1)).all():
        return (2 * array.astype(np.int8) - 1).astype(np.int8)
    if low < -1 or high > 1 or not ((array == 1) | (array == -1)).all():
        raise ArgumentError(f"`spins` must be -1 and +1, or 0 and 1; got values from {low} to {high}")
    return array.astype(np.int8, copy=False)


def _majority(blocks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    total = blocks.sum(-1, dtype=np.int16)
    out = np.sign(total).astype(np.int8)
    if blocks.shape[-1] % 2 == 0:
        tied = np.flatnonzero(out == 0)
        out.ravel()[tied] = 2 * rng.integers(0, 2, tied.size, dtype=np.int8) - 1
    return out


def block_spins(
    spins: Any, b: int = 2, rule: str | Callable[[np.ndarray], Any] = "majority", dim: int = 2, seed: Any = 0
) -> np.ndarray:
    """Coarse-grain configurations: each block of side `b` becomes one spin.

    Parameters
    ----------
    spins : array of shape (..., L_1, ..., L_dim)
        -1 and +1, or 0 and 1, from any sampler: reshape draws of shape (chain, draw, L * L) to (chain, draw, L, L).
    b : int
        Side of a block; divides every side of the lattice.
    rule : {"majority", "decimation"} or callable
        "majority": the sign of the sum, with ties decided at random; "decimation": the first spin of each block; or a function that takes an int8
        array of shape (..., b ** dim) and returns -1 or +1 for each block.
    dim : int
        Dimension of the lattice, whose axes are the last ones of the array.
    seed : int
        Seed for the ties.

    Returns
    -------
    int8 array of shape (..., L_1 / b, ..., L_dim / b)

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> block_spins([[1, 1, -1, -1], [1, -1, -1, -1]])
    array([[ 1, -1]], dtype=int8)
    """
    dim, b = whole_number("dim", dim, 1), whole_number("b", b, 2)
    array = as_spins(spins, dim)
    sides = array.shape[array.ndim - dim :]
    if any(side % b for side in sides):
        raise ArgumentError(f"`b` must divide the sides of the lattice, {sides}; got {b}: cut the lattice or choose another block")
    if not callable(rule) and rule not in ("majority", "decimation"):
        raise ArgumentError(f"`rule` must be 'majority', 'decimation' or a function of blocks; got {shown(rule)}")
    if rule == "decimation":
        kept: tuple[Any, ...] = (..., *(slice(None, None, b) for _ in range(dim)))
        return array[kept].copy()
    lead = array.shape[: array.ndim - dim]
    flat = array.reshape(-1, *sides)
    rng = np.random.default_rng(seed)
    parts = []
    step = max(1, _SLICE // int(np.prod(sides)))
    for k in range(0, len(flat), step):
        part = flat[k : k + step]
        cut = part.reshape(len(part), *(v for side in sides for v in (side // b, b)))
        order = (0, *(1 + 2 * d for d in range(dim)), *(2 + 2 * d for d in range(dim)))
        blocks = cut.transpose(order).reshape(len(part), *(side // b for side in sides), b**dim)
        parts.append(_majority(blocks, rng) if rule == "majority" else _checked(rule(blocks), blocks.shape[:-1]))  # type: ignore[operator]
    coarse = tuple(side // b for side in sides)
    return np.concatenate(parts).reshape(*lead, *coarse) if parts else np.empty((*lead, *coarse), np.int8)


def _checked(values: Any, shape: tuple[int, ...]) -> np.ndarray:
    out = np.asarray(values)
    if out.shape != shape or not np.isin(out, (-1, 1)).all():
        raise ArgumentError(f"`rule` must give -1 or +1 for each block, shape {shape}; it gave {shown(out)} of shape {out.shape}")
    return out.astype(np.int8)
