#!/usr/bin/env bash
# mcising 1.1.0 and peapods 0.2.0 (Python 3.11 to 3.13): Metropolis sweeps of a ring of Ising spins never leave the energy they started with, at any
# temperature, and nothing says so.
#
# Both packages offer the one-dimensional lattice and the Metropolis rule. Both visit sites in a fixed order and accept every flip that costs no energy. A spin
# whose neighbours differ then always flips, so each sweep carries the walls between domains along instead of moving them at random, and what depends
# on chance is undone by the flips that follow. The exact energy a spin of a long ring is -tanh(1/T), for example -.291 at T = 1/.3. Seen at that temperature:
#
#   mcising, 1000 spins, from all up:      -.996        from random spins:  -.02 (that of the start)
#   mcising with a field of .01:           -.285        (no flip is free any more, and the average is right at once)
#   peapods, 1000 spins, metropolis:       .013 at every temperature (it prints -energy)      gibbs: .291
#
# Expected: averages that do not depend on the start, and do on the temperature. Squares and cubes of the same packages agree with exact values. Random order,
# heat bath, or a proposal that is refused now and then, each mends it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet mcising==1.1.0 peapods==0.2.0
"$work/venv/bin/python" - <<'PY'
import math

import numpy as np
from mcising import IsingSimulation
from peapods import Ising

BETA, N = 0.3, 1000
exact = math.tanh(BETA)


def mcising(spins, field=0.0):
    ring = IsingSimulation(
        lattice_size=N, j1=1.0, j2=0.0, j3=0.0, h=field, seed=1, algorithm="metropolis", lattice_type="chain"
    )
    ring.set_spins(spins.astype(np.int8))
    ring.sweep(1000, temperature=1 / BETA)
    energies = []
    for _ in range(3000):
        ring.sweep(1, temperature=1 / BETA)
        energies.append(ring.energy())
    return float(np.mean(energies))


def peapods(mode, beta):
    ring = Ising((N,), temperatures=np.array([1 / beta]))
    ring.sample(20000, sweep_mode=mode)
    return abs(float(np.ravel(ring.energies_avg)[0]))


up, coin = np.ones(N), np.random.default_rng(0).choice([-1, 1], N)
found = {
    "mcising, all up": mcising(up),
    "mcising, random": mcising(coin),
    "mcising, all up, field .01": mcising(up, 0.01),
    "peapods metropolis": peapods("metropolis", BETA),
    "peapods metropolis, T = 1": peapods("metropolis", 1.0),
    "peapods gibbs": peapods("gibbs", BETA),
}
for name, value in found.items():
    print(f"{name:28s} {value:+.4f}")
print(f"{'exact, up to its sign':28s} {exact:+.4f}")
assert found["mcising, all up"] < -0.95
assert abs(found["mcising, random"]) < 0.15
assert abs(found["mcising, all up, field .01"] + exact) < 0.02
assert found["peapods metropolis"] < 0.1
assert found["peapods metropolis, T = 1"] < 0.1
assert abs(found["peapods gibbs"] - exact) < 0.01
PY
echo "as described"
