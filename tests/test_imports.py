"""Imports point down only, nothing heavy comes with the package, and nothing is compiled at import."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from weakchaos.core import faces

PACKAGE = Path(__file__).resolve().parents[1] / "weakchaos"

# Each part may import itself and what stands before it.
ORDER = [
    "core",
    "native",
    "kernels",
    "runs",
    "targets",
    "drivers",
    "systems",
    "samplers",
    "herding",
    "interop",
    "diagnostics",
    "renormalization",
    "plots",
    "reports",
    "experiments",
    "cli",
]
# Deliberate exceptions, each in a face that hands on a name when it is first used.
UPWARD = {
    ("diagnostics", "reports"),  # analyse_series is a diagnostic to its users, and a report with its words and figures in the house
    ("renormalization", "reports"),  # so is probe
}

FACES = [
    ".".join(("weakchaos", *p.parent.relative_to(PACKAGE).parts))
    for p in sorted(PACKAGE.rglob("__init__.py"))
    if "TYPE_CHECKING" in p.read_text()
]


def part(module):
    return module.split(".")[1] if module.startswith("weakchaos.") else None


def imports(path):
    """Modules a file imports, and whether only when they are used: inside of a function, or by a face, whose block of imports only type checkers run."""
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
    [
        "matplotlib",
        "scipy.stats",
        "zarr",
        "typer",
        "tqdm",
        "sklearn",
        "arviz_base",
        "xarray",
        "torch",
        "nolds",
        "pgmpy",
        "pyarrow",
        "pandas",
        "jinja2",
        "tabulate",
        "weakchaos.kernels.base",
        "weakchaos.herding.selection",
        "weakchaos.samplers.base",
        "weakchaos.systems.flow",
    ],
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


@pytest.mark.parametrize("line", (Path(__file__).parent / "data" / "public_names.txt").read_text().split())
def test_public_names_stay(line):
    """Names of version 0.1.0; a name is taken off this list when its removal is announced in the changelog."""
    module, name = line.split(":")
    if name in ("ConditionalHerding", "VotedPerceptron"):
        pytest.importorskip("sklearn")
    assert getattr(importlib.import_module(module), name) is not None


@pytest.mark.parametrize("package", FACES)
def test_what_a_face_hands_on(package):
    """What type checkers read under ``if TYPE_CHECKING:`` is what a program gets."""
    module = importlib.import_module(package)
    for name, (home, own) in faces._homes(package).items():
        if home.startswith("weakchaos.herding.classifiers"):
            pytest.importorskip("sklearn")
        value = importlib.import_module(f"{home}.{own}") if home == package else getattr(importlib.import_module(home), own)
        assert getattr(module, name) is value
        assert name in dir(module) or home.startswith("weakchaos.herding.classifiers")
    assert all(hasattr(module, name) for name in module.__all__)
    with pytest.raises(AttributeError, match="no attribute 'alchemy'"):
        module.alchemy  # noqa: B018


def names_of_a_file_and_of_something_in_it(faces):
    """Names that a face hands on although a file below it is called so too: whoever imports the file first would get the file."""
    out = []
    for face in faces:
        package = ".".join(("weakchaos", *face.parent.relative_to(PACKAGE).parts))
        module = importlib.import_module(package)
        for path in face.parent.iterdir():
            if path.suffix != ".py" or path.stem.startswith("__"):
                continue
            if not isinstance(getattr(module, path.stem, sys), type(sys)):
                out.append(f"{package}.{path.stem}")
    return out


def test_no_public_function_shares_the_name_of_its_file():
    faces = sorted(PACKAGE.rglob("__init__.py"))
    assert len(faces) > 20
    assert names_of_a_file_and_of_something_in_it(faces) == []


def test_a_shared_name_is_found(monkeypatch):
    series = importlib.import_module("weakchaos.diagnostics.series")
    monkeypatch.setattr(series, "nolds_opinion", lambda x: x, raising=False)
    assert names_of_a_file_and_of_something_in_it([Path(series.__file__)]) == ["weakchaos.diagnostics.series.nolds_opinion"]


def test_a_file_name_means_one_thing():
    stems = [p.stem for p in PACKAGE.rglob("*.py") if not p.stem.startswith("__") and p.stem != "base"]
    assert sorted({s for s in stems if stems.count(s) > 1}) == []


# Files that ask of what kind a number is for another reason than to check an argument.
NUMBER_KINDS = {
    "core/arguments.py",
    "core/text_table.py",  # how a cell is written
}


def own_number_checks(files):
    """Places that tell whole or real numbers from other values by themselves, instead of asking `weakchaos.core.arguments`."""
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called, text = ast.unparse(node.func), ast.unparse(node)
            kinds = called == "isinstance" and any(kind in text for kind in ("np.integer", "np.number", "np.floating"))
            if kinds or called == "operator.index" or called.endswith(".is_integer"):
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}"


def test_whole_and_real_numbers_are_told_by_core_arguments_alone():
    assert not list(own_number_checks(p for p in PACKAGE.rglob("*.py") if str(p.relative_to(PACKAGE)) not in NUMBER_KINDS))
    assert list(own_number_checks([PACKAGE / "core" / "arguments.py"]))


def scatter_over_root(files):
    """Standard errors of means that are computed in place: a quotient of ``std(..., ddof=1)`` and a square root."""
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Div) or "ddof=1" not in ast.unparse(node.left):
                continue
            if ast.unparse(node.right).startswith(("np.sqrt(", "math.sqrt(")):
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}"


def jackknives(files):
    """Errors by the jackknife that are computed in place: a square root of a number of parts less 1 times a variance."""
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not ast.unparse(node.func).endswith("sqrt") or len(node.args) != 1:
                continue
            inside = node.args[0]
            if not isinstance(inside, ast.BinOp) or not isinstance(inside.op, ast.Mult):
                continue
            if ast.unparse(inside.left).endswith("- 1") and (
                "var(" in ast.unparse(inside.right) or ".mean()" in ast.unparse(inside.right)
            ):
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}"


def test_standard_errors_of_means_are_computed_in_one_file():
    home = PACKAGE / "core" / "scatter.py"
    others = [p for p in PACKAGE.rglob("*.py") if p != home]
    for found, instead in ((scatter_over_root, "standard_error"), (jackknives, "jackknife_error")):
        own = list(found(others))
        assert not own, f"take `{instead}` of weakchaos.core.scatter instead of computing it here: {own}"
        assert list(found([home]))
