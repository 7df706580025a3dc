"""Special functions of the families in forms that do not cancel, written once with the array standard and so for every library.

The textbook forms log a − ψ(a), aψ′(a) − 1 or log Γ(b) − log Γ(a) − (b − a)ψ(a) are differences of nearly equal numbers where a is large or
b is close to a. Each is computed here as a sum of positive terms instead: a recurrence a → a + 1 up to where Stirling's series holds.

Every function takes the namespace first, and trusts its arguments: the families have checked them.
"""

from ingd_ref.special._bessel import (
    BesselRatio,
    bessel_ratio,
    bessel_ratio_curvature,
    inverse_bessel_ratio,
    log_bessel,
    reduced_log_bessel,
    reduced_log_bessel_bregman,
)
from ingd_ref.special._beta import (
    dirichlet_entropy,
    inverse_log_beta_gradient,
    inverse_log_beta_hessian_product,
    log_beta,
    log_beta_bregman,
    log_beta_conjugate,
    log_beta_gradient,
    log_beta_hessian,
    mean_log_gap,
    reduced_log_beta,
)
from ingd_ref.special._cholesky import Factor, factor, log_det_divergence, matmul, matvec, outer, positive_definite, symmetric
from ingd_ref.special._counting import (
    count_deviance,
    factorial_excess,
    remaining,
)
from ingd_ref.special._counting_entropy import (
    multinomial_entropy,
    negative_binomial_entropy,
    poisson_entropy,
)
from ingd_ref.special._double_words import DoubleWord, double_word, two_sum
from ingd_ref.special._exponential import (
    expm1_remainder,
    log1mexp,
    log_expm1,
    log_mean_exp_excess,
    log_softmax,
    log_softmax_change,
    log_sum_exp,
    log_sum_exp_bregman,
    other_sums,
    simplex_distance,
    with_reference,
)
from ingd_ref.special._exponential_integral import scaled_exponential_integral, scaled_exponential_integral_excess
from ingd_ref.special._gamma import (
    digamma,
    inverse_digamma,
    inverse_log_minus_digamma,
    lgamma,
    lgamma_bregman,
    log_minus_digamma,
    reduced_lgamma,
    reduced_lgamma_bregman,
    stirling_remainder,
    tetragamma,
    trigamma,
    trigamma_excess,
)
from ingd_ref.special._gamma_increments import (
    digamma_increment,
    reduced_lgamma_bregman_drop,
    trigamma_decrement,
    trigamma_surplus,
)
from ingd_ref.special._incomplete_gamma import gamma_quantile
from ingd_ref.special._logarithm import log_ratio, log_remainder, t_minus_log1p
from ingd_ref.special._logistic import (
    geometric_distance,
    geometric_divergence,
    geometric_odds,
    logistic,
    logistic_distance,
)
from ingd_ref.special._multivariate_gamma import (
    inverse_multivariate_log_minus_digamma,
    multivariate_lgamma,
    multivariate_log_minus_digamma,
    multivariate_reduced_lgamma,
    multivariate_reduced_lgamma_bregman,
    multivariate_tetragamma,
    multivariate_trigamma_excess,
)
from ingd_ref.special._normal import normal_tail
from ingd_ref.special._products import difference_of_products, two_product
from ingd_ref.special._sphere import ball_gap, norm, versine
from ingd_ref.special._symmetric import dual_entries, dual_wick, entries, from_dual_entries, from_entries, triple_wick, wick

__all__ = [
    "BesselRatio",
    "DoubleWord",
    "Factor",
    "ball_gap",
    "bessel_ratio",
    "bessel_ratio_curvature",
    "count_deviance",
    "difference_of_products",
    "digamma",
    "digamma_increment",
    "dirichlet_entropy",
    "double_word",
    "dual_entries",
    "dual_wick",
    "entries",
    "expm1_remainder",
    "factor",
    "factorial_excess",
    "from_dual_entries",
    "from_entries",
    "gamma_quantile",
    "geometric_distance",
    "geometric_divergence",
    "geometric_odds",
    "inverse_bessel_ratio",
    "inverse_digamma",
    "inverse_log_beta_gradient",
    "inverse_log_beta_hessian_product",
    "inverse_log_minus_digamma",
    "inverse_multivariate_log_minus_digamma",
    "lgamma",
    "lgamma_bregman",
    "log1mexp",
    "log_bessel",
    "log_beta",
    "log_beta_bregman",
    "log_beta_conjugate",
    "log_beta_gradient",
    "log_beta_hessian",
    "log_det_divergence",
    "log_expm1",
    "log_mean_exp_excess",
    "log_minus_digamma",
    "log_ratio",
    "log_remainder",
    "log_softmax",
    "log_softmax_change",
    "log_sum_exp",
    "log_sum_exp_bregman",
    "logistic",
    "logistic_distance",
    "matmul",
    "matvec",
    "mean_log_gap",
    "multinomial_entropy",
    "multivariate_lgamma",
    "multivariate_log_minus_digamma",
    "multivariate_reduced_lgamma",
    "multivariate_reduced_lgamma_bregman",
    "multivariate_tetragamma",
    "multivariate_trigamma_excess",
    "negative_binomial_entropy",
    "norm",
    "normal_tail",
    "other_sums",
    "outer",
    "poisson_entropy",
    "positive_definite",
    "reduced_lgamma",
    "reduced_lgamma_bregman",
    "reduced_lgamma_bregman_drop",
    "reduced_log_bessel",
    "reduced_log_bessel_bregman",
    "reduced_log_beta",
    "remaining",
    "scaled_exponential_integral",
    "scaled_exponential_integral_excess",
    "simplex_distance",
    "stirling_remainder",
    "symmetric",
    "t_minus_log1p",
    "tetragamma",
    "trigamma",
    "trigamma_decrement",
    "trigamma_excess",
    "trigamma_surplus",
    "triple_wick",
    "two_product",
    "two_sum",
    "versine",
    "wick",
    "with_reference",
]
