"""Exponential families (E1): one class per family, each a page of formulas on one small base.

A family holds the functions of the natural parameters θ and of the points x that natural gradients
need: the log-partition function, mean parameters, Fisher information and its inverse,
Kullback-Leibler divergence, statistics and their Jacobian, samples and fits.

Every public module of this package is a family, or a tight group of them, and is found by its
presence: a new family takes one file. Its class says which instances and members laws, evidence and
tables shall try (:func:`all_families`). Modules load when a name is first used.
"""

from typing import TYPE_CHECKING, Any

from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._conditioning import OPERATIONS, WithError, with_error
from ingd_ref.families._discovery import all_families, family_classes, lookup, offered
from ingd_ref.families._from_scipy import from_scipy
from ingd_ref.families._geometry import e_geodesic, m_geodesic
from ingd_ref.families._metric import CHARTS
from ingd_ref.families._parameters import POSITIVE, REAL, Constraint, Parameter
from ingd_ref.families._prior import ConjugatePrior
from ingd_ref.families._projection import Projection, e_projection, m_projection

_OWN = (
    "CHARTS",
    "OPERATIONS",
    "POSITIVE",
    "REAL",
    "ConjugatePrior",
    "Constraint",
    "ExponentialFamily",
    "Parameter",
    "Projection",
    "WithError",
    "all_families",
    "e_geodesic",
    "e_projection",
    "family_classes",
    "from_scipy",
    "m_geodesic",
    "m_projection",
    "with_error",
)

if TYPE_CHECKING:
    # For editors and type checkers, which do not run the search below. A family that is not named
    # here works all the same, typed as Any.
    from ingd_ref.families.bernoulli import Bernoulli
    from ingd_ref.families.beta import Beta
    from ingd_ref.families.binomial import Binomial
    from ingd_ref.families.categorical import Categorical
    from ingd_ref.families.centred_gaussian import CentredGaussian
    from ingd_ref.families.chi_squared import ChiSquared
    from ingd_ref.families.diagonal_gaussian import DiagonalGaussian
    from ingd_ref.families.dirichlet import Dirichlet
    from ingd_ref.families.exponential import Exponential
    from ingd_ref.families.exponential_tilt import ExponentialTilt
    from ingd_ref.families.gamma import Gamma
    from ingd_ref.families.gaussian import Gaussian
    from ingd_ref.families.geometric import Geometric
    from ingd_ref.families.inverse_gamma import InverseGamma
    from ingd_ref.families.inverse_gaussian import InverseGaussian
    from ingd_ref.families.inverse_wishart import InverseWishart
    from ingd_ref.families.ising import Ising
    from ingd_ref.families.isotropic_gaussian import IsotropicGaussian
    from ingd_ref.families.known_covariance_gaussian import KnownCovarianceGaussian
    from ingd_ref.families.laplace import Laplace
    from ingd_ref.families.log_normal import LogNormal
    from ingd_ref.families.maxwell import Maxwell
    from ingd_ref.families.multinomial import Multinomial
    from ingd_ref.families.multivariate_gaussian import MultivariateGaussian
    from ingd_ref.families.negative_binomial import NegativeBinomial
    from ingd_ref.families.pareto import Pareto
    from ingd_ref.families.poisson import Poisson
    from ingd_ref.families.product import Product
    from ingd_ref.families.rayleigh import Rayleigh
    from ingd_ref.families.von_mises import VonMises
    from ingd_ref.families.von_mises_fisher import VonMisesFisher
    from ingd_ref.families.weibull import Weibull
    from ingd_ref.families.wishart import Wishart

    __all__ = [
        "CHARTS",
        "OPERATIONS",
        "POSITIVE",
        "REAL",
        "Bernoulli",
        "Beta",
        "Binomial",
        "Categorical",
        "CentredGaussian",
        "ChiSquared",
        "ConjugatePrior",
        "Constraint",
        "DiagonalGaussian",
        "Dirichlet",
        "Exponential",
        "ExponentialFamily",
        "ExponentialTilt",
        "Gamma",
        "Gaussian",
        "Geometric",
        "InverseGamma",
        "InverseGaussian",
        "InverseWishart",
        "Ising",
        "IsotropicGaussian",
        "KnownCovarianceGaussian",
        "Laplace",
        "LogNormal",
        "Maxwell",
        "Multinomial",
        "MultivariateGaussian",
        "NegativeBinomial",
        "Parameter",
        "Pareto",
        "Poisson",
        "Product",
        "Projection",
        "Rayleigh",
        "VonMises",
        "VonMisesFisher",
        "Weibull",
        "Wishart",
        "WithError",
        "all_families",
        "e_geodesic",
        "e_projection",
        "family_classes",
        "from_scipy",
        "m_geodesic",
        "m_projection",
        "with_error",
    ]


def __getattr__(name: str) -> Any:
    if name == "__all__":
        found = offered()
        globals().update(found)
        return sorted([*_OWN, *found])
    globals()[name] = found = lookup(name)
    return found


def __dir__() -> list[str]:
    return sorted([*_OWN, *offered()])
