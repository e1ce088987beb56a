"""What an experiment hands back: rows, curves as data, and what they show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from weakchaos.core.plain import strict_json
from weakchaos.core.tables import aligned

__all__ = ["Curve", "Experiment", "Panel"]


@dataclass(frozen=True)
class Curve:
    """One line of a panel.

    Attributes
    ----------
    label : str
    x, y : arrays of shape (n,)
    stderr : array of shape (n,), optional
        Drawn as bars.
    kind : {"measured", "theory"}
        Measured curves have markers; theory is a thin line.
    """

    label: str
    x: Any
    y: Any
    stderr: Any = None
    kind: str = "measured"


@dataclass(frozen=True)
class Panel:
    """One pair of axes: curves, or an image.

    Attributes
    ----------
    title, x_label, y_label : str
    curves : tuple of Curve
    x_log, y_log : bool
    image : array of shape (rows, columns), optional
        Shown in grey without axes instead of curves.
    """

    title: str
    x_label: str = ""
    y_label: str = ""
    curves: tuple[Curve, ...] = ()
    x_log: bool = False
    y_log: bool = False
    image: Any = None


@dataclass(frozen=True)
class Experiment:
    """The outcome of one experiment.

    Attributes
    ----------
    name : str
    claim : str
        What was to be tested, in a sentence.
    source : str
        Paper and figure or table, with DOI or arXiv id.
    rows : list of dict
    findings : tuple of str
        What the numbers say, in sentences, the unwelcome ones too.
    supported : bool or None
        Whether the claim held here; None where the numbers decide nothing, as in a quick run they may.
    parameters : dict
        Sizes, lengths and the seed.
    panels : tuple of Panel
    """

    name: str
    claim: str
    source: str
    rows: list[dict[str, Any]]
    findings: tuple[str, ...]
    supported: bool | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    panels: tuple[Panel, ...] = ()

    def table(self) -> str:
        """The rows as aligned text."""
        return aligned(self.rows)

    def __str__(self) -> str:
        """Claim, table and findings."""
        verdict = {True: "supported", False: "not supported", None: "not decided"}[self.supported]
        lines = [f"{self.name}: {self.claim}", f"Source: {self.source}", "", self.table(), "", *(f"- {f}" for f in self.findings)]
        return "\n".join([*lines, f"The claim is {verdict} by this run."])

    def plot(self, path: Any = None) -> Any:
        """The panels as a matplotlib figure, saved where `path` is given."""
        from weakchaos.plots.panels import draw_panels

        return draw_panels(self.panels, self.claim, path)

    def to_json(self, path: Any) -> None:
        """Everything but the figure, with the curves, as strict JSON: what is not finite becomes null."""

        content = {k: getattr(self, k) for k in ("name", "claim", "source", "rows", "findings", "supported", "parameters")}
        panels = [
            {
                **{k: getattr(p, k) for k in ("title", "x_label", "y_label", "x_log", "y_log", "image")},
                "curves": [{k: getattr(c, k) for k in ("label", "x", "y", "stderr", "kind")} for c in p.curves],
            }
            for p in self.panels
        ]
        strict_json({**content, "panels": panels}, path)
