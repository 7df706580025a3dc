"""Matrix-valued reproducing kernels, the geometry of the velocity fields of section 4."""

from ingd_ref.rkhs._base import MatrixKernel
from ingd_ref.rkhs._gaussian import GradientGaussian, MedianBandwidth, ScalarGaussian
from ingd_ref.rkhs._neural_tangent import NeuralTangent, RandomNeuralTangent

__all__ = [
    "GradientGaussian",
    "MatrixKernel",
    "MedianBandwidth",
    "NeuralTangent",
    "RandomNeuralTangent",
    "ScalarGaussian",
]
