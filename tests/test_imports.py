"""Imports point down only, nothing heavy comes with the package, and nothing is compiled at import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "weakchaos"

# Each part may import itself and what stands before it.
ORDER = [
    "core",
    "targets",
    "kernels",
    "drivers",
    "samplers",
    "herding",
    "systems",
    "diagnostics",
    "renormalization",
    "comparison",
    "experiments",
    "plots",
    "interop",
    "cli",
]
# Deliberate exceptions, each inside of a function: what an object can be turned into lives above it.
UPWARD = {
    ("targets", "interop"),  # FactorGraph.from_uai, from_pgmpy
    ("comparison", "plots"),  # Report.plot, to_html
    ("experiments", "plots"),  # Experiment.plot
    ("renormalization", "interop"),  # probe of a torch module
    ("renormalization", "plots"),  # ProbeReport.plot
    ("diagnostics", "plots"),  # SeriesReport.plot, to_html
}


def part(module):
    return module.split(".")[1] if module.startswith("weakchaos.") else None


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{a.name}" if node.module == "weakchaos" else node.module for a in node.names]
        for name in names:
            yield name, node.col_offset > 0


def violations(files):
    out = []
    for path in files:
        own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if own not in ORDER:
            continue
        for name, inside in imports(path):
            other = part(name)
            if other in ORDER and ORDER.index(other) > ORDER.index(own) and not (inside and (own, other) in UPWARD):
                out.append(f"{path.name}: {own} imports {other}")
    return out


def test_imports_point_down():
    files = [p for p in PACKAGE.rglob("*.py") if "__pycache__" not in p.parts]
    assert len(files) > 30
    assert violations(files) == []


def test_the_check_can_fail(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "bad.py").write_text("def f():\n    from weakchaos.samplers import Gibbs\n")
    assert violations([tmp_path / "core" / "bad.py"])


@pytest.mark.parametrize(
    "name",
    ["matplotlib", "scipy.stats", "zarr", "typer", "tqdm", "sklearn", "arviz_base", "xarray", "torch", "nolds", "pgmpy", "pyarrow"],
)
def test_nothing_heavy_at_import(name):
    code = f"import sys, weakchaos; sys.exit({name!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_is_compiled_at_import():
    code = (
        "import weakchaos, gc\n"
        "from numba.core.dispatcher import Dispatcher\n"
        "compiled = [d for d in gc.get_objects() if isinstance(d, Dispatcher) and d.py_func.__module__.startswith('weakchaos') and d.signatures]\n"
        "assert not compiled, compiled"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
