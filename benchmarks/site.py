"""What the built site holds: sizes of pages, links and anchors, formulas, names that search finds: ``mkdocs build && python benchmarks/site.py site``.

Words are typed into the search box of the site in headless Chromium, where that is installed; elsewhere they are only looked for in the index.
Exits with 1 if a page is over 500 kB, a link or an anchor leads nowhere, a picture has no text, a formula was not set, or search does not find a name.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

LARGEST = 500_000  # bytes of a page without its pictures
WORDS = (
    "NUTS", "HerdedGibbs", "lyapunov_spectrum", "sample_entropy", "funnel", "R-hat", "PackedIsing", "stein_thinning", "probe", "monte_carlo_rg",
    "resume", "FactorGraph", "permutation_entropy", "Nosé-Hoover", "Sobol", "surrogate", "divergence", "emcee", "MCLMC", "--strict",
)  # fmt: skip


# Types each word into the search box of the first page and sends home how many pages it found, and the first of them.
TYPIST = """<!doctype html><meta charset="utf-8"><iframe src="/index.html" style="width:1300px;height:900px"></iframe><script>
const words = WORDS, found = {}, nap = t => new Promise(done => setTimeout(done, t));
const until = async (what, most) => { for (let t = 0; t < most; t += 50) { if (what()) return true; await nap(50); } return false; };
document.querySelector("iframe").addEventListener("load", async () => {
  const page = document.querySelector("iframe").contentDocument, box = page.querySelector("[data-md-component=search-query]");
  const type = text => { box.value = text; box.dispatchEvent(new KeyboardEvent("keyup", { bubbles: true })); };
  page.getElementById("__search").click();
  box.focus();
  for (const word of words) {
    // On a busy machine an answer may take seconds, and a key that came too early is typed again.
    for (let tries = 0; tries < 4; tries++) {
      type("");
      await until(() => !page.querySelector(".md-search-result__item"), 5000);
      type(word);
      if (await until(() => page.querySelector(".md-search-result__item"), Object.keys(found).length ? 8000 : 60000)) break;
    }
    const first = page.querySelector(".md-search-result__item h1, .md-search-result__item h2");
    found[word] = [page.querySelectorAll(".md-search-result__item").length, first ? first.textContent.trim() : ""];
  }
  fetch("/found", { method: "POST", body: JSON.stringify(found) });
});
</script>"""


class _Server(SimpleHTTPRequestHandler):
    """The site, the page that types, and a place where it reports."""

    found: dict[str, list]
    words: tuple[str, ...]
    told: threading.Event

    def do_GET(self) -> None:
        if self.path != "/typist":
            return super().do_GET()
        body = TYPIST.replace("WORDS", json.dumps(self.words)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None

    def do_POST(self) -> None:
        self.found.update(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()
        self.told.set()

    def log_message(self, *args: object) -> None:
        pass


def typed(root: Path, words: tuple[str, ...] = WORDS, seconds: float = 300.0) -> dict[str, list] | None:
    """Of each word typed into the search box the number of pages found and the title of the first; None without Chromium."""
    browser = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
    if browser is None:
        return None
    told, found = threading.Event(), {}
    handler = type("_Here", (_Server,), {"found": found, "words": words, "told": told})
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(root))) as server,
        tempfile.TemporaryDirectory() as profile,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/typist"
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={profile}"]
        process = subprocess.Popen(
            [browser, *options, "--remote-debugging-port=0", address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            told.wait(seconds)
        finally:
            process.terminate()
            process.wait(20)
            server.shutdown()
    return {word: found.get(word, [0, ""]) for word in words}


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
    faults, formulas = [], 0
    for path in pages:
        text = path.read_text(encoding="utf-8")
        formulas += text.count("<math")
        seen = re.sub(r"<(pre|code|script|style|annotation)\b.*?</\1>", "", text, flags=re.S)
        if "$$" in seen or "arithmatex" in seen or re.search(r"\\[a-zA-Z]+\{", seen):
            faults.append(f"{path.relative_to(root)}: a formula was not set")
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
    counts = {word: sum(word.lower() in (doc["title"] + " " + doc["text"]).lower() for doc in index) for word in WORDS}
    faults += [f"the index of search does not hold {word}" for word, count in counts.items() if not count]
    answers = typed(root)
    faults += [f"search does not find {word}" for word, (count, _) in (answers or {}).items() if not count]
    print(
        f"{len(pages)} pages, the largest {sizes[0][1]} with {sizes[0][0]:,} bytes; {checked:,} links and anchors inside of the site; {formulas:,} formulas"
    )
    if answers is None:
        print("search, only in the index, as Chromium is not installed:", ", ".join(f"{word} {n}" for word, n in counts.items()))
    else:
        print(
            "search, typed into its box:",
            *(f"  {word}: {n} pages, the first is {title!r}" for word, (n, title) in answers.items()),
            sep="\n",
        )
    print(*(faults or ["no faults"]), sep="\n")
    return len(faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "site") > 0)
