"""A probe as one self-contained HTML file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from weakchaos.reports.page import figure_svg, write_page
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
    kinds = [k for k in KINDS if k != "phase" or any(math.isfinite(r["sigma_w2"]) for r in report.rows)]
    return write_page(
        path,
        "probe.html",
        heading,
        report.to_dict(),
        report=report,
        sentences=probe_sentences(report),
        figures=[figure_svg(draw_probe(report, kind), kind, f"probe-{kind}") for kind in kinds],
        heads=[head for head in _HEADS if any(_cell(row.get(head[0])) != "-" for row in report.rows)],
        words=("layer", "phase"),
        cell=_cell,
        command=command,
    )
