"""Every law for every kernel, every kind of statistics and every implementation of the package."""

import os
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings

from ingd_ref.conformance import LAWS, IllConditioned, package_velocity
from ingd_ref.conformance._kinds import KERNELS
from ingd_ref.conformance._problems import kernels_of, statistics_of
from tests import strategies
from tests.laws import faults
from tests.strategies import FUSED_KERNELS

# A law that skips most of its problems would hold vacuously. The domains are conditioned so that
# few are skipped: this share, and one problem more where there are only a few.
LARGEST_SKIPPED_SHARE = 0.2
EXAMPLES = 16
LONG_EXAMPLES = 1000
# Corners, and as many drawn problems.
PLANNED = 2

SOLVERS = {
    "correct": faults.correct,
    "readable": package_velocity("readable"),
    "fused": package_velocity("fused"),
}


def hold(law, solve, problems):
    """Check a law on problems; return how many were tried and how many skipped."""
    counter = Counter()
    for problem in problems:
        counter["tried"] += 1
        try:
            law.check(solve, problem)
        except IllConditioned:
            counter["skipped"] += 1
    return counter


@pytest.mark.parametrize(
    ("name", "kernel"), [(law.name, k) for law in LAWS.values() for k in kernels_of(law.domain)]
)
def test_law_holds_for_the_kernel(name, kernel):
    law = LAWS[name]
    number = max(int(PLANNED / law.cost), 1)
    problems = strategies.planned(replace(law.domain, kernels=(kernel,)), name, number)
    assert hold(law, SOLVERS["readable"], problems)["skipped"] < len(problems)
    if kernel in FUSED_KERNELS:
        hold(law, SOLVERS["fused"], problems)


@pytest.mark.parametrize(
    ("name", "features"),
    [(law.name, f) for law in LAWS.values() for f in statistics_of(law.domain)],
)
def test_law_holds_for_the_features(name, features):
    law = LAWS[name]
    kernel = next(kind for kind in ("gradient", *KERNELS) if kind in kernels_of(law.domain))
    domain = replace(law.domain, features=(features,), kernels=(kernel,))
    problems = strategies.planned(domain, name, max(int(PLANNED / law.cost), 1))
    assert hold(law, SOLVERS["readable"], problems)["skipped"] < len(problems)


def search(law, solver, examples):
    """Search for a problem that breaks a law."""
    domain, total = law.domain, Counter()
    if solver == "fused":
        domain = replace(domain, kernels=tuple(set(kernels_of(domain)).intersection(FUSED_KERNELS)))
        if not domain.kernels:
            pytest.skip("no kernel of this law has a fused version")

    @settings(max_examples=max(int(examples / law.cost), 2), database=None)
    @given(strategies.problems(domain))
    def holds(problem):
        total.update(hold(law, SOLVERS[solver], [problem]))

    holds()
    assert total["skipped"] <= LARGEST_SKIPPED_SHARE * total["tried"] + 1, total


@pytest.mark.parametrize("solver", ["readable", "fused"])
@pytest.mark.parametrize("name", LAWS)
def test_law_holds_in_a_search(name, solver):
    search(LAWS[name], solver, EXAMPLES)


@pytest.mark.parametrize("method", ["eigh", "cg"])
def test_other_solvers_give_the_same_velocity(method):
    # Conjugate gradients have no coordinate-wise form.
    law = LAWS["direct_evaluation"]
    domain = law.domain if method == "eigh" else replace(law.domain, needs=("one system",))
    solve = package_velocity("readable", solver=method)
    for problem in strategies.planned(domain, law.name, 3):
        law.check(solve, problem)


@pytest.mark.long
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", LAWS)
def test_law_holds_in_a_long_search(name, solver):
    search(LAWS[name], solver, int(os.environ.get("LAW_EXAMPLES", LONG_EXAMPLES)))
