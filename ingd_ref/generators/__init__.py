"""Generators x = g(z; w) of samples with exact products of their parameter Jacobians, for the natural gradient flow (N1)–(N4) of [L25]."""

from ingd_ref.generators._affine import Affine
from ingd_ref.generators._base import Generator, Linearisation
from ingd_ref.generators._location_scale import LocationScale
from ingd_ref.generators._mixture_quantile import GaussianMixtureQuantile
from ingd_ref.generators._multilayer_perceptron import MultilayerPerceptron
from ingd_ref.generators._quantile import QuantileGenerator

__all__ = [
    "Affine",
    "GaussianMixtureQuantile",
    "Generator",
    "Linearisation",
    "LocationScale",
    "MultilayerPerceptron",
    "QuantileGenerator",
]
