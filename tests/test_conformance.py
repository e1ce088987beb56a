"""Every discrete sampler and every herding obeys the laws of a System, and sums in the kernel equal sums over draws."""

from fractions import Fraction

import numpy as np
import pytest

import weakchaos as wc
from tests.conformance import check_system
from tests.samplers.test_gibbs import machine, star
from weakchaos.targets.factor_graph import packaged

POINTS = np.random.default_rng(0).normal(size=(30, 2))


def spins():
    return wc.IsingMoments.from_samples(np.where(POINTS @ np.random.default_rng(1).normal(size=(2, 6)) > 0, 1, -1))


def chain():
    return wc.MarkovChain(np.random.default_rng(2).dirichlet(np.ones(6), 6))


CASES = {
    "Gibbs": lambda: wc.samplers.Gibbs().bind(machine(4)),
    "Gibbs, random scan": lambda: wc.samplers.Gibbs("random").bind(machine(4)),
    "Gibbs, lattice": lambda: wc.samplers.Gibbs().bind(wc.Ising.lattice((4, 5), 0.3)),
    "Gibbs, blocks": lambda: wc.samplers.Gibbs(blocks="deterministic").bind(packaged("asia")),
    "Gibbs, tables": lambda: wc.samplers.Gibbs().bind(packaged("sachs").condition({"PKA": 1})),
    "Gibbs, rotation": lambda: wc.samplers.Gibbs().bind(machine(4), "rotation-4"),
    "Gibbs, Sobol": lambda: wc.samplers.Gibbs().bind(machine(4), "sobol-4"),
    "billiard": lambda: wc.samplers.ChaoticBoltzmann(averages="draws").bind(machine(4)),
    "billiard, Potts": lambda: wc.samplers.ChaoticBoltzmann(1.7, averages="draws").bind(wc.Potts.lattice((3, 3), 3, 0.8)),
    "billiard, tables": lambda: wc.samplers.ChaoticBoltzmann(averages="draws").bind(packaged("sachs").condition({"PKA": 1})),
    "herded, blanket": lambda: wc.herding.HerdedGibbs().bind(machine(4)),
    "herded, full": lambda: wc.herding.HerdedGibbs("full").bind(star(3, 3)),
    "herded, hash": lambda: wc.herding.HerdedGibbs("hash").bind(packaged("child")),
    "herded, shared": lambda: wc.herding.HerdedGibbs("shared").bind(machine(4)),
    "herded, full and shared": lambda: wc.herding.HerdedGibbs("full", coarse="shared").bind(star(3, 3)),
    "herded, hash and blanket": lambda: wc.herding.HerdedGibbs("hash", coarse="blanket").bind(packaged("child")),
    "herded, blocks": lambda: wc.herding.HerdedGibbs("hash", blocks="deterministic").bind(packaged("asia")),
    "herded, lattice": lambda: wc.herding.HerdedGibbs().bind(wc.Ising.lattice((4, 5), 0.3)),
    "herding, graph": lambda: wc.herding.Herding().bind(packaged("asia")),
    "herding, moments": lambda: wc.herding.Herding().bind(wc.Moments(POINTS, POINTS.mean(0))),
    "herding, spins": lambda: wc.herding.Herding().bind(spins()),
    "herding, tabu": lambda: wc.herding.Herding(argmax="tabu").bind(spins()),
    "herding, exact": lambda: wc.herding.Herding(exact=True).bind(
        wc.Moments([[0, 1], [1, 0], [2, 3]], [Fraction(6, 7), Fraction(8, 7)])
    ),
    "Gibbs flow": lambda: wc.samplers.DeterministicGibbs(bounds=(-3, 3), nodes=4).bind(wc.zoo.banana()),
    "Gibbs flow, line": lambda: wc.samplers.DeterministicGibbs(nodes=4, time=0.3).bind(wc.zoo.gaussian([1.0, 1.0])),
    "Gibbs flow, adaptive": lambda: wc.samplers.DeterministicGibbs(bounds=(-3, 3), nodes=2, time=0.02, method="dop853").bind(
        wc.zoo.banana()
    ),
    "Gibbs flow, units": lambda: wc.samplers.DeterministicGibbs().bind(machine(4)),
    "Gibbs flow, tables": lambda: wc.samplers.DeterministicGibbs(time=0.5).bind(packaged("sachs").condition({"PKA": 1})),
    "random walk": lambda: wc.samplers.RandomWalk().bind(chain(), "golden"),
    "rotor walk, credit": lambda: wc.herding.RotorWalk("credit", "random").bind(chain()),
    "rotor walk, stack": lambda: wc.herding.RotorWalk("stack").bind(chain()),
    "rotor walk, rotor": lambda: wc.herding.RotorWalk("rotor", "random").bind(wc.MarkovChain(np.full((5, 5), Fraction(1, 5)))),
    "herding, points": lambda: wc.herding.Herding().bind(wc.Points(POINTS)),
    "Swendsen-Wang": lambda: wc.samplers.SwendsenWang().bind(star(3, 3)),
    "Wolff": lambda: wc.samplers.Wolff(2).bind(wc.Ising.lattice((4, 5), 0.3)),
    "Gibbs, colours": lambda: wc.samplers.Gibbs("checkerboard").bind(wc.Ising.glass((2, 3, 2), 0.3, seed=1)),
    "Gibbs, colours of Potts": lambda: wc.samplers.Gibbs("checkerboard").bind(wc.Potts.lattice((3, 3), 3, 0.4)),
    "observables": lambda: wc.samplers.Observables(wc.samplers.Gibbs()).bind(wc.Ising.lattice((4, 5), 0.3)),
    "packed spins": lambda: wc.samplers.PackedIsing().bind(wc.Ising.lattice((6, 10), 0.3)),
    "herding, hidden units": lambda: wc.herding.HiddenHerding(5, starts="both").bind(wc.Points(POINTS > 0)),
    "herding, hidden units and points": lambda: wc.herding.HiddenHerding(5).bind(wc.Points(POINTS)),
    "entropic, finite": lambda: wc.herding.EntropicHerding(0.1).bind(wc.Moments(POINTS, POINTS.mean(0))),
    "entropic, graph": lambda: wc.herding.EntropicHerding(step_size=None).bind(wc.Ising.lattice((2, 3), 0.3)),
    "entropic, means of a graph": lambda: wc.herding.EntropicHerding(readout="mean").bind(machine(4)),
    "entropic, spins": lambda: wc.herding.EntropicHerding().bind(spins()),
    "entropic, units": lambda: wc.herding.EntropicHerding().bind(wc.Points(POINTS > 0)),
    "entropic, Gaussian": lambda: wc.herding.EntropicHerding(0.05).bind(wc.Points(POINTS)),
    "ESH": lambda: wc.samplers.ESH(0.2).bind(wc.zoo.banana()),
    "ensemble": lambda: wc.samplers.EnsembleStretch(4).bind(wc.zoo.banana()),
    "bouncy particle": lambda: wc.samplers.BouncyParticle(0.3).bind(wc.zoo.banana()),
    "zig-zag": lambda: wc.samplers.ZigZag().bind(wc.zoo.funnel(3)),
    "empirical HMC": lambda: wc.samplers.EmpiricalHMC(0.3, trajectory_length=1.0).bind(wc.zoo.banana()),
    "empirical HMC, untuned": lambda: wc.samplers.EmpiricalHMC().bind(wc.zoo.funnel(3), "sobol-4"),
    "HMC": lambda: wc.samplers.HMC(0.3, 3).bind(wc.zoo.banana()),
    "LAPS": lambda: wc.samplers.LAPS(8, 0.3).bind(wc.zoo.banana()),
    "Langevin": lambda: wc.samplers.Langevin(0.2).bind(wc.zoo.banana()),
    "MAMS": lambda: wc.samplers.MAMS(0.3).bind(wc.zoo.banana()),
    "MCLMC": lambda: wc.samplers.MCLMC(0.3).bind(wc.zoo.funnel(3), "sobol-3"),
    "Nose-Hoover": lambda: wc.samplers.NoseHoover(0.1).bind(wc.zoo.banana()),
    "Nose-Hoover chain": lambda: wc.samplers.NoseHooverChain(0.1).bind(wc.zoo.funnel(3)),
    "0532": lambda: wc.samplers.Thermostat0532(0.1).bind(wc.zoo.banana()),
    "array, Gibbs": lambda: wc.samplers.ArrayRQMC(wc.samplers.Gibbs(), 4).bind(machine(4)),
    "array, spins": lambda: wc.samplers.ArrayRQMC(wc.samplers.Gibbs(), 4).bind(wc.Ising.lattice((2, 3), 0.3)),
    "array, HMC": lambda: wc.samplers.ArrayRQMC(wc.samplers.HMC(0.3, 3), 4).bind(wc.zoo.banana()),
    "Gibbs, normal": lambda: wc.samplers.GaussianGibbs().bind(wc.zoo.correlated_gaussian(0.5), "cud-10"),
    "generalized HMC": lambda: wc.samplers.GeneralizedHMC(0.3).bind(wc.zoo.banana()),
    "generalized HMC, fresh numbers": lambda: wc.samplers.GeneralizedHMC(persistence=0.5, uniform_drift=None).bind(
        wc.zoo.funnel(3)
    ),
    "HMC, jittered": lambda: wc.samplers.HMC(0.3, trajectory_length=1.0, jitter=0.2).bind(wc.zoo.banana()),
    "HMC, untuned": lambda: wc.samplers.HMC(n_leapfrog=3).bind(wc.zoo.banana()),
    "MALA": lambda: wc.samplers.MALA(0.3).bind(wc.zoo.banana()),
    "NUTS, dense": lambda: wc.samplers.NUTS(0.3, ((2.0, 0.5), (0.5, 1.0))).bind(wc.zoo.banana()),
    "NUTS": lambda: wc.samplers.NUTS(0.3).bind(wc.zoo.banana()),
    "NUTS, untuned": lambda: wc.samplers.NUTS(max_tree_depth=3).bind(wc.zoo.funnel(3), "sobol-4"),
    "permutation": lambda: wc.samplers.PermutationGibbs().bind(machine(4)),
    "permutation, own shifts": lambda: wc.samplers.PermutationGibbs((0.1, 0.7)).bind(wc.Potts([[0, 1], [1, 0]], 3)),
    "permutation, stream": lambda: wc.samplers.PermutationGibbs("stream").bind(packaged("sachs").condition({"PKA": 1})),
    "persistent Metropolis": lambda: wc.samplers.PersistentMetropolis().bind(wc.zoo.banana()),
    "persistent slice": lambda: wc.samplers.PersistentSlice((1.0, 0.5, 2.0)).bind(wc.zoo.funnel(3)),
    "slice": lambda: wc.samplers.Slice().bind(wc.zoo.banana()),
    "slice, random directions": lambda: wc.samplers.Slice(0.7, "random").bind(wc.zoo.funnel(3)),
    "ScoreMap": lambda: wc.samplers.ScoreMap().bind(wc.zoo.banana()),
    "ScoreMap, walk": lambda: wc.samplers.ScoreMap(wc.samplers.RandomWalkMetropolis()).bind(wc.zoo.banana(), "sobol-4"),
    "tempering, Gibbs": lambda: wc.samplers.ParallelTempering(wc.samplers.Gibbs(), 3).bind(machine(4)),
    "tempering, packed spins": lambda: wc.samplers.ParallelTempering(wc.samplers.PackedIsing(), 3, copies=2).bind(
        wc.Ising.lattice((6, 10), 0.3)
    ),
    "tempering, ESH": lambda: wc.samplers.ParallelTempering(wc.samplers.ESH(0.2), 3).bind(wc.zoo.banana()),
    "tempering, ScoreMap": lambda: wc.samplers.ParallelTempering(wc.samplers.ScoreMap(), 3).bind(wc.zoo.banana()),
    "tempering, asia": lambda: wc.samplers.ParallelTempering(wc.samplers.Gibbs(), 3, swap_every=2).bind(packaged("asia")),
    "tempering, copies": lambda: wc.samplers.ParallelTempering(wc.samplers.Gibbs(), 3, copies=2, clusters=True).bind(
        wc.Ising.lattice((3, 3), 0.4)
    ),
    "tempering, herded": lambda: wc.samplers.ParallelTempering(wc.herding.HerdedGibbs("hash"), betas=(0.2, 0.7, 1.0)).bind(
        packaged("child")
    ),
    "tempering, billiard": lambda: wc.samplers.ParallelTempering(wc.samplers.ChaoticBoltzmann(averages="draws"), 3).bind(
        wc.Potts.lattice((3, 3), 3, 0.8)
    ),
    "tempering, NUTS": lambda: wc.samplers.ParallelTempering(wc.samplers.NUTS(0.3), 3, reference=(0.0, 3.0)).bind(wc.zoo.banana()),
    "tempering, ensemble": lambda: wc.samplers.ParallelTempering(wc.samplers.EnsembleStretch(4), 3).bind(wc.zoo.banana()),
    "tempering, Nose-Hoover": lambda: wc.samplers.ParallelTempering(wc.samplers.NoseHoover(0.1), 3, threads=2).bind(
        wc.zoo.banana()
    ),
    "tempering, flow": lambda: wc.samplers.ParallelTempering(
        wc.samplers.DeterministicGibbs(bounds=(-3, 3), nodes=4), betas=(0.5, 1.0)
    ).bind(wc.zoo.banana()),
    "WALNUTS": lambda: wc.samplers.WALNUTS(0.6, max_error=0.2).bind(wc.zoo.funnel(3)),
    "WALNUTS, untuned": lambda: wc.samplers.WALNUTS().bind(wc.zoo.banana(), "sobol-4"),
    "Metropolis, golden": lambda: wc.samplers.RandomWalkMetropolis().bind(wc.zoo.funnel(3), "golden"),
}


@pytest.mark.parametrize("name", CASES)
def test_system(name):
    check_system(CASES[name](), n=48)


@pytest.mark.parametrize("name", CASES)
def test_sums_are_those_of_the_draws(name):
    system = CASES[name]()
    a = system.start(3)
    b = a.copy()
    draws = np.empty((20, system.dim), system.dtype)
    stats, none = np.empty((20, len(system.stats_names))), np.empty((0, len(system.stats_names)))
    sums, both = np.zeros(system.n_averages), np.zeros(system.n_averages)
    assert system.run(a, 60, 3, np.empty((0, system.dim), system.dtype), none, sums) == 60
    assert system.run(b, 60, 3, draws, stats, both) == 60
    assert np.array_equal(sums, both)
    weights = stats[:, system.stats_names.index("weight")] if "weight" in system.stats_names else np.ones(20)
    assert np.allclose(20 * np.average(system.estimands(system.readout(draws)), axis=0, weights=weights), sums)
    assert np.isfinite(stats).all()


def test_a_broken_system_is_found():
    class Forgets(type(CASES["Gibbs"]())):
        def run(self, state, n, every, draws, stats, sums):
            if n:
                state.driver = self.driver.open(n)  # what a kernel that starts its stream anew at each call would do
            return super().run(state, n, every, draws, stats, sums)

    good = CASES["Gibbs"]()
    with pytest.raises(AssertionError):
        check_system(Forgets(good.sampler, good.target, "pcg64"), n=48)


@pytest.mark.parametrize(
    "name",
    [
        "Gibbs",
        "billiard, Potts",
        "herded, hash",
        "herding, graph",
        "herding, exact",
        "rotor walk, rotor",
        "Gibbs, Sobol",
        "herding, hidden units",
        "entropic, graph",
        "entropic, Gaussian",
    ],
)
@pytest.mark.filterwarnings("ignore:sobol-4 is equidistributed")  # a chain under it is biased, and repeatable all the same
def test_extend_and_store(name, tmp_path):
    """One long run, a run extended, and a run kept in a store are the same draws."""
    system = CASES[name]()
    arguments = {"warmup": 5, "chains": 2, "seed": 4, "progress": False, "driver": system.driver or "pcg64"}
    whole = wc.sample(system.target, system.sampler, draws=60, **arguments)
    longer = wc.extend(wc.sample(system.target, system.sampler, draws=25, **arguments), 35, progress=False)
    wc.sample(system.target, system.sampler, draws=25, store=tmp_path / "run.zarr", **arguments)
    stored = wc.extend(wc.load(tmp_path / "run.zarr"), 35, progress=False)
    assert np.array_equal(whole.draws, longer.draws)
    assert np.array_equal(whole.draws, stored.draws)
