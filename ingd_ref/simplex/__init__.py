"""Natural gradients of the evidence and its lower bound on finite models, (B1) to (B6)."""

from ingd_ref.simplex._cosines import direction_cosines
from ingd_ref.simplex._cylindrical import (
    PrincipalAngles,
    cylindrical_defect,
    is_cylindrical,
    principal_angles,
)
from ingd_ref.simplex._exponential import LogLinearModel, boltzmann_machine
from ingd_ref.simplex._flow import SimplexFlow, run_elbo_flow, run_evidence_flow
from ingd_ref.simplex._geometry import (
    fisher_cosine,
    fisher_metric,
    fisher_rao_distance,
    geodesic,
    simplex_gradient,
)
from ingd_ref.simplex._losses import elbo_loss, evidence_loss
from ingd_ref.simplex._marginalisation import Marginalisation
from ingd_ref.simplex._mixture import MixtureModel, full_simplex
from ingd_ref.simplex._model import FiniteModel
from ingd_ref.simplex._natural import (
    NaturalGradient,
    elbo_gradient,
    evidence_gradient,
    fisher_information,
    gap_gradient,
    natural_gradient,
)
from ingd_ref.simplex._network import BayesianNetwork, independence_model, naive_bayes
from ingd_ref.simplex._user import UserModel

__all__ = [
    "BayesianNetwork",
    "FiniteModel",
    "LogLinearModel",
    "Marginalisation",
    "MixtureModel",
    "NaturalGradient",
    "PrincipalAngles",
    "SimplexFlow",
    "UserModel",
    "boltzmann_machine",
    "cylindrical_defect",
    "direction_cosines",
    "elbo_gradient",
    "elbo_loss",
    "evidence_gradient",
    "evidence_loss",
    "fisher_cosine",
    "fisher_information",
    "fisher_metric",
    "fisher_rao_distance",
    "full_simplex",
    "gap_gradient",
    "geodesic",
    "independence_model",
    "is_cylindrical",
    "naive_bayes",
    "natural_gradient",
    "principal_angles",
    "run_elbo_flow",
    "run_evidence_flow",
    "simplex_gradient",
]
