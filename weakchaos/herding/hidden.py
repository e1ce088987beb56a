"""Herding with hidden units.

Welling, UAI 2009, 599-606, arXiv:1205.2605: the features phi(x, z) contain hidden units z, which are not observed in the data, here those of a restricted
Boltzmann machine with hidden units z in {-1, +1}, ``<w, phi(x, z)> = x'Wz + a'x + theta'z``. With data x_n of weights p_n, each coordinate shifted
and scaled to [-1, +1],

    z_n = argmax_z <w, phi(x_n, z)>,    (s, z)_t = argmax_{s, z} <w, phi(s, z)>,    w += sum_n p_n phi(x_n, z_n) - phi(s_t, z_t).

The first argmax is exact, ``z = sign(W'x + theta)``. The second is searched for by alternation: the best s for given z, the best z for given s,
until the score no longer rises. Since the search begins at the data point of highest score, it ends with at least the mean score of the data, so
``<w, v> = sum_n p_n <w, phi(x_n, z_n)> - <w, phi(s, z)> <= 0``: the condition of the perceptron cycling theorem (Block and Levin, Proc. AMS 26
(1970) 229), although the maximum is only a local one. The weights then stay bounded and the averages of s over T draws differ from the mean
of the data by ``(a_T - a_0) / T``, in units of half the range of a coordinate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import positive, whole_number
from weakchaos.core.counters import STEPS
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.system import State
from weakchaos.native.compiled import kernel
from weakchaos.samplers.base import Bound, Sampler
from weakchaos.samplers.record import row_of
from weakchaos.targets.points import Points

__all__ = ["HiddenHerding"]

VIOLATIONS = 6  # place among the counters: steps at which the certificate failed
_DATA, _PREVIOUS, _BOTH = range(3)
_STARTS = ("data", "previous", "both")
_VISIBLE = ("binary", "points")


@kernel
def _herd_hidden(x, p, values, lower, upper, reach, binary, starts, w, a, theta, phase_w, phase_a, phase_theta, chosen, z, s, trial_s, trial_z, field, counters, n, every,
                 draws, stats, sums):  # fmt: skip
    points, visible = x.shape
    hidden = theta.size
    for t in range(n):
        # What the data say: w, a, theta become the averages of the features with the hidden units at their best.
        w[:] = 0.0
        a[:] = 0.0
        theta[:] = 0.0
        mean_score, top, best = 0.0, -math.inf, 0
        for i in range(points):
            if p[i] == 0.0:
                continue
            for h in range(hidden):
                field[h] = phase_theta[h]
            score = 0.0
            for j in range(visible):
                value = x[i, j]
                if value != 0.0:
                    score += phase_a[j] * value
                    for h in range(hidden):
                        field[h] += value * phase_w[j, h]
            for h in range(hidden):
                score += abs(field[h])
                field[h] = p[i] if field[h] > 0.0 else -p[i]
                theta[h] += field[h]
            for j in range(visible):
                value = x[i, j]
                if value != 0.0:
                    a[j] += p[i] * value
                    for h in range(hidden):
                        w[j, h] += value * field[h]
            mean_score += p[i] * score
            if score > top:
                top, best = score, i

        # What the model says: the best of the states reached from the data point of the highest score and from the last state.
        reached = -math.inf
        turns = 0
        for begin in range(2):
            if (begin == 0 and starts == 1) or (begin == 1 and starts == 0):
                continue
            for j in range(visible):
                trial_s[j] = x[best, j] if begin == 0 else (reach[j] if chosen[j] == 1 else -reach[j])
            score, turn = 0.0, 0
            while True:
                before = score
                for h in range(hidden):
                    field[h] = phase_theta[h]
                score = 0.0
                for j in range(visible):
                    if trial_s[j] != 0.0:
                        score += phase_a[j] * trial_s[j]
                        for h in range(hidden):
                            field[h] += trial_s[j] * phase_w[j, h]
                for h in range(hidden):
                    score += abs(field[h])
                    trial_z[h] = 1 if field[h] > 0.0 else -1
                # Equal within rounding: another turn could only come back.
                if not binary or (turn > 0 and score <= before + 1e-13 * abs(before)):
                    break
                turn += 1
                for j in range(visible):
                    value = phase_a[j]
                    for h in range(hidden):
                        value += phase_w[j, h] * trial_z[h]
                    trial_s[j] = reach[j] if value > 0.0 else -reach[j]
            turns += turn
            if score > reached:
                reached = score
                for j in range(visible):
                    s[j] = trial_s[j]
                for h in range(hidden):
                    z[h] = trial_z[h]
        if binary:
            for j in range(visible):
                chosen[j] = 1 if s[j] > 0.0 else 0
        else:
            chosen[0] = best

        certificate = mean_score - reached
        if certificate > 1e-12 * (1.0 + abs(mean_score) + abs(reached)):
            counters[VIOLATIONS] += 1
        norm = 0.0
        for j in range(visible):
            phase_a[j] += a[j] - s[j]
            norm += phase_a[j] * phase_a[j]
            for h in range(hidden):
                phase_w[j, h] += w[j, h] - s[j] * z[h]
                norm += phase_w[j, h] * phase_w[j, h]
        for h in range(hidden):
            phase_theta[h] += theta[h] - z[h]
            norm += phase_theta[h] * phase_theta[h]
        counters[STEPS] += 1
        row = row_of(t, every)
        if row >= 0:
            for j in range(visible):
                s[j] = (upper[j] if chosen[j] == 1 else lower[j]) if binary else values[best, j]
            if draws.shape[0] > 0:
                for j in range(visible):
                    draws[row, j] = s[j]
                stats[row, 0] = certificate
                stats[row, 1] = math.sqrt(norm)
                stats[row, 2] = turns
            if sums.size > 0:
                for j in range(visible):
                    sums[j] += s[j]
    return n


class _Bound(Bound):
    """Phase: the weights W, a, theta. Symbols: the visible state chosen last (0/1 units, or a point's index), then the hidden one."""

    stats_names = ("certificate", "weight_norm", "turns")

    def __init__(self, sampler: HiddenHerding, target: Points):
        super().__init__(sampler, target, None)
        self.n_averages = self.dim
        low, high = target.x.min(0), target.x.max(0)
        two = bool(((target.x == low) | (target.x == high)).all())
        self._binary = two if sampler.visible is None else sampler.visible == "binary"
        half = 0.5 * (high - low)
        units = (target.x - 0.5 * (low + high)) / np.where(half > 0, half, 1.0)
        # A constant column is one of zeros and stays so.
        self._data = (units, target.weights, target.x, low, high, (half > 0).astype(np.float64))
        if not self._binary and sampler.starts != "data":
            raise ArgumentError(
                f"`starts` must be 'data' if the visible states are the points themselves, since the maximum over them is exact; got {shown(sampler.starts)}"
            )

    def _split(self, phase: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        d, k = self.dim, self.sampler.n_hidden
        w, a, theta = np.split(phase, [d * k, d * k + d])
        return w.reshape(d, k), a, theta

    def weights(self, state: State) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """W of shape (dim, n_hidden), a of shape (dim,), theta of shape (n_hidden,), as views of the state; for coordinates in [-1, +1]."""
        return self._split(state.phase)

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """Couplings at random, biases at zero."""
        if position is not None:
            raise ArgumentError("`initial` must be None: herding starts from weights, not from a position; choose `start_scale`")
        d, k = self.dim, self.sampler.n_hidden
        w = rng.normal(0.0, self.sampler.start_scale, d * k)
        first = rng.integers(0, 2, d) if self._binary else np.zeros(1, np.int64)
        return State(phase=np.concatenate([w, np.zeros(d + k)]), symbols=np.concatenate([first, np.full(k, -1)]).astype(np.int64))

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        w, a, theta = self._split(state.phase)
        d, k = self.dim, self.sampler.n_hidden
        visible = d if self._binary else 1
        # Scratch of this call alone, so that chains in threads do not share it.
        return _herd_hidden(
            *self._data, self._binary, _STARTS.index(self.sampler.starts),
            np.empty_like(w), np.empty_like(a), np.empty_like(theta), w, a, theta, state.symbols[:visible], state.symbols[visible:],
            np.empty(d), np.empty(d), np.empty(k, np.int64), np.empty(k), state.counters, n, every, draws, stats, sums,
        )  # fmt: skip

    def estimands(self, draws: np.ndarray) -> np.ndarray:
        """The draws themselves."""
        return np.asarray(draws, np.float64)

    def mean_of_averages(self, averages: np.ndarray) -> np.ndarray:
        """The mean of the draws."""
        return averages

    def count_bad_values(self, state: State) -> int:
        """None: there is no log density."""
        return 0

    def violations(self, state: State) -> int:
        """Steps at which ``<w, v> <= 0`` failed; none with ``starts="data"`` or ``"both"``."""
        return int(state.counters[VIOLATIONS])


@dataclass(frozen=True)
class HiddenHerding(Sampler):
    r"""Herding with hidden units: visible states whose mean is that of the data up to O(1/T), with dependencies modelled by the hidden units.

    Parameters
    ----------
    n_hidden : int
        Number of hidden units in {-1, +1}; 0 gives herding of each visible unit by itself.
    visible : {"binary", "points"}, optional
        ``"binary"``: each visible unit takes the smallest or the largest value of its column, and all such states can be drawn. ``"points"``:
        only the data points can be drawn, and the argmax over them is exact. By default binary if every column has at most two values.
    starts : {"data", "previous", "both"}
        Where the search for the best binary state begins: at the data point of highest score; at the last state; or at both in turn, of which
        the better result is taken. If it begins at the data point the certificate always holds; from the last state alone it can fail.
    start_scale : float
        Standard deviation of the first couplings. The step size is 1, since another one would only rescale the couplings.

    Notes
    -----
    With data $x_n$ of weights $p_n$ and hidden units z,

    $$z_n = \mathrm{argmax}_z \langle w, \phi(x_n, z) \rangle, \qquad (s, z)_t = \mathrm{argmax}_{s, z} \langle w, \phi(s, z) \rangle, \qquad
    w \leftarrow w + \sum_n p_n \phi(x_n, z_n) - \phi(s_t, z_t).$$

    The target is `Points`; a draw is a visible state of shape (dim,). ``stats["certificate"]`` is <w, v> of the perceptron cycling theorem and must
    not be positive; ``trace.system.violations(state)`` counts the failures. ``stats["weight_norm"]`` is |w|, and ``stats["turns"]`` is how often the
    visible units were updated in a search. ``trace.system.weights(state)`` returns W, a and theta. The number of operations of a step is the
    number of entries of the data times the number of hidden units.

    References
    ----------
    Welling, UAI 2009, 599-606, arXiv:1205.2605.

    Examples
    --------
    >>> import numpy as np, weakchaos as wc
    >>> x = np.array([[0, 0, 0], [1, 1, 1], [1, 1, 0]])
    >>> trace = wc.sample(wc.Points(x), HiddenHerding(4), draws=300, warmup=0, chains=1, seed=1, progress=False)
    >>> bool(np.abs(trace.draws[0].mean(0) - x.mean(0)).max() < 0.05)
    True
    """

    n_hidden: int = 16
    visible: str | None = None
    starts: str = "data"
    start_scale: float = 0.1

    def __post_init__(self):
        object.__setattr__(self, "n_hidden", whole_number("n_hidden", self.n_hidden, 0))
        if self.visible not in (None, *_VISIBLE):
            raise ArgumentError(f"`visible` must be 'binary', 'points' or None; got {shown(self.visible)}")
        if self.starts not in _STARTS:
            raise ArgumentError(f"`starts` must be one of {', '.join(_STARTS)}; got {shown(self.starts)}")
        positive("start_scale", self.start_scale)

    def bind(self, target: Any, driver: Any = None) -> _Bound:
        """The system of herding on points; `driver` is not used, since no number is drawn."""
        self.require(target, Points, "Points, the data to be herded")
        return _Bound(self, target)
