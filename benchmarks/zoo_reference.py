"""The reference values of `weakchaos.targets.zoo`, made anew.

    python benchmarks/zoo_reference.py eight_schools      two-dimensional quadrature against the package's own integral, and posteriordb
    python benchmarks/zoo_reference.py logistic [--write] the long run behind zoo.logistic_regression (minutes on one core)
    python benchmarks/zoo_reference.py importance         the same by importance sampling, without a Markov chain
    python benchmarks/zoo_reference.py data [--write]     the data file, from scikit-learn's copy
    python benchmarks/zoo_reference.py gradients          nanoseconds a gradient

With ``--write`` the file in weakchaos/targets/data is replaced; without, results are compared with it.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from weakchaos.native.compiled import address_of, call_density, kernel
from weakchaos.runs.sampling import sample
from weakchaos.samplers import HMC
from weakchaos.targets import zoo
from weakchaos.targets.zoo.posteriors import DATA, breast_cancer, eight_schools_moments

EFFECTS = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
ERRORS = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])

# posteriordb, reference posterior eight_schools-eight_schools_noncentered: means and Monte Carlo standard errors of theta[1..8], mu, tau.
POSTERIORDB = {
    "means": [6.150502, 4.939581, 3.905906, 4.796017, 3.614436, 4.051148, 6.317170, 4.883997, 4.410518, 3.602060],
    "errors": [0.055738, 0.046229, 0.054231, 0.047494, 0.046145, 0.048520, 0.049877, 0.054251, 0.033037, 0.031862],
}

CHAINS, DRAWS, BATCH, WARMUP, SEED = 4, 500_000, 10_000, 2_000, 20260
# Near the mode the least standard deviation along any axis is 0.11, the largest 1: a step that is mostly accepted (0.87), and a
# trajectory of about a quarter of the longest period.
LOGISTIC_SAMPLER = HMC(step_size=0.12, n_leapfrog=12)


def eight_schools_by_quadrature() -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations by adaptive quadrature over mu and log tau; only the theta_tilde integrate out in closed form."""
    from scipy.integrate import quad_vec

    def integrand(mu: float, log_tau: float) -> np.ndarray:
        tau = math.exp(log_tau)
        variance = ERRORS**2 + tau**2
        log_density = (
            -0.5 * np.sum((EFFECTS - mu) ** 2 / variance + np.log(variance)) - mu**2 / 50.0 + log_tau - math.log1p(tau**2 / 25.0)
        )
        theta = tau * (EFFECTS - mu) / variance
        values = np.concatenate([[1.0, mu, log_tau], theta, [mu**2, log_tau**2], theta**2 + ERRORS**2 / variance])
        return math.exp(log_density + 18.0) * values

    def inner(log_tau: float) -> np.ndarray:
        return quad_vec(lambda mu: integrand(mu, log_tau), -60.0, 60.0, epsabs=1e-13, epsrel=1e-10, points=(-10.0, 4.0, 20.0))[0]

    total = quad_vec(inner, -30.0, 9.0, epsabs=1e-12, epsrel=1e-9, points=(-4.0, 0.0, 2.0, 4.0))[0]
    first, second = total[1:11] / total[0], total[11:] / total[0]
    return first, np.sqrt(second - first**2)


def eight_schools() -> None:
    """Compare three sources."""
    target, moments = zoo.eight_schools(), eight_schools_moments()
    means, sds = eight_schools_by_quadrature()
    print(f"{'':16}{'mean':>14}{'2-d quadrature':>18}{'sd':>14}{'2-d quadrature':>18}")
    for row in zip(target.names, target.means, means, target.sds, sds, strict=True):
        print("{:16}{:14.8f}{:18.8f}{:14.8f}{:18.8f}".format(*row))
    print(f"largest difference {max(np.abs(means - target.means).max(), np.abs(sds - target.sds).max()):.1e}")
    ours = np.array([*moments.mean_effects, moments.means[0], moments.mean_tau])
    z = (np.array(POSTERIORDB["means"]) - ours) / np.array(POSTERIORDB["errors"])
    print("posteriordb (theta, mu, tau) minus ours, in its standard errors:", z.round(2))


def logistic(write: bool) -> None:
    """The long run; standard errors from batch means, which are free of any model of the autocorrelation."""
    from scipy.optimize import minimize

    target = zoo.logistic_regression()
    begin = time.process_time()
    # Starts and warm-up take nothing from the stored values.
    mode = minimize(lambda b: -target.logp(b), np.zeros(target.dim), jac=lambda b: -target.gradient(b), method="BFGS").x
    every = np.arange(BATCH, DRAWS + 1, BATCH)
    with ThreadPoolExecutor(1) as executor:
        trace = sample(target, LOGISTIC_SAMPLER, DRAWS, WARMUP, CHAINS, SEED, record="averages", checkpoints=every, initial=mode,
                       executor=executor, progress=False)  # fmt: skip
    counts, averages = trace.averages(at=every)
    sums = averages * counts[None, :, None]
    batches = np.diff(sums, axis=1, prepend=0.0) / BATCH
    batches = batches.reshape(-1, 2 * target.dim)
    means = batches[:, : target.dim].mean(0)
    squares = batches[:, target.dim :] - 2.0 * means * batches[:, : target.dim] + means**2
    sds = np.sqrt(squares.mean(0))
    root = math.sqrt(len(batches))
    mean_errors, sd_errors = batches[:, : target.dim].std(0, ddof=1) / root, squares.std(0, ddof=1) / (2.0 * sds * root)
    print(f"{len(batches)} batches of {BATCH} draws, {time.process_time() - begin:.0f} s of CPU")
    print(f"standard errors at most {(mean_errors / sds).max():.5f} sd (means) and {(sd_errors / sds).max():.5f} sd (sds)")
    if write:
        source = (
            f"{CHAINS} chains of {DRAWS} HMC draws (step_size {LOGISTIC_SAMPLER.step_size}, n_leapfrog {LOGISTIC_SAMPLER.n_leapfrog}, seed {SEED}); "
            f"standard errors by batch means: at most {(mean_errors / sds).max():.4f} sd for means, {(sd_errors / sds).max():.4f} sd for sds; "
            "benchmarks/zoo_reference.py logistic"
        )
        columns = {"names": target.names, "means": means, "sds": sds, "mean_errors": mean_errors, "sd_errors": sd_errors}
        rows = {k: v if isinstance(v, list) else [round(float(x), 6) for x in v] for k, v in columns.items()}
        (DATA / "breast_cancer_reference.json").write_text(
            json.dumps({"source": source, **rows}, indent=1) + "\n", encoding="utf-8"
        )
    else:
        z = np.abs(means - target.means) / mean_errors
        print(f"largest difference from the stored means {z.max():.2f} standard errors of this run, from the stored sds "
              f"{(np.abs(sds - target.sds) / sd_errors).max():.2f}")  # fmt: skip


def importance(draws: int = 30 * 20_000, dof: float = 20.0) -> None:
    """Check the stored values by importance sampling from a Student t fitted to them: NumPy alone, no kernel and no chain."""
    target = zoo.logistic_regression()
    regressors, benign, _ = breast_cancer()
    design = np.column_stack([np.ones(569), (regressors - regressors.mean(0)) / regressors.std(0)])
    signed = np.where(benign[:, None], design, -design)
    rng, dim = np.random.default_rng(SEED), target.dim
    share = 1.0 / (1.0 + np.exp(design @ target.means))
    covariance = np.linalg.inv(np.eye(dim) + (design * (share * (1.0 - share))[:, None]).T @ design)
    centre = target.means
    for n in (100_000, 100_000, draws):  # the first two only fit the covariance
        root = np.linalg.cholesky(1.1 * covariance)
        y = rng.standard_normal((n, dim)) / np.sqrt(rng.chisquare(dof, (n, 1)) / dof)
        x = centre + y @ root.T
        log_weight = 0.5 * (dof + dim) * np.log1p(np.square(y).sum(1) / dof) - 0.5 * np.square(x).sum(1)
        for part in np.array_split(np.arange(n), max(1, n // 20_000)):
            log_weight[part] -= np.logaddexp(0.0, -(x[part] @ signed.T)).sum(1)
        weight = np.exp(log_weight - log_weight.max())
        weight /= weight.sum()
        centre = weight @ x
        covariance = (weight[:, None] * (x - centre)).T @ (x - centre)
    sds = np.sqrt(np.diag(covariance))
    square = np.square(weight)
    stored = json.loads((DATA / "breast_cancer_reference.json").read_text(encoding="utf-8"))
    mean_errors = np.hypot(np.sqrt(square @ (x - centre) ** 2), stored["mean_errors"])
    sd_errors = np.hypot(np.sqrt(square @ ((x - centre) ** 2 - sds**2) ** 2) / (2.0 * sds), stored["sd_errors"])
    print(f"effective draws {1.0 / square.sum():.0f} of {draws}")
    print(f"largest difference from the stored means {np.abs((centre - target.means) / mean_errors).max():.2f} standard errors, "
          f"from the stored sds {np.abs((sds - target.sds) / sd_errors).max():.2f}")  # fmt: skip


def data(write: bool) -> None:
    """The data file of logistic_regression."""
    from sklearn.datasets import load_breast_cancer

    loaded = load_breast_cancer()
    if write:
        np.savez_compressed(
            DATA / "breast_cancer.npz",
            regressors=loaded.data,
            benign=loaded.target.astype(bool),
            names=np.array(loaded.feature_names, dtype=str),
        )
    regressors, benign, names = breast_cancer()
    same = (
        np.array_equal(regressors, loaded.data)
        and np.array_equal(benign, loaded.target == 1)
        and names == list(loaded.feature_names)
    )
    print("the stored data equal scikit-learn's" if same else "the stored data DIFFER from scikit-learn's")


@kernel
def _repeat(address, user_data, x, n):
    gradient, value, total = np.empty(x.size), np.empty(1), 0.0
    for _ in range(n):
        x[0] += 1e-9
        call_density(address, np.uint64(x.size), address_of(x), address_of(gradient), address_of(value), user_data)
        total += value[0]
    return total


def gradients() -> None:
    """Time a gradient of each target at a typical place."""
    for name in zoo.names():
        target = zoo.make(name)
        density, x = target.pointer(True), target.means if target.means is not None else np.zeros(target.dim)
        arguments = np.uint64(density.address), np.uint64(density.user_data), x + 0.3
        _repeat(*arguments, 10)
        n, seconds = 1000, 0.0
        while seconds < 0.2:
            n *= 4
            begin = time.perf_counter()
            _repeat(*arguments, n)
            seconds = time.perf_counter() - begin
        print(f"{name:26} dim {target.dim:3} {seconds / n * 1e9:10.1f} ns")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Reference values of the zoo.")
    parser.add_argument("what", choices=["eight_schools", "logistic", "importance", "data", "gradients"])
    parser.add_argument("--write", action="store_true", help="replace the file in weakchaos/targets/data")
    options = parser.parse_args()
    if options.what in ("logistic", "data"):
        {"logistic": logistic, "data": data}[options.what](options.write)
    else:
        {"eight_schools": eight_schools, "importance": importance, "gradients": gradients}[options.what]()
