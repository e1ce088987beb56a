"""`Density`: a continuous target given by its log density, in whatever form the user has it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from weakchaos.core.arguments import MOST_COORDINATES, real_array, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.flags import Flag, Kind, Severity
from weakchaos.core.variables import Variables
from weakchaos.native.c_functions import is_c_function
from weakchaos.native.functions import CDensity, as_c_density, evaluate, with_finite_differences
from weakchaos.native.row_functions import from_rows
from weakchaos.targets.foreign_parameters import ForeignParameters
from weakchaos.targets.known_moments import KnownMoments
from weakchaos.targets.named_arguments import data_items, of_one_vector
from weakchaos.targets.parameters import Parameters

__all__ = ["Coordinates", "Density"]

_ASKED_AGAIN = 8  # coordinates of a gradient that seems wrong
_CLOSER = 6  # steps of differences, each an eighth of the one before
_START_TRIES = 200


class Coordinates(np.ndarray):
    """A place in the coordinates in which samplers move, which no constraint is to be taken off."""

    @classmethod
    def of(cls, x: Any) -> Coordinates:
        """A copy of `x`, in the last axis of which coordinates stand."""
        return np.array(x, np.float64).view(cls)


class Density(KnownMoments):
    """A continuous target: on R^dim, or of named parameters with shapes and constraints.

    Parameters
    ----------
    logp : callable, C address, numba cfunc or scipy.LowLevelCallable
        Log density up to a constant, ``logp(x, *data) -> float`` in nats; a numba function (fastest) or plain Python. -inf means outside
        of the support. With `shapes` it takes parameters and data by name, ``logp(mu, tau, theta, y, sigma)``, or one vector of all of them.
    dim : int
        Number of coordinates; follows from `shapes` where they are given.
    grad : callable, optional
        ``grad(x, *data) -> array of shape (dim,)``, or in place ``grad(x, out, *data)``. Without it samplers that need a gradient take
        central differences, at 2 dim + 1 evaluations each. With `shapes` it is the gradient in the parameters themselves, one entry a
        parameter: ``(d_mu, d_tau, d_theta)``, or one vector written into an argument called ``out``; constraints are taken care of.
    logp_and_grad : callable, optional
        Both at once: ``(float, array)``, or in place ``logp_and_grad(x, out, *data) -> float``.
    data : tuple of arrays and numbers, or dict, optional
        Passed by address: arrays changed in place later are seen, nothing is compiled again. A dict, by name, goes with `shapes`.
    names : sequence of str, optional
        One a coordinate; they follow from `shapes` where those are given.
    start : array of shape (dim,), dict or callable, optional
        Where chains start, ``start(rng) -> array`` when callable; standard normal coordinates by default. With `shapes`, parameters: a dict
        from names to values, or one vector.
    means, sds : arrays, optional
        The truth where it is known, one entry a name: what errors are measured against.
    source : str, optional
        Where the truth comes from.
    name : str, optional
    shapes : dict of str to tuple of int, or Parameters, optional
        The parameters in their order, ``{"mu": (), "theta": (8,)}``. Samplers move in R^dim, draws are parameters.
    constraints, dims, coords : dicts, optional
        See `weakchaos.targets.Parameters`.
    vectorized : bool
        Whether `logp` is Python that takes many positions at once, ``logp(x of shape (m, dim), *data) -> array of shape (m,)``, as NumPy does without a
        loop. An ensemble of walkers is then evaluated in one call; other samplers pass one position at a time.
    log_likelihood : callable or dict of str to callable, optional
        The log likelihood of each observation, ``log_likelihood(mu, theta, y) -> array``: what ``trace.to_arviz()`` adds for ``az.loo``. A dict names
        several observed variables; the only one is called ``"obs"`` otherwise.

    Attributes
    ----------
    parameters : Parameters or None
        Shapes, constraints and transforms; None for a density on R^dim.
    names : list of str
        One a number of a draw.
    coordinates : list of str
        One a coordinate; the names where there are no parameters.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Notes
    -----
    `logp`, `gradient` and the C function are those of the coordinates: with constraints they hold the log-Jacobian.

    Examples
    --------
    >>> target = Density(lambda x: -0.5 * float(x @ x), dim=2, grad=lambda x: -x)
    >>> target.logp([1.0, 1.0])
    -1.0
    >>> target = Density(lambda tau, y: -tau * y, shapes={"tau": ()}, constraints={"tau": "positive"}, data={"y": 2.0})
    >>> target.dim, target.logp([0.0])
    (1, -2.0)
    """

    error_kind = "largest error of a mean, in standard deviations"
    _renew: Callable[[], tuple] | None = None  # the data as they are now, where another library may replace the arrays
    derived: Callable | None = None  # what else follows from draws: see `Trace.derived`
    continuous = True
    has_temperature = True
    default_sampler = "samplers:EmpiricalHMC"  # by its public name, as samplers stand above targets

    def __init__(
        self,
        logp: Any = None,
        dim: int | None = None,
        grad: Callable | None = None,
        *,
        logp_and_grad: Callable | None = None,
        data: Any = None,
        names: Sequence[str] | None = None,
        start: Any = None,
        means: Any = None,
        sds: Any = None,
        source: str | None = None,
        name: str | None = None,
        shapes: Any = None,
        constraints: Any = None,
        dims: Any = None,
        coords: Any = None,
        log_likelihood: Any = None,
        vectorized: bool = False,
    ):
        self.parameters: Parameters | ForeignParameters | None = None
        if isinstance(shapes, Parameters | ForeignParameters):
            self.parameters = shapes
        elif shapes is not None:
            self.parameters = Parameters(shapes, constraints, dims, coords)
        if self.parameters is None:
            for argument, value in (("constraints", constraints), ("dims", dims), ("coords", coords)):
                if value is not None:
                    raise ArgumentError(
                        f"`{argument}` goes with `shapes`, which gives parameters their names: shapes={{'mu': (), 'theta': (8,)}}"
                    )
        else:
            if dim not in (None, self.parameters.dim):
                raise ArgumentError(f"`dim` follows from `shapes`: they have {self.parameters.dim} coordinates; got {shown(dim)}")
            if names is not None:
                raise ArgumentError("`names` follow from `shapes`, `dims` and `coords`; leave them out")
            dim = self.parameters.dim
        self.dim = whole_number("dim", dim, 1, MOST_COORDINATES)
        try:
            self.names = [f"x{k}" for k in range(self.dim)] if names is None else [str(n) for n in names]
        except TypeError as error:
            raise ArgumentTypeError(f"`names` must hold {self.dim} different names; got {shown(names)}") from error
        if len(self.names) != self.dim or len(set(self.names)) != self.dim:
            raise ArgumentError(f"`names` must hold {self.dim} different names; got {shown(names)}")
        self.coordinates = self.names
        if self.parameters is not None:
            self.names, self.coordinates = self.parameters.names, self.parameters.coordinates
        self.name = name or "density"
        self.source = source
        self._parts = (logp, grad, logp_and_grad, data)
        self.vectorized = bool(vectorized)
        if self.vectorized and (
            not callable(logp) or is_c_function(logp) or any(p is not None for p in (grad, logp_and_grad, shapes))
        ):
            raise ArgumentError(
                "`vectorized` goes with `logp` alone, a Python function of an array of shape (m, dim); gradients and `shapes` do not"
            )
        self._log_likelihood = log_likelihood
        self._start = start
        self.means, self.sds = self._vector("means", means), self._vector("sds", sds)
        if self.sds is not None and not (self.sds > 0).all():
            raise ArgumentError(f"`sds` must be positive; got {shown(sds)}")
        self._unpicklable()
        self._c_density()

    def _vector(self, name: str, value: Any) -> np.ndarray | None:
        if value is None:
            return None
        array = real_array(name, value, "an array")
        if array.shape != (len(self.names),):
            raise ArgumentError(f"`{name}` must have shape ({len(self.names)},); got {array.shape}")
        if not np.isfinite(array).all():
            raise ArgumentError(f"`{name}` must be finite; got {shown(value)}")
        return array

    def _unpicklable(self) -> None:
        self._lock = threading.Lock()
        self._pointers: dict[str, CDensity] = {}
        self._former: list[dict[str, CDensity]] = []

    def __getstate__(self) -> dict:
        # C addresses mean nothing in another process; they are made again there.
        return {k: v for k, v in self.__dict__.items() if k not in ("_lock", "_pointers", "_former")}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._unpicklable()

    def __repr__(self) -> str:
        return f"<Density {self.name!r}, dim {self.dim}>"

    def _c_density(self) -> CDensity:
        with self._lock:
            if self._renew is not None:
                data = self._renew()
                if len(data) != len(self._parts[3]) or any(a is not b for a, b in zip(data, self._parts[3], strict=True)):
                    self._parts = (*self._parts[:3], data)
                    self._former.append(self._pointers)  # a kernel may be reading what they point to
                    self._pointers = {}
            if "own" not in self._pointers:
                self._pointers["own"] = self._of_coordinates()
            return self._pointers["own"]

    def _of_coordinates(self) -> CDensity:
        logp, grad, both, data = self._parts
        if self.vectorized:
            return from_rows(logp, self.dim, data)
        if not isinstance(self.parameters, Parameters):
            return as_c_density(logp, self.dim, grad, both, data)
        variables = self.parameters
        named = {"logp": logp, "grad": grad, "logp_and_grad": both}
        parts = [
            f if f is None or not callable(f) or is_c_function(f) else of_one_vector(role, f, variables, data)
            for role, f in named.items()
        ]
        items = data if is_c_function(logp) else data_items(data)[1]
        return variables.on_all_of_space(as_c_density(parts[0], variables.size, parts[1], parts[2], items))

    @property
    def has_gradient(self) -> bool:
        """Whether a gradient was given."""
        return self._c_density().has_gradient

    def pointer(self, gradient: bool) -> CDensity:
        """The C function for kernels; `gradient` asks for one with a gradient, by central differences if none was given."""
        own = self._c_density()
        if not gradient or own.has_gradient:
            return own
        with self._lock:
            if "differences" not in self._pointers:
                self._pointers["differences"] = with_finite_differences(own)
            return self._pointers["differences"]

    def _position(self, x: Any, name: str = "x") -> np.ndarray:
        try:
            array = np.asarray(x, np.float64)
        except (TypeError, ValueError) as error:
            raise ArgumentTypeError(f"`{name}` must hold {self.dim} numbers; got {shown(x)}") from error
        if array.shape != (self.dim,):
            raise ArgumentError(f"`{name}` must have shape ({self.dim},); got {array.shape}")
        return array

    def logp(self, x: Any) -> float:
        """Log density at `x`, in nats."""
        return evaluate(self.pointer(False), self._position(x))[0]

    def gradient(self, x: Any) -> np.ndarray:
        """Gradient of the log density at `x`, shape (dim,)."""
        return evaluate(self.pointer(True), self._position(x), gradient=True)[1]  # type: ignore[return-value]

    def check_gradient(self, x: Any, tolerance: float = 1e-3) -> tuple[str, float, float] | None:
        """Compare the gradient with central differences at `x`.

        Returns
        -------
        (name, gradient, difference) or None
            The coordinate that disagrees most, if any disagrees by more than `tolerance` of the gradient's size.
        """
        if not self.has_gradient:
            return None
        x = self._position(x)
        given = self.gradient(x)
        base = self._c_density()
        difference = evaluate(with_finite_differences(base), x, gradient=True)[1]
        assert difference is not None
        # Rounding of the log density limits central differences; a gradient below that noise cannot be judged.
        noise = 1e-9 * max(1.0, abs(self.logp(x)))
        gap = np.abs(given - difference)
        gap = np.where(np.isfinite(gap), gap, np.inf)
        allowed = tolerance * max(np.abs(difference[np.isfinite(difference)]).max(initial=0.0), 1e-3) + noise
        for worst in np.argsort(-gap, kind="stable")[:_ASKED_AGAIN]:
            if not gap[worst] > allowed:
                return None
            if not self._agrees_closer(x, int(worst), given, float(gap[worst]), tolerance):
                return self.coordinates[worst], float(given[worst]), float(difference[worst])
        return None

    def _agrees_closer(self, x: np.ndarray, k: int, given: np.ndarray, gap: float, tolerance: float) -> bool:
        """Whether central differences come to agree with derivative `k` as their step shrinks: where the log density bends within the step that is usual,
        the difference is wrong and not the gradient. A step whose rounding could hide the gap says nothing."""
        if not (np.isfinite(gap) and np.isfinite(given).all()):
            return False
        step, place, size = 2.0**-17 * max(1.0, abs(x[k])), x.copy(), np.abs(given).max()
        for _ in range(_CLOSER):
            step *= 0.125
            place[k] = above = x[k] + step
            high = self.logp(place)
            place[k] = below = x[k] - step
            low = self.logp(place)
            noise = 4.0 * np.finfo(np.float64).eps * max(abs(high), abs(low)) / step
            if not (above > below and np.isfinite(high - low) and noise < 0.25 * gap):
                return False
            slope = (high - low) / (above - below)
            if abs(given[k] - slope) <= tolerance * max(abs(slope), size, 1e-3) + noise:
                return True
        return False

    def judge_gradient(self, x: Any) -> list[Flag]:
        """What speaks against the gradient at `x`: it is wrong, or there is none and central differences take its place."""
        if not self.has_gradient:
            return [Flag.of(Kind.NO_GRADIENT, evaluations=2 * self.dim + 1)]
        wrong = self.check_gradient(x)
        return [] if wrong is None else [Flag.of(Kind.WRONG_GRADIENT, where=wrong[0], gradient=wrong[1], difference=wrong[2])]

    def judge_repeat(self, x: Any, gradients: bool) -> list[Flag]:
        """What speaks against a log density that is another at the same point when it is called again.

        For a sampler without gradients that is a note, as an unbiased estimate of the density is sampled exactly (Andrieu and Roberts, Annals of
        Statistics 37 (2009) 697, doi:10.1214/07-AOS574).
        """
        first, second = self.logp(x), self.logp(x)
        if not abs(first - second) > 1e-6 * (1.0 + abs(first)):
            return []
        return [Flag.of(Kind.NO_FUNCTION, Severity.INVALID if gradients else Severity.NOTE, first=first, second=second)]

    @property
    def chooses_starts(self) -> bool:
        """Whether the user said where chains start."""
        return self._start is not None

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """A position of finite log density, shape (dim,).

        Raises
        ------
        ArgumentError
            When none is found.
        """
        if self._start is not None and not callable(self._start):
            return self.checked_start(self._start, "start")
        x = np.zeros(self.dim)
        for _ in range(_START_TRIES):
            x = self._drawn_start(rng) if callable(self._start) else rng.standard_normal(self.dim)
            if np.isfinite(self.logp(x)):
                return x.copy()
        raise ArgumentError(
            f"the log density is not finite at any of {_START_TRIES} starting points, {self.logp(x)} at {shown(x)}; "
            "pass `initial` to sample, or `start` to Density, with a point inside of its support"
        )

    def _drawn_start(self, rng: np.random.Generator) -> np.ndarray:
        value = self._start(rng)
        return self._position(value, "start") if isinstance(self.parameters, ForeignParameters) else self.place(value, "start")

    def place(self, value: Any, name: str = "initial") -> np.ndarray:
        """Coordinates, shape (dim,), of a place that a user gives: by parameters where there are any (a dict, or one vector), else coordinates themselves."""
        return self._position(value, name).copy() if self.parameters is None else self.parameters.place(value, name)

    def checked_start(self, position: Any, name: str = "initial") -> np.ndarray:
        """The coordinates of the user's own starting point, if the log density is finite there."""
        x = self._position(np.array(position), name) if isinstance(position, Coordinates) else self.place(position, name)
        if not np.isfinite(x).all():
            raise ArgumentError(f"`{name}` must be finite; got {shown(x)}")
        value = self.logp(x)
        if not np.isfinite(value):
            raise ArgumentError(f"the log density must be finite at `{name}`; it is {value} at {shown(x)}")
        return x

    def log_likelihood(self, draws: np.ndarray) -> dict[str, np.ndarray]:
        """The log likelihood of each observation at draws of shape (chain, draw, n): arrays of shape (chain, draw, ...); none where no function was given."""
        given, data = self._log_likelihood, self._parts[3]
        if given is None:
            return {}
        variables = self.parameters or Variables({"x": (self.dim,)})
        rows = np.ascontiguousarray(draws, np.float64).reshape(-1, variables.size)
        out = {}
        for name, function in (given if isinstance(given, Mapping) else {"obs": given}).items():
            flat = of_one_vector("log_likelihood", function, variables, data)
            values = np.array([flat(row, *data_items(data)[1]) for row in rows], np.float64)
            out[str(name)] = values.reshape(draws.shape[:2] + values.shape[1:])
        return out

    def to_spec(self) -> tuple[dict, dict]:
        """Refused: a user's function is not plain data."""
        raise ArgumentTypeError("a Density holds a function, which is not plain data; pass the target again when the run is loaded")
