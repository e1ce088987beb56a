"""How often the truth lies in the intervals that are given, for exponents of systems and of recorded series; how often surrogate tests reject true nulls.

python benchmarks/coverage.py --systems [--seeds 20]
python benchmarks/coverage.py --series [--starts 10]
python benchmarks/coverage.py --surrogates [--runs 400]
"""

from __future__ import annotations

import argparse

if __name__ == "coverage":
    # Numba asks for the package of this name when it is imported, and every benchmark finds this file first.
    raise ImportError("benchmarks/coverage.py is a script and not the package coverage")


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", action="store_true", help="exponents of systems, with and without a Jacobian")
    parser.add_argument("--seeds", type=int, default=20, help="runs of each system (20)")
    parser.add_argument("--series", action="store_true", help="95 %% intervals of exponents from recorded series")
    parser.add_argument("--starts", type=int, default=10, help="series of each system (10)")
    parser.add_argument("--surrogates", action="store_true", help="size and power of surrogate tests")
    parser.add_argument("--runs", type=int, default=400, help="series of each null process (400)")
    chosen = parser.parse_args()
    if chosen.systems:
        import coverage_systems

        coverage_systems.main(chosen.seeds)
    if chosen.series:
        import coverage_series

        coverage_series.run(chosen.starts)
    if chosen.surrogates:
        import coverage_surrogates

        coverage_surrogates.main(["--runs", str(chosen.runs)])


if __name__ == "__main__":
    main()
