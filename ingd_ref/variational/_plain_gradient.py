"""Plain gradient ascent on the ELBO, a baseline for natural-gradient steps."""

from __future__ import annotations

from ingd_ref import _checks
from ingd_ref.backend._namespace import array_namespace, device
from ingd_ref.variational._approximation import Expected, required_expectations
from ingd_ref.variational._full import FullGaussian
from ingd_ref.variational._linear_algebra import cholesky, solve, stacked_factor

__all__ = ["CHARTS", "plain_gradient_step"]

CHARTS = ("cholesky", "covariance")


@_checks.guarded
def plain_gradient_step(
    q: FullGaussian, expected: Expected, step_size: float, chart: str = "cholesky"
) -> FullGaussian:
    r"""Take one step of ordinary gradient ascent on the ELBO.

    .. math::
        \text{covariance:} \quad \Sigma &\leftarrow \Sigma + \eta\, ½(\Sigma^{-1} - T) \\
        \text{cholesky:} \quad C &\leftarrow C + \eta \operatorname{tril}[(\Sigma^{-1} - T)\, C],
            \quad \Sigma = C C^\top, \text{ the diagonal of } C \text{ by its logarithm} \\
        m &\leftarrow m + \eta\, \mathbb E_q[\nabla\ell]

    with T = −E_q[∇²ℓ]. Unlike :func:`natural_step` it depends on the units of x.

    Parameters
    ----------
    q : FullGaussian
        Batch shape (...).
    expected : Expected
        Of ℓ under q.
    step_size : float > 0
        η.
    chart : {"cholesky", "covariance"}
        Parameters of the covariance Σ. Default "cholesky".

    Returns
    -------
    FullGaussian

    Raises
    ------
    DomainError
        If the new covariance is not positive definite; in the Cholesky chart it always is.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.variational import BayesianLinearRegression, FullGaussian
    >>> model = BayesianLinearRegression(np.array([[1.0], [2.0]]), np.array([1.0, 3.0]))
    >>> q = FullGaussian.from_precision(np.zeros(1), np.eye(1))
    >>> plain_gradient_step(q, model.expected(q), 0.1).mean.round(12)
    array([0.7])
    """
    eta = _checks.positive(step_size, "step_size")
    _checks.choice(chart, "chart", CHARTS)
    _checks.instance(q, "q", FullGaussian, "a FullGaussian")
    xp = array_namespace(mean=q.mean, gradient=required_expectations(expected).gradient)
    mean = q.mean + eta * expected.gradient
    slope = q.precision - expected.curvature.matrix()  # twice the gradient in Σ
    if chart == "covariance":
        return FullGaussian.from_covariance(mean, q.covariance + 0.5 * eta * slope)
    lower = cholesky(xp, q.covariance, "the covariance")
    change = xp.tril(xp.matmul(slope, lower))
    diagonal = xp.linalg.diagonal(lower)
    unit = xp.eye(q.dim, dtype=q.mean.dtype, device=device(q.mean))
    stretched = diagonal * xp.exp(eta * xp.linalg.diagonal(change) * diagonal)
    moved = (1.0 - unit) * (lower + eta * change) + unit * stretched[..., None]
    inverse = solve(xp, moved, xp.broadcast_to(unit, moved.shape))
    return FullGaussian(mean, stacked_factor(xp, inverse))
