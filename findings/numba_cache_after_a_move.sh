#!/usr/bin/env bash
# numba 0.68.1 with NumPy 2.4.6, Python 3.11 to 3.13: the disk cache of a function that takes a named tuple makes the *next release* of a
# package fail, not recompile.
#
# numba documents that an entry of `cache=True` is dropped when the source file of the function changes. The index of the cache is read
# before that stamp is compared, and it holds the types of the arguments as pickles, which name the module of the named tuple's class. After
# an upgrade in which the class moved to another file (the function's file changed too), the first call raises ModuleNotFoundError: the stale
# cache is neither ignored nor rebuilt. Uninstalling does not help, since pip does not know the files that numba wrote.
#
# Seen: "first release: 3.0", then "second release: ModuleNotFoundError: No module named 'shapes_old'".
# Expected: "second release: 3.0", the function compiled anew.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet numba==0.68.1 numpy==2.4.6
cd "$work"
cat >shapes_old.py <<'PY'
from typing import NamedTuple


class Pair(NamedTuple):
    a: float
    b: float
PY
cat >job.py <<'PY'
from numba import njit
from shapes_old import Pair


@njit(cache=True)
def add(pair):
    return pair.a + pair.b


try:
    print(add(Pair(1.0, 2.0)))
except Exception as error:
    print(f"{type(error).__name__}: {error}")
PY
export NUMBA_CACHE_DIR="$work/cache" PYTHONDONTWRITEBYTECODE=1
first=$(venv/bin/python job.py)
mv shapes_old.py shapes_new.py
sed -i 's/shapes_old/shapes_new/' job.py
second=$(venv/bin/python job.py)
echo "first release: $first"
echo "second release: $second"
[ "$first" = "3.0" ]
[ "$second" = "ModuleNotFoundError: No module named 'shapes_old'" ]
