#!/usr/bin/env bash
# e3nn 0.6.0 (PyPI) with torch 2.13.0 on a CPU: `Irrep.D_from_matrix(R)` and `wigner_D` of a rotation in double precision return matrices in double precision
# that are orthogonal to 1e-13 and stand for another rotation than the one given, by about 1e-6.
#
# The generators of the rotations are made in torch's default type (single precision) and only then are cast to the type of the angles, so that the digits that
# are gone are hidden by an exact matrix exponential. For degree 1 and odd parity the representation is the rotation itself, so D - R should be 0 to rounding.
# Expected of double precision input and output: 1e-14, as is got after torch.set_default_dtype(torch.float64). The documentation of D_from_matrix and of
# wigner_D does not mention the default type, and e3nn's spherical harmonics and linear layers do follow the type of their input.
#
# Output seen:
#   degree 1, D - R                 default float32: 3.4e-07   default float64: 3.1e-15
#   degree 4, D Y(x) - Y(R x)       default float32: 1.2e-06   default float64: 1.0e-14
#   degree 4, D transpose(D) - 1    default float32: 2.0e-14   default float64: 2.6e-14
# The script exits with an error if that changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 e3nn==0.6.0
"$work/venv/bin/python" - <<'PY'
import torch
from e3nn import o3


def errors(default):
    torch.set_default_dtype(default)
    generator = torch.Generator().manual_seed(0)
    worst = [0.0, 0.0, 0.0]
    for _ in range(20):
        q, r = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
        rotation = q * torch.det(q)
        x = torch.nn.functional.normalize(torch.randn(50, 3, generator=generator, dtype=torch.float64), dim=1)
        one, four = (o3.Irrep(degree, (-1) ** degree).D_from_matrix(rotation) for degree in (1, 4))
        assert one.dtype == four.dtype == torch.float64
        y, turned = (o3.spherical_harmonics(4, z, True, normalization="norm") for z in (x, x @ rotation.T))
        found = (one - rotation, y @ four.T - turned, four @ four.T - torch.eye(9, dtype=torch.float64))
        worst = [max(w, float(f.abs().max())) for w, f in zip(worst, found)]
    return worst


single, double = errors(torch.float32), errors(torch.float64)
for name, s, d in zip(("degree 1, D - R", "degree 4, D Y(x) - Y(R x)", "degree 4, D transpose(D) - 1"), single, double):
    print(f"{name:31s} default float32: {s:.1e}   default float64: {d:.1e}")
assert single[0] > 1e-7 and single[1] > 1e-7, "the default type no longer matters"
assert single[2] < 1e-11 and max(double) < 1e-11
PY
