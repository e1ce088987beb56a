"""The command line: ``weakchaos compare``, ``sample``, ``chaos``, ``probe``, ``experiments``, one file a command; each does something useful without arguments."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from weakchaos.cli.chaos_command import chaos
from weakchaos.cli.compare_command import compare
from weakchaos.cli.experiments_command import experiments
from weakchaos.cli.options import Failure
from weakchaos.cli.pipes import in_words, sweep
from weakchaos.cli.probe_command import probe
from weakchaos.cli.sample_command import sample
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, FileFormatError

__all__ = ["app", "main", "run"]

app = typer.Typer(
    name="weakchaos",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Samplers as dynamical systems: how fast they converge, how chaotic they are, and whether their answers may be trusted.",
)


def main() -> None:
    """The entry point of the command ``weakchaos``."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a sign gets a question mark in its place and not a traceback.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command line; the exit code.

    0, or 2 for what the user can put right, with one line on stderr that says how; 3 for a result that must not be trusted, always of ``sample`` and of
    the other commands with ``--strict``; 130 where it was interrupted, 141 where nobody reads what it writes any more.

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
        return _run(arguments)
    finally:
        sweep()


def _run(arguments: Sequence[str]) -> int:
    try:
        code = app(args=list(arguments), prog_name="weakchaos", standalone_mode=False)
    except BrokenPipeError:
        # As in `weakchaos chaos series.csv | head -1`. Whatever is left must not be written when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (Failure, ArgumentError, ArgumentTypeError, FileFormatError, OSError) as error:
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
    sys.stderr.write(f"weakchaos: {in_words(' '.join(message.split()))}\n")
    return code


def _show_version(value: bool) -> None:
    if value:
        from weakchaos.reports.page import versions

        known = versions(("scipy", "zarr"), ("arviz-stats", "torch", "jax", "pymc", "stanli", "pgmpy", "nolds"))
        typer.echo("\n".join(f"{name} {number}" for name, number in known.items()))
        raise typer.Exit()


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="Show the versions of the package and of what its numbers rest on.",
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for _command in (compare, sample, probe, chaos, experiments):
    app.command()(_command)
