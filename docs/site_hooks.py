"""What the build of the site adds to the pages that are written: reference, experiments from their records, gallery, outputs of blocks, formulas as MathML."""

from __future__ import annotations

import importlib
import json
import re
import sys
from html import unescape
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
for _place in (str(ROOT), str(DOCS)):
    if _place not in sys.path:
        sys.path.insert(0, _place)

import blocks as _blocks  # noqa: E402
import reference as _reference  # noqa: E402
import sources as _sources  # noqa: E402

_OUTPUTS: dict[str, str] = {}
_FLAGS = "<!-- table of flags -->"


# ---- pages -----------------------------------------------------------------------------------------------------------------------------


def experiment_pages() -> dict[str, str]:
    """A page an experiment, from the record of its last full run."""
    from weakchaos.experiments.records import recorded_conclusion, summaries

    out = {}
    for one in summaries():
        name = one["name"]
        lines = [
            f"# {name.replace('_', ' ').capitalize()}",
            "",
            f"**Claim.** {one['claim']}",
            "",
            f"**Source.** {one['source']}",
            "",
        ]
        if one["verdict"] is None:
            lines += ["**Verdict.** No full run is recorded. A quick run takes seconds and may leave the claim undecided.", ""]
        else:
            conclusion = recorded_conclusion(name)
            lines += [f"**Verdict of the last full run: {one['verdict']}.** [How a verdict is drawn](../experiments.md).", ""]
            lines += ["| quantity | value | 95 % interval | over | the claim asks | outcome |", "|---|---:|---|---|---|---|"]
            for row in one["numbers"]:
                ends = [row["low"], row["high"]]
                interval = "" if None in ends or any(e != e for e in ends) else f"{_number(ends[0])} to {_number(ends[1])}"
                cells = (row["quantity"], _number(row["value"]), interval, row["over"], row["asked"], row["outcome"])
                lines.append("| " + " | ".join("" if c is None else str(c).replace("|", "\\|") for c in cells) + " |")
            lines += ["", *(f"- {sentence}" for sentence in (conclusion.sentences() if conclusion else ())), ""]
            lines += [
                f"Full run of {one['date']} by version {one['version']}, seed {one['seed']}, {one['cpu_seconds']:.0f} seconds of CPU time.",
                "",
            ]
        lines += [
            "## Make it again",
            "",
            "```",
            f"weakchaos experiments {name} --quick      # seconds",
            f"weakchaos experiments {name}              # the full run: table, picture, JSON",
            f"python -m weakchaos.experiments {name}    # the full run, recorded in the package",
            "```",
            "",
        ]
        if (DOCS / "images" / f"{name}.png").exists():
            lines += [f"![Curves of the experiment {name.replace('_', ' ')}](../images/{name}.png)", ""]
        out[f"experiments/{name}.md"] = "\n".join(lines)
    return out


def _number(value: Any) -> str:
    return "not finite" if value is None or value != value else f"{value:.4g}"


def gallery() -> str:
    """All pictures of the documentation with the docstrings of the functions that draw them."""
    import ast

    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted((DOCS / "drawings").glob("*.py"))]
    drawn = [n for tree in trees for n in tree.body if isinstance(n, ast.FunctionDef)]
    said = {n.name: (ast.get_docstring(n) or "").split("\n")[0] for n in drawn}
    used: dict[str, Path] = {}
    for page in sorted(DOCS.rglob("*.md")):
        for name in re.findall(r"\]\((?:\.\./)?images/(\w+)\.png\)", page.read_text(encoding="utf-8")):
            used.setdefault(name, page)
    lines = [
        "# Gallery",
        "",
        "Every picture is drawn by `python docs/pictures.py NAME` from fixed seeds, and belongs to a page that says how to read it.",
        "",
    ]
    from weakchaos.experiments import claim, names

    for picture in sorted((DOCS / "images").glob("*.png")):
        name = picture.stem
        text = said.get(name) or (claim(name) if name in names() else "")
        page = used.get(name)
        where = "" if page is None else f" [{_title(page)}]({page.relative_to(DOCS).as_posix()})"
        if name in names():
            where += f" [The experiment](experiments/{name}.md)"
        alt = text.rstrip(".") or name.replace("_", " ")
        lines += [
            f"## {name.replace('_', ' ').capitalize()}",
            "",
            f"![{alt}](images/{name}.png){{ loading=lazy }}",
            "",
            f"{text}{where}",
            "",
        ]
    return "\n".join(lines)


def _title(page: Path) -> str:
    found = re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.M)
    return found.group(1) if found else page.stem


def cite() -> str:
    """How to cite, from CITATION.cff."""
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    field = {k: v.strip().strip('"') for k, v in re.findall(r"^(\w[\w-]*): (.+)$", text, re.M)}
    from weakchaos import __version__

    return "\n".join(
        [
            "# Cite",
            "",
            field["message"],
            "",
            "```bibtex",
            "@software{weakchaos,",
            f"  title   = {{{field['title']}}},",
            "  author  = {{The weakchaos developers}},",
            f"  version = {{{__version__}}},",
            f"  license = {{{field['license']}}},",
            "}",
            "```",
            "",
            "State the version, the seed and the command: every report and every page of a run ends with them, and the same numbers come out again "
            "bit for bit on the same versions of NumPy and numba (`weakchaos --version` lists them).",
            "",
            "The papers behind the methods stand in the [bibliography](../bibliography.md) and in the docstring of each method.",
            "",
            "## The file CITATION.cff",
            "",
            "```yaml",
            text.rstrip(),
            "```",
            "",
        ]
    )


def brought(path: str, title: str = "") -> str:
    """A file of the repository as a page under ``about/``, with its links turned to pages of the site."""
    text = (ROOT / path).read_text(encoding="utf-8")
    folder = Path(path).parent
    places = {
        "CONTRIBUTING.md": "contributing.md",
        "CHANGELOG.md": "changelog.md",
        "benchmarks/README.md": "benchmarks.md",
        "README.md": "../index.md",
    }

    def turned(match: re.Match[str]) -> str:
        name, target, anchor = match.group(1), match.group(2), match.group(3) or ""
        where = (folder / target).as_posix()
        where = re.sub(r"[^/]+/\.\./", "", where)
        if where in places:
            return f"[{name}]({places[where]}{anchor})"
        if where.startswith("docs/") and (ROOT / where).exists():
            return f"[{name}](../{where.removeprefix('docs/')}{anchor})"
        return f"{name} (`{where}`)"

    return re.sub(r"\[([^\]]*)\]\((?!https?:|#|mailto:)([^)#]+)(#[^)]*)?\)", turned, text)


def generated() -> dict[str, str]:
    """All pages that the build makes."""
    return {
        **experiment_pages(),
        **_reference.pages(),
        "gallery.md": gallery(),
        "bibliography.md": _sources.bibliography(ROOT),
        "about/cite.md": cite(),
        "about/contributing.md": brought("CONTRIBUTING.md"),
        "about/changelog.md": brought("CHANGELOG.md"),
        "about/benchmarks.md": brought("benchmarks/README.md"),
    }


def flags() -> str:
    """The table of everything that can speak against a result."""
    from weakchaos.core.flag_kinds import Severity
    from weakchaos.core.flag_words import WORDS

    order = list(Severity)
    lines = ["| what it says | severity | word in tables | `kind` |", "|---|---|---|---|"]
    for kind, words in sorted(WORDS.items(), key=lambda pair: order.index(pair[1].severity)):
        phrase = re.sub(r"\{(\w+)[^}]*\}", r"\1", words.phrase).replace("|", "\\|")
        lines.append(f"| {phrase} | {words.severity.value} | {words.word} | `{kind.value}` |")
    return "\n".join(lines)


# ---- hooks of mkdocs -------------------------------------------------------------------------------------------------------------------


def _expanded(nav: Any, made: dict[str, str]) -> Any:
    """The navigation with ``folder/: all`` replaced by the pages made there, without pages that this copy does not have."""
    if isinstance(nav, list):
        out: list[Any] = []
        for item in nav:
            if isinstance(item, dict) and next(iter(item)).endswith("/"):
                folder = next(iter(item))
                named = {"reference/commands.md"}
                out += [path for path in made if path.startswith(folder) and path not in named]
            elif isinstance(item, dict):
                title, below = next(iter(item.items()))
                below = _expanded(below, made)
                out += [{title: below}] if below else []
            elif item in made or (DOCS / item).exists():
                out.append(item)
        return out
    return nav if nav in made or (DOCS / nav).exists() else None


def on_config(config: Any) -> Any:
    """Make the pages, and put them into the navigation."""
    made = generated()
    config["nav"] = _expanded(config["nav"], made)
    config.extra["weakchaos_pages"] = made
    path = _blocks.outputs_file()
    _OUTPUTS.clear()
    _OUTPUTS.update(json.loads(path.read_text(encoding="utf-8")) if path.exists() else {})
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages to those that are written."""
    file = importlib.import_module("mkdocs.structure.files").File
    for path, text in config.extra["weakchaos_pages"].items():
        files.append(file.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Show under each block what it showed when it ran."""

    def shown(match: re.Match[str]) -> str:
        text = _OUTPUTS.get(_blocks.key(match.group(1)), "")
        if not text:
            return match.group(0)
        fence = "````" if "```" in text else "```"
        return f'{match.group(0)}\n\n{fence}text title="Output"\n{text}\n{fence}\n'

    if _FLAGS in markdown:
        markdown = markdown.replace(_FLAGS, flags())
    return _blocks.FENCE.sub(shown, markdown)


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """Formulas as MathML, which browsers set by themselves."""
    if "arithmatex" not in html:
        return html
    from latex2mathml.converter import convert

    def inline(match: re.Match[str]) -> str:
        return convert(unescape(match.group(1)))

    def display(match: re.Match[str]) -> str:
        return f'<p class="formula">{convert(unescape(match.group(1)), display="block")}</p>'

    html = re.sub(r'<span class="arithmatex">\\\((.*?)\\\)</span>', inline, html, flags=re.S)
    return re.sub(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', display, html, flags=re.S)
