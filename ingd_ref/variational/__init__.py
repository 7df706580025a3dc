"""Natural-gradient variational inference (E11), with Gaussians and in any exponential family.

A :class:`FullGaussian`, :class:`MeanFieldGaussian` or :class:`LowRankGaussian` climbs the evidence
lower bound of a model by :func:`natural_step`, and :func:`run_nvi` is the loop.
:func:`conjugate_step` is the same step in the natural parameters of any family.

The log density of a linear model is quadratic, so one step is exact and the second has nothing
left to do:

>>> import numpy as np
>>> import ingd_ref as ir
>>> design, response = np.array([[1.0], [2.0]]), np.array([1.0, 3.0])
>>> model = ir.variational.BayesianLinearRegression(design, response)
>>> start = ir.variational.FullGaussian.from_precision(np.array([-40.0]), np.array([[0.01]]))
>>> result = ir.variational.run_nvi(model, start)
>>> result.steps, result.precision
(1, array([[6.]]))
"""

from ingd_ref.variational._approximation import Expected, ExpectedError
from ingd_ref.variational._conjugate import (
    conjugate_step,
    regression_gradient,
    reverse_divergence_gradient,
)
from ingd_ref.variational._expectations import (
    Exact,
    LogDensity,
    Quadrature,
    Sampling,
)
from ingd_ref.variational._full import FullGaussian
from ingd_ref.variational._low_rank import LowRankGaussian
from ingd_ref.variational._mean_field import MeanFieldGaussian
from ingd_ref.variational._models import (
    BayesianLinearRegression,
    GeneralisedLinearModel,
    LogisticRegression,
    PoissonRegression,
)
from ingd_ref.variational._natural_step import elbo, expected_under, mean_gradient, natural_step
from ingd_ref.variational._nodes import scalar_nodes
from ingd_ref.variational._nonlinear import NonlinearRegression
from ingd_ref.variational._plain_gradient import plain_gradient_step
from ingd_ref.variational._quadrature_rules import normal_rule
from ingd_ref.variational._result import NviStep, VariationalResult
from ingd_ref.variational._run import run_nvi
from ingd_ref.variational._vadam import Vadam, VadamResult, VadamState, run_vadam

__all__ = [
    "BayesianLinearRegression",
    "Exact",
    "Expected",
    "ExpectedError",
    "FullGaussian",
    "GeneralisedLinearModel",
    "LogDensity",
    "LogisticRegression",
    "LowRankGaussian",
    "MeanFieldGaussian",
    "NonlinearRegression",
    "NviStep",
    "PoissonRegression",
    "Quadrature",
    "Sampling",
    "Vadam",
    "VadamResult",
    "VadamState",
    "VariationalResult",
    "conjugate_step",
    "elbo",
    "expected_under",
    "mean_gradient",
    "natural_step",
    "normal_rule",
    "plain_gradient_step",
    "regression_gradient",
    "reverse_divergence_gradient",
    "run_nvi",
    "run_vadam",
    "scalar_nodes",
]
