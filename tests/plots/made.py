"""Reports made by hand, with error curves that fall as their slopes say."""

from __future__ import annotations

import numpy as np

from weakchaos.herding import HerdedGibbs, Herding
from weakchaos.reports.compare.compare import Entrant, Report
from weakchaos.samplers import Gibbs

STREAM = "golden is equidistributed in 1 dimension and a step of Gibbs consumes 11"
BIASED = "all starts agree (within 0.002) on an answer that is wrong by 0.021: biased"
DISAGREE = "starts disagree by up to 0.31 (split R-hat 1.2): not converged"
CYCLE = "the orbit repeats itself every 65536 draws: more of them add nothing"
PLATEAU = "the error stops falling at about 1.2e+03 draws: the slope over the whole range is not a rate"
UNREACHABLE = (
    "A sampler that changes one unit at a time never leaves the component it starts in: zeros in the tables over tub, lung and either "
    "split the possible states into 2 components of probability 0.9352 and 0.06483"
)


def entrant(name, sampler=None, driver="pcg64", slope=-0.5, scale=1.0, notes=(), draws=100_000, repeats=8, fall=None, **row):
    """One run, whose errors fall with the slope of its row or as `fall` says; keyword arguments replace entries of the row."""
    t = np.unique(np.round(np.geomspace(10, draws, 25)).astype(np.int64))
    # Two repeats in the middle have the error that is meant, so that it is the median.
    factor = np.exp(np.sort([*np.linspace(-0.3, 0.3, repeats - 2), 0.0, 0.0]))[:, None]
    errors = scale * factor * t ** float(slope if fall is None else fall)
    full = {
        "sampler": name,
        "driver": driver,
        "draws": draws,
        "error": float(np.median(errors[:, -1])),
        "slope": slope,
        "slope_se": 0.02,
        "lyapunov": 954.2 if driver == "pcg64" else 0.0,
        "entropy_rate": 0.55,
        "period": None,
        "period_searched": 262_144,
        "ns_per_draw": 480.0,
        "gradients_per_draw": 0.0,
        "rhat": 1.001,
        "disagreement": 0.01,
        "status": "; ".join(notes) if notes else "ok",
    } | row
    return Entrant(name, Gibbs() if sampler is None else sampler, driver, t, errors, full, tuple(notes))


def report(*entrants, target="sachs (11 units)", **fields):
    """A report of these runs."""
    found = [f"{e.name}: {note}" for e in entrants for note in e.notes]
    repeats = max([len(e.errors) for e in entrants], default=8)
    settings = {"truth": "exact", "repeats": repeats, "seed": "0", "error_kind": "largest error of a marginal", "warnings": found}
    return Report(target, list(entrants), **(settings | fields))


def line_up():
    """The line-up of the command line, as it might come out."""
    return report(
        entrant("herded Gibbs", HerdedGibbs(), "none", -0.69, 4.0, (BIASED, PLATEAU), entropy_rate=0.41),
        entrant("Gibbs, PCG64"),
        entrant("Gibbs, golden rotation", driver="golden", slope=-0.12, notes=(STREAM, DISAGREE), entropy_rate=0.04),
        entrant(
            "Gibbs, bad LCG",
            driver="toy-lcg",
            slope=-0.49,
            scale=1.3,
            notes=(CYCLE,),
            lyapunov=104.6,
            period=65_536,
            entropy_rate=0.549,
        ),
        entrant(
            "herding", Herding(), "none", -0.97, 1.5, draws=2000, entropy_rate=0.74, ns_per_draw=516_000.0, period_searched=1984
        ),
    )
