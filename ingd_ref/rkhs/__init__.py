"""Matrix-valued reproducing kernels, the geometry of the velocity fields of section 4."""

from ingd_ref.rkhs._base import MatrixKernel
from ingd_ref.rkhs._divergence_free_gaussian import DivergenceFreeGaussian
from ingd_ref.rkhs._gaussian import GradientGaussian, ScalarGaussian
from ingd_ref.rkhs._gradient_inverse_multiquadric import GradientInverseMultiquadric
from ingd_ref.rkhs._gradient_matern import GradientMatern52
from ingd_ref.rkhs._median_bandwidth import MedianBandwidth
from ingd_ref.rkhs._neural_tangent import NeuralTangent, RandomNeuralTangent
from ingd_ref.rkhs._radial import RadialKernel

__all__ = [
    "DivergenceFreeGaussian",
    "GradientGaussian",
    "GradientInverseMultiquadric",
    "GradientMatern52",
    "MatrixKernel",
    "MedianBandwidth",
    "NeuralTangent",
    "RadialKernel",
    "RandomNeuralTangent",
    "ScalarGaussian",
]
