import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import weakchaos
from weakchaos.cli import run
from weakchaos.samplers import Gibbs
from weakchaos.targets.factor_graph import FactorGraph, packaged

# Other processes find the package where this one did, wherever they are started.
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(weakchaos.__file__).resolve().parents[1])}
TINY = ["--draws", "400", "--repeats", "3", "--samplers", "herded-gibbs,gibbs-pcg64,herding-given-moments"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def _refused(capsys, *arguments):
    """The single line on stderr of a command that must fail with exit code 2."""
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("weakchaos: ")
    return lines[0]


def test_a_packaged_model_end_to_end(capsys, tmp_path):
    assert run(["compare", "asia", *TINY, "--seed", "3", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    stem = tmp_path / "weakchaos-compare"
    assert stem.with_suffix(".png").read_bytes()[:4] == b"\x89PNG"
    data = json.loads(stem.with_suffix(".json").read_text())
    assert [row["sampler"] for row in data["rows"]] == ["herded Gibbs", "Gibbs, PCG64", "herding, given moments"]
    assert {row["draws"] for row in data["rows"]} == {400}
    assert (data["seed"], data["repeats"]) == ("3", 3)
    assert data["sentences"] in captured.out
    assert data["made_by"] in stem.with_suffix(".html").read_text()
    # One unit at a time, either = tub or lung cannot be crossed: that must stand in what is printed, word for word.
    flat = " ".join(captured.out.split())
    notes = [note for row in data["rows"] for note in row["notes"]]
    assert any("never leaves the component it starts in" in note for note in notes)
    for note in notes:
        assert note in flat
    assert "! unreachable" in captured.out
    assert captured.out.rstrip().endswith("weakchaos-compare.json")


def test_the_command_in_the_report_makes_the_same_numbers(capsys):
    assert run(["compare", "sachs.uai", *TINY[:-1], "herded-gibbs:200,gibbs-pcg64", "--out", "first"]) == 0
    captured = capsys.readouterr()
    assert "taking the model sachs that comes with the package" in captured.err
    assert "compiling and running herded Gibbs" in captured.err
    first = json.loads(Path("first.json").read_text())
    assert first["rows"][0]["draws"] == 200
    command = first["made_by"].split()
    assert command[0] == "weakchaos"
    assert run([*command[1:], "--out", "second.html", "--no-progress"]) == 0
    second = json.loads(Path("second.json").read_text())
    timeless = [[{k: v for k, v in row.items() if k != "ns_per_draw"} for row in data["rows"]] for data in (first, second)]
    assert timeless[0] == timeless[1]
    assert first["curves"] == second["curves"]


def test_a_file_with_evidence(capsys):
    from weakchaos.targets.uai_files import write_uai

    write_uai(packaged("sachs"), "model.uai")
    Path("model.evid").write_text("1 2 1\n")
    assert (
        run(["compare", "model.uai", "--evidence", "model.evid", "--draws", "200", "--repeats", "2", "--samplers", "gibbs-pcg64"])
        == 0
    )
    assert "model (11 units): 200 draws x 2 repeats" in capsys.readouterr().out
    data = json.loads(Path("weakchaos-compare.json").read_text())
    assert "--evidence model.evid" in data["made_by"]


def test_what_the_user_can_put_right_is_said_in_one_line(capsys):
    Path("broken.uai").write_text("BAYES\n2\n2 2\n1\n2 0 7\n\n4\n1 1 1 1\n")
    for arguments, said in (
        (["compare", "no/such.uai"], "there is no file no/such.uai"),
        (["compare", "nosuch"], "`MODEL` must be the path of a .uai file or one of sachs, alarm"),
        (["compare", "broken.uai"], "broken.uai, line 5"),
        (["compare", "asia", "--evidence", "none.evid"], "there is no file none.evid"),
        (
            ["compare", "asia", "--draws", "many"],
            "`--draws` must be a whole number of at least 100, as in 100000 or 1e5; got 'many'",
        ),
        (["compare", "asia", "--draws", "1e999"], "`--draws`"),
        (["compare", "asia", "--draws", "150.5"], "`--draws`"),
        (["compare", "asia", "--repeats", "1"], "`--repeats` must be a whole number of at least 2"),
        (["compare", "asia", "--seed=-1"], "`--seed`"),
        (["compare", "asia", "--samplers", "gibs"], "`--samplers` must be taken from gibbs-deterministic-pairs,herded-gibbs"),
        (["compare", "asia", "--samplers", "herded-gibbs:9"], "`--samplers NAME:DRAWS` must be a whole number of at least 100"),
        (["compare", "asia", "--out", "no/folder/x"], "there is no no/folder"),
        (["compare", "asia", "--frobnicate"], "--frobnicate"),
        (["compare", "asia", "sachs"], "sachs"),
        (["frobnicate"], "frobnicate"),
    ):
        assert said in _refused(capsys, *arguments), arguments


def test_a_model_that_is_too_wide_for_exact_inference_is_refused_with_advice(capsys):
    side = 32
    rng = np.random.default_rng(0)
    index = np.arange(side * side).reshape(side, side)
    pairs = [
        *zip(index[:, :-1].ravel(), index[:, 1:].ravel(), strict=True),
        *zip(index[:-1].ravel(), index[1:].ravel(), strict=True),
    ]
    factors = [((int(a), int(b)), rng.uniform(0.5, 2.0, (2, 2))) for a, b in pairs]
    from weakchaos.targets.uai_files import write_uai

    write_uai(FactorGraph([2] * side**2, factors), "grid.uai")
    line = _refused(capsys, "compare", "grid.uai")
    assert "exact inference is out of reach for grid" in line
    assert "--evidence" in line
    assert "truth=" in line


def test_herding_that_would_take_minutes_gets_fewer_draws_and_says_so(monkeypatch):
    from weakchaos.cli import compare_command
    from weakchaos.herding import Herding

    said = []
    assert compare_command._affordable("herding", Herding(), packaged("asia"), 10_000, 2, said.append) == 10_000
    assert said == []
    monkeypatch.setattr(compare_command, "_PATIENCE_SECONDS", 1e-3)
    fewer = compare_command._affordable("herding", Herding(), packaged("sachs"), 10**6, 8, said.append)
    assert 100 <= fewer < 10**6
    assert re.fullmatch(r"[1-9]0+", str(fewer))
    assert re.search(rf"herding: {fewer:,} of 1,000,000 draws, since .* --samplers herding:1000000 makes all", said[0])


def test_what_is_left_out_stands_in_the_table_and_in_the_report(capsys, monkeypatch):
    from weakchaos.cli import compare_command

    monkeypatch.setattr(compare_command, "_LARGEST_STATE", 4 * 178 * 8)
    target = packaged("sachs")
    out, left_out = compare_command._line_up(target, "", 200, 2, None)
    assert "herded Gibbs" not in out
    assert left_out[0].startswith("herded Gibbs was left out: its state takes")
    assert list(compare_command._line_up(target, "herded-gibbs", 200, 2, None)[0]) == ["herded Gibbs"]
    monkeypatch.setattr(compare_command, "_line_up", lambda *arguments: ({"Gibbs, PCG64": (Gibbs(), "pcg64", 200)}, left_out))
    assert run(["compare", "sachs", "--draws", "200", "--repeats", "2", "--quiet"]) == 0
    assert " ".join(left_out[0].split()) in " ".join(capsys.readouterr().out.split())
    assert left_out[0] in Path("weakchaos-compare.html").read_text()
    assert left_out == json.loads(Path("weakchaos-compare.json").read_text())["warnings"][-1:]


def test_help_and_version(capsys):
    from weakchaos import __version__

    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith(f"weakchaos {__version__}\n")
    assert run([]) == 0
    assert "compare" in capsys.readouterr().out
    assert run(["compare", "--help"]) == 0
    assert "--repeats" in capsys.readouterr().out


def test_the_package_runs_as_a_module_and_failures_have_exit_code_2():
    done = subprocess.run(
        [sys.executable, "-m", "weakchaos", "compare", "nosuch"], capture_output=True, text=True, env=ENVIRONMENT, timeout=60
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1


def test_importing_the_package_imports_neither_typer_nor_matplotlib():
    code = "import sys, weakchaos, weakchaos.reports.compare.compare_page; print([m for m in ('typer', 'matplotlib', 'tqdm') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
