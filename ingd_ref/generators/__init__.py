"""Generators x = g(z; w) of samples with exact products of their parameter Jacobians, for the natural gradient flow (N1)–(N4) of [L25]."""

from ingd_ref.generators._affine import Affine
from ingd_ref.generators._base import Generator, Linearisation
from ingd_ref.generators._jax import JaxGenerator, from_jax
from ingd_ref.generators._location_scale import LocationScale
from ingd_ref.generators._mixture_quantile import GaussianMixtureQuantile
from ingd_ref.generators._multilayer_perceptron import MultilayerPerceptron
from ingd_ref.generators._quantile import QuantileGenerator
from ingd_ref.generators._torch import TorchGenerator, from_torch
from ingd_ref.generators._triangular_polynomial import TriangularPolynomial
from ingd_ref.generators._user import UserGenerator

__all__ = [
    "Affine",
    "GaussianMixtureQuantile",
    "Generator",
    "JaxGenerator",
    "Linearisation",
    "LocationScale",
    "MultilayerPerceptron",
    "QuantileGenerator",
    "TorchGenerator",
    "TriangularPolynomial",
    "UserGenerator",
    "from_jax",
    "from_torch",
]
