"""Cosines between the natural gradients of the evidence and of its lower bounds (B6)."""

from __future__ import annotations

from typing import NamedTuple

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array
from ingd_ref.errors import OptionError
from ingd_ref.simplex._geometry import cosine
from ingd_ref.simplex._losses import fixed_recognition, point_and_target
from ingd_ref.simplex._marginalisation import pushed
from ingd_ref.simplex._model import FiniteModel
from ingd_ref.simplex._natural import visible_rounding, whitened_elbo, whitened_evidence
from ingd_ref.simplex._points import over_points
from ingd_ref.simplex._whitened import decompose, rank_cut, whiten

__all__ = ["DirectionCosines", "direction_cosines"]


class DirectionCosines(NamedTuple):
    """Cosines between visible directions (B6); NaN where a direction vanishes.

    Attributes
    ----------
    elbo : array (...)
        Between the natural gradients of the ELBO with fixed recognition and of the evidence.
    perfect : array (...)
        Between those of the ELBO with perfect recognition and of the evidence. Never negative.
    gap : array (...)
        Between those of the two ELBOs.
    """

    elbo: Array
    perfect: Array
    gap: Array


@_checks.quiet
def direction_cosines(
    model: FiniteModel, xi: Array, target: Array, recognition: Array, *, cut: float | None = None
) -> DirectionCosines:
    r"""Compare natural gradients of the evidence and its lower bounds, equation (B6).

    .. math:: \cos_{p_V}\big(\Pi J\, G^+ \partial_\xi L,\; \Pi J\, G_V^+ \partial_\xi L_V\big)

    The directions are pushed to the visible simplex and compared in its Fisher-Rao metric.

    Parameters
    ----------
    model : FiniteModel
        With n states, m visible cells and d parameters.
    xi : array (..., d)
        Parameters with positive probabilities p(ξ).
    target : array (m,) or (..., m)
        p*_V, positive, summing to one.
    recognition : array (n,) or (..., n)
        Fixed conditional probabilities q(h|v) of the states given their visible cells.
    cut : float in (0, 1), optional
        As for :func:`elbo_gradient`.

    Returns
    -------
    DirectionCosines
        Three arrays (...), NaN where a direction vanishes: ``elbo``, between the ELBO with fixed
        recognition and the evidence; ``perfect``, between the ELBO with perfect recognition and the
        evidence, which is never negative; ``gap``, between the two ELBOs.

    Raises
    ------
    OptionError
        If the recognition is a word.
    DomainError
        As for :func:`elbo_gradient`.

    Notes
    -----
    Each point needs two decompositions for all three directions; points are processed in tiles.
    Source: [A25].

    Examples
    --------
    On a cylindrical model all directions agree, on another they need not:

    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> target = np.array([0.4, 0.3, 0.2, 0.1])
    >>> recognition = np.array([0.9, 0.2, 0.6, 0.3, 0.1, 0.8, 0.4, 0.7])
    >>> xi = np.array([0.5, 0.4, 0.7, 0.2, 0.9])
    >>> product, network = ir.simplex.independence_model(), ir.simplex.naive_bayes()
    >>> ir.simplex.direction_cosines(product, xi[:3], target, recognition).elbo.round(12)
    np.float64(1.0)
    >>> ir.simplex.direction_cosines(network, xi, target, recognition).elbo.round(4)
    np.float64(0.8971)
    """
    xp, xi, target = point_and_target(model, xi, target)
    fixed = fixed_recognition(xp, model, recognition, xi)
    if fixed is None:
        raise OptionError(
            "recognition must be an array here: the perfect recognition is compared with it anyway"
        )
    threshold, pi = rank_cut(xp, cut, xi.dtype), model.marginalisation.matrix(xi)

    def at(xi: Array, target: Array, recognition: Array) -> tuple[Array, ...]:
        p, jacobian = model._with_jacobian(xp, xi)
        root, w = whiten(xp, p, jacobian, "p(ξ)")
        joint = decompose(xp, w, threshold)
        bounds = [
            pushed(xp, pi, root * joint.project(xp, whitened_elbo(xp, pi, p, root, target, choice)))
            for choice in (recognition, "substituted")
        ]
        visible_root, visible_w, g = whitened_evidence(xp, pi, p, jacobian, target)
        rounding = visible_rounding(xp, pi, jacobian, visible_root)
        evidence = visible_root * decompose(xp, visible_w, threshold, rounding).project(xp, g)
        visible = visible_root * visible_root
        pairs = ((bounds[0], evidence), (bounds[1], evidence), (bounds[0], bounds[1]))
        return tuple(cosine(xp, visible, a, b) for a, b in pairs)

    width = 10 * model.states * (model.parameters + 2)
    return DirectionCosines(*over_points(xp, at, width, xi, target=target, recognition=fixed))
