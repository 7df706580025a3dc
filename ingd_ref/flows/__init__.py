"""Velocities of particles and of generator parameters towards a target, one pure function each."""

from ingd_ref.flows._bandwidth import BandwidthFlow
from ingd_ref.flows._energy import EnergyFlow, energy_velocity
from ingd_ref.flows._flow import Flow, VelocityFunction
from ingd_ref.flows._ingd import IngdSolution, ingd_velocity
from ingd_ref.flows._king import (
    DEFAULT,
    PUBLISHED,
    KiNG,
    KingVelocity,
    Settings,
    king_velocity,
    published_king,
    published_ntking,
)
from ingd_ref.flows._mmd import MMDFlow, mmd_velocity
from ingd_ref.flows._svgd import SVGD, svgd_velocity
from ingd_ref.flows._wasserstein import WGF, gaussian_kde_score, wgf_velocity

__all__ = [
    "DEFAULT",
    "PUBLISHED",
    "SVGD",
    "WGF",
    "BandwidthFlow",
    "EnergyFlow",
    "Flow",
    "IngdSolution",
    "KiNG",
    "KingVelocity",
    "MMDFlow",
    "Settings",
    "VelocityFunction",
    "energy_velocity",
    "gaussian_kde_score",
    "ingd_velocity",
    "king_velocity",
    "mmd_velocity",
    "published_king",
    "published_ntking",
    "svgd_velocity",
    "wgf_velocity",
]
