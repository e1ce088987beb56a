"""`compress`: fewer points that stand for the output of a sampler, a table or an array, and the names of what was kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.herding.selection.selected import Selection
from weakchaos.herding.selection.selecting import METHODS, select
from weakchaos.kernels.base import finite_points
from weakchaos.targets.points import Points

__all__ = ["compress"]


def compress(
    trace: Any, size: int, method: str = "herding", kernel: Any = None, standardise: bool = True, **options: Any
) -> Selection:
    """Thin a sample: choose a few draws whose averages are as close as possible to those of all draws.

    Parameters
    ----------
    trace : Trace, xarray.DataTree or arviz.InferenceData with a ``posterior``, pandas.DataFrame, or array of shape (n, dim) or (chain, draw, dim)
        The draws. If they have weights (those of a trace, or a column ``weight`` of a table), the few draws stand for the weighted averages.
    size : int
        How many draws to choose.
    method : str
        One of the methods of `select`. Methods with a Stein kernel need gradients of the log density: they are computed from the target of a trace, in its
        unconstrained coordinates, or given as ``gradients=...``.
    kernel : Kernel, optional
        The kernel, which sees standardised coordinates where `standardise` is True. By default it is a Gaussian kernel whose bandwidth is the median distance
        of the draws.
    standardise : bool
        Whether the kernel sees each coordinate divided by its standard deviation. The selected points are returned in the coordinates of the trace.
    **options
        Further arguments of `select`.

    Returns
    -------
    Selection
        ``origin`` says which ``chain`` and ``draw`` each point was, or which ``row`` of a table; ``names`` are those of the variables.

    Raises
    ------
    ArgumentError
        For draws that are not finite, and for fewer than two different ones.

    Examples
    --------
    >>> draws = np.random.default_rng(0).normal(size=(2, 500, 3))
    >>> kept = compress(draws, 20, progress=False)
    >>> kept.points.shape, sorted(kept.origin)
    ((20, 3), ['chain', 'draw'])
    """
    x, weights, names, origin = _draws(trace)
    size = whole_number("size", size, 1)
    x = finite_points("trace", x)
    if not isinstance(standardise, bool):
        raise ArgumentError(f"`standardise` must be True or False; got {shown(standardise)}")
    if method in METHODS and METHODS[method].stein:
        if kernel is not None or weights is not None:
            raise ArgumentError(
                f"method {method!r} has a kernel of its own, and takes draws of equal weight; leave out `kernel` and weights"
            )
        return _by_stein(trace, x, names, origin, size, method, standardise, options)
    scale = np.ones(x.shape[1])
    if standardise:
        w = np.full(len(x), 1.0 / len(x)) if weights is None else weights / weights.sum()
        spread = np.sqrt(np.maximum(w @ (x - w @ x) ** 2, 0.0))
        scale = np.where(spread > 1e-12 * np.abs(x).max(axis=0), spread, 1.0)  # a coordinate that is constant stays as it is
    found = select(Points(x / scale, weights, names=list(names)), size, method, kernel, **options)
    where = {} if found.indices is None else {name: values[found.indices] for name, values in origin.items()}
    points = found.points * scale if found.indices is None else x[found.indices]
    return replace(found, points=points, names=tuple(names), origin=where, details={**found.details, "scale": scale})


def _by_stein(
    trace: Any,
    x: np.ndarray,
    names: Any,
    origin: dict[str, np.ndarray],
    size: int,
    method: str,
    standardise: bool,
    options: dict[str, Any],
) -> Selection:
    """Selection in the coordinates of the density; points are those of the trace."""
    from weakchaos.runs.stein_estimators import trace_gradients

    places, gradients = x, options.pop("gradients", None)
    if gradients is None:
        if not hasattr(trace, "n_chains"):
            raise ArgumentError(
                f"method {method!r} needs `gradients` of the log density at the draws; a Trace has them from its target"
            )
        places, gradients, _ = trace_gradients(trace, f"method {method!r}")
        places, gradients = places.reshape(len(x), -1), gradients.reshape(len(x), -1)
    found = select(places, size, method, gradients=np.reshape(gradients, places.shape), standardise=standardise, **options)
    where = {name: values[found.indices] for name, values in origin.items()}
    return replace(found, points=x[found.indices], names=tuple(names), origin=where)


def _draws(trace: Any) -> tuple[np.ndarray, np.ndarray | None, list[str], dict[str, np.ndarray]]:
    """All draws one a row, their weights, names of coordinates, and where each came from."""
    if hasattr(trace, "n_chains") and hasattr(trace, "draws"):
        if trace.draws is None:
            raise ArgumentError("`trace` kept running averages only; sample with record='draws'")
        draws = np.asarray(trace.draws, np.float64)
        weights = None if trace.weights is None else np.asarray(trace.weights, np.float64).ravel()
        return draws.reshape(-1, draws.shape[2]), weights, list(trace.names), _places(*draws.shape[:2])
    if hasattr(trace, "iloc") and hasattr(trace, "columns"):
        return _table(trace)
    posterior = _posterior(trace)
    if posterior is not None:
        return _groups(posterior)
    try:
        array = np.asarray(trace, np.float64)
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(
            f"`trace` must be a Trace, a DataTree with a posterior, a DataFrame or an array of numbers; got {shown(trace)}"
        ) from error
    if array.ndim == 3:
        names = [f"x{k}" for k in range(array.shape[2])]
        return array.reshape(-1, array.shape[2]), None, names, _places(*array.shape[:2])
    x = array[:, None] if array.ndim == 1 else array
    if x.ndim != 2:
        raise ArgumentError(f"`trace` must have shape (n, dim) or (chain, draw, dim) as an array; got {array.shape}")
    return x, None, [f"x{k}" for k in range(x.shape[1])], {"row": np.arange(len(x))}


def _places(chains: int, draws: int) -> dict[str, np.ndarray]:
    return {"chain": np.repeat(np.arange(chains), draws), "draw": np.tile(np.arange(draws), chains)}


def _table(frame: Any) -> tuple[np.ndarray, np.ndarray | None, list[str], dict[str, np.ndarray]]:
    """Numeric columns; ``chain``, ``draw`` and ``weight`` are what they are called, as in `Trace.to_dataframe`."""
    special = [c for c in ("chain", "draw", "weight") if c in frame.columns]
    columns = [c for c in frame.columns if c not in special]
    bad = [str(c) for c in columns if frame[c].dtype.kind not in "biuf"]
    if bad or not columns:
        raise ArgumentError(f"`trace` must have columns of numbers; {bad or 'none'} are not: select columns first, frame[[...]]")
    origin = {c: frame[c].to_numpy() for c in special if c != "weight"} or {"row": np.arange(len(frame))}
    weights = frame["weight"].to_numpy(np.float64) if "weight" in special else None
    return frame[columns].to_numpy(np.float64), weights, [str(c) for c in columns], origin


def _posterior(trace: Any) -> Any:
    """The posterior of a tree or of an arviz.InferenceData."""
    try:
        group = trace["posterior"]
    except Exception:  # an array, or whatever has no such group
        return None
    return getattr(group, "dataset", group) if hasattr(group, "data_vars") else None


def _groups(posterior: Any) -> tuple[np.ndarray, np.ndarray | None, list[str], dict[str, np.ndarray]]:
    columns, names = [], []
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    for name, variable in posterior.data_vars.items():
        values = np.asarray(variable.transpose("chain", "draw", ...).values)
        if values.dtype.kind not in "biuf":
            continue
        shape = values.shape[2:]
        columns.append(values.reshape(chains * draws, -1).astype(np.float64))
        names += [f"{name}[{', '.join(map(str, place))}]" if shape else str(name) for place in np.ndindex(shape)]
    if not columns:
        raise ArgumentError("`trace` has a posterior without variables of numbers")
    return np.concatenate(columns, axis=1), None, names, _places(chains, draws)
