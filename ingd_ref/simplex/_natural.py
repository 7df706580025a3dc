"""Natural gradients of the evidence and of its lower bound on a model, equations (B2) to (B4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace
from ingd_ref.errors import OptionError
from ingd_ref.simplex._arguments import measure
from ingd_ref.simplex._geometry import centred
from ingd_ref.simplex._losses import fixed_recognition, point_and_target
from ingd_ref.simplex._marginalisation import conditional, pulled, pushed
from ingd_ref.simplex._model import FiniteModel, required
from ingd_ref.simplex._points import over_points
from ingd_ref.simplex._whitened import cancellation, decompose, rank_cut, whiten

__all__ = [
    "NaturalGradient",
    "elbo_gradient",
    "evidence_gradient",
    "fisher_information",
    "gap_gradient",
    "natural_gradient",
    "visible_rounding",
    "whitened_elbo",
    "whitened_evidence",
]


@dataclass(frozen=True, eq=False)
class NaturalGradient:
    """Natural gradient of a loss on a model, equation (B2); descent goes the other way.

    Attributes
    ----------
    coordinates : array (..., d)
        G⁺ ∂_ξ L, or with the visible metric G_V⁺ ∂_ξ L. Where directions were cut it is the
        shortest such vector, so it depends on the parametrisation; its effect on the probabilities
        does not.
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


@_checks.guarded
def natural_gradient(
    model: FiniteModel, xi: Array, derivative: Array, *, cut: float | None = None
) -> NaturalGradient:
    r"""Return the natural gradient of any loss on a model, equation (B2).

    .. math:: G = J^\top \operatorname{diag}(1/p)\, J, \qquad \tilde\nabla L = G^+ \partial_\xi L,
              \qquad \partial_\xi L = J^\top \partial L

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
    DomainError
        If p(ξ) is not positive, or the cut lies outside (0, 1).

    Notes
    -----
    Points are processed in tiles, so that memory stays bounded however many there are. Source:
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
    xi = required(model)._point(xp, xi)
    derivative = measure(derivative, "derivative", xp, model.states, like=xi)

    def whitened(p: Array, root: Array, derivative: Array) -> Array:
        return root * centred(xp, p, derivative)

    return _on_the_joint(xp, model, xi, whitened, cut, derivative=derivative)


@_checks.guarded
def evidence_gradient(
    model: FiniteModel, xi: Array, target: Array, *, cut: float | None = None
) -> NaturalGradient:
    r"""Return the natural gradient of the evidence loss in the visible metric, equation (B2).

    .. math:: G_V = (\Pi J)^\top \operatorname{diag}(1/p_V)\, \Pi J, \qquad
              \tilde\nabla L_V = G_V^+ \partial_\xi L_V,
              \qquad L_V = \mathrm{KL}(p^*_V \| p_V), \quad p_V = \Pi p(\xi)

    Parameters
    ----------
    model : FiniteModel
        With n states, m visible cells and d parameters.
    xi : array (..., d)
        Parameters with positive visible probabilities. p(ξ) itself need not be positive.
    target : array (m,) or (..., m)
        p*_V, positive, summing to one.
    cut : float in (0, 1), optional
        Share of the largest singular value of diag(p_V)^(-1/2) ΠJ below which others count as zero.
        Default: 1e-10, or 16 eps where that is larger. Singular values that may be rounding, where
        J cancels in ΠJ, count as zero as well.

    Returns
    -------
    NaturalGradient
        Its visible part is p_V − p*_V where the visible model has full rank m − 1.

    Raises
    ------
    DomainError
        If the target is not positive or does not sum to one, if a visible probability is not
        positive, or if the cut lies outside (0, 1).

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
    xp, xi, target = point_and_target(model, xi, target)
    threshold = rank_cut(xp, cut, xi.dtype)
    pi = model.marginalisation.matrix(xi)

    def at(xi: Array, target: Array) -> tuple[Array, ...]:
        p, jacobian = model._with_jacobian(xp, xi)
        root, w, g = whitened_evidence(xp, pi, p, jacobian, target)
        parts = decompose(xp, w, threshold, visible_rounding(xp, pi, jacobian, root))
        coordinates = parts.solve(xp, g)
        tangent = xp.matmul(jacobian, coordinates[..., None])[..., 0]
        visible = root * parts.project(xp, g)
        return coordinates, tangent, visible, _plain(xp, w, g), parts.rank, parts.condition

    return NaturalGradient(*over_points(xp, at, _width(model), xi, target=target))


@_checks.guarded
def elbo_gradient(
    model: FiniteModel,
    xi: Array,
    target: Array,
    recognition: Array | str,
    *,
    cut: float | None = None,
) -> NaturalGradient:
    r"""Return the natural gradient of the ELBO loss in the metric of the model, equation (B2).

    .. math:: \tilde\nabla L = G^+ \partial_\xi\, \mathrm{KL}\big(q \,\|\, p(\xi)\big), \qquad
              q(v, h) = p^*_V(v)\, q(h|v)

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
        cells. The names mean the perfect recognition q(h|v) = p(h|v) at the current ξ.
        ``"held"`` keeps q as it is and differentiates KL(q‖p(ξ)) in its second argument only;
        ``"substituted"`` puts q into the loss first, which makes it the evidence loss, and
        differentiates that. The two have the same gradient, since q is where the loss is least: the
        derivative in the first argument vanishes there.
    cut : float in (0, 1), optional
        As for :func:`natural_gradient`.

    Returns
    -------
    NaturalGradient

    Raises
    ------
    OptionError
        If the recognition is a word other than the two.
    DomainError
        If target or recognition is not positive or has a wrong sum, if p(ξ) is not positive, or if
        the cut lies outside (0, 1).

    Notes
    -----
    With perfect recognition the plain gradient is that of the evidence loss, and only the metric
    differs, G instead of G_V. With fixed recognition the difference from the evidence is
    :func:`gap_gradient`. Source: [A25].

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> model, xi = ir.simplex.independence_model(), np.array([0.5, 0.4, 0.7])
    >>> target = np.array([0.4, 0.3, 0.2, 0.1])
    >>> ir.simplex.elbo_gradient(model, xi, target, "held").coordinates.round(12)
    array([ 0. , -0.3,  0.1])
    """
    xp, xi, target = point_and_target(model, xi, target)
    fixed = fixed_recognition(xp, model, recognition, xi)
    pi, choice = model.marginalisation.matrix(xi), recognition

    def whitened(p: Array, root: Array, target: Array, recognition: Array | None) -> Array:
        q = choice if recognition is None else recognition
        return whitened_elbo(xp, pi, p, root, target, q)

    return _on_the_joint(xp, model, xi, whitened, cut, target=target, recognition=fixed)


@_checks.guarded
def gap_gradient(
    model: FiniteModel, xi: Array, target: Array, recognition: Array, *, cut: float | None = None
) -> NaturalGradient:
    r"""Return the natural gradient of the gap between ELBO and evidence, equation (B4).

    .. math:: \operatorname{grad}(L - L_V) = p^*_V(v)\, \big(p(h|v) - q(h|v)\big), \qquad
              \Pi \operatorname{grad}(L - L_V) = 0

    On the full simplex this gradient is vertical: it changes nothing visible, so the gradients of
    ELBO and evidence agree on what is visible. On a model it is projected to the tangent space, and
    the ``visible`` part of the result is what the projection leaks. It vanishes on cylindrical
    models.

    Parameters
    ----------
    model : FiniteModel
        With n states, m visible cells and d parameters.
    xi : array (..., d)
        Parameters with positive probabilities p(ξ).
    target : array (m,) or (..., m)
        p*_V, positive, summing to one.
    recognition : array (n,) or (..., n)
        Fixed q(h|v). The gap of a perfect recognition has no gradient.
    cut : float in (0, 1), optional
        As for :func:`natural_gradient`.

    Returns
    -------
    NaturalGradient
        In the metric of the whole model.

    Raises
    ------
    DomainError
        As for :func:`elbo_gradient`.

    Notes
    -----
    The leak is at most :func:`cylindrical_defect` times the whitened gap gradient. Source: [A25].

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> target, recognition = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.75] * 4 + [0.25] * 4)
    >>> product, network = ir.simplex.independence_model(), ir.simplex.naive_bayes()
    >>> xi = np.array([0.5, 0.4, 0.7, 0.2, 0.9])
    >>> abs(ir.simplex.gap_gradient(product, xi[:3], target, recognition).visible).max() < 1e-15
    np.True_
    >>> ir.simplex.gap_gradient(network, xi, target, recognition).visible.round(4)
    array([ 0.0999, -0.0999, -0.0999,  0.0999])
    """
    xp, xi, target = point_and_target(model, xi, target)
    fixed = fixed_recognition(xp, model, recognition, xi)
    if fixed is None:
        raise OptionError("recognition must be an array: a perfect recognition closes the gap")
    pi = model.marginalisation.matrix(xi)

    def whitened(p: Array, root: Array, target: Array, recognition: Array) -> Array:
        return pulled(xp, pi, target) * (conditional(xp, pi, p) - recognition) / root

    return _on_the_joint(xp, model, xi, whitened, cut, target=target, recognition=fixed)


@_checks.guarded
def fisher_information(model: FiniteModel, xi: Array, *, visible: bool = False) -> Array:
    r"""Return the Fisher information of a model, equation (B2).

    .. math:: G = J^\top \operatorname{diag}(1/p)\, J, \qquad
              G_V = (\Pi J)^\top \operatorname{diag}(1/p_V)\, \Pi J

    Parameters
    ----------
    model : FiniteModel
        With n states and d parameters.
    xi : array (..., d)
        Parameters with positive probabilities p(ξ), or Πp(ξ) for the visible model.
    visible : bool
        Whether to return G_V of the visible model, which is at most as large as G and often
        singular. Default: G of the whole model.

    Returns
    -------
    array (..., d, d)

    Raises
    ------
    DomainError
        If a probability is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> model, xi = ir.simplex.independence_model(), np.array([0.5, 0.5, 0.5])
    >>> choices = (False, True)
    >>> [ir.simplex.fisher_information(model, xi, visible=v).diagonal().round(12) for v in choices]
    [array([4., 4., 4.]), array([0., 4., 4.])]
    """
    xp, xi = required(model).checked(xi)
    _checks.flag(visible, "visible")
    pi = model.marginalisation.matrix(xi)

    def at(xi: Array) -> tuple[Array, ...]:
        p, jacobian = model._with_jacobian(xp, xi)
        if visible:
            _, w = whiten(xp, pushed(xp, pi, p), xp.matmul(pi, jacobian), "Πp(ξ)")
        else:
            _, w = whiten(xp, p, jacobian, "p(ξ)")
        return (xp.matmul(xp.matrix_transpose(w), w),)

    return over_points(xp, at, _width(model), xi)[0]


def whitened_evidence(
    xp: Namespace, pi: Array, p: Array, jacobian: Array, target: Array
) -> tuple[Array, Array, Array]:
    """Return √p_V, diag(p_V)^(-1/2) ΠJ, and the whitened gradient (p_V − p*_V)/√p_V."""
    visible = pushed(xp, pi, p)
    root, w = whiten(xp, visible, xp.matmul(pi, jacobian), "Πp(ξ)")
    return root, w, (visible - target) / root


def visible_rounding(xp: Namespace, pi: Array, jacobian: Array, root: Array) -> Array:
    """Return the size to which rounding lifts zero singular values of diag(p_V)^(-1/2) ΠJ."""
    return cancellation(xp, xp.matmul(pi, xp.abs(jacobian)) / root[..., None])


def whitened_elbo(
    xp: Namespace, pi: Array, p: Array, root: Array, target: Array, recognition: Array | str
) -> Array:
    """Return the gradient of an ELBO loss on the simplex, divided by √p (..., n)."""
    if isinstance(recognition, str) and recognition == "substituted":
        visible = pushed(xp, pi, p)
        return root * pulled(xp, pi, (visible - target) / visible)
    q = conditional(xp, pi, p) if isinstance(recognition, str) else recognition
    return (p - pulled(xp, pi, target) * q) / root


def _on_the_joint(
    xp: Namespace,
    model: FiniteModel,
    xi: Array,
    whitened: Callable[..., Array],
    cut: float | None,
    **shared: Array | None,
) -> NaturalGradient:
    """Return the natural gradient in the metric of the whole model.

    ``whitened`` returns the whitened gradient (..., n) of the loss from p, √p and the arrays
    ``shared``.
    """
    threshold = rank_cut(xp, cut, xi.dtype)
    pi = model.marginalisation.matrix(xi)

    def at(xi: Array, **shared: Array | None) -> tuple[Array, ...]:
        p, jacobian = model._with_jacobian(xp, xi)
        root, w = whiten(xp, p, jacobian, "p(ξ)")
        g = whitened(p, root, **shared)
        parts = decompose(xp, w, threshold)
        tangent = root * parts.project(xp, g)
        visible = pushed(xp, pi, tangent)
        return parts.solve(xp, g), tangent, visible, _plain(xp, w, g), parts.rank, parts.condition

    return NaturalGradient(*over_points(xp, at, _width(model), xi, **shared))


def _plain(xp: Namespace, w: Array, g: Array) -> Array:
    """Return Wᵀg = ∂_ξ L."""
    return xp.matmul(xp.matrix_transpose(w), g[..., None])[..., 0]


def _width(model: FiniteModel) -> int:
    """Return how many numbers are held for each point.

    They are those of the Jacobian, its whitened form, their decomposition, and temporaries.
    """
    return 8 * model.states * (model.parameters + 2)
