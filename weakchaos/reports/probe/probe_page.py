"""A probe as one self-contained HTML file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from weakchaos.reports.page import figure_svg, write_page
from weakchaos.reports.page_rows import Shown, row_size, shown_rows
from weakchaos.reports.probe.probe_figure import KINDS, draw_probe
from weakchaos.reports.probe.probe_sentences import probe_sentences

__all__ = ["write_probe_html"]

_HEADS = (
    ("layer", "layer", ""),
    ("width", "units", ""),
    ("q", "q", "mean square"),
    ("c_same", "c same", "cosine"),
    ("c_diff", "c diff", "cosine"),
    ("c", "c", "cosine"),
    ("sigma_w2", "sigma_w²", "x fan-in"),
    ("sigma_b2", "sigma_b²", ""),
    ("chi", "chi", "per layer"),
    ("lyapunov", "Lyapunov", "nats"),
    ("stderr", "±", "nats"),
    ("depth_scale", "depth scale", "layers"),
    ("pr_dim", "dimension", "participation"),
    ("two_nn", "dimension", "two-NN"),
    ("dead", "dead", "share"),
    ("recurrence", "recurrence", "nats per step"),
    ("gate_time", "gate time", "steps"),
    ("c_tokens", "c tokens", "cosine"),
    ("angle_exponent", "angle exponent", "nats"),
    ("gain", "gain", "for chi = 1"),
    ("phase", "phase", ""),
)

_MEANINGS = {
    "layer": "name of the layer; the first is the input of the network",
    "width": "number of its units",
    "q": "mean square of the activations",
    "c_same": "mean cosine between the activations of two inputs of the same label",
    "c_diff": "mean cosine between the activations of two inputs of different labels",
    "c": "mean cosine between the activations of two inputs, over all pairs",
    "sigma_w2": "variance of the weights times their fan-in",
    "sigma_b2": "variance of the biases",
    "chi": "mean squared stretching of a small random difference by this layer alone: 1 on the edge between order and chaos",
    "lyapunov": "growth rate of small differences that were made at the input and passed through all layers before this one",
    "stderr": "standard error of that rate, over inputs and directions",
    "depth_scale": "number of layers over which squared differences change by a factor of e, 1 / |ln chi|",
    "pr_dim": "dimension of the activations of the batch: (sum of variances)² / sum of squared variances along principal axes",
    "two_nn": "dimension of the activations of the batch from the distances of two nearest neighbours",
    "dead": "share of units whose activation is the same for all inputs",
    "recurrence": "exponent of the state of a recurrent layer through time under these inputs; near 0 means memory",
    "gate_time": "steps over which the gates of a recurrent layer alone keep what differs; a memory that is no longer than that is no sign of criticality",
    "c_tokens": "mean cosine between the tokens of one input",
    "angle_exponent": "growth rate, in this layer, of 1 minus the mean cosine between tokens: twice that of small angles between them",
    "gain": "factor on the weights of this layer that would make its chi 1 for these inputs",
    "phase": "ordered (differences shrink), chaotic (they grow), or critical, if the exponent lies within what finite depth and width leave undecided",
}


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _shown(report: Any, heads: list[tuple[str, str, str]]) -> Shown:
    """The layers that the page shows: all, or else those that stretch or shrink differences most, and the first."""
    rows = report.rows
    labels = [f"{name} ({unit})" for _, name, unit in heads]
    sizes = [row_size([_cell(row.get(key)) for key, _, _ in heads], labels, row) for row in rows]
    # Differences that die out in a layer are as far from the edge as can be; a layer without a number is not known to be far.
    chi = [row["chi"] for row in rows]
    far = [-math.inf if math.isnan(x) else abs(math.log(x)) if 0 < x < math.inf else math.inf for x in chi]
    return shown_rows(sizes, sorted(range(len(rows)), key=lambda i: -far[i]))


def write_probe_html(report: Any, path: Any, heading: str = "Probe of a network", command: str = "") -> Path:
    """Write the sentences, the three figures, the table of layers, the warnings and the data as one page.

    Parameters
    ----------
    report : ProbeReport
    path : path
    heading : str
    command : str
        The command that makes the report again.

    Returns
    -------
    Path
    """
    from weakchaos.core.figures import PANEL, new_figure

    texts = {
        "flow": "Mean cosine between inputs by depth, measured and by theory",
        "phase": "Each layer on the phase diagram of its activation",
        "waterfall": "Logarithm of the stretching from the input to each depth, in the leading directions",
    }
    kinds = [k for k in KINDS if k != "phase" or any(math.isfinite(r["sigma_w2"]) for r in report.rows)]
    heads = [head for head in _HEADS if any(_cell(row.get(head[0])) != "-" for row in report.rows)]
    sentences = probe_sentences(report)
    shown, content = _shown(report, heads), report.to_dict()
    if shown.left_out:
        content |= {"rows": [content["rows"][i] for i in shown.rows], "rows_left_out": shown.left_out}
        content["advice"] = {**content["advice"], "layers": content["advice"]["layers"][: len(shown.rows)]}
    return write_page(
        path,
        "probe.html",
        heading,
        content,
        report=report,
        sentences=sentences,
        figures=[
            figure_svg(draw_probe(report, kind, ax=new_figure(PANEL, 3.4).add_subplot()), texts[kind], f"probe-{kind}")
            for kind in kinds
        ],
        heads=heads,
        parts=shown.parts(report.rows, f"The {len(shown.worst):,} farthest from chi = 1"),
        shown=shown,
        meanings=[(f"{name} ({unit})" if unit else name, _MEANINGS[key]) for key, name, unit in heads],
        notes=[text for text in report.warnings if text not in sentences],
        words=("layer", "phase"),
        cell=_cell,
        command=command,
    )
