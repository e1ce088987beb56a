"""The frame of a self-contained HTML report: style, inline figures, embedded data, versions."""

from __future__ import annotations

import io
import json
import platform
import re
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from weakchaos.core.plain import plain
from weakchaos.plots.style import FADED, GRID, INK, PAPER, quiet_glyphs

__all__ = ["embedded", "figure_svg", "made_with", "versions", "write_page"]


def versions() -> dict[str, str]:
    """Versions of what the numbers were made with."""
    out = {}
    for name in ("weakchaos", "numpy", "numba"):
        try:
            out[name] = version(name)
        except PackageNotFoundError:  # run from a source tree that was never installed
            out[name] = "0+unknown"
    return {**out, "python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}"}


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
.grid { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 1rem .8rem; }
.grid figure.wide { grid-column: span 2; }
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
tr.part th { text-align: left; padding-top: 1.1rem; border-bottom: 2px solid var(--line); }
td small { display: block; color: var(--faded); white-space: normal; max-width: 34rem; font-size: .84rem; }
td.null { white-space: normal; text-align: left; color: var(--faded); font-size: .84rem; min-width: 9rem; }
td.strong { font-weight: 600; }
.verdict { font-size: 1.15rem; font-weight: 600; margin: .2rem 0 .4rem; }
tr.notes ul { margin: 0; padding-left: 1.1rem; position: sticky; left: .6rem; width: fit-content; max-width: min(62rem, calc(100vw - 3.5rem)); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0; font-size: .92rem; }
dt { font-weight: 600; } dd { margin: 0; }
pre { background: var(--code); padding: .75rem; overflow-x: auto; border-radius: 6px; font-size: .85rem; white-space: pre-wrap; overflow-wrap: anywhere; }
@media (max-width: 60rem) { .grid { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
@media (max-width: 40rem) { .grid { grid-template-columns: minmax(0, 1fr); } .grid figure.wide { grid-column: auto; }
  dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } body { padding: 1rem .8rem 2rem; } }
@media print { .scroll { overflow: visible; } body { max-width: none; } }
"""


def figure_svg(figure: Any, label: str, salt: str) -> str:
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


def embedded(content: Any) -> str:
    """Data in the page, as JSON in the element with id ``weakchaos-report``."""
    text = json.dumps(plain(content), ensure_ascii=True, allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f'<script type="application/json" id="weakchaos-report">{text}</script>'


def made_with() -> str:
    """A paragraph with the versions of what the numbers were made with."""
    made = ", ".join(f"{name} {number}" for name, number in versions().items())
    return f"<p class='how'>Made with {escape(made)}.</p>"


def write_page(path: Any, title: str, parts: list[str]) -> Path:
    """Write a page that needs nothing else; empty parts are left out."""
    page = (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{chr(10).join(p for p in parts if p)}\n</body>\n</html>\n"
    )
    path = Path(path)
    path.write_text(page, encoding="utf-8")
    return path
