"""Targets at other temperatures: a path of distributions from one that is easily explored to the target.

Every path is of the form ``log p_beta(x) = a(beta) . s(x)`` with two numbers s(x) that belong to a place and two a(beta) that belong to a temperature,
so that what a swap of two temperatures costs is known from the places alone:

* couplings and fields (`PairwiseMRF`, `Ising`, `Potts`): p ** beta, all of them times beta;
* tables (`FactorGraph`): every positive entry to the power beta, and every zero becomes 1 - beta, so that hot chains cross what no chain of the target
  can; s is the sum of the logarithms of positive entries and the number of zeros. At beta = 0 all states that agree with the evidence are alike, at 1 the
  zeros are zeros;
* densities: p ** beta in the coordinates in which samplers move, with the log-Jacobian of constraints, or with a reference q between it and the target:
  q ** (1 - beta) p ** beta (Gelman and Meng, Statistical Science 13 (1998) 163, doi:10.1214/ss/1028905934). At beta = 0 the density is q alone.
"""

from __future__ import annotations

import math
import threading
from functools import cached_property
from typing import Any

import numpy as np
from numba import carray, njit

from weakchaos.core.arguments import real_array
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.native.c_density import DENSITY, CDensity
from weakchaos.native.compiled import address_of, c_function, call_density, kernel
from weakchaos.targets.density import Density
from weakchaos.targets.factor_graph import FactorGraph
from weakchaos.targets.mrf import Ising, PairwiseMRF
from weakchaos.targets.potts import Potts

__all__ = ["Path", "TemperedDensity", "coefficients_of", "path_of"]


@kernel
def _pair_terms(rows, i, j, weight, field, constant, out):
    for t in range(rows.shape[0]):
        x, total = rows[t], constant
        for k in range(field.size):
            total += field[k] * x[k]
        for e in range(weight.size):
            total += weight[e] * (x[i[e]] * x[j[e]])
        out[t, 0] = total


@kernel
def _potts_terms(rows, i, j, weight, field, out):
    for t in range(rows.shape[0]):
        x, total = rows[t], 0.0
        for k in range(field.shape[0]):
            total += field[k, x[k]]
        for e in range(weight.size):
            if x[i[e]] == x[j[e]]:
                total += weight[e]
        out[t, 0] = total


@kernel
def _table_terms(rows, scope_ptr, scope, stride, table_ptr, log_table, out):
    for t in range(rows.shape[0]):
        x, total, zeros = rows[t], 0.0, 0
        for f in range(table_ptr.size - 1):
            at = table_ptr[f]
            for b in range(scope_ptr[f], scope_ptr[f + 1]):
                at += stride[b] * x[scope[b]]
            if log_table[at] == -math.inf:
                zeros += 1
            else:
                total += log_table[at]
        out[t, 0], out[t, 1] = total, zeros


def coefficients_of(terms_names: tuple[str, ...], betas: Any) -> np.ndarray:
    """The numbers a(beta) of a path with these terms, shape (K, 2)."""
    betas = np.asarray(betas, np.float64)
    out = np.stack([betas, np.zeros_like(betas)], -1)
    with np.errstate(divide="ignore"):
        if "zeros" in terms_names:
            out[..., 1] = np.log1p(-betas)
        elif "log_reference" in terms_names:
            out[..., 1] = 1.0 - betas
    return out


class Path:
    """The distributions between beta = 0, or nearly, and the target at beta = 1.

    Attributes
    ----------
    target : Target
    least : float
        The least beta that may be; one above it where `open_end`.
    open_end : bool
    terms_names : tuple of str
        What the numbers s(x) of a place are; one or two.
    log_start : float or None
        Log of the normalisation at beta = 0, where it is known.
    """

    least, open_end = 0.0, False
    terms_names: tuple[str, ...] = ("log_density",)
    log_start: float | None = None

    def __init__(self, target: Any):
        self.target = target

    def at(self, beta: float) -> Any:
        """The target at inverse temperature `beta`; the target itself at 1."""
        return self.target if beta == 1.0 else self._at(float(beta))

    def _at(self, beta: float) -> Any:
        raise TypeError(f"{type(self).__name__} does not define _at")

    def coefficients(self, betas: Any) -> np.ndarray:
        """The numbers a(beta), shape (K, 2)."""
        return coefficients_of(self.terms_names, betas)

    def terms(self, rows: np.ndarray) -> np.ndarray:
        """The numbers s(x) of places in rows, shape (m, 2)."""
        out = np.zeros((len(rows), 2))
        self._fill(rows, out)
        return out

    def _fill(self, rows: np.ndarray, out: np.ndarray) -> None:
        raise TypeError(f"{type(self).__name__} does not define _fill")


class _PairPath(Path):
    """Couplings and fields times beta."""

    def __init__(self, target: Any):
        super().__init__(target)
        self._potts = isinstance(target, Potts)
        self.log_start = target.dim * math.log(target.q if self._potts else 2)

    @cached_property
    def _arrays(self) -> tuple:
        """What the kernels read, made when it is first asked for: packed spins need no list of edges."""
        target = self.target
        i, j = (np.ascontiguousarray(target.edges[:, k]) for k in (0, 1))
        weight = np.asarray(target.weights, np.float64)
        arrays = i, j, weight, np.asarray(target.fields, np.float64)
        if self._potts:
            return arrays
        # That of spins -1 and +1, so that normalisations are those of exp(s'Js/2 + h's).
        spins = isinstance(target, Ising)
        return *arrays, float(-target.fields.sum() / 2 - weight.sum() / 4) if spins else 0.0

    def _at(self, beta: float) -> Any:
        spec, arrays = self.target.to_spec()
        if "beta" in spec:
            spec = {**spec, "beta": spec["beta"] * beta}
        if "couplings" in arrays:  # without the inverse temperature, which the description has by itself
            return type(self.target).from_spec(spec, arrays)
        if "lattice" in spec and not arrays:
            lattice = {**spec["lattice"], "beta": spec["lattice"]["beta"] * beta}
            return type(self.target).from_spec({**spec, "lattice": lattice}, arrays)
        return type(self.target).from_spec(spec, {**arrays, "weights": beta * arrays["weights"], "fields": beta * arrays["fields"]})

    def _fill(self, rows: np.ndarray, out: np.ndarray) -> None:
        (_potts_terms if self._potts else _pair_terms)(rows, *self._arrays, out)


class _TablePath(Path):
    """Positive entries to the power beta; zeros become 1 - beta."""

    def __init__(self, target: FactorGraph):
        super().__init__(target)
        model = target.model(False)
        self._arrays = model.scope_ptr, model.scope, model.scope_stride, model.table_ptr, model.log_table
        free = [int(k) for i, k in enumerate(target.cardinalities) if i not in target.observed]
        self.log_start = float(np.log(free).sum())
        self.softens = target.has_zeros
        if self.softens:
            self.terms_names = ("log_density", "zeros")

    def _at(self, beta: float) -> FactorGraph:
        graph = self.target
        zero = math.log1p(-beta)
        tables = [np.where(np.isfinite(t), beta * np.where(np.isfinite(t), t, 0.0), zero) for t in graph.log_tables]
        return FactorGraph.from_log_tables(
            graph.cardinalities, zip(graph.scopes, tables, strict=True), graph.names, graph.states, graph.observed, graph.name
        )

    def _fill(self, rows: np.ndarray, out: np.ndarray) -> None:
        _table_terms(rows, *self._arrays, out)


# ---- densities ------------------------------------------------------------------------------------------------------------------------

_WORDS = 5  # address and data of p, of q (0: none), and beta


def _density_on_path(dim, x, grad, logp, user_data):
    words = carray(user_data, (_WORDS,), dtype=np.uint64)
    beta = carray(user_data, (_WORDS,), dtype=np.float64)[4]
    out, slope, place = carray(logp, (1,)), carray(grad, (dim,)), carray(x, (dim,))
    n = np.int64(dim)
    value = np.empty(1)
    wants = address_of(slope) != 0
    out[0] = 0.0
    if wants:
        for i in range(n):
            slope[i] = 0.0
    for part in range(2):
        weight = beta if part == 0 else 1.0 - beta
        if words[2 * part] == np.uint64(0) or weight == 0.0:
            continue
        own = np.empty(n if wants else 0)
        status = call_density(
            words[2 * part],
            dim,
            address_of(place),
            address_of(own) if wants else np.uint64(0),
            address_of(value),
            words[2 * part + 1],
        )
        if status != 0:
            return status
        out[0] += weight * value[0]
        if wants:
            for i in range(n):
                slope[i] += weight * own[i]
    return 0


@njit(nogil=True, error_model="numpy")
def _normal(x, mean, sd):
    total = 0.0
    for i in range(x.size):
        z = (x[i] - mean[i]) / sd[i]
        total -= 0.5 * z * z + math.log(sd[i]) + 0.5 * math.log(2.0 * math.pi)
    return total


@njit(nogil=True, error_model="numpy")
def _normal_gradient(x, out, mean, sd):
    for i in range(x.size):
        out[i] = (mean[i] - x[i]) / sd[i] ** 2


@kernel
def _log_densities(address, user_data, rows, out):
    for t in range(rows.shape[0]):
        where = address_of(out[t : t + 1])
        status = call_density(address, np.uint64(rows.shape[1]), address_of(rows[t]), np.uint64(0), where, user_data)
        if status != 0:
            return status
    return 0


_compiled: list[Any] = []
_lock = threading.Lock()


class TemperedDensity(Density):
    """``reference ** (1 - beta) target ** beta``, or ``target ** beta`` without a reference, in the coordinates of the target.

    Examples
    --------
    >>> from weakchaos.targets import zoo
    >>> half = TemperedDensity(zoo.gaussian([1.0]), 0.5)
    >>> round(half.logp([2.0]) - half.logp([0.0]), 6)
    -1.0
    """

    def __init__(self, target: Density, beta: float, reference: Density | None = None):
        with _lock:
            if not _compiled:
                _compiled.append(c_function(_density_on_path, DENSITY))
        self._base, self._beta, self._reference = target, float(beta), reference
        self._ways: dict[bool, CDensity] = {}
        outer = self.pointer(False)
        super().__init__(
            outer.address,
            target.dim,
            data=outer.user_data,
            names=target.coordinates,
            name=f"{target.name} at beta = {beta:.4g}",
            start=target.random_start,
        )

    def __reduce__(self) -> tuple:
        return TemperedDensity, (self._base, self._beta, self._reference)

    @property
    def has_gradient(self) -> bool:
        """Whether the target has one; differences of its own take its place otherwise."""
        return self._base.has_gradient

    def pointer(self, gradient: bool) -> CDensity:
        """See `Density.pointer`."""
        if gradient not in self._ways:
            inner = self._base.pointer(gradient)
            other = None if self._reference is None else self._reference.pointer(gradient)
            words = np.zeros(_WORDS, np.uint64)
            words[:2] = inner.address, inner.user_data
            if other is not None:
                words[2:4] = other.address, other.user_data
            words.view(np.float64)[4] = self._beta
            made = CDensity(_compiled[0].address, words.ctypes.data, True, (inner, other, words, self._base), inner.retry)
            made.errors = inner.errors
            self._ways[gradient] = made
        return self._ways[gradient]


class _DensityPath(Path):
    """Between a reference and a density, or powers of the density."""

    def __init__(self, target: Density, reference: Any):
        super().__init__(target)
        self.reference = _as_reference(reference, target.dim)
        self.open_end = self.reference is None
        if self.reference is not None:
            self.terms_names = ("log_density", "log_reference")
            self.log_start = None if isinstance(reference, Density) else 0.0

    def _at(self, beta: float) -> TemperedDensity:
        return TemperedDensity(self.target, beta, self.reference)

    def _fill(self, rows: np.ndarray, out: np.ndarray) -> None:
        for k, density in enumerate((self.target, self.reference)):
            if density is not None:
                at, values = density.pointer(False), np.empty(len(rows))
                if _log_densities(np.uint64(at.address), np.uint64(at.user_data), rows, values) != 0:
                    at.raise_pending()
                out[:, k] = values


def _as_reference(reference: Any, dim: int) -> Density | None:
    if reference is None:
        return None
    if isinstance(reference, Density):
        if reference.dim != dim:
            raise ArgumentError(f"`reference` must have the {dim} coordinates of the target; got one of {reference.dim}")
        return reference
    mean, sd = (real_array("reference", part) for part in reference)
    mean, sd = (np.ascontiguousarray(np.broadcast_to(part, (dim,)), np.float64) for part in (mean, sd))
    return Density(_normal, dim, grad=_normal_gradient, data=(mean, sd), name="normal reference")


def path_of(target: Any, reference: Any = None) -> Path:
    """The path of a target.

    Parameters
    ----------
    target : PairwiseMRF, Ising, Potts, FactorGraph or Density
    reference : Density or (mean, sd), optional
        Where the path of a `Density` begins, in its coordinates; numbers, or arrays of shape (dim,).

    Raises
    ------
    ArgumentTypeError
        For a target without a temperature.
    ArgumentError
        For a reference that does not fit.

    Examples
    --------
    >>> from weakchaos.targets import Ising
    >>> path = path_of(Ising.lattice((3, 3), beta=0.4))
    >>> path.at(0.5).beta, path.terms(np.ones((1, 9), np.int64))[0, 0].round(6)  # 18 couplings of 0.4
    (0.2, np.float64(7.2))
    """
    if isinstance(target, Density):
        return _DensityPath(target, reference)
    if reference is not None:
        raise ArgumentError("`reference` goes with a Density; a target of discrete units begins where all its states are alike")
    if isinstance(target, PairwiseMRF | Potts):
        return _PairPath(target)
    if isinstance(target, FactorGraph):
        return _TablePath(target)
    raise ArgumentTypeError(
        f"`target` must have a temperature, as a Density, PairwiseMRF, Ising, Potts or FactorGraph has; got {shown(target)}, whose probabilities are no "
        "powers of each other"
    )
