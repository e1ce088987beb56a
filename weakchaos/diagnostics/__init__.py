"""Diagnostics: what a system does as a dynamical system, and as an estimator."""

from weakchaos.diagnostics.convergence import convergence_rate, split_rhat
from weakchaos.diagnostics.entropy import block_entropy, entropy_rate
from weakchaos.diagnostics.lyapunov import largest_exponent
from weakchaos.diagnostics.periodicity import Cycle, find_cycle
from weakchaos.diagnostics.result import Result

__all__ = ["Cycle", "Result", "block_entropy", "convergence_rate", "entropy_rate", "find_cycle", "largest_exponent", "split_rhat"]
