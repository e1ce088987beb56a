"""Make the pictures of the documentation: ``python docs/pictures.py``; with names, those only, the long ones too.

They are drawn by the functions of `docs/drawings`, which have their names.
"""

import sys

from drawings import IMAGES, dynamics, herding, networks, samplers

SLOW = ("ising_criticality", "herded_gibbs_experiments", "digits_depth")  # made only when named


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    pictures = {
        name: f
        for module in (samplers, herding, dynamics, networks)
        for name, f in vars(module).items()
        if getattr(f, "__module__", "") == module.__name__ and not name.startswith("draw_")
    }
    for name in sys.argv[1:] or [name for name in pictures if name not in SLOW]:
        pictures[name]()
