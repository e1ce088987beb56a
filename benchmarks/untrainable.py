"""Three networks that are hard to train, and what following the sentences of a probe makes of them: accuracy on handwritten digits before and after.

    python benchmarks/untrainable.py [--quick] [--json PATH]

60 tanh layers of 64 units at PyTorch's default start; a post-norm transformer of 24 layers of 64 units at PyTorch's defaults, under Adam at 0.001 without
warm-up; and an MLP of width 2,048 whose initial
weights and learning rate do not know of its width. The first two are changed by `report.apply()`, the third by the advice of `probe.scaling`, asked again until
it says that nothing is to be changed. Each network is trained twice from the same numbers, on the 1,797 digits of scikit-learn (needs torch and
scikit-learn); the accuracy on 497 digits that were held back is printed, one value for each seed. Chance is 0.1. Learning rates and
numbers of steps were chosen on seed 0; `--seeds` and `--first` ask others. About six CPU minutes.
"""

from __future__ import annotations

import copy
import os
import sys
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402 (threads are counted when it is loaded)
import torch  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402
from timing import Row, parser, print_machine, print_rows, write_json  # noqa: E402

import weakchaos as wc  # noqa: E402

nn = torch.nn
probe = wc.renormalization.probe
WIDTH, BASE = 2048, 64


def digits(seed: int):
    x, y = load_digits(return_X_y=True)
    x = (x - x.mean()) / x.std()
    order = np.random.default_rng(seed).permutation(len(x))
    learn, test = order[497:], order[:497]
    return (torch.as_tensor(x[learn], dtype=torch.float32), torch.as_tensor(y[learn])), (
        torch.as_tensor(x[test], dtype=torch.float32),
        torch.as_tensor(y[test]),
    )


def accuracy_after(model, groups, data, steps: int, seed: int) -> float:
    (x, y), (x_test, y_test) = data
    optimiser, order = torch.optim.Adam(groups), torch.Generator().manual_seed(seed)
    model.train()
    for _ in range(steps):
        batch = torch.randint(len(x), (64,), generator=order)
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
        optimiser.step()
    model.eval()
    with torch.no_grad():
        return float((model(x_test).argmax(1) == y_test).float().mean())


def deep_mlp() -> nn.Module:
    layers: list[nn.Module] = []
    for _ in range(60):
        layers += [nn.Linear(64, 64), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(64, 10))


class Transformer(nn.Module):
    """Squares of 2 x 2 pixels of a digit as sixteen tokens, whose mean says little of the digit: it has to be read off their differences."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(4, 64)
        self.place = nn.Parameter(0.5 * torch.randn(16, 64))
        make = [nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True) for _ in range(24)]
        self.blocks = nn.ModuleList(make)
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        squares = x.reshape(-1, 4, 2, 4, 2).transpose(2, 3).reshape(-1, 16, 4)
        x = self.embed(squares) + self.place
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean(1))


def wide_mlp(width: int) -> nn.Module:
    """Weights of the same spread at any width."""
    model = nn.Sequential(nn.Linear(64, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 10))
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=BASE**-0.5)
            nn.init.zeros_(layer.bias)
    return model


def probed(make, lr: float, steps: int, seeds: range, title: str) -> list[Row]:
    before, after = [], []
    for seed in seeds:
        data = digits(seed)
        torch.manual_seed(seed)
        model = make()
        report = probe(model, data[0][0][:50], directions=4)
        if seed == seeds[0]:
            print(f"{title}: {report.advice()}", flush=True)
        changed = report.apply()
        before.append(accuracy_after(model, [{"params": model.parameters(), "lr": lr}], data, steps, seed))
        after.append(accuracy_after(changed, [{"params": changed.parameters(), "lr": lr}], data, steps, seed))
        print(
            f"  seed {seed}: {before[-1]:.3f} before, {after[-1]:.3f} after; {time.process_time():.0f} CPU seconds so far",
            flush=True,
        )
    return [Row(f"{title}: before", "accuracy", before), Row(f"{title}: after", "accuracy", after)]


def scaled(lr: float, steps: int, seeds: range, width: int) -> list[Row]:
    x, y = (t[:48] for t in digits(0)[0])
    reports: list = []

    def changed(n: int) -> nn.Module:
        model = wide_mlp(n)
        for report in reports:
            report.apply(model, lr, n, BASE)
        return model

    for _ in range(3):
        report = probe.scaling(changed, [64, 128, 256, 512], x, y, optimiser="adam")
        print(f"MLP of width {width}: {report.advice()}", flush=True)
        if report.advice().startswith("Change nothing"):
            break
        reports.append(report)
        if report.factors(width, BASE)[1]:
            break  # learning rates are no part of `make`, so they are asked for once
    before, after = [], []
    for seed in seeds:
        data = digits(seed)
        torch.manual_seed(seed)
        model = wide_mlp(width)
        other = copy.deepcopy(model)
        groups = [{"params": other.parameters(), "lr": lr}]
        for report in reports:
            groups = report.apply(other, lr, width, BASE)
        before.append(accuracy_after(model, [{"params": model.parameters(), "lr": lr}], data, steps, seed))
        after.append(accuracy_after(other, groups, data, steps, seed))
        print(
            f"  seed {seed}: {before[-1]:.3f} before, {after[-1]:.3f} after; {time.process_time():.0f} CPU seconds so far",
            flush=True,
        )
    return [Row(f"MLP of width {width}: before", "accuracy", before), Row(f"MLP of width {width}: after", "accuracy", after)]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--only", choices=("mlp", "transformer", "width"), help="one of the three networks")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--first", type=int, default=3, help="the first seed; settings were chosen on 0")
    arguments = options.parse_args()
    print_machine()
    torch.set_num_threads(1)
    quick = arguments.quick
    seeds = range(arguments.first, arguments.first + (1 if quick else arguments.seeds))
    begin = time.process_time()
    rows = []
    if arguments.only in (None, "mlp"):
        rows += probed(deep_mlp, 2e-4, 20 if quick else 200, seeds, "60 tanh layers")
    if arguments.only in (None, "transformer"):
        rows += probed(Transformer, 1e-3, 5 if quick else 100, seeds, "post-norm transformer of 24 layers")
    if arguments.only in (None, "width"):
        rows += scaled(3e-2, 5 if quick else 25, seeds, 256 if quick else WIDTH)
    print_rows("Accuracy", rows)
    for row in rows:
        print(f"{row.name}: {', '.join(f'{v:.3f}' for v in row.values)}")
    print(f"\n{time.process_time() - begin:.0f} CPU seconds")
    write_json(arguments.json, "untrainable", {"Accuracy": rows})


if __name__ == "__main__":
    main()
