#!/usr/bin/env bash
# numba 0.68.1, SciPy 1.17.1, NumPy 2.4.6: the first call of a compiled function of two scalars imports NumPy's generator of Fortran wrappers.
#
# NumPy 2 loads numpy.f2py and numpy.testing only when somebody asks for them. Two libraries on the way do, and neither needs them:
#   1. numba, at the first compilation or the first load from its cache, imports its overloads for arrays, whose module looks whether BLAS is there by importing
#      scipy.linalg, whatever the function does;
#   2. scipy.linalg imports SciPy's copy of array-api-compat, which walks over all public names of numpy, lazy submodules included.
# So adding two numbers loads scipy.linalg, numpy.f2py with its Fortran parser, and numpy.testing. f2py and testing together take about a third of the time that
# `import scipy.linalg` takes beyond numpy's own, in every process that calls a numba function, a warm cache included. Without SciPy nothing of it is loaded.
#
# Expected output (a last line gives the share of time, which is not tested):
#   after import numba            : scipy.linalg False, numpy.f2py.crackfortran False, numpy.testing False
#   after add(1, 2)               : scipy.linalg True, numpy.f2py.crackfortran True, numpy.testing True
#   after add(1, 2), without SciPy: scipy.linalg False, numpy.f2py.crackfortran False, numpy.testing False
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/with"
"$folder/with/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1 numba==0.68.1
python3 -m venv "$folder/without"
"$folder/without/bin/pip" install --quiet numpy==2.4.6 numba==0.68.1
cat >"$folder/look.py" <<'PY'
import sys

from numba import njit

names = "scipy.linalg", "numpy.f2py.crackfortran", "numpy.testing"


def seen():
    return ", ".join(f"{name} {name in sys.modules}" for name in names)


where = sys.argv[1]
if not where:
    print(f"after import numba            : {seen()}")


@njit
def add(a, b):
    return a + b


assert add(1, 2) == 3
print(f"after add(1, 2){where or '               '}: {seen()}")
PY
"$folder/with/bin/python" "$folder/look.py" "" >"$folder/told"
"$folder/without/bin/python" "$folder/look.py" ", without SciPy" >>"$folder/told"
cat "$folder/told"
diff "$folder/told" - <<'END'
after import numba            : scipy.linalg False, numpy.f2py.crackfortran False, numpy.testing False
after add(1, 2)               : scipy.linalg True, numpy.f2py.crackfortran True, numpy.testing True
after add(1, 2), without SciPy: scipy.linalg False, numpy.f2py.crackfortran False, numpy.testing False
END
"$folder/with/bin/python" -X importtime -c "import numpy, scipy.linalg" 2>&1 | awk -F'|' '
    { name = $3; gsub(/ /, "", name); total[name] = $2 }
    END { whole = total["scipy.linalg"]; part = total["numpy.f2py"] + total["numpy.testing"]
          printf "of import scipy.linalg, numpy.f2py and numpy.testing: %.0f %%\n", 100 * part / whole }'
