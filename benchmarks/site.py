"""What the built site holds: sizes of pages, links and anchors, names that search finds: ``mkdocs build && python benchmarks/site.py site``.

Exits with 1 if a page is over 500 kB, a link or an anchor leads nowhere, a picture has no text, or search does not find a name.
"""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LARGEST = 500_000  # bytes of a page without its pictures
WORDS = (
    "NUTS", "HerdedGibbs", "lyapunov_spectrum", "sample_entropy", "funnel", "R-hat", "PackedIsing", "stein_thinning", "probe", "monte_carlo_rg",
    "resume", "FactorGraph", "permutation_entropy", "Nosé-Hoover", "Sobol", "surrogate", "divergence", "emcee", "MCLMC", "--strict",
)  # fmt: skip


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.add(str(given["id"]))
        for name in ("href", "src"):
            if given.get(name):
                self.links.append(str(given[name]))
        if tag == "img" and not (given.get("alt") or "").strip() and "twemoji" not in (given.get("class") or ""):
            self.silent.append(str(given.get("src")))


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def main(folder: str) -> int:
    """Print what was found; the number of faults."""
    root = Path(folder).resolve()
    pages = {path: _read(path) for path in sorted(root.rglob("*.html"))}
    faults = []
    sizes = sorted(((path.stat().st_size, path.relative_to(root).as_posix()) for path in pages), reverse=True)
    faults += [f"{name} has {size:,} bytes" for size, name in sizes if size > LARGEST]
    checked = 0
    for path, page in pages.items():
        if path.name == "404.html":
            continue  # its links begin at the root of a server
        faults += [f"{path.relative_to(root)}: a picture without a text, {src}" for src in page.silent]
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or link.startswith(("data:", "mailto:", "javascript:")):
                continue
            checked += 1
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                faults.append(f"{path.relative_to(root)}: no {link}")
            elif (
                parts.fragment
                and target in pages
                and unquote(parts.fragment) not in pages[target].ids
                and parts.fragment != "__top"
            ):
                faults.append(f"{path.relative_to(root)}: no anchor {link}")
    index = json.loads((root / "search" / "search_index.json").read_text(encoding="utf-8"))["docs"]
    found = {word: sum(word.lower() in (doc["title"] + " " + doc["text"]).lower() for doc in index) for word in WORDS}
    faults += [f"search does not find {word}" for word, count in found.items() if not count]
    print(
        f"{len(pages)} pages, the largest {sizes[0][1]} with {sizes[0][0]:,} bytes; {checked:,} links and anchors inside of the site"
    )
    print("search:", ", ".join(f"{word} {count}" for word, count in found.items()))
    print(*(faults or ["no faults"]), sep="\n")
    return len(faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "site") > 0)
