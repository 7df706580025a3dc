"""What the logarithm of a mean exceeds the mean of the logarithms by, against mpmath."""

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from ingd_ref._special.log_means import jensen_gap

UNIT = 2.0**-53


@pytest.mark.parametrize("spread", [10.0, 1.0, 0.1, 1e-4, 1e-8, 1e-12, 3e-16])
@pytest.mark.parametrize("offset", [0.0, 1e-3, 2.0**-52])
def test_any_spread_and_any_centre_near_the_mean(spread: float, offset: float) -> None:
    """Terms (x/c − 1)²/2 to 8 u; those of a centre off the mean count as well, and are taken back.

    Hence relative to both.
    """
    rng = np.random.default_rng(0)
    x = 0.3 * np.exp(spread * rng.standard_normal((9, 1)))
    w = rng.uniform(0.1, 1.0, (9, 1))
    w = w / np.sum(w)
    centre = np.sum(w * x) * (1.0 + offset)
    with mpmath.workdps(60):
        points, weights = [mpf(float(v)) for v in x[:, 0]], [mpf(float(v)) for v in w[:, 0]]
        total = mpmath.fsum(weights)
        mean = mpmath.fsum(a * v for a, v in zip(weights, points, strict=True)) / total
        truth = (
            mpmath.log(mean)
            - mpmath.fsum(a * mpmath.log(v) for a, v in zip(weights, points, strict=True)) / total
        )
        value = mpf(float(jensen_gap(np, x / centre, (x - centre) / centre, w)[0]))
        size = truth + mpf(offset) ** 2
        assert abs(value - truth) <= 16 * UNIT * size + mpf(UNIT) ** 2, (
            mpmath.nstr(truth, 20),
            mpmath.nstr(value, 20),
        )
