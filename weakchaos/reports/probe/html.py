"""A probe as one self-contained HTML file."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path
from typing import Any

from weakchaos.reports.page import embedded, figure_svg, made_with, write_page
from weakchaos.reports.probe.figure import KINDS, draw_probe

__all__ = ["probe_sentences", "write_probe_html"]

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
    ("c_tokens", "c tokens", "cosine"),
    ("angle_exponent", "angle exponent", "nats"),
    ("gain", "gain", "for chi = 1"),
    ("phase", "phase", ""),
)


def probe_sentences(report: Any) -> str:
    """What the probe found, in two or three sentences."""
    distance = report.distance_to_critical()
    value, band, phase = distance.value, distance.parameters["band"], distance.parameters["phase"]
    if not math.isfinite(value):
        return "Differences between inputs die out completely: nothing that distinguishes two inputs reaches the last layer."
    scale = 1 / abs(value) if value else math.inf
    meaning = {
        "ordered": f"small differences shrink e-fold about every {scale:.1f} layers, so what distinguishes two near inputs is lost with depth",
        "chaotic": f"small differences grow e-fold about every {scale:.1f} layers, so near inputs are torn apart with depth",
        "critical": "small differences neither grow nor shrink by more than a network of this depth and width does by chance",
    }[phase]
    error = "" if distance.stderr is None else f" ± {distance.stderr:.4f}"
    text = f"The network is {phase}: its Lyapunov exponent is {value:.4f}{error} nats per layer (critical within ±{band:.4f}), and {meaning}."
    far = [r for r in report.rows[1:] if r["phase"] != "critical"]
    if phase == "critical" and far:
        text += f" Single layers are off: {', '.join(r['layer'] + ' ' + r['phase'] for r in far[:4])}."
    return text


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
