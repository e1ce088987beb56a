"""The bibliography, gathered from the docstrings: every arXiv identifier and DOI that the code names, with the words in which it does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

_ID = re.compile(r"arXiv:(?:\d{4}\.\d{4,5}|[a-z-]+/\d{7})|doi:10\.\d{4,9}/[^\s,;\]`\"]+", re.I)
_DISPLAY = re.compile(r"\$\$.+?\$\$\n*", re.S)
# Where a sentence ends, and not a name like "J. R. Stat. Soc. B" or "et al.".
_END = re.compile(r"(?:(?<=[a-z]{6})|(?<=[)`]))[.:] (?=[A-Z`\"])|\n\n")
_PARTS = (
    ("samplers", "Samplers"),
    ("herding", "Herding and selection of points"),
    ("diagnostics", "Diagnostics"),
    ("reports", "Diagnostics"),
    ("renormalization", "Networks and renormalization"),
    ("drivers", "Streams of numbers"),
    ("systems", "Systems"),
    ("experiments", "Experiments"),
)
_ELSE = "Targets, kernels, runs and bridges"


def _docstrings(root: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
                yield path, _DISPLAY.sub("", text)
            elif isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "SOURCE" for t in node.targets):
                value = node.value
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield path, value.value


def _whole(found: str) -> str:
    """An identifier without what closes the sentence or the bracket around it."""
    while found[-1] in ".:" or (found[-1] == ")" and found.count(")") > found.count("(")):
        found = found[:-1]
    return found


def _around(text: str, start: int, end: int) -> str:
    """The sentence in which an identifier stands."""
    cuts = [0, *(m.end() for m in _END.finditer(text)), len(text)]
    first = max(c for c in cuts if c <= start)
    last = min(c for c in cuts if c >= end)
    words = " ".join(text[first:last].split())
    words = re.sub(r"^[-=]{3,}\s*", "", words)
    if len(words) > 320:
        at = words.find(text[start:end])
        words = "... " + words[max(0, at - 240) : at + 60].partition(" ")[2]
    return words.strip(" .:") + "."


def bibliography(root: Path) -> str:
    """The page."""
    found: dict[str, dict[str, str]] = {}
    places: dict[str, list[str]] = {}
    for path, text in _docstrings(root / "weakchaos"):
        part = next((t for name, t in _PARTS if path.relative_to(root / "weakchaos").parts[0] == name), _ELSE)
        for match in _ID.finditer(text):
            key = _whole(match.group(0))
            if not any(key in section for section in found.values()):
                found.setdefault(part, {})[key] = _around(text, match.start(), match.start() + len(key))
            where = path.relative_to(root).with_suffix("").as_posix().replace("/", ".")
            if where not in places.setdefault(key, []):
                places[key].append(where)
    lines = [
        "# Bibliography",
        "",
        "Every method names its source where it is defined. This list is gathered from there: the source, the words in which the code names it, and the "
        "files in which it stands.",
        "",
    ]
    for title in dict.fromkeys([*(t for _, t in _PARTS), _ELSE]):
        if title not in found:
            continue
        lines += [f"## {title}", ""]
        for key, words in sorted(found[title].items(), key=lambda pair: pair[1].lower()):
            kind, _, number = key.partition(":")
            url = f"https://arxiv.org/abs/{number}" if kind.lower() == "arxiv" else f"https://doi.org/{number}"
            said = words.replace("``", "`").replace("](", "]\\(")
            said = said if said.count("$") % 2 == 0 else said.replace("$", "\\$")  # a formula that was cut is none
            lines += [f"- **[{key}]({url})** {said} *{', '.join(f'`{p}`' for p in places[key][:4])}*"]
        lines.append("")
    return "\n".join(lines)
