"""The oracles against published outputs, against each other's independent routes, and against derivatives by the complex step."""

from pathlib import Path

import numpy as np
import pytest

from tests import oracles
from tests.laws import golden

# Arrays agree to 1e-10 of the largest entry: the published program solves ill-conditioned systems in float64 (2e-11 seen by an independent
# evaluation for the coordinate-wise case), and any wrong factor, sign or index moves them by more than 1e-3.
TOLERANCE = 1e-10


def assert_close(actual, expected):
    actual, expected = np.asarray(actual, dtype=float), np.asarray(expected)
    assert actual.shape == expected.shape
    assert np.max(np.abs(actual - expected)) <= TOLERANCE * np.max(np.abs(expected))


@pytest.mark.parametrize("case", golden.CASES)
def test_oracle_reproduces_moments(case):
    problem = golden.problem(case, golden.gradient_kernel(case))
    assert_close(oracles.delta(problem), golden.array(case, "delta"))
    assert_close(oracles.fisher(problem), golden.array(case, "fisher_nminus1"))


@pytest.mark.parametrize("case", golden.CASES)
@pytest.mark.parametrize("kernel", golden.VELOCITIES)
def test_oracle_reproduces_velocity(case, kernel):
    name, make = golden.VELOCITIES[kernel]
    assert_close(oracles.king(golden.problem(case, make(case))).velocity, golden.array(case, name))
