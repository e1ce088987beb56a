"""``weakchaos chaos``: the dynamics of a recorded series."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from weakchaos.cli.options import Failure, above_zero, whole
from weakchaos.cli.pipes import Json, Quiet, Strict, from_stdin, hand_over, in_words, where, written
from weakchaos.core.errors import ArgumentError, FileFormatError, shown

__all__ = ["chaos"]


def chaos(
    series: Annotated[
        str, typer.Argument(help="CSV (any separator, gzipped or not), .npy, .npz or parquet; - for standard input.")
    ] = "",
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
    out: Annotated[str, typer.Option(metavar="STEM", help="Where .png, .html and .json go: weakchaos-chaos by default.")] = "",
    json_to: Json = "",
    strict: Strict = False,
    demo: Annotated[bool, typer.Option("--demo", help="The example: daily returns of the NASDAQ-100 index, from nolds.")] = False,
    quiet: Quiet = False,
) -> None:
    """Ask a recorded series whether it is chaos, noise or regular: rows with errors and tests, figure, HTML report, and a verdict.

    Without SERIES: the example of --demo. With --strict the exit code is 3 where the verdict is open, or the numbers look like marks of missing data.
    """
    from weakchaos.interop.series import example_path, read_series, transformed

    stem, seed_, count = where(out, "weakchaos-chaos", json_to), whole("--seed", seed, 0), whole("--surrogates", surrogates, 19)
    for option, value, allowed in (
        ("--kind", kind, ("auto", "map", "flow", "discrete")),
        ("--transform", transform, ("none", "differences", "log-returns")),
        ("--gaps", gaps, ("refuse", "longest")),
        ("--decimal", decimal, ("auto", "point", "comma")),
    ):
        if value not in allowed:
            raise Failure(f"`{option}` must be {', '.join(allowed[:-1])} or {allowed[-1]}; got {shown(value)}")
    step, skipped = above_zero("--dt", dt) if dt else None, whole("--skip", skip, 0)
    marks = [mark.strip() for mark in missing.split(",") if mark.strip()]
    if demo and series:
        raise Failure("`--demo` takes no SERIES: leave one of them out")
    command = ["weakchaos", "chaos", *([series] if series else ["--demo"])]
    for option, given, usual in (
        ("--column", column, ""), ("--dt", dt, ""), ("--kind", kind, "auto"), ("--transform", transform, "none"), ("--gaps", gaps, "refuse"),
        ("--skip", str(skipped), "0"), ("--missing", missing, ""), ("--decimal", decimal, "auto"), ("--surrogates", str(count), "99"), ("--seed", str(seed_), "0"),
    ):  # fmt: skip
        command += [option, given] if given != usual else []
    path: Any = from_stdin(series) if series else example_path()
    if not series:
        column, transform = column or "Close", "log-returns" if transform == "none" else transform
    try:
        mark = {"point": ".", "comma": ","}.get(decimal, decimal)
        record = transformed(read_series(path, column or None, gaps, skip=skipped, missing=marks, decimal=mark), transform)
    except (ArgumentError, FileFormatError) as error:
        # The same words for who calls the function and for who types the command.
        raise Failure(_as_options(str(error)).replace("`path`", "`SERIES`").replace("with read_series(..., gaps='longest')", "with --gaps longest")) from error  # fmt: skip
    report = _analyse(record, step, kind, seed_, count, quiet)
    if not series:
        report.name, report.source = "NASDAQ-100, daily log returns 1990 to 2001", f"{Path(path).name} of nolds (Yahoo Finance)"
    report.command = shlex.join(command)
    paths = [] if stem is None else [stem.with_name(stem.name + suffix) for suffix in (".png", ".html", ".json")]
    for path, write in zip(paths, (report.plot, report.to_html, report.to_json), strict=False):
        write(path)
    text = f"{report.table()}\n\n{report.verdict.upper()}. {report.sentences()}{written(paths)}"
    hand_over(text, report.to_json, json_to, quiet, strict, report.trusted)


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
            name=in_words(record.name if not record.name.isdigit() else Path(record.source).name), unit=record.unit if dt is None else "unit of time",
        )  # fmt: skip
        bars[0].set_description_str("done")
    finally:
        for bar in bars:
            bar.close()
    # What the file and the numbers both show is said once.
    report.source, report.warnings = (
        in_words(record.source),
        list(dict.fromkeys([*map(_as_options, record.notes), *report.warnings])),
    )
    return report
