"""The one loop that drives flows, generators, finite models and variational inference."""

from ingd_ref.runs._progress import StepInfo
from ingd_ref.runs._result import FlowResult, load_result
from ingd_ref.runs._run_flow import run_flow
from ingd_ref.runs._run_ingd import run_ingd

__all__ = ["FlowResult", "StepInfo", "load_result", "run_flow", "run_ingd"]
