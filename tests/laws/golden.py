"""The four inputs of the published program, as problems, and what it returned for them."""

from functools import cache
from pathlib import Path

import numpy as np

import ingd_ref as ir
from tests import oracles

CASES = ("gauss1d", "gauss2d", "mix5d", "poly2d")


@cache
def arrays():
    with np.load(Path(__file__).parents[1] / "data" / "ingd_public.npz") as stored:
        return dict(stored)


def array(case, name):
    return arrays()[f"{case}/{name}"]


def tolerance(case, name):
    """How far, in absolute terms, an exact evaluation may lie from the stored array.

    1e-10 of the largest entry: the published program solves ill-conditioned systems in float64
    (2e-11 seen for the coordinate-wise case), and any wrong factor, sign or index moves an array by
    more than 1e-3. The program expands squared distances, so that the distance of a point r from
    the origin to itself is up to 2√eps·r, and its mean over n² pairs adds 2√eps·r/n per sample. In
    the gradient each rounding, of eps·r, is divided by such a distance of at least √(eps/2)·r;
    there are about eight of them, with weight 1/n².
    """
    x, y, noise = array(case, "particles"), array(case, "target"), np.sqrt(np.finfo(float).eps)
    allowed = 1e-10 * np.max(np.abs(array(case, name)))
    if name == "energy_distance":
        return allowed + sum(2 * noise * np.max(np.linalg.norm(z, axis=1)) / len(z) for z in (x, y))
    if name == "grad_energy_distance":
        return allowed + 8 * np.sqrt(2) * noise / len(x) ** 2
    return allowed


def deviation(case, name, actual):
    """Return the largest deviation from the stored array in units of the tolerance."""
    actual, expected = np.asarray(actual, dtype=float), array(case, name)
    assert actual.shape == expected.shape
    return float(np.max(np.abs(actual - expected)) / tolerance(case, name))


def features(case):
    centers = array(case, "centers")
    return (
        ir.features.Polynomial(centers)
        if case == "poly2d"
        else ir.features.GaussianRBF(centers, float(array(case, "feature_bandwidth")))
    )


def gradient_kernel(case):
    return ir.rkhs.GradientGaussian(float(array(case, "kernel_bandwidth")))


def coordinatewise_kernel(case):
    return ir.rkhs.ScalarGaussian(float(array(case, "kernel_bandwidth")), coordinatewise=True)


def tangent_kernel(case, mode="diagonal"):
    layers = [(array(case, f"net/fc{k}.weight"), array(case, f"net/fc{k}.bias")) for k in (1, 2, 3)]
    return ir.rkhs.NeuralTangent(layers, "tanh", mode)


VELOCITIES = {
    "gradient": ("v_king_gradient_kernel", gradient_kernel),
    "coordinatewise": ("v_king_scalar_kernel", coordinatewise_kernel),
    "tangent": ("v_ntking_diagonal", tangent_kernel),
}


def problem(case, kernel):
    return oracles.Problem(
        array(case, "particles"),
        array(case, "target"),
        features(case),
        kernel,
        ridge=float(array(case, "lam")),
        jitter=float(array(case, "jitter")),
        ddof=1,
    )
