"""Slow oracles of what rests on delay vectors: correlation sums, prediction, divergence of neighbours, twins."""


def vectors(x, dim, delay):
    return [tuple(x[t + k * delay] for k in range(dim)) for t in range(len(x) - (dim - 1) * delay)]


def maximum_distance(a, b):
    return max(abs(p - q) for p, q in zip(a, b, strict=True))


def correlation_sum(x, dim, max_dim, delay, theiler, radius, step=1, without=None):
    """Share of pairs closer than `radius` in `dim` dimensions, among vectors that exist in `max_dim`; without those that touch a stretch."""
    rows = len(x) - (max_dim - 1) * delay
    points = vectors(x, dim, delay)[:rows]
    out = set() if without is None else set(range(without * rows // 8, (without + 1) * rows // 8))
    close = total = 0
    for i in range(0, rows - theiler - 1, step):
        for j in range(i + theiler + 1, rows):
            if i in out or j in out:
                continue
            total += 1
            close += maximum_distance(points[i], points[j]) < radius
    return close / total
