"""Reports made by hand, with error curves that fall as their slopes say."""

from __future__ import annotations

import numpy as np

from weakchaos.core.flags import Flag, Kind
from weakchaos.herding import HerdedGibbs, Herding
from weakchaos.reports.compare.compare import Report
from weakchaos.reports.compare.measure import Entrant
from weakchaos.samplers import Gibbs

STREAM = Flag.of(Kind.STREAM_MEMORY, where="golden", sampler="Gibbs", dimension=1.0, uniforms_per_step=11.0)
BIASED = Flag.of(Kind.BIASED, where="x=1", bias=0.021, t=12.0)
DISAGREE = Flag.of(Kind.DISAGREE, where="x=1", spread=0.31, ratio=120.0)
CYCLE = Flag.of(Kind.CYCLE, period=65536, error=0.0076)
PLATEAU = Flag.of(Kind.PLATEAU, draws=1.2e3)
FEW = Flag.of(Kind.FEW_DRAWS, where="x=1", ess=31.0, draws=4000, chains=8)
UNTUNED = Flag.of(Kind.UNTUNED, sampler="NUTS", count=4, chains=4, step_size=0.3)
UNREACHABLE = Flag.of(
    Kind.UNREACHABLE, where=("tub", "lung", "either"), components=2, exact=True, probabilities=[0.9352, 0.06483], blocks=False
)


def entrant(name, sampler=None, driver="pcg64", slope=-0.5, scale=1.0, flags=(), draws=100_000, repeats=8, fall=None, **row):
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
        "status": "; ".join(flag.sentence for flag in flags) if flags else "ok",
    } | row
    return Entrant(name, Gibbs() if sampler is None else sampler, driver, t, errors, full, tuple(flags))


def report(*entrants, target="sachs (11 units)", **fields):
    """A report of these runs."""
    repeats = max([len(e.errors) for e in entrants], default=8)
    settings = {"truth": "exact", "repeats": repeats, "seed": "0", "error_kind": "largest error of a marginal"}
    return Report(target, list(entrants), **(settings | fields))


def line_up():
    """The line-up of the command line, as it might come out."""
    return report(
        entrant("herded Gibbs", HerdedGibbs(), "none", -0.69, 4.0, (BIASED, PLATEAU), entropy_rate=0.41),
        entrant("Gibbs, PCG64"),
        entrant("Gibbs, golden rotation", driver="golden", slope=-0.12, flags=(STREAM, DISAGREE), entropy_rate=0.04),
        entrant(
            "Gibbs, bad LCG",
            driver="toy-lcg",
            slope=-0.49,
            scale=1.3,
            flags=(CYCLE,),
            lyapunov=104.6,
            period=65_536,
            entropy_rate=0.549,
        ),
        entrant(
            "herding", Herding(), "none", -0.97, 1.5, draws=2000, entropy_rate=0.74, ns_per_draw=516_000.0, period_searched=1984
        ),
    )
