"""What kernels stand on: quantiles against SciPy, calls through addresses, and caches that notice an edited helper."""

import ast
import ctypes
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import float64
from scipy.special import ndtri

from weakchaos.core import compiled
from weakchaos.core.compiled import address_of, c_function, draw_uniform, kernel, normal_from_uniform

PACKAGE = pathlib.Path(compiled.__file__).parents[1]


# ---- normals -----------------------------------------------------------------------------------------------------------------------


@given(st.floats(2.0**-53, 1.0 - 2.0**-53))
def test_the_normal_quantile_is_that_of_scipy(u):
    assert normal_from_uniform(u) == pytest.approx(ndtri(u), rel=1e-14, abs=1e-17)


def test_the_normal_quantile_over_its_whole_range():
    fine = np.concatenate([np.linspace(1e-6, 1 - 1e-6, 20001), 2.0 ** -np.arange(1.0, 54.0), 1.0 - 2.0 ** -np.arange(1.0, 54.0)])
    mine = np.array([normal_from_uniform(u) for u in fine])
    np.testing.assert_allclose(mine, ndtri(fine), rtol=1e-14, atol=1e-17)
    assert (np.diff(mine[:20001]) > 0).all()


def test_the_normal_quantile_is_odd_and_finite_where_streams_can_go():
    u = np.random.default_rng(1).integers(1, 2**53, 200) * 2.0**-53
    assert all(normal_from_uniform(v) == -normal_from_uniform(1.0 - v) for v in u)
    assert normal_from_uniform(0.5) == 0.0
    assert normal_from_uniform(0.0) == pytest.approx(ndtri(5.5e-17), rel=1e-14)


# ---- addresses ---------------------------------------------------------------------------------------------------------------------


@kernel
def _address(array):
    return address_of(array)


@kernel
def _draw(function, state):
    return draw_uniform(function, state)


def test_the_address_of_an_array():
    a = np.arange(6.0).reshape(2, 3)
    assert _address(a) == a.ctypes.data
    assert _address(a[1:]) == a.ctypes.data + 24


def test_a_uniform_is_what_numpy_draws():
    bit_generator, twin = np.random.PCG64(7), np.random.Generator(np.random.PCG64(7))
    interface = bit_generator.ctypes
    function = np.uint64(ctypes.cast(interface.next_double, ctypes.c_void_p).value)
    assert [_draw(function, np.uint64(interface.state_address)) for _ in range(5)] == twin.random(5).tolist()


# ---- caches ------------------------------------------------------------------------------------------------------------------------


def _plus_one(x):
    return x + 1.0


def test_a_c_function():
    assert c_function(_plus_one, float64(float64)).ctypes(2.0) == 3.0


def test_the_stamp_of_a_cache_depends_on_the_helpers(monkeypatch):
    """Without the private attribute of numba a stale cache would have to be cleared by hand: this test says when it is renamed."""
    stamps = []
    for digest in ("one", "two", "one"):
        monkeypatch.setattr(compiled, "_digest", digest)
        stamps.append(kernel(_address.py_func)._cache._cache_file._source_stamp)
        stamps.append(c_function(_plus_one, float64(float64))._cache._cache_file._source_stamp)
    assert stamps[0] != stamps[2]
    assert stamps[1] != stamps[3]
    assert stamps[:2] == stamps[4:]


def test_the_digest_is_that_of_the_helper_files(monkeypatch, tmp_path):
    monkeypatch.setattr(compiled, "_digest", None)
    first = compiled._shared_digest()
    for name in compiled._SHARED_FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if (PACKAGE / name).exists():
            (tmp_path / name).write_bytes((PACKAGE / name).read_bytes())
    monkeypatch.setattr(compiled, "__file__", str(tmp_path / "core/compiled.py"))
    monkeypatch.setattr(compiled, "_digest", None)
    assert compiled._shared_digest() == first
    with open(tmp_path / "core/compiled.py", "a") as file:
        file.write("\n# edited\n")
    monkeypatch.setattr(compiled, "_digest", None)
    assert compiled._shared_digest() != first


def test_an_edited_helper_is_seen_by_the_kernels_of_other_files(tmp_path):
    """A package of two files in a directory of its own: with numba's own stamp the second process would answer as the first."""
    (tmp_path / "helper.py").write_text("from numba import njit\n\n\n@njit\ndef constant():\n    return 1\n")
    (tmp_path / "user.py").write_text(
        "import pathlib\n\n"
        "from helper import constant\n"
        "from weakchaos.core import compiled\n\n"
        "compiled._SHARED_FILES, compiled._digest = (str(pathlib.Path(__file__).with_name('helper.py')),), None\n\n\n"
        "@compiled.kernel\ndef twice():\n    return 2 * constant()\n\n\n"
        "print(twice(), sum(twice.stats.cache_hits.values()))\n"
    )

    def answer():
        out = subprocess.run(
            [sys.executable, str(tmp_path / "user.py")], capture_output=True, text=True, check=True, cwd=PACKAGE.parent,
            env={"PYTHONPATH": str(PACKAGE.parent), "PATH": "", "NUMBA_CACHE_DIR": str(tmp_path / "cache")},
        )  # fmt: skip
        return out.stdout.split()

    assert answer() == ["2", "0"]
    assert answer() == ["2", "1"]
    (tmp_path / "helper.py").write_text("from numba import njit\n\n\n@njit\ndef constant():\n    return 5\n")
    assert answer() == ["10", "0"]


def test_a_kernel_without_a_file_is_compiled_all_the_same():
    """Typed at a prompt, or in a package that is installed where nothing can be written."""
    names: dict = {}
    exec("def twice(x):\n    return 2 * x\n", names)
    assert kernel(names["twice"])(3) == 6
    assert c_function(names["twice"], float64(float64)).ctypes(2.0) == 4.0


def compiled_names(tree):
    """Names of the functions of a module that numba compiles, by their decorators."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                name = decorator.func if isinstance(decorator, ast.Call) else decorator
                if isinstance(name, ast.Name) and name.id in {"kernel", "njit", "_intrinsic", "intrinsic"}:
                    found.add(node.name)
    return found


def test_every_helper_file_is_in_the_stamp():
    """A kernel that calls a compiled function of another file of the package needs that file among the shared ones."""
    trees = {p.relative_to(PACKAGE).as_posix(): ast.parse(p.read_text()) for p in PACKAGE.rglob("*.py")}
    names = {path: compiled_names(tree) for path, tree in trees.items()}
    missing = set()
    for path, tree in trees.items():
        imported = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("weakchaos."):
                origin = node.module.removeprefix("weakchaos.").replace(".", "/") + ".py"
                imported.update({alias.asname or alias.name: (origin, alias.name) for alias in node.names})
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name in names[path]:
                for used in ast.walk(node):
                    if isinstance(used, ast.Name) and used.id in imported:
                        origin, name = imported[used.id]
                        if name in names.get(origin, ()) and origin not in compiled._SHARED_FILES:
                            missing.add((path, node.name, origin))
    assert not missing


def test_nothing_is_compiled_when_the_package_is_imported():
    code = """
import sys, weakchaos
from numba.core.dispatcher import Dispatcher
modules = [m for name, m in list(sys.modules.items()) if name.startswith("weakchaos")]
compiled = {v.__name__ for m in modules for v in vars(m).values() if isinstance(v, Dispatcher) and v.overloads}
assert not compiled, compiled
assert not sys.modules["weakchaos.core.c_functions"]._adapters
heavy = {"matplotlib", "zarr", "sklearn", "arviz_base", "tqdm", "xarray", "scipy.stats"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PACKAGE.parent)
