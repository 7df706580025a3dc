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
from ingd_ref.special._cholesky import Factor, factor, log_det_divergence, matmul, matvec, outer, positive_definite, symmetric
from ingd_ref.special._double_words import DoubleWord, double_word, two_sum
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
from ingd_ref.special._logarithm import log_ratio, log_remainder, t_minus_log1p
from ingd_ref.special._multivariate_gamma import (
    inverse_multivariate_log_minus_digamma,
    multivariate_lgamma,
    multivariate_log_minus_digamma,
    multivariate_reduced_lgamma,
    multivariate_reduced_lgamma_bregman,
    multivariate_trigamma_excess,
)
from ingd_ref.special._products import difference_of_products, two_product
from ingd_ref.special._sphere import ball_gap, norm, versine
from ingd_ref.special._symmetric import dual_entries, dual_wick, entries, from_dual_entries, from_entries, wick

__all__ = [
    "BesselRatio",
    "DoubleWord",
    "Factor",
    "ball_gap",
    "bessel_ratio",
    "bessel_ratio_curvature",
    "difference_of_products",
    "digamma",
    "double_word",
    "dual_entries",
    "dual_wick",
    "entries",
    "factor",
    "from_dual_entries",
    "from_entries",
    "inverse_bessel_ratio",
    "inverse_digamma",
    "inverse_log_minus_digamma",
    "inverse_multivariate_log_minus_digamma",
    "lgamma",
    "lgamma_bregman",
    "log_bessel",
    "log_det_divergence",
    "log_minus_digamma",
    "log_ratio",
    "log_remainder",
    "matmul",
    "matvec",
    "multivariate_lgamma",
    "multivariate_log_minus_digamma",
    "multivariate_reduced_lgamma",
    "multivariate_reduced_lgamma_bregman",
    "multivariate_trigamma_excess",
    "norm",
    "outer",
    "positive_definite",
    "reduced_lgamma",
    "reduced_lgamma_bregman",
    "reduced_log_bessel",
    "reduced_log_bessel_bregman",
    "scaled_exponential_integral",
    "scaled_exponential_integral_excess",
    "stirling_remainder",
    "symmetric",
    "t_minus_log1p",
    "tetragamma",
    "trigamma",
    "trigamma_excess",
    "two_product",
    "two_sum",
    "versine",
    "wick",
]
