"""The evidence for every family can fail.

A fault is planted in one of them, and the case that speaks for the equation measures it.
"""

import inspect

import numpy as np
import pytest

import ingd_ref as ir
from ingd_ref.families._discovery import family_classes
from validation import every_family, registry
from validation.oracles.nodes import nodes
from validation.oracles.textbook import TABLE, textbook

registry.load()
CASES = {case.name: case for case in registry.CASES if case.section == "every_family"}


def scaled(original):
    # Formulas that a family takes from a related one are bound to that one.
    own = (lambda self, *rest: original(*rest)) if inspect.ismethod(original) else original
    return lambda self, *arguments: (1 + 1e-11) * own(self, *arguments)


def literal_divergence(original):
    """The three terms of (E5) as they stand, which cancel."""

    def wrong(self, xp, theta1, theta2):
        difference = xp.sum((theta2 - theta1) * self._mean(xp, theta1), axis=-1)
        return self._log_partition(xp, theta2) - self._log_partition(xp, theta1) - difference

    return wrong


FAULTS = [
    ("E1", "Wishart", "_log_partition", scaled, "every_log_density"),
    ("E1", "InverseGaussian", "_log_base_measure", scaled, "every_log_density"),
    ("E2", "VonMisesFisher", "_mean", scaled, "every_mean"),
    ("E3", "Dirichlet", "_fisher", scaled, "every_fisher_five_ways"),
    ("E3", "Wishart", "_third_cumulant", scaled, "every_third_cumulant"),
    ("E4", "InverseWishart", "_inverse_fisher", scaled, "every_inverse_fisher"),
    ("E5", "Poisson", "_kl", literal_divergence, "every_divergence"),
    ("E6", "Ising", "_natural_from_mean", scaled, "every_conjugate_and_entropy"),
    ("E6", "Beta", "_entropy", scaled, "every_conjugate_and_entropy"),
    ("E7", "Bernoulli", "_natural_gradient", scaled, "every_natural_gradient"),
    ("E8", "MultivariateGaussian", "_natural_gradient", scaled, "every_natural_gradient"),
]


@pytest.fixture
def members_of(monkeypatch):
    """Keep the members of one class alone, which is all that a fault in it concerns."""

    def keep(name):
        chosen = tuple(
            member for member in every_family.members() if type(member.family).__name__ == name
        )
        monkeypatch.setattr(every_family, "members", lambda: chosen)

    return keep


@pytest.mark.parametrize(
    ("label", "family", "method", "fault", "case"),
    FAULTS,
    ids=[f"{f[0]}-{f[1]}-{f[4]}" for f in FAULTS],
)
def test_case_measures_the_fault(monkeypatch, members_of, label, family, method, fault, case):
    members_of(family)
    assert label in CASES[case].labels
    assert registry.run(CASES[case], "numpy").passed
    place = getattr(ir.families, family)
    monkeypatch.setattr(place, method, fault(getattr(place, method)))
    arrays = registry.BACKENDS["numpy"]
    with arrays.guarded():
        assert any(not measured.passed for measured in CASES[case].function(arrays))


def test_each_of_the_five_ways_sees_a_wrong_fisher_information(monkeypatch, members_of):
    members_of("NegativeBinomial")
    monkeypatch.setattr(
        ir.families.NegativeBinomial, "_fisher", scaled(ir.families.NegativeBinomial._fisher)
    )
    record = registry.run(CASES["every_fisher_five_ways"], "numpy")
    assert len(record.measured) == 5 * len(every_family.members())
    assert not any(measured.passed for measured in record.measured)


def test_every_case_has_a_planted_fault():
    assert {fault[4] for fault in FAULTS} == set(CASES)


def test_every_family_of_the_package_has_two_members_in_the_evidence():
    known = {type(member.family).__name__ for member in every_family.members()}
    assert known == {family.__name__ for family in family_classes()} & set(TABLE)
    assert len(known) >= 33


def test_a_family_without_an_oracle_is_left_out():
    class Unknown(ir.families.Exponential):
        pass

    assert textbook(Unknown()) is None
    assert nodes(Unknown(), np.array([-1.0])) is None
