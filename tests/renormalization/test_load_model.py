"""Networks from files: exported programs and functions that build them; pickles refused; the command that probes them."""

import json
import warnings

import numpy as np
import pytest

from weakchaos.cli import run
from weakchaos.core.errors import ArgumentError, FileFormatError
from weakchaos.renormalization.networks.load_model import load_batch, load_model

SOURCE = """
import torch

NUMBER = 3

def build():
    torch.manual_seed(1)
    layers = []
    for k in range(4):
        layers += [torch.nn.Linear(6 if k == 0 else 12, 12), torch.nn.Tanh()]
    return torch.nn.Sequential(*layers)

def nothing():
    return 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(SOURCE)
    rng = np.random.default_rng(0)
    np.save("x.npy", rng.normal(size=(20, 6)).astype(np.float32))
    np.save("y.npy", np.arange(20) % 2)
    return tmp_path


def test_a_function_builds_the_module(folder, capsys):
    pytest.importorskip("torch")
    assert run(["probe", "net.py:build", "--data", "x.npy", "--labels", "y.npy", "--out", "made"]) == 0
    out = capsys.readouterr()
    assert "running net.py" in out.err
    assert out.out.count("Multiply the weights of") == out.out.count("nats per layer") == 1  # said once
    assert "Written: made-flow.png" in out.out
    page = (folder / "made.html").read_text()
    assert page.count("<svg") == 3
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "c same" in page
    content = json.loads((folder / "made.json").read_text(), parse_constant=lambda c: pytest.fail(c))
    assert content["phase"] == "ordered"
    assert len(content["rows"]) == 4


def test_an_exported_program(folder):
    torch = pytest.importorskip("torch")
    from weakchaos.renormalization import probe

    model, x = load_model("net.py:build"), np.load("x.npy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(model, (torch.zeros(4, 6),), dynamic_shapes=({0: torch.export.Dim("batch")},))
        torch.export.save(program, "net.pt2")
        read = load_model("net.pt2")
        report = probe(read, x)
    assert report.chi == pytest.approx(probe(model, x).chi, rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["net.py:build"], "`MODEL` and `--data FILE.npy` are needed"),
        (["net.py:train", "--data", "x.npy"], "has no function 'train'; functions there: build, nothing"),
        (["net.py:nothing", "--data", "x.npy"], "must build a torch.nn.Module"),
        (["net.py", "--data", "x.npy"], "must name the function"),
        (["net.pth", "--data", "x.npy"], "unpickling runs whatever code the file holds"),
        (["missing.pt2", "--data", "x.npy"], "there is no file missing.pt2"),
        (["bad.pt2", "--data", "x.npy"], "not an exported program"),
        (["net.py:build", "--data", "none.npy"], "there is no file none.npy"),
        (["net.py:build", "--data", "bad.npy"], "without unpickling"),
        (["net.py:build", "--data", "x.npy", "--layers", "7.weight"], "must name modules"),
        (["net.py:build", "--data", "one.npy"], "batch of at least 2"),
        (["net.py:build", "--data", "wide.npy"], "refused `inputs`"),
    ],
)
def test_errors_are_one_line(folder, capsys, arguments, message):
    pytest.importorskip("torch")
    (folder / "net.pth").write_bytes(b"\x80\x04")
    (folder / "bad.pt2").write_bytes(b"PK not a program")
    (folder / "bad.npy").write_bytes(b"\x93NUMPY broken")
    np.save("one.npy", np.zeros((1, 6), np.float32))
    np.save("wide.npy", np.zeros((3, 9), np.float32))
    assert run(["probe", *arguments]) == 2
    err = capsys.readouterr().err.splitlines()
    assert message in err[-1]


def test_batches_are_never_unpickled(folder):
    np.save("objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(FileFormatError, match="without unpickling"):
        load_batch("objects.npy")
    np.savez("two.npz", first=np.ones(3), second=np.zeros(2))
    assert load_batch("two.npz").tolist() == [1, 1, 1]
    np.savez("none.npz")
    with pytest.raises(FileFormatError, match="holds no array"):
        load_batch("none.npz")
    with pytest.raises(ArgumentError, match="there is no file"):
        load_batch("here.npy")
