"""The house in one line: import circles, upward imports, long files, names that mean two things.

    python benchmarks/structure.py

Circles are looked for among imports at the top of files; imports that point up are made when a name is first used, and listed. Tests and data are left out.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.test_imports import ORDER, PACKAGE, imports, part

LONGEST = 400
SHARED = {"__init__", "base", "__main__"}


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected components of more than one file (Tarjan, SIAM J. Comput. 1 (1972) 146)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            component = []
            while not component or component[-1] != node:
                component.append(stack.pop())
            if len(component) > 1:
                found.append(component)

    sys.setrecursionlimit(10_000)
    for node in list(graph):
        if node not in index:
            visit(node)
    return found


def main() -> int:
    files = [p for p in PACKAGE.rglob("*.py") if "__pycache__" not in p.parts]
    names = {".".join(("weakchaos", *p.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): p for p in files}
    graph: dict[str, set[str]] = {name: set() for name in names}
    up = set()
    for name, path in names.items():
        own = part(name) if "." in name else None
        for other, late in imports(path):
            if other in names and other != name and not late:
                graph[name].add(other)
            there = part(other)
            if own in ORDER and there in ORDER and ORDER.index(there) > ORDER.index(own):
                up.add((own, there, path.relative_to(PACKAGE).as_posix(), other, "when first used" if late else "AT THE TOP"))
    long = [(len(p.read_text().splitlines()), p.relative_to(PACKAGE).as_posix()) for p in files]
    long = sorted((n, p) for n, p in long if n > LONGEST)
    stems = defaultdict(list)
    for p in files:
        if p.stem not in SHARED:
            stems[p.stem].append(p.relative_to(PACKAGE).as_posix())
    twice = {stem: places for stem, places in stems.items() if len(places) > 1}
    found = circles(graph)
    pairs = {(a, b) for a, b, *_ in up}
    lines = [
        f"circles {len(found)}, upward imports {len(pairs)}, files over {LONGEST} lines {len(long)}, file names that mean two things {len(twice)}"
    ]
    lines += [f"  circle: {', '.join(sorted(component))}" for component in found]
    lines += [f"  up: {own} -> {there}, {path} names {other}, {when}" for own, there, path, other, when in sorted(up)]
    lines += [f"  long: {path}, {n} lines" for n, path in long]
    lines += [f"  twice: {stem}: {', '.join(sorted(places))}" for stem, places in sorted(twice.items())]
    sys.stdout.write("\n".join([*lines, ""]))  # at once: whoever looks for the first line alone may close the pipe after it
    return int(bool(found or len(pairs) > 2 or long))


if __name__ == "__main__":
    sys.exit(main())
