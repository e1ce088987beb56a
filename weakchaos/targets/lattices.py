"""Lattices by name: sites, and pairs of nearest and next-nearest neighbours.

A lattice repeats a cell along its axes. Neighbours are found from the distances between sites: the pairs at the least distance are nearest neighbours, those at the second
distance next-nearest ones, so that one rule makes all lattices. Cells of the triangular, honeycomb and kagome lattices are rhombi of 60 degrees, with one, two and
three sites (Syôzi, in Domb and Green, Phase Transitions and Critical Phenomena 1 (1972) 269).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, shown
from weakchaos.targets.couplings import checked_shape, lattice_edges

__all__ = ["LATTICES", "Lattice"]

_RHOMBUS = ((1.0, 0.0), (0.5, math.sqrt(0.75)))
_SITES: dict[str, tuple[tuple[float, ...], ...]] = {
    "triangular": ((0.0, 0.0),),
    "honeycomb": ((0.0, 0.0), (1 / 3, 1 / 3)),
    "kagome": ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5)),
}
LATTICES = ("cubic", *_SITES)
_REACH = 2  # cells; the first two distances of all these lattices are shorter


@dataclass(frozen=True)
class Lattice:
    """The geometry of a lattice.

    Parameters
    ----------
    shape : int or tuple of int
        Cells along each axis; sites are numbered in C order of their cells, the sites of a cell one after another.
    kind : {"cubic", "triangular", "honeycomb", "kagome"}
        "cubic" has any number of axes (the square lattice is that of two), the others have two; their cells have 1, 2 and 3 sites.
    periodic : bool

    Examples
    --------
    >>> honeycomb = Lattice((4, 4), "honeycomb")
    >>> honeycomb.n_sites, len(honeycomb.edges()[0])
    (32, 48)
    """

    shape: Any
    kind: str = "cubic"
    periodic: bool = True

    def __post_init__(self):
        if self.kind not in LATTICES:
            raise ArgumentError(f"`kind` must be one of {', '.join(LATTICES)}; got {shown(self.kind)}")
        shape = checked_shape(self.shape)
        if self.kind != "cubic" and len(shape) != 2:
            raise ArgumentError(f"`shape` of a {self.kind} lattice must have two sides; got {shown(self.shape)}")
        checked_shape((*shape, len(self.sites)))
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "periodic", bool(self.periodic))

    @property
    def sites(self) -> tuple[tuple[float, ...], ...]:
        """Places of the sites of a cell, in units of its sides."""
        return _SITES.get(self.kind, ((0.0,) * np.size(self.shape),))

    @property
    def n_sites(self) -> int:
        """Number of sites."""
        return math.prod(self.shape) * len(self.sites)

    def positions(self) -> np.ndarray:
        """Places of all sites in the units of the axes, shape (sites, axes)."""
        cells = np.stack(np.meshgrid(*map(np.arange, self.shape), indexing="ij"), -1).reshape(-1, 1, len(self.shape))
        return (cells + np.array(self.sites)).reshape(-1, len(self.shape))

    def _bonds(self, order: int) -> list[tuple[int, int, tuple[int, ...]]]:
        """The bonds of a cell at the first or second distance: site, other site, and the cell of the other one; each bond once."""
        axes = len(self.shape)
        vectors = np.array(_RHOMBUS) if self.kind != "cubic" else np.eye(axes)
        sites = np.array(self.sites)
        found: dict[float, list[tuple[int, int, tuple[int, ...]]]] = {}
        for a, b in itertools.product(range(len(sites)), repeat=2):
            for cell in itertools.product(range(-_REACH, _REACH + 1), repeat=axes):
                back = tuple(-c for c in cell)
                if (cell, b) > (back, a):
                    square = float((((np.array(cell) + sites[b] - sites[a]) @ vectors) ** 2).sum())
                    found.setdefault(round(square, 9), []).append((a, b, cell))
        return found[sorted(found)[order - 1]]

    def edges(self, order: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Pairs (i, j) of nearest (`order` 1) or next-nearest (2) neighbours.

        A periodic side of length 2 joins its sites by two edges, as the torus does; a side of length 1 has no neighbours along it.
        """
        if self.kind == "cubic" and order == 1:
            return lattice_edges(self.shape, self.periodic)
        shape, sites = np.array(self.shape), len(self.sites)
        cells = np.indices(self.shape).reshape(len(shape), -1)
        left, right = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for a, b, step in self._bonds(order):
            if any(s and side == 1 for s, side in zip(step, self.shape, strict=True)):
                continue
            others = cells + np.array(step)[:, None]
            inside = np.ones(cells.shape[1], bool) if self.periodic else ((others >= 0) & (others < shape[:, None])).all(0)
            i = np.flatnonzero(inside) * sites + a
            j = np.ravel_multi_index(tuple(others[:, inside] % shape[:, None]), self.shape) * sites + b
            apart = i != j  # around a side of length 2, the second neighbour of a site is the site
            left.append(i[apart])
            right.append(j[apart])
        return np.concatenate(left), np.concatenate(right)
