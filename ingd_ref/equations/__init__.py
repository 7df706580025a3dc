"""The equations, one literal function each, as the paper writes them.

Everything in the package is tested against these functions, and they use nothing of it. They take
numbers of any kind: floats, extended precision, arrays of mpmath numbers or of balls.

>>> import numpy as np
>>> from ingd_ref.equations import LABELS
>>> LABELS["E10"](0.0, np.array([1.0]), np.array([3.0]))
array([1.])
"""

from typing import Any

from ingd_ref.equations import (
    baselines,
    families,
    finite_models,
    generators,
    kernels,
    metrics,
    particles,
    projection,
    statistics,
    variational,
)

__all__ = ["LABELS"]

#: Label → the function that is this equation.
LABELS: dict[str, Any] = {
    "E1": families.density,
    "E2": families.mean_parameters,
    "E3": families.fisher,
    "E4": families.fisher_in_parameters,
    "E5": families.kl_divergence,
    "E6": families.conjugate,
    "E7": families.natural_gradient,
    "E8": families.gradient_in_mean_parameters,
    "E9": families.natural_gradient_flow,
    "E10": families.mean_path,
    "E11": variational.variational_gradient,
    "E12": families.gaussian,
    "E13": families.gamma,
    "P1": projection.m_projection,
    "P2": projection.tangent_projection,
    "P3": projection.natural_velocity,
    "P4": projection.moment_rate,
    "P5": projection.window_coefficients,
    "P6": projection.sparse_coefficients,
    "P7": projection.exact_rates,
    "N1": generators.moment_jacobian,
    "N2": generators.objective,
    "N3": generators.velocity,
    "N3′": generators.velocity_by_stacking,
    "N4": generators.step,
    "K1": particles.objective,
    "K2": particles.field,
    "K3": particles.coefficients,
    "K4": particles.contraction,
    "K5": kernels.gradient_gaussian,
    "K6": kernels.scalar_gaussian,
    "K7": kernels.neural_tangent,
    "K8": kernels.median_bandwidth,
    "K9": particles.particle_step,
    "K10": particles.unregularised_moment_rate,
    "K11": particles.equivariance_defect,
    "F1": statistics.denoising_loss,
    "W1": baselines.wasserstein_velocity,
    "W2": baselines.energy_velocity,
    "W3": baselines.mmd_velocity,
    "W4": baselines.stein_velocity,
    "Q1": metrics.maximum_mean_discrepancy,
    "Q2": metrics.energy_distance,
    "Q3": metrics.kliep_divergence,
    "Q4": metrics.moment_residual,
    "Q5": metrics.sliced_wasserstein,
    "B1": finite_models.simplex_gradient,
    "B2": finite_models.natural_gradient,
    "B3": finite_models.losses,
    "B4": finite_models.gap_gradient,
    "B5": finite_models.cylindrical_defect,
    "B6": finite_models.direction_cosine,
}
