"""``python -m weakchaos.experiments NAME ...``: run experiments in full and store their numbers in the package.

``--seed`` chooses another seed; ``--again`` runs nothing and draws the verdicts anew from the stored numbers.
"""

from __future__ import annotations

import argparse

from weakchaos.experiments import names
from weakchaos.experiments.records import conclude_again, record, recorded_conclusion


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m weakchaos.experiments", description=__doc__)
    parser.add_argument("names", nargs="+", choices=names(), metavar="NAME")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--again", action="store_true", help="draw the verdicts anew from the stored numbers, without running anything"
    )
    options = parser.parse_args()
    for name in options.names:
        path = conclude_again(name) if options.again else record(name, options.seed)
        conclusion = recorded_conclusion(name)
        print(f"{path}\n" + "\n".join(conclusion.sentences() if conclusion else ()), flush=True)


if __name__ == "__main__":
    _main()
