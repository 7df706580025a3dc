"""The benchmark of iNGD: its methods agree, and the Jacobian written out costs the memory."""

import pytest

from ingd_ref._bench import _generator
from ingd_ref._bench._measure import peak_bytes


@pytest.fixture
def comparison(monkeypatch):
    monkeypatch.setattr(_generator, "SIZES", (5, 64, 64, 5))
    monkeypatch.setattr(_generator, "PROBLEMS", ((200, 40),))
    (only,) = _generator.comparisons("numpy")
    return only


def test_all_methods_come_to_the_same_velocity(comparison):
    assert set(comparison.others) == {"stacked (N3′)", "Jacobian (n, d, p)"}
    for function in (comparison.function, *comparison.others.values()):
        # condition numbers of the normal equations are below 1e5 here, their roundings some dozens
        assert comparison.error(function()) < 1e-10
    assert "p = 4869, n = 200, b = 40" in comparison.case


def test_the_gram_matrix_of_the_generator_needs_a_tenth_of_the_memory_of_its_jacobian(comparison):
    for function in (comparison.function, comparison.others["Jacobian (n, d, p)"]):
        function()  # imports and compilation count for neither
    ours, jacobian = (
        peak_bytes(comparison.function, "numpy"),
        peak_bytes(comparison.others["Jacobian (n, d, p)"], "numpy"),
    )
    assert jacobian > 200 * 5 * 4869 * 8  # it holds J at least
    assert 10 * ours < jacobian
