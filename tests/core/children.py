"""What tests run in processes of their own, to interrupt or to kill: ``python -m tests.core.children NAME ARGUMENTS``."""

import hashlib
import json
import os
import sys
import warnings

import numpy as np

from tests.core import densities as d
from weakchaos.runs import scheduler
from weakchaos.runs.sampling import sample
from weakchaos.runs.verbs import resume
from weakchaos.samplers.metropolis import RandomWalkMetropolis
from weakchaos.targets.density import Density

DRAWS, CHAINS, SEED = 400, 2, 17


def slow_gaussian(seconds):
    return Density(d.slow, 2, data=(seconds,))


def run(seconds=0.0, **options):
    """The run that is interrupted or killed; the same draws at any speed."""
    options = {"draws": DRAWS, "warmup": 20, "chains": CHAINS, "seed": SEED, "thin": 2, "progress": False, **options}
    return sample(slow_gaussian(seconds), RandomWalkMetropolis(1.0), **options)


def digest(chain):
    return hashlib.sha256(np.ascontiguousarray(chain).tobytes()).hexdigest()


def write_to(path):
    """Start the run in a store, or go on with it."""
    scheduler._BLOCK_SECONDS = 0.01  # many commits
    print("ready", flush=True)
    if os.path.exists(path):
        resume(path, target=slow_gaussian(0.0005), progress=False)
    else:
        run(0.0005, store=path)
    print("finished", flush=True)


def interrupted():
    """Print what is left of a run that Ctrl-C stopped."""
    run(draws=5)  # compiles
    print("ready", flush=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trace = run(0.0005, draws=10**6)
    out = {
        "lengths": trace.lengths,
        "digests": [digest(trace.chain(k)) for k in range(CHAINS)],
        "warnings": [w.category.__name__ for w in caught],
        "flag": trace.interrupted,
    }
    print(json.dumps(out), flush=True)


if __name__ == "__main__":
    {"write_to": write_to, "interrupted": interrupted}[sys.argv[1]](*sys.argv[2:])
