"""Microcanonical Langevin Monte Carlo, unadjusted.

Robnik, De Luca, Silverstein and Seljak (2023), arXiv:2212.08549; Robnik and Seljak (2024), arXiv:2303.18221. A particle moves at unit speed along the
isokinetic flow of `weakchaos.samplers.isokinetic` (m = d - 1), and after each step of size e its velocity forgets a little of itself,
``u <- (u + nu z) / |u + nu z|``, ``nu**2 = (exp(2 e / L) - 1) / d``, so that over the decoherence length L it forgets all. Without that noise (L
infinite) the flow conserves too much: on an isotropic Gaussian it stays in one plane and is not ergodic. L is tuned by the way that the particle makes
while it forgets where it was, as in section 5 of arXiv:2212.08549; there it is 0.4 of that of an average coordinate, here 0.7 of that of the slowest one or of
its square, as an average hides the coordinates that the metric does not make round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from weakchaos.core.arguments import positive
from weakchaos.core.counters import ACCEPTED, DIVERGENCES, STEPS
from weakchaos.core.system import State
from weakchaos.native.compiled import kernel
from weakchaos.samplers.adaptation import windows
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.energy_tuning import check_energy_tuned, tune_by_energy
from weakchaos.samplers.integrators import DONE, FAILED
from weakchaos.samplers.isokinetic import minimal_norm_step, perturb, reverse, set_right
from weakchaos.samplers.record import arrive, evaluate_start, record
from weakchaos.samplers.unadjusted import BoundUnadjusted, tell_unadjusted
from weakchaos.targets.density import Density

__all__ = ["MCLMC"]

# Decoherence length over sqrt(dim), the radius of a standard Gaussian, before it is tuned, and what it may be tuned to.
_FIRST, _LEAST, _MOST = 2.0, 0.5, 8.0
_SHARE = 0.7  # of the length over which the slowest coordinate, or its square, forgets itself
_LEAST_ORBIT, _COORDINATES = 100, 64
_WINDOW = 5.0  # Sokal, "Monte Carlo methods in statistical mechanics" (1997), doi:10.1007/978-1-4899-0319-8_6, section 3


@kernel
def _mclmc(
    density, user_data, stream, stream_state, step_size, inverse_mass, energy_error, window, edges, done, total, target, tune_step, tune_mass,
    decoherence_length, orbit, phase, known, counters, n, every, draws, stats, sums
):  # fmt: skip
    """`n` steps; of warm-up, `done` of `total` having been made, where `total` is not 0."""
    dim = phase.size // 2
    x, u = phase[:dim], phase[dim:]
    value, gained, scale = np.empty(1), np.empty(1), np.sqrt(inverse_mass)
    position, velocity, gradient, known_gradient = np.empty(dim), np.empty(dim), np.empty(dim), known[dim : 2 * dim]
    diverged = 0
    if n > 0 and not evaluate_start(density, user_data, x, known, counters):
        return 0
    set_right(u)
    for t in range(n):
        used = step_size[0]
        for i in range(dim):
            position[i], velocity[i], gradient[i] = x[i], u[i], known_gradient[i]
        gained[0] = 0.0
        status = minimal_norm_step(
            density, user_data, used, scale, dim - 1.0, position, velocity, gradient, value, counters, gained
        )
        if status == FAILED:
            return t
        error = gained[0] + known[2 * dim] - value[0] if status == DONE else math.inf
        if abs(error) < 1000.0:
            counters[ACCEPTED] += 1
            arrive(x, known, position, gradient, value)
            for i in range(dim):
                u[i] = velocity[i]
        else:
            reverse(u)
            counters[DIVERGENCES] += 1
            diverged += 1
        if decoherence_length[0] < math.inf:
            perturb(u, math.sqrt(math.expm1(2.0 * used / decoherence_length[0]) / dim), stream, stream_state)
        counters[STEPS] += 1
        now = done + t + 1
        if now <= total:
            tune_by_energy(now, edges, x, error, target, tune_step, tune_mass, step_size, inverse_mass, energy_error, window, scale)
            if orbit.shape[0] > 0 and now > edges[-2] and now <= edges[-1]:
                for k in range(orbit.shape[1]):
                    orbit[now - edges[-2] - 1, k] = x[k * dim // orbit.shape[1]]
        row = record(t, every, x, draws, sums)
        if row >= 0:
            tell_unadjusted(row, stats, known[2 * dim], error, diverged, used, every)
            diverged = 0
    return n


def memory(orbit: np.ndarray) -> float:
    """Steps over which the slowest column of an orbit, or its square about the mean, forgets itself: the largest integrated autocorrelation time.

    Sums of autocorrelations of shape (steps, columns) end where the lag is five times what they amount to.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(2000, 1))
    >>> 0.8 < memory(x) < 1.3
    True
    """
    centred = orbit - orbit.mean(0)
    n, longest = len(orbit), 0.0
    for values in (centred, centred**2 - (centred**2).mean(0)):
        transform = np.fft.rfft(values, 2 * n, axis=0)
        covariance = np.fft.irfft(transform.real**2 + transform.imag**2, axis=0)[:n]
        moving = covariance[0] > 0
        times = 2.0 * np.cumsum(covariance[:, moving] / covariance[0, moving], 0) - 1.0
        enough = np.arange(n)[:, None] >= _WINDOW * times
        enough[-1] = True
        if moving.any():
            longest = max(longest, float(times[enough.argmax(0), np.arange(times.shape[1])].max()))
    return longest


class _Bound(BoundUnadjusted):
    needs = (2, "because a unit velocity in one dimension cannot turn")

    def __init__(self, sampler: MCLMC, target: Density, driver: Any):
        super().__init__(sampler, target, driver)
        self.uniforms_per_step = 0 if sampler.decoherence_length == math.inf else self.dim

    @property
    def first_step(self) -> float:
        """See `BoundUnadjusted.first_step`."""
        return 0.1 * math.sqrt(self.dim)

    def new_tuning(self) -> dict[str, np.ndarray]:
        """See `BoundUnadjusted.new_tuning`; and the decoherence length."""
        given = self.sampler.decoherence_length
        length = np.array(_FIRST * math.sqrt(self.dim) if given is None else float(given))
        return {**super().new_tuning(), "decoherence_length": length}

    def warm(self, state: State, n: int, done: int, total: int, draws: np.ndarray, stats: np.ndarray) -> tuple[int, bool]:
        """See `Bound.warm`; at the end of the last window of the metric the decoherence length is made of what the orbit did in it."""
        edges, tuning = windows(total), state.tuning
        last = int(edges[-1]) if edges.size > 1 else 0
        if self.sampler.decoherence_length is not None or last - (int(edges[-2]) if last else 0) < _LEAST_ORBIT:
            return super().warm(state, n, done, total, draws, stats)
        if done == 0:
            tuning["orbit"] = np.zeros((last - int(edges[-2]), min(self.dim, _COORDINATES)))
        made = 0
        while made < n:
            now = done + made
            count = min(n - made, last - now) if now < last else n - made
            rows = draws[made : made + count], stats[made : made + count]
            got = super().warm(state, count, now, total, *rows)[0]
            made += got
            if got < count:
                break
            if done + made == last:
                length = _SHARE * float(tuning["step_size"]) * memory(tuning.pop("orbit"))
                radius = math.sqrt(self.dim)
                tuning["decoherence_length"] = np.array(min(max(length, _LEAST * radius), _MOST * radius))
        return made, False

    def move(self, state: State, n: int, every: int, done: int, total: int, draws: Any, stats: Any, sums: Any) -> int:
        """See `BoundUnadjusted.move`."""
        return _mclmc(
            *self.addresses(state), *self.tuned(state, done, total), state.tuning["decoherence_length"].reshape(1),
            state.tuning.get("orbit", np.empty((0, 0))), state.phase, self.known(state), state.counters,
            n, every, draws, stats, sums
        )  # fmt: skip


@dataclass(frozen=True)
class MCLMC(Sampler):
    r"""Microcanonical Langevin Monte Carlo: fast, tuned during warm-up, and biased by its steps, which nothing rejects.

    Parameters
    ----------
    step_size : float, optional
        Length of a step, measured in units in which each coordinate is divided by the square root of its inverse mass. Warm-up tunes it when it
        is not given. A
        Gaussian of dim coordinates has its mass at the radius sqrt(dim).
    decoherence_length : float, optional
        The length of path over which noise replaces the direction of the velocity; tuned during warm-up when not given, to 0.7 times the way that the particle makes while the
        slowest coordinate, or its square, forgets itself (2 sqrt(dim) before that, and in a warm-up of less than some 200 steps). ``math.inf``
        leaves out the noise: the orbit is then deterministic, and in general not ergodic.
    inverse_mass : array of shape (dim,), optional
        The diagonal of the metric, one variance per coordinate. When it is not given, it is 1 for every coordinate at first, and warm-up replaces it
        by the variances of its draws.
    energy_variance : float
        Warm-up chooses the step size so that the energy error of one step has this variance per coordinate. The bias falls with its square root.

    Notes
    -----
    A particle moves at unit speed, turned by the gradient g of the log density, and after each step of size $\epsilon$ noise z turns it:

    $$\dot x = u, \qquad \dot u = \frac{(1 - u u^T) g}{d - 1}, \qquad u \leftarrow \frac{u + \nu z}{|u + \nu z|}, \qquad \nu^2 = \frac{e^{2 \epsilon / L} - 1}{d}.$$

    A step costs two gradients (McLachlan's minimal-norm splitting). ``stats`` holds ``lp``, ``energy_error`` (of the last step of a draw),
    ``diverging`` (whether a step left the support or changed the energy by 1000 or more; such a step is not taken, and the velocity is reversed),
    ``step_size`` and ``n_steps``. No step is ever rejected, so averages have a bias: ``trace.check()`` says so and measures it by Stein's identity.
    `MAMS` is the form that rejects and has no bias. One step moves a short way: to store fewer draws, keep every fifth or tenth by ``sample(thin=)``.

    References
    ----------
    Robnik, De Luca, Silverstein and Seljak (2023), arXiv:2212.08549; Robnik and Seljak (2024), arXiv:2303.18221.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 100.0]), MCLMC(), draws=1000, warmup=1000, thin=4, seed=1, progress=False)
    >>> bool(abs(trace.draws[..., 1].std() / 100.0 - 1.0) < 0.1)
    True
    """

    step_size: float | None = None
    decoherence_length: float | None = None
    inverse_mass: Any = None
    energy_variance: float = 5e-4
    uses_gradient: ClassVar[bool] = True
    adjusted: ClassVar[bool] = False

    def __post_init__(self):
        check_energy_tuned(self)
        if self.decoherence_length is not None and self.decoherence_length != math.inf:
            positive("decoherence_length", self.decoherence_length)

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return _Bound(self, target, driver)
