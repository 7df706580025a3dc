"""Checks of arguments: return the right type, or raise an error that names the argument."""

import numpy as np
import pytest

from ingd_ref import _checks, errors
from ingd_ref.errors import BackendError, DomainError, NonFiniteError, OptionError, ShapeError


def test_integers_become_floating_and_floating_types_stay():
    assert _checks.points(np.ones((2, 1), dtype=int), "x", np).dtype == np.float64
    assert _checks.points(np.ones((2, 1), dtype=np.float32), "x", np).dtype == np.float32
    assert (
        _checks.points(np.ones((2, 1)), "x", np, like=np.ones(1, dtype=np.float32)).dtype
        == np.float32
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_bad_entry_is_named(bad):
    x = np.zeros((3, 4))
    x[1, 2] = x[2, 0] = bad
    with pytest.raises(
        NonFiniteError,
        match=r"y holds 2 value\(s\) that are NaN or infinite, the first at index \(1, 2\)",
    ):
        _checks.points(x, "y", np)


def test_weights_are_uniform_by_default_and_normalised_to_the_last_bit():
    like = np.zeros(1, dtype=np.float32)
    assert np.array_equal(
        _checks.weights(None, "w", 4, np, like), np.full(4, 0.25, dtype=np.float32)
    )
    w = np.random.default_rng(0).random(1000)
    assert abs(_checks.weights(w / w.sum() * (1 + 5e-7), "w", 1000, np, w).sum() - 1.0) <= 1e-15
    with pytest.raises(DomainError, match=r"w must sum to 1, got 1\.00001"):
        _checks.weights(w / w.sum() * (1 + 1e-5), "w", 1000, np, w)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: _checks.positive(0, "s"), DomainError, "s must be greater than zero, got 0"),
        (lambda: _checks.positive("a", "s"), DomainError, "s must be a number, got 'a'"),
        (lambda: _checks.positive(None, "s"), DomainError, "None"),
        (lambda: _checks.positive(np.inf, "s"), NonFiniteError, "s must be finite, got inf"),
        (lambda: _checks.nonnegative(-1e-300, "s"), DomainError, "s must not be negative"),
        (
            lambda: _checks.positive_integer(0, "n"),
            DomainError,
            "n must be an integer of at least 1, got 0",
        ),
        (lambda: _checks.positive_integer(2.0, "n"), DomainError, "2.0"),
        (lambda: _checks.positive_integer(True, "n"), DomainError, "True"),
        (
            lambda: _checks.choice("a", "o", ("b", "c")),
            OptionError,
            "o must be one of 'b', 'c', got 'a'",
        ),
        (
            lambda: _checks.vector(np.ones(2), "v", 3, np),
            ShapeError,
            r"v must have shape \(3,\), got \(2,\)",
        ),
        (
            lambda: _checks.real_array(np.ones(2, dtype=bool), "v", np),
            BackendError,
            "v must hold real numbers",
        ),
    ],
)
def test_errors_name_the_argument(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_numbers_of_other_kinds_are_accepted():
    assert _checks.positive(np.float32(2), "s") == 2.0
    assert _checks.positive_integer(np.int64(3), "n") == 3
    assert _checks.nonnegative(0, "s") == 0.0


def test_errors_are_of_the_kind_that_a_caller_expects():
    kinds = {
        "ShapeError": ValueError,
        "NonFiniteError": ValueError,
        "DomainError": ValueError,
        "OptionError": ValueError,
        "DataFileError": ValueError,
        "BackendError": TypeError,
        "SingularSystemError": ArithmeticError,
        "CheckpointError": OSError,
    }
    assert set(kinds) == set(errors.__all__) - {"IngdError"}
    for name, builtin in kinds.items():
        assert issubclass(getattr(errors, name), builtin)
        assert issubclass(getattr(errors, name), errors.IngdError)
