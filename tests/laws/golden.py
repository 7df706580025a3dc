"""The four inputs of the published program, as problems, and what it returned for them."""

from functools import cache
from pathlib import Path

import numpy as np

from tests import oracles

CASES = ("gauss1d", "gauss2d", "mix5d", "poly2d")


@cache
def arrays():
    with np.load(Path(__file__).parents[1] / "data" / "ingd_public.npz") as stored:
        return dict(stored)


def array(case, name):
    return arrays()[f"{case}/{name}"]


def features(case):
    centers = array(case, "centers")
    return oracles.Polynomial(centers) if case == "poly2d" else oracles.RBF(centers, float(array(case, "feature_bandwidth")))


def gradient_kernel(case):
    return oracles.GradientKernel(float(array(case, "kernel_bandwidth")))


def coordinatewise_kernel(case):
    return oracles.ScalarKernel(float(array(case, "kernel_bandwidth")), coordinatewise=True)


def tangent_kernel(case, mode="diagonal"):
    layers = tuple((array(case, f"net/fc{k}.weight"), array(case, f"net/fc{k}.bias")) for k in (1, 2, 3))
    return oracles.TangentKernel(layers, "tanh", mode)


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
