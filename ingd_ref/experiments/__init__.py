"""Named, seeded, resumable studies, each with results, arrays and figures."""

from ingd_ref.experiments._experiment import Experiment, Piece, Report, option
from ingd_ref.experiments._registry import EXPERIMENTS
from ingd_ref.experiments._runner import run_experiment

__all__ = ["EXPERIMENTS", "Experiment", "Piece", "Report", "option", "run_experiment"]
