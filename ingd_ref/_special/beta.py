r"""The multivariate beta function B(α) = ∏ Γ(α_i)/Γ(α₀), α₀ = Σ α_i, without cancellation.

With p = α/α₀, the rest r_i = Σ_{j≠i} α_j, S(a) = log Γ(a) − a log a + a and φ(a) = log a − ψ(a) =
−S′(a),

.. math::
    \log B(\alpha) &= \textstyle\sum_i \big(S(\alpha_i) + \alpha_i\log p_i\big) - S(\alpha_0) \\
    \partial_i \log B(\alpha) &= -(\psi(\alpha_i + r_i) - \psi(\alpha_i)) \\
    \log B(\beta) - \log B(\alpha) - \langle\beta - \alpha,\, \nabla\log B(\alpha)\rangle
        &= \textstyle\sum_i \big(\beta_i R(\rho_i) + B_S(\alpha_i, \beta_i)\big)
            - B_S(\alpha_0, \beta_0), \quad
        \rho_i = \frac{\alpha_i}{\alpha_0}\Big/\frac{\beta_i}{\beta_0}

where B_S is the Bregman remainder of S and R(ρ) = ρ − 1 − log ρ.
"""

from __future__ import annotations

from ingd_ref._special._compiled import compiled_when_large
from ingd_ref._special.exponential import other_sums
from ingd_ref._special.gamma import (
    digamma,
    inverse_digamma,
    log_minus_digamma,
    reduced_lgamma,
    reduced_lgamma_bregman,
    tetragamma,
    trigamma,
    trigamma_excess,
)
from ingd_ref._special.gamma_increments import (
    digamma_increment,
    reduced_lgamma_bregman_drop,
    tetragamma_increment,
    trigamma_decrement,
    trigamma_surplus,
)
from ingd_ref._special.logarithm import log_ratio, log_remainder
from ingd_ref._special.products import difference_of_products
from ingd_ref.backend._namespace import Array, Namespace, device

__all__ = [
    "dirichlet_entropy",
    "inverse_log_beta_gradient",
    "inverse_log_beta_hessian_product",
    "log_beta",
    "log_beta_bregman",
    "log_beta_conjugate",
    "log_beta_curvatures",
    "log_beta_gradient",
    "log_beta_hessian",
    "log_beta_third_derivative",
    "mean_log_gap",
    "reduced_log_beta",
]

# Three steps bring log α to 3e-4 from the start below, for up to ten entries in [1e-8, 1e11]. Then
# Newton's steps in all entries reach 3e-8 and rounding, and the third removes the rounding errors
# of ψ and of its inverse. In between, an inverse of ψ to 1e-6 is enough.
SCALAR_STEPS = 3
VECTOR_STEPS = 3
ROUGH = 2
# Large entries determine α₀ by the remainder 1 − Σ e^{μ_i}, so where they are 1e12 the rounding of
# μ moves log α₀ by about 1e-4 in every Newton step. This does not harm α₀, but the small entries
# are then off by its square. Rows whose last step was longer than ENOUGH are therefore settled:
# given that α₀, their entries are computed twice, which squares 1e-4 and 1e-8. Where rounding would
# move log α₀ by more than UNDECIDED, α₀ keeps its value from the first equation.
ENOUGH = 1e-8
UNDECIDED = 1e-2
SETTLING_STEPS = 2


def log_beta(xp: Namespace, alpha: Array) -> Array:
    """Return log B(α) for α (..., K) > 0.

    The error is a few units in the last place of max(1, Σ |terms|).

    Examples
    --------
    >>> import numpy as np
    >>> round(log_beta(np, np.asarray([2.0, 3.0])).item(), 12)  # −log 12
    -2.484906649788
    """
    shares = alpha * xp.log1p(other_sums(xp, alpha) / alpha)  # −α log p
    return reduced_log_beta(xp, alpha) - xp.sum(shares, axis=-1)


def reduced_log_beta(xp: Namespace, alpha: Array) -> Array:
    """Return Σ S(α_i) − S(α₀) = log B(α) − Σ α_i log p_i, of the size of a few logarithms.

    Examples
    --------
    >>> import numpy as np
    >>> round(reduced_log_beta(np, np.asarray([1.0, 1.0])).item(), 12)  # 2 log 2
    1.38629436112
    """
    return xp.sum(reduced_lgamma(xp, alpha), axis=-1) - reduced_lgamma(xp, xp.sum(alpha, axis=-1))


def log_beta_gradient(xp: Namespace, alpha: Array) -> Array:
    """Return ∇ log B(α) = (ψ(α_i) − ψ(α₀))_i < 0, the mean logarithms of Dirichlet variables.

    Examples
    --------
    >>> import numpy as np
    >>> log_beta_gradient(np, np.asarray([1.0, 1.0]))
    array([-1., -1.])
    """
    return -digamma_increment(xp, alpha, other_sums(xp, alpha))


def log_beta_conjugate(xp: Namespace, alpha: Array) -> Array:
    """Return ⟨α, ∇ log B(α)⟩ − log B(α) = S(α₀) + α₀ φ(α₀) − Σ (S(α_i) + α_i φ(α_i)).

    Examples
    --------
    >>> import numpy as np
    >>> round(log_beta_conjugate(np, np.asarray([1.0, 1.0])).item(), 12)
    -2.0
    """
    return _entropy_part(xp, xp.sum(alpha, axis=-1)) - xp.sum(_entropy_part(xp, alpha), axis=-1)


def dirichlet_entropy(xp: Namespace, alpha: Array) -> Array:
    """Return the entropy log B(α) − ⟨α − 1, ∇ log B(α)⟩ of the Dirichlet distribution.

    It is Σ (S(α_i) + (α_i − 1) φ(α_i) + log p_i) − S(α₀) − (α₀ − K) φ(α₀).

    Examples
    --------
    >>> import numpy as np
    >>> alpha = np.asarray([1e8, 1e4])  # nearly a Gaussian of standard deviation 1e-6
    >>> round(dirichlet_entropy(np, alpha).item(), 6)
    -12.396755
    """
    total = xp.sum(alpha, axis=-1)
    parts = (
        reduced_lgamma(xp, alpha)
        - xp.log1p(other_sums(xp, alpha) / alpha)
        + (alpha - 1.0) * log_minus_digamma(xp, alpha)
    )
    return (
        xp.sum(parts, axis=-1)
        - reduced_lgamma(xp, total)
        - (total - alpha.shape[-1]) * log_minus_digamma(xp, total)
    )


def log_beta_hessian(xp: Namespace, alpha: Array) -> Array:
    """Return ∇² log B(α) = diag ψ′(α) − ψ′(α₀) 11ᵀ, to full relative accuracy.

    Examples
    --------
    >>> import numpy as np
    >>> log_beta_hessian(np, np.asarray([1.0, 1.0])).round(6)
    array([[ 1.      , -0.644934],
           [-0.644934,  1.      ]])
    """
    diagonal = trigamma_decrement(xp, alpha, other_sums(xp, alpha))
    corner = -trigamma(xp, xp.sum(alpha, axis=-1))[..., None, None]
    one = xp.eye(alpha.shape[-1], dtype=alpha.dtype, device=device(alpha))
    return one * diagonal[..., None] + (1.0 - one) * corner


def inverse_log_beta_hessian_product(xp: Namespace, alpha: Array, vectors: Array) -> Array:
    r"""Return (∇² log B(α))⁻¹ v for every row v of ``vectors`` (..., m, K).

    It is a diagonal matrix plus one of rank one, all entries positive.

    .. math:: (\nabla^2\log B)^{-1} = \operatorname{diag}(u) + u u^\top / g, \qquad
        u_i = 1/ψ'(α_i), \quad g = 1/ψ'(α_0) - \sum_i u_i > 0

    with g summed from the surpluses of α₁ + α₂, (α₁ + α₂) + α₃, …, which are positive.

    Examples
    --------
    >>> import numpy as np
    >>> alpha = np.asarray([1e8, 1e8, 1e8])
    >>> inverse_log_beta_hessian_product(np, alpha, log_beta_hessian(np, alpha)).round(6)
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]])
    """
    weights, surplus = log_beta_curvatures(xp, alpha)
    scaled = weights[..., None, :] * vectors
    common = xp.sum(scaled, axis=-1, keepdims=True) / surplus[..., None, None]
    return scaled + weights[..., None, :] * common


def log_beta_curvatures(xp: Namespace, alpha: Array) -> tuple[Array, Array]:
    """Return the u (..., K) and g (...) of :func:`inverse_log_beta_hessian_product`.

    Examples
    --------
    >>> import numpy as np
    >>> weights, surplus = log_beta_curvatures(np, np.asarray([1e8, 1e8]))
    >>> weights.round(6), round(surplus.item(), 6)
    (array([99999999.5, 99999999.5]), 0.5)
    """
    return 1.0 / trigamma(xp, alpha), _surplus(xp, alpha)


def log_beta_third_derivative(xp: Namespace, alpha: Array) -> Array:
    """Return ∇³ log B(α) (..., K, K, K), to full relative accuracy.

    Entries are ψ″(α_i) − ψ″(α₀) where all indices are i, and −ψ″(α₀) elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> log_beta_third_derivative(np, np.asarray([1.0, 1e8]))[:, 0, 0]  # −2ζ(3), 1/α₀²
    array([-2.40411381e+00,  9.99999990e-17])
    """
    one = xp.eye(alpha.shape[-1], dtype=alpha.dtype, device=device(alpha))
    same = one[:, :, None] * one[None, :, :]
    change = -tetragamma_increment(xp, alpha, other_sums(xp, alpha))
    return (
        same * change[..., None, None]
        + (1.0 - same) * -tetragamma(xp, xp.sum(alpha, axis=-1))[..., None, None, None]
    )


def log_beta_bregman(xp: Namespace, alpha: Array, beta: Array) -> Array:
    """Return log B(β) − log B(α) − ⟨β − α, ∇ log B(α)⟩ ≥ 0.

    It is accurate however close α and β are, and however unequal their entries.

    The largest α_i shares nearly all of α₀, so its B_S and that of α₀ are subtracted in closed
    form.

    Examples
    --------
    >>> import numpy as np
    >>> alpha = np.asarray([1.0, 1.0])
    >>> close = alpha + np.asarray([2.0**-40, 0.0])
    >>> round(log_beta_bregman(np, alpha, close).item() * 2.0**81, 9)  # ψ′(1) − ψ′(2)
    1.0
    """
    alpha, beta = alpha + xp.zeros_like(beta), beta + xp.zeros_like(alpha)
    change = beta - alpha
    # α_i β₀ − β_i α₀ from the determinants of pairs, each good to 2 u, or from those of the changes
    # if these are smaller than β
    first, second = alpha[..., :, None], alpha[..., None, :]
    near = first * xp.abs(change)[..., None, :] + second * xp.abs(change)[..., :, None]
    smaller = near < first * beta[..., None, :] + second * beta[..., :, None]
    moved = xp.where(smaller, change[..., None, :], beta[..., None, :])
    other = xp.where(smaller, change[..., :, None], beta[..., :, None])
    gap = xp.sum(difference_of_products(xp, first, moved, second, other), axis=-1)
    alpha0, beta0 = xp.sum(alpha, axis=-1), xp.sum(beta, axis=-1)
    ratio = alpha / alpha0[..., None] / (beta / beta0[..., None])
    shares = xp.sum(beta * log_remainder(xp, ratio, gap / alpha0[..., None] / beta), axis=-1)
    largest = _largest(xp, alpha)

    def split(x: Array) -> tuple[Array, Array]:
        none = xp.zeros_like(x)
        return xp.sum(xp.where(largest, x, none), axis=-1), xp.sum(
            xp.where(largest, none, x), axis=-1
        )

    (main, rest), (main2, rest2) = split(alpha), split(beta)
    remainders = split(reduced_lgamma_bregman(xp, alpha, beta))[1]
    drop = reduced_lgamma_bregman_drop(xp, main, main2, rest, rest2, split(change)[1])
    return shares + remainders + drop


def mean_log_gap(xp: Namespace, mu: Array) -> Array:
    """Return 1 − Σ e^{μ_i}, positive for mean logarithms of points of the simplex, and only then.

    Examples
    --------
    >>> import numpy as np
    >>> mean_log_gap(np, np.asarray([-1e-20, -60.0]))
    np.float64(9.999991243489236e-21)
    """
    largest, top = _largest(xp, mu), xp.max(mu, axis=-1)
    return -xp.expm1(top) - xp.sum(xp.where(largest, xp.zeros_like(mu), xp.exp(mu)), axis=-1)


@compiled_when_large
def inverse_log_beta_gradient(xp: Namespace, mu: Array) -> Array:
    r"""Return the α with ∇ log B(α) = ``mu``, where 1 − Σ e^{μ_i} > 0.

    Let a be the largest entry and −μ_a its y. The others follow from a: ψ(α_i) = ψ(a) + y − y_i;
    what remains is one equation, ψ(a + r) − ψ(a) = y with r their sum. The logarithm of its left
    side has the slope −a ψ′(a) ψ′(α₀) g / (ψ(a + r) − ψ(a)) < 0 in log a, with g as in
    :func:`inverse_log_beta_hessian_product`, and levels off to the right. So Newton's step is taken
    in log a from the left of the root, and from the right, unless the slope is more than ½, in 1/a,
    which does not overshoot. The start is what remains when ψ(a) ≈ log(a − ½), or 1/(1 + 2y) if
    that is more.

    Examples
    --------
    >>> import numpy as np
    >>> inverse_log_beta_gradient(np, log_beta_gradient(np, np.asarray([1e-6, 1.0, 1e6])))
    array([1.e-06, 1.e+00, 1.e+06])
    """
    largest, y = _largest(xp, mu), -xp.max(mu, axis=-1)
    # For the largest entry itself any positive number will do.
    lag = xp.where(largest, xp.ones_like(mu), -mu - y[..., None])

    def entries(a: Array) -> tuple[Array, Array]:
        others = inverse_digamma(xp, digamma(xp, a)[..., None] - lag, steps=ROUGH)
        return xp.where(largest, a[..., None], others), xp.sum(
            xp.where(largest, xp.zeros_like(mu), others), axis=-1
        )

    share, gap = xp.sum(xp.exp(mu), axis=-1), mean_log_gap(xp, mu)
    most = mu.shape[-1] / gap
    a = xp.maximum(0.5 * (mu.shape[-1] - share) / gap * xp.exp(-y), 1.0 / (1.0 + 2.0 * y))
    for _ in range(SCALAR_STEPS):
        alpha, rest = entries(a)
        increment = digamma_increment(xp, a, rest)
        slope = a * trigamma(xp, a) * (trigamma(xp, a + rest) * _surplus(xp, alpha)) / increment
        step = log_ratio(xp, increment, y) / slope
        step = xp.where((step > 0) | (slope > 0.5), step, -xp.log1p(xp.abs(step)))
        a = a * xp.exp(xp.minimum(step, xp.log(most / a)))
    alpha, _ = entries(a)
    step = xp.zeros_like(alpha)
    for _ in range(VECTOR_STEPS):
        step = xp.clip(_newton_step(xp, alpha, mu), -1.0, 1.0)
        alpha = alpha * xp.exp(step)
    unsettled = xp.any(xp.abs(step) > ENOUGH, axis=-1, keepdims=True)
    for _ in range(SETTLING_STEPS):
        step = xp.clip(
            (mu - log_beta_gradient(xp, alpha)) / (1.0 + trigamma_excess(xp, alpha)), -1.0, 1.0
        )
        alpha = xp.where(unsettled, alpha * xp.exp(step), alpha)
    return alpha


def _newton_step(xp: Namespace, alpha: Array, mu: Array) -> Array:
    """Change of log α that takes the gradient to ``mu``."""
    residual, (weights, surplus) = mu - log_beta_gradient(xp, alpha), log_beta_curvatures(xp, alpha)
    noise = 0.5 * float(xp.finfo(mu.dtype).eps) * xp.sum(weights * -mu, axis=-1)
    common = xp.where(
        noise < UNDECIDED * surplus,
        xp.sum(weights * residual, axis=-1) / surplus,
        xp.zeros_like(surplus),
    )
    return weights / alpha * (residual + common[..., None])


def _largest(xp: Namespace, x: Array) -> Array:
    """Where the largest entry of each row is, the first of several."""
    return xp.arange(x.shape[-1], device=device(x)) == xp.argmax(x, axis=-1, keepdims=True)


def _entropy_part(xp: Namespace, a: Array) -> Array:
    """S(a) + a φ(a)."""
    return reduced_lgamma(xp, a) + a * log_minus_digamma(xp, a)


def _surplus(xp: Namespace, alpha: Array) -> Array:
    """1/ψ′(α₀) − Σ 1/ψ′(α_i), term by term."""
    partial = alpha[..., 0]
    total = xp.zeros_like(partial)
    for index in range(1, alpha.shape[-1]):
        total = total + trigamma_surplus(xp, partial, alpha[..., index])
        partial = partial + alpha[..., index]
    return total
