"""Models and evidence in the UAI format, read and written; `weakchaos.FactorGraph.from_uai` makes a target of a file."""

from weakchaos.targets.uai_files import read_evidence, read_uai, write_evidence, write_uai

__all__ = ["read_evidence", "read_uai", "write_evidence", "write_uai"]
