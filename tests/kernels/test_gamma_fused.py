"""Compiled functions around the gamma function are the readable ones, in any layout and type."""

import inspect
from collections.abc import Callable
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf

from ingd_ref._special import _compiled, beta, gamma, gamma_increments
from ingd_ref.families import Beta, ChiSquared, Dirichlet, Gamma, InverseGamma, _blocks
from ingd_ref.kernels import _gamma_fused as gamma_fused
from tests.kernels.test_numba_fused import python
from tests.special.test_beta import mean_of
from tests.special.test_gamma import GRID, literal

UNITS = {np.float64: 2.0**-53, np.float32: 2.0**-24}
ONE_NUMBER = [
    "log_minus_digamma",
    "trigamma_excess",
    "stirling_remainder",
    "inverse_log_minus_digamma",
    "inverse_digamma",
]
TWO_NUMBERS = ["digamma_increment", "trigamma_decrement"]
NAMES = [*ONE_NUMBER, *TWO_NUMBERS, "inverse_log_beta_gradient"]
LAYOUTS = {
    "contiguous": lambda x: x,
    "strided": lambda x: np.repeat(x, 3)[::3],
    "reversed": lambda x: x[::-1].copy()[::-1],
    "of rows": lambda x: np.stack([x, x + 1.0], axis=-1)[..., 0],
}


SPECIFICATIONS = vars(gamma) | vars(gamma_increments) | vars(beta)


def readable(name: str, *arrays: np.ndarray) -> np.ndarray:
    return SPECIFICATIONS[name].__wrapped__(np, *arrays)


def fused(name: str, *arrays: np.ndarray) -> np.ndarray:
    return getattr(gamma_fused, name)(*arrays)


def test_every_compiled_function_is_the_twin_of_one_that_calls_it() -> None:
    assert sorted(gamma_fused.__all__) == sorted(NAMES)
    for name in NAMES:
        first, *others = inspect.signature(SPECIFICATIONS[name].__wrapped__).parameters.values()
        assert first.name == "xp"
        assert [p.name for p in others if p.default is p.empty] == list(
            inspect.signature(getattr(gamma_fused, name)).parameters
        )


def test_constants_are_those_of_the_specification() -> None:
    """They are written twice, because the compile cache would not see a change in another file."""
    np.testing.assert_array_equal(gamma_fused.BERNOULLI, gamma.BERNOULLI)
    assert len(gamma.BERNOULLI) == gamma_fused.TERMS
    for name in ("SHIFT", "GAP_STEPS", "DIGAMMA_STEPS"):
        assert getattr(gamma_fused, name) == getattr(gamma, name)


# Powers of ten, or the numbers themselves for a function of the whole line.
FAR = {np.float64: 300.0, np.float32: 30.0}
NEAR = st.floats(-9.0, 12.0)


def drawn(name: str, dtype: type) -> st.SearchStrategy[np.ndarray]:
    if name == "inverse_digamma":
        entries = st.one_of(st.floats(-30.0, 30.0), st.floats(-1e9, 80.0))
    else:
        powers = (
            NEAR
            if name in TWO_NUMBERS
            else st.one_of(NEAR, st.floats(0.9, 1.1), st.floats(-FAR[dtype], FAR[dtype]))
        )
        entries = powers.map(lambda power: 10.0**power)
    return st.lists(entries, min_size=1, max_size=20).map(
        lambda values: np.asarray(values, dtype=dtype)
    )


# Both routes are within 8 u of the truth, the inverses and increments within 12 (tests of
# `special`); the sign of a logarithm's last place is what they differ by. What passes through zero,
# or is added to terms of order one, is compared with those.
@pytest.mark.parametrize("name", [*ONE_NUMBER, *TWO_NUMBERS])
@given(
    data=st.data(),
    layout=st.sampled_from(list(LAYOUTS)),
    dtype=st.sampled_from([np.float64, np.float32]),
)
def test_compiled_is_readable(name: str, data: st.DataObject, layout: str, dtype: type) -> None:
    rows = [data.draw(drawn(name, dtype)) for _ in range(2 if name in TWO_NUMBERS else 1)]
    rows = [row[: min(map(len, rows))] for row in rows]
    expected = readable(name, *rows)
    given_rows = [LAYOUTS[layout](row) for row in rows]
    for row in given_rows:
        row.flags.writeable = False
    value = fused(name, *given_rows)
    assert (value.dtype, value.shape) == (expected.dtype, expected.shape)
    floor = 1.0 if name == "stirling_remainder" else 0.0
    if name == "inverse_digamma":  # the rounding of y moves the root by |y|/(aψ′(a)) units
        slack = np.abs(rows[0]) / (1.0 + readable("trigamma_excess", expected)) + 1.0
        assert np.all(np.abs(value - expected) <= 32 * UNITS[dtype] * slack * expected)
    else:
        assert np.all(
            np.abs(value - expected) <= 24 * UNITS[dtype] * np.maximum(np.abs(expected), floor)
        )


@pytest.mark.parametrize("name", ["log_minus_digamma", "trigamma_excess", "stirling_remainder"])
def test_against_mpmath(name: str) -> None:
    """The bound of the readable functions, 8 u, for the compiled ones by themselves."""
    for a, value in zip(GRID, fused(name, GRID), strict=True):
        truth = literal(name, float(a))
        assert abs(mpf(float(value)) - truth) <= 8 * UNITS[np.float64] * max(
            abs(truth), mpf(name == "stirling_remainder")
        ), (a, value)


@pytest.mark.parametrize(
    ("name", "forward"),
    [("inverse_log_minus_digamma", "log_minus_digamma"), ("inverse_digamma", "digamma")],
)
def test_inverses_reach_their_targets(name: str, forward: str) -> None:
    y = (
        np.logspace(-9, 9, 46)
        if forward == "log_minus_digamma"
        else np.concatenate([np.linspace(-20.0, 18.0, 39), [-1e8, 0.0, -2.22]])
    )
    for value, wanted in zip(fused(name, y), y, strict=True):
        size = abs(wanted) if forward == "log_minus_digamma" else max(1.0, abs(wanted))
        assert (
            abs(literal(forward, float(value)) - mpf(float(wanted)))
            <= 16 * UNITS[np.float64] * size
        ), (value, wanted)


def mean_logarithms(size: int, seed: int) -> np.ndarray:
    """Rows of one size, of sizes within a factor of e⁴ or so, and over sixteen decades."""
    rng = np.random.default_rng(seed)
    scale = 10.0 ** rng.uniform(-8, 8, (20, 1))
    alpha = np.concatenate(
        [scale * np.exp(spread * rng.standard_normal((20, size))) for spread in (0.0, 1.0, 4.0)]
    )
    alpha = np.concatenate([alpha, 10.0 ** rng.uniform(-8, 8, (60, size))])
    mu = beta.log_beta_gradient(np, alpha)
    return mu[beta.mean_log_gap(np, mu) > 0]


@pytest.mark.parametrize("size", [2, 3, 10])
def test_rows_reach_their_targets(size: int) -> None:
    """As the readable function: the residual is 16 u of μ at most; 12 u are seen."""
    mu = mean_logarithms(size, size)
    with mpmath.workdps(120):
        for row, target in zip(fused("inverse_log_beta_gradient", mu), mu, strict=True):
            for reached, m in zip(mean_of(row), target, strict=True):
                assert abs(reached - mpf(float(m))) <= 16 * UNITS[np.float64] * abs(
                    mpf(float(m))
                ), (row, target)


@pytest.mark.parametrize("size", [2, 5])
def test_rows_in_float32_are_those_of_the_same_numbers_in_float64(size: int) -> None:
    mu = mean_logarithms(size, 1).astype(np.float32)
    mu = mu[beta.mean_log_gap(np, mu) > 0]
    alpha = fused("inverse_log_beta_gradient", mu)
    assert alpha.dtype == np.float32
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(
            alpha, fused("inverse_log_beta_gradient", mu.astype(np.float64)).astype(np.float32)
        )


def test_shapes_and_broadcasting() -> None:
    a, b = np.asarray([[1.0], [20.0]]), np.asarray([0.5, 1e-9, 1e9])
    np.testing.assert_array_equal(
        fused("digamma_increment", a, b),
        [[fused("digamma_increment", x, y) for y in b] for x in a[:, 0]],
    )
    assert fused("log_minus_digamma", np.ones((0, 3))).shape == (0, 3)
    mu = mean_logarithms(3, 2)[:24].reshape(2, 4, 3, 3)
    rows = fused("inverse_log_beta_gradient", mu)
    np.testing.assert_array_equal(rows[1, 2], fused("inverse_log_beta_gradient", mu[1, 2]))


@pytest.mark.parametrize("name", ["log_minus_digamma", "trigamma_excess", "stirling_remainder"])
def test_bad_numbers_come_out_as_they_do_of_the_readable_functions(name: str) -> None:
    a = np.asarray([np.nan, 0.0, np.inf])
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(fused(name, a), readable(name, a))


# --- when they are called -------------------------------------------------------------------------


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the twins, in the order in which they are called."""
    seen: list[str] = []

    def watched(name: str, original: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
        return lambda *arrays: seen.append(name) or original(*arrays)

    for name in NAMES:
        monkeypatch.setattr(gamma_fused, name, watched(name, getattr(gamma_fused, name)))
    return seen


def test_large_arrays_of_numpy_and_no_others(
    calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    a = np.full(_compiled.LARGE, 2.0)
    gamma.trigamma_excess(np, a[1:])
    gamma.trigamma_excess(np, a.astype(np.longdouble))
    assert calls == []
    gamma.inverse_digamma(np, a, steps=1)
    assert "inverse_digamma" not in calls
    calls.clear()
    gamma.trigamma_excess(np, a)
    gamma_increments.digamma_increment(np, a, a[:1])
    assert calls == ["trigamma_excess", "digamma_increment"]
    calls.clear()
    monkeypatch.setattr(_compiled, "find_spec", lambda name: None)
    gamma.trigamma_excess(np, a)
    assert calls == []


@pytest.mark.parametrize(
    ("family", "twin"),
    [
        (Gamma(), "inverse_log_minus_digamma"),
        (InverseGamma(), "inverse_log_minus_digamma"),
        (ChiSquared(), "inverse_digamma"),
        (Beta(), "inverse_log_beta_gradient"),
        (Dirichlet(3), "inverse_log_beta_gradient"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_families_gain_and_change_by_rounding_alone(family, twin: str, calls: list[str]) -> None:
    """A large batch and the same members a thousand at a time are both accurate."""
    rng = np.random.default_rng(0)
    theta = family.natural(
        **{
            p.name: 10.0 ** rng.uniform(-2, 3, (_compiled.LARGE, *p.shape))
            for p in family.parameters
        }
    )
    mu = family.mean(theta)
    whole = family.natural_from_mean(mu)
    assert twin in calls
    calls.clear()
    parts = np.concatenate([family.natural_from_mean(part) for part in np.array_split(mu, 9)])
    assert calls == []
    # μ to 10 u of its largest entry, times a condition number of 1e3·log(1e5) at most over these
    # members, doubled for two results
    np.testing.assert_allclose(whole, parts, rtol=3e-11)


@pytest.mark.parametrize("cores", [1, 2, 5])
def test_same_bits_in_blocks_on_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    rng = np.random.default_rng(1)
    families = (Gamma(), Beta(), Dirichlet(3))
    monkeypatch.setattr(_compiled, "LARGE", 8)
    thetas = [
        f.natural(**{p.name: 10.0 ** rng.uniform(-6, 6, (1003, *p.shape)) for p in f.parameters})
        for f in families
    ]
    whole = [
        (f.mean(t), f.natural_from_mean(f.mean(t)), f.fisher(t))
        for f, t in zip(families, thetas, strict=True)
    ]
    monkeypatch.setattr(_blocks, "NUMBERS", 64)
    monkeypatch.setattr(_blocks, "_cores", lambda: cores)
    for family, theta, expected in zip(families, thetas, whole, strict=True):
        for value, other in zip(
            (family.mean(theta), family.natural_from_mean(expected[0]), family.fisher(theta)),
            expected,
            strict=True,
        ):
            np.testing.assert_array_equal(value, other)


# --- in processes of their own --------------------------------------------------------------------


def test_an_edited_callee_is_compiled_anew(tmp_path: Path) -> None:
    copy = tmp_path / "copied_functions.py"
    source = Path(gamma_fused.__file__).read_text(encoding="utf-8")
    code = (
        "import numpy, copied_functions; "
        "print(copied_functions.trigamma_excess(numpy.asarray([20.0])).item())"
    )
    copy.write_text(source, encoding="utf-8")
    before = float(python(code, tmp_path))
    assert before == fused("trigamma_excess", np.asarray([20.0])).item()
    edited = source.replace(
        "return total + a * inverse *", "return 2.0 * total + 2.0 * a * inverse *"
    )
    assert edited != source
    copy.write_text(edited, encoding="utf-8")
    assert float(python(code, tmp_path)) == 2.0 * before


def test_no_index_is_out_of_bounds(tmp_path: Path) -> None:
    """Compiled code does not check its indices; the same code interpreted does."""
    code = """
import numpy as np
from ingd_ref._special.beta import log_beta_gradient
from ingd_ref.kernels import _gamma_fused as gamma_fused
for size in (2, 3, 7):
    alpha = 10.0 ** np.random.default_rng(size).uniform(-3, 3, (5, size))
    found = gamma_fused.inverse_log_beta_gradient(log_beta_gradient(np, alpha))
    np.testing.assert_allclose(found, alpha, rtol=1e-9)
for name in (
    "log_minus_digamma",
    "trigamma_excess",
    "stirling_remainder",
    "inverse_log_minus_digamma",
    "inverse_digamma",
):
    assert np.all(np.isfinite(getattr(gamma_fused, name)(np.asarray([0.1, 3.0, 30.0]))))
assert gamma_fused.digamma_increment(np.ones(2), np.ones(2)).tolist() == [1.0, 1.0]
assert gamma_fused.trigamma_decrement(np.ones(2), np.ones(2)).tolist() == [1.0, 1.0]
print("done")
"""
    assert python(code, tmp_path, NUMBA_DISABLE_JIT="1").strip() == "done"
