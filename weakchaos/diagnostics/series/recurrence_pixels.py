"""The recurrence plot of a long series, coarse-grained to pixels while its rows are made; the matrix is never stored."""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.diagnostics.series.bitsets import bits_between, near_point, ranked_times
from weakchaos.diagnostics.series.recurrence_radius import (
    USUAL_RATE,
    checked_radii,
    norm_code,
    prepared,
    radius_of_rate,
    recurrent_points,
)
from weakchaos.native.compiled import kernel

__all__ = ["recurrence_image"]


@kernel
def _pixels(columns, ranked, orders, stride, reach, norm, bound, edges, image):
    """How many cells recur in each pixel, whose rows and columns begin and end at `edges`."""
    dim, n = columns.shape
    words = n // 64 + 1
    kept = np.empty((dim, n // stride + 1, words), np.uint64)
    for d in range(dim):
        kept[d] = ranked_times(orders[d], stride, words)
    row, spare = np.empty(words, np.uint64), np.empty(words, np.uint64)
    for a in range(edges.size - 1):
        for i in range(edges[a], edges[a + 1]):
            near_point(columns, ranked, orders, kept, stride, i, reach, norm, bound, spare, row)
            for b in range(edges.size - 1):
                image[a, b] += bits_between(row, edges[b], edges[b + 1])


def recurrence_image(
    x: Any, radius: float | None = None, pixels: int = 500, dim: int = 1, delay: int = 1, norm: str = "maximum"
) -> np.ndarray:
    """The recurrence plot of a series or of an orbit, coarse-grained: the share of recurrent cells in each pixel.

    Parameters
    ----------
    x : array of shape (n,) or (n, d)
    radius : float, optional
        As for `recurrence_quantification`, one number.
    pixels : int
        Largest number of rows and columns of the image. Each pixel is a block of cells with sides of ``ceil(n / pixels)``; the last blocks are
        smaller.
    dim, delay, norm
        As for `recurrence_quantification`.

    Returns
    -------
    array of shape (m, m)
        Row 0 and column 0 belong to the first points.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> recurrence_image([0.0, 1.0] * 10, radius=0.5)[0, :4].tolist()
    [1.0, 0.0, 1.0, 0.0]
    """
    points, code = recurrent_points(x, dim, delay), norm_code(norm)
    block = -(-len(points) // whole_number("pixels", pixels, 2))
    radii = radius_of_rate(points, USUAL_RATE, norm=norm) if radius is None else checked_radii(radius)
    if radii.size > 1:
        raise ArgumentError(f"`radius` must be one number for one image; got {shown(radius)}")
    edges = np.append(np.arange(0, len(points), block), len(points))
    counts = np.zeros((edges.size - 1, edges.size - 1), np.int64)
    columns, ranked, orders, stride, reach, code, bounds = prepared(points, radii, code)
    _pixels(columns, ranked, orders, stride, float(reach[0]), code, float(bounds[0]), edges, counts)
    widths = np.diff(edges)
    return counts / (widths[:, None] * widths)
