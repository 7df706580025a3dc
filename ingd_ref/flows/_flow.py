"""A particle flow: a rule that turns particles and a target sample into a velocity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import Array

__all__ = ["Flow", "VelocityFunction"]

VelocityFunction = Callable[[Array], Array]


class Flow(ABC):
    """A velocity rule for particles that are to reach a target sample.

    A flow may have random or data-dependent parts (centres, bandwidths, networks). :meth:`prepare`
    settles them once, and the function that it returns may then be called at several positions: the
    stages of a Runge-Kutta step see the same vector field. :func:`ingd_ref.run_flow` checks what it
    passes to a flow and what it gets back, so a flow checks neither.
    """

    @classmethod
    def example(cls) -> Self:
        """Return an instance on which to test the flow; override it if there is no default.

        Its target is the given sample, or the standard normal distribution for a flow of a score.
        """
        return cls()

    @abstractmethod
    def prepare(
        self,
        particles: Array,
        target: Array,
        rng: RandomSource,
        weights: Array | None = None,
        target_weights: Array | None = None,
        mask: Array | None = None,
    ) -> VelocityFunction:
        """Prepare everything that stays fixed during a step.

        Parameters
        ----------
        particles : array (n, d)
            Particles at the start of the step.
        target : array (m, d)
            Sample of the target, or a minibatch of it.
        rng : numpy.random.Generator or seed
            The only source of randomness.
        weights : array (n,), optional
            Weights π of the particles. Default: 1/n.
        target_weights : array (m,), optional
            Weights ρ of the target sample. Default: 1/m.
        mask : array (d,) of bool, optional
            Coordinates that will move. The velocity of the others is ignored, so a flow need not
            look at the mask. Default: all.

        Returns
        -------
        callable
            Maps positions (n, d) to velocities (n, d).
        """
