"""The experiments by name, each with its default options."""

from __future__ import annotations

from typing import Any

from ingd_ref.experiments._digits import Digits
from ingd_ref.experiments._elbo_cosine import ElboCosine
from ingd_ref.experiments._elbo_flow import ElboFlow
from ingd_ref.experiments._exact_path import ExactPath
from ingd_ref.experiments._experiment import Experiment
from ingd_ref.experiments._graph import Graph
from ingd_ref.experiments._ingd import Ingd
from ingd_ref.experiments._mixture import Mixture
from ingd_ref.experiments._nvi import Nvi
from ingd_ref.experiments._projection import Projection
from ingd_ref.experiments._s_curve import SCurve

__all__ = ["EXPERIMENTS"]

#: Experiments with default options, by name; ``dataclasses.replace`` changes an option.
EXPERIMENTS: dict[str, Experiment[Any]] = {
    experiment.name: experiment
    for experiment in (
        Mixture(),
        SCurve(),
        Digits(),
        Ingd(),
        ExactPath(),
        ExactPath(name="gamma", start=(2.0, 1.0), target=(6.0, 2.0)),
        Projection(),
        Graph(),
        ElboFlow(),
        ElboCosine(),
        Nvi(),
    )
}
