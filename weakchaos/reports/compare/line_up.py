"""Which samplers are compared when none are named."""

from __future__ import annotations

from typing import Any

__all__ = ["default_samplers"]


def default_samplers(target: Any) -> dict[str, Any]:
    """The line-up of ``weakchaos compare``: one sampler at each place of the axis from no chaos to strong chaos.

    Herded Gibbs (no stream at all), Gibbs under a golden rotation, under a bad congruential generator of period 2**16 and under PCG64,
    and herding on the tables of the model. Models that moves of single units cannot cross get Gibbs with blocks of
    deterministic pairs besides. A Markov chain gets the rotor walk, and the random walk under the three streams. A continuous target gets random-walk Metropolis and Hamiltonian Monte Carlo under PCG64 and under a Kronecker rotation.
    """
    from weakchaos.herding import HerdedGibbs, Herding, RotorWalk
    from weakchaos.samplers import HMC, Gibbs, RandomWalk, RandomWalkMetropolis
    from weakchaos.targets.discrete_target import DiscreteTarget
    from weakchaos.targets.markov_chain import MarkovChain

    if not isinstance(target, DiscreteTarget):
        rotation = f"rotation-{min(target.dim + 1, 64)}"
        return {
            "HMC, PCG64": HMC(0.1),
            "HMC, rotation": (HMC(0.1), rotation),
            "Metropolis, PCG64": RandomWalkMetropolis(),
            "Metropolis, rotation": (RandomWalkMetropolis(), rotation),
        }
    if isinstance(target, MarkovChain):
        return {
            "rotor walk": RotorWalk(),
            "random walk, PCG64": RandomWalk(),
            "random walk, golden rotation": (RandomWalk(), "golden"),
            "random walk, bad LCG": (RandomWalk(), "toy-lcg"),
        }
    line_up: dict[str, Any] = {
        "herded Gibbs": HerdedGibbs(),
        "Gibbs, PCG64": Gibbs(),
        "Gibbs, golden rotation": (Gibbs(), "golden"),
        "Gibbs, bad LCG": (Gibbs(), "toy-lcg"),
        "herding, given moments": Herding(),
    }
    if target.has_zeros:
        from weakchaos.targets.reachability import suggest_blocks

        if suggest_blocks(target):
            line_up = {"Gibbs, deterministic pairs": Gibbs(blocks="deterministic"), **line_up}
    return line_up
