"""Whether a model is cylindrical, by the angles of tangent and horizontal space (B5)."""

from __future__ import annotations

from dataclasses import dataclass

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import (
    Array,
    Namespace,
    array_namespace,
    device,
    is_array,
    is_array_like,
    item,
)
from ingd_ref.simplex._marginalisation import conditional
from ingd_ref.simplex._model import FiniteModel, required
from ingd_ref.simplex._points import over_points
from ingd_ref.simplex._whitened import decompose, rank_cut, whiten

__all__ = ["PrincipalAngles", "cylindrical_defect", "is_cylindrical", "principal_angles"]

# Largest defect that still counts as zero: far above rounding, which is a few eps times the
# condition of the tangent space, and far below the defects of models that are not cylindrical,
# which are 1e-4 or more at random points.
TOLERANCE = 1e-8
# The same in short floating types, in units of rounding.
ROUNDINGS = 1e4
# A direction with a cosine below this is vertical, one with a sine below it is horizontal; so are
# those below this many roundings times the condition of the tangent space.
RIGHT_ANGLE = 1e-8
ANGLE_ROUNDINGS = 40.0


@dataclass(frozen=True, eq=False)
class PrincipalAngles:
    """Principal angles between the tangent space of a model and the horizontal space (B5).

    Attributes
    ----------
    cosines : array (..., d)
        c_1 ≥ … ≥ c_r; zeros follow.
    sines : array (..., d)
        s_i, by the length of the vertical part of the i-th principal vector and not from the
        cosines, so that small ones keep their digits; ones follow the r-th.
    rank : array (...) of int
        r, the dimension of the tangent space.
    condition : array (...)
        Largest over smallest kept singular value of the whitened Jacobian. Where it is close to the
        reciprocal of the cut, the tangent space and all of this are ill-determined.
    """

    cosines: Array
    sines: Array
    rank: Array
    condition: Array

    @property
    def defect(self) -> Array:
        """Distance from cylindrical (...), max c_i s_i, between 0 and 1/2, equation (B5).

        It is also the worst leak of :func:`gap_gradient`, the longest visible vector for a whitened
        gap gradient of length one, and the spectral norm of the commutator of the projectors on the
        tangent and the horizontal space.
        """
        xp = array_namespace(cosines=self.cosines)
        return xp.max(self.cosines * self.sines, axis=-1)

    @property
    def evidence_discrepancy(self) -> Array:
        """Worst discrepancy (...) of both natural gradients of the evidence, max s_i² for c_i > 0.

        The one in the metric of the model, pushed forward, differs from the one in the visible
        metric by at most this share of the gradient's length.
        """
        xp = array_namespace(cosines=self.cosines)
        squares = self.sines * self.sines
        return xp.max(
            xp.where(self.cosines > self._zero(xp), squares, xp.zeros_like(squares)), axis=-1
        )

    @property
    def horizontal_dimension(self) -> Array:
        """Dimension (...) of the horizontal part of the tangent space."""
        xp = array_namespace(sines=self.sines)
        return xp.sum(xp.astype(self.sines < self._zero(xp), xp.int64), axis=-1)

    @property
    def vertical_dimension(self) -> Array:
        """Dimension (...) of the vertical part of the tangent space."""
        xp = array_namespace(cosines=self.cosines)
        return self.rank - xp.sum(xp.astype(self.cosines > self._zero(xp), xp.int64), axis=-1)

    def _zero(self, xp: Namespace) -> Array:
        """Cosines and sines up to this (..., 1) count as zero."""
        # It is infinite for rank 0.
        condition = xp.where(self.rank > 0, self.condition, xp.ones_like(self.condition))
        rounding = ANGLE_ROUNDINGS * float(xp.finfo(self.cosines.dtype).eps) * condition
        return xp.maximum(rounding, xp.full_like(rounding, RIGHT_ANGLE))[..., None]


@_checks.guarded
def principal_angles(model: FiniteModel, xi: Array, *, cut: float | None = None) -> PrincipalAngles:
    r"""Return the principal angles between the tangent and the horizontal space, equation (B5).

    .. math:: C = K^\top Q = A \operatorname{diag}(c)\, B^\top, \qquad
              K_{(h,v),v'} = \delta_{vv'} \sqrt{p(h|v)}, \qquad s_i = \|(I - KK^\top)\, Q b_i\|

    Q has orthonormal columns that span the whitened tangent space, those of K span the horizontal
    space and √p.

    Parameters
    ----------
    model : FiniteModel
        With n states, m visible cells and d parameters.
    xi : array (..., d)
        Parameters with positive probabilities p(ξ).
    cut : float in (0, 1), optional
        Share of the largest singular value of diag(p)^(-1/2) J below which others count as zero.
        Default: 1e-10, or 16 eps where that is larger.

    Returns
    -------
    PrincipalAngles

    Raises
    ------
    DomainError
        If p(ξ) is not positive, or the cut lies outside (0, 1).

    Notes
    -----
    Source: [A25] for the splitting of T_pM; that all principal angles are 0 or π/2 is an equivalent
    condition that numbers can decide.

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> xi = np.array([0.5, 0.4, 0.7, 0.2, 0.9])
    >>> angles = ir.simplex.principal_angles(ir.simplex.naive_bayes(), xi)
    >>> angles.cosines.round(6)
    array([1.      , 1.      , 0.716308, 0.      , 0.      ])
    >>> int(angles.horizontal_dimension), int(angles.vertical_dimension)
    (2, 2)
    """
    xp, xi = required(model).checked(xi)
    threshold, pi = rank_cut(xp, cut, xi.dtype), model.marginalisation.matrix(xi)

    def at(xi: Array) -> tuple[Array, ...]:
        p, jacobian = model._with_jacobian(xp, xi)
        _, w = whiten(xp, p, jacobian, "p(ξ)")
        tangent = decompose(xp, w, threshold)
        fibres = xp.matrix_transpose(pi) * xp.sqrt(conditional(xp, pi, p))[..., :, None]
        _, cosines, directions = xp.linalg.svd(
            xp.matmul(xp.matrix_transpose(fibres), tangent.left), full_matrices=False
        )
        vectors = xp.matmul(tangent.left, xp.matrix_transpose(directions))
        vertical = vectors - xp.matmul(fibres, xp.matmul(xp.matrix_transpose(fibres), vectors))
        sines = xp.linalg.vector_norm(vertical, axis=-2)
        # Directions that were cut, and those beyond the number of visible cells, are perpendicular
        # to the horizontal space by dimension.
        number = cosines.shape[-1]
        kept = xp.arange(number, dtype=xp.int64, device=device(xi)) < tangent.rank[..., None]
        missing = xp.zeros(
            (xi.shape[0], model.parameters - number), dtype=xi.dtype, device=device(xi)
        )
        one = xp.ones_like(cosines)
        cosines = xp.where(kept, xp.minimum(cosines, one), xp.zeros_like(cosines))
        sines = xp.where(kept, xp.minimum(sines, one), one)
        cosines = xp.concat([cosines, missing], axis=-1)
        return cosines, xp.concat([sines, missing + 1.0], axis=-1), tangent.rank, tangent.condition

    width = 8 * model.states * (model.parameters + model.marginalisation.visible + 2)
    return PrincipalAngles(*over_points(xp, at, width, xi))


def cylindrical_defect(model: FiniteModel, xi: Array, *, cut: float | None = None) -> Array:
    r"""Return the distance of a model from cylindrical at ξ, equation (B5): :math:`\max_i c_i s_i`.

    c_i and s_i are those of :func:`principal_angles`. Where the defect is zero,
    :math:`T_pM = (T_pM \cap H_p) \oplus (T_pM \cap V_p)`, the natural gradient of the gap between
    ELBO and evidence is vertical for every target and recognition (B4), and the natural gradients
    of ELBO and evidence agree on what is visible.

    Parameters
    ----------
    model : FiniteModel
        With n states, m visible cells and d parameters.
    xi : array (..., d)
        Parameters with positive probabilities p(ξ).
    cut : float in (0, 1), optional
        As for :func:`principal_angles`.

    Returns
    -------
    array (...)
        Between 0 and 1/2.

    Raises
    ------
    DomainError
        As for :func:`principal_angles`.

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> xi = np.array([0.5, 0.4, 0.7, 0.2, 0.9])
    >>> ir.simplex.cylindrical_defect(ir.simplex.naive_bayes(), xi).round(6)
    np.float64(0.499828)
    >>> bool(ir.simplex.cylindrical_defect(ir.simplex.independence_model(), xi[:3]) < 1e-15)
    True
    """
    return principal_angles(model, xi, cut=cut).defect


def is_cylindrical(
    model: FiniteModel,
    points: int | Array = 5,
    rng: RandomSource = None,
    *,
    tolerance: float | None = None,
    cut: float | None = None,
) -> bool:
    """Return whether a model is cylindrical at several points, equation (B5).

    One point is not enough: naive Bayes, for instance, is cylindrical where the effects do not
    depend on the cause.

    Parameters
    ----------
    model : FiniteModel
        With n states, m visible cells and d parameters.
    points : int ≥ 1, or array (..., d)
        Number of random points, or the points themselves. Default: 5.
    rng : numpy.random.Generator or seed, optional
        Draws the random points.
    tolerance : float > 0, optional
        Largest defect that counts as zero. Default: 1e-8, or 1e4 eps where that is larger. A
        Jacobian by finite differences needs more.
    cut : float in (0, 1), optional
        As for :func:`principal_angles`.

    Returns
    -------
    bool

    Raises
    ------
    DomainError
        As for :func:`principal_angles`.
    OptionError
        If ``rng`` is neither a generator nor a seed, or the model cannot draw random points.

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> rng = np.random.default_rng(0)
    >>> models = ir.simplex.independence_model(), ir.simplex.naive_bayes()
    >>> [ir.simplex.is_cylindrical(model, rng=rng) for model in models]
    [True, False]
    """
    rng = _checks.generator(rng)
    if is_array(points) or is_array_like(points):
        xi = points
    else:
        xi = required(model).random_parameters(_checks.positive_integer(points, "points"), rng)
    xp, xi = required(model).checked(xi)
    allowed = (
        max(TOLERANCE, ROUNDINGS * float(xp.finfo(xi.dtype).eps))
        if tolerance is None
        else _checks.positive(tolerance, "tolerance")
    )
    return bool(item(xp.max(cylindrical_defect(model, xi, cut=cut))) <= allowed)
