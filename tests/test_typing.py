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
    kernel: wc.kernels.Kernel = wc.kernels.Gaussian(1.0)
    chosen = wc.herding.select(np.zeros((8, 2)), 4, kernel=kernel, seed=1)
    points: np.ndarray = chosen.points
    version: str = wc.__version__
    kind: type[wc.samplers.Sampler] = wc.samplers.HMC
    spectrum = wc.diagnostics.lyapunov_spectrum(wc.systems.Henon(), steps=1000)
    named = wc.Density(lambda mu, tau: -tau - mu**2, shapes={"mu": (), "tau": ()}, constraints={"tau": "positive"})
    expected = wc.sample(named, draws=100, seed=1).expectation(lambda x: x[:, 0], method="stein")
    value: np.ndarray = expected.value
    hot = wc.samplers.ParallelTempering(wc.samplers.Gibbs(), 3)
    barrier: float = wc.diagnostics.tempering(wc.sample(wc.Ising.lattice((4, 4), 0.4), hot, draws=100)).barrier
    probed = wc.renormalization.probe([np.eye(5), np.eye(5)], np.ones((4, 5)))
    probed.plot().savefig("probe.png")
    report.plot().savefig(report.to_html("report.html").with_suffix(".png"))
    experiment = wc.experiments.run("sturmian", quick=True)
    verdict: wc.experiments.Verdict = experiment.verdict
    record = wc.experiments.recorded("sturmian")
    chosen.to_trace().save("points.npz")
    driver: wc.drivers.Driver = wc.drivers.resolve("kiss")
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
    """Nothing is said of the script itself; each misuse after it is found, at its own line, in names that are imported late too."""
    misuses = [
        "words = report.rows",
        "trace.no_such_name",
        "wc.samplers.NUTTS",
        "words = chosen.weights",
        "wc.diagnostics.lyapunov_spectrum(wc.systems.Henon(), stepps=3)",
    ]
    script = textwrap.dedent(SCRIPT) + "\n".join(misuses)
    first = len(textwrap.dedent(SCRIPT).splitlines()) + 1
    found = [line for line in complaints(script, tmp_path, monkeypatch).splitlines() if "script.py:" in line and ": error:" in line]
    assert [line.split(":")[1] for line in found] == [str(first + k) for k in (0, 1, 2, 3, 4)], found
    assert "[assignment]" in found[0]
    assert "[attr-defined]" in found[1]
    assert "[attr-defined]" in found[2]
