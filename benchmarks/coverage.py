"""How often the truth lies in the intervals that are given: exponents of systems.

python benchmarks/coverage.py --systems [--seeds 20]
"""

from __future__ import annotations

import argparse


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", action="store_true", help="exponents of systems, with and without a Jacobian")
    parser.add_argument("--seeds", type=int, default=20, help="runs of each system (20)")
    chosen = parser.parse_args()
    if chosen.systems:
        import coverage_systems

        coverage_systems.main(chosen.seeds)


if __name__ == "__main__":
    main()
