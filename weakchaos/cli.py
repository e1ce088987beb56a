"""The command line: ``weakchaos compare``, ``chaos``, ``probe``, ``experiments``; each does something useful without arguments."""

from __future__ import annotations

import math
import re
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, FileFormatError, shown

__all__ = ["app", "main", "run"]

# A step of herding finds the most probable state of the whole graph, which takes long on wide ones: it then gets fewer draws.
_PATIENCE_SECONDS = 60.0
# Exponents and cycles are measured on copies of the state, thousands of them.
_LARGEST_STATE = 1 << 25

app = typer.Typer(
    name="weakchaos",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Samplers as dynamical systems: how fast they converge, how chaotic they are, and whether their answers may be trusted.",
)


class _Failure(Exception):
    """A one-line message for the user; exit code 2."""


def main() -> None:
    """The entry point of the command ``weakchaos``."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a sign gets a question mark in its place and not a traceback.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command line; the exit code: 0, or 2 for what the user can put right, with one line on stderr that says how.

    Parameters
    ----------
    arguments : sequence of str

    Returns
    -------
    int

    Examples
    --------
    >>> run(["compare", "asia", "--draws", "200", "--repeats", "two"])
    2
    """
    try:
        code = app(args=list(arguments), prog_name="weakchaos", standalone_mode=False)
    except (_Failure, ArgumentError, ArgumentTypeError, FileFormatError, OSError) as error:
        return _complain(str(error))
    except typer.Abort:
        return _complain("interrupted", 130)
    except Exception as error:
        # What typer says of options comes from its own copy of click or from click itself, whose classes differ.
        if not hasattr(error, "format_message"):
            raise
        return _complain(error.format_message())
    if code == 130:  # recent versions of typer turn Ctrl-C into an exit code
        return _complain("interrupted", 130)
    return code if isinstance(code, int) else 0


def _complain(message: str, code: int = 2) -> int:
    sys.stderr.write(f"weakchaos: {' '.join(message.split())}\n")
    return code


def _show_version(value: bool) -> None:
    if value:
        from weakchaos.reports.page import versions

        typer.echo(f"weakchaos {versions()['weakchaos']}")
        raise typer.Exit()


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def compare(
    model: Annotated[str, typer.Argument(help="A .uai file, or a model that comes with the package.")] = "sachs",
    draws: Annotated[str, typer.Option(help="Draws per repeat; 1e5 is understood.")] = "1e5",
    repeats: Annotated[str, typer.Option(help="Independent starts, at least 2.")] = "8",
    seed: Annotated[str, typer.Option(help="A whole number that is not negative.")] = "0",
    evidence: Annotated[str, typer.Option(metavar="FILE.evid", help="Observed units, in the UAI format.")] = "",
    samplers: Annotated[
        str,
        typer.Option(metavar="NAMES", help="Which of the line-up, as in 'gibbs-pcg64,herded-gibbs:1e4' (with a number of draws)."),
    ] = "",
    out: Annotated[str, typer.Option(metavar="STEM", help="Where .png, .html and .json are written.")] = "weakchaos-compare",
    quiet: Annotated[bool, typer.Option("--quiet", "--no-progress", help="Nothing on stderr while it runs.")] = False,
) -> None:
    """Compare samplers on a discrete model: table, figure, HTML report, and two sentences that say what the numbers show.

    Without MODEL: the protein signalling network of Sachs et al. (2005).
    """
    n, repeats_, seed_ = _whole("--draws", draws, 100), _whole("--repeats", repeats, 2), _whole("--seed", seed, 0)
    stem = _stem(out)
    say = (lambda text: None) if quiet else (lambda text: typer.echo(text, err=True))
    target = _target(model, evidence, say)
    if target.truth()[0] is None:
        raise _Failure(
            f"exact inference is out of reach for {target.name}, so there is no truth to measure errors against: observe more of it with "
            "--evidence FILE.evid, or give what you know from Python: weakchaos.compare(target, samplers, truth=...)"
        )
    entrants, left_out = _line_up(target, samplers, n, repeats_, say)
    command = ["weakchaos", "compare", model, "--draws", str(n), "--repeats", str(repeats_), "--seed", str(seed_)]
    command += ["--evidence", evidence] if evidence else []
    if samplers or any(d != n for _, _, d in entrants.values()):
        command += ["--samplers", ",".join(f"{_slug(k)}:{d}" if d != n else _slug(k) for k, (_, _, d) in entrants.items())]
    report = _run(target, entrants, n, repeats_, seed_, quiet)
    report.command = shlex.join(command)
    report.warnings += left_out
    paths = [stem.with_name(stem.name + suffix) for suffix in (".png", ".html", ".json")]
    report.plot(paths[0])
    report.to_html(paths[1])
    report.to_json(paths[2])
    typer.echo(f"{report.table()}\n\n{report.sentences()}\n\nWritten: {', '.join(str(p) for p in paths)}")


@app.command()
def probe(
    model: Annotated[
        str, typer.Argument(help="A torch.export program (.pt2), or file.py:function that builds the module (the file is run).")
    ] = "",
    data: Annotated[str, typer.Option(metavar="FILE.npy", help="Inputs, one a row.")] = "",
    labels: Annotated[str, typer.Option(metavar="FILE.npy", help="Classes of the inputs.")] = "",
    layers: Annotated[
        str, typer.Option(metavar="NAMES", help="Modules to probe, as in 'encoder.0,encoder.1'; found by itself otherwise.")
    ] = "",
    directions: Annotated[str, typer.Option(help="Random differences per input.")] = "8",
    training: Annotated[bool, typer.Option("--training", help="Probe in training mode: batch statistics and dropout on.")] = False,
    seed: Annotated[str, typer.Option(help="A whole number that is not negative.")] = "0",
    out: Annotated[str, typer.Option(metavar="STEM", help="Where .png, .html and .json are written.")] = "weakchaos-probe",
    demo: Annotated[
        bool,
        typer.Option("--demo", help="Train a deep network on handwritten digits from five starts, and tell what became of each."),
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="With --demo: a small network, in seconds.")] = False,
) -> None:
    """Probe the layers of a network: order, chaos or the edge between, layer by layer; table, figures, HTML report."""
    from weakchaos import experiments as all_of_them
    from weakchaos.reports.probe.probe_sentences import probe_sentences

    seed_, stem = _whole("--seed", seed, 0), _stem(out)
    if demo:
        result = all_of_them.run("digits_depth", quick, seed_)
        paths = [stem.with_name(stem.name + suffix) for suffix in (".png", ".json")]
        result.plot(paths[0])
        result.to_json(paths[1])
        typer.echo(f"{result}\n\nWritten: {', '.join(str(p) for p in paths)}")
        return
    if not model or not data:
        raise _Failure(
            "`MODEL` and `--data FILE.npy` are needed, as in: weakchaos probe net.py:build --data x.npy; or try: weakchaos probe --demo"
        )
    from weakchaos.renormalization import probe as probe_network
    from weakchaos.renormalization.networks.load_model import load_batch, load_model

    module = load_model(model, lambda text: typer.echo(text, err=True))
    x = load_batch(data)
    y = load_batch(labels, "--labels") if labels else None
    wanted: Any = [n.strip() for n in layers.split(",") if n.strip()] or "auto"
    report = probe_network(module, x, y, wanted, directions=_whole("--directions", directions, 1), training=training, seed=seed_)
    words = [
        "weakchaos",
        "probe",
        model,
        "--data",
        data,
        *(["--labels", labels] if labels else []),
        *(["--layers", layers] if layers else []),
    ]
    words += [*(["--training"] if training else []), "--directions", directions, "--seed", seed]
    paths = [stem.with_name(stem.name + suffix) for suffix in ("-flow.png", "-phase.png", "-waterfall.png", ".html", ".json")]
    for path, kind in zip(paths, ("flow", "phase", "waterfall"), strict=False):
        report.plot(kind, path)
    report.to_html(paths[3], f"Probe of {model}", shlex.join(words))
    report.to_json(paths[4])
    typer.echo(f"{report.table()}\n\n{probe_sentences(report)}\n\nWritten: {', '.join(str(p) for p in paths)}")


@app.command()
def chaos(
    series: Annotated[str, typer.Argument(help="CSV (any separator, gzipped or not), .npy, .npz or parquet.")] = "",
    column: Annotated[str, typer.Option(metavar="NAME|INDEX", help="Which column, by its name or its number from 0.")] = "",
    dt: Annotated[str, typer.Option(help="Time between two numbers; read off a column of times by default, else 1.")] = "",
    kind: Annotated[str, typer.Option(help="auto, map, flow or discrete.")] = "auto",
    transform: Annotated[str, typer.Option(help="none, differences or log-returns.")] = "none",
    gaps: Annotated[str, typer.Option(help="Missing values: refuse, or keep the longest stretch without any.")] = "refuse",
    skip: Annotated[str, typer.Option(help="Lines above the table that are not read.")] = "0",
    missing: Annotated[str, typer.Option(metavar="VALUES", help="What marks missing data, as in -999,-9999.")] = "",
    decimal: Annotated[str, typer.Option(help="The decimal mark: auto, point or comma.")] = "auto",
    surrogates: Annotated[str, typer.Option(help="Surrogates a test, at least 19.")] = "99",
    seed: Annotated[str, typer.Option(help="A whole number that is not negative.")] = "0",
    out: Annotated[str, typer.Option(metavar="STEM", help="Where .png, .html and .json are written.")] = "weakchaos-chaos",
    demo: Annotated[bool, typer.Option("--demo", help="The example: daily returns of the NASDAQ-100 index, from nolds.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "--no-progress", help="Nothing on stderr while it runs.")] = False,
) -> None:
    """Ask a recorded series whether it is chaos, noise or regular: rows with errors and tests, figure, HTML report, and a verdict.

    Without SERIES: the example of --demo.
    """
    from weakchaos.interop.series import example_path, read_series, transformed

    stem, seed_, count = _stem(out), _whole("--seed", seed, 0), _whole("--surrogates", surrogates, 19)
    for option, value, allowed in (
        ("--kind", kind, ("auto", "map", "flow", "discrete")),
        ("--transform", transform, ("none", "differences", "log-returns")),
        ("--gaps", gaps, ("refuse", "longest")),
        ("--decimal", decimal, ("auto", "point", "comma")),
    ):
        if value not in allowed:
            raise _Failure(f"`{option}` must be {', '.join(allowed[:-1])} or {allowed[-1]}; got {shown(value)}")
    step, skipped = _positive("--dt", dt) if dt else None, _whole("--skip", skip, 0)
    marks = [mark.strip() for mark in missing.split(",") if mark.strip()]
    if demo and series:
        raise _Failure("`--demo` takes no SERIES: leave one of them out")
    command = ["weakchaos", "chaos", *([series] if series else ["--demo"])]
    for option, given, usual in (
        ("--column", column, ""), ("--dt", dt, ""), ("--kind", kind, "auto"), ("--transform", transform, "none"), ("--gaps", gaps, "refuse"),
        ("--skip", str(skipped), "0"), ("--missing", missing, ""), ("--decimal", decimal, "auto"), ("--surrogates", str(count), "99"), ("--seed", str(seed_), "0"),
    ):  # fmt: skip
        command += [option, given] if given != usual else []
    path: Any = series if series else example_path()
    if not series:
        column, transform = column or "Close", "log-returns" if transform == "none" else transform
    try:
        mark = {"point": ".", "comma": ","}.get(decimal, decimal)
        record = transformed(read_series(path, column or None, gaps, skip=skipped, missing=marks, decimal=mark), transform)
    except (ArgumentError, FileFormatError) as error:
        # The same words for who calls the function and for who types the command.
        raise _Failure(_as_options(str(error)).replace("`path`", "`SERIES`").replace("with gaps 'longest'", "with --gaps longest")) from error  # fmt: skip
    report = _analyse(record, step, kind, seed_, count, quiet)
    if not series:
        report.name, report.source = "NASDAQ-100, daily log returns 1990 to 2001", f"{path}, from nolds (Yahoo Finance)"
    report.command = shlex.join(command)
    paths = [stem.with_name(stem.name + suffix) for suffix in (".png", ".html", ".json")]
    report.plot(paths[0])
    report.to_html(paths[1])
    report.to_json(paths[2])
    typer.echo(f"{report.table()}\n\n{report.verdict.upper()}. {report.sentences()}\n\nWritten: {', '.join(str(p) for p in paths)}")


def _as_options(text: str) -> str:
    return re.sub(r"`(column|gaps|transform|skip|missing|decimal)`", r"`--\1`", text)


def _analyse(record: Any, dt: float | None, kind: str, seed: int, surrogates: int, quiet: bool) -> Any:
    from tqdm import tqdm

    from weakchaos.diagnostics import analyse_series

    bars: list[Any] = []

    def say(part: str) -> None:
        # Made when the first part begins, so that a series that is refused leaves one line only.
        bars[:] = bars or [tqdm(total=1, disable=quiet, bar_format="{desc} [{elapsed}]")]
        bars[0].set_description_str(f"compiling and running: {part}")

    try:
        report = analyse_series(
            record.values, record.dt if dt is None else dt, kind, seed, surrogates, on_step=say,
            name=record.name if not record.name.isdigit() else Path(record.source).name, unit=record.unit if dt is None else "unit of time",
        )  # fmt: skip
        bars[0].set_description_str("done")
    finally:
        for bar in bars:
            bar.close()
    # What the file and the numbers both show is said once.
    report.source, report.warnings = record.source, list(dict.fromkeys([*map(_as_options, record.notes), *report.warnings]))
    return report


@app.command()
def experiments(
    name: Annotated[str, typer.Argument(help="An experiment; without it all are listed.")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="Seconds instead of minutes; may leave the claim undecided.")] = False,
    seed: Annotated[str, typer.Option(help="A whole number that is not negative.")] = "0",
    out: Annotated[str, typer.Option(metavar="STEM", help="Where .png and .json are written; the name by default.")] = "",
    table: Annotated[
        bool, typer.Option("--table", help="Run nothing; show the numbers of the last full runs with intervals.")
    ] = False,
) -> None:
    """List the reproductions of the field's claims with the verdicts of their last full runs, or run one: table, findings, figure, JSON."""
    from weakchaos import experiments as all_of_them
    from weakchaos.experiments.records import listing

    if table or not name:
        typer.echo(listing(table, [name] if name else None))
        return
    seed_ = _whole("--seed", seed, 0)
    stem = _stem(out or f"weakchaos-{name}")
    result = all_of_them.run(name, quick, seed_)
    paths = [stem.with_name(stem.name + suffix) for suffix in (".png", ".json")]
    result.plot(paths[0])
    result.to_json(paths[1])
    typer.echo(f"{result}\n\nWritten: {', '.join(str(p) for p in paths)}")


# ---- arguments -------------------------------------------------------------------------------------------------------------------------


def _whole(option: str, text: str, least: int) -> int:
    try:
        number = int(text) if re.fullmatch(r"\s*[+-]?\d+\s*", text) else float(text)
        if number == int(number) and number >= least:
            return int(number)
    except (ValueError, OverflowError):
        pass
    raise _Failure(f"`{option}` must be a whole number of at least {least}, as in 100000 or 1e5; got {shown(text)}")


def _positive(option: str, text: str) -> float:
    try:
        number = float(text)
        if number > 0 and math.isfinite(number):
            return number
    except ValueError:
        pass
    raise _Failure(f"`{option}` must be a positive number, as in 0.01; got {shown(text)}")


def _stem(out: str) -> Path:
    path = Path(out).expanduser()
    if path.suffix.lower() in (".png", ".html", ".json"):
        path = path.with_suffix("")
    if not path.name or path.is_dir():
        raise _Failure(f"`--out` must be the beginning of a file name, as in results/sachs; got {shown(out)}")
    if not path.parent.is_dir():
        raise _Failure(f"`--out` must lie in a folder that exists; there is no {path.parent}")
    return path


def _target(model: str, evidence: str, say: Any) -> Any:
    from weakchaos.interop.uai import read_evidence
    from weakchaos.targets.factor_graph import FactorGraph, packaged, packaged_names

    path = Path(model).expanduser()
    if model in packaged_names():
        target = packaged(model)
    elif path.exists():
        target = FactorGraph.from_uai(path)
    elif path.parent == Path() and path.suffix == ".uai" and path.stem in packaged_names():
        say(f"there is no file {model} here: taking the model {path.stem} that comes with the package")
        target = packaged(path.stem)
    elif path.suffix or path.parent != Path():
        raise _Failure(f"there is no file {model}; models that come with the package: {', '.join(packaged_names())}")
    else:
        raise _Failure(f"`MODEL` must be the path of a .uai file or one of {', '.join(packaged_names())}; got {shown(model)}")
    return target.condition(read_evidence(Path(evidence).expanduser(), target.cardinalities)) if evidence else target


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _line_up(target: Any, wanted: str, draws: int, repeats: int, say: Any) -> tuple[dict[str, tuple[Any, Any, int]], list[str]]:
    """The samplers that were asked for, with the driver and the draws of each; and what was left out, and why."""
    from weakchaos.herding import Herding
    from weakchaos.reports.compare.line_up import default_samplers

    default = {_slug(k): (k, *(v if isinstance(v, tuple) else (v, "pcg64"))) for k, v in default_samplers(target).items()}
    chosen: dict[str, int | None] = {}
    for word in [w.strip() for w in wanted.split(",") if w.strip()] or default:
        name, _, own = word.partition(":")
        if _slug(name) not in default:
            raise _Failure(f"`--samplers` must be taken from {','.join(default)}; got {shown(name)}")
        chosen[_slug(name)] = _whole("--samplers NAME:DRAWS", own, 100) if own else None
    out, left_out = {}, []
    for slug, given in chosen.items():
        name, sampler, driver = default[slug]
        size = sampler.bind(target, driver=driver).start(0).phase.nbytes
        if size > _LARGEST_STATE and not wanted:
            left_out.append(
                f"{name} was left out: its state takes {size >> 20:,} megabytes; --samplers {slug} runs it all the same"
            )
            continue
        n = given
        if n is None:
            n = _affordable(name, sampler, target, draws, repeats, say) if isinstance(sampler, Herding) else draws
        out[name] = (sampler, driver, n)
    return out, left_out


def _affordable(name: str, sampler: Any, target: Any, draws: int, repeats: int, say: Any) -> int:
    """All draws, or one digit and zeros where all would take minutes."""
    system = sampler.bind(target, driver=None)
    state = system.start(0)
    system.advance(state, 1)
    done, begin = 0, time.process_time()
    while (spent := time.process_time() - begin) < 0.1 and done < draws:
        system.advance(state, 16, 16)
        done += 16
    within = _PATIENCE_SECONDS * done / (spent * repeats) if spent > 0 else math.inf
    if within >= draws:
        return draws
    digits = 10 ** max(int(math.log10(max(within, 100.0))), 2)
    own = min(max(int(within) // digits * digits, 100), draws)
    say(
        f"{name}: {own:,} of {draws:,} draws, since one takes {1e6 * spent / done:,.0f} microseconds; --samplers {_slug(name)}:{draws} makes all"
    )
    return own


def _run(target: Any, entrants: dict, draws: int, repeats: int, seed: int, quiet: bool) -> Any:
    from tqdm import tqdm

    from weakchaos.reports.compare.compare import compare as compare_samplers

    names = iter(entrants)
    with tqdm(total=len(entrants), disable=quiet, unit="sampler", bar_format="{desc} {bar:20} {n}/{total} [{elapsed}]") as bar:
        bar.set_description_str(f"compiling and running {next(names)}")

        def done(entrant: Any) -> None:
            following = next(names, None)
            bar.set_description_str("done" if following is None else f"compiling and running {following}", refresh=False)
            bar.update()

        return compare_samplers(target, entrants, draws=draws, repeats=repeats, seed=seed, on_done=done)
