"""Cluster sampling of Ising and Potts models: whole clusters of aligned units move at once, so there is hardly any slowing down at criticality.

Swendsen and Wang, Phys. Rev. Lett. 58 (1987) 86, doi:10.1103/PhysRevLett.58.86; Wolff, Phys. Rev. Lett. 62 (1989) 361,
doi:10.1103/PhysRevLett.62.361. A satisfied coupling becomes a bond with probability 1 - exp(-gap), where gap is the amount by which the energy would
rise if the coupling were not satisfied: 2 |J| between spins, J between Potts units. Fields act on whole clusters: Swendsen and Wang's method draws the
new state of each cluster from the sum of its fields; Wolff's method accepts or rejects the flip of its cluster.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from weakchaos.core.arguments import whole_number
from weakchaos.core.counters import ACCEPTED, STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.drivers.base import stream_addresses
from weakchaos.native.compiled import draw_uniform, kernel
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.discrete import BoundDiscrete
from weakchaos.samplers.record import record_units
from weakchaos.targets.mrf import Ising, PairwiseMRF
from weakchaos.targets.potts import Potts

__all__ = ["SwendsenWang", "Wolff"]


@njit(nogil=True, error_model="numpy")
def _root(parent, i):
    while parent[i] != i:
        parent[i] = parent[parent[i]]  # halving keeps paths short
        i = parent[i]
    return i


@njit(nogil=True, error_model="numpy")
def _satisfied(a, b, sign):
    # sign > 0: the coupling likes equal states, sign < 0: different ones (spins only).
    return (a == b) == (sign > 0)


@kernel
def _swendsen_wang(edges, bond, sign, fields, stream, stream_state, x, parent, weight, offset, counters, n, every, draws, sums):
    """`bond`: probability of a bond on each satisfied coupling; `fields[i, k]`: log weight of state k of unit i."""
    units, q = fields.shape
    any_field = False
    for i in range(units):
        for k in range(q):
            any_field = any_field or fields[i, k] != 0.0
    for t in range(n):
        for i in range(units):
            parent[i] = i
        for e in range(edges.shape[0]):
            i, j = edges[e, 0], edges[e, 1]
            if _satisfied(x[i], x[j], sign[e]) and draw_uniform(stream, stream_state) < bond[e]:
                a, b = _root(parent, i), _root(parent, j)
                if a < b:
                    parent[b] = a
                elif b < a:
                    parent[a] = b
        # weight[root, shift]: log weight of the cluster when every state in it is moved on by `shift`.
        if any_field:
            weight[:] = 0.0
            for i in range(units):
                a = _root(parent, i)
                for k in range(q):
                    weight[a, k] += fields[i, (x[i] + k) % q]
        for i in range(units):
            # The root has the smallest number of its cluster, so it is met first and its slot can hold the shift.
            a = _root(parent, i)
            if a == i:
                u = draw_uniform(stream, stream_state)
                if any_field:
                    top = -np.inf
                    for k in range(q):
                        top = max(top, weight[i, k])
                    total = 0.0
                    for k in range(q):
                        total += math.exp(weight[i, k] - top)
                    u *= total
                    shift, mass = 0, math.exp(weight[i, 0] - top)
                    while u >= mass and shift < q - 1:
                        shift += 1
                        mass += math.exp(weight[i, shift] - top)
                else:
                    shift = min(int(u * q), q - 1)
                weight[i, 0] = shift
            x[i] = (x[i] + int(weight[a, 0])) % q
        counters[STEPS] += 1
        record_units(t, every, x, offset, draws, sums)
    return n


@kernel
def _wolff(
    pointers, neighbours, bond, sign, fields, clusters, stream, stream_state, x, stack, offset, counters, n, every, draws, sums
):
    """`stack` holds the units of the cluster; the state of a unit that has joined is moved on at once, which marks it."""
    units, q = fields.shape
    for t in range(n):
        for _ in range(clusters):
            seed = min(int(draw_uniform(stream, stream_state) * units), units - 1)
            shift = 1 if q == 2 else 1 + min(int(draw_uniform(stream, stream_state) * (q - 1)), q - 2)
            stack[0], stack[units + seed] = seed, 1
            size, place = 1, 0
            gain = fields[seed, (x[seed] + shift) % q] - fields[seed, x[seed]]
            x[seed] = (x[seed] + shift) % q
            while place < size:
                i = stack[place]
                place += 1
                old = (x[i] + q - shift) % q
                for e in range(pointers[i], pointers[i + 1]):
                    j = neighbours[e]
                    # One that has joined is seen moved on, so its coupling may look satisfied once more; bond would then be drawn against
                    # the wrong state. The mark in the second half of the stack keeps it out.
                    if stack[units + j] == 0 and _satisfied(old, x[j], sign[e]) and draw_uniform(stream, stream_state) < bond[e]:
                        gain += fields[j, (x[j] + shift) % q] - fields[j, x[j]]
                        x[j] = (x[j] + shift) % q
                        stack[units + j] = 1
                        stack[size] = j
                        size += 1
            kept = gain >= 0.0 or draw_uniform(stream, stream_state) < math.exp(gain)
            counters[ACCEPTED] += kept
            for k in range(size):
                i = stack[k]
                stack[units + i] = 0
                if not kept:
                    x[i] = (x[i] + q - shift) % q
        counters[STEPS] += 1
        record_units(t, every, x, offset, draws, sums)
    return n


class _BoundCluster(BoundDiscrete):
    """What both share: bonds and fields in the form the kernels take."""

    uniforms_per_step = None
    least_uniforms = 1

    def __init__(self, sampler: Any, target: Any, driver: Any):
        super().__init__(sampler, target, driver)
        edges = np.ascontiguousarray(target.edges, np.int64)
        if isinstance(target, Potts):
            if (target.weights < 0).any():
                raise ArgumentError(
                    f"`target` must be ferromagnetic for clusters of a Potts model; the smallest coupling is {target.weights.min():g}: use Gibbs"
                )
            gap, fields = target.weights, target.fields
        else:
            # Units 0/1 with couplings W are spins with couplings W / 4 and fields b / 2 + sum_j W_ij / 4.
            gap = 0.5 * np.abs(target.weights)
            total = np.bincount(edges[:, 0], target.weights, target.dim) + np.bincount(edges[:, 1], target.weights, target.dim)
            spin = 0.5 * target.fields + 0.25 * total
            # What cancels but for rounding is no field: it would cost time and reject flips.
            spin = np.where(np.abs(spin) < 1e-12 * (np.abs(target.fields) + np.abs(total)), 0.0, spin)
            fields = np.stack([-spin, spin], 1)
        if not np.isfinite(fields).all():
            raise ArgumentError("`target` must have finite fields for cluster moves; use Gibbs")
        self._edges, self._bond, self._sign = edges, -np.expm1(-gap), np.sign(target.weights)
        self._fields = np.ascontiguousarray(fields)
        self.moves = None

    def addresses(self, state: State) -> tuple[np.uint64, np.uint64]:
        """The stream and its state, as kernels take them."""
        return stream_addresses(state.driver)


class _BoundSwendsenWang(_BoundCluster):
    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        parent, weight = np.empty(self.dim, np.int64), np.zeros_like(self._fields)
        return _swendsen_wang(
            self._edges, self._bond, self._sign, self._fields, *self.addresses(state), state.symbols, parent, weight,
            self._offset, state.counters, n, every, draws, sums,
        )  # fmt: skip


class _BoundWolff(_BoundCluster):
    def __init__(self, sampler: Any, target: Any, driver: Any):
        super().__init__(sampler, target, driver)
        ends = np.concatenate([self._edges, self._edges[:, ::-1]])
        order = np.argsort(ends[:, 0], kind="stable")
        self._pointers = np.concatenate([[0], np.cumsum(np.bincount(ends[:, 0], minlength=self.dim))]).astype(np.int64)
        self._neighbours = ends[order, 1].copy()
        self._twice = np.tile(self._bond, 2)[order], np.tile(self._sign, 2)[order]

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        stack = np.zeros(2 * self.dim, np.int64)
        return _wolff(
            self._pointers, self._neighbours, *self._twice, self._fields, self.sampler.n_clusters, *self.addresses(state),
            state.symbols, stack, self._offset, state.counters, n, every, draws, sums,
        )  # fmt: skip


_KINDS = "an Ising model, a Potts model or a PairwiseMRF"


@dataclass(frozen=True)
class SwendsenWang(Sampler):
    r"""Cluster sampling of Swendsen and Wang; one step divides all units into clusters and draws the state of each cluster anew.

    Couplings of spins may have either sign; with frustration the sampler is still correct but no longer efficient. Couplings of Potts units must be
    positive.

    Notes
    -----
    A coupling $J_{ij}$ that is satisfied becomes a bond with probability

    $$p_{ij} = 1 - e^{-2 |J_{ij}|} \quad \text{(spins)}, \qquad p_{ij} = 1 - e^{-J_{ij}} \quad \text{(Potts units)},$$

    and each cluster of bonds draws its state from the sum of its fields.

    References
    ----------
    Swendsen and Wang, Phys. Rev. Lett. 58 (1987) 86, doi:10.1103/PhysRevLett.58.86.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.Ising.lattice((8, 8), beta=0.44), SwendsenWang(), draws=100, warmup=20, seed=1, progress=False)
    >>> trace.draws.shape
    (4, 100, 64)
    """

    def bind(self, target: Any, driver: Any = "pcg64") -> BoundDiscrete:
        """The system of this sampler on an Ising or Potts model."""
        self.require(target, (Ising, Potts, PairwiseMRF), _KINDS)
        return _BoundSwendsenWang(self, target, driver)


@dataclass(frozen=True)
class Wolff(Sampler):
    """Cluster sampling of Wolff; one step grows `n_clusters` single clusters from random units and flips each.

    Parameters
    ----------
    n_clusters : int
        Number of clusters per step. At criticality a cluster holds a large part of the lattice, far from criticality a few units: choose the number so
        that a step flips each unit about once on average.

    References
    ----------
    Wolff, Phys. Rev. Lett. 62 (1989) 361, doi:10.1103/PhysRevLett.62.361.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.Ising.lattice((8, 8), beta=0.44), Wolff(4), draws=100, warmup=20, seed=1, progress=False)
    >>> trace.draws.shape
    (4, 100, 64)
    """

    n_clusters: int = 1

    def __post_init__(self):
        object.__setattr__(self, "n_clusters", whole_number("n_clusters", self.n_clusters, 1, 1 << 40))

    def bind(self, target: Any, driver: Any = "pcg64") -> BoundDiscrete:
        """The system of this sampler on an Ising or Potts model."""
        self.require(target, (Ising, Potts, PairwiseMRF), _KINDS)
        return _BoundWolff(self, target, driver)
