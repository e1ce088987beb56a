"""The six targets of `bayes.py` in jax, for BlackJAX: functions of one vector, checked against our own log density and gradient before they are used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import weakchaos as wc
from weakchaos.targets.zoo.posteriors import breast_cancer


def in_jax(target: wc.Density) -> Callable[[Any], Any]:
    """The log density of a target of `bayes.py`, found by its name, up to a constant.

    Raises
    ------
    SystemExit
        If it is not that of `target`.
    """
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    regressors, benign, _ = breast_cancer()
    design = np.column_stack([np.ones(len(benign)), (regressors - regressors.mean(0)) / regressors.std(0)])
    signed = jnp.asarray(np.where(benign[:, None], design, -design))
    effects = jnp.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    errors = jnp.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])

    def schools(x: Any) -> Any:
        tau = jnp.exp(x[1])
        r = (effects - x[0] - tau * x[2:]) / errors
        return -(x[0] ** 2) / 50 + x[1] - jnp.log1p(tau**2 / 25) - 0.5 * (x[2:] @ x[2:]) - 0.5 * (r @ r)

    def logistic(x: Any) -> Any:
        return jax.nn.log_sigmoid(signed @ x).sum() - 0.5 * (x @ x)

    def valleys(x: Any) -> Any:
        a, b = x[::2], x[1::2]
        return -0.5 * ((a - 1) ** 2).sum() - 0.5 * ((a * a - b) ** 2).sum() / 0.1

    def banana(x: Any) -> Any:
        return -0.5 * (x[0] / 10) ** 2 - 0.5 * (x[1] - 0.03 * (x[0] ** 2 - 100)) ** 2

    def funnel(x: Any) -> Any:
        return -(x[0] ** 2) / 18 - 0.5 * (x[1:] @ x[1:]) * jnp.exp(-x[0]) - 0.5 * (x.size - 1) * x[0]

    def gaussian(x: Any) -> Any:
        return -0.5 * (x @ (precision @ x))

    if target.name == "ill_conditioned_gaussian":
        # The target holds its axes; minus its gradients at the unit vectors are the rows of its precision.
        precision = -jnp.asarray([target.gradient(row) for row in np.eye(target.dim)])
    made = {
        "eight_schools": schools, "logistic_regression": logistic, "ill_conditioned_gaussian": gaussian,
        "rosen36": valleys, "banana": banana, "funnel": funnel,
    }[str(target.name)]  # fmt: skip
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal((2, target.dim))
    steps = [(target.logp(one) - target.logp(other), target.gradient(one)), (made(one) - made(other), jax.grad(made)(one))]
    if not all(np.allclose(a, b, rtol=1e-8, atol=1e-8) for a, b in zip(*steps, strict=True)):
        raise SystemExit(f"{target.name}: the jax density is another one")
    return made
