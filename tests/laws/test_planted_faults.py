"""Each planted fault is noticed by the laws that it names, and a correct solver by none."""

import pytest

from ingd_ref.conformance import LAWS, IllConditioned, LawViolation
from tests import strategies
from tests.laws.faults import FAULTS, correct

# Problems for each law and kernel, in addition to as many corners. The correct implementation
# passes all of them.
PROBLEMS = 4
# Faults that yield a correct method for another kernel: no symmetry can tell, only comparison with
# the definition.
BY_DEFINITION_ONLY = {
    "tangent_kernel_without_biases",
    "tangent_kernel_full_where_diagonal_is_asked_for",
    "trace_of_the_tangent_kernel_without_division_by_d",
    "one_system_for_all_coordinates",
}


def violation(law, solve):
    """Return the first violation of ``law`` by ``solve`` among fixed problems, or None."""
    for problem in strategies.planned(law.domain, law.name, max(int(PROBLEMS / law.cost), 1)):
        try:
            law.check(solve, problem)
        except IllConditioned:
            continue
        except LawViolation as found:
            return found
    return None


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_noticed_by_the_named_laws(name):
    unnoticed = [
        law for law in FAULTS[name].caught_by if violation(LAWS[law], FAULTS[name].solve) is None
    ]
    assert not unnoticed


@pytest.mark.parametrize("name", LAWS)
def test_correct_implementation_breaks_no_law(name):
    assert violation(LAWS[name], correct) is None


def test_faults_are_noticed_by_more_than_comparison_with_the_definition():
    comparisons = {"direct_evaluation", "direct_moments"}
    assert {
        name for name, fault in FAULTS.items() if set(fault.caught_by) <= comparisons
    } == BY_DEFINITION_ONLY


@pytest.mark.parametrize("name", LAWS)
def test_every_law_has_a_reason_to_exist(name):
    assert any(name in fault.caught_by for fault in FAULTS.values())
