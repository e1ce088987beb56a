"""``weakchaos sample``: draws from a model, their summary, and what speaks against them."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import json
import shlex
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from weakchaos.cli.options import Failure, above_zero, stem_of, whole
from weakchaos.cli.pipes import (
    UNTRUSTED,
    Json,
    Quiet,
    Strict,
    from_stdin,
    hand_over,
    json_place,
    known_samplers,
    models,
    sampler_classes,
    shows_bars,
)
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning, GradientWarning, StoreError, shown
from weakchaos.core.flags import Severity
from weakchaos.core.plain import strict_json
from weakchaos.reports.page import versions

__all__ = ["sample"]

_ROWS = 40  # numbers of a summary that are printed
_NOTE = "command.json"  # in the store: what began the run


def sample(
    model: Annotated[
        str,
        typer.Argument(
            help="A .uai file (- for one on standard input) or a model of the package, a .stan program, or file.py:function that builds the target (the file is run).",
            autocompletion=models,
        ),
    ] = "sachs",
    data: Annotated[str, typer.Option(metavar="FILE.json", help="Data of a Stan program; - for standard input.")] = "",
    evidence: Annotated[str, typer.Option(metavar="FILE.evid", help="Observed units of a .uai model.")] = "",
    sampler: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="As in 'nuts', 'slice' or 'hmc:step_size=0.1,n_leapfrog=8'; the best for the model by default.",
            autocompletion=known_samplers,
        ),
    ] = "",
    draws: Annotated[str, typer.Option(help="Draws per chain: 1000 by default; with --until-ess, the most there may be.")] = "",
    warmup: Annotated[str, typer.Option(help="Steps of warm-up.")] = "1000",
    chains: Annotated[str, typer.Option(help="Independent chains.")] = "4",
    seed: Annotated[str, typer.Option(help="A whole number that is not negative.")] = "0",
    until_ess: Annotated[
        str, typer.Option(metavar="N", help="Stop when every number has N effective draws and R-hat is below 1.01.")
    ] = "",
    store: Annotated[
        str,
        typer.Option(
            metavar="RUN.zarr", help="Keep draws there while they are made; the same command goes on where it was cut off."
        ),
    ] = "",
    out: Annotated[str, typer.Option(metavar="STEM", help="Write a page, .html, and .json there; none by default.")] = "",
    json_to: Json = "",
    strict: Strict = False,
    quiet: Quiet = False,
) -> None:
    """Draw from a model, print the summary, and say what speaks against the run; exit code 3 when it is not to be trusted, with --strict also when draws are too few.

    Without MODEL: the protein signalling network of Sachs et al. (2005).
    """
    say = (lambda text: None) if quiet else (lambda text: typer.echo(text, err=True))
    until = {"min_ess": above_zero("--until-ess", until_ess), "rhat": 1.01} if until_ess else None
    n = whole("--draws", draws, 1) if draws else None
    run: dict[str, Any] = {
        "warmup": whole("--warmup", warmup, 0),
        "chains": whole("--chains", chains, 1),
        "seed": whole("--seed", seed, 0),
    }
    json_place(json_to)
    stem = stem_of(out) if out else None
    files = (from_stdin(model, ".uai", (data, evidence)), from_stdin(data, ".json", (evidence,)), from_stdin(evidence, ".evid"))
    target = _target(*files, say)
    algorithm = _sampler(sampler)
    with warnings.catch_warnings():
        for category in (ConvergenceWarning, GradientWarning):
            warnings.simplefilter("ignore", category)  # said below, once
        if not store:
            trace = _draw(target, algorithm, n, until, run, shows_bars(quiet))
        else:
            note = {"model": model, "files": _digests(*files), "sampler": sampler, "until_ess": until_ess, **run}
            trace = _stored(store, note, target, algorithm, n, until, run, say, shows_bars(quiet))
    head, table = _summary(trace, target)
    flags = list(dict.fromkeys([*trace.flags, *trace.check()]))
    lines = [_in_text(head, table), *(f"{flag.severity.value}: {flag.sentence}" for flag in flags)]
    lines += [] if flags else ["Nothing speaks against this run."]
    lines += [f"Written: {store}, which weakchaos.load({store!r}) reads"] if store else []
    severities = {flag.severity for flag in flags}
    content = {
        "format": "weakchaos sample 1",
        "target": head,
        "summary": [] if table is None else [{"name": str(name), **row} for name, row in table.to_dict("index").items()],
        "flags": [{**flag.to_plain(), "sentence": flag.sentence} for flag in flags],
        "trusted": Severity.INVALID not in severities,
        "interrupted": bool(trace.interrupted),
        "run": {"draws": trace.n_draws, **run, "sampler": repr(trace.system.sampler), "store": store or None},
        "versions": versions(),
    }
    if stem is not None:
        from weakchaos.reports.run.run_page import write_run_html

        paths = [stem.with_name(stem.name + suffix) for suffix in (".html", ".json")]
        given = {
            "--data": data,
            "--evidence": evidence,
            "--sampler": sampler,
            "--draws": draws,
            "--until-ess": until_ess,
            "--store": store,
        }
        words = [
            "weakchaos",
            "sample",
            model,
            "--seed",
            str(run["seed"]),
            "--chains",
            str(run["chains"]),
            "--warmup",
            str(run["warmup"]),
        ]
        command = shlex.join([*words, *(part for option, value in given.items() if value for part in (option, value))])
        write_run_html(
            trace, paths[0], head, table, flags, content, command, f"{paths[1].name}, which was written beside this page"
        )
        strict_json(content, paths[1])
        lines.append(f"Written: {', '.join(str(path) for path in paths)}")
    hand_over("\n".join(lines), lambda: strict_json(content), json_to, quiet)
    if trace.interrupted:
        if store:
            typer.echo("cut off; the same command goes on with this run", err=True)
        raise typer.Exit(130)
    if Severity.INVALID in severities or (strict and Severity.IMPRECISE in severities):
        raise typer.Exit(UNTRUSTED)


def _draw(target: Any, algorithm: Any, n: int | None, until: Any, run: dict, progress: bool, **more: Any) -> Any:
    from weakchaos.runs.sampling import sample as draw

    return draw(target, algorithm, draws=n, until=until, progress=progress, **run, **more)


def _stored(
    store: str, note: dict, target: Any, algorithm: Any, n: int | None, until: Any, run: dict, say: Any, progress: bool
) -> Any:
    """A new run in a store, or the one that was begun there by the same command."""
    from weakchaos.runs.sampling import extend
    from weakchaos.runs.verbs import resume

    path = Path(store).expanduser()
    if not path.exists():
        with _Noted(path, note):
            return _draw(target, algorithm, n, until, run, progress, store=path)
    try:
        begun = json.loads((path / _NOTE).read_text())
    except (OSError, ValueError):
        raise Failure(
            f"`--store`: {store} exists and was not begun by this command; go on with it by weakchaos.resume, or choose another path"
        ) from None
    differ = [name for name in note if begun.get(name) != note[name]]
    if differ:
        raise Failure(
            f"`--store`: {store} holds another run: it differs in {', '.join(differ)}; choose another path, or give the options it was begun with"
        )
    say(f"going on with {store}")
    try:
        trace = resume(path, target=target, sampler=algorithm, progress=progress)
        if n is not None and until is None and n > trace.n_draws and not trace.interrupted:
            trace = extend(trace, n - trace.n_draws, progress=progress)
    except (StoreError, ArgumentError) as error:
        raise Failure(f"`--store`: {error}") from error
    return trace


class _Noted:
    """Write the note as soon as the run has made its store, or when the run ends in whatever way."""

    def __init__(self, path: Path, note: dict):
        self.path, self.note = path, note

    def __enter__(self) -> None:
        import threading

        self._done = threading.Event()
        self._watch = threading.Thread(target=self._wait, daemon=True)
        self._watch.start()

    def _wait(self) -> None:
        while not self._done.wait(0.02):
            if (self.path / "run.json").exists():
                break
        if self.path.is_dir() and not (self.path / _NOTE).exists():
            (self.path / _NOTE).write_text(json.dumps(self.note))

    def __exit__(self, *error: Any) -> None:
        self._done.set()
        self._watch.join()


def _digests(*files: str) -> list[str]:
    """What the files of a model held, so that a run never goes on with a changed model."""
    out = []
    for name in files:
        path = Path(name.rpartition(":")[0] if ".py:" in name else name).expanduser()
        out.append(hashlib.sha256(path.read_bytes()).hexdigest() if name and path.is_file() else "")
    return out


def _target(model: str, data: str, evidence: str, say: Any) -> Any:
    path, colon, name = model.rpartition(":")
    suffix = Path(model).suffix
    if data and suffix != ".stan":
        raise Failure("`--data` goes with a .stan program; a function of file.py:function reads its own")
    if evidence and (suffix == ".stan" or colon):
        raise Failure("`--evidence` goes with a .uai model")
    if suffix == ".stan":
        from weakchaos.interop.stan import density

        try:
            return density(Path(model), Path(data) if data else None)
        except ImportError as error:
            raise Failure(str(error)) from error
    if colon and path.endswith(".py"):
        return _built(Path(path).expanduser(), name, say)
    if suffix == ".py":
        raise Failure(f"`MODEL` must name the target, or the function that builds it, as in {model}:target; got {shown(model)}")
    from weakchaos.cli.compare_command import _target as of_factors

    return of_factors(model, evidence, say)


def _built(path: Path, name: str, say: Any) -> Any:
    """A target of a user's file, or what a function there returns."""
    if not path.is_file():
        raise Failure(f"there is no file {path}")
    say(f"running {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.pop(0)
    from weakchaos.targets.target import Target

    targets = [k for k, v in vars(module).items() if isinstance(v, Target)]
    own = [
        k for k, v in vars(module).items() if getattr(v, "__module__", "") == path.stem and callable(v) and not isinstance(v, type)
    ]
    there = f"targets there: {', '.join(targets) or 'none'}; functions: {', '.join(own) or 'none'}"
    if not hasattr(module, name):
        raise Failure(f"`MODEL`: there is no {shown(name)} in {path}; {there}")
    made = getattr(module, name)
    if callable(made) and not isinstance(made, Target):
        try:
            inspect.signature(made).bind()
        except TypeError as error:
            raise Failure(
                f"`MODEL`: {name} of {path} must be a target, or a function without arguments that returns one ({error}); {there}"
            ) from error
        except ValueError:
            pass  # compiled functions that do not tell their arguments
        made = made()
    if not isinstance(made, Target):
        raise Failure(
            f"`MODEL`: {name} of {path} must be or return a target, such as weakchaos.Density(...); it is {shown(made)}; {there}"
        )
    return made


def _sampler(text: str) -> Any:
    """A sampler by its name and its fields, ``hmc:step_size=0.1,n_leapfrog=8``."""
    if not text:
        return None
    known = sampler_classes()
    word, _, fields = text.partition(":")
    kind = known.get(word.strip().lower().replace("-", "").replace("_", ""))
    if kind is None:
        raise Failure(f"`--sampler` must be one of {', '.join(sorted(known))}; got {shown(word)}")
    try:
        call = ast.parse(f"f({fields})", mode="eval").body
        assert isinstance(call, ast.Call)
        given = {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
        if call.args or len(given) < len(call.keywords):
            raise ValueError
    except (SyntaxError, ValueError) as error:
        raise Failure(f"`--sampler` must give fields by name, as in hmc:step_size=0.1,n_leapfrog=8; got {shown(text)}") from error
    try:
        return kind(**given)
    except (ArgumentError, ArgumentTypeError):
        raise
    except TypeError as error:
        raise Failure(f"`--sampler`: {str(error).replace('__init__() ', '')}") from error


def _summary(trace: Any, target: Any) -> tuple[str, Any]:
    """A line that says what was drawn, and a table of it; None for the table where draws are too few."""
    import numpy as np

    head = f"{getattr(target, 'name', 'target')}: {trace.n_draws} draws of each of {trace.n_chains} chains by {type(trace.system.sampler).__name__}"
    if trace.n_draws < 4:
        return f"{head}; too few for a summary", None
    try:
        table = trace.summary()
    except ImportError as error:
        draws = np.asarray(trace.draws)
        import pandas as pd

        columns = {"mean": draws.mean((0, 1)), "sd": draws.std((0, 1), ddof=1)}
        table, head = pd.DataFrame(columns, index=trace.names), f"{head} ({error})"
    cardinalities = getattr(target, "cardinalities", None)
    if cardinalities is not None:
        # Means of states say little: how often each was drawn says all.
        draws = np.asarray(trace.draws)
        most = int(max(cardinalities))
        shares = {f"P({s})": (draws == s).mean((0, 1)) for s in range(min(most, 8))}
        kept = [name for name in ("ess_bulk", "r_hat") if name in table]
        table = table[kept].assign(**shares)[[*shares, *kept]]
    return head, table


def _in_text(head: str, table: Any) -> str:
    """The line above the first rows of the table."""
    if table is None:
        return head
    rows = table.head(_ROWS)
    whole_ones = {name: (lambda v: f"{v:.0f}") for name in rows if name.startswith("ess")}
    formats = {name: whole_ones.get(name, lambda v: f"{v:.4g}") for name in rows}
    text = rows.to_string(formatters=formats, na_rep="-")
    more = f"\n... and {len(table) - _ROWS} more" if len(table) > _ROWS else ""
    return f"{head}\n\n{text}{more}\n"
