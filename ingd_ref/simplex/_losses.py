"""The evidence loss and the losses that bound it from above, equation (B3)."""

from __future__ import annotations

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, is_array
from ingd_ref.errors import BackendError
from ingd_ref.simplex._arguments import beside, distribution, positive_cells
from ingd_ref.simplex._geometry import relative_entropy
from ingd_ref.simplex._marginalisation import pulled, pushed
from ingd_ref.simplex._marginalisation import recognition as checked_recognition
from ingd_ref.simplex._model import FiniteModel

__all__ = ["RECOGNITIONS", "elbo_loss", "evidence_loss", "fixed_recognition", "target_cells"]

#: The two perfect recognitions by name: q(h|v) = p(h|v) held at the current p while the loss is
#: differentiated, or put in before.
RECOGNITIONS = ("held", "substituted")


def evidence_loss(model: FiniteModel, xi: Array, target: Array) -> Array:
    r"""Evidence loss of a model with hidden states, equation (B3).

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
    ShapeError, NonFiniteError, BackendError
        For arrays that do not fit.
    DomainError
        For zeros or a wrong sum in the target, and where a visible probability is not positive.

    Notes
    -----
    Source: [A25].

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> target = np.array([0.25, 0.25, 0.25, 0.25])
    >>> ir.simplex.evidence_loss(ir.simplex.naive_bayes(), np.array([0.5, 0.5, 0.5, 0.5, 0.5]), target)
    np.float64(0.0)
    """
    xp, xi, target = _arguments(model, xi, target)
    p = model.probabilities(xi)
    visible = pushed(xp, model.marginalisation.matrix(p), p)
    positive_cells(visible, "Πp(ξ)", xp)
    return relative_entropy(xp, target, visible)


def elbo_loss(model: FiniteModel, xi: Array, target: Array, recognition: Array | str) -> Array:
    r"""Loss of the evidence lower bound, equation (B3).

    .. math:: L(\xi) = \mathrm{KL}\big(q \,\|\, p(\xi)\big), \qquad q(v, h) = p^*_V(v)\, q(h|v), \qquad
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
        The conditional probabilities q(h|v) of the states given their visible cells, or perfect
        ones, q(h|v) = p(h|v) at ξ: as values the two names mean the same, and the gap closes.

    Returns
    -------
    array (...)
        In nats. It is minus the evidence lower bound minus the entropy of p*_V.

    Raises
    ------
    ShapeError, NonFiniteError, OptionError, BackendError
        For arguments that do not fit.
    DomainError
        For zeros or a wrong sum in target or recognition, and where p(ξ) is not positive.

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
    xp, xi, target = _arguments(model, xi, target)
    q = fixed_recognition(xp, model, recognition, xi)
    if q is None:
        return evidence_loss(model, xi, target)
    beside(q, "recognition", xi)
    beside(q, "recognition", target)
    p = model.probabilities(xi)
    positive_cells(p, "p(ξ)", xp)
    return relative_entropy(xp, pulled(xp, model.marginalisation.matrix(p), target) * q, p)


def target_cells(xp: Namespace, model: FiniteModel, target: Array, like: Array) -> Array:
    """Check a visible target."""
    return distribution(target, "target", xp, model.marginalisation.visible, like)


def fixed_recognition(
    xp: Namespace, model: FiniteModel, recognition: Array | str, like: Array
) -> Array | None:
    """Check q(h|v); ``None`` for a perfect recognition."""
    if isinstance(recognition, str):
        _checks.choice(recognition, "recognition", RECOGNITIONS)
        return None
    if not is_array(recognition):
        raise BackendError(
            f"recognition must be an array or one of {', '.join(map(repr, RECOGNITIONS))}, got {type(recognition).__name__}"
        )
    array_namespace(xi=like, recognition=recognition)
    return checked_recognition(xp, model.marginalisation.matrix(like), recognition, "recognition")


def _arguments(model: FiniteModel, xi: Array, target: Array) -> tuple[Namespace, Array, Array]:
    xp = array_namespace(xi=xi, target=target)
    _, xi = model.checked(xi)
    return xp, xi, target_cells(xp, model, target, xi)
