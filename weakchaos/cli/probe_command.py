"""``weakchaos probe``: the layers of a network."""

from __future__ import annotations

import shlex
from typing import Annotated, Any

import typer

from weakchaos.cli.options import Failure, whole
from weakchaos.cli.pipes import Json, Quiet, Strict, from_stdin, hand_over, where, written

__all__ = ["probe"]


def probe(
    model: Annotated[
        str, typer.Argument(help="A torch.export program (.pt2), or file.py:function that builds the module (the file is run).")
    ] = "",
    data: Annotated[str, typer.Option(metavar="FILE.npy", help="Inputs, one a row; - for standard input.")] = "",
    labels: Annotated[str, typer.Option(metavar="FILE.npy", help="Classes of the inputs.")] = "",
    layers: Annotated[
        str, typer.Option(metavar="NAMES", help="Modules to probe, as in 'encoder.0,encoder.1'; found by itself otherwise.")
    ] = "",
    directions: Annotated[str, typer.Option(help="Random differences per input.")] = "8",
    training: Annotated[bool, typer.Option("--training", help="Probe in training mode: batch statistics and dropout on.")] = False,
    seed: Annotated[str, typer.Option(help="A whole number that is not negative.")] = "0",
    out: Annotated[str, typer.Option(metavar="STEM", help="Where .png, .html and .json go: weakchaos-probe by default.")] = "",
    json_to: Json = "",
    strict: Strict = False,
    quiet: Quiet = False,
    demo: Annotated[
        bool,
        typer.Option("--demo", help="Train a deep network on handwritten digits from five starts, and tell what became of each."),
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="With --demo: a small network, in seconds.")] = False,
) -> None:
    """Probe the layers of a network: order, chaos or the edge between, layer by layer; table, figures, HTML report.

    With --strict the exit code is 3 where the network has no phase, or something speaks against the numbers.
    """
    from weakchaos import experiments as all_of_them
    from weakchaos.reports.probe.probe_sentences import probe_sentences

    seed_, stem = whole("--seed", seed, 0), where(out, "weakchaos-probe", json_to)
    if demo:
        result = all_of_them.run("digits_depth", quick, seed_)
        paths = [] if stem is None else [stem.with_name(stem.name + suffix) for suffix in (".png", ".json")]
        for path, write in zip(paths, (result.plot, result.to_json), strict=False):
            write(path)
        decided = result.verdict != all_of_them.Verdict.UNDECIDED
        hand_over(f"{result}{written(paths)}", result.to_json, json_to, quiet, strict, decided)
        return
    if not model or not data:
        raise Failure(
            "`MODEL` and `--data FILE.npy` are needed, as in: weakchaos probe net.py:build --data x.npy; or try: weakchaos probe --demo"
        )
    from weakchaos.renormalization import probe as probe_network
    from weakchaos.renormalization.networks.load_model import load_batch, load_model

    module = load_model(model, lambda text: None if quiet else typer.echo(text, err=True))
    x = load_batch(from_stdin(data, ".npy", (labels,)))
    y = load_batch(from_stdin(labels, ".npy"), "--labels") if labels else None
    wanted: Any = [n.strip() for n in layers.split(",") if n.strip()] or "auto"
    report = probe_network(module, x, y, wanted, directions=whole("--directions", directions, 1), training=training, seed=seed_)
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
    command = shlex.join(words)
    paths = []
    if stem is not None:
        paths = [stem.with_name(stem.name + suffix) for suffix in ("-flow.png", "-phase.png", "-waterfall.png", ".html", ".json")]
        for path, kind in zip(paths, ("flow", "phase", "waterfall"), strict=False):
            report.plot(kind, path)
        report.to_html(paths[3], f"Probe of {model}", command)
        report.to_json(paths[4])
    text = f"{report.table(verdict=False)}\n\n{probe_sentences(report)}{written(paths)}"
    hand_over(text, report.to_json, json_to, quiet, strict, report.trusted)
