"""The two exponents of random transformer stacks beside the theory: ``python benchmarks/tokens.py``.

With the norm after the branches they are rates per layer, and the last column says by how many standard errors of the mean the farther of the two lies from its
theory of infinite width. With the norm before the branches they are totals over all layers, beside that of the stream.
"""

import math

import numpy as np
import torch
from torch import nn

from weakchaos.core.text_table import aligned
from weakchaos.renormalization import token_exponents, token_flow, token_theory

STACKS = 4
# activation, width, depth, scales of attention and MLP, standard deviations of values and of both weights, power of the depth of branches
CASES = (
    ("relu", 192, 24, 1.0, 1.0, 0.5, math.sqrt(2), 0.5, 0.0),
    ("tanh", 192, 24, 0.3, 1.0, 1.0, 3.0, 1.0, 0.0),
    ("tanh", 192, 24, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0),
    ("relu", 128, 8, 1.0, 1.0, 1.0, math.sqrt(2), 1.0, 0.5),
    ("relu", 128, 32, 1.0, 1.0, 1.0, math.sqrt(2), 1.0, 0.5),
)


# activation; skip and scale of attention, of the MLP, and standard deviations of values and of both weights; "torch" is nn.TransformerEncoderLayer as it comes
POST_WIDTH, POST_DEPTH, POST_TOKENS = 384, 22, 8
POST_CASES = (
    ("relu", (1, 0.5, 1, 1, 1, math.sqrt(2), 1)),
    ("relu", (0.8, 0.6, 0.8, 0.6, 1, 2, 1.5)),
    ("tanh", (1, 0.5, 1, 1, 1, math.sqrt(2), 1)),
    ("tanh", (1, 0.5, 1, 1, 1, 3, 1)),
    ("tanh", (1, 0.3, 0.5, 1, 1, 3, 3)),
    ("torch", (1, 6**-0.5, 1, 1, 1, math.sqrt(2), 1)),
)


def norm(z):
    return z / z.pow(2).mean(-1, keepdim=True).sqrt()


def random_weights(width, v, s1, s2):
    draws = {"q": 1, "k": 1, "v": v, "first": s1, "second": s2}
    return nn.ParameterDict({n: nn.Parameter(s * torch.randn(width, width) / math.sqrt(width)) for n, s in draws.items()})


def attended(w, y):
    logits = (y @ w["q"].T) @ (y @ w["k"].T).transpose(-1, -2) / math.sqrt(y.shape[-1])
    return logits.softmax(-1) @ (y @ w["v"].T)


class PostLayer(nn.Module):
    """Attention and MLP, after each of which the stream is divided by its root mean square."""

    def __init__(self, phi, width, skip, scale, mlp_skip, mlp_scale, v, s1, s2):
        super().__init__()
        self.phi, self.scales, self.weights = phi, (skip, scale, mlp_skip, mlp_scale), random_weights(width, v, s1, s2)

    def forward(self, x):
        w, (a, b, c, d) = self.weights, self.scales
        x = norm(a * x + b * attended(w, x))
        return norm(c * x + d * self.phi(x @ w["first"].T) @ w["second"].T)


class Layer(nn.Module):
    """Attention and MLP, each of which reads the stream divided by its root mean square."""

    def __init__(self, phi, width, scale, mlp_scale, v, s1, s2):
        super().__init__()
        self.phi, self.scales, self.weights = phi, (scale, mlp_scale), random_weights(width, v, s1, s2)

    def forward(self, x):
        w = self.weights
        x = x + self.scales[0] * attended(w, norm(x))
        return x + self.scales[1] * self.phi(norm(x) @ w["first"].T) @ w["second"].T


def post_case(name, setting, stacks=STACKS):
    """Theory and measurement of one kind of stack with the norm after the branches."""
    al, be, am, bm, v, s1, s2 = setting
    found = []
    for _ in range(stacks):
        if name == "torch":
            make = [nn.TransformerEncoderLayer(256, 4, 1024, dropout=0.0, batch_first=True) for _ in range(POST_DEPTH)]
        else:
            make = [PostLayer(getattr(torch, name), POST_WIDTH, *setting) for _ in range(POST_DEPTH)]
        width = 256 if name == "torch" else POST_WIDTH
        one = token_exponents(make, torch.randn(1, POST_TOKENS, width), transient=2)
        found.append((one.transverse, one.longitudinal))
    mean, error = np.mean(found, 0), np.std(found, 0, ddof=1) / math.sqrt(stacks)
    theory = token_theory("relu" if name == "torch" else name, al, be, v, am, bm, s1, s2)
    exact = np.array([theory.transverse, theory.longitudinal])
    row = {"activation": name, "setting": " ".join(f"{value:.3g}" for value in setting), "stacks": stacks}
    for k, key in enumerate(("transverse", "longitudinal")):
        row |= {f"{key}, theory": round(exact[k], 4), f"{key}, measured": f"{mean[k]:.4f} ± {error[k]:.4f}"}
    return row | {"errors apart": round(float(np.abs((mean - exact) / error).max()), 1)}


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
    print(aligned([post_case(*c) for c in POST_CASES]), end="\n\n")
    torch.manual_seed(0)
    print(aligned([case(*c) for c in CASES]))
