"""What all commands share as parts of a pipeline: ``-`` for standard input, ``--json``, ``--strict``, and what they hand on."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from weakchaos.cli.options import Failure, stem_of

__all__ = [
    "UNTRUSTED",
    "Json",
    "Quiet",
    "Strict",
    "from_stdin",
    "hand_over",
    "in_words",
    "json_place",
    "known_experiments",
    "known_samplers",
    "models",
    "sampler_classes",
    "shows_bars",
    "sweep",
    "where",
    "written",
]

UNTRUSTED = 3  # exit code of a result that must not be trusted
_STDIN = "standard input"
_BEGINNINGS = ((b"\x93NUMPY", ".npy"), (b"PK\x03\x04", ".npz"), (b"PAR1", ".parquet"), (b"\x1f\x8b", ".csv.gz"))
_folders: list[str] = []

Json = Annotated[
    str,
    typer.Option(
        "--json",
        metavar="FILE|-",
        help="Write the report as JSON there, '-' being standard output; other files are then written only where --out is given.",
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit code 3 where a result must not be trusted.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "--no-progress", help="Nothing on stderr while it runs; bars are shown on terminals only.")
]


def from_stdin(argument: str, suffix: str = "", others: tuple[str, ...] = ()) -> str:
    """The path of a file with what stands on standard input where `argument` is ``-``, else `argument`.

    Parameters
    ----------
    argument : str
    suffix : str
        That of the file; by default what the first bytes say, and .csv where they say nothing.
    others : tuple of str
        Further arguments of the same command: standard input can be read once only.
    """
    if argument != "-":
        return argument
    if "-" in others:
        raise Failure("`-` may stand for one file only, since standard input can be read once")
    if sys.stdin is None or sys.stdin.isatty():
        raise Failure("`-` reads standard input, and nothing is piped into it, as in: cat series.csv | weakchaos chaos -")
    data = sys.stdin.buffer.read()
    end = suffix or next((end for begin, end in _BEGINNINGS if data.startswith(begin)), ".csv")
    _folders.append(tempfile.mkdtemp(prefix="weakchaos-"))
    path = Path(_folders[-1]) / f"{_STDIN}{end}"
    path.write_bytes(data)
    return str(path)


def in_words(text: str) -> str:
    """A text in which a copy of standard input is called by that name."""
    for folder in _folders:
        for path in Path(folder).iterdir():
            text = text.replace(str(path), _STDIN)
    return text.replace(f"{_STDIN}.csv.gz", _STDIN).replace(f"{_STDIN}.csv", _STDIN) if _folders else text


def sweep() -> None:
    """Delete the copies of standard input."""
    while _folders:
        shutil.rmtree(_folders.pop(), ignore_errors=True)


def where(out: str, usual: str, json_to: str) -> Path | None:
    """Where the files of a report begin; None where only JSON is wanted."""
    json_place(json_to)
    return stem_of(out or usual) if out or not json_to else None


def json_place(json_to: str) -> None:
    """Refuse a place for JSON where nothing can be written, before anything is computed."""
    path = Path(json_to).expanduser()
    if json_to not in ("", "-") and (path.is_dir() or not path.parent.is_dir()):
        raise Failure(f"`--json` must be - or a file in a folder that exists; got {json_to}")


def shows_bars(quiet: bool) -> bool:
    """Whether a bar may move: a file or a pipe would keep every state of it."""
    return not quiet and sys.stderr.isatty()


def hand_over(
    text: str, as_json: Callable[[], str], json_to: str = "", quiet: bool = False, strict: bool = False, trusted: bool = True
) -> None:
    """Write a report: the text on standard output, or JSON there and the text on stderr; exit code 3 where it was asked for.

    Parameters
    ----------
    text : str
    as_json : callable
        Gives the report as JSON text.
    json_to : str
        "" for none, "-" for standard output, or a path.
    quiet, strict : bool
    trusted : bool
        Whether nothing says that the result must not be trusted.
    """
    if json_to == "-":
        if not quiet:
            typer.echo(text, err=True)
        # In ASCII, which every terminal and every pipe takes as it is.
        sys.stdout.write(json.dumps(json.loads(as_json()), indent=1, ensure_ascii=True) + "\n")
    else:
        typer.echo(text)
        if json_to:
            Path(json_to).expanduser().write_text(as_json() + "\n", encoding="utf-8")
    if strict and not trusted:
        raise typer.Exit(UNTRUSTED)


def written(paths: list[Path]) -> str:
    """The line that names the files of a report; nothing where there are none."""
    return f"\n\nWritten: {', '.join(str(p) for p in paths)}" if paths else ""


def models() -> list[str]:
    """Names of the models that come with the package, for the completion of a shell."""
    from weakchaos.targets.factor_graph import packaged_names

    return list(packaged_names())


def known_experiments() -> list[str]:
    """Names of the experiments, for the completion of a shell."""
    from weakchaos.experiments import names

    return names()


def known_samplers() -> list[str]:
    """Names of the samplers of ``weakchaos sample``, for the completion of a shell."""
    return sorted(sampler_classes())


def sampler_classes() -> dict[str, Any]:
    """Samplers by their names in small letters."""
    from weakchaos import herding, samplers

    known = {name.lower(): getattr(face, name) for face in (herding, samplers) for name in face.__all__}
    return {
        name: kind
        for name, kind in known.items()
        if isinstance(kind, type) and issubclass(kind, samplers.Sampler) and name != "sampler"
    }
