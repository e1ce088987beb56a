"""What a call costs through the bridges, a posterior from process start, and targets of ten thousand coordinates.

    python benchmarks/bridges.py [--quick] [--json PATH] [--stan PYTHON]

`--stan` is a Python in whose environment stanli is installed (this one by default; left out where it is not). The call into a Stan program is timed through our
address and by the library's own C function in turns; whole processes are the second of two, with machine code in the cache. The bridge to PyMC is
timed by its test, ``pytest --slow tests/interop/test_pymc_bridge.py -k costs``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from timing import child, parser, print_machine, source_folder, write_json

SCHOOLS = """
data { int<lower=0> J; vector[J] y; vector<lower=0>[J] sigma; }
parameters { real mu; real<lower=0> tau; vector[J] eta; }
transformed parameters { vector[J] theta = mu + tau * eta; }
model { mu ~ normal(0, 5); tau ~ cauchy(0, 5); eta ~ std_normal(); y ~ normal(theta, sigma); }
"""
DATA = {"J": 8, "y": [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0], "sigma": [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]}

STAN_START = f"""
import weakchaos as wc
trace = wc.sample(wc.interop.stan.density({SCHOOLS!r}, {DATA!r}), seed=1, progress=False)
assert trace.draws.shape[2] == 10
"""

STAN_OWN = f"""
import stanli
stanli.Model(stan_code={SCHOOLS!r}, data={DATA!r}).sample(refresh=0)
"""

STAN_CALL = f"""
import ctypes, json, time
import numpy as np
from numba import njit
import weakchaos as wc
from weakchaos.interop.stan import _Program
from weakchaos.native.compiled import address_of, call_density

density = wc.interop.stan.density({SCHOOLS!r}, {DATA!r}).pointer(True)
program = _Program({SCHOOLS!r}, {DATA!r}, 1)
word = ctypes.c_size_t
call = ctypes.CFUNCTYPE(ctypes.c_int, word, ctypes.c_bool, ctypes.c_bool, word, word, word, word)(program.address("bs_log_density_gradient"))
model = int(program.model)

@njit
def ours(address, data, x, n):
    g, v = np.empty(x.size), np.empty(1)
    for _ in range(n):
        call_density(address, np.uint64(x.size), address_of(x), address_of(g), address_of(v), data)
    return v[0]

@njit
def theirs(x, n):
    g, v, message = np.empty(x.size), np.empty(1), np.zeros(1, np.uint64)
    for _ in range(n):
        call(model, True, True, address_of(x), address_of(v), address_of(g), address_of(message))
    return v[0]

x, n = np.full(10, 0.2), 100_000
address, data = np.uint64(density.address), np.uint64(density.user_data)
assert abs(ours(address, data, x, 1) - theirs(x, 1)) < 1e-12
gaps, bare = [], []
for _ in range(REPEATS):
    times = []
    for run in (lambda: ours(address, data, x, n), lambda: theirs(x, n)):
        begin = time.process_time()
        run()
        times.append((time.process_time() - begin) / n * 1e6)
    gaps.append(times[0] - times[1])
    bare.append(times[1])
print(json.dumps(dict(extra=sorted(gaps)[REPEATS // 2], bare=sorted(bare)[REPEATS // 2])))
"""

LARGE = """
import json, resource, sys, time
import numpy as np
import weakchaos as wc
from numba import njit

@njit
def normal(x, out):
    total = 0.0
    for i in range(x.size):
        s = 1.0 + (i % 10)
        total -= 0.5 * (x[i] / s) ** 2
        out[i] = -x[i] / (s * s)
    return total

target = wc.Density(logp_and_grad=normal, dim=10_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begin = time.process_time()
trace = wc.sample(target, SAMPLER, draws=DRAWS, warmup=WARMUP, chains=2, seed=1, progress=False)
spread = trace.draws.reshape(-1, 10_000).std(0) / (1.0 + np.arange(10_000) % 10)
print(json.dumps({"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, "start": before / 1e6, "cpu": time.process_time() - begin, "sd": float(spread.mean())}))
"""

TREE = """
import json, time
import numpy as np
import weakchaos as wc

trace = wc.sample(wc.zoo.gaussian(np.ones(1000)), wc.samplers.HMC(0.3, 5), draws=500, warmup=0, chains=4, seed=1, progress=False)
trace.to_arviz()
begin = time.process_time()
trace.to_arviz()
print(json.dumps({"cpu": time.process_time() - begin}))
"""


def run(python: str, code: str) -> dict[str, Any]:
    """What a fresh process prints last, as JSON, and its CPU seconds."""
    path = os.pathsep.join(p for p in (source_folder(), os.environ.get("PYTHONPATH")) if p)
    usage = child([python, "-W", "ignore", "-c", code], {"PYTHONPATH": path})
    lines = usage.output.strip().splitlines()
    told = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return told | {"process": usage.cpu}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--stan", default=sys.executable, help="a Python whose environment has stanli")
    options = arguments.parse_args()
    print_machine()
    found: dict[str, Any] = {}
    draws, repeats = (20, 3) if options.quick else (400, 9)
    if subprocess.run([options.stan, "-c", "import stanli"], capture_output=True, check=False).returncode == 0:
        found["stan call"] = run(options.stan, STAN_CALL.replace("REPEATS", str(repeats)))
        print(
            "call of a Stan program: {extra:.3f} us over the C call of {bare:.3f} us (gate 0.1)".format(**found["stan call"]),
            flush=True,
        )
        for name, code in (("weakchaos", STAN_START), ("stanli's own sampler", STAN_OWN)):
            run(options.stan, code)
            found[name] = min((run(options.stan, code) for _ in range(1 if options.quick else 3)), key=lambda told: told["process"])
            print(
                f"eight schools in Stan, process start to result, {name}: least {found[name]['process']:.2f} CPU s (gate for ours 0.8)",
                flush=True,
            )
    else:
        print("stanli is not installed: pip install 'weakchaos[stan]'")
    for name, sampler in (("MCLMC", "wc.samplers.MCLMC()"), ("NUTS", "wc.samplers.NUTS()"), ("the default", "None")):
        code = LARGE.replace("SAMPLER", sampler).replace("DRAWS", str(draws)).replace("WARMUP", str(draws))
        found[name] = run(sys.executable, code)
        print(
            "10,000 coordinates, {}: peak {peak:.2f} GB ({start:.2f} before), sd {sd:.3f} of 1, {cpu:.1f} CPU s (gate 1 GB)".format(
                name, **found[name]
            ),
            flush=True,
        )
    found["tree"] = run(sys.executable, TREE)
    print("to_arviz of 1,000 parameters: {cpu:.3f} CPU s (gate 0.1)".format(**found["tree"]))
    write_json(options.json, "bridges", found)


if __name__ == "__main__":
    main()
