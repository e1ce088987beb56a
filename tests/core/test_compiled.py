"""What kernels stand on: quantiles against SciPy, calls through addresses, and caches that notice an edited helper."""

import ctypes
import pathlib
import pickle
import shutil
import subprocess
import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import cfunc, float64, njit
from scipy.special import ndtri

import weakchaos
import weakchaos as wc
from weakchaos.native.compiled import address_of, c_function, draw_uniform, kernel, normal_from_uniform
from weakchaos.native.digest import digest_of
from weakchaos.native.normals import draw_normals

PACKAGE = pathlib.Path(weakchaos.__file__).parent


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


@kernel
def _normals_one_by_one(function, state, normals):
    for i in range(normals.size):
        normals[i] = normal_from_uniform(draw_uniform(function, state))


@kernel
def _normals_at_once(function, state, uniforms, outer, normals):
    draw_normals(function, state, uniforms, outer, normals)


@pytest.mark.parametrize("name", ["pcg64", "minstd", "logistic"])
@pytest.mark.parametrize("length", [1, 2, 7, 64, 1001])
def test_normals_by_the_block_are_those_one_by_one(name, length):
    """To the last bit, in the centre and in both tails; the streams stand at the same number afterwards."""
    one, other = (wc.drivers.resolve(name).open(3) for _ in range(2))
    a, b = np.empty(length), np.full(length, np.nan)
    for _ in range(20):
        _normals_one_by_one(np.uint64(one.function), np.uint64(one.state), a)
        _normals_at_once(np.uint64(other.function), np.uint64(other.state), np.empty(length), np.empty(length, np.int64), b)
        assert a.tobytes() == b.tobytes()
    assert _draw(np.uint64(one.function), np.uint64(one.state)) == _draw(np.uint64(other.function), np.uint64(other.state))
    assert length < 1000 or (min(a) < -2.6 and max(a) > 2.6)


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


def _without_a_file():
    """As `_plus_one`, but compiled now, whatever is cached."""
    place: dict = {}
    exec("def plus_one(x):\n    return x + 1.0", place)
    return place["plus_one"]


def test_a_short_function_is_part_of_its_c_function():
    """Numba calls it, and forbids that it be inlined: a third of the time of a short stream. This test says when that cannot be lifted any more."""
    made = c_function(_without_a_file(), float64(float64))
    code = made.inspect_llvm()
    assert " call " not in code[code.index("define", code.index("@cfunc") - 40) :]
    assert " call " in cfunc(float64(float64))(_without_a_file()).inspect_llvm()


def test_a_numba_with_another_wrapper_makes_c_functions_all_the_same(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba.core.callconv", None)
    assert c_function(_without_a_file(), float64(float64)).ctypes(2.0) == 3.0


def test_the_stamp_of_a_cache_holds_the_digest():
    """Without the private attribute of numba a stale cache would have to be cleared by hand: this test says when it is renamed."""
    for made, function in ((kernel(_address.py_func), _address.py_func), (c_function(_plus_one, float64(float64)), _plus_one)):
        assert pickle.loads(pickle.dumps(made._cache._cache_file._source_stamp))[1] == digest_of(function)


STEP, TABLE = 2, np.arange(3.0)


def test_the_digest_follows_constants_arrays_modules_and_closures(monkeypatch):
    module = types.ModuleType("helpers_of_a_user")
    module.rate = 0.5

    def maker(factor):
        def inner(x):
            return factor * x

        return njit(inner)

    def make(factor):
        inside = maker(factor)

        def outer(x):
            return inside(x) + STEP + TABLE[0] + module.rate + sum(x for _ in range(3))

        return outer

    seen = [digest_of(make(1.0))]
    assert digest_of(make(1.0)) == seen[0]
    seen.append(digest_of(make(2.0)))
    here = sys.modules[__name__]
    for place, name, value in ((here, "STEP", 3), (here, "TABLE", np.arange(1.0, 4.0)), (module, "rate", 0.25)):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, value)
            seen.append(digest_of(make(1.0)))
    assert len(set(seen)) == len(seen)


def test_a_constant_of_the_package_is_seen_without_clearing_anything(tmp_path):
    """In a copy of the package: a constant that a kernel, a stream and a map take from another file is edited, and the old machine code is not used."""
    shutil.copytree(PACKAGE, tmp_path / "weakchaos", ignore=shutil.ignore_patterns("__pycache__", "uai"))
    (tmp_path / "shift.py").write_text("SHIFT = 0.25\n")
    (tmp_path / "job.py").write_text(
        "import numpy as np\nfrom numba import njit\nimport weakchaos as wc\nimport shift\n"
        "from shift import SHIFT\n"
        "from weakchaos.native.compiled import kernel, normal_from_uniform\n\n"
        "@kernel\ndef quantile(u):\n    return normal_from_uniform(u)\n\n"
        "@njit(cache=True)\ndef inner(x):\n    return x + SHIFT\n\n"
        "@njit(cache=True)\ndef step(u, out):\n    out[0] = inner(u[0])\n\n"
        "line = wc.systems.UserMap(step, 1)\n"
        "print(quantile(0.5 + 1e-9) * 1e9, line.advance(line.start(position=[0.0]), 2)[-1, 0])\n"
    )

    def answer(cache="cache"):
        out = subprocess.run(
            [sys.executable, str(tmp_path / "job.py")], capture_output=True, text=True, check=True, cwd=tmp_path,
            env={"PYTHONPATH": str(tmp_path), "PATH": "", "NUMBA_CACHE_DIR": str(tmp_path / cache)},
        )  # fmt: skip
        return [float(word) for word in out.stdout.split()]

    first = answer()
    assert first == pytest.approx([2.5066, 0.5], rel=1e-3)
    source = tmp_path / "weakchaos" / "native" / "compiled.py"
    text = source.read_text()
    assert "(3.3871328727963666080e0," in text
    source.write_text(text.replace("(3.3871328727963666080e0,", "(6.7742657455927332160e0,"))
    (tmp_path / "shift.py").write_text("SHIFT = 0.75\n")
    second = answer()
    assert second == answer("fresh")
    assert second[0] != first[0]
    assert second[1] == 1.5


def test_an_edited_helper_is_seen_by_the_kernels_of_other_files(tmp_path):
    """A package of two files in a directory of its own: with numba's own stamp the second process would answer as the first."""
    (tmp_path / "helper.py").write_text("from numba import njit\n\n\n@njit\ndef constant():\n    return 1\n")
    (tmp_path / "user.py").write_text(
        "from helper import constant\n"
        "from weakchaos.native import compiled\n\n"
        "\n"
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


def test_machine_code_outlives_the_move_of_a_named_tuple(tmp_path):
    """An upgrade moves the type of an argument to another file; numba's index names the old one, and the call must compile anew, not fail."""
    (tmp_path / "old.py").write_text("from typing import NamedTuple\n\n\nclass Pair(NamedTuple):\n    a: float\n    b: float\n")
    job = (
        "from {0} import Pair\nfrom weakchaos.native.compiled import kernel\n\n\n"
        "@kernel\ndef add(pair):\n    return pair.a + pair.b\n\n\nprint(add(Pair(1.0, 2.0)), sum(add.stats.cache_hits.values()))\n"
    )

    def answer(home):
        (tmp_path / "user.py").write_text(job.format(home))
        return subprocess.run(
            [sys.executable, str(tmp_path / "user.py")], capture_output=True, text=True, check=True, cwd=PACKAGE.parent,
            env={"PYTHONPATH": str(PACKAGE.parent), "PATH": "", "NUMBA_CACHE_DIR": str(tmp_path / "cache")},
        ).stdout.split()  # fmt: skip

    assert [answer("old"), answer("old")] == [["3.0", "0"], ["3.0", "1"]]
    (tmp_path / "old.py").rename(tmp_path / "new.py")
    assert [answer("new"), answer("new")] == [["3.0", "0"], ["3.0", "1"]]


def test_a_kernel_without_a_file_is_compiled_all_the_same():
    """Typed at a prompt, or in a package that is installed where nothing can be written."""
    names: dict = {}
    exec("def twice(x):\n    return 2 * x\n", names)
    assert kernel(names["twice"])(3) == 6
    assert c_function(names["twice"], float64(float64)).ctypes(2.0) == 4.0


def test_nothing_is_compiled_when_the_package_is_imported():
    code = """
import sys, weakchaos
from numba.core.dispatcher import Dispatcher
modules = [m for name, m in list(sys.modules.items()) if name.startswith("weakchaos")]
compiled = {v.__name__ for m in modules for v in vars(m).values() if isinstance(v, Dispatcher) and v.overloads}
assert not compiled, compiled
assert not sys.modules["weakchaos.native.c_functions"]._adapters
heavy = {"matplotlib", "zarr", "sklearn", "arviz_base", "tqdm", "xarray", "scipy.stats"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PACKAGE.parent)
