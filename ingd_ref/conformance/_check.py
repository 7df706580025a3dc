"""Run the laws and the reference vectors, and report what holds and where it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ingd_ref import _checks
from ingd_ref.conformance._adapter import Unsupported, guarded, support
from ingd_ref.conformance._build import build
from ingd_ref.conformance._law import Law, LawViolation, Solver
from ingd_ref.conformance._laws import LAWS
from ingd_ref.conformance._problem import Problem
from ingd_ref.conformance._problems import SIZES, Options, common, plan, smaller
from ingd_ref.conformance._rounding import IllConditioned
from ingd_ref.conformance._vectors import ReferenceVector, reference_vectors

__all__ = ["Report", "Verdict", "check_velocity", "parametrize_with_laws"]

PROBLEMS = 3
VECTOR = "vector:"

HOLDS, BROKEN, EXPECTED, REPAIRED, UNTESTED = (
    "holds",
    "broken",
    "expected failure",
    "holds unexpectedly",
    "not tested",
)


@dataclass(frozen=True)
class Verdict:
    """The outcome for one law or reference vector.

    Attributes
    ----------
    name : str
        Of the law, or ``"vector:NAME"``.
    statement : str
        What should hold.
    outcome : {"holds", "broken", "expected failure", "holds unexpectedly", "not tested"}
        Not tested: the implementation does not support what the law needs, or rounding would
        decide.
    message : str
        What was wrong, or why it was not tested.
    problem : dict
        Options of :func:`build` that make the smallest problem found on which it fails; empty if
        none.
    tried : int
        Number of problems on which it was tested.
    """

    name: str
    statement: str
    outcome: str
    message: str = ""
    problem: Options = field(default_factory=dict)
    tried: int = 0

    @property
    def passed(self) -> bool:
        """Whether the law holds, is not tested, or is broken as expected."""
        return self.outcome not in (BROKEN, REPAIRED)


@dataclass(frozen=True)
class Report:
    """The verdicts about an implementation."""

    verdicts: tuple[Verdict, ...]

    @property
    def passed(self) -> bool:
        """Whether something was tested, and everything holds but the expected failures."""
        tested = any(verdict.outcome != UNTESTED for verdict in self.verdicts)
        return tested and all(verdict.passed for verdict in self.verdicts)

    def __str__(self) -> str:
        lines = []
        for verdict in self.verdicts:
            if verdict.passed:
                continue
            lines.append(f"{verdict.name}: {verdict.outcome}. {verdict.statement}")
            lines += [f"    {verdict.message}"] if verdict.message else []
            lines += (
                [f"    smallest problem found: build({_arguments(verdict.problem)})"]
                if verdict.problem
                else []
            )
        if all(verdict.outcome == UNTESTED for verdict in self.verdicts):
            reasons = sorted({verdict.message for verdict in self.verdicts})
            why = "; ".join(reasons) or "no law and no reference vector was requested"
            lines.append(f"nothing was tested: {why}")
        counts = {
            outcome: sum(verdict.outcome == outcome for verdict in self.verdicts)
            for outcome in (HOLDS, BROKEN, EXPECTED, REPAIRED, UNTESTED)
        }
        return "\n".join(
            [
                *lines,
                ", ".join(f"{number} {outcome}" for outcome, number in counts.items() if number),
            ]
        )


def check_velocity(
    adapter: Callable[[Problem], Any],
    expected_failures: Mapping[str, str] | None = None,
    laws: Sequence[str] | None = None,
    problems: int = PROBLEMS,
    vectors: bool = True,
    observer: Callable[[Verdict], None] | None = None,
) -> Report:
    """Test an implementation of the velocity (K1)-(K7) against laws and vectors.

    Parameters
    ----------
    adapter : callable
        Maps a :class:`Problem` to the velocities (n, d) of its particles, or to an object or
        mapping with ``velocity`` and any of ``field``, ``coefficients``, ``fisher``, ``gram``,
        ``delta``, ``moment_rate``. Laws about what is missing are not tested. It may raise
        :class:`Unsupported`, or declare by the decorator :func:`adapter` what it supports; kernels
        and features of your own are tested if they are declared there.
    expected_failures : mapping of str to str, optional
        Names of laws, or ``"vector:NAME"``, that are known to fail, each with the reason. One that
        holds counts as a failure, so that the list stays true.
    laws : sequence of str, optional
        Which laws. Default: all.
    problems : int
        Problems drawn for each law and each kernel, in addition to as many of the eight corners.
        Default 3.
    vectors : bool
        Whether to compare with the reference vectors. Default ``True``.
    observer : callable, optional
        Called with each verdict as soon as it is known.

    Returns
    -------
    Report
        ``print(report)`` names what is broken, with the smallest problem that was found.

    Raises
    ------
    OptionError
        If a law is unknown.
    DomainError
        If ``problems`` is not a positive integer.

    Examples
    --------
    >>> from ingd_ref.conformance import check_velocity, package_velocity
    >>> def halved(problem):
    ...     return 0.5 * package_velocity()(problem).velocity
    >>> laws = ["particle_permutation", "linear_statistics_in_a_flat_kernel"]
    >>> report = check_velocity(halved, laws=laws, vectors=False)
    >>> [verdict.outcome for verdict in report.verdicts]
    ['holds', 'broken']
    """
    problems = _checks.positive_integer(problems, "problems")
    chosen = tuple(LAWS) if laws is None else tuple(laws)
    for name in chosen:
        _checks.choice(name, "laws", tuple(LAWS))
    stored = reference_vectors() if vectors else ()
    expected = dict(expected_failures or {})
    for name in expected:
        _checks.choice(
            name, "expected_failures", (*LAWS, *(VECTOR + vector.name for vector in stored))
        )
    verdicts = []
    for test in [
        *(_law_check(LAWS[name], adapter, problems) for name in chosen),
        *(_vector_check(vector, adapter) for vector in stored),
    ]:
        verdicts.append(_as_expected(test(), expected))
        if observer is not None:
            observer(verdicts[-1])
    return Report(tuple(verdicts))


def parametrize_with_laws(
    adapter: Callable[[Problem], Any],
    expected_failures: Mapping[str, str] | None = None,
    problems: int = PROBLEMS,
) -> Any:
    """Decorate a test function with one case for each law and reference vector.

    Parameters
    ----------
    adapter, expected_failures, problems
        As for :func:`check_velocity`. Expected failures become strict xfail marks, and what cannot
        be tested is skipped.

    Returns
    -------
    pytest.MarkDecorator
        For a test function that calls its argument ``check``.

    Examples
    --------
    In a test module::

        @parametrize_with_laws(my_adapter)
        def test_velocity_conforms(check):
            check()
    """
    import pytest

    expected = dict(expected_failures or {})
    named = [(name, _law_check(LAWS[name], adapter, problems)) for name in LAWS]
    named += [
        (VECTOR + vector.name, _vector_check(vector, adapter)) for vector in reference_vectors()
    ]

    def check(test: Callable[[], Verdict]) -> Callable[[], None]:
        def run() -> None:
            verdict = test()
            if verdict.outcome == UNTESTED:
                pytest.skip(verdict.message)
            assert verdict.passed, str(Report((verdict,)))

        return run

    def marks(name: str) -> tuple[Any, ...]:
        # Strict, so that a law which holds again fails until it is removed from the list.
        return (pytest.mark.xfail(reason=expected[name], strict=True),) if name in expected else ()

    return pytest.mark.parametrize(
        "check", [pytest.param(check(test), id=name, marks=marks(name)) for name, test in named]
    )


def _law_check(law: Law, adapter: Callable[[Problem], Any], problems: int) -> Callable[[], Verdict]:
    return lambda: _test_law(law, adapter, problems)


def _test_law(law: Law, adapter: Callable[[Problem], Any], problems: int) -> Verdict:
    """Try a law on its planned problems, up to the first that breaks it."""
    verdict = partial(Verdict, law.name, law.statement)
    domain = common(law.domain, support(adapter))
    if domain is None:
        return verdict(UNTESTED, "it is about problems that the implementation does not support")
    solve, tried, reason = guarded(adapter), 0, ""
    for options in plan(domain, law.name, max(int(problems / law.cost), 1)):
        outcome, message = _try(law, solve, options)
        if outcome == BROKEN:
            smallest = smaller(options, domain, lambda other: _try(law, solve, other)[0] == BROKEN)
            return verdict(BROKEN, _try(law, solve, smallest)[1], smallest, tried + 1)
        tried += outcome == HOLDS
        reason = reason or message
    return verdict(HOLDS, tried=tried) if tried else verdict(UNTESTED, reason)


def _try(law: Law, solve: Solver, options: Options) -> tuple[str, str]:
    """Test a law on one problem."""
    try:
        law.check(solve, build(**options))
    except IllConditioned:
        return UNTESTED, "rounding would decide"
    except Unsupported as missing:
        return UNTESTED, str(missing)
    except LawViolation as violation:
        return BROKEN, str(violation)
    except Exception as error:  # any exception of the implementation is its failure
        return BROKEN, f"raised {type(error).__name__}: {error}"
    return HOLDS, ""


def _vector_check(
    vector: ReferenceVector, adapter: Callable[[Problem], Any]
) -> Callable[[], Verdict]:
    def test() -> Verdict:
        verdict = partial(Verdict, VECTOR + vector.name, "The stored result is reproduced.")
        try:
            compared = vector.compare(guarded(adapter)(vector.problem))
        except Unsupported as missing:
            return verdict(UNTESTED, str(missing))
        except LawViolation as violation:
            return verdict(BROKEN, str(violation), tried=1)
        except Exception as error:  # as above
            return verdict(BROKEN, f"raised {type(error).__name__}: {error}", tried=1)
        return verdict(HOLDS, f"compared: {', '.join(compared)}", tried=1)

    return test


def _as_expected(verdict: Verdict, expected: Mapping[str, str]) -> Verdict:
    """Change the verdict on what was expected to fail."""
    if verdict.name not in expected or verdict.outcome == UNTESTED:
        return verdict
    outcome = EXPECTED if verdict.outcome == BROKEN else REPAIRED
    message = (
        f"{expected[verdict.name]} ({verdict.message})"
        if outcome == EXPECTED
        else "remove it from the list of expected failures"
    )
    return Verdict(
        verdict.name, verdict.statement, outcome, message, verdict.problem, verdict.tried
    )


def _arguments(options: Options) -> str:
    ordered = {name: options[name] for name in (*SIZES, *options) if name in options}
    return ", ".join(
        f"{name}={value.__name__ if isinstance(value, type) else repr(value)}"
        for name, value in ordered.items()
    )
