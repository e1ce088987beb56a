"""The package carries its types (py.typed): a user's script passes mypy, and one that misuses a result does not."""

import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = """
    import numpy as np
    import weakchaos as wc
    from weakchaos.samplers import NUTS


    def logp(x: np.ndarray) -> float:
        return float(-0.5 * (x @ x))


    target = wc.Density(logp, dim=2, grad=lambda x: -x)
    trace: wc.Trace = wc.sample(target, NUTS(target_accept=0.9), draws=100, chains=2, seed=1)
    for flag in trace.check():
        print(flag.kind.value, flag.sentence)
    report = wc.compare(wc.Ising.lattice((4, 4), beta=0.3), {"Gibbs": wc.samplers.Gibbs()}, draws=1000)
    words: str = report.table()
    spectrum = wc.diagnostics.lyapunov_spectrum(wc.systems.Henon(), steps=1000)
"""


def complaints(script: str, folder: Path, monkeypatch) -> str:
    api = pytest.importorskip("mypy.api")
    path = folder / "script.py"
    path.write_text(textwrap.dedent(script))
    monkeypatch.setenv("MYPYPATH", str(ROOT))
    out, error, _ = api.run(["--strict", "--no-incremental", "--config-file", "", str(path)])
    assert not error
    return out


@pytest.mark.slow
def test_a_users_script(tmp_path, monkeypatch):
    """Nothing is said of the script itself; each of two misuses after it is found, at its own line."""
    script = textwrap.dedent(SCRIPT) + "words = report.rows\ntrace.no_such_name\n"
    last = len(script.splitlines())
    found = [line for line in complaints(script, tmp_path, monkeypatch).splitlines() if "script.py:" in line and ": error:" in line]
    assert [line.split(":")[1] for line in found] == [str(last - 1), str(last)], found
    assert "[assignment]" in found[0]
    assert "[attr-defined]" in found[1]
