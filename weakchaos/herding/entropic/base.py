"""The common part of the proposal families of entropic herding: the state, the stream, the mixture of proposals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array, whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.drivers.base import stream_addresses
from weakchaos.samplers.base import Bound

__all__ = ["EntropicBound", "Mixture", "two_valued"]

_BLOCK = 1 << 22


def two_valued(x: np.ndarray) -> bool:
    """Whether every column takes at most two values."""
    return bool(((x == x.min(0)) | (x == x.max(0))).all())


@dataclass(frozen=True)
class Mixture:
    """An equal mixture of product distributions, or a distribution on finitely many states.

    Attributes
    ----------
    family : {"finite", "bernoulli", "gaussian"}
    location : array
        ``"finite"``: probabilities of the states, shape (n_states,). ``"bernoulli"``: P(unit takes its greater value), shape (components, dim).
        ``"gaussian"``: means, shape (components, dim).
    scale : array of shape (components, dim), or None
        Standard deviations of the Gaussian family.
    low, high : arrays of shape (dim,), or None
        The two values of each unit.
    """

    family: str
    location: np.ndarray
    scale: np.ndarray | None = None
    low: np.ndarray | None = None
    high: np.ndarray | None = None

    def log_prob(self, x: Any) -> np.ndarray:
        """Log probability, or log density, of states.

        Parameters
        ----------
        x : array of shape (m, dim); indices of shape (m,) for ``"finite"``

        Returns
        -------
        array of shape (m,)

        Raises
        ------
        ArgumentError
        """
        x = real_array("x", x)
        if self.family == "finite":
            index = x.ravel().astype(np.int64)
            if (index != x.ravel()).any() or (index < 0).any() or (index >= self.location.size).any():
                raise ArgumentError(f"`x` must hold indices of states, 0 .. {self.location.size - 1}")
            with np.errstate(divide="ignore"):
                return np.log(self.location[index])
        components, dim = self.location.shape
        if x.ndim != 2 or x.shape[1] != dim:
            raise ArgumentError(f"`x` must have shape (m, {dim}); got {x.shape}")
        if self.family == "bernoulli":
            return self._of_units(x)
        assert self.scale is not None
        out = np.empty(len(x))
        rows = max(1, _BLOCK // (components * dim))
        constant = -np.log(self.scale).sum(1) - 0.5 * dim * math.log(2 * math.pi)
        for a in range(0, len(x), rows):
            z = (x[a : a + rows, None] - self.location) / self.scale
            out[a : a + rows] = _log_mean_exp(constant - 0.5 * (z**2).sum(2))
        return out

    def _of_units(self, x: np.ndarray) -> np.ndarray:
        ones = x == self.high
        if not (ones | (x == self.low)).all():
            raise ArgumentError("`x` must hold the two values of each unit")
        with np.errstate(divide="ignore"):
            yes, no = np.log(self.location), np.log1p(-self.location)
        out = np.empty(len(x))
        rows = max(1, _BLOCK // self.location.size)
        for a in range(0, len(x), rows):
            out[a : a + rows] = _log_mean_exp(np.where(ones[a : a + rows, None], yes, no).sum(2))
        return out


def _log_mean_exp(values: np.ndarray) -> np.ndarray:
    top = values.max(1)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return safe + np.log(np.exp(values - safe[:, None]).mean(1))


class EntropicBound(Bound):
    """Phase: the sums A with ``a = strength A``, then the numbers of the family. Symbols: steps made (for 1/t only), then the last draw.

    ``A <- (1 - epsilon) A + eta - m`` with ``a = epsilon A`` is the recursion of the paper for a constant epsilon, ``A <- A + eta - m`` with
    ``a = A / t`` the recursion for 1/t; with the latter, -A are the weights of herding, to the last bit.
    """

    stats_names: tuple[str, ...] = ("entropy", "objective")
    memory = False  # the mixture moves by its own means: what is drawn from it does not come back
    moments: np.ndarray
    n_parameters: int

    def __init__(self, sampler: Any, target: Any, driver: Any, consumes: int):
        draws_numbers = sampler.entropy_weight > 0 and sampler.readout == "sample"
        super().__init__(sampler, target, driver if draws_numbers else None)
        self.uniforms_per_step = consumes if draws_numbers else 0

    @property
    def rates(self) -> tuple[float, float, float]:
        """Decay of A, the constant strength (0 for 1/t), and lambda."""
        epsilon = self.sampler.step_size
        return (1.0, 0.0, self.sampler.entropy_weight) if epsilon is None else (1.0 - epsilon, epsilon, self.sampler.entropy_weight)

    def first_sums(self, rng: np.random.Generator, position: Any, spread: Any) -> np.ndarray:
        """A at zero, or uniform within half the spread of each feature."""
        if position is not None:
            raise ArgumentError("`initial` must be None: herding starts from weights, not from a position; choose `start`")
        k = self.moments.size
        return np.zeros(k) if self.sampler.start == "zero" else rng.uniform(-0.5, 0.5, k) * spread

    def stream(self, state: State) -> tuple[Any, Any]:
        """Addresses of the stream, zero where no number is drawn."""
        return stream_addresses(state.driver)

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        return self.steps(state, n, every, draws, stats, sums, np.empty((0, self.n_parameters)))

    def steps(self, state: State, n: int, every: int, draws: Any, stats: Any, sums: Any, proposals: np.ndarray) -> int:
        """As `run`; the parameters of the distributions are written into `proposals`, if it has rows."""
        raise TypeError(f"{type(self).__name__} does not define steps")

    def mixture(self, state: State, n: int = 1000, every: int = 1) -> Mixture:
        """The equal mixture of the distributions after each `every`-th of the next `n * every` steps; `state` stays as it is."""
        n, every = whole_number("n", n, 1), whole_number("every", every, 1)
        rows = np.empty((n, self.n_parameters))
        none = np.empty((0, self.dim), self.dtype)
        self.steps(state.copy(), n * every, every, none, np.empty((0, len(self.stats_names))), np.empty(0), rows)
        return self.mixture_of(rows)

    def mixture_of(self, rows: np.ndarray) -> Mixture:
        """The mixture of distributions with these parameters."""
        raise TypeError(f"{type(self).__name__} does not define mixture_of")

    def count_bad_values(self, state: State) -> int:
        """None: there is no log density."""
        return 0
