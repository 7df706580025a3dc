"""Every public name, with the reason why a user needs it; nothing else is public."""

import importlib
import pkgutil
from collections import Counter

import ingd_ref

LIMIT = 250

# By module: names, and what a user calls them for.
REASONS = {
    "ingd_ref": [
        ("__version__", "tell which version computed a result"),
        ("run_flow run_ingd", "run a flow"),
        ("backend conformance equations errors experiments families features", "find a module"),
        ("flows generators kernels least_squares metrics plotting projection", "find a module"),
        ("rkhs runs simplex variational", "find a module"),
    ],
    "ingd_ref.backend": [
        ("explain Explanation", "see which implementation runs, and why"),
        ("array_namespace", "write features, kernels and generators for all array libraries"),
        ("to_backend to_host", "move arrays to a device and back"),
    ],
    "ingd_ref.cli": [("main", "call the command from Python")],
    "ingd_ref.conformance": [
        ("check_velocity parametrize_with_laws", "judge an implementation, in Python or pytest"),
        ("adapter Domain EVERYTHING Unsupported", "say what an implementation covers"),
        ("Problem Solution build", "read and make problems in an adapter"),
        ("Report Verdict", "read the outcome"),
        ("LAWS Law LawViolation IllConditioned", "judge by a law alone, or by one of a user"),
        ("package_velocity", "see the adapter of the package itself"),
        ("ReferenceVector reference_vectors", "compare numbers from any language"),
    ],
    "ingd_ref.equations": [("LABELS", "find the function of a label")],
    "ingd_ref.errors": [
        ("IngdError", "catch all errors of the package"),
        ("ShapeError NonFiniteError DomainError OptionError", "tell wrong arguments apart"),
        ("BackendError SingularSystemError", "react to the machine and to the numbers"),
        ("CheckpointError DataFileError", "react to files"),
    ],
    "ingd_ref.experiments": [
        ("EXPERIMENTS run_experiment", "repeat the studies of the papers"),
        ("Experiment Piece Report option", "write an experiment"),
    ],
    "ingd_ref.families": [
        ("Bernoulli Binomial Categorical Geometric Multinomial", "model counts"),
        ("NegativeBinomial Poisson", "model counts"),
        ("Beta Dirichlet", "model proportions"),
        ("ChiSquared Exponential Gamma InverseGamma InverseGaussian", "model positive numbers"),
        ("LogNormal Maxwell Pareto Rayleigh Weibull", "model positive numbers"),
        ("CentredGaussian DiagonalGaussian Gaussian IsotropicGaussian", "model real vectors"),
        ("KnownCovarianceGaussian Laplace MultivariateGaussian", "model real vectors"),
        ("InverseWishart Wishart", "model covariance matrices"),
        ("VonMises VonMisesFisher", "model directions"),
        ("Ising", "model spins"),
        ("Product from_scipy", "make a family of known ones"),
        ("ExponentialTilt", "make a family of the user's statistics"),
        ("ExponentialFamily Parameter Constraint POSITIVE REAL", "write a family"),
    ],
    "ingd_ref.features": [
        ("GaussianRBF Polynomial Monomials PairwiseProducts", "choose features"),
        ("RandomCenters RandomFourier FamilyStatistics", "choose features"),
        ("NetworkFeatures EnergyNetwork TrainedNetwork", "use a network as features"),
        ("train_energy_network denoising_loss", "learn features (F1)"),
        ("UserFeatures", "use functions of the user as features"),
        ("Features Setting require_features", "write features"),
    ],
    "ingd_ref.flows": [
        ("king_velocity KingVelocity VelocityFunction", "compute (K3) and read the solution"),
        ("ingd_velocity IngdSolution", "compute (N3) and read the solution"),
        ("wgf_velocity energy_velocity mmd_velocity svgd_velocity", "compute a baseline"),
        ("gaussian_kde_score", "compute the score in (W1)"),
        ("KiNG WGF EnergyFlow MMDFlow SVGD", "run a flow"),
        ("published_king published_ntking", "run the published flows"),
        ("PUBLISHED DEFAULT Settings", "match the numbers of the published code"),
        ("Flow BandwidthFlow", "write a flow"),
    ],
    "ingd_ref.generators": [
        ("Affine LocationScale MultilayerPerceptron TriangularPolynomial", "choose a generator"),
        ("QuantileGenerator GaussianMixtureQuantile", "choose a generator"),
        ("UserGenerator from_jax from_torch", "use a generator of the user"),
        ("Generator Linearisation", "write a generator"),
    ],
    "ingd_ref.kernels.readable": [
        ("squared_distances gaussian_rbf gaussian_rbf_with_jacobian", "read how it is computed"),
        ("gradient_gaussian_matrix gradient_gaussian_contraction", "read how it is computed"),
        ("gradient_gaussian_gram scalar_gaussian_matrix", "read how it is computed"),
        ("scalar_gaussian_contraction radial_matrix radial_contraction", "read how it is computed"),
        ("neural_tangent_matrix neural_tangent_contraction", "read how it is computed"),
        ("gaussian_kde_score gaussian_gradient distance_gradient", "read how it is computed"),
        ("mean_gaussian mean_distance median_squared_distance", "read how it is computed"),
    ],
    "ingd_ref.least_squares": [
        ("solve_symmetric solve_factored", "solve (K3), (N2) and (N3)"),
        ("solve_operator solve_factored_operator", "solve them by products alone"),
        ("LinearSolution", "read residual, condition and rank"),
    ],
    "ingd_ref.metrics": [
        ("mmd MMD energy_distance sliced_wasserstein", "compare samples"),
        ("kliep DensityRatio", "compare samples by their density ratio"),
        ("median_bandwidth", "choose a bandwidth (K8)"),
        ("moment_residual", "see whether moments match"),
    ],
    "ingd_ref.plotting": [
        ("plot_particles plot_metric_curves", "draw the result of a run"),
        ("plot_regularisation_path", "draw the result of a sparse projection"),
        ("save_figure", "write a figure that is the same every time"),
    ],
    "ingd_ref.projection": [
        ("tangent_projection paired_tangent_projection", "project at an instant (P4)"),
        ("TangentProjection", "read velocity and errors at an instant"),
        ("window_projection window_system WindowProjection", "project over a window (P5)"),
        ("BSpline Fourier Polynomial TimeBasis", "choose how velocities depend on time"),
        ("Sine Power Bump WindowWeight UserWeight", "choose the weight of a window"),
        ("gauss_legendre_times", "choose the times of a window"),
        ("sparse_window_projection regularisation_path", "find sparse changes (P6)"),
        ("sparse_minimum", "minimise any quadratic with an l1 penalty"),
        ("m_projection match_moments", "project one distribution (P2)"),
    ],
    "ingd_ref.rkhs": [
        ("GradientGaussian GradientInverseMultiquadric GradientMatern52", "choose a kernel"),
        ("DivergenceFreeGaussian ScalarGaussian NeuralTangent", "choose a kernel"),
        ("MedianBandwidth RandomNeuralTangent", "choose a kernel in each step"),
        ("MatrixKernel RadialKernel", "write a kernel"),
    ],
    "ingd_ref.runs": [
        ("FlowResult load_result", "read the result of a run"),
        ("StepInfo", "watch a run"),
    ],
    "ingd_ref.simplex": [
        ("fisher_metric fisher_information fisher_rao_distance", "measure on the simplex (B1)"),
        ("fisher_cosine geodesic", "measure on the simplex (B1)"),
        ("natural_gradient NaturalGradient simplex_gradient", "compute natural gradients"),
        ("evidence_gradient elbo_gradient gap_gradient", "compute natural gradients"),
        ("evidence_loss elbo_loss", "compute the losses"),
        ("direction_cosines principal_angles PrincipalAngles", "compare directions"),
        ("is_cylindrical cylindrical_defect", "decide where the gradients agree (B5)"),
        ("Marginalisation", "hide variables"),
        ("BayesianNetwork LogLinearModel MixtureModel boltzmann_machine", "choose a model"),
        ("full_simplex independence_model naive_bayes", "choose a model"),
        ("FiniteModel UserModel", "write a model"),
        ("run_evidence_flow run_elbo_flow SimplexFlow", "run a flow and read its result"),
    ],
    "ingd_ref.variational": [
        ("run_nvi run_vadam NviStep", "fit a posterior"),
        ("VariationalResult VadamResult", "read the fit"),
        ("BayesianLinearRegression LogisticRegression PoissonRegression", "choose a model"),
        ("NonlinearRegression GeneralisedLinearModel LogDensity", "write a model"),
        ("FullGaussian MeanFieldGaussian LowRankGaussian", "choose an approximation"),
        ("Exact Quadrature Sampling", "choose how to take expectations"),
        ("normal_rule scalar_nodes", "take expectations of the user's functions"),
        ("elbo expected_under Expected ExpectedError", "compute bound and expectations"),
        ("natural_step conjugate_step plain_gradient_step", "take single steps (E11)"),
        ("Vadam VadamState", "take single steps of Vadam"),
        ("mean_gradient regression_gradient reverse_divergence_gradient", "compute gradients"),
    ],
}
# Subpackages, and the specification of the kernels and the equations, which are there to be read.
NOT_COUNTED = {"ingd_ref", "ingd_ref.kernels.readable", "ingd_ref.equations"}
SHORT_CUTS = 2  # the counted names of the package itself: run_flow and run_ingd


def public_names():
    """The names that each public module offers, without those of the package that holds it."""
    found = {"ingd_ref": set(ingd_ref.__all__)}
    for info in pkgutil.walk_packages(ingd_ref.__path__, "ingd_ref."):
        if not any(part.startswith("_") for part in info.name.split(".")):
            module = importlib.import_module(info.name)
            parent = found.get(info.name.rpartition(".")[0], set())
            found[info.name] = set(getattr(module, "__all__", ())) - parent
    return {module: names for module, names in found.items() if names}


def listed_names():
    return {
        module: [name for names, _ in rows for name in names.split()]
        for module, rows in REASONS.items()
    }


def test_every_public_name_has_a_reason():
    assert {module: set(names) for module, names in listed_names().items()} == public_names()


def test_every_name_is_listed_once():
    twice = {
        module: [name for name, count in Counter(names).items() if count > 1]
        for module, names in listed_names().items()
    }
    assert not any(twice.values()), twice


def test_every_listed_name_exists():
    for module, names in listed_names().items():
        home = importlib.import_module(module)
        assert [name for name in names if not hasattr(home, name)] == []


def test_the_surface_is_small():
    counted = {module: len(names) for module, names in public_names().items()}
    assert SHORT_CUTS + sum(counted[name] for name in counted.keys() - NOT_COUNTED) <= LIMIT


def test_equations_offer_one_function_per_label():
    """They are counted on their own: one name per label, each in the module of its section."""
    for function in ingd_ref.equations.LABELS.values():
        section = importlib.import_module(function.__module__)
        assert section.__name__.rpartition(".")[0] == "ingd_ref.equations"
        assert getattr(section, function.__name__) is function
