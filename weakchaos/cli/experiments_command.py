"""``weakchaos experiments``: the reproductions, listed or run."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from weakchaos.cli.options import whole
from weakchaos.cli.pipes import Json, Quiet, Strict, hand_over, json_place, known_experiments, where, written

__all__ = ["experiments"]


def experiments(
    name: Annotated[str, typer.Argument(help="An experiment; without it all are listed.", autocompletion=known_experiments)] = "",
    quick: Annotated[bool, typer.Option("--quick", help="Seconds instead of minutes; may leave the claim undecided.")] = False,
    seed: Annotated[str, typer.Option(help="A whole number that is not negative.")] = "0",
    out: Annotated[str, typer.Option(metavar="STEM", help="Where .png and .json are written; weakchaos-NAME by default.")] = "",
    executor: Annotated[
        str, typer.Option(metavar="EXECUTOR", help="Where single runs are made: threads, processes or dask://HOST:PORT.")
    ] = "",
    cells: Annotated[
        str, typer.Option(metavar="FOLDER", help="Keep finished runs there; the same command goes on with the rest after a kill.")
    ] = "",
    table: Annotated[
        bool, typer.Option("--table", help="Run nothing; show the numbers of the last full runs with intervals.")
    ] = False,
    json_to: Json = "",
    strict: Strict = False,
    quiet: Quiet = False,
) -> None:
    """List the reproductions of the field's claims with the verdicts of their last full runs, or run one: table, findings, figure, JSON.

    With --strict the exit code is 3 where a claim stays undecided, or was never put to a full run.
    """
    from weakchaos import experiments as all_of_them
    from weakchaos.core.plain import strict_json
    from weakchaos.experiments.records import listing, summaries

    if table or not name:
        json_place(json_to)
        chosen = [name] if name else None
        found = summaries(chosen)
        decided = all(one["verdict"] not in (None, all_of_them.Verdict.UNDECIDED) for one in found)
        hand_over(listing(table, chosen), lambda: strict_json(found), json_to, quiet, strict, decided)
        return
    seed_ = whole("--seed", seed, 0)
    stem = where(out, f"weakchaos-{name}", json_to)
    result = all_of_them.run(name, quick, seed_, executor or None, cells or None)
    paths: list[Any] = [] if stem is None else [stem.with_name(stem.name + suffix) for suffix in (".png", ".json")]
    for path, write in zip(paths, (result.plot, result.to_json), strict=False):
        write(path)
    # The answer comes last, where whoever runs the command looks for it.
    text = f"{written(paths).strip()}\n\n{result}".lstrip()
    hand_over(text, result.to_json, json_to, quiet, strict, result.verdict != all_of_them.Verdict.UNDECIDED)
