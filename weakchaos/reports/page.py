"""Self-contained HTML reports: templates of jinja2, inline figures, embedded data, versions."""

from __future__ import annotations

import io
import platform
import re
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from weakchaos.core.figures import COLOURS, FADED, GRID, INK, PAPER, quiet_glyphs
from weakchaos.reports.page_rows import as_json
from weakchaos.reports.svg_paths import short_paths

__all__ = ["figure_svg", "versions", "write_page"]

# Colours of figures for which a page has its own, in light and in dark.
_OF_THE_PAGE = {INK: "ink", FADED: "faded", GRID: "grid", PAPER: "paper"} | dict(
    zip(COLOURS[:4], ("blue", "orange", "green", "pink"), strict=True)
)


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


def _tinted_images(svg: str) -> str:
    """Pixels in the blue of the palette alone are given that of the page, whatever their opacity; other images stay as they are."""
    import base64

    import numpy as np
    from PIL import Image

    blue = [int(COLOURS[0][k : k + 2], 16) for k in (1, 3, 5)]

    def tinted(match: re.Match[str]) -> str:
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(match.group(2)))).convert("RGBA"), dtype=int)
        seen = pixels[pixels[..., 3] > 0]
        # The paler a pixel, the fewer levels its colour was rounded to.
        alone = seen.size and (np.abs(seen[:, :3] - blue) * seen[:, 3:] <= 512).all()
        return f'<image filter="url(#tint)"{match.group(1)}' if alone else match.group(0)

    out = re.sub(r'<image([^>]*?href="data:image/png;base64,\s*([^"]*)")', tinted, svg)
    if out == svg:
        return svg
    flood = f'<feFlood flood-color="{COLOURS[0]}"/><feComposite in2="SourceAlpha" operator="in"/>'
    return out.replace(">", f'><filter id="tint" x="0" y="0" width="1" height="1">{flood}</filter>', 1)


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
    text = _tinted_images(text)
    for colour, name in _OF_THE_PAGE.items():
        text = text.replace(colour, f"var(--{name})")
    # Two figures in one page must not share the names of their parts.
    text = re.sub(r'(\bid="|xlink:href="#|url\(#)', rf"\g<1>{salt}-", text)
    head = f'<svg role="img" aria-label="{escape(label)}"'
    return Markup(head + re.sub(r'\s(width|height)="[^"]*"', "", text[4 : text.index(">")]) + text[text.index(">") :])


def _embedded(content: Any) -> Any:
    """Data in the page, as JSON in the element with id ``weakchaos-report``."""
    from markupsafe import Markup

    return Markup(f'<script type="application/json" id="weakchaos-report">{as_json(content)}</script>')


@cache
def _environment() -> Any:
    """The templates beside this file; whatever they are given is escaped, and what they are not given is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["words"] = _words
    return environment


def _words(text: Any) -> Any:
    """A sentence with what stands in backticks as code, and with numbers like 2.5e-04 that no line breaks."""
    from markupsafe import Markup

    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(str(text), quote=False))
    return Markup(re.sub(r"-?\b\d+(?:\.\d+)?e[-+]\d+\b", r'<span class="number">\g<0></span>', marked))


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
