"""Two copies of a spin system: overlaps, and clusters of spins that differ.

With two copies s and t of the same couplings at one temperature, q = (1 / n) sum_i s_i t_i is their overlap and q_l = (1 / m) sum_<ij> s_i s_j t_i t_j that
of their links (Katzgraber, Palassini and Young, Phys. Rev. B 63 (2001) 184422, arXiv:cond-mat/0007113). A Houdayer move takes a spin at random; if the copies differ there, it exchanges
between them the whole cluster of neighbours in which they differ. Around a cluster the copies agree, so that neither the sum of the two energies nor that of the fields changes, and the move is never
refused (Houdayer, Eur. Phys. J. B 22 (2001) 479, arXiv:cond-mat/0101116; Zhu, Ochoa and Katzgraber, Phys. Rev. Lett. 115 (2015) 077201).
"""

from __future__ import annotations

from weakchaos.native.compiled import draw_uniform, kernel

__all__ = ["houdayer_move", "overlaps_of"]


@kernel
def overlaps_of(a, b, i, j):
    """Overlap and link overlap of two copies of 0/1 units, with links between `i` and `j`."""
    same, links = 0, 0
    for k in range(a.size):
        same += 1 if a[k] == b[k] else -1
    for e in range(i.size):
        links += 1 if (a[i[e]] == b[i[e]]) == (a[j[e]] == b[j[e]]) else -1
    return same / a.size, links / max(i.size, 1)


@kernel
def houdayer_move(a, b, ptr, unit, stream, stream_state, queue, inside):
    """Exchange one cluster between two copies, in place; how many spins it had. `queue` and `inside` are room for n numbers, `inside` all zero before and after."""
    first = min(int(draw_uniform(stream, stream_state) * a.size), a.size - 1)
    if a[first] == b[first]:
        return 0
    queue[0], inside[first] = first, 1
    size, at = 1, 0
    while at < size:
        k = queue[at]
        at += 1
        for e in range(ptr[k], ptr[k + 1]):
            other = unit[e]
            if inside[other] == 0 and a[other] != b[other]:
                inside[other] = 1
                queue[size] = other
                size += 1
    for at in range(size):
        k = queue[at]
        a[k], b[k] = b[k], a[k]
        inside[k] = 0
    return size
