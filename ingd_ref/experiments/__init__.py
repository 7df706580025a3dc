"""Named, seeded, resumable studies, each with results, arrays and a figure."""

from ingd_ref.experiments._digits import Digits
from ingd_ref.experiments._elbo_cosine import ElboCosine
from ingd_ref.experiments._elbo_flow import ElboFlow
from ingd_ref.experiments._exact_path import ExactPath
from ingd_ref.experiments._experiment import Experiment, Piece, Report, on_backend
from ingd_ref.experiments._graph import Graph
from ingd_ref.experiments._ingd import Ingd
from ingd_ref.experiments._mixture import Mixture
from ingd_ref.experiments._nvi import Nvi
from ingd_ref.experiments._projection import Projection
from ingd_ref.experiments._registry import EXPERIMENTS
from ingd_ref.experiments._runner import default_jobs, run_experiment
from ingd_ref.experiments._s_curve import SCurve
from ingd_ref.experiments._versions import versions

__all__ = [
    "EXPERIMENTS",
    "Digits",
    "ElboCosine",
    "ElboFlow",
    "ExactPath",
    "Experiment",
    "Graph",
    "Ingd",
    "Mixture",
    "Nvi",
    "Piece",
    "Projection",
    "Report",
    "SCurve",
    "default_jobs",
    "on_backend",
    "run_experiment",
    "versions",
]
