"""The natural gradient of the evidence lower bound on finite state spaces: simplex, models, losses, gradients, defects, flows (B1)-(B6)."""

from ingd_ref.simplex._cosines import DirectionCosines, direction_cosines
from ingd_ref.simplex._cylindrical import (
    PrincipalAngles,
    cylindrical_defect,
    is_cylindrical,
    principal_angles,
)
from ingd_ref.simplex._exponential import (
    LogLinearModel,
    boltzmann_machine,
    restricted_boltzmann_machine,
)
from ingd_ref.simplex._flow import SimplexFlow, run_elbo_flow, run_evidence_flow
from ingd_ref.simplex._geometry import (
    divergence,
    e_geodesic,
    fisher_cosine,
    fisher_metric,
    fisher_rao_distance,
    fisher_rao_geodesic,
    m_geodesic,
    simplex_gradient,
)
from ingd_ref.simplex._losses import RECOGNITIONS, elbo_loss, evidence_loss
from ingd_ref.simplex._marginalisation import Marginalisation
from ingd_ref.simplex._mixture import MixtureModel, full_simplex
from ingd_ref.simplex._model import FiniteModel
from ingd_ref.simplex._natural import (
    NaturalGradient,
    elbo_gradient,
    evidence_gradient,
    fisher_information,
    natural_gradient,
    visible_fisher_information,
)
from ingd_ref.simplex._network import BayesianNetwork, independence_model, naive_bayes
from ingd_ref.simplex._own import OwnModel
from ingd_ref.simplex._states import StateSpace

__all__ = [
    "RECOGNITIONS",
    "BayesianNetwork",
    "DirectionCosines",
    "FiniteModel",
    "LogLinearModel",
    "Marginalisation",
    "MixtureModel",
    "NaturalGradient",
    "OwnModel",
    "PrincipalAngles",
    "SimplexFlow",
    "StateSpace",
    "boltzmann_machine",
    "cylindrical_defect",
    "direction_cosines",
    "divergence",
    "e_geodesic",
    "elbo_gradient",
    "elbo_loss",
    "evidence_gradient",
    "evidence_loss",
    "fisher_cosine",
    "fisher_information",
    "fisher_metric",
    "fisher_rao_distance",
    "fisher_rao_geodesic",
    "full_simplex",
    "independence_model",
    "is_cylindrical",
    "m_geodesic",
    "naive_bayes",
    "natural_gradient",
    "principal_angles",
    "restricted_boltzmann_machine",
    "run_elbo_flow",
    "run_evidence_flow",
    "simplex_gradient",
    "visible_fisher_information",
]
