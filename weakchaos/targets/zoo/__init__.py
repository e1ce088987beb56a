"""The zoo: targets whose means and standard deviations are known, to measure samplers against.

Every function returns a `ZooDensity`; `names` lists them and `make` builds one by its name.
"""

from weakchaos.targets.zoo.base import ZooDensity, make, names
from weakchaos.targets.zoo.gaussians import correlated_gaussian, gaussian, gaussian_mixture, ill_conditioned_gaussian
from weakchaos.targets.zoo.posteriors import eight_schools, logistic_regression
from weakchaos.targets.zoo.shapes import banana, funnel, rosenbrock, student_t

__all__ = [
    "ZooDensity",
    "banana",
    "correlated_gaussian",
    "eight_schools",
    "funnel",
    "gaussian",
    "gaussian_mixture",
    "ill_conditioned_gaussian",
    "logistic_regression",
    "make",
    "names",
    "rosenbrock",
    "student_t",
]
