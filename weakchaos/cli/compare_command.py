"""``weakchaos compare``: the rates of samplers on a discrete model."""

from __future__ import annotations

import math
import re
import shlex
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from weakchaos.cli.options import Failure, whole
from weakchaos.cli.pipes import Json, Quiet, Strict, from_stdin, hand_over, models, where, written
from weakchaos.core.errors import shown

__all__ = ["compare"]

# A step of herding finds the most probable state of the whole graph, which takes long on wide ones: it then gets fewer draws.
_PATIENCE_SECONDS = 60.0
# Exponents and cycles are measured on copies of the state, thousands of them.
_LARGEST_STATE = 1 << 25


def compare(
    model: Annotated[
        str,
        typer.Argument(
            help="A .uai file, - for one on standard input, or a model that comes with the package.", autocompletion=models
        ),
    ] = "sachs",
    draws: Annotated[str, typer.Option(help="Draws per repeat; 1e5 is understood.")] = "1e5",
    repeats: Annotated[str, typer.Option(help="Independent starts, at least 2.")] = "8",
    seed: Annotated[str, typer.Option(help="A whole number that is not negative.")] = "0",
    evidence: Annotated[str, typer.Option(metavar="FILE.evid", help="Observed units, in the UAI format.")] = "",
    samplers: Annotated[
        str,
        typer.Option(metavar="NAMES", help="Which of the line-up, as in 'gibbs-pcg64,herded-gibbs:1e4' (with a number of draws)."),
    ] = "",
    out: Annotated[str, typer.Option(metavar="STEM", help="Where .png, .html and .json go: weakchaos-compare by default.")] = "",
    json_to: Json = "",
    strict: Strict = False,
    quiet: Quiet = False,
) -> None:
    """Compare samplers on a discrete model: table, figure, HTML report, and a few sentences that say what the numbers show.

    Without MODEL: the protein signalling network of Sachs et al. (2005). With --strict the exit code is 3 where a run of the table is not to be trusted.
    """
    n, repeats_, seed_ = whole("--draws", draws, 100), whole("--repeats", repeats, 2), whole("--seed", seed, 0)
    stem = where(out, "weakchaos-compare", json_to)
    say = (lambda text: None) if quiet else (lambda text: typer.echo(text, err=True))
    target = _target(from_stdin(model, ".uai", (evidence,)), from_stdin(evidence, ".evid"), say)
    if target.truth()[0] is None:
        raise Failure(
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
    report.remarks += left_out
    paths = [] if stem is None else [stem.with_name(stem.name + suffix) for suffix in (".png", ".html", ".json")]
    for path, write in zip(paths, (report.plot, report.to_html, report.to_json), strict=False):
        write(path)
    text = f"{report.table()}\n\n{report.sentences()}{written(paths)}"
    hand_over(text, report.to_json, json_to, quiet, strict, report.trusted)


def _target(model: str, evidence: str, say: Any) -> Any:
    from weakchaos.targets.factor_graph import FactorGraph, packaged, packaged_names
    from weakchaos.targets.uai_files import read_evidence

    path = Path(model).expanduser()
    if model in packaged_names():
        target = packaged(model)
    elif path.exists():
        target = FactorGraph.from_uai(path)
    elif path.parent == Path() and path.suffix == ".uai" and path.stem in packaged_names():
        say(f"there is no file {model} here: taking the model {path.stem} that comes with the package")
        target = packaged(path.stem)
    elif path.suffix or path.parent != Path():
        raise Failure(f"there is no file {model}; models that come with the package: {', '.join(packaged_names())}")
    else:
        raise Failure(f"`MODEL` must be the path of a .uai file or one of {', '.join(packaged_names())}; got {shown(model)}")
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
            raise Failure(f"`--samplers` must be taken from {','.join(default)}; got {shown(name)}")
        chosen[_slug(name)] = whole("--samplers NAME:DRAWS", own, 100) if own else None
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
