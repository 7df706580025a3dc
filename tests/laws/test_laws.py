"""Every law, on drawn problems and on their corners, for each implementation of the package; the long search judges the laws as well."""

import os
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import example, given, settings

from ingd_ref.conformance import LAWS, IllConditioned, package_velocity
from tests import strategies
from tests.laws import faults
from tests.strategies import FUSED_KERNELS

# A law that skips most of its problems would hold vacuously. The domains are conditioned so that
# few are skipped.
LARGEST_SKIPPED_SHARE = 0.2
EXAMPLES = 16
LONG_EXAMPLES = 1000

SOLVERS = {
    "correct": faults.correct,
    "readable": package_velocity("readable"),
    "fused": package_velocity("fused"),
}


def domain_of(law, solver):
    """The domain of the law, without the kernels of which there is no fused version where that is asked for."""
    if solver != "fused":
        return law.domain
    return replace(
        law.domain, kernels=tuple(kind for kind in law.domain.kernels if kind in FUSED_KERNELS)
    )


def judge(law, solver, examples):
    counter = Counter()
    domain = domain_of(law, solver)

    @settings(max_examples=max(examples // law.cost, 2), database=None)
    @given(strategies.problems(domain))
    def holds(problem):
        counter["tried"] += 1
        try:
            law.check(SOLVERS[solver], problem)
        except IllConditioned:
            counter["skipped"] += 1

    for problem in strategies.edges(domain)[:: law.cost]:
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
    domain = law.domain if method == "eigh" else replace(law.domain, kernels=strategies.ONE_SYSTEM)
    solve = package_velocity("readable", solver=method)
    for problem in strategies.edges(domain) + strategies.sample(domain, 20):
        law.check(solve, problem)


@pytest.mark.long
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", LAWS)
def test_law_holds_in_a_long_search(name, solver):
    judge(LAWS[name], solver, int(os.environ.get("LAW_EXAMPLES", LONG_EXAMPLES)))
