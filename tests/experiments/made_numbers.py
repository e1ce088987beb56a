"""Numbers as experiments would measure them where their claims hold; arguments make them other ones."""

import copy
from importlib import import_module

import numpy as np


def around(mean, count, spread=0.01):
    return (mean + spread * np.linspace(-1, 1, count)).tolist()


def sturmian(words=0, discrepancy=0.9, period=7, exponent=0.0, powers=(0.98, 1.9, 2.7), draws=200_000):
    lengths = np.arange(1, 35)
    growth = [
        {"moments": k, "lengths": [12, 24], "words": [100.0, 5000.0], "power": p}
        for k, mean in enumerate(powers, 1)
        for p in around(mean, 12)
    ]
    return {
        "parameters": {"draws": draws},
        "neurons": [{"moment": "golden", "words": (lengths + 1 + words).tolist(), "discrepancy": discrepancy}],
        "cycles": [{"denominator": 7, "period": period, "exponent": exponent}],
        "growth": growth,
    }


def herded_gibbs_rate(herded=-1.0, gibbs=-0.5, spread=0.01, sweeps=2 * 10**6):
    names = ("herded, stationary", "herded, centre", "herded, zero", "herded, full + shared", "Gibbs")
    cells = [
        {"units": n, "sampler": name, "late slope": slope, "error": 1e-3 if name == "Gibbs" else 1e-6}
        for n in (4, 10)
        for name in names
        for slope in around(gibbs if name == "Gibbs" else herded, 8, spread)
    ]
    return {"parameters": {"sizes": [4, 10], "sweeps": sweeps}, "cells": cells}


def sparse_graphs(blanket=-0.1, hashed=-1.0, plateau=3e-3, joint=1e-5, sweeps=10**7):
    cells = []
    slopes = {"blanket": blanket, "hash": hashed, "hash + blanket": hashed, "Gibbs": -0.5}
    distances = {"blanket": plateau, "hash": joint, "hash + blanket": joint, "Gibbs": 1e-3}
    for name, slope in slopes.items():
        for late in around(slope, 5):
            cells.append({"part": "rates", "graph": "ring 8", "units": 8, "sampler": name, "sweeps": sweeps, "slope": late,
                          "late slope": late, "distance": distances[name] * (1 + late / 100), "weights": 100})  # fmt: skip
    return {"parameters": {"sweeps": sweeps}, "cells": cells}


def weight_sharing(early=(0.5, 1.0, 0.5), late=(100.0, 1.0, 0.5), stop=-0.1, rate=-1.0, sweeps=10**6):
    names, cells = ("10 bins", "every state", "every state + 10 bins"), []
    for name in (*names, "one weight a unit", "100 bins", "Gibbs"):
        k = names.index(name) if name in names else 1
        slope = {"10 bins": stop, "every state + 10 bins": rate}.get(name, -0.5)
        for s in around(slope, 8):
            cells.append({"sampler": name, "marginal": [early[k], late[k] * (1 + s / 100)], "late slope": s})
    return {"parameters": {"sweeps": sweeps}, "counts": [300, sweeps], "cells": cells}


def denoising(gaps=(1.0, 0.5, 0.2), seeds=10):
    counts = [10, 30, 100, 2000]
    images = [
        {
            "input": 0.236,
            "optimum": 0.05,
            "wrong": {"herded Gibbs": [0.05] * 4, "Gibbs": [0.05 + g / 100 + j for g in (*gaps, 0.0)], "mean field": [0.05] * 4},
            "distance": {"herded Gibbs": [0.01] * 4, "Gibbs": [0.02] * 4, "mean field": [0.1] * 4},
        }
        for j in around(0.0, seeds, 0.0003)
    ]
    return {"parameters": {}, "counts": counts, "images": images}


def conditional_herding(perceptron=3.5, logistic=3.0, herded=1.5, splits=20, spread=0.1):
    one = [
        [
            {"classes": "joint", "classifier": name, "error": value + wobble}
            for name, value, wobble in (("voted perceptron", perceptron, s), ("logistic regression", logistic, -s),
                                        ("conditional herding, 100 hidden", herded, 0.0))
        ]
        for s in around(0.0, splits, spread)
    ]  # fmt: skip
    courses = [{"vote": [2.0, 1.5], "last iterate": [3.0, 2.0 + s]} for s in around(0.0, 5)]
    return {"parameters": {}, "passes": [1, 50], "splits": one, "courses": courses}


def entropic_herding(left=0, ratio=1.2, chaos=0.3, rest=-0.003, moments=1.0, machines=6):
    def outcome(k, wobble, lost=left):
        at_rest = k == 2
        return {
            "KL": [None, 0.01, 0.1][k],
            "TV": 0.01 * ratio * (1 + wobble),
            "states left out": lost if k else 90,
            "exponent": [-0.002002, chaos + wobble, rest][k],
            "moment error": 0.1 * (moments if at_rest else 0.1) * (1 + wobble / 10),
            "entropy gap": 0.0,
        }

    plain_herding = {"KL": None, "TV": 0.01, "states left out": 90, "exponent": 0.0, "moment error": 0.0, "entropy gap": 0.0}
    each = [
        {
            "critical": 0.01,
            "bias": [0.003, 0.1],
            "herding": plain_herding,
            **{family: [outcome(k, w) for k in range(3)] for family in ("finite", "bernoulli")},
        }
        for w in around(0.0, machines)
    ]
    return {"parameters": {"draws": 20_000}, "weights": [0.003, 0.3], "machines": each}


def machine_flow(ends=(2.2, 2.2, 2.3, 2.4, 2.5), machines=6, updates=30_000):
    starts = [1.0, 2.0, 2.5, 3.5, 5.5]
    flows = [[[start, end + w] for start, end in zip(starts, ends, strict=True)] for w in around(0.0, machines)]
    return {"parameters": {"machines": machines, "updates": updates, "steps": 1}, "starts": starts, "flows": flows}


def digits_depth(early=(0.6, 0.7, 0.8, 0.7, 0.3), after=(-0.1, -0.1, -0.1, 0.05, 0.1), depth=20, seeds=5):
    before = (-0.3, -0.2, 0.0, 0.2, 0.4)
    networks = [
        {"sigma_w2": s, "accuracy": [0.1, 0.2, early[k] + w * (k + 1) / 10, 0.9], "before": before[k], "after": after[k] + w}
        for k, s in enumerate((0.8, 1.2, 1.7609546, 3.0, 6.0))
        for w in around(0.0, seeds)
    ]
    return {"parameters": {"depth": depth, "seeds": seeds}, "networks": networks}


def trained_recurrence(trained=-0.03, shuffled=0.1, shuffles=4, steps=2000):
    cells = [
        {
            "name": name,
            "shuffle": k,
            "exponents": around(shuffled if k else trained, 3, 0.01) if not k else [shuffled + 0.01 * (k % 2)],
        }
        for name in ("silero 16 kHz", "silero 8 kHz", "Resemblyzer layer 1", "Resemblyzer layer 2", "Resemblyzer layer 3")
        for k in range(shuffles + 1)
    ]
    return {"parameters": {"shuffles": shuffles, "steps": steps}, "cells": cells}


def trained_vision(alpha=1.7, mixed=1.0, alphas=(1.4, 1.4, 1.4), kurtosis=6.0, kurtoses=(3.5, 2.5, 3.5), pairs=5):
    kinds = zip(
        ("trained", "shuffled weights", "random phases", "white noise"), (alpha, *alphas), (kurtosis, *kurtoses), strict=True
    )
    cells = [
        {"group": g, "kind": kind, "depth": d, "alpha": a + w, "kurtosis": k + w, "dimension": 15 + w}
        | ({"alpha of shuffled positions": mixed} if kind == "trained" else {})
        for kind, a, k in kinds
        for g, w in enumerate(around(0.0, pairs))
        for d in range(5)
    ]
    return {"parameters": {"pairs": pairs, "depths": 5}, "cells": cells}


def token_exponents_and_loss(transverse=1.0, longitudinal=1.0, starts=30):
    noise = np.random.default_rng(0).normal(size=(2, starts))
    loss = np.linspace(0, 1, starts)
    rows = [
        {"transverse": -(1 + transverse * x + 0.2 * a), "longitudinal": 1 + longitudinal * x + 0.2 * b, "loss": x}
        for x, a, b in zip(loss.tolist(), *noise.tolist(), strict=True)
    ]
    return {"parameters": {"starts": starts, "steps": 80}, "starts": rows}


def trainable_depth(ordered=7.0, chaotic=5.5, powers=(1.0, 1.0), critical=100.0, seeds=5):
    """Depths of ``constant * length ** power``, with the constant right at the geometric mean of the two lengths of a side."""
    module = import_module("weakchaos.experiments.trainable_depth")
    cells = [
        {"sigma_w2": module._CRITICAL, "trained": critical + w, "failed": None if critical > 90 else critical + w + 1, "tried": []}
        for w in around(0.0, seeds, 0.2)
    ]
    for starts, constant, power in ((module._ORDERED, ordered, powers[0]), (module._CHAOTIC, chaotic, powers[1])):
        lengths = [module._length(s) for s in starts]
        middle = np.sqrt(np.prod(lengths))
        for k, (start, length) in enumerate(zip(starts, lengths, strict=True)):
            for w in around(0.0, seeds, 0.03 * (1 + k)):
                depth = constant * middle * (length / middle) ** power * np.exp(w)
                cells.append({"sigma_w2": start, "trained": depth / 1.05, "failed": depth * 1.05, "tried": []})
    return {"parameters": {"seeds": seeds, "epochs": 20, "deepest": 128}, "cells": cells}


def ising_criticality(tc=2.27, thermal=1.0, magnetic=0.125, susceptible=1.75, steepest=2.25, side=32, error=0.002):
    values = {"Tc": tc, "1/nu": thermal, "beta/nu": magnetic, "gamma/nu": susceptible, "misfit": 1.0, "U*": 0.61}
    values |= {"beta/nu at the exact Tc": 0.125, "gamma/nu at the exact Tc": 1.75}
    found = {"estimates": {k: [v, error] for k, v in values.items()}, "memory": [1.0, 2.0]}
    return {
        "parameters": {"sides": [8, side], "temperatures": [2.2, 2.3], "exponent_temperatures": [1.0, 2.0]},
        "samplers": {name: copy.deepcopy(found) for name in ("Gibbs", "herded Gibbs", "chaotic Boltzmann machine")},
        "exponents": [{"side": side, "value": [0.1, 0.5], "stderr": [0.01, 0.01]}],
        "steepest": [steepest, 0.005],
        "herded_exponent": 0.0,
    }


def good_generators(suspect=-2e-3, simple=0.0, today=0.0, batches=320):
    errors = {"r250": suspect, "minstd": simple, "pcg64": today, "philox": 0.0, "mt19937": 0.0, "r521": -1e-3}
    return {
        "parameters": {},
        "exact": -1.453,
        "cells": [
            {"driver": name, "energies": around(-1.453 + error, batches // 2, 3e-3)}
            for name, error in errors.items()
            for _ in range(2)
        ],
    }


def kernel_herding_rates(
    herded=-0.96, random=-0.5, gain=14.0, line=-0.7, corrected=4.0, quadrature=0.95, filtered=0.5, mixtures=12
):
    cells = [
        {
            "counts": [1, 100, 1024],
            "random": [1.0, 0.1, 1e-3 * (gain + w)],
            "herding": [1.0, 0.02, 1e-3],
            "line-search": [1.0, 0.03, 1e-2],
            "fully-corrective": [1.0, 0.02 / (corrected + w)],
            "herding 20": 0.03,
            "quadrature 8": 0.03 * (quadrature + w),
            "slope random": random + w,
            "slope herding": herded + w,
            "slope line-search": line + w,
        }
        for w in around(0.0, mixtures)
    ]
    return {
        "parameters": {},
        "mixtures": cells,
        "filters": [{"herded": filtered + w, "random": 1.0} for w in around(0.0, mixtures)],
    }


def chaos_dial(stream=3.0, means=1.5, herded=20.0, spread=0.05, repeats=32):
    """Five dials with one position beside the random end: its gain, and twice as much error for another that no pilot chooses."""
    rng, cells = np.random.default_rng(0), []
    gains = {("stream", "means"): means, ("stream", "marginals"): stream, ("herded weights", "marginals"): herded}
    for (dial, quantity), gain in gains.items():
        for position, error in (("PCG64", 1.0), ("CUD", 1.0 / gain), ("rate 0", 2.0 / gain)):
            errors = error * np.exp(spread * rng.normal(size=(8 + repeats, 2)))
            cells.append({"dial": dial, "quantity": quantity, "position": position, "random": "PCG64", "errors": errors.tolist()})
    return {"parameters": {"degrees": [10, 12], "pilots": 8, "repeats": repeats}, "cells": cells}


def complexity_and_error(turned=(), pairs=60, spread=0.2):
    """Slopes that rise with every measure, but for those that are turned around."""
    rng, cells = np.random.default_rng(0), []
    names = ("entropy rate", "Lempel-Ziv complexity", "word growth", "largest exponent", "autocorrelation")
    for k in range(pairs):
        slope = -1.0 + 0.5 * k / pairs
        errors = [[n**slope, (4 * n) ** slope, (16 * n) ** slope] for n in (1000,) for _ in range(3)]
        values = {name: (-1 if name in turned else 1) * (slope + spread * rng.normal()) for name in names}
        cells.append({"pair": str(k), "target": ("machine", "normal")[k % 2], "suits": k % 3 > 0, "errors": errors, **values})
    return {"parameters": {"degrees": [10, 12, 14], "repeats": 3}, "cells": cells}
