"""Reference implementation of natural-gradient particle flows on exponential-family manifolds.

Sub-packages are imported when they are first used, so that ``import ingd_ref`` stays quick:

>>> import ingd_ref as ir
>>> ir.families.Gamma().mean(ir.families.Gamma().natural(shape=2.0, rate=4.0))[1].item()
0.5
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ingd_ref._version import __version__

__all__ = [
    "__version__",
    "backend",
    "conformance",
    "equations",
    "errors",
    "experiments",
    "families",
    "features",
    "flows",
    "generators",
    "kernels",
    "least_squares",
    "metrics",
    "plotting",
    "projection",
    "rkhs",
    "run_flow",
    "run_ingd",
    "runs",
    "simplex",
    "variational",
]

_FUNCTIONS = {"run_flow": "ingd_ref.runs", "run_ingd": "ingd_ref.runs"}

if TYPE_CHECKING:
    from ingd_ref import (
        backend,
        conformance,
        equations,
        errors,
        experiments,
        families,
        features,
        flows,
        generators,
        kernels,
        least_squares,
        metrics,
        plotting,
        projection,
        rkhs,
        runs,
        simplex,
        variational,
    )
    from ingd_ref.runs import run_flow, run_ingd


def __getattr__(name: str) -> Any:
    if name in _FUNCTIONS:
        return getattr(import_module(_FUNCTIONS[name]), name)
    if name in __all__:
        return import_module(f"ingd_ref.{name}")
    raise AttributeError(f"module 'ingd_ref' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
