"""A probe that is repeated while a network is trained."""

from __future__ import annotations

from typing import Any

from weakchaos.core.arguments import whole_number
from weakchaos.core.text_table import aligned
from weakchaos.reports.probe.probe import ProbeReport, probe

__all__ = ["ProbeCallback"]


class ProbeCallback:
    """Call the object with the model in a training loop; every `every` calls it probes the model and keeps the report.

    Parameters
    ----------
    inputs, labels
        As for `probe`; keep the same batch throughout.
    every : int
        Calls between two probes; the first call always probes.
    **options
        Passed on to `probe`.

    Attributes
    ----------
    reports : dict of int to ProbeReport
        The reports by the number of the call.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> weights = [rng.normal(size=(50, 50)) / 50**0.5 for _ in range(4)]
    >>> record = ProbeCallback(rng.normal(size=(10, 50)), every=2)
    >>> for step in range(4):
    ...     weights = [0.9 * w for w in weights]
    ...     record(weights)
    >>> sorted(record.reports), bool(record.rows()[1]["exponent"] < record.rows()[0]["exponent"])
    ([0, 2], True)
    """

    def __init__(self, inputs: Any, labels: Any = None, every: int = 1, **options: Any):
        self.inputs, self.labels, self.options = inputs, labels, options
        self.every = whole_number("every", every, 1)
        self.reports: dict[int, ProbeReport] = {}
        self.calls = 0

    def __call__(self, model: Any, *_: Any) -> None:
        """Count a step, and probe if it is one to probe at."""
        if self.calls % self.every == 0:
            self.reports[self.calls] = probe(model, self.inputs, self.labels, **self.options)
        self.calls += 1

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary per probe: step, exponent per layer with its error, phase, and the correlations within and between classes in the last hidden layer."""
        out = []
        for step, report in self.reports.items():
            distance, last = report.distance_to_critical(), report.rows[-2 if len(report.rows) > 1 else -1]
            out.append(
                {
                    "step": step,
                    "exponent": distance.value,
                    "stderr": distance.stderr,
                    "phase": distance.parameters["phase"],
                    "c_same": last["c_same"],
                    "c_diff": last["c_diff"],
                    "pr_dim": last["pr_dim"],
                }
            )
        return out

    def table(self) -> str:
        """The rows as text."""
        return aligned(self.rows())
