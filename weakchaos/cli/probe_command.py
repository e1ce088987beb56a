"""``weakchaos probe``: the layers of a network."""

from __future__ import annotations

import shlex
from typing import Annotated, Any

import typer

from weakchaos.cli.options import Failure, stem_of, whole

__all__ = ["probe"]


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

    seed_, stem = whole("--seed", seed, 0), stem_of(out)
    if demo:
        result = all_of_them.run("digits_depth", quick, seed_)
        paths = [stem.with_name(stem.name + suffix) for suffix in (".png", ".json")]
        result.plot(paths[0])
        result.to_json(paths[1])
        typer.echo(f"{result}\n\nWritten: {', '.join(str(p) for p in paths)}")
        return
    if not model or not data:
        raise Failure(
            "`MODEL` and `--data FILE.npy` are needed, as in: weakchaos probe net.py:build --data x.npy; or try: weakchaos probe --demo"
        )
    from weakchaos.renormalization import probe as probe_network
    from weakchaos.renormalization.networks.load_model import load_batch, load_model

    module = load_model(model, lambda text: typer.echo(text, err=True))
    x = load_batch(data)
    y = load_batch(labels, "--labels") if labels else None
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
    paths = [stem.with_name(stem.name + suffix) for suffix in ("-flow.png", "-phase.png", "-waterfall.png", ".html", ".json")]
    for path, kind in zip(paths, ("flow", "phase", "waterfall"), strict=False):
        report.plot(kind, path)
    report.to_html(paths[3], f"Probe of {model}", shlex.join(words))
    report.to_json(paths[4])
    typer.echo(f"{report.table()}\n\n{probe_sentences(report)}\n\nWritten: {', '.join(str(p) for p in paths)}")
