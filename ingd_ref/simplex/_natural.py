"""Natural gradients of the evidence and of its lower bound on a model, equations (B2) and (B3)."""

from __future__ import annotations

from dataclasses import dataclass

from ingd_ref.backend._namespace import Array, Namespace, array_namespace
from ingd_ref.simplex._arguments import measure
from ingd_ref.simplex._geometry import centred
from ingd_ref.simplex._losses import fixed_recognition, target_cells
from ingd_ref.simplex._marginalisation import conditional, pulled, pushed
from ingd_ref.simplex._model import FiniteModel
from ingd_ref.simplex._points import over_points
from ingd_ref.simplex._whitened import cancellation, decompose, rank_cut, whiten

__all__ = [
    "NaturalGradient",
    "elbo_gradient",
    "evidence_gradient",
    "fisher_information",
    "natural_gradient",
    "visible_fisher_information",
]


@dataclass(frozen=True, eq=False)
class NaturalGradient:
    """A natural gradient of a loss on a model, in coordinates and as a tangent vector. Descent goes the other way.

    Attributes
    ----------
    coordinates : array (..., d)
        G⁺ ∂_ξ L, or with the visible metric G_V⁺ ∂_ξ L. Where directions were cut it is the
        shortest such vector, so it depends on the parametrisation; what it does to the
        probabilities does not.
    tangent : array (..., n)
        Pushed to the simplex: J times the coordinates.
    visible : array (..., m)
        Pushed to the visible simplex: ΠJ times the coordinates.
    gradient : array (..., d)
        The plain gradient ∂_ξ L.
    rank : array (...) of int
        Number of directions of the whitened Jacobian that were kept.
    condition : array (...)
        Largest over smallest kept singular value of the whitened Jacobian, the square root of that
        of G; infinite where none was kept.
    """

    coordinates: Array
    tangent: Array
    visible: Array
    gradient: Array
    rank: Array
    condition: Array


def natural_gradient(
    model: FiniteModel, xi: Array, derivative: Array, *, cut: float | None = None
) -> NaturalGradient:
    r"""Natural gradient of any loss on a model, equation (B2).

    .. math:: G = J^\top \operatorname{diag}(1/p)\, J, \qquad \tilde\nabla L = G^+ \partial_\xi L, \qquad \partial_\xi L = J^\top \partial L

    Parameters
    ----------
    model : FiniteModel
        With n states, m visible cells and d parameters.
    xi : array (..., d)
        Parameters with positive probabilities p(ξ).
    derivative : array (n,) or (..., n)
        ∂L, the partial derivatives of the loss in the probabilities p at p(ξ).
    cut : float in (0, 1), optional
        Share of the largest singular value of diag(p)^(-1/2) J below which others count as zero.
        Default: 1e-10, or 16 eps where that is larger.

    Returns
    -------
    NaturalGradient

    Raises
    ------
    ShapeError, NonFiniteError, BackendError
        For arrays that do not fit.
    DomainError
        Where p(ξ) is not positive, or for a cut outside (0, 1).

    Notes
    -----
    Points are worked on in tiles, so that memory stays bounded however many there are. Source:
    [A25].

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> coin = ir.simplex.BayesianNetwork({"X": ()})
    >>> ir.simplex.natural_gradient(coin, np.array([0.25]), np.array([1.0, 0.0])).coordinates
    array([0.1875])
    """
    xp = array_namespace(xi=xi, derivative=derivative)
    _, xi = model.checked(xi)
    derivative = measure(derivative, "derivative", xp, model.states, like=xi)
    threshold = rank_cut(xp, cut, xi.dtype)

    def at(xi: Array, derivative: Array) -> tuple[Array, ...]:
        p, jacobian = model.with_jacobian(xi)
        root, w = whiten(xp, p, jacobian, "p(ξ)")
        return _on_the_joint(xp, model, root, w, root * centred(xp, p, derivative), threshold)

    return NaturalGradient(*over_points(xp, at, _width(model), xi, derivative=derivative))


def evidence_gradient(
    model: FiniteModel, xi: Array, target: Array, *, cut: float | None = None
) -> NaturalGradient:
    r"""Natural gradient of the evidence loss in the metric of the visible model, equations (B2) and (B3).

    .. math:: G_V = (\Pi J)^\top \operatorname{diag}(1/p_V)\, \Pi J, \qquad \tilde\nabla L_V = G_V^+ \partial_\xi L_V,
              \qquad L_V = \mathrm{KL}(p^*_V \| p_V), \quad p_V = \Pi p(\xi)

    Parameters
    ----------
    model : FiniteModel
        With n states, m visible cells and d parameters.
    xi : array (..., d)
        Parameters with positive visible probabilities. They may lie where p(ξ) itself is not
        positive.
    target : array (m,) or (..., m)
        p*_V, positive, summing to one.
    cut : float in (0, 1), optional
        Share of the largest singular value of diag(p_V)^(-1/2) ΠJ below which others count as zero.
        Default: 1e-10, or 16 eps where that is larger. What rounding may have left where J cancels
        in ΠJ counts as zero, too.

    Returns
    -------
    NaturalGradient
        Its visible part is p_V − p*_V where the visible model has full rank m − 1.

    Raises
    ------
    ShapeError, NonFiniteError, BackendError
        For arrays that do not fit.
    DomainError
        For zeros or a wrong sum in the target, where a visible probability is not positive, or for
        a cut outside (0, 1).

    Notes
    -----
    G_V often has lower rank than G: hidden parameters move nothing visible to first order. Source:
    [A25].

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> model, xi = ir.simplex.naive_bayes(), np.array([0.5, 0.4, 0.7, 0.2, 0.9])
    >>> solution = ir.simplex.evidence_gradient(model, xi, np.array([0.4, 0.3, 0.2, 0.1]))
    >>> solution.visible.round(12)
    array([-0.045, -0.105, -0.005,  0.155])
    >>> int(solution.rank)
    3
    """
    xp = array_namespace(xi=xi, target=target)
    _, xi = model.checked(xi)
    target = target_cells(xp, model, target, xi)
    threshold = rank_cut(xp, cut, xi.dtype)

    def at(xi: Array, target: Array) -> tuple[Array, ...]:
        p, jacobian = model.with_jacobian(xi)
        pi = model.marginalisation.matrix(xi)
        root, w, g = whitened_evidence(xp, pi, p, jacobian, target)
        parts = decompose(xp, w, threshold, visible_rounding(xp, pi, jacobian, root))
        coordinates = parts.solve(xp, g)
        tangent = xp.matmul(jacobian, coordinates[..., None])[..., 0]
        return (
            coordinates,
            tangent,
            root * parts.project(xp, g),
            _plain(xp, w, g),
            parts.rank,
            parts.condition,
        )

    return NaturalGradient(*over_points(xp, at, _width(model), xi, target=target))


def elbo_gradient(
    model: FiniteModel,
    xi: Array,
    target: Array,
    recognition: Array | str,
    *,
    cut: float | None = None,
) -> NaturalGradient:
    r"""Natural gradient of the evidence lower bound in the metric of the whole model, equations (B2) and (B3).

    .. math:: \tilde\nabla L = G^+ \partial_\xi\, \mathrm{KL}\big(q \,\|\, p(\xi)\big), \qquad q(v, h) = p^*_V(v)\, q(h|v)

    Parameters
    ----------
    model : FiniteModel
        With n states, m visible cells and d parameters.
    xi : array (..., d)
        Parameters with positive probabilities p(ξ).
    target : array (m,) or (..., m)
        p*_V, positive, summing to one.
    recognition : array (n,) or (..., n), or "held" or "substituted"
        An array holds fixed conditional probabilities q(h|v) of the states given their visible
        cells. The names stand for the perfect recognition q(h|v) = p(h|v) at the current ξ.
        ``"held"`` keeps q as it is and differentiates KL(q‖p(ξ)) in its second argument only;
        ``"substituted"`` puts q into the loss first, which makes it the evidence loss, and
        differentiates that. The two have the same gradient, since q is where the loss is least: the
        derivative in the first argument vanishes there.
    cut : float in (0, 1), optional
        Share of the largest singular value of diag(p)^(-1/2) J below which others count as zero.
        Default: 1e-10, or 16 eps where that is larger.

    Returns
    -------
    NaturalGradient

    Raises
    ------
    ShapeError, NonFiniteError, OptionError, BackendError
        For arguments that do not fit.
    DomainError
        For zeros or a wrong sum in target or recognition, where p(ξ) is not positive, or for a cut
        outside (0, 1).

    Notes
    -----
    With perfect recognition the plain gradient is that of the evidence loss, and only the metric
    differs, G instead of G_V. Source: [A25].

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> model, xi = ir.simplex.independence_model(), np.array([0.5, 0.4, 0.7])
    >>> ir.simplex.elbo_gradient(model, xi, np.array([0.4, 0.3, 0.2, 0.1]), "held").coordinates.round(12)
    array([ 0. , -0.3,  0.1])
    """
    xp = array_namespace(xi=xi, target=target)
    _, xi = model.checked(xi)
    target = target_cells(xp, model, target, xi)
    fixed = fixed_recognition(xp, model, recognition, xi)
    threshold = rank_cut(xp, cut, xi.dtype)

    choice = recognition

    def at(xi: Array, target: Array, recognition: Array | None) -> tuple[Array, ...]:
        p, jacobian = model.with_jacobian(xi)
        root, w = whiten(xp, p, jacobian, "p(ξ)")
        g = whitened_elbo(
            xp,
            model.marginalisation.matrix(xi),
            p,
            root,
            target,
            choice if recognition is None else recognition,
        )
        return _on_the_joint(xp, model, root, w, g, threshold)

    return NaturalGradient(
        *over_points(xp, at, _width(model), xi, target=target, recognition=fixed)
    )


def fisher_information(model: FiniteModel, xi: Array) -> Array:
    r"""Fisher information of the whole model, :math:`G = J^\top \operatorname{diag}(1/p)\, J`, equation (B2).

    Parameters
    ----------
    model : FiniteModel
        With n states and d parameters.
    xi : array (..., d)
        Parameters with positive probabilities p(ξ).

    Returns
    -------
    array (..., d, d)

    Raises
    ------
    ShapeError, NonFiniteError, BackendError, DomainError
        For parameters that do not fit, and where p(ξ) is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> ir.simplex.fisher_information(ir.simplex.BayesianNetwork({"X": ()}), np.array([0.5]))
    array([[4.]])
    """
    xp, xi = model.checked(xi)

    def at(xi: Array) -> tuple[Array, ...]:
        _, w = whiten(xp, *model.with_jacobian(xi), "p(ξ)")
        return (xp.matmul(xp.matrix_transpose(w), w),)

    return over_points(xp, at, _width(model), xi)[0]


def visible_fisher_information(model: FiniteModel, xi: Array) -> Array:
    r"""Fisher information of the visible model, :math:`G_V = (\Pi J)^\top \operatorname{diag}(1/p_V)\, \Pi J`, equation (B2).

    Parameters
    ----------
    model : FiniteModel
        With n states, m visible cells and d parameters.
    xi : array (..., d)
        Parameters with positive visible probabilities Πp(ξ).

    Returns
    -------
    array (..., d, d)
        At most as large as :func:`fisher_information`, and often singular.

    Raises
    ------
    ShapeError, NonFiniteError, BackendError, DomainError
        For parameters that do not fit, and where a visible probability is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> ir.simplex.visible_fisher_information(ir.simplex.independence_model(), np.array([0.3, 0.5, 0.5])).round(12)
    array([[0., 0., 0.],
           [0., 4., 0.],
           [0., 0., 4.]])
    """
    xp, xi = model.checked(xi)

    def at(xi: Array) -> tuple[Array, ...]:
        p, jacobian = model.with_jacobian(xi)
        pi = model.marginalisation.matrix(xi)
        _, w = whiten(xp, pushed(xp, pi, p), xp.matmul(pi, jacobian), "Πp(ξ)")
        return (xp.matmul(xp.matrix_transpose(w), w),)

    return over_points(xp, at, _width(model), xi)[0]


def whitened_evidence(
    xp: Namespace, pi: Array, p: Array, jacobian: Array, target: Array
) -> tuple[Array, Array, Array]:
    """√p_V, diag(p_V)^(-1/2) ΠJ, and the gradient (p_V − p*_V)/√p_V of the evidence loss in whitened form."""
    visible = pushed(xp, pi, p)
    root, w = whiten(xp, visible, xp.matmul(pi, jacobian), "Πp(ξ)")
    return root, w, (visible - target) / root


def visible_rounding(xp: Namespace, pi: Array, jacobian: Array, root: Array) -> Array:
    """What rounding leaves of singular values of diag(p_V)^(-1/2) ΠJ that are zero because J cancels in the sums of Π."""
    return cancellation(xp, xp.matmul(pi, xp.abs(jacobian)) / root[..., None])


def whitened_elbo(
    xp: Namespace, pi: Array, p: Array, root: Array, target: Array, recognition: Array | str
) -> Array:
    """Gradient of an ELBO loss on the simplex, divided by √p (..., n); ``recognition`` was checked."""
    if isinstance(recognition, str) and recognition == "substituted":
        visible = pushed(xp, pi, p)
        return root * pulled(xp, pi, (visible - target) / visible)
    q = conditional(xp, pi, p) if isinstance(recognition, str) else recognition
    return (p - pulled(xp, pi, target) * q) / root


def _on_the_joint(
    xp: Namespace, model: FiniteModel, root: Array, w: Array, g: Array, threshold: float
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Fields of a :class:`NaturalGradient` from the whitened gradient g of a loss of the joint probabilities."""
    parts = decompose(xp, w, threshold)
    tangent = root * parts.project(xp, g)
    visible = pushed(xp, model.marginalisation.matrix(g), tangent)
    return parts.solve(xp, g), tangent, visible, _plain(xp, w, g), parts.rank, parts.condition


def _plain(xp: Namespace, w: Array, g: Array) -> Array:
    """Wᵀg = ∂_ξ L."""
    return xp.matmul(xp.matrix_transpose(w), g[..., None])[..., 0]


def _width(model: FiniteModel) -> int:
    """Numbers held at once for each point: the Jacobian, its whitened form, their decomposition, and what their making takes."""
    return 8 * model.states * (model.parameters + 2)
