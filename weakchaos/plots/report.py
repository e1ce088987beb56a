"""A comparison as one self-contained HTML file, and as JSON."""

from __future__ import annotations

import io
import json
import math
import platform
import re
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.plots.cells import COLUMNS, cell, finite, period_words
from weakchaos.plots.sentences import two_sentences
from weakchaos.plots.status import is_trusted, notes_by_text, notes_of
from weakchaos.plots.style import FADED, GRID, INK, PAPER, quiet_glyphs
from weakchaos.plots.tables import heading

__all__ = ["reproduction", "versions", "write_html", "write_json"]


def versions() -> dict[str, str]:
    """Versions of what the numbers were made with."""
    out = {}
    for name in ("weakchaos", "numpy", "numba"):
        try:
            out[name] = version(name)
        except PackageNotFoundError:  # run from a source tree that was never installed
            out[name] = "0+unknown"
    return {**out, "python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}"}


def _call(sampler: Any) -> str:
    """How a sampler is written by a user."""
    module = type(sampler).__module__
    part = next((p for p in ("herding", "samplers") if module.startswith(f"weakchaos.{p}")), None)
    text = " ".join(repr(sampler).split())
    return f"wc.{part}.{text}" if part else text


def reproduction(report: Any) -> str:
    """The command that made the report, or else the call: with the same versions it gives the same numbers, times apart."""
    command = getattr(report, "command", "")
    if command:
        return str(command)
    lines = ["import weakchaos as wc", "", f"target = ...  # {' '.join(str(report.target).split())}", "samplers = {"]
    draws = [finite(e.row.get("draws")) for e in report.entrants]
    known = [int(n) for n in draws if n is not None]
    most = max(known, default=None)
    for entrant, n in zip(report.entrants, draws, strict=True):
        parts = [_call(entrant.sampler), repr(None if entrant.driver == "none" else entrant.driver)]
        if n is not None and n != most:
            parts.append(str(int(n)))
        lines.append(f"    {entrant.name!r}: ({', '.join(parts)}),")
    given = "" if report.truth == "exact" else f", truth=...)  # {report.truth}"
    return "\n".join(
        [*lines, "}", f"wc.compare(target, samplers, draws={most}, repeats={report.repeats}, seed={report.seed}{given or ')'}"]
    )


# ---- JSON ------------------------------------------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """`value` in the types of strict JSON; what is not finite becomes null."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _content(report: Any, curves: bool) -> dict:
    out = {
        "format": "weakchaos comparison 1",
        "target": report.target,
        "error": report.error_kind,
        "truth": report.truth,
        "repeats": report.repeats,
        "seed": report.seed,
        "made_by": reproduction(report),
        "versions": versions(),
        "sentences": two_sentences(report),
        "warnings": list(report.warnings),
        "rows": [{**e.row, "notes": list(notes_of(e))} for e in report.entrants],
    }
    if curves:
        out["curves"] = [{"sampler": e.name, "draws": e.draws, "errors": np.atleast_2d(e.errors)} for e in report.entrants]
    return _plain(out)


def write_json(report: Any, path: Any = None) -> str:
    """The rows, the error curves of all repeats, the warnings and how they were made, as strict JSON (null where there is no number).

    Parameters
    ----------
    report : weakchaos.Report
    path : path, optional
        Where to write it.

    Returns
    -------
    str

    Examples
    --------
    >>> import json
    >>> import weakchaos as wc
    >>> model = wc.PairwiseMRF([[0.0, 1.0], [1.0, 0.0]])
    >>> text = write_json(wc.compare(model, {"Gibbs": wc.samplers.Gibbs()}, draws=1000, repeats=4))
    >>> json.loads(text)["rows"][0]["sampler"]
    'Gibbs'
    """
    text = json.dumps(_content(report, curves=True), indent=1, ensure_ascii=False, allow_nan=False)
    if path is not None:
        Path(path).write_text(text + "\n", encoding="utf-8")
    return text


# ---- HTML ------------------------------------------------------------------------------------------------------------------------------

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1f24; --faded: #5c6169; --grid: #d9dce1; --paper: #fefefd; --flag: #fdeee4; --flag-ink: #8a3300; --line: #d9dce1; --code: #f2f3f5; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaed; --faded: #a3a9b2; --grid: #33383f; --paper: #15181c; --flag: #3a2418; --flag-ink: #ffb48a; --line: #3a4048; --code: #20242a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1.25rem 3rem; max-width: 76rem; color: var(--ink); background: var(--paper);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.how { color: var(--faded); margin: 0 0 1rem; overflow-wrap: anywhere; }
.summary { border-left: 4px solid #0072b2; padding-left: .9rem; margin: 1rem 0; max-width: 60rem; overflow-wrap: anywhere; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; flex: 5.4 1 20.7rem; min-width: 0; }
figure:first-child { flex: 6.6 1 25.3rem; }
figure svg { width: 100%; height: auto; display: block; }
.key { color: var(--faded); font-size: .85rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; width: 100%; }
th, td { padding: .35rem .6rem; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); white-space: nowrap; font-variant-numeric: tabular-nums; }
th { font-weight: 600; vertical-align: bottom; }
th small { display: block; font-weight: 400; color: var(--faded); }
td.text, th.text { text-align: left; }
td.text { white-space: normal; min-width: 5rem; overflow-wrap: anywhere; }
td.text:first-child { min-width: 8rem; }
td.status { min-width: 11rem; }
tr.flagged td { background: var(--flag); }
tr.flagged td.status { color: var(--flag-ink); font-weight: 600; }
tr.notes td { white-space: normal; text-align: left; font-size: .88rem; color: var(--flag-ink); padding-top: 0; }
tr.has-notes td { border-bottom: 0; }
tr.notes ul { margin: 0; padding-left: 1.1rem; position: sticky; left: .6rem; width: fit-content; max-width: min(62rem, calc(100vw - 3.5rem)); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0; font-size: .92rem; }
dt { font-weight: 600; } dd { margin: 0; }
pre { background: var(--code); padding: .75rem; overflow-x: auto; border-radius: 6px; font-size: .85rem; white-space: pre-wrap; overflow-wrap: anywhere; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } body { padding: 1rem .8rem 2rem; } }
@media print { .scroll { overflow: visible; } body { max-width: none; } }
"""


def _svg(figure: Any, label: str, salt: str) -> str:
    """A figure as inline SVG whose ink and paper are those of the page."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": salt, "svg.fonttype": "path"}), quiet_glyphs():
        figure.savefig(buffer, format="svg", facecolor="none", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", text, flags=re.S)
    for colour, name in ((INK, "ink"), (FADED, "faded"), (GRID, "grid"), (PAPER, "paper")):
        text = text.replace(colour, f"var(--{name})")
    # Two figures in one page must not share the names of their parts.
    text = re.sub(r'(\bid="|xlink:href="#|url\(#)', rf"\g<1>{salt}-", text)
    head = f'<svg role="img" aria-label="{escape(label)}"'
    return head + re.sub(r'\s(width|height)="[^"]*"', "", text[4 : text.index(">")]) + text[text.index(">") :]


def _table(report: Any) -> str:
    head = "".join(
        f'<th scope="col"{_text_class(c.key)}>{escape(c.title)}<small>{escape(c.unit) or "&nbsp;"}</small></th>' for c in COLUMNS
    )
    body = []
    for entrant in report.entrants:
        trusted = is_trusted(entrant)
        cells = []
        for column in COLUMNS:
            if column.key == "status":
                cells.append(f'<td class="text status">{"ok" if trusted else "not to be trusted"}</td>')
            else:
                hint = f' title="{escape(period_words(entrant.row))}"' if column.key == "period" else ""
                cells.append(f"<td{_text_class(column.key)}{hint}>{escape(cell(entrant.row, column.key))}</td>")
        kind = "" if trusted else ' class="flagged has-notes"'
        body.append(f"<tr{kind}>{''.join(cells)}</tr>")
        if not trusted:
            notes = "".join(f"<li>{escape(n)}</li>" for n in notes_of(entrant))
            body.append(f'<tr class="flagged notes"><td colspan="{len(COLUMNS)}"><ul>{notes}</ul></td></tr>')
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'


def _text_class(key: str) -> str:
    return ' class="text"' if key in ("sampler", "driver", "status") else ""


def _definitions(report: Any) -> str:
    out = []
    for column in COLUMNS:
        text = f"{report.error_kind}, {column.definition}" if column.key == "error" else column.definition
        if column.key == "period":
            looked = sorted({period_words(e.row) for e in report.entrants if e.row.get("period") is None})
            text += f" ({'; '.join(looked)})" if looked else ""
        unit = f" ({column.unit})" if column.unit else ""
        out.append(f"<dt>{escape(column.title + unit)}</dt><dd>{escape(text)}</dd>")
    return f"<dl>{''.join(out)}</dl>"


def _embedded(report: Any) -> str:
    text = json.dumps(_content(report, curves=False), ensure_ascii=True, allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f'<script type="application/json" id="weakchaos-report">{text}</script>'


def write_html(report: Any, path: Any) -> Path:
    """Write one HTML file that needs nothing else: sentences, figures, table, what the columns mean, and how to make it again.

    The rows are embedded as JSON, in the element with id ``weakchaos-report``.

    Parameters
    ----------
    report : weakchaos.Report
    path : path

    Returns
    -------
    pathlib.Path

    Examples
    --------
    >>> import os, tempfile
    >>> import weakchaos as wc
    >>> model = wc.PairwiseMRF([[0.0, 1.0], [1.0, 0.0]])
    >>> report = wc.compare(model, {"Gibbs": wc.samplers.Gibbs()}, draws=1000, repeats=4)
    >>> write_html(report, os.path.join(tempfile.mkdtemp(), "report.html")).name
    'report.html'
    """
    from weakchaos.plots.compare import convergence_figure, entropy_figure, key

    general = [note for names, note in notes_by_text(report) if not names]
    made = ", ".join(f"{name} {number}" for name, number in versions().items())
    parts = [
        f"<h1>{escape(f'Samplers compared on {report.target}')}</h1>",
        f'<p class="how">{escape(heading(report))}</p>',
        f'<p class="summary">{escape(two_sentences(report))}</p>',
        '<div class="figures">',
        f"<figure>{_svg(convergence_figure(report), 'Error against draws, on log-log axes', 'draws')}</figure>",
        f"<figure>{_svg(entropy_figure(report), 'Slope of the error against entropy rate', 'entropy')}</figure>",
        f'</div><p class="key">{escape(key(report))}</p>',
        f"<h2>Rows</h2>{_table(report)}",
        f"<h2>Warnings</h2><ul>{''.join(f'<li>{escape(n)}</li>' for n in general)}</ul>" if general else "",
        f"<h2>What the columns mean</h2>{_definitions(report)}",
        f"<h2>How to make it again</h2><pre>{escape(reproduction(report))}</pre><p class='how'>Made with {escape(made)}.</p>",
        _embedded(report),
    ]
    title = escape(f"weakchaos: {report.target}")
    page = (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{chr(10).join(p for p in parts if p)}\n</body>\n</html>\n"
    )
    path = Path(path)
    path.write_text(page, encoding="utf-8")
    return path
