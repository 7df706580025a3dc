"""Every law, on drawn problems and on their corners, for the oracle and for each implementation of the package."""

import os
from collections import Counter

import pytest
from hypothesis import example, given, settings

from tests import strategies
from tests.laws import faults, package
from tests.laws.laws import LAWS, IllConditioned

# A law that skips most of its problems would hold vacuously. The domains are conditioned so that few are skipped.
LARGEST_SKIPPED_SHARE = 0.2
EXAMPLES = 24
LONG_EXAMPLES = 1000

SOLVERS = {"oracle": faults.correct, "readable": package.solver("readable"), "fused": package.solver("fused")}


def judge(law, solve, examples):
    counter = Counter()

    @settings(max_examples=max(examples // law.cost, 2), database=None)
    @given(strategies.problems(law.domain))
    def holds(problem):
        counter["tried"] += 1
        try:
            law.check(solve, problem)
        except IllConditioned:
            counter["skipped"] += 1

    for problem in strategies.edges(law.domain)[:: law.cost]:
        holds = example(problem)(holds)
    holds()
    assert counter["skipped"] <= LARGEST_SKIPPED_SHARE * counter["tried"], f"skipped {counter['skipped']} of {counter['tried']} problems"


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", LAWS)
def test_law_holds(name, solver):
    judge(LAWS[name], SOLVERS[solver], EXAMPLES)


@pytest.mark.long
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", LAWS)
def test_law_holds_in_a_long_search(name, solver):
    judge(LAWS[name], SOLVERS[solver], int(os.environ.get("LAW_EXAMPLES", LONG_EXAMPLES)))
