#!/usr/bin/env bash
# numba 0.68.1 with NumPy 2.4.6, Python 3.11 to 3.13: a function decorated with plain `@njit` takes over `fastmath=True` from whichever jitted function
# calls it first, and keeps it for every later caller, plain Python included.
#
# `fastmath` is documented as an option of the function that is decorated. When a function without it is compiled because a function with it calls it, the
# flags of the caller are inherited, and the machine code made under them is the one that everybody gets from then on. So the same call of the same function
# gives another number depending on what ran before in the process: below, (x + big) - big is 0.0 as IEEE arithmetic has it, and 1.0 once a function
# with fastmath has called it first. Compensated sums, range reductions and tests for NaN in helpers break in this way.
#
# Seen: "helper called first: 0.0", then "after a caller with fastmath: 1.0".
# Expected: 0.0 twice. What helps: the default written out, `fastmath=False`, on the helper (third line: 0.0).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet numba==0.68.1 numpy==2.4.6
cd "$work"
cat >job.py <<'PY'
import sys

from numba import njit

decorate = {"plain": njit, "false": njit(fastmath=False)}[sys.argv[2]]


@decorate
def helper(x, big):
    return (x + big) - big


@njit(fastmath=True)
def fast(x, big):
    return helper(x, big)


if sys.argv[1] == "after":
    fast(1.0, 1e17)
print(helper(1.0, 1e17))
PY
first=$(venv/bin/python job.py first plain)
after=$(venv/bin/python job.py after plain)
off=$(venv/bin/python job.py after false)
echo "helper called first: $first"
echo "after a caller with fastmath: $after"
echo "the same with fastmath=False on the helper: $off"
[ "$first" = 0.0 ] && [ "$after" = 1.0 ] && [ "$off" = 0.0 ]
