"""Velocities of particles towards a target, one pure function each, and the one loop that drives them all."""

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
from ingd_ref.flows._progress import StepInfo
from ingd_ref.flows._result import FlowResult, load_result
from ingd_ref.flows._run import run_flow
from ingd_ref.flows._run_ingd import run_ingd
from ingd_ref.flows._svgd import SVGD, svgd_velocity
from ingd_ref.flows._wasserstein import WGF, gaussian_kde_score, wgf_velocity

__all__ = [
    "DEFAULT",
    "PUBLISHED",
    "SVGD",
    "WGF",
    "EnergyFlow",
    "Flow",
    "FlowResult",
    "IngdSolution",
    "KiNG",
    "KingVelocity",
    "MMDFlow",
    "Settings",
    "StepInfo",
    "VelocityFunction",
    "energy_velocity",
    "gaussian_kde_score",
    "ingd_velocity",
    "king_velocity",
    "load_result",
    "mmd_velocity",
    "published_king",
    "published_ntking",
    "run_flow",
    "run_ingd",
    "svgd_velocity",
    "wgf_velocity",
]
