"""A valid call of everything public: the fuzzer replaces one or two of its arguments.

The tables are keyed by class and method, or by function. A method that a class inherits is looked
up along its bases, so each operation is written once.
"""

import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

import ingd_ref as ir
from ingd_ref import _paper

RNG = np.random.default_rng(0)
X, Y, Z = RNG.normal(size=(6, 2)), RNG.normal(1.0, 1.0, size=(5, 2)), RNG.normal(size=(4, 2))
W, V = np.array([0.1, 0.2, 0.3, 0.1, 0.2, 0.1]), np.array([0.2, 0.3, 0.1, 0.2, 0.2])
ONE = RNG.normal(size=(6, 1))
TIMES = np.linspace(0.0, 1.0, 4)
PATH = RNG.normal(size=(4, 7, 1)) + TIMES[:, None, None]
LAYERS = [(np.eye(2) + 0.1, np.array([0.1, -0.2]))]
P, Q = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.3, 0.3, 0.2, 0.2])
TANGENT = np.array([0.1, -0.2, 0.05, 0.05])
DESIGN, LABELS, COUNTS = RNG.normal(size=(5, 2)), np.array([0.0, 1, 1, 0, 1]), np.arange(5.0)

SETTING = ir.features.Setting(X, 3, np.random.default_rng(1))
RBF = ir.features.GaussianRBF(Z, 1.5)
KERNEL = ir.rkhs.GradientGaussian(1.5)
AFFINE = ir.generators.Affine(2)
AFFINE_START = AFFINE.initial()
LATENTS = AFFINE.latents(6, np.random.default_rng(2))
NETWORK = ir.features.EnergyNetwork(LAYERS, np.array([1.0, -1.0]))
MODEL = ir.simplex.naive_bayes()
XI = MODEL.random_parameters(1, np.random.default_rng(3))[0]
TARGET, RECOGNITION = (
    np.array([0.1, 0.2, 0.3, 0.4]),
    np.array([0.5, 0.4, 0.3, 0.2, 0.5, 0.6, 0.7, 0.8]),
)
CELLS = ir.simplex.Marginalisation([0, 0, 1, 1])
LOGISTIC = ir.variational.LogisticRegression(DESIGN, LABELS)
LINEAR = ir.variational.BayesianLinearRegression(DESIGN, COUNTS)
NONLINEAR = ir.variational.NonlinearRegression(
    lambda x: x @ DESIGN.T, lambda x: np.broadcast_to(DESIGN, (*x.shape[:-1], 5, 2)), COUNTS, 2
)
FULL = ir.variational.FullGaussian.from_precision(np.zeros(2), np.eye(2))
EXPECTED = ir.variational.expected_under(LINEAR, FULL)
VADAM = ir.variational.Vadam(5, 1.0)
VADAM_STATE = VADAM.start(np.zeros(2))
SYSTEM = ir.projection.window_system(ir.features.Monomials(2), TIMES, PATH)
TANGENT_FOUND = ir.projection.tangent_projection(ir.features.Monomials(2), ONE, velocities=ONE)
GAMMA = ir.families.Gamma()
THETA = GAMMA.natural(shape=2.0, rate=1.0)


def _half_and_half(xi: Any) -> Any:
    xp = ir.backend.array_namespace(xi=xi)
    part = xi[..., 0] / 2
    return xp.stack([part, part, 0.5 - part, 0.5 - part], axis=-1)


def _one_family(family: ir.families.ExponentialFamily) -> dict[str, dict[str, Any]]:
    """Return arguments of the operations of a family."""
    classical = {name: value[:2] for name, value in family.example_parameters().items()}
    theta = family.natural(**classical)
    x = family.sample(theta, 40, np.random.default_rng(4))
    directions = np.eye(family.number)[:, :1]
    return {
        "natural": classical,
        "natural_from_mean": {"mu": family.mean(theta)},
        "conjugate": {"mu": family.mean(theta)},
        "kl": {"theta1": theta, "theta2": theta[::-1]},
        "cross_entropy": {"theta1": theta, "theta2": theta[::-1]},
        "fisher_rao_distance": {"theta1": theta, "theta2": theta[::-1]},
        "fisher_vector_product": {"theta": theta, "vector": np.ones_like(theta)},
        "natural_gradient": {"theta": theta, "grad": np.ones_like(theta)},
        "e_geodesic": {"theta1": theta[0], "theta2": theta[1], "t": 0.5},
        "m_geodesic": {"theta1": theta[0], "theta2": theta[1], "t": 0.5},
        "m_projection": {"theta": theta[0], "origin": theta[0], "directions": directions},
        "e_projection": {
            "theta": theta[0],
            "directions": directions,
            "moments": family.mean(theta[0]) @ directions,
        },
        "statistics": {"x": x[0]},
        "statistics_jacobian": {"x": x[0]},
        "log_base_measure": {"x": x[0]},
        "log_prob": {"theta": theta[0], "x": x[0]},
        "sample": {"theta": theta, "size": 3, "rng": 5, "log": False},
        "fit": {"x": x[0], "weights": np.full(40, 1 / 40)},
        "conjugate_prior": {"mean": family.mean(theta[0]), "strength": 3.0},
        "with_error": {"operation": "mean", "argument": theta[0]},
        "to_scipy": {"theta": theta[0]},
        "examples": {},
        "example_parameters": {},
        **{
            name: {"theta": theta}
            for name in (
                *("classical", "contains", "mean", "log_partition", "entropy"),
                *("fisher", "inverse_fisher", "third_cumulant"),
            )
        },
    }


TWO = {"x": X, "y": Y, "weights": W, "target_weights": V, "implementation": "auto"}
SYSTEM_OPTIONS = {"ridge": 1e-2, "jitter": 1e-2, "ddof": 0, "implementation": "auto"}
FLOW_OPTIONS = {"bandwidth": 1.5, "median_rule": "midpoint", "implementation": "auto"}
RUN_OPTIONS = {
    "steps": 2,
    "step_size": 0.1,
    "rng": 6,
    "integrator": "euler",
    "rtol": 1e-3,
    "atol": 1e-4,
    "weights": W,
    "target_weights": V,
    "redraw": True,
    "metrics": None,
    "record_every": 1,
    "keep_every": 1,
    "callback": None,
    "progress": False,
    "checkpoint": None,
    "checkpoint_every": 1,
}
BRIEF = {"callback": None, "progress": False, "checkpoint": None, "checkpoint_every": 1}
STATES = {"model": MODEL, "xi": XI, "target": TARGET}
CUT = {"cut": 1e-6}
REGRESSION = {"design": DESIGN, "prior_precision": 1.0, "prior_mean": 0.0}
WINDOW = {
    "features": ir.features.Monomials(2),
    "times": TIMES,
    "samples": PATH,
    "basis": ir.projection.Polynomial(1),
    "weight": ir.projection.Sine(),
    "weights": None,
    "window": (0.0, 1.0),
    "time_weights": "trapezoid",
    "ddof": 0,
    "coupled": False,
    "implementation": "auto",
}
POINTS = {"x": X, "implementation": "auto"}

#: Functions and constructors, by the module's short name and theirs.
CALLS: dict[str, dict[str, Any]] = {
    "run_flow": {"flow": ir.flows.WGF(), "particles": X, "target": Y, "mask": None, **RUN_OPTIONS},
    "run_ingd": {
        "generator": AFFINE,
        "parameters": AFFINE_START,
        "target": Y,
        "features": RBF,
        "latents": 6,
        "shown": None,
        "solver": "normal",
        **SYSTEM_OPTIONS,
        **RUN_OPTIONS,
        "weights": None,
    },
    "backend.array_namespace": {"x": X, "y": Y},
    "backend.explain": {"operation": "squared_distances", "x": X, "y": Y},
    "backend.to_backend": {"host": X, "like": Y},
    "backend.to_host": {"x": X},
    "features.EnergyNetwork": {"layers": LAYERS, "head": np.ones(2), "activation": "tanh"},
    "features.FamilyStatistics": {"family": GAMMA},
    "features.GaussianRBF": {"centers": Z, "bandwidth": 1.5},
    "features.Monomials": {"degree": 2},
    "features.NetworkFeatures": {"layers": LAYERS, "activation": "tanh"},
    "features.PairwiseProducts": {"linear": True, "squares": False},
    "features.Polynomial": {"centers": Z, "degree": 2, "offset": 1.0},
    "features.RandomCenters": {"number": 3, "bandwidth": "median", "rule": "midpoint"},
    "features.RandomFourier": {"frequencies": Z, "phases": np.arange(4.0)},
    "features.Setting": {"points": X, "number": 3, "rng": 7, "spread": 1.0, "width": 1.0},
    "features.UserFeatures": {"function": np.tanh, "jacobian": None},
    "features.denoising_loss": {
        "network": NETWORK,
        "x": X,
        "disturbance": 0.1 * X,
        "noise": 0.5,
    },
    "features.require_features": {"features": RBF, "method": "values_and_jacobian"},
    "features.train_energy_network": {
        "sample": X,
        "noise": 0.5,
        "rng": 8,
        "widths": (2,),
        "activation": "silu",
        "steps": 2,
        "batch": 3,
        "learning_rate": 1e-3,
        "weights": W,
        "start": None,
        "progress": False,
    },
    "flows.SVGD": {"score": np.negative, **FLOW_OPTIONS},
    "flows.WGF": FLOW_OPTIONS,
    "flows.MMDFlow": FLOW_OPTIONS,
    "flows.EnergyFlow": {"implementation": "auto"},
    "flows.KiNG": {"features": RBF, "kernel": KERNEL, "solver": "cholesky", **SYSTEM_OPTIONS},
    "flows.energy_velocity": TWO,
    "flows.gaussian_kde_score": {
        "x": X,
        "sample": Y,
        "bandwidth": 1.5,
        "weights": V,
        "implementation": "auto",
    },
    "flows.ingd_velocity": {
        "parameters": AFFINE_START,
        "latents": LATENTS,
        "target": Y,
        "generator": AFFINE,
        "features": RBF,
        "weights": W,
        "target_weights": V,
        "solver": "normal",
        **SYSTEM_OPTIONS,
    },
    "flows.king_velocity": {
        **TWO,
        "features": RBF,
        "kernel": KERNEL,
        "mask": None,
        "solver": "cholesky",
        **SYSTEM_OPTIONS,
    },
    "flows.mmd_velocity": {**TWO, "bandwidth": 1.5},
    "flows.wgf_velocity": {**TWO, "bandwidth": 1.5},
    "flows.published_king": {"number": 3},
    "flows.published_ntking": {"number": 3},
    "flows.svgd_velocity": {
        "x": X,
        "score": -X,
        "bandwidth": 1.5,
        "weights": W,
        "implementation": "auto",
    },
    "generators.Affine": {"dimension": 2, "kind": "full"},
    "generators.GaussianMixtureQuantile": {"components": 2},
    "generators.LocationScale": {"dimension": 2, "shared": True, "logarithmic": False},
    "generators.MultilayerPerceptron": {
        "sizes": (2, 3, 2),
        "activation": "tanh",
        "residual": False,
    },
    "generators.QuantileGenerator": {"family": GAMMA},
    "generators.TriangularPolynomial": {"dimension": 2, "degree": 2, "slope_degree": 1},
    "generators.UserGenerator": {
        "function": lambda w, z: z + w,
        "blocks": {"shift": (2,)},
        "dimension": 2,
        "latent_dimension": 2,
        "jvp": None,
        "vjp": None,
        "initial": None,
        "latents": None,
    },
    "least_squares.solve_factored": {
        "factor": np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 2.0]]),
        "rhs": np.ones(2),
        "method": "qr",
    },
    "least_squares.solve_factored_operator": {
        "product": lambda z: 2.0 * z,
        "adjoint": lambda c: 2.0 * c,
        "width": 2,
        "rhs": np.ones(2),
        "max_iterations": 5,
    },
    "least_squares.solve_operator": {
        "product": lambda c: 2.0 * c,
        "rhs": np.ones(2),
        "tolerance": 1e-9,
        "max_iterations": 5,
    },
    "least_squares.solve_symmetric": {
        "matrix": np.eye(2) + 0.5,
        "rhs": np.ones(2),
        "method": "cholesky",
    },
    "metrics.MMD": {"target": Y, "target_weights": V, "implementation": "auto"},
    "metrics.energy_distance": TWO,
    "metrics.kliep": {
        **TWO,
        "held_out": Y,
        "bandwidth": 1.5,
        "centers": 4,
        "held_out_weights": V,
        "tolerance": 1e-6,
        "max_iterations": 20,
    },
    "metrics.median_bandwidth": {"x": X, "rule": "midpoint", "implementation": "auto"},
    "metrics.mmd": {**TWO, "bandwidth": 1.5},
    "metrics.moment_residual": {"delta": np.ones(2), "fisher": np.eye(2) + 0.5, "jitter": 0.1},
    "metrics.sliced_wasserstein": {
        "x": X,
        "y": Y,
        "projections": 3,
        "order": 2.0,
        "rng": 9,
        "weights": W,
        "target_weights": V,
    },
    "projection.BSpline": {"number": 5, "degree": 2, "knots": None},
    "projection.Bump": {},
    "projection.Fourier": {"harmonics": 2},
    "projection.Polynomial": {"degree": 2},
    "projection.Power": {"power": 1.0},
    "projection.Sine": {},
    "projection.UserWeight": {"function": lambda t: t * (1 - t), "slope": lambda t: 1 - 2 * t},
    "projection.gauss_legendre_times": {"start": 0.0, "end": 1.0, "number": 3},
    "projection.m_projection": {
        "family": GAMMA,
        "samples": np.abs(ONE) + 0.1,
        "weights": W,
        "method": "inverse",
        "start": None,
    },
    "projection.match_moments": {
        "moments": np.array([0.5]),
        "log_partition": lambda t: np.log(np.cosh(t[0])),
        "gradient": np.tanh,
        "hessian": lambda t: np.diag(1 / np.cosh(t) ** 2),
        "start": np.zeros(1),
        "contains": None,
        "tolerance": 1e-6,
    },
    "projection.paired_tangent_projection": {
        "features": ir.features.Monomials(2),
        "before": ONE,
        "after": ONE + 0.2,
        "half_step": 0.1,
        "weights": W,
        "ridge": 1e-3,
        "implementation": "auto",
    },
    "projection.regularisation_path": {
        "system": SYSTEM,
        "kappas": None,
        "number": 4,
        "ratio": 0.1,
        "penalty_weights": None,
    },
    "projection.sparse_minimum": {
        "matrix": np.eye(2) + 0.1,
        "vector": np.ones(2),
        "kappa": 0.1,
        "penalty_weights": np.ones(2),
    },
    "projection.sparse_window_projection": {
        "system": SYSTEM,
        "kappa": 0.1,
        "penalty_weights": None,
    },
    "projection.tangent_projection": {
        "features": ir.features.Monomials(2),
        "samples": ONE,
        "velocities": ONE,
        "scores": None,
        "weights": W,
        "ridge": 1e-3,
        "implementation": "auto",
    },
    "projection.window_projection": {**WINDOW, "ridge": 1e-3},
    "projection.window_system": WINDOW,
    **{
        f"rkhs.{name}": {"bandwidth": 1.5}
        for name in (
            *("DivergenceFreeGaussian", "GradientGaussian", "GradientInverseMultiquadric"),
            "GradientMatern52",
        )
    },
    "rkhs.MedianBandwidth": {"kernel": ir.rkhs.GradientGaussian, "rule": "midpoint"},
    "rkhs.NeuralTangent": {"layers": LAYERS, "activation": "tanh", "mode": "diagonal"},
    "rkhs.RandomNeuralTangent": {"widths": (3,), "activation": "tanh", "mode": "diagonal"},
    "rkhs.ScalarGaussian": {"bandwidth": 1.5, "coordinatewise": False},
    "runs.load_result": {"path": "result.npz", "like": None},
    "simplex.BayesianNetwork": {
        "parents": {"X": (), "Y": ("X",)},
        "hidden": ("X",),
        "cardinalities": 2,
    },
    "simplex.LogLinearModel": {
        "statistics": np.array([[0.0], [1.0], [0.0], [2.0]]),
        "marginalisation": CELLS,
        "names": ("a",),
    },
    "simplex.Marginalisation": {"cells": (0, 0, 1, 1), "visible": 2},
    "simplex.MixtureModel": {"components": np.array([P, Q]), "marginalisation": CELLS},
    "simplex.UserModel": {
        "function": _half_and_half,
        "parameters": 1,
        "marginalisation": CELLS,
        "derivative": None,
        "sampler": lambda size, rng: rng.uniform(0.2, 0.8, (size, 1)),
    },
    "simplex.boltzmann_machine": {"visible": 2, "hidden": 1, "interactions": "all"},
    "simplex.cylindrical_defect": {"model": MODEL, "xi": XI, **CUT},
    "simplex.direction_cosines": {**STATES, "recognition": RECOGNITION, **CUT},
    "simplex.elbo_gradient": {**STATES, "recognition": RECOGNITION, **CUT},
    "simplex.elbo_loss": {**STATES, "recognition": RECOGNITION},
    "simplex.evidence_gradient": {**STATES, **CUT},
    "simplex.evidence_loss": STATES,
    "simplex.fisher_cosine": {"p": P, "a": TANGENT, "b": -TANGENT[::-1]},
    "simplex.fisher_information": {"model": MODEL, "xi": XI, "visible": False},
    "simplex.fisher_metric": {"p": P, "a": TANGENT, "b": -TANGENT[::-1]},
    "simplex.fisher_rao_distance": {"p": P, "q": Q},
    "simplex.full_simplex": {"marginalisation": CELLS},
    "simplex.gap_gradient": {**STATES, "recognition": RECOGNITION, **CUT},
    "simplex.geodesic": {"p": P, "q": Q, "t": 0.5, "connection": "mixture"},
    "simplex.independence_model": {
        "names": ("X", "Y"),
        "hidden": ("X",),
        "cardinalities": 2,
    },
    "simplex.is_cylindrical": {
        "model": MODEL,
        "points": 2,
        "rng": 10,
        "tolerance": 1e-6,
        **CUT,
    },
    "simplex.naive_bayes": {"cause": "X", "effects": ("Y", "Z"), "cardinalities": 2},
    "simplex.natural_gradient": {
        "model": MODEL,
        "xi": XI,
        "derivative": np.linspace(-1.0, 1.0, 8),
        **CUT,
    },
    "simplex.principal_angles": {"model": MODEL, "xi": XI, **CUT},
    "simplex.run_elbo_flow": {
        "model": MODEL,
        "start": XI,
        "target": TARGET,
        "recognition": RECOGNITION,
        "steps": 2,
        "step_size": 0.01,
        "integrator": "euler",
        "keep_every": 1,
        "rtol": 1e-3,
        "atol": 1e-4,
        **CUT,
        **BRIEF,
    },
    "simplex.run_evidence_flow": {
        "model": MODEL,
        "start": XI,
        "target": TARGET,
        "steps": 2,
        "step_size": 0.01,
        "integrator": "euler",
        "keep_every": 1,
        "rtol": 1e-3,
        "atol": 1e-4,
        **CUT,
        **BRIEF,
    },
    "simplex.simplex_gradient": {"p": P, "derivative": np.arange(4.0)},
    "variational.BayesianLinearRegression": {
        **REGRESSION,
        "response": COUNTS,
        "noise_precision": 1.0,
    },
    "variational.LogisticRegression": {**REGRESSION, "response": LABELS},
    "variational.PoissonRegression": {**REGRESSION, "response": COUNTS, "exposure": 1.0},
    "variational.NonlinearRegression": {
        "function": NONLINEAR.function,
        "jacobian": NONLINEAR.jacobian,
        "response": COUNTS,
        "dimension": 2,
        "noise_precision": 1.0,
        "prior_precision": 1.0,
        "prior_mean": 0.0,
    },
    "variational.Exact": {},
    "variational.Expected": {
        "value": np.array(-1.0),
        "gradient": np.ones(2),
        "curvature": EXPECTED.curvature,
    },
    "variational.FullGaussian": {"mean": np.zeros(2), "factor": np.eye(2)},
    "variational.LowRankGaussian": {
        "mean": np.zeros(2),
        "diagonal": np.ones(2),
        "factor": np.ones((2, 1)),
    },
    "variational.MeanFieldGaussian": {"mean": np.zeros(2), "precisions": np.ones(2)},
    "variational.Quadrature": {"number": 8, "rule": "trapezoidal"},
    "variational.Sampling": {"number": 4, "antithetic": True, "curvature": "hessian"},
    "variational.Vadam": {
        "data_size": 5,
        "prior_precision": 1.0,
        "learning_rate": 1e-2,
        "decay": (0.9, 0.99),
    },
    "variational.VadamState": {
        "mean": np.zeros(2),
        "momentum": np.zeros(2),
        "scale": np.ones(2),
        "count": 1,
    },
    "variational.conjugate_step": {
        "family": GAMMA,
        "theta": THETA,
        "prior": THETA,
        "likelihood_gradient": np.array([0.1, -0.1]),
        "step_size": 0.5,
        "damping": False,
    },
    "variational.elbo": {
        "model": LINEAR,
        "q": FULL,
        "expectation": ir.variational.Exact(),
        "rng": 11,
    },
    "variational.expected_under": {
        "model": LINEAR,
        "q": FULL,
        "expectation": ir.variational.Sampling(4),
        "rng": 12,
    },
    "variational.mean_gradient": {"q": FULL, "expected": EXPECTED},
    "variational.natural_step": {
        "q": FULL,
        "expected": EXPECTED,
        "step_size": 0.5,
        "step": "standard",
    },
    "variational.normal_rule": {"number": 4, "rule": "gauss-hermite"},
    "variational.plain_gradient_step": {
        "q": FULL,
        "expected": EXPECTED,
        "step_size": 0.01,
        "chart": "cholesky",
    },
    "variational.regression_gradient": {
        "family": GAMMA,
        "theta": THETA,
        "log_likelihood": np.arange(6.0),
        "x": np.abs(ONE) + 0.1,
        "weights": W,
        "base_measure": False,
    },
    "variational.reverse_divergence_gradient": {
        "family": GAMMA,
        "theta": THETA,
        "likelihood_gradient": np.array([0.1, -0.1]),
        "prior": THETA,
    },
    "variational.run_nvi": {
        "model": LINEAR,
        "start": FULL,
        "expectation": None,
        "step": "standard",
        "step_size": 0.5,
        "steps": 2,
        "tolerance": 1e-20,
        "rng": 13,
        **BRIEF,
    },
    "variational.run_vadam": {
        "model": LOGISTIC,
        "rule": VADAM,
        "state": VADAM_STATE,
        "steps": 2,
        "batch_size": 2,
        "rng": 14,
        **BRIEF,
    },
    "variational.scalar_nodes": {"family": GAMMA, "theta": THETA, "number": 21},
    "families.Binomial": {"trials": 3},
    "families.Categorical": {"categories": 3},
    "families.Dirichlet": {"categories": 3},
    "families.Multinomial": {"trials": 3, "categories": 3},
    "families.NegativeBinomial": {"successes": 2.5},
    "families.Weibull": {"shape": 2.0},
    "families.Laplace": {"location": 0.5},
    "families.Pareto": {"minimum": 1.5},
    "families.Ising": {"spins": 2, "binary": False},
    "families.KnownCovarianceGaussian": {"covariance": ((1.0, 0.5), (0.5, 1.0))},
    "families.Product": {"families": (GAMMA, ir.families.Gaussian())},
    "families.from_scipy": {"frozen": GAMMA.to_scipy(THETA)},
    "families.ExponentialTilt": {
        "T": lambda xp, x: x,
        "A": lambda xp, theta: 0.5 * xp.sum(theta**2, axis=-1),
        "origin": (0.0,),
        "gradient": None,
        "hessian": None,
        "dimension": 1,
        "log_h": None,
        "mean_log_h": None,
    },
    "families.Constraint": {"description": "positive", "holds": lambda xp, value: value > 0},
    "families.Parameter": {"name": "shape", "constraint": ir.families.POSITIVE, "shape": ()},
}

BLOCKS = {"shift": np.zeros(2), "matrix": np.eye(2)}
GENERATOR = {"parameters": AFFINE_START, "latents": LATENTS}
VECTORS = {"columns": np.ones((2, 1))}
USER = ir.features.UserFeatures(
    np.tanh, lambda x: np.stack([np.diag(1 - t * t) for t in np.tanh(x)])
)
USER_GENERATOR = ir.generators.UserGenerator(
    lambda w, z: z + w, {"shift": (2,)}, 2, 2, jvp=lambda w, z, u: 0.0 * z + u
)
RESULT = ir.run_flow(ir.flows.WGF(1.0), X, Y, steps=1, progress=False)

#: Objects whose methods are called.
INSTANCES: dict[str, Any] = {
    "features.EnergyNetwork": NETWORK,
    "features.FamilyStatistics": ir.features.FamilyStatistics(ir.families.DiagonalGaussian(2)),
    "features.GaussianRBF": RBF,
    "features.Monomials": ir.features.Monomials(2),
    "features.NetworkFeatures": NETWORK.features,
    "features.PairwiseProducts": ir.features.PairwiseProducts(linear=True),
    "features.Polynomial": ir.features.Polynomial(Z),
    "features.RandomCenters": ir.features.RandomCenters(3),
    "features.RandomFourier": ir.features.RandomFourier.gaussian(3, 1.0, 0, X),
    "features.Setting": SETTING,
    "features.UserFeatures": USER,
    "flows.SVGD": ir.flows.SVGD(score=np.negative),
    "flows.WGF": ir.flows.WGF(),
    "flows.MMDFlow": ir.flows.MMDFlow(),
    "flows.EnergyFlow": ir.flows.EnergyFlow(),
    "flows.KiNG": ir.flows.KiNG(RBF, KERNEL),
    "flows.KingVelocity": ir.flows.king_velocity(X, Y, features=RBF, kernel=KERNEL),
    "generators.Affine": AFFINE,
    "generators.GaussianMixtureQuantile": ir.generators.GaussianMixtureQuantile(2),
    "generators.LocationScale": ir.generators.LocationScale(2),
    "generators.MultilayerPerceptron": ir.generators.MultilayerPerceptron((2, 3, 2)),
    "generators.QuantileGenerator": ir.generators.QuantileGenerator(GAMMA),
    "generators.TriangularPolynomial": ir.generators.TriangularPolynomial(2),
    "generators.UserGenerator": USER_GENERATOR,
    "metrics.MMD": ir.metrics.MMD(Y, V),
    "metrics.DensityRatio": ir.metrics.kliep(X, Y, bandwidth=1.0),
    "projection.BSpline": ir.projection.BSpline(5),
    "projection.Bump": ir.projection.Bump(),
    "projection.Fourier": ir.projection.Fourier(2),
    "projection.Polynomial": ir.projection.Polynomial(2),
    "projection.Power": ir.projection.Power(2.0),
    "projection.Sine": ir.projection.Sine(),
    "projection.UserWeight": ir.projection.UserWeight(lambda t: t * (1 - t), lambda t: 1 - 2 * t),
    "projection.TangentProjection": TANGENT_FOUND,
    "projection.WindowProjection": ir.projection.window_projection(
        ir.features.Monomials(2), TIMES, PATH
    ),
    **{
        f"rkhs.{kind.__name__}": kind(1.5)
        for kind in (
            *(ir.rkhs.DivergenceFreeGaussian, ir.rkhs.GradientGaussian, ir.rkhs.ScalarGaussian),
            *(ir.rkhs.GradientInverseMultiquadric, ir.rkhs.GradientMatern52),
        )
    },
    "rkhs.MedianBandwidth": ir.rkhs.MedianBandwidth(),
    "rkhs.NeuralTangent": ir.rkhs.NeuralTangent(LAYERS),
    "rkhs.RandomNeuralTangent": ir.rkhs.RandomNeuralTangent((3,)),
    "runs.FlowResult": RESULT,
    "simplex.BayesianNetwork": MODEL,
    "simplex.LogLinearModel": ir.simplex.boltzmann_machine(2, 1),
    "simplex.Marginalisation": CELLS,
    "simplex.MixtureModel": ir.simplex.full_simplex(CELLS),
    "simplex.UserModel": ir.simplex.UserModel(**CALLS["simplex.UserModel"]),
    "variational.BayesianLinearRegression": LINEAR,
    "variational.LogisticRegression": LOGISTIC,
    "variational.PoissonRegression": ir.variational.PoissonRegression(DESIGN, COUNTS),
    "variational.NonlinearRegression": NONLINEAR,
    "variational.Exact": ir.variational.Exact(),
    "variational.Quadrature": ir.variational.Quadrature(8),
    "variational.Sampling": ir.variational.Sampling(4),
    "variational.FullGaussian": FULL,
    "variational.LowRankGaussian": ir.variational.LowRankGaussian(
        np.zeros(2), np.ones(2), np.ones((2, 1))
    ),
    "variational.MeanFieldGaussian": ir.variational.MeanFieldGaussian(np.zeros(2), np.ones(2)),
    "variational.Vadam": VADAM,
}

EXPECTATION = {"model": LINEAR, "q": FULL, "rng": 15}
PAIR = {"x": X, "y": Y}
#: Methods, by the class that defines them.
METHODS: dict[str, dict[str, Any]] = {
    "EnergyNetwork.energy": {"x": X},
    "EnergyNetwork.score": {"x": X},
    "Features.__call__": POINTS,
    "Features.jacobian": POINTS,
    "Features.values_and_jacobian": POINTS,
    "Features.draw": {**PAIR, "rng": 16},
    "RandomCenters.draw": {**PAIR, "rng": 16},
    "RandomFourier.gaussian": {"number": 3, "bandwidth": 1.5, "rng": 17, "like": X},
    "UserFeatures.jacobian_error": {"x": X},
    "Setting.normal": {},
    **{
        f"{flow}.prepare": {
            "particles": X,
            "target": Y,
            "rng": 18,
            "weights": W,
            "target_weights": V,
            "mask": None,
        }
        for flow in ("SVGD", "BandwidthFlow", "EnergyFlow", "KiNG")
    },
    "Flow.example": {},
    "SVGD.example": {},
    "KingVelocity.field": {"points": Z},
    "Affine.covariance": {"parameters": AFFINE_START},
    "Generator.__call__": GENERATOR,
    "Generator.jvp": {**GENERATOR, "tangent": AFFINE_START},
    "Generator.vjp": {**GENERATOR, "cotangent": X},
    "Generator.value_and_jvp": GENERATOR,
    "Generator.value_and_vjp": GENERATOR,
    "Generator.jacobian": GENERATOR,
    "Generator.gram": {**GENERATOR, "cotangents": X[None]},
    "Generator.latents": {"number": 3, "rng": 19, "like": X},
    "Generator.initial": {"rng": 20, "like": X},
    "Generator.pack": {"blocks": None},
    "Generator.split": {"parameters": AFFINE_START},
    "UserGenerator.product_error": GENERATOR,
    "MMD.__call__": {"x": X, "bandwidth": 1.5, "weights": W},
    "MMD.target_term": {"bandwidth": 1.5},
    "DensityRatio.log_ratio": {"points": X},
    "DensityRatio.ratio": {"points": X},
    "TimeBasis.__call__": {"tau": TIMES},
    "TimeBasis.derivative": {"tau": TIMES},
    "WindowWeight.__call__": {"tau": TIMES},
    "WindowWeight.derivative": {"tau": TIMES},
    "TangentProjection.bootstrap": {"replications": 2, "rng": 21},
    "TangentProjection.confidence_interval": {"level": 0.9},
    "WindowProjection.bootstrap": {"replications": 2, "rng": 21},
    "WindowProjection.confidence_interval": {"times": 0.5, "level": 0.9},
    "WindowProjection.rate": {"times": TIMES},
    "WindowProjection.standard_error": {"times": TIMES},
    "MatrixKernel.__call__": PAIR,
    "MatrixKernel.draw": {**PAIR, "rng": 22},
    "MatrixKernel.in_units": {"factor": 2.0},
    "MedianBandwidth.draw": {**PAIR, "rng": 22},
    "RandomNeuralTangent.draw": {**PAIR, "rng": 22},
    "FlowResult.save": {"path": "saved.npz"},
    "BayesianNetwork.is_cylindrical_by_graph": {},
    "BayesianNetwork.markov_equivalent": {},
    "BayesianNetwork.with_hidden": {"hidden": ("Y",)},
    "FiniteModel.checked": {"xi": XI},
    "FiniteModel.jacobian": {"xi": XI},
    "FiniteModel.probabilities": {"xi": XI},
    "FiniteModel.with_jacobian": {"xi": XI},
    "FiniteModel.random_parameters": {"size": 3, "rng": 23},
    "Marginalisation.complete": {
        "visible": np.array([0.3, 0.7]),
        "conditional": np.array([0.4, 0.6, 0.5, 0.5]),
    },
    "Marginalisation.hiding": {"shape": (2, 2), "hidden": (0,)},
    "Marginalisation.conditional": {"p": P},
    "Marginalisation.horizontal": {"p": P, "u": TANGENT},
    "Marginalisation.vertical": {"p": P, "u": TANGENT},
    "Marginalisation.lift": {"p": P, "w": np.array([0.1, -0.1])},
    "Marginalisation.matrix": {"like": P},
    "Marginalisation.push": {"u": P},
    "GeneralisedLinearModel.log_density": {"x": X},
    "GeneralisedLinearModel.gradient": {"x": X},
    "GeneralisedLinearModel.hessian": {"x": X},
    "GeneralisedLinearModel.predictors": {"x": X},
    "GeneralisedLinearModel.log_prior": {"x": X},
    "GeneralisedLinearModel.likelihood_gradients": {"x": X[0], "rows": np.array([0, 1])},
    "BayesianLinearRegression.posterior_precision": {},
    "NonlinearRegression.log_density": {"x": X},
    "NonlinearRegression.gradient": {"x": X},
    "NonlinearRegression.gauss_newton": {"x": X},
    "Exact.__call__": EXPECTATION,
    "Quadrature.__call__": EXPECTATION,
    "Sampling.__call__": EXPECTATION,
    "FullGaussian.from_covariance": {"mean": np.zeros(2), "covariance": np.eye(2)},
    "FullGaussian.from_precision": {"mean": np.zeros(2), "precision": np.eye(2)},
    "Vadam.start": {"mean": np.zeros(2), "initial_precision": 1.0},
    "Vadam.approximation": {"state": VADAM_STATE},
    "Vadam.perturbed": {"state": VADAM_STATE, "noise": np.ones(2)},
    "Vadam.step": {"state": VADAM_STATE, "gradient": np.ones(2)},
}

#: Records that the package returns, which it alone makes, and interfaces.
RECORDS = {
    *("backend.Explanation", "experiments.Piece", "experiments.Report", "features.TrainedNetwork"),
    *("flows.IngdSolution", "flows.KingVelocity", "flows.Settings", "flows.VelocityFunction"),
    *("generators.Linearisation", "metrics.DensityRatio", "projection.TangentProjection"),
    *("projection.WindowProjection", "runs.FlowResult", "runs.StepInfo", "simplex.NaturalGradient"),
    *("simplex.PrincipalAngles", "simplex.SimplexFlow", "variational.NviStep"),
    *("variational.VadamResult", "variational.VariationalResult", "least_squares.LinearSolution"),
    "variational.ExpectedError",
    "families.fitted_logit",  # a formula that families share, for checked arrays
    *("variational.LogDensity", "experiments.Experiment", "variational.GeneralisedLinearModel"),
}
#: Adapters of libraries that need not be installed.
OPTIONAL = {"generators.from_jax", "generators.from_torch"}
#: Methods that the package calls with checked arguments, in loops; a user only overrides them.
HOOKS = {
    *("prepare", "contract_parts", "expected_by_quadrature", "knots"),
    *("definition", "moved", "example", "contract", "uses_cores", "profile", "MatrixKernel.gram"),
    *("GradientGaussian.gram", "terms", "expected", "expected_by_nodes", "LogDensity.gradient"),
    *("LogDensity.log_density", "NeuralTangent.in_units"),
    *("coloured", "curvature_gap", "moved_to", "predictor_mean", "predictor_variance"),
    *("squared_gradient", "with_precision_towards", "FullGaussian.product", "FullGaussian.solve"),
    *("LowRankGaussian.product", "LowRankGaussian.solve"),
    *("MeanFieldGaussian.product", "MeanFieldGaussian.solve"),
}

#: What is not called, and why.
LEFT_OUT = {
    "errors": "exceptions",
    "equations": "literal formulas, for numbers of any kind, without checks",
    "kernels": "the numerical kernels, whose arguments their callers check",
    "conformance": "judges of foreign implementations, whose errors it reports",
    "plotting": "drawings",
    "experiments": "studies that take minutes; their options have tests of their own",
    "cli": "commands, which have tests of their own",
}


@dataclass(frozen=True)
class Target:
    """Something public, under its short name, with arguments that it accepts."""

    name: str
    call: Any
    arguments: dict[str, Any]


def short(module: str) -> str:
    """Return the first part of a module's name below the package; nothing for the package."""
    return module.split(".")[1] if "." in module else ""


def modules() -> tuple[str, ...]:
    """Return the names of all public modules."""
    return _paper.public_modules()


def public() -> dict[str, Any]:
    """Return every public function and class, by short name."""
    found = {}
    for module in modules():
        home = importlib.import_module(module)
        for name in () if short(module) in LEFT_OUT else home.__all__:
            thing = getattr(home, name)
            if inspect.isroutine(thing) or inspect.isclass(thing):
                known = ".".join(filter(None, (short(module), name)))
                found |= {} if thing in found.values() else {known: thing}
    return found


def _explain(operation: Any, x: Any, y: Any) -> Any:
    return ir.backend.explain(operation, x, y)


def methods(kind: type) -> Iterator[tuple[str, str]]:
    """Yield the public methods of a class, each with the class that defines it."""
    for name in dir(kind):
        static = inspect.getattr_static(kind, name)
        routine = inspect.isroutine(static) and not isinstance(static, cached_property)
        if routine and (name == "__call__" or not name.startswith("_")):
            home = next(base for base in kind.__mro__ if name in vars(base))
            if home.__module__.startswith("ingd_ref"):
                yield name, home.__name__


def targets() -> tuple[list[Target], list[str]]:
    """Return the calls to fuzz, and the names of what has no example."""
    found, missing = [], []
    for name, thing in public().items():
        if inspect.isclass(thing) and issubclass(thing, ir.families.ExponentialFamily):
            continue
        if name in CALLS:
            call = _explain if name == "backend.explain" else thing
            found.append(Target(name, call, CALLS[name]))
        elif name not in RECORDS | OPTIONAL and not inspect.isabstract(thing):
            missing.append(name)
        for method, home in methods(thing) if inspect.isclass(thing) else ():
            instance = INSTANCES.get(name)
            keys = [f"{base.__name__}.{method}" for base in thing.__mro__]
            if inspect.isabstract(thing) or HOOKS.intersection((f"{home}.{method}", method)):
                continue
            arguments = next((METHODS[key] for key in keys if key in METHODS), None)
            if arguments is None or instance is None:
                missing.append(f"{name}.{method}")
            else:
                arguments = _sized(instance, arguments)
                found.append(Target(f"{name}.{method}", getattr(instance, method), arguments))
    return found + list(family_targets()), missing


def family_targets() -> Iterator[Target]:
    """Yield the operations and constructors of every family."""
    for name, kind in public().items():
        if not (inspect.isclass(kind) and issubclass(kind, ir.families.ExponentialFamily)):
            continue
        if inspect.isabstract(kind):
            continue
        if name in CALLS:
            yield Target(name, kind, CALLS[name])
        elif "dimension" in inspect.signature(kind).parameters:
            yield Target(name, kind, {"dimension": 2})
        family = kind.examples()[0]
        for method, arguments in _one_family(family).items():
            yield Target(f"{name}.{method}", getattr(family, method), arguments)


def _sized(instance: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments of a method that fit the sizes of a generator or a finite model."""
    if isinstance(instance, ir.simplex.FiniteModel) and "xi" in arguments:
        return {"xi": instance.random_parameters(1, 0)[0]}
    if not isinstance(instance, ir.generators.Generator):
        return arguments
    if "blocks" in arguments:
        return {name: np.ones(shape) for name, shape in instance.blocks.items()}
    w, z = instance.initial(0), instance.latents(6, 1)
    x = np.ones((6, instance.dimension))
    sized = {"parameters": w, "latents": z, "tangent": w, "tangents": w[None]}
    sized |= {"cotangent": x, "cotangents": x[None]}
    return {name: sized.get(name, value) for name, value in arguments.items()}
