"""Problems of the laws as hypothesis draws them."""

from __future__ import annotations

from hypothesis import strategies as st

from ingd_ref.conformance._build import build
from ingd_ref.conformance._kinds import FEATURES, has_units
from ingd_ref.conformance._problem import Problem
from ingd_ref.conformance._problems import (
    ACTIVATIONS,
    REGULAR,
    Domain,
    kernels_of,
    plan,
    statistics_of,
)

__all__ = ["FEATURES", "FUSED_KERNELS", "REGULAR", "Domain", "build", "planned", "problems"]

#: Kernels with a fused version.
FUSED_KERNELS = ("gradient", "scalar", "coordinatewise")


def planned(domain: Domain, name: str, number: int) -> list[Problem]:
    """Make the problems on which the law of this name is tried."""
    return [build(**options) for options in plan(domain, name, number)]


@st.composite
def problems(draw: st.DrawFn, domain: Domain) -> Problem:
    """Draw a problem; hypothesis shrinks sizes and options, and keeps the seed of the arrays."""
    features = draw(st.sampled_from(statistics_of(domain)), label="features")
    kernel = draw(st.sampled_from(kernels_of(domain)), label="kernel")
    # Monomials, pairwise products and networks have lengths of their own, so the sample must have
    # theirs.
    free = has_units(features, kernel)
    return build(
        features=features,
        kernel=kernel,
        n=draw(st.integers(*domain.n), label="n"),
        m=draw(st.integers(*domain.m), label="m"),
        d=draw(st.integers(*domain.d), label="d"),
        b=draw(st.integers(*domain.b), label="b"),
        seed=draw(st.integers(0, 2**16), label="seed"),
        spread=draw(st.sampled_from([1.0, 0.2, 5.0] if free else [1.0]), label="spread"),
        location=draw(st.sampled_from([0.0, 2.0]), label="location"),
        feature_width=draw(st.sampled_from([1.0, 0.7, 2.0]), label="feature width"),
        kernel_width=draw(st.sampled_from([1.0, 0.7, 2.0]), label="kernel width"),
        ridge=draw(st.sampled_from(domain.ridge), label="ridge"),
        jitter=draw(st.sampled_from(domain.jitter), label="jitter"),
        ddof=draw(st.sampled_from(domain.ddof), label="ddof"),
        weights=draw(st.sampled_from(domain.weights), label="weights"),
        target_weights=draw(st.sampled_from(domain.target_weights), label="target weights"),
        mask=draw(st.sampled_from(domain.masks), label="mask"),
        duplicates=draw(st.sampled_from(domain.duplicates), label="duplicates"),
        layout=draw(st.sampled_from(domain.layouts), label="layout"),
        dtype=draw(st.sampled_from(domain.dtypes), label="dtype"),
        activation=draw(st.sampled_from(ACTIVATIONS), label="activation"),
    )
