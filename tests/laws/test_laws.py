"""Every law, on drawn problems and on their corners, for each implementation of the package; the long search judges the laws as well."""

import os
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import example, given, settings

from ingd_ref.conformance import LAWS, IllConditioned, package_velocity
from ingd_ref.conformance._adapter import EVERYTHING
from ingd_ref.conformance._problems import common
from tests import strategies
from tests.laws import faults
from tests.strategies import FUSED_KERNELS

# A law that skips most of its problems would hold vacuously. The domains are conditioned so that
# few are skipped.
LARGEST_SKIPPED_SHARE = 0.2
EXAMPLES = 16
LONG_EXAMPLES = 1000
# Planned problems for each kernel, corners and others.
PLANNED = 2

SOLVERS = {
    "correct": faults.correct,
    "readable": package_velocity("readable"),
    "fused": package_velocity("fused"),
}


def domain_of(law, solver):
    """Return the domain of the law, with fused kernels only where these are asked for."""
    return (
        common(law.domain, replace(EVERYTHING, kernels=FUSED_KERNELS))
        if solver == "fused"
        else law.domain
    )


def judge(law, solver, examples):
    counter = Counter()
    domain = domain_of(law, solver)
    if domain is None:
        pytest.skip("no kernel of this law has a fused version")

    @settings(max_examples=max(int(examples / law.cost), 2), database=None)
    @given(strategies.problems(domain))
    def holds(problem):
        counter["tried"] += 1
        try:
            law.check(SOLVERS[solver], problem)
        except IllConditioned:
            counter["skipped"] += 1

    for problem in strategies.planned(domain, law.name, PLANNED)[:: max(int(law.cost), 1)]:
        holds = example(problem)(holds)
    holds()
    assert counter["skipped"] <= LARGEST_SKIPPED_SHARE * counter["tried"], (
        f"skipped {counter['skipped']} of {counter['tried']} problems"
    )


@pytest.mark.parametrize("solver", ["readable", "fused"])
@pytest.mark.parametrize("name", LAWS)
def test_law_holds(name, solver):
    judge(LAWS[name], solver, EXAMPLES)


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
    judge(LAWS[name], solver, int(os.environ.get("LAW_EXAMPLES", LONG_EXAMPLES)))
