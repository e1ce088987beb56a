"""Herded blocks: the oracle over joint states, single units as blocks of one, and states that single units cannot cross."""

import numpy as np
import pytest

from tests.conformance import check_system
from tests.herding import naive_herding as naive
from tests.samplers.test_gibbs import machine, star
from weakchaos.core.errors import SamplingError
from weakchaos.core.flags import Kind
from weakchaos.herding import HerdedGibbs
from weakchaos.reports.compare.compare import compare
from weakchaos.runs.sampling import extend, sample
from weakchaos.runs.verbs import load
from weakchaos.samplers import Gibbs
from weakchaos.targets.factor_graph import FactorGraph, packaged


def outside(block, x, p):
    return tuple(np.delete(x, block))


def blanket(target):
    def key(block, x, p):
        near = sorted({int(j) for s in target.scopes if set(map(int, s)) & set(block) for j in s} - set(block))
        return tuple(x[near])

    return key


def bins(n):
    return lambda block, x, p: tuple(min(int(q * n), n - 1) for q in p[1:])


CASES = {
    "full": (lambda: machine(5), lambda t: (outside,), {"weights": "full"}),
    "blanket": (lambda: star(3, 3), lambda t: (blanket(t),), {"weights": "blanket"}),
    "hash": (lambda: star(3, 3), lambda t: (outside,), {"weights": "hash"}),
    "shared": (lambda: machine(5), lambda t: (bins(4),), {"weights": "shared", "bins": 4}),
    "hash+blanket": (lambda: star(3, 3), lambda t: (outside, blanket(t)), {"weights": "hash", "coarse": "blanket"}),
}


@pytest.mark.parametrize("name", CASES)
def test_blocks_are_the_oracle(name):
    make, keys, options = CASES[name]
    target = make()
    system = HerdedGibbs(start="zero", blocks=((0, 2), (1, 3)), **options).bind(target)
    assert system.blocks[:2] == ((0, 2), (1, 3))
    state = system.start(2)
    expected = naive.herded_blocks(target, state.symbols[: target.dim], 60, system.blocks, *keys(target))
    assert np.array_equal(system.advance(state, 60), expected)


def test_a_block_of_one_is_a_unit():
    target = star(3, 3)
    alone, joined = (HerdedGibbs("full", start="zero", blocks=b).bind(target) for b in (None, ((0,), (1,), (2,), (3,))))
    assert np.array_equal(alone.advance(alone.start(1), 80), joined.advance(joined.start(1), 80))


def test_overlapping_blocks_and_those_with_observed_units():
    target = packaged("sachs").condition({"PKA": 1})
    seen = target.names.index("PKA")
    check_system(HerdedGibbs("hash", blocks=((seen, 0, 1), (1, 2))).bind(target))


def test_blocks_cross_what_single_units_cannot():
    target = packaged("asia")

    def error(sampler):
        return float(sample(target, sampler, 20_000, warmup=0, chains=4, seed=0, progress=False, record="averages").error())

    assert error(HerdedGibbs("full", blocks="deterministic")) < 0.015
    assert error(HerdedGibbs("full")) > 0.1  # negative control


def test_one_block_of_everything_is_herding_of_the_joint_distribution():
    """Then every state is counted to within the number of states: the error falls like 1/T from the first sweep on."""
    target = machine(4)
    system = HerdedGibbs("full", blocks=((0, 1, 2, 3),)).bind(target)
    draws = system.advance(system.start(0), 4000)
    counts = np.bincount(draws.astype(int) @ [8, 4, 2, 1], minlength=16)
    assert np.abs(counts - 4000 * target.distribution()).max() < 2.0


def test_rows_of_blocks_grow():
    target = machine(12, 1, 0.1)
    pairs = tuple((i, i + 1) for i in range(0, 12, 2))
    table, hashed = (HerdedGibbs(kind, start="zero", blocks=pairs).bind(target) for kind in ("full", "hash"))
    state = hashed.start(4)
    assert np.array_equal(table.advance(table.start(4), 1500), hashed.advance(state, 1500))
    assert state.symbols.size > 12 + 1 + (1 << 12)


def test_blocks_leave_a_state_of_probability_zero_or_stop():
    chain = FactorGraph([2, 2, 2], [((0, 1), np.eye(2)), ((1, 2), np.eye(2))])
    for blocks, leaves in ((((0, 1),), True), (((1,),), False)):
        system = HerdedGibbs(blocks=blocks).bind(chain)
        state = system.start(0, [0, 0, 0])
        state.symbols[:3] = [0, 0, 1]
        if leaves:
            assert (system.advance(state, 5) == 1).all()
        else:
            with pytest.raises(SamplingError):
                system.advance(state, 5)


def test_compare_and_stores_take_every_variant(tmp_path):
    target = packaged("asia")
    samplers = {
        "blocks": HerdedGibbs("full", blocks="deterministic"),
        "pairs": HerdedGibbs("hash", coarse="blanket", blocks=((0, 1), (2, 3))),
        "Gibbs": Gibbs(blocks="deterministic"),
    }
    report = compare(target, samplers, draws=2000, repeats=4)
    assert [row["sampler"] for row in report.rows] == list(samplers)
    assert all(np.isfinite(row["error"]) for row in report.rows)
    unreachable = [e.name for e in report.entrants if any(flag.kind is Kind.UNREACHABLE for flag in e.flags)]
    assert unreachable == ["pairs"]  # these cannot cross, and it is said
    for name in ("blocks", "pairs"):
        options = {"warmup": 0, "chains": 1, "seed": 1, "progress": False}
        sample(target, samplers[name], 50, store=tmp_path / f"{name}.zarr", **options)
        again = extend(load(tmp_path / f"{name}.zarr"), 20, progress=False)
        assert np.array_equal(again.draws, sample(target, samplers[name], 70, **options).draws)
