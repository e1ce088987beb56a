"""``weakchaos experiments``: the reproductions, listed or run."""

from __future__ import annotations

from typing import Annotated

import typer

from weakchaos.cli.options import stem_of, whole

__all__ = ["experiments"]


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
    seed_ = whole("--seed", seed, 0)
    stem = stem_of(out or f"weakchaos-{name}")
    result = all_of_them.run(name, quick, seed_)
    paths = [stem.with_name(stem.name + suffix) for suffix in (".png", ".json")]
    result.plot(paths[0])
    result.to_json(paths[1])
    # The answer comes last, where whoever runs the command looks for it.
    typer.echo(f"Written: {', '.join(str(p) for p in paths)}\n\n{result}")
