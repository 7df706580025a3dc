"""How far particles are from their target: (K8) and (Q1) to (Q5), each a number and never NaN."""

from ingd_ref.kernels._bandwidth import median_bandwidth
from ingd_ref.metrics._energy import energy_distance
from ingd_ref.metrics._fixed_target import MMD
from ingd_ref.metrics._kliep import DensityRatio, kliep
from ingd_ref.metrics._mmd import mmd
from ingd_ref.metrics._moment import moment_residual
from ingd_ref.metrics._sliced_wasserstein import sliced_wasserstein

__all__ = [
    "MMD",
    "DensityRatio",
    "energy_distance",
    "kliep",
    "median_bandwidth",
    "mmd",
    "moment_residual",
    "sliced_wasserstein",
]
