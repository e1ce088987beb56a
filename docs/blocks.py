"""Run the Python blocks of the documentation, each in a namespace of its own, and keep what they show for the site: ``python docs/blocks.py [PAGE ...]``.

The site shows under each block what it prints, and of each assertion the value that it holds against a bound. A block of which no run is kept, or whose
text has changed since, is shown without. ``docs/outputs.json`` (or the file named by WEAKCHAOS_OUTPUTS) holds what was kept.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import hashlib
import importlib.util
import io
import json
import os
import re
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
FENCE = re.compile(r"^```python\n(.*?)^```", re.M | re.S)
_LONGEST = 6000  # characters of an output that are kept


def outputs_file() -> Path:
    """Where outputs are kept."""
    return Path(os.environ.get("WEAKCHAOS_OUTPUTS", DOCS / "outputs.json"))


def pages() -> list[Path]:
    """All pages with blocks that run alone."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def blocks(page: Path) -> list[str]:
    """The Python blocks of a page."""
    return FENCE.findall(page.read_text(encoding="utf-8"))


def key(code: str) -> str:
    """What an output is kept under: it changes with the block."""
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def missing(code: str) -> list[str]:
    """Packages that the block imports on its own account and that are not installed here."""
    names = {name.partition(".")[0] for name in re.findall(r"^(?:import|from) ([\w.]+)", code, re.M)}
    return sorted(name for name in names if importlib.util.find_spec(name) is None)


class _Watched(ast.NodeTransformer):
    """Keep the operands of comparisons that are asserted in the outermost level of a block."""

    def __init__(self) -> None:
        self.found: list[tuple[str, list[tuple[str, str]]]] = []

    def visit_Assert(self, node: ast.Assert) -> Any:
        if not isinstance(node.test, ast.Compare):
            return node
        source, kept = ast.unparse(node.test), []
        operands = [node.test.left, *node.test.comparators]
        for k, operand in enumerate(operands):
            if any(isinstance(n, ast.Call | ast.Attribute | ast.Subscript | ast.BinOp | ast.Name) for n in ast.walk(operand)):
                name = f"_seen_{len(self.found)}_{k}"
                kept.append((name, ast.unparse(operand)))
                operands[k] = ast.NamedExpr(ast.Name(name, ast.Store()), operand)
        node.test.left, node.test.comparators = operands[0], operands[1:]
        self.found.append((source, kept))
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        return node


def _written(value: Any) -> str | None:
    if isinstance(value, str):
        return repr(value) if len(value) < 60 else None
    if hasattr(value, "tolist") and getattr(value, "size", 1) <= 8:
        value = value.tolist()
    if isinstance(value, bool | int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple) and len(value) <= 8:
        parts = [_written(v) for v in value]
        return None if None in parts else "[" + ", ".join(map(str, parts)) + "]"
    return None


def run(code: str, name: str = "block") -> tuple[str, float]:
    """Run a block in a namespace and a folder of its own; what it shows, and the CPU seconds it took. Raises what the block raises."""
    tree, watched = ast.parse(code, name), _Watched()
    tree = ast.fix_missing_locations(watched.visit(tree))
    scope: dict[str, Any] = {"__name__": "__main__"}
    text, before, here = io.StringIO(), time.process_time(), Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            with warnings.catch_warnings(), contextlib.redirect_stdout(text):
                warnings.simplefilter("default")  # pages show warnings on purpose
                exec(compile(tree, name, "exec"), scope)
        finally:
            os.chdir(here)
    lines = []
    for source, kept in watched.found:
        values = [_written(scope.get(seen)) for seen, _ in kept]
        told = [f"{operand} = {v}" for (_, operand), v in zip(kept, values, strict=True) if v is not None and v != operand]
        if told and len(source) < 160:
            lines.append(f"{source}   # {told[0].rpartition(' = ')[2] if len(kept) == 1 else ', '.join(told)}")
    shown = text.getvalue().rstrip()
    shown = shown if len(shown) <= _LONGEST else shown[:_LONGEST].rpartition("\n")[0] + "\n..."
    checked = "\n".join(dict.fromkeys(lines))
    return "\n".join(filter(None, [shown, checked])), time.process_time() - before


def keep(found: dict[str, str]) -> None:
    """Add outputs to those that are kept."""
    path = outputs_file()
    old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    current = {key(code) for page in pages() for code in blocks(page)}
    merged = {k: v for k, v in {**old, **found}.items() if k in current}
    path.write_text(json.dumps(merged, indent=0, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def main(names: list[str]) -> int:
    """Run the blocks of the named pages, or of all; the number of failures."""
    failures = 0
    for page in [Path(n).resolve() for n in names] or pages():
        found = {}
        for k, code in enumerate(blocks(page)):
            label = f"{page.name}, block {k + 1}"
            if absent := missing(code):
                print(f"{label}: left out, {', '.join(absent)} is not installed", flush=True)
                continue
            try:
                found[key(code)], spent = run(code, label)
                print(f"{label}: {spent:.1f} s of CPU, {len(found[key(code)])} characters", flush=True)
            except BaseException as error:
                failures += 1
                print(f"{label}: FAILED, {type(error).__name__}: {str(error)[:200]}", flush=True)
            gc.collect()
        keep(found)
    return failures


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "Agg")
    sys.path.insert(0, str(ROOT))
    sys.exit(main(sys.argv[1:]) > 0)
