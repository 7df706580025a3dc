"""The adapter of the package's own velocity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingd_ref import flows
from ingd_ref.conformance._problem import Problem

__all__ = ["package_velocity"]


def package_velocity(implementation: str = "auto", **options: Any) -> Callable[[Problem], Any]:
    """Return the adapter of :func:`ingd_ref.flows.king_velocity`.

    Parameters
    ----------
    implementation : {"auto", "readable", "fused"}
        Which kernels. Default ``"auto"``.
    **options
        Further options of :func:`~ingd_ref.flows.king_velocity`.

    Returns
    -------
    callable
        Solves a :class:`Problem`; its result has everything that the laws look at.

    Examples
    --------
    >>> from ingd_ref.conformance import check_velocity, package_velocity
    >>> check_velocity(package_velocity("readable"), laws=["particle_permutation"]).passed
    True
    """

    def solve(p: Problem) -> Any:
        return flows.king_velocity(
            p.x,
            p.y,
            features=p.features,
            kernel=p.kernel,
            ridge=p.ridge,
            jitter=p.jitter,
            ddof=p.ddof,
            weights=p.weights,
            target_weights=p.target_weights,
            mask=p.mask,
            implementation=implementation,
            **options,
        )

    return solve
