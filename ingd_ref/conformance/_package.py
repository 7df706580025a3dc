"""The package itself behind the interface of the laws: an example of an adapter, and the one that its own tests use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingd_ref import features, flows, rkhs
from ingd_ref.conformance import _matrix_kernels as kernels
from ingd_ref.conformance import _statistics as statistics
from ingd_ref.conformance._problem import Problem

__all__ = ["package_velocity"]


class _Multiple(rkhs.MatrixKernel):
    """factor · K, for the law about multiples of a kernel."""

    def __init__(self, base: Any, factor: float) -> None:
        self.base, self.factor = base, factor

    def _matrix(self, x: Any, y: Any) -> Any:
        return self.factor * self.base(x, y)

    def contract(
        self, points: Any, x: Any, jacobian: Any, weights: Any, implementation: str = "auto"
    ) -> Any:
        return self.factor * self.base.contract(
            points, x, jacobian, weights, implementation=implementation
        )


def package_features(spec: statistics.Statistics) -> Any:
    """The package's own features for statistics in the words of the laws."""
    match spec:
        case statistics.RBF():
            return features.GaussianRBF(spec.centers, spec.bandwidth)
        case statistics.Polynomial():
            return features.Polynomial(spec.centers, degree=spec.degree, offset=spec.offset)
        case statistics.Monomials():
            return features.Monomials(spec.degree)
        case statistics.Fourier():
            return features.RandomFourier(spec.frequencies, spec.phases)
        case statistics.Pairwise():
            return features.PairwiseProducts()
        case statistics.Mapped():
            base = package_features(spec.base)
            return features.UserFeatures(
                lambda x: base(x) @ spec.matrix.T + spec.shift,
                lambda x: base.jacobian(x) @ spec.matrix.T,
            )


def package_kernel(spec: kernels.Kernel) -> Any:
    """The package's own kernel for one in the words of the laws."""
    match spec:
        case kernels.GradientKernel():
            return rkhs.GradientGaussian(spec.bandwidth)
        case kernels.ScalarKernel():
            return rkhs.ScalarGaussian(spec.bandwidth, coordinatewise=spec.coordinatewise)
        case kernels.TangentKernel():
            return rkhs.NeuralTangent(list(spec.layers), activation=spec.activation, mode=spec.mode)
        case kernels.ScaledKernel():
            return _Multiple(package_kernel(spec.base), spec.factor)


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
        Solves a :class:`Problem`; its result has all that the laws look at.

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
            features=package_features(p.features),
            kernel=package_kernel(p.kernel),
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
