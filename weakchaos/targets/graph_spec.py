"""Factor graphs as plain data and back, for stored runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["graph_of_spec", "spec_of_graph"]


def spec_of_graph(graph: Any) -> tuple[dict, dict]:
    """A JSON-able dict and a dict of arrays, from which `graph_of_spec` makes a factor graph again."""
    spec = {
        "name": graph.name,
        "names": list(graph.names),
        "states": None if graph.states is None else [list(row) for row in graph.states],
        "observed": [[i, k] for i, k in graph.observed.items()],
    }
    if graph.children is not None:
        spec["children"], spec["intervened"] = list(graph.children), sorted(graph.intervened)
    flat = [t.ravel() for t in graph.log_tables]
    arrays = {
        "cardinalities": graph.cardinalities.copy(),
        "scope_sizes": np.array([len(s) for s in graph.scopes], np.int64),
        "scopes": np.concatenate([np.empty(0, np.int64), *graph.scopes]),
        "log_tables": np.concatenate([np.empty(0), *flat]),
    }
    return spec, arrays


def graph_of_spec(kind: Any, spec: dict, arrays: Mapping[str, np.ndarray]) -> Any:
    """The factor graph, of class `kind`, that `spec_of_graph` described."""
    cardinalities = np.asarray(arrays["cardinalities"])
    factors, first = [], 0
    for scope in (
        np.split(np.asarray(arrays["scopes"]), np.cumsum(arrays["scope_sizes"])[:-1]) if len(arrays["scope_sizes"]) else ()
    ):
        shape = tuple(int(k) for k in cardinalities[scope])
        last = first + int(np.prod(shape, dtype=np.int64))
        factors.append((scope, np.asarray(arrays["log_tables"])[first:last].reshape(shape)))
        first = last
    graph = kind.from_log_tables(cardinalities, factors, spec["names"], spec["states"], name=spec["name"])
    if spec.get("children") is not None:  # runs of earlier versions have none
        graph.children, graph.intervened = tuple(map(int, spec["children"])), frozenset(map(int, spec["intervened"]))
    return graph._observing(dict(spec["observed"]))
