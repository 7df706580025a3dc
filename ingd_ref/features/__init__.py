"""Sufficient statistics f: R^d → R^b with their Jacobians, as flows match them (section 4)."""

from ingd_ref.features._base import Features, Setting, require_features
from ingd_ref.features._family import FamilyStatistics
from ingd_ref.features._gaussian_rbf import GaussianRBF, RandomCenters
from ingd_ref.features._network import EnergyNetwork, NetworkFeatures
from ingd_ref.features._polynomial import Monomials, PairwiseProducts, Polynomial
from ingd_ref.features._random_fourier import RandomFourier
from ingd_ref.features._score_matching import TrainedNetwork, denoising_loss, train_energy_network
from ingd_ref.features._user import UserFeatures

__all__ = [
    "EnergyNetwork",
    "FamilyStatistics",
    "Features",
    "GaussianRBF",
    "Monomials",
    "NetworkFeatures",
    "PairwiseProducts",
    "Polynomial",
    "RandomCenters",
    "RandomFourier",
    "Setting",
    "TrainedNetwork",
    "UserFeatures",
    "denoising_loss",
    "require_features",
    "train_energy_network",
]
