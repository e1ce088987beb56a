import json
from pathlib import Path

import numpy as np
import pytest

from tests.diagnostics.recorded_series import henon
from tests.test_cli import _refused
from weakchaos.cli import run
from weakchaos.diagnostics import SeriesReport


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def table(x, name="s.csv", dt=0.5):
    Path(name).write_text("time [h],x\n" + "".join(f"{k * dt},{v!r}\n" for k, v in enumerate(np.asarray(x).tolist())))
    return name


def test_a_file_end_to_end(capsys):
    assert run(["chaos", table(henon(600)), "--surrogates", "19", "--seed", "2"]) == 0
    captured = capsys.readouterr()
    assert "compiling and running: Lyapunov exponents" in captured.err
    assert Path("weakchaos-chaos.png").read_bytes()[:4] == b"\x89PNG"
    data = json.loads(Path("weakchaos-chaos.json").read_text())
    assert (data["verdict"], data["name"], data["dt"], data["unit"]) == ("low-dimensional chaos", "x", 0.5, "h")
    assert (data["source"], data["n"]) == ("s.csv", 600)
    assert "LOW-DIMENSIONAL CHAOS. The series is consistent with" in captured.out
    assert data["sentences"] in captured.out
    assert captured.out.rstrip().endswith("weakchaos-chaos.json")
    assert "Source: s.csv" in Path("weakchaos-chaos.html").read_text()
    # The command in the report makes the same numbers.
    assert run([*data["made_by"].split()[1:], "--out", "again.html", "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert json.loads(Path("again.json").read_text())["rows"] == data["rows"]


def test_options_reach_the_analysis(capsys, monkeypatch):
    for method in ("plot", "to_html"):  # what they write is looked at in the other tests
        monkeypatch.setattr(SeriesReport, method, lambda self, path: None)
    x = np.random.default_rng(0).integers(0, 3, 300)
    Path("s.txt").write_text("a b\n" + "".join(f"{k * k}\t{'xyz'[v]}\n" for k, v in enumerate(x)).replace("\t", " "))
    assert run(["chaos", "s.txt", "--column", "1", "--surrogates", "19", "--quiet", "--out", "labels"]) == 0
    data = json.loads(Path("labels.json").read_text())
    assert (data["kind"], data["name"]) == ("discrete", "b")
    assert "--column 1 --surrogates 19" in data["made_by"]
    np.save("s.npy", np.cumsum(np.random.default_rng(4).standard_normal(300)))
    assert (
        run(["chaos", "s.npy", "--transform", "differences", "--kind", "map", "--dt", "0.1", "--surrogates", "59", "--quiet"]) == 0
    )
    data = json.loads(Path("weakchaos-chaos.json").read_text())
    assert (data["n"], data["dt"], data["kind"], data["verdict"]) == (299, 0.1, "map", "white noise")
    gap = henon(500)
    gap[100] = np.nan
    assert run(["chaos", table(gap), "--gaps", "longest", "--surrogates", "19", "--quiet"]) == 0
    data = json.loads(Path("weakchaos-chaos.json").read_text())
    assert data["n"] == 399
    assert "line 102" in data["warnings"][0]
    assert "line 102" in " ".join(capsys.readouterr().out.split())


def test_options_for_files(capsys, monkeypatch):
    for method in ("plot", "to_html"):
        monkeypatch.setattr(SeriesReport, method, lambda self, path: None)
    x = henon(400)
    x[20] = -999.0
    rows = "".join(f"{k / 2:.1f};{v:.4f}\n".replace(".", ",") for k, v in enumerate(x))
    Path("s.csv").write_text(f"5;3\n7;8\nZeit [s];Druck [mbar]\n{rows}")
    options = ["--skip", "2", "--missing", "-999", "--decimal", "comma", "--gaps", "longest", "--column", "Druck"]
    assert run(["chaos", "s.csv", *options, "--surrogates", "19", "--quiet"]) == 0
    data = json.loads(Path("weakchaos-chaos.json").read_text())
    assert (data["name"], data["n"], data["dt"], data["unit"]) == ("Druck", 379, 0.5, "s")
    assert "--skip 2 --missing -999 --decimal comma" in data["made_by"]
    assert run(["chaos", "s.csv", "--skip", "2", "--surrogates", "19", "--quiet"]) == 0
    warnings = json.loads(Path("weakchaos-chaos.json").read_text())["warnings"]
    assert (
        sum("400 numbers are -999" in warning for warning in warnings) == 1
    )  # the file and the numbers show it, and it is said once
    assert any("`--missing` -999" in warning for warning in warnings)
    capsys.readouterr()
    assert "`--skip`" in _refused(capsys, "chaos", "s.csv", "--skip", "9999")
    assert "`--decimal` must be auto, point or comma" in _refused(capsys, "chaos", "s.csv", "--decimal", ";")


def test_the_example(capsys):
    assert run(["chaos", "--surrogates", "59", "--quiet", "--out", "demo"]) == 0
    out = capsys.readouterr().out
    data = json.loads(Path("demo.json").read_text())
    assert data["made_by"] == "weakchaos chaos --demo --surrogates 59"
    assert data["verdict"] == "nonlinear noise"  # returns of a market cluster, and are no low-dimensional chaos
    assert "no evidence for low-dimensional chaos" in out
    assert "nolds (Yahoo Finance)" in data["source"]


def test_what_the_user_can_put_right_is_said_in_one_line(capsys):
    rng = np.random.default_rng(0)
    good = table(henon(200))
    Path("empty.csv").touch()
    Path("garbage.bin").write_bytes(rng.bytes(1000))
    Path("folder").mkdir()
    Path("constant.csv").write_text("x\n" + "1.5\n" * 200)
    Path("short.csv").write_text("x\n" + "".join(f"{v!r}\n" for v in rng.random(50).tolist()))
    Path("gap.csv").write_text("x\n" + "".join(f"{v!r}\n" for v in rng.random(150).tolist()) + "nan\n1.5\n")
    np.save("objects.npy", np.array([1, "a"], object), allow_pickle=True)
    for arguments, said in (
        (["none.csv"], "there is no file none.csv"),
        (["folder"], "`SERIES` must be a file; folder is a folder"),
        (["empty.csv"], "empty.csv is empty"),
        (["garbage.bin"], "neither text nor"),
        (["objects.npy"], "not unpickled"),
        (["constant.csv"], "must vary"),
        (["short.csv"], "at least 100 numbers"),
        (["gap.csv"], "(line 152): fill them in, or keep the longest stretch without any, 150 values, with --gaps longest"),
        ([good, "--column", "y"], "`--column` must be a column of the file; there is no 'y' (columns are 0: time [h], 1: x)"),
        ([good, "--column", "7"], "there is no number 7"),
        ([good, "--dt", "0"], "`--dt` must be a positive number"),
        ([good, "--dt", "soon"], "`--dt`"),
        ([good, "--kind", "chaos"], "`--kind` must be auto, map, flow or discrete; got 'chaos'"),
        ([good, "--gaps", "fill"], "`--gaps` must be refuse or longest"),
        ([good, "--transform", "square"], "`--transform` must be"),
        ([good, "--transform", "log-returns"], "`--transform` 'log-returns' needs positive numbers"),
        ([good, "--surrogates", "9"], "`--surrogates` must be a whole number of at least 19"),
        ([good, "--seed=-1"], "`--seed`"),
        ([good, "--out", "no/folder/x"], "there is no no/folder"),
        ([good, "--demo"], "`--demo` takes no SERIES"),
        ([good, good], "s.csv"),
    ):
        assert said in _refused(capsys, "chaos", *arguments), arguments
