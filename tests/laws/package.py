"""The package behind the interface of the laws: problems in the oracles' words become calls of :func:`ingd_ref.flows.king_velocity`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ingd_ref as ir
from tests import oracles

# Kinds of kernel, in the words of the strategies, that have a fused version.
FUSED_KERNELS = ("gradient", "scalar", "coordinatewise")


class Multiple(ir.rkhs.MatrixKernel):
    """factor · K, for the law about multiples of a kernel."""

    def __init__(self, base: Any, factor: float) -> None:
        self.base, self.factor = base, factor

    def _matrix(self, x: Any, y: Any) -> Any:
        return self.factor * self.base(x, y)

    def contract(self, points: Any, x: Any, jacobian: Any, weights: Any, implementation: str = "auto") -> Any:
        return self.factor * self.base.contract(points, x, jacobian, weights, implementation=implementation)


def features(spec: oracles.Statistics) -> Any:
    match spec:
        case oracles.RBF():
            return ir.features.GaussianRBF(spec.centers, spec.bandwidth)
        case oracles.Polynomial():
            return ir.features.Polynomial(spec.centers, degree=spec.degree, offset=spec.offset)
        case oracles.Monomials():
            return ir.features.Monomials(spec.degree)
        case oracles.Fourier():
            return ir.features.RandomFourier(spec.frequencies, spec.phases)
        case oracles.Pairwise():
            return ir.features.PairwiseProducts()
        case oracles.Mapped():
            base = features(spec.base)
            return ir.features.UserFeatures(lambda x: base(x) @ spec.matrix.T + spec.shift, lambda x: base.jacobian(x) @ spec.matrix.T)


def kernel(spec: oracles.Kernel) -> Any:
    match spec:
        case oracles.GradientKernel():
            return ir.rkhs.GradientGaussian(spec.bandwidth)
        case oracles.ScalarKernel():
            return ir.rkhs.ScalarGaussian(spec.bandwidth, coordinatewise=spec.coordinatewise)
        case oracles.TangentKernel():
            return ir.rkhs.NeuralTangent(list(spec.layers), activation=spec.activation, mode=spec.mode)
        case oracles.ScaledKernel():
            return Multiple(kernel(spec.base), spec.factor)


def solver(implementation: str = "auto", **options: Any) -> Callable[[oracles.Problem], Any]:
    """Return a function that solves problems with the package, by the given implementation of its kernels."""

    def solve(p: oracles.Problem) -> Any:
        return ir.flows.king_velocity(
            p.x,
            p.y,
            features=features(p.features),
            kernel=kernel(p.kernel),
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
