"""The evidence loss and the losses that bound it from above, equation (B3)."""

from __future__ import annotations

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, is_array, is_array_like
from ingd_ref.errors import BackendError
from ingd_ref.simplex._arguments import distribution, positive_cells, require_broadcast
from ingd_ref.simplex._geometry import relative_entropy
from ingd_ref.simplex._marginalisation import checked_conditional, pulled, pushed
from ingd_ref.simplex._model import FiniteModel, required

__all__ = ["elbo_loss", "evidence_loss", "fixed_recognition", "point_and_target"]

# Perfect recognition q(h|v) = p(h|v): held at the current p while the loss is differentiated, or
# substituted before.
RECOGNITIONS = ("held", "substituted")


@_checks.guarded
def evidence_loss(model: FiniteModel, xi: Array, target: Array) -> Array:
    r"""Return the evidence loss of a model with hidden states, equation (B3).

    .. math:: L_V(\xi) = \mathrm{KL}\big(p^*_V \,\|\, \Pi p(\xi)\big)

    Parameters
    ----------
    model : FiniteModel
        With n states, m visible cells and d parameters.
    xi : array (..., d)
        Parameters. Only the visible probabilities Πp(ξ) have to be positive.
    target : array (m,) or (..., m)
        p*_V, positive, summing to one.

    Returns
    -------
    array (...)
        In nats.

    Raises
    ------
    DomainError
        If the target is not positive or does not sum to one, or if a visible probability is not
        positive.

    Notes
    -----
    Source: [A25].

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> ir.simplex.evidence_loss(ir.simplex.naive_bayes(), np.full(5, 0.5), np.full(4, 0.25))
    np.float64(0.0)
    """
    return _evidence_loss(*point_and_target(model, xi, target), model)


@_checks.guarded
def elbo_loss(model: FiniteModel, xi: Array, target: Array, recognition: Array | str) -> Array:
    r"""Return the loss of the evidence lower bound, equation (B3).

    .. math:: L(\xi) = \mathrm{KL}\big(q \,\|\, p(\xi)\big), \qquad q(v, h) = p^*_V(v)\, q(h|v), \\
              L - L_V = \sum_v p^*_V(v)\, \mathrm{KL}\big(q(\cdot|v) \,\|\, p(\cdot|v)\big) \ge 0

    Parameters
    ----------
    model : FiniteModel
        With n states, m visible cells and d parameters.
    xi : array (..., d)
        Parameters.
    target : array (m,) or (..., m)
        p*_V, positive, summing to one.
    recognition : array (n,) or (..., n), or "held" or "substituted"
        Conditional probabilities q(h|v) of the states given their visible cells. Both names mean
        for the perfect recognition q(h|v) = p(h|v) at ξ, which closes the gap; they differ in
        :func:`elbo_gradient` only.

    Returns
    -------
    array (...)
        In nats. It is minus the evidence lower bound minus the entropy of p*_V.

    Raises
    ------
    OptionError
        If the recognition is a word other than the two.
    DomainError
        If target or recognition is not positive or has a wrong sum, or if p(ξ) is not positive.

    Notes
    -----
    Source: [A25].

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> model, xi, target = ir.simplex.naive_bayes(), np.full(5, 0.5), np.full(4, 0.25)
    >>> ir.simplex.elbo_loss(model, xi, target, np.array([0.75] * 4 + [0.25] * 4)).round(6)
    np.float64(0.130812)
    >>> ir.simplex.elbo_loss(model, xi, target, "held")
    np.float64(0.0)
    """
    xp, xi, target = point_and_target(model, xi, target)
    q = fixed_recognition(xp, model, recognition, xi)
    if q is None:
        return _evidence_loss(xp, xi, target, model)
    require_broadcast(q, "recognition", xi)
    require_broadcast(q, "recognition", target)
    p = model._probabilities(xp, xi)
    positive_cells(p, "p(ξ)", xp)
    return relative_entropy(xp, pulled(xp, model.marginalisation.matrix(p), target) * q, p)


def point_and_target(
    model: FiniteModel, xi: Array, target: Array
) -> tuple[Namespace, Array, Array]:
    """Return the namespace, ξ and the visible target, all checked."""
    xp = array_namespace(xi=xi, target=target)
    xi = required(model)._point(xp, xi)
    return xp, xi, distribution(target, "target", xp, model.marginalisation.visible, xi)


def fixed_recognition(
    xp: Namespace, model: FiniteModel, recognition: Array | str, like: Array
) -> Array | None:
    """Return checked q(h|v), or ``None`` for a perfect recognition."""
    if isinstance(recognition, str):
        _checks.choice(recognition, "recognition", RECOGNITIONS)
        return None
    if not (is_array(recognition) or is_array_like(recognition)):
        names = ", ".join(map(repr, RECOGNITIONS))
        kind = type(recognition).__name__
        raise BackendError(f"recognition must be an array or one of {names}, got {kind}")
    array_namespace(xi=like, recognition=recognition)
    return checked_conditional(xp, model.marginalisation.matrix(like), recognition, "recognition")


def _evidence_loss(xp: Namespace, xi: Array, target: Array, model: FiniteModel) -> Array:
    p = model._probabilities(xp, xi)
    visible = pushed(xp, model.marginalisation.matrix(p), p)
    positive_cells(visible, "Πp(ξ)", xp)
    return relative_entropy(xp, target, visible)
