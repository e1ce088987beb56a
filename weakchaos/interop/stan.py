"""Stan programs as targets, through stanli: an interpreter of Stan that needs no compiler and exports BridgeStan's C functions.

Kernels call the log density and its gradient by address. Draws are the program's parameters under their names and shapes; transformed parameters
and generated quantities are computed from them afterwards.
"""

from __future__ import annotations

import ctypes
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.variables import Variables

__all__ = ["density"]

_RADIUS = 2.0  # starts are uniform within this distance of 0 in every coordinate, as Stan's are


class _Program:
    """A compiled program with its data, behind BridgeStan's C functions."""

    def __init__(self, program: Any, data: Any, seed: int):
        try:
            import stanli
        except ImportError as error:
            raise ImportError("Stan programs need stanli: pip install 'weakchaos[stan]'") from error
        code, where, self.name = _source(program)
        payload = _data(data)
        self.library = ctypes.CDLL(str(stanli._runtime_lib_path()))
        try:
            mir = stanli.stan_to_mir(stan_code=code, include_paths=[str(where)]) if where else stanli.stan_to_mir(stan_code=code)
        except RuntimeError as error:
            raise ArgumentError(f"`program` is refused by the Stan compiler: {error}") from error
        payload["__stanli"] = {"build_id": stanli.build_id(), "mir": mir, "name": self.name}
        self._signatures()
        message = ctypes.c_char_p()
        self.model = self.library.bs_model_construct(json.dumps(payload).encode(), seed, ctypes.byref(message))
        if not self.model:
            raise ArgumentError(f"`data` does not fit the Stan program: {self._take(message)}")
        self.dim = self.library.bs_param_unc_num(self.model)

    def _signatures(self) -> None:
        pointer, text, vector, flag = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_bool
        message = ctypes.POINTER(ctypes.c_char_p)
        for name, result, arguments in (
            ("bs_model_construct", pointer, [text, ctypes.c_uint, message]),
            ("bs_model_destruct", None, [pointer]),
            ("bs_free_error_msg", None, [pointer]),
            ("bs_param_names", text, [pointer, flag, flag]),
            ("bs_param_unc_names", text, [pointer]),
            ("bs_param_num", ctypes.c_int, [pointer, flag, flag]),
            ("bs_param_unc_num", ctypes.c_int, [pointer]),
            ("bs_param_constrain", ctypes.c_int, [pointer, flag, flag, vector, vector, pointer, message]),
            ("bs_param_unconstrain", ctypes.c_int, [pointer, vector, vector, message]),
            ("bs_param_unconstrain_json", ctypes.c_int, [pointer, text, vector, message]),
            ("bs_log_density", ctypes.c_int, [pointer, flag, flag, vector, vector, message]),
            ("bs_log_density_gradient", ctypes.c_int, [pointer, flag, flag, vector, vector, vector, message]),
            ("bs_rng_construct", pointer, [ctypes.c_uint, message]),
            ("bs_rng_destruct", None, [pointer]),
        ):  # fmt: skip
            function = getattr(self.library, name)
            function.restype, function.argtypes = result, arguments

    def __del__(self) -> None:
        if getattr(self, "model", None):
            self.library.bs_model_destruct(self.model)

    def _take(self, message: Any) -> str:
        text = message.value.decode(errors="replace").strip() if message.value else "no reason was given"
        if message.value is not None:
            self.library.bs_free_error_msg(ctypes.cast(message, ctypes.c_void_p))
        return text

    def names(self, everything: bool = False) -> list[str]:
        """Names of all numbers in Stan's order: of parameters, or with transformed parameters and generated quantities."""
        text = self.library.bs_param_names(self.model, everything, everything).decode()
        return text.split(",") if text else []

    def coordinates(self) -> list[str]:
        """Names of the coordinates."""
        text = self.library.bs_param_unc_names(self.model).decode()
        return text.split(",") if text else []

    def constrain(self, x: np.ndarray, everything: bool = False, seeds: Any = None) -> np.ndarray:
        """The variables of the program at each row of coordinates, NaN where the program fails. `seeds` maps rows to the seeds with which the program's
        stream of random numbers begins anew there."""
        n = self.library.bs_param_num(self.model, everything, everything)
        out, rng, seeds = np.full((len(x), n), np.nan), None, seeds or {0: 0}
        try:
            for t, row in enumerate(np.ascontiguousarray(x, np.float64)):
                message = ctypes.c_char_p()
                if everything and t in seeds:
                    if rng is not None:
                        self.library.bs_rng_destruct(rng)
                    rng = self.library.bs_rng_construct(seeds[t], ctypes.byref(message))
                status = self.library.bs_param_constrain(
                    self.model, everything, everything, row.ctypes.data, out[t].ctypes.data, rng, ctypes.byref(message)
                )
                if status != 0:
                    self._take(message)
                    out[t] = np.nan
        finally:
            if rng is not None:
                self.library.bs_rng_destruct(rng)
        return out

    def unconstrain(self, values: Any, argument: str) -> np.ndarray:
        """Coordinates of parameters given by name (a dict) or as one vector in Stan's order."""
        x, message = np.empty(self.dim), ctypes.c_char_p()
        if isinstance(values, Mapping):
            text = json.dumps({k: np.asarray(v).tolist() for k, v in values.items()})
            status = self.library.bs_param_unconstrain_json(self.model, text.encode(), x.ctypes.data, ctypes.byref(message))
        else:
            theta = np.ascontiguousarray(values, np.float64)
            status = self.library.bs_param_unconstrain(self.model, theta.ctypes.data, x.ctypes.data, ctypes.byref(message))
        if status != 0 or not np.isfinite(x).all():
            raise ArgumentError(
                f"`{argument}` must hold values of the parameters that this Stan program allows: {self._take(message)}"
            )
        return x

    def complaint(self, x: np.ndarray) -> str | None:
        """The error message of the program at these coordinates; None where it has none."""
        message, value = ctypes.c_char_p(), np.empty(1)
        status = self.library.bs_log_density(self.model, True, True, x.ctypes.data, value.ctypes.data, ctypes.byref(message))
        return self._take(message) if status != 0 else None

    def address(self, name: str) -> int:
        """The address of one of the C functions."""
        return ctypes.cast(getattr(self.library, name), ctypes.c_void_p).value or 0


def _source(program: Any) -> tuple[str, Path | None, str]:
    """The text of a program, the folder of its file, and its name."""
    if isinstance(program, str) and ("{" in program or "\n" in program):
        return program, None, "stan_model"
    if not isinstance(program, str | Path):
        raise ArgumentTypeError(f"`program` must be the path of a .stan file or the text of a program; got {shown(program)}")
    path = Path(program).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"there is no Stan program at {path}")
    return path.read_text(encoding="utf-8"), path.resolve().parent, path.stem


def _data(data: Any) -> dict:
    if data is None:
        return {}
    if isinstance(data, Mapping):
        return json.loads(json.dumps({str(k): np.asarray(v).tolist() for k, v in data.items()}))
    if not isinstance(data, str | Path):
        raise ArgumentTypeError(f"`data` must be a dict, the path of a JSON file, or JSON text; got {shown(data)}")
    text = data if isinstance(data, str) and data.lstrip().startswith("{") else Path(data).expanduser().read_text(encoding="utf-8")
    try:
        payload = json.loads(text)
    except ValueError as error:
        raise ArgumentError(f"`data` is no JSON: {error}") from error
    if not isinstance(payload, dict):
        raise ArgumentError(f"`data` must be a JSON object of names and values; got {shown(payload)}")
    return payload


def _layout(names: list[str]) -> tuple[Variables, np.ndarray]:
    """Variables with their shapes, and for each of their numbers in the order of C where Stan has it (it counts the first index fastest)."""
    found: dict[str, list[tuple[tuple[int, ...], int]]] = {}
    for k, name in enumerate(names):
        match = re.fullmatch(r"(.*?)((?:\.\d+)*)", name)
        assert match is not None
        index = tuple(int(i) - 1 for i in match.group(2).split(".")[1:])
        found.setdefault(match.group(1), []).append((index, k))
    shapes, order = {}, []
    for name, entries in found.items():
        shapes[name] = tuple(int(n) + 1 for n in np.max([index for index, _ in entries], axis=0)) if entries[0][0] else ()
        order += [k for _, k in sorted(entries)]
    return Variables(shapes), np.array(order, np.int64)


def density(program: Any, data: Any = None, seed: int = 0, dims: Any = None, coords: Any = None) -> Any:
    """A Stan program with its data as a `Density`.

    Parameters
    ----------
    program : path or str
        The path of a ``.stan`` file, or the text of a program.
    data : dict, path or str, optional
        The data by name, the path of a JSON file, or JSON text.
    seed : int
        Seed of the random numbers in the block ``transformed data``.
    dims, coords : dicts, optional
        Dimensions of the parameters and their labels, as in `weakchaos.Density`.

    Returns
    -------
    Density
        Draws are the program's parameters. ``trace["y_rep"]``, ``trace.summary()`` and ``trace.to_arviz()`` know its transformed parameters and generated
        quantities too; their random numbers follow from the seed of the run. A generated quantity ``log_lik`` is the log likelihood for ``az.loo``.

    Raises
    ------
    ImportError
        When stanli is not installed.
    ArgumentError
        When the program is refused by the Stan compiler, the data do not fit it, it has no parameters, or no coordinates of finite density are found.
    FileNotFoundError

    Examples
    --------
    >>> code = "data { real y; } parameters { real<lower=0> tau; } model { tau ~ exponential(y); }"
    >>> target = density(code, {"y": 2.0})  # doctest: +SKIP
    >>> target.names  # doctest: +SKIP
    ['tau']
    """
    from weakchaos.native.stan_functions import from_bridgestan
    from weakchaos.targets.foreign_density import ForeignDensity
    from weakchaos.targets.foreign_parameters import ForeignParameters

    model = _Program(program, data, int(seed))
    if model.dim < 1:
        raise ArgumentError(f"`program`: {model.name} has no parameters to draw")
    variables, order = _layout(model.names())
    everything = model.names(True)
    rest = everything[len(order) :]
    also, rest_order = _layout(rest) if rest else (None, order[:0])

    def constrain(x: np.ndarray) -> np.ndarray:
        return model.constrain(x)[:, order]

    def unconstrain(theta: Any, argument: str) -> np.ndarray:
        if isinstance(theta, Mapping):
            return model.unconstrain(theta, argument)
        vector = np.asarray(theta, np.float64)
        if vector.shape != order.shape:
            raise ArgumentError(f"`{argument}` must be a dict of parameters, or have shape {order.shape}; got shape {vector.shape}")
        stan = np.empty(order.size)
        stan[order] = vector
        return model.unconstrain(stan, argument)

    def derived(draws: np.ndarray, entropy: int) -> Any:
        chains, n = draws.shape[:2]
        rows = np.array([unconstrain(row, "draws") for row in draws.reshape(chains * n, -1)]).reshape(-1, model.dim)
        seeds = {k * n: int(np.random.SeedSequence((entropy, k)).generate_state(1)[0]) for k in range(chains)}
        values = model.constrain(rows, True, seeds)[:, order.size :][:, rest_order]
        return also, values.reshape(chains, n, -1)

    pointer = from_bridgestan(
        model.address("bs_log_density"),
        model.address("bs_log_density_gradient"),
        model.model,
        model.address("bs_free_error_msg"),
        model,
    )
    target = ForeignDensity(
        pointer,
        ForeignParameters(variables.shapes, dims, coords, model.coordinates(), constrain, unconstrain),
        start=lambda rng: rng.uniform(-_RADIUS, _RADIUS, model.dim),
        name=model.name,
        complaint=model.complaint,
    )
    if also is not None:
        target.derived = derived
    return target
