"""PyMC models as targets: the log density that PyTensor compiles for numba, called by our kernels without Python in between.

``logp_dlogp_function`` in numba mode holds a compiled function of the coordinates and of the shared data; a numba function of ours calls it
and copies the gradient. Variables, deterministics and their dimensions come back as the model names them. Works with PyMC 5.28 (Python 3.11)
and 6.4; where the compiled function cannot be reached, PyTensor's Python function is called instead.
"""

from __future__ import annotations

import threading
import warnings
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown

__all__ = ["density", "sample"]

_JITTER = 1.0  # starts are spread uniformly by as much about PyMC's initial point, as PyMC itself does


def _model(model: Any) -> Any:
    try:
        import pymc
    except ImportError as error:
        raise ImportError("PyMC is not installed: pip install pymc") from error
    if model is not None and not isinstance(model, pymc.Model):
        raise ArgumentTypeError(f"`model` must be a pymc.Model; got {shown(model)}")
    try:
        model = pymc.modelcontext(model)
    except TypeError as error:
        raise ArgumentTypeError("`model` must be given outside of a `with pymc.Model():` block") from error
    if not model.free_RVs:
        raise ArgumentError("`model` has no free variable to draw")
    discrete = [v.name for v in model.discrete_value_vars]
    if discrete:
        raise ArgumentError(
            f"`model` has discrete variables ({', '.join(discrete)}), which samplers of densities cannot draw: sum them out (pymc_extras.marginalize), or use PyMC's own steps"
        )
    return model


def _log_density(model: Any) -> tuple[Any, Any]:
    """A function of (x, out, *data) that fills the gradient, and one that returns the data as they are now."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what PyTensor says of its own numba mode
        function = model.logp_dlogp_function(ravel_inputs=True, mode="NUMBA")
    function.set_extra_values({})
    parts = _compiled_parts(function)
    if parts is None:
        return _through_python(function)
    jit, shared = parts

    def data() -> tuple:
        return tuple(v.get_value(borrow=True) for v in shared)

    now = data()
    if not all(isinstance(v, np.ndarray | np.generic) and np.asarray(v).dtype.kind in "biuf" for v in now):
        return _through_python(function)
    from numba import njit

    names = [f"d{k}" for k in range(len(now))]
    # A single number comes as a number and not as the array without axes that PyTensor compiled for.
    passed = [f"np.asarray({name})" if np.ndim(value) == 0 else name for name, value in zip(names, now, strict=True)]
    source = (
        f"def logp_and_grad({', '.join(['x', 'out', *names])}):\n"
        f"    value, gradient = jit({', '.join(['x', *passed])})\n"
        "    for i in range(out.size):\n"
        "        out[i] = gradient[i]\n"
        "    return value.item()\n"
    )
    space = {"jit": jit, "np": np, "__name__": __name__}
    exec(source, space)
    return njit(space["logp_and_grad"]), data


def _compiled_parts(function: Any) -> tuple[Any, list] | None:
    """The function that PyTensor compiled and its shared variables; None where this version hides them."""
    try:
        compiled = function._pytensor_function
        return compiled.vm.jit_fn, list(compiled.get_shared())
    except AttributeError:
        return None


def _through_python(function: Any) -> tuple[Any, Any]:
    lock = threading.Lock()  # PyTensor's functions keep their inputs, so that no two threads may call one

    def logp_and_grad(x: np.ndarray) -> tuple[float, np.ndarray]:
        with lock:
            value, gradient = function(x)
            return float(value), np.array(gradient)

    return logp_and_grad, None


def _coordinates(model: Any, point: dict) -> tuple[list[str], dict[str, tuple[slice, tuple[int, ...], Any]]]:
    """Names of the coordinates in the order in which PyMC joins them, and where each value variable stands."""
    names, places, start = [], {}, 0
    for variable in model.continuous_value_vars:
        value = np.asarray(point[variable.name])
        places[variable.name] = (slice(start, start + value.size), value.shape, value.dtype)
        start += value.size
        names += (
            [variable.name] if not value.shape else [f"{variable.name}[{', '.join(map(str, i))}]" for i in np.ndindex(value.shape)]
        )
    return names, places


def density(model: Any = None) -> Any:
    """A PyMC model as a `Density`, whose draws are the model's variables and deterministics.

    Parameters
    ----------
    model : pymc.Model, optional
        The model; by default the one whose ``with`` block encloses the call.

    Returns
    -------
    Density
        Shared data (``pymc.Data``) are read anew whenever a run begins, so that ``pymc.set_data`` is seen.

    Raises
    ------
    ImportError
        When PyMC is not installed.
    ArgumentError, ArgumentTypeError
        When there is no model, or it has discrete variables.
    """
    from weakchaos.targets.density import Density
    from weakchaos.targets.foreign_parameters import ForeignParameters

    model = _model(model)
    point = model.initial_point(random_seed=0)
    names, places = _coordinates(model, point)
    logp_and_grad, data = _log_density(model)
    wanted = [v.name for v in (*model.free_RVs, *model.deterministics)]
    outputs = [v for v in model.unobserved_value_vars if v.name in wanted]
    evaluate = model.compile_fn(outputs, inputs=model.value_vars, point_fn=False)
    inputs = [v.name for v in model.value_vars]
    lock = threading.Lock()

    def values(x: np.ndarray) -> list[np.ndarray]:
        parts = [x[places[name][0]].reshape(places[name][1]).astype(places[name][2]) for name in inputs]
        return [np.asarray(v) for v in evaluate(*parts)]

    def constrain(x: np.ndarray) -> np.ndarray:
        with lock:
            return np.array([np.concatenate([np.ravel(v) for v in values(row)]) for row in x])

    def joined(given: dict) -> np.ndarray:
        x = np.empty(len(names))
        for name, (place, _, _) in places.items():
            x[place] = np.ravel(given[name])
        return x

    def place(value: Any, argument: str) -> np.ndarray:
        from pymc.initial_point import make_initial_point_fn

        if not isinstance(value, dict):
            raise ArgumentTypeError(
                f"`{argument}` must be a dict from names of the model's variables to values; got {shown(value)}"
            )
        free = {v.name: v for v in model.free_RVs}
        unknown = [name for name in value if name not in free]
        if unknown:
            raise ArgumentError(f"`{argument}`: the model has no free variable {unknown[0]!r}; it has {', '.join(free)}")
        overrides = {free[name]: np.asarray(v) for name, v in value.items()}
        return joined(make_initial_point_fn(model=model, overrides=overrides)(0))

    first = joined(point)
    shapes = {v.name: value.shape for v, value in zip(outputs, values(first), strict=True)}
    dims, coords = _dims(model, shapes)
    target = Density(
        logp_and_grad=logp_and_grad, data=None if data is None else data(), name=model.name or "pymc",
        shapes=ForeignParameters(shapes, dims, coords, names, constrain, place),
        start=lambda rng: first + rng.uniform(-_JITTER, _JITTER, len(names)),
    )  # fmt: skip
    target._renew = data
    return target


def _dims(model: Any, shapes: dict) -> tuple[dict, dict]:
    dims, coords = {}, {}
    for name, shape in shapes.items():
        own = tuple(model.named_vars_to_dims.get(name, ()))
        if len(own) != len(shape):
            continue
        own = tuple(f"{name}_dim_{k}" if dim is None else str(dim) for k, dim in enumerate(own))
        if len(set(own)) < len(own):
            continue
        dims[name] = own
        for dim, size in zip(own, shape, strict=True):
            labels = model.coords.get(dim)
            if labels is not None and len(labels) == size:
                coords[dim] = list(labels)
    return dims, coords


def sample(
    model: Any = None,
    sampler: Any = None,
    draws: int = 1000,
    warmup: int = 1000,
    chains: int = 4,
    seed: Any = None,
    **more: Any,
) -> Any:
    """Draw from a PyMC model with a sampler of this package.

    Parameters
    ----------
    model : pymc.Model, optional
        The model of the context by default.
    sampler, draws, warmup, chains, seed, **more :
        As in `weakchaos.sample`. `initial` is a dict from names of the model's free variables to values.

    Returns
    -------
    xarray.DataTree, or arviz.InferenceData where PyMC works with ArviZ before 1.0
        Groups ``posterior`` (variables and deterministics, with the model's dims and coords), ``sample_stats``, ``observed_data``, ``constant_data``,
        and with ``keep_warmup=True`` those of warm-up: what ``pymc.sample_posterior_predictive`` and ``pymc.compute_log_likelihood`` take.

    Raises
    ------
    ImportError, ArgumentError, ArgumentTypeError
        As `density`.
    """
    from weakchaos.runs.sampling import sample as run

    model = _model(model)
    trace = run(density(model), sampler, draws=draws, warmup=warmup, chains=chains, seed=seed, **more)
    tree = trace.to_arviz()
    groups = {name: tree[name].to_dataset() for name in tree.children}
    for group, values in (("observed_data", _observed(model)), ("constant_data", _constants(model))):
        if values:
            groups[group] = _plain_dataset(model, values)
    return _as_arviz(groups)


def _observed(model: Any) -> dict[str, np.ndarray]:
    out = {}
    for variable in model.observed_RVs:
        value = model.rvs_to_values[variable]
        data = getattr(value, "data", None)
        if data is None and hasattr(value, "get_value"):
            data = value.get_value()
        if data is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                data = value.eval()
        out[variable.name] = np.asarray(data)
    return out


def _constants(model: Any) -> dict[str, np.ndarray]:
    observed = {model.rvs_to_values[v] for v in model.observed_RVs}
    out = {}
    for variable in model.data_vars:
        if variable not in observed:
            value = variable.get_value() if hasattr(variable, "get_value") else variable.eval()
            out[variable.name] = np.asarray(value)
    return out


def _plain_dataset(model: Any, values: dict[str, np.ndarray]) -> Any:
    import xarray as xr

    dims, coords = _dims(model, {name: v.shape for name, v in values.items()})
    data = {name: (dims.get(name, tuple(f"{name}_dim_{k}" for k in range(v.ndim))), v) for name, v in values.items()}
    return xr.Dataset(data, coords)


def _as_arviz(groups: dict) -> Any:
    import arviz
    import xarray as xr

    kind = getattr(arviz, "InferenceData", None)
    if kind is None or issubclass(kind, xr.DataTree):  # ArviZ 1.0 and later
        return xr.DataTree.from_dict(groups)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind(**groups)
