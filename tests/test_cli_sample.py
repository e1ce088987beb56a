"""``weakchaos sample``: models of each kind, stores that go on, and exit codes that say what a run is worth."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.cli import run

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(wc.__file__).resolve().parents[1])}
MODEL = """
import time

import numpy as np

import weakchaos as wc


def gamma():
    return wc.Density(
        lambda tau, z: 2 * np.log(tau) - 2 * tau - 0.5 * float(z @ z), grad=lambda tau, z: (2 / tau - 2, -z), shapes={"tau": (), "z": (2,)},
        constraints={"tau": "positive"}, name="gamma",
    )


def apart():
    return wc.Density(lambda x: float(np.logaddexp(-0.5 * (x[0] - 30) ** 2, -0.5 * (x[0] + 30) ** 2)), dim=1, start=lambda rng: rng.choice([-30.0, 30.0], 1))


def slow():
    def logp(x):
        time.sleep(2e-3)
        return -0.5 * float(x @ x)

    return wc.Density(logp, dim=2)


def density(x):
    return -0.5 * float(x @ x)


number = 3
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("model.py").write_text(MODEL)


def refused(capsys, *arguments):
    assert run(["sample", *arguments, "--quiet"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    return lines[0]


def test_a_density_of_a_file(capsys):
    assert run(["sample", "model.py:gamma", "--draws", "300", "--warmup", "200", "--seed", "1", "--quiet"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("gamma: 300 draws of each of 4 chains by EmpiricalHMC")
    assert [line.split()[0] for line in out.splitlines()[3:6]] == ["tau", "z[0]", "z[1]"]
    assert "Nothing speaks against this run." in out
    assert not list(Path().glob("*.zarr"))


def test_a_run_that_is_not_to_be_trusted_has_its_own_exit_code(capsys):
    command = [
        "sample",
        "model.py:apart",
        "--sampler",
        "random-walk-metropolis:scale=1.0",
        "--draws",
        "300",
        "--chains",
        "8",
        "--quiet",
    ]
    assert run(command) == 3
    out = capsys.readouterr().out
    assert "by RandomWalkMetropolis" in out
    assert "invalid: chains disagree about x0" in out


def test_a_discrete_model_shows_how_often_each_state_was_drawn(capsys):
    assert run(["sample", "sachs", "--draws", "300", "--warmup", "50", "--quiet"]) in (0, 3)
    out = capsys.readouterr().out
    assert "P(0)" in out
    assert "by Gibbs" in out


def test_until_every_number_has_so_many_effective_draws(capsys):
    assert run(["sample", "model.py:gamma", "--until-ess", "500", "--warmup", "200", "--seed", "1", "--quiet"]) == 0
    head = capsys.readouterr().out.split()
    assert 100 <= int(head[1]) <= 600


def test_a_store_goes_on_only_with_its_own_run(capsys):
    command = ["sample", "model.py:gamma", "--warmup", "100", "--seed", "2", "--store", "run.zarr", "--quiet"]
    assert run([*command, "--draws", "60"]) == 0
    assert run([*command, "--draws", "100"]) in (0, 3)
    assert "going on" not in capsys.readouterr().err
    assert run(
        ["sample", "model.py:gamma", "--warmup", "100", "--seed", "2", "--draws", "100", "--store", "other.zarr", "--quiet"]
    ) in (0, 3)
    np.testing.assert_array_equal(wc.load("run.zarr").draws, wc.load("other.zarr").draws)
    capsys.readouterr()
    assert "it differs in seed" in refused(capsys, "model.py:gamma", "--warmup", "100", "--seed", "3", "--store", "run.zarr")
    Path("model.py").write_text(MODEL + "\n# changed\n")
    assert "it differs in files" in refused(capsys, *command[1:-1])
    wc.sample(wc.zoo.gaussian([1.0]), draws=4, warmup=50, store="mine.zarr", progress=False, seed=1)
    assert "was not begun by this command" in refused(capsys, "model.py:gamma", "--store", "mine.zarr")


def test_a_target_by_name_and_what_is_said_once(capsys, recwarn):
    Path("plain.py").write_text("import weakchaos as wc\n\nposterior = wc.Density(lambda x: -0.5 * float(x @ x), dim=2)\n")
    assert run(["sample", "plain.py:posterior", "--draws", "100", "--warmup", "100", "--quiet"]) in (0, 3)
    captured = capsys.readouterr()
    assert captured.out.count("no gradient was given") == 1
    assert captured.err == ""
    assert not [w for w in recwarn if "gradient" in str(w.message)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model.py"], "must name the target, or the function that builds it"),
        (["model.py:number"], "must be or return a target"),
        (["model.py:gama"], "there is no 'gama' in model.py; targets there: none; functions: gamma, apart, slow, density"),
        (
            ["model.py:density"],
            "must be a target, or a function without arguments that returns one (missing a required argument: 'x')",
        ),
        (["nowhere.py:f"], "there is no file nowhere.py"),
        (["nowhere.stan"], "there is no Stan program"),
        (["model.py:gamma", "--data", "d.json"], "`--data` goes with a .stan program"),
        (["model.py:gamma", "--evidence", "e.evid"], "`--evidence` goes with a .uai model"),
        (["model.py:gamma", "--sampler", "nutts"], "`--sampler` must be one of"),
        (["model.py:gamma", "--sampler", "hmc:0.1"], "must give fields by name"),
        (["model.py:gamma", "--sampler", "hmc:step=0.1"], "unexpected keyword argument 'step'"),
        (["model.py:gamma", "--sampler", "hmc:step_size=-1"], "`step_size` must be a positive"),
        (["model.py:gamma", "--draws", "none"], "`--draws` must be a whole number"),
        (["model.py:gamma", "--until-ess", "-3"], "`--until-ess` must be a positive number"),
    ],
)
def test_refused(capsys, arguments, message):
    if arguments[0].endswith(".stan"):
        pytest.importorskip("stanli")
    assert message in refused(capsys, *arguments)


def test_a_stan_program_with_data(capsys):
    pytest.importorskip("stanli")
    Path("m.stan").write_text("data { real y; } parameters { real<lower=0> tau; } model { tau ~ exponential(y); }")
    Path("d.json").write_text('{"y": 2}')
    assert run(["sample", "m.stan", "--data", "d.json", "--draws", "500", "--warmup", "300", "--quiet"]) in (0, 3)
    out = capsys.readouterr().out
    mean = float(next(line for line in out.splitlines() if line.startswith("tau")).split()[1])
    assert mean == pytest.approx(0.5, abs=0.15)


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_bit_for_bit():
    command = [sys.executable, "-m", "weakchaos", "sample", "model.py:slow", "--sampler", "random-walk-metropolis", "--draws", "400", "--warmup", "10",
               "--chains", "2", "--quiet", "--store"]  # fmt: skip
    process = subprocess.Popen([*command, "cut.zarr"], env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    for _ in range(600):
        time.sleep(0.1)
        if Path("cut.zarr/command.json").exists() and wc.load("cut.zarr").n_draws > 20:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 20 < wc.load("cut.zarr").n_draws < 400
    subprocess.run([*command, "cut.zarr"], env=ENVIRONMENT, check=False, stdout=subprocess.DEVNULL)
    subprocess.run([*command, "whole.zarr"], env=ENVIRONMENT, check=False, stdout=subprocess.DEVNULL)
    assert wc.load("cut.zarr").n_draws == 400
    np.testing.assert_array_equal(wc.load("cut.zarr").draws, wc.load("whole.zarr").draws)
