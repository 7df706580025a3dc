"""Velocities of particles towards a target, one pure function each, and the one loop that drives them all."""

from ingd_ref.flows._flow import Flow, VelocityFunction
from ingd_ref.flows._king import DEFAULT, PUBLISHED, KiNG, KingVelocity, king_velocity, published_king, published_ntking
from ingd_ref.flows._result import FlowResult, load_result
from ingd_ref.flows._run import run_flow

__all__ = [
    "DEFAULT",
    "PUBLISHED",
    "Flow",
    "FlowResult",
    "KiNG",
    "KingVelocity",
    "VelocityFunction",
    "king_velocity",
    "load_result",
    "published_king",
    "published_ntking",
    "run_flow",
]
