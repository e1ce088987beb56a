"""Posteriors on which no setting was chosen, as compiled log densities with exact gradients, on simulated data of fixed seeds or small published ones."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

import weakchaos as wc

TINY = 1e-12


@njit
def log_sigmoid(t):
    return min(t, 0.0) - math.log1p(math.exp(-abs(t)))


@njit
def sigmoid(t):
    return 1.0 / (1.0 + math.exp(-t)) if t >= 0 else 1.0 - 1.0 / (1.0 + math.exp(t))


@njit
def digamma(v):
    total = 0.0
    while v < 8.0:
        total -= 1.0 / v
        v += 1.0
    w = 1.0 / (v * v)
    return total + math.log(v) - 0.5 / v - w * (1 / 12 - w * (1 / 120 - w * (1 / 252 - w * (1 / 240 - w / 132))))


@njit
def stochastic_volatility(x, out, y):
    """y_t ~ N(0, exp(h_t)), h an AR(1) process written in its standardised shocks: (mu, atanh phi, log sigma, z)."""
    n, mu, a, log_sigma = y.size, x[0], x[1], x[2]
    if abs(a) > 15.0 or abs(log_sigma) > 50.0:
        return -math.inf
    phi, sigma, z = math.tanh(a), math.exp(log_sigma), x[3:]
    s = math.sqrt((1.0 - phi) * (1.0 + phi))
    u = np.empty(n)
    u[0] = sigma * z[0] / s
    for t in range(1, n):
        u[t] = phi * u[t - 1] + sigma * z[t]
    # (phi + 1) / 2 ~ Beta(20, 1.5), sigma ~ half-normal(0, 1), mu ~ N(0, 5)
    total = 20.0 * math.log1p(phi) + 1.5 * math.log1p(-phi) - 0.5 * sigma * sigma + log_sigma - 0.02 * mu * mu
    d_mu, d_phi, d_sigma, b = -0.04 * mu, 0.0, 0.0, 0.0
    for t in range(n - 1, -1, -1):
        h = mu + u[t]
        e = y[t] * y[t] * math.exp(-h)
        c = 0.5 * (e - 1.0)
        total -= 0.5 * (h + e + z[t] * z[t])
        d_mu += c
        b = c + phi * b
        by_z = sigma if t else sigma / s
        out[3 + t] = by_z * b - z[t]
        d_sigma += b * z[t] * by_z
        d_phi += b * (u[t - 1] if t else sigma * z[0] * phi / (s * s * s))
    out[0], out[1] = d_mu, 20.0 * (1.0 - phi) - 1.5 * (1.0 + phi) + d_phi * s * s
    out[2] = d_sigma - sigma * sigma + 1.0
    return total


@njit
def item_response(x, out, y):
    """Two-parameter logistic: y_ij ~ Bernoulli(a_i (theta_j - b_i)); (mu_b, log sigma_a, log sigma_b, log a, b, theta)."""
    items, persons = y.shape
    if abs(x[1]) > 50.0 or abs(x[2]) > 50.0:
        return -math.inf
    out[:] = 0.0
    log_a, b, theta = x[3 : 3 + items], x[3 + items : 3 + 2 * items], x[3 + 2 * items :]
    total = -0.02 * x[0] * x[0]
    out[0] = -0.04 * x[0]
    for k in (1, 2):  # half-Cauchy(0, 2)
        q = 0.25 * math.exp(2.0 * x[k])
        total += x[k] - math.log1p(q)
        out[k] = 1.0 - 2.0 * q / (1.0 + q)
    for i in range(items):
        z, w = log_a[i] * math.exp(-x[1]), (b[i] - x[0]) * math.exp(-x[2])
        total -= 0.5 * (z * z + w * w) + x[1] + x[2]
        out[1] += z * z - 1.0
        out[2] += w * w - 1.0
        out[0] += w * math.exp(-x[2])
        out[3 + i] -= z * math.exp(-x[1])
        out[3 + items + i] -= w * math.exp(-x[2])
    for j in range(persons):
        total -= 0.5 * theta[j] * theta[j]
        out[3 + 2 * items + j] -= theta[j]
    for i in range(items):
        a = math.exp(log_a[i])
        for j in range(persons):
            t = a * (theta[j] - b[i])
            total += log_sigmoid(t if y[i, j] else -t)
            r = y[i, j] - sigmoid(t)
            out[3 + i] += r * t
            out[3 + items + i] -= r * a
            out[3 + 2 * items + j] += r * a
    return total


@njit
def gaussian_process(x, out, place, y):
    """Counts y_i ~ Poisson(exp(mu + f_i)), f a Gaussian process of squared exponential kernel: (mu, log amplitude, log length, z), f = a L z."""
    n, mu, log_a, log_l = y.size, x[0], x[1], x[2]
    if abs(log_a) > 50.0 or abs(log_l) > 50.0:
        return -math.inf
    a, length, z = math.exp(log_a), math.exp(log_l), x[3:]
    root, slope = np.zeros((n, n)), np.zeros((n, n))  # the Cholesky factor, and its derivative by log length
    for j in range(n):
        for i in range(j, n):
            q = ((place[i] - place[j]) / length) ** 2
            k = math.exp(-0.5 * q)
            dk = k * q if k > 0.0 else 0.0
            if i == j:
                k += 1e-6
            for m in range(j):
                k -= root[i, m] * root[j, m]
                dk -= slope[i, m] * root[j, m] + root[i, m] * slope[j, m]
            if i == j:
                root[j, j] = math.sqrt(k)
                slope[j, j] = 0.5 * dk / root[j, j]
            else:
                root[i, j] = k / root[j, j]
                slope[i, j] = (dk - root[i, j] * slope[j, j]) / root[j, j]
    # mu ~ N(0, 2), a ~ half-normal(0, 1), length ~ inverse gamma(5, 5)
    total = -0.125 * mu * mu - 0.5 * a * a + log_a - 5.0 * log_l - 5.0 / length
    out[0], out[1], out[2] = -0.25 * mu, 1.0 - a * a, 5.0 / length - 5.0
    for i in range(n):
        total -= 0.5 * z[i] * z[i]
        out[3 + i] = -z[i]
    for i in range(n):
        f, df = 0.0, 0.0
        for m in range(i + 1):
            f += a * root[i, m] * z[m]
            df += a * slope[i, m] * z[m]
        rate = math.exp(mu + f)
        total += y[i] * (mu + f) - rate
        c = y[i] - rate
        out[0] += c
        out[1] += c * f
        out[2] += c * df
        for m in range(i + 1):
            out[3 + m] += a * c * root[i, m]
    return total


@njit
def sparse_regression(x, out, design, y):
    """The regularised horseshoe (Piironen and Vehtari 2017, doi:10.1214/17-EJS1337SI): (log tau, log c, log sigma, log lambda, z)."""
    n, p = design.shape
    for k in range(3 + p):
        if abs(x[k]) > 100.0:
            return -math.inf
    log_tau, log_c, log_sigma, log_lam, z = x[0], x[1], x[2], x[3 : 3 + p], x[3 + p :]
    sigma = math.exp(log_sigma)
    q = math.exp(2.0 * log_tau) / 0.01  # tau ~ half-Cauchy(0, 0.1), c^2 ~ inverse gamma(2, 8), sigma ~ half-normal(0, 2)
    total = log_tau - math.log1p(q) - 4.0 * log_c - 8.0 * math.exp(-2.0 * log_c) + log_sigma - 0.125 * sigma * sigma
    out[0], out[1] = 1.0 - 2.0 * q / (1.0 + q), 16.0 * math.exp(-2.0 * log_c) - 4.0
    residual, share, scale = y.copy(), np.empty(p), np.empty(p)
    for j in range(p):
        share[j] = 1.0 / (1.0 + math.exp(2.0 * (log_tau + log_lam[j] - log_c)))
        scale[j] = math.exp(log_tau + log_lam[j]) * math.sqrt(share[j])
        residual -= design[:, j] * (scale[j] * z[j])
    square = (residual * residual).sum() / (sigma * sigma)
    total -= 0.5 * square + n * log_sigma
    out[2] = 1.0 - 0.25 * sigma * sigma + square - n
    for j in range(p):
        pull = (design[:, j] * residual).sum() / (sigma * sigma)
        t, lam2 = pull * scale[j] * z[j], math.exp(2.0 * log_lam[j])
        total += log_lam[j] - math.log1p(lam2) - 0.5 * z[j] * z[j]
        out[3 + j] = 1.0 - 2.0 * lam2 / (1.0 + lam2) + t * share[j]
        out[3 + p + j] = pull * scale[j] - z[j]
        out[0] += t * share[j]
        out[1] += t * (1.0 - share[j])
    return total


@njit
def two_normals(m, s, weight, y, slopes):
    """Log likelihood of a mixture, with slopes by the means, the logarithms of the scales and the logit of the weight; s and weight as logs and logit."""
    slopes[:] = 0.0
    total, scale0, scale1 = 0.0, math.exp(s[0]), math.exp(s[1])
    for v in y:
        r0, r1 = (v - m[0]) / scale0, (v - m[1]) / scale1
        l0, l1 = log_sigmoid(weight) - s[0] - 0.5 * r0 * r0, log_sigmoid(-weight) - s[1] - 0.5 * r1 * r1
        total += max(l0, l1) + math.log1p(math.exp(-abs(l0 - l1)))
        first = sigmoid(l0 - l1)
        slopes[0] += first * r0 / scale0
        slopes[1] += (1.0 - first) * r1 / scale1
        slopes[2] += first * (r0 * r0 - 1.0)
        slopes[3] += (1.0 - first) * (r1 * r1 - 1.0)
        slopes[4] += first - sigmoid(weight)
    return total


@njit
def mixture(x, out, y, ordered):
    """Two normal components: (m0, log(m1 - m0) or, with free labels, m1, the logs of the scales, the logit of the weight of the first)."""
    if abs(x[2]) > 50.0 or abs(x[3]) > 50.0 or (ordered[0] and x[1] > 50.0):
        return -math.inf
    m = np.array([x[0], x[0] + math.exp(x[1]) if ordered[0] else x[1]])
    total = two_normals(m, x[2:4], x[4], y, out)
    for k in range(2):  # means ~ N(0, 2), scales ~ half-normal(0, 2)
        total -= 0.125 * m[k] * m[k] + 0.125 * math.exp(2.0 * x[2 + k]) - x[2 + k]
        out[k] -= 0.25 * m[k]
        out[2 + k] += 1.0 - 0.25 * math.exp(2.0 * x[2 + k])
    total += 5.0 * (log_sigmoid(x[4]) + log_sigmoid(-x[4]))  # weight ~ Beta(5, 5)
    out[4] += 5.0 * (1.0 - 2.0 * sigmoid(x[4]))
    if ordered[0]:
        out[0], out[1] = out[0] + out[1], out[1] * math.exp(x[1]) + 1.0
        total += x[1]
    return total


@njit
def flow(state, rates, out):
    """Lotka and Volterra's equations and, in rows 1 to 6, their linearisation by the logs of four rates and two initial states."""
    u, v = state[0]
    alpha, beta, gamma, delta = rates
    out[0, 0], out[0, 1] = u * (alpha - beta * v), v * (delta * u - gamma)
    for k in range(1, 7):
        du, dv = state[k]
        out[k, 0], out[k, 1] = du * (alpha - beta * v) - u * beta * dv, dv * (delta * u - gamma) + v * delta * du
    out[1, 0] += u * alpha
    out[2, 0] -= u * v * beta
    out[3, 1] -= v * gamma
    out[4, 1] += u * v * delta


@njit
def lynx_and_hare(x, out, pelts, steps):
    """Pelts ~ log-normal about Lotka and Volterra's orbit by Runge-Kutta steps of a tenth of a year; logs of rates, initial states and errors."""
    for k in range(8):
        if abs(x[k]) > 20.0:
            return -math.inf
    rates = np.array([math.exp(x[0]), 0.05 * math.exp(x[1]), math.exp(x[2]), 0.05 * math.exp(x[3])])
    state, k1, k2, k3, k4 = np.zeros((7, 2)), np.empty((7, 2)), np.empty((7, 2)), np.empty((7, 2)), np.empty((7, 2))
    state[0, 0], state[0, 1] = 10.0 * math.exp(x[4]), 10.0 * math.exp(x[5])
    state[5, 0], state[6, 1] = state[0, 0], state[0, 1]
    total, h = 0.0, 1.0 / steps[0]
    for k in range(4):  # alpha, gamma ~ N(1, 0.5), beta, delta ~ N(0.05, 0.05), positive; initial states ~ log-normal(log 10, 1)
        centre, width = (1.0, 0.5) if k % 2 == 0 else (0.05, 0.05)
        r = (rates[k] - centre) / width
        total += x[k] - 0.5 * r * r
        out[k] = 1.0 - r / width * rates[k]
    for k in range(4, 8):  # errors ~ log-normal(-1, 1)
        total -= 0.5 * x[k] * x[k]
        out[k] = -x[k]
    for year in range(pelts.shape[0]):
        for s in range(2):
            if not TINY < state[0, s] < 1e9:
                return -math.inf
            sigma = math.exp(x[6 + s] - 1.0)
            r = (math.log(pelts[year, s]) - math.log(state[0, s])) / sigma
            total -= 0.5 * r * r + x[6 + s]
            out[6 + s] += r * r - 1.0
            for k in range(6):
                out[k] += r / sigma * state[1 + k, s] / state[0, s]
        for _ in range(steps[0] if year + 1 < pelts.shape[0] else 0):
            flow(state, rates, k1)
            flow(state + 0.5 * h * k1, rates, k2)
            flow(state + 0.5 * h * k2, rates, k3)
            flow(state + h * k3, rates, k4)
            state += h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return total


@njit
def t_regression(x, out, design, y):
    """y ~ t_nu(X beta, sigma), beta ~ N(0, 2), sigma ~ half-normal(0, 1), nu ~ gamma(2, 0.1): (beta, log sigma, log nu)."""
    n, p = design.shape
    if abs(x[p]) > 50.0 or abs(x[p + 1]) > 25.0:
        return -math.inf
    sigma, nu = math.exp(x[p]), math.exp(x[p + 1])
    total = x[p] - 0.5 * sigma * sigma + 2.0 * x[p + 1] - 0.1 * nu
    total += n * (math.lgamma(0.5 * nu + 0.5) - math.lgamma(0.5 * nu) - 0.5 * x[p + 1] - x[p])
    d_nu = n * 0.5 * (digamma(0.5 * nu + 0.5) - digamma(0.5 * nu) - 1.0 / nu)
    out[p] = 1.0 - sigma * sigma - n
    for j in range(p):
        total -= 0.125 * x[j] * x[j]
        out[j] = -0.25 * x[j]
    for i in range(n):
        r = (y[i] - (design[i] * x[:p]).sum()) / sigma
        q = r * r / nu
        total -= 0.5 * (nu + 1.0) * math.log1p(q)
        pull = (nu + 1.0) / nu * r / (1.0 + q)
        d_nu += -0.5 * math.log1p(q) + 0.5 * (nu + 1.0) / nu * q / (1.0 + q)
        out[p] += pull * r
        for j in range(p):
            out[j] += pull * design[i, j] / sigma
    out[p + 1] = 2.0 - 0.1 * nu + nu * d_nu
    return total


@njit
def hierarchy(x, out, successes, trials):
    """998 groups, successes ~ binomial(trials, logit = theta_j), theta ~ N(mu, tau), mu ~ N(0, 5), tau ~ half-normal(0, 1): (mu, log tau, theta)."""
    mu, log_tau = x[0], x[1]
    if abs(log_tau) > 50.0:
        return -math.inf
    tau = math.exp(log_tau)
    total = -0.02 * mu * mu + log_tau - 0.5 * tau * tau
    out[0], out[1] = -0.04 * mu, 1.0 - tau * tau
    for j in range(successes.size):
        t = x[2 + j]
        z = (t - mu) / tau
        total += successes[j] * t - trials[j] * (max(t, 0.0) + math.log1p(math.exp(-abs(t)))) - 0.5 * z * z - log_tau
        out[0] += z / tau
        out[1] += z * z - 1.0
        out[2 + j] = successes[j] - trials[j] * sigmoid(t) - z / tau
    return total


# Stack loss of a plant (Brownlee 1960): air flow, water temperature, acid concentration, loss.
STACK = np.array([
    80, 27, 89, 42, 80, 27, 88, 37, 75, 25, 90, 37, 62, 24, 87, 28, 62, 22, 87, 18, 62, 23, 87, 18, 62, 24, 93, 19, 62, 24, 93, 20,
    58, 23, 87, 15, 58, 18, 80, 14, 58, 18, 89, 14, 58, 17, 88, 13, 58, 18, 82, 11, 58, 19, 93, 12, 50, 18, 89, 8, 50, 18, 86, 7,
    50, 19, 72, 8, 50, 19, 79, 8, 50, 20, 80, 9, 56, 20, 82, 15, 70, 20, 91, 15]).reshape(21, 4).astype(float)  # fmt: skip
# Thousands of pelts of hares and lynxes that the Hudson Bay Company bought, 1900 to 1920.
HARES = [30, 47.2, 70.2, 77.4, 36.3, 20.6, 18.1, 21.4, 22, 25.4, 27.1, 40.3, 57, 76.6, 52.3, 19.5, 11.2, 7.6, 14.6, 16.2, 24.7]
LYNXES = [4, 6.1, 9.8, 35.2, 59.4, 41.7, 19, 13, 8.3, 9.1, 7.4, 8, 12.3, 19.5, 45.7, 51.1, 29.7, 15.8, 9.7, 10.1, 8.6]


def posteriors() -> dict[str, wc.Density]:
    """Eight posteriors, and a ninth whose two modes are mirror images."""
    rng = np.random.default_rng(2026)
    n = 300
    h = np.empty(n)
    h[0] = -1.0 + 0.25 / math.sqrt(1 - 0.95**2) * rng.standard_normal()
    for t in range(1, n):
        h[t] = -1.0 + 0.95 * (h[t - 1] + 1.0) + 0.25 * rng.standard_normal()
    returns = np.exp(0.5 * h) * rng.standard_normal(n)
    ability, difficulty, discrimination = rng.standard_normal(100), rng.standard_normal(20), np.exp(0.5 * rng.standard_normal(20))
    right = rng.random((20, 100)) < 1.0 / (1.0 + np.exp(-discrimination[:, None] * (ability - difficulty[:, None])))
    place = np.linspace(0.0, 10.0, 25)
    counts = rng.poisson(np.exp(1.0 + np.sin(place) + 0.1 * place)).astype(float)
    design = rng.standard_normal((60, 20))
    responses = design[:, :4] @ np.array([3.0, -2.0, 1.0, 0.5]) + rng.standard_normal(60)
    pair = np.where(rng.random(150) < 0.4, rng.normal(0.0, 0.7, 150), rng.normal(2.2, 1.1, 150))
    apart = np.where(rng.random(150) < 0.4, rng.normal(-2.0, 0.7, 150), rng.normal(2.2, 1.1, 150))
    pelts = np.column_stack([HARES, LYNXES])
    plant = (STACK - STACK.mean(0)) / STACK.std(0)
    trials = np.full(998, 10.0)
    successes = rng.binomial(10, 1.0 / (1.0 + np.exp(-rng.normal(0.5, 0.7, 998)))).astype(float)
    entries = {
        "stochastic volatility": (stochastic_volatility, 303, (returns,)),
        "item response": (item_response, 143, (right.astype(float),)),
        "Gaussian process": (gaussian_process, 28, (place, counts)),
        "sparse regression": (sparse_regression, 43, (design, responses)),
        "mixture": (mixture, 5, (pair, np.array([1]))),
        "lynx and hare": (lynx_and_hare, 8, (pelts, np.array([10]))),
        "t regression": (t_regression, 6, (np.column_stack([np.ones(21), plant[:, :3]]), plant[:, 3].copy())),
        "hierarchy of 1,000": (hierarchy, 1000, (successes, trials)),
        "mixture, labels free": (mixture, 5, (apart, np.array([0]))),
    }
    return {name: wc.Density(logp_and_grad=f, dim=dim, data=data, name=name) for name, (f, dim, data) in entries.items()}
