"""The command line as a part of pipelines: standard input and output, exit codes, completion, versions."""

import ast
import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import weakchaos
from tests.diagnostics.recorded_series import henon
from tests.test_cli import ENVIRONMENT, _refused
from weakchaos.cli import pipes, run
from weakchaos.reports.series import judge_numbers, judge_symbols
from weakchaos.reports.series.meanings import OPEN_VERDICTS
from weakchaos.targets.factor_graph import packaged
from weakchaos.targets.uai_files import write_uai

SHORT = ["--draws", "400", "--repeats", "2", "--samplers", "gibbs-pcg64"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def piped(monkeypatch):
    def give(data):
        stream = io.TextIOWrapper(io.BytesIO(data))
        monkeypatch.setattr(sys, "stdin", stream)

    return give


def csv(x):
    return ("x\n" + "".join(f"{v!r}\n" for v in np.asarray(x).tolist())).encode()


def npy(x):
    buffer = io.BytesIO()
    np.save(buffer, x)
    return buffer.getvalue()


@pytest.mark.parametrize("data", [csv(henon(500)), gzip.compress(csv(henon(500))), npy(henon(500))], ids=["csv", "gz", "npy"])
def test_a_series_on_standard_input_gives_json_on_standard_output_and_no_files(data, piped, capsys, tmp_path):
    piped(data)
    assert run(["chaos", "-", "--surrogates", "19", "--json", "-"]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert (found["n"], found["source"], found["verdict"]) == (500, "standard input", "low-dimensional chaos")
    assert found["made_by"] == "weakchaos chaos - --surrogates 19"
    assert found["sentences"] in captured.err  # for the eyes of whoever typed it
    assert not list(tmp_path.iterdir())
    assert not pipes._folders
    piped(data)
    assert run(["chaos", "-", "--surrogates", "19", "--json", "-", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert (captured.err, json.loads(captured.out)["rows"]) == ("", found["rows"])


def test_json_beside_other_files(capsys, tmp_path):
    Path("s.csv").write_bytes(csv(henon(500)))
    assert run(["chaos", "s.csv", "--surrogates", "19", "--quiet", "--json", "here.txt", "--out", "report"]) == 0
    assert "LOW-DIMENSIONAL CHAOS" in capsys.readouterr().out
    assert json.loads(Path("here.txt").read_text()) == json.loads(Path("report.json").read_text())
    assert {p.name for p in tmp_path.iterdir()} == {"s.csv", "here.txt", "report.json", "report.html", "report.png"}


def test_errors_call_standard_input_by_its_name(piped, capsys):
    for data, command, said in (
        (b"", ["chaos", "-"], "weakchaos: standard input is empty"),
        (b"BAYES\n2\n2 2\n1\n2 0 7\n\n4\n1 1 1 1\n", ["compare", "-"], "standard input, line 5"),
        (b"1 2 1\n", ["compare", "-", "--evidence", "-"], "`-` may stand for one file only"),
    ):
        piped(data)
        line = _refused(capsys, *command)
        assert said in line
        assert "/" not in line.replace("and/or", "")
    assert not pipes._folders


def test_a_terminal_is_told_that_nothing_is_piped_in(monkeypatch, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    assert "nothing is piped into it" in _refused(capsys, "chaos", "-")


def test_a_place_for_json_that_does_not_exist_is_refused_before_anything_runs(capsys):
    for command in (["chaos"], ["compare"], ["sample"], ["probe", "--demo"], ["experiments"]):
        assert "`--json` must be - or a file in a folder that exists" in _refused(capsys, *command, "--json", "no/folder/x.json")


def test_a_model_and_evidence_on_standard_input(piped, capsys):
    write_uai(packaged("asia"), "asia.uai")
    piped(Path("asia.uai").read_bytes())
    assert run(["compare", "-", *SHORT, "--json", "-", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["target"].startswith("standard input (8 ")
    piped(b"1 2 1\n")
    assert run(["sample", "asia.uai", "--evidence", "-", "--draws", "200", "--warmup", "20", "--json", "-", "--quiet"]) in (0, 3)
    found = json.loads(capsys.readouterr().out)
    assert found["format"] == "weakchaos sample 1"
    assert found["summary"][2]["P(1)"] == 1.0  # the unit that was observed
    assert found["trusted"] == all(flag["severity"] != "invalid" for flag in found["flags"])


def test_strict_turns_what_must_not_be_trusted_into_an_exit_code(capsys):
    # One unit at a time, either = tub or lung of this network cannot be crossed.
    assert run(["compare", "asia", *SHORT, "--quiet", "--json", "-"]) == 0
    assert run(["compare", "asia", *SHORT, "--quiet", "--json", "-", "--strict"]) == 3
    rows = json.loads(capsys.readouterr().out.split("\n}\n")[1] + "}")["rows"]
    assert "invalid" in [flag["severity"] for flag in rows[0]["flags"]]
    assert run(["compare", "sachs", *SHORT, "--quiet", "--json", "-", "--strict"]) == 0
    Path("chaos.csv").write_bytes(csv(henon(600)))
    Path("missing.csv").write_bytes(csv(np.where(np.arange(600) % 97 == 5, -999.0, henon(600))))
    quick = ["--surrogates", "19", "--quiet", "--json", "-", "--strict"]
    assert run(["chaos", "chaos.csv", *quick]) == 0
    assert run(["chaos", "missing.csv", *quick]) == 3
    assert run(["chaos", "missing.csv", *quick[:-1]]) == 0
    # Never put to a full run, or put to one and decided.
    assert run(["experiments", "sturmian", "--table", "--strict"]) == 0
    assert run(["sample", "sachs", "--draws", "40", "--warmup", "10", "--quiet", "--strict"]) == 3


def test_every_open_verdict_is_known_and_no_other():
    labels = set()
    for module in (judge_numbers, judge_symbols):
        for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 40:
                labels |= {node.value} if node.value.endswith(("undecided", "too short to tell")) else set()
    assert labels == OPEN_VERDICTS


def test_experiments_as_data(capsys):
    assert run(["experiments", "--json", "-", "--quiet"]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert captured.err == ""
    assert {one["name"] for one in found} == set(weakchaos.experiments.names())
    sturmian = next(one for one in found if one["name"] == "sturmian")
    assert sturmian["verdict"] == "supported"
    assert {"quantity", "value", "low", "high"} <= set(sturmian["numbers"][0])


def test_a_probe_takes_its_inputs_from_a_pipe(piped, capsys, tmp_path):
    torch = pytest.importorskip("torch")
    Path("net.py").write_text(
        "import torch\n\ndef build():\n    torch.manual_seed(0)\n"
        "    return torch.nn.Sequential(*[m for _ in range(4) for m in (torch.nn.Linear(20, 20), torch.nn.Tanh())])\n"
    )
    assert torch is not None
    piped(npy(np.random.default_rng(0).normal(size=(30, 20)).astype(np.float32)))
    assert run(["probe", "net.py:build", "--data", "-", "--json", "-", "--quiet", "--strict"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert json.loads(captured.out)["phase"] in ("ordered", "critical", "chaotic")
    assert {p.name for p in tmp_path.iterdir()} - {"__pycache__"} == {"net.py"}


def test_json_is_ascii_whatever_the_terminal_is(piped, capsys):
    piped("température\n".encode() + csv(henon(300))[2:])
    assert run(["chaos", "-", "--surrogates", "19", "--json", "-", "--quiet"]) == 0
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out)["name"] == "température"


def test_whoever_reads_may_stop_reading():
    done = subprocess.run(
        f"{sys.executable} -m weakchaos experiments --table | head -n 1; echo ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=120,
    )
    assert done.stderr == ""
    assert done.stdout.split()[-1] in ("0", "141")


def test_a_shell_completes_commands_options_models_and_samplers():
    def completed(*words):
        line = " ".join(("weakchaos", *words))
        environment = ENVIRONMENT | {
            "_WEAKCHAOS_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words)),
            "_TYPER_COMPLETE_ARGS": line,
        }
        done = subprocess.run([sys.executable, "-m", "weakchaos"], capture_output=True, text=True, env=environment, timeout=60)
        return done.stdout.split()

    assert completed("comp") == ["compare"]
    assert completed("compare", "sa") == ["sachs"]
    assert "--strict" in completed("chaos", "--st")
    assert completed("sample", "--sampler", "nut") == ["nuts"]


def test_the_versions_that_matter(capsys):
    assert run(["--version"]) == 0
    lines = dict(line.split(" ", 1) for line in capsys.readouterr().out.splitlines())
    assert lines["weakchaos"] == weakchaos.__version__
    assert lines["numpy"] == np.__version__
    assert {"numba", "scipy", "python", "platform"} <= set(lines)
    assert os.path.sep not in lines["python"]


def test_bars_move_on_terminals_only(tmp_path):
    """A log of a job would keep every state of a bar."""
    command = [sys.executable, "-m", "weakchaos", "sample", "asia", "--draws", "50", "--json", str(tmp_path / "a.json")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "\r" not in done.stderr
