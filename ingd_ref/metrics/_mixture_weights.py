"""Maximum-likelihood proportions of a mixture of known components, the problem inside (Q3)."""

from __future__ import annotations

from ingd_ref.backend._namespace import Array, Namespace, device, item

__all__ = ["mixture_weights"]

CENTRED = 0.25  # Newton decrement, in units of the barrier, below which the barrier is lowered
LOWERING = 0.1  # factor by which the barrier is lowered
BOUNDARY = 0.9  # share of the way to the boundary of the simplex that one step may go
SUFFICIENT = 1e-4  # share of the predicted decrease that a step must achieve (Armijo)
SHORTEST = 1e-8  # shorter steps no longer change the objective in working precision


def mixture_weights(
    xp: Namespace, log_densities: Array, weights: Array, tolerance: float, max_iterations: int
) -> tuple[Array, float, int]:
    r"""Maximise :math:`\sum_j \rho_j \log \sum_l \beta_l \psi_{jl}` over the simplex.

    It takes Newton steps with a logarithmic barrier. The constraint Σβ = 1 may be traded for a
    term: the minimiser of :math:`-\sum_j \rho_j \log (\psi\beta)_j + \sum_l \beta_l` over β ≥ 0 has
    Σβ = 1 by itself. With the barrier :math:`-\mu \sum_l \log\beta_l` and responsibilities
    :math:`w_{jl} = \beta_l \psi_{jl} / (\psi\beta)_j`, the Newton step is β ← β(1 + u), where

    .. math:: (w^\top \operatorname{diag}(\rho)\, w + \mu I)\, u = w^\top \rho + \mu - \beta.

    Parameters
    ----------
    xp : module
        Array namespace.
    log_densities : array (m, b)
        log ψ. A constant may be added to any row without changing the answer, so rows are scaled by
        their largest entry.
    weights : array (m,)
        ρ, summing to one.
    tolerance : float
        Stop when the certificate is below this.
    max_iterations : int
        Largest number of Newton steps.

    Returns
    -------
    log_proportions : array (b,)
        log β, normalised.
    residual : float
        The certificate max_l g_l − 1 ≥ 0, g_l = Σ_j ρ_j ψ_jl / (ψβ)_j: a bound on the missing
        likelihood per sample, in nats.
    iterations : int
        Steps taken.
    """
    densities = xp.exp(log_densities - xp.max(log_densities, axis=1, keepdims=True))
    number = densities.shape[1]
    beta = xp.full((number,), 1.0 / number, dtype=densities.dtype, device=device(densities))
    identity = xp.eye(number, dtype=densities.dtype, device=device(densities))
    # At the minimum for barrier μ the certificate is b μ: a tenth of the tolerance allows an
    # inexact minimum.
    barrier, last_barrier = 1.0 / number, 0.1 * tolerance / number
    for iteration in range(max_iterations + 1):
        mixture = xp.matmul(densities, beta)
        gradient = xp.matmul(weights / mixture, densities)
        residual = item(xp.max(gradient) * xp.sum(beta)) - 1.0
        if residual <= tolerance or iteration == max_iterations:
            break
        responsibilities = densities * beta / mixture[:, None]
        weighted = weights[:, None] * responsibilities
        squares = xp.matmul(xp.matrix_transpose(responsibilities), weighted)
        matrix = squares + barrier * identity
        slope = beta * gradient + barrier - beta
        direction = xp.linalg.solve(matrix, slope[:, None])[:, 0]
        decrement = item(xp.sum(direction * slope))
        beta = _step(xp, densities, weights, beta, direction, decrement, barrier)
        if decrement <= CENTRED * barrier:
            barrier = max(LOWERING * barrier, last_barrier)
    return xp.log(beta / xp.sum(beta)), max(residual, 0.0), iteration


def _step(
    xp: Namespace,
    densities: Array,
    weights: Array,
    beta: Array,
    direction: Array,
    decrement: float,
    barrier: float,
) -> Array:
    """Return β(1 + tu) with the first t of a halving sequence that lowers the objective enough."""

    def objective(candidate: Array) -> float:
        likelihood = xp.sum(weights * xp.log(xp.matmul(densities, candidate)))
        return float(item(xp.sum(candidate) - likelihood - barrier * xp.sum(xp.log(candidate))))

    start = objective(beta)
    steepest = -item(xp.min(direction))
    length = 1.0 if steepest <= BOUNDARY else BOUNDARY / steepest
    while length > SHORTEST:
        candidate = beta * (1.0 + length * direction)
        if objective(candidate) <= start - SUFFICIENT * length * decrement:
            return candidate
        length *= 0.5
    return beta
