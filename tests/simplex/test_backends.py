"""Every public function on other libraries, devices and floating types."""

import numpy as np
import pytest

from ingd_ref import simplex
from ingd_ref.backend import array_namespace, to_backend, to_host
from ingd_ref.simplex._cosines import DirectionCosines
from ingd_ref.simplex._geometry import CONNECTIONS
from tests.simplex.cases import MODELS, exact_joint, problem

EPS = np.finfo(float).eps
PORTABLE = {name: model for name, model in MODELS.items() if exact_joint(model) is not None}
COMPARED = {
    simplex.NaturalGradient: ("coordinates", "tangent", "visible", "gradient", "rank", "condition"),
    simplex.PrincipalAngles: (
        "cosines",
        "sines",
        "rank",
        "defect",
        "evidence_discrepancy",
        "horizontal_dimension",
        "vertical_dimension",
    ),
    DirectionCosines: ("elbo", "perfect", "gap"),
    simplex.SimplexFlow: ("parameters", "probabilities", "evidence", "loss"),
}


def everything(model, xi, target, recognition, q):
    """Results of all functions that take arrays, by name."""
    marginal = model.marginalisation
    p = model.probabilities(xi)
    a = q - p
    results = {
        "jacobian": model.jacobian(xi),
        "metric": simplex.fisher_metric(p, a, a),
        "cosine": simplex.fisher_cosine(p, a, p * 0.5 - q * 0.5),
        "gradient": simplex.simplex_gradient(p, q),
        **{f"{name} geodesic": simplex.geodesic(p, q, 0.25, name) for name in CONNECTIONS},
        "distance": simplex.fisher_rao_distance(p, q),
        "push": marginal.push(a),
        "conditional": marginal.conditional(p),
        "complete": marginal.complete(target, recognition),
        "lift": marginal.lift(p, marginal.push(a)),
        "horizontal": marginal.horizontal(p, a),
        "vertical": marginal.vertical(p, a),
        "information": simplex.fisher_information(model, xi),
        "visible information": simplex.fisher_information(model, xi, visible=True),
        "evidence": simplex.evidence_loss(model, xi, target),
        "bound": simplex.elbo_loss(model, xi, target, recognition),
        "angles": simplex.principal_angles(model, xi),
        "any loss": simplex.natural_gradient(model, xi, q),
        "evidence gradient": simplex.evidence_gradient(model, xi, target),
        "fixed": simplex.elbo_gradient(model, xi, target, recognition),
        "held": simplex.elbo_gradient(model, xi, target, "held"),
        "gap gradient": simplex.gap_gradient(model, xi, target, recognition),
        "substituted": simplex.elbo_gradient(model, xi, target, "substituted"),
        "cosines": simplex.direction_cosines(model, xi, target, recognition),
        "flow": simplex.run_elbo_flow(model, xi, target, recognition, steps=2),
        "visible flow": simplex.run_evidence_flow(model, xi, target, steps=2, integrator="rk4"),
    }
    flat = {}
    for name, result in results.items():
        fields = COMPARED.get(type(result))
        flat.update(
            {f"{name}.{field}": getattr(result, field) for field in fields}
            if fields
            else {name: result}
        )
    return flat


def require_same(move, model, tolerance):
    case = problem(model, 21, size=3)
    case.xi = (
        0.5 * case.xi + 0.5 * case.xi[:1]
    )  # near each other, so that targets far from all of them exist
    host = everything(model, case.xi, case.target, case.recognition, case.q)
    arguments = [move(x) for x in (case.xi, case.target, case.recognition, case.q)]
    found = everything(model, *arguments)
    for name, expected in host.items():
        result = found[name]
        xp = array_namespace(result=result)
        assert xp is array_namespace(xi=arguments[0]), name
        if np.issubdtype(expected.dtype, np.floating):
            assert result.dtype == arguments[0].dtype, name
        if name.endswith(("cosines.elbo", "cosines.perfect", "cosines.gap")) and np.any(
            np.isnan(expected)
        ):
            continue  # the direction vanishes: NaN or noise, by rounding
        scale = max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(
            to_host(result).astype(float), expected, atol=tolerance * scale, err_msg=name
        )


CHOSEN = [
    "product",
    "naive Bayes",
    "restricted Boltzmann 2+1",
    "generic mixture",
    "full simplex 2×4",
]


@pytest.mark.parametrize("name", CHOSEN)
def test_devices(on_device, name):
    """float32 rounds to 1e-7 and conditions reach a hundred; float64 must agree to rounding."""
    move = on_device
    single = "float32" in str(move(np.zeros(1)).dtype)
    require_same(move, PORTABLE[name], 2e-4 if single else 1e-12)


@pytest.mark.parametrize("name", CHOSEN)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_torch(name, dtype):
    torch = pytest.importorskip("torch", reason="PyTorch is an optional test dependency")
    require_same(
        lambda x: torch.asarray(x.astype(dtype)),
        PORTABLE[name],
        2e-4 if dtype is np.float32 else 1e-12,
    )


@pytest.mark.parametrize("name", CHOSEN)
def test_single_precision(name):
    require_same(lambda x: x.astype(np.float32), PORTABLE[name], 2e-4)


@pytest.mark.gpu
@pytest.mark.parametrize("name", CHOSEN)
def test_cupy(name):
    cupy = pytest.importorskip("cupy", reason="needs CuPy")
    require_same(cupy.asarray, PORTABLE[name], 1e-12)


def test_complex_steps_on_other_libraries():
    torch = pytest.importorskip("torch", reason="PyTorch is an optional test dependency")

    def function(xi):
        xp = array_namespace(xi=xi)
        return xp.concat([xp.sin(xi) ** 2, xp.cos(xi) ** 2], axis=-1)

    model = simplex.UserModel(function, 1, simplex.Marginalisation([0, 1]))
    for dtype, tolerance in ((torch.float64, 4 * EPS), (torch.float32, 1e-6)):
        found = model.jacobian(torch.tensor([[0.3], [1.1]], dtype=dtype))
        assert found.dtype == dtype
        np.testing.assert_allclose(found[:, 0, 0], np.sin([0.6, 2.2]), atol=tolerance)


def test_integers_become_floating():
    model = simplex.BayesianNetwork({"X": ()})
    assert model.probabilities(np.array([1])).tolist() == [1.0, 0.0]


def test_is_cylindrical_on_a_device(on_device):
    model = simplex.naive_bayes()
    points = on_device(model.random_parameters(3, np.random.default_rng(0)))
    assert not simplex.is_cylindrical(model, points=points)
    product = simplex.independence_model()
    assert simplex.is_cylindrical(
        product, points=to_backend(product.random_parameters(3, np.random.default_rng(0)), points)
    )
