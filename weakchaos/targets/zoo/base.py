"""`ZooDensity`: a target with known answers, rebuilt anywhere from its name and arguments."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, StoreError, shown
from weakchaos.targets.density import Density

__all__ = ["ZooDensity", "make", "names", "numbers"]

_NAMES = (
    "banana",
    "correlated_gaussian",
    "eight_schools",
    "funnel",
    "gaussian",
    "gaussian_mixture",
    "ill_conditioned_gaussian",
    "logistic_regression",
    "rosenbrock",
    "student_t",
)


def names() -> list[str]:
    """Names of all targets of the zoo; each is a function of this module that has a default for every argument.

    Examples
    --------
    >>> "funnel" in names()
    True
    """
    return list(_NAMES)


def make(name: str, **arguments: Any) -> ZooDensity:
    """The target called `name`, from the arguments of the function of that name.

    Parameters
    ----------
    name : str
        One of `names`.
    **arguments
        Of that function.

    Raises
    ------
    ArgumentError
        When there is no such target, and where the function refuses its arguments.
    ArgumentTypeError
        When the function has no argument of such a name.

    Examples
    --------
    >>> make("funnel", dim=3).dim
    3
    """
    if name not in _NAMES:
        raise ArgumentError(f"`name` must be one of {', '.join(_NAMES)}; got {shown(name)}")
    function = getattr(importlib.import_module("weakchaos.targets.zoo"), name)
    known = function.__code__.co_varnames[: function.__code__.co_argcount]
    unknown = sorted(set(arguments) - set(known))
    if unknown:
        has = f"takes {', '.join(known)}" if known else "takes no arguments"
        raise ArgumentTypeError(f"`{unknown[0]}` is not an argument of zoo.{name}, which {has}")
    return function(**arguments)


def numbers(name: str, value: Any) -> np.ndarray:
    """`value` as a new array of finite float64."""
    try:
        array = np.array(value, np.float64)
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"`{name}` must be an array of numbers; got {shown(value)}") from error
    if array.size == 0 or not np.isfinite(array).all():
        raise ArgumentError(f"`{name}` must be finite and not empty; got {shown(value)}")
    return array


def _remake(name: str, arguments: dict) -> ZooDensity:
    return make(name, **arguments)


class ZooDensity(Density):
    """A `Density` of the zoo; made by the functions of `weakchaos.targets.zoo`, not directly.

    Parameters
    ----------
    entry : str
        Name of the function that makes it.
    arguments : mapping of str to number, array or None
        All arguments of that function.
    logp_and_grad : numba function
        ``logp_and_grad(x, out, *data) -> float``, the gradient written into ``out``.
    dim : int
    data : tuple
    simulator : callable, optional
        ``simulator(rng, n) -> array of shape (n, dim)``: exact independent draws.
    **known
        ``means``, ``sds``, ``source``, ``names``, ``start`` of `Density`.

    Attributes
    ----------
    means, sds : arrays of shape (dim,) or None
        The truth; None where an expectation does not exist.
    source : str
        The formula or the run from which they come, with the standard errors of the run.
    arguments : dict

    Notes
    -----
    Chains start from an exact draw if the target has exact draws; `eight_schools` starts from a standard normal, and for
    `logistic_regression` see its documentation.

    Examples
    --------
    >>> from weakchaos.targets import zoo
    >>> target = zoo.banana()
    >>> target.means, target.sds.round(3)
    (array([0., 0.]), array([10.   ,  4.359]))
    """

    def __init__(
        self,
        entry: str,
        arguments: Mapping[str, Any],
        logp_and_grad: Any,
        dim: int,
        data: tuple = (),
        simulator: Callable[[np.random.Generator, int], np.ndarray] | None = None,
        **known: Any,
    ):
        self.arguments = dict(arguments)
        self._simulator = simulator
        if simulator is not None:
            known.setdefault("start", lambda rng: simulator(rng, 1)[0])
        super().__init__(dim=dim, logp_and_grad=logp_and_grad, data=data, name=entry, **known)

    def __repr__(self) -> str:
        given = ", ".join(f"{k}={shown(v.tolist() if isinstance(v, np.ndarray) else v, 40)}" for k, v in self.arguments.items())
        return f"<zoo.{self.name}({given}), dim {self.dim}>"

    def __reduce__(self) -> Any:
        # Compiled functions and addresses stay behind: another process makes them again.
        return _remake, (self.name, self.arguments)

    def simulate(self, n: int, seed: Any = None) -> np.ndarray:
        """Exact independent draws, shape (n, dim).

        Parameters
        ----------
        n : int
        seed : int, SeedSequence, numpy.random.Generator or None

        Raises
        ------
        ArgumentError
            For a posterior that can only be sampled by a Markov chain.

        Examples
        --------
        >>> from weakchaos.targets import zoo
        >>> zoo.funnel(3).simulate(5, seed=1).shape
        (5, 3)
        """
        if self._simulator is None:
            raise ArgumentError(f"zoo.{self.name} has no exact draws; sample it with weakchaos.sample")
        return self._simulator(np.random.default_rng(seed), whole_number("n", n, 0))

    def to_spec(self) -> tuple[dict, dict]:
        """Name and arguments as plain data, from which `from_spec` makes the target again."""
        arrays = {k: v for k, v in self.arguments.items() if isinstance(v, np.ndarray)}
        plain = {k: v for k, v in self.arguments.items() if k not in arrays}
        return {"entry": self.name, "arguments": plain}, arrays

    @classmethod
    def from_spec(cls, spec: dict, arrays: dict) -> ZooDensity:
        """The target that `to_spec` described."""
        if spec["entry"] not in _NAMES:
            raise StoreError(f"the store names zoo.{spec['entry']}, which this version of the package does not have")
        return make(spec["entry"], **spec["arguments"], **arrays)
