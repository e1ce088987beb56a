"""Lyapunov spectra and covariant vectors beside pynamicalsys, jitcode, heyoka and lyapynov; cycles.

Equal errors: a run of T units of time has the same statistical error whoever makes it, so all tables compare the cost of the same number
of steps or units of time, and show what was found: the largest exponent, in brackets the standard error of a run of this length, and
how far the sum of all exponents is from its exact value, which only the integrator is to blame for.
"""

from __future__ import annotations

import contextlib
import math
import tempfile

import peers
import timing

# isort: split
import numpy as np

import weakchaos as wc
from weakchaos.diagnostics import covariant_vectors, find_cycle, lyapunov_spectrum

BETA = 8.0 / 3.0
LORENZ_SUM = -41.0 / 3.0
# Standard errors of the largest exponent: of a step of the Henon map, of a unit of time of the Lorenz flow (measured, long runs).
HENON_ERROR, LORENZ_ERROR = 0.40, 0.14


def exponents(error: float, total: float | None):
    """How to show a spectrum whose run has this standard error and whose sum should be `total`."""

    def show(found) -> str:
        values = np.atleast_1d(found)
        text = f"{values[0]:.5f} ({error:.1g})" if error else f"{values[0]:.7f}"
        return text if total is None else f"{text}, sum off by {values.sum() - total:+.0e}"

    return show


def spectrum(system, steps, transient=1000):
    return lambda: lyapunov_spectrum(system, steps=steps, transient=transient).exponents


def lyapynov_map(module, f, jacobian, start, dim, steps):
    def call():
        system = module.DiscreteDS(np.array(start), 0, f, jacobian)
        return module.LCE(system, dim, 1000, steps, False)

    return call


def maps(quick: bool, pynamicalsys, lyapynov) -> dict:
    steps, tables = 10**5 if quick else 10**6, {}
    cases = [
        ("Henon", wc.systems.Henon(), "henon map", [1.4, 0.3], [0.1, 0.1], HENON_ERROR / math.sqrt(steps), math.log(0.3)),
        ("logistic, r = 4", wc.systems.Logistic(), "logistic map", [4.0], [0.3], 0.0, math.log(2)),
        ("standard, K = 6", wc.systems.StandardMap(6.0), "standard map", [6.0], [0.001, 0.002], 1.3 / math.sqrt(steps), 0.0),
    ]
    for name, system, model, parameters, start, error, total in cases:
        contenders = [peers.Contender("weakchaos", spectrum(system, steps))]
        if pynamicalsys:
            theirs = pynamicalsys.DiscreteDynamicalSystem(model=model)
            for method, target in (("QR", 20.0), ("ER", None)) if len(start) > 1 else (("QR", 20.0),):

                def call(theirs=theirs, method=method, start=start, parameters=parameters):
                    return theirs.lyapunov(start, steps + 1000, parameters=parameters, method=method, transient_time=1000)

                contenders.append(peers.Contender(f"pynamicalsys, {method}", call, target=target))
        if lyapynov and name == "Henon":
            few = steps // 100
            call = lyapynov_map(
                lyapynov,
                lambda u, t: np.array([1 - 1.4 * u[0] ** 2 + u[1], 0.3 * u[0]]),
                lambda u, t: np.array([[-2.8 * u[0], 1.0], [0.3, 0.0]]),
                start,
                2,
                few,
            )
            contenders.append(peers.Contender("lyapynov", call, share=(few + 1000) / steps, note=f"{few} steps, scaled"))
        tables[name] = peers.race(f"{name}, {steps} steps, all exponents", contenders, exponents(error, total))
    return tables


def lorenz_field(u, t):
    x, y, z = u
    return np.array([10.0 * (y - x), x * (28.0 - z) - y, x * y - BETA * z])


def lorenz_jacobian(u, t):
    x, y, z = u
    return np.array([[-10.0, 10.0, 0.0], [28.0 - z, -1.0, -x], [y, x, -BETA]])


def by_heyoka(heyoka, time, tolerance):
    x, y, z = heyoka.make_vars("x", "y", "z")
    field = [(x, 10.0 * (y - x)), (y, x * (28.0 - z) - y), (z, x * y - BETA * z)]

    def call():
        # Built here, so that the first call shows the compilation; later ones find it in heyoka's cache.
        equations = heyoka.var_ode_sys(field, heyoka.var_args.vars, order=1)
        integrator = heyoka.taylor_adaptive(equations, [1.0, 2.0, 20.0], tol=tolerance)
        integrator.propagate_until(50.0)
        integrator.state[3:] = np.eye(3).ravel()
        logs = np.zeros(3)
        for k in range(time):
            integrator.propagate_until(51.0 + k)
            q, r = np.linalg.qr(integrator.state[3:].reshape(3, 3))
            logs += np.log(np.abs(np.diag(r)))
            integrator.state[3:] = q.ravel()
        return logs / time

    return call


def by_jitcode(jitcode, time, tolerance):
    made = []

    def call():
        if not made:
            y = jitcode.y
            field = [10.0 * (y(1) - y(0)), y(0) * (28.0 - y(2)) - y(1), y(0) * y(1) - BETA * y(2)]
            made.append(jitcode.jitcode_lyap(field, n_lyap=3))
            # In an empty folder: a pyproject.toml found where it runs is read as its own, and without C it takes a slow way, quietly.
            with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
                made[0].compile_C()
            made[0].set_integrator("dopri5", rtol=tolerance, atol=tolerance)
        ode = made[0]
        ode.set_initial_value([1.0, 2.0, 20.0], 0.0)
        logs = np.zeros(3)
        for k in range(50 + time):
            local = ode.integrate(k + 1.0)[1]
            if k >= 50:
                logs += local
        return logs / time

    return call


def lorenz(quick: bool, pynamicalsys, jitcode, heyoka, lyapynov) -> dict:
    time = 1000 if quick else 10_000
    tenth, error = time // 10, LORENZ_ERROR / math.sqrt(time)

    def ours(step, method="rk4", **options):
        return spectrum(wc.systems.Lorenz(step=step, method=method, **options), round(time / step), round(50 / step))

    def theirs(share, method, **options):
        system = pynamicalsys.ContinuousDynamicalSystem(model="lorenz system")
        system.integrator(method, **options)
        total = share * time + 50.0
        return lambda: system.lyapunov([1.0, 2.0, 20.0], total, parameters=[10.0, 28.0, BETA], transient_time=50.0)

    contenders = [
        peers.Contender("weakchaos, rk4, h = 0.01", ours(0.01)),
        peers.Contender("weakchaos, rk4, h = 0.005 (default)", ours(0.005)),
    ]
    tight = [peers.Contender("weakchaos, dop853, 1e-9", ours(0.1, "dop853", tolerance=1e-9))]
    scaled = f"T = {tenth}, scaled"
    if heyoka:
        contenders += [
            peers.Contender("heyoka, 1e-4", by_heyoka(heyoka, time, 1e-4)),
            peers.Contender("heyoka, 1e-9", by_heyoka(heyoka, time, 1e-9), target=5.0),
        ]
        tight.append(peers.Contender("heyoka, 1e-9", by_heyoka(heyoka, time, 1e-9)))
    if jitcode:
        contenders.append(peers.Contender("jitcode, dopri5, 1e-8", by_jitcode(jitcode, tenth, 1e-8), 0.1, 15.0, note=scaled))
        tight.append(peers.Contender("jitcode, dopri5, 1e-9", by_jitcode(jitcode, tenth, 1e-9), 0.1, note=scaled))
    if pynamicalsys:
        contenders += [
            peers.Contender("pynamicalsys, rk4, h = 0.01", theirs(0.1, "rk4", time_step=0.01), 0.1, 20.0, note=scaled),
            peers.Contender("pynamicalsys, rk45, 1e-6", theirs(0.1, "rk45", atol=1e-6, rtol=1e-6), 0.1, 20.0, note=scaled),
        ]
        tight.append(peers.Contender("pynamicalsys, rk45, 1e-9", theirs(0.1, "rk45", atol=1e-9, rtol=1e-9), 0.1, 20.0, note=scaled))
    if lyapynov:
        few = max(time // 100, 10)

        def slow():
            system = lyapynov.ContinuousDS(np.array([1.0, 2.0, 20.0]), 0.0, lorenz_field, lorenz_jacobian, 0.01)
            return lyapynov.LCE(system, 3, 1000, 100 * few, False)

        contenders.append(peers.Contender("lyapynov, h = 0.01", slow, (few + 10) / time, note=f"T = {few}, scaled"))
    show = exponents(error, LORENZ_SUM)
    title = f"Lorenz, T = {time}, all exponents"
    return {
        "Lorenz": peers.race(f"{title}: the error of the largest is statistical, the same for all", contenders, show),
        "Lorenz, tight": peers.race(f"{title}: tolerance 1e-9 a step", tight, show),
    }


def covariant(quick: bool, pynamicalsys, lyapynov) -> dict:
    steps = 10**4 if quick else 10**5

    def angle(vectors) -> float:
        cosine = np.abs((vectors[:, :, 0] * vectors[:, :, 1]).sum(1))
        return float(np.arccos(np.minimum(cosine, 1.0)).mean())

    def ours():
        return angle(covariant_vectors(wc.systems.Henon(), steps=steps, transient=1000).vectors)

    contenders = [peers.Contender("weakchaos", ours)]
    if pynamicalsys:
        theirs = pynamicalsys.DiscreteDynamicalSystem(model="henon map")

        def call():
            options = {"transient_time": 0, "warmup_time": 1000, "tail_time": 1000}
            return angle(theirs.CLV([0.1, 0.1], steps, parameters=[1.4, 0.3], **options)[0])

        contenders.append(peers.Contender("pynamicalsys", call))
    if lyapynov:
        few = steps // 20

        def slow():
            system = lyapynov.DiscreteDS(
                np.array([0.1, 0.1]),
                0,
                lambda u, t: np.array([1 - 1.4 * u[0] ** 2 + u[1], 0.3 * u[0]]),
                lambda u, t: np.array([[-2.8 * u[0], 1.0], [0.3, 0.0]]),
            )
            return angle(np.array(lyapynov.CLV(system, 2, 0, 1000, few, 1000, False)))

        note = f"{few} steps, scaled"
        contenders.append(peers.Contender("lyapynov", slow, (few + 2000) / (steps + 2000), 100.0, note=note))
    title = f"Covariant vectors of the Henon map, {steps} steps; found: the mean angle between them"
    return {"covariant": peers.race(title, contenders, lambda found: f"{found:.4f}")}


def cycles(quick: bool) -> dict:
    """Nanoseconds a step of the orbit that was followed, beside those of the orbit alone."""
    lines = []
    most = 10**6 if quick else 10**8
    for name, system in (
        ("logistic, r = 4", wc.systems.Logistic()),
        ("Henon", wc.systems.Henon()),
        ("cat map", wc.systems.ArnoldCat()),
        ("LCG mod 2**16", wc.drivers.LCG.toy()),
    ):
        find_cycle(system, max_steps=1000)
        spent = timing.cpu_seconds(lambda system=system: lines.append(find_cycle(system, seed=1, max_steps=most)))
        found = lines.pop()
        steps = found.steps
        state = system.start(1)
        alone = timing.cpu_seconds(lambda system=system, state=state, steps=steps: system.advance(state, steps, steps))
        text = f"period {found.period} after {found.preperiod}" if found else "none"
        lines.append([name, str(steps), f"{1e9 * spent / steps:.1f}", f"{1e9 * alone / steps:.1f}", text])
    timing.print_columns(
        "Exact cycles, CPU ns a step", ["", "steps followed", "find_cycle", "orbit alone", "found (seed 1)"], lines
    )
    return {"cycles": lines}


def main() -> None:
    parser = timing.parser(__doc__)
    parser.add_argument("--only", choices=("maps", "lorenz", "covariant", "cycles"), help="one table")
    arguments = parser.parse_args()
    timing.print_machine()
    names = ("pynamicalsys", "jitcode", "heyoka", "lyapynov")
    print(peers.versions(*names))
    pynamicalsys, jitcode, heyoka, lyapynov = (peers.peer(name) for name in names)
    parts = {
        "maps": lambda: maps(arguments.quick, pynamicalsys, lyapynov),
        "lorenz": lambda: lorenz(arguments.quick, pynamicalsys, jitcode, heyoka, lyapynov),
        "covariant": lambda: covariant(arguments.quick, pynamicalsys, lyapynov),
        "cycles": lambda: cycles(arguments.quick),
    }
    tables: dict = {}
    for name, part in parts.items():
        if arguments.only in (None, name):
            tables |= part()
    timing.write_json(arguments.json, "lyapunov", tables)


if __name__ == "__main__":
    main()
