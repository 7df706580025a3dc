"""Generators x = g(z; w) of samples with exact products of their parameter Jacobians (N1)."""

from ingd_ref.generators._affine import Affine
from ingd_ref.generators._base import Generator, Linearisation
from ingd_ref.generators._jax import from_jax
from ingd_ref.generators._location_scale import LocationScale
from ingd_ref.generators._mixture_quantile import GaussianMixtureQuantile
from ingd_ref.generators._multilayer_perceptron import MultilayerPerceptron
from ingd_ref.generators._quantile import QuantileGenerator
from ingd_ref.generators._torch import from_torch
from ingd_ref.generators._triangular_polynomial import TriangularPolynomial
from ingd_ref.generators._user import UserGenerator

__all__ = [
    "Affine",
    "GaussianMixtureQuantile",
    "Generator",
    "Linearisation",
    "LocationScale",
    "MultilayerPerceptron",
    "QuantileGenerator",
    "TriangularPolynomial",
    "UserGenerator",
    "from_jax",
    "from_torch",
]
