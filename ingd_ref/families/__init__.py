"""Exponential families (E1): one class for each, a page of formulas on a small base.

A family has the functions of the natural parameters θ and of the points x that natural gradients
need: the log-partition function, mean parameters, the Fisher information and its inverse, the
Kullback-Leibler divergence, statistics and their Jacobian, samples and fits.

Every public module of this package is found by its presence, so a new family takes one file.
Modules load when a name is first used.
"""

from typing import TYPE_CHECKING, Any

from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._discovery import lookup, offered
from ingd_ref.families._from_scipy import from_scipy
from ingd_ref.families._parameters import POSITIVE, REAL, Constraint, Parameter

_OWN = ("POSITIVE", "REAL", "Constraint", "ExponentialFamily", "Parameter", "from_scipy")

if TYPE_CHECKING:
    # For editors and type checkers, which do not run the search below. A family that is not listed
    # here works all the same, typed as Any.
    from ingd_ref.families.bernoulli import Bernoulli as Bernoulli
    from ingd_ref.families.beta import Beta as Beta
    from ingd_ref.families.binomial import Binomial as Binomial
    from ingd_ref.families.categorical import Categorical as Categorical
    from ingd_ref.families.centred_gaussian import CentredGaussian as CentredGaussian
    from ingd_ref.families.chi_squared import ChiSquared as ChiSquared
    from ingd_ref.families.diagonal_gaussian import DiagonalGaussian as DiagonalGaussian
    from ingd_ref.families.dirichlet import Dirichlet as Dirichlet
    from ingd_ref.families.exponential import Exponential as Exponential
    from ingd_ref.families.exponential_tilt import ExponentialTilt as ExponentialTilt
    from ingd_ref.families.gamma import Gamma as Gamma
    from ingd_ref.families.gaussian import Gaussian as Gaussian
    from ingd_ref.families.geometric import Geometric as Geometric
    from ingd_ref.families.inverse_gamma import InverseGamma as InverseGamma
    from ingd_ref.families.inverse_gaussian import InverseGaussian as InverseGaussian
    from ingd_ref.families.inverse_wishart import InverseWishart as InverseWishart
    from ingd_ref.families.ising import Ising as Ising
    from ingd_ref.families.isotropic_gaussian import IsotropicGaussian as IsotropicGaussian
    from ingd_ref.families.known_covariance_gaussian import (
        KnownCovarianceGaussian as KnownCovarianceGaussian,
    )
    from ingd_ref.families.laplace import Laplace as Laplace
    from ingd_ref.families.log_normal import LogNormal as LogNormal
    from ingd_ref.families.maxwell import Maxwell as Maxwell
    from ingd_ref.families.multinomial import Multinomial as Multinomial
    from ingd_ref.families.multivariate_gaussian import MultivariateGaussian as MultivariateGaussian
    from ingd_ref.families.negative_binomial import NegativeBinomial as NegativeBinomial
    from ingd_ref.families.pareto import Pareto as Pareto
    from ingd_ref.families.poisson import Poisson as Poisson
    from ingd_ref.families.product import Product as Product
    from ingd_ref.families.rayleigh import Rayleigh as Rayleigh
    from ingd_ref.families.von_mises import VonMises as VonMises
    from ingd_ref.families.von_mises_fisher import VonMisesFisher as VonMisesFisher
    from ingd_ref.families.weibull import Weibull as Weibull
    from ingd_ref.families.wishart import Wishart as Wishart

    __all__ = ["POSITIVE", "REAL", "Constraint", "ExponentialFamily", "Parameter", "from_scipy"]


def __getattr__(name: str) -> Any:
    if name == "__all__":
        found = offered()
        globals().update(found)
        return sorted([*_OWN, *found])
    globals()[name] = found = lookup(name)
    return found


def __dir__() -> list[str]:
    return sorted([*_OWN, *offered()])
