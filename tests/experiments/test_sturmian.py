"""The experiment on one herded neuron decides in a quick run."""

from weakchaos import experiments


def test_sturmian():
    found = experiments.run("sturmian", quick=True)
    assert found.verdict == "supported"
    assert found.rows[0]["words"] == found.rows[0]["longest"] + 1
