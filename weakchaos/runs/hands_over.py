"""What a run hands over: draws by name, a table of all draws, a summary, pictures, and a tree for ArviZ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning, shown
from weakchaos.core.variables import Variables
from weakchaos.runs.convergence import by_walker, draws_in_round
from weakchaos.runs.weighted import resampled

if TYPE_CHECKING:
    from weakchaos.runs.stein_estimators import Expectation

__all__ = ["HandsOver"]


class HandsOver:
    """Base of `Trace`: everything that is made of draws and their names.

    It reads ``draws``, ``stats``, ``weights``, ``warmup``, ``warmup_stats``, ``names``, ``settings`` and ``system`` of the trace.
    """

    _derived: tuple[Variables, np.ndarray] | None = None

    # ---- draws by name ---------------------------------------------------------------------------------------------------------------

    @property
    def variables(self: Any) -> Variables:
        """Names and shapes of what a draw holds: the parameters of the target, or one number for each name."""
        data = self.settings.get("variables")
        return Variables(dict.fromkeys(self.names, ())) if data is None else Variables.from_data(data)

    @property
    def derived(self: Any) -> tuple[Variables, np.ndarray] | None:
        """What the target computes from its parameters (transformed parameters and generated quantities of a Stan program): names and values,
        shape (chain, draw, n); None where there is nothing of that kind, or the trace does not have its target."""
        compute = getattr(getattr(self.system, "target", None), "derived", None)
        if compute is None:
            return None
        if self._derived is None or self._derived[1].shape[1] != self.n_draws:
            self._derived = compute(np.asarray(self.draws), int(self.settings.get("entropy", "0")) % 2**32)
        return self._derived

    def _groups(self: Any) -> list[tuple[Variables, np.ndarray]]:
        derived = self.derived
        return [(self.variables, np.asarray(self.draws)), *([derived] if derived is not None and derived[1].shape[-1] else [])]

    def __getitem__(self: Any, name: str) -> np.ndarray:
        """The draws of a variable, shape (chain, draw, *shape).

        Raises
        ------
        KeyError
        """
        self._need_draws(f"trace[{name!r}]")
        variables = self.variables
        if name in variables.shapes:
            draws = np.asarray(self.draws)[..., variables.slices[name]]
            return draws.reshape(self.n_chains, self.n_draws, *variables.shapes[name])
        for group, draws in self._groups()[1:]:
            if name in group.shapes:
                return group.split(draws)[name]
        have = [n for group, _ in self._groups() for n in group.shapes]
        raise KeyError(f"this trace has no variable {name!r}; it has {shown(have, 200)}")

    def __iter__(self: Any) -> Any:
        # Without this Python would take `trace[0]`, `trace[1]`, ... for what a trace holds.
        raise ArgumentTypeError(
            "a trace cannot be iterated over; trace.variables.shapes names what trace[name] gives, and trace.draws holds all draws"
        )

    def _columns(self: Any, names: Any) -> tuple[list[str], np.ndarray]:
        """One column a number, of the variables that were asked for: their names, and draws of shape (chain, draw, n)."""
        if isinstance(names, str):
            names = [names]
        if names is not None and not isinstance(names, Sequence):
            raise ArgumentTypeError(f"`names` must be a list of variables, such as ['mu', 'theta']; got {shown(names)}")
        labels: list[str] = []
        parts, found = [], set()
        for variables, draws in self._groups():
            for name, place in variables.slices.items():
                own = variables.names[place]
                wanted = [k for k, label in enumerate(own) if names is None or name in names or label in names]
                found |= {name, *own}
                labels += [own[k] for k in wanted]
                parts.append(draws[..., place][..., wanted])
        for name in names or ():
            if name not in found:
                raise ArgumentError(
                    f"`names`: this trace has no {name!r}; it has {shown([n for v, _ in self._groups() for n in v.shapes], 200)}"
                )
        return labels, np.concatenate(parts, axis=-1)

    # ---- tables ------------------------------------------------------------------------------------------------------------------------

    def to_dataframe(self: Any, names: Any = None, stats: bool = False) -> Any:
        """One row a draw: its chain, its number, and one column a number; a column ``weight`` where draws have weights.

        Parameters
        ----------
        names : str or list of str, optional
            Variables (``"theta"``) or single numbers (``"theta[3]"``); all by default.
        stats : bool
            Add the statistics of the sampler.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        self._need_draws("to_dataframe")
        labels, draws = self._columns(names)
        chains, n = draws.shape[:2]
        table = {"chain": np.repeat(np.arange(chains), n), "draw": np.tile(np.arange(n), chains)}
        columns = dict(zip(labels, draws.reshape(chains * n, -1).T, strict=True))
        given = self.stats if stats else {} if self.weights is None else {"weight": self.weights}
        return pd.DataFrame({**table, **columns, **{name: values.ravel() for name, values in given.items() if name not in columns}})

    def summary(self: Any, names: Any = None, quantiles: Sequence[float] = (0.05, 0.5, 0.95)) -> Any:
        """Mean, standard deviation and quantiles of every number, their Monte Carlo errors, effective sample sizes and R-hat.

        Parameters
        ----------
        names : str or list of str, optional
            As in `to_dataframe`.
        quantiles : sequence of float

        Returns
        -------
        pandas.DataFrame
            Columns ``mean``, ``sd``, the quantiles (``5%``), ``mcse_mean``, ``mcse_sd``, ``ess_bulk``, ``ess_tail``, ``r_hat``, by arviz-stats (Vehtari et al.
            2021, doi:10.1214/20-BA1221). Weighted draws give weighted estimates, and errors of ratio estimates from their influence function
            ``w (f - mean f)``. A number that never changes has NaN where nothing can be said.

        Raises
        ------
        ImportError
            When the extra ``arviz`` is not installed.

        Examples
        --------
        >>> import weakchaos as wc
        >>> trace = wc.sample(wc.zoo.gaussian([1.0, 3.0]), draws=500, warmup=300, seed=1, progress=False)
        >>> [round(float(sd)) for sd in trace.summary()["sd"]]
        [1, 3]
        """
        import pandas as pd

        from weakchaos.runs.weighted import summary_columns

        self._need_draws("summary")
        levels = [float(q) for q in quantiles]
        if not all(0 < q < 1 for q in levels):
            raise ArgumentError(f"`quantiles` must be between 0 and 1; got {shown(quantiles)}")
        if self.n_draws < 4:
            raise ArgumentError(f"`summary` needs at least 4 draws a chain; this trace has {self.n_draws}")
        labels, draws = self._columns(names)
        draws = by_walker(draws, draws_in_round(self.walkers, self.settings["thin"]))
        return pd.DataFrame(summary_columns(draws, self.weights, levels), index=labels)

    def expectation(self: Any, f: Callable | None = None, method: str = "stein", order: int | None = None) -> Expectation:
        """Estimate E f, with a standard error; with gradients far more precisely than by the average of the draws.

        Parameters
        ----------
        f : callable, optional
            ``f(draws of shape (m, dim)) -> array of shape (m,) or (m, k)``; the identity by default.
        method : {"stein", "functionals", "quadrature", "mean"}
            See `weakchaos.diagnostics.stein_expectation`. All but ``"mean"`` evaluate the gradient of the log density once more at every draw.
        order : int, optional
            Degree of the polynomial control variates, 1 to 3; chosen by the number of draws otherwise.

        Returns
        -------
        Expectation
            With ``value``, ``stderr``, ``interval()``, and flags: those of `check`, but for notes, and that of Stein's identity.

        Raises
        ------
        ArgumentError, ArgumentTypeError

        Examples
        --------
        >>> import weakchaos as wc
        >>> trace = wc.sample(wc.zoo.gaussian([1.0, 3.0]), draws=500, warmup=300, seed=1, progress=False)
        >>> trace.expectation(lambda x: x**2).value.round(3)
        array([1., 9.])
        """
        from weakchaos.runs.stein_estimators import expectation_of

        return expectation_of(self, f, method, order)

    def plot(self: Any, names: Any = None, kind: str = "trace", path: Any = None) -> Any:
        """Pictures of the draws.

        Parameters
        ----------
        names : str or list of str, optional
            As in `to_dataframe`; by default the first sixteen numbers.
        kind : {"trace", "pair"}
            ``"trace"``: the draws of each chain with its divergences, and the ranks of each chain among all (uniform where chains agree);
            ``"pair"``: ArviZ's pair plot with divergences, where arviz-plots, or ArviZ before 1.0, is installed.
        path : path, optional
            Where the picture is written.

        Returns
        -------
        matplotlib.figure.Figure, or what ArviZ returns
        """
        self._need_draws("plot")
        if kind not in ("trace", "pair"):
            raise ArgumentError(f"`kind` must be 'trace' or 'pair'; got {shown(kind)}")
        from weakchaos.runs import pictures

        if kind == "pair":
            return pictures.plot_pairs(self.to_arviz(), names, path)
        labels, draws = self._columns(names)
        return pictures.plot_draws(labels, draws, self.stats.get("diverging"), self.weights, path, everything=names is not None)

    # ---- ArviZ -------------------------------------------------------------------------------------------------------------------------

    def to_arviz(self: Any, weights: str = "resample", log_likelihood: bool = True) -> Any:
        """The draws as a tree of groups that ArviZ reads: ``posterior``, ``sample_stats``, with ``keep_warmup`` also ``warmup_posterior`` and
        ``warmup_sample_stats``, and ``log_likelihood`` where the target has one.

        Parameters
        ----------
        weights : {"resample", "refuse"}
            ArviZ counts all draws alike. Weighted draws are therefore resampled, each chain for itself, in their order, by the systematic
            scheme (a draw of weight w among n of mean weight 1 appears floor(w) or ceil(w) times), which a warning says; or refused.
        log_likelihood : bool
            Whether to compute the log likelihood of every observation at every draw.

        Returns
        -------
        xarray.DataTree

        Raises
        ------
        ArgumentError
            When the run kept no draws, or its draws have weights and `weights` is ``"refuse"``.
        ImportError
            When the extra ``arviz`` is not installed.

        Notes
        -----
        Walkers of an ensemble become chains, as ArviZ has those of emcee: in their turn in one chain they would hide their memory from it.
        Errors and effective sample sizes of weighted draws come from `summary`; those that ArviZ computes from resampled draws are too good.
        """
        self._need_draws("to_arviz")
        try:
            import xarray as xr
        except ImportError as error:
            raise ImportError("to_arviz needs xarray: pip install 'weakchaos[arviz]'") from error
        if weights not in ("resample", "refuse"):
            raise ArgumentError(f"`weights` must be 'resample' or 'refuse'; got {shown(weights)}")
        groups, stats, rows = self._groups(), dict(self.stats), None
        attributes = {
            "inference_library": "weakchaos",
            "inference_library_version": _version(),
            "sampling_time": float(sum(self.cpu_seconds)),
        }
        if self.weights is not None:
            if weights == "refuse":
                raise ArgumentError(
                    "these draws have weights, which ArviZ does not count: use trace.summary(), or to_arviz(weights='resample')"
                )
            rows = resampled(np.asarray(self.weights))
            import warnings

            warnings.warn(
                "these draws have weights, which ArviZ does not count: they were resampled; errors and effective sample sizes are those of trace.summary()",
                ConvergenceWarning,
                stacklevel=2,
            )
            groups = [(variables, np.take_along_axis(draws, rows[:, :, None], 1)) for variables, draws in groups]
            stats = {name: np.take_along_axis(values, rows, 1) for name, values in stats.items()}
            attributes["weights"] = "resampled: draws appear in proportion to their weights"
        walkers, group = self.walkers, draws_in_round(self.walkers, self.settings["thin"])
        groups = [(variables, by_walker(draws, group)) for variables, draws in groups]
        stats = {name: by_walker(values, group) for name, values in stats.items()}
        tree = {"posterior": _dataset(xr, groups, attributes)}
        if stats:
            tree["sample_stats"] = _stats_dataset(xr, stats, attributes)
        if self.warmup is not None:
            tree["warmup_posterior"] = _dataset(xr, [(self.variables, by_walker(self.warmup, walkers))], attributes)
            if self.warmup_stats:
                tree["warmup_sample_stats"] = _stats_dataset(
                    xr, {name: by_walker(values, walkers) for name, values in self.warmup_stats.items()}, attributes
                )
        values = self.log_likelihood() if log_likelihood else {}
        if rows is not None:
            values = {name: v[np.arange(len(v))[:, None], rows] for name, v in values.items()}
        values = {name: by_walker(v, group) for name, v in values.items()}
        if values:
            layout = Variables({name: v.shape[2:] for name, v in values.items()})
            flat = np.concatenate([v.reshape(*v.shape[:2], -1) for v in values.values()], axis=-1)
            tree["log_likelihood"] = _dataset(xr, [(layout, flat)], attributes)
        return xr.DataTree.from_dict(tree)

    def log_likelihood(self: Any) -> dict[str, np.ndarray]:
        """The log likelihood of each observation at each draw, shape (chain, draw, ...) for each observed variable; empty where the target has none."""
        compute = getattr(getattr(self.system, "target", None), "log_likelihood", None)
        values = {} if compute is None else compute(np.asarray(self.draws))
        derived = self.derived
        if not values and derived is not None and "log_lik" in derived[0].shapes:  # what Stan programs call it
            values = {"log_lik": derived[0].split(derived[1])["log_lik"]}
        return values


def _version() -> str:
    try:
        return version("weakchaos")
    except PackageNotFoundError:
        return "0+unknown"


def _dataset(xr: Any, groups: list[tuple[Variables, np.ndarray]], attributes: dict) -> Any:
    data: dict[str, Any] = {}
    coords: dict[str, Any] = {}
    for variables, draws in groups:
        chains, n = draws.shape[:2]
        coords |= {"chain": np.arange(chains), "draw": np.arange(n)}
        for name, values in variables.split(draws).items():
            data[name] = (("chain", "draw", *variables.dims[name]), values)
            for dim, size in zip(variables.dims[name], variables.shapes[name], strict=True):
                coords.setdefault(dim, variables.coords.get(dim, np.arange(size)))
    return xr.Dataset(data, coords, attributes)


def _stats_dataset(xr: Any, stats: dict[str, np.ndarray], attributes: dict) -> Any:
    chains, n = next(iter(stats.values())).shape
    coords = {"chain": np.arange(chains), "draw": np.arange(n)}
    return xr.Dataset({name: (("chain", "draw"), values) for name, values in stats.items()}, coords, attributes)
