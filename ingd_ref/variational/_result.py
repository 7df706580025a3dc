"""What a run of natural-gradient variational inference returns and reports."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ingd_ref.backend._namespace import Array
from ingd_ref.variational._approximation import GaussianApproximation

__all__ = ["NviStep", "VariationalResult"]


@dataclass(frozen=True, eq=False)
class VariationalResult:
    """A Gaussian approximation, and the run that led to it.

    Attributes
    ----------
    approximation : FullGaussian, MeanFieldGaussian or LowRankGaussian
        The last one.
    elbo : numpy.ndarray (steps + 1, ...)
        ELBO in nats at the start and after each step; estimates under :class:`Sampling`.
    gain : numpy.ndarray (steps + 1, ...)
        Half the squared Fisher norm of the natural gradient: the gain of a full step to second
        order, in nats.
    status : {"converged", "finished", "stopped", "interrupted"}
        The gain fell below the tolerance; all steps were taken; the callback ended the run, or the
        errors of the expectations keep the tolerance out of reach; Ctrl-C or an error came first.
    seconds : float
        Time that the run has taken, earlier parts of a resumed run included.
    reason : str
        Why the tolerance is out of reach; empty if it is not.
    """

    approximation: GaussianApproximation
    elbo: np.ndarray
    gain: np.ndarray
    status: str
    seconds: float
    reason: str = ""

    @property
    def steps(self) -> int:
        """Number of steps taken."""
        return len(self.elbo) - 1

    @property
    def mean(self) -> Array:
        """Mean (..., d)."""
        return self.approximation.mean

    @property
    def precision(self) -> Array:
        """Precision (..., d, d)."""
        return self.approximation.precision

    @property
    def covariance(self) -> Array:
        """Covariance (..., d, d)."""
        return self.approximation.covariance

    @property
    def condition(self) -> Array:
        """Condition number of the precision (...)."""
        return self.approximation.condition


@dataclass(frozen=True, eq=False)
class NviStep:
    """What a callback receives after a completed step.

    Attributes
    ----------
    step : int
        Steps completed.
    steps : int
        Steps that the run is to do.
    approximation : GaussianApproximation
        After so many steps.
    elbo : numpy.ndarray (...)
        Its ELBO.
    gain : numpy.ndarray (...)
        What a full step is about to gain, to second order.
    """

    step: int
    steps: int
    approximation: GaussianApproximation = field(repr=False)
    elbo: np.ndarray
    gain: np.ndarray
