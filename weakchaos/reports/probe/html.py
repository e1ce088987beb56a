"""A probe as one self-contained HTML file."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path
from typing import Any

from weakchaos.reports.page import embedded, figure_svg, made_with, write_page
from weakchaos.reports.probe.figure import KINDS, draw_probe
from weakchaos.reports.probe.sentences import probe_sentences

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
    ("c_tokens", "c tokens", "cosine"),
    ("angle_exponent", "angle exponent", "nats"),
    ("gain", "gain", "for chi = 1"),
    ("phase", "phase", ""),
)


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


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
    heads = [h for h in _HEADS if any(_cell(r.get(h[0])) != "-" for r in report.rows)]
    figures = []
    for kind in KINDS:
        if kind == "phase" and not any(math.isfinite(r["sigma_w2"]) for r in report.rows):
            continue
        figures.append(f"<figure>{figure_svg(draw_probe(report, kind), kind, f'probe-{kind}')}</figure>")
    text = {"layer", "phase"}
    head = "".join(
        f"<th{' class=text' if k in text else ''}>{escape(name)}{f'<small>{escape(unit)}</small>' if unit else ''}</th>"
        for k, name, unit in heads
    )
    body = "".join(
        "<tr>" + "".join(f"<td{' class=text' if k in text else ''}>{escape(_cell(row.get(k)))}</td>" for k, _, _ in heads) + "</tr>"
        for row in report.rows
    )
    notes = "".join(f"<li>{escape(w)}</li>" for w in report.warnings)
    return write_page(
        path,
        heading,
        [
            f"<h1>{escape(heading)}</h1>",
            f"<p class='how'>{len(report.rows)} layers, activation {escape(report.activation or 'unknown')}</p>",
            f"<p class='summary'>{escape(probe_sentences(report))}</p>",
            f"<div class='figures'>{''.join(figures)}</div>",
            f"<h2>Layers</h2><div class='scroll'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>",
            f"<h2>To know</h2><ul>{notes}</ul>" if notes else "",
            f"<h2>Make it again</h2><pre>{escape(command)}</pre>" if command else "",
            made_with(),
            embedded(report.to_dict()),
        ],
    )
