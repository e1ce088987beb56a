"""Self-contained HTML reports: templates of jinja2, inline figures, embedded data, versions."""

from __future__ import annotations

import io
import json
import platform
import re
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from weakchaos.core.figures import COLOURS, FADED, GRID, INK, PAPER, quiet_glyphs
from weakchaos.core.plain import plain
from weakchaos.reports.svg_paths import short_paths

__all__ = ["figure_svg", "versions", "write_page"]


def versions(more: Sequence[str] = (), extras: Sequence[str] = ()) -> dict[str, str]:
    """Versions of what the numbers were made with, of further packages, and of those of `extras` that are installed."""
    out = {}
    for name in ("weakchaos", "numpy", "numba", *more, *extras):
        try:
            out[name] = version(name)
        except PackageNotFoundError:  # run from a source tree that was never installed
            if name not in extras:
                out[name] = "0+unknown"
    return {**out, "python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}"}


def figure_svg(figure: Any, label: str, salt: str) -> Any:
    """A figure as inline SVG whose ink and paper are those of the page."""
    import matplotlib
    from markupsafe import Markup

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": salt, "svg.fonttype": "path"}), quiet_glyphs():
        figure.savefig(buffer, format="svg", facecolor="none", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = short_paths(re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", text, flags=re.S))
    for colour, name in ((INK, "ink"), (FADED, "faded"), (GRID, "grid"), (PAPER, "paper"), (COLOURS[0], "blue")):
        text = text.replace(colour, f"var(--{name})")
    # Two figures in one page must not share the names of their parts.
    text = re.sub(r'(\bid="|xlink:href="#|url\(#)', rf"\g<1>{salt}-", text)
    head = f'<svg role="img" aria-label="{escape(label)}"'
    return Markup(head + re.sub(r'\s(width|height)="[^"]*"', "", text[4 : text.index(">")]) + text[text.index(">") :])


def _embedded(content: Any) -> Any:
    """Data in the page, as JSON in the element with id ``weakchaos-report``."""
    from markupsafe import Markup

    text = json.dumps(plain(content), ensure_ascii=True, allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(f'<script type="application/json" id="weakchaos-report">{text}</script>')


@cache
def _environment() -> Any:
    """The templates beside this file; whatever they are given is escaped, and what they are not given is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def write_page(path: Any, template: str, title: str, content: Any, **values: Any) -> Path:
    """Write a page that needs nothing else.

    Parameters
    ----------
    path : path
    template : str
        A file of the folder ``templates``.
    title : str
    content : dict
        The data that the page carries as JSON.
    **values
        What the template shows.
    """
    page = (
        _environment()
        .get_template(template)
        .render(title=title, content=content, versions=versions(), embedded=_embedded, **values)
    )
    path = Path(path)
    path.write_text(page, encoding="utf-8")
    return path
