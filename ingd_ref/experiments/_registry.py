"""The index of the experiments: a new one takes its file and its line here."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ingd_ref.experiments._experiment import Experiment

__all__ = ["EXPERIMENTS"]

# Each module lists its experiments, with their default options, in ``EXPERIMENTS``.
MODULES = [
    "_mixture",
    "_s_curve",
    "_digits",
    "_ingd",
    "_exact_path",
    "_projection",
    "_graph",
    "_elbo_flow",
    "_elbo_cosine",
    "_nvi",
]

#: Experiments with default options, by name; ``dataclasses.replace`` changes an option.
EXPERIMENTS: dict[str, Experiment[Any]] = {
    experiment.name: experiment
    for module in MODULES
    for experiment in import_module(f"ingd_ref.experiments.{module}").EXPERIMENTS
}
