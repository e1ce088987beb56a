#!/usr/bin/env bash
# peapods 0.2.0 (Python 3.11 to 3.13): independent runs of the same model are copies of each other, and there is no seed by which to make them differ.
#
# Two models that are made alike, in one process or in two, draw the same random numbers: their averages agree to the last digit. Neither the constructor nor `sample`
# takes a seed, and numpy.random.seed changes nothing, so whoever repeats a run to see its statistical error finds exactly 0. Seen for a 6 x 6 lattice at T = 2 and 2.5:
# Binder cumulants 0.655745, 0.508448 in every run of 50 sweeps. A second call of `sample` on the same model goes on with other numbers.
#
# Expected: runs that differ unless one seed is given to both, or a word about it in the documentation.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet peapods==0.2.0
cat > "$work/run.py" <<'PY'
import inspect
import sys

import numpy as np
from peapods import Ising


def run():
    model = Ising((6, 6), temperatures=np.array([2.0, 2.5]))
    model.sample(50)
    first = np.ravel(model.binder_cumulant).tolist()
    model.sample(50)
    return first, np.ravel(model.binder_cumulant).tolist()


np.random.seed(int(sys.argv[1]))
one, two = run(), run()
assert one == two, "two models differ by now"
assert one[0] != one[1], "a second call repeats the first"
for call in (Ising.__init__, Ising.sample):
    assert not any("seed" in name or "rng" in name for name in inspect.signature(call).parameters), "there is a seed by now"
print(one[0])
PY
"$work/venv/bin/python" "$work/run.py" 1 > "$work/first"
"$work/venv/bin/python" "$work/run.py" 2 > "$work/second"
cmp "$work/first" "$work/second"
cat "$work/first"
