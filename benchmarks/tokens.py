"""Totals of the two exponents and of the stream in random transformer stacks with the norm first, beside the theory: ``python benchmarks/tokens.py``."""

import math

import numpy as np
import torch
from torch import nn

from weakchaos.core.text_table import aligned
from weakchaos.renormalization import token_exponents, token_flow

STACKS = 4
# activation, width, depth, scales of attention and MLP, standard deviations of values and of both weights, power of the depth of branches
CASES = (
    ("relu", 192, 24, 1.0, 1.0, 0.5, math.sqrt(2), 0.5, 0.0),
    ("tanh", 192, 24, 0.3, 1.0, 1.0, 3.0, 1.0, 0.0),
    ("tanh", 192, 24, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0),
    ("relu", 128, 8, 1.0, 1.0, 1.0, math.sqrt(2), 1.0, 0.5),
    ("relu", 128, 32, 1.0, 1.0, 1.0, math.sqrt(2), 1.0, 0.5),
)


class Layer(nn.Module):
    """Attention and MLP, each of which reads the stream divided by its root mean square."""

    def __init__(self, phi, width, scale, mlp_scale, v, s1, s2):
        super().__init__()
        self.phi, self.scales = phi, (scale, mlp_scale)
        draws = {"q": 1, "k": 1, "v": v, "first": s1, "second": s2}
        self.weights = nn.ParameterDict(
            {n: nn.Parameter(s * torch.randn(width, width) / math.sqrt(width)) for n, s in draws.items()}
        )

    def forward(self, x):
        def norm(z):
            return z / z.pow(2).mean(-1, keepdim=True).sqrt()

        w, y = self.weights, norm(x)
        logits = (y @ w["q"].T) @ (y @ w["k"].T).transpose(-1, -2) / math.sqrt(x.shape[-1])
        x = x + self.scales[0] * logits.softmax(-1) @ (y @ w["v"].T)
        return x + self.scales[1] * self.phi(norm(x) @ w["first"].T) @ w["second"].T


def case(name, width, depth, b, d, v, s1, s2, power):
    """Theory and measurement of one kind of stack."""
    theory = token_flow(depth, name, 1, b, v, 1, d, s1, s2, branch_power=power)
    shrink, found = depth**-power, []
    for _ in range(STACKS):
        stack = [Layer(getattr(torch, name), width, b * shrink, d * shrink, v, s1, s2) for _ in range(depth)]
        one = token_exponents(stack, torch.randn(2, 6, width), transient=0)
        found.append([*one.by_layer.sum(0), math.log(one.stream[-1] / one.stream[0])])
    mean, error = np.mean(found, 0), np.std(found, 0, ddof=1) / math.sqrt(STACKS)
    row = {"activation": name, "layers": depth, "width": width, "branches": f"depth ** -{power:g}"}
    for k, (key, exact) in enumerate(
        (("tokens", theory.transverse), ("shared", theory.longitudinal), ("stream", math.log(theory.stream[-1])))
    ):
        row |= {f"{key}, theory": round(exact, 3), f"{key}, measured": f"{mean[k]:.3f} ± {error[k]:.3f}"}
    return row


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(aligned([case(*c) for c in CASES]))
